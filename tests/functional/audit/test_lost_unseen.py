# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mailboxes that no list of Exchange shows, where something else than the date of a removed plan tells of them."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType

from tests.functional.support.audit_scenes import log, one, run
from tests.functional.support.explain_harness import ExplainHarness, text
from tests.functional.support.plan_harness import EVERYBODY, skus
from tests.functional.support.run_audit import look
from tests.simulator import recycle_bin
from tests.simulator.launch import Tenant
from tests.simulator.state import App, Json, parse_time

WAYS = pytest.mark.parametrize("way", ["filtered", "full", "everybody", "identities"])
PLAN2 = "efb87545-963c-4e0d-99df-69c6916d9eb0"
PENDING = "Get-PendingDelicenseUser"


@pytest.fixture
def env(tenant: Tenant) -> ExplainHarness:
    tenant.world.app.roles = App("", "").roles
    return ExplainHarness(tenant)


def dated(env: ExplainHarness, user: Json, moment: str | None) -> None:
    """Every plan of the user has this date."""
    user["assignedPlans"] = [{**plan, "assignedDateTime": moment} for plan in user["assignedPlans"]]
    env.world.touch()


def days_off(env: ExplainHarness, moment: datetime | None) -> float:
    assert moment is not None
    return float((moment - env.world.now()) / timedelta(days=1))


def cmdlets(env: ExplainHarness) -> list[str]:
    return [entry["cmdlet"] for entry in env.tenant.requests() if "cmdlet" in entry]


# --- whom Exchange lists as pending ----------------------------------------------------------------------------


def pending(env: ExplainHarness, removed: float, due: float, **properties: Any) -> Json:
    """Exchange is about to delicense the user, and shows no mailbox of it any more."""
    user = env.lost("anna", removed, **properties)
    box = env.make.mailbox(user, "UserMailbox", sku_assigned=False, pending_days=due, disconnected_days=1)
    assert box["_disconnected"]
    env.world.touch()
    return user


@WAYS
@pytest.mark.parametrize("key", ["id", "upn"])
@pytest.mark.parametrize("date", ["dated", "undated", "old"])
def test_pending_with_a_date_ahead(env: ExplainHarness, way: str, key: str, date: str) -> None:
    env.world.switches.update({"delicensing_resiliency": True, "pending_delicense_key": key})
    anna = pending(env, 20, 10)
    if date != "dated":
        dated(env, anna, None if date == "undated" else env.make.ago(400)[0])
    row = one(run(env, way, anna))
    assert (row.reason, row.severity, row.mailbox) == ("license_removed", "lost", None)
    assert (row.deadline.source, row.deadline.confidence) == ("pending_delicense", "exact")
    assert abs(days_off(env, row.deadline.at) - 10) < 0.1
    assert any("no list of it shows one" in note for note in row.notes)


@WAYS
@pytest.mark.parametrize(("removed", "due"), [(35, -5), (45, -15), (59, -29)])
def test_pending_past_its_delay_is_restorable_for_thirty_days(
    env: ExplainHarness, way: str, removed: float, due: float
) -> None:
    env.world.switches.update({"delicensing_resiliency": True})
    row = one(run(env, way, pending(env, removed, due)))
    assert (row.reason, row.severity, row.deadline.confidence) == ("license_removed", "lost", "estimated")
    assert abs(days_off(env, row.deadline.at) - 30 - due) < 0.1


@WAYS
def test_pending_for_too_long_is_a_row_without_a_date(env: ExplainHarness, way: str) -> None:
    env.world.switches.update({"delicensing_resiliency": True})
    row = one(run(env, way, pending(env, 75, -45)))
    assert (row.severity, row.deadline.at, row.deadline.confidence) == ("lost", None, "unknown")


@WAYS
def test_pending_by_name_alone_without_any_plan(env: ExplainHarness, way: str) -> None:
    env.world.switches.update({"delicensing_resiliency": True, "pending_delicense_key": "upn"})
    anna = env.make.user("Anna", "anna", usage_location="DE")
    env.make.mailbox(anna, "UserMailbox", sku_assigned=False, pending_days=10, disconnected_days=1)
    assert one(run(env, way, anna)).severity == "lost"


