# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a license went, by the directory's audit log: better evidence than the date of the plan, and optional."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit
from ansible_collections.m365.licensing.plugins.module_utils._graph import audit_log as audit_log_reader
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Finding

from tests.functional.support.audit_scenes import log
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions
from tests.functional.support.run_audit import look
from tests.simulator.launch import Tenant
from tests.simulator.state import App, Json

STRATEGIES = ("filtered", "full")
WAYS = pytest.mark.parametrize("way", ["filtered", "full", "identities", "everybody"])
PATH = "/v1.0/auditLogs/directoryAudits"


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    tenant.world.app.roles = App("", "").roles | {"AuditLog.Read.All"}
    tenant.world.audits.clear()
    return PlanHarness(tenant)


def audit(env: PlanHarness, way: str, user: Json) -> Audit:
    options: dict[str, Json] = {
        "identities": {"identities": (user["userPrincipalName"],)},
        "everybody": {"everybody": True, "strategy": "full"},
    }
    return look(env.tenant, **options.get(way, {"strategy": way}))


def row(env: PlanHarness, way: str, user: Json) -> Finding:
    (found,) = audit(env, way, user).findings
    return found


def asked(env: PlanHarness) -> list[str]:
    """Each request to the log, also as a part of a batch."""
    found = []
    for entry in env.tenant.requests():
        found += [entry["path"]] if "auditLogs" in entry["path"] else []
        found += [part["url"] for part in entry.get("parts", ()) if "auditLogs" in part["url"]]
    return found


@WAYS
def test_log_entry_of_a_removal_beats_the_date_of_the_plan(env: PlanHarness, way: str) -> None:
    anna = env.lost("anna", 3)
    moment = log(env, anna, 21, ("SPE_E3",), ())
    found = audit(env, way, anna)
    (item,) = found.findings
    assert (item.reason, item.severity) == ("license_removed", "lost")
    assert item.deadline.at is not None
    assert abs(item.deadline.at - moment - timedelta(days=30)) < timedelta(seconds=2)
    assert (item.deadline.source, item.deadline.confidence) == ("audit_log_plus_grace", "estimated")
    assert item.deadline.note == ""
    assert found.summary()["signals"]["audit_log"] == "ok"
    assert found.warnings == []


@WAYS
def test_a_plan_whose_date_is_long_ago_may_have_gone_lately(env: PlanHarness, way: str) -> None:
    """That the date of a deleted plan is that of its removal is documented nowhere."""
    anna = env.lost("anna", 400)
    log(env, anna, 21, ("SPE_E3",), ("POWER_BI_STANDARD",))
    item = row(env, way, anna)
    assert (item.severity, item.days_remaining, item.deadline.source) == ("lost", 9, "audit_log_plus_grace")


@WAYS
def test_later_changes_do_not_move_the_date_of_removal(env: PlanHarness, way: str) -> None:
    anna = env.lost("anna", 21, states=[env.held("POWER_BI_STANDARD")])
    log(env, anna, 27, ("EXCHANGESTANDARD", "SPE_E3"), ("SPE_E3",))
    log(env, anna, 21, ("SPE_E3", "EMS"), ("EMS",))
    log(env, anna, 12, ("EMS",), ())
    log(env, anna, 2, (), ("POWER_BI_STANDARD",))
    assert row(env, way, anna).days_remaining == 9


def test_of_two_removals_the_newest_counts(env: PlanHarness) -> None:
    anna = env.lost("anna", 5)
    log(env, anna, 25, ("SPE_E3",), ())
    log(env, anna, 20, (), ("EXCHANGESTANDARD",))
    log(env, anna, 5, ("EXCHANGESTANDARD",), ())
    assert row(env, "filtered", anna).days_remaining == 25


