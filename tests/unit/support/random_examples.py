# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many random examples are drawn.

The short version draws the same examples each time, the long one (``M365_LONG=1``) new ones and many more.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings

LONG = os.environ.get("M365_LONG") == "1"
LONGER = 20
"""So many times the examples of the short version."""

Test = TypeVar("Test", bound=Callable[..., Any])


def examples(short: int) -> Callable[[Test], Test]:
    """So many examples in the short version."""
    chosen: Callable[[Test], Test] = settings(
        max_examples=short * LONGER if LONG else short,
        derandomize=not LONG,
        # what a derandomized run found is found by the next one, too
        database=settings().database if LONG else None,
        print_blob=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    return chosen
