# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of Graph: lists, one user, changes, licenses; and replicas that are late."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.simulator import licensing, properties
from tests.simulator.errors import bad_request, not_found, not_simulated
from tests.simulator.graph_common import (
    READ_LICENSES,
    READ_USERS,
    WRITE_LICENSES,
    WRITE_USERS,
    Request,
    check_count,
    json_answer,
    next_link,
    page_size,
    selected,
    start_of,
)
from tests.simulator.license_request import parse_request
from tests.simulator.odata import Filter, compile_filter
from tests.simulator.state import Answer, Json, World

PROPERTIES, DEFAULT = properties.USER_PROPERTIES, properties.USER_DEFAULT
ONLY_BETA = properties.ONLY_BETA
KNOWN_V1 = frozenset(PROPERTIES) - ONLY_BETA
KNOWN_BETA = frozenset(PROPERTIES)
WRITABLE = frozenset(
    [
        "usageLocation",
        "department",
        "country",
        "companyName",
        "jobTitle",
        "city",
        "state",
        "displayName",
        "accountEnabled",
    ]
)
SYNCED = WRITABLE - {"usageLocation"}
"""Properties of a synchronised user that only the directory on premises can change."""
COUNTRY = re.compile(r"[A-Za-z]{2}")
NO_COUNTRIES = frozenset({"UK", "EU", "XX", "ZZ"})
"""Two letters that are no country by ISO 3166; UK is what people write for GB."""
DETAILS_LAG = 1
"""The number of reads of licenseDetails after a write that show the former plans."""

_STALE = "graph.stale"
_DETAILS = "graph.details"


def list_users(request: Request) -> Answer:
    """``GET /users``."""
    request.require(READ_USERS)
    request.allow_query("$filter", "$select", "$top", "$count", "$skiptoken")
    check_count(request)
    world = request.world
    keys = selected(request, PROPERTIES, PROPERTIES if request.beta else DEFAULT, ONLY_BETA)
    filter_ = user_filter(request)
    start, size = start_of(request), page_size(request)
    result: dict[str, Any] = {"@odata.context": request.context("users")}
    if filter_ is None:
        order = list(world.users)
        chosen = order[start : start + size]
        found = [world.users[user_id] for user_id in chosen]
        following = start + size if start + size < len(order) else None
        total = len(order)
    else:
        count = request.advanced and not start

        def search() -> tuple[list[Json], int | None, int]:
            total = sum(1 for _unused in _matching(world, filter_)) if count else 0
            return *_scan(world, filter_, start, size), total

        key = f"users {request.version} {request.query.get('$filter')} {start} {size} {count}"
        late = world.scratch.get(_STALE)
        found, following, total = search() if late else world.searched(key, search)
    if request.advanced and not start:
        result["@odata.count"] = total
    if following is not None:
        result["@odata.nextLink"] = next_link(request, following)
    if world.scratch.get(_STALE):
        found = [read_replica(world, user["id"]) for user in found]
    result["value"] = [properties.shown_user(user, keys) for user in found]
    return json_answer(result)


def count_users(request: Request) -> Answer:
    """``GET /users/$count``: a number in plain text, in advanced queries only."""
    request.require(READ_USERS)
    request.allow_query("$filter")
    if not request.consistency:
        raise bad_request("$count is not currently supported.")
    # The segment itself counts; the query option is not needed with it.
    request.query["$count"] = "true"
    filter_ = user_filter(request)
    world = request.world
    total = len(world.users) if filter_ is None else sum(1 for _unused in _matching(world, filter_))
    return Answer(200, str(total).encode(), {"Content-Type": "text/plain"})


def user_filter(request: Request) -> Filter | None:
    """``$filter`` of a request for users, ready to run."""
    text = request.query.get("$filter")
    if text is None:
        return None
    if not request.beta and "isLicenseReconciliationNeeded" in text:
        raise bad_request(
            "Invalid filter clause: Could not find a property named 'isLicenseReconciliationNeeded' on type "
            "'microsoft.graph.user'.",
            "BadRequest",
        )
    return compile_filter(
        text,
        "user",
        advanced=request.advanced,
        consistency=request.consistency or request.counted,
        known=KNOWN_BETA if request.beta else KNOWN_V1,
    )


def _candidates(world: World, filter_: Filter) -> list[Json] | None:
    """The users that the filter's indexes name; None where only a scan can tell."""
    if filter_.lookups is None:
        return None
    found: dict[str, Json] = {}
    for lookup in filter_.lookups:
        for value in sorted(lookup.values):
            user_id = value if lookup.prop == "id" else world.upn_index.get(value, "")
            if user_id in world.users:
                found[user_id] = world.users[user_id]
    return list(found.values())


def _matching(world: World, filter_: Filter) -> Iterator[Json]:
    candidates = _candidates(world, filter_)
    matches, view = filter_.matches, _view(world)
    source = world.users.values() if candidates is None else candidates
    return (user for user in source if matches(view(user)))


def _scan(world: World, filter_: Filter, start: int, size: int) -> tuple[list[Json], int | None]:
    """One page of the users that match, and where the next one begins: positions are those of the unfiltered list."""
    candidates = _candidates(world, filter_)
    matches, view = filter_.matches, _view(world)
    users = world.users
    if candidates is not None:
        found = [user for user in candidates if matches(view(user))]
        return found[start : start + size], start + size if len(found) > start + size else None
    chosen: list[Json] = []
    order = list(users)
    for position in range(start, len(order)):
        user = users[order[position]]
        if matches(view(user)):
            if len(chosen) == size:
                return chosen, position
            chosen.append(user)
    return chosen, None


