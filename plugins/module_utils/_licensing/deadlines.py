# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deadline of a mailbox with its source and certainty, and the severity. Pure: no I/O, no clock.

Dates are read if a service returns them (pending delicense, soft deletion, subscriptions), and computed if Microsoft
documents a period. Otherwise there is no date, and a note gives the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from .catalog import Catalog
from .models import (
    MAILBOX_CLASSES,
    Deadline,
    Finding,
    Mailbox,
    PlanClass,
    RecipientType,
    Removal,
    Signals,
    Subscription,
    User,
)

DISCONNECTED_DAYS = 30
"""How long Microsoft keeps a mailbox after the removal of its license, and after a soft deletion
[delete-or-restore-mailboxes]. Not the grace period of new mailboxes, and not an option."""

DELETED_USER_DAYS = 30
"""How long a deleted user can be restored [user: delete]."""

CLOCK_TOLERANCE = timedelta(days=1)
"""If an event is further in the future than this, the clock used for deadlines is wrong."""

CRITICAL_DAYS = 7
WARNING_DAYS = 30

SEVERITIES = ("lost", "overdue", "critical", "warning", "notice")
"""``lost``: disconnected, recoverable until the deadline. ``overdue``: past every documented date and still there, so
it may be deleted at any moment. ``critical``, ``warning``: within 7 and 30 days, or at risk without a known date.
``notice``: later, or a matter of rights and not of deletion."""

UNDATED = {
    "shared_over_50_gb": "Microsoft documents no date on which a shared mailbox over 50 GB is deleted.",
    "shared_archive": "Microsoft documents no date on which the archive of an unlicensed shared mailbox is deleted.",
    "shared_litigation_hold": "Microsoft documents no date on which an unlicensed shared mailbox loses its hold.",
    "hold_without_license": "The mailbox has a license; Microsoft documents no date on which its hold ends.",
    "duplicate_object_id": "The user of this mailbox is not certain, so its deadline is not known.",
}
"""Reasons that have no deadline, and why."""


_DELAY_ENDED = "Exchange says that the delay after the removal of the license has ended"
_HELD = "The mailbox is on hold."
_HELD_WITH_ALL = "A retention policy of the whole organization holds the mailbox."
_DISAGREE = " Microsoft's newest text says that a hold keeps the mailbox of an existing user, and older texts disagree"


def find_deadline(
    reason: str,
    mailbox: Mailbox | None,
    user: User | None,
    signals: Signals,
    now: datetime,
    grace_days: int,
    catalog: Catalog,
    subscriptions: Iterable[Subscription],
    removal: Removal | None = None,
) -> Deadline:
    """The best-supported date: read before computed, computed before unknown. Never an invented one.

    ``subscriptions`` are those behind the suspended plan that covered the mailbox. ``removal`` is what the audit log
    says. The date of a mailbox in use on hold is unknown, for Microsoft's texts disagree [support article on inactive
    mailboxes, 2024-09; older: inactive-mailboxes-in-office-365].
    """
    pending, overdue = signals.pending_delicense, signals.overdue and reason != "soft_deleted"
    if overdue:
        found = overdue_deadline(pending)
    else:
        found = _of_reason(reason, mailbox, user, pending, now, grace_days, catalog, subscriptions, removal)
    in_use = mailbox is not None and mailbox.recipient_type is RecipientType.USER
    if mailbox is None or not in_use or not mailbox.held or reason in _RIGHTS:
        return found
    until = f": Microsoft deletes it by {found.at:%Y-%m-%d} if the hold does not keep it." if found.at else "."
    if overdue:
        ended = f", on {pending:%Y-%m-%d}" if pending else ""
        until = f". {_DELAY_ENDED}{ended}: if the hold does not keep the mailbox, it may be deleted at any moment."
    note = (_HELD if mailbox.hold or mailbox.other_hold else _HELD_WITH_ALL) + _DISAGREE + until
    return Deadline(note=note, outlived=found.outlived, earliest=found.at)


_RIGHTS = ("hold_without_license", "archive_without_license")
"""Reasons of mailboxes that a plan keeps: what they lack is a right."""


_ARCHIVING = frozenset({PlanClass.PLAN1, PlanClass.PLAN2, PlanClass.ARCHIVING})
_ON_PREMISES_ARCHIVING = frozenset({PlanClass.ARCHIVE, PlanClass.PLAN2, PlanClass.ARCHIVING})
"""What grants the archive of a mailbox in the cloud, and of one on premises."""


