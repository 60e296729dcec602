# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conditions of rules: each makes its test once, and says for people what it asks for.

What a test compares comes from the condition's ``value``, which explanations show, too. Conditions on groups know
names at first; ``bind_groups`` gives them the ids. Pure: no I/O, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.countries import country_code
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._common.globs import compile_glob
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._common.typed_values import truth
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import IF_AVAILABLE

from .rules import (
    COUNTRY_KEYS,
    END,
    START,
    Condition,
    Doubt,
    Facts,
    Handle,
    Rule,
    fold,
    grams,
)


def text_condition(key: str, patterns: Sequence[str]) -> Condition:
    """Does the property equal one of the patterns? ``*`` stands for any characters, ``?`` for one.

    An empty pattern matches users without a value; a pattern with wildcards never does. A country without wildcards
    also matches by its code: "Germany" and "DE" are the same country.
    """
    folded = [fold(pattern, key) for pattern in patterns]
    exact = frozenset(text for text in folded if "*" not in text and "?" not in text)
    wild = [re.sub(r"\*+", "*", text) for text in folded if text not in exact]
    codes = frozenset(code for text in exact if (code := country_code(text))) if key in COUNTRY_KEYS else frozenset()
    handles = (
        *(Handle(f"={key}", frozenset({text})) for text in sorted(exact)),
        *(Handle(f"#{key}", frozenset({code})) for code in sorted(codes)),
        *(Handle(f"~{key}", _grams_of(text)) for text in wild),
    )
    text = f"{key} is {_any_of(patterns)}"

    def value(facts: Facts) -> str:
        return facts.texts.get(key, "")

    if not wild and not codes:
        return Condition(key, text, lambda facts: value(facts) in exact, handles=handles, value=value)
    globs: list[Callable[[str], object]] = []

    def fits(found: str) -> bool:
        if not found:
            return False
        if wild and not globs:
            # Most of thousands of rules are never asked, so patterns are compiled late.
            globs.extend(map(compile_glob, wild))
        return any(glob(found) for glob in globs) or (bool(codes) and country_code(found) in codes)

    # few departments, many users; every user has another UPN
    known = lru_cache(maxsize=4096)(fits) if key != "upn" else fits

    def test(facts: Facts) -> bool:
        found = value(facts)
        return found in exact or known(found)

    return Condition(key, text, test, handles=handles, value=value)


def _grams_of(pattern: str) -> frozenset[str]:
    """Those that every value has which fits a pattern with wildcards."""
    return frozenset(gram for literal in re.split(r"[*?]", f"{START}{pattern}{END}") for gram in grams(literal))


def flag_condition(key: str, expected: bool) -> Condition:
    """One of ``Facts.flags``."""

    def value(facts: Facts) -> bool:
        return facts.flags[key]

    return Condition(key, f"{key} is {str(expected).lower()}", lambda facts: value(facts) is expected, value=value)


def recipient_condition(kinds: Sequence[str]) -> Condition:
    """The kind of mailbox or archive that is at risk; without a known mailbox it never matches."""
    return _word_condition("recipient_type", kinds, lambda facts: facts.recipient_type)


def reason_condition(words: Sequence[str]) -> Condition:
    """Why the mailbox is at risk; what is not at risk never matches."""
    return _word_condition("reason", words, lambda facts: facts.reason)


def _word_condition(key: str, words: Sequence[str], value: Callable[[Facts], str]) -> Condition:
    allowed = frozenset(words)
    return Condition(
        key,
        f"{key} is {_any_of(words)}",
        lambda facts: value(facts) in allowed,
        handles=_each(key, allowed),
        value=value,
    )


def _each(key: str, values: Iterable[str]) -> tuple[Handle, ...]:
    return tuple(Handle(f"={key}", frozenset({value})) for value in sorted(values))


def has_condition(sku_ids: Sequence[str], names: Sequence[str]) -> Condition:
    """Holds any of these SKUs in an effective state, directly or from a group."""
    wanted = frozenset(sku_ids)

    def value(facts: Facts) -> frozenset[str]:
        return wanted & facts.held

    return Condition(
        "has",
        f"has {_any_of(names)}",
        lambda facts: bool(value(facts)),
        handles=_each("has", wanted),
        value=value,
        names=dict(zip(sku_ids, names, strict=False)),
    )


def lacks_condition(sku_ids: Sequence[str], names: Sequence[str]) -> Condition:
    """Holds none of these SKUs."""
    unwanted = frozenset(sku_ids)

    def value(facts: Facts) -> frozenset[str]:
        return unwanted & facts.held

    text = f"lacks {_all_of(names)}"
    return Condition(
        "lacks", text, lambda facts: not value(facts), value=value, names=dict(zip(sku_ids, names, strict=False))
    )


