# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Graph: routes, quotas, and headers of every answer.

``dispatch`` is the whole of Graph to ``app.py`` and to the parts of a batch. Anything unknown is 501.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import orjson

from tests.simulator import (
    batch,
    graph_audits,
    graph_deleted,
    graph_directory,
    graph_group_writes,
    graph_groups,
    graph_reports,
    graph_users,
    group_licensing,
    licensing,
    recycle_bin,
)
from tests.simulator.errors import GraphError, bad_request, error_body, not_simulated
from tests.simulator.graph_common import JSON_TYPE, Request
from tests.simulator.json_bytes import json_bytes
from tests.simulator.state import Answer, AppIdentity, World, new_guid

NO_METADATA = "odata.metadata=none"
QUOTA_SECONDS = 150.0
QUOTA = "graph.quota"
"""Where ``World.scratch`` counts the writes that the quota has let pass: when the first and the last of them came."""
_WRITES = "graph.writes"
REFUSED = "graph.refused"
"""… and where those that it has refused."""
READ_SECONDS = 10.0
_READS = "graph.reads"
"""Moments of reads with their resource units."""
COSTS = {"users": 2, "subscribedskus": 3, "members": 3, "transitivemembers": 5, "licensedetails": 2}
"""Resource units of a GET, by the last segment of a collection; any other GET is 1 [throttling-limits]."""


MEMBER_CASTS: tuple[list[str], ...] = ([], ["microsoft.graph.user"], ["microsoft.graph.group"])


def dispatch(
    world: World,
    method: str,
    path: str,
    query: list[tuple[str, str]],
    headers: Mapping[str, str],
    body: Any,
    app: AppIdentity,
) -> Answer:
    """Answer one request. ``path`` is decoded and begins with the version; ``headers`` have lower-case names."""
    request_id = new_guid()
    client_id = headers.get("client-request-id") or request_id
    recycle_bin.sweep(world)
    licensing.sweep(world)
    group_licensing.tick(world, read=method.upper() == "GET")
    try:
        request = _request(world, method, path, query, headers, body, app)
        accept = headers.get("accept", "").replace(" ", "").casefold()
        if "odata.metadata=full" in accept:
            raise not_simulated("odata.metadata=full")
        _spend_units(request)
        answer = _route(request)
        if NO_METADATA in accept:
            _strip(answer)
        answer.headers["x-ms-resource-unit"] = str(_units(request))
        _show_quota(request, answer)
    except GraphError as error:
        text = error_body(
            error.code, error.message, now=world.now(), request_id=request_id, client_request_id=client_id
        )
        answer = Answer(error.status, text, {"Content-Type": "application/json", **error.headers})
    answer.headers.update(
        {
            "request-id": request_id,
            "client-request-id": client_id,
            "x-ms-ags-diagnostic": '{"ServerInfo":{"DataCenter":"Simulated","Slice":"E","Ring":"1","ScaleUnit":"000"}}',
        }
    )
    return answer


def _strip(answer: Answer) -> None:
    """Remove types and contexts; keep links and counts [OData JSON format 4.01, 3.1.3]."""
    if isinstance(answer.body, bytes) and answer.headers.get("Content-Type") == JSON_TYPE:
        found = orjson.loads(answer.body)
        for item in (found, *(entry for entry in found.get("value") or () if isinstance(entry, dict))):
            item.pop("@odata.context", None)
            item.pop("@odata.type", None)
        answer.body = json_bytes(found)
        answer.headers["Content-Type"] = JSON_TYPE.replace("metadata=minimal", "metadata=none")


def _request(
    world: World,
    method: str,
    path: str,
    query: list[tuple[str, str]],
    headers: Mapping[str, str],
    body: Any,
    app: AppIdentity,
) -> Request:
    version, _mark, rest = path.lstrip("/").partition("/")
    if version not in ("v1.0", "beta"):
        raise bad_request(f"Invalid version: {version}", "BadRequest")
    if version == "beta" and world.switches.beta_gone:
        raise GraphError(404, "ResourceNotFound", "Resource not found for the segment 'beta'.")
    options: dict[str, str] = {}
    for name, value in query:
        if name in options:
            raise bad_request(
                f"Query option '{name}' was specified more than once, but it must be at most once.", "BadRequest"
            )
        options[name] = value
    return Request(world, version, method.upper(), "/" + rest.strip("/"), options, headers, body, app)


def _route(request: Request) -> Answer:
    match (request.method, *request.path.strip("/").split("/")):
        case ("POST", "$batch"):
            return batch.run(request, dispatch)
        case (method, "users", *rest):
            return _users(request, method, rest)
        case (method, "groups", *rest):
            return _groups(request, method, rest)
        case ("GET", "subscribedSkus"):
            return graph_directory.subscribed_skus(request)
        case ("GET", "organization"):
            return graph_directory.organization(request)
        case (method, "directory", *rest):
            return _directory(request, method, rest)
        case ("POST", "directoryObjects", "getByIds"):
            return graph_directory.get_by_ids(request)
        case ("GET", "auditLogs", "directoryAudits"):
            return graph_audits.list_audits(request)
        case ("GET", "reports", function):
            return graph_reports.mailbox_usage(request, function)
    raise not_simulated(f"{request.method} /{request.version}{request.path}")


