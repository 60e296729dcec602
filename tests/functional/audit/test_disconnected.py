# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mailbox that Exchange has disconnected is in no list, and still a row: the license that went tells of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Finding

from tests.functional.support.plan_harness import EVERYBODY, PlanningDesk, actions, skus
from tests.functional.support.run_audit import look
from tests.simulator.state import Json

WAYS = pytest.mark.parametrize(
    "way",
    [{"strategy": "filtered"}, {"strategy": "full"}, {"identities": True}, {"everybody": True, "strategy": "full"}],
    ids=["filtered", "full", "identities", "everybody"],
)


def found(desk: PlanningDesk, way: Json, *users: Json) -> dict[str, Finding]:
    """The rows of an audit, by the first part of the name."""
    options = dict(way)
    if options.pop("identities", False):
        options["identities"] = tuple(user["userPrincipalName"] for user in users)
    audit = look(desk.tenant, **options)
    assert audit.summary()["complete"] is True
    return {row.user_principal_name.partition("@")[0]: row for row in audit.findings}


@WAYS
def test_a_license_that_went_ten_days_ago_is_a_row(desk: PlanningDesk, way: Json) -> None:
    row = found(desk, way, desk.lost("anna", 10))["anna"]
    now = desk.world.now()
    assert (row.reason, row.severity, row.recipient_type.value) == ("license_removed", "lost", "user")
    assert row.deadline.at is not None
    assert abs(row.deadline.at - now - timedelta(days=20)) < timedelta(hours=1)
    assert (row.deadline.source, row.deadline.confidence) == ("license_removed_plus_grace", "estimated")
    assert any("No list of Exchange shows the mailbox" in note for note in row.notes)


@WAYS
def test_after_thirty_days_there_is_nothing_to_bring_back(desk: PlanningDesk, way: Json) -> None:
    assert found(desk, way, desk.lost("anna", 40)) == {}


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
    desk: PlanningDesk, way: Json, days: int, on: bool, state: str, severity: str | None
) -> None:
    """Where Exchange does not say whether it is on, a warning names these users (``test_lost_unseen``)."""
    desk.world.switches.update({"delicensing_resiliency": on, "resiliency_state": state})
    rows = found(desk, way, desk.lost("anna", days))
    assert (rows["anna"].severity if rows else None) == severity
    if not rows:
        return
    row, now = rows["anna"], desk.world.now()
    assert row.reason == "license_removed"
    assert row.certain
    assert row.deadline.at is not None
    ends = days if days < 30 else days - 30
    assert abs(row.deadline.at - now - timedelta(days=30 - ends)) < timedelta(hours=1)


@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_a_license_that_went_is_a_row_as_long_as_the_mailbox_can_be_had(desk: PlanningDesk, strategy: str) -> None:
    """With resiliency: pending, overdue, disconnected, gone; by the clock of the tenant."""
    desk.world.switches.delicensing_resiliency = True
    anna = desk.person("anna", desk.held("EXCHANGESTANDARD"), desk.held("POWER_BI_STANDARD"))
    desk.tenant.patch_state({"users": {anna: {"licenses": ["POWER_BI_STANDARD"]}}})
    start, before = desk.world.now(), desk.world.clock_offset
    seen = {}
    for days in (10, 32, 35, 59, 70):
        desk.world.set_clock(start + timedelta(days=days))
        row = found(desk, {"strategy": strategy}).get("anna")
        seen[days] = (row.severity, row.deadline.source) if row else None
    desk.world.clock_offset = before
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
    desk: PlanningDesk, way: Json, days: int, asked: int
) -> None:
    anna = desk.lost("anna", days)
    desk.tenant.clear_requests()
    found(desk, way, anna)
    assert sum(entry.get("cmdlet") == "Get-OrganizationConfig" for entry in desk.tenant.requests()) == asked


