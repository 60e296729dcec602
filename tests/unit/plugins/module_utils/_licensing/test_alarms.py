# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Within so many days is one thing: for the days of a row, its severity, the rows that are returned, and the alarm."""

from __future__ import annotations

from datetime import timedelta

from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import AuditOptions, _is_due
from ansible_collections.m365.licensing.plugins.module_utils._licensing.alarms import is_within
from ansible_collections.m365.licensing.plugins.module_utils._licensing.deadlines import days_until, severity_of
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Deadline
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support.sample_tenant import NOW, finding, user

MICROSECONDS = st.one_of(
    st.integers(-(10**13), 10**13),
    # around whole days
    st.builds(lambda days, off: days * 86_400_000_000 + off, st.integers(-40, 40), st.integers(-2, 2)),
)


@given(MICROSECONDS, st.integers(0, 60), st.sampled_from(["no_license", "license_removed", "license_suspended"]))
def test_within_so_many_days_is_one_thing(left: int, days: int, reason: str) -> None:
    """It is so many times 24 hours, to the microsecond."""
    at = NOW + timedelta(microseconds=left)
    remaining = days_until(Deadline(at, "pending_delicense", "exact"), NOW)
    assert remaining is not None
    assert (remaining <= days) is (at <= NOW + timedelta(days=days))
    assert (remaining < 0) is (at < NOW)
    assert (remaining == 0) is (at == NOW)
    severity = severity_of(reason, remaining)
    assert (severity in ("critical", "overdue")) is (at <= NOW + timedelta(days=7))
    row = finding(user("anna"), days=1)._replace(deadline=Deadline(at), days_remaining=remaining, severity=severity)
    assert is_within(row, days) is (at <= NOW + timedelta(days=days))
    assert _is_due(row, AuditOptions(due_within_days=days)) is (at <= NOW + timedelta(days=days))
