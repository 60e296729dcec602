# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does an enabled plan grant what this mailbox or archive needs? If not, why, and which signals say so?

A recipient needs something (``needs_of``), a user's enabled plans grant something (``granted``), and what is missing
is a finding (``assess``). A signal that calls a covered mailbox unlicensed is a ``disagreement``. Deadline and severity
are in ``deadlines.py``. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from .catalog import BUILTIN, Catalog
from .deadlines import (
    DISCONNECTED_DAYS,
    days_to,
    days_until,
    find_deadline,
    lost_deadline,
    removal_date,
    severity_of,
    undated_removal,
)
from .mailbox_room import (
    has_room_of_its_own,
    quota_notes,
    room_of,
    room_text,
)
from .models import (
    MAILBOX_CLASSES,
    RESOURCE_TYPES,
    Deadline,
    Finding,
    LicenseState,
    Mailbox,
    PlanClass,
    RecipientType,
    Removal,
    Signals,
    Sku,
    Subscription,
    User,
)
from .row_notes import (
    contradictions,
    notes_of,
    shared_before,
    unknown_plan_notes,
)

Needs = tuple[frozenset[PlanClass], ...]

ANY_MAILBOX: Needs = tuple(frozenset({item}) for item in (PlanClass.PLAN1, PlanClass.PLAN2, PlanClass.KIOSK))
PLAN2_ONLY: Needs = (frozenset({PlanClass.PLAN2}),)
PLAN2_OR_ADDON: Needs = (
    frozenset({PlanClass.PLAN2}),
    frozenset({PlanClass.PLAN1, PlanClass.ARCHIVING}),
    frozenset({PlanClass.KIOSK, PlanClass.ARCHIVING}),
)
PLAN2_OR_PLAN1_ADDON: Needs = PLAN2_OR_ADDON[:2]
ANY_ARCHIVE: Needs = (
    frozenset({PlanClass.PLAN1}),
    frozenset({PlanClass.PLAN2}),
    frozenset({PlanClass.KIOSK, PlanClass.ARCHIVING}),
)
"""What the archive of a user's mailbox needs: Plan 1 includes one of 50 GB, Kiosk none [exchange-online-limits]."""
ARCHIVE_ON_PREMISES: Needs = (frozenset({PlanClass.ARCHIVE}), frozenset({PlanClass.PLAN2}))


REASONS = (
    "no_license",
    "license_removed",
    "exchange_plan_disabled",
    "no_exchange_plan",
    "license_error",
    "license_suspended",
    "shared_over_50_gb",
    "shared_archive",
    "shared_litigation_hold",
    "archive_without_license",
    "hold_without_license",
    "soft_deleted",
    "duplicate_object_id",
)
"""Every word of ``reason``."""
DUPLICATE = REASONS[-1]
"""Several mailboxes in use have one ExternalDirectoryObjectId (``ownership``)."""
PENDING = "pending_delicense"
"""The word of ``evidence`` for users whom Get-PendingDelicenseUser lists."""


class AssessmentContext(NamedTuple):
    """What each assessment depends on: SKUs and subscriptions of the tenant, the catalogue, time and grace period.

    ``removals``: when licenses were removed, by the directory's audit log, by user id.
    """

    now: datetime
    grace_days: int = 30
    catalog: Catalog = BUILTIN
    skus: Mapping[str, Sku] = MappingProxyType({})
    subscriptions: Mapping[str, tuple[Subscription, ...]] = MappingProxyType({})
    removals: Mapping[str, Removal] = MappingProxyType({})
    delayed: bool = False
    """Is it known that mailboxes stay for 30 days after their license was removed (delicensing resiliency)?"""


