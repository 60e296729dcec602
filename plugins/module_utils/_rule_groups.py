# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups that rules name, found in the tenant."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._graph import Graph, Group
from ansible_collections.m365.licensing.plugins.module_utils._rules import (
    Rule,
    bind_groups,
    group_names,
    groups_as_written,
)


def bind_to_tenant(graph: Graph, rules: Sequence[Rule]) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    """The rules with their groups known by id, and those ids; nothing is read where no rule names a group."""
    known, wrong = _find_groups(graph, group_names(rules))
    problems = [
        f"{rule.path}.match.group: {wrong[name]} (rule {rule.name!r})"
        for rule in rules
        for name in sorted(group_names([rule]) & wrong.keys())
    ]
    if problems:
        raise ConfigurationError(problems)
    ids = {name: group.id for name, group in known.items()}
    return bind_groups(rules, ids), tuple(sorted(set(ids.values())))


def group_problems(graph: Graph, rules: Any, label: str) -> list[str]:
    """What is wrong with the groups of rules that are wrong in other ways, so that all is said at once."""
    named = groups_as_written(rules)
    _known, wrong = _find_groups(graph, {name for _index, _rule, name in named})
    return [
        f"{label}[{index}].match.group: {wrong[name]}" + (f" (rule {rule!r})" if rule else "")
        for index, rule, name in named
        if name in wrong
    ]


def _find_groups(graph: Graph, names: Collection[str]) -> tuple[dict[str, Group], dict[str, str]]:
    """The groups by name or id, and what is wrong with each of the other names."""
    known: dict[str, Group] = {}
    wrong: dict[str, str] = {}
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
                wrong[name] = error.message
    wrong.update({name: f"the tenant has no group {name!r}" for name in set(names) - known.keys() - wrong.keys()})
    return known, wrong
