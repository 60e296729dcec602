# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users as an option names them, by user principal name or id: who they are, and whom there is not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError, incomplete_answer
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import name_key
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import Style, guid, is_guid, quote
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import User

from .batch import raise_for
from .client import BatchPart, Graph
from .parsing import SERVICE


class Found(NamedTuple):
    """Users as they were asked for: each once, in the order of the option, and the names of those who do not exist."""

    users: tuple[User, ...]
    unknown: tuple[str, ...]


def name_problems(names: Sequence[str], option: str = "users") -> list[str]:
    """What is wrong with users in an option, as far as that needs no request, one sentence each."""
    problems: list[str] = []
    for index, name in enumerate(names):
        if not name.strip():
            problems.append(f"{option}[{index}]: expected a user principal name or an id, found an empty text")
            continue
        try:
            quote(name.strip(), Style.ODATA)
        except ValueError as error:
            problems.append(f"{option}[{index}]: {error}")
    return problems


def find_users(graph: Graph, names: Iterable[str], *, confirm: bool = True) -> Found:
    """The users by user principal name or id, in any case; 300 to a request, of ids up to 1,000.

    ``confirm``: whom the lists do not bring is asked for alone, so that a list that lost an entry is not taken for a
    user who does not exist. Raises IncompleteAnswer for such a list.
    """
    wanted = list(dict.fromkeys(_key(name) for name in names))
    spelt = {_key(name): name.strip() for name in reversed(list(names))}
    by_id = graph.users_by_id(key for key in wanted if is_guid(key))
    by_upn = graph.users_by_upn(spelt[key] for key in wanted if not is_guid(key))
    found: dict[str, User] = {}
    unknown: list[str] = []
    for key in wanted:
        user = by_id.get(key) or by_upn.get(key)
        if user is None:
            unknown.append(spelt[key])
        else:
            found.setdefault(user.id, user)
    if confirm:
        _confirm_absent(graph, unknown)
    return Found(tuple(found.values()), tuple(unknown))


def unknown_users(names: Sequence[str]) -> ConfigurationError:
    """The error for users who do not exist; it names all of them."""
    return ConfigurationError(
        [f"users: the tenant has no user {name!r}" for name in names],
        code="user_not_found",
        hint="Check the spelling; guests have #EXT# in their user principal name.",
    )


def _confirm_absent(graph: Graph, names: Iterable[str]) -> None:
    """Raise IncompleteAnswer where a user exists who is missing from a list."""
    parts = []
    for name in names:
        with contextlib.suppress(ValueError):  # no user has a name that cannot be quoted
            parts.append(BatchPart("GET", f"/users/{quote(_key(name), Style.PATH)}?$select=id"))
    for part, answer in zip(parts, graph.batch(parts, idempotent=True) if parts else (), strict=True):
        if answer.status == HTTPStatus.OK:
            what = f"the answer to a list of users left out one who exists ({part.name})"
            raise incomplete_answer(SERVICE, what, request="GET /v1.0/users")
        if answer.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST):
            raise_for(answer, part, graph.service)


def _key(name: str) -> str:
    return guid(name) if is_guid(name) else name_key(name)