@WAYS
def test_a_mail_user_may_have_the_mailbox_on_premises(desk: PlanningDesk, way: Json) -> None:
    anna = desk.lost("anna", 10, synced=True)
    desk.make.mailbox(anna, "MailUser")
    row = found(desk, way, anna)["anna"]
    assert (row.reason, row.severity, row.certain) == ("license_removed", "notice", False)
    assert any("may be on premises" in note for note in row.notes)


@WAYS
@pytest.mark.parametrize("removed", ["SPE_E3", "EXCHANGESTANDARD", "SPE_F1"])
def test_every_mailbox_plan_counts(desk: PlanningDesk, way: Json, removed: str) -> None:
    assert found(desk, way, desk.lost("anna", 1, removed=removed))["anna"].severity == "lost"


@WAYS
def test_a_license_without_mailbox_plan_that_stays_saves_nothing(desk: PlanningDesk, way: Json) -> None:
    row = found(desk, way, desk.lost("anna", 3, states=[desk.held("POWER_BI_STANDARD")]))["anna"]
    assert (row.reason, row.severity) == ("license_removed", "lost")


@WAYS
def test_who_never_had_a_mailbox_plan_has_none_to_lose(desk: PlanningDesk, way: Json) -> None:
    assert found(desk, way, desk.lost("anna", 3, removed="POWER_BI_STANDARD")) == {}


@WAYS
def test_another_mailbox_plan_at_work_keeps_it(desk: PlanningDesk, way: Json) -> None:
    anna = desk.lost("anna", 3, states=[desk.held("EXCHANGESTANDARD")])
    desk.make.mailbox(anna, "UserMailbox", sku_assigned=True)
    assert found(desk, way, anna) == {}


@WAYS
def test_a_mailbox_that_became_a_shared_one_is_not_lost(desk: PlanningDesk, way: Json) -> None:
    anna = desk.lost("anna", 3)
    desk.make.mailbox(anna, "SharedMailbox", sku_assigned=False)
    assert found(desk, way, anna) == {}


@WAYS
def test_a_mailbox_of_another_kind_is_not_lost(desk: PlanningDesk, way: Json) -> None:
    anna = desk.lost("anna", 3)
    desk.make.mailbox(anna, "SchedulingMailbox")
    assert found(desk, way, anna) == {}


@WAYS
def test_one_without_an_address_is_seen_as_well(desk: PlanningDesk, way: Json) -> None:
    assert found(desk, way, desk.lost("anna", 3, mail=None))["anna"].severity == "lost"


@WAYS
def test_a_guest_who_had_a_mailbox_is_seen_as_well(desk: PlanningDesk, way: Json) -> None:
    assert found(desk, way, desk.lost("anna", 3, user_type="Guest"))["anna"].severity == "lost"


@pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
def test_the_plan_licenses_the_soonest_deadline_first(desk: PlanningDesk, scope: str) -> None:
    desk.lost("later", 5)
    desk.lost("sooner", 29)
    elsewhere = desk.lost("elsewhere", 29.5, synced=True)
    desk.make.mailbox(elsewhere, "MailUser")
    desk.seats("EXCHANGESTANDARD", 2)
    result = desk.plan({**EVERYBODY, "match": {"at_risk": True}}, scope=scope)
    assert skus(result) == {"sooner": ["EXCHANGESTANDARD"], "later": ["EXCHANGESTANDARD"]}
    assert actions(result)["elsewhere"] == "no_seat"


def test_a_license_that_goes_now_disconnects_the_mailbox_and_the_next_run_saves_it(desk: PlanningDesk) -> None:
    anna = desk.person("anna", desk.held("EXCHANGESTANDARD"))
    desk.run([anna], "EXCHANGESTANDARD", state="absent", allow_uncovered=True)
    assert found(desk, {"strategy": "filtered"})["anna"].severity == "lost"
    result = desk.apply(EVERYBODY)
    assert (actions(result), result["users"][0]["status"]) == ({"anna": "license"}, "changed")
    assert found(desk, {"strategy": "filtered"}) == {}
    assert found(desk, {"strategy": "full"}) == {}
