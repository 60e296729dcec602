# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing while the service throttles, conflicts, fails, forgets to answer, or shows yesterday's state."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import M365Error

from tests.functional.support.assign_harness import (
    Harness,
    changed_users,
    statuses,
)
from tests.simulator.launch import Tenant
from tests.simulator.state import Json


@pytest.fixture
def env(tenant: Tenant) -> Harness:
    # one request at a time, so that it is known which batch a fault meets
    return Harness(tenant, concurrency=1)


def times_sent(env: Harness) -> Counter[int]:
    """How many users were written how often: ``{1: 39, 2: 1}``."""
    return Counter(Counter(env.parts("POST", "assignLicense")).values())


# --- refused for now ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "at_least"),
    [
        ({"status": 409}, 0.0),
        ({"status": 429}, 0.0),
        ({"status": 429, "headers": {"Retry-After": "17"}}, 17.0),
        ({"status": 503}, 0.0),
        ({"status": 503, "headers": {"retry-after": "5"}}, 5.0),
    ],
)
def test_a_part_that_was_refused_for_now_is_sent_again_alone(env: Harness, answer: Json, at_least: float) -> None:
    people = env.people(20)
    env.refuse("assignLicense", times=1, **answer)
    result = env.run(people, "SPE_E3")
    assert statuses(result) == {"changed": 20}
    assert times_sent(env) == {1: 19, 2: 1}
    assert sum(env.clock.slept) > at_least - 0.5
    batches = [len(entry["parts"]) for entry in env.tenant.requests() if "parts" in entry]
    assert batches == [2, 20, 1, 2]


@pytest.mark.parametrize(
    ("answer", "at_least"),
    [
        ({"status": 429, "headers": {"Retry-After": "17"}}, 17.0),
        ({"status": 429}, 0.0),
        ({"status": 503, "headers": {"Retry-After": "9"}}, 9.0),
        ({"status": 503}, 0.0),
    ],
)
def test_a_batch_that_was_refused_whole_is_sent_again(env: Harness, answer: Json, at_least: float) -> None:
    people = env.people(20)
    env.fault("status", after_batches=1, **answer)
    assert statuses(env.run(people, "SPE_E3")) == {"changed": 20}
    assert times_sent(env) == {2: 20}
    assert sum(env.clock.slept) > at_least - 0.5


def test_a_token_that_expires_between_two_batches_is_renewed(env: Harness) -> None:
    people = env.people(45)
    env.fault("status", after_batches=2, status=401)
    assert statuses(env.run(people, "SPE_E3")) == {"changed": 45}
    assert sum(entry["path"].endswith("/token") for entry in env.tenant.requests()) == 2


def test_what_is_refused_for_too_long_fails_with_what_was_done(env: Harness) -> None:
    people = env.people(3)
    env.refuse(env.world.upn_index[people[1]] + "/assignLicense", times=None, status=429)
    error = env.fail(people, "SPE_E3", on_error="continue")
    assert statuses(error.partial) == {"changed": 2, "failed": 1}
    user = error.partial["users"][1]
    assert user["error"]["code"] == "throttled"
    assert "retry_seconds" in user["error"]["hint"]
    assert 200 < sum(env.clock.slept) < 400


def test_a_quota_of_writes_is_waited_for(env: Harness) -> None:
    people = env.people(90, location=None)
    env.world.switches.write_quota = 50
    result = env.run(people, "SPE_E3", usage_location="DE")
    assert statuses(result) == {"changed": 90}
    assert {env.location(upn) for upn in people} == {"DE"}
    # 180 writes at 50 in 150 seconds
    assert sum(env.clock.slept) > 300


def test_a_quota_of_reads_is_waited_for(env: Harness) -> None:
    """Of the resource units that reading costs: parts and single requests alike."""
    people = env.people(90)
    env.world.switches.read_quota = 4
    assert statuses(env.run(people, "SPE_E3")) == {"changed": 90}
    # 90 people are read by name, and read again by id, 15 in a part
    assert sum(env.clock.slept) > 20
    assert env.run(people, "SPE_E3")["changed"] is False


