# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups by id or display name, and the kind of each: on that depends who can change its members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.identity import name_key
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import Style, is_guid, quote
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Group

from .batch import raise_for
from .batch_parts import BatchPart
from .client import Graph
from .parsing import guid_from

KINDS = ("microsoft_365", "security", "distribution", "assigned", "dynamic", "synced", "role_assignable")
"""What a group may be; a group is several of these at once."""

_SELECT = "id,displayName,groupTypes,membershipRule,onPremisesSyncEnabled,isAssignableToRole,securityEnabled"


class FoundGroups(NamedTuple):
    """Groups by what was given. ``several``: those that share a display name. What does not exist is in neither."""

    known: dict[str, Group]
    several: dict[str, tuple[Group, ...]]


def find_groups(graph: Graph, names: Iterable[str]) -> FoundGroups:
    """The groups with these ids or display names; 20 ids, or 300 names, in a request."""
    given = list(dict.fromkeys(names))
    ids = [name for name in given if is_guid(name.strip())]
    by_name = [name for name in given if not is_guid(name.strip())]
    found = FoundGroups({}, {})
    parts = [BatchPart("GET", f"/groups/{quote(name_key(name), Style.PATH)}?$select={_SELECT}") for name in ids]
    for name, part, answer in zip(ids, parts, graph.batch(parts, idempotent=True), strict=True):
        if answer.status != 404:
            raise_for(answer, part, graph.service)
            found.known[name] = group_from(answer.body)
    same: dict[str, dict[str, Group]] = {}
    for group in graph.read_in("groups", "displayName", [name.strip() for name in by_name], _SELECT, group_from):
        same.setdefault(name_key(group.display_name), {})[group.id] = group
    for name in by_name:
        hits = same.get(name_key(name), {})
        if len(hits) == 1:
            found.known[name] = next(iter(hits.values()))
        elif hits:
            found.several[name] = tuple(hits[group_id] for group_id in sorted(hits))
    return found


def group_from(raw: Any) -> Group:
    """One group. What Graph leaves out of it says nothing about its kind."""
    group_id, name = guid_from(raw, "id", "group"), raw.get("displayName")
    return Group(group_id, name if isinstance(name, str) else "", _kinds(raw))


def _kinds(raw: Mapping[str, Any]) -> tuple[str, ...]:
    listed = raw.get("groupTypes")
    types = [str(item).casefold() for item in listed] if isinstance(listed, list) else None
    dynamic = bool(types and "dynamicmembership" in types)
    is_a = {
        "microsoft_365": bool(types and "unified" in types),
        "security": raw.get("securityEnabled") is True,
        "distribution": types is not None and "unified" not in types and raw.get("securityEnabled") is False,
        "assigned": types is not None and not dynamic and not raw.get("membershipRule"),
        # a rule that is kept, and not at work now, may be at work again
        "dynamic": dynamic or bool(raw.get("membershipRule")),
        "synced": raw.get("onPremisesSyncEnabled") is True,
        "role_assignable": raw.get("isAssignableToRole") is True,
    }
    return tuple(kind for kind in KINDS if is_a[kind])