@pytest.mark.parametrize("way", ["filtered", "full", "everybody"])
@pytest.mark.parametrize("key", ["id", "upn"])
def test_pending_without_user_or_mailbox_is_a_warning_first(env: ExplainHarness, way: str, key: str) -> None:
    env.world.switches.update({"delicensing_resiliency": True, "pending_delicense_key": key})
    anna, ben = pending(env, 20, 10), env.lost("ben", 5)
    upn = anna["userPrincipalName"]
    del env.world.users[anna["id"]], env.world.upn_index[upn.casefold()]
    env.world.touch()
    found = run(env, way)
    assert [row.user_id for row in found.findings] == [ben["id"]]
    assert found.warnings[0].startswith(f"Get-PendingDelicenseUser lists {anna['id'] if key == 'id' else upn}, and")
    assert "recycle bin" in found.warnings[0]


def test_the_explanation_and_the_plan_know_them(env: ExplainHarness) -> None:
    env.world.switches.update({"delicensing_resiliency": True})
    pending(env, 35, -5)
    told = env.one("anna")
    assert told["at_risk"] is True
    assert "nothing to lose" not in text(told)
    assert skus(env.plan(EVERYBODY)) == {"anna": ["EXCHANGESTANDARD"]}


# --- delicensing resiliency ------------------------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize("days", [31, 40, 59])
def test_resiliency_makes_a_mailbox_restorable_for_sixty_days(env: ExplainHarness, way: str, days: float) -> None:
    env.world.switches.update({"delicensing_resiliency": True})
    row = one(run(env, way, env.lost("anna", days)))
    assert (row.reason, row.severity) == ("license_removed", "lost")
    assert (row.deadline.source, row.deadline.confidence) == ("license_removed_plus_grace", "estimated")
    assert abs(days_off(env, row.deadline.at) - 60 + days) < 0.1
    assert "resiliency" in row.deadline.note


@WAYS
@pytest.mark.parametrize(("on", "days"), [(True, 61), (False, 31), (False, 59)])
def test_after_that_nothing_brings_it_back(env: ExplainHarness, way: str, on: bool, days: float) -> None:
    env.world.switches.update({"delicensing_resiliency": on})
    found = run(env, way, env.lost("anna", days))
    assert (found.findings, found.warnings) == ((), [])


@WAYS
def test_a_mailbox_that_is_pending_tells_of_resiliency_as_well(env: ExplainHarness, way: str) -> None:
    env.world.switches.update({"resiliency_state": "null"})
    anna = env.lost("anna", 40)
    other = env.lost("bert", 10)
    env.make.mailbox(other, "UserMailbox", sku_assigned=False, pending_days=20)
    found = run(env, way, anna, other)
    assert {row.user_principal_name[:4] for row in found.findings} == {"anna", "bert"}
    assert found.warnings == []


@WAYS
@pytest.mark.parametrize("how", ["null", "refused"])
def test_unknown_delicensing_delay_is_a_warning_with_names(env: ExplainHarness, way: str, how: str) -> None:
    env.world.switches.update({"delicensing_resiliency": True, "resiliency_state": "text"})
    if how == "null":
        env.world.switches.resiliency_state = "null"
    else:
        fault = {"kind": "status", "service": "exchange", "cmdlet": "Get-OrganizationConfig", "status": 403}
        env.tenant.set_faults({**fault, "times": None})
    found = run(env, way, env.lost("anna", 40))
    (warning,) = found.warnings
    assert found.findings == ()
    assert "1 users went 30 to 60 days ago" in warning
    assert "anna@contoso.example" in warning


@pytest.mark.parametrize("days", [10, 70, 300])
def test_nobody_asks_where_nobody_is_concerned(env: ExplainHarness, days: float) -> None:
    env.lost("anna", days)
    for way in ("filtered", "full"):
        run(env, way)
        assert "Get-OrganizationConfig" not in cmdlets(env)


def test_the_explanation_knows_the_longer_time(env: ExplainHarness) -> None:
    env.world.switches.update({"delicensing_resiliency": True})
    env.lost("anna", 40)
    assert env.one("anna")["at_risk"] is True


# --- plans without a date, or in another state -------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize("readable", [False, True])
def test_a_removed_plan_without_a_date_is_a_row_without_one(env: ExplainHarness, way: str, readable: bool) -> None:
    if readable:
        env.world.app.roles |= {"AuditLog.Read.All"}
    anna = env.lost("anna", 10)
    dated(env, anna, None)
    row = one(run(env, way, anna))
    assert (row.reason, row.severity, row.days_remaining) == ("license_removed", "lost", None)
    assert (row.deadline.at, row.deadline.confidence) == (None, "unknown")
    assert "No record says when the license was removed" in row.deadline.note