def test_a_plan_that_was_switched_off_is_a_removal(env: PlanHarness) -> None:
    off = "EXCHANGE_S_ENTERPRISE"
    anna = env.lost("anna", 5)
    log(env, anna, 11, ("SPE_E3",), (f"SPE_E3-{off}",))
    log(env, anna, 5, (f"SPE_E3-{off}",), ())
    assert row(env, "filtered", anna).days_remaining == 19


@WAYS
def test_entries_that_say_little_leave_it_at_the_safer_date(env: PlanHarness, way: str) -> None:
    """The last one up to the date of the plan, and never a later date than that."""
    env.world.switches.license_audit = "bare"
    anna = env.lost("anna", 9)
    for days in (20, 9.01, 4):
        log(env, anna, days, ("SPE_E3",), ())
    item = row(env, way, anna)
    assert (item.days_remaining, item.deadline.source, item.deadline.confidence) == (
        21,
        "audit_log_plus_grace",
        "estimated",
    )
    assert "not which" in item.deadline.note


def test_unclear_entries_after_the_removal_are_ignored(env: PlanHarness) -> None:
    env.world.switches.license_audit = "bare"
    anna = env.lost("anna", 9)
    log(env, anna, 4, ("SPE_E3",), ())
    item = row(env, "filtered", anna)
    assert (item.days_remaining, item.deadline.source) == (21, "license_removed_plus_grace")


@pytest.mark.parametrize("way", STRATEGIES)
def test_unclear_entries_make_no_row_of_an_old_removal(env: PlanHarness, way: str) -> None:
    env.world.switches.license_audit = "bare"
    anna = env.lost("anna", 40)
    log(env, anna, 10, ("POWER_BI_STANDARD",), ())
    assert audit(env, way, anna).findings == ()


@WAYS
def test_unreadable_audit_log_is_not_a_warning(env: PlanHarness, way: str) -> None:
    env.world.app.roles -= {"AuditLog.Read.All"}
    anna = env.lost("anna", 10)
    log(env, anna, 21, ("SPE_E3",), ())
    found = audit(env, way, anna)
    (item,) = found.findings
    assert (item.days_remaining, item.deadline.source) == (20, "license_removed_plus_grace")
    assert found.warnings == []
    summary = found.summary()
    assert summary["complete"] is True
    assert summary["signals"]["audit_log"] not in ("ok", "")


@pytest.mark.parametrize("permission", ["alone", "with_directory"])
def test_the_second_permission_may_be_needed_too(env: PlanHarness, permission: str) -> None:
    env.world.switches.audit_permission = permission
    env.world.app.roles -= {"Directory.Read.All"}
    anna = env.lost("anna", 10)
    log(env, anna, 21, ("SPE_E3",), ())
    found = audit(env, "filtered", anna)
    assert found.findings[0].days_remaining == (9 if permission == "alone" else 20)
    assert found.warnings == []


@pytest.mark.parametrize("days", [30, 7])
def test_what_the_log_no_longer_keeps_is_estimated_by_the_plan(env: PlanHarness, days: int) -> None:
    env.world.switches.audit_days = days
    anna = env.lost("anna", 10)
    log(env, anna, 21, ("SPE_E3",), ())
    assert row(env, "filtered", anna).deadline.source == (
        "audit_log_plus_grace" if days == 30 else "license_removed_plus_grace"
    )


def test_a_log_that_does_not_answer_is_a_warning(env: PlanHarness) -> None:
    anna = env.lost("anna", 10)
    env.tenant.set_faults({"kind": "status", "service": "graph", "part": True, "path": "auditLogs", "times": None})
    found = look(env.tenant, strategy="filtered", client={"retry_seconds": 0})
    assert [item.user_id for item in found.findings] == [anna["id"]]
    assert found.findings[0].deadline.source == "license_removed_plus_grace"
    (warning,) = found.warnings
    assert "signal audit_log" in warning


