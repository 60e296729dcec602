# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mailbox that Exchange has disconnected is in no list, and still a row: the license that went tells of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Finding

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions, skus
from tests.functional.support.run_audit import look
from tests.simulator.state import Json

WAYS = pytest.mark.parametrize(
    "way",
    [{"strategy": "filtered"}, {"strategy": "full"}, {"identities": True}, {"everybody": True, "strategy": "full"}],
    ids=["filtered", "full", "identities", "everybody"],
)


def found(env: PlanHarness, way: Json, *users: Json) -> dict[str, Finding]:
    """The rows of an audit, by the first part of the name."""
    options = dict(way)
    if options.pop("identities", False):
        options["identities"] = tuple(user["userPrincipalName"] for user in users)
    audit = look(env.tenant, **options)
    assert audit.summary()["complete"] is True
    return {row.user_principal_name.partition("@")[0]: row for row in audit.findings}


@WAYS
def test_a_license_that_went_ten_days_ago_is_a_row(env: PlanHarness, way: Json) -> None:
    row = found(env, way, env.lost("anna", 10))["anna"]
    now = env.world.now()
    assert (row.reason, row.severity, row.recipient_type.value) == ("license_removed", "lost", "user")
    assert row.deadline.at is not None
    assert abs(row.deadline.at - now - timedelta(days=20)) < timedelta(hours=1)
    assert (row.deadline.source, row.deadline.confidence) == ("license_removed_plus_grace", "estimated")
    assert any("No list of Exchange shows the mailbox" in note for note in row.notes)


@WAYS
def test_after_thirty_days_there_is_nothing_to_bring_back(env: PlanHarness, way: Json) -> None:
    assert found(env, way, env.lost("anna", 40)) == {}


@WAYS
@pytest.mark.parametrize(
    ("days", "on", "state", "severity"),
    [
        (10, True, "text", "lost"),
        (35, True, "text", "lost"),
        (59, True, "text", "lost"),
        (70, True, "text", None),
        (35, True, "null", None),
        (35, False, "null", None),
        (10, False, "null", "lost"),
        (70, True, "null", None),
        (35, False, "text", None),
    ],
)
def test_with_resiliency_a_license_brings_it_back_for_longer(
    env: PlanHarness, way: Json, days: int, on: bool, state: str, severity: str | None
) -> None:
    """Where Exchange does not say whether it is on, a warning names these users (``test_lost_unseen``)."""
    env.world.switches.update({"delicensing_resiliency": on, "resiliency_state": state})
    rows = found(env, way, env.lost("anna", days))
    assert (rows["anna"].severity if rows else None) == severity
    if not rows:
        return
    row, now = rows["anna"], env.world.now()
    assert row.reason == "license_removed"
    assert row.certain
    assert row.deadline.at is not None
    ends = days if days < 30 else days - 30
    assert abs(row.deadline.at - now - timedelta(days=30 - ends)) < timedelta(hours=1)


@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_removed_license_is_a_row_while_the_box_is_restorable(env: PlanHarness, strategy: str) -> None:
    """With resiliency: pending, overdue, disconnected, gone; by the clock of the tenant."""
    env.world.switches.delicensing_resiliency = True
    anna = env.person("anna", env.held("EXCHANGESTANDARD"), env.held("POWER_BI_STANDARD"))
    env.tenant.patch_state({"users": {anna: {"licenses": ["POWER_BI_STANDARD"]}}})
    start, before = env.world.now(), env.world.clock_offset
    seen = {}
    for days in (10, 32, 35, 59, 70):
        env.world.set_clock(start + timedelta(days=days))
        row = found(env, {"strategy": strategy}).get("anna")
        seen[days] = (row.severity, row.deadline.source) if row else None
    env.world.clock_offset = before
    assert seen == {
        10: ("warning", "pending_delicense"),
        32: ("overdue", "pending_delicense"),
        35: ("lost", "license_removed_plus_grace"),
        59: ("lost", "license_removed_plus_grace"),
        70: None,
    }


