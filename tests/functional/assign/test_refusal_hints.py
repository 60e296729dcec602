# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hint of a refusal fits what was asked: an addition, a swap, a removal, a usage location; whatever the text."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.support.assign_harness import Harness, statuses
from tests.simulator.plan_rules import TEXTS
from tests.simulator.skus import table
from tests.simulator.state import Json

NAMED = [text for text in TEXTS if text != "unnamed"]
EXCHANGE = "EXCHANGE_S_ENTERPRISE"


def refusal(env: Harness, user: str, *licenses: Any, **options: Any) -> Json:
    """The error of the one user who was refused."""
    (row,) = env.fail([user], *licenses, **options).partial["users"]
    error: Json = row["error"]
    return error


# --- plans that exclude each other: SharePoint Plan 1 of SPB, Plan 2 of SPE_E3 ----------------------------------------


@pytest.mark.parametrize("text", NAMED)
def test_what_was_there_before_is_named_for_removal(env: Harness, text: str) -> None:
    env.world.switches.refusal_text = text
    anna = env.person("anna", env.held("SPB"))
    error = refusal(env, anna, "SPE_E3")
    assert error["code"] == "mutually_exclusive_plans"
    assert error["hint"].startswith("Name SPB in remove, in the same task, or switch one of the two plans off")
    assert "(disabled_plans: [SHAREPOINTENTERPRISE] of SPE_E3)" in error["hint"]
    assert "exact" not in error["hint"]
    env.run([anna], "SPE_E3", remove=("SPB",))


def test_what_comes_from_a_group_has_to_leave_there(env: Harness) -> None:
    inherited = env.inherited("SPB")
    error = refusal(env, env.person("anna", inherited), "SPE_E3", state="exact")
    assert error["hint"].startswith(
        f"SPB comes from group {inherited['assignedByGroup']}. No request for the user removes"
    )
    assert "remove," not in error["hint"]


def test_of_two_that_are_asked_for_one_is_enough(env: Harness) -> None:
    error = refusal(env, env.person("anna"), "SPE_E3", "SPB")
    assert error["hint"].startswith("Ask for one of SPB, SPE_E3 alone")


def test_a_refusal_that_names_no_plans_has_the_usual_hint(env: Harness) -> None:
    env.world.switches.refusal_text = "unnamed"
    error = refusal(env, env.person("anna", env.held("SPB")), "SPE_E3")
    assert error["code"] == "mutually_exclusive_plans"
    assert "name the license that goes in remove" in error["hint"]


@pytest.mark.parametrize(
    ("held", "start"),
    [
        ("held", "Name MIDSIZEPACK in remove, in the same task."),
        ("inherited", "MIDSIZEPACK comes from group "),
    ],
)
def test_no_hint_switches_off_a_requested_mailbox_plan(env: Harness, held: str, start: str) -> None:
    env.add_sku("MIDSIZEPACK")
    env.world.switches.exchange_plans = "exclude_legacy"
    state = env.held("MIDSIZEPACK") if held == "held" else env.inherited("MIDSIZEPACK")
    error = refusal(env, env.person("anna", state), "EXCHANGEENTERPRISE")
    assert error["hint"].startswith(start)
    assert "disabled_plans" not in error["hint"]
    assert "switch one" not in error["hint"]


# --- plans that need others -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
def test_an_addition_can_do_without_the_plan_that_lacks_another(env: Harness, text: str) -> None:
    env.world.switches.refusal_text = text
    entry = {"sku": "SPE_E5", "disabled_plans": ["TEAMS1", "MCOSTANDARD"]}
    error = refusal(env, env.person("anna"), entry)
    needs = "another plan" if text == "unnamed" else "MCOSTANDARD or TEAMS1"
    assert error["code"] == "missing_dependency"
    assert error["hint"].startswith(f"MCOEV of SPE_E5 needs {needs}: name MCOEV in disabled_plans")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("options", [{"state": "absent"}, {"remove": ("EXCHANGESTANDARD",)}])
def test_a_removal_names_what_goes_with_it(env: Harness, text: str, options: dict[str, Any]) -> None:
    env.world.switches.refusal_text = text
    anna = env.person("anna", env.held("EXCHANGESTANDARD"), env.held("EXCHANGEARCHIVE_ADDON"))
    given = "EXCHANGESTANDARD" if "state" in options else "POWER_BI_STANDARD"
    error = refusal(env, anna, given, allow_uncovered=True, **options)
    assert error["code"] == "missing_dependency"
    assert "take EXCHANGEARCHIVE_ADDON away in the same task as well" in error["hint"]
    assert error["hint"].endswith("or keep EXCHANGESTANDARD.")
    assert "disabled_plans" not in error["hint"]


