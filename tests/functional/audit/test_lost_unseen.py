# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mailboxes that no list of Exchange shows, where something else than the date of a removed plan tells of them."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Finding, RecipientType

from tests.functional.audit.test_audit_log import log
from tests.functional.support.explain_harness import ExplainingDesk, text
from tests.functional.support.plan_harness import EVERYBODY, skus
from tests.functional.support.run_audit import look
from tests.simulator import recycle_bin
from tests.simulator.launch import Tenant
from tests.simulator.state import App, Json, parse_time

WAYS = pytest.mark.parametrize("way", ["filtered", "full", "everybody", "identities"])
PLAN2 = "efb87545-963c-4e0d-99df-69c6916d9eb0"
PENDING = "Get-PendingDelicenseUser"


@pytest.fixture
def desk(tenant: Tenant) -> ExplainingDesk:
    tenant.world.app.roles = App("", "").roles
    return ExplainingDesk(tenant)


def dated(desk: ExplainingDesk, user: Json, moment: str | None) -> None:
    """Every plan of the user has this date."""
    user["assignedPlans"] = [{**plan, "assignedDateTime": moment} for plan in user["assignedPlans"]]
    desk.world.touch()


def run(desk: ExplainingDesk, way: str, *users: Json, **options: Any) -> Audit:
    chosen: dict[str, Any] = {"strategy": "full" if way == "everybody" else way, "everybody": way == "everybody"}
    if way == "identities":
        chosen = {"identities": tuple(user["userPrincipalName"] for user in users)}
    desk.tenant.clear_requests()
    audit = look(desk.tenant, **chosen, **options)
    assert audit.summary()["complete"] is True
    return audit


def one(found: Audit) -> Finding:
    (row,) = found.findings
    return row


def days_off(desk: ExplainingDesk, moment: datetime | None) -> float:
    assert moment is not None
    return float((moment - desk.world.now()) / timedelta(days=1))


def cmdlets(desk: ExplainingDesk) -> list[str]:
    return [entry["cmdlet"] for entry in desk.tenant.requests() if "cmdlet" in entry]


# --- whom Exchange lists as pending ----------------------------------------------------------------------------


def pending(desk: ExplainingDesk, removed: float, due: float, **properties: Any) -> Json:
    """Exchange is about to delicense the user, and shows no mailbox of it any more."""
    user = desk.lost("anna", removed, **properties)
    box = desk.make.mailbox(user, "UserMailbox", sku_assigned=False, pending_days=due, disconnected_days=1)
    assert box["_disconnected"]
    desk.world.touch()
    return user


@WAYS
@pytest.mark.parametrize("key", ["id", "upn"])
@pytest.mark.parametrize("date", ["dated", "undated", "old"])
def test_pending_with_a_date_ahead(desk: ExplainingDesk, way: str, key: str, date: str) -> None:
    desk.world.switches.update({"delicensing_resiliency": True, "pending_delicense_key": key})
    anna = pending(desk, 20, 10)
    if date != "dated":
        dated(desk, anna, None if date == "undated" else desk.make.ago(400)[0])
    row = one(run(desk, way, anna))
    assert (row.reason, row.severity, row.mailbox) == ("license_removed", "lost", None)
    assert (row.deadline.source, row.deadline.confidence) == ("pending_delicense", "exact")
    assert abs(days_off(desk, row.deadline.at) - 10) < 0.1
    assert any("no list of it shows one" in note for note in row.notes)


@WAYS
@pytest.mark.parametrize(("removed", "due"), [(35, -5), (45, -15), (59, -29)])
def test_pending_whose_delay_has_ended_can_be_brought_back_for_thirty_days(
    desk: ExplainingDesk, way: str, removed: float, due: float
) -> None:
    desk.world.switches.update({"delicensing_resiliency": True})
    row = one(run(desk, way, pending(desk, removed, due)))
    assert (row.reason, row.severity, row.deadline.confidence) == ("license_removed", "lost", "estimated")
    assert abs(days_off(desk, row.deadline.at) - 30 - due) < 0.1


@WAYS
def test_pending_for_too_long_is_a_row_without_a_date(desk: ExplainingDesk, way: str) -> None:
    desk.world.switches.update({"delicensing_resiliency": True})
    row = one(run(desk, way, pending(desk, 75, -45)))
    assert (row.severity, row.deadline.at, row.deadline.confidence) == ("lost", None, "unknown")


