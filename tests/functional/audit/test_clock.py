# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wrong clock of the controller: a warning reports it, and no deadline is calculated with it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit, AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._http.client import _asked_seconds
from ansible_collections.m365.licensing.plugins.module_utils._http.messages import LONGEST_WAIT, YEARS, WallClock
from hypothesis import given
from hypothesis import strategies as st

from tests.functional.support.scripted_server import JSON, Reply, service_for, serving
from tests.functional.support.service_clients import clients
from tests.simulator.launch import Tenant, running

NOON = 1_800_000_000.0
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("date", "error"),
    [
        (formatdate(NOON, usegmt=True), timedelta(0)),
        (formatdate(NOON + 30, usegmt=True), timedelta(0)),  # the way of an answer, and no wrong clock
        (formatdate(NOON + 3600, usegmt=True), HOUR),
        (formatdate(NOON - 86400 * 400, usegmt=True), timedelta(days=-400)),
        ("", timedelta(0)),
        ("yesterday", timedelta(0)),
        ("Mon, 01 Jan 99999 00:00:00 GMT", timedelta(0)),
    ],
)
def test_the_time_is_the_services_where_ours_is_wrong(tmp_path: Path, date: str, error: timedelta) -> None:
    with serving([Reply(200, b"{}", JSON | {"Date": date})] * 2, tmp_path) as server:
        service = service_for(server)
        service.client.wall.read = lambda: NOON
        service.request("GET", "/x", idempotent=True)
    client = service.client
    assert client.wall.now() == datetime.fromtimestamp(NOON, timezone.utc) + error
    assert client.wall.wrong is (error != timedelta(0))


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=60, at_risk=12, seed=5) as made:
        yield made


def look(tenant: Tenant, ahead: timedelta, now: datetime | None = None) -> Audit:
    """An audit by a machine whose clock is ahead of the tenant's."""
    with clients(tenant) as made:
        made.http.wall.read = lambda: time.time() + ahead.total_seconds()
        return audit(made.graph, made.exchange, AuditOptions(now=now, shared_mailbox_sizes="never"))


@pytest.mark.parametrize("ahead", [timedelta(days=20), timedelta(days=-400), timedelta(minutes=5)])
def test_deadlines_follow_the_clock_of_the_services(tenant: Tenant, ahead: timedelta) -> None:
    right, wrong = look(tenant, timedelta(0)), look(tenant, ahead)
    assert [(row.user_id, row.days_remaining, row.severity) for row in wrong.findings] == [
        (row.user_id, row.days_remaining, row.severity) for row in right.findings
    ]
    assert not [text for text in right.warnings if "clock" in text]
    assert len([text for text in wrong.warnings if "The clock of this machine differs" in text]) == 1
    assert abs(wrong.now - tenant.world.now()) < timedelta(minutes=1)


def test_a_time_that_was_given_is_that_time(tenant: Tenant) -> None:
    moment = datetime(2030, 1, 1, tzinfo=timezone.utc)
    found = look(tenant, timedelta(days=20), moment)
    assert found.now == moment
    assert not [text for text in found.warnings if "The clock of this machine" in text]


ABSURD = [
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Mon, 01 Jan 99999 00:00:00 GMT",
    "Mon, 1 Jan 2026 00:00:00 -9999999999999999999999",
    "Mon, 1 Jan 2026 99:99:99 GMT",
    "Tue, 99 Foo 2026 00:00:00 GMT",
    "1" * 400,
    "\x00",
]
HEADER = st.text(max_size=40) | st.from_regex(
    r"\A(Mon|Sun), [0-9]{1,4} (Jan|Dec|Foo) -?[0-9]{1,12} [0-9]{1,3}:[0-9]{1,3}:[0-9]{1,3} (GMT|[+-][0-9]{1,30})\Z"
)


@pytest.mark.parametrize("date", ABSURD)
def test_an_absurd_date_is_ignored(date: str) -> None:
    clock = WallClock(lambda: 1_790_000_000.0)
    clock.compare(date)
    assert clock.error is None
    assert clock.now() == datetime.fromtimestamp(1_790_000_000, timezone.utc)


@given(HEADER)
def test_no_date_breaks_the_clock(date: str) -> None:
    clock = WallClock(lambda: 1_790_000_000.0)
    clock.compare(date)
    assert clock.now().year in YEARS


@given(HEADER | st.from_regex(r"\A[0-9]{1,400}\Z") | st.from_regex(r"\A[-+.einfa0-9]{1,12}\Z"), HEADER)
def test_no_retry_after_breaks_the_waiting(value: str, date: str) -> None:
    seconds = _asked_seconds({"retry-after": value, "date": date})
    assert seconds is None or 0 <= seconds <= LONGEST_WAIT
