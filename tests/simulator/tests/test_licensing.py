# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``assignLicense`` of the tenant: what it refuses, word for word, and what follows from what it does."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from tests.simulator.generate import SKUS
from tests.simulator.plan_rules import MAILBOX_PLANS
from tests.simulator.skus import table
from tests.simulator.state import Json, exchange_time
from tests.simulator.tests.direct_requests import E3, EXCHANGE_PLAN2, GRAPH, NOW, Harness
from tests.simulator.tests.refusals import held_skus, refused

YAMMER = E3.plan("YAMMER_ENTERPRISE")
TEAMS = E3.plan("TEAMS1")
PLAN1_SKU = table()["EXCHANGESTANDARD"]
NOT_ALONE = ("EXCHANGEARCHIVE_ADDON", "SHAREPOINTSTORAGE")
"""An add-on, and what belongs to the company."""
NO_SKU = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def env() -> Harness:
    return Harness()


def _off(user: Json, sku_id: str = E3.id) -> list[str]:
    found: list[str] = next(item["disabledPlans"] for item in user["assignedLicenses"] if item["skuId"] == sku_id)
    return found


def _capability(user: Json, plan_id: str) -> str | None:
    return next((plan["capabilityStatus"] for plan in user["assignedPlans"] if plan["servicePlanId"] == plan_id), None)