def _groups(request: Request, method: str, rest: list[str]) -> Answer:
    match (method, *rest):
        case ("GET",):
            return graph_groups.list_groups(request)
        case ("GET", key):
            return graph_groups.get_group(request, key)
        case ("GET", key, "membersWithLicenseErrors"):
            return graph_group_writes.members_with_errors(request, key)
        case ("GET", key, ("members" | "transitiveMembers") as kind, *cast) if cast in MEMBER_CASTS:
            return graph_groups.members(request, key, "".join(cast), transitive=kind == "transitiveMembers")
        case ("POST", key, "assignLicense"):
            _spend(request)
            return graph_group_writes.assign_license(request, key)
        case ("POST", key, "members", "$ref"):
            _spend(request)
            return graph_group_writes.add_member(request, key)
        case ("DELETE", key, "members", member, "$ref"):
            _spend(request)
            return graph_group_writes.remove_member(request, key, member)
    raise not_simulated(f"{request.method} /{request.version}{request.path}")


def _directory(request: Request, method: str, rest: list[str]) -> Answer:
    match (method, *rest):
        case ("GET", "subscriptions"):
            return graph_directory.subscriptions(request)
        case ("GET", "deletedItems", "microsoft.graph.user"):
            return graph_deleted.list_users(request)
        case ("GET", "deletedItems", key) if "." not in key:
            return graph_deleted.get_item(request, key)
        case ("DELETE", "deletedItems", key):
            _spend(request)
            return graph_deleted.remove(request, key)
        case ("POST", "deletedItems", key, "restore"):
            _spend(request)
            return graph_deleted.restore(request, key)
    raise not_simulated(f"{request.method} /{request.version}{request.path}")


def _users(request: Request, method: str, rest: list[str]) -> Answer:
    match (method, *rest):
        case ("GET",):
            return graph_users.list_users(request)
        case ("GET", "$count"):
            return graph_users.count_users(request)
        case ("GET", key):
            return graph_users.get_user(request, key)
        case ("PATCH", key):
            _spend(request)
            return graph_users.patch_user(request, key)
        case ("DELETE", key):
            _spend(request)
            return graph_deleted.delete_user(request, key)
        case ("POST", key, "assignLicense"):
            _spend(request)
            return graph_users.assign_license(request, key)
        case ("POST", key, "reprocessLicenseAssignment"):
            _spend(request)
            return graph_group_writes.reprocess(request, key)
        case ("GET", key, "licenseDetails"):
            return graph_users.license_details(request, key)
        case ("POST", key, "checkMemberGroups"):
            return graph_groups.check_member_groups(request, key)
    raise not_simulated(f"{request.method} /{request.version}{request.path}")


def _spend(request: Request) -> None:
    """Spend one write of the quota, or raise 429, often without Retry-After."""
    world = request.world
    quota = world.switches.write_quota
    if not quota:
        return
    writes = _recent(world)
    if len(writes) < quota:
        writes.append(world.seconds())
        count = world.scratch.setdefault(QUOTA, {"accepted": 0, "first": writes[-1]})
        count["accepted"] += 1
        count["last"] = writes[-1]
        return
    refused = world.scratch[REFUSED] = world.scratch.get(REFUSED, 0) + 1
    wait = int(writes[0] + QUOTA_SECONDS - world.seconds()) + 1
    raise _too_many(
        request, "Write", "WriteLimitExceeded", {"Retry-After": str(max(1, wait))} if refused % 3 == 0 else {}
    )


def _spend_units(request: Request) -> None:
    """Spend the resource units of a read, or raise 429 beyond the limit of 10 seconds."""
    world = request.world
    quota = world.switches.read_quota
    if not quota or not _reads(request):
        return
    spent, cost = _recent_units(world), _units(request)
    if sum(units for _when, units in spent) + cost > quota:
        raise _too_many(request, "Read", "ResourceUnitLimitExceeded", {})
    spent.append((world.seconds(), cost))


def _reads(request: Request) -> bool:
    return request.path != "/$batch" and (request.method == "GET" or request.path.endswith("/checkMemberGroups"))


def _too_many(request: Request, limit: str, information: str, headers: Mapping[str, str]) -> GraphError:
    return GraphError(
        429,
        "TooManyRequests",
        "Too many requests.",
        {
            "x-ms-throttle-scope": f"Tenant_Application/{limit}/{request.app.client_id}/{request.world.tenant_id}",
            "x-ms-throttle-information": information,
            **headers,
        },
    )


def _recent(world: World) -> deque[float]:
    writes: deque[float] = world.scratch.setdefault(_WRITES, deque())
    while writes and writes[0] < world.seconds() - QUOTA_SECONDS:
        writes.popleft()
    return writes


def _recent_units(world: World) -> deque[tuple[float, int]]:
    spent: deque[tuple[float, int]] = world.scratch.setdefault(_READS, deque())
    while spent and spent[0][0] < world.seconds() - READ_SECONDS:
        spent.popleft()
    return spent


def _show_quota(request: Request, answer: Answer) -> None:
    world, used = request.world, 0.0
    if _reads(request):
        if world.switches.read_quota:
            used = sum(units for _when, units in _recent_units(world)) / world.switches.read_quota
    elif world.switches.write_quota:
        used = len(_recent(world)) / world.switches.write_quota
    if used > 0.8:
        answer.headers["x-ms-throttle-limit-percentage"] = f"{used:.2f}"


def _units(request: Request) -> int:
    """Return the resource units of the request [throttling-limits]."""
    if request.method != "GET":
        return 1
    parts = request.path.strip("/").casefold().split("/")
    cost = COSTS.get(parts[-1], 1)
    if "$select" in request.query:
        cost -= 1
    if request.query.get("$top", "").isdecimal() and int(request.query["$top"]) < 20:
        cost -= 1
    return max(1, cost)
