# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small inputs from field reports with their right answers: what is written, and what becomes of a refusal."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ApiError

from tests.functional.support.assign_harness import statuses
from tests.functional.support.plan_harness import EVERYBODY, PlanningDesk
from tests.functional.support.service_clients import clients
from tests.simulator.plan_rules import TEXTS
from tests.simulator.skus import table
from tests.simulator.state import Json

MAILBOX = "EXCHANGE_S_ENTERPRISE"
RETIRED = "aebd3021-9f8f-4bf8-bbe3-0ed2f4f047a1"
PREMIUM = "Microsoft_Teams_Premium"
FIRST, SECOND = "11111111-aaaa-4aaa-8aaa-111111111111", "22222222-bbbb-4bbb-8bbb-222222222222"


@pytest.mark.parametrize("retired", ["dropped", "shown"])
@pytest.mark.parametrize("by_rule", [False, True])
def test_18_a_retired_plan_stands_in_no_write(desk: PlanningDesk, retired: str, by_rule: bool) -> None:
    desk.world.switches.retired_plans = retired
    state = desk.held("SPE_E3", MAILBOX)
    sku = desk.world.skus[state["skuId"]]
    sku["servicePlans"] = [plan for plan in sku["servicePlans"] if plan["servicePlanId"] != RETIRED]
    anna = desk.person("anna", {**state, "disabledPlans": sorted([*state["disabledPlans"], RETIRED])})
    entry: Json = {"sku": "SPE_E3", "enabled_plans": [MAILBOX], "disabled_plans": []}
    rule = {**EVERYBODY, "licenses": [entry]}
    (row,) = (desk.apply(rule) if by_rule else desk.run([anna], entry))["users"]
    assert (row["status"], row["confirmation"]) == ("changed", "confirmed")
    (body,) = desk.license_requests()
    assert body == {"addLicenses": [{"skuId": state["skuId"], "disabledPlans": []}], "removeLicenses": []}
    assert not (desk.apply(rule) if by_rule else desk.run([anna], entry))["changed"]


@pytest.mark.parametrize("text", TEXTS)
def test_19_what_needs_a_plan_that_stays_off_goes_off_too(desk: PlanningDesk, text: str) -> None:
    desk.world.switches.refusal_text = text
    anna = desk.person("anna", desk.held("SPE_E3", "TEAMS1", "MCOSTANDARD"))
    told = desk.run([anna], "SPE_E5", state="exact", check_mode=True)["users"][0]
    assert any("cannot be foreseen" in note for note in told["notes"])
    (row,) = desk.run([anna], "SPE_E5", state="exact")["users"]
    assert (row["status"], row["confirmation"]) == ("changed", "confirmed")
    assert desk.states(anna) == {"SPE_E5": ["MCOEV", "MCOMEETADV", "MCOSTANDARD", "TEAMS1"]}
    assert any("MCOEV, MCOMEETADV goes off as well" in note for note in row["notes"])


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_20_the_fallback_is_tried_in_the_same_run(desk: PlanningDesk, text: str, strategy: str) -> None:
    desk.world.switches.refusal_text = text
    pair = table()["POWER_BI_STANDARD"].plan("BI_AZURE_P0"), table()["SPE_E3"].plan("TEAMS1")
    desk.world.plan_rules.exclusions = [pair]
    anna = desk.at_risk("anna", desk.held("POWER_BI_STANDARD"))
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}], "fallback": [{"sku": "EXCHANGESTANDARD"}]}
    (row,) = desk.apply(rule, strategy=strategy)["users"]
    assert (row["status"], row["confirmation"], row["alternative"]) == ("changed", "confirmed", "fallback")
    assert "are mutually exclusive" in row["note"]
    assert desk.states(anna).keys() == {"POWER_BI_STANDARD", "EXCHANGESTANDARD"}
    assert len(desk.license_requests()) == 2


def test_21_a_swap_keeps_what_it_does_not_name(desk: PlanningDesk) -> None:
    anna = desk.person("anna", desk.held("EXCHANGESTANDARD"), desk.held("POWER_BI_STANDARD"))
    (row,) = desk.run([anna], "SPE_E3", remove=("EXCHANGESTANDARD",))["users"]
    assert row["status"] == "changed"
    assert desk.states(anna).keys() == {"SPE_E3", "POWER_BI_STANDARD"}
    (body,) = desk.license_requests()
    assert [item["skuId"] for item in body["addLicenses"]] == [table()["SPE_E3"].id]
    assert body["removeLicenses"] == [table()["EXCHANGESTANDARD"].id]


@pytest.mark.parametrize("on_error", ["fail", "continue"])
@pytest.mark.parametrize("by_rule", [False, True])
@pytest.mark.parametrize("refused", [0, 1])
def test_22_a_403_for_one_user_is_about_that_user(
    desk: PlanningDesk, on_error: str, by_rule: bool, refused: int
) -> None:
    people = [desk.at_risk("anna"), desk.at_risk("bert")]
    user = desk.world.user(people[refused])
    assert user is not None
    body = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}
    desk.refuse(f"{user['id']}/assignLicense", status=403, body=body, times=None)
    error = desk.refused(EVERYBODY, on_error=on_error) if by_rule else desk.fail(people, "SPE_E3", on_error=on_error)
    assert statuses(error.partial) == {"changed": 1, "failed": 1}
    (failed,) = [row for row in error.partial["users"] if row["status"] == "failed"]
    assert failed["user_principal_name"] == people[refused]
    assert failed["error"]["code"] == "permission_denied"
    assert "administrator role" in failed["error"]["hint"]
    assert "restricted management administrative unit" in failed["error"]["hint"]


def test_23_two_skus_with_one_part_number_are_both_reported(desk: PlanningDesk) -> None:
    model = desk.world.skus[table()["SPE_E3"].id]
    for sku_id in (FIRST, SECOND):
        desk.world.skus[sku_id] = {**model, "skuId": sku_id, "skuPartNumber": PREMIUM, "id": f"t_{sku_id}"}
    desk.world.switches.service_disables_plans = True
    anna = desk.person("anna")
    (row,) = desk.run([anna], {"sku": FIRST}, {"sku": SECOND.upper()})["users"]
    assert row["service_disabled_plans"].keys() == {FIRST, SECOND}


def test_24_the_reason_of_a_cmdlet_stands_in_its_details(desk: PlanningDesk) -> None:
    reason = "The operation couldn't be performed because object 'a' couldn't be found"
    body: dict[str, Any] = {
        "error": {
            "code": "NotFound",
            "message": "Error executing cmdlet",
            "details": [{"code": "Context", "target": "", "message": f"Ex6F9304|Microsoft.Exchange.X|{reason}"}],
            "innererror": {"internalexception": {"message": "Exception of type 'Y' was thrown.", "type": "Y"}},
        }
    }
    desk.tenant.set_faults({"kind": "status", "service": "exchange", "status": 400, "body": body, "times": None})
    with clients(desk.tenant) as made, pytest.raises(ApiError) as caught:
        made.exchange.mailboxes_by_user_id(["00000000-0000-4000-8000-000000000001"])
    assert reason in caught.value.message
    assert "was thrown" not in caught.value.message