@WAYS
def test_pending_by_name_alone_without_any_plan(desk: ExplainingDesk, way: str) -> None:
    desk.world.switches.update({"delicensing_resiliency": True, "pending_delicense_key": "upn"})
    anna = desk.make.user("Anna", "anna", usage_location="DE")
    desk.make.mailbox(anna, "UserMailbox", sku_assigned=False, pending_days=10, disconnected_days=1)
    assert one(run(desk, way, anna)).severity == "lost"


@pytest.mark.parametrize("way", ["filtered", "full", "everybody"])
@pytest.mark.parametrize("key", ["id", "upn"])
def test_pending_without_user_or_mailbox_is_a_warning_first(desk: ExplainingDesk, way: str, key: str) -> None:
    desk.world.switches.update({"delicensing_resiliency": True, "pending_delicense_key": key})
    anna, ben = pending(desk, 20, 10), desk.lost("ben", 5)
    upn = anna["userPrincipalName"]
    del desk.world.users[anna["id"]], desk.world.upn_index[upn.casefold()]
    desk.world.touch()
    found = run(desk, way)
    assert [row.user_id for row in found.findings] == [ben["id"]]
    assert found.warnings[0].startswith(f"Get-PendingDelicenseUser lists {anna['id'] if key == 'id' else upn}, and")
    assert "recycle bin" in found.warnings[0]


def test_the_explanation_and_the_plan_know_them(desk: ExplainingDesk) -> None:
    desk.world.switches.update({"delicensing_resiliency": True})
    pending(desk, 35, -5)
    told = desk.one("anna")
    assert told["at_risk"] is True
    assert "nothing to lose" not in text(told)
    assert skus(desk.plan(EVERYBODY)) == {"anna": ["EXCHANGESTANDARD"]}


# --- delicensing resiliency ------------------------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize("days", [31, 40, 59])
def test_with_resiliency_a_mailbox_can_be_brought_back_for_sixty_days(
    desk: ExplainingDesk, way: str, days: float
) -> None:
    desk.world.switches.update({"delicensing_resiliency": True})
    row = one(run(desk, way, desk.lost("anna", days)))
    assert (row.reason, row.severity) == ("license_removed", "lost")
    assert (row.deadline.source, row.deadline.confidence) == ("license_removed_plus_grace", "estimated")
    assert abs(days_off(desk, row.deadline.at) - 60 + days) < 0.1
    assert "resiliency" in row.deadline.note


@WAYS
@pytest.mark.parametrize(("on", "days"), [(True, 61), (False, 31), (False, 59)])
def test_after_that_nothing_brings_it_back(desk: ExplainingDesk, way: str, on: bool, days: float) -> None:
    desk.world.switches.update({"delicensing_resiliency": on})
    found = run(desk, way, desk.lost("anna", days))
    assert (found.findings, found.warnings) == ((), [])


@WAYS
def test_a_mailbox_that_is_pending_tells_of_resiliency_as_well(desk: ExplainingDesk, way: str) -> None:
    desk.world.switches.update({"resiliency_state": "null"})
    anna = desk.lost("anna", 40)
    other = desk.lost("bert", 10)
    desk.make.mailbox(other, "UserMailbox", sku_assigned=False, pending_days=20)
    found = run(desk, way, anna, other)
    assert {row.user_principal_name[:4] for row in found.findings} == {"anna", "bert"}
    assert found.warnings == []


@WAYS
@pytest.mark.parametrize("how", ["null", "refused"])
def test_where_nobody_says_whether_it_was_on_a_warning_names_them(desk: ExplainingDesk, way: str, how: str) -> None:
    desk.world.switches.update({"delicensing_resiliency": True, "resiliency_state": "text"})
    if how == "null":
        desk.world.switches.resiliency_state = "null"
    else:
        fault = {"kind": "status", "service": "exchange", "cmdlet": "Get-OrganizationConfig", "status": 403}
        desk.tenant.set_faults({**fault, "times": None})
    found = run(desk, way, desk.lost("anna", 40))
    (warning,) = found.warnings
    assert found.findings == ()
    assert "1 users went 30 to 60 days ago" in warning
    assert "anna@contoso.example" in warning


@pytest.mark.parametrize("days", [10, 70, 300])
def test_nobody_asks_where_nobody_is_concerned(desk: ExplainingDesk, days: float) -> None:
    desk.lost("anna", days)
    for way in ("filtered", "full"):
        run(desk, way)
        assert "Get-OrganizationConfig" not in cmdlets(desk)


def test_the_explanation_knows_the_longer_time(desk: ExplainingDesk) -> None:
    desk.world.switches.update({"delicensing_resiliency": True})
    desk.lost("anna", 40)
    assert desk.one("anna")["at_risk"] is True


