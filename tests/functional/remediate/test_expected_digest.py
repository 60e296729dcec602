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
from tests.functional.support.plan_harness import PlanningDesk
from tests.simulator.launch import Tenant

Json = dict[str, Any]
RULE: Json = {"name": "All", "match": {}, "licenses": [{"sku": "EXCHANGESTANDARD"}], "usage_location": "DE"}


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    with empty_tenant() as found:
        yield found


@pytest.fixture
def desk(tenant: Tenant) -> PlanningDesk:
    return PlanningDesk(tenant)


def digest(desk: PlanningDesk, **options: Any) -> str:
    found: str = desk.plan(RULE, **options)["summary"]["plan_digest"]
    assert re.fullmatch(r"[0-9a-f]{64}", found)
    return found


def test_the_same_plan_has_the_same_digest_and_is_applied(desk: PlanningDesk) -> None:
    for name in ("anna", "ben"):
        desk.at_risk(name)
    approved = digest(desk)
    assert digest(desk, seat_order="rules") == approved, "the order is no change"
    result = desk.plan(RULE, mode="apply", expect_digest=approved)
    assert result["summary"]["changed"] == 2


@pytest.mark.parametrize("check_mode", [False, True])
def test_another_plan_is_refused_with_both_digests(desk: PlanningDesk, check_mode: bool) -> None:
    desk.at_risk("anna")
    approved = digest(desk)
    desk.at_risk("ben")
    error = desk.refused(RULE, expect_digest=approved, variable_prefix="license_state_", check_mode=check_mode)
    assert error.code == "plan_refused"
    assert f"license_state_expect_digest is {approved}" in error.message
    assert digest(desk) in error.message
    assert desk.writes() == []


def test_what_is_given_is_part_of_it(desk: PlanningDesk) -> None:
    desk.at_risk("anna")
    other = {**RULE, "licenses": [{"sku": "EXCHANGEENTERPRISE"}]}
    assert desk.plan(other)["summary"]["plan_digest"] != digest(desk)


def test_a_plan_that_writes_nothing_is_never_refused(desk: PlanningDesk) -> None:
    desk.at_risk("anna")
    approved = digest(desk)
    desk.plan(RULE, mode="apply", expect_digest=approved)
    again = desk.plan(RULE, mode="apply", expect_digest=approved)
    assert again["summary"]["changes"] == 0


@pytest.mark.parametrize("text", ["abc", "Z" * 64, "a" * 63, "a" * 65])
def test_what_is_no_digest_is_refused(desk: PlanningDesk, text: str) -> None:
    with pytest.raises(ConfigurationError, match="expect_digest: expected the 64 hexadecimal digits of plan_digest"):
        desk.plan(RULE, expect_digest=text)
