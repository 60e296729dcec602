# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a user is at risk or not, as facts: signals, licenses, Exchange plans, mailboxes.

``rules.py`` adds what rules decide, ``text.py`` makes lines for people. The judgement itself is that
of an audit (``coverage.assess``). Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import format_time
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import licenses_row
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    ANY_MAILBOX,
    AssessmentContext,
    Needs,
    assess,
    disagreement,
    granted,
    has_room,
    is_covered,
    needs_of,
    no_rights_only,
    settled,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.mailbox_room import room_text
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    RESOURCE_TYPES,
    AssignedPlan,
    Finding,
    LicenseState,
    Mailbox,
    PlanClass,
    RecipientType,
    Signals,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.names import plan_name, sku_name
from ansible_collections.m365.licensing.plugins.module_utils._licensing.ownership import disputed
from ansible_collections.m365.licensing.plugins.module_utils._licensing.unlisted_mailboxes import is_missing
from ansible_collections.m365.licensing.plugins.module_utils._planning.explanations import needs_text

REASON_TEXTS = {
    "no_license": "the user has no license, and there is no trace of an earlier one",
    "license_removed": "the license that covered the mailbox was removed",
    "exchange_plan_disabled": "a license carries an Exchange plan, but the plan is switched off",
    "no_exchange_plan": "none of the user's licenses carries a mailbox",
    "license_error": "the license that carries the mailbox is not in force",
    "license_suspended": "the subscription behind the Exchange plan is suspended",
    "shared_over_50_gb": "a shared, room or equipment mailbox over 50 GB needs a license",
    "shared_archive": "a shared, room or equipment mailbox with an archive needs a license",
    "shared_litigation_hold": "a shared, room or equipment mailbox on litigation hold needs a license",
    "archive_without_license": "no plan covers the archive",
    "hold_without_license": "the user's plan does not include litigation hold",
    "soft_deleted": "the mailbox is soft-deleted already",
    "duplicate_object_id": "several mailboxes in use have one ExternalDirectoryObjectId, so its owner is not certain",
}
"""What each ``reason`` of an audit means, in words."""

PLAN_STATUSES = ("on", "off", "error", "suspended", "no_rights", "not_at_work", "removed", "no_license")
"""What an Exchange plan of a user does; only ``on`` and ``no_license`` count for the mailbox."""

_LISTS = {
    "exchange_sku_assigned": "mailboxes",
    "exchange_archive": "archives of mail users",
    "exchange_soft_deleted": "soft-deleted mailboxes",
}
"""The lists of Exchange by their signal."""


class Reading(NamedTuple):
    """What was read about one user. ``availability``: each signal as ``ok``, or why it cannot be had."""

    user: User
    mailboxes: tuple[Mailbox, ...]
    signals: Signals
    availability: Mapping[str, str]
    other_kind: str = ""
    """The kind of a mailbox that needs no license and is of no recipient type, where there is no other."""
    shared: str = ""
    """Why it is not certain whose mailboxes these are: several in use have the id of the user."""
    contested: str = ""
    """That a mailbox has the id of this user and the name of another, or the other way round."""


class MailboxCase(NamedTuple):
    """One mailbox of a user, or none, and what an audit finds about it."""

    mailbox: Mailbox | None
    finding: Finding | None

    @property
    def recipient_type(self) -> RecipientType | None:
        """The kind of mailbox; None where no mailbox is known and nothing is at risk."""
        if self.mailbox is not None:
            return self.mailbox.recipient_type
        return self.finding.recipient_type if self.finding is not None else None

    @property
    def guid(self) -> str:
        return self.mailbox.guid if self.mailbox is not None else ""


def mailbox_cases(reading: Reading, context: AssessmentContext) -> tuple[MailboxCase, ...]:
    """Each mailbox, the one in use first; one case without a mailbox where Exchange shows none."""
    user, signals = reading.user, reading.signals
    boxes = sorted(reading.mailboxes, key=lambda box: (box.recipient_type is RecipientType.SOFT_DELETED, box.guid))
    missing = not reading.other_kind and is_missing(boxes, user, signals, context)
    lost = MailboxCase(None, assess(None, user, signals, context) if missing else None)
    if boxes:
        found = [(box, assess(box, user, signals, context)) for box in boxes]
        if reading.shared:
            found = [(box, disputed(finding, box, user, reading.shared)) for box, finding in found]
        return (*(MailboxCase(box, finding) for box, finding in found), *((lost,) if lost.finding else ()))
    return (lost,)


