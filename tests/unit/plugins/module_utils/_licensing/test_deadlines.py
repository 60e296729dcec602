# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Until when a mailbox is safe, who says so, and how bad it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import AssessmentContext, assess
from ansible_collections.m365.licensing.plugins.module_utils._licensing.deadlines import (
    SEVERITIES,
    days_until,
    severity_of,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    AssignedPlan,
    Deadline,
    Finding,
    Mailbox,
    RecipientType,
    Signals,
    Subscription,
    User,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support.sample_tenant import (
    EXCHANGEDESKLESS,
    EXCHANGESTANDARD,
    F1,
    KIOSK,
    NOW,
    PLAN1,
    PLAN2,
    SPE_E3,
    SPE_E5,
    direct,
    inherited,
    skus,
    user,
)

UNKNOWN_SKU = "99999999-9999-4999-8999-999999999999"


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def ahead(days: float) -> datetime:
    return NOW + timedelta(days=days)


def box(kind: RecipientType = RecipientType.USER, **more: Any) -> Mailbox:
    """A mailbox of anna that Exchange says has no license, made ten days ago."""
    values: dict[str, Any] = {"created": ago(10), "sku_assigned": None, "guid": "box"}
    return Mailbox("id-anna", "anna@contoso.com", kind, **(values | more))


def deleted(days: float, plan: str = PLAN2) -> AssignedPlan:
    return AssignedPlan(plan, "Deleted", assigned=ago(days))


def found(mailbox: Mailbox | None, owner: User | None = None, **more: Any) -> Finding:
    """The finding; ``more``: ``pending``, and fields of AssessmentContext."""
    signals = Signals(reconciliation=True, pending_delicense=more.pop("pending", None))
    finding = assess(mailbox, user() if owner is None else owner, signals, AssessmentContext(**({"now": NOW} | more)))
    assert finding is not None
    return finding


def told(finding: Finding) -> tuple[float | None, str, str]:
    """Days from now (a fraction), source, confidence."""
    at = finding.deadline.at
    days = None if at is None else (at - NOW) / timedelta(days=1)
    return days, finding.deadline.source, finding.deadline.confidence


# created --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grace", "created", "expected"),
    [
        (30, 10, (20, "created_plus_grace", "estimated")),
        (60, 10, (50, "created_plus_grace", "estimated")),
        (60, 45, (15, "created_plus_grace", "estimated")),
        (30, 30, (0, "created_plus_grace", "estimated")),
    ],
)
def test_a_new_mailbox_has_the_grace_period_from_its_creation(grace: int, created: int, expected: Any) -> None:
    assert told(found(box(created=ago(created)), grace_days=grace)) == expected


@pytest.mark.parametrize("created", [30.001, 45, 4000])
def test_mailbox_past_its_grace_period_has_a_note_and_no_date(created: float) -> None:
    finding = found(box(created=ago(created)))
    assert told(finding) == (None, "unknown", "unknown")
    assert f"ended on {ago(created - 30):%Y-%m-%d}, and the mailbox still exists" in finding.deadline.note
    assert finding.severity == "overdue"
    assert finding.days_remaining is None


def test_a_mailbox_of_unknown_age_has_no_date_and_says_why() -> None:
    finding = found(box(created=None))
    assert told(finding) == (None, "unknown", "unknown")
    assert "when this mailbox was created" in finding.deadline.note


def test_without_a_mailbox_nothing_tells_its_age() -> None:
    assert told(found(None)) == (None, "unknown", "unknown")


def test_a_mailbox_made_in_the_future_points_at_a_wrong_clock() -> None:
    finding = found(box(created=ahead(300)))
    assert told(finding) == (330, "created_plus_grace", "estimated")
    assert "clock" in finding.deadline.note
    assert found(box(created=ahead(0.01))).deadline.note == ""


# removed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [0, 12, 30])
def test_a_removed_license_leaves_thirty_days(days: int) -> None:
    owner = user(assigned_plans=(deleted(days),))
    finding = found(box(created=ago(900)), owner, grace_days=60)
    assert finding.reason == "license_removed"
    assert told(finding) == (30 - days, "license_removed_plus_grace", "estimated")


