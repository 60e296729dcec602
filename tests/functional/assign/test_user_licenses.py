# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What m365_user_license does to people, asked of the tenant and not of the answers alone."""

from __future__ import annotations

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError

from tests.functional.support.assign_harness import Harness
from tests.simulator.skus import table
from tests.simulator.state import Json

YAMMER, TEAMS = "YAMMER_ENTERPRISE", "TEAMS1"


def row(result: Json, place: int = 0) -> Json:
    found: Json = result["users"][place]
    return found


# --- states ------------------------------------------------------------------------------------------------------


def test_present_assigns_once_and_the_second_run_changes_nothing(env: Harness) -> None:
    anna = env.person("anna")
    first = env.run([anna], "SPE_E3")
    assert (first["changed"], row(first)["status"], row(first)["confirmation"]) == (True, "changed", "confirmed")
    assert env.states(anna) == {"SPE_E3": []}
    env.tenant.clear_requests()
    second = env.run([anna], "SPE_E3")
    assert (second["changed"], row(second)["status"], row(second)["confirmation"]) == (False, "unchanged", "")
    assert row(second)["before"] == row(second)["after"] == row(first)["after"]
    assert env.writes() == []


def test_present_leaves_other_licenses_alone(env: Harness) -> None:
    anna = env.person("anna", env.held("EMS"))
    env.run([anna], "SPE_E3")
    assert env.states(anna) == {"EMS": [], "SPE_E3": []}