def needs_of(mailbox: Mailbox) -> Needs:
    """What the recipient needs: alternatives, of which one whole set must be granted. Empty: it needs no license.

    [exchange-online-limits; about-shared-mailboxes; create-cloud-based-archive; rooms and equipment with an archive
    or a hold are treated like shared mailboxes, which is an inference]
    """
    if mailbox.recipient_type is RecipientType.ARCHIVE:
        return ARCHIVE_ON_PREMISES
    if mailbox.over_50_gb:
        return PLAN2_ONLY
    if mailbox.recipient_type in RESOURCE_TYPES:
        return PLAN2_OR_PLAN1_ADDON if mailbox.archive or mailbox.hold else ()
    return user_needs(archive=mailbox.archive, hold=mailbox.hold)


def has_room(mailbox: Mailbox, user: User, catalog: Catalog) -> bool:
    """Is a mailbox over 50 GB covered by a Business license, and does its own quota confirm that?"""
    return mailbox.over_50_gb and has_room_of_its_own(mailbox, room_of(user, granted(user, catalog), catalog))


def settled(mailbox: Mailbox, user: User | None, catalog: Catalog) -> Mailbox:
    """The mailbox as assessed: its size needs no larger plan if the license of its user has the room."""
    return mailbox._replace(over_50_gb=False) if user is not None and has_room(mailbox, user, catalog) else mailbox


def user_needs(*, archive: bool, hold: bool) -> Needs:
    """What the mailbox of a user needs."""
    if hold:
        return PLAN2_OR_ADDON
    return ANY_ARCHIVE if archive else ANY_MAILBOX


def granted(user: User, catalog: Catalog) -> frozenset[PlanClass]:
    """What the user's working plans grant. Plans that come only from SKUs without mailbox rights do not count."""
    classes = catalog.plan_classes
    found = [plan for plan in user.assigned_plans if plan.plan_id in classes]
    return frozenset(
        classes[plan.plan_id] for plan in found if plan.usable and _with_rights(user, plan.plan_id, catalog)
    )


def retained_classes(user: User, catalog: Catalog) -> frozenset[PlanClass]:
    """The classes of all plans that keep a mailbox, also of suspended ones and of those without rights.

    These do not cover a mailbox, but without the last of them Microsoft deletes it, or deletes it sooner.
    """
    return frozenset(
        plan_class
        for plan in user.assigned_plans
        if (plan.usable or plan.suspended) and (plan_class := catalog.plan_class(plan.plan_id)) is not None
    )


def working_classes(user: User, catalog: Catalog) -> frozenset[PlanClass]:
    """The classes of the plans at work, also of those without the right to a mailbox."""
    found = (catalog.plan_class(plan.plan_id) for plan in user.assigned_plans if plan.usable)
    return frozenset(plan_class for plan_class in found if plan_class is not None)


def is_covered(needs: Needs, classes: frozenset[PlanClass]) -> bool:
    """Is one of the alternatives granted as a whole? (Needing nothing is being covered.)"""
    return not needs or any(need <= classes for need in needs)


def no_rights_only(user: User, catalog: Catalog) -> tuple[str, ...]:
    """The SKUs without mailbox rights that alone keep this user's mailbox; empty if another license keeps it."""
    usable = [plan.plan_id for plan in user.assigned_plans if plan.usable]
    if granted(user, catalog) & MAILBOX_CLASSES or not any(
        catalog.plan_class(plan) in MAILBOX_CLASSES for plan in usable
    ):
        return ()
    carriers = (catalog.carriers_at_work(user.license_states, plan) for plan in usable if catalog.plan_class(plan))
    return tuple(sorted(filter(catalog.no_rights, frozenset().union(*carriers))))


def has_mailbox_plan(user: User, catalog: Catalog) -> bool:
    """Is a mailbox plan enabled, with the right to the mailbox or without?"""
    return bool(granted(user, catalog) & MAILBOX_CLASSES or no_rights_only(user, catalog))


def is_kept(user: User, catalog: Catalog, *, pending: bool) -> bool:
    """Does a plan at work keep the mailbox? ``pending``: Exchange lists the user as about to lose it.

    That list is stronger evidence than a plan without the right to a mailbox.
    """
    return bool(granted(user, catalog) & MAILBOX_CLASSES) or (not pending and has_mailbox_plan(user, catalog))


