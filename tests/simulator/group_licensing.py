# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Licenses of groups: a change is processed later, which licenses members or records an error.

Direct members inherit; those of a group within the group do not [licensing-group-advanced]. What a member inherits is
one decision for all SKUs of the group: where one cannot be assigned, none is [licensing-groups-resolve-problems].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.simulator import audit_log, licensing, seats
from tests.simulator.errors import bad_request, not_simulated
from tests.simulator.state import Json, World, graph_time

LOCATION, COUNT = "ProhibitedInUsageLocationViolation", "CountViolation"


@dataclass
class Work:
    """Pending processing for one member or for all. ``reads``: how many more reads see the old state."""

    group_id: str
    member: str
    due: datetime
    reads: int
    seen: int = 0


def assign(world: World, group: Json, add: Sequence[Mapping[str, Any]], remove: Sequence[str]) -> None:
    """Change the licenses of a group and schedule its processing. Raises GraphError and changes nothing."""
    added = licensing.checked_additions(world, add)
    held = {item["skuId"]: item for item in group["assignedLicenses"]}
    removed = [licensing.guid(item) for item in remove]
    for sku_id in removed:
        if sku_id in added:
            raise bad_request(f"License {sku_id} is listed in both addLicenses and removeLicenses.")
        if sku_id not in held:
            raise not_simulated("how the directory refuses to remove a license that a group does not have")
    entries = {sku_id: {"disabledPlans": sorted(off), "skuId": sku_id} for sku_id, off in added.items()}
    licenses = [item for sku_id, item in {**held, **entries}.items() if sku_id not in removed]
    # what a plan needs has to come from the same group
    world.plan_rules.check(
        licensing.granted_plans(world, held.values()),
        licensing.granted_plans(world, licenses),
        frozenset(added),
        legacy=world.switches.exchange_plans == "exclude_legacy",
        text=world.switches.refusal_text,
    )
    group["assignedLicenses"] = licenses
    enqueue(world, group["id"])
    world.touch()


def enqueue(world: World, group_id: str, member: str = "") -> None:
    """Schedule the processing of a group for one member or for all, after the delay of the switches."""
    due = world.now() + timedelta(seconds=world.switches.group_seconds)
    world.group_work.append(Work(group_id, member, due, world.switches.group_reads))


def tick(world: World, *, read: bool = False) -> None:
    """Process what is due. ``read``: before a read of Graph, which may still see the old state."""
    if not world.group_work:
        return
    now, waiting = world.now(), []
    for work in world.group_work:
        if work.reads <= 0 and work.due <= now:
            _process(world, work)
            continue
        work.reads -= read
        work.seen += read
        waiting.append(work)
    world.group_work = waiting


def state_of(world: World, group: Mapping[str, Any]) -> Json | None:
    """Return ``licenseProcessingState`` of a group; None if it never had a license."""
    work = [item for item in world.group_work if item.group_id == group["id"]]
    if work:
        return {"state": "ProcessingInProgress" if any(item.seen > 1 for item in work) else "QueuedForProcessing"}
    return {"state": "ProcessingComplete"} if group["assignedLicenses"] or group.get("_was_licensed") else None


def with_errors(world: World, group: Mapping[str, Any]) -> list[str]:
    """Return ids of members for whom the licenses of the group are in error."""
    return [
        user["id"]
        for user in world.users.values()
        if any(
            state["assignedByGroup"] == group["id"] and state["error"] not in (None, "None")
            for state in user["licenseAssignmentStates"]
        )
    ]


def reprocess(world: World, user: Json) -> None:
    """Process the licenses of all groups of a user at once. The audit log gets an entry in any case."""
    before = user["assignedLicenses"]
    sources = {state["assignedByGroup"] for state in user["licenseAssignmentStates"]} - {None}
    memberships = [group["id"] for group in world.groups.values() if user["id"] in group["_members"]]
    for group_id in dict.fromkeys([*memberships, *sorted(sources)]):
        _reconcile(world, user, group_id)
    if user["assignedLicenses"] == before:
        audit_log.note(world, user, before, before, by_group=True)


def settle(world: World, group_id: str) -> None:
    """Process a group at once, and drop its pending processing."""
    world.group_work = [work for work in world.group_work if work.group_id != group_id]
    _process(world, Work(group_id, "", world.now(), 0))


