# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarative rules: which one decides for a user, and why. The first that matches wins.

``_rules_schema.py`` makes rules from what people write. Here each condition of a rule is a test that was compiled
once; a user's properties are folded once, then all rules look at the same facts. Pure: no I/O, no clock.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._countries import country_code
from ansible_collections.m365.licensing.plugins.module_utils._errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._models import RecipientType, User
from ansible_collections.m365.licensing.plugins.module_utils._wanted import IF_AVAILABLE, Missing, Wanted, truth

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
COUNTRY_KEYS = frozenset({"country", "usage_location"})
"""Of these, those that name a country: its name and its code are the same."""


class Subject(NamedTuple):
    """Whom the rules look at. ``recipient_type`` is None where no mailbox is known (scope ``all_users``)."""

    user: User
    recipient_type: RecipientType | None = None
    group_ids: frozenset[str] = frozenset()
    """The groups of the rules (not all groups) in which the user is, directly or through other groups."""
    reason: str = ""
    """Why the mailbox is at risk, in the word of the audit; empty where it is not."""
    covered: bool = False
    """Do the user's plans cover the mailbox (``_plan_covered.covers``)?"""


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


@dataclass(frozen=True)
class Condition:
    """One key of a ``match`` block. ``test`` is compiled once; ``text`` says for people what it asks for."""

    key: str
    text: str
    test: Callable[[Facts], bool] = field(compare=False)
    groups: tuple[str, ...] = ()
    """Group names or ids, as written; ``bind_groups`` makes the test from them."""
    optional: frozenset[str] = frozenset()
    """Those of the groups that the tenant need not have: nobody is in one that it lacks."""
    blocks: tuple[tuple[Condition, ...], ...] = ()
    """The blocks of ``not``."""


class UsageLocation(NamedTuple):
    """``code`` for everybody, or (``from_country``) what the user's country says, else ``default``."""

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

    def expired(self, today: date) -> bool:
        """Is the last day of this exception over?"""
        return self.until is not None and today > self.until


class Decision(NamedTuple):
    """Which rule decides for a user. ``expired`` are the exceptions that would have matched but are over."""

    rule: Rule | None
    why: str
    expired: tuple[str, ...] = ()


def first_match(rules: Sequence[Rule], subject: Subject, today: date) -> Decision:
    """The first rule whose conditions all hold. An expired exception no longer matches: later rules get their turn."""
    facts = facts_of(subject)
    expired: list[str] = []
    for rule in rules:
        # a plain loop: this is asked millions of times
        for condition in rule.conditions:
            if not condition.test(facts):
                break
        else:
            if not rule.expired(today):
                return Decision(rule, explain(rule, subject.user), tuple(expired))
            expired.append(rule.name)
    return Decision(None, "no rule matches", tuple(expired))


def explain(rule: Rule, user: User) -> str:
    """Why a rule that matches does so, with the user's own values."""
    if not rule.conditions:
        return "it matches everybody"
    return "; ".join(_seen(condition, user) for condition in rule.conditions)


def facts_of(subject: Subject) -> Facts:
    """A subject's properties, folded."""
    user = subject.user
    texts = {key: fold(value) for key, value in zip(USER_TEXTS, _values(user), strict=True)}
    for name, value in user.extension_attributes.items():
        texts[name] = fold(value)
    return Facts(
        texts=texts,
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
        user.mail_domain,
    )


def fold(text: str | None) -> str:
    """How texts are compared: without case and outer blanks; nothing is an empty text."""
    return (text or "").strip().casefold()


def text_condition(key: str, patterns: Sequence[str]) -> Condition:
    """Does the property equal one of the patterns? ``*`` stands for any characters, ``?`` for one.

    An empty pattern matches users without a value; a pattern with wildcards never does. A country without wildcards
    also matches by its code: "Germany" and "DE" are the same country.
    """
    folded = [fold(pattern) for pattern in patterns]
    exact = frozenset(text for text in folded if "*" not in text and "?" not in text)
    # a bracket is an ordinary character here, so it goes into a class of its own
    globs = [
        re.compile(fnmatch.translate(re.sub(r"\*+", "*", text).replace("[", "[[]"))).match
        for text in folded
        if text not in exact
    ]
    codes = frozenset(code for text in exact if (code := country_code(text))) if key in COUNTRY_KEYS else frozenset()

    def fits(value: str) -> bool:
        if not value:
            return False
        return any(glob(value) for glob in globs) or (bool(codes) and country_code(value) in codes)

    # few departments, many users; every user has another UPN
    known = lru_cache(maxsize=4096)(fits) if key != "upn" else fits

    def test(facts: Facts) -> bool:
        value = facts.texts.get(key, "")
        return value in exact or ((bool(globs) or bool(codes)) and known(value))

    return Condition(key, f"{key} is {_any_of(patterns)}", test)


def flag_condition(key: str, wish: bool) -> Condition:
    """One of ``Facts.flags``."""
    return Condition(key, f"{key} is {str(wish).lower()}", lambda facts: facts.flags[key] is wish)


def recipient_condition(kinds: Sequence[str]) -> Condition:
    """The kind of mailbox or archive that is at risk; without a known mailbox it never matches."""
    allowed = frozenset(kinds)
    return Condition(
        "recipient_type", f"recipient_type is {_any_of(kinds)}", lambda facts: facts.recipient_type in allowed
    )