def test_last_removed_mailbox_plan_counts_and_others_do_not() -> None:
    other = AssignedPlan("113feb6c-3fe4-4440-bddc-54d774bf0318", "Deleted", assigned=ago(1))
    owner = user(assigned_plans=(deleted(25), deleted(12, PLAN1), other))
    assert told(found(box(created=ago(900)), owner))[0] == 18


def test_removal_before_thirty_days_gives_no_date() -> None:
    finding = found(box(created=ago(900)), user(assigned_plans=(deleted(31),)))
    assert told(finding) == (None, "unknown", "unknown")
    assert "since the license was removed" in finding.deadline.note
    assert finding.severity == "overdue"


def test_removal_before_creation_is_about_another_mailbox() -> None:
    finding = found(box(created=ago(3)), user(assigned_plans=(deleted(400),)))
    assert told(finding) == (27, "created_plus_grace", "estimated")


def test_exchange_alone_reports_a_removal_without_a_date() -> None:
    finding = assess(box(sku_assigned=False), None, Signals(), AssessmentContext(now=NOW))
    assert finding is not None
    assert finding.reason == "license_removed"
    assert told(finding) == (None, "unknown", "unknown")
    assert "no property shows when" in finding.deadline.note


@pytest.mark.parametrize("due", [-2, 0, 11])
def test_pending_delicensing_date_beats_a_computed_date(due: int) -> None:
    owner = user(assigned_plans=(deleted(20),))
    finding = found(box(), owner, pending=ahead(due))
    assert finding.reason == "license_removed"
    assert told(finding) == (due, "pending_delicense", "exact" if due >= 0 else "estimated")
    assert finding.days_remaining == due


# soft deleted ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [0, 29, 30])
def test_a_soft_deleted_mailbox_can_be_recovered_for_thirty_days(days: int) -> None:
    finding = found(box(RecipientType.SOFT_DELETED, soft_deleted=ago(days)), pending=ahead(3), grace_days=60)
    assert told(finding) == (30 - days, "soft_deleted_plus_30_days", "exact")
    assert finding.severity == "lost"


def test_soft_deleted_mailbox_past_thirty_days_has_no_date() -> None:
    finding = found(box(RecipientType.SOFT_DELETED, soft_deleted=ago(31)))
    assert told(finding) == (None, "unknown", "unknown")
    assert "the mailbox still exists" in finding.deadline.note
    assert finding.severity == "lost"


def test_a_soft_deleted_mailbox_without_its_time_has_no_date() -> None:
    assert told(found(box(RecipientType.SOFT_DELETED))) == (None, "unknown", "unknown")


# suspended ------------------------------------------------------------------------------------------------------


def subscription(sku_id: str, status: str, days: float | None) -> Subscription:
    return Subscription(sku_id, "", status, next_lifecycle=None if days is None else ahead(days))


def suspended(*subscriptions: Subscription, owner: User | None = None, **more: Any) -> Finding:
    """A user whose E3 is suspended."""
    table = skus(status={SPE_E3: "Suspended"})
    by_sku: dict[str, tuple[Subscription, ...]] = {}
    for item in subscriptions:
        by_sku[item.sku_id] = (*by_sku.get(item.sku_id, ()), item)
    owner = owner or user("anna", direct(SPE_E3), table=table)
    finding = found(box(sku_assigned=True), owner, skus={item.id: item for item in table}, subscriptions=by_sku, **more)
    assert finding.reason == "license_suspended"
    return finding