class TestRefusals:
    """Each refusal that is known, with its text."""

    def test_no_seats(self, env: Harness) -> None:
        user = env.user()
        env.sku("SPE_E3")["prepaidUnits"]["enabled"] = 0
        message = f"Subscription with SKU {E3.id} does not have any available licenses."
        refused(env, user, env.assign(user, ["SPE_E3"]), message)

    @pytest.mark.parametrize(
        ("status", "units", "given"), [("Warning", "warning", True), ("Suspended", "suspended", False)]
    )
    def test_seats_in_warning_can_be_had_and_suspended_ones_not(
        self, env: Harness, status: str, units: str, given: bool
    ) -> None:
        sku = env.sku("SPE_E3")
        sku["capabilityStatus"] = status
        sku["prepaidUnits"] = {"enabled": 0, "warning": 0, "suspended": 0, "lockedOut": 0, units: 1}
        assert (env.assign(env.user(), ["SPE_E3"]).status == 200) is given

    @pytest.mark.parametrize("location", [None, ""])
    def test_no_usage_location(self, env: Harness, location: str | None) -> None:
        user = env.user(usageLocation=location)
        message = "License assignment cannot be done for user with invalid usage location."
        refused(env, user, env.assign(user, ["SPE_E3"]), message)

    def test_a_removal_needs_no_usage_location(self, env: Harness) -> None:
        user = env.user(part_numbers=("SPE_E3",), usageLocation=None)
        assert env.assign(user, remove=["SPE_E3"]).status == 200

    @pytest.mark.parametrize("part_number", [name for name in SKUS if name not in NOT_ALONE])
    def test_what_is_sold_alone_depends_on_nothing_else(self, env: Harness, part_number: str) -> None:
        sku = env.sku(part_number)
        sku["capabilityStatus"], sku["prepaidUnits"]["enabled"] = "Enabled", 100_000
        assert env.assign(env.user(), [part_number]).status == 200

    @pytest.mark.parametrize("remove", [False, True])
    def test_an_unknown_sku(self, env: Harness, remove: bool) -> None:
        user = env.user()
        entry = {"skuId": NO_SKU, "disabledPlans": []}
        answer = env.assign(user, remove=[NO_SKU]) if remove else env.assign(user, [entry])
        refused(env, user, answer, f"License {NO_SKU} does not correspond to a valid company License.")

    def test_a_sku_of_the_company(self, env: Harness) -> None:
        user = env.user()
        sku_id = table()["SHAREPOINTSTORAGE"].id
        message = f"License {sku_id} cannot be assigned to a user."
        refused(env, user, env.assign(user, ["SHAREPOINTSTORAGE"]), message)

    def test_an_inherited_license_cannot_be_removed(self, env: Harness) -> None:
        group = next(iter(env.world.groups))
        user = env.user(states=[env.make.state("SPE_E3", group=group)])
        message = "User license is inherited from a group membership and it cannot be removed directly from the user."
        refused(env, user, env.assign(user, remove=["SPE_E3"]), message)

    def test_what_is_not_there_cannot_be_removed(self, env: Harness) -> None:
        user = env.user()
        message = "User does not have a corresponding license."
        refused(env, user, env.assign(user, remove=["SPE_E3"]), message)

    @pytest.mark.parametrize("value", ["SPE_E3", "", None, 5, "05e9a617"])
    def test_no_guid(self, env: Harness, value: Any) -> None:
        user = env.user()
        answer = env.assign(user, [{"skuId": value, "disabledPlans": []}])
        assert (answer.status, answer.code) == (400, "Request_BadRequest")
        assert answer.message.startswith("Cannot convert a primitive value to the expected type 'Edm.Guid'")

    @pytest.mark.parametrize(
        ("part_number", "plan"),
        [
            ("SPE_E3", PLAN1_SKU.plan("EXCHANGE_S_STANDARD")),
            ("POWER_BI_STANDARD", table()["POWER_BI_STANDARD"].plan("EXCHANGE_S_FOUNDATION")),
        ],
        ids=["foreign", "company"],
    )
    def test_a_plan_that_cannot_be_off(self, env: Harness, part_number: str, plan: str) -> None:
        answer = env.assign(env.user(), [{"skuId": table()[part_number].id, "disabledPlans": [plan]}])
        assert answer.code == "Request_BadRequest"

    def test_no_such_user(self, env: Harness) -> None:
        answer = env.assign({"id": NO_SKU}, ["SPE_E3"])
        assert (answer.status, answer.code) == (404, "Request_ResourceNotFound")
        assert answer.message == (
            f"Resource '{NO_SKU}' does not exist or one of its queried reference-property objects are not present."
        )

    def test_no_permission(self, env: Harness) -> None:
        user = env.user()
        body = {"addLicenses": [], "removeLicenses": [E3.id]}
        target = f"/users/{user['id']}/assignLicense"
        answer = env.ask(target, "POST", body, app=env.as_app("User.Read.All", "LicenseAssignment.Read.All"))
        assert (answer.status, answer.code) == (403, "Authorization_RequestDenied")

    @pytest.mark.parametrize("missing", ["addLicenses", "removeLicenses"])
    def test_both_keys_are_required(self, env: Harness, missing: str) -> None:
        body: dict[str, list[str]] = {"addLicenses": [], "removeLicenses": []}
        del body[missing]
        answer = env.ask(f"/users/{env.user()['id']}/assignLicense", "POST", body)
        assert answer.status == 400
        assert missing in answer.message

    def test_a_change_of_nothing_is_refused(self, env: Harness) -> None:
        answer = env.assign(env.user())
        assert (answer.status, answer.code) == (400, "Request_BadRequest")
        assert answer.message.startswith("No license changes provided.")

    def test_all_or_nothing(self, env: Harness) -> None:
        user = env.user(part_numbers=("POWER_BI_STANDARD",))
        before = dict(user)
        assert env.assign(user, ["SPE_E3"], ["EMS"]).status == 400
        assert user == before