def loses_mailbox(finding: Finding, user: User, catalog: Catalog) -> bool:
    """Is this a mailbox that no plan of its user keeps? (If not, a right or an archive is missing.)"""
    kinds = (RecipientType.USER, RecipientType.SOFT_DELETED)
    return finding.recipient_type in kinds and not is_kept(user, catalog, pending=PENDING in finding.evidence)


def _with_rights(user: User, plan_id: str, catalog: Catalog) -> bool:
    carriers = catalog.carriers_at_work(user.license_states, plan_id)
    return not carriers or not all(map(catalog.no_rights, carriers))


def assess(mailbox: Mailbox | None, user: User | None, signals: Signals, context: AssessmentContext) -> Finding | None:
    """The finding about one recipient, or None: not at risk.

    ``mailbox`` is None if Graph flags a user without a mailbox in Exchange. ``user`` is None if the directory could not
    be read; then Exchange's own flag decides.
    """
    if mailbox is None and user is None:
        return None
    mailbox = settled(mailbox, user, context.catalog) if mailbox else None
    recipient_type = mailbox.recipient_type if mailbox else RecipientType.USER
    needs = needs_of(mailbox) if mailbox else ANY_MAILBOX
    soft_deleted = recipient_type is RecipientType.SOFT_DELETED
    if not needs:
        return None
    # The licenses of a deleted user are unknown.
    uncovered = user is not None and not user.deleted and not is_covered(needs, granted(user, context.catalog))
    kept = user is not None and is_kept(user, context.catalog, pending=signals.is_pending)
    if uncovered and kept and needs == ANY_MAILBOX and not soft_deleted:
        return None
    evidence = evidence_of(mailbox, signals, uncovered)
    if not evidence or (user is not None and not uncovered and not soft_deleted):
        return None
    reason = reason_of(mailbox, user, signals, context)
    lost = mailbox is None and user is not None and _is_lost(user, signals, context)
    certain = not lost or not signals.mail_user or signals.is_pending
    deadline = _deadline_of(reason, mailbox, user, signals, context, lost=lost)
    was_shared = "" if kept else shared_before(mailbox, user, signals, context.catalog, context.now)
    days = days_until(deadline, context.now)
    urgent = days_to(deadline.earliest, context.now) if deadline.earliest else days
    return Finding(
        user_id=user.id if user else (mailbox.user_id if mailbox else ""),
        user_principal_name=(user.user_principal_name if user else "")
        or (mailbox.user_principal_name if mailbox else ""),
        recipient_type=recipient_type,
        reason=reason,
        needs=needs,
        evidence=evidence,
        deadline=deadline,
        severity="warning"
        if reason == "archive_without_license" and kept and urgent is None and deadline.outlived is None
        else _severity(reason, urgent, signals, lost=lost, certain=certain, soft_deleted=soft_deleted),
        days_remaining=days,
        mailbox=mailbox,
        user=user,
        disagreements=tuple(contradictions(reason, mailbox, user, signals)),
        notes=(
            *notes_of(mailbox, user, signals, uncovered, lost, was_shared),
            *(quota_notes(mailbox, granted(user, context.catalog)) if mailbox and user else ()),
            *(unknown_plan_notes(user, context.catalog, context.skus) if user and uncovered and not kept else ()),
        ),
        certain=certain,
        was_shared=was_shared,
    )


def _is_lost(user: User, signals: Signals, context: AssessmentContext) -> bool:
    """Has Exchange, which lists no mailbox in use, disconnected one that a license restores?"""
    return signals.mailboxes_known and (signals.is_pending or disconnected(user, context))


