# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API: look at the tenant, change it, make it fail, read what it was asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.tenant import faults, graph, plan_rules
from tests.tenant.folding import folded
from tests.tenant.properties import BLANK_USER
from tests.tenant.state import (
    DIRECTORY_ROLES,
    EXCHANGE_DIRECTORY_ROLES,
    EXCHANGE_ROLES,
    GRAPH_ROLES,
    MORE_ROLES,
    Answer,
    Fault,
    Json,
    World,
    graph_time,
    parse_time,
)
from tests.tenant.switches import Switches

PATCHABLE = ("now", "switches", "roles", "users", "mailboxes", "skus", "plan_rules")
ROLES = GRAPH_ROLES | EXCHANGE_ROLES | DIRECTORY_ROLES | EXCHANGE_DIRECTORY_ROLES | MORE_ROLES


def dispatch(world: World, method: str, path: str, query: Mapping[str, str], body: Any) -> Answer:
    """Answer one request; 400 names what is wrong with it."""
    try:
        match (method, path.rstrip("/")):
            case ("GET", "/requests"):
                return Answer(200, world.log)
            case ("DELETE", "/requests"):
                world.log.clear()
                return Answer(204)
            case ("GET", "/changes"):
                return Answer(200, world.changes)
            case ("GET", "/state"):
                return Answer(200, state(world, query))
            case ("PATCH", "/state"):
                patch(world, body)
                return Answer(200, state(world, {}))
            case ("GET", "/faults"):
                return Answer(200, [faults.describe(fault) for fault in world.faults])
            case (("PUT" | "POST"), "/faults"):
                parsed = faults.parse(body if isinstance(body, list) else [body])
                _fail(world, [*world.faults, *parsed] if method == "POST" else parsed)
                return Answer(200, [faults.describe(fault) for fault in world.faults])
            case ("DELETE", "/faults"):
                _fail(world, [])
                return Answer(204)
    except ValueError as error:
        return Answer(400, {"error": str(error)})
    return Answer(404, {"error": f"{method} {path}: there are /requests, /changes, /state and /faults"})


def _fail(world: World, chosen: list[Fault]) -> None:
    world.faults = chosen
    for tell in world.listeners:
        tell()


def state(world: World, query: Mapping[str, str]) -> Json:
    """What the tenant is; with ``?user=`` (id or userPrincipalName) one user and its mailboxes, with ``?all=true`` all.

    Raises ValueError for a user that does not exist.
    """
    if "user" in query:
        user = world.user(query["user"])
        if user is None:
            raise ValueError(f"no user {query['user']!r}")
        return {"user": user, "mailboxes": world.mailboxes_of(user["id"])}
    shown: Json = {
        "tenant_id": world.tenant_id,
        "domain": world.domain,
        "initial_domain": world.initial_domain,
        "now": graph_time(world.now()),
        "switches": vars(world.switches),
        "roles": sorted(world.app.roles),
        "plan_rules": vars(world.plan_rules),
        "quota": {"refused": world.scratch.get(graph.REFUSED, 0), **world.scratch.get(graph.QUOTA, {"accepted": 0})},
        "counts": {"users": len(world.users), "mailboxes": len(world.mailboxes), "requests": len(world.log)},
        "skus": list(world.skus.values()),
        "subscriptions": world.subscriptions,
        "groups": list(world.groups.values()),
        "deleted_users": list(world.deleted_users.values()),
        "truth": world.truth,
    }
    if query.get("all") == "true":
        shown |= {"users": list(world.users.values()), "mailboxes": list(world.mailboxes.values())}
    return shown


