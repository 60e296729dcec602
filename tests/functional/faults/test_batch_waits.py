# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a part of a batch may be tried, and what its waits count as."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.support.batches import batches, one_by_one, part_fault, reads, writes
from tests.functional.support.scripted_server import Clock
from tests.functional.support.service_clients import Clients
from tests.simulator.launch import Tenant, running


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=120, at_risk=0) as tenant:
        yield tenant


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(tenant: Tenant, clock: Clock) -> Iterator[Clients]:
    with one_by_one(tenant, clock) as found:
        yield found


@pytest.mark.parametrize("status", [409, 503])
def test_a_part_has_all_of_its_time_also_where_many_go_before_it(
    tenant: Tenant, made: Clients, clock: Clock, status: int
) -> None:
    def take_long(_phase: str, _done: int, _total: int | None) -> None:
        clock.now += 100.0

    made.http.progress = take_long
    parts = writes(tenant, 100)
    tenant.set_faults(part_fault(parts[0], status=status, times=2))
    found = made.graph.batch(parts, idempotent=False)
    assert all(answer.ok for answer in found)
    assert batches(tenant)[-2:] == [[parts[0].url]] * 2


def test_the_time_that_is_waited_now_counts(tenant: Tenant, made: Clients, clock: Clock) -> None:
    told = []

    def sleep(seconds: float) -> None:
        told.append(made.http.throttled_seconds)
        clock.sleep(seconds / 2)
        told.append(made.http.throttled_seconds)
        clock.sleep(seconds / 2)

    made.http.backoff.sleep = sleep
    parts = reads(tenant, 1)
    tenant.set_faults(part_fault(parts[0], status=429, headers={"Retry-After": "30"}))
    assert all(answer.ok for answer in made.graph.batch(parts, idempotent=True))
    assert told == [0.0, 15.0]
    assert made.http.throttled_seconds == 30.0
