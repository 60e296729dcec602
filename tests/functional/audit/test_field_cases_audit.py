# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small inputs from field reports with their right answers: who is at risk. Each in every way of looking."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._ansible.audit_module import no_rights_warnings
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Finding

from tests.functional.support.plan_harness import EVERYBODY, PlanningDesk, actions, skus
from tests.functional.support.run_audit import look
from tests.simulator.builders import GB
from tests.simulator.state import Json, parse_time

WAYS = pytest.mark.parametrize("way", ["filtered", "full", "everybody", "identities"])


def audited(desk: PlanningDesk, way: str, **options: Any) -> Audit:
    """The audit by ``way``; ``identities`` names everybody."""
    names = tuple(user["userPrincipalName"] for user in desk.world.users.values())
    ways: dict[str, Json] = {
        "filtered": {"strategy": "filtered"},
        "full": {"strategy": "full"},
        "everybody": {"strategy": "full", "everybody": True},
        "identities": {"identities": names},
    }
    desk.world.touch()
    return look(desk.tenant, **ways[way], **options)


def only(found: Audit) -> Finding:
    """The one row."""
    (row,) = found.findings
    return row


def mailbox(desk: PlanningDesk, *held: str, kind: str = "UserMailbox", user: Json | None = None, **box: Any) -> Json:
    """Anna with these licenses and a mailbox; ``user``: more of her."""
    anna = desk.make.user(
        "Anna A", "anna", states=[desk.held(name) for name in held], usage_location="DE", **(user or {})
    )
    made: Json = desk.make.mailbox(anna, kind, **{"sku_assigned": bool(held) or None, **box})
    return made


def days_left(desk: PlanningDesk, row: Finding) -> float:
    """Days until the deadline, by the clock of the tenant."""
    assert row.deadline.at is not None
    left: timedelta = row.deadline.at - desk.world.now()
    return left / timedelta(days=1)


# --- what Exchange shows no more --------------------------------------------------------------------------------------


@WAYS
def test_01_a_license_that_went_ten_days_ago_is_a_lost_mailbox(desk: PlanningDesk, way: str) -> None:
    desk.lost("anna", 10)
    found = audited(desk, way)
    row = only(found)
    assert (row.reason, row.severity, row.deadline.confidence) == ("license_removed", "lost", "estimated")
    assert days_left(desk, row) == pytest.approx(20, abs=0.1)
    assert found.summary()["complete"] is True


@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_01_a_rule_with_plan_1_brings_it_back(desk: PlanningDesk, strategy: str) -> None:
    anna = desk.lost("anna", 10)
    result = desk.apply(EVERYBODY, strategy=strategy)
    assert (actions(result), skus(result)) == ({"anna": "license"}, {"anna": ["EXCHANGESTANDARD"]})
    assert desk.states(anna["userPrincipalName"]).keys() == {"EXCHANGESTANDARD"}


@WAYS
def test_02_forty_days_ago_there_is_nothing_to_bring_back(desk: PlanningDesk, way: str) -> None:
    desk.lost("anna", 40)
    assert audited(desk, way).findings == ()


@WAYS
def test_03_a_synchronized_mail_user_may_have_it_on_premises(desk: PlanningDesk, way: str) -> None:
    desk.make.mailbox(desk.lost("anna", 10, synced=True), "MailUser")
    row = only(audited(desk, way))
    assert (row.severity, row.certain) == ("notice", False)
    assert any("on premises" in note for note in row.notes)


# --- which plan a mailbox needs ---------------------------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize("status", ["set", "late"])
@pytest.mark.parametrize(
    ("held", "reasons"),
    [
        ("EXCHANGESTANDARD", []),
        ("EXCHANGEDESKLESS", ["archive_without_license"]),
        ("O365_BUSINESS_ESSENTIALS", []),
        ("SPE_E3", []),
    ],
)
def test_04_and_05_plan_1_includes_an_archive_and_kiosk_none(
    desk: PlanningDesk, way: str, status: str, held: str, reasons: list[str]
) -> None:
    desk.add_sku(held)
    desk.world.switches.archive_status = status
    mailbox(desk, held, archive=True)
    assert [row.reason for row in audited(desk, way).findings] == reasons


@WAYS
def test_10_a_guest_with_a_mailbox_is_looked_at_like_everybody(desk: PlanningDesk, way: str) -> None:
    mailbox(desk, user={"user_type": "Guest"}, created_days=20)
    row = only(audited(desk, way))
    assert row.reason == "no_license"
    assert days_left(desk, row) == pytest.approx(10, abs=0.1)


