# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service refuses is no end for a mailbox at risk: the other alternative, and then the license with less."""

from __future__ import annotations

import pytest

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.builders import GB
from tests.simulator.plan_rules import TEXTS
from tests.simulator.skus import table
from tests.simulator.state import Json

E3, STANDARD = table()["SPE_E3"], table()["EXCHANGESTANDARD"]
E3_THEN_STANDARD: Json = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}], "fallback": [{"sku": "EXCHANGESTANDARD"}]}
STANDARD_THEN_E3: Json = {**EVERYBODY, "licenses": [{"sku": "EXCHANGESTANDARD"}], "fallback": [{"sku": "SPE_E3"}]}
ASKED = ("EXCHANGE_S_ENTERPRISE", "SHAREPOINTENTERPRISE")
REFUSED = {
    "no_seats": f"Subscription with SKU {E3.id} does not have any available licenses.",
    "unknown_sku": f"License {E3.id} does not correspond to a valid company License.",
    "company_sku": f"License {E3.id} cannot be assigned to a user.",
    "unknown_plan": f"Service plan {E3.plan('TEAMS1')} does not belong to the subscription with SKU {E3.id}.",
}


def without_exchange(env: PlanHarness) -> Json:
    """A license whose SharePoint plan excludes that of SPE_E3, with Exchange off."""
    return env.held("SPB", "EXCHANGE_S_STANDARD", "EXCHANGE_S_ARCHIVE_ADDON")


@pytest.mark.parametrize("code", REFUSED)
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_a_license_that_nobody_can_have_gives_way(env: PlanHarness, code: str, on_error: str) -> None:
    """Somebody else took the last seat, or the SKU went, after it was read."""
    anna = env.at_risk("anna")
    body = {"error": {"code": "Request_BadRequest", "message": REFUSED[code]}}
    env.refuse("assignLicense", status=400, body=body, times=1)
    (row,) = env.apply(E3_THEN_STANDARD, on_error=on_error)["users"]
    assert (row["status"], row["alternative"], row["error"]) == ("changed", "fallback", None)
    assert f"licenses: {REFUSED[code].rstrip('.')}" in row["note"]
    assert env.states(anna).keys() == {"EXCHANGESTANDARD"}


@pytest.mark.parametrize("text", TEXTS)
def test_a_refusal_has_one_full_stop(env: PlanHarness, text: str) -> None:
    """The names of ids follow the words of the service, and the stop comes last."""
    env.world.switches.refusal_text = text
    env.person("anna", env.held("SPB"), kind=None)
    options = {"scope": "all_users", "max_covered_seats": "unlimited"}
    (row,) = env.refused({**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]}, **options).partial["users"]
    message = row["error"]["message"]
    assert message.startswith("License assignment failed because service plans")
    assert message.endswith("SHAREPOINTENTERPRISE)." if text != "unnamed" else "are mutually exclusive.")
    assert message.count(".") == 1


@pytest.mark.parametrize("code", REFUSED)
def test_where_there_is_no_other_it_is_reported(env: PlanHarness, code: str) -> None:
    env.at_risk("anna")
    body = {"error": {"code": "Request_BadRequest", "message": REFUSED[code]}}
    env.refuse("assignLicense", status=400, body=body, times=None)
    (row,) = env.refused({**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]}).partial["users"]
    assert (row["status"], row["error"]["code"], len(env.license_requests())) == ("failed", code, 1)


@pytest.mark.parametrize("text", TEXTS)
def test_a_license_that_lacks_a_right_is_better_than_none(env: PlanHarness, text: str) -> None:
    """The fallback gives the right for the hold and is refused: the license that keeps the mailbox is tried."""
    env.world.switches.refusal_text = text
    anna = env.person("anna", without_exchange(env), hold=True)
    (row,) = env.apply(STANDARD_THEN_E3)["users"]
    assert (row["status"], row["alternative"]) == ("changed", "licenses")
    assert "fallback: License assignment failed because service plans" in row["note"]
    assert env.states(anna).keys() == {"SPB", "EXCHANGESTANDARD"}
    assert len(env.license_requests()) == 2


def test_of_whom_nothing_is_at_risk_the_order_of_the_rule_stays(env: PlanHarness) -> None:
    """After the refusal of a fallback, the license without a free seat is not tried again."""
    env.seats("EXCHANGESTANDARD", 0)
    env.person("anna", without_exchange(env), kind=None)
    options = {"scope": "all_users", "max_covered_seats": "unlimited"}
    (row,) = env.refused(STANDARD_THEN_E3, **options).partial["users"]
    assert (row["alternative"], row["error"]["code"], len(env.license_requests())) == (
        "fallback",
        "mutually_exclusive_plans",
        1,
    )


