# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any hold makes a deadline unknown: of a mailbox itself, and of retention policies of the whole organization."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Finding

from tests.functional.support.plan_harness import PlanHarness
from tests.functional.support.run_audit import look
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

POLICY = "mbx7cfb30345d454ac0a989ab3041051209"
OTHER = "mbxcdbbb86ce60342489bff371876e7f224"
WAYS: dict[str, Json] = {
    "filtered": {"strategy": "filtered"},
    "full": {"strategy": "full"},
    "everybody": {"strategy": "full", "everybody": True},
    "identities": {"identities": ("anna@contoso.example",)},
    "v2": {"surface": "v2"},
}
EACH_WAY = pytest.mark.parametrize("way", WAYS)
CMDLET = "Get-OrganizationConfig"


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    tenant.world.organization_holds = []
    return PlanHarness(tenant)


def anna(env: PlanHarness, **changes: Any) -> None:
    """Somebody at risk for 10 days, whose mailbox has these properties."""
    env.box(env.at_risk("anna")).update(changes)
    env.world.touch()


def audit(env: PlanHarness, way: str) -> Audit:
    return look(env.tenant, **WAYS[way])


def row(env: PlanHarness, way: str) -> Finding:
    (found,) = audit(env, way).findings
    return found


def asked(env: PlanHarness) -> int:
    return sum(entry.get("cmdlet") == CMDLET for entry in env.tenant.requests())


@EACH_WAY
@pytest.mark.parametrize(
    "hold", [f"{POLICY}:2", f"{POLICY}:3", POLICY.upper() + ":3", "skp127d7cf1076947929bf136b7a2a8c36f:2"]
)
def test_a_policy_of_the_organization_holds_every_mailbox(env: PlanHarness, way: str, hold: str) -> None:
    env.world.organization_holds = ["grp1a0a132ee8944501a4bb6a452ec31171:3", hold]
    anna(env)
    found = row(env, way)
    assert (found.deadline.at, found.deadline.confidence) == (None, "unknown")
    assert found.deadline.note.startswith("A retention policy of the whole organization holds the mailbox.")
    assert "older texts disagree" in found.deadline.note
    # as urgent as if no hold kept it
    assert found.severity == "warning"
    assert found.deadline.earliest is not None
    assert asked(env) == 1


@EACH_WAY
@pytest.mark.parametrize(
    "hold", ["", "grp1a0a132ee8944501a4bb6a452ec31171:3", f"{POLICY}:1", "cld9c0a984ca74b457fbe4504bf7d3e00de"]
)
def test_what_is_about_groups_or_only_deletes_is_no_hold(env: PlanHarness, way: str, hold: str) -> None:
    env.world.organization_holds = [hold] if hold else []
    anna(env)
    found = row(env, way)
    assert (found.days_remaining, found.deadline.source) == (20, "created_plus_grace")


def test_the_control_api_sets_the_policies(env: PlanHarness) -> None:
    env.tenant.patch_state({"organization_holds": [f"{POLICY}:2"]})
    assert env.tenant.state()["organization_holds"] == [f"{POLICY}:2"]
    anna(env)
    assert row(env, "filtered").deadline.at is None
    with pytest.raises(ValueError, match="organization_holds"):
        env.tenant.patch_state({"organization_holds": [3]})


@pytest.mark.parametrize(("own", "kept"), [([], True), ([f"-{POLICY}"], False)])
def test_such_a_hold_keeps_a_mailbox_as_any_other_does(env: PlanHarness, own: list[str], kept: bool) -> None:
    env.world.organization_holds = [f"{POLICY}:2"]
    bert = env.person("bert", env.held("SPE_E3"))
    box = env.box(bert)
    box["InPlaceHolds"] = own
    env.run([bert], "SPE_E3", state="absent", allow_uncovered=True)
    assert (box["_disconnected"] is None) is kept


@EACH_WAY
def test_a_mailbox_that_is_excluded_is_not_held(env: PlanHarness, way: str) -> None:
    env.world.organization_holds = [f"{POLICY}:2"]
    anna(env, InPlaceHolds=[f"-{POLICY.upper()}"])
    assert row(env, way).days_remaining == 20
    env.world.organization_holds = [f"{POLICY}:2", f"{OTHER}:3"]
    assert row(env, way).deadline.at is None


@EACH_WAY
@pytest.mark.parametrize(
    "hold",
    [
        {"InPlaceHolds": [f"{OTHER}:2"]},
        {"InPlaceHolds": ["UniH7d895d48-7e23-4a8d-8346-533c3beac15d"]},
        {"InPlaceHolds": ["cld9c0a984ca74b457fbe4504bf7d3e00de"]},
        {"ComplianceTagHoldApplied": True},
        {"DelayHoldApplied": True},
        {"DelayReleaseHoldApplied": True},
        {"LitigationHoldEnabled": True},
    ],
    ids=lambda value: "-".join(map(str, value.values()))[:20] + next(iter(value)),
)
def test_a_hold_of_the_mailbox_itself_needs_no_further_question(env: PlanHarness, way: str, hold: Json) -> None:
    anna(env, **hold)
    found = row(env, way)
    assert found.deadline.at is None
    assert found.deadline.note.startswith("The mailbox is on hold.")
    # v2 is asked for delicensing resiliency
    assert asked(env) == (way == "v2")


@pytest.mark.parametrize("way", ["filtered", "full", "everybody"])
def test_where_nobody_is_at_risk_the_organization_is_not_asked(env: PlanHarness, way: str) -> None:
    env.world.organization_holds = [f"{POLICY}:2"]
    env.person("anna", env.held("SPE_E3"))
    env.person("team", kind="SharedMailbox", archive=True)
    found = audit(env, way)
    assert [item.reason for item in found.findings] == ["shared_archive"]
    assert asked(env) == 0
    assert "organization_holds" not in found.summary()["signals"]


@pytest.mark.parametrize("way", ["filtered", "full"])
def test_a_role_that_may_not_ask_hears_no_warning(env: PlanHarness, way: str) -> None:
    env.world.organization_holds = [f"{POLICY}:2"]
    anna(env)
    env.tenant.set_faults({"kind": "forbidden_cmdlet", "service": "exchange", "cmdlet": CMDLET, "times": None})
    found = audit(env, way)
    assert [item.days_remaining for item in found.findings] == [20]
    assert found.warnings == []
    assert found.summary()["signals"]["organization_holds"] != "ok"


@pytest.mark.parametrize("way", ["filtered", "full"])
def test_a_soft_deleted_one_has_the_note_and_keeps_its_date(env: PlanHarness, way: str) -> None:
    env.world.organization_holds = [f"{POLICY}:2"]
    user = env.make.user("Soft", "soft", removed=["SPE_E3"], removed_days=3)
    env.make.mailbox(user, "UserMailbox", sku_assigned=False, soft_deleted_days=3)
    found = row(env, way)
    assert found.days_remaining == 27
    assert any("On hold" in note for note in found.notes)