def test_absent_removes_and_the_second_run_changes_nothing(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"), env.held("EMS"))
    assert env.run([anna], "EMS", state="absent")["changed"]
    assert env.states(anna) == {"SPE_E3": []}
    assert not env.run([anna], "EMS", state="absent")["changed"]


def test_a_swap_is_one_assign_license(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"), env.held("EMS"))
    result = env.run([anna], "EXCHANGESTANDARD", state="exact")
    assert env.states(anna) == {"EXCHANGESTANDARD": []}
    assert len(env.writes()) == 1
    assert [item["sku"] for item in row(result)["before"]["licenses"]] == ["EMS", "SPE_E3"]
    assert [item["sku"] for item in row(result)["after"]["licenses"]] == ["EXCHANGESTANDARD"]


def test_exact_with_nothing_removes_every_direct_license(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"), env.held("EMS"))
    env.run([anna], state="exact", allow_uncovered=True)
    assert env.states(anna) == {}


def test_several_licenses_of_a_user_are_one_call(env: Harness) -> None:
    anna = env.person("anna")
    env.run([anna], "SPE_E3", "EMS", "POWER_BI_STANDARD")
    assert len(env.writes()) == 1
    assert set(env.states(anna)) == {"SPE_E3", "EMS", "POWER_BI_STANDARD"}


# --- plans -------------------------------------------------------------------------------------------------------


def test_plans_that_an_admin_has_disabled_stay_disabled(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3", TEAMS))
    assert not env.run([anna], "SPE_E3")["changed"]
    env.run([anna], {"sku": "SPE_E3", "disabled_plans": [YAMMER]})
    assert env.states(anna) == {"SPE_E3": [TEAMS, YAMMER]}
    assert not env.run([anna], {"sku": "SPE_E3", "disabled_plans": []})["changed"]


def test_an_empty_list_of_disabled_plans_switches_nothing_on(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3", TEAMS))
    env.run([anna], {"sku": "SPE_E3", "disabled_plans": []}, "EMS")
    assert env.states(anna) == {"SPE_E3": [TEAMS], "EMS": []}


def test_enabled_plans_are_on_and_all_others_off(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE"))
    entry = {"sku": "SPE_E3", "enabled_plans": ["EXCHANGE_S_ENTERPRISE", TEAMS]}
    assert env.run([anna], entry)["changed"]
    off = env.states(anna)["SPE_E3"]
    assert {"EXCHANGE_S_ENTERPRISE", TEAMS}.isdisjoint(off)
    assert YAMMER in off
    assert not env.run([anna], entry)["changed"]


def test_declared_plans_converge_with_plans_the_service_disables(env: Harness) -> None:
    env.world.switches.service_disables_plans = True
    anna = env.person("anna")
    entry = {"sku": "SPE_E3", "disabled_plans": [YAMMER]}
    first = env.run([anna], entry)
    assert row(first)["confirmation"] == "confirmed"
    further = set(env.states(anna)["SPE_E3"]) - {YAMMER}
    assert row(first)["service_disabled_plans"] == {table()["SPE_E3"].id: sorted(further)}
    assert len(further) == 1
    second = env.run([anna], entry)
    assert not second["changed"]
    assert set(env.states(anna)["SPE_E3"]) == {YAMMER, *further}


def test_enabled_plan_that_stays_off_is_reported_in_every_run(env: Harness) -> None:
    env.world.switches.service_disables_plans = True
    anna = env.person("anna")
    plain = env.run([anna], "SPE_E3")
    (kept_off,) = row(plain)["service_disabled_plans"][table()["SPE_E3"].id]
    assert not [text for text in plain["warnings"] if "still show it as off" in text]
    entry = {"sku": "SPE_E3", "enabled_plans": ["EXCHANGE_S_ENTERPRISE", kept_off]}
    for _run in range(2):
        result = env.run([anna], entry)
        assert row(result)["service_disabled_plans"] == {table()["SPE_E3"].id: [kept_off]}
        (told,) = [text for text in result["warnings"] if "still show it as off" in text]
        assert told.startswith(f"enabled_plans names {kept_off}")
        assert anna in told


def test_swap_keeps_plans_off_unless_on_elsewhere_or_requested(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3", YAMMER, TEAMS))
    ben = env.person("ben", env.held("SPE_E3", YAMMER), env.inherited("SPE_E3"))
    carl = env.person("carl", env.held("SPE_E3", YAMMER))
    env.run([anna, ben], "SPE_E5", state="exact")
    assert env.states(anna) == {"SPE_E5": [TEAMS, YAMMER]}
    assert env.states(ben) == {"SPE_E5": []}
    assert not env.run([anna, ben], "SPE_E5", state="exact")["changed"]
    env.run([carl], {"sku": "SPE_E5", "enabled_plans": ["EXCHANGE_S_ENTERPRISE", YAMMER]}, state="exact")
    assert YAMMER not in env.states(carl)["SPE_E5"]


def test_a_swap_leaves_no_plan_off_that_keeps_the_mailbox(env: Harness) -> None:
    """Nobody buys a license for a mailbox to go on without it."""
    anna = env.person("anna", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE", YAMMER))
    ben = env.person("ben", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE"), env.held("EXCHANGESTANDARD"))
    result = env.run([anna, ben], "SPE_E5", state="exact")
    assert (env.states(anna), env.states(ben)) == ({"SPE_E5": [YAMMER]}, {"SPE_E5": []})
    notes = {item["user_principal_name"]: item["notes"] for item in result["users"]}
    assert notes == {anna: [f"SPE_E5: {YAMMER} stays off, as before the swap"], ben: []}
    assert not env.run([anna, ben], "SPE_E5", state="exact")["changed"]


def test_plans_stay_off_if_half_the_swap_is_done_elsewhere(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3", YAMMER))
    env.refuse("assignLicense", kind="removed_before", method="POST", times=1)
    env.run([anna], "SPE_E5", state="exact")
    assert env.states(anna) == {"SPE_E5": [YAMMER]}


def test_one_plan_is_switched_on_and_the_others_stay_as_they_are(env: Harness) -> None:
    exchange = "EXCHANGE_S_ENTERPRISE"
    anna = env.person("anna", env.held("SPE_E3", exchange, YAMMER))
    ben = env.person("ben", env.held("SPE_E3"))
    carl = env.person("carl", env.inherited("SPE_E3", exchange, TEAMS))
    entry = {"sku": "SPE_E3", "enabled_plans": [exchange], "disabled_plans": []}
    result = env.run([anna, ben, carl], entry)
    assert [item["status"] for item in result["users"]] == ["changed", "unchanged", "changed"]
    assert (env.states(anna), env.states(ben)) == ({"SPE_E3": [YAMMER]}, {"SPE_E3": []})
    # beside the group's license one that gives the plan and nothing else
    others = {plan.name for plan in table()["SPE_E3"].plans if not plan.company} - {exchange}
    assert set(env.states(carl)["SPE_E3"]) == others
    assert not env.run([anna, ben, carl], entry)["changed"]
    off = {**entry, "disabled_plans": [TEAMS]}
    env.run([anna, ben], off)
    assert (env.states(anna), env.states(ben)) == ({"SPE_E3": [TEAMS, YAMMER]}, {"SPE_E3": [TEAMS]})


# --- groups ------------------------------------------------------------------------------------------------------


def test_an_inherited_license_counts_as_present(env: Harness) -> None:
    anna = env.person("anna", env.inherited("SPE_E3", TEAMS))
    assert not env.run([anna], "SPE_E3", state="exact")["changed"]
    assert env.writes() == []


def test_an_inherited_license_is_never_removed_directly(env: Harness) -> None:
    anna = env.person("anna", env.inherited("SPE_E3"), env.held("EMS"))
    result = env.run([anna], "SPE_E3", "EMS", state="absent")
    assert env.states(anna) == {}
    (note,) = row(result)["notes"]
    assert note.startswith("SPE_E3 stays: it is inherited from group ")
    assert not env.run([anna], state="exact")["changed"]


def test_a_license_held_both_ways_loses_only_the_direct_one(env: Harness) -> None:
    anna = env.person("anna", env.inherited("SPE_E3"), env.held("SPE_E3"))
    result = env.run([anna], "SPE_E3", state="absent")
    assert [item["via"] for item in row(result)["after"]["licenses"]] == ["group"]


def test_an_inherited_license_in_error_does_not_count(env: Harness) -> None:
    anna = env.person("anna", env.inherited("SPE_E3", state="Error", error="CountViolation"))
    env.run([anna], "SPE_E3")
    assert env.states(anna) == {"SPE_E3": []}


# --- usage location ----------------------------------------------------------------------------------------------


def test_the_usage_location_is_set_only_where_missing(env: Harness) -> None:
    anna, ben = env.person("anna", location=None), env.person("ben", location="FR")
    result = env.run([anna, ben], "SPE_E3", usage_location="de")
    assert (env.location(anna), env.location(ben)) == ("DE", "FR")
    assert len(env.parts("PATCH")) == 1
    assert row(result)["before"]["usage_location"] is None
    assert row(result)["after"]["usage_location"] == "DE"


def test_the_usage_location_is_replaced_where_that_is_asked_for(env: Harness) -> None:
    held = [env.held("SPE_E3")]
    anna, ben = env.person("anna", *held, location="FR"), env.person("ben", *held, location="DE")
    result = env.run([anna, ben], "SPE_E3", usage_location="DE", usage_location_force=True)
    assert [item["status"] for item in result["users"]] == ["changed", "unchanged"]
    assert env.location(anna) == "DE"
    assert env.writes() == env.parts("PATCH")


def test_missing_usage_location_is_refused_before_any_write(env: Harness) -> None:
    anna, ben = env.person("anna"), env.person("ben", location=None)
    error = env.fail([anna, ben], "SPE_E3")
    assert (error.code, error.partial["without_usage_location"]) == ("usage_location", [ben])
    assert env.writes() == []


def test_with_continue_the_others_are_licensed(env: Harness) -> None:
    anna, ben = env.person("anna", location=None), env.person("ben")
    error = env.fail([anna, ben], "SPE_E3", on_error="continue")
    assert [item["status"] for item in error.partial["users"]] == ["failed", "changed"]
    assert (env.states(anna), env.states(ben)) == ({}, {"SPE_E3": []})


def test_a_removal_alone_needs_no_usage_location(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"), env.held("EMS"), location=None)
    env.run([anna], "EMS", state="absent", usage_location="DE")
    assert (env.states(anna), env.location(anna)) == ({"SPE_E3": []}, None)


# --- seats -------------------------------------------------------------------------------------------------------


def test_seats_are_counted_before_the_first_write(env: Harness) -> None:
    people = env.people(3)
    env.seats("SPE_E3", 2)
    error = env.fail(people, "SPE_E3", "EMS")
    assert error.code == "insufficient_seats"
    assert [(item["sku"], item["needed"], item["left"]) for item in error.partial["shortage"]] == [("SPE_E3", 3, 2)]
    assert env.writes() == []


def test_who_comes_first_gets_the_seats_and_nobody_gets_half(env: Harness) -> None:
    people = env.people(3)
    env.seats("SPE_E3", 2)
    result = env.run(people, "SPE_E3", "EMS", on_insufficient_seats="skip")
    assert [item["status"] for item in result["users"]] == ["changed", "changed", "skipped"]
    assert row(result, 2)["error"]["code"] == "no_seats"
    assert env.states(people[2]) == {}
    assert people[2] in result["warnings"][0]


def test_who_holds_the_sku_needs_no_seat(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"))
    ben = env.person("ben", env.inherited("SPE_E3"))
    env.seats("SPE_E3", 2, taken=2)
    assert env.run([anna, ben], {"sku": "SPE_E3", "disabled_plans": [YAMMER]})["changed"]


def test_warning_seats_are_assigned_only_on_request(env: Harness) -> None:
    anna = env.person("anna")
    env.seats("SPE_E3", 0, warning=1)
    assert env.fail([anna], "SPE_E3").code == "insufficient_seats"
    assert env.run([anna], "SPE_E3", use_warning_seats=True)["changed"]


def test_a_refused_seat_in_its_grace_period_is_an_error(env: Harness) -> None:
    env.world.switches.warning_seats = "refused"
    anna = env.person("anna")
    env.seats("SPE_E3", 0, warning=1)
    failed = env.fail([anna], "SPE_E3", use_warning_seats=True)
    assert failed.code == "no_seats"
    assert env.states(anna) == {}


# --- removals ----------------------------------------------------------------------------------------------------


def test_a_removal_that_leaves_a_mailbox_uncovered_is_refused(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"))
    ben = env.person("ben", env.held("SPE_E3"), env.inherited("SPE_E3"))
    error = env.fail([anna, ben], "SPE_E3", state="absent")
    assert (error.code, error.partial["uncovered"]) == ("would_uncover", [anna])
    assert env.writes() == []
    assert env.run([anna, ben], "SPE_E3", state="absent", allow_uncovered=True)["changed"]
    assert (env.states(anna), env.states(ben)) == ({}, {})


def test_a_swap_to_a_license_without_a_mailbox_is_such_a_removal(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"))
    assert env.fail([anna], "EMS", state="exact").code == "would_uncover"
    assert env.fail([anna], "M365_F1_COMM", state="exact").code == "would_uncover"


@pytest.mark.parametrize("state", ["absent", "exact"])
def test_license_that_keeps_without_covering_is_not_removed(env: Harness, state: str) -> None:
    env.world.skus[table()["STANDARDPACK"].id]["capabilityStatus"] = "Suspended"
    anna = env.person("anna", env.held("M365_F1_COMM"), env.held("EMS"))
    ben = env.person("ben", env.held("STANDARDPACK"), env.held("EMS"))
    names = ["M365_F1_COMM", "STANDARDPACK"] if state == "absent" else ["EMS"]
    error = env.fail([anna, ben], *names, state=state)
    assert (error.code, error.partial["uncovered"]) == ("would_uncover", [anna, ben])
    assert env.writes() == []


def test_switching_off_the_mailbox_plan_is_such_a_removal(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"))
    entry = {"sku": "SPE_E3", "disabled_plans": ["EXCHANGE_S_ENTERPRISE"]}
    assert env.fail([anna], entry).code == "would_uncover"


# --- whom --------------------------------------------------------------------------------------------------------


def test_one_user_by_many_names_is_one_user(env: Harness) -> None:
    anna, ben = env.person("anna"), env.person("ben")
    user_id = env.world.upn_index[anna]
    names = [anna, user_id, ben, anna.upper(), user_id.upper(), f" {anna} ", f"{{{user_id}}}"]
    result = env.run(names, "SPE_E3")
    assert [item["user_principal_name"] for item in result["users"]] == [anna, ben]
    assert result["summary"]["users"] == 2
    assert len(env.writes()) == 2


def test_unknown_users_are_all_named_and_nothing_is_written(env: Harness) -> None:
    anna, nobody = env.person("anna"), "0f000000-0000-4000-8000-00000000dead"
    with pytest.raises(ConfigurationError) as caught:
        env.run(["ghost@contoso.example", anna, nobody, "anna@elsewhere.example"], "SPE_E3")
    assert caught.value.code == "user_not_found"
    assert [nobody in problem for problem in caught.value.problems] == [False, True, False]
    assert len(caught.value.problems) == 3
    assert env.writes() == []


def test_with_continue_unknown_users_fail_alone(env: Harness) -> None:
    anna = env.person("anna")
    error = env.fail(["ghost@contoso.example", anna], "SPE_E3", on_error="continue")
    assert [(item["user_principal_name"], item["status"]) for item in error.partial["users"]] == [
        (anna, "changed"),
        ("ghost@contoso.example", "failed"),
    ]


@pytest.mark.parametrize(
    "local",
    ["o'brien", "''", "100%", "%27", "a#b", "a&b=c", "müller", "weiß", "ève+1", "🚀", "x" * 60, "a b", "a)b,'c"],
)
def test_a_name_never_becomes_syntax(env: Harness, local: str) -> None:
    other = env.person("other")
    upn = env.person(local)
    result = env.run([upn], "SPE_E3")
    assert [item["user_principal_name"] for item in result["users"]] == [upn]
    assert (env.states(upn), env.states(other)) == ({"SPE_E3": []}, {})


def test_a_guest_is_named_with_ext(env: Harness) -> None:
    guest = env.person("ben_fabrikam.example#EXT#@contoso.onmicrosoft.com")
    assert env.run([guest], "POWER_BI_STANDARD")["changed"]


def test_nobody_is_nothing_to_do_and_asks_nothing(env: Harness) -> None:
    result = env.run([], "SPE_E3")
    assert (result["changed"], result["users"], result["requests"]) == (False, [], 0)
