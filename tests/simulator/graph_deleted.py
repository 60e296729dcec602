# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleted users of Graph: list, read, restore, delete permanently."""

from __future__ import annotations

from tests.simulator import properties, recycle_bin
from tests.simulator.graph_common import (
    DELETE_USERS,
    READ_USERS,
    RESTORE_USERS,
    Request,
    check_count,
    json_answer,
    page,
    selected,
)
from tests.simulator.graph_users import DEFAULT, ONLY_BETA, PROPERTIES, find, user_filter
from tests.simulator.state import Answer, Json

USER_TYPE = "#microsoft.graph.user"


def list_users(request: Request) -> Answer:
    """``GET /directory/deletedItems/microsoft.graph.user``: with the query options of users [list deletedItems]."""
    request.require(READ_USERS)
    request.allow_query("$filter", "$select", "$top", "$count", "$skiptoken")
    check_count(request)
    keys = selected(request, PROPERTIES, PROPERTIES if request.beta else DEFAULT, ONLY_BETA)
    filter_ = user_filter(request)
    found = [user for user in request.world.deleted_users.values() if filter_ is None or filter_.matches(user)]
    return page(request, "users", [properties.shown_user(user, keys) for user in found], keys, count=request.advanced)


def get_item(request: Request, key: str) -> Answer:
    """``GET /directory/deletedItems/{id}``."""
    request.require(READ_USERS)
    request.allow_query("$select")
    keys = selected(request, PROPERTIES, PROPERTIES if request.beta else DEFAULT, ONLY_BETA)
    return json_answer(_entity(request, recycle_bin.find(request.world, key), keys))


def restore(request: Request, key: str) -> Answer:
    """``POST /directory/deletedItems/{id}/restore``: 200 with the user."""
    request.require(RESTORE_USERS)
    request.allow_query()
    user = recycle_bin.restore(request.world, recycle_bin.find(request.world, key)["id"])
    return json_answer(_entity(request, user, PROPERTIES if request.beta else DEFAULT))


def remove(request: Request, key: str) -> Answer:
    """``DELETE /directory/deletedItems/{id}``: 204; the user is deleted permanently."""
    request.require(RESTORE_USERS)
    request.allow_query()
    recycle_bin.remove(request.world, recycle_bin.find(request.world, key)["id"])
    return Answer(204)


def delete_user(request: Request, key: str) -> Answer:
    """``DELETE /users/{id|upn}``: 204, and the user is in the recycle bin for 30 days."""
    request.require(DELETE_USERS)
    request.allow_query()
    recycle_bin.delete(request.world, find(request, key)["id"])
    return Answer(204)


def _entity(request: Request, user: Json, keys: tuple[str, ...] | list[str]) -> Json:
    context = {"@odata.context": request.context("directoryObjects") + "/$entity", "@odata.type": USER_TYPE}
    return {**context, **properties.shown_user(user, keys)}