def test_a_throttled_part_is_tried_while_others_succeed(env: Harness) -> None:
    """Several periods of the quota, each as long as half of ``retry_seconds``: nobody is given up meanwhile."""
    people = env.people(200)
    env.seats("SPE_E3", 200)
    env.world.switches.write_quota = 40
    assert statuses(env.run(people, "SPE_E3")) == {"changed": 200}
    assert sum(env.clock.slept) > 2 * 300


# --- lost answers ------------------------------------------------------------------------------------------------

LOST = ["lost_answer", "truncate", "missing_part", "duplicate_part", "drop", "html", "empty"]


@pytest.mark.parametrize("kind", LOST)
def test_after_a_lost_answer_only_what_is_missing_is_sent(env: Harness, kind: str) -> None:
    people = env.people(20)
    env.fault(kind, after_batches=1)
    result = env.run(people, "SPE_E3")
    assert statuses(result) == {"changed": 20}
    assert result["summary"]["confirmed"] == 20
    assert {str(env.states(upn)) for upn in people} == {"{'SPE_E3': []}"}
    happened = kind not in ("drop", "html", "empty")
    assert times_sent(env) == ({1: 20} if happened else {2: 20})


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_part_that_failed_midway_is_looked_after(env: Harness, status: int) -> None:
    people = env.people(5)
    env.refuse("assignLicense", times=1, status=status)
    assert statuses(env.run(people, "SPE_E3")) == {"changed": 5}
    assert times_sent(env) == {1: 4, 2: 1}


@pytest.mark.parametrize("kind", ["lost_answer", "drop"])
def test_a_lost_usage_location_is_set_again(env: Harness, kind: str) -> None:
    people = env.people(5, location=None)
    env.fault(kind, after_batches=1)
    assert statuses(env.run(people, "SPE_E3", usage_location="DE")) == {"changed": 5}
    assert {env.location(upn) for upn in people} == {"DE"}


@pytest.mark.parametrize("confirm", [True, False])
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_a_lost_swap_on_a_late_replica_ends_as_it_should(env: Harness, on_error: str, confirm: bool) -> None:
    """The replica still shows what was before, so it is sent again, and refused: the old license is gone already."""
    people = env.people(45, env.held("EMS"))
    env.world.switches.replica_lag_reads = 3
    env.fault("lost_answer", after_batches=1, times=2)
    result = env.run(people, "SPE_E3", state="exact", on_error=on_error, confirm=confirm)
    assert statuses(result) == {"changed": 45}
    assert {str(env.states(upn)) for upn in people} == {"{'SPE_E3': []}"}


def test_an_answer_lost_again_and_again_is_unknown(env: Harness) -> None:
    anna = env.person("anna")
    env.refuse("assignLicense", times=None, status=504)
    error = env.fail([anna], "SPE_E3")
    user = error.partial["users"][0]
    assert (user["status"], user["error"]["code"]) == ("failed", "unknown_outcome")
    assert "run again" in user["error"]["hint"]
    env.tenant.clear_faults()
    assert env.run([anna], "SPE_E3")["changed"]


def test_a_user_deleted_after_a_lost_answer_is_said_to_be_gone(env: Harness) -> None:
    anna = env.person("anna")
    env.refuse("assignLicense", times=1, status=504)

    def delete(_seconds: float) -> None:
        if anna in env.world.upn_index:
            env.world.remove_user(env.world.upn_index[anna])

    env.clock.tell = delete  # while the client waits before it looks
    error = env.fail([anna], "SPE_E3")
    assert error.partial["users"][0]["error"]["code"] == "user_not_found"


# --- late replicas -----------------------------------------------------------------------------------------------