def group_condition(
    names: Sequence[str],
    ids: Mapping[str, str] | None = None,
    optional: frozenset[str] = frozenset(),
    doubts: Mapping[str, Doubt] = MappingProxyType({}),
) -> Condition:
    """In any of these groups. Without ``ids`` (given name to group id) the test cannot be asked yet.

    ``optional``: those that the tenant may lack. ``doubts``: those that cannot be identified, by name. A user in all
    groups of that name is in the one that is meant, and a user in some of them may be.
    """
    text = f"group is {_any_of(names)}"
    if ids is None:

        def unbound(_facts: Facts) -> bool:
            raise ValueError(f"the ids of the groups {', '.join(names)} are not known yet: bind_groups comes first")

        return Condition("group", text, unbound, groups=tuple(names), optional=optional)
    open_names = [name for name in names if name in doubts and (doubts[name].many or name not in optional)]
    sure_names = [name for name in names if name not in open_names and (name in ids or name not in optional)]
    known = {lowered(ids[name]): name for name in sure_names}
    wanted = frozenset(known)
    one_of = [doubts[name].ids for name in open_names if doubts[name].ids]
    unlimited = len(one_of) < len(open_names)
    near = wanted.union(*one_of)

    def value(facts: Facts) -> frozenset[str]:
        return wanted & facts.group_ids

    def sure(facts: Facts) -> bool:
        return bool(value(facts)) or any(some <= facts.group_ids for some in one_of)

    return Condition(
        "group",
        text,
        sure if one_of else lambda facts: bool(value(facts)),
        groups=tuple(names),
        optional=optional,
        handles=() if unlimited else _each("group", near),
        value=value,
        names=known | {group_id: name for name in open_names for group_id in doubts[name].ids},
        maybe=(lambda facts: unlimited or not near.isdisjoint(facts.group_ids)) if open_names else None,
        doubts=tuple(doubts[name].text for name in open_names),
    )


def not_condition(blocks: Sequence[tuple[Condition, ...]]) -> Condition:
    """None of these blocks may match as a whole."""
    text = " and ".join(f"not ({'; '.join(condition.text for condition in block)})" for block in blocks)

    def value(facts: Facts) -> tuple[Condition, ...]:
        """The first block that matches."""
        for block in blocks:
            for condition in block:
                if not condition.test(facts):
                    break
            else:
                return block
        return ()

    if not any(condition.maybe for block in blocks for condition in block):
        return Condition("not", text, lambda facts: not value(facts), blocks=tuple(blocks), value=value)

    def none_possible(facts: Facts) -> bool:
        return not any(all(condition.possible(facts) for condition in block) for block in blocks)

    return Condition(
        "not", text, none_possible, blocks=tuple(blocks), value=value, maybe=lambda facts: not value(facts)
    )


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
                    name = entry.get("id", entry.get("name"))
                    if isinstance(name, str) and name:
                        found.append((index, str(rule.get("name") or ""), name, truth(entry.get(IF_AVAILABLE)) is True))
    return found


def bind_groups(
    rules: Sequence[Rule], ids: Mapping[str, str], doubts: Mapping[str, Doubt] = MappingProxyType({})
) -> tuple[Rule, ...]:
    """The rules with their groups known by id; ``ids`` or ``doubts`` has each name that ``group_names`` returns.

    Raises ConfigurationError with every group that is in neither and must be, each at its rule.
    """
    problems = [
        f"{rule.path}.match.group: no group {name!r} is known (rule {rule.name!r})"
        for rule in rules
        for name in sorted(group_names([rule], optional=False) - set(ids) - set(doubts))
    ]
    if problems:
        raise ConfigurationError(problems)
    return tuple(rule._replace(conditions=_bound(rule.conditions, ids, doubts)) for rule in rules)


def _groups(conditions: Iterable[Condition]) -> list[tuple[str, bool]]:
    return [
        found
        for condition in conditions
        for found in (
            *((name, name in condition.optional) for name in condition.groups),
            *(found for block in condition.blocks for found in _groups(block)),
        )
    ]


def _bound(
    conditions: tuple[Condition, ...], ids: Mapping[str, str], doubts: Mapping[str, Doubt]
) -> tuple[Condition, ...]:
    result: list[Condition] = []
    for condition in conditions:
        if condition.groups:
            result.append(group_condition(condition.groups, ids, condition.optional, doubts))
        elif condition.blocks:
            result.append(not_condition([_bound(block, ids, doubts) for block in condition.blocks]))
        else:
            result.append(condition)
    return tuple(result)


def _any_of(names: Sequence[str]) -> str:
    return " or ".join(repr(name) if not name.strip() else name for name in names)


def _all_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"all of {', '.join(names)}"