def _deadline_of(
    reason: str, mailbox: Mailbox | None, user: User | None, signals: Signals, context: AssessmentContext, *, lost: bool
) -> Deadline:
    removal = context.removals.get(user.id) if user else None
    if lost and user is not None:
        removed = removed_at(user, context)
        return lost_deadline(removed, removal, signals, context.now, delayed=context.delayed)
    behind = _behind_suspended(user, context) if user else ()
    return find_deadline(
        reason, mailbox, user, signals, context.now, context.grace_days, context.catalog, behind, removal
    )


def _severity(reason: str, days: int | None, signals: Signals, *, lost: bool, certain: bool, soft_deleted: bool) -> str:
    if not certain:
        return "notice"
    if signals.overdue and not soft_deleted and not lost:
        return "overdue"
    return severity_of(reason, days, disconnected=lost)


def disconnected(user: User, context: AssessmentContext) -> bool:
    """Did the user lose the last mailbox plan so recently that a license restores the mailbox?

    Exchange disconnects the mailbox at once, and no list shows it any more [support article 3158794 of 2024-09]. With a
    delay, the 30 days count from its end. A plan without a date may have been removed recently.
    """
    if not lost_plan(user, context):
        return False
    removed, days = removed_at(user, context), DISCONNECTED_DAYS * (2 if context.delayed else 1)
    return removed is None or removed + timedelta(days=days) >= context.now


def removed_at(user: User, context: AssessmentContext) -> datetime | None:
    """When the last mailbox plan was removed: by the audit log, else by the dates of the plans.

    None: one of the plans has no date, and the others were removed so long ago that it may have been the last.
    """
    if (removal := context.removals.get(user.id)) is not None:
        return removal.at
    removed = removal_date(user, context.catalog)
    recent = removed is not None and removed + timedelta(days=DISCONNECTED_DAYS) >= context.now
    return removed if recent or not undated_removal(user, context.catalog) else None


def lost_plan(user: User, context: AssessmentContext) -> bool:
    """Did the user have a mailbox plan, and has no enabled or suspended one now?"""
    plans = [plan for plan in user.assigned_plans if context.catalog.plan_class(plan.plan_id) in MAILBOX_CLASSES]
    deleted = any(plan.capability.casefold() == "deleted" for plan in plans)
    return deleted and not any(plan.suspended for plan in plans) and not has_mailbox_plan(user, context.catalog)


def evidence_of(mailbox: Mailbox | None, signals: Signals, uncovered: bool) -> tuple[str, ...]:
    """The signals that report a risk, in the words of the return value ``evidence``."""
    found = []
    if signals.reconciliation:
        found.append("license_reconciliation_needed")
    if mailbox is not None and mailbox.sku_assigned is not True:
        found.append("exchange_sku_not_assigned")
    if uncovered:
        found.append("no_mailbox_plan")
    if signals.is_pending:
        found.append(PENDING)
    if mailbox is not None and mailbox.recipient_type is RecipientType.SOFT_DELETED:
        found.append("soft_deleted")
    return tuple(found)


def reason_of(mailbox: Mailbox | None, user: User | None, signals: Signals, context: AssessmentContext) -> str:
    """Why it is not covered: the word of the return value ``reason``."""
    recipient_type = mailbox.recipient_type if mailbox else RecipientType.USER
    if recipient_type is RecipientType.SOFT_DELETED:
        return "soft_deleted"
    if mailbox is not None and recipient_type in RESOURCE_TYPES:
        if mailbox.over_50_gb:
            return "shared_over_50_gb"
        return "shared_archive" if mailbox.archive else "shared_litigation_hold"
    if recipient_type is RecipientType.ARCHIVE:
        return "archive_without_license"
    if signals.is_pending:
        return "license_removed"
    if user is None:
        return "license_removed" if mailbox is not None and mailbox.sku_assigned is False else "no_license"
    if mailbox is not None and has_mailbox_plan(user, context.catalog):
        archive = mailbox.archive and not is_covered(ANY_ARCHIVE, granted(user, context.catalog))
        return "archive_without_license" if archive else "hold_without_license"
    return _reason_of_licenses(user, context)


