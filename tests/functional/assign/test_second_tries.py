# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a swap carries over is closed under known dependencies, and a refusal of the service is acted on in the run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.plan_rules import TEXTS
from tests.simulator.skus import table
from tests.simulator.state import Json

TEAMS, SKYPE, SHAREPOINT = "TEAMS1", "MCOSTANDARD", "SHAREPOINTENTERPRISE"
E5 = table()["SPE_E5"]


def requires(env: PlanHarness, **needs: list[str]) -> None:
    """Plans of Microsoft 365 E5 by name, and those of which each needs one."""
    env.world.plan_rules.dependencies = {
        E5.plan(plan): tuple(E5.plan(ground) for ground in grounds) for plan, grounds in needs.items()
    }


def excludes(env: PlanHarness, first: str, second: str) -> None:
    env.world.plan_rules.exclusions = [(first, second)]


# --- a swap carries over what is off ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["exact", "remove"])
def test_what_is_known_to_need_it_goes_off_as_well(env: PlanHarness, state: str) -> None:
    anna = env.person("anna", env.held("SPE_E3", TEAMS, SKYPE))
    options: dict[str, Any] = {"state": "exact"} if state == "exact" else {"remove": ("SPE_E3",)}
    told = env.run([anna], "SPE_E5", check_mode=True, **options)["users"][0]
    (row,) = env.run([anna], "SPE_E5", **options)["users"]
    assert (row["status"], row["confirmation"]) == ("changed", "confirmed")
    assert env.states(anna) == {"SPE_E5": ["MCOEV", "MCOMEETADV", SKYPE, TEAMS]}
    assert row["after"] == told["after"]
    assert "SPE_E5: MCOEV, MCOMEETADV is switched off as well, because it needs what stays off" in row["notes"]
    assert len(env.parts("POST", "assignLicense")) == 1
    assert not env.run([anna], "SPE_E5", **options)["changed"]


def test_one_ground_is_enough(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("SPE_E3", SKYPE))
    bert = env.person("bert", env.held("SPE_E3", SKYPE, TEAMS), env.held("STANDARDPACK"))
    env.run([anna], "SPE_E5", state="exact")
    env.world.plan_rules.exclusions = []
    env.run([bert], "SPE_E5", remove=("SPE_E3",))
    assert env.states(anna)["SPE_E5"] == [SKYPE]
    # the other license gives Teams and Skype
    assert env.states(bert)["SPE_E5"] == []


def test_what_somebody_asks_to_be_on_is_left_to_the_service(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("SPE_E3", TEAMS, SKYPE))
    entry = {"sku": "SPE_E5", "enabled_plans": ["MCOEV"], "disabled_plans": []}
    error = env.fail([anna], entry, state="exact")
    assert error.code == "missing_dependency"
    assert env.states(anna).keys() == {"SPE_E3"}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_what_the_service_names_goes_off_too(env: PlanHarness, text: str, on_error: str) -> None:
    """Nobody knows this dependency before the service says so."""
    env.world.switches.refusal_text = text
    requires(env, ATA=[TEAMS], MTP=["ATA", TEAMS], WHITEBOARD_PLAN3=[SKYPE])
    people = [env.person("anna", env.held("SPE_E3", TEAMS)), env.person("bert", env.held("SPE_E3"))]
    result = env.run(people, "SPE_E5", state="exact", on_error=on_error)
    assert [row["confirmation"] for row in result["users"]] == ["confirmed", "confirmed"]
    assert env.states(people[0]) == {"SPE_E5": ["ATA", "MTP", TEAMS]}
    assert env.states(people[1]) == {"SPE_E5": []}
    notes = "; ".join(result["users"][0]["notes"])
    assert "SPE_E5: ATA is switched off as well" in notes
    assert "SPE_E5: MTP is switched off as well" in notes
    assert not env.run(people, "SPE_E5", state="exact")["changed"]


def test_check_mode_does_not_promise_what_it_cannot_foresee(env: PlanHarness) -> None:
    requires(env, ATA=[TEAMS])
    anna = env.person("anna", env.held("SPE_E3", TEAMS))
    (row,) = env.run([anna], "SPE_E5", state="exact", check_mode=True)["users"]
    (doubt,) = [note for note in row["notes"] if "cannot be foreseen" in note]
    assert doubt.startswith(f"SPE_E5: {TEAMS} stays off")
    bert = env.person("bert", env.held("SPE_E3"))
    (row,) = env.run([bert], "SPE_E5", state="exact", check_mode=True)["users"]
    assert not any("cannot be foreseen" in note for note in row["notes"])


def test_what_the_swap_has_not_caused_is_an_error(env: PlanHarness) -> None:
    requires(env, ATA=[TEAMS])
    anna = env.person("anna", env.held("SPE_E3"))
    entry = {"sku": "SPE_E5", "disabled_plans": [TEAMS]}
    error = env.fail([anna], entry, state="exact")
    assert (error.code, len(env.parts("POST", "assignLicense"))) == ("missing_dependency", 1)
    assert f"ATA of SPE_E5 needs {TEAMS}: name ATA in disabled_plans" in error.hint


# --- rules: the next alternative, in the same run ---------------------------------------------------------------------

