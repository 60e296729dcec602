# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory in Graph: SKUs, subscriptions, the organization, and objects by id."""

from __future__ import annotations

from collections.abc import Sequence

from tests.simulator import graph_groups, graph_users, properties
from tests.simulator.errors import bad_request, not_simulated
from tests.simulator.graph_common import (
    READ_DIRECTORY,
    READ_LICENSES,
    READ_ORGANIZATION,
    Request,
    json_answer,
    selected,
)
from tests.simulator.state import Answer, Json


def subscribed_skus(request: Request) -> Answer:
    """``GET /subscribedSkus``: ``$select`` alone."""
    request.require(READ_LICENSES)
    _only_select(request)
    known = [
        "accountName",
        "accountId",
        "appliesTo",
        "capabilityStatus",
        "consumedUnits",
        "id",
        "skuId",
        "skuPartNumber",
        "prepaidUnits",
        "servicePlans",
        "subscriptionIds",
    ]
    keys = selected(request, known, known)
    value = [{name: sku[name] for name in keys if name in sku} for sku in request.world.skus.values()]
    return json_answer({"@odata.context": request.context("subscribedSkus"), "value": value})


def subscriptions(request: Request) -> Answer:
    """``GET /directory/subscriptions``."""
    request.require(READ_LICENSES)
    request.allow_query()
    return json_answer(
        {"@odata.context": request.context("directory/subscriptions"), "value": request.world.subscriptions}
    )


def organization(request: Request) -> Answer:
    """``GET /organization``: one entry, the tenant itself [list organizations]."""
    request.require(READ_ORGANIZATION)
    _only_select(request)
    world = request.world
    found = {
        "id": world.tenant_id,
        "deletedDateTime": None,
        "displayName": world.display_name,
        "countryLetterCode": "DE",
        "createdDateTime": "2019-05-14T09:12:31Z",
        "defaultUsageLocation": None,
        "onPremisesSyncEnabled": True,
        "tenantType": "AAD",
        "verifiedDomains": [
            {
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": False,
                "isInitial": True,
                "name": world.initial_domain,
                "type": "Managed",
            },
            {
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": True,
                "isInitial": False,
                "name": world.domain,
                "type": "Managed",
            },
        ],
    }
    keys = selected(request, found, list(found))
    return json_answer(
        {"@odata.context": request.context("organization"), "value": [{key: found[key] for key in keys}]}
    )


def _only_select(request: Request) -> None:
    for name in request.query:
        if name in ("$filter", "$top", "$orderby", "$count", "$skip", "$expand", "$search"):
            option = name[1:].capitalize()
            raise bad_request(
                f"Query option '{option}' is not allowed. To allow it, set the 'AllowedQueryOptions' property on "
                "EnableQueryAttribute or QueryValidationSettings.",
                "BadRequest",
            )
    request.allow_query("$select")


def get_by_ids(request: Request) -> Answer:
    """``POST /directoryObjects/getByIds``: up to 1,000 ids; the answer omits missing ones."""
    request.allow_query("$select")
    if request.world.switches.get_by_ids == "403":
        request.require(())
    request.require(READ_DIRECTORY)
    body = request.body
    if not isinstance(body, dict) or not isinstance(body.get("ids"), list):
        raise bad_request("One or more parameters of the operation 'getByIds' are missing from the request payload.")
    unknown = sorted(set(body) - {"ids", "types"})
    if unknown:
        raise not_simulated(f"the parameter '{unknown[0]}' of getByIds")
    if len(body["ids"]) > 1000:
        raise bad_request("Too many ids were specified: at most 1000 are allowed.")
    types = body.get("types") or ["user", "group"]
    for kind in types:
        if kind not in ("user", "group", "directoryObject"):
            raise not_simulated(f"the type '{kind}' of getByIds")
    keys = selected(request, (*graph_users.PROPERTIES, *graph_groups.PROPERTIES), (), graph_users.ONLY_BETA)
    if request.world.switches.get_by_ids == "stateless":
        keys = [key for key in keys if key != "licenseAssignmentStates"]
    value = [
        found
        for key in dict.fromkeys(str(item).casefold() for item in body["ids"])
        if (found := _by_id(request, key, types, keys)) is not None
    ]
    return json_answer({"@odata.context": request.context("directoryObjects"), "value": value})


def _by_id(request: Request, key: str, types: Sequence[str], keys: Sequence[str]) -> Json | None:
    world = request.world
    if key in world.users and ("user" in types or "directoryObject" in types):
        user = graph_users.read_replica(world, key)
        names = keys or graph_users.DEFAULT
        return {"@odata.type": "#microsoft.graph.user", **properties.shown_user(user, names)}
    if key in world.groups and ("group" in types or "directoryObject" in types):
        group = world.groups[key]
        names = keys or graph_groups.DEFAULT
        return {"@odata.type": "#microsoft.graph.group", **properties.shown_group(group, names)}
    return None