def test_an_alternative_that_does_not_help_is_not_tried(env: PlanHarness) -> None:
    """A large shared mailbox lives without a license, and Plan 1 does not make it larger."""
    env.person("team", without_exchange(env), kind="SharedMailbox", bytes=60 * GB)
    (row,) = env.refused(
        {**E3_THEN_STANDARD, "licenses": [{"sku": "SPE_E3", "enabled_plans": [*ASKED]}]}, shared_mailbox_sizes="always"
    ).partial["users"]
    assert (row["alternative"], row["error"]["code"], len(env.license_requests())) == (
        "licenses",
        "mutually_exclusive_plans",
        1,
    )


@pytest.mark.parametrize("text", TEXTS)
def test_no_mailbox_stays_unlicensed_whatever_the_text(env: PlanHarness, text: str) -> None:
    """Where the service does not say which plan stands in the way, all go off that nobody asked for."""
    env.world.switches.refusal_text = text
    anna = env.at_risk("anna", without_exchange(env))
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E3", "enabled_plans": ["TEAMS1"], "disabled_plans": []}]}
    (row,) = env.apply(rule)["users"]
    assert (row["status"], row["confirmation"], row["alternative"]) == ("changed", "confirmed", "licenses")
    off = set(env.states(anna)["SPE_E3"])
    assert "SHAREPOINTENTERPRISE" in off
    assert off.isdisjoint({"EXCHANGE_S_ENTERPRISE", "TEAMS1"})
    assert (len(off) > 1) is (text == "unnamed")
    assert "switched off" in row["note"]
    assert (env.apply(rule)["changed"], len(env.license_requests())) == (False, 2)


def test_nobody_else_loses_plans_for_a_text_without_names(env: PlanHarness) -> None:
    env.world.switches.refusal_text = "unnamed"
    anna = env.person("anna", env.held("SPB"))
    options = {"scope": "all_users", "max_covered_seats": "unlimited"}
    (row,) = env.refused({**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]}, **options).partial["users"]
    assert (row["error"]["code"], len(env.license_requests())) == ("mutually_exclusive_plans", 1)
    assert env.states(anna).keys() == {"SPB"}


@pytest.mark.parametrize("text", TEXTS)
def test_after_both_are_refused_each_is_tried_with_less(env: PlanHarness, text: str) -> None:
    """The first cannot be had at all, and the other only without a plan that nobody asked for."""
    env.world.switches.refusal_text = text
    anna = env.at_risk("anna", without_exchange(env))
    body = {"error": {"code": "Request_BadRequest", "message": REFUSED["no_seats"].replace(E3.id, STANDARD.id)}}
    env.refuse("assignLicense", status=400, body=body, times=1)
    (row,) = env.apply(STANDARD_THEN_E3)["users"]
    assert (row["status"], row["alternative"]) == ("changed", "fallback")
    assert "SHAREPOINTENTERPRISE" in env.states(anna)["SPE_E3"]
    assert len(env.license_requests()) == 3


def test_lasting_refusal_is_tried_a_few_times_and_reported(env: PlanHarness) -> None:
    """The Exchange plans themselves are excluded: no plan may go off, and no attempt is made twice."""
    power = table()["POWER_BI_STANDARD"].plan("BI_AZURE_P0")
    env.world.switches.refusal_text = "unnamed"
    env.world.plan_rules.exclusions = [
        (power, E3.plan("EXCHANGE_S_ENTERPRISE")),
        (power, STANDARD.plan("EXCHANGE_S_STANDARD")),
    ]
    anna = env.at_risk("anna", env.held("POWER_BI_STANDARD"))
    (row,) = env.refused(E3_THEN_STANDARD).partial["users"]
    assert (row["status"], row["error"]["code"]) == ("failed", "mutually_exclusive_plans")
    assert env.states(anna).keys() == {"POWER_BI_STANDARD"}
    assert len(env.license_requests()) == 3


# --- any definite refusal of one license leads to the other -----------------------------------------------------------

E5_THEN_STANDARD: Json = {**EVERYBODY, "licenses": [{"sku": "SPE_E5"}], "fallback": [{"sku": "EXCHANGESTANDARD"}]}
E5 = table()["SPE_E5"]


