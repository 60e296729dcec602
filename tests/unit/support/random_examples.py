# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many random examples a test draws, and how many cases an exhaustive one tries.

``make test`` draws the same examples each time, ``make test-long`` (``M365_LONG=1``) new ones and many more.
``make check`` (``FAST_TESTS=1``) draws a quarter of them, and a sample of the cases of an exhaustive test.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings

LONG = os.environ.get("M365_LONG") == "1"
FAST = os.environ.get("FAST_TESTS") == "1" and not LONG
LONGER = 20
"""The examples of ``make test-long`` as a multiple of those of ``make test``."""
SAMPLE = 10
"""``make check`` tries one case of this many."""

Test = TypeVar("Test", bound=Callable[..., Any])


def examples(short: int) -> Callable[[Test], Test]:
    """Draw this many examples in ``make test``."""
    number = short * LONGER if LONG else max(5, short // 4) if FAST else short
    chosen: Callable[[Test], Test] = settings(
        max_examples=number,
        derandomize=not LONG,
        # a derandomized run finds the same again
        database=settings().database if LONG else None,
        print_blob=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    return chosen


def cases(every: Iterable[str]) -> list[str]:
    """Return all cases in their order, or the sample of ``make check``, which is the same each time."""
    found = sorted(every)
    return random.Random(len(found)).sample(found, -(-len(found) // SAMPLE)) if FAST else found
