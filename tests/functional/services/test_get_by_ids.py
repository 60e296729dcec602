# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many users by id: a thousand in a request where that works, and in another way where it does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.support.assign_harness import Harness, empty_tenant, statuses
from tests.functional.support.batches import one_by_one
from tests.functional.support.scripted_server import Clock
from tests.functional.support.service_clients import Clients, clients
from tests.simulator.launch import Tenant, running
from tests.simulator.state import Json
from tests.simulator.switches import Switches

PATH = "/v1.0/directoryObjects/getByIds"
NOBODY = "ffffffff-ffff-ffff-ffff-ffffffffffff"


@pytest.fixture(scope="module")
def large_tenant() -> Iterator[Tenant]:
    with running(1_050, 12) as tenant:
        yield tenant


@pytest.fixture
def tenant(large_tenant: Tenant) -> Tenant:
    """The tenant as it was first."""
    large_tenant.world.switches = Switches()
    large_tenant.clear_faults()
    large_tenant.clear_requests()
    return large_tenant


@pytest.fixture
def made(tenant: Tenant) -> Iterator[Clients]:
    with clients(tenant, retry_seconds=0.5) as found:
        yield found


def sent(tenant: Tenant) -> list[Json]:
    """The requests to Graph."""
    return [entry for entry in tenant.requests() if entry["service"] == "graph"]


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("answer", ["allowed", "403", "stateless"])
def test_all_users_by_id_whatever_their_number(tenant: Tenant, concurrency: int, answer: str) -> None:
    """1,000 in one request, or else 300, as is found out once."""
    ids = list(tenant.world.users)
    tenant.world.switches.get_by_ids = answer
    with clients(tenant, concurrency=concurrency) as made:
        expected = {user.id: user for user in made.graph.users()}
        assert list(expected) == ids
        tenant.clear_requests()
        for first in (True, False):
            assert made.graph.users_by_id([*ids, NOBODY]) == expected
            # who is nobody is asked for again: that getByIds leaves somebody out says nothing
            by_ids, in_batches = -(-(len(ids) + 1) // 1000) + 1, -(-(len(ids) + 1) // 300)
            assert len(sent(tenant)) == (by_ids if answer == "allowed" else in_batches + first)
            tenant.clear_requests()


def test_the_progress_is_of_all_ids(tenant: Tenant, made: Clients) -> None:
    told: list[tuple[str, int, int | None]] = []
    made.http.progress = lambda *step: told.append(step)
    ids = list(tenant.world.users)
    made.graph.users_by_id(ids)
    assert told == [(PATH, 1000, len(ids)), (PATH, len(ids), len(ids))]


def test_users_missing_from_get_by_ids_are_read_again(tenant: Tenant, made: Clients) -> None:
    ids = list(tenant.world.users)
    tenant.set_faults({"path": PATH, "status": 200, "body": {"value": []}, "times": None})
    assert list(made.graph.users_by_id(ids)) == ids


@pytest.mark.parametrize("missing", ["department", "assignedPlans", "licenseAssignmentStates", "userType"])
def test_an_answer_without_a_property_is_none(tenant: Tenant, made: Clients, missing: str) -> None:
    """Else a rule that asks for a department would find that nobody has one."""
    elements = list(made.graph.user_elements())
    body = {"value": [{name: value for name, value in user.items() if name != missing} for user in elements]}
    tenant.set_faults({"path": PATH, "status": 200, "body": body, "times": None})
    assert made.graph.users_by_id([user["id"] for user in elements]) == {user.id: user for user in made.graph.users()}


def test_plans_without_a_license_are_no_answer(tenant: Tenant, made: Clients) -> None:
    elements = list(made.graph.user_elements())
    body = {"value": [{**user, "licenseAssignmentStates": []} for user in elements]}
    tenant.set_faults({"path": PATH, "status": 200, "body": body, "times": None})
    assert made.graph.users_by_id([user["id"] for user in elements]) == {user.id: user for user in made.graph.users()}


@pytest.mark.parametrize("status", [400, 403, 404, 503])
def test_users_are_read_in_batches_if_get_by_ids_is_refused(tenant: Tenant, made: Clients, status: int) -> None:
    ids = list(tenant.world.users)
    tenant.set_faults({"path": PATH, "status": status, "times": None})
    assert list(made.graph.users_by_id(ids)) == ids
    assert list(made.graph.users_by_id(ids)) == ids
    assert [entry["path"] for entry in sent(tenant)].count(PATH) == 1


@pytest.mark.parametrize(("refused", "again"), [({"status": 403}, 1), ({"status": 200, "body": {"value": [{}]}}, 4)])
def test_what_was_read_before_a_refusal_is_not_read_again(
    tenant: Tenant, made: Clients, refused: Json, again: int
) -> None:
    """But what was read before an answer that is none is: it may lack something, too."""
    made.http.progress = lambda *_step: tenant.set_faults({"path": PATH, "times": None, **refused})
    ids = list(tenant.world.users)
    assert list(made.graph.users_by_id(ids)) == ids
    assert [entry["path"] for entry in sent(tenant)].count(PATH) == 2
    assert len(sent(tenant)) == 2 + again


@pytest.mark.parametrize("status", [429, 503])
def test_get_by_ids_is_not_waited_for_where_there_is_another_way(tenant: Tenant, status: int) -> None:
    clock = Clock()
    ids = list(tenant.world.users)
    tenant.set_faults({"path": PATH, "status": status, "times": None})
    with one_by_one(tenant, clock) as made:
        assert list(made.graph.users_by_id(ids)) == ids
    assert sum(clock.waits) <= 10.0


@pytest.mark.parametrize("answer", ["allowed", "403", "stateless"])
def test_many_are_licensed_and_read_back_whatever_it_answers(answer: str) -> None:
    with empty_tenant() as served:
        env = Harness(served)
        env.world.switches.get_by_ids = answer
        people = env.people(610)
        env.seats("SPE_E3", 610)
        result = env.run(people, "SPE_E3")
        assert statuses(result) == {"changed": 610}
        assert {row["confirmation"] for row in result["users"]} == {"confirmed"}
        assert any(entry["path"] == PATH for entry in served.requests()), "the position makes a difference"
        assert env.run(people, "SPE_E3")["changed"] is False
