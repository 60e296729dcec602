# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds, changes and removes users, groups and mailboxes for the control API, with all consequences."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

from tests.simulator import audit_log, group_licensing, licensing, properties, recycle_bin, seats
from tests.simulator.builders import Maker
from tests.simulator.building_checks import about, check, check_mailbox, guid, licenses_of
from tests.simulator.folding import folded
from tests.simulator.state import Json, World, exchange_time, graph_time, parse_time

Changes = dict[str, Json | None]

USER = frozenset({*properties.USER_PROPERTIES, "licenses"} - {"deletedDateTime"})
DELETED_USER = frozenset(properties.USER_PROPERTIES)
GROUP = frozenset({*properties.GROUP_PROPERTIES, "members", "licenses"} - {"licenseProcessingState"})
RECIPIENTS = (
    "UserMailbox", "SharedMailbox", "RoomMailbox", "EquipmentMailbox", "SchedulingMailbox", "DiscoveryMailbox",
    "ArbitrationMailbox", "MailUser", "GuestMailUser",
)  # fmt: skip
LOCATION = "DE"
"""The usage location of a user without a given one."""


def change(world: World, changes: dict[str, Changes]) -> None:
    """Apply users and groups, then members and licenses, then mailboxes, then removals."""
    noted = len(world.changes)
    users = [_user(world, key, wanted) for key, wanted in _there(changes["users"])]
    groups = [_group(world, key, wanted) for key, wanted in _there(changes["groups"])]
    for group, wanted, where in groups:
        with about(where):
            _members(world, group, wanted, where)
    for user, wanted, where in users:
        if "licenses" in wanted:
            with about(where):
                _license(world, user, licenses_of(world, where, wanted["licenses"]))
    boxes = {key: _mailbox(world, key, wanted) for key, wanted in _there(changes["mailboxes"])}
    for group, wanted, where in groups:
        if wanted.keys() & {"members", "licenses", "assignedLicenses"}:
            with about(where):
                group_licensing.settle(world, group["id"])
    for key, gone in changes["deleted_users"].items():
        with about(f"deleted_users[{key!r}]"):
            _delete(world, key, gone)
    _remove(world, changes)
    for key, box in boxes.items():
        _check_owner(world, key, box)
    # the log of changes tells what clients of the services did
    del world.changes[noted:]


def _remove(world: World, changes: dict[str, Changes]) -> None:
    for key in _gone(changes["mailboxes"]):
        with about(f"mailboxes[{key!r}]"):
            world.remove_mailbox(find_mailbox(world, key)["Guid"])
    for key in _gone(changes["users"]):
        with about(f"users[{key!r}]"):
            user = find_user(world, key)
            seats.count(world, user["licenseAssignmentStates"], ())
            world.remove_user(user["id"])
    for key in _gone(changes["groups"]):
        with about(f"groups[{key!r}]"):
            _remove_group(world, find_group(world, key)["id"])


def _there(changes: Changes) -> Iterator[tuple[str, Json]]:
    return ((key, wanted) for key, wanted in changes.items() if wanted is not None)


def _gone(changes: Changes) -> Iterator[str]:
    return (key for key, wanted in changes.items() if wanted is None)


def _maker(world: World, key: str) -> Maker:
    """Return a builder of new objects that makes the same one for the same key."""
    return Maker(world, random.Random(f"{world.tenant_id} {folded(key)}"), world.now())


def find_user(world: World, key: str) -> Json:
    """A user by id or userPrincipalName. Raises ValueError."""
    user = world.user(key)
    if user is None:
        raise ValueError(f"no user {key!r}")
    return user


def find_group(world: World, key: str) -> Json:
    """A group by id, or by a name that only one has. Raises ValueError."""
    found = _groups(world, key)
    if len(found) != 1:
        named = ", ".join(group["id"] for group in found)
        raise ValueError(f"{len(found)} groups are called {key!r}: {named}" if found else f"no group {key!r}")
    return found[0]


def _groups(world: World, key: str) -> list[Json]:
    return [group for group in world.groups.values() if folded(key) in (group["id"], folded(group["displayName"]))]


def find_mailbox(world: World, key: str) -> Json:
    """By Guid, or the first of a user, also of a deleted one. Raises ValueError."""
    if key in world.mailboxes:
        return world.mailboxes[key]
    boxes = world.mailboxes_of(_owner(world, key))
    if not boxes:
        raise ValueError(f"{key!r} has no mailbox")
    return boxes[0]


def _owner(world: World, key: str) -> str:
    """The id of a user, or of one in the recycle bin, by id or userPrincipalName. Raises ValueError."""
    gone = _deleted(world, key)
    return str(gone["id"] if gone else find_user(world, key)["id"])


