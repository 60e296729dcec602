# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disabled plans that their SKU no longer carries, or no longer for users: reads show them, and writes are refused.

They are left out of every write, and neither the reading back nor the next run minds them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import change_for
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import Wanted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    Assignment,
    LicenseState,
    ServicePlan,
    Sku,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.readback import carried_only, still_to_do

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.skus import table
from tests.simulator.state import Json
from tests.unit.support.sample_tenant import user

RETIRED = "aebd3021-9f8f-4bf8-bbe3-0ed2f4f047a1"
MAILBOX, TEAMS = "EXCHANGE_S_ENTERPRISE", "TEAMS1"
ON = {"enabled_plans": [MAILBOX], "disabled_plans": []}


@pytest.fixture(params=["dropped", "shown", "of the company"])
def env(tenant: Tenant, request: pytest.FixtureRequest) -> Iterator[PlanHarness]:
    found = PlanHarness(tenant)
    company = request.param == "of the company"
    found.world.switches.retired_plans = "dropped" if company else request.param
    before = {sku_id: sku["servicePlans"] for sku_id, sku in found.world.skus.items()}
    for sku in found.world.skus.values():
        others = [plan for plan in sku["servicePlans"] if plan["servicePlanId"] != RETIRED]
        retired = [plan for plan in sku["servicePlans"] if plan["servicePlanId"] == RETIRED]
        sku["servicePlans"] = [*others, *({**plan, "appliesTo": "Company"} for plan in retired if company)]
    yield found
    for sku_id, plans in before.items():
        found.world.skus[sku_id]["servicePlans"] = plans


def held(env: PlanHarness, part_number: str = "SPE_E3", *off: str) -> Json:
    state = env.held(part_number, *off)
    return {**state, "disabledPlans": sorted([*state["disabledPlans"], RETIRED])}


def off_in(body: Json, part_number: str = "SPE_E3") -> set[str]:
    """The plans that a write switches off in a SKU."""
    found = next(item for item in body["addLicenses"] if item["skuId"] == table()[part_number].id)
    return set(found["disabledPlans"])


def test_one_plan_is_switched_on_by_one_write(env: PlanHarness) -> None:
    anna = env.person("anna", held(env, "SPE_E3", MAILBOX, TEAMS))
    told = env.run([anna], {"sku": "SPE_E3", **ON}, check_mode=True)["users"][0]
    (row,) = env.run([anna], {"sku": "SPE_E3", **ON})["users"]
    assert (row["status"], row["confirmation"], row["service_disabled_plans"]) == ("changed", "confirmed", {})
    assert (row["before"], row["after"]) == (told["before"], told["after"])
    (body,) = env.license_requests()
    assert off_in(body) == {table()["SPE_E3"].plan(TEAMS)}
    assert not env.run([anna], {"sku": "SPE_E3", **ON})["changed"]


@pytest.mark.parametrize("entry", [{}, {"disabled_plans": []}, {"disabled_plans": [TEAMS]}])
def test_who_has_what_was_asked_for_is_not_written(env: PlanHarness, entry: Json) -> None:
    anna = env.person("anna", held(env, "SPE_E3", TEAMS))
    assert not env.run([anna], {"sku": "SPE_E3", **entry})["changed"]
    assert env.writes() == []


def test_a_swap_carries_over_what_the_new_license_has(env: PlanHarness) -> None:
    anna = env.person("anna", held(env, "SPE_E3", TEAMS))
    (row,) = env.run([anna], "SPE_E5", state="exact")["users"]
    assert row["confirmation"] == "confirmed"
    assert off_in(env.license_requests()[0], "SPE_E5") == {table()["SPE_E5"].plan(TEAMS)}


def test_what_is_off_by_a_lost_answer_is_sent_again_without_it(env: PlanHarness) -> None:
    """The write is repeated with what somebody else has switched off meanwhile."""
    anna = env.person("anna", held(env, "SPE_E3", MAILBOX))
    env.fault("lost_answer", after_batches=1)
    (row,) = env.run([anna], {"sku": "SPE_E3", **ON})["users"]
    assert (row["status"], env.world.faults[-1].hits) == ("changed", 1)
    assert all(RETIRED not in off_in(body) for body in env.license_requests())


@pytest.mark.parametrize("plans", [(), (ServicePlan("retired", "RETIRED", applies_to="Company"),)])
def test_concurrent_plan_switch_stays_if_not_requested(plans: tuple[ServicePlan, ...]) -> None:
    sku = Sku("e3", "SPE_E3", plans=(ServicePlan("mail", "MAIL"), ServicePlan("teams", "TEAMS"), *plans))
    before, now = (
        carried_only(user("anna")._replace(license_states=(LicenseState("e3", frozenset(off)),)), {"e3": sku})
        for off in (("mail",), ("mail", "teams", "retired"))
    )
    change = change_for(before, [Wanted("e3", frozenset(), frozenset({"mail"}))], {"e3": sku})
    assert still_to_do(change, before, now).add == (Assignment("e3", frozenset({"teams"})),)


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_rule_switches_the_plan_on(env: PlanHarness, check_mode: bool) -> None:
    env.person("anna", held(env, "SPE_E3", MAILBOX))
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E3", **ON}]}
    (row,) = env.apply(rule, check_mode=check_mode)["users"]
    assert (row["action"], row["status"]) == ("license", "changed")
    assert not env.apply(rule)["summary"]["failed"]


def test_what_a_result_says_can_be_given_back(env: PlanHarness) -> None:
    anna = env.person("anna", held(env, "SPE_E3", TEAMS))
    row: Json = {"sku": "SPE_E3", "via": "direct", "disabled_plans": [TEAMS, RETIRED]}
    env.run([anna], {"sku": "SPE_E3", "enabled_plans": [MAILBOX]})
    assert env.run([anna], row, state="exact")["users"][0]["confirmation"] == "confirmed"
    with pytest.raises(ConfigurationError, match="SPE_E3 has no service plan 'TEAMS2'"):
        env.run([anna], {**row, "disabled_plans": ["TEAMS2"]}, state="exact")
