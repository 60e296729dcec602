# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a swap carries over is closed under known dependencies, and a refusal of the service is acted on in the run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.support.plan_harness import EVERYBODY, PlanningDesk
from tests.simulator.plan_rules import TEXTS
from tests.simulator.skus import table
from tests.simulator.state import Json

TEAMS, SKYPE, SHAREPOINT = "TEAMS1", "MCOSTANDARD", "SHAREPOINTENTERPRISE"
E5 = table()["SPE_E5"]


def requires(desk: PlanningDesk, **needs: list[str]) -> None:
    """Plans of Microsoft 365 E5 by name, and those of which each needs one."""
    desk.world.plan_rules.dependencies = {
        E5.plan(plan): tuple(E5.plan(ground) for ground in grounds) for plan, grounds in needs.items()
    }


def excludes(desk: PlanningDesk, first: str, second: str) -> None:
    desk.world.plan_rules.exclusions = [(first, second)]


# --- a swap carries over what is off ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["exact", "remove"])
def test_what_is_known_to_need_it_goes_off_as_well(desk: PlanningDesk, state: str) -> None:
    anna = desk.person("anna", desk.held("SPE_E3", TEAMS, SKYPE))
    options: dict[str, Any] = {"state": "exact"} if state == "exact" else {"remove": ("SPE_E3",)}
    told = desk.run([anna], "SPE_E5", check_mode=True, **options)["users"][0]
    (row,) = desk.run([anna], "SPE_E5", **options)["users"]
    assert (row["status"], row["confirmation"]) == ("changed", "confirmed")
    assert desk.states(anna) == {"SPE_E5": ["MCOEV", "MCOMEETADV", SKYPE, TEAMS]}
    assert row["after"] == told["after"]
    assert "SPE_E5: MCOEV, MCOMEETADV goes off as well, as it needs what stays off" in row["notes"]
    assert len(desk.parts("POST", "assignLicense")) == 1
    assert not desk.run([anna], "SPE_E5", **options)["changed"]


def test_one_ground_is_enough(desk: PlanningDesk) -> None:
    anna = desk.person("anna", desk.held("SPE_E3", SKYPE))
    bert = desk.person("bert", desk.held("SPE_E3", SKYPE, TEAMS), desk.held("STANDARDPACK"))
    desk.run([anna], "SPE_E5", state="exact")
    desk.world.plan_rules.exclusions = []
    desk.run([bert], "SPE_E5", remove=("SPE_E3",))
    assert desk.states(anna)["SPE_E5"] == [SKYPE]
    # the other license gives Teams and Skype
    assert desk.states(bert)["SPE_E5"] == []


def test_what_somebody_asks_to_be_on_is_left_to_the_service(desk: PlanningDesk) -> None:
    anna = desk.person("anna", desk.held("SPE_E3", TEAMS, SKYPE))
    entry = {"sku": "SPE_E5", "enabled_plans": ["MCOEV"], "disabled_plans": []}
    error = desk.fail([anna], entry, state="exact")
    assert error.code == "missing_dependency"
    assert desk.states(anna).keys() == {"SPE_E3"}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_what_the_service_names_goes_off_too(desk: PlanningDesk, text: str, on_error: str) -> None:
    """Nobody knows this dependency before the service says so."""
    desk.world.switches.refusal_text = text
    requires(desk, ATA=[TEAMS], MTP=["ATA", TEAMS], WHITEBOARD_PLAN3=[SKYPE])
    people = [desk.person("anna", desk.held("SPE_E3", TEAMS)), desk.person("bert", desk.held("SPE_E3"))]
    result = desk.run(people, "SPE_E5", state="exact", on_error=on_error)
    assert [row["confirmation"] for row in result["users"]] == ["confirmed", "confirmed"]
    assert desk.states(people[0]) == {"SPE_E5": ["ATA", "MTP", TEAMS]}
    assert desk.states(people[1]) == {"SPE_E5": []}
    notes = "; ".join(result["users"][0]["notes"])
    assert "SPE_E5: ATA goes off as well" in notes
    assert "SPE_E5: MTP goes off as well" in notes
    assert not desk.run(people, "SPE_E5", state="exact")["changed"]


def test_check_mode_does_not_promise_what_it_cannot_foresee(desk: PlanningDesk) -> None:
    requires(desk, ATA=[TEAMS])
    anna = desk.person("anna", desk.held("SPE_E3", TEAMS))
    (row,) = desk.run([anna], "SPE_E5", state="exact", check_mode=True)["users"]
    (doubt,) = [note for note in row["notes"] if "cannot be foreseen" in note]
    assert doubt.startswith(f"SPE_E5: {TEAMS} stays off")
    bert = desk.person("bert", desk.held("SPE_E3"))
    (row,) = desk.run([bert], "SPE_E5", state="exact", check_mode=True)["users"]
    assert not any("cannot be foreseen" in note for note in row["notes"])


def test_what_the_swap_has_not_caused_is_an_error(desk: PlanningDesk) -> None:
    requires(desk, ATA=[TEAMS])
    anna = desk.person("anna", desk.held("SPE_E3"))
    entry = {"sku": "SPE_E5", "disabled_plans": [TEAMS]}
    error = desk.fail([anna], entry, state="exact")
    assert (error.code, len(desk.parts("POST", "assignLicense"))) == ("missing_dependency", 1)
    assert f"ATA of SPE_E5 needs {TEAMS}: name ATA in disabled_plans" in error.hint


# --- rules: the next alternative, in the same run ---------------------------------------------------------------------