def _process(world: World, work: Work) -> None:
    group = world.groups.get(work.group_id)
    if work.member:
        concerned = [work.member]
    else:
        holders = [
            user["id"]
            for user in world.users.values()
            if any(state["assignedByGroup"] == work.group_id for state in user["licenseAssignmentStates"])
        ]
        concerned = list(dict.fromkeys([*(group["_members"] if group else ()), *holders]))
    if group is not None:
        group["_was_licensed"] = True
    for member in concerned:
        if member in world.users:
            _reconcile(world, world.users[member], work.group_id)


def _reconcile(world: World, user: Json, group_id: str) -> None:
    """Assign or remove the licenses of a group for one user."""
    group = world.groups.get(group_id)
    wanted: dict[str, list[str]] = {}
    if group is not None and user["id"] in group["_members"]:
        wanted = {item["skuId"]: sorted(item["disabledPlans"]) for item in group["assignedLicenses"]}
    old = user["licenseAssignmentStates"]
    own = [state for state in old if state["assignedByGroup"] == group_id]
    rest = [state for state in old if state["assignedByGroup"] != group_id]
    states = [*rest, *_inherited(world, user, group_id, wanted, own, rest)]
    if states == old:
        return
    held = user["assignedLicenses"]
    seats.count(world, old, states)
    world.changes.append(
        {"user_id": user["id"], "before": _by_group(own), "after": _by_group(states[len(rest) :]), "group_id": group_id}
    )
    user["licenseAssignmentStates"] = states
    licensing.reproject(world, user["id"])
    if user["assignedLicenses"] != held:
        audit_log.note(world, user, held, user["assignedLicenses"], by_group=True)


def _by_group(states: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    return {state["skuId"]: state["disabledPlans"] for state in seats.effective(states)}


def _inherited(
    world: World, user: Json, group_id: str, wanted: Mapping[str, list[str]], own: Sequence[Json], rest: Sequence[Json]
) -> list[Json]:
    """Return the states that a user inherits from a group after processing."""
    now = graph_time(world.now())
    before = {state["skuId"]: state for state in own}

    def state(sku_id: str, kind: str, error: str) -> Json:
        found = {
            "skuId": sku_id,
            "disabledPlans": wanted[sku_id],
            "assignedByGroup": group_id,
            "state": kind,
            "error": error,
            "lastUpdatedDateTime": now,
        }
        old = before.get(sku_id, {})
        return {**found, "lastUpdatedDateTime": old["lastUpdatedDateTime"]} if _same(old, found) else found

    hoped = [state(sku_id, "Active", "None") for sku_id in wanted]
    errors = {sku_id: error for sku_id in wanted if (error := _refused(world, user, sku_id, own, rest))}
    fault = "" if errors else _violation(world, [*rest, *own], [*rest, *hoped], frozenset(wanted))
    if fault and seats.effective(own):
        # what is there stays, with the error: nothing is taken from under a plan that needs it
        return [{**item, "state": "ActiveWithError", "error": fault, "lastUpdatedDateTime": now} for item in own]
    if fault:
        errors = dict.fromkeys(wanted, fault)
    if errors:
        return [state(sku_id, "Error", errors.get(sku_id, "Other")) for sku_id in wanted]
    return hoped


def _same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return all(old.get(name) == value for name, value in new.items() if name != "lastUpdatedDateTime")


def _refused(world: World, user: Json, sku_id: str, own: Sequence[Json], rest: Sequence[Json]) -> str:
    """Return why one SKU cannot be assigned regardless of plans; empty if it can."""
    location = user["usageLocation"]
    if world.plan_rules.prohibited(sku_id, location):
        return LOCATION
    if not location and world.switches.group_usage_location == "violation":
        return LOCATION
    held = {state["skuId"] for state in seats.effective([*own, *rest])}
    if sku_id not in held and not seats.has(world, sku_id):
        return COUNT
    return world.plan_rules.assignment_error(sku_id, user)


def _violation(world: World, before: Sequence[Json], after: Sequence[Json], added: frozenset[str]) -> str:
    """Return the error of plans that conflict or lack a dependency after the change; empty if they fit."""
    found = world.plan_rules.violation(
        licensing.granted_plans(world, licensing.merged_licenses(before)),
        licensing.granted_plans(world, licensing.merged_licenses(after)),
        added,
        legacy=world.switches.exchange_plans == "exclude_legacy",
    )
    return found.error if found else ""
