# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A write that goes wrong: who was licensed and who was not, what a next run does, and no try has another effect."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.functional.support.assign_harness import Harness, statuses
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

WISH = {"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]}
LICENSED = {"SPE_E3": ["YAMMER_ENTERPRISE"]}


@pytest.fixture
def env(tenant: Tenant) -> Harness:
    tenant.clear_faults()
    return Harness(tenant, concurrency=1)


def effects(env: Harness) -> dict[str, set[str]]:
    """The different things that were asked for each user, by the tenant's log."""
    found: dict[str, set[str]] = {}
    for entry in env.tenant.requests():
        for part in entry.get("parts", ()):
            if part["url"].endswith("/assignLicense"):
                found.setdefault(part["url"], set()).add(json.dumps(part["body"], sort_keys=True))
    return found


# a write whose answer says nothing ------------------------------------------------------------------------------------

WHOLE = (
    "drop",
    "lost_answer",
    "reset_head",
    "reset_body",
    "truncate",
    "cut_character",
    "cut_gzip",
    "html",
    "empty",
    "shuffled_parts",
    "missing_part",
    "duplicate_part",
    "redirect",
    "expired_token",
    "late_status",
)


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("kind", WHOLE)
def test_a_retried_write_never_has_another_effect(env: Harness, kind: str, lag: int) -> None:
    """A swap: sent twice it would be refused, and two halves of it would be two licenses or none."""
    people = env.people(20, env.held("EMS"))
    env.world.switches.replica_lag_reads = lag
    env.fault(kind, after_batches=1, status=504)
    result = env.run(people, WISH, state="exact")
    assert statuses(result) == {"changed": 20}
    assert [env.states(upn) for upn in people] == [LICENSED] * 20
    asked = effects(env)
    assert (len(asked), Counter(len(bodies) for bodies in asked.values())) == (20, {1: 20})
    assert not env.run(people, WISH, state="exact")["changed"]


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_part_done_but_called_failed_is_not_done_again(env: Harness, status: int) -> None:
    people = env.people(5, env.held("EMS"))
    env.refuse("assignLicense", kind="late_status", status=status, times=2)
    result = env.run(people, WISH, state="exact")
    assert (statuses(result), result["summary"]["confirmed"]) == ({"changed": 5}, 5)
    assert Counter(env.parts("POST", "assignLicense")).most_common(1)[0][1] == 1


def test_a_change_by_others_is_not_undone_by_a_second_try(env: Harness) -> None:
    """The answer is lost; before the user is looked at, an administrator gives a license more. It stays."""
    anna = env.person("anna")
    env.refuse("assignLicense", kind="late_status", status=504)

    def give(_seconds: float) -> None:
        user = env.world.user(anna)
        assert user is not None
        if len(user["licenseAssignmentStates"]) == 1:
            user["licenseAssignmentStates"] = [*user["licenseAssignmentStates"], env.held("EMS")]

    env.clock.tell = give
    assert statuses(env.run([anna], WISH)) == {"changed": 1}
    assert env.states(anna) == {**LICENSED, "EMS": []}
    assert len(env.parts("POST", "assignLicense")) == 1


# refused --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "7"}, {"Retry-After": "soon"}])
@pytest.mark.parametrize("status", [409, 429, 503])
def test_parts_refused_for_now_are_sent_again_unchanged(env: Harness, status: int, headers: Json) -> None:
    people = env.people(20)
    env.refuse("assignLicense", times=7, status=status, headers=headers)
    assert statuses(env.run(people, WISH)) == {"changed": 20}
    assert Counter(Counter(env.parts("POST", "assignLicense")).values()) == {1: 13, 2: 7}
    assert {len(bodies) for bodies in effects(env).values()} == {1}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "UnknownError"),
        (403, "permission_denied"),
        (404, "user_not_found"),
        (423, "Locked"),
        (424, "FailedDependency"),
    ],
)
def test_a_refused_part_fails_its_user_alone(env: Harness, status: int, code: str) -> None:
    people = env.people(20)
    env.refuse("assignLicense", status=status)
    error = env.fail(people, WISH, on_error="continue")
    assert statuses(error.partial) == {"changed": 19, "failed": 1}
    assert [row["error"]["code"] for row in error.partial["users"] if row["error"]] == [code]
    assert "1 of 20 users failed, 19 were changed" in error.message
    env.tenant.clear_requests()
    assert statuses(env.run(people, WISH)) == {"unchanged": 19, "changed": 1}
    assert len(env.writes()) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 409, 423])
