# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which plans of one user the tenant refuses together or alone, word for word; and the tables that a test sets."""

from __future__ import annotations

import pytest

from tests.simulator.plan_rules import KIOSK, LEGACY, PLAN1, PLAN2
from tests.simulator.skus import table
from tests.simulator.state import Json
from tests.simulator.tests.direct_requests import E3, EXCHANGE_PLAN2, Harness
from tests.simulator.tests.refusals import refused

TEAMS, YAMMER, OFFICE_WEB = (E3.plan(name) for name in ("TEAMS1", "YAMMER_ENTERPRISE", "SHAREPOINTWAC"))
SHAREPOINT1, SHAREPOINT2 = table()["SPB"].plan("SHAREPOINTSTANDARD"), E3.plan("SHAREPOINTENTERPRISE")


@pytest.fixture
def env() -> Harness:
    return Harness()


def _plans(part_number: str) -> list[Json]:
    return [
        {"servicePlanId": plan.id, "servicePlanName": plan.name, "provisioningStatus": "Success", "appliesTo": "User"}
        for plan in table()[part_number].plans
    ]


@pytest.mark.parametrize("legacy", ["stack", "exclude_legacy"])
@pytest.mark.parametrize("held", ["EXCHANGESTANDARD", "M365_F1_COMM", "SPE_F1"])
def test_exchange_plans_stack(env: Harness, held: str, legacy: str) -> None:
    env.world.switches.update({"exchange_plans": legacy})
    user = env.user(part_numbers=(held,))
    assert env.assign(user, ["EXCHANGEENTERPRISE"]).status == 200
    assert env.sku("EXCHANGEENTERPRISE")["consumedUnits"] == env.sku(held)["consumedUnits"] == 1


@pytest.mark.parametrize("legacy", ["stack", "exclude_legacy"])
@pytest.mark.parametrize("part_number", ["LITEPACK", "MIDSIZEPACK"])
def test_legacy_plans_stack_or_exclude_all_others(env: Harness, part_number: str, legacy: str) -> None:
    env.world.switches.update({"exchange_plans": legacy})
    row = table()[part_number]
    env.world.skus[row.id] = {**env.sku("SPE_E3"), "skuId": row.id, "servicePlans": _plans(part_number)}
    user = env.user(part_numbers=(part_number,))
    answer = env.assign(user, ["EXCHANGEENTERPRISE"])
    if legacy == "stack":
        assert answer.status == 200
        return
    first, second = sorted([next(iter(LEGACY & {plan.id for plan in row.plans})), EXCHANGE_PLAN2])
    message = f"License assignment failed because service plans {first}, {second} are mutually exclusive."
    refused(env, user, answer, message)
    assert env.assign(user, ["EXCHANGEENTERPRISE"], [part_number]).status == 200


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("spaced", f"{SHAREPOINT2}, {SHAREPOINT1} are mutually exclusive."),
        ("bare", f"{SHAREPOINT2},{SHAREPOINT1} are mutually exclusive"),
        ("unnamed", "are mutually exclusive."),
    ],
)
def test_mutually_exclusive_plans(env: Harness, text: str, end: str) -> None:
    env.world.plan_rules.exclusions = [(SHAREPOINT2, SHAREPOINT1)]
    env.world.switches.update({"refusal_text": text})
    user = env.user(part_numbers=("SPB",))
    message = f"License assignment failed because service plans {end}"
    refused(env, user, env.assign(user, ["SPE_E3"]), message)
    env.world.plan_rules.exclusions = []
    assert env.assign(user, ["SPE_E3"]).status == 200


def test_the_same_plan_of_two_skus_does_not_exclude_itself(env: Harness) -> None:
    env.world.plan_rules.exclusions = [(EXCHANGE_PLAN2, EXCHANGE_PLAN2)]
    assert env.assign(env.user(part_numbers=("EXCHANGEENTERPRISE",)), ["SPE_E3"]).status == 200


def test_an_exclusion_ends_where_one_of_the_plans_is_off(env: Harness) -> None:
    user = env.user(part_numbers=("SPB",))
    answer = env.assign(user, [{"skuId": E3.id, "disabledPlans": [SHAREPOINT2, OFFICE_WEB]}])
    assert answer.status == 200


@pytest.mark.parametrize("text", ["bare", "unnamed"])
def test_a_dependency_that_a_test_has_set(env: Harness, text: str) -> None:
    env.world.plan_rules.dependencies = {YAMMER: (TEAMS, EXCHANGE_PLAN2)}
    env.world.switches.update({"refusal_text": text})
    user = env.user()
    answer = env.assign(user, [{"skuId": E3.id, "disabledPlans": [TEAMS, EXCHANGE_PLAN2]}])
    end = f" {TEAMS},{EXCHANGE_PLAN2}" if text == "bare" else "."
    start = f"License assignment failed because service plan {YAMMER} depends on the service plan(s)"
    refused(env, user, answer, f"{start}{end}")
    assert env.assign(user, [{"skuId": E3.id, "disabledPlans": [TEAMS]}]).status == 200


def test_an_accepted_assignment_can_end_in_an_error(env: Harness) -> None:
    env.world.plan_rules.assignment_errors = {E3.id: "UniquenessViolation"}
    user = env.user()
    assert env.assign(user, ["SPE_E3"]).status == 200
    (state,) = user["licenseAssignmentStates"]
    assert (state["state"], state["error"]) == ("Error", "UniquenessViolation")
    assert (user["assignedLicenses"], env.sku("SPE_E3")["consumedUnits"]) == ([], 0)


def test_a_plan_that_depends_on_another(env: Harness) -> None:
    user = env.user()
    archiving = table()["EXCHANGEARCHIVE_ADDON"].plan("EXCHANGE_S_ARCHIVE_ADDON")
    message = f"License assignment failed because service plan {archiving} depends on the service plan(s) " + ", ".join(
        (*PLAN1, *KIOSK, *PLAN2)
    )
    refused(env, user, env.assign(user, ["EXCHANGEARCHIVE_ADDON"]), message)


def test_what_a_plan_depends_on_cannot_be_taken_away(env: Harness) -> None:
    user = env.user(part_numbers=("EXCHANGESTANDARD", "EXCHANGEARCHIVE_ADDON"))
    answer = env.assign(user, remove=["EXCHANGESTANDARD"])
    assert answer.status == 400
    assert "depends on the service plan(s)" in answer.message
    assert env.assign(user, remove=["EXCHANGESTANDARD", "EXCHANGEARCHIVE_ADDON"]).status == 200
