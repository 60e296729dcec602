# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups that rules name, found in the tenant."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._graph import Graph, Group
from ansible_collections.m365.licensing.plugins.module_utils._rules import Rule
from ansible_collections.m365.licensing.plugins.module_utils._rules_conditions import (
    bind_groups,
    group_names,
    groups_as_written,
)


class BoundRules(NamedTuple):
    """Rules with their groups known by id, those ids, and what is to be said of groups that the tenant lacks."""

    rules: tuple[Rule, ...]
    group_ids: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def bind_to_tenant(graph: Graph, rules: Sequence[Rule]) -> BoundRules:
    """The rules with their groups known by id; nothing is read where no rule names a group.

    Raises ConfigurationError with every group that is missing and must not be, or that several groups are called.
    """
    known, wrong = _find_groups(graph, group_names(rules))
    problems: list[str] = []
    warnings: list[str] = []
    for rule in rules if wrong else ():
        required = group_names([rule], optional=False)
        for name in sorted(group_names([rule]) & wrong.keys()):
            place, text = f"{rule.path}.match.group: {wrong[name].text}", f"(rule {rule.name!r})"
            if wrong[name].missing and name not in required:
                warnings.append(f"{place}, so nobody is in it {text}")
            else:
                problems.append(f"{place} {text}")
    if problems:
        raise ConfigurationError(problems)
    ids = {name: group.id for name, group in known.items()}
    return BoundRules(bind_groups(rules, ids), tuple(sorted(set(ids.values()))), tuple(warnings))


def group_problems(graph: Graph, rules: Any, label: str) -> list[str]:
    """What is wrong with the groups of rules that are wrong in other ways, so that all is said at once."""
    named = groups_as_written(rules)
    _known, wrong = _find_groups(graph, {name for _index, _rule, name, _optional in named})
    return [
        f"{label}[{index}].match.group: {wrong[name].text}" + (f" (rule {rule!r})" if rule else "")
        for index, rule, name, optional in named
        if name in wrong and not (optional and wrong[name].missing)
    ]


class _Wrong(NamedTuple):
    """What is wrong with the name of a group: no group has it (``missing``), or several have."""

    text: str
    missing: bool = False


def _find_groups(graph: Graph, names: Collection[str]) -> tuple[dict[str, Group], dict[str, _Wrong]]:
    """The groups by name or id, and what is wrong with each of the other names."""
    known: dict[str, Group] = {}
    wrong: dict[str, _Wrong] = {}
    if not names:
        return known, wrong
    try:
        known = graph.groups_by_name(sorted(names))
    except ConfigurationError:
        # one name is ambiguous; which of the others are right is worth a request each
        for name in sorted(names):
            try:
                known.update(graph.groups_by_name([name]))
            except ConfigurationError as error:
                wrong[name] = _Wrong(error.message)
    for name in set(names) - known.keys() - wrong.keys():
        wrong[name] = _Wrong(f"the tenant has no group {name!r}", missing=True)
    return known, wrong
