# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small inputs from field reports with their right answers: what is written, and what becomes of a refusal."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ApiError

from tests.functional.support.assign_harness import statuses
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
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
def test_18_a_retired_plan_stands_in_no_write(env: PlanHarness, retired: str, by_rule: bool) -> None:
    env.world.switches.retired_plans = retired
    state = env.held("SPE_E3", MAILBOX)
    sku = env.world.skus[state["skuId"]]
    sku["servicePlans"] = [plan for plan in sku["servicePlans"] if plan["servicePlanId"] != RETIRED]
    anna = env.person("anna", {**state, "disabledPlans": sorted([*state["disabledPlans"], RETIRED])})
    entry: Json = {"sku": "SPE_E3", "enabled_plans": [MAILBOX], "disabled_plans": []}
    rule = {**EVERYBODY, "licenses": [entry]}
    (row,) = (env.apply(rule) if by_rule else env.run([anna], entry))["users"]
    assert (row["status"], row["confirmation"]) == ("changed", "confirmed")
    (body,) = env.license_requests()
    assert body == {"addLicenses": [{"skuId": state["skuId"], "disabledPlans": []}], "removeLicenses": []}
    assert not (env.apply(rule) if by_rule else env.run([anna], entry))["changed"]


@pytest.mark.parametrize("text", TEXTS)
def test_19_what_needs_a_plan_that_stays_off_goes_off_too(env: PlanHarness, text: str) -> None:
    env.world.switches.refusal_text = text
    anna = env.person("anna", env.held("SPE_E3", "TEAMS1", "MCOSTANDARD"))
    told = env.run([anna], "SPE_E5", state="exact", check_mode=True)["users"][0]
    assert any("cannot be foreseen" in note for note in told["notes"])
    (row,) = env.run([anna], "SPE_E5", state="exact")["users"]
    assert (row["status"], row["confirmation"]) == ("changed", "confirmed")
    assert env.states(anna) == {"SPE_E5": ["MCOEV", "MCOMEETADV", "MCOSTANDARD", "TEAMS1"]}
    assert any("MCOEV, MCOMEETADV is switched off as well" in note for note in row["notes"])


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_20_the_fallback_is_tried_in_the_same_run(env: PlanHarness, text: str, strategy: str) -> None:
    env.world.switches.refusal_text = text
    pair = table()["POWER_BI_STANDARD"].plan("BI_AZURE_P0"), table()["SPE_E3"].plan("TEAMS1")
    env.world.plan_rules.exclusions = [pair]
    anna = env.at_risk("anna", env.held("POWER_BI_STANDARD"))
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}], "fallback": [{"sku": "EXCHANGESTANDARD"}]}
    (row,) = env.apply(rule, strategy=strategy)["users"]
    assert (row["status"], row["confirmation"], row["alternative"]) == ("changed", "confirmed", "fallback")
    assert "are mutually exclusive" in row["note"]
    assert env.states(anna).keys() == {"POWER_BI_STANDARD", "EXCHANGESTANDARD"}
    assert len(env.license_requests()) == 2


def test_21_a_swap_keeps_what_it_does_not_name(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("EXCHANGESTANDARD"), env.held("POWER_BI_STANDARD"))
    (row,) = env.run([anna], "SPE_E3", remove=("EXCHANGESTANDARD",))["users"]
    assert row["status"] == "changed"
    assert env.states(anna).keys() == {"SPE_E3", "POWER_BI_STANDARD"}
    (body,) = env.license_requests()
    assert [item["skuId"] for item in body["addLicenses"]] == [table()["SPE_E3"].id]
    assert body["removeLicenses"] == [table()["EXCHANGESTANDARD"].id]


@pytest.mark.parametrize("on_error", ["fail", "continue"])
@pytest.mark.parametrize("by_rule", [False, True])
@pytest.mark.parametrize("refused", [0, 1])
def test_22_a_403_for_one_user_is_about_that_user(env: PlanHarness, on_error: str, by_rule: bool, refused: int) -> None:
    people = [env.at_risk("anna"), env.at_risk("bert")]
    user = env.world.user(people[refused])
    assert user is not None
    body = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}
    env.refuse(f"{user['id']}/assignLicense", status=403, body=body, times=None)
    error = env.refused(EVERYBODY, on_error=on_error) if by_rule else env.fail(people, "SPE_E3", on_error=on_error)
    assert statuses(error.partial) == {"changed": 1, "failed": 1}
    (failed,) = [row for row in error.partial["users"] if row["status"] == "failed"]
    assert failed["user_principal_name"] == people[refused]
    assert failed["error"]["code"] == "permission_denied"
    assert "administrator role" in failed["error"]["hint"]
    assert "restricted management administrative unit" in failed["error"]["hint"]


def test_23_two_skus_with_one_part_number_are_both_reported(env: PlanHarness) -> None:
    model = env.world.skus[table()["SPE_E3"].id]
    for sku_id in (FIRST, SECOND):
        env.world.skus[sku_id] = {**model, "skuId": sku_id, "skuPartNumber": PREMIUM, "id": f"t_{sku_id}"}
    env.world.switches.service_disables_plans = True
    anna = env.person("anna")
    (row,) = env.run([anna], {"sku": FIRST}, {"sku": SECOND.upper()})["users"]
    assert row["service_disabled_plans"].keys() == {FIRST, SECOND}


def test_24_the_reason_of_a_cmdlet_stands_in_its_details(env: PlanHarness) -> None:
    reason = "The operation couldn't be performed because object 'a' couldn't be found"
    body: dict[str, Any] = {
        "error": {
            "code": "NotFound",
            "message": "Error executing cmdlet",
            "details": [{"code": "Context", "target": "", "message": f"Ex6F9304|Microsoft.Exchange.X|{reason}"}],
            "innererror": {"internalexception": {"message": "Exception of type 'Y' was thrown.", "type": "Y"}},
        }
    }
    env.tenant.set_faults({"kind": "status", "service": "exchange", "status": 400, "body": body, "times": None})
    with clients(env.tenant) as made, pytest.raises(ApiError) as caught:
        made.exchange.mailboxes_by_user_id(["00000000-0000-4000-8000-000000000001"])
    assert reason in caught.value.message
    assert "was thrown" not in caught.value.message
