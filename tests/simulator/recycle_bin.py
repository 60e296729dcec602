# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleted users: 30 days in the recycle bin, the effects on mailboxes, seats and groups, and their restoration."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.simulator import group_licensing, holds, licensing, seats
from tests.simulator.errors import not_found, not_simulated
from tests.simulator.folding import folded
from tests.simulator.state import Json, World, exchange_time, graph_time, parse_time

KEPT = timedelta(days=30)
"""How long a deleted user can be restored [user: delete]."""


def delete(world: World, user_id: str, moment: datetime | None = None) -> None:
    """Move a user into the recycle bin, now or at an earlier moment.

    Its mailboxes are soft-deleted, or inactive where they are on hold. Its seats are free [delete a user].
    """
    when = moment or world.now()
    user = world.users[user_id]
    groups = [group["id"] for group in world.groups.values() if user_id in group["_members"]]
    seats.count(world, user["licenseAssignmentStates"], ())
    world.remove_user(user_id)
    gone = {**user, "deletedDateTime": graph_time(when), "_name": user["userPrincipalName"], "_groups": groups}
    # another user may take the name: the directory puts the id before it
    gone["userPrincipalName"] = f"{user_id.replace('-', '')}{user['userPrincipalName']}"
    world.deleted_users[user_id] = gone
    for mailbox in world.mailboxes_of(user_id):
        if mailbox["WhenSoftDeleted"] is None and mailbox["_disconnected"] is None:
            mailbox["WhenSoftDeleted"] = exchange_time(when)
            mailbox["IsInactiveMailbox"] = holds.on_hold(mailbox, world.organization_holds)
            mailbox["_deleted_with"] = user_id
    world.touch()


def restore(world: World, user_id: str) -> Json:
    """Restore a user with its mailboxes, groups and, if switch and seats allow it, its licenses."""
    user = find(world, user_id)
    if folded(user["_name"]) in world.upn_index:
        raise not_simulated("how the directory refuses to restore a user whose name another user has")
    del world.deleted_users[user_id]
    for mailbox in world.mailboxes_of(user_id):
        if mailbox.pop("_deleted_with", None) == user_id:
            mailbox["WhenSoftDeleted"], mailbox["IsInactiveMailbox"] = None, False
    for group_id in user["_groups"]:
        if group_id in world.groups:
            world.groups[group_id]["_members"] = [*world.groups[group_id]["_members"], user_id]
            group_licensing.enqueue(world, group_id, user_id)
    back = {name: value for name, value in user.items() if name not in ("deletedDateTime", "_name", "_groups")}
    back["userPrincipalName"] = user["_name"]
    world.add_user(back)
    _give_back(world, back)
    return back


def _give_back(world: World, user: Json) -> None:
    """The licenses of a user who returns; none of a SKU that has no seat left or is switched off.

    That licenses return is documented [user: delete]; the switch ``restored_licenses`` takes them away.
    """
    lost = world.switches.restored_licenses == "gone"
    states = [state for state in user["licenseAssignmentStates"] if not lost and seats.has(world, state["skuId"])]
    seats.count(world, (), states)
    user["licenseAssignmentStates"] = states
    licensing.reproject(world, user["id"])


def find(world: World, user_id: str) -> Json:
    """A user of the recycle bin by its id, or 404."""
    user = world.deleted_users.get(folded(user_id))
    if user is None:
        raise not_found(user_id)
    return user


def remove(world: World, user_id: str) -> None:
    """Delete a user permanently, with the mailboxes that only the recycle bin kept."""
    del world.deleted_users[find(world, user_id)["id"]]
    for mailbox in world.mailboxes_of(user_id):
        if mailbox.pop("_deleted_with", None) == user_id and not mailbox["IsInactiveMailbox"]:
            world.remove_mailbox(mailbox["Guid"])
    world.touch()


def sweep(world: World) -> None:
    """Delete users permanently after 30 days in the recycle bin, by the clock of the tenant."""
    if not world.deleted_users:
        return
    limit = world.now() - KEPT
    for user in list(world.deleted_users.values()):
        if parse_time(user["deletedDateTime"]) <= limit:
            remove(world, user["id"])