FALLBACK: Json = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}], "fallback": [{"sku": "EXCHANGESTANDARD"}]}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_a_refused_license_gives_way_to_the_fallback(env: PlanHarness, text: str, on_error: str) -> None:
    env.world.switches.refusal_text = text
    anna = env.at_risk("anna", env.held("SPB", "EXCHANGE_S_STANDARD"))
    bert = env.at_risk("bert")
    result = env.apply(FALLBACK, on_error=on_error)
    rows = {row["user_principal_name"]: row for row in result["users"]}
    assert (rows[anna]["status"], rows[anna]["alternative"]) == ("changed", "fallback")
    assert [item["sku"] for item in rows[anna]["add"]] == ["EXCHANGESTANDARD"]
    assert "licenses: License assignment failed because service plans" in rows[anna]["note"]
    assert (rows[bert]["status"], rows[bert]["alternative"]) == ("changed", "licenses")
    assert env.states(anna).keys() == {"SPB", "EXCHANGESTANDARD"}
    assert (result["summary"]["unresolved"], result["summary"]["failed"]) == (0, 0)
    assert not env.apply(FALLBACK)["changed"]


def test_a_fallback_without_a_seat_is_not_tried(env: PlanHarness) -> None:
    env.seats("EXCHANGESTANDARD", 1)
    first = env.at_risk("anna", env.held("SPB", "EXCHANGE_S_STANDARD"), days=25)
    then = env.at_risk("bert", env.held("SPB", "EXCHANGE_S_STANDARD"), days=5)
    rule = {**FALLBACK, "licenses": [{"sku": "SPE_E3", "enabled_plans": [SHAREPOINT, "EXCHANGE_S_ENTERPRISE"]}]}
    error = env.refused(rule)
    rows = {row["user_principal_name"]: row for row in error.partial["users"]}
    assert [rows[first]["status"], rows[then]["status"]] == ["changed", "failed"]
    assert rows[then]["error"]["code"] == "mutually_exclusive_plans"
    assert len(env.parts("POST", "assignLicense")) == 3


def test_each_alternative_is_tried_once(env: PlanHarness) -> None:
    excludes(env, table()["EXCHANGESTANDARD"].plan("EXCHANGE_S_STANDARD"), table()["EMS"].plan("INTUNE_A"))
    env.world.plan_rules.exclusions.append((E5.plan("EXCHANGE_S_ENTERPRISE"), table()["EMS"].plan("INTUNE_A")))
    env.at_risk("anna", env.held("EMS"))
    error = env.refused({**FALLBACK, "licenses": [{"sku": "EXCHANGEENTERPRISE"}]})
    assert error.partial["users"][0]["error"]["code"] == "mutually_exclusive_plans"
    assert len(env.parts("POST", "assignLicense")) == 2


def test_unrequested_plans_never_leave_a_mailbox_unlicensed(env: PlanHarness) -> None:
    """The rule has no fallback: the plan that stands against the license is switched off in it."""
    anna = env.at_risk("anna", env.held("SPB", "EXCHANGE_S_STANDARD"))
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]}
    (row,) = env.apply(rule)["users"]
    assert (row["status"], row["alternative"]) == ("changed", "licenses")
    assert env.states(anna)["SPE_E3"] == [SHAREPOINT]
    assert f"SPE_E3: {SHAREPOINT} is switched off, as the service refuses it" in row["note"]
    assert row["add"][0]["disabled_plans"] == [SHAREPOINT]
    assert not env.apply(rule)["changed"]


def test_users_not_at_risk_lose_no_plan_without_a_request(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("SPB"))
    options = {"scope": "all_users", "max_covered_seats": "unlimited"}
    error = env.refused({**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]}, **options)
    assert error.partial["users"][0]["error"]["code"] == "mutually_exclusive_plans"
    assert env.states(anna) == {"SPB": []}


def test_a_lost_answer_does_not_lose_the_fallback(env: PlanHarness) -> None:
    anna = env.at_risk("anna", env.held("SPB", "EXCHANGE_S_STANDARD"))
    env.refuse("assignLicense", kind="late_status", status=503, times=1)
    (row,) = env.apply(FALLBACK)["users"]
    assert env.world.faults[-1].hits == 1
    assert (row["status"], row["alternative"]) == ("changed", "fallback")
    assert env.states(anna).keys() == {"SPB", "EXCHANGESTANDARD"}


@pytest.mark.parametrize("second", [None, "UniquenessViolation"])
def test_an_assignment_that_ends_in_an_error_gives_way_as_well(env: PlanHarness, second: str | None) -> None:
    """The service accepts it, and cannot carry it out."""
    errors = {"SPE_E3": "MutuallyExclusiveViolation", "EXCHANGESTANDARD": second}
    env.world.plan_rules.assignment_errors = {table()[name].id: error for name, error in errors.items() if error}
    anna = env.at_risk("anna")
    result = env.apply(FALLBACK) if second is None else env.refused(FALLBACK).partial
    (row,) = result["users"]
    assert (row["status"], row["alternative"]) == ("failed" if second else "changed", "fallback")
    assert "licenses: SPE_E3 was assigned, but is in error: MutuallyExclusiveViolation" in row["note"]
    assert (result["changed"], set(env.states(anna))) == (True, {"SPE_E3", "EXCHANGESTANDARD"})
    assert not second or row["error"]["code"] == "duplicate_proxy_address"


def test_without_a_fallback_the_error_is_reported(env: PlanHarness) -> None:
    env.world.plan_rules.assignment_errors = {table()["SPE_E3"].id: "DependencyViolation"}
    env.at_risk("anna")
    (row,) = env.refused({**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]}).partial["users"]
    assert (row["status"], row["error"]["code"]) == ("failed", "missing_dependency")
