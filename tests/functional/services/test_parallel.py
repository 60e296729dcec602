# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests go at once: more while all goes well, fewer when a service throttles, and never none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._http.interrupt import Stop
from ansible_collections.m365.licensing.plugins.module_utils._http.workers import Workers
from hypothesis import given
from hypothesis import strategies as st

from tests.functional.support.service_clients import clients
from tests.simulator.launch import Tenant, running

SECONDS = 20.0


class Crowd:
    """Counts how many are at work at once; each stays until ``size`` are there, or for a moment only."""

    def __init__(self, after: Callable[[], object] = lambda: None) -> None:
        self.most = self._now = 0
        self._lock = threading.Lock()
        self._after = after

    def work(self, item: int, others: threading.Barrier | None = None) -> int:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        if others:
            others.wait(SECONDS)
        with self._lock:
            self._now -= 1
        self._after()
        return item * 2


@pytest.mark.parametrize("concurrency", [2, 4])
def test_as_many_as_are_asked_for_work_at_once(concurrency: int) -> None:
    crowd, barrier = Crowd(), threading.Barrier(concurrency)
    found = Workers(concurrency, Stop()).apply(lambda item: crowd.work(item, barrier), range(concurrency * 5))
    assert found == [2 * item for item in range(concurrency * 5)]
    assert crowd.most == concurrency


def test_more_work_at_once_when_all_went_well() -> None:
    workers = Workers(2, Stop())
    for _unused in range(100):
        workers.record_response(throttled=False)
    crowd, barrier = Crowd(), threading.Barrier(4)
    workers.apply(lambda item: crowd.work(item, barrier), range(40))
    assert crowd.most == 4, "twice as many, and not more"


def test_one_works_where_much_was_throttled() -> None:
    workers = Workers(4, Stop())
    for _unused in range(10):
        workers.record_response(throttled=True)
    crowd = Crowd()
    assert workers.apply(crowd.work, range(50)) == [2 * item for item in range(50)]
    assert crowd.most == 1


def test_who_is_at_work_when_a_service_throttles_leaves() -> None:
    workers = Workers(4, Stop())
    crowd = Crowd(lambda: workers.record_response(throttled=True))
    first = threading.Barrier(4)
    found = workers.apply(lambda item: crowd.work(item, first if item < 4 else None), range(100))
    assert found == [2 * item for item in range(100)]
    assert (crowd.most, workers.open) == (4, 1)


def test_they_come_back_when_it_goes_well_again() -> None:
    workers = Workers(4, Stop())
    for _unused in range(3):
        workers.record_response(throttled=True)
    crowd = Crowd(lambda: workers.record_response(throttled=False))
    workers.apply(crowd.work, range(200))
    assert workers.open == 8


@given(concurrency=st.integers(1, 32), told=st.lists(st.booleans(), max_size=300))
def test_never_none_and_never_more_than_twice(concurrency: int, told: list[bool]) -> None:
    workers = Workers(concurrency, Stop())
    most = 2 * concurrency if concurrency > 1 else 1
    for throttled in told:
        before = workers.open
        workers.record_response(throttled=throttled)
        assert 1 <= workers.open <= most
        assert workers.open <= before if throttled else workers.open >= before


def test_work_within_work() -> None:
    workers = Workers(2, Stop())
    for _unused in range(5):
        workers.record_response(throttled=True)
    assert workers.apply(lambda item: sum(workers.apply(lambda other: other + item, range(5))), range(5)) == [
        10 + 5 * item for item in range(5)
    ]


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    with running(40, 4) as found:
        yield found


@pytest.mark.parametrize("status", [429, 503])
def test_a_throttled_request_makes_room(tenant: Tenant, status: int) -> None:
    tenant.set_faults({"service": "graph", "path": "/v1.0/users", "status": status, "headers": {"Retry-After": "0"}})
    with clients(tenant) as made:
        made.graph.users()
        assert made.http.workers.open == 3


def test_a_throttled_part_makes_room(tenant: Tenant) -> None:
    with clients(tenant) as made:
        ids = list(tenant.world.users)[:20]
        part = {"service": "graph", "part": True, "path": "/users", "status": 429, "headers": {"Retry-After": "0"}}
        tenant.set_faults(part)
        assert len(made.graph.users_by_id(ids)) == 20
        assert made.http.workers.open == 3


def test_a_batch_with_throttled_parts_is_no_good_one_as_well(tenant: Tenant) -> None:
    """One more good answer would have made room for another."""
    with clients(tenant) as made:
        ids = list(tenant.world.users)[:20]
        made.graph.users_by_id(ids)  # has a token now
        while made.http.workers.open == 4:
            made.http.workers.record_response(throttled=False)
        for _unused in range(2 * made.http.workers.open - 1):
            made.http.workers.record_response(throttled=False)
        part = {"service": "graph", "part": True, "path": "/users", "status": 429, "headers": {"Retry-After": "0"}}
        tenant.set_faults(part)
        made.graph.users_by_id(ids)
        assert made.http.workers.open == 4


@pytest.mark.parametrize("part", [True, False])
def test_a_busy_part_makes_room_as_a_busy_batch_does(tenant: Tenant, part: bool) -> None:
    path = "/users" if part else "$batch"
    tenant.set_faults({"service": "graph", "part": part, "path": path, "status": 503, "headers": {"Retry-After": "0"}})
    with clients(tenant) as made:
        made.graph.users_by_id(list(tenant.world.users)[:20])
        assert made.http.workers.open == 3


def test_only_the_first_sign_of_others_closes_a_slot(tenant: Tenant) -> None:
    """The service says how much of its quota is spent, before it refuses anything."""
    tenant.world.switches.write_quota = 44
    with clients(tenant) as made:
        for spent in (20, 40, 41, 42):
            batch = list(tenant.world.users)[: 20 if spent <= 40 else 1]
            made.graph.batch([Graph.usage_location_part(user, "FR") for user in batch], idempotent=True)
            assert made.http.workers.open == (4 if spent == 20 else 3)
