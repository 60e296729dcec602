# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What m365_user_license says: check mode, diff, read back, options that are wrong."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError

from tests.functional.support.assign_harness import Harness
from tests.simulator.state import Json


def without_confirmation(result: Json) -> Json:
    """A result as check mode can know it."""
    users = [{**item, "confirmation": ""} for item in result["users"]]
    summary = {**result["summary"], "confirmed": 0, "accepted": 0}
    return {**result, "users": users, "summary": summary, "requests": 0}


def test_check_mode_writes_nothing_and_says_what_a_run_says(env: Harness) -> None:
    people = [
        env.person("anna", location=None),
        env.person("ben", env.held("EXCHANGESTANDARD")),
        env.person("clara", env.held("SPE_E3", "TEAMS1")),
        env.person("dora", env.inherited("SPE_E3")),
        env.person("emil", env.held("SPE_E3", "YAMMER_ENTERPRISE")),
    ]
    wish: dict[str, Any] = {"state": "exact", "usage_location": "AT"}
    entry = {"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]}
    predicted = env.run(people, entry, check_mode=True, **wish)
    assert env.writes() == []
    done = env.run(people, entry, **wish)
    assert without_confirmation(done) == without_confirmation(predicted)
    assert [item["status"] for item in done["users"]] == ["changed", "changed", "changed", "unchanged", "unchanged"]


def test_the_diff_names_those_who_change_and_no_one_else(env: Harness) -> None:
    anna, ben = env.person("anna"), env.person("ben", env.held("EMS"))
    diff = env.run([anna, ben], "EMS", check_mode=True)["diff"]
    assert diff == {"before": "", "after": f"{anna}: + EMS\n"}


@pytest.mark.parametrize(
    ("options", "held", "code"),
    [
        ({}, (), "insufficient_seats"),
        ({"state": "absent"}, ("SPE_E3",), "would_uncover"),
    ],
)
def test_check_mode_refuses_what_a_run_refuses(
    env: Harness, options: dict[str, Any], held: tuple[str, ...], code: str
) -> None:
    anna = env.person("anna", *(env.held(name) for name in held))
    env.seats("SPE_E3", 0)
    refused = [env.fail([anna], "SPE_E3", check_mode=check, **options) for check in (True, False)]
    assert [error.code for error in refused] == [code, code]
    assert refused[0].partial == refused[1].partial


def test_what_does_not_show_in_time_is_accepted(env: Harness) -> None:
    anna = env.person("anna")
    env.world.switches.replica_lag_reads = 50
    result = env.run([anna], "SPE_E3", confirm_seconds=20)
    user = result["users"][0]
    assert (user["status"], user["confirmation"]) == ("changed", "accepted")
    assert [item["sku"] for item in user["after"]["licenses"]] == ["SPE_E3"]
    assert env.states(anna) == {"SPE_E3": []}
    assert 19 < sum(env.clock.slept) < 21
    assert anna in result["warnings"][0]


def test_a_late_replica_is_waited_for(env: Harness) -> None:
    people = [env.person("anna"), env.person("ben", env.held("SPE_E3", "TEAMS1"))]
    env.world.switches.replica_lag_reads = 3
    entry = {"sku": "SPE_E3", "enabled_plans": ["EXCHANGE_S_ENTERPRISE", "TEAMS1"]}
    result = env.run(people, entry)
    assert [item["confirmation"] for item in result["users"]] == ["confirmed", "confirmed"]
    assert len(env.writes()) == 2


def test_without_confirm_nobody_is_read_back(env: Harness) -> None:
    anna = env.person("anna")
    result = env.run([anna], "SPE_E3", confirm=False)
    assert result["users"][0]["confirmation"] == "accepted"
    assert len(env.parts("GET")) == 1


def test_an_assignment_that_turns_to_error_is_a_failure(env: Harness) -> None:
    """The service accepts it, and the user's assignment ends in error."""
    anna = env.person("anna", env.held("SPE_E3", state="Error", error="UniquenessViolation"))
    env.world.switches.replica_lag_reads = 50
    error = env.fail([anna], "SPE_E3")
    user = error.partial["users"][0]
    assert (user["status"], user["error"]["code"]) == ("failed", "duplicate_proxy_address")
    assert error.partial["changed"]


def test_what_cannot_be_read_back_is_still_reported(env: Harness) -> None:
    anna = env.person("anna")
    env.tenant.set_faults(
        {"kind": "status", "service": "graph", "path": "users?$filter", "part": True, "times": 1, "status": 403},
    )
    with pytest.raises(Exception, match="403"):
        env.run([anna], "SPE_E3")
    # the second read is the one after the write
    env.tenant.set_faults(
        {"kind": "slow", "service": "graph", "path": "$batch", "times": 2, "seconds": 0},
        {"kind": "status", "service": "graph", "path": "$batch", "times": None, "status": 403},
    )
    result = env.run([anna], "SPE_E3")
    user = result["users"][0]
    assert (user["status"], user["confirmation"]) == ("changed", "accepted")
    assert user["notes"][0].startswith("could not be read back: ")


def test_warnings_name_what_people_lose(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"))
    result = env.run([anna], "EXCHANGESTANDARD", state="exact", check_mode=True, allow_uncovered=True)
    assert any("50 GB" in text and anna in text for text in result["warnings"])


# --- options -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"users": ["a@b.c", " "]}, "users[1]: expected a user principal name or an id, found an empty text"),
        ({"users": ["a\nb@c.d"]}, "users[0]: a control character"),
        ({"users": ["\ud83d@c.d"]}, "users[0]: half of a surrogate pair"),
        ({"usage_location": "Germany"}, "found 'Germany'; did you mean DE?"),
        ({"usage_location": "Atlantis"}, "usage_location: expected the two letters of a country"),
        ({"usage_location": "D3"}, "found 'D3'"),
        ({"usage_location": "XX"}, "found 'XX'"),
        (
            {"licenses": [{"sku": "EMS", "disabled_plans": ["RMS_S_PREMIUM"], "enabled_plans": ["RMS_S_PREMIUM"]}]},
            "licenses[0]: disabled_plans and enabled_plans contradict each other",
        ),
        (
            {"licenses": [{"sku": "EMS", "disabled_plans": ["A"]}], "state": "absent"},
            "licenses[0].disabled_plans: has no",
        ),
        ({"licenses": []}, "licenses: the list is empty"),
        ({"usage_location_force": True}, "usage_location_force: needs usage_location"),
        ({"confirm_seconds": -1.0}, "confirm_seconds: expected 0 or more seconds, found -1"),
        ({"confirm_seconds": float("nan")}, "confirm_seconds: expected 0 or more seconds, found nan"),
        ({"confirm_seconds": float("inf")}, "confirm_seconds: expected 0 or more seconds, found inf"),
    ],
)
def test_options_that_are_wrong_are_refused_without_a_request(
    env: Harness, options: dict[str, Any], message: str
) -> None:
    users, licenses = options.pop("users", ["a@b.c"]), options.pop("licenses", ["SPE_E3"])
    with pytest.raises(ConfigurationError) as caught:
        env.run(users, *licenses, **options)
    assert message in str(caught.value)
    assert env.tenant.requests() == []


def test_all_that_is_wrong_with_options_comes_at_once(env: Harness) -> None:
    with pytest.raises(ConfigurationError) as caught:
        env.run(["", "a\0"], "SPE_E3", usage_location="Nowhere", confirm_seconds=-1.0)
    assert len(caught.value.problems) == 4


def test_an_unknown_sku_or_plan_is_refused_before_users_are_read(env: Harness) -> None:
    anna = env.person("anna")
    with pytest.raises(ConfigurationError) as caught:
        env.run([anna], "SPE_E4", {"sku": "EMS", "disabled_plans": ["TEAMS1"]})
    assert len(caught.value.problems) == 2
    assert env.parts("GET") == []