def _deleted(world: World, key: str) -> Json | None:
    """Find a user in the recycle bin by id or former name."""
    if world.user(key) is not None:
        return None
    users = world.deleted_users.values()
    return next((user for user in users if folded(key) in (user["id"], folded(user["_name"]))), None)


def _user(world: World, key: str, wanted: Json) -> tuple[Json, Json, str]:
    where = f"users[{key!r}]"
    with about(where):
        return _change_user(world, key, wanted, where), wanted, where


def _change_user(world: World, key: str, wanted: Json, where: str) -> Json:
    check(where, wanted, USER, "User")
    user = world.user(key)
    if user is None:
        user = _new_user(world, key, wanted)
    if folded(str(wanted.get("id", user["id"]))) != user["id"]:
        raise ValueError(f"{where}: the id of a user does not change")
    name = wanted.get("userPrincipalName", user["userPrincipalName"])
    if not isinstance(name, str) or not name:
        raise ValueError(f"{where}: userPrincipalName: {name!r}, expected a text")
    if world.upn_index.get(folded(name), user["id"]) != user["id"]:
        raise ValueError(f"{where}: another user is called {name!r}")
    world.upn_index.pop(folded(user["userPrincipalName"]), None)
    user.update({name: value for name, value in wanted.items() if name not in ("licenses", "id")})
    world.upn_index[folded(user["userPrincipalName"])] = user["id"]
    return user


def _new_user(world: World, key: str, wanted: Json) -> Json:
    name = wanted.get("userPrincipalName", key if "@" in key else "")
    if not isinstance(name, str) or "@" not in name or not (guid(key) or folded(key) == folded(name)):
        raise ValueError(
            f"no user {key!r}; a new one is named by a userPrincipalName, or has one and is named by an id"
        )
    user_id = guid(key) or guid(str(wanted.get("id", "")))
    if folded(name) in world.upn_index or user_id in world.users or user_id in world.deleted_users:
        raise ValueError(f"users[{key!r}]: another user is called so")
    local = name.partition("@")[0]
    return _maker(world, key).user(
        str(wanted.get("displayName") or local),
        local,
        upn=name,
        mail=wanted.get("mail", name),
        id=user_id,
        person=False,
        user_type=wanted.get("userType", "Member"),
        usage_location=LOCATION,
        created_days=0,
    )


def _license(world: World, user: Json, wanted: Iterable[Json]) -> None:
    """Set the direct licenses of a user regardless of seats, with all consequences."""
    now = graph_time(world.now())
    old, held = user["licenseAssignmentStates"], user["assignedLicenses"]
    states = [state for state in old if state["assignedByGroup"] is not None]
    states += [{"assignedByGroup": None, "lastUpdatedDateTime": now, **entry} for entry in wanted]
    seats.count(world, old, states)
    user["licenseAssignmentStates"] = states
    licensing.reproject(world, user["id"])
    if user["assignedLicenses"] != held:
        audit_log.note(world, user, held, user["assignedLicenses"])


def _group(world: World, key: str, wanted: Json) -> tuple[Json, Json, str]:
    where = f"groups[{key!r}]"
    with about(where):
        return _change_group(world, key, wanted, where), wanted, where


def _change_group(world: World, key: str, wanted: Json, where: str) -> Json:
    check(where, wanted, GROUP, "Group")
    if _groups(world, key):
        group = find_group(world, key)
    else:
        name = wanted.get("displayName", "" if guid(key) else key)
        if not name:
            raise ValueError(f"no group {key!r}; a new one has a displayName")
        made = _maker(world, key).group(name)
        group = world.groups.pop(made)
        group["id"] = guid(key) or guid(str(wanted.get("id", ""))) or made
        world.groups[group["id"]] = group
    if folded(str(wanted.get("id", group["id"]))) != group["id"]:
        raise ValueError(f"{where}: the id of a group does not change")
    group.update({name: value for name, value in wanted.items() if name not in ("members", "licenses", "id")})
    return group


def _members(world: World, group: Json, wanted: Json, where: str) -> None:
    """Set members and licenses of a group; all references exist."""
    if "members" in wanted:
        listed = wanted["members"]
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            raise ValueError(f"{where}: members: {listed!r}, expected a list of users and groups")
        group["_members"] = list(dict.fromkeys(_member(world, where, item) for item in listed))
        if group["id"] in group["_members"]:
            raise ValueError(f"{where}: members: a group is no member of itself")
    if "licenses" in wanted:
        entries = licenses_of(world, where, wanted["licenses"], of_group=True)
        group["assignedLicenses"] = [
            {"disabledPlans": entry["disabledPlans"], "skuId": entry["skuId"]} for entry in entries
        ]
    for held in group["assignedLicenses"]:
        if held["skuId"] not in world.skus:
            raise ValueError(f"{where}: assignedLicenses: no SKU {held['skuId']!r}")


