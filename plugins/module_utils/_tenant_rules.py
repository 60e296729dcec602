# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules as a tenant understands them: their SKUs resolved, their groups known by id, and who is in these groups."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from ansible_collections.m365.licensing.plugins.module_utils._catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._graph import Graph, Group
from ansible_collections.m365.licensing.plugins.module_utils._models import Sku
from ansible_collections.m365.licensing.plugins.module_utils._rules import (
    Rule,
    bind_groups,
    group_names,
    groups_as_written,
)
from ansible_collections.m365.licensing.plugins.module_utils._rules_schema import parse_rules

T = TypeVar("T")


class TenantRules(NamedTuple):
    """Rules that can be asked, and the ids of all groups that they name."""

    rules: tuple[Rule, ...]
    group_ids: tuple[str, ...]


def resolve_rules(
    graph: Graph, raw: Any, skus: Sequence[Sku], catalog: Catalog, label: str, scope: str, problems: list[str]
) -> TenantRules | None:
    """The rules, or None after all that is wrong with them was added to ``problems``, their groups included.

    Groups are read only where a rule names one. ``label`` is what ``problems`` call the list of rules.
    """
    rules = collect(problems, lambda: parse_rules(raw, skus, catalog, label, scope=scope))
    if rules is None:
        problems += _group_problems(graph, raw, label)
        return None
    return collect(problems, lambda: _bind(graph, rules))


def collect(problems: list[str], ask: Callable[[], T]) -> T | None:
    """The answer, or None after its problems have been added to ``problems``."""
    try:
        return ask()
    except ConfigurationError as error:
        problems += error.problems
        return None


def _bind(graph: Graph, rules: Sequence[Rule]) -> TenantRules:
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
    return TenantRules(bind_groups(rules, ids), tuple(sorted(set(ids.values()))))


def _group_problems(graph: Graph, raw: Any, label: str) -> list[str]:
    """What is wrong with the groups of rules that are wrong in other ways, so that all is said at once."""
    named = groups_as_written(raw)
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


def groups_of_users(
    graph: Graph, group_ids: Sequence[str], user_ids: Sequence[str], *, whole: bool
) -> Mapping[str, frozenset[str]]:
    """Each user's groups among those of the rules. A whole tenant is asked by group, a few users by user."""
    if not group_ids:
        return {}
    if not whole:
        return {user_id: frozenset(some) for user_id, some in graph.member_of(user_ids, group_ids).items()}
    members = list(graph.service.client.parallel(graph.transitive_member_ids, group_ids))
    return {
        user_id: frozenset(group_id for group_id, inside in zip(group_ids, members, strict=True) if user_id in inside)
        for user_id in user_ids
    }
