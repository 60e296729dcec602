# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant from a seed: the same again, mixed as asked for, and at risk where its truth says so and nowhere else.

The recount below reads what the services would serve, and Microsoft's rules as they are written; it shares no code
with the generator.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.simulator.generate import generate
from tests.simulator.state import Json, World, parse_time
from tests.simulator.tests.direct_requests import NOW

PLAN2 = {"efb87545-963c-4e0d-99df-69c6916d9eb0", "8c3069c0-ccdb-44be-ab77-986203a67df2"}
LESSER = {
    "9aaf7827-d63c-4b61-89c3-182f06f82e5c",
    "e9b4930a-925f-45e2-ac2a-3f7788ca6fdd",
    "fc52cc4b-ed7d-472d-bbe7-b081c23ecc56",
    "d42bdbd6-c335-4231-ab3d-c8f348d5aff5",
    "1126bef5-da20-4f07-b45e-ad25d2581aa8",
    "4a82b400-a79f-41a4-b4e2-e94f5787b113",
    "88f4d7ef-a73b-4246-8047-516022144c9f",
    "90927877-dcff-4af6-b346-2332c0b15bb7",
}
ADDON, ARCHIVING = "176a09a6-7ec5-4039-ac02-b2791c6ba793", "da040e0a-b393-4bea-bb76-928b3fa1cf5a"
SIZES = [(0, 0), (1, 0), (12, 12), (50, 12), (200, 24), (2000, 100)]


def tenant(mailboxes: int, at_risk: int, seed: int = 1, **switches: Any) -> World:
    return generate(mailboxes, at_risk, seed, NOW, switches)


def _plans(world: World, user: Json) -> set[str]:
    """Service plans that the user's assignments give: Active, of a SKU that still runs, and not switched off."""
    found: set[str] = set()
    for state in user["licenseAssignmentStates"]:
        sku = world.skus[state["skuId"]]
        if state["state"] in ("Active", "ActiveWithError") and sku["capabilityStatus"] in ("Enabled", "Warning"):
            found |= {plan["servicePlanId"] for plan in sku["servicePlans"]} - set(state["disabledPlans"])
    return found


def _safe(mailbox: Json, plans: set[str]) -> bool:
    kind = mailbox["RecipientTypeDetails"]
    archive = mailbox["ArchiveStatus"] == "Active" if kind == "MailUser" else bool(mailbox["ArchiveDatabase"])
    hold = mailbox["LitigationHoldEnabled"]
    more = bool(plans & PLAN2) or (bool(plans & LESSER) and ADDON in plans)
    if kind == "MailUser":
        return not archive or ARCHIVING in plans or bool(plans & PLAN2)
    if kind == "UserMailbox":
        return bool(plans & (PLAN2 | LESSER)) and (more or not (archive or hold))
    if kind in ("SharedMailbox", "RoomMailbox", "EquipmentMailbox"):
        large = mailbox["_bytes"] > 50 * 2**30
        return bool(plans & PLAN2) if large else more or not (archive or hold)
    return True


def recount(world: World) -> set[str]:
    """The users who are about to lose a mailbox or an archive."""
    return {
        user["id"]
        for user in world.users.values()
        for mailbox in world.mailboxes_of(user["id"])
        if not _safe(mailbox, _plans(world, user))
    }


def planted(world: World, part: str = "at_risk") -> Iterator[str]:
    for ids in world.truth[part].values():
        yield from ids


@pytest.mark.parametrize(("mailboxes", "at_risk"), SIZES)
@pytest.mark.parametrize("seed", [1, 2, 77])
@pytest.mark.parametrize("resiliency", [False, True])
def test_truth_is_what_a_recount_finds(mailboxes: int, at_risk: int, seed: int, resiliency: bool) -> None:
    world = tenant(mailboxes, at_risk, seed, delicensing_resiliency=resiliency)
    truth = list(planted(world))
    assert len(truth) == len(set(truth)) == at_risk
    assert recount(world) == set(truth)
    others = set(planted(world, "harmless")) | set(planted(world, "warnings"))
    assert not others & set(truth)


@pytest.mark.parametrize(("mailboxes", "at_risk"), SIZES)
def test_numbers_are_as_asked_for(mailboxes: int, at_risk: int) -> None:
    world = tenant(mailboxes, at_risk)
    owned = [row for row in world.mailboxes.values() if row["ExternalDirectoryObjectId"] in world.users]
    assert sum(row["RecipientTypeDetails"] != "GuestMailUser" for row in owned) == mailboxes


def test_the_same_seed_makes_the_same_tenant() -> None:
    first, second, other = tenant(300, 30), tenant(300, 30), tenant(300, 30, seed=2)
    for name in ("users", "mailboxes", "skus", "groups", "subscriptions", "truth", "tenant_id", "app"):
        assert getattr(first, name) == getattr(second, name), name
        assert getattr(first, name) != getattr(other, name), name


