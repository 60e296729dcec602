# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans with the mailbox sizes that they depend on: of users who get Kiosk or Plan 1, or who lose Plan 2.

The services measure one mailbox in a request, so only the mailboxes that a plan depends on are measured. Only a
plan can name them, because the alternative of a user depends on the seats that more urgent users leave. To measure all
users whose rule has a small alternative would be hundreds of requests more. So the first plan is made without sizes.

A size that cannot be read is a warning of that row. Where the user would lose Plan 2 it is a gap that stops the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._assign.downgrades import find_downgrades
from ansible_collections.m365.licensing.plugins.module_utils._audit.mailbox_sizes import over_among, sized
from ansible_collections.m365.licensing.plugins.module_utils._audit.snapshot import Readings
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ApiError, ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import needs_of, settled
from ansible_collections.m365.licensing.plugins.module_utils._licensing.mailbox_room import LARGE, UNLISTED, Room, Space
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    RESOURCE_TYPES,
    Assignment,
    Mailbox,
    RecipientType,
    Sku,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.ownership import IN_USE
from ansible_collections.m365.licensing.plugins.module_utils._planning.mailbox_fit import (
    gives_small,
    size_counts,
    with_fit,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.planner import (
    Candidate,
    Plan,
    PlanEntry,
    PlanOptions,
)

_NO_REPORT = "as no usage report has it, and there are too many mailboxes to measure one by one"
_NO_LIST = Space(why=UNLISTED)


class _SizeQuestion(NamedTuple):
    """A mailbox whose size counts: is it larger than ``limit``? ``loses``: its user would lose Plan 2."""

    box: Mailbox
    limit: int
    loses: bool = False


class _SizeAnswer(NamedTuple):
    """Sizes in bytes by guid, the guids without a size, and the reason for all of these: short, and for a row."""

    known: Mapping[str, int]
    failed: frozenset[str]
    short: str
    why: str


class SizeAwarePlanner:
    """Makes plans with ``build`` that know the size of every mailbox on which they depend."""

    def __init__(
        self,
        graph: Graph,
        exchange: Exchange,
        readings: Readings,
        build: Callable[[Sequence[Candidate], PlanOptions], Plan],
        guards: PlanOptions,
        skus: Mapping[str, Sku],
        catalog: Catalog,
    ) -> None:
        self._graph, self._exchange, self._build, self._guards = graph, exchange, build, guards
        self._skus, self._catalog = skus, catalog
        self._boxes = {box.user_id: box for box in readings.mailboxes if box.recipient_type in IN_USE}
        self._spaces = {
            box.guid: Space(box.size, quota=box.quota) for box in readings.mailboxes if box.size is not None
        }
        self._small: dict[tuple[Assignment, ...], bool] = {}
        self._limits: dict[str, int] = {}
        """The smallest limit that each mailbox was compared with, by its guid."""

    def plan(self, candidates: Sequence[Candidate]) -> Plan:
        """The plan, made again only if a mailbox is larger than the first one allows.

        Its seats then go to other users, so the new plan may depend on further sizes. It must not be written without
        them: a user could lose Plan 2 whose mailbox needs it. Each mailbox is measured once, which ends the loop.
        """
        while True:
            # a copy of all candidates would take memory in a plan for all users
            sized_candidates = [self._with_size(item) for item in candidates] if self._spaces else candidates
            plan = self._build(sized_candidates, self._guards)
            rooms = self._rooms(plan)
            questions = self._questions(plan, rooms)
            if not questions or not self._measure(questions):
                entries = list(plan.entries)
                for place, room in rooms.items():
                    entries[place] = self._with_fit(entries[place], room)
                return plan._replace(entries=tuple(entries))

    def _with_size(self, candidate: Candidate) -> Candidate:
        """A candidate with what is known of the size of its mailbox."""
        finding, user = candidate.finding, candidate.subject.user
        box = (finding.mailbox if finding else None) or self._boxes.get(user.id)
        space = self._spaces.get(box.guid) if box is not None else None
        if box is None or space is None:
            return candidate
        candidate = candidate._replace(space=space)
        if space.size is None or space.size <= LARGE or box.recipient_type not in IN_USE:
            return candidate
        box = settled(sized(box, space.size), user, self._catalog)
        if finding is not None and box.recipient_type in RESOURCE_TYPES:
            candidate = candidate._replace(finding=finding._replace(needs=needs_of(box), mailbox=box))
        return candidate._replace(needs=needs_of(box))

    def _rooms(self, plan: Plan) -> dict[int, Room]:
        """By the place of an entry: what its change leaves room for, where the size of the mailbox counts for that."""
        rooms = {}
        for place, entry in enumerate(plan.entries):
            if entry.change and self._may_be_small(entry):
                room = size_counts(entry, self._skus, self._catalog)
                if room is not None:
                    rooms[place] = room
        return rooms

    def _may_be_small(self, entry: PlanEntry) -> bool:
        """A quick check: in a large plan, nearly all users get the same licenses."""
        change = entry.change
        if change.remove or any(entry.user.holds(item.sku_id) for item in change.add):
            return True
        if change.add not in self._small:
            self._small[change.add] = gives_small(change.add, self._skus, self._catalog)
        return self._small[change.add]

    def _questions(self, plan: Plan, rooms: Mapping[int, Room]) -> list[_SizeQuestion]:
        """The mailboxes whose size the plan depends on, and that were not compared with as small a limit."""
        users = {entry.user.id: entry.user for entry in plan.entries if entry.change}
        downgrades = find_downgrades(users, plan.changes, self._skus, self._catalog)
        losing = {item.user.id for item in downgrades if item.loses_plan2}
        questions: dict[str, _SizeQuestion] = {}
        for place, entry in enumerate(plan.entries):
            room, loses = rooms.get(place), entry.user.id in losing and bool(entry.change)
            limit = room.sure if room is not None else LARGE if loses else 0
            box = self._mailbox_of(entry) if limit else None
            if box is not None and self._is_unknown(box, limit):
                questions[box.guid] = _SizeQuestion(box, limit, loses)
        return list(questions.values())

    def _mailbox_of(self, entry: PlanEntry) -> Mailbox | None:
        """The mailbox in the cloud that an entry is about."""
        own = entry.finding.mailbox if entry.finding else None
        return own if own and own.recipient_type is RecipientType.SOFT_DELETED else self._boxes.get(entry.user.id)

    def _is_unknown(self, box: Mailbox, limit: int) -> bool:
        space = self._spaces.get(box.guid)
        compared = self._limits.get(box.guid)
        return (space is None or space.fits(limit) is None) and (compared is None or compared > limit)

    def _measure(self, questions: Sequence[_SizeQuestion]) -> bool:
        """Read sizes. Does one of them, or a gap, contradict what the plan assumes?"""
        losing = {item.box.guid for item in questions if item.loses}
        answer = self._read_sizes(questions, losing)
        for box, limit, _loses in questions:
            self._limits[box.guid] = limit
            size, why = answer.known.get(box.guid), answer.why if box.guid in answer.failed else ""
            self._spaces[box.guid] = Space(size, None if why or size is not None else limit, box.quota, why)
        if unknown := answer.failed & losing:
            gap = f"the sizes of {len(unknown)} mailboxes that would lose Plan 2, {answer.short}"
            self._guards = self._guards._replace(gaps=(*self._guards.gaps, gap))
        return bool(unknown) or any(answer.known.get(item.box.guid, 0) > item.limit for item in questions)

    def _read_sizes(self, questions: Sequence[_SizeQuestion], losing: Collection[str]) -> _SizeAnswer:
        all_guids = frozenset(item.box.guid for item in questions)
        refused = "as Exchange did not return them"
        try:
            sizes = over_among(self._graph, self._exchange, {item.box: item.limit for item in questions}, losing)
        except (ApiError, ConfigurationError) as error:
            # the surface v2 has no cmdlet for that
            return _SizeAnswer({}, all_guids, refused, _refusal(error.message))
        if sizes is None:
            return _SizeAnswer({}, all_guids, "as no report names them", _NO_REPORT)
        return _SizeAnswer(sizes.known, frozenset(box.guid for box in sizes.failed), refused, _refusal(sizes.why))

    def _with_fit(self, entry: PlanEntry, room: Room) -> PlanEntry:
        """An entry with what is known of the mailbox's size, which its change makes a question."""
        box = self._mailbox_of(entry)
        if box is None and (entry.finding is None or entry.finding.recipient_type is RecipientType.ARCHIVE):
            return entry
        return with_fit(entry, self._spaces.get(box.guid, Space()) if box is not None else _NO_LIST, room)


def _refusal(message: str) -> str:
    return f"as Exchange did not return it ({message.rstrip('.')})"