@WAYS
@pytest.mark.parametrize(("database", "reasons"), [(True, ["shared_archive"]), (False, [])])
def test_11_id_and_database_tell_of_an_archive(
    desk: PlanningDesk, way: str, database: bool, reasons: list[str]
) -> None:
    box = mailbox(desk, kind="SharedMailbox", archive=True)
    box["ArchiveStatus"] = "None"
    box["ArchiveDatabase"] = box["ArchiveDatabase"] if database else None
    assert [row.reason for row in audited(desk, way).findings] == reasons


# --- sizes ------------------------------------------------------------------------------------------------------------


def shared(desk: PlanningDesk, name: str, size: int) -> Json:
    user = desk.make.user(name.title(), name)
    box: Json = desk.make.mailbox(user, "SharedMailbox", bytes=size)
    return box


@WAYS
def test_12_a_mailbox_without_statistics_says_nothing_of_another(desk: PlanningDesk, way: str) -> None:
    never_opened, large = shared(desk, "quiet", GB), shared(desk, "large", 60 * GB)
    desk.world.switches.no_statistics = never_opened["UserPrincipalName"]
    found = audited(desk, way, sizes="always")
    row = only(found)
    assert (row.reason, row.user_principal_name) == ("shared_over_50_gb", large["UserPrincipalName"])
    (warning,) = found.warnings
    assert never_opened["UserPrincipalName"] in warning
    assert (found.summary()["complete"], found.summary()["not_examined"]) == (True, [])


@WAYS
def test_13_without_a_report_each_mailbox_is_measured(desk: PlanningDesk, way: str) -> None:
    desk.world.switches.usage_report = "404"
    boxes = [shared(desk, f"box{number}", 60 * GB if number == 7 else GB) for number in range(24)]
    row = only(audited(desk, way, sizes="auto"))
    assert (row.reason, row.user_principal_name) == ("shared_over_50_gb", boxes[7]["UserPrincipalName"])


# --- mailboxes that work on after their license has gone --------------------------------------------------------------


@WAYS
@pytest.mark.parametrize("state", ["text", "null"])
def test_14_and_15_who_is_pending_delicensing_is_asked_for_whatever_exchange_says_of_the_feature(
    desk: PlanningDesk, way: str, state: str
) -> None:
    desk.world.switches.update({"delicensing_resiliency": True, "resiliency_state": state})
    anna = desk.lost("anna", 18)
    box = desk.make.mailbox(anna, "UserMailbox", sku_assigned=False, created_days=400, pending_days=12)
    row = only(audited(desk, way))
    assert (row.deadline.source, row.deadline.confidence) == ("pending_delicense", "exact")
    assert row.deadline.at == parse_time(box["_pending_delicense"])
    assert days_left(desk, row) == pytest.approx(12, abs=0.1)


# --- licenses without mailbox rights ----------------------------------------------------------------------------------


@WAYS
def test_16_teams_enterprise_keeps_a_mailbox_without_right_to_it(desk: PlanningDesk, way: str) -> None:
    desk.add_sku("Microsoft_Teams_Enterprise_New")
    box = mailbox(desk, "Microsoft_Teams_Enterprise_New")
    found = audited(desk, way)
    assert found.findings == ()
    (row,) = found.no_mailbox_rights
    assert row["skus"] == ["Microsoft_Teams_Enterprise_New"]
    (warning,) = no_rights_warnings(found)
    assert warning.startswith("no_mailbox_rights: ")
    assert box["UserPrincipalName"] in warning


# --- keys -------------------------------------------------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize("sizes", ["auto", "always"])
@pytest.mark.parametrize("owners", ["one", "two"])
def test_25_two_mailboxes_with_one_exchange_guid_are_two_rows(
    desk: PlanningDesk, way: str, sizes: str, owners: str
) -> None:
    large = shared(desk, "large", 60 * GB)
    owner = desk.world.users[large["ExternalDirectoryObjectId"]]
    if owners == "two":
        owner = desk.make.user("Anna", "anna")
    gone = desk.make.mailbox(owner, "UserMailbox", soft_deleted_days=10, address="old@contoso.example")
    gone["ExchangeGuid"] = large["ExchangeGuid"]
    rows = audited(desk, way, sizes=sizes).findings
    assert sorted(row.reason for row in rows) == ["shared_over_50_gb", "soft_deleted"]
    assert {row.mailbox.guid for row in rows if row.mailbox} == {large["Guid"], gone["Guid"]}