def test_a_location_that_licensing_does_not_see_yet_is_awaited(env: Harness) -> None:
    anna = env.person("anna", location=None)
    text = "License assignment cannot be done for user with invalid usage location."
    body = {"error": {"code": "Request_BadRequest", "message": text}}
    env.refuse("assignLicense", times=3, status=400, body=body)
    assert statuses(env.run([anna], "SPE_E3", usage_location="DE")) == {"changed": 1}


def test_a_usage_location_that_stays_unseen_is_a_failure(env: Harness) -> None:
    anna = env.person("anna", location=None)
    text = "License assignment cannot be done for user with invalid usage location."
    body = {"error": {"code": "Request_BadRequest", "message": text}}
    env.refuse("assignLicense", times=None, status=400, body=body)
    error = env.fail([anna], "SPE_E3", usage_location="DE")
    user = error.partial["users"][0]
    assert (user["status"], user["error"]["code"]) == ("failed", "usage_location")
    assert error.partial["changed"]
    assert user["after"]["usage_location"] == "DE"
    assert sum(env.clock.slept) < 100


# --- failures half way -------------------------------------------------------------------------------------------


def with_trouble(env: Harness) -> list[str]:
    """60 people; the service refuses the 25th for a reason that only the service knows."""
    people = [env.person(f"user{number:04}") for number in range(60) if number != 24]
    people.insert(24, env.person("trouble"))
    text = "License assignment failed because service plan {} depends on the service plan(s) {}"
    plans = ("e95bec33-7c88-4a70-8e19-b10bd9d0c014", "5dbe027f-2339-4123-9542-606e4d348a72")
    body = {"error": {"code": "Request_BadRequest", "message": text.format(*plans)}}
    user = env.world.user(people[24])
    assert user is not None
    env.refuse(f"{user['id']}/assignLicense", times=1, status=400, body=body)
    return people


def test_after_a_failure_nothing_is_sent_until_the_next_run(env: Harness) -> None:
    people = with_trouble(env)
    error = env.fail(people, "SPE_E3")
    rows = error.partial["users"]
    assert [item["user_principal_name"] for item in rows] == people
    assert [item["status"] for item in rows] == ["changed"] * 24 + ["failed"] + ["changed"] * 15 + ["skipped"] * 20
    assert rows[24]["error"]["code"] == error.code == "missing_dependency"
    assert {item["error"]["code"] for item in rows[40:]} == {"not_tried"}
    assert error.partial["summary"]["confirmed"] == 39
    assert "1 of 60 users failed, 39 were changed, 20 were not tried" in error.message
    assert [bool(env.states(upn).get("SPE_E3") is not None) for upn in people] == [
        item["status"] == "changed" for item in rows
    ]
    env.tenant.clear_requests()
    result = env.run([upn for upn in people if upn != people[24]], "SPE_E3")
    assert statuses(result) == {"unchanged": 39, "changed": 20}
    assert len(env.writes()) == 20


@pytest.mark.parametrize("confirm", [True, False])
def test_after_a_failure_lost_answers_are_still_looked_after(env: Harness, confirm: bool) -> None:
    people = with_trouble(env)
    env.fault("lost_answer", after_batches=1)
    error = env.fail(people, "SPE_E3", confirm=confirm)
    found = [item["status"] for item in error.partial["users"]]
    assert found == ["changed"] * 24 + ["failed"] + ["changed"] * 15 + ["skipped"] * 20
    assert len(env.writes()) == 40


def test_a_lost_write_that_does_not_show_stays_unknown(env: Harness) -> None:
    people = with_trouble(env)
    env.fault("drop", after_batches=1)
    error = env.fail(people, "SPE_E3", confirm=False)
    rows = error.partial["users"]
    assert {item["error"]["code"] for item in rows[:20]} == {"unknown_outcome"}
    assert len(env.parts("GET")) > 4
    assert [len(env.states(upn)) for upn in people] == [0] * 20 + [1] * 4 + [0] + [1] * 15 + [0] * 20