# --- plans without a date, or in another state -------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize("readable", [False, True])
def test_a_removed_plan_without_a_date_is_a_row_without_one(desk: ExplainingDesk, way: str, readable: bool) -> None:
    if readable:
        desk.world.app.roles |= {"AuditLog.Read.All"}
    anna = desk.lost("anna", 10)
    dated(desk, anna, None)
    row = one(run(desk, way, anna))
    assert (row.reason, row.severity, row.days_remaining) == ("license_removed", "lost", None)
    assert (row.deadline.at, row.deadline.confidence) == (None, "unknown")
    assert "No record says when the license went" in row.deadline.note


@WAYS
@pytest.mark.parametrize(("days", "left"), [(5, 25), (400, None)])
def test_one_plan_without_a_date_beside_one_with(desk: ExplainingDesk, way: str, days: float, left: int | None) -> None:
    anna = desk.lost("anna", days)
    undated = next(plan for plan in anna["assignedPlans"] if plan["servicePlanId"] == PLAN2)
    other = {**undated, "assignedDateTime": None, "servicePlanId": "9aaf7827-d63c-4b61-89c3-182f06f82e5c"}
    anna["assignedPlans"] = [*anna["assignedPlans"], other]
    row = one(run(desk, way, anna))
    assert (row.severity, row.days_remaining) == ("lost", left)


@WAYS
def test_an_entry_of_the_log_that_tells_nothing_and_an_old_plan_are_a_warning(desk: ExplainingDesk, way: str) -> None:
    desk.world.app.roles |= {"AuditLog.Read.All"}
    desk.world.switches.update({"license_audit": "bare"})
    anna = desk.lost("anna", 400)
    log(desk, anna, 3, ("SPE_E3",), ())
    found = run(desk, way, anna)
    (warning,) = found.warnings
    assert found.findings == ()
    assert "anna@contoso.example" in warning
    assert "audit log" in warning


@pytest.mark.parametrize("way", ["filtered", "full"])
@pytest.mark.parametrize("kind", [None, "SharedMailbox", "MailUser", "SchedulingMailbox"])
def test_what_the_log_says_of_an_old_plan_is_looked_at_in_exchange(
    desk: ExplainingDesk, way: str, kind: str | None
) -> None:
    desk.world.app.roles |= {"AuditLog.Read.All"}
    anna = desk.lost("anna", 400, synced=kind == "MailUser")
    if kind:
        desk.make.mailbox(anna, kind, sku_assigned=False)
    log(desk, anna, 3, ("SPE_E3",), ())
    rows = [(row.severity, row.certain, row.days_remaining) for row in run(desk, way, anna).findings]
    assert rows == {None: [("lost", True, 27)], "MailUser": [("notice", False, 27)]}.get(kind, [])


@WAYS
def test_a_mailbox_plan_in_a_state_that_nobody_knows_names_the_user(desk: ExplainingDesk, way: str) -> None:
    anna = desk.lost("anna", 3)
    anna["assignedPlans"] = [{**plan, "capabilityStatus": "Removed"} for plan in anna["assignedPlans"]]
    (warning,) = run(desk, way, anna).warnings
    assert "Exchange lists no mailbox of anna@contoso.example" in warning


# --- other mailboxes of the user -------------------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize("days", [25, 28, 40, 6.5])
def test_a_mailbox_that_was_soft_deleted_before_the_license_went_is_another_one(
    desk: ExplainingDesk, way: str, days: float
) -> None:
    anna = desk.lost("anna", 5)
    desk.make.mailbox(anna, "UserMailbox", sku_assigned=False, soft_deleted_days=days)
    rows = {row.recipient_type.value: row for row in run(desk, way, anna).findings}
    assert set(rows) == {"soft_deleted", "user"}
    assert (rows["user"].severity, rows["user"].days_remaining) == ("lost", 25)
    (row,) = run(desk, way, anna, recipient_types=(RecipientType.USER,)).findings
    assert row.reason == "license_removed"


@WAYS
@pytest.mark.parametrize("days", [5.5, 5, 3, 0.1])
def test_one_that_was_soft_deleted_then_or_later_is_the_mailbox(desk: ExplainingDesk, way: str, days: float) -> None:
    anna = desk.lost("anna", 5)
    desk.make.mailbox(anna, "UserMailbox", sku_assigned=False, soft_deleted_days=days)
    assert one(run(desk, way, anna)).reason == "soft_deleted"