class TestEffects:
    """What a change does, in Graph and in Exchange."""

    def test_disabled_plans_are_replaced(self, env: Harness) -> None:
        user = env.user(states=[env.make.state("SPE_E3", disabled=("YAMMER_ENTERPRISE",))])
        env.assign(user, [{"skuId": E3.id, "disabledPlans": [TEAMS]}])
        assert _off(user) == [TEAMS]
        assert (_capability(user, YAMMER), _capability(user, TEAMS)) == ("Enabled", "Deleted")
        env.assign(user, ["SPE_E3"])
        assert _off(user) == []
        assert env.sku("SPE_E3")["consumedUnits"] == 1

    def test_a_swap_is_one_call(self, env: Harness) -> None:
        user = env.user(part_numbers=("EXCHANGESTANDARD",))
        env.make.mailbox(user, "UserMailbox", sku_assigned=True)
        assert env.assign(user, ["SPE_E3"], ["EXCHANGESTANDARD"]).status == 200
        assert held_skus(user) == {E3.id}
        assert env.sku("EXCHANGESTANDARD")["consumedUnits"] == 0
        (mailbox,) = env.world.mailboxes_of(user["id"])
        assert (mailbox["SKUAssigned"], mailbox["PersistedCapabilities"]) == (True, ["BPOS_S_Enterprise"])

    def test_a_swap_within_the_last_seat(self, env: Harness) -> None:
        user, other = env.user(part_numbers=("SPE_E3",)), env.user("bert")
        env.sku("SPE_E3")["prepaidUnits"]["enabled"] = 1
        assert env.assign(other, ["SPE_E3"]).status == 400
        assert env.assign(user, remove=["SPE_E3"]).status == 200
        assert env.assign(other, ["SPE_E3"]).status == 200

    def test_plans_may_change_where_no_seat_is_left(self, env: Harness) -> None:
        user = env.user(part_numbers=("SPE_E3",))
        env.sku("SPE_E3")["prepaidUnits"]["enabled"] = 0
        assert env.assign(user, [{"skuId": E3.id, "disabledPlans": [YAMMER]}]).status == 200

    def test_direct_and_inherited_take_one_seat_and_merge(self, env: Harness) -> None:
        group = next(iter(env.world.groups))
        inherited = env.make.state("SPE_E3", group=group, disabled=("YAMMER_ENTERPRISE", "TEAMS1"))
        user = env.user(states=[inherited])
        assert _off(user) == sorted([YAMMER, TEAMS])
        env.assign(user, [{"skuId": E3.id, "disabledPlans": [YAMMER, EXCHANGE_PLAN2]}])
        assert _off(user) == [YAMMER]
        assert [state["assignedByGroup"] for state in user["licenseAssignmentStates"]] == [group, None]
        assert env.sku("SPE_E3")["consumedUnits"] == 1
        env.assign(user, remove=["SPE_E3"])
        assert _off(user) == sorted([YAMMER, TEAMS])
        assert env.sku("SPE_E3")["consumedUnits"] == 1

    def test_a_failed_inherited_license_takes_no_seat(self, env: Harness) -> None:
        group = next(iter(env.world.groups))
        user = env.user(states=[env.make.state("SPE_E3", group=group, state="Error", error="CountViolation")])
        assert user["assignedLicenses"] == []
        assert env.sku("SPE_E3")["consumedUnits"] == 0
        env.assign(user, ["SPE_E3"])
        assert env.sku("SPE_E3")["consumedUnits"] == 1
        assert [state["state"] for state in user["licenseAssignmentStates"]] == ["Error", "Active"]

    def test_entries_of_plans_stay_as_deleted(self, env: Harness) -> None:
        user = env.user(part_numbers=("SPE_E3",))
        env.assign(user, remove=["SPE_E3"])
        assert user["assignedLicenses"] == []
        assert {plan["capabilityStatus"] for plan in user["assignedPlans"]} == {"Deleted"}

    def test_a_removal_leaves_the_mailbox_flagged(self, env: Harness) -> None:
        user = env.user(part_numbers=("SPE_E3",))
        mailbox = env.make.mailbox(user, "UserMailbox", sku_assigned=True)
        env.assign(user, remove=["SPE_E3"])
        assert (mailbox["SKUAssigned"], mailbox["PersistedCapabilities"]) == (False, [])
        assert mailbox["_pending_delicense"] is None

    def test_a_license_clears_the_date_that_resiliency_set(self) -> None:
        env = Harness(delicensing_resiliency=True)
        user = env.user(part_numbers=("SPE_E3",))
        mailbox = env.make.mailbox(user, "UserMailbox", sku_assigned=True)
        env.assign(user, remove=["SPE_E3"])
        assert mailbox["_pending_delicense"][:10] == exchange_time(NOW.replace(month=7))[:10]
        env.assign(user, ["EXCHANGESTANDARD"])
        assert mailbox["_pending_delicense"] is None

    @pytest.mark.parametrize("kept", [(), ("POWER_BI_STANDARD",)])
    def test_resiliency_delays_only_the_last_mailbox_plan(self, kept: tuple[str, ...]) -> None:
        env = Harness(delicensing_resiliency=True)
        user = env.user(part_numbers=("EXCHANGESTANDARD", "SPE_E3", *kept))
        mailbox = env.make.mailbox(user, "UserMailbox", sku_assigned=True)
        env.assign(user, remove=["SPE_E3"])
        assert mailbox["_pending_delicense"] is None
        env.assign(user, remove=["EXCHANGESTANDARD"])
        assert mailbox["_pending_delicense"] is not None
        assert mailbox["_disconnected"] is None

    @pytest.mark.parametrize(
        ("days", "pending", "listed", "same"),
        [(10, 1, 1, True), (32, 1, 1, True), (35, 0, 0, True), (62, 0, 0, True), (70, 0, 0, False)],
    )
    def test_after_the_delay_the_mailbox_is_disconnected(
        self, days: int, pending: int, listed: int, same: bool
    ) -> None:
        env = Harness(delicensing_resiliency=True)
        user = env.user(part_numbers=("SPE_E3", "POWER_BI_STANDARD"))
        mailbox = env.make.mailbox(user, "UserMailbox", sku_assigned=True)
        guid, everything = mailbox["Guid"], {"ResultSize": "Unlimited"}
        others = len(env.cmdlet("Get-Mailbox", everything).value) - 1
        env.assign(user, remove=["SPE_E3"])
        env.world.set_clock(NOW + timedelta(days=days))
        if days < 60:
            assert len(env.cmdlet("Get-PendingDelicenseUser").value) == pending
            assert len(env.cmdlet("Get-Mailbox", everything).value) == others + listed
        env.assign(user, ["EXCHANGESTANDARD"])
        assert len(env.cmdlet("Get-Mailbox", everything).value) == others + 1
        (box,) = env.world.mailboxes_of(user["id"])
        assert (box["Guid"] == guid, box["_pending_delicense"], box["_disconnected"]) == (same, None, None)

    @pytest.mark.parametrize("days", [29, 31])
    def test_what_comes_after_thirty_days_is_new_and_empty(self, env: Harness, days: int) -> None:
        env.world.switches.hold_keeps_mailbox = False
        user = env.user(part_numbers=("SPE_E3",))
        old = env.make.mailbox(user, "UserMailbox", sku_assigned=True, archive=True, hold=True, bytes=5)
        env.assign(user, remove=["SPE_E3"])
        env.world.set_clock(NOW + timedelta(days=days))
        env.assign(user, ["SPE_E3"])
        (box,) = env.world.mailboxes_of(user["id"])
        same, archive = box["Guid"] == old["Guid"], bool(box["ArchiveDatabase"])
        assert (same, bool(box["_bytes"]), archive, box["LitigationHoldEnabled"]) == (days < 30,) * 4

    def test_a_hold_may_keep_it_after_the_delay_too(self) -> None:
        env = Harness(delicensing_resiliency=True)
        user = env.user(part_numbers=("SPE_E3",))
        mailbox = env.make.mailbox(user, "UserMailbox", sku_assigned=True, hold=True)
        env.assign(user, remove=["SPE_E3"])
        env.world.set_clock(NOW + timedelta(days=50))
        assert len(env.cmdlet("Get-PendingDelicenseUser").value) == 1
        assert mailbox["_disconnected"] is None

    @pytest.mark.parametrize(("part_number", "back"), [("SPE_E3", True), ("POWER_BI_STANDARD", False)])
    def test_a_mailbox_plan_revives_a_soft_deleted_mailbox(self, env: Harness, part_number: str, back: bool) -> None:
        user = env.user()
        mailbox = env.make.mailbox(user, "UserMailbox", sku_assigned=False, soft_deleted_days=5)
        env.assign(user, [part_number])
        assert (mailbox["WhenSoftDeleted"] is None) is back
        assert mailbox["SKUAssigned"] is True

    @pytest.mark.parametrize("position", ["alone", "always"])
    @pytest.mark.parametrize("licensed", [True, False])
    def test_license_brings_back_decides_about_a_second_mailbox(self, licensed: bool, position: str) -> None:
        env = Harness(license_brings_back=position)
        user = env.user(part_numbers=("SPE_E3",) if licensed else ())
        gone = env.make.mailbox(user, "UserMailbox", soft_deleted_days=5)
        if not licensed:
            env.make.mailbox(user, "SharedMailbox")
        env.assign(user, ["SPE_E5"])
        assert (gone["WhenSoftDeleted"] is None) is (position == "always")

    def test_a_license_revives_one_mailbox(self, env: Harness) -> None:
        user = env.user()
        boxes = [env.make.mailbox(user, "UserMailbox", soft_deleted_days=days) for days in (5, 6)]
        env.assign(user, ["SPE_E5"])
        assert [box["WhenSoftDeleted"] is None for box in boxes].count(True) == 1

    def test_a_license_ends_the_flag_of_the_portal(self, env: Harness) -> None:
        user = env.user(isLicenseReconciliationNeeded=True)
        env.make.mailbox(user, "UserMailbox", sku_assigned=bool(user["assignedLicenses"]))
        env.assign(user, ["SPE_E3"])
        assert user["isLicenseReconciliationNeeded"] is False

    def test_the_service_may_switch_off_one_more_plan(self) -> None:
        env = Harness(service_disables_plans=True)
        user = env.user()
        env.assign(user, [{"skuId": E3.id, "disabledPlans": [YAMMER]}])
        off = _off(user)
        assert YAMMER in off
        assert len(off) == 2
        assert EXCHANGE_PLAN2 not in off

    def test_replicas_are_late(self) -> None:
        env = Harness(replica_lag_reads=2)
        user = env.user()
        env.assign(user, ["SPE_E3"])
        target = f"/users/{user['id']}?$select=assignedLicenses"
        assert [len(env.ask(target).body["assignedLicenses"]) for _unused in range(3)] == [0, 0, 1]

    def test_license_details_lag(self, env: Harness) -> None:
        user = env.user(part_numbers=("SPE_E3",))
        env.assign(user, [{"skuId": E3.id, "disabledPlans": [YAMMER]}])

        def shown() -> str:
            (detail,) = env.ask(f"{GRAPH}/v1.0/users/{user['id']}/licenseDetails").value
            (plan,) = [plan for plan in detail["servicePlans"] if plan["servicePlanId"] == YAMMER]
            return str(plan["provisioningStatus"])

        assert [shown(), shown()] == ["Success", "Disabled"]

    @pytest.mark.parametrize("spelling", [str.upper, lambda text: "{" + text + "}"])
    def test_ids_in_any_spelling(self, env: Harness, spelling: Any) -> None:
        user = env.user()
        env.assign(user, [{"skuId": spelling(E3.id), "disabledPlans": [YAMMER.upper()]}])
        assert _off(user) == [YAMMER]


