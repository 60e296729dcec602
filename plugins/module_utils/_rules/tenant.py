# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules as a tenant understands them: their SKUs resolved, their groups known by id, with their members."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Sku
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_schema import parse_rules

from .groups import (
    BoundRules,
    bind_to_tenant,
    group_problems,
)

T = TypeVar("T")


def resolve_rules(
    graph: Graph, raw: Any, skus: Sequence[Sku], catalog: Catalog, label: str, scope: str, problems: list[str]
) -> BoundRules | None:
    """The rules, or None after all that is wrong with them was added to ``problems``, their groups included.

    Groups are read only where a rule names one. ``label`` is what ``problems`` call the list of rules.
    """
    rules = collect(problems, lambda: parse_rules(raw, skus, catalog, label, scope=scope))
    if rules is None:
        problems += group_problems(graph, raw, label)
        return None
    return collect(problems, lambda: bind_to_tenant(graph, rules))


def collect(problems: list[str], resolve: Callable[[], T]) -> T | None:
    """The answer, or None after its problems have been added to ``problems``."""
    try:
        return resolve()
    except ConfigurationError as error:
        problems += error.problems
        return None


def groups_of_users(
    graph: Graph, group_ids: Sequence[str], user_ids: Sequence[str], *, whole: bool
) -> Mapping[str, frozenset[str]]:
    """Each user's groups among those of the rules. A whole tenant is read by group, a few users by user."""
    if not group_ids:
        return {}
    if not whole:
        return {user_id: frozenset(member_of) for user_id, member_of in graph.member_of(user_ids, group_ids).items()}
    members = list(graph.service.client.parallel(graph.transitive_member_ids, group_ids))
    return {
        user_id: frozenset(group_id for group_id, inside in zip(group_ids, members, strict=True) if user_id in inside)
        for user_id in user_ids
    }
