# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as results carry them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import format_time

from tests.unit.support.sample_tenant import NOW


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (None, None),
        (NOW, "2026-06-15T12:00:00Z"),
        (datetime(2026, 6, 15, 14, 0, 0, 999, tzinfo=timezone(timedelta(hours=2))), "2026-06-15T12:00:00Z"),
    ],
)
def test_times_are_utc(at: datetime | None, text: str | None) -> None:
    assert format_time(at) == text