def explain_user(reading: Reading, cases: Sequence[MailboxCase], context: AssessmentContext) -> dict[str, Any]:
    """Everything about one user but the rules, as a plain dictionary; see the module's RETURN for its keys."""
    user = reading.user
    plans = exchange_plans(user, context)
    mailboxes = [_mailbox(case, reading, plans, context) for case in cases]
    risks = {row["at_risk"] for row in mailboxes}
    return {
        "user_id": user.id,
        "user_principal_name": user.user_principal_name,
        "display_name": user.display_name,
        "user_type": user.user_type,
        "account_enabled": user.account_enabled,
        "on_premises_sync": user.on_premises_sync,
        "country": user.country,
        "department": user.department,
        "company": user.company,
        "job_title": user.job_title,
        **licenses_row(user, context.skus, context.catalog),
        "at_risk": True if True in risks else None if None in risks else False,
        "exchange_plans": plans,
        "coverage": sorted(item.value for item in granted(user, context.catalog)),
        "license_reconciliation_needed": reading.signals.reconciliation,
        "pending_delicense": format_time(reading.signals.pending_delicense),
        "unavailable": {signal: why for signal, why in sorted(reading.availability.items()) if why != "ok"},
        "mailboxes": mailboxes,
    }


# the plans of a user ------------------------------------------------------------------------------------------------


def exchange_plans(user: User, context: AssessmentContext) -> list[dict[str, Any]]:
    """Each Exchange plan by each license and way that brings it, and its status; those that count first."""
    best = _effective_plans(user.assigned_plans)
    rows = [
        _plan_row(plan_id, context, state, _status(plan_id, state, user, best.get(plan_id), context), best.get(plan_id))
        for state in user.license_states
        for plan_id in _exchange_plan_ids(state.sku_id, context)
    ]
    carried = {row["plan_id"] for row in rows if row["status"] not in ("off", "error")}
    for plan_id, plan in best.items():
        if context.catalog.plan_class(plan_id) is None or plan_id in carried:
            continue
        status = "no_license" if plan.usable else "suspended" if plan.suspended else "removed"
        if status != "removed" or not any(row["plan_id"] == plan_id for row in rows):
            rows.append(_plan_row(plan_id, context, None, status, plan))
    rows.sort(
        key=lambda row: (
            not row["counts"],
            str(row["sku"] or "~"),
            row["plan"],
            row["via"] or "",
            row["group_id"] or "",
        )
    )
    return rows


def _effective_plans(plans: Iterable[AssignedPlan]) -> dict[str, AssignedPlan]:
    """One entry for each plan: the one at work, else the suspended one, else the latest that was removed."""

    def rank(plan: AssignedPlan) -> tuple[int, str]:
        return (2 if plan.usable else 1 if plan.suspended else 0, format_time(plan.assigned) or "")

    best: dict[str, AssignedPlan] = {}
    for plan in plans:
        if plan.plan_id not in best or rank(plan) > rank(best[plan.plan_id]):
            best[plan.plan_id] = plan
    return best


def _exchange_plan_ids(sku_id: str, context: AssessmentContext) -> list[str]:
    """The plans of a SKU that grant a mailbox or an archive, also those that are switched off."""
    sku, known = context.skus.get(sku_id), context.catalog.plan_classes
    if sku is not None:
        return [plan.id for plan in sku.plans if plan.id in known]
    if not context.catalog.sku_name(sku_id):
        return []
    return [plan_id for plan_id in known if context.catalog.carries(sku_id, plan_id)]


def _status(
    plan_id: str, state: LicenseState, user: User, plan: AssignedPlan | None, context: AssessmentContext
) -> str:
    if not state.effective:
        return "error"
    if plan_id in state.disabled_plans:
        return "off"
    if context.catalog.no_rights(state.sku_id):
        return "no_rights"
    if plan is not None and plan.usable:
        at_work = state.sku_id in context.catalog.carriers_at_work(user.license_states, plan_id)
        return "on" if at_work else "suspended"
    return "suspended" if plan is not None and plan.suspended else "not_at_work"


def _plan_row(
    plan_id: str, context: AssessmentContext, state: LicenseState | None, status: str, plan: AssignedPlan | None
) -> dict[str, Any]:
    sku_id = state.sku_id if state else None
    sku = context.skus.get(sku_id or "")
    grants = context.catalog.plan_class(plan_id)
    return {
        "plan": plan_name(plan_id, sku, context.catalog),
        "plan_id": plan_id,
        "grants": grants.value if grants else None,
        "sku": sku_name(sku_id, context.skus, context.catalog) if sku_id else None,
        "sku_id": sku_id,
        "via": None if state is None else "direct" if state.direct else "group",
        "group_id": state.group_id if state else None,
        "status": status,
        "counts": status in ("on", "no_license"),
        "capability": plan.capability if plan else None,
        "state": state.state if state else None,
        "error": state.error if state else None,
        "removed": format_time(plan.assigned) if plan and status == "removed" else None,
    }


# one mailbox --------------------------------------------------------------------------------------------------------


