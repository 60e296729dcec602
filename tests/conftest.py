# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random examples are the same in every run of ``make test``, and new ones in each of ``make test-long``.

None has a deadline: how long one takes says more of the machine than of the code.
"""

from __future__ import annotations

import gc
import os

from hypothesis import settings

settings.register_profile("short", derandomize=True, deadline=None)
settings.register_profile("long", deadline=None)
settings.load_profile("long" if os.environ.get("M365_LONG") == "1" else "short")


def pytest_collection_finish() -> None:
    """Keep what was imported and collected out of garbage collection, and look for new garbage less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