def test_seats_and_plans_stay_consistent() -> None:
    """A thousand random changes: what is served is always what a recount of the assignments gives."""
    env = Harness()
    rng = random.Random(11)
    group = next(iter(env.world.groups))
    people = [env.user(f"user{number}") for number in range(4)]
    people.append(env.user("inherits", states=[env.make.state("SPE_E3", group=group)]))
    for user in people:
        env.make.mailbox(user, "UserMailbox", sku_assigned=bool(user["assignedLicenses"]))
    parts = ["SPE_E3", "EXCHANGESTANDARD", "EXCHANGEARCHIVE_ADDON", "POWER_BI_STANDARD", "EMS"]
    statuses = set()
    for _unused in range(1000):
        user = rng.choice(people)
        add, remove = rng.sample(parts, rng.randrange(0, 3)), rng.sample(parts, rng.randrange(0, 3))
        statuses.add(env.assign(user, list(add), remove).status)
        for sku in env.world.skus.values():
            assert sku["consumedUnits"] == sum(sku["skuId"] in held_skus(one) for one in people)
        on = {plan["servicePlanId"] for plan in user["assignedPlans"] if plan["capabilityStatus"] == "Enabled"}
        (mailbox,) = env.world.mailboxes_of(user["id"])
        assert bool(mailbox["SKUAssigned"]) is bool(user["assignedLicenses"])
        assert bool(set(mailbox["PersistedCapabilities"]) - {"BPOS_S_ArchiveAddOn"}) is bool(on & MAILBOX_PLANS)
    assert statuses == {200, 400}