FALLBACK: Json = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}], "fallback": [{"sku": "EXCHANGESTANDARD"}]}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_a_refused_license_gives_way_to_the_fallback(desk: PlanningDesk, text: str, on_error: str) -> None:
    desk.world.switches.refusal_text = text
    anna = desk.at_risk("anna", desk.held("SPB", "EXCHANGE_S_STANDARD"))
    bert = desk.at_risk("bert")
    result = desk.apply(FALLBACK, on_error=on_error)
    rows = {row["user_principal_name"]: row for row in result["users"]}
    assert (rows[anna]["status"], rows[anna]["alternative"]) == ("changed", "fallback")
    assert [item["sku"] for item in rows[anna]["add"]] == ["EXCHANGESTANDARD"]
    assert "licenses: License assignment failed because service plans" in rows[anna]["note"]
    assert (rows[bert]["status"], rows[bert]["alternative"]) == ("changed", "licenses")
    assert desk.states(anna).keys() == {"SPB", "EXCHANGESTANDARD"}
    assert (result["summary"]["unresolved"], result["summary"]["failed"]) == (0, 0)
    assert not desk.apply(FALLBACK)["changed"]


def test_a_fallback_without_a_seat_is_not_tried(desk: PlanningDesk) -> None:
    desk.seats("EXCHANGESTANDARD", 1)
    first = desk.at_risk("anna", desk.held("SPB", "EXCHANGE_S_STANDARD"), days=25)
    then = desk.at_risk("bert", desk.held("SPB", "EXCHANGE_S_STANDARD"), days=5)
    rule = {**FALLBACK, "licenses": [{"sku": "SPE_E3", "enabled_plans": [SHAREPOINT, "EXCHANGE_S_ENTERPRISE"]}]}
    error = desk.refused(rule)
    rows = {row["user_principal_name"]: row for row in error.partial["users"]}
    assert [rows[first]["status"], rows[then]["status"]] == ["changed", "failed"]
    assert rows[then]["error"]["code"] == "mutually_exclusive_plans"
    assert len(desk.parts("POST", "assignLicense")) == 3


def test_each_alternative_is_tried_once(desk: PlanningDesk) -> None:
    excludes(desk, table()["EXCHANGESTANDARD"].plan("EXCHANGE_S_STANDARD"), table()["EMS"].plan("INTUNE_A"))
    desk.world.plan_rules.exclusions.append((E5.plan("EXCHANGE_S_ENTERPRISE"), table()["EMS"].plan("INTUNE_A")))
    desk.at_risk("anna", desk.held("EMS"))
    error = desk.refused({**FALLBACK, "licenses": [{"sku": "EXCHANGEENTERPRISE"}]})
    assert error.partial["users"][0]["error"]["code"] == "mutually_exclusive_plans"
    assert len(desk.parts("POST", "assignLicense")) == 2


def test_no_mailbox_stays_unlicensed_for_a_plan_that_nobody_asked_about(desk: PlanningDesk) -> None:
    """The rule has no fallback: the plan that stands against the license is switched off in it."""
    anna = desk.at_risk("anna", desk.held("SPB", "EXCHANGE_S_STANDARD"))
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]}
    (row,) = desk.apply(rule)["users"]
    assert (row["status"], row["alternative"]) == ("changed", "licenses")
    assert desk.states(anna)["SPE_E3"] == [SHAREPOINT]
    assert f"SPE_E3: {SHAREPOINT} is switched off, as the service refuses it" in row["note"]
    assert row["add"][0]["disabled_plans"] == [SHAREPOINT]
    assert not desk.apply(rule)["changed"]


def test_of_whom_nothing_is_at_risk_nothing_is_switched_off_unasked(desk: PlanningDesk) -> None:
    anna = desk.person("anna", desk.held("SPB"))
    options = {"scope": "all_users", "max_covered_seats": "unlimited"}
    error = desk.refused({**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]}, **options)
    assert error.partial["users"][0]["error"]["code"] == "mutually_exclusive_plans"
    assert desk.states(anna) == {"SPB": []}


def test_a_lost_answer_does_not_lose_the_fallback(desk: PlanningDesk) -> None:
    anna = desk.at_risk("anna", desk.held("SPB", "EXCHANGE_S_STANDARD"))
    desk.refuse("assignLicense", kind="late_status", status=503, times=1)
    (row,) = desk.apply(FALLBACK)["users"]
    assert desk.world.faults[-1].hits == 1
    assert (row["status"], row["alternative"]) == ("changed", "fallback")
    assert desk.states(anna).keys() == {"SPB", "EXCHANGESTANDARD"}


@pytest.mark.parametrize("second", [None, "UniquenessViolation"])
def test_an_assignment_that_ends_in_an_error_gives_way_as_well(desk: PlanningDesk, second: str | None) -> None:
    """The service accepts it, and cannot carry it out."""
    errors = {"SPE_E3": "MutuallyExclusiveViolation", "EXCHANGESTANDARD": second}
    desk.world.plan_rules.assignment_errors = {table()[name].id: error for name, error in errors.items() if error}
    anna = desk.at_risk("anna")
    result = desk.apply(FALLBACK) if second is None else desk.refused(FALLBACK).partial
    (row,) = result["users"]
    assert (row["status"], row["alternative"]) == ("failed" if second else "changed", "fallback")
    assert "licenses: SPE_E3 was assigned, but is in error: MutuallyExclusiveViolation" in row["note"]
    assert (result["changed"], set(desk.states(anna))) == (True, {"SPE_E3", "EXCHANGESTANDARD"})
    assert not second or row["error"]["code"] == "duplicate_proxy_address"


def test_without_a_fallback_the_error_is_reported(desk: PlanningDesk) -> None:
    desk.world.plan_rules.assignment_errors = {table()["SPE_E3"].id: "DependencyViolation"}
    desk.at_risk("anna")
    (row,) = desk.refused({**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]}).partial["users"]
    assert (row["status"], row["error"]["code"]) == ("failed", "missing_dependency")