def _reason_of_licenses(user: User, context: AssessmentContext) -> str:
    """The same for a user mailbox without an enabled mailbox plan, by the licenses of its user."""
    plans = [plan for plan in user.assigned_plans if context.catalog.plan_class(plan.plan_id) in MAILBOX_CLASSES]
    if any(plan.suspended for plan in plans):
        return "license_suspended"
    carrying = [state for state in user.license_states if mailbox_plans_of(state, context)]
    in_error = [state for state in user.license_states if not state.effective]
    if any(mailbox_plans_of(state, context) or context.catalog.rights_unknown(state.sku_id) for state in in_error):
        return "license_error"
    if any(mailbox_plans_of(state, context) <= state.disabled_plans for state in carrying):
        return "exchange_plan_disabled"
    if carrying:
        # The plan is assigned, in force and switched on, and the service has not enabled it.
        return "license_error"
    if plans:
        return "license_removed"
    # A removed plan leaves an entry. SKUAssigned cannot decide: in some tenants it is false without any license ever.
    return "no_exchange_plan" if any(state.effective for state in user.license_states) else "no_license"


def _behind_suspended(user: User, context: AssessmentContext) -> Iterable[Subscription]:
    """The subscriptions of the licenses with the user's suspended mailbox plans."""
    plans = {plan.plan_id for plan in user.assigned_plans if plan.suspended}
    skus = {
        state.sku_id
        for state in user.license_states
        if state.effective and (mailbox_plans_of(state, context) - state.disabled_plans) & plans
    }
    return [item for sku_id in sorted(skus) for item in context.subscriptions.get(sku_id, ())]


def mailbox_plans_of(state: LicenseState, context: AssessmentContext) -> frozenset[str]:
    """The mailbox plans of an assignment's SKU, switched off or not; none for a SKU without mailbox rights."""
    if context.catalog.no_rights(state.sku_id):
        return frozenset()
    sku = context.skus.get(state.sku_id)
    mailbox_plans = context.catalog.plans_of(MAILBOX_CLASSES)
    if sku is not None:
        return frozenset(plan.id for plan in sku.plans) & frozenset(mailbox_plans)
    if not context.catalog.sku_name(state.sku_id):
        return frozenset()
    return frozenset(plan for plan in mailbox_plans if context.catalog.carries(state.sku_id, plan))


def disagreement(mailbox: Mailbox | None, user: User | None, signals: Signals, context: AssessmentContext) -> str:
    """For a covered mailbox: which signals call it unlicensed; empty if none does."""
    if user is None:
        return ""
    if mailbox is not None and has_room(mailbox, user, context.catalog):
        return room_text(mailbox)
    without_rights = bool(no_rights_only(user, context.catalog))
    return contradicted(mailbox, granted(user, context.catalog), signals, without_rights=without_rights)


def contradicted(
    mailbox: Mailbox | None, classes: frozenset[PlanClass], signals: Signals, *, without_rights: bool = False
) -> str:
    """The same for the mailbox of a user whose plans grant ``classes``.

    ``without_rights``: a plan without the right to a mailbox keeps it.
    """
    recipient_type = mailbox.recipient_type if mailbox else RecipientType.USER
    if recipient_type not in (RecipientType.USER, RecipientType.ARCHIVE):
        return ""
    needs = needs_of(mailbox) if mailbox else ANY_MAILBOX
    covered = is_covered(needs, classes)
    if not covered and not (without_rights and needs == ANY_MAILBOX):
        return ""
    says = list(evidence_of(mailbox, signals, False))
    if recipient_type is RecipientType.ARCHIVE and "exchange_sku_not_assigned" in says:
        says.remove("exchange_sku_not_assigned")  # SKUAssigned of a mail user is about a mailbox that does not exist
    plan = "an enabled plan covers it" if covered else "an enabled plan keeps it: see no_mailbox_rights"
    return f"{', '.join(says)}; but {plan}" if says else ""
