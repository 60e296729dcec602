# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API: read the tenant, change it, set faults, read its requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulator import building, faults, graph, group_licensing, licensing, recycle_bin
from tests.simulator.state import Answer, Fault, Json, World, graph_time


def dispatch(world: World, method: str, path: str, query: Mapping[str, str], body: Any) -> Answer:
    """Answer one request; 400 names what is wrong with it."""
    recycle_bin.sweep(world)
    licensing.sweep(world)
    group_licensing.tick(world)
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
                building.build(world, body)
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
    """Return the state; with ``?user=`` (id or userPrincipalName) one user and its mailboxes, with ``?all=true`` all.

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
        "organization_holds": world.organization_holds,
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