def _member(world: World, where: str, key: str) -> str:
    user = world.user(key)
    if user is not None:
        return str(user["id"])
    try:
        return str(find_group(world, key)["id"])
    except ValueError as error:
        raise ValueError(f"{where}: members: no user {key!r}, and {error}") from None


def _mailbox(world: World, key: str, wanted: Json) -> Json:
    where = f"mailboxes[{key!r}]"
    with about(where):
        return _change_mailbox(world, key, wanted, where)


def _change_mailbox(world: World, key: str, wanted: Json, where: str) -> Json:
    done = {name: _exchange_form(name, value) for name, value in wanted.items()}
    owner = done.get("ExternalDirectoryObjectId")
    if isinstance(owner, str) and "@" in owner:
        done["ExternalDirectoryObjectId"] = _owner(world, owner)
    box = _mailbox_there(world, key)
    if box is None:
        box = _new_mailbox(world, where, key, done)
    check_mailbox(where, done, box)
    if done.get("Guid", box["Guid"]) != box["Guid"]:
        raise ValueError(f"{where}: the Guid of a mailbox does not change")
    if done.get("RecipientTypeDetails", box["RecipientTypeDetails"]) not in RECIPIENTS:
        raise ValueError(f"{where}: RecipientTypeDetails: expected one of {', '.join(RECIPIENTS)}")
    world.change_mailbox(box, done)
    return box


def _mailbox_there(world: World, key: str) -> Json | None:
    """Find a mailbox; None if the key can be that of a new one."""
    if key in world.mailboxes:
        return world.mailboxes[key]
    try:
        boxes = world.mailboxes_of(_owner(world, key))
    except ValueError:
        if guid(key):
            return None
        raise
    return boxes[0] if boxes else None


def _new_mailbox(world: World, where: str, key: str, done: Json) -> Json:
    """Build a mailbox that fits the licenses of its user."""
    named = "" if not guid(key) or world.user(key) is not None else guid(key)
    if named and "ExternalDirectoryObjectId" not in done:
        raise ValueError(f"no user {key!r}, and no mailbox; a new one has an ExternalDirectoryObjectId")
    owner = str(done.get("ExternalDirectoryObjectId") if named else find_user(world, key)["id"])
    user = world.users.get(owner)
    kind = done.get("RecipientTypeDetails", "UserMailbox")
    if kind not in RECIPIENTS:
        raise ValueError(f"{where}: RecipientTypeDetails: {kind!r}, expected one of {', '.join(RECIPIENTS)}")
    never = None if world.switches.sku_assigned_unlicensed == "null" else False
    box = _maker(world, f"{key} {len(world.mailboxes)}").mailbox(
        user, kind, guid=named, owner_id=owner, created_days=0, sku_assigned=never, bytes=2**30
    )
    if user is not None:
        licensing.reproject(world, owner)
    return box


def _exchange_form(name: str, value: Any) -> Any:
    """Return a time in any format as Exchange writes it."""
    timed = name.startswith("When") or name in ("_disconnected", "_pending_delicense", "LitigationHoldDate")
    if timed and isinstance(value, str) and value.endswith("Z"):
        try:
            return exchange_time(parse_time(value))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return value


def _delete(world: World, key: str, wanted: Json | None) -> None:
    """Move a user to the recycle bin, change one in it, or delete it permanently."""
    where = f"deleted_users[{key!r}]"
    gone = _deleted(world, key)
    if wanted is None:
        if gone is None:
            raise ValueError(f"{where}: nobody of this name is in the recycle bin")
        recycle_bin.remove(world, gone["id"])
        return
    check(where, wanted, DELETED_USER, "User")
    if wanted.keys() & {"id", "userPrincipalName"}:
        raise ValueError(f"{where}: id and userPrincipalName do not change here")
    when = wanted.get("deletedDateTime")
    if gone is None:
        user_id = find_user(world, key)["id"]
        recycle_bin.delete(world, user_id, parse_time(when) if when else None)
        gone = world.deleted_users[user_id]
    gone.update({name: value for name, value in wanted.items() if value is not None or name != "deletedDateTime"})


def _remove_group(world: World, group_id: str) -> None:
    """Remove a group with its licenses and its memberships."""
    del world.groups[group_id]
    for group in world.groups.values():
        if group_id in group["_members"]:
            group["_members"] = [member for member in group["_members"] if member != group_id]
    group_licensing.settle(world, group_id)


def _check_owner(world: World, key: str, box: Json) -> None:
    """Check that only a deleted mailbox belongs to a user who does not exist."""
    owner = box["ExternalDirectoryObjectId"]
    if owner and owner not in world.users and owner not in world.deleted_users and box["WhenSoftDeleted"] is None:
        raise ValueError(f"mailboxes[{key!r}]: ExternalDirectoryObjectId: no user {owner!r}")