def test_users_of_a_batch_refused_as_a_whole_fail_unchanged(env: Harness, status: int) -> None:
    people = env.people(45)
    env.fault("status", after_batches=2, status=status)
    error = env.fail(people, WISH)
    assert statuses(error.partial) == {"changed": 20, "failed": 20, "skipped": 5}
    assert sum(bool(env.states(upn)) for upn in people) == 20
    assert statuses(env.run(people, WISH)) == {"unchanged": 20, "changed": 25}


@pytest.mark.parametrize("asked", ["86400", "9" * 30, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_part_with_an_absurd_retry_after_is_not_waited_for(env: Harness, asked: str) -> None:
    people = env.people(3)
    env.refuse("assignLicense", times=None, status=429, headers={"Retry-After": asked})
    error = env.fail(people, WISH, on_error="continue")
    assert {row["error"]["code"] for row in error.partial["users"]} == {"throttled"}
    assert sum(env.clock.slept) < 60
    assert not error.partial["changed"]


@pytest.mark.parametrize("on_error", ["fail", "continue"])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_users_throttled_to_the_end_failed_unsent_are_skipped(tenant: Tenant, on_error: str, concurrency: int) -> None:
    tenant.clear_faults()
    env = Harness(tenant, concurrency=concurrency, retry_seconds=3)
    people = env.people(70)
    env.refuse("assignLicense", times=None, status=429, headers={"Retry-After": "2"})
    error = env.fail(people, WISH, on_error=on_error)
    sent = {url.split("/")[2] for url in effects(env)}
    told = {row["user_id"]: (row["status"], row["error"]["code"]) for row in error.partial["users"]}
    assert {told[user] for user in sent} == {("failed", "throttled")}
    assert {told[user] for user in told.keys() - sent} <= {("skipped", "not_tried")}
    env.tenant.clear_faults()
    assert statuses(env.run(people, WISH)) == {"changed": 70}


def test_a_batch_throttled_as_a_whole_fails_like_its_parts(env: Harness) -> None:
    asked = {"status": 429, "headers": {"Retry-After": "86400"}}
    people = env.people(3)
    env.fault("status", after_batches=1, **asked)
    whole = env.fail(people, WISH)
    env.refuse("assignLicense", times=None, **asked)
    parts = env.fail(people, WISH)
    for error in (whole, parts):
        assert [row["status"] for row in error.partial["users"]] == ["failed"] * 3
    found = [row["error"] for error in (whole, parts) for row in error.partial["users"]]
    assert {error["code"] for error in found} == {"throttled"}
    assert len({error["hint"] for error in found}) == 1


# what others do meanwhile ---------------------------------------------------------------------------------------------


def test_a_user_who_is_deleted_before_the_write_fails_alone(env: Harness) -> None:
    people = env.people(20)
    env.refuse(env.world.upn_index[people[3]], kind="deleted_user", method="POST")
    error = env.fail(people, WISH, on_error="continue")
    assert statuses(error.partial) == {"changed": 19, "failed": 1}
    row = error.partial["users"][3]
    assert (row["error"]["code"], row["error"]["hint"]) == (
        "user_not_found",
        "The user was deleted after it had been read; run again without it.",
    )
    assert statuses(env.run([upn for upn in people if upn != people[3]], WISH)) == {"unchanged": 19}


def test_seats_taken_by_others_are_reported_and_the_rest_stays(env: Harness) -> None:
    people = env.people(20)
    env.refuse(env.world.upn_index[people[12]], kind="seats_taken", method="POST")
    error = env.fail(people, WISH, on_error="continue")
    assert statuses(error.partial) == {"changed": 12, "failed": 8}
    failed = [row for row in error.partial["users"] if row["status"] == "failed"]
    assert {row["error"]["code"] for row in failed} == {"no_seats"}
    assert "Buy seats or free some" in failed[0]["error"]["hint"]
    assert [bool(env.states(upn)) for upn in people] == [True] * 12 + [False] * 8
    env.seats("SPE_E3", 100, taken=12)
    assert statuses(env.run(people, WISH)) == {"unchanged": 12, "changed": 8}


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_a_swap_is_finished_if_another_run_did_one_half(env: Harness, on_error: str, lag: int) -> None:
    """As a whole it is refused then, as there is nothing to remove; half of it would be a user without a license."""
    people = env.people(25, env.held("EMS"))
    env.world.switches.replica_lag_reads = lag
    env.refuse(env.world.upn_index[people[3]], kind="removed_before", method="POST", times=1)
    result = env.run(people, WISH, state="exact", on_error=on_error)
    assert statuses(result) == {"changed": 25}
    assert [env.states(upn) for upn in people] == [LICENSED] * 25
    assert not env.run(people, WISH, state="exact")["changed"]


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize(("state", "after"), [("exact", LICENSED), ("absent", {})])
def test_a_change_that_others_made_already_is_no_failure(env: Harness, state: str, after: Json, lag: int) -> None:
    people = env.people(3, env.held("EMS"))
    env.world.switches.replica_lag_reads = lag
    env.refuse(env.world.upn_index[people[1]], kind="done_before", method="POST", times=1)
    result = env.run(people, WISH if state == "exact" else "EMS", state=state)
    assert statuses(result) == {"changed": 2, "unchanged": 1}
    row = result["users"][1]
    assert (row["error"], row["before"], row["notes"]) == (None, row["after"], ["somebody else has just done the same"])
    assert [env.states(upn) for upn in people] == [after] * 3
    alone = env.people(1, env.held("EMS"))
    env.refuse(env.world.upn_index[alone[0]], kind="done_before", method="POST", times=1)
    assert not env.run(alone, WISH if state == "exact" else "EMS", state=state)["changed"]


def test_a_license_that_the_service_shows_but_does_not_find(env: Harness) -> None:
    people = env.people(2, env.held("EMS"))
    said = {"error": {"code": "Request_BadRequest", "message": "User does not have a corresponding license."}}
    env.refuse(env.world.upn_index[people[0]], method="POST", status=400, body=said, times=10**6)
    error = env.fail(people, WISH, state="exact", on_error="continue")
    assert statuses(error.partial) == {"changed": 1, "failed": 1}
    assert error.partial["users"][0]["error"]["code"] == "not_assigned"
    assert sum(env.clock.slept) <= 120


# reading back ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lag", [2, 10**9], ids=["for seconds", "for ever"])
def test_a_read_that_lags_costs_time_and_no_second_write(env: Harness, lag: int) -> None:
    people = env.people(20, env.held("EMS"))
    env.fault("switch", after_batches=1, switches={"replica_lag_reads": lag})
    result = env.run(people, WISH, state="exact")
    assert statuses(result) == {"changed": 20}
    seen = "confirmed" if lag == 2 else "accepted"
    assert {row["confirmation"] for row in result["users"]} == {seen}
    assert sum(env.clock.slept) <= 60
    assert len(env.writes()) == 20


def test_a_lost_write_that_never_shows_is_unknown(env: Harness) -> None:
    people = env.people(3, env.held("EMS"))
    env.fault("switch", after_batches=1, switches={"replica_lag_reads": 10**9})
    env.refuse("assignLicense", kind="late_status", status=504, times=1)
    error = env.fail(people, WISH, state="exact", on_error="continue")
    (row,) = [row for row in error.partial["users"] if row["error"]]
    assert (row["status"], row["error"]["code"]) == ("failed", "unknown_outcome")
    assert "run again, which sends only what is missing" in row["error"]["hint"]
    assert {len(bodies) for bodies in effects(env).values()} == {1}
    env.world.scratch.clear()
    assert not env.run(people, WISH, state="exact")["changed"]
