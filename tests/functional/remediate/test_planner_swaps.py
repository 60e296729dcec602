# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that swap licenses and switch plans: what is carried over, what a mailbox needs, who is in nobody's way."""

from __future__ import annotations

import pytest

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions


@pytest.mark.parametrize("over", [False, True])
def test_mailbox_over_50_gb_gets_plan_2_back(env: PlanHarness, over: bool) -> None:
    """A Plan 1 would leave it unable to send: the rule's second choice is what it needs."""
    upn = env.person("anna", env.held("SPE_E3"), bytes=(80 if over else 10) * 2**30)
    env.world.switches.delicensing_resiliency = True  # else the mailbox is in no list, and nobody can measure it
    env.run([upn], "SPE_E3", state="absent", allow_uncovered=True)
    rule = {**EVERYBODY, "fallback": [{"sku": "EXCHANGEENTERPRISE"}]}
    env.apply(rule)
    assert set(env.states(upn)) == {"EXCHANGEENTERPRISE" if over else "EXCHANGESTANDARD"}


def test_who_has_no_mailbox_is_swapped_whatever_the_plan(env: PlanHarness) -> None:
    upn = env.person("anna", env.held("SPE_E3"), kind=None)
    smaller = {**EVERYBODY, "licenses": [{"sku": "POWER_BI_STANDARD"}], "remove": ["SPE_E3"]}
    assert actions(env.apply(smaller, scope="all_users", allow_removals=True)) == {"anna": "license"}
    assert env.states(upn) == {"POWER_BI_STANDARD": []}


def test_rule_switches_exchange_plan_on_and_leaves_the_rest(env: PlanHarness) -> None:
    upn = env.person("anna", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE", "YAMMER_ENTERPRISE"))
    plain = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]}
    (row,) = env.plan(plain)["users"]
    assert "enabled_plans (with disabled_plans: [] all other plans stay as they are)" in row["note"]
    entry = {"sku": "SPE_E3", "enabled_plans": ["EXCHANGE_S_ENTERPRISE"], "disabled_plans": []}
    env.apply({**EVERYBODY, "licenses": [entry]})
    assert env.states(upn) == {"SPE_E3": ["YAMMER_ENTERPRISE"]}


def test_a_swap_by_rule_says_what_it_leaves_off(env: PlanHarness) -> None:
    upn = env.person("anna", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE", "YAMMER_ENTERPRISE"))
    swap = {**EVERYBODY, "licenses": [{"sku": "SPE_E5"}], "remove": ["SPE_E3"]}
    (row,) = env.apply(swap, allow_removals=True)["users"]
    assert "SPE_E5: YAMMER_ENTERPRISE stays off, as before the swap" in row["note"]
    assert env.states(upn) == {"SPE_E5": ["YAMMER_ENTERPRISE"]}