@pytest.mark.parametrize("location", ["CN", None])
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_a_license_that_a_country_prohibits(env: PlanHarness, location: str | None, on_error: str) -> None:
    """The fallback is allowed there. A location that was set a moment ago may show late, so that is waited for."""
    env.world.plan_rules.prohibited_locations = {E5.id: ("CN",)}
    anna = env.at_risk("anna", usageLocation=location, country="China")
    (row,) = env.apply(E5_THEN_STANDARD, on_error=on_error)["users"]
    assert (row["status"], row["alternative"], row["confirmation"]) == ("changed", "fallback", "confirmed")
    assert "licenses: License assignment cannot be done for user with invalid usage location" in row["note"]
    assert set(env.states(anna)) == {"EXCHANGESTANDARD"}
    assert env.location(anna) == "CN"


@pytest.mark.parametrize(
    "error",
    [f"{word}Violation" for word in ("Count", "Dependency", "ProhibitedInUsageLocation", "Uniqueness")]
    + ["Other", "New"],
)
def test_whatever_the_error_in_which_it_ends(env: PlanHarness, error: str) -> None:
    env.world.plan_rules.assignment_errors = {E5.id: error}
    anna = env.at_risk("anna")
    (row,) = env.apply(E5_THEN_STANDARD)["users"]
    assert (row["status"], row["alternative"], row["confirmation"]) == ("changed", "fallback", "confirmed")
    assert {"EXCHANGESTANDARD"} < env.states(anna).keys()
    assert len(env.license_requests()) == 2


def test_a_refusal_that_nobody_has_seen_before(env: PlanHarness) -> None:
    anna = env.at_risk("anna")
    body = {"error": {"code": "Request_BadRequest", "message": "Something new about the license."}}
    env.refuse("assignLicense", status=400, body=body, times=1)
    (row,) = env.apply(E5_THEN_STANDARD)["users"]
    assert (row["status"], row["alternative"]) == ("changed", "fallback")
    assert "licenses: Something new about the license" in row["note"]
    assert env.states(anna).keys() == {"EXCHANGESTANDARD"}


def test_each_is_sent_once_where_all_are_refused_so(env: PlanHarness) -> None:
    env.at_risk("anna")
    body = {"error": {"code": "Request_BadRequest", "message": "Something new about the license."}}
    env.refuse("assignLicense", status=400, body=body, times=None)
    (row,) = env.refused(E5_THEN_STANDARD).partial["users"]
    assert (row["status"], row["error"]["code"], len(env.license_requests())) == ("failed", "Request_BadRequest", 2)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
        (404, "Request_ResourceNotFound", "Resource 'x' does not exist."),
        (423, "Locked", "The resource is locked."),
    ],
)
def test_what_is_not_about_the_license_leads_nowhere(env: PlanHarness, status: int, code: str, message: str) -> None:
    env.at_risk("anna")
    body = {"error": {"code": code, "message": message}}
    env.refuse("assignLicense", status=status, body=body, times=None)
    (row,) = env.refused(E5_THEN_STANDARD, on_error="continue").partial["users"]
    assert (row["status"], row["alternative"], len(env.license_requests())) == ("failed", "licenses", 1)


def test_of_whom_nothing_is_at_risk_such_a_refusal_is_the_end(env: PlanHarness) -> None:
    env.world.plan_rules.prohibited_locations = {E5.id: ("CN",)}
    env.person("anna", kind=None, location="CN")
    options = {"scope": "all_users", "max_covered_seats": "unlimited"}
    (row,) = env.refused(E5_THEN_STANDARD, **options).partial["users"]
    assert (row["error"]["code"], len(env.license_requests())) == ("usage_location", 1)


def test_a_fallback_for_which_no_seat_is_left_is_reported(env: PlanHarness) -> None:
    env.world.plan_rules.assignment_errors = {E5.id: "CountViolation"}
    env.seats("EXCHANGESTANDARD", 1)
    first, then = env.at_risk("anna", days=25), env.at_risk("bert", days=5)
    rows = {row["user_principal_name"]: row for row in env.refused(E5_THEN_STANDARD).partial["users"]}
    assert (rows[first]["status"], rows[then]["status"]) == ("changed", "failed")
    assert "fallback: no seat left of EXCHANGESTANDARD" in rows[then]["note"]


# --- a removal that is refused keeps no license away ------------------------------------------------------------------

