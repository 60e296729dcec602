# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build any tenant: ``build`` applies the body of ``PATCH /state``, or changes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.simulator import building_people, building_skus, licensing, plan_rules
from tests.simulator.building_checks import objects
from tests.simulator.errors import GraphError
from tests.simulator.folding import folded
from tests.simulator.state import (
    DIRECTORY_ROLES,
    EXCHANGE_DIRECTORY_ROLES,
    EXCHANGE_ROLES,
    GRAPH_ROLES,
    MORE_ROLES,
    Json,
    World,
    parse_time,
)
from tests.simulator.switches import OF_ONE_MAILBOX

ROLES = GRAPH_ROLES | EXCHANGE_ROLES | DIRECTORY_ROLES | EXCHANGE_DIRECTORY_ROLES | MORE_ROLES
OBJECTS = ("users", "mailboxes", "groups", "skus", "subscriptions", "deleted_users")
PATCHABLE = ("empty", "now", "switches", "roles", *OBJECTS, "plan_rules", "organization_holds")
YEARS = range(2000, 2101)
"""The range of the tenant's clock, in which every time that it computes is a valid date."""


def build(world: World, body: Any) -> None:
    """Change the tenant by the keys of ``PATCHABLE``. Raises ValueError and changes nothing if one is wrong."""
    if not isinstance(body, dict):
        raise ValueError(f"{body!r}, expected an object with some of: {', '.join(PATCHABLE)}")  # noqa: TRY004
    for unknown in sorted(set(body) - set(PATCHABLE)):
        raise ValueError(f"{unknown!r}, expected an object with some of: {', '.join(PATCHABLE)}")
    now, roles, holds, empty = _now(body), _roles(body), _holds(body), _empty(body)
    changes = {name: objects(body, name) for name in OBJECTS}
    before = _Before(world, objects_too=empty or any(changes.values()))
    try:
        if empty:
            _take_everything(world)
        if now is not None:
            world.set_clock(now)
        if any(changes.values()):
            licensing.sweep(world)
        _throw(world, _object(body, "switches"))
        world.app.roles = world.app.roles if roles is None else roles
        world.organization_holds = world.organization_holds if holds is None else holds
        building_skus.change_skus(world, changes["skus"])
        building_skus.change_subscriptions(world, changes["subscriptions"])
        vars(world.plan_rules).update(plan_rules.parse(_object(body, "plan_rules"), world.skus.values()))
        building_people.change(world, changes)
        building_skus.remove_skus(world, changes["skus"])
        _check_names(world, body)
    except GraphError as error:
        before.restore()
        raise ValueError(error.message) from error
    except BaseException:
        before.restore()
        raise
    finally:
        world.touch()


def _empty(body: Json) -> bool:
    if body.get("empty", True) is not True:
        raise ValueError(f"empty: {body['empty']!r}, expected true")
    return "empty" in body


def _take_everything(world: World) -> None:
    """Remove every user, mailbox, group, SKU, subscription and policy, those of the system included."""
    people = (world.users, world.upn_index, world.deleted_users, world.mailboxes, world.mailbox_index)
    for table in (*people, world.groups, world.skus):
        table.clear()
    world.subscriptions, world.group_work, world.audits, world.changes = [], [], [], []
    world.organization_holds, world.truth = [], {}
    vars(world.plan_rules).update(assignment_errors={}, prohibited_locations={})


def _throw(world: World, switches: Json) -> None:
    """Set switches of a running tenant. Raises ValueError."""
    before = world.switches.guests_with_mailboxes
    world.switches.update(switches)
    if world.switches.guests_with_mailboxes != before:
        raise ValueError("switch guests_with_mailboxes: it is about the people of a seed, and only set at the start")


def _check_names(world: World, body: Json) -> None:
    """Check that each user whom a switch or a table names exists. Raises ValueError."""
    for name in OF_ONE_MAILBOX & body.get("switches", {}).keys():
        upn = getattr(world.switches, name)
        if upn and not any(folded(box["UserPrincipalName"]) == folded(upn) for box in world.mailboxes.values()):
            raise ValueError(f"switch {name}: no mailbox has the user principal name {upn!r}")
    unknown = plan_rules.unknown_users(world.plan_rules, world.user)
    if unknown and "assignment_errors" in body.get("plan_rules", {}):
        raise ValueError(f"plan_rules: assignment_errors: no user {unknown!r}")


class _Before:
    """The state before a change. One level is copied, because nested values are replaced and never changed."""

    def __init__(self, world: World, *, objects_too: bool) -> None:
        self.world = world
        self.clock, self.roles, self.holds = world.clock_offset, world.app.roles, world.organization_holds
        self.switches, self.rules = dict(vars(world.switches)), dict(vars(world.plan_rules))
        self.objects_too = objects_too
        if objects_too:
            self.tables = [(table, dict(table)) for table in self._tables()]
            self.items = [(item, dict(item)) for table, _copy in self.tables for item in table.values()]
            self.items += [(item, dict(item)) for item in world.subscriptions]
            self.index = {owner: list(guids) for owner, guids in world.mailbox_index.items()}
            self.names = dict(world.upn_index)
            self.subscriptions, self.work = list(world.subscriptions), list(world.group_work)
            self.audits, self.changes = list(world.audits), list(world.changes)
            self.truth = world.truth

    def _tables(self) -> list[dict[str, Json]]:
        world = self.world
        return [world.users, world.deleted_users, world.mailboxes, world.groups, world.skus]

    def restore(self) -> None:
        """Restore the state in the same objects."""
        world = self.world
        world.clock_offset, world.app.roles, world.organization_holds = self.clock, self.roles, self.holds
        vars(world.switches).update(self.switches)
        vars(world.plan_rules).update(self.rules)
        if not self.objects_too:
            return
        for now, old in (*self.tables, *self.items):
            now.clear()
            now.update(old)
        world.mailbox_index, world.upn_index = self.index, self.names
        world.subscriptions, world.group_work = self.subscriptions, self.work
        world.audits, world.changes, world.truth = self.audits, self.changes, self.truth


def _now(body: Json) -> datetime | None:
    if "now" not in body:
        return None
    try:
        found = parse_time(str(body["now"]))
    except (ValueError, IndexError) as error:
        raise ValueError(f"now: {error}") from None
    if found.year not in YEARS:
        raise ValueError(f"now: {body['now']!r}, expected a time between the years {YEARS[0]} and {YEARS[-1]}")
    return found


def _roles(body: Json) -> set[str] | None:
    if "roles" not in body:
        return None
    roles = body["roles"]
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise ValueError(f"roles: {roles!r}, expected a list of texts")
    unknown = sorted(set(roles) - ROLES)
    if unknown:
        raise ValueError(f"roles: no role {unknown[0]!r}; there are: {', '.join(sorted(ROLES))}")
    return set(roles)


def _holds(body: Json) -> list[str] | None:
    found = body.get("organization_holds")
    if found is not None and (not isinstance(found, list) or not all(isinstance(hold, str) for hold in found)):
        raise ValueError(f"organization_holds: {found!r}, expected a list of texts")
    return found


def _object(body: Json, name: str) -> Json:
    found = body.get(name, {})
    if not isinstance(found, dict):
        raise ValueError(f"{name}: {found!r}, expected an object")  # noqa: TRY004 - one kind for all
    return found
