# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants at random: people of every kind in every state, few seats, switches."""

from __future__ import annotations

import copy
import random
from typing import Any

from hypothesis import strategies as st

from tests.functional.support.assign_harness import Harness
from tests.functional.support.random_licenses import PLANS as SOME_PLANS
from tests.functional.support.random_licenses import one_way_each
from tests.simulator.builders import GB
from tests.simulator.plan_rules import MAILBOX_PLANS
from tests.simulator.skus import table
from tests.simulator.state import Json

SUSPENDED, EXPIRING = "STANDARDPACK", "ENTERPRISEPACK"
"""Off, its data still kept; and in its grace period."""
WITHOUT_RIGHTS = "M365_F1_COMM"
PLANS = {
    **SOME_PLANS,
    "EXCHANGEENTERPRISE": ["EXCHANGE_S_ENTERPRISE"],
    "EXCHANGEARCHIVE": ["EXCHANGE_S_ARCHIVE"],
    "SPE_F1": ["EXCHANGE_S_DESKLESS"],
    SUSPENDED: ["EXCHANGE_S_STANDARD"],
    EXPIRING: ["EXCHANGE_S_ENTERPRISE", "YAMMER_ENTERPRISE"],
    WITHOUT_RIGHTS: ["EXCHANGE_S_DESKLESS"],
}
"""Plans that are switched off now and then, by SKU."""
SKUS = tuple(PLANS)
COUNTRIES = {"Germany": "DE", "Austria": "AT"}
DEPARTMENTS = ("Sales", "Help Desk", None)

# people ---------------------------------------------------------------------------------------------------------

KINDS = {
    "user": "UserMailbox",
    "soft_deleted": "UserMailbox",
    "shared": "SharedMailbox",
    "room": "RoomMailbox",
    "equipment": "EquipmentMailbox",
    "mail_user": "MailUser",
    "guest": "GuestMailUser",
    "nobox": "",
}
"""Kinds of people, and what Exchange calls them; the last has no mailbox."""


@st.composite
def assignments(draw: st.DrawFn) -> Json:
    """One entry of licenseAssignmentStates."""
    sku = draw(st.sampled_from(SKUS))
    state = draw(st.sampled_from(["Active"] * 6 + ["ActiveWithError", "Error", "Disabled"]))
    return {
        "sku": sku,
        "off": draw(st.one_of(st.just([]), st.lists(st.sampled_from(PLANS[sku]), max_size=3, unique=True))),
        "group": draw(st.sampled_from([False, False, True])),
        "state": state,
        "error": draw(st.sampled_from(["CountViolation", "Other"])) if state == "Error" else "None",
    }


PERSON = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["user"] * 6 + list(KINDS)),
        "held": st.one_of(st.just([]), st.just([]), st.lists(assignments(), max_size=3).map(one_way_each)),
        "location": st.sampled_from(["DE", "FR", None]),
        "country": st.sampled_from([*COUNTRIES, None]),
        "department": st.sampled_from(DEPARTMENTS),
        "enabled": st.sampled_from([True, True, False]),
        "archive": st.sampled_from([False, False, True]),
        "hold": st.sampled_from([False, False, True]),
        "large": st.sampled_from([False, False, False, True]),
        "days": st.sampled_from([1, 20, 29, 45, 400]),
        # the license that went before, where there is none
        "removed": st.sampled_from([None, None, "SPE_E3", "EXCHANGESTANDARD"]),
        "flag_is_wrong": st.sampled_from([False, False, False, True]),
    }
)
PEOPLE = st.lists(PERSON, min_size=2, max_size=7)
SEATS = st.fixed_dictionaries(dict.fromkeys(SKUS, st.sampled_from([100, 100, 2, 1, 0])))
SWITCHES = st.fixed_dictionaries(
    {
        "archive_status": st.sampled_from(["set", "late"]),
        "delicensing_resiliency": st.booleans(),
        "sku_assigned_unlicensed": st.sampled_from(["null", "false"]),
        "invoke_paging": st.sampled_from(["nextlink", "unlimited_only"]),
        "beta_gone": st.sampled_from([False, False, False, True]),
        "page_limit": st.sampled_from([0, 0, 1, 2]),
    }
)
TENANTS = st.fixed_dictionaries({"people": PEOPLE, "seats": SEATS, "switches": SWITCHES})


def settle(env: Harness, tenant: Json) -> list[str]:
    """Make this tenant; the names of its people."""
    world = env.world
    world.switches.update(tenant["switches"])
    world.skus = dict(sorted(world.skus.items()))
    world.skus[table()[SUSPENDED].id]["capabilityStatus"] = "Suspended"
    world.skus[table()[EXPIRING].id]["capabilityStatus"] = "Warning"
    groups = {name: env.make.group(f"sg-{name}") for name in SKUS}
    names = [_person(env, f"user{number}", person, groups) for number, person in enumerate(tenant["people"])]
    for name, free in tenant["seats"].items():
        sku = world.skus[table()[name].id]
        units = {SUSPENDED: "suspended", EXPIRING: "warning"}.get(name, "enabled")
        sku["prepaidUnits"] = {"enabled": 0, "warning": 0, "suspended": 0, "lockedOut": 0}
        sku["prepaidUnits"][units] = sku["consumedUnits"] + free
    world.touch()
    return names