def _mailbox(
    case: MailboxCase, reading: Reading, plans: Sequence[Mapping[str, Any]], context: AssessmentContext
) -> dict[str, Any]:
    box, finding, kind = case.mailbox, case.finding, case.recipient_type
    own = settled(box, reading.user, context.catalog) if box else None
    needs = finding.needs if finding else needs_of(own) if own else () if reading.other_kind else ANY_MAILBOX
    at_risk, verdict = _verdict(case, reading, plans, context)
    disagreements = finding.disagreements if finding else (disagreement(box, reading.user, reading.signals, context),)
    return {
        "mailbox_guid": case.guid or None,
        "recipient_type": kind.value if kind else None,
        "other_kind": reading.other_kind or None,
        "primary_smtp_address": box.primary_smtp_address if box else None,
        "created": format_time(box.created) if box else None,
        "soft_deleted": format_time(box.soft_deleted) if box else None,
        "archive": box.archive if box else None,
        "litigation_hold": box.hold if box else None,
        "over_50_gb": _size_known(box, reading.availability) if box else None,
        "sku_assigned": box.sku_assigned if box else None,
        "needs": sorted(sorted(item.value for item in need) for need in needs),
        "at_risk": at_risk,
        "verdict": verdict,
        "reason": finding.reason if finding else None,
        "evidence": list(finding.evidence) if finding else [],
        "deadline": format_time(finding.deadline.at) if finding else None,
        "deadline_source": finding.deadline.source if finding else None,
        "deadline_confidence": finding.deadline.confidence if finding else None,
        "deadline_note": finding.deadline.note if finding else "",
        "days_remaining": finding.days_remaining if finding else None,
        "severity": finding.severity if finding else None,
        "disagreements": [text for text in (*disagreements, reading.contested) if text],
        "notes": list(finding.notes) if finding else [],
    }


def _size_known(box: Mailbox, availability: Mapping[str, str]) -> bool | None:
    """Whether it is over 50 GB; None where it was not measured, as that of a user mailbox."""
    measured = box.recipient_type in RESOURCE_TYPES and availability.get("shared_mailbox_sizes") == "ok"
    return box.over_50_gb if measured or box.over_50_gb else None


def _verdict(
    case: MailboxCase, reading: Reading, plans: Sequence[Mapping[str, Any]], context: AssessmentContext
) -> tuple[bool | None, str]:
    """Whether it is at risk (None: that cannot be said), and why, in one sentence without a full stop."""
    user, box, finding = reading.user, case.mailbox, case.finding
    if finding is not None:
        return True, f"{finding.reason}: {REASON_TEXTS.get(finding.reason, finding.reason)}"
    classes = granted(user, context.catalog)
    if box is None:
        return _without_mailbox(reading, classes, plans)
    needs = needs_of(settled(box, user, context.catalog))
    if not needs and has_room(box, user, context.catalog):
        return False, room_text(box)
    if not needs:
        unknown = _size_known(box, reading.availability) is None
        but = ", unless it is over 50 GB, which was not measured" if unknown else ""
        return False, f"a {box.recipient_type.value} mailbox without an archive or a hold needs no license{but}"
    if not is_covered(needs, classes):
        skus = no_rights_only(user, context.catalog)
        names = [sku_name(sku_id, context.skus, context.catalog) for sku_id in skus]
        unsure = all(map(context.catalog.rights_unknown, skus))
        right = (
            "whether this license carries the right to it is not known"
            if unsure
            else "this license carries no right to it"
        )
        return False, (
            f"a plan of {', '.join(names)} keeps the mailbox, though {right}: see no_mailbox_rights of the audit"
        )
    return False, f"{_covering(needs, classes, plans)} covers it"


def _without_mailbox(
    reading: Reading, classes: frozenset[PlanClass], plans: Sequence[Mapping[str, Any]]
) -> tuple[bool | None, str]:
    if reading.other_kind:
        return False, f"a {reading.other_kind} mailbox needs no license"
    missing = [name for signal, name in _LISTS.items() if reading.availability.get(signal) != "ok"]
    if not missing:
        return False, "Exchange shows no mailbox and no archive of this user, so there is nothing to lose"
    unknown = f"Exchange could not be asked for {', '.join(missing)}"
    if PlanClass.PLAN2 in classes:
        needs = (frozenset({PlanClass.PLAN2}),)
        return False, f"{unknown}, but {_covering(needs, classes, plans)} covers any mailbox in use"
    return None, f"{unknown}, so it is not known whether this user has one"


def _covering(needs: Needs, classes: frozenset[PlanClass], plans: Sequence[Mapping[str, Any]]) -> str:
    """The plans that cover ``needs``, each with its license and way."""
    need = min((item for item in needs if item <= classes), key=sorted)
    wanted = {item.value for item in need}
    found: dict[str, str] = {}
    for row in plans:
        if row["counts"] and row["grants"] in wanted:
            found.setdefault(row["grants"], f"{row['plan']}{source_of(row)}")
    return " with ".join(found[name] for name in sorted(found, key=lambda name: name.startswith("arch")))


def source_of(row: Mapping[str, Any]) -> str:
    """Where a plan comes from: `` of SPE_E3 (direct)``; empty where no license brings it."""
    if row["sku"] is None:
        return ""
    way = "direct" if row["via"] == "direct" else f"by group {row['group_id']}"
    return f" of {row['sku']} ({way})"


def needs_of_row(row: Mapping[str, Any]) -> str:
    """``needs`` of a row in words."""
    return needs_text(tuple(frozenset(PlanClass(item) for item in need) for need in row["needs"]))
