# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A soft-deleted mailbox whose user is in the recycle bin: first the user, then a license. No one is left unsaid."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType
from ansible_collections.m365.licensing.plugins.module_utils._reporting.audit_report import audit_row

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions
from tests.functional.support.run_audit import look
from tests.simulator import recycle_bin
from tests.simulator.launch import Tenant
from tests.simulator.state import App, Json

WAYS: dict[str, Json] = {
    "filtered": {"strategy": "filtered"},
    "full": {"strategy": "full"},
    "everybody": {"strategy": "full", "everybody": True},
}
EACH_WAY = pytest.mark.parametrize("way", WAYS)
BIN = "deletedItems"


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    tenant.world.app.roles = App("", "").roles
    tenant.world.deleted_users.clear()
    return PlanHarness(tenant)


def deleted(env: PlanHarness, name: str, days: float, *held: Json, **mailbox: Any) -> Json:
    """A user with a mailbox, deleted ``days`` days ago."""
    user: Json = env.make.user(name.title(), name, states=list(held), usage_location="DE")
    env.make.mailbox(user, "UserMailbox", sku_assigned=True if held else None, **mailbox)
    recycle_bin.delete(env.world, user["id"], env.world.now() - timedelta(days=days))
    return user


def audit(env: PlanHarness, way: str) -> Audit:
    return look(env.tenant, **WAYS[way])


def asked(env: PlanHarness) -> list[str]:
    return [
        part["url"].partition("?")[0]
        for entry in env.tenant.requests()
        for part in entry.get("parts", ())
        if BIN in part["url"]
    ]


@EACH_WAY
@pytest.mark.parametrize("licensed", [True, False])
def test_the_row_says_to_restore_the_user_first(env: PlanHarness, way: str, licensed: bool) -> None:
    user = deleted(env, "anna", 10, *([env.held("SPE_E3")] if licensed else []))
    found = audit(env, way)
    (row,) = found.findings
    assert (row.user_id, row.user_principal_name) == (user["id"], "anna@contoso.example")
    assert (row.reason, row.severity, row.days_remaining) == ("soft_deleted", "lost", 20)
    assert (row.deadline.source, row.deadline.confidence) == ("soft_deleted_plus_30_days", "exact")
    assert "soft_deleted" in row.evidence
    until = env.world.now() + timedelta(days=20)
    assert any(f"Restore the user first, by {until:%Y-%m-%d}" in note for note in row.notes)
    assert not any("is licensed" in note for note in row.notes)
    assert (found.warnings, found.summary()["without_user"]) == ([], 0)
    assert found.summary()["signals"]["deleted_users"] == "ok"
    assert audit_row(row, found.readings.skus, BUILTIN)["licenses"] is None


@EACH_WAY
def test_the_user_may_be_gone_before_the_mailbox(env: PlanHarness, way: str) -> None:
    """Its license went first, so the mailbox is soft-deleted since another day."""
    user = deleted(env, "anna", 25)
    (box,) = env.world.mailboxes_of(user["id"])
    box["WhenSoftDeleted"] = env.make.ago(5)[1]
    (row,) = audit(env, way).findings
    assert (row.days_remaining, row.deadline.source) == (5, "user_deleted_plus_30_days")


@EACH_WAY
def test_nobody_is_asked_for_without_such_a_mailbox(env: PlanHarness, way: str) -> None:
    env.at_risk("anna")
    living = env.make.user("Soft", "soft", removed=["SPE_E3"], removed_days=3)
    env.make.mailbox(living, "UserMailbox", sku_assigned=False, soft_deleted_days=3)
    found = audit(env, way)
    assert len(found.findings) == 2
    assert asked(env) == []
    assert "deleted_users" not in found.summary()["signals"]


@EACH_WAY
def test_many_are_one_request(env: PlanHarness, way: str) -> None:
    for number in range(40):
        deleted(env, f"user{number}", 10)
    assert len(audit(env, way).findings) == 40
    assert len(asked(env)) == 3
    assert sum(BIN in str(entry.get("parts")) for entry in env.tenant.requests()) == 1


@EACH_WAY
def test_a_list_that_takes_no_filter_is_asked_one_by_one(env: PlanHarness, way: str) -> None:
    deleted(env, "anna", 10)
    env.make.mailbox(None, "UserMailbox", owner_id=env.make.guid(), soft_deleted_days=3)
    fault = {"kind": "status", "service": "graph", "part": True, "status": 400, "times": None}
    env.tenant.set_faults({**fault, "path": "microsoft.graph.user"})
    found = audit(env, way)
    assert [row.user_principal_name for row in found.findings] == ["anna@contoso.example"]
    assert (found.warnings, len(found.summary()["kept_without_user"])) == ([], 1)
    assert env.world.faults[-1].hits