INHERITED = "User license is inherited from a group membership and it cannot be removed directly from the user."


def needs_ems(env: PlanHarness) -> None:
    power, ems = table()["POWER_BI_STANDARD"], table()["EMS"]
    env.world.plan_rules.dependencies = {power.plan("BI_AZURE_P0"): (ems.plan("AAD_PREMIUM"),)}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("more", [{}, {"fallback": [{"sku": "SPE_E3"}]}])
def test_a_mailbox_at_risk_is_licensed_without_the_removal(env: PlanHarness, text: str, more: Json) -> None:
    """What stays behind depends on what the rule takes away."""
    env.world.switches.refusal_text = text
    needs_ems(env)
    anna = env.at_risk("anna", env.held("EMS"), env.held("POWER_BI_STANDARD"))
    rule = {**EVERYBODY, "licenses": [{"sku": "EXCHANGESTANDARD"}], "remove": ["EMS"], **more}
    (row,) = env.apply(rule, allow_removals=True)["users"]
    assert (row["status"], row["alternative"], row["remove"]) == ("changed", "licenses", [])
    assert "EMS stays, as the service refuses to remove it: License assignment failed" in row["note"]
    assert env.states(anna).keys() == {"EMS", "POWER_BI_STANDARD", "EXCHANGESTANDARD"}
    assert len(env.license_requests()) == 2


def test_so_it_is_where_a_group_gives_what_is_to_go(env: PlanHarness) -> None:
    anna = env.at_risk("anna", env.held("EMS"))
    body = {"error": {"code": "Request_BadRequest", "message": INHERITED}}
    env.refuse("assignLicense", status=400, body=body, times=1)
    rule = {**EVERYBODY, "licenses": [{"sku": "EXCHANGESTANDARD"}], "remove": ["EMS"]}
    (row,) = env.apply(rule, allow_removals=True)["users"]
    assert (row["status"], row["remove"], len(env.license_requests())) == ("changed", [], 2)
    assert env.states(anna).keys() == {"EMS", "EXCHANGESTANDARD"}


def test_of_whom_nothing_is_at_risk_the_removal_is_an_error(env: PlanHarness) -> None:
    needs_ems(env)
    anna = env.person("anna", env.held("EMS"), env.held("POWER_BI_STANDARD"), kind=None)
    rule = {**EVERYBODY, "licenses": [{"sku": "EXCHANGESTANDARD"}], "remove": ["EMS"]}
    options = {"scope": "all_users", "allow_removals": True, "max_covered_seats": "unlimited"}
    (row,) = env.refused(rule, **options).partial["users"]
    assert (row["error"]["code"], len(env.license_requests())) == ("missing_dependency", 1)
    assert env.states(anna).keys() == {"EMS", "POWER_BI_STANDARD"}


# --- check mode says what it cannot foresee ---------------------------------------------------------------------------


def test_plans_that_exclude_each_other_are_doubted_in_check_mode(env: PlanHarness) -> None:
    anna = env.at_risk("anna", without_exchange(env))
    result = env.apply(E3_THEN_STANDARD, check_mode=True)
    doubt = (
        "SPB carries SHAREPOINTSTANDARD and SPE_E3 SHAREPOINTENTERPRISE, which are said to exclude each other: whether "
        "the service accepts both cannot be foreseen"
    )
    assert result["users"][0]["warnings"] == [doubt]
    (told,) = env.run([anna], "SPE_E3", check_mode=True)["users"]
    assert told["notes"] == [doubt]


@pytest.mark.parametrize(
    "entry",
    [
        {"sku": "SPE_E3", "disabled_plans": ["SHAREPOINTENTERPRISE", "SHAREPOINTWAC"]},
        {"sku": "SPE_E5", "enabled_plans": ["EXCHANGE_S_ENTERPRISE"]},
        {"sku": "EXCHANGESTANDARD"},
    ],
)
def test_nothing_is_doubted_where_nothing_excludes(env: PlanHarness, entry: Json) -> None:
    anna = env.at_risk("anna", without_exchange(env))
    (told,) = env.run([anna], entry, check_mode=True)["users"]
    assert told["notes"] == []
    assert env.run([anna], entry)["changed"]


def test_what_a_swap_takes_away_excludes_nothing(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("SPB"))
    (told,) = env.run([anna], "SPE_E3", remove=("SPB",), check_mode=True)["users"]
    assert not any("cannot be foreseen" in note for note in told["notes"])
