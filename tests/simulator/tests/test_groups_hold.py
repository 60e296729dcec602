# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is done to groups, members, licenses and the recycle bin: seats, inheritance and mailboxes agree."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.simulator.plan_rules import MAILBOX_PLANS
from tests.simulator.skus import table
from tests.simulator.state import Json
from tests.simulator.tests.direct_requests import Harness

PARTS = ("SPE_E3", "EXCHANGESTANDARD", "EMS", "POWER_BI_STANDARD", "STANDARDPACK", "EXCHANGEARCHIVE_ADDON")
REFERENCE = "https://graph.microsoft.com/v1.0/directoryObjects/"


class Play:
    """Random requests to a tenant of six people and three groups."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.env = Harness(group_reads=0)
        world = self.env.world
        world.app.roles |= {"GroupMember.ReadWrite.All", "User.DeleteRestore.All"}
        for part in PARTS:
            units = {"enabled": self.rng.randrange(2, 6), "suspended": 0, "warning": 0, "lockedOut": 0}
            self.env.sku(part).update(capabilityStatus="Enabled", prepaidUnits=units)
        self.people = [self.env.user(f"user{number}") for number in range(6)]
        for user in self.people:
            self.env.make.mailbox(user, "UserMailbox")
        self.groups = [self.env.make.group(f"sg{number}") for number in range(3)]

    def some(self, most: int) -> list[str]:
        return self.rng.sample(PARTS, self.rng.randrange(most + 1))

    def body(self) -> Json:
        add = [{"skuId": table()[part].id, "disabledPlans": []} for part in self.some(2)]
        return {"addLicenses": add, "removeLicenses": [table()[part].id for part in self.some(1)]}

    def step(self) -> int:
        user, group = self.rng.choice(self.people)["id"], self.rng.choice(self.groups)
        requests: list[Callable[[], Any]] = [
            lambda: self.env.ask(f"/groups/{group}/assignLicense", "POST", self.body()),
            lambda: self.env.ask(f"/users/{user}/assignLicense", "POST", self.body()),
            lambda: self.env.ask(f"/groups/{group}/members/$ref", "POST", {"@odata.id": REFERENCE + user}),
            lambda: self.env.ask(f"/groups/{group}/members/{user}/$ref", "DELETE"),
            lambda: self.env.ask(f"/users/{user}/reprocessLicenseAssignment", "POST"),
            lambda: self.env.ask(f"/users/{user}", "DELETE"),
            lambda: self.env.ask(f"/directory/deletedItems/{user}/restore", "POST"),
        ]
        status: int = self.rng.choices(requests, (5, 3, 5, 3, 2, 1, 4))[0]().status
        self.env.ask("/groups?$select=id")  # what waits is processed before a read
        return status

    def check(self) -> None:
        world = self.env.world
        for sku in world.skus.values():
            holders = [
                user
                for user in world.users.values()
                if any(
                    state["skuId"] == sku["skuId"] and state["state"] in ("Active", "ActiveWithError")
                    for state in user["licenseAssignmentStates"]
                )
            ]
            assert sku["consumedUnits"] == len(holders), sku["skuPartNumber"]
        for user in world.users.values():
            self.check_inheritance(user)
            self.check_mailbox(user)

    def check_inheritance(self, user: Json) -> None:
        for group_id in self.groups:
            group = self.env.world.groups[group_id]
            member = user["id"] in group["_members"]
            wanted = {held["skuId"] for held in group["assignedLicenses"]} if member else set()
            states = [state for state in user["licenseAssignmentStates"] if state["assignedByGroup"] == group_id]
            kept = {state["skuId"] for state in states if state["state"] == "ActiveWithError"}
            # only an error may keep what the group no longer gives, or keep away what it gives
            assert {state["skuId"] for state in states} == wanted or kept

    def check_mailbox(self, user: Json) -> None:
        on = {plan["servicePlanId"] for plan in user["assignedPlans"] if plan["capabilityStatus"] == "Enabled"}
        (box,) = self.env.world.mailboxes_of(user["id"])
        assert box["WhenSoftDeleted"] is None
        if on & MAILBOX_PLANS:
            assert box["_disconnected"] is None
        assert bool(box["SKUAssigned"]) is bool(user["assignedLicenses"])


@pytest.mark.parametrize("seed", range(3))
def test_state_stays_consistent_under_random_changes(seed: int) -> None:
    play = Play(seed)
    statuses = set()
    for _unused in range(250):
        statuses.add(play.step())
        play.check()
    assert {200, 202, 204, 400, 404} <= statuses <= {200, 202, 204, 400, 404, 501}
