# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit asks for once it knows whom it concerns. Where it concerns nobody, there is no request.

- Whose mailbox is it, where Exchange names no user (``_nameless``)?
- Is the user of a mailbox in the recycle bin of the directory?
- When did the last license with a mailbox plan go (the directory's audit log, optional)?
- Which of those who seem to have lost a mailbox are mail users, whose mailbox is on premises?
- Do retention policies of the whole organization hold the mailboxes?
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import TypeVar

from ansible_collections.m365.licensing.plugins.module_utils._audit_log import license_changes
from ansible_collections.m365.licensing.plugins.module_utils._coverage import (
    World,
    disconnected,
    has_mailbox_plan,
    lost_plan,
)
from ansible_collections.m365.licensing.plugins.module_utils._deadlines import DISCONNECTED_DAYS, removal_date
from ansible_collections.m365.licensing.plugins.module_utils._errors import ApiError, PermissionDenied
from ansible_collections.m365.licensing.plugins.module_utils._exchange import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph import Graph
from ansible_collections.m365.licensing.plugins.module_utils._identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._models import Mailbox, RecipientType, User
from ansible_collections.m365.licensing.plugins.module_utils._nameless import match_by_name
from ansible_collections.m365.licensing.plugins.module_utils._permissions import roles_of
from ansible_collections.m365.licensing.plugins.module_utils._readings import Readings
from ansible_collections.m365.licensing.plugins.module_utils._recycle_bin import deleted_users
from ansible_collections.m365.licensing.plugins.module_utils._removals import removal_from

T = TypeVar("T")


def look_closer(graph: Graph, exchange: Exchange, readings: Readings, world: World) -> World:
    """Add to ``readings`` what it takes to judge those whom they concern; the world with what the audit log says."""
    match_by_name(graph, exchange, readings)
    _read_deleted(graph, readings)
    _read_removals(graph, readings, world)
    world = world._replace(removals=readings.removals)
    if readings.strategy == "full" and readings.only is None:
        _ask_for_mail_users(exchange, readings, world)
    _read_organization_holds(exchange, readings, world)
    return world


_NOT_THERE = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.NOT_IMPLEMENTED)
"""What a service answers in each run alike, where the application may not ask, or the tenant has no such thing."""


def _quietly(readings: Readings, signal: str, what: str, call: Callable[[], T]) -> T | None:
    """The answer, or None. What is refused for good is no trouble: ``summary.signals`` says it, and no warning."""
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
    """Who of the users that Graph does not show is in its recycle bin?"""
    if readings.users is None or readings.only is not None:
        return
    survey = readings.survey
    gone = {
        box.user_id
        for box in readings.mailboxes
        if box.user_id and box.user_id not in readings.users and not (survey and box.user_id in survey.grants)
    }
    if gone:
        found = _quietly(readings, "deleted_users", "users in the recycle bin", lambda: deleted_users(graph, gone))
        readings.deleted = found or {}


def _read_removals(graph: Graph, readings: Readings, world: World) -> None:
    """When did the licenses go, of those whose mailbox is or may be lost for that?"""
    concerned = _concerned(readings, world)
    if not concerned:
        return
    roles = roles_of(graph.service.token())
    if roles is not None and "AuditLog.Read.All" not in roles:
        readings.signals["audit_log"] = "The application has no permission AuditLog.Read.All, which is optional."
        return
    since = world.now - timedelta(days=DISCONNECTED_DAYS)
    what = "the directory's audit log"
    log = _quietly(readings, "audit_log", what, lambda: license_changes(graph, concerned.keys(), since))
    if log is None:
        return
    for user_id, user in concerned.items():
        hinted = removal_date(user, world.catalog)
        found = removal_from(log.changes[user_id], hinted, world.skus, world.catalog, since=since)
        if found is not None:
            readings.removals[user_id] = found
    if log.cut is not None:
        readings.signals["audit_log"] = f"read back to {log.cut:%Y-%m-%d %H:%M} UTC only: it has too many entries"


def _concerned(readings: Readings, world: World) -> dict[str, User]:
    """Users who had a mailbox plan and have none, whose mailbox is in use or in no list, and of whom no date is told.

    Also those whose plan went long ago by its date: nobody says that this date is that of the removal.
    """
    elsewhere = {box.user_id for box in readings.mailboxes if box.recipient_type is not RecipientType.USER}
    elsewhere -= {box.user_id for box in readings.mailboxes if box.recipient_type is RecipientType.USER}
    elsewhere |= readings.other_kinds.keys()
    lost: dict[int, bool] = {}
    concerned = {}
    for user_id, user in (readings.users or {}).items():
        # users who are alike share their plans
        plans = id(user.assigned_plans)
        if plans not in lost:
            lost[plans] = lost_plan(user, world)
        asked_for = readings.only is None or user_id in readings.only
        pending = user_id in readings.pending or lowered(user.user_principal_name) in readings.pending
        if lost[plans] and asked_for and not pending and user_id not in elsewhere:
            concerned[user_id] = user
    return concerned


def _ask_for_mail_users(exchange: Exchange, readings: Readings, world: World) -> None:
    """Which of those who seem to have lost a mailbox are mail users? (Lists of mail users only show archives.)"""
    found = {box.user_id for box in readings.mailboxes} | readings.other_kinds.keys()
    users = (readings.users or {}).values()
    lost = {user.id for user in users if disconnected(user, world)} - found
    if readings.mail_users is None or not lost:
        return
    try:
        exchange.mailboxes_by_user_id(lost, mail_users=True)
    except ApiError as error:
        readings.mail_users = None
        readings.warnings.append(f"Whether the mailboxes of {len(lost)} users are on premises is not known: {error}")
    else:
        readings.mail_users = frozenset(exchange.mail_user_ids)


def _read_organization_holds(exchange: Exchange, readings: Readings, world: World) -> None:
    """Marks the mailboxes at risk that a policy of the whole organization holds."""

    def concerned(box: Mailbox) -> bool:
        if box.recipient_type not in (RecipientType.USER, RecipientType.SOFT_DELETED) or box.hold or box.other_hold:
            return False
        if readings.survey and box.user_id in readings.survey.grants:
            return False
        user = (readings.users or {}).get(box.user_id)
        return user is None or not has_mailbox_plan(user, world.catalog)

    if not any(map(concerned, readings.mailboxes)):
        return
    if readings.organization is None:
        what = "holds of the whole organization"
        readings.organization = _quietly(readings, "organization_holds", what, exchange.organization)
    holds = readings.organization.holds if readings.organization else frozenset()
    if holds:
        readings.mailboxes = [
            box._replace(organization_hold=True) if concerned(box) and holds - box.excluded_from else box
            for box in readings.mailboxes
        ]
