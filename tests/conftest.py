# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random examples are the same in every run of ``make test``, and new ones in each run of ``make test-long``.

``make check`` draws fewer. No example has a deadline, because its time depends on the machine more than on the code.
"""

from __future__ import annotations

import gc
import os

from hypothesis import settings

settings.register_profile("short", derandomize=True, deadline=None)
settings.register_profile("long", deadline=None)
settings.register_profile("fast", derandomize=True, deadline=None, max_examples=25)
if os.environ.get("M365_LONG") == "1":
    settings.load_profile("long")
else:
    settings.load_profile("fast" if os.environ.get("FAST_TESTS") == "1" else "short")


def pytest_collection_finish() -> None:
    """Exclude imported and collected objects from garbage collection, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
