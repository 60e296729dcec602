# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory's audit log: one entry for each change of a user's licenses, kept for the days of a switch.

A large tenant keeps what an entry is made of, and makes the entry when it is read.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.simulator.state import Json, World

ACTIVITY = "Change user license"
GROUP_LICENSING = "Microsoft Azure AD Group-Based Licensing"
"""The service that changes licenses of members of a group."""


@dataclass(frozen=True)
class Change:
    """One change of licenses: ``before`` and ``after`` are assignedLicenses."""

    moment: datetime
    user_id: str
    name: str
    shown: str
    before: tuple[Mapping[str, Any], ...]
    after: tuple[Mapping[str, Any], ...]
    by_group: bool = False


def note(
    world: World,
    user: Json,
    before: Iterable[Mapping[str, Any]],
    after: Iterable[Mapping[str, Any]],
    *,
    by_group: bool = False,
    moment: datetime | None = None,
) -> None:
    """Record a change of licenses, at this or at an earlier moment."""
    name, shown = user["userPrincipalName"], user["displayName"]
    when = moment or world.now()
    world.audits.append(Change(when, user["id"], name, shown, tuple(before), tuple(after), by_group))


def entries(world: World) -> Iterator[Json]:
    """Return the entries that are still kept, the newest first."""
    limit = world.now() - timedelta(days=world.switches.audit_days)
    kept = [(change.moment, number) for number, change in enumerate(world.audits) if limit <= change.moment]
    for _moment, number in sorted(kept, reverse=True):
        yield _entry(world, number)


def _entry(world: World, number: int) -> Json:
    change: Change = world.audits[number]
    correlation = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{world.tenant_id} {number}"))
    told = world.switches.license_audit == "told"
    return {
        "id": f"Directory_{correlation}_SIM01_{number}",
        "category": "UserManagement",
        "correlationId": correlation,
        "result": "success",
        "resultReason": "",
        "activityDisplayName": ACTIVITY,
        "activityDateTime": f"{change.moment:%Y-%m-%dT%H:%M:%S.%f}0Z",
        "loggedByService": "Core Directory",
        "operationType": "Update",
        "initiatedBy": {"user": None, "app": _initiator(world, change)},
        "targetResources": [
            {
                "id": change.user_id,
                "displayName": change.shown,
                "type": "User",
                "userPrincipalName": change.name,
                "groupType": None,
                "modifiedProperties": _modified(world, change) if told else [],
            }
        ],
        "additionalDetails": [],
    }


def _initiator(world: World, change: Change) -> Json:
    ours = not change.by_group
    return {
        "appId": world.app.client_id if ours else None,
        "displayName": "m365-licensing" if ours else GROUP_LICENSING,
        "servicePrincipalId": world.app.object_id if ours else None,
        "servicePrincipalName": None,
    }


def _modified(world: World, change: Change) -> list[Json]:
    return [
        {
            "displayName": "AssignedLicense",
            "oldValue": _value(world, change.before),
            "newValue": _value(world, change.after),
        },
        {"displayName": "Included Updated Properties", "oldValue": None, "newValue": json.dumps("AssignedLicense")},
        {"displayName": "TargetId.UserType", "oldValue": None, "newValue": json.dumps("Member")},
    ]


def _value(world: World, licenses: Iterable[Mapping[str, Any]]) -> str:
    """A list in JSON of texts such as ``[SkuName=SPE_E3, AccountId=…, SkuId=…, DisabledPlans=[]]``, as seen."""
    texts = []
    for held in licenses:
        sku = world.skus.get(held["skuId"])
        names = {plan["servicePlanId"]: plan["servicePlanName"] for plan in sku["servicePlans"]} if sku else {}
        off = ",".join(names.get(plan, plan) for plan in held["disabledPlans"])
        part = sku["skuPartNumber"] if sku else ""
        texts.append(f"[SkuName={part}, AccountId={world.tenant_id}, SkuId={held['skuId']}, DisabledPlans=[{off}]]")
    return json.dumps(texts)
