# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of a plan: candidates, options, entries, seats. Pure: no I/O, no clock."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import Needs
from ansible_collections.m365.licensing.plugins.module_utils._licensing.deadlines import urgency
from ansible_collections.m365.licensing.plugins.module_utils._licensing.mailbox_room import Space
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    Finding,
    LicenseChange,
    RecipientType,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.next_attempts import Attempt, Case

from .rules import Subject

ACTIONS = (
    "license",
    "unchanged",
    "ignore",
    "unmatched",
    "protected",
    "no_seat",
    "no_usage_location",
    "insufficient",
    "conflict",
    "refused_uncovered",
    "undecided",
)
"""What a plan can say about a mailbox at risk, or about a user without one; only ``license`` writes."""

NOTHING_TO_DO = ("unchanged", "ignore", "unmatched", "protected")
"""Actions that a plan does not report for a user without a mailbox at risk."""


class Candidate(NamedTuple):
    """A mailbox at risk, or a user whom the plan looks at for another reason.

    ``needs`` is what the user's mailbox is known to need; None where it was not read. ``replaced`` says of a
    soft-deleted mailbox that its user has another one in use.
    """

    subject: Subject
    finding: Finding | None = None
    needs: Needs | None = None
    replaced: bool = False
    dispute: str = ""
    """Why it is not certain whose mailbox this is, so that no rule may decide; without a full stop."""
    space: Space | None = None
    """What is known of the size of the mailbox; None where it was not read, or there is no mailbox."""


def service_order(candidate: Candidate) -> tuple[int, float, str, str, str]:
    """A sort key: the most urgent mailbox first, then by name; users with nothing at risk come last."""
    user, finding = candidate.subject.user, candidate.finding
    guid = finding.mailbox.guid if finding and finding.mailbox else ""
    return (*(urgency(finding) if finding else (9, 0.0)), user.user_principal_name.casefold(), guid, user.id)


def only_one_recoverable(*findings: Finding | None) -> bool:
    """Are these mailboxes of one user out of use, soft-deleted or (one of them) in no list of Exchange?"""
    soft_deleted = [item for item in findings if item and item.recipient_type is RecipientType.SOFT_DELETED]
    others = [item for item in findings if item not in soft_deleted]
    return bool(soft_deleted) and all(item is not None and item.mailbox is None for item in others)


class PlanOptions(NamedTuple):
    """The guards.

    ``max_changes`` is a number of users, a share of ``population`` such as ``5%`` (rounded down), or ``unlimited``.
    """

    max_changes: int | str = "unlimited"
    max_covered_seats: Any = "unlimited"
    """Seats for users whose mailbox is covered already: a number, a share of ``population``, or ``unlimited``."""
    seat_order: str = "deadline"
    """Who gets seats first: ``deadline``, the soonest one, or ``rules``, the first rule and by deadline within it."""
    protected: tuple[str, ...] = ()
    """UPN globs (``*``, ``?``) and user ids; who matches is never written."""
    allow_removals: bool = False
    seat_reserve: Mapping[str, int] = MappingProxyType({})
    """Seats by SKU id that the plan leaves alone."""
    use_warning_seats: bool = False
    license_guests: bool = False
    """Also license guests who have no mailbox."""
    population: int = 0
    gaps: tuple[str, ...] = ()
    """What the audit could not read; ``allow_incomplete`` accepts that."""
    allow_incomplete: bool = False
    variable_prefix: str = ""
    """What precedes the name of a guard in a violation: guards that come from variables are named as these are."""
    all_users_scope: bool = False
    """Does the next run look at the users whom this one has changed? Not where only mailboxes at risk count."""


class PlanEntry(NamedTuple):
    """What the plan says about one mailbox at risk, or about a user without one.

    ``change`` is empty unless ``action`` is ``license``, and in all but one of the entries of a user.
    """

    user: User
    finding: Finding | None
    rule: str
    why: str
    action: str
    change: LicenseChange
    alternative: str = ""
    """Which license list of the rule was taken: ``licenses``, ``fallback``, or empty."""
    note: str = ""
    expired: tuple[str, ...] = ()
    """Exceptions that would have matched, but are over."""
    warnings: tuple[str, ...] = ()
    """What the change takes away, though nothing known needs it; and that it may bring nothing."""
    next_rule: str = ""
    """Another rule, which will change the user again in the next run."""
    seats_wanted: tuple[str, ...] = ()
    """For ``no_seat``: the SKUs of which a seat each would have saved the mailbox."""
    no_such_sku: bool = False
    """For ``insufficient``: the tenant has none of the licenses that the rule names."""
    case: Case | None = None
    """What may be tried where the service refuses the change."""
    covered_seats: tuple[str, ...] = ()
    """The SKUs with an Exchange plan of which a seat goes to this user, whose mailbox is covered without them."""
    doubt: str = ""
    """For ``undecided``: what is in doubt, a ``group`` of the rules or whose ``mailbox`` it is."""
    space: Space | None = None
    """What is known of the size of the mailbox, where the change makes it a question."""

    @property
    def other(self) -> LicenseChange | None:
        """What is tried where the service refuses the change: that of the other alternative."""
        return self.case.other if self.case is not None else None


