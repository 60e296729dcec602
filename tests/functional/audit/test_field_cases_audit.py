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

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions, skus
from tests.functional.support.run_audit import look
from tests.simulator.builders import GB
from tests.simulator.state import Json, parse_time

WAYS = pytest.mark.parametrize("way", ["filtered", "full", "everybody", "identities"])


def audited(env: PlanHarness, way: str, **options: Any) -> Audit:
    """The audit by ``way``; ``identities`` names everybody."""
    names = tuple(user["userPrincipalName"] for user in env.world.users.values())
    ways: dict[str, Json] = {
        "filtered": {"strategy": "filtered"},
        "full": {"strategy": "full"},
        "everybody": {"strategy": "full", "everybody": True},
        "identities": {"identities": names},
    }
    env.world.touch()
    return look(env.tenant, **ways[way], **options)


def only(found: Audit) -> Finding:
    """The one row."""
    (row,) = found.findings
    return row


def mailbox(env: PlanHarness, *held: str, kind: str = "UserMailbox", user: Json | None = None, **box: Any) -> Json:
    """Anna with these licenses and a mailbox; ``user``: more of her."""
    anna = env.make.user(
        "Anna A", "anna", states=[env.held(name) for name in held], usage_location="DE", **(user or {})
    )
    made: Json = env.make.mailbox(anna, kind, **{"sku_assigned": bool(held) or None, **box})
    return made


def days_left(env: PlanHarness, row: Finding) -> float:
    """Days until the deadline, by the clock of the tenant."""
    assert row.deadline.at is not None
    left: timedelta = row.deadline.at - env.world.now()
    return left / timedelta(days=1)


# --- what Exchange shows no more --------------------------------------------------------------------------------------


@WAYS
def test_01_a_license_that_went_ten_days_ago_is_a_lost_mailbox(env: PlanHarness, way: str) -> None:
    env.lost("anna", 10)
    found = audited(env, way)
    row = only(found)
    assert (row.reason, row.severity, row.deadline.confidence) == ("license_removed", "lost", "estimated")
    assert days_left(env, row) == pytest.approx(20, abs=0.1)
    assert found.summary()["complete"] is True


@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_01_a_rule_with_plan_1_brings_it_back(env: PlanHarness, strategy: str) -> None:
    anna = env.lost("anna", 10)
    result = env.apply(EVERYBODY, strategy=strategy)
    assert (actions(result), skus(result)) == ({"anna": "license"}, {"anna": ["EXCHANGESTANDARD"]})
    assert env.states(anna["userPrincipalName"]).keys() == {"EXCHANGESTANDARD"}


@WAYS
def test_02_forty_days_ago_there_is_nothing_to_bring_back(env: PlanHarness, way: str) -> None:
    env.lost("anna", 40)
    assert audited(env, way).findings == ()


@WAYS
def test_03_a_synchronized_mail_user_may_have_it_on_premises(env: PlanHarness, way: str) -> None:
    env.make.mailbox(env.lost("anna", 10, synced=True), "MailUser")
    row = only(audited(env, way))
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
    env: PlanHarness, way: str, status: str, held: str, reasons: list[str]
) -> None:
    env.add_sku(held)
    env.world.switches.archive_status = status
    mailbox(env, held, archive=True)
    assert [row.reason for row in audited(env, way).findings] == reasons


@WAYS
def test_10_a_guest_with_a_mailbox_is_looked_at_like_everybody(env: PlanHarness, way: str) -> None:
    mailbox(env, user={"user_type": "Guest"}, created_days=20)
    row = only(audited(env, way))
    assert row.reason == "no_license"
    assert days_left(env, row) == pytest.approx(10, abs=0.1)


@WAYS
@pytest.mark.parametrize(("database", "reasons"), [(True, ["shared_archive"]), (False, [])])
def test_11_id_and_database_tell_of_an_archive(env: PlanHarness, way: str, database: bool, reasons: list[str]) -> None:
    box = mailbox(env, kind="SharedMailbox", archive=True)
    box["ArchiveStatus"] = "None"
    box["ArchiveDatabase"] = box["ArchiveDatabase"] if database else None
    assert [row.reason for row in audited(env, way).findings] == reasons


# --- sizes ------------------------------------------------------------------------------------------------------------


def shared(env: PlanHarness, name: str, size: int) -> Json:
    user = env.make.user(name.title(), name)
    box: Json = env.make.mailbox(user, "SharedMailbox", bytes=size)
    return box


@WAYS
def test_12_a_mailbox_without_statistics_says_nothing_of_another(env: PlanHarness, way: str) -> None:
    never_opened, large = shared(env, "quiet", GB), shared(env, "large", 60 * GB)
    env.world.switches.no_statistics = never_opened["UserPrincipalName"]
    found = audited(env, way, sizes="always")
    row = only(found)
    assert (row.reason, row.user_principal_name) == ("shared_over_50_gb", large["UserPrincipalName"])
    (warning,) = found.warnings
    assert never_opened["UserPrincipalName"] in warning
    assert (found.summary()["complete"], found.summary()["not_examined"]) == (True, [])


@WAYS
def test_13_without_a_report_each_mailbox_is_measured(env: PlanHarness, way: str) -> None:
    env.world.switches.usage_report = "404"
    boxes = [shared(env, f"box{number}", 60 * GB if number == 7 else GB) for number in range(24)]
    row = only(audited(env, way, sizes="auto"))
    assert (row.reason, row.user_principal_name) == ("shared_over_50_gb", boxes[7]["UserPrincipalName"])


# --- mailboxes that work on after their license has gone --------------------------------------------------------------


@WAYS
@pytest.mark.parametrize("state", ["text", "null"])
def test_14_and_15_pending_users_are_read_without_the_setting(env: PlanHarness, way: str, state: str) -> None:
    env.world.switches.update({"delicensing_resiliency": True, "resiliency_state": state})
    anna = env.lost("anna", 18)
    box = env.make.mailbox(anna, "UserMailbox", sku_assigned=False, created_days=400, pending_days=12)
    row = only(audited(env, way))
    assert (row.deadline.source, row.deadline.confidence) == ("pending_delicense", "exact")
    assert row.deadline.at == parse_time(box["_pending_delicense"])
    assert days_left(env, row) == pytest.approx(12, abs=0.1)


# --- licenses without mailbox rights ----------------------------------------------------------------------------------


@WAYS
def test_16_teams_enterprise_keeps_a_mailbox_without_right_to_it(env: PlanHarness, way: str) -> None:
    env.add_sku("Microsoft_Teams_Enterprise_New")
    box = mailbox(env, "Microsoft_Teams_Enterprise_New")
    found = audited(env, way)
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
    env: PlanHarness, way: str, sizes: str, owners: str
) -> None:
    large = shared(env, "large", 60 * GB)
    owner = env.world.users[large["ExternalDirectoryObjectId"]]
    if owners == "two":
        owner = env.make.user("Anna", "anna")
    gone = env.make.mailbox(owner, "UserMailbox", soft_deleted_days=10, address="old@contoso.example")
    gone["ExchangeGuid"] = large["ExchangeGuid"]
    rows = audited(env, way, sizes=sizes).findings
    assert sorted(row.reason for row in rows) == ["shared_over_50_gb", "soft_deleted"]
    assert {row.mailbox.guid for row in rows if row.mailbox} == {large["Guid"], gone["Guid"]}
