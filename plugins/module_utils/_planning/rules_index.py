# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of thousands of rules can match a user at all, without a test of each. Pure: no I/O, no clock.

Every rule is filed under the condition that it shares with the fewest other rules, by the values that this condition
asks for. A user is looked up by the values that the user has. Rules without such a condition are tested for everybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from ansible_collections.m365.licensing.plugins.module_utils._common.countries import country_code

from .rules import (
    END,
    START,
    Condition,
    Decision,
    Facts,
    Rule,
    Subject,
    decide,
    facts_of,
    grams,
)

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
        """The places of the rules that are tested for everybody."""
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
                (_rarest(item, tally) for item in rule.conditions), key=lambda found: found[0], default=_NOWHERE
            )[1]
            if not keys:
                self._always.append(place)
            for space, value in keys:
                self._filed.setdefault(space, {}).setdefault(value, []).append(place)

    def first_match(self, subject: Subject, today: date) -> Decision:
        """The first rule whose conditions all hold."""
        facts = facts_of(subject)
        found: list[int] = []
        for space, filed in self._filed.items():
            for value in _values(space, facts):
                if value in filed:
                    found += filed[value]
        places = sorted({*found, *self._always}) if found else self._always
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


def _values(space: str, facts: Facts) -> Iterable[str]:
    """What a user has in a space."""
    kind, key = space[0], space[1:]
    if kind == "=" and key in _SETS:
        return _SETS[key](facts)
    value = facts.texts.get(key, "")
    if kind == "#":
        code = country_code(value)
        return (code,) if code else ()
    return (value,) if kind == "=" else grams(f"{START}{value}{END}")