def with_taken(entry: PlanEntry, taken: Attempt | None) -> PlanEntry:
    """The entry with what was sent in place of its change, which the service had refused."""
    if taken is None or not entry.change:
        return entry
    return entry._replace(change=taken.change, alternative=taken.alternative or entry.alternative)


class RuleUse(NamedTuple):
    """For how many mailboxes at risk and users a rule decides, and how many users it changes."""

    name: str
    matched: int
    changes: int


class SeatUse(NamedTuple):
    """What the plan does to the seats of one SKU. ``before`` and ``after`` are seats left, without the reserve."""

    sku_id: str
    part_number: str
    before: int
    planned: int
    after: int
    reserved: int = 0


class SeatsMissing(NamedTuple):
    """Seats of one SKU that would have saved mailboxes. ``first`` is the most urgent mailbox that is lost without.

    ``first_dated`` is the most urgent one with a date, where ``first`` has none.
    """

    sku_id: str
    part_number: str
    seats: int
    first: PlanEntry
    first_dated: PlanEntry | None = None


class Plan(NamedTuple):
    """The plan: entries in the order in which seats were given out, and why it may not be applied, if so."""

    entries: tuple[PlanEntry, ...]
    violations: tuple[str, ...]
    seats: tuple[SeatUse, ...]
    max_changes: int | None = None
    """The limit in users, where one was set."""
    max_covered_seats: int | None = None
    """The limit in seats, where one was set."""
    seat_order: str = "deadline"
    rules: tuple[RuleUse, ...] = ()
    """Every rule, in their order."""
    seats_left: Mapping[str, int] = MappingProxyType({})
    """What the plan leaves of each SKU, without the reserve."""
    seats_missing: tuple[SeatsMissing, ...] = ()
    """In the order of their most urgent mailboxes."""

    @property
    def changes(self) -> tuple[LicenseChange, ...]:
        """What would be written, in the order of the entries."""
        return tuple(entry.change for entry in self.entries if entry.change)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what would be written, whatever the order: the same changes have the same digest.

        What is written in its place where the service refuses it is approved with it.
        """
        written = [
            [item.user_id, item.body(), item.usage_location, *(other.body() for other in (entry.other,) if other)]
            for entry in self.entries
            if (item := entry.change)
        ]
        text = json.dumps(sorted(written, key=lambda item: str(item[0])), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def counts(self) -> dict[str, int]:
        """Entries by action, every action named."""
        return _by_action(self.entries)

    def mailboxes(self) -> dict[str, int]:
        """Mailboxes at risk by action, every action named; together they are what the audit has found."""
        return _by_action(entry for entry in self.entries if entry.finding is not None)

    def seats_to_covered(self) -> int:
        """Seats that go to users whose mailbox is covered without them."""
        return sum(len(entry.covered_seats) for entry in self.entries)

    def expired(self) -> dict[str, int]:
        """Exceptions that are over, with the number of entries they would have kept out."""
        counts = Counter(name for entry in self.entries for name in entry.expired)
        return dict(sorted(counts.items()))


def urgency_order(entry: PlanEntry) -> tuple[int, float, str, str]:
    """The order of an audit's rows, whatever the order of seats; users who are not at risk come last."""
    order = urgency(entry.finding) if entry.finding else (9, 0.0)
    guid = entry.finding.mailbox.guid if entry.finding and entry.finding.mailbox else ""
    return (*order, entry.user.user_principal_name.casefold(), guid)


def rule_uses(names: Iterable[str], entries: Iterable[PlanEntry]) -> tuple[RuleUse, ...]:
    """How often each rule (``names`` in their order) decides."""
    matched: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    for entry in entries:
        matched[entry.rule] += entry.action != "undecided"
        changes[entry.rule] += bool(entry.change)
    return tuple(RuleUse(name, matched[name], changes[name]) for name in names)


def _by_action(entries: Iterable[PlanEntry]) -> dict[str, int]:
    counts = Counter(entry.action for entry in entries)
    return {action: counts[action] for action in ACTIONS}