def test_one_license_brings_back_one_of_them(desk: ExplainingDesk) -> None:
    anna = desk.lost("anna", 5)
    desk.make.mailbox(anna, "UserMailbox", sku_assigned=False, soft_deleted_days=25)
    result = desk.plan(EVERYBODY)
    assert sorted(row["action"] for row in result["users"]) == ["insufficient", "license"]
    kinds = [row["recipient_type"] for row in desk.one("anna")["mailboxes"]]
    assert sorted(kinds) == ["soft_deleted", "user"]


@WAYS
def test_a_covered_archive_of_a_mail_user_says_nothing_of_the_mailbox(desk: ExplainingDesk, way: str) -> None:
    anna = desk.lost("anna", 5, synced=True, states=[desk.held("EXCHANGEARCHIVE")])
    desk.make.mailbox(anna, "MailUser", archive=True)
    row = one(run(desk, way, anna))
    assert (row.reason, row.severity, row.certain) == ("license_removed", "notice", False)


@WAYS
def test_an_archive_without_a_license_is_one_row(desk: ExplainingDesk, way: str) -> None:
    anna = desk.lost("anna", 5, synced=True)
    desk.make.mailbox(anna, "MailUser", archive=True)
    assert one(run(desk, way, anna)).reason == "archive_without_license"


@WAYS
def test_the_hold_of_one_whose_delay_has_ended_is_reported(desk: ExplainingDesk, way: str) -> None:
    desk.world.switches.update({"delicensing_resiliency": True})
    anna = desk.lost("anna", 35)
    box = desk.make.mailbox(anna, "UserMailbox", sku_assigned=False, pending_days=-5, hold=True)
    row = one(run(desk, way, anna))
    assert (row.severity, row.deadline.at, row.deadline.source) == ("overdue", None, "unknown")
    assert row.deadline.earliest == parse_time(box["_pending_delicense"])
    assert "on hold" in row.deadline.note
    assert "delay after the removal of the license has ended" in row.deadline.note


# --- what it costs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["filtered", "full"])
def test_who_left_long_ago_costs_next_to_nothing(desk: ExplainingDesk, way: str) -> None:
    """Bound: that of a tenant with 20,000 mailboxes of which 200 are at risk."""
    for number in range(3000):
        desk.make.user(f"U{number}", f"u{number}", removed=("SPE_E3",), removed_days=300)
    desk.world.audits.clear()
    assert run(desk, way).findings == ()
    assert len(desk.tenant.requests()) <= 22
    assert cmdlets(desk).count("Get-Mailbox") <= 2


@pytest.mark.parametrize("seed", range(12))
def test_filtered_finds_of_those_who_left_what_full_finds(desk: ExplainingDesk, seed: int) -> None:
    chance = random.Random(seed)
    desk.world.switches.update({"delicensing_resiliency": chance.random() < 0.5})
    kinds = (None, None, "UserMailbox", "SharedMailbox", "RoomMailbox", "MailUser", "SchedulingMailbox")
    for number in range(60):
        kind, days = chance.choice(kinds), chance.choice((0, 1, 29, 31, 45, 59, 61, 70, 300, 900))
        held = chance.choice(((), (), ("POWER_BI_STANDARD",), ("EXCHANGEARCHIVE",)))
        user = desk.lost(f"u{number}", days, synced=kind == "MailUser", states=[desk.held(name) for name in held])
        if chance.random() < 0.1:
            dated(desk, user, None)
        if kind:
            more = (
                {"soft_deleted_days": chance.randrange(29)} if chance.random() < 0.2 and kind == "UserMailbox" else {}
            )
            more |= {"archive": chance.random() < 0.3, "hold": kind != "MailUser" and chance.random() < 0.3}
            # what Exchange says follows within hours
            said = chance.choice((True, False)) if days < 1 else chance.choice((False, None))
            desk.make.mailbox(user, kind, sku_assigned=said, created_days=1000, **more)
    desk.world.touch()
    seen = [
        sorted(
            (row.user_principal_name, row.reason, row.severity, row.deadline.at, row.certain)
            for row in run(desk, way).findings
        )
        for way in ("filtered", "full")
    ]
    assert seen[0] == seen[1]
    assert seen[0]


# --- users who were deleted --------------------------------------------------------------------------------------


def test_an_identity_of_a_deleted_user_is_reported_as_such(desk: ExplainingDesk) -> None:
    anna = desk.lost("anna", 5)
    recycle_bin.delete(desk.world, anna["id"], desk.world.now() - timedelta(days=2))
    for text_, word in ((anna["id"], "was deleted on"), ("anna@contoso.example", "no user 'anna@contoso.example'")):
        with pytest.raises(ConfigurationError) as caught:
            look(desk.tenant, identities=(text_,))
        assert word in caught.value.problems[0]
        assert "restore the user first" in caught.value.hint