def reason_condition(words: Sequence[str]) -> Condition:
    """Why the mailbox is at risk; what is not at risk never matches."""
    allowed = frozenset(words)
    return Condition("reason", f"reason is {_any_of(words)}", lambda facts: facts.reason in allowed)


def has_condition(sku_ids: Sequence[str], names: Sequence[str]) -> Condition:
    """Holds any of these SKUs in an effective state, directly or from a group."""
    wanted = frozenset(sku_ids)
    return Condition("has", f"has {_any_of(names)}", lambda facts: not wanted.isdisjoint(facts.held))


def lacks_condition(sku_ids: Sequence[str], names: Sequence[str]) -> Condition:
    """Holds none of these SKUs."""
    unwanted = frozenset(sku_ids)
    return Condition("lacks", f"lacks {_all_of(names)}", lambda facts: unwanted.isdisjoint(facts.held))


def group_condition(
    names: Sequence[str], ids: Mapping[str, str] | None = None, optional: frozenset[str] = frozenset()
) -> Condition:
    """In any of these groups. Without ``ids`` (given name to group id) the test cannot be asked yet.

    ``optional``: those that the tenant may lack.
    """
    text = f"group is {_any_of(names)}"
    if ids is None:

        def unbound(_facts: Facts) -> bool:
            raise ValueError(f"the ids of the groups {', '.join(names)} are not known yet: bind_groups comes first")

        return Condition("group", text, unbound, groups=tuple(names), optional=optional)
    wanted = frozenset(ids[name].casefold() for name in names if name in ids or name not in optional)
    return Condition(
        "group", text, lambda facts: not wanted.isdisjoint(facts.group_ids), groups=tuple(names), optional=optional
    )


def not_condition(blocks: Sequence[tuple[Condition, ...]]) -> Condition:
    """None of these blocks may match as a whole."""
    text = " and ".join(f"not ({'; '.join(condition.text for condition in block)})" for block in blocks)

    def test(facts: Facts) -> bool:
        for block in blocks:
            for condition in block:
                if not condition.test(facts):
                    break
            else:
                return False
        return True

    return Condition("not", text, test, blocks=tuple(blocks))


def group_names(rules: Iterable[Rule], *, optional: bool | None = None) -> set[str]:
    """The groups that the rules ask for, as written (names or ids); ``optional``: only those that may be missing.

    ``optional`` false: only those that must be there.
    """
    return {
        name
        for rule in rules
        for name, may_be_missing in _groups(rule.conditions)
        if optional in (None, may_be_missing)
    }


def groups_as_written(raw: Any) -> list[tuple[int, str, str, bool]]:
    """Index and name of the rule, a group that it names, and whether the tenant may lack it.

    The rules may be wrong in other ways.
    """
    found: list[tuple[int, str, str, bool]] = []
    for index, rule in enumerate(raw if isinstance(raw, (list, tuple)) else ()):
        blocks: list[Any] = [rule.get("match")] if isinstance(rule, Mapping) else []
        while blocks:
            block = blocks.pop()
            if isinstance(block, (list, tuple)):
                blocks += block
            elif isinstance(block, Mapping):
                blocks.append(block.get("not"))
                named = block.get("group")
                for item in named if isinstance(named, (list, tuple)) else [named]:
                    entry = item if isinstance(item, Mapping) else {"name": item}
                    name = entry.get("name")
                    if isinstance(name, str) and name:
                        found.append((index, str(rule.get("name") or ""), name, truth(entry.get(IF_AVAILABLE)) is True))
    return found


def bind_groups(rules: Sequence[Rule], ids: Mapping[str, str]) -> tuple[Rule, ...]:
    """The rules with their groups known by id; ``ids`` maps each name that ``group_names`` returns.

    Raises ConfigurationError with every group that is missing and must not be, each at its rule.
    """
    problems = [
        f"{rule.path}.match.group: no group {name!r} is known (rule {rule.name!r})"
        for rule in rules
        for name in sorted(group_names([rule], optional=False) - set(ids))
    ]
    if problems:
        raise ConfigurationError(problems)
    return tuple(rule._replace(conditions=_bound(rule.conditions, ids)) for rule in rules)


def _groups(conditions: Iterable[Condition]) -> list[tuple[str, bool]]:
    return [
        found
        for condition in conditions
        for found in (
            *((name, name in condition.optional) for name in condition.groups),
            *(found for block in condition.blocks for found in _groups(block)),
        )
    ]


def _bound(conditions: tuple[Condition, ...], ids: Mapping[str, str]) -> tuple[Condition, ...]:
    result: list[Condition] = []
    for condition in conditions:
        if condition.groups:
            result.append(group_condition(condition.groups, ids, condition.optional))
        elif condition.blocks:
            result.append(not_condition([_bound(block, ids) for block in condition.blocks]))
        else:
            result.append(condition)
    return tuple(result)


def _seen(condition: Condition, user: User) -> str:
    values = {**dict(zip(USER_TEXTS, _values(user), strict=True)), **user.extension_attributes}
    value = values.get(condition.key)
    return f"{condition.key} is {value!r}" if value else condition.text


def _any_of(names: Sequence[str]) -> str:
    return " or ".join(repr(name) if not name.strip() else name for name in names)


def _all_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"all of {', '.join(names)}"
