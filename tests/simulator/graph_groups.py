# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of Graph: lists, one group, transitive members, membership checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.simulator import graph_users, group_licensing, properties
from tests.simulator.errors import bad_request, not_found, unsupported_query
from tests.simulator.graph_common import (
    READ_GROUPS,
    READ_USERS,
    Request,
    check_count,
    json_answer,
    next_link,
    page,
    page_size,
    selected,
    start_of,
)
from tests.simulator.odata import compile_filter
from tests.simulator.state import Answer, Json, World

PROPERTIES, DEFAULT = properties.GROUP_PROPERTIES, properties.GROUP_DEFAULT
ERRORS, PROCESSING = "hasMembersWithLicenseErrors", "licenseProcessingState"
FILTERED = frozenset({*PROPERTIES, ERRORS} - {PROCESSING})
MAX_CHECKED = 20
"""Group ids of one checkMemberGroups."""
USER_TYPE, GROUP_TYPE = "#microsoft.graph.user", "#microsoft.graph.group"


def list_groups(request: Request) -> Answer:
    """``GET /groups``."""
    request.require(READ_GROUPS)
    request.allow_query("$filter", "$select", "$top", "$count", "$skiptoken")
    check_count(request)
    keys = selected(request, PROPERTIES, DEFAULT)
    groups = list(request.world.groups.values())
    text = request.query.get("$filter")
    if text is not None:
        filter_ = compile_filter(
            text,
            "group",
            advanced=request.advanced,
            consistency=request.consistency or request.counted,
            known=FILTERED,
        )
        view = _with_errors(request.world) if ERRORS in text else lambda group: group
        groups = [group for group in groups if filter_.matches(view(group))]
    shown = [_shown_group(request.world, group, keys) for group in groups]
    return page(request, "groups", shown, keys, count=request.advanced)


def get_group(request: Request, key: str) -> Answer:
    """``GET /groups/{id}``."""
    request.require(READ_GROUPS)
    request.allow_query("$select")
    keys = selected(request, PROPERTIES, DEFAULT)
    group = find_group(request.world, key)
    return json_answer(
        {"@odata.context": request.context("groups") + "/$entity", **_shown_group(request.world, group, keys)}
    )


def _shown_group(world: World, group: Json, keys: Iterable[str]) -> Json:
    shown = properties.shown_group(group, keys)
    if PROCESSING in shown:
        shown[PROCESSING] = group_licensing.state_of(world, group)
    return shown


def _with_errors(world: World) -> Callable[[Json], Json]:
    """How a filter sees a group: with the property that a read never shows [group resource]."""
    return lambda group: {**group, ERRORS: bool(group_licensing.with_errors(world, group))}


def members(request: Request, key: str, cast: str, *, transitive: bool) -> Answer:
    """``GET /groups/{id}/members`` or ``/transitiveMembers``, with a cast to users or groups or without.

    A cast on transitive members is an advanced query [aad-advanced-queries.md]. Of types that the application may not
    read, only id and type are shown.
    """
    request.require(READ_GROUPS)
    request.allow_query("$select", "$top", "$count", "$skiptoken")
    check_count(request)
    if cast and transitive and not request.advanced:
        raise unsupported_query("Filter operator 'Cast' is not supported without the parameters of an advanced query.")
    world = request.world
    group = find_group(world, key)
    return listed(request, transitive_members(world, group["id"]) if transitive else group["_members"], cast)


def listed(request: Request, ids: Iterable[str], cast: str) -> Answer:
    """One page of users and groups by their ids."""
    known = (*graph_users.PROPERTIES, *(name for name in PROPERTIES if name not in graph_users.PROPERTIES))
    keys = selected(request, known, (), graph_users.ONLY_BETA)
    objects = [found for member in ids if (found := _member(request, member, cast)) is not None]
    start, size = start_of(request), page_size(request)
    result: dict[str, Any] = {"@odata.context": request.context("directoryObjects")}
    if request.advanced and start == 0:
        result["@odata.count"] = len(objects)
    if start + size < len(objects):
        result["@odata.nextLink"] = next_link(request, start + size)
    result["value"] = [_shown(request, found, keys) for found in objects[start : start + size]]
    return json_answer(result)


def _member(request: Request, member: str, cast: str) -> Json | None:
    world = request.world
    if member in world.users and cast in ("", "microsoft.graph.user"):
        return world.users[member]
    if member in world.groups and cast in ("", "microsoft.graph.group"):
        return world.groups[member]
    return None


def _shown(request: Request, item: Json, keys: list[str]) -> Json:
    is_user = item["id"] in request.world.users
    kind = {"@odata.type": USER_TYPE if is_user else GROUP_TYPE}
    if is_user and request.app.roles.isdisjoint(READ_USERS):
        return {**kind, "id": item["id"]}
    names = keys or list(graph_users.DEFAULT if is_user else DEFAULT)
    return {**kind, **(properties.shown_user if is_user else properties.shown_group)(item, names)}


def check_member_groups(request: Request, key: str) -> Answer:
    """``POST /users/{id|upn}/checkMemberGroups``: which of up to 20 groups the user is in, transitively."""
    request.require(READ_USERS)
    request.require(READ_GROUPS)
    request.allow_query()
    body = request.body
    if not isinstance(body, dict) or set(body) != {"groupIds"} or not isinstance(body["groupIds"], list):
        raise bad_request(
            "One or more parameters of the operation 'checkMemberGroups' are missing from the request payload. "
            "The missing parameters are: groupIds."
        )
    wanted = [str(item).casefold() for item in body["groupIds"]]
    if len(wanted) > MAX_CHECKED:
        raise bad_request(f"Too many items for property 'groupIds': {len(wanted)}. The maximum is {MAX_CHECKED}.")
    user = graph_users.find(request, key)
    value = [group for group in dict.fromkeys(wanted) if user["id"] in _member_ids(request.world, group)]
    return json_answer({"@odata.context": request.context("Collection(Edm.String)"), "value": value})


def _member_ids(world: World, group_id: str) -> frozenset[str]:
    """Transitive members as a set, kept until something is written."""
    kept = world.scratch.get("graph.members")
    if kept is None or kept[0] != world.revision:
        kept = world.scratch["graph.members"] = (world.revision, {})
    found: dict[str, frozenset[str]] = kept[1]
    if group_id not in found:
        found[group_id] = frozenset(transitive_members(world, group_id)) if group_id in world.groups else frozenset()
    return found[group_id]


def transitive_members(world: World, group_id: str) -> Iterator[str]:
    """The ids of users and groups within a group, each once; groups may contain each other."""
    seen = {group_id}
    waiting = [group_id]
    while waiting:
        for member in world.groups[waiting.pop(0)]["_members"]:
            if member in seen:
                continue
            seen.add(member)
            yield member
            if member in world.groups:
                waiting.append(member)


def find_group(world: World, key: str) -> Json:
    """A group by its id, or 404."""
    group = world.groups.get(key.casefold())
    if group is None:
        raise not_found(key)
    return group