def test_with_exact_it_goes_by_being_left_out(env: Harness) -> None:
    power, ems = table()["POWER_BI_STANDARD"], table()["EMS"]
    env.world.plan_rules.dependencies = {power.plan("BI_AZURE_P0"): (ems.plan("AAD_PREMIUM"),)}
    anna = env.person("anna", env.held("EMS"), env.held("POWER_BI_STANDARD"), kind=None)
    error = refusal(env, anna, "POWER_BI_STANDARD", state="exact")
    assert "with state=exact leave it out of licenses" in error["hint"]
    assert error["hint"].endswith("or keep EMS.")


def test_what_depends_on_it_may_come_from_a_group(env: Harness) -> None:
    inherited = env.inherited("EXCHANGEARCHIVE_ADDON")
    anna = env.person("anna", env.held("EXCHANGESTANDARD"), inherited)
    error = refusal(env, anna, "EXCHANGESTANDARD", state="absent", allow_uncovered=True)
    assert f"comes from group {inherited['assignedByGroup']}: take the user out of that group first" in error["hint"]


# --- usage locations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Property usageLocation is invalid.", "GB for the United Kingdom"),
        ("Unable to update the specified properties for on-premises mastered Directory Sync objects.", "synchronized"),
    ],
)
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_a_refused_location_names_the_value_and_what_is_allowed(
    env: Harness, text: str, hint: str, on_error: str
) -> None:
    anna = env.person("anna", location=None)
    body = {"error": {"code": "Request_BadRequest", "message": text}}
    env.refuse(f"/users/{env.world.user(anna)['id']}", method="PATCH", status=400, body=body, times=None)  # type: ignore[index]
    error = refusal(env, anna, "SPE_E3", usage_location="AQ", on_error=on_error)
    assert error["code"] == "usage_location_refused"
    assert error["message"] == f"usageLocation 'AQ' was refused: {text}"
    assert hint in error["hint"]
    assert env.states(anna) == {}


def test_a_location_in_which_the_license_is_not_offered_is_named(env: Harness) -> None:
    anna = env.person("anna", location="CU")
    body = {
        "error": {
            "code": "Request_BadRequest",
            "message": "License assignment cannot be done for user with invalid usage location.",
        }
    }
    env.refuse("assignLicense", status=400, body=body, times=None)
    error = refusal(env, anna, "SPE_E3")
    assert error["code"] == "usage_location"
    assert "usageLocation of the user is 'CU'" in error["hint"]
    assert "usage_location_force=true" in error["hint"]


# --- one user among many ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_error", ["fail", "continue"])
@pytest.mark.parametrize("refused", [0, 1])
def test_a_403_for_one_of_two_is_about_that_user(env: Harness, refused: int, on_error: str) -> None:
    people = [env.person("anna"), env.person("bert")]
    body = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}
    user = env.world.user(people[refused])
    assert user is not None
    env.refuse(f"{user['id']}/assignLicense", status=403, body=body, times=None)
    error = env.fail(people, "SPE_E3", on_error=on_error)
    assert statuses(error.partial) == {"changed": 1, "failed": 1}
    told = error.partial["users"][refused]["error"]
    assert told["code"] == "permission_denied"
    assert "administrator role" in told["hint"]
    assert "restricted management administrative unit" in told["hint"]
    assert "consent" not in told["hint"]


# --- Exchange is off in what was asked for ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "way"),
    [
        ({"disabled_plans": [EXCHANGE]}, "leave it out of disabled_plans"),
        ({"enabled_plans": ["TEAMS1"]}, "name it in enabled_plans"),
    ],
)
def test_refusal_says_how_to_switch_the_exchange_plan_on(env: Harness, entry: Json, way: str) -> None:
    anna = env.person("anna", env.held("EXCHANGESTANDARD"))
    error = env.fail([anna], {"sku": "SPE_E3", **entry}, remove=("EXCHANGESTANDARD",))
    assert error.code == "would_uncover"
    assert error.hint == f"{EXCHANGE} is off in SPE_E3, so this license keeps no mailbox: {way}."


def test_a_license_with_exchange_off_says_so_in_the_row(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3", EXCHANGE))
    bert = env.person("bert", env.held("SPE_E3", EXCHANGE), env.held("EXCHANGESTANDARD"))
    rows = env.run([anna, bert], "SPE_E3")["users"]
    way = f"enabled_plans: [{EXCHANGE}] with disabled_plans: [] switches it on"
    assert rows[0]["notes"] == [f"{EXCHANGE} is off in SPE_E3, so this license keeps no mailbox: {way}"]
    assert rows[1]["notes"] == []
    (row,) = env.run([anna], {"sku": "SPE_E3", "enabled_plans": [EXCHANGE], "disabled_plans": []})["users"]
    assert (row["status"], row["notes"]) == ("changed", [])
    assert table()["SPE_E3"].plan(EXCHANGE) not in env.states(anna)["SPE_E3"]
