# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two licenses carry one Exchange plan, and the subscription of one is suspended: only the other is at work."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.support.explain_harness import ExplainHarness, text
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions
from tests.functional.support.run_audit import look
from tests.simulator.launch import Tenant
from tests.simulator.skus import table
from tests.simulator.state import Json

GB = 2**30
F1, F3 = "M365_F1_COMM", "SPE_F1"
WAYS = pytest.mark.parametrize(
    "options",
    [
        {"strategy": "filtered"},
        {"strategy": "full"},
        {"strategy": "full", "everybody": True},
        {"identities": ("both@contoso.example",)},
    ],
    ids=str,
)


def suspend(env: PlanHarness, part_number: str, status: str = "Suspended") -> None:
    """A subscription that has ended. People get their licenses after this call."""
    if table()[part_number].id not in env.world.skus:
        env.add_sku(part_number)
    env.world.skus[table()[part_number].id]["capabilityStatus"] = status


def holder(env: PlanHarness, *part_numbers: str, **mailbox: Any) -> Json:
    """A user with these licenses and a mailbox."""
    for name in part_numbers:
        if table()[name].id not in env.world.skus:
            env.add_sku(name)
    user = env.world.user(env.person("both", *map(env.held, part_numbers), **mailbox))
    assert user is not None
    return user


@WAYS
@pytest.mark.parametrize("status", ["Suspended", "LockedOut", "Deleted"])
def test_suspended_f3_gives_no_rights_beside_an_active_f1(
    env: PlanHarness, options: dict[str, Any], status: str
) -> None:
    suspend(env, F3, status)
    user = holder(env, F3, F1)
    found = look(env.tenant, **options)
    assert (found.findings, found.warnings) == ((), [])
    assert [(row["user_id"], row["skus"]) for row in found.no_mailbox_rights] == [(user["id"], [F1])]


@WAYS
@pytest.mark.parametrize("status", ["Enabled", "Warning"])
def test_f3_at_work_gives_the_rights_beside_a_suspended_f1(
    env: PlanHarness, options: dict[str, Any], status: str
) -> None:
    suspend(env, F1)
    suspend(env, F3, status)
    holder(env, F3, F1)
    found = look(env.tenant, **options)
    assert (found.findings, found.no_mailbox_rights) == ((), ())


@WAYS
def test_a_plan_that_works_though_its_sku_is_suspended_covers(env: PlanHarness, options: dict[str, Any]) -> None:
    """Graph's lists do not change at one moment: what the user's own plans say counts."""
    holder(env, F3)
    suspend(env, F3)
    env.world.touch()
    found = look(env.tenant, **options)
    assert (found.findings, found.no_mailbox_rights) == ((), ())


@WAYS
def test_a_hold_beside_a_suspended_f3_is_a_row(env: PlanHarness, options: dict[str, Any]) -> None:
    suspend(env, F3)
    holder(env, F3, F1, hold=True)
    assert [row.reason for row in look(env.tenant, **options).findings] == ["hold_without_license"]


def test_an_explanation_says_which_license_is_suspended(tenant: Tenant) -> None:
    env = ExplainHarness(tenant)
    suspend(env, F3)
    holder(env, F3, F1)
    told = env.one("both")
    assert {row["sku"]: row["status"] for row in told["exchange_plans"]} == {F3: "suspended", F1: "no_rights"}
    assert told["coverage"] == []
    assert f"a plan of {F1} keeps the mailbox, though this license carries no right to it" in text(told)


def test_removing_the_f1_that_works_is_still_refused(env: PlanHarness) -> None:
    suspend(env, F3)
    holder(env, F3, F1)
    error = env.fail(["both@contoso.example"], F1, state="absent")
    assert "both@contoso.example" in str(error)
    assert env.license_requests() == []


def test_rules_may_give_a_license_with_rights(env: PlanHarness) -> None:
    suspend(env, F3)
    holder(env, F3, F1)
    result = env.plan(EVERYBODY, scope="all_users")
    assert actions(result) == {"both": "license"}


@WAYS
def test_a_suspended_business_license_gives_no_100_gb(env: PlanHarness, options: dict[str, Any]) -> None:
    suspend(env, "SPB")
    user = holder(env, "SPB", "EXCHANGESTANDARD", kind="SharedMailbox", bytes=60 * GB)
    env.box(user["userPrincipalName"])["ProhibitSendReceiveQuota"] = f"100 GB ({100 * GB:,} bytes)"
    env.world.touch()
    found = look(env.tenant, sizes="always", **options)
    assert [row.reason for row in found.findings] == ["shared_over_50_gb"]
