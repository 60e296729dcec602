# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes to groups in Graph: licenses, members, and the resulting errors."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tests.simulator import group_licensing, properties
from tests.simulator.errors import bad_request, denied, not_found, not_simulated
from tests.simulator.graph_common import (
    READ_GROUPS,
    REPROCESS,
    WRITE_GROUP_LICENSES,
    WRITE_MEMBERS,
    WRITE_ROLES,
    Request,
    json_answer,
)
from tests.simulator.graph_groups import DEFAULT, find_group, listed
from tests.simulator.graph_users import DEFAULT as USER_DEFAULT
from tests.simulator.graph_users import PROPERTIES as USER_PROPERTIES
from tests.simulator.graph_users import find, remember
from tests.simulator.license_request import parse_request
from tests.simulator.state import Answer, Json, World


def assign_license(request: Request, key: str) -> Answer:
    """``POST /groups/{id}/assignLicense``: 202 with the group; members are processed later."""
    request.require(WRITE_GROUP_LICENSES)
    request.allow_query()
    add, remove = parse_request(request.body)
    group = find_group(request.world, key)
    if not group["securityEnabled"]:
        raise not_simulated("how the directory refuses to license a group that is not security-enabled")
    group_licensing.assign(request.world, group, add, remove)
    context = {"@odata.context": request.context("groups") + "/$entity"}
    link = f"{request.world.origins.get('graph', '')}/v2/{request.world.tenant_id}/directoryObjects/{group['id']}"
    return json_answer(
        {**context, **properties.shown_group(group, DEFAULT)},
        202,
        {"Location": f"{link}/Microsoft.DirectoryServices.Group"},
    )


def reprocess(request: Request, key: str) -> Answer:
    """``POST /users/{id}/reprocessLicenseAssignment``: 200 with the user."""
    request.require(REPROCESS)
    request.allow_query()
    user = find(request, key)
    remember(request.world, user)
    group_licensing.reprocess(request.world, user)
    keys = USER_PROPERTIES if request.beta else USER_DEFAULT
    return json_answer({"@odata.context": request.context("users") + "/$entity", **properties.shown_user(user, keys)})


def members_with_errors(request: Request, key: str) -> Answer:
    """``GET /groups/{id}/membersWithLicenseErrors``."""
    request.require(READ_GROUPS)
    request.allow_query("$select", "$top", "$skiptoken")
    group = find_group(request.world, key)
    return listed(request, group_licensing.with_errors(request.world, group), "")


def add_member(request: Request, key: str) -> Answer:
    """``POST /groups/{id}/members/$ref``: 204."""
    group = _writable(request, key)
    member = _referenced(request.world, request.body)
    if member in group["_members"]:
        raise bad_request(
            "One or more added object references already exist for the following modified properties: 'members'."
        )
    group["_members"] = [*group["_members"], member]
    _changed(request.world, group, member)
    return Answer(204)


def remove_member(request: Request, key: str, member: str) -> Answer:
    """``DELETE /groups/{id}/members/{id}/$ref``: 204."""
    group = _writable(request, key)
    member_id = member.casefold()
    if member_id not in group["_members"]:
        raise not_found(member)
    group["_members"] = [item for item in group["_members"] if item != member_id]
    _changed(request.world, group, member_id)
    return Answer(204)


def _changed(world: World, group: Json, member: str) -> None:
    if member in world.users and (group["assignedLicenses"] or group.get("_was_licensed")):
        group_licensing.enqueue(world, group["id"], member)
    world.touch()


def _writable(request: Request, key: str) -> Json:
    """Return the group if this application can change its members here."""
    request.require(WRITE_MEMBERS)
    request.allow_query()
    group = find_group(request.world, key)
    if group.get("isAssignableToRole"):
        request.require(WRITE_ROLES)
    if "DynamicMembership" in group.get("groupTypes", ()):
        raise denied()
    if group.get("onPremisesSyncEnabled"):
        raise bad_request(
            "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects "
            "currently undergoing migration."
        )
    if group["mailEnabled"] and "Unified" not in group.get("groupTypes", ()):
        raise bad_request("Cannot Update a mail-enabled security groups and or distribution list.")
    return group


def _referenced(world: World, body: Any) -> str:
    """The id of the object that a body refers to by ``@odata.id``."""
    if not isinstance(body, dict) or set(body) != {"@odata.id"} or not isinstance(body["@odata.id"], str):
        raise not_simulated("a body of members/$ref other than an object with @odata.id")
    *_rest, kind, key = ["", "", *urlsplit(body["@odata.id"]).path.strip("/").split("/")]
    if kind not in ("directoryObjects", "users", "groups"):
        raise not_simulated(f"a reference to {kind}")
    found = key.casefold()
    if found not in world.users and found not in world.groups:
        raise not_found(key)
    return found