@WAYS
@pytest.mark.parametrize(("days", "asked"), [(10, 0), (35, 1), (70, 0)])
def test_whether_resiliency_is_on_is_asked_for_where_it_matters(
    env: PlanHarness, way: Json, days: int, asked: int
) -> None:
    anna = env.lost("anna", days)
    env.tenant.clear_requests()
    found(env, way, anna)
    assert sum(entry.get("cmdlet") == "Get-OrganizationConfig" for entry in env.tenant.requests()) == asked


@WAYS
def test_a_mail_user_may_have_the_mailbox_on_premises(env: PlanHarness, way: Json) -> None:
    anna = env.lost("anna", 10, synced=True)
    env.make.mailbox(anna, "MailUser")
    row = found(env, way, anna)["anna"]
    assert (row.reason, row.severity, row.certain) == ("license_removed", "notice", False)
    assert any("may be on premises" in note for note in row.notes)


@WAYS
@pytest.mark.parametrize("removed", ["SPE_E3", "EXCHANGESTANDARD", "SPE_F1"])
def test_every_mailbox_plan_counts(env: PlanHarness, way: Json, removed: str) -> None:
    assert found(env, way, env.lost("anna", 1, removed=removed))["anna"].severity == "lost"


@WAYS
def test_a_license_without_mailbox_plan_that_stays_saves_nothing(env: PlanHarness, way: Json) -> None:
    row = found(env, way, env.lost("anna", 3, states=[env.held("POWER_BI_STANDARD")]))["anna"]
    assert (row.reason, row.severity) == ("license_removed", "lost")


@WAYS
def test_who_never_had_a_mailbox_plan_has_none_to_lose(env: PlanHarness, way: Json) -> None:
    assert found(env, way, env.lost("anna", 3, removed="POWER_BI_STANDARD")) == {}


@WAYS
def test_another_mailbox_plan_at_work_keeps_it(env: PlanHarness, way: Json) -> None:
    anna = env.lost("anna", 3, states=[env.held("EXCHANGESTANDARD")])
    env.make.mailbox(anna, "UserMailbox", sku_assigned=True)
    assert found(env, way, anna) == {}


@WAYS
def test_a_mailbox_that_became_a_shared_one_is_not_lost(env: PlanHarness, way: Json) -> None:
    anna = env.lost("anna", 3)
    env.make.mailbox(anna, "SharedMailbox", sku_assigned=False)
    assert found(env, way, anna) == {}


@WAYS
def test_a_mailbox_of_another_kind_is_not_lost(env: PlanHarness, way: Json) -> None:
    anna = env.lost("anna", 3)
    env.make.mailbox(anna, "SchedulingMailbox")
    assert found(env, way, anna) == {}


@WAYS
def test_one_without_an_address_is_seen_as_well(env: PlanHarness, way: Json) -> None:
    assert found(env, way, env.lost("anna", 3, mail=None))["anna"].severity == "lost"


@WAYS
def test_a_guest_who_had_a_mailbox_is_seen_as_well(env: PlanHarness, way: Json) -> None:
    assert found(env, way, env.lost("anna", 3, user_type="Guest"))["anna"].severity == "lost"


@pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
def test_the_plan_licenses_the_soonest_deadline_first(env: PlanHarness, scope: str) -> None:
    env.lost("later", 5)
    env.lost("sooner", 29)
    elsewhere = env.lost("elsewhere", 29.5, synced=True)
    env.make.mailbox(elsewhere, "MailUser")
    env.seats("EXCHANGESTANDARD", 2)
    result = env.plan({**EVERYBODY, "match": {"at_risk": True}}, scope=scope)
    assert skus(result) == {"sooner": ["EXCHANGESTANDARD"], "later": ["EXCHANGESTANDARD"]}
    assert actions(result)["elsewhere"] == "no_seat"


def test_next_run_saves_a_mailbox_disconnected_by_a_removal(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("EXCHANGESTANDARD"))
    env.run([anna], "EXCHANGESTANDARD", state="absent", allow_uncovered=True)
    assert found(env, {"strategy": "filtered"})["anna"].severity == "lost"
    result = env.apply(EVERYBODY)
    assert (actions(result), result["users"][0]["status"]) == ({"anna": "license"}, "changed")
    assert found(env, {"strategy": "filtered"}) == {}
    assert found(env, {"strategy": "full"}) == {}