@WAYS
@pytest.mark.parametrize(("days", "left"), [(5, 25), (400, None)])
def test_one_plan_without_a_date_beside_one_with(env: ExplainHarness, way: str, days: float, left: int | None) -> None:
    anna = env.lost("anna", days)
    undated = next(plan for plan in anna["assignedPlans"] if plan["servicePlanId"] == PLAN2)
    other = {**undated, "assignedDateTime": None, "servicePlanId": "9aaf7827-d63c-4b61-89c3-182f06f82e5c"}
    anna["assignedPlans"] = [*anna["assignedPlans"], other]
    row = one(run(env, way, anna))
    assert (row.severity, row.days_remaining) == ("lost", left)


@WAYS
def test_unclear_log_entry_with_an_old_plan_is_a_warning(env: ExplainHarness, way: str) -> None:
    env.world.app.roles |= {"AuditLog.Read.All"}
    env.world.switches.update({"license_audit": "bare"})
    anna = env.lost("anna", 400)
    log(env, anna, 3, ("SPE_E3",), ())
    found = run(env, way, anna)
    (warning,) = found.warnings
    assert found.findings == ()
    assert "anna@contoso.example" in warning
    assert "audit log" in warning


@pytest.mark.parametrize("way", ["filtered", "full"])
@pytest.mark.parametrize("kind", [None, "SharedMailbox", "MailUser", "SchedulingMailbox"])
def test_log_entry_about_an_old_plan_is_checked_in_exchange(env: ExplainHarness, way: str, kind: str | None) -> None:
    env.world.app.roles |= {"AuditLog.Read.All"}
    anna = env.lost("anna", 400, synced=kind == "MailUser")
    if kind:
        env.make.mailbox(anna, kind, sku_assigned=False)
    log(env, anna, 3, ("SPE_E3",), ())
    rows = [(row.severity, row.certain, row.days_remaining) for row in run(env, way, anna).findings]
    assert rows == {None: [("lost", True, 27)], "MailUser": [("notice", False, 27)]}.get(kind, [])


@WAYS
def test_unknown_status_of_a_mailbox_plan_names_the_user(env: ExplainHarness, way: str) -> None:
    anna = env.lost("anna", 3)
    anna["assignedPlans"] = [{**plan, "capabilityStatus": "Removed"} for plan in anna["assignedPlans"]]
    (warning,) = run(env, way, anna).warnings
    assert "Exchange lists no mailbox of anna@contoso.example" in warning


# --- other mailboxes of the user -------------------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize("days", [25, 28, 40, 6.5])
def test_box_soft_deleted_before_the_removal_is_another_one(env: ExplainHarness, way: str, days: float) -> None:
    anna = env.lost("anna", 5)
    env.make.mailbox(anna, "UserMailbox", sku_assigned=False, soft_deleted_days=days)
    rows = {row.recipient_type.value: row for row in run(env, way, anna).findings}
    assert set(rows) == {"soft_deleted", "user"}
    assert (rows["user"].severity, rows["user"].days_remaining) == ("lost", 25)
    (row,) = run(env, way, anna, recipient_types=(RecipientType.USER,)).findings
    assert row.reason == "license_removed"


@WAYS
@pytest.mark.parametrize("days", [5.5, 5, 3, 0.1])
def test_one_that_was_soft_deleted_then_or_later_is_the_mailbox(env: ExplainHarness, way: str, days: float) -> None:
    anna = env.lost("anna", 5)
    env.make.mailbox(anna, "UserMailbox", sku_assigned=False, soft_deleted_days=days)
    assert one(run(env, way, anna)).reason == "soft_deleted"


def test_one_license_brings_back_one_of_them(env: ExplainHarness) -> None:
    anna = env.lost("anna", 5)
    env.make.mailbox(anna, "UserMailbox", sku_assigned=False, soft_deleted_days=25)
    result = env.plan(EVERYBODY)
    assert sorted(row["action"] for row in result["users"]) == ["insufficient", "license"]
    kinds = [row["recipient_type"] for row in env.one("anna")["mailboxes"]]
    assert sorted(kinds) == ["soft_deleted", "user"]