def _of_reason(
    reason: str,
    mailbox: Mailbox | None,
    user: User | None,
    pending: datetime | None,
    now: datetime,
    grace_days: int,
    catalog: Catalog,
    subscriptions: Iterable[Subscription],
    removal: Removal | None,
) -> Deadline:
    if reason == "soft_deleted":
        return _of_soft_deletion(mailbox, user, now)
    if pending is not None:
        return _stated(pending, "pending_delicense", now)
    if reason in UNDATED:
        return Deadline(note=UNDATED[reason])
    if reason == "license_suspended":
        return _of_subscriptions(subscriptions, now)
    archive_only = reason == "archive_without_license"
    created = mailbox.created if mailbox else None
    on_premises = mailbox is not None and mailbox.recipient_type is RecipientType.ARCHIVE
    archiving = _ON_PREMISES_ARCHIVING if on_premises else _ARCHIVING
    removed = removal_date(user, catalog, archiving if archive_only else MAILBOX_CLASSES)
    if found := _of_removal(removed, None if archive_only else removal, created, now):
        return found
    if archive_only and not on_premises:
        return Deadline(note="No property shows since when the archive has been without a license.")
    if reason == "license_removed" and mailbox is not None and mailbox.sku_assigned is False:
        return Deadline(note="Exchange says that a license was removed, and no property shows when.")
    if user is None:
        return Deadline(
            note="Graph does not show this user, so it is not known since when it has been without a license."
        )
    if created is None:
        return Deadline(note="No service returns when this mailbox was created.")
    return _period(created, grace_days, "created_plus_grace", "it was created", now)


def _of_removal(
    removed: datetime | None, removal: Removal | None, created: datetime | None, now: datetime
) -> Deadline | None:
    """By the audit log, else by the date of the removed plan. None: the date of the removal is not known.

    A removal before the mailbox was created was about an earlier one. An entry of the log that does not say what it
    changed may be about another license.
    """
    event = "the license was removed"
    if removal is None or (created is not None and removal.at < created):
        if removed is None or (created is not None and removed < created):
            return None
        return _period(removed, DISCONNECTED_DAYS, "license_removed_plus_grace", event, now)
    found = _period(removal.at, DISCONNECTED_DAYS, "audit_log_plus_grace", event, now)
    unsure = "" if removal.sure or found.note else "The audit log says that a license was changed then, but not which."
    return found._replace(note=unsure) if unsure else found


def lost_deadline(
    removed: datetime | None, removal: Removal | None, signals: Signals, now: datetime, *, delayed: bool
) -> Deadline:
    """Until when a license restores a mailbox that no list of Exchange shows.

    ``removed``: when the license was removed, if known; ``removal``: the entry of the audit log. ``delayed``: mailboxes
    are known to stay for 30 days before they are disconnected.
    """
    due = signals.pending_delicense
    if signals.is_pending and not signals.overdue and due is not None and due >= now:
        return _stated(due, "pending_delicense", now)
    if signals.overdue or due is not None:
        return _after_delay(due, now)
    if removed is None:
        return Deadline(note=_UNDATED_LOSS)
    if delayed and removed + timedelta(days=DISCONNECTED_DAYS) < now:
        source = "license_removed_plus_grace" if removal is None else "audit_log_plus_grace"
        return Deadline(removed + timedelta(days=2 * DISCONNECTED_DAYS), source, "estimated", _DELAYED)
    return _of_removal(removed, removal, None, now) or Deadline(note=_UNDATED_LOSS)


def _after_delay(due: datetime | None, now: datetime) -> Deadline:
    """Exchange disconnects the mailbox when the delay ends, and keeps it for 30 days more."""
    if due is None:
        return Deadline(note=f"{_DELAY_ENDED}, but not when.")
    at, ended = due + timedelta(days=DISCONNECTED_DAYS), f"{_DELAY_ENDED} on {due:%Y-%m-%d}."
    if at < now:
        note = f"{ended} The {DISCONNECTED_DAYS} days after that are over as well: license the user at once."
        return Deadline(note=note, outlived=at)
    note = f"{ended} For {DISCONNECTED_DAYS} days after that, a license restores the mailbox."
    return Deadline(at, "pending_delicense", "estimated", note)


_UNDATED_LOSS = (
    "No record says when the license was removed. A license restores the mailbox for "
    f"{DISCONNECTED_DAYS} days after that, so it may be too late already."
)
_DELAYED = (
    f"With delicensing resiliency the mailbox stayed for {DISCONNECTED_DAYS} days after the removal of its license; "
    f"for {DISCONNECTED_DAYS} days more a license restores it."
)


def _of_soft_deletion(mailbox: Mailbox | None, user: User | None, now: datetime) -> Deadline:
    """Until when a restored user or a license restores the mailbox, whichever ends sooner."""
    gone, deleted = mailbox.soft_deleted if mailbox else None, user.deleted if user else None
    if deleted is not None and (gone is None or deleted < gone):
        return _period(deleted, DELETED_USER_DAYS, "user_deleted_plus_30_days", "its user was deleted", now, "exact")
    if gone is None:
        return Deadline(note="Exchange does not return when the mailbox was soft-deleted.")
    return _period(gone, DISCONNECTED_DAYS, "soft_deleted_plus_30_days", "it was soft-deleted", now, "exact")


