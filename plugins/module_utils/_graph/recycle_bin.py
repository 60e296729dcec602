# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users in the recycle bin of the directory, where they can be restored for 30 days [list deletedItems]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ApiError
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import Style, quote
from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import parse_time
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import User

from .batch import raise_for
from .client import BatchPart, Graph
from .parsing import (
    USER_PROPERTIES,
    guid_from,
    incomplete,
    user_from,
)

COLLECTION = "directory/deletedItems/microsoft.graph.user"
_LICENSES = ("licenseAssignmentStates", "assignedPlans")
"""Left out: Graph does not say which licenses come back with a deleted user."""
PROPERTIES = (*(name for name in USER_PROPERTIES if name not in _LICENSES), "deletedDateTime")


def deleted_users(graph: Graph, user_ids: Iterable[str]) -> dict[str, User]:
    """Those of these users who are in the recycle bin, by id; 300 to a request. Raises ApiError."""
    wanted = sorted(set(user_ids))
    if not wanted:
        return {}
    try:
        found = graph.read_in(COLLECTION, "id", wanted, ",".join(PROPERTIES), _user)
    except ApiError as error:
        if error.status != HTTPStatus.BAD_REQUEST:
            raise
        # that the list takes this filter is not documented
        found = _one_by_one(graph, wanted)
    return {user.id: user for user in found if user.id in wanted}


def _one_by_one(graph: Graph, user_ids: Iterable[str]) -> list[User]:
    select = ",".join(PROPERTIES)
    parts = [
        BatchPart("GET", f"/directory/deletedItems/{quote(user_id, Style.PATH)}?$select={select}")
        for user_id in user_ids
    ]
    found = []
    for part, answer in zip(parts, graph.batch(parts, idempotent=True), strict=True):
        if answer.status != HTTPStatus.NOT_FOUND:
            raise_for(answer, part, graph.service)
            found.append(_user(answer.body))
    return found


def _user(raw: Mapping[str, Any]) -> User:
    user_id = guid_from(raw, "id", "deleted user")
    try:
        deleted = parse_time(raw.get("deletedDateTime"))
    except ValueError as error:
        raise incomplete(f"deleted user {user_id}: {error}") from None
    if deleted is None:
        raise incomplete(f"deleted user {user_id} has no deletedDateTime")
    name = raw.get("userPrincipalName")
    name = _before(name.strip(), user_id) if isinstance(name, str) else ""
    user = user_from({**raw, **dict.fromkeys(_LICENSES), "userPrincipalName": name or user_id})
    return user._replace(deleted=deleted)


def _before(upn: str, user_id: str) -> str:
    """The name that the user had: the directory puts the id in front of that of a deleted one."""
    prefix = user_id.replace("-", "")
    return upn[len(prefix) :] if lowered(upn).startswith(prefix) and len(upn) > len(prefix) else upn
