# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds, changes and removes SKUs and subscriptions for the control API."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from tests.simulator import licensing, skus
from tests.simulator.building_checks import about, check, guid, service_plans, sku_of
from tests.simulator.state import Json, World, graph_time

SUBSCRIPTION = (
    "id", "commerceSubscriptionId", "skuId", "skuPartNumber", "status", "isTrial", "totalLicenses", "createdDateTime",
    "nextLifecycleDateTime", "ownerId", "ownerTenantId", "ownerType", "serviceStatus",
)  # fmt: skip


def change_skus(world: World, changes: dict[str, Json | None]) -> None:
    """Add and change SKUs; ``remove_skus`` removes them later. Raises ValueError."""
    concerned = set()
    for key, change in changes.items():
        if change is None:
            continue
        with about(f"skus[{key!r}]"):
            sku = _found(world, key)
            if sku is None:
                sku = _new_sku(world, key, change)
            else:
                concerned |= {sku["skuId"]} if change.keys() & {"servicePlans", "capabilityStatus"} else set()
            _set_sku(sku, f"skus[{key!r}]", change)
    for user in [*world.users.values()] if concerned else ():
        if any(held["skuId"] in concerned for held in user["assignedLicenses"]):
            licensing.reproject(world, user["id"])


def _found(world: World, key: str) -> Json | None:
    """Find a SKU; None if the key can be that of a new one. Raises ValueError for two of one name."""
    try:
        return sku_of(world, key)
    except ValueError as error:
        if str(error).startswith("no SKU"):
            return None
        raise


def _set_sku(sku: Json, where: str, change: Json) -> None:
    done = dict(change)
    if "servicePlans" in done:
        done["servicePlans"] = service_plans(where, done["servicePlans"])
    if isinstance(done.get("prepaidUnits"), dict):
        done["prepaidUnits"] = {**sku["prepaidUnits"], **done["prepaidUnits"]}
    check(where, done, sku, "SubscribedSku")
    if done.get("skuId", sku["skuId"]) != sku["skuId"]:
        raise ValueError(f"{where}: the skuId of a SKU does not change")
    sku.update(done)


def _new_sku(world: World, key: str, change: Json) -> Json:
    """A SKU of Microsoft's table by its part number, or another one with the plans that are given."""
    given = change.get("skuPartNumber", "" if guid(key) else key)
    if not isinstance(given, str):
        raise ValueError(f"skuPartNumber: {given!r}, expected a text")  # noqa: TRY004 - one kind for all
    row = skus.table().get(given)
    sku_id = guid(key) or guid(str(change.get("skuId", ""))) or (row.id if row else str(uuid.uuid5(_SKUS, given)))
    if not given or (row is None and "servicePlans" not in change):
        listed = ", ".join(sorted(sku["skuPartNumber"] for sku in world.skus.values()))
        raise ValueError(
            f"no SKU {key!r}; there are: {listed}; a new one is of Microsoft's table, or has skuPartNumber and "
            "servicePlans"
        )
    if sku_id in world.skus:
        raise ValueError(f"skus[{key!r}]: there is a SKU with the id {sku_id}")
    made = skus.SkuRow(sku_id, given, given, row.plans if row else ())
    sku = skus.subscribed_sku(
        made,
        tenant=(world.tenant_id, world.initial_domain.partition(".")[0]),
        status="Enabled",
        seats=skus.Seats(),
        subscription=str(uuid.uuid5(_SKUS, sku_id)),
    )
    world.skus[sku_id] = sku
    return sku


_SKUS = uuid.UUID("6f6d1d3c-0c5e-4b8e-9d0e-3a2b8b1f6c11")


def remove_skus(world: World, changes: dict[str, Json | None]) -> None:
    """Remove SKUs without holders. Raises ValueError."""
    for key in [key for key, change in changes.items() if change is None]:
        with about(f"skus[{key!r}]"):
            sku_id = sku_of(world, key)["skuId"]
            if holders := list(_holders(world, sku_id)):
                more = f" and {len(holders) - 3} more" if len(holders) > 3 else ""
                raise ValueError(f"still has it, so it cannot be removed: {', '.join(holders[:3])}{more}")
            del world.skus[sku_id]


def _holders(world: World, sku_id: str) -> Iterator[str]:
    """Return the holders of a SKU: groups first, because their members inherit it."""
    for group in world.groups.values():
        if any(held["skuId"] == sku_id for held in group["assignedLicenses"]):
            yield f"the group {group['displayName']}"
    for user in (*world.users.values(), *world.deleted_users.values()):
        if any(state["skuId"] == sku_id for state in user["licenseAssignmentStates"]):
            yield f"the user {user.get('_name', user['userPrincipalName'])}"


def change_subscriptions(world: World, changes: dict[str, Json | None]) -> None:
    """Add, change and remove subscriptions; their SKU need not be among those of the tenant. Raises ValueError."""
    for key, change in changes.items():
        with about(f"subscriptions[{key!r}]"):
            _change_subscription(world, key, change, f"subscriptions[{key!r}]")


def _change_subscription(world: World, key: str, change: Json | None, where: str) -> None:
    known = next((item for item in world.subscriptions if item["id"] == (guid(key) or key)), None)
    if change is None:
        if known is None:
            raise ValueError(f"{where}: no such subscription")
        world.subscriptions.remove(known)
        return
    check(where, change, SUBSCRIPTION, "CompanySubscription")
    found = known or _new_subscription(world, where, key, change)
    if change.get("id", found["id"]) != found["id"]:
        raise ValueError(f"{where}: the id of a subscription does not change")
    found.update(change)
    if known is None:
        world.subscriptions.append(found)


def _new_subscription(world: World, where: str, key: str, change: Json) -> Json:
    if not guid(key):
        raise ValueError(f"{where}: no such subscription; a new one is named by a GUID")
    part_number, sku_id = change.get("skuPartNumber"), change.get("skuId")
    named_so = [item for item in world.skus.values() if part_number == item["skuPartNumber"]]
    if len(named_so) > 1 and not sku_id:
        raise ValueError(f"{where}: {len(named_so)} SKUs are called {part_number!r}; name one by its skuId")
    sku = named_so[0] if named_so else None
    row = skus.table().get(str(part_number))
    found = sku_id or (sku["skuId"] if sku else row.id if row else None)
    if not found:
        raise ValueError(f"{where}: a new one has a skuId, or the skuPartNumber of a SKU that is known")
    named = world.skus.get(str(found))
    return {
        "id": guid(key),
        "commerceSubscriptionId": str(uuid.uuid5(_SKUS, key)),
        "skuId": found,
        "skuPartNumber": part_number or (named["skuPartNumber"] if named else None),
        "status": "Enabled",
        "isTrial": False,
        "totalLicenses": 0,
        "createdDateTime": graph_time(world.now()),
        "nextLifecycleDateTime": None,
        "ownerId": None,
        "ownerTenantId": None,
        "ownerType": None,
        "serviceStatus": [],
    }