def test_with_continue_all_users_are_tried_before_it_fails(env: Harness) -> None:
    people = with_trouble(env)
    error = env.fail(people, "SPE_E3", on_error="continue")
    assert statuses(error.partial) == {"changed": 59, "failed": 1}
    assert "depends on" in error.partial["users"][24]["error"]["message"]
    assert changed_users(error.partial) == {upn for upn in people if upn != people[24]}
    result = env.run(people, "SPE_E3", state="exact")
    assert statuses(result) == {"unchanged": 59, "changed": 1}


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_certain_refusal_is_tried_first_and_changes_nothing(env: Harness, check_mode: bool) -> None:
    people = [*env.people(45, env.held("EXCHANGESTANDARD")), env.person("alone")]
    error = env.fail(people, "EXCHANGEARCHIVE_ADDON", check_mode=check_mode)
    assert [item["status"] for item in error.partial["users"]] == ["skipped"] * 45 + ["failed"]
    assert error.code == "missing_dependency"
    assert len(env.writes()) == (0 if check_mode else 1)
    error = env.fail(people, "EXCHANGEARCHIVE_ADDON", check_mode=check_mode, on_error="continue")
    assert statuses(error.partial) == {"changed": 45, "failed": 1}


def test_only_the_usage_location_was_set(env: Harness) -> None:
    people = env.people(2, location=None)
    body = {"error": {"code": "Request_BadRequest", "message": "License x cannot be assigned to a user."}}
    env.refuse("assignLicense", times=1, status=400, body=body)
    error = env.fail(people, "SPE_E3", usage_location="DE", on_error="continue")
    failed = error.partial["users"][0]
    assert (failed["status"], failed["error"]["code"]) == ("failed", "company_sku")
    assert failed["after"] == {"usage_location": "DE", "licenses": []}
    assert changed_users(error.partial) == set(people)


def test_a_missing_permission_to_write_names_it(env: Harness) -> None:
    people = env.people(45)
    env.world.app.roles.discard("LicenseAssignment.ReadWrite.All")
    env.world.app.roles.discard("User.ReadWrite.All")
    try:
        error = env.fail(people, "SPE_E3")
    finally:
        env.world.app.roles |= {"LicenseAssignment.ReadWrite.All", "User.ReadWrite.All"}
    assert error.code == "permission_denied"
    assert "LicenseAssignment.ReadWrite.All" in error.hint
    assert statuses(error.partial) == {"failed": 20, "skipped": 25}
    assert not error.partial["changed"]


def test_a_batch_refused_whole_fails_its_parts_keeps_the_rest(env: Harness) -> None:
    people = env.people(45)
    env.fault("status", after_batches=2, status=403, times=1)
    error = env.fail(people, "SPE_E3")
    assert statuses(error.partial) == {"changed": 20, "failed": 20, "skipped": 5}
    assert error.partial["summary"]["confirmed"] == 20


@pytest.mark.parametrize("kind", ["drop", "html", "truncate", "missing_part"])
def test_unreadable_users_are_an_error_and_no_shorter_list(env: Harness, kind: str) -> None:
    people = env.people(40)
    env.fault(kind, times=None)
    with pytest.raises(M365Error) as caught:
        env.run(people, "SPE_E3")
    assert not caught.value.partial
    env.tenant.clear_faults()
    assert env.writes() == []


def test_two_at_a_time_never_write_one_user_twice_at_once(tenant: Tenant) -> None:
    env = Harness(tenant, concurrency=8)
    env.seats("SPE_E3", 200)
    env.seats("EMS", 200)
    people = env.people(200, location=None)
    wish: dict[str, Any] = {"usage_location": "DE", "state": "exact"}
    assert statuses(env.run(people, "SPE_E3", "EMS", **wish)) == {"changed": 200}
    assert times_sent(env) == {1: 200}
    assert not env.run(people, "SPE_E3", "EMS", **wish)["changed"]
