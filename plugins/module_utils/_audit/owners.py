# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether each mailbox has an owner of its own: what is read for that question, by an audit and before a removal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Mailbox, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.ownership import (
    Contest,
    Owners,
    contested_by,
    other_names,
    shared_ids,
    takes_away,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.model import Candidate, Plan

from . import filters
from .nameless import is_stray, named_alike
from .snapshot import Readings


def read_owners(graph: Graph, exchange: Exchange, readings: Readings, at_risk: Collection[str]) -> Owners:
    """Who is in doubt among those whom an audit has read.

    Of the users ``at_risk`` every mailbox in use is looked at: of two, a filtered reading may show only the one that is
    at risk. The other one joins ``readings``.
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
    """The plan, made again until nothing in it is taken from a user whose name or id another mailbox has.

    Of users who would lose something Exchange is asked which mailboxes have their names, if not all were read. A plan
    that only gives to such a user stays as it is.
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
    """Which of the users ``losing`` a mailbox of somebody else is named after, where not every mailbox was read."""
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