def _period(
    start: datetime, days: int, source: str, event: str, now: datetime, confidence: str = "estimated"
) -> Deadline:
    """The end of a documented period, unless it has passed: it does not apply to a mailbox that still exists then."""
    at = start + timedelta(days=days)
    if at < now:
        return Deadline(
            note=f"The period since {event} ended on {at:%Y-%m-%d}, and the mailbox still exists. No service says "
            "which other period applies. Treat it as urgent.",
            outlived=at,
        )
    if start > now + CLOCK_TOLERANCE:
        note = f"By the clock of this calculation ({now:%Y-%m-%d %H:%M} UTC) {event} in the future: check that clock."
        return Deadline(at, source, confidence, note)
    return Deadline(at, source, confidence)


def removal_date(
    user: User | None, catalog: Catalog, classes: frozenset[PlanClass] = MAILBOX_CLASSES
) -> datetime | None:
    """When the last plan of these classes was removed: the date of its Deleted entry, which is not documented."""
    if user is None:
        return None
    dates = [
        plan.assigned
        for plan in user.assigned_plans
        if plan.capability.casefold() == "deleted" and plan.assigned and catalog.plan_class(plan.plan_id) in classes
    ]
    return max(dates, default=None)


def undated_removal(user: User, catalog: Catalog) -> bool:
    """Was a mailbox plan removed at an unknown date?"""
    return any(
        plan.capability.casefold() == "deleted"
        and plan.assigned is None
        and catalog.plan_class(plan.plan_id) in MAILBOX_CLASSES
        for plan in user.assigned_plans
    )


def _of_subscriptions(subscriptions: Iterable[Subscription], now: datetime) -> Deadline:
    """The date on which the last subscription behind a suspended license moves on [companysubscription]."""
    known = [item for item in subscriptions if item.status.casefold() != "deleted"]
    # The date of an enabled subscription is its renewal, and not its end.
    ending = [item for item in known if item.status.casefold() != "enabled"]
    dates = [item.next_lifecycle for item in ending if item.next_lifecycle is not None]
    if not dates:
        return Deadline(note="The license is suspended, and no subscription shows until when its data is kept.")
    last = max(dates)
    state = next(item.status for item in ending if item.next_lifecycle == last).casefold()
    note = ""
    if len(dates) < len(known):
        note = "Another subscription of this license has no date; the mailbox stays as long as the last of them."
    elif state not in ("suspended", "lockedout"):
        note = "The subscription moves to its next state then; Microsoft deletes data later."
    return _stated(last, "subscription_lifecycle", now, note)


def _stated(at: datetime, source: str, now: datetime, note: str = "") -> Deadline:
    """A date that a service returns. ``note``: why it is not exact; a date that has passed is not exact either."""
    if at < now:
        note = "This date has passed, and the mailbox still exists: it may be deleted at any moment."
    return Deadline(at, source, "estimated" if note else "exact", note)


def overdue_deadline(at: datetime | None) -> Deadline:
    """The deadline of a mailbox that Exchange may delete at any moment, because the delay has ended."""
    note = f"{_DELAY_ENDED}: the mailbox may be deleted at any moment."
    return Deadline(at, "pending_delicense", "estimated", note) if at is not None else Deadline(note=note)


def days_until(deadline: Deadline, now: datetime) -> int | None:
    """Days left, rounded up while the deadline is ahead, and down (negative) once it has passed; None without a date.

    So ``days <= n`` says exactly that the deadline is within ``n`` times 24 hours, and none that is ahead shows as 0.
    """
    return None if deadline.at is None else days_to(deadline.at, now)


def days_to(moment: datetime, now: datetime) -> int:
    """The same for any time."""
    day, left = timedelta(days=1), moment - now
    return -(-left // day) if left > timedelta() else left // day


def severity_of(reason: str, days: int | None, *, disconnected: bool = False) -> str:
    """One of SEVERITIES. What has no known date counts as urgent, unless Microsoft names no deletion at all.

    ``days`` are those of ``days_until``, so that ``critical`` is a deadline within CRITICAL_DAYS times 24 hours.
    ``disconnected``: no list of Exchange shows the mailbox any more.
    """
    if disconnected or reason == "soft_deleted":
        return "lost"
    if reason == "hold_without_license":
        return "notice"
    if days is None:
        return "warning" if reason in UNDATED else "overdue"
    if days < 0:
        return "overdue"
    if days <= CRITICAL_DAYS:
        return "critical"
    return "warning" if days <= WARNING_DAYS else "notice"


def urgency(finding: Finding) -> tuple[int, float]:
    """The order of rows and of seats: what goes within a day, what has outlived its date, later dates, and no date.

    Last of all comes what may not be there to be lost.
    """
    days, deadline = finding.days_remaining, finding.deadline
    if not finding.certain:
        return (5, deadline.at.timestamp() if deadline.at else 0.0)
    if deadline.at is not None:
        return (0 if days is not None and days <= 1 else 2, deadline.at.timestamp())
    if deadline.outlived is not None:
        return (1, deadline.outlived.timestamp())
    if deadline.earliest is not None:
        return (2, deadline.earliest.timestamp())
    return (3 if finding.severity in ("lost", "overdue") else 4, 0.0)
