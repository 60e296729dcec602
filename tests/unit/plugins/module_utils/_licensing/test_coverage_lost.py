# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mailboxes that Exchange shows no more: whether a license brings them back, until when, and how urgent that is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    REASONS,
    assess,
    disconnected,
    removed_at,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    AssignedPlan,
    Finding,
    Removal,
    Signals,
    User,
)

from tests.unit.support.sample_mailboxes import CONTEXT, PORTAL_SAYS
from tests.unit.support.sample_tenant import KIOSK, NOW, PLAN2, SPE_E3, direct, user


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def left(*days: float | None, **more: Any) -> User:
    """Anna, whose mailbox plans went so many days ago; None: at an unknown time."""
    gone = zip((PLAN2, KIOSK), days, strict=False)
    plans = [AssignedPlan(plan, "Deleted", None if when is None else ago(when)) for plan, when in gone]
    return user("anna", assigned_plans=tuple(plans), **more)


def row(of: User, signals: Signals = PORTAL_SAYS, **context: Any) -> Finding:
    found = assess(None, of, signals, CONTEXT._replace(**context))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("days", "delayed", "expected"), [(30, False, True), (31, False, False), (60, True, True), (61, True, False)]
)
def test_a_license_brings_a_mailbox_back_for_30_days(days: float, delayed: bool, expected: bool) -> None:
    assert disconnected(left(days), CONTEXT._replace(delayed=delayed)) is expected


def test_a_loss_without_a_date_may_be_recent() -> None:
    assert disconnected(left(None), CONTEXT)
    assert disconnected(left(90, None), CONTEXT)
    assert not disconnected(user("anna"), CONTEXT)
    assert not disconnected(user("anna", direct(SPE_E3)), CONTEXT)


def test_a_suspended_plan_is_no_loss() -> None:
    plans = (AssignedPlan(PLAN2, "Deleted", ago(3)), AssignedPlan(KIOSK, "Suspended"))
    assert not disconnected(user("anna", assigned_plans=plans), CONTEXT)


@pytest.mark.parametrize(
    ("days", "expected"),
    [((3,), 3), ((90,), 90), ((90, 20), 20), ((3, None), 3), ((30, None), 30), ((31, None), None), ((None,), None)],
)
def test_the_latest_dated_loss_counts_if_it_is_recent(days: tuple[float | None, ...], expected: float | None) -> None:
    assert removed_at(left(*days), CONTEXT) == (None if expected is None else ago(expected))


def test_the_audit_log_is_better_evidence_than_plans() -> None:
    removals = {"id-anna": Removal(ago(7), sure=True)}
    assert removed_at(left(3), CONTEXT._replace(removals=removals)) == ago(7)
    assert removed_at(left(3), CONTEXT._replace(removals={"id-other": Removal(ago(7), sure=True)})) == ago(3)


def test_a_lost_mailbox_is_lost_until_30_days_have_passed() -> None:
    found = row(left(10))
    assert found.severity == "lost"
    assert found.deadline.at == NOW + timedelta(days=20)
    assert found.reason == "license_removed"
    assert found.certain


def test_a_delay_adds_30_days_to_a_loss() -> None:
    found = row(left(40), delayed=True)
    assert found.deadline.at == NOW + timedelta(days=20)
    assert found.deadline.source == "license_removed_plus_grace"
    logged = row(left(40), delayed=True, removals={"id-anna": Removal(ago(41), sure=True)})
    assert logged.deadline.at == NOW + timedelta(days=19)
    assert logged.deadline.source == "audit_log_plus_grace"


def test_the_end_of_a_delay_is_the_deadline_of_a_listed_user() -> None:
    due = NOW + timedelta(days=4)
    found = row(user("anna"), Signals(None, due, pending=True))
    assert found.deadline.at == due
    assert found.severity == "lost"
    assert found.evidence == ("no_mailbox_plan", "pending_delicense")


def test_a_listed_user_without_a_removal_may_have_lost_it() -> None:
    assert row(user("anna"), Signals(None, pending=True)).severity == "lost"
    assert row(left(3), Signals(reconciliation=True)).severity == "lost"
    assert row(user("anna")).severity != "lost"


def test_a_mailbox_nobody_looked_for_is_not_lost() -> None:
    found = row(left(3), Signals(reconciliation=True, mailboxes_known=False))
    assert found.severity != "lost"
    assert found.deadline.at != NOW + timedelta(days=27) or found.deadline.source != "audit_log_plus_grace"


@pytest.mark.parametrize(
    ("signals", "certain"),
    [
        (Signals(reconciliation=True, mail_user=True), False),
        (Signals(reconciliation=True, mail_user=None), True),
        (Signals(None, mail_user=True, pending=True), True),
        (Signals(reconciliation=True, mail_user=False), True),
    ],
)
def test_a_mail_user_may_have_no_mailbox_to_lose(signals: Signals, certain: bool) -> None:
    found = row(left(3), signals)
    assert found.certain is certain
    assert (found.severity == "notice") is not certain


def test_the_words_of_reason_are_an_interface() -> None:
    expected = (
        "no_license license_removed exchange_plan_disabled no_exchange_plan license_error license_suspended "
        "shared_over_50_gb shared_archive shared_litigation_hold archive_without_license hold_without_license "
        "soft_deleted duplicate_object_id"
    )
    assert list(REASONS) == expected.split()