@pytest.mark.parametrize(
    ("subscriptions", "expected"),
    [
        pytest.param([("Suspended", 40)], (40, "subscription_lifecycle", "exact"), id="suspended"),
        pytest.param([("LockedOut", 5)], (5, "subscription_lifecycle", "exact"), id="locked out"),
        pytest.param([("Hibernating", 5)], (5, "subscription_lifecycle", "estimated"), id="state never seen"),
        pytest.param(
            [("Suspended", 40), ("Suspended", 60)], (60, "subscription_lifecycle", "exact"), id="the last one counts"
        ),
        pytest.param(
            [("Suspended", 40), ("Warning", 60)],
            (60, "subscription_lifecycle", "estimated"),
            id="one of them only warns yet",
        ),
        pytest.param(
            [("Suspended", 40), ("Deleted", 60)], (40, "subscription_lifecycle", "exact"), id="deleted ones are over"
        ),
        pytest.param(
            [("Suspended", 40), ("Suspended", None)], (40, "subscription_lifecycle", "estimated"), id="one has no date"
        ),
        pytest.param(
            [("Suspended", 40), ("Enabled", 60)], (40, "subscription_lifecycle", "estimated"), id="a renewal is no end"
        ),
        pytest.param([("Enabled", 60)], (None, "unknown", "unknown"), id="nor is it one alone"),
        pytest.param([("Suspended", -10)], (-10, "subscription_lifecycle", "estimated"), id="gone by, still there"),
        pytest.param([("Deleted", 60)], (None, "unknown", "unknown"), id="all are over"),
        pytest.param([("Suspended", None)], (None, "unknown", "unknown"), id="no date"),
        pytest.param([], (None, "unknown", "unknown"), id="no subscription"),
    ],
)
def test_last_subscription_dates_a_suspended_license(subscriptions: Any, expected: Any) -> None:
    assert told(suspended(*(subscription(SPE_E3, status, days) for status, days in subscriptions))) == expected


def test_a_date_of_an_earlier_stage_says_that_data_goes_later() -> None:
    assert "Microsoft deletes data later" in suspended(subscription(SPE_E3, "Warning", 10)).deadline.note


@pytest.mark.parametrize(
    ("more", "name"),
    [
        (direct(SPE_E5, PLAN2), "a SKU whose Exchange plan is off"),
        (direct(UNKNOWN_SKU), "a SKU that nobody knows"),
        (direct(EXCHANGESTANDARD, state="Error"), "an assignment in error"),
        (direct(F1), "a SKU without mailbox rights"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_subscriptions_of_other_licenses_do_not_keep_the_mailbox(more: Any, name: str) -> None:
    owner = user(
        "anna",
        license_states=(direct(SPE_E3), more),
        assigned_plans=(AssignedPlan(PLAN2, "Suspended"),),
    )
    other = subscription(more.sku_id, "Enabled", 300)
    assert told(suspended(subscription(SPE_E3, "Suspended", 40), other, owner=owner))[0] == 40


def test_two_suspended_licenses_keep_it_as_long_as_the_longer() -> None:
    owner = user(
        "anna",
        license_states=(direct(SPE_E3), inherited(EXCHANGESTANDARD)),
        assigned_plans=(AssignedPlan(PLAN2, "Suspended"), AssignedPlan(PLAN1, "LockedOut")),
    )
    dates = [subscription(SPE_E3, "Suspended", 40), subscription(EXCHANGESTANDARD, "Suspended", 80)]
    assert told(suspended(*dates, owner=owner))[0] == 80


# what Microsoft names no date for -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"over_50_gb": True}, "shared_over_50_gb"),
        ({"archive": True}, "shared_archive"),
        ({"hold": True}, "shared_litigation_hold"),
    ],
)
def test_shared_mailboxes_have_no_date_and_are_a_warning(more: Any, reason: str) -> None:
    finding = found(box(RecipientType.SHARED, **more))
    assert (finding.reason, *told(finding)) == (reason, None, "unknown", "unknown")
    assert "documents no date" in finding.deadline.note
    assert finding.severity == "warning"


def test_hold_without_a_plan_for_it_is_a_missing_right() -> None:
    finding = found(box(hold=True, sku_assigned=True), user("anna", direct(EXCHANGESTANDARD)))
    assert (finding.reason, finding.severity, finding.deadline.at) == ("hold_without_license", "notice", None)


def test_creation_dates_no_archive_of_a_licensed_mailbox() -> None:
    finding = found(box(archive=True, sku_assigned=True), user("anna", direct(EXCHANGEDESKLESS)))
    assert (finding.reason, finding.severity) == ("archive_without_license", "warning")
    assert told(finding) == (None, "unknown", "unknown")


@pytest.mark.parametrize(
    ("plan", "days"), [(PLAN1, 20), (PLAN2, 20), ("176a09a6-7ec5-4039-ac02-b2791c6ba793", 20), (KIOSK, None)]
)
def test_an_archive_lives_thirty_days_after_what_covered_it_went(plan: str, days: int | None) -> None:
    owner = user("anna", direct(EXCHANGEDESKLESS))
    plans = (*owner.assigned_plans, deleted(10, plan))
    owner = user("anna", direct(EXCHANGEDESKLESS), assigned_plans=plans)
    assert told(found(box(archive=True, sku_assigned=True, created=ago(900)), owner))[0] == days


# how bad --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "left", "severity"),
    [
        (-0.01, -1, "overdue"),
        (0, 0, "critical"),
        (0.01, 1, "critical"),
        (1, 1, "critical"),
        (1.01, 2, "critical"),
        (7, 7, "critical"),
        (7.01, 8, "warning"),
        (30, 30, "warning"),
        (30.01, 31, "notice"),
        (400, 400, "notice"),
    ],
)
def test_days_are_rounded_up_and_decide_the_severity(days: float, left: int, severity: str) -> None:
    deadline = Deadline(ahead(days), "pending_delicense", "exact")
    assert days_until(deadline, NOW) == left
    assert severity_of("license_removed", left) == severity


