# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups that rules name, found in the tenant.

Anyone who can create a group can give it the name of another. So a name that several groups have, or none, does not
end the run for all users: it is a doubt (``Doubt``), and no rule decides for the users to whom it matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import summarize
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import is_guid
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._graph.group_lookup import FoundGroups, find_groups
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Group
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import Doubt, Rule
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_conditions import (
    bind_groups,
    group_names,
    groups_as_written,
)

SAME_NAME_AT_MOST = 300
"""Groups of one name whose members are read. An ordinary user of Entra makes at most 250."""


class RuleGroup(NamedTuple):
    """A group as rules give it (``given``). ``group`` is None where the tenant has no such group.

    ``several``: the display name belongs to more than one group, and this is one of them.
    """

    given: str
    rules: tuple[str, ...]
    group: Group | None = None
    several: bool = False

    @property
    def by_name(self) -> bool:
        return not is_guid(self.given.strip())

    def row(self) -> dict[str, Any]:
        """An element of the return value ``groups``."""
        group = self.group
        return {
            "given": self.given,
            "given_as": "name" if self.by_name else "id",
            "state": "missing" if group is None else "ambiguous" if self.several else "found",
            "id": group.id if group else None,
            "display_name": group.display_name if group else None,
            "kinds": list(group.kinds) if group else [],
            "rules": list(self.rules),
        }


class BoundRules(NamedTuple):
    """Rules with their groups known by id, those ids, the groups, and what is to be said of those that are in doubt."""

    rules: tuple[Rule, ...]
    group_ids: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    groups: tuple[RuleGroup, ...] = ()
    problems: tuple[str, ...] = ()
    """The doubts, each with its place; reported beside mistakes that end the run."""

    def by_name(self) -> list[str]:
        """The warning of groups that rules give by name, with the ids to be copied into the rules."""
        pairs = [
            f"{item.given!r} is {item.group.id}"
            for item in self.groups
            if item.group is not None and item.by_name and not item.several
        ]
        if not pairs:
            return []
        return [
            "Rules give groups by name. Anyone who can create or rename a group can take over such a name, and with it "
            f"the rule. Write the ids into the rules: {'; '.join(pairs)}."
        ]


def bind_to_tenant(graph: Graph, rules: Sequence[Rule]) -> BoundRules:
    """The rules with their groups known by id; nothing is read where no rule names a group."""
    names = group_names(rules)
    found = find_groups(graph, sorted(names)) if names else FoundGroups({}, {})
    required = group_names(rules, optional=False)
    doubts = {name: _doubt(name, found) for name in names if name in found.several or _missing(name, found) in required}
    problems: list[str] = []
    warnings: list[str] = []
    for rule in rules:
        here = group_names([rule], optional=False)
        for name in sorted(group_names([rule]) - found.known.keys()):
            place = f"{rule.path}.match.group: "
            if name in found.several or name in here:
                problems.append(f"{place}{doubts[name].text} (rule {rule.name!r})")
            else:
                warnings.append(f"{place}the tenant has no group {name!r}, so no user is in it (rule {rule.name!r})")
    warnings += [f"{text}. No rule decides for users to whom this matters" for text in problems]
    ids = {name: group.id for name, group in found.known.items()}
    read = {*ids.values(), *(group_id for doubt in doubts.values() for group_id in doubt.ids)}
    return BoundRules(
        bind_groups(rules, ids, doubts), tuple(sorted(read)), tuple(warnings), _used(rules, found), tuple(problems)
    )


def group_problems(graph: Graph, rules: Any, label: str) -> list[str]:
    """What is wrong with the groups of rules that are wrong in other ways, so that one error names all problems."""
    named_groups = groups_as_written(rules)
    names = {name for _index, _rule, name, _optional in named_groups}
    found = find_groups(graph, sorted(names)) if names else FoundGroups({}, {})
    return [
        f"{label}[{index}].match.group: {_doubt(name, found).text}" + (f" (rule {rule!r})" if rule else "")
        for index, rule, name, optional in named_groups
        if name not in found.known and (name in found.several or not optional)
    ]


def _missing(name: str, found: FoundGroups) -> str | None:
    """The name, where the tenant has no such group."""
    return None if name in found.known or name in found.several else name


def _doubt(name: str, found: FoundGroups) -> Doubt:
    groups = found.several.get(name)
    if groups is None:
        return Doubt(f"the tenant has no group {name!r}")
    listed = summarize([group.id for group in groups])
    text = f"group {name!r}: the name belongs to several groups; use one of their ids: {listed}"
    ids = frozenset(group.id for group in groups) if len(groups) <= SAME_NAME_AT_MOST else frozenset[str]()
    return Doubt(text, ids, many=True)


def _used(rules: Iterable[Rule], found: FoundGroups) -> tuple[RuleGroup, ...]:
    """Every group that rules give, in the order of its name."""
    by_name: dict[str, list[str]] = {}
    for rule in rules:
        for name in group_names([rule]):
            by_name.setdefault(name, []).append(rule.name)
    used: list[RuleGroup] = []
    for name in sorted(by_name):
        several = found.several.get(name, ())
        group = found.known.get(name)
        for one in several or (group,):
            used.append(RuleGroup(name, tuple(by_name[name]), one, bool(several)))
    return tuple(used)
