# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarative rules: which one decides for a user, and why. The first that matches wins.

``rules_schema.py`` makes rules from what people write, ``rules_conditions.py`` makes a test of each condition. What
a user says is folded once, then all rules look at the same facts.

``RuleIndex`` finds the rules that can match without a test of thousands. It files every rule under the condition that
the fewest other rules share, by the values that this condition asks for, and looks up the values that a user has.
Rules without such a condition are tested for every user. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.countries import country_code
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import name_key
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import Missing, Wanted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType, User

USER_TEXTS = (
    "department",
    "country",
    "company",
    "job_title",
    "upn",
    "usage_location",
    "city",
    "office",
    "employee_type",
    "mail_domain",
)
"""The match keys that compare a text of the user."""
ADDRESSES = ("upn", "mail_domain")
"""Of these, those that name one user or tenant."""
COUNTRY_KEYS = frozenset({"country", "usage_location"})
"""Of these, those that name a country: its name and its code are the same."""


class Subject(NamedTuple):
    """A user as the rules see it. ``recipient_type`` is None where no mailbox is known (scope ``all_users``)."""

    user: User
    recipient_type: RecipientType | None = None
    group_ids: frozenset[str] = frozenset()
    """The groups of the rules (not all groups) in which the user is, directly or through other groups."""
    reason: str = ""
    """Why the mailbox is at risk, in the word of the audit; empty where it is not."""
    covered: bool = False
    """Do the user's plans cover the mailbox (``unneeded.covers``)?"""
    other_kind: str = ""
    """The kind of a mailbox that needs no license and is of no recipient type, such as ``scheduling``."""

    @property
    def mailbox_kind(self) -> str:
        """What kind of mailbox there is, in one word; empty where none is known."""
        return self.recipient_type.value if self.recipient_type else self.other_kind


class Facts(NamedTuple):
    """A subject as conditions see it: texts in one case, licenses as a set."""

    texts: Mapping[str, str]
    """By match key; extension attributes by their own name. Without a value: an empty text."""
    flags: Mapping[str, bool]
    """By match key: ``account_enabled``, ``on_premises_sync``, ``at_risk``, ``covered``."""
    recipient_type: str
    reason: str
    held: frozenset[str]
    group_ids: frozenset[str]


class Doubt(NamedTuple):
    """A group of the rules that cannot be identified. ``text`` says why and what to do, without a full stop.

    It is one of the groups ``ids``; without ids, any user may be in it. ``many``: several groups have its name, else no
    group has it.
    """

    text: str
    ids: frozenset[str] = frozenset()
    many: bool = False


class Handle(NamedTuple):
    """What all users share for whom one alternative of a condition holds: each of ``values``.

    ``space`` says what it is: ``=`` and a match key, a value; ``#`` and one, a country's code; ``~`` and one, three
    characters of the value, which begins with START and ends with END.
    """

    space: str
    values: frozenset[str]


START, END = "\x02", "\x03"


@dataclass(frozen=True)
class Condition:
    """One key of a ``match`` block. ``test`` is compiled once; ``text`` says for people what it asks for."""

    key: str
    text: str
    test: Callable[[Facts], bool] = field(compare=False)
    groups: tuple[str, ...] = ()
    """Group names or ids, as written; ``bind_groups`` makes the test from them."""
    optional: frozenset[str] = frozenset()
    """Those of the groups that the tenant need not have; a missing group has no members."""
    blocks: tuple[tuple[Condition, ...], ...] = ()
    """The blocks of ``not``."""
    handles: tuple[Handle, ...] = field(default=(), compare=False)
    """One of these holds for every user for whom the condition holds; empty where that says nothing (``RuleIndex``)."""
    value: Callable[[Facts], Any] = field(default=lambda _facts: None, compare=False)
    """What ``test`` looks at: flag, text or word; of SKUs and groups the ids in common; of ``not`` the block."""
    names: Mapping[str, str] = field(default_factory=dict, compare=False)
    """How the rule names the ids of ``has``, ``lacks`` and ``group``."""
    maybe: Callable[[Facts], bool] | None = field(default=None, compare=False)
    """May it hold where ``test`` fails, because a group cannot be identified? None: then it does not hold."""
    doubts: tuple[str, ...] = ()
    """Which groups those are, and what to do, one sentence each without a full stop."""

    def possible(self, facts: Facts) -> bool:
        """Does it hold, or may it?"""
        return self.test(facts) or (self.maybe is not None and self.maybe(facts))


