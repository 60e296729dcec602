# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many users by their ids with ``directoryObjects/getByIds``, where the application may call it.

It takes 1,000 ids in one request, and needs Directory.Read.All [directoryObject: getByIds]. That ``$select`` brings
``licenseAssignmentStates`` with it is unverified, and ids that it does not find are left out in silence. So an answer
that lacks a property, or has plans but no license states, is not used, and users it leaves out are read in
another way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    IncompleteAnswer,
    incomplete_answer,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import User

from .parsing import (
    SERVICE,
    USER_PROPERTIES,
    USER_SELECT,
    user_from,
)

IDS = 1000
"""Ids that one request takes [directoryObject: getByIds]."""
MOST_SECONDS = 10.0
"""How long it is tried again where it does not answer well: there is another way."""
PATH = "/v1.0/directoryObjects/getByIds"


class GetByIds:
    """One way to read many users by id. ``works`` becomes false with the first refusal, for the rest of the run.

    ``pages`` reads a list as ``Graph.pages`` does.
    """

    def __init__(self, pages: Callable[..., Iterable[Any]]) -> None:
        self._pages = pages
        self.works = True

    def read(self, ids: Sequence[str]) -> list[User]:
        """Those of these users that it finds; those before it was refused where it does not work here, or not now.

        None where an answer cannot be used: those before it may lack the same property, unnoticed. One
        request after the other: a refusal is met once, and an answer of 8 MB takes ten times that while it is parsed.
        """
        found: list[User] = []
        for start in range(0, len(ids), IDS):
            if not self.works:
                break
            try:
                found += self._some(ids[start : start + IDS], start, len(ids))
            except IncompleteAnswer:
                self.works = False
                return []
            except ApiError:
                self.works = False
        return found

    def _some(self, ids: Sequence[str], before: int, of: int) -> list[User]:
        body = {"ids": list(ids), "types": ["user"]}
        pages = self._pages(
            PATH, {"$select": USER_SELECT}, method="POST", json=body, before=before, of=of, most_seconds=MOST_SECONDS
        )
        return list(as_asked(((user.id, user) for user in map(_user, pages)), set(ids)).values())


def as_asked(users: Iterable[tuple[str, User]], wanted: Collection[str]) -> dict[str, User]:
    """The users by the name or id that they were asked for.

    Raises IncompleteAnswer for an unexpected user, and for two users of one name: neither may be written.
    """
    found: dict[str, User] = {}
    for key, user in users:
        if key not in wanted or key in found:
            what = "two users for" if key in found else "an unexpected user:"
            raise incomplete_answer(SERVICE, f"the answer has {what} {key!r}", request="GET /v1.0/users")
        found[key] = user
    return found


def _user(raw: Mapping[str, Any]) -> User:
    """Raises IncompleteAnswer for a user without a property that was asked for, or with plans that no license gives."""
    user = user_from(raw)
    missing = sorted(set(USER_PROPERTIES) - raw.keys())
    if not missing and not user.license_states and any(plan.usable for plan in user.assigned_plans):
        missing = ["licenseAssignmentStates"]
    if missing:
        raise incomplete_answer(SERVICE, f"{PATH} gave no {', '.join(missing)}", request=f"POST {PATH}")
    return user