@pytest.mark.parametrize("reason", ["no_license", "license_removed", "exchange_plan_disabled", "license_suspended"])
def test_no_known_date_is_as_urgent_as_one_that_has_passed(reason: str) -> None:
    assert severity_of(reason, None) == "overdue"


# properties -----------------------------------------------------------------------------------------------------

DAYS = st.floats(min_value=-100, max_value=500, allow_nan=False)
MAYBE_DAYS = st.one_of(st.none(), DAYS)
WORST_LAST = ("notice", "warning", "critical", "overdue")


@st.composite
def cases(draw: st.DrawFn) -> tuple[Mailbox, User, datetime | None]:
    kind = draw(st.sampled_from([RecipientType.USER, RecipientType.ARCHIVE, RecipientType.SOFT_DELETED]))
    created, soft, removed, due = (draw(MAYBE_DAYS) for _unused in range(4))
    mailbox = box(
        kind,
        created=None if created is None else ago(created),
        soft_deleted=None if soft is None else ago(soft),
        sku_assigned=draw(st.sampled_from([None, False, True])),
        hold=draw(st.booleans()),
        archive=draw(st.booleans()),
    )
    owner = user(assigned_plans=() if removed is None else (deleted(removed),))
    return mailbox, owner, None if due is None else ahead(due)


@given(cases(), DAYS, st.floats(min_value=0, max_value=200, allow_nan=False))
def test_days_fall_and_severity_never_improves_with_time(
    case: tuple[Mailbox, User, datetime | None], start: float, step: float
) -> None:
    mailbox, owner, due = case
    before = found(mailbox, owner, pending=due, now=ahead(start))
    after = found(mailbox, owner, pending=due, now=ahead(start + step))
    if before.days_remaining is None:
        assert after.days_remaining is None
    elif after.days_remaining is not None:
        assert after.days_remaining <= before.days_remaining
        assert after.deadline.at == before.deadline.at
    if before.severity != "lost":
        assert WORST_LAST.index(after.severity) >= WORST_LAST.index(before.severity)


@given(cases(), st.sampled_from([30, 60]))
def test_a_date_has_a_source_and_no_date_has_a_reason(case: tuple[Mailbox, User, datetime | None], grace: int) -> None:
    mailbox, owner, due = case
    finding = found(mailbox, owner, pending=due, grace_days=grace)
    deadline = finding.deadline
    if deadline.at is None:
        assert (deadline.source, deadline.confidence, finding.days_remaining) == ("unknown", "unknown", None)
        assert deadline.note
    else:
        assert deadline.source != "unknown"
        assert deadline.confidence in ("exact", "estimated")
        assert deadline.confidence != "exact" or deadline.at >= NOW
        assert deadline.at >= NOW or "has passed" in deadline.note
    assert finding.severity in SEVERITIES