class UsageLocation(NamedTuple):
    """``code`` for every user, or (``from_country``) what the user's country says, else ``default``."""

    code: str | None = None
    from_country: bool = False
    default: str | None = None

    def of(self, user: User) -> str | None:
        """The two letters for this user; None where neither country nor default says them."""
        if self.from_country:
            return country_code(user.country) or self.default
        return self.code


class Rule(NamedTuple):
    """One rule, checked and resolved. ``path`` is where it stands (``license_state_rules[2]``)."""

    name: str
    path: str = ""
    conditions: tuple[Condition, ...] = ()
    licenses: tuple[Wanted, ...] = ()
    fallback: tuple[Wanted, ...] = ()
    remove: tuple[str, ...] = ()
    """SKUs whose direct assignment goes in the same request that brings the licenses."""
    usage_location: UsageLocation | None = None
    ignore: bool = False
    reason: str = ""
    until: date | None = None
    """The last day of an exception; None: no end."""
    missing: tuple[Missing, ...] = ()
    """SKUs that the tenant does not have, and that ``if_available`` leaves out."""

    @property
    def alternatives(self) -> list[tuple[str, tuple[Wanted, ...]]]:
        """The lists of licenses, with their names, that have something left after ``if_available``."""
        return [(name, wanted) for name, wanted in (("licenses", self.licenses), ("fallback", self.fallback)) if wanted]

    def expired(self, today: date) -> bool:
        """Is the last day of this exception over?"""
        return self.until is not None and today > self.until


class Decision(NamedTuple):
    """Which rule decides for a user. ``expired`` are the exceptions that would have matched but are over.

    ``undecided``: the rule may mean the user, but a group of it cannot be identified. Then no rule decides.
    """

    rule: Rule | None
    why: str
    expired: tuple[str, ...] = ()
    undecided: bool = False


def first_match(rules: Iterable[Rule], subject: Subject, today: date) -> Decision:
    """The first rule whose conditions all hold. An expired exception no longer matches: later rules get their turn."""
    return decide(rules, subject, facts_of(subject), today)


def decide(rules: Iterable[Rule], subject: Subject, facts: Facts, today: date) -> Decision:
    """The same for a subject whose facts are known."""
    expired: list[str] = []
    for rule in rules:
        undecided = False
        # a plain loop: this is asked millions of times
        for condition in rule.conditions:
            if not condition.test(facts):
                if condition.maybe is None or not condition.maybe(facts):
                    break
                undecided = True
        else:
            if not rule.expired(today):
                why = doubts_of(rule) if undecided else explain(rule, subject.user)
                return Decision(rule, why, tuple(expired), undecided)
            if not undecided:
                expired.append(rule.name)
    return Decision(None, "no rule matches", tuple(expired))


def doubts_of(rule: Rule) -> str:
    """Why it is not certain which users a rule means."""
    blocks = [rule.conditions, *(block for condition in rule.conditions for block in condition.blocks)]
    texts = dict.fromkeys(text for block in blocks for condition in block for text in condition.doubts)
    return f"it is not certain that this rule means the user: {'; '.join(texts)}"


def explain(rule: Rule, user: User) -> str:
    """Why a rule that matches does so, with the user's own values."""
    if not rule.conditions:
        return "it matches every user"
    return "; ".join(_seen(condition, user) for condition in rule.conditions)


def facts_of(subject: Subject) -> Facts:
    """A subject's properties, folded."""
    user = subject.user
    return Facts(
        texts={key: fold(value, key) for key, value in texts_of(user).items()},
        flags={
            "account_enabled": user.account_enabled,
            "on_premises_sync": user.on_premises_sync,
            "at_risk": bool(subject.reason),
            "covered": subject.covered,
        },
        recipient_type=subject.recipient_type.value if subject.recipient_type else "",
        reason=subject.reason,
        held=frozenset(state.sku_id for state in user.license_states if state.effective),
        group_ids=subject.group_ids,
    )