@EACH_WAY
def test_an_inactive_mailbox_is_kept_and_no_row(env: PlanHarness, way: str) -> None:
    deleted(env, "anna", 10, hold=True)
    found = audit(env, way)
    assert (found.findings, found.warnings, found.summary()["without_user"]) == ((), [], 0)


@EACH_WAY
def test_mailbox_without_user_is_named_with_its_last_day(env: PlanHarness, way: str) -> None:
    for name, days in (("later", 5), ("sooner", 25)):
        address = f"{name}@contoso.example"
        env.make.mailbox(None, "UserMailbox", owner_id=env.make.guid(), soft_deleted_days=days, address=address)
    found = audit(env, way)
    assert (found.findings, found.summary()["without_user"]) == ((), 2)
    assert found.warnings == []
    until = [f"{env.world.now() + timedelta(days=days):%Y-%m-%d}" for days in (5, 25)]
    summary = found.summary()
    assert summary["kept_without_user"] == [
        f"sooner@contoso.example (kept until {until[0]})",
        f"later@contoso.example (kept until {until[1]})",
    ]
    assert summary["complete"] is True


@EACH_WAY
def test_one_without_an_id_is_named_too(env: PlanHarness, way: str) -> None:
    env.make.mailbox(None, "UserMailbox", soft_deleted_days=5, address="lost@contoso.example")
    found = audit(env, way)
    (kept,) = found.summary()["kept_without_user"]
    assert kept.startswith("lost@contoso.example (kept until")


@EACH_WAY
def test_where_the_recycle_bin_cannot_be_read_they_are_named(env: PlanHarness, way: str) -> None:
    deleted(env, "anna", 10)
    fault = {"kind": "status", "service": "graph", "part": True, "path": BIN, "status": 403, "times": None}
    env.tenant.set_faults(fault)
    found = audit(env, way)
    assert found.findings == ()
    (warning,) = found.warnings
    assert "anna@contoso.example (kept until" in warning
    assert "not known" in warning
    assert found.summary()["signals"]["deleted_users"] != "ok"


@pytest.mark.parametrize("options", [{"recipient_types": ("user", "shared")}, {"exclude": ("lost@*",)}])
def test_who_was_not_asked_for_is_not_named(env: PlanHarness, options: Json) -> None:
    if "recipient_types" in options:
        options = {"recipient_types": tuple(map(RecipientType, options["recipient_types"]))}
    env.make.mailbox(None, "UserMailbox", owner_id=env.make.guid(), soft_deleted_days=5, address="lost@contoso.example")
    assert look(env.tenant, strategy="filtered", **options).summary()["kept_without_user"] == []


@pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
def test_the_plan_licenses_nobody_before_the_user_lives(env: PlanHarness, scope: str) -> None:
    user = deleted(env, "anna", 10, env.held("SPE_E3"))
    grouped = {**EVERYBODY, "name": "Some", "match": {"group": env.group("sg-some")}}
    result = env.apply(grouped, EVERYBODY, scope=scope)
    assert actions(result) == {"anna": "insufficient"}
    assert "restore the user first, by" in result["users"][0]["note"]
    assert env.writes() == []
    recycle_bin.restore(env.world, user["id"])
    assert env.plan(EVERYBODY, scope=scope)["users"] == []


def test_a_restored_user_without_a_license_is_licensed(env: PlanHarness) -> None:
    env.world.switches.restored_licenses = "gone"
    user = deleted(env, "anna", 10, env.held("SPE_E3"))
    recycle_bin.restore(env.world, user["id"])
    assert actions(env.apply(EVERYBODY)) == {"anna": "license"}


@pytest.mark.parametrize(
    "match",
    [
        {"recipient_type": "soft_deleted"},
        {"department": "Leavers"},
        {"city": "Kiel"},
        {"office": "K1"},
        {"employee_type": "Contractor"},
        {"extension_attributes": {"extensionAttribute1": "left"}},
    ],
)
def test_an_exception_covers_it(env: PlanHarness, match: Json) -> None:
    user = deleted(env, "anna", 10)
    env.world.deleted_users[user["id"]] |= {
        "department": "Leavers",
        "city": "Kiel",
        "officeLocation": "K1",
        "employeeType": "Contractor",
        "onPremisesExtensionAttributes": {"extensionAttribute1": "left"},
    }
    rule = {"name": "Leavers", "match": match, "action": "ignore", "reason": "They left"}
    assert actions(env.plan(rule, EVERYBODY)) == {"anna": "ignore"}
