# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit asks for only if a user or mailbox makes it necessary.

- Whose mailbox is it, where Exchange names no user (``nameless``)?
- Is the user of a mailbox in the recycle bin of the directory?
- When did the last license with a mailbox plan go (the directory's audit log, optional)?
- Which of those who seem to have lost a mailbox are mail users, whose mailbox is on premises?
- Do mailboxes work on for a while after their license has gone (delicensing resiliency)?
- Do retention policies of the whole organization hold the mailboxes?
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from http import HTTPStatus
from typing import TypeVar

from ansible_collections.m365.licensing.plugins.module_utils._auth.permissions import roles_of
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ApiError, PermissionDenied, summarize
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._exchange.parsing import Organization
from ansible_collections.m365.licensing.plugins.module_utils._graph.audit_log import license_changes
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._graph.recycle_bin import deleted_users
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    AssessmentContext,
    disconnected,
    has_mailbox_plan,
    is_kept,
    lost_plan,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.deadlines import DISCONNECTED_DAYS, removal_date
from ansible_collections.m365.licensing.plugins.module_utils._licensing.logged_removals import (
    has_unexplained_change,
    removal_from,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Mailbox, RecipientType, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.ownership import IN_USE
from ansible_collections.m365.licensing.plugins.module_utils._licensing.unlisted_mailboxes import (
    is_hidden,
    is_missing,
    shown_by_user,
)

from .owners import look_by_name, match_by_name
from .snapshot import Readings

T = TypeVar("T")


def read_details(graph: Graph, exchange: Exchange, readings: Readings, context: AssessmentContext) -> AssessmentContext:
    """Read what the users and mailboxes in ``readings`` make necessary, and return the completed context."""
    match_by_name(graph, exchange, readings)
    _read_deleted(graph, readings)
    undated_users = _read_removals(graph, readings, context)
    context = context._replace(removals=readings.removals)
    _read_hidden_mailboxes(exchange, readings, context, undated_users)
    _look_for_names(exchange, readings, context, undated_users)
    _warn_of_changes(readings, context, undated_users)
    _read_delay(exchange, readings, context)
    context = context._replace(delayed=readings.delayed)
    if readings.strategy == "full" and readings.only is None:
        _ask_for_mail_users(exchange, readings, context)
    _read_organization_holds(exchange, readings, context)
    return context


_NOT_THERE = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.NOT_IMPLEMENTED)
"""Statuses that come in every run: the application may not ask, or the tenant does not have the feature."""


def _quietly(readings: Readings, signal: str, what: str, call: Callable[[], T]) -> T | None:
    """The answer, or None. A lasting refusal is only in ``summary.signals``; other failures are warnings as well."""
    try:
        answer = call()
    except ApiError as error:
        readings.signals[signal] = error.message
        if not isinstance(error, PermissionDenied) and error.status not in _NOT_THERE:
            readings.warnings.append(f"Without {what} (signal {signal}): {error}")
        return None
    readings.signals[signal] = "ok"
    return answer


def _read_deleted(graph: Graph, readings: Readings) -> None:
    """Find users that Graph does not show in the recycle bin of the directory."""
    if readings.users is None or readings.only is not None:
        return
    scan = readings.scan
    gone = {
        box.user_id
        for box in readings.mailboxes
        if box.user_id and box.user_id not in readings.users and not (scan and box.user_id in scan.grants)
    }
    if gone:
        found = _quietly(readings, "deleted_users", "users in the recycle bin", lambda: deleted_users(graph, gone))
        readings.deleted = found or {}


def _read_removals(graph: Graph, readings: Readings, context: AssessmentContext) -> list[User]:
    """Find out when users lost their license whose mailbox is lost because of that, or may be.

    Returns users with an entry, after the date of the removed plan, that does not say which license was changed.
    """
    concerned = _concerned(readings, context)
    if not concerned:
        return []
    roles = roles_of(graph.service.token())
    if roles is not None and "AuditLog.Read.All" not in roles:
        readings.signals["audit_log"] = "The application has no permission AuditLog.Read.All, which is optional."
        return []
    since = context.now - timedelta(days=DISCONNECTED_DAYS)
    what = "the directory's audit log"
    log = _quietly(readings, "audit_log", what, lambda: license_changes(graph, concerned.keys(), since))
    if log is None:
        return []
    undated_users = []
    for user_id, user in concerned.items():
        hinted = removal_date(user, context.catalog)
        found = removal_from(log.changes[user_id], hinted, context.skus, context.catalog, since=since)
        if found is not None:
            readings.removals[user_id] = found
        elif has_unexplained_change(log.changes[user_id], since=since):
            undated_users.append(user)
    if log.cut is not None:
        readings.signals["audit_log"] = f"read back to {log.cut:%Y-%m-%d %H:%M} UTC only: it has too many entries"
    return undated_users


def _warn_of_changes(readings: Readings, context: AssessmentContext, users: Collection[User]) -> None:
    """Name the users whom ``_read_removals`` returns, if Exchange lists no mailbox of them."""
    shown = shown_by_user(readings.mailboxes)
    names = sorted(user.user_principal_name for user in users if is_hidden(shown.get(user.id, ()), user, context))
    if names:
        readings.warnings.append(
            f"A license of {len(names)} users was changed in the last {DISCONNECTED_DAYS} days, and the audit log does "
            f"not say which one: {summarize(names)}. Exchange lists no mailbox of them. Their mailbox plans have older "
            "dates, but Microsoft does not document these as dates of a removal. If the change removed the license of "
            "the mailbox, a license restores it."
        )


def _concerned(readings: Readings, context: AssessmentContext) -> dict[str, User]:
    """Users who had a mailbox plan and have none, whose mailbox is in use or in no list, and who are not pending.

    Also users whose plan has an old date, because Microsoft does not document it as the date of the removal.
    """
    in_use = {box.user_id for box in readings.mailboxes if box.recipient_type is RecipientType.USER}
    shown = shown_by_user(readings.mailboxes)
    return {
        user_id: user
        for user_id, user in _lost_plan(readings, context).items()
        if user_id in in_use or is_hidden(shown.get(user_id, ()), user, context)
    }


def _lost_plan(readings: Readings, context: AssessmentContext) -> dict[str, User]:
    """The users in question who had a mailbox plan and have none, unless Exchange lists them as pending."""
    lost: dict[int, bool] = {}
    found = {}
    for user_id, user in (readings.users or {}).items():
        # Users with the same plans share one tuple.
        plans = id(user.assigned_plans)
        if plans not in lost:
            lost[plans] = lost_plan(user, context)
        asked_for = readings.only is None or user_id in readings.only
        pending = user_id in readings.pending or lowered(user.user_principal_name) in readings.pending
        if lost[plans] and asked_for and not pending and user_id not in readings.other_kinds:
            found[user_id] = user
    return found


def _hidden(readings: Readings, context: AssessmentContext) -> dict[str, User]:
    """Those of them whose mailbox is in no list of Exchange."""
    shown = shown_by_user(readings.mailboxes)
    lost = _lost_plan(readings, context)
    return {user_id: user for user_id, user in lost.items() if is_hidden(shown.get(user_id, ()), user, context)}


def _read_hidden_mailboxes(
    exchange: Exchange, readings: Readings, context: AssessmentContext, undated_users: Collection[User]
) -> None:
    """Ask Exchange for mailboxes of users who lost their license later than the date of their plan says, or may have.

    ``filtered`` does not ask for them: by that date their mailbox was lost long ago, or a list shows it.
    """
    if readings.strategy != "filtered" or readings.only is not None or not readings.mailboxes_known:
        return
    later = context.removals.keys() | {user.id for user in undated_users}
    ids = (_hidden(readings, context).keys() & later) - readings.read_by_id
    if ids:
        found = exchange.mailboxes_by_user_id(ids)
        if readings.mail_users is not None:
            found += exchange.mailboxes_by_user_id(ids - {box.user_id for box in found}, mail_users=True)
            readings.mail_users = frozenset(exchange.mail_user_ids)
        readings.mailboxes += found
        readings.read_by_id |= ids
        readings.other_kinds = dict(exchange.other_kinds)


def _look_for_names(
    exchange: Exchange, readings: Readings, context: AssessmentContext, undated_users: Collection[User]
) -> None:
    """Ask Exchange by name for mailboxes of users who seem to have none in use, where one is lost or may be.

    ``filtered`` does not list a mailbox without an ExternalDirectoryObjectId that needs no license. The other
    strategies read it.
    """
    if readings.strategy != "filtered" or readings.only is not None or not readings.mailboxes_known:
        return
    users, shown = readings.users or {}, shown_by_user(readings.mailboxes)
    joined = {user_id for user_id, boxes in shown.items() if any(box.recipient_type in IN_USE for box in boxes)}
    unsure = {user.id for user in undated_users}
    # Whether mailboxes stay for longer is asked later.
    longer = context._replace(delayed=True)

    def concerned(user: User) -> bool:
        boxes = shown.get(user.id, ())
        soft = any(box.recipient_type is RecipientType.SOFT_DELETED for box in boxes)
        if soft and not has_mailbox_plan(user, context.catalog):
            return True
        signals = readings.signals_for(user.id, user.user_principal_name)
        return user.id in unsure or is_missing(boxes, user, signals, longer)

    known = joined | readings.other_kinds.keys() | readings.named_alike.keys() | readings.read_by_name
    look_by_name(exchange, readings, [user for user in users.values() if user.id not in known and concerned(user)])


def _read_delay(exchange: Exchange, readings: Readings, context: AssessmentContext) -> None:
    """Find out whether mailboxes stay for 30 days after the removal. Needed if a plan was removed 30 to 60 days ago."""
    if not readings.mailboxes_known:
        return
    longer = context._replace(delayed=True)
    late = [
        user
        for user in _hidden(readings, context).values()
        if disconnected(user, longer) and not disconnected(user, context)
    ]
    if not late:
        return
    if any(at is not None and at > context.now for at in readings.pending.values()):
        readings.delayed = True
        return
    organization = _organization(exchange, readings)
    state = organization.delayed_delicensing if organization else None
    readings.delayed = state is True
    if state is None:
        readings.warnings.append(
            f"The last mailbox plan of {len(late)} users went {DISCONNECTED_DAYS} to {2 * DISCONNECTED_DAYS} days ago, "
            f"and Exchange lists no mailbox of them: {summarize(sorted(user.user_principal_name for user in late))}. "
            "If delicensing resiliency was on, a license may still bring the mailboxes back; Exchange does not say "
            "whether it was."
        )


def _ask_for_mail_users(exchange: Exchange, readings: Readings, context: AssessmentContext) -> None:
    """Find out which users without a listed mailbox are mail users. (Lists of mail users only show archives.)"""
    lost = {user_id for user_id, user in _hidden(readings, context).items() if disconnected(user, context)}
    if readings.mail_users is None or not lost:
        return
    try:
        exchange.mailboxes_by_user_id(lost, mail_users=True)
    except ApiError as error:
        readings.mail_users = None
        readings.warnings.append(f"It is not known whether the mailboxes of {len(lost)} users are on premises: {error}")
    else:
        readings.mail_users = frozenset(exchange.mail_user_ids)


def _organization(exchange: Exchange, readings: Readings) -> Organization | None:
    """The settings of the organization, read once; None if they are not available."""
    if readings.organization is None and "organization_holds" not in readings.signals:
        what = "the settings of the organization"
        readings.organization = _quietly(readings, "organization_holds", what, exchange.organization)
    return readings.organization


def _read_organization_holds(exchange: Exchange, readings: Readings, context: AssessmentContext) -> None:
    """Marks the mailboxes at risk that a policy of the whole organization holds."""

    def concerned(box: Mailbox) -> bool:
        if box.recipient_type not in (RecipientType.USER, RecipientType.SOFT_DELETED) or box.hold or box.other_hold:
            return False
        if readings.scan and box.user_id in readings.scan.grants:
            return False
        user = (readings.users or {}).get(box.user_id)
        if user is None:
            return True
        pending = readings.signals_for(user.id, user.user_principal_name).is_pending
        return not is_kept(user, context.catalog, pending=pending)

    if not any(map(concerned, readings.mailboxes)):
        return
    organization = _organization(exchange, readings)
    holds = organization.holds if organization else frozenset()
    if holds:
        readings.mailboxes = [
            box._replace(organization_hold=True) if concerned(box) and holds - box.excluded_from else box
            for box in readings.mailboxes
        ]
