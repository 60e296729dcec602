# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was approved is what is applied: the digest of a plan, and a run that expects one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError

from tests.functional.support.assign_harness import empty_tenant
from tests.functional.support.plan_harness import PlanHarness
from tests.simulator.launch import Tenant

Json = dict[str, Any]
RULE: Json = {"name": "All", "match": {}, "licenses": [{"sku": "EXCHANGESTANDARD"}], "usage_location": "DE"}


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    with empty_tenant() as found:
        yield found


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    return PlanHarness(tenant)


def digest(env: PlanHarness, **options: Any) -> str:
    found: str = env.plan(RULE, **options)["summary"]["plan_digest"]
    assert re.fullmatch(r"[0-9a-f]{64}", found)
    return found


def test_the_same_plan_has_the_same_digest_and_is_applied(env: PlanHarness) -> None:
    for name in ("anna", "ben"):
        env.at_risk(name)
    approved = digest(env)
    assert digest(env, seat_order="rules") == approved, "the order is no change"
    result = env.plan(RULE, mode="apply", expect_digest=approved)
    assert result["summary"]["changed"] == 2


@pytest.mark.parametrize("check_mode", [False, True])
def test_another_plan_is_refused_with_both_digests(env: PlanHarness, check_mode: bool) -> None:
    env.at_risk("anna")
    approved = digest(env)
    env.at_risk("ben")
    error = env.refused(RULE, expect_digest=approved, variable_prefix="license_state_", check_mode=check_mode)
    assert error.code == "plan_refused"
    assert f"license_state_expect_digest is {approved}" in error.message
    assert digest(env) in error.message
    assert env.writes() == []


def test_what_is_given_is_part_of_it(env: PlanHarness) -> None:
    env.at_risk("anna")
    other = {**RULE, "licenses": [{"sku": "EXCHANGEENTERPRISE"}]}
    assert env.plan(other)["summary"]["plan_digest"] != digest(env)


def test_a_plan_that_writes_nothing_is_never_refused(env: PlanHarness) -> None:
    env.at_risk("anna")
    approved = digest(env)
    env.plan(RULE, mode="apply", expect_digest=approved)
    again = env.plan(RULE, mode="apply", expect_digest=approved)
    assert again["summary"]["changes"] == 0


@pytest.mark.parametrize("text", ["abc", "Z" * 64, "a" * 63, "a" * 65])
def test_what_is_no_digest_is_refused(env: PlanHarness, text: str) -> None:
    with pytest.raises(ConfigurationError, match="expect_digest: expected the 64 hexadecimal digits of plan_digest"):
        env.plan(RULE, expect_digest=text)