def texts_of(user: User) -> dict[str, str | None]:
    """Each text that conditions compare, by match key or name of the attribute, as the user has it."""
    return {**dict(zip(USER_TEXTS, _values(user), strict=True)), **user.extension_attributes}


def _values(user: User) -> tuple[str | None, ...]:
    """What a user says to each of USER_TEXTS."""
    return (
        user.department,
        user.country,
        user.company,
        user.job_title,
        user.user_principal_name,
        user.usage_location,
        user.city,
        user.office,
        user.employee_type,
        user.mail_domain or user.user_principal_name.rpartition("@")[2],
    )


def fold(text: str | None, key: str) -> str:
    """How the texts of a property are compared: without case and outer blanks; nothing is an empty text.

    Addresses are names of one user or tenant, in which only ASCII letters have a case.
    """
    text = text or ""
    return name_key(text) if key in ADDRESSES else text.strip().casefold()


def grams(text: str) -> frozenset[str]:
    """All of three characters in a row."""
    return frozenset(text[place : place + 3] for place in range(len(text) - 2))


def _seen(condition: Condition, user: User) -> str:
    value = texts_of(user).get(condition.key)
    return f"{condition.key} is {value!r}" if value else condition.text


Key = tuple[str, str]
"""The space and the value of a handle."""

_SETS: dict[str, Callable[[Facts], Iterable[str]]] = {
    "recipient_type": lambda facts: (facts.recipient_type,),
    "reason": lambda facts: (facts.reason,),
    "has": lambda facts: facts.held,
    "group": lambda facts: facts.group_ids,
}
"""What a user has of the keys that are no texts."""


class RuleIndex:
    """The rules, filed. The answers are those of ``first_match`` over all of them."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._always: list[int] = []
        """The places of the rules that are tested for every user."""
        self._filed: dict[str, dict[str, list[int]]] = {}
        """The places of the others by space and value."""
        tally = Counter(
            (handle.space, value)
            for rule in rules
            for condition in rule.conditions
            for handle in condition.handles
            for value in handle.values
        )
        for place, rule in enumerate(rules):
            keys = min(
                (_rarest(item, tally) for item in rule.conditions), key=lambda place: place[0], default=_NOWHERE
            )[1]
            if not keys:
                self._always.append(place)
            for space, value in keys:
                self._filed.setdefault(space, {}).setdefault(value, []).append(place)

    def first_match(self, subject: Subject, today: date) -> Decision:
        """The first rule whose conditions all hold."""
        facts = facts_of(subject)
        matching: list[int] = []
        for space, filed in self._filed.items():
            for value in _values_in(space, facts):
                if value in filed:
                    matching += filed[value]
        places = sorted({*matching, *self._always}) if matching else self._always
        return decide((self._rules[place] for place in places), subject, facts, today)


_NOWHERE: tuple[float, frozenset[Key]] = (float("inf"), frozenset())


def _rarest(condition: Condition, tally: Counter[Key]) -> tuple[float, frozenset[Key]]:
    """Where to file a rule by this condition, one key for each of its handles, and how many rules are near there."""
    keys: set[Key] = set()
    for space, values in condition.handles:
        if not values:
            return _NOWHERE
        keys.add(min(((space, value) for value in values), key=lambda key: (tally[key], key)))
    return (sum(tally[key] for key in keys), frozenset(keys)) if keys else _NOWHERE


def _values_in(space: str, facts: Facts) -> Iterable[str]:
    """What a user has in a space."""
    kind, key = space[0], space[1:]
    if kind == "=" and key in _SETS:
        return _SETS[key](facts)
    value = facts.texts.get(key, "")
    if kind == "#":
        code = country_code(value)
        return (code,) if code else ()
    return (value,) if kind == "=" else grams(f"{START}{value}{END}")