@WAYS
def test_covered_archive_does_not_decide_about_the_mailbox(env: ExplainHarness, way: str) -> None:
    anna = env.lost("anna", 5, synced=True, states=[env.held("EXCHANGEARCHIVE")])
    env.make.mailbox(anna, "MailUser", archive=True)
    row = one(run(env, way, anna))
    assert (row.reason, row.severity, row.certain) == ("license_removed", "notice", False)


@WAYS
def test_an_archive_without_a_license_is_one_row(env: ExplainHarness, way: str) -> None:
    anna = env.lost("anna", 5, synced=True)
    env.make.mailbox(anna, "MailUser", archive=True)
    assert one(run(env, way, anna)).reason == "archive_without_license"


@WAYS
def test_the_hold_of_one_whose_delay_has_ended_is_reported(env: ExplainHarness, way: str) -> None:
    env.world.switches.update({"delicensing_resiliency": True})
    anna = env.lost("anna", 35)
    box = env.make.mailbox(anna, "UserMailbox", sku_assigned=False, pending_days=-5, hold=True)
    row = one(run(env, way, anna))
    assert (row.severity, row.deadline.at, row.deadline.source) == ("overdue", None, "unknown")
    assert row.deadline.earliest == parse_time(box["_pending_delicense"])
    assert "on hold" in row.deadline.note
    assert "delay after the removal of the license has ended" in row.deadline.note


# --- what it costs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["filtered", "full"])
def test_who_left_long_ago_costs_next_to_nothing(env: ExplainHarness, way: str) -> None:
    """Bound: that of a tenant with 20,000 mailboxes of which 200 are at risk."""
    for number in range(3000):
        env.make.user(f"U{number}", f"u{number}", removed=("SPE_E3",), removed_days=300)
    env.world.audits.clear()
    assert run(env, way).findings == ()
    assert len(env.tenant.requests()) <= 22
    assert cmdlets(env).count("Get-Mailbox") <= 2


@pytest.mark.parametrize("seed", range(12))
def test_filtered_finds_of_those_who_left_what_full_finds(env: ExplainHarness, seed: int) -> None:
    chance = random.Random(seed)
    env.world.switches.update({"delicensing_resiliency": chance.random() < 0.5})
    kinds = (None, None, "UserMailbox", "SharedMailbox", "RoomMailbox", "MailUser", "SchedulingMailbox")
    for number in range(60):
        kind, days = chance.choice(kinds), chance.choice((0, 1, 29, 31, 45, 59, 61, 70, 300, 900))
        held = chance.choice(((), (), ("POWER_BI_STANDARD",), ("EXCHANGEARCHIVE",)))
        user = env.lost(f"u{number}", days, synced=kind == "MailUser", states=[env.held(name) for name in held])
        if chance.random() < 0.1:
            dated(env, user, None)
        if kind:
            more = (
                {"soft_deleted_days": chance.randrange(29)} if chance.random() < 0.2 and kind == "UserMailbox" else {}
            )
            more |= {"archive": chance.random() < 0.3, "hold": kind != "MailUser" and chance.random() < 0.3}
            # what Exchange says follows within hours
            said = chance.choice((True, False)) if days < 1 else chance.choice((False, None))
            env.make.mailbox(user, kind, sku_assigned=said, created_days=1000, **more)
    env.world.touch()
    seen = [
        sorted(
            (row.user_principal_name, row.reason, row.severity, row.deadline.at, row.certain)
            for row in run(env, way).findings
        )
        for way in ("filtered", "full")
    ]
    assert seen[0] == seen[1]
    assert seen[0]


# --- users who were deleted --------------------------------------------------------------------------------------


def test_an_identity_of_a_deleted_user_is_reported_as_such(env: ExplainHarness) -> None:
    anna = env.lost("anna", 5)
    recycle_bin.delete(env.world, anna["id"], env.world.now() - timedelta(days=2))
    for text_, word in ((anna["id"], "was deleted on"), ("anna@contoso.example", "no user 'anna@contoso.example'")):
        with pytest.raises(ConfigurationError) as caught:
            look(env.tenant, identities=(text_,))
        assert word in caught.value.problems[0]
        assert "restore the user first" in caught.value.hint