@pytest.mark.parametrize("few", [True, False])
def test_a_tenant_that_refuses_times_in_filters_is_asked_without(env: PlanHarness, few: bool) -> None:
    people = [env.lost(f"user{number}", 10) for number in range(1 if few else 7)]
    for user in people:
        log(env, user, 21, ("SPE_E3",), ())
    fault = {"kind": "status", "service": "graph", "status": 400, "path": "activityDateTime%20ge", "times": None}
    if not few:
        fault["path"] = "activityDateTime"
        fault["times"] = 1
    env.tenant.set_faults({**fault, "part": few})
    found = look(env.tenant, strategy="filtered")
    assert {item.days_remaining for item in found.findings} == {9}
    assert found.warnings == []
    assert env.world.faults[-1].hits


@WAYS
def test_nobody_is_asked_about_whom_it_does_not_matter(env: PlanHarness, way: str) -> None:
    anna = env.person("anna", env.held("SPE_E3"))
    shared = env.lost("shared", 3)
    env.make.mailbox(shared, "SharedMailbox", sku_assigned=False)
    soft = env.lost("soft", 3)
    env.make.mailbox(soft, "UserMailbox", sku_assigned=False, soft_deleted_days=3)
    pending = env.lost("pending", 3)
    env.make.mailbox(pending, "UserMailbox", sku_assigned=False, pending_days=12)
    found = env.world.user(anna)
    assert found is not None
    assert "audit_log" not in audit(env, way, found).summary()["signals"]
    assert asked(env) == []


@pytest.mark.parametrize("way", STRATEGIES)
def test_mailbox_in_use_has_the_date_of_the_audit_log(env: PlanHarness, way: str) -> None:
    anna = env.lost("anna", 3)
    env.make.mailbox(anna, "UserMailbox", sku_assigned=False, created_days=400)
    log(env, anna, 21, ("SPE_E3",), ())
    item = row(env, way, anna)
    assert (item.reason, item.days_remaining, item.severity) == ("license_removed", 9, "warning")
    assert item.deadline.source == "audit_log_plus_grace"


def test_few_users_are_one_request_and_many_a_page(env: PlanHarness) -> None:
    people = [env.lost(f"user{number}", 10) for number in range(audit_log_reader.FEW)]
    look(env.tenant, strategy="filtered")
    assert len([entry for entry in env.tenant.requests() if "auditLogs" in str(entry.get("parts"))]) == 1
    assert len(asked(env)) == len(people)
    env.lost("one-more", 10)
    env.tenant.clear_requests()
    look(env.tenant, strategy="filtered")
    assert asked(env) == [PATH]


def test_a_log_of_many_pages_is_read_to_a_limit(env: PlanHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [env.lost(f"user{number}", 10) for number in range(7)]
    log(env, people[0], 29, ("SPE_E3",), ())
    for number in range(12):
        log(env, people[1], 20 - number, ("EMS",), ())
    monkeypatch.setattr(audit_log_reader, "MOST_ENTRIES", 10)
    env.world.switches.page_limit = 4
    found = look(env.tenant, strategy="filtered")
    assert {item.deadline.source for item in found.findings} == {"license_removed_plus_grace"}
    assert "read back to" in found.summary()["signals"]["audit_log"]
    assert len(asked(env)) == 3


def test_the_plan_serves_the_soonest_deadline_of_the_log_first(env: PlanHarness) -> None:
    first, second = env.lost("first", 2), env.lost("second", 20)
    log(env, first, 28, ("SPE_E3",), ())
    log(env, second, 20, ("SPE_E3",), ())
    env.seats("EXCHANGESTANDARD", 1)
    assert actions(env.plan(EVERYBODY)) == {"first": "license", "second": "no_seat"}


def test_what_the_service_wrote_by_itself_is_read(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("EXCHANGESTANDARD"))
    env.run([anna], "EXCHANGESTANDARD", state="absent", allow_uncovered=True)
    user = env.world.user(anna)
    assert user is not None
    item = row(env, "filtered", user)
    assert (item.days_remaining, item.deadline.source) == (30, "audit_log_plus_grace")