@pytest.mark.parametrize("state", ["null", "false"])
def test_a_mailbox_that_never_had_a_license(state: str) -> None:
    world = tenant(100, 24, sku_assigned_unlicensed=state)
    flags = {
        world.mailboxes_of(user)[0]["SKUAssigned"]
        for kind in ("no_license_fresh", "no_license_outlived")
        for user in world.truth["at_risk"][kind]
    }
    assert flags == {None if state == "null" else False}


def test_seed_plants_every_kind_of_risk() -> None:
    world = tenant(400, 48, delicensing_resiliency=True)
    assert {kind: len(ids) for kind, ids in world.truth["at_risk"].items()} == dict.fromkeys(world.truth["at_risk"], 4)
    assert len(world.truth["at_risk"]) == 12

    def rows(kind: str) -> list[tuple[Json, Json]]:
        return [(world.users[user], world.mailboxes_of(user)[0]) for user in world.truth["at_risk"][kind]]

    day = timedelta(days=1)
    for user, box in rows("no_license_fresh"):
        assert user["licenseAssignmentStates"] == []
        assert user["isLicenseReconciliationNeeded"]
        assert NOW - 30 * day < parse_time(box["WhenMailboxCreated"]) < NOW
    assert all(parse_time(box["WhenMailboxCreated"]) < NOW - 60 * day for _unused, box in rows("no_license_outlived"))
    assert all(box["SKUAssigned"] is False for _unused, box in rows("license_removed"))
    assert all(parse_time(box["_pending_delicense"]) > NOW for _unused, box in rows("pending_delicense"))
    assert all(parse_time(box["WhenSoftDeleted"]) > NOW - 30 * day for _unused, box in rows("soft_deleted"))
    assert all(user["assignedLicenses"][0]["disabledPlans"] for user, _unused in rows("exchange_plan_disabled"))
    assert {user["licenseAssignmentStates"][0]["error"] for user, _unused in rows("license_error")} == {
        "CountViolation"
    }
    assert {
        plan["capabilityStatus"] for user, _unused in rows("license_suspended") for plan in user["assignedPlans"]
    } == {"Suspended"}
    assert {box["RecipientTypeDetails"] for _unused, box in rows("archive_without_license")} == {"MailUser"}
    assert all(box["LitigationHoldEnabled"] for _unused, box in rows("shared_hold"))


def test_the_mix_of_a_larger_tenant() -> None:
    world = tenant(2000, 100)
    kinds = [row["RecipientTypeDetails"] for row in world.mailboxes.values()]
    share = {kind: 100 * kinds.count(kind) / 2000 for kind in set(kinds)}
    assert 75 < share["UserMailbox"] < 90
    assert 5 < share["SharedMailbox"] < 12
    assert set(world.truth["harmless"]) >= {"guest", "inactive", "room", "equipment", "scheduling", "no_mailbox"}
    users = world.users.values()
    assert any("'" in user["userPrincipalName"] for user in users)
    assert any("#EXT#" in user["userPrincipalName"] for user in users)
    assert any(user["usageLocation"] is None for user in users)
    assert any(user["onPremisesSyncEnabled"] for user in users)
    ways = [{state["assignedByGroup"] is None for state in user["licenseAssignmentStates"]} for user in users]
    assert {True, False} in ways


@pytest.mark.parametrize(("mailboxes", "at_risk"), SIZES)
def test_seats_are_as_many_as_their_holders(mailboxes: int, at_risk: int) -> None:
    world = tenant(mailboxes, at_risk)
    for sku in world.skus.values():
        holders = sum(
            sku["skuId"] in {item["skuId"] for item in user["assignedLicenses"]} for user in world.users.values()
        )
        assert sku["consumedUnits"] == holders
        assert sum(sku["prepaidUnits"].values()) >= holders
    assert len({user["userPrincipalName"].casefold() for user in world.users.values()}) == len(world.users)
    for name in ("SPE_E3", "EXCHANGESTANDARD", "EXCHANGEENTERPRISE", "EXCHANGEARCHIVE"):
        (sku,) = [sku for sku in world.skus.values() if sku["skuPartNumber"] == name]
        assert sku["prepaidUnits"]["enabled"] - sku["consumedUnits"] >= at_risk


@pytest.mark.parametrize(("mailboxes", "at_risk"), [(5, 6), (-1, 0), (5, -1)])
def test_numbers_that_contradict_each_other(mailboxes: int, at_risk: int) -> None:
    with pytest.raises(ValueError, match="at risk"):
        tenant(mailboxes, at_risk)


@pytest.mark.parametrize(
    ("switch", "value"),
    [("colour", "red"), ("invoke_paging", "maybe"), ("write_quota", "-1"), ("beta_gone", "perhaps")],
)
def test_unknown_switch_or_value_is_refused(switch: str, value: str) -> None:
    with pytest.raises(ValueError, match=switch):
        generate(1, 0, 1, NOW, {switch: value})


def test_truth_holds_in_a_large_tenant() -> None:
    world = tenant(20_000, 200)
    assert recount(world) == set(planted(world))