def _view(world: World) -> Callable[[Json], Json]:
    """Return a user as a filter sees it: the late replica, if there is one."""
    stale: dict[str, tuple[Json, int]] | None = world.scratch.get(_STALE)
    if not stale:
        return lambda user: user
    return lambda user: stale[user["id"]][0] if user["id"] in stale else user


def remember(world: World, user: Json) -> None:
    """Keep the state before a write for late replicas."""
    world.scratch.setdefault(_DETAILS, {})[user["id"]] = (user["assignedLicenses"], DETAILS_LAG)
    reads = world.switches.replica_lag_reads
    if reads:
        stale = world.scratch.setdefault(_STALE, {})
        old = stale[user["id"]][0] if user["id"] in stale else dict(user)
        stale[user["id"]] = (old, reads)


def read_replica(world: World, user_id: str) -> Json:
    """Return a user as this read shows it, and count down the late reads."""
    stale: dict[str, tuple[Json, int]] = world.scratch.get(_STALE) or {}
    if user_id not in stale:
        return world.users[user_id]
    old, reads = stale.pop(user_id)
    if reads > 1:
        stale[user_id] = (old, reads - 1)
    return old


def find(request: Request, key: str) -> Json:
    """Return the current state of a user by id or userPrincipalName, or raise 404."""
    user = request.world.user(key)
    if user is None:
        raise not_found(key)
    return user


def get_user(request: Request, key: str) -> Answer:
    """``GET /users/{id|upn}``."""
    request.require(READ_USERS)
    request.allow_query("$select")
    keys = selected(request, PROPERTIES, PROPERTIES if request.beta else DEFAULT, ONLY_BETA)
    user = read_replica(request.world, find(request, key)["id"])
    return json_answer({"@odata.context": request.context("users") + "/$entity", **properties.shown_user(user, keys)})


def patch_user(request: Request, key: str) -> Answer:
    """``PATCH /users/{id|upn}``: 204."""
    request.require(WRITE_USERS)
    request.allow_query()
    if not isinstance(request.body, dict) or not request.body:
        raise bad_request("Empty Payload. JSON content expected.", "BadRequest")
    user = find(request, key)
    for name, value in request.body.items():
        _check_property(user, name, value)
    remember(request.world, user)
    user.update(request.body)
    request.world.touch()
    return Answer(204)


def _check_property(user: Json, name: str, value: Any) -> None:
    if name not in WRITABLE:
        raise not_simulated(f"how to change the property '{name}' of a user")
    if user["onPremisesSyncEnabled"] and name in SYNCED:
        raise bad_request(
            "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects "
            "currently undergoing migration."
        )
    right = isinstance(value, bool) if name == "accountEnabled" else value is None or (isinstance(value, str) and value)
    if name == "usageLocation" and isinstance(value, str) and value and not _is_country(value):
        raise bad_request("Property usageLocation is invalid.")
    if not right:
        raise bad_request(f"Invalid value specified for property '{name}' of resource 'User'.")


def _is_country(value: str) -> bool:
    return COUNTRY.fullmatch(value) is not None and value.upper() not in NO_COUNTRIES


def assign_license(request: Request, key: str) -> Answer:
    """``POST /users/{id|upn}/assignLicense``: 200 with the user."""
    request.require(WRITE_LICENSES)
    request.allow_query()
    add, remove = parse_request(request.body)
    user = find(request, key)
    before = dict(user)
    licensing.apply(request.world, user["id"], add, remove)
    remember(request.world, before)
    keys = DEFAULT if not request.beta else PROPERTIES
    return json_answer({"@odata.context": request.context("users") + "/$entity", **properties.shown_user(user, keys)})


def license_details(request: Request, key: str) -> Answer:
    """``GET /users/{id|upn}/licenseDetails``; the plans' status is late."""
    request.require((*READ_LICENSES, *READ_USERS))
    request.allow_query("$select")
    known = ("id", "skuId", "skuPartNumber", "servicePlans")
    keys = selected(request, known, known)
    world = request.world
    user = read_replica(world, find(request, key)["id"])
    late: dict[str, tuple[list[Json], int]] = world.scratch.get(_DETAILS) or {}
    before = {item["skuId"]: item for item in late.get(user["id"], ((), 0))[0]}
    late.pop(user["id"], None)
    value = []
    for held in user["assignedLicenses"]:
        if held["skuId"] not in world.skus:
            raise not_simulated("the details of a license that is not among the SKUs of the tenant")
        sku = world.skus[held["skuId"]]
        off = set(before.get(held["skuId"], held)["disabledPlans"])
        plans = [
            {**plan, "provisioningStatus": "Disabled" if plan["servicePlanId"] in off else "Success"}
            for plan in sku["servicePlans"]
        ]
        detail = {"id": sku["id"], "skuId": held["skuId"], "skuPartNumber": sku["skuPartNumber"], "servicePlans": plans}
        value.append({name: detail[name] for name in keys})
    return json_answer({"@odata.context": request.context(f"users('{user['id']}')/licenseDetails"), "value": value})