def _person(env: Harness, name: str, person: Json, groups: dict[str, str]) -> str:
    kind, world = person["kind"], env.world
    held = [
        env.make.state(
            item["sku"],
            disabled=item["off"],
            state=item["state"],
            error=item["error"],
            group=groups[item["sku"]] if item["group"] else None,
        )
        for item in person["held"]
    ]
    guest = kind == "guest"
    user = env.make.user(
        name.title(),
        name,
        upn=f"{name}_example.org#EXT#@contoso.example" if guest else f"{name}@contoso.example",
        user_type="Guest" if guest else "Member",
        states=held,
        removed=[person["removed"]] if person["removed"] and not held else [],
        removed_days=min(person["days"], 25),
        usage_location=person["location"],
        enabled=person["enabled"] and kind not in ("shared", "room", "equipment"),
        synced=kind == "mail_user",
    )
    user.update({"country": person["country"], "department": person["department"]})
    upn: str = user["userPrincipalName"]
    if not KINDS[kind]:
        return upn
    licensed = bool(user["assignedLicenses"])
    had = bool(person["removed"]) and not held
    never = None if world.switches.sku_assigned_unlicensed == "null" else False
    covered = any(
        plan["servicePlanId"] in MAILBOX_PLANS and plan["capabilityStatus"] in ("Enabled", "Warning")
        for plan in user["assignedPlans"]
    )
    more = {"soft_deleted_days": min(person["days"], 29)} if kind == "soft_deleted" and not covered else {}
    if had and world.switches.delicensing_resiliency and kind == "user":
        more["pending_days"] = 30 - min(person["days"], 25)
    env.make.mailbox(
        user,
        KINDS[kind],
        sku_assigned=True if licensed else False if had else never,
        archive=person["archive"],
        hold=person["hold"],
        bytes=60 * GB if person["large"] else GB,
        created_days=max(person["days"], 26 if had else 0),
        **more,
    )
    waiting = kind == "user" and not licensed and not covered
    user["isLicenseReconciliationNeeded"] = waiting is not person["flag_is_wrong"]
    return upn


# what changes nothing -------------------------------------------------------------------------------------------


def shuffle(env: Harness, seed: int) -> None:
    """Users, mailboxes, SKUs, subscriptions, groups and members in another order, and pages of another size."""
    world, rng = env.world, random.Random(seed)

    def mixed(some: dict[str, Any]) -> dict[str, Any]:
        return dict(rng.sample(list(some.items()), len(some)))

    world.users, world.mailboxes = mixed(world.users), mixed(world.mailboxes)
    world.skus, world.groups = mixed(world.skus), mixed(world.groups)
    for group in world.groups.values():
        rng.shuffle(group["_members"])
    for user in world.users.values():
        for key in ("licenseAssignmentStates", "assignedLicenses", "assignedPlans"):
            user[key] = rng.sample(user[key], len(user[key]))
    world.switches.page_limit = rng.choice([0, 1, 2, 3])
    world.touch()


# what is there --------------------------------------------------------------------------------------------------


def holdings(env: Harness) -> dict[str, Json]:
    """What each user holds by Graph's words: the times of what was not touched are part of it."""
    return {
        user["userPrincipalName"]: copy.deepcopy(
            {
                "states": sorted(
                    user["licenseAssignmentStates"], key=lambda item: (item["skuId"], item["assignedByGroup"] or "")
                ),
                "licenses": sorted(user["assignedLicenses"], key=lambda item: str(item["skuId"])),
                "plans": sorted(
                    (plan["servicePlanId"], plan["service"], plan["capabilityStatus"])
                    for plan in user["assignedPlans"]
                    # what was there for a while leaves a Deleted entry behind
                    if plan["capabilityStatus"] != "Deleted"
                ),
            }
        )
        for user in env.world.users.values()
    }


def consumed(env: Harness) -> dict[str, int]:
    """Seats taken, by part number."""
    return {sku["skuPartNumber"]: sku["consumedUnits"] for sku in env.world.skus.values()}


def written(env: Harness) -> list[Json]:
    """All writes by the server's log, in its order: user principal name, method, action and body."""
    found = []
    for entry in env.tenant.requests():
        asks = entry["path"].endswith(("/$batch", "/token")) or entry["service"] in ("exchange", "login")
        assert asks or entry["method"] == "GET", f"an unexpected write: {entry}"
        for part in entry.get("parts", ()):
            if part["method"] == "GET" or part["url"].endswith("/checkMemberGroups"):
                continue
            _root, _users, key, *action = part["url"].split("/")
            user = env.world.user(key)
            assert user is not None, part
            found.append(
                {
                    "upn": user["userPrincipalName"],
                    "method": part["method"],
                    "action": "/".join(action),
                    "body": part["body"],
                }
            )
    return found


def check_writes(writes: list[Json]) -> None:
    """One assignLicense a user: what they keep is never away for a moment. Before it, perhaps a usage location."""
    seen: dict[str, list[str]] = {}
    for item in writes:
        seen.setdefault(item["upn"], []).append(f"{item['method']} {item['action']}".strip())
        body = item["body"]
        if item["method"] == "PATCH":
            assert set(body) == {"usageLocation"}
        else:
            assert not {each["skuId"] for each in body["addLicenses"]} & set(body["removeLicenses"])
    allowed = (["PATCH"], ["POST assignLicense"], ["PATCH", "POST assignLicense"])
    assert all(some in allowed for some in seen.values()), seen