def patch(world: World, body: Any) -> None:
    """Change the tenant, by the keys of ``PATCHABLE``. All is checked before anything changes. Raises ValueError."""
    if not isinstance(body, dict) or set(body) - set(PATCHABLE):
        raise ValueError(f"expected an object with some of: {', '.join(PATCHABLE)}")
    now, roles, tables = _now(body), _roles(body), plan_rules.parse(_plan_rules(body), world.skus.values())
    users = [(_user(world, key), change) for key, change in _changes(body, "users").items()]
    boxes = [(_mailbox(world, key), change) for key, change in _changes(body, "mailboxes").items()]
    skus = [(_sku(world, key), change) for key, change in _changes(body, "skus").items()]
    for item, change in users:
        _check_properties(item, change or {}, BLANK_USER)
    for item, change in (*boxes, *skus):
        _check_properties(item, change, {})
    if any("id" in (change or {}) for _item, change in users):
        raise ValueError("the id of a user does not change")
    if any("Guid" in change for _item, change in boxes):
        raise ValueError("the Guid of a mailbox does not change")
    Switches().update(_changes(body, "switches", of_objects=False))
    world.switches.update(body.get("switches", {}))
    if now is not None:
        world.set_clock(now)
    world.app.roles = world.app.roles if roles is None else roles
    vars(world.plan_rules).update(tables)
    for user, change in users:
        _change_user(world, user, change)
    for box, change in boxes:
        world.change_mailbox(box, change)
    for sku, change in skus:
        sku.update(change)
    world.touch()


def _check_properties(item: Json, change: Json, more: Mapping[str, Any]) -> None:
    """Raise ValueError where a property is unknown, or its new value is of another kind."""
    unknown = sorted(set(change) - set(item) - set(more))
    if unknown:
        raise ValueError(f"no property {unknown[0]!r}; there are: {', '.join(sorted({*item, *more}))}")
    for name, value in change.items():
        _same_kind(name, value, item.get(name, more.get(name)))


def _now(body: Json) -> datetime | None:
    if "now" not in body:
        return None
    try:
        return parse_time(str(body["now"]))
    except ValueError as error:
        raise ValueError(f"now: {error}") from None


def _roles(body: Json) -> set[str] | None:
    if "roles" not in body:
        return None
    roles = body["roles"]
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise ValueError(f"roles: {roles!r}, expected a list of texts")
    unknown = sorted(set(roles) - ROLES)
    if unknown:
        raise ValueError(f"no role {unknown[0]!r}; there are: {', '.join(sorted(ROLES))}")
    return set(roles)


def _plan_rules(body: Json) -> Json:
    found = body.get("plan_rules", {})
    if not isinstance(found, dict):
        raise ValueError(f"plan_rules: {found!r}, expected an object")  # noqa: TRY004 - one kind for all
    return found


def _changes(body: Json, name: str, *, of_objects: bool = True) -> Json:
    """What is to change, by its key: an object of objects; only users may be null, which removes them."""
    found = body.get(name, {})
    if not isinstance(found, dict):
        raise ValueError(f"{name}: {found!r}, expected an object")  # noqa: TRY004 - one kind for all
    for key, change in found.items() if of_objects else ():
        if not isinstance(change, dict) and not (name == "users" and change is None):
            raise ValueError(f"{name}[{key!r}]: {change!r}, expected an object of properties")
    return found


def _same_kind(name: str, value: Any, now: Any) -> None:
    """A list stays a list, and an object an object: the services would fail at the next request."""
    if name == "userPrincipalName" and (not isinstance(value, str) or not value):
        raise ValueError(f"{name}: {value!r}, expected a text")
    for kind, word in ((list, "a list"), (dict, "an object")):
        if isinstance(now, kind) and not isinstance(value, kind):
            raise ValueError(f"{name}: {value!r}, expected {word}")  # noqa: TRY004


def _change_user(world: World, user: Json, change: Json | None) -> None:
    """New values, or None: the user is gone."""
    if change is None:
        world.remove_user(user["id"])
        return
    world.upn_index.pop(folded(user["userPrincipalName"]), None)
    user.update(change)
    world.upn_index[folded(user["userPrincipalName"])] = user["id"]


def _user(world: World, key: str) -> Json:
    user = world.user(key)
    if user is None:
        raise ValueError(f"no user {key!r}")
    return user


def _mailbox(world: World, key: str) -> Json:
    """By Guid, or the first of a user."""
    if key in world.mailboxes:
        return world.mailboxes[key]
    boxes = world.mailboxes_of(_user(world, key)["id"])
    if not boxes:
        raise ValueError(f"{key!r} has no mailbox")
    return boxes[0]


def _sku(world: World, key: str) -> Json:
    for sku in world.skus.values():
        if key.casefold() in (sku["skuId"], sku["skuPartNumber"].casefold()):
            return sku
    raise ValueError(
        f"no SKU {key!r}; there are: {', '.join(sorted(sku['skuPartNumber'] for sku in world.skus.values()))}"
    )
