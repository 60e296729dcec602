# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the user of each mailbox, and the mailboxes of which the user is in doubt.

The ``ExternalDirectoryObjectId`` of a mailbox names its user. If it is empty, the user principal name is weaker
evidence: it joins the mailbox to a user who has no other one. Otherwise it only protects that user, from whom rules
then take nothing away. A mailbox that is not joined stays without a user, and a warning names it.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Mailbox, RecipientType, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.ownership import (
    IN_USE,
    Contest,
    Owners,
    contested_by,
    other_names,
    shared_ids,
    takes_away,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.model import Candidate, Plan

from . import filters
from .snapshot import Readings


def read_owners(graph: Graph, exchange: Exchange, readings: Readings, at_risk: Collection[str]) -> Owners:
    """The users in doubt among those whom an audit has read.

    All mailboxes in use of the users ``at_risk`` are read, because a filtered reading may show only one of two. Further
    ones are added to ``readings``.
    """
    more = _closer(exchange, readings, at_risk)
    shared = shared_ids([*readings.mailboxes, *more], readings.other_kinds)
    known = {box.guid for box in readings.mailboxes}
    readings.mailboxes += [box for box in more if box.user_id in shared and box.guid not in known]
    contested: dict[str, Contest] = {}
    if readings.users is not None:
        contested = _contested(graph, readings, [*readings.mailboxes, *more])
        for user_id, text in readings.named_alike.items():
            before = contested.get(user_id)
            upn = readings.users[user_id].user_principal_name
            contested[user_id] = Contest(upn, f"{before.text}; {text}" if before else text)
    return Owners(shared, contested)


def without_contested(
    graph: Graph,
    exchange: Exchange,
    readings: Readings,
    owners: Owners,
    candidates: Sequence[Candidate],
    build: Callable[[Sequence[Candidate]], Plan],
) -> Plan:
    """The plan, built again until it takes nothing from a user whose name or id another mailbox has.

    Exchange is asked which mailboxes have the names of users who would lose something, if not all were read. A plan
    that only adds licenses to such a user stays as it is.
    """
    asked: set[str] = set()
    contested = dict(owners.contested)
    while True:
        plan = build(candidates)
        losing = {entry.user.id for entry in plan.entries if entry.change and takes_away(entry.user, entry.change)}
        contested |= _bearing_names(graph, exchange, readings, losing - asked)
        asked |= losing
        held = losing & contested.keys()
        if not held:
            return plan
        candidates = [
            item._replace(dispute=contested[item.subject.user.id].text) if item.subject.user.id in held else item
            for item in candidates
        ]


def _bearing_names(graph: Graph, exchange: Exchange, readings: Readings, losing: Collection[str]) -> dict[str, Contest]:
    """Users among ``losing`` whose name another mailbox has, if not every mailbox was read."""
    users = readings.users or {}
    upns = [users[user_id].user_principal_name for user_id in sorted(losing) if user_id in users]
    if _all_read(readings) or not exchange.can_filter or not upns:
        return {}
    parallel = exchange.service.client.parallel
    found = [box for some in parallel(exchange.mailboxes, filters.by_upn(upns, any_kind=True)) for box in some]
    contested = _contested(graph, readings, found)
    by_name = {lowered(users[user_id].user_principal_name): users[user_id] for user_id in losing if user_id in users}
    for box in filter(is_stray, found):
        if user := by_name.get(lowered(box.user_principal_name)):
            contested.setdefault(user.id, Contest(user.user_principal_name, named_alike(box)))
    return {user_id: item for user_id, item in contested.items() if user_id in losing}


def _all_read(readings: Readings) -> bool:
    return readings.strategy == "full" and readings.only is None


def _closer(exchange: Exchange, readings: Readings, at_risk: Collection[str]) -> list[Mailbox]:
    if _all_read(readings) or readings.only is not None or not exchange.can_filter or not readings.mailboxes_known:
        return []
    return exchange.mailboxes_by_user_id(set(at_risk) - readings.read_by_id)


def _contested(graph: Graph, readings: Readings, mailboxes: Iterable[Mailbox]) -> dict[str, Contest]:
    users = dict(readings.users or {})
    scan = readings.scan
    strange = [
        box
        for box in other_names(mailboxes, users)
        # the scan has compared the names of users whose grants alone it keeps
        if not (scan and box.user_id in scan.grants)
    ]
    if not strange:
        return {}
    by_name = {lowered(user.user_principal_name): user for user in users.values()}
    names = {lowered(box.user_principal_name) for box in strange if box.user_principal_name}
    missing = names - by_name.keys()
    if missing and not readings.everybody:
        found: Iterable[User] = graph.users_by_upn(sorted(missing)).values()
        by_name |= {lowered(user.user_principal_name): user for user in found}
    return contested_by(strange, users, by_name)


def match_by_name(graph: Graph, exchange: Exchange, readings: Readings) -> None:
    """Join the mailboxes in ``readings`` that name no user, and find those of users that ``identities`` named.

    Other mailboxes of the same name are read as well, because filters only find those that need a license.
    """
    if readings.only is not None and readings.mailboxes_known:
        readings.mailboxes += _of_named(exchange, readings)
    nameless = [box for box in readings.mailboxes if not box.user_id]
    if not nameless or readings.users is None:
        return
    users = _users_by_name(graph, readings, nameless)
    readings.alive = frozenset(
        box.guid for box in nameless if not is_stray(box) and lowered(box.user_principal_name) in users
    )
    strays = list(filter(is_stray, nameless))
    owners = {box.guid: user for box in strays if (user := users.get(lowered(box.user_principal_name)))}
    named = {user.user_principal_name for user in owners.values() if user.id not in readings.read_by_name}
    if named and readings.strategy == "filtered" and readings.only is None and readings.mailboxes_known:
        strays += _add_bearing(exchange, readings, named)
    _join(exchange, readings, strays, users)


def look_by_name(exchange: Exchange, readings: Readings, users: Collection[User]) -> None:
    """Ask for mailboxes that have the name of one of these users and no id, and join them.

    Filters find such a mailbox only if it needs a license.
    """
    found = _add_bearing(exchange, readings, [user.user_principal_name for user in users]) if users else []
    _join(exchange, readings, found, {lowered(user.user_principal_name): user for user in users})


def _add_bearing(exchange: Exchange, readings: Readings, names: Collection[str]) -> list[Mailbox]:
    """Add the mailboxes with these names and without an id to ``readings``; returns the ones it did not have."""
    known = {box.guid for box in readings.mailboxes if is_stray(box)}
    more = [box for box in _bearing(exchange, readings, names) if box.guid not in known]
    readings.mailboxes += more
    return more


def _join(exchange: Exchange, readings: Readings, strays: Collection[Mailbox], users: Mapping[str, User]) -> None:
    """Give each mailbox without an id to the user who has its name and no other mailbox. ``users``: by name."""
    if not strays or readings.users is None:
        return
    owners = {box.guid: user for box in strays if (user := users.get(lowered(box.user_principal_name)))}
    taken = _with_another(exchange, readings, {user.id for user in owners.values()})
    taken |= {user_id for user_id, count in Counter(user.id for user in owners.values()).items() if count > 1}
    joined: dict[str, Mailbox] = {}
    for box in strays:
        user = owners.get(box.guid)
        if user is None:
            continue
        readings.users[user.id] = user
        if user.id in taken:
            before = readings.named_alike.get(user.id)
            readings.named_alike[user.id] = f"{before}; {named_alike(box)}" if before else named_alike(box)
        else:
            joined[box.guid] = box._replace(user_id=user.id, by_name=True)
    readings.mailboxes = [joined.get(box.guid, box) if is_stray(box) else box for box in readings.mailboxes]


def named_alike(box: Mailbox) -> str:
    """Why a user is not changed whose name a mailbox has that is not joined; no full stop."""
    return (
        f"the {box.recipient_type.value} mailbox {box.guid} has this user's name and no ExternalDirectoryObjectId, and "
        "it is not the user's only one"
    )


def is_stray(box: Mailbox) -> bool:
    """Is it a mailbox in use that names no user?"""
    return not box.user_id and box.recipient_type is not RecipientType.SOFT_DELETED


def _users_by_name(graph: Graph, readings: Readings, strays: Iterable[Mailbox]) -> dict[str, User]:
    """Users by lower-case name, also those of ``strays`` that have not been read yet."""
    found = {lowered(user.user_principal_name): user for user in (readings.users or {}).values()}
    names = {lowered(box.user_principal_name) for box in strays if box.user_principal_name}
    if readings.only is None and not readings.everybody and names - found.keys():
        found |= graph.users_by_upn(sorted(names - found.keys()))
    return found


def _with_another(exchange: Exchange, readings: Readings, user_ids: Collection[str]) -> set[str]:
    """Those of these users who have another mailbox in use, which names them by their id."""
    scan = readings.scan
    known = {box.user_id for box in readings.mailboxes if box.recipient_type in IN_USE} | readings.other_kinds.keys()
    known |= scan.plain_mailboxes.keys() if scan else set()
    unsure = set(user_ids) - known - readings.read_by_id
    if readings.strategy == "filtered" and readings.only is None and readings.mailboxes_known and unsure:
        known |= {box.user_id for box in exchange.mailboxes_by_user_id(unsure)} | exchange.other_kinds.keys()
        readings.read_by_id |= unsure
    return known & set(user_ids)


def _of_named(exchange: Exchange, readings: Readings) -> list[Mailbox]:
    """The mailboxes that have the name of a user that ``identities`` named, and no id."""
    users, found = readings.users or {}, {box.user_id for box in readings.mailboxes if box.recipient_type in IN_USE}
    found |= readings.other_kinds.keys()
    names = [users[user_id].user_principal_name for user_id in sorted((readings.only or set()) - found)]
    return _bearing(exchange, readings, names) if names else []


def _bearing(exchange: Exchange, readings: Readings, names: Collection[str]) -> list[Mailbox]:
    """The mailboxes in use, and the archives of mail users, that have one of these names and no id."""
    asked: list[str | None] = [*filters.by_upn(names, any_kind=True)] if exchange.can_filter else [None]
    calls = [functools.partial(exchange.mailboxes, text) for text in asked]
    if readings.signals.get("exchange_archive") == "ok":
        calls += [functools.partial(exchange.mail_users, text) for text in asked]
    boxes = [box for some in exchange.service.client.parallel(lambda call: call(), calls) for box in some]
    wanted = {lowered(name) for name in names}
    return [box for box in boxes if is_stray(box) and lowered(box.user_principal_name) in wanted]
