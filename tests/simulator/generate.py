# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generates a tenant from a seed: a realistic mix, and a known number of mailboxes and archives at risk.

The same seed, numbers, time and switches make the same tenant. ``World.truth`` says what was planted.
"""

from __future__ import annotations

import gc
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.simulator import names, skus
from tests.simulator.builders import GB, Maker, local_part
from tests.simulator.state import App, Json, World, graph_time
from tests.simulator.switches import Switches

AT_RISK_KINDS = (
    "no_license_fresh",
    "license_removed",
    "exchange_plan_disabled",
    "shared_archive",
    "no_license_outlived",
    "no_exchange_plan",
    "license_error",
    "license_suspended",
    "shared_hold",
    "archive_without_license",
    "soft_deleted",
    "pending_delicense",
)
"""The ways to be at risk, in the order in which they are dealt out. Without delicensing resiliency the last one is a
removed license."""

SKUS = ("SPE_E3", "SPE_E5", "SPB", "SPE_F1", "EXCHANGESTANDARD", "EXCHANGEENTERPRISE", "EXCHANGEARCHIVE",
        "EXCHANGEARCHIVE_ADDON", "POWER_BI_STANDARD", "M365_F1_COMM", "ENTERPRISEPACK", "STANDARDPACK", "EMS",
        "O365_w/o Teams Bundle_M3", "SHAREPOINTSTORAGE")  # fmt: skip
SUSPENDED, WARNING, FULL = "STANDARDPACK", "ENTERPRISEPACK", "SPE_F1"
"""SKUs whose subscription is disabled, ends soon, or has no free seat."""
ROOMY = frozenset({"SPE_E3", "EXCHANGESTANDARD", "EXCHANGEENTERPRISE", "EXCHANGEARCHIVE", "EXCHANGEARCHIVE_ADDON"})
"""SKUs with enough seats for every user at risk."""

# What healthy mailboxes are, and how many of a hundred.
_HEALTHY = (
    ("shared", 8.0),
    ("room", 4.0),
    ("equipment", 2.0),
    ("mail_user_archive", 0.5),
    ("mail_user_plain", 0.5),
    ("shared_archive_licensed", 0.3),
    ("shared_hold_licensed", 0.3),
    ("no_rights", 0.2),
    ("scheduling", 0.1),
)
# Licenses of people, and how many of a hundred: part numbers, or the key of a licensed group with an @.
_LICENSES = (
    (("SPE_E3",), 25),
    (("SPE_E5",), 10),
    (("@SPE_E3",), 15),
    (("@SPE_E5",), 10),
    (("SPB",), 12),
    (("EXCHANGESTANDARD",), 10),
    (("EXCHANGESTANDARD", "EXCHANGEARCHIVE_ADDON"), 2),
    (("EXCHANGEENTERPRISE", "POWER_BI_STANDARD"), 5),
    (("SPE_F1",), 5),
    (("SPE_E3", "@SPE_E3"), 1),
    ((WARNING, "EMS"), 3),
    (("O365_w/o Teams Bundle_M3",), 2),
)


def generate(
    mailboxes: int, at_risk: int, seed: int, now: datetime, switches: Mapping[str, Any] | Switches | None = None
) -> World:
    """A tenant of so many recipients (mailboxes and mail users), so many of them at risk.

    Guests, users without a mailbox, system and inactive mailboxes come on top: at most 4 % and a handful.
    Raises ValueError where the numbers contradict each other or a switch is unknown.
    """
    if mailboxes < 0 or at_risk < 0 or at_risk > mailboxes:
        raise ValueError(f"at risk: {at_risk} of {mailboxes} mailboxes; expected 0 <= at risk <= mailboxes")
    chosen = switches if isinstance(switches, Switches) else Switches()
    if isinstance(switches, Mapping):
        chosen.update(switches)
    collecting = gc.isenabled()
    gc.disable()  # Millions of small objects, none of them garbage.
    try:
        return _Generator(seed, now, chosen).run(mailboxes, at_risk)
    finally:
        if collecting:
            gc.enable()


class _Generator:
    def __init__(self, seed: int, now: datetime, switches: Switches) -> None:
        self.rng = random.Random(seed)
        self.now = now
        self.world = World(
            tenant_id="",
            domain="contoso.example",
            initial_domain="contoso.onmicrosoft.com",
            app=App(client_id="", client_secret=""),
            switches=switches,
        )
        self.make = Maker(self.world, self.rng, now)
        self.at_risk: dict[str, list[str]] = defaultdict(list)
        self.warnings: dict[str, list[str]] = defaultdict(list)
        self.harmless: dict[str, list[str]] = defaultdict(list)
        self.guests: list[str] = []
        self.number = 0
        self.licensed_groups: dict[str, str] = {}

    def run(self, mailboxes: int, at_risk: int) -> World:
        world, rng, make = self.world, self.rng, self.make
        world.tenant_id = make.guid()
        world.app.client_id = make.guid()
        world.app.client_secret = f"Tenant~{rng.getrandbits(160):040x}"
        self._skus()
        self._groups()
        plan = self._deal(mailboxes, at_risk)
        builders: dict[str, Callable[[str], None]] = dict.fromkeys(AT_RISK_KINDS, self._at_risk)
        for kind in plan:
            builders.get(kind, self._healthy)(kind)
        self._bystanders(mailboxes)
        self._nest_groups()
        self._seats(at_risk)
        world.truth = {
            "at_risk": dict(self.at_risk),
            "warnings": dict(self.warnings),
            "harmless": dict(self.harmless),
            **({"guests": self.guests} if self.guests else {}),
        }
        return world

    def _deal(self, mailboxes: int, at_risk: int) -> list[str]:
        """Return the kind of each recipient; those at risk are spread over the tenant."""
        healthy = mailboxes - at_risk
        kinds: list[str] = []
        for kind, percent in _HEALTHY:
            # A tenant of some size has at least one of each.
            kinds += [kind] * max(round(healthy * percent / 100), 1 if healthy >= 2 * len(_HEALTHY) else 0)
        kinds += ["user"] * (healthy - len(kinds))
        self.rng.shuffle(kinds)
        risky = iter([AT_RISK_KINDS[number % len(AT_RISK_KINDS)] for number in range(at_risk)])
        places = set(self.rng.sample(range(mailboxes), at_risk))
        rest = iter(kinds)
        return [next(risky) if place in places else next(rest) for place in range(mailboxes)]

    def _skus(self) -> None:
        tenant = (self.world.tenant_id, "contoso")
        for part_number in SKUS:
            row = skus.table()[part_number]
            status = {SUSPENDED: "Suspended", WARNING: "Warning"}.get(part_number, "Enabled")
            subscription = self.make.guid()
            days = {SUSPENDED: 40, WARNING: 12}.get(part_number, 200)
            self.world.skus[row.id] = skus.subscribed_sku(
                row, tenant=tenant, status=status, seats=skus.Seats(), subscription=subscription
            )
            self.world.subscriptions.append(
                {
                    "id": subscription,
                    "commerceSubscriptionId": self.make.guid(),
                    "skuId": row.id,
                    "skuPartNumber": part_number,
                    "status": status,
                    "isTrial": False,
                    "totalLicenses": 0,
                    "createdDateTime": self.make.ago(500)[0],
                    "nextLifecycleDateTime": graph_time(self.now + timedelta(days=days)),
                    "ownerId": None,
                    "ownerTenantId": None,
                    "ownerType": None,
                    "serviceStatus": [],
                }
            )

    def _groups(self) -> None:
        for part_number, name in (("SPE_E3", "sg-lic-e3"), ("SPE_E5", "sg-lic-e5"), (FULL, "sg-lic-f3")):
            self.licensed_groups[part_number] = self.make.group(name, part_number=part_number)

    def _nest_groups(self) -> None:
        """Build groups by department: nested ones, two of one name, one cycle."""
        people = [user for user in self.world.users.values() if user["employeeId"]]
        sales = [user["id"] for user in people if user["department"] == "Sales"]
        inside = [user["id"] for user in people if user["department"] == "Inside Sales"]
        inner = self.make.group("sg-inside-sales", members=inside)
        outer = self.make.group("sg-sales", members=[*sales, inner])
        everyone = self.make.group("sg-sales & friends", members=[outer])
        self.world.groups[inner]["_members"].append(everyone)
        self.make.group("sg-twice", members=sales[:3])
        self.make.group("sg-twice", members=sales[3:6])
        self.make.group("sg-empty")

    def _seats(self, at_risk: int) -> None:
        """Set the seats of each SKU above the used ones; the full SKU has no free seat."""
        for sku, subscription in zip(self.world.skus.values(), self.world.subscriptions, strict=True):
            part_number, consumed = sku["skuPartNumber"], sku["consumedUnits"]
            spare = at_risk + 25 if part_number in ROOMY else 10 + consumed // 50
            total = consumed if part_number == FULL else consumed + spare
            units = {SUSPENDED: "suspended", WARNING: "warning"}.get(part_number, "enabled")
            sku["prepaidUnits"][units] = total
            subscription["totalLicenses"] = total

    def _person(self) -> tuple[str, str]:
        self.number += 1
        number = self.number
        name = f"{self.rng.choice(names.FIRST_NAMES)} {self.rng.choice(names.LAST_NAMES)}"
        return name + names.SUFFIXES.get(number % 89, ""), local_part(name, number)

    def _thing(self, choices: tuple[str, ...]) -> tuple[str, str]:
        self.number += 1
        name = f"{choices[self.number % len(choices)]} {self.number}"
        return name, local_part(name.replace(" ", "-"), 1)

    def _where(self) -> Json:
        """Return a usage location for most users."""
        return {"usage_location": None} if self.number % 13 == 0 else {}

    def _guest(self, local: str, every: int) -> Json:
        """Return properties that make one of ``every`` users a guest with a mailbox, if the switch is on."""
        if not self.world.switches.guests_with_mailboxes or self.number % every:
            return {}
        domain = self.world.domain
        upn = f"{local}_fabrikam.example#EXT#@{self.world.initial_domain}"
        return {"user_type": "Guest", "upn": upn, "mail": f"{local}@{domain}"}

    def _address(self, user: Json, local: str) -> Json:
        """The mailbox of a guest has an address of the tenant."""
        if user["userType"] != "Guest":
            return {}
        self.guests.append(user["id"])
        return {"address": f"{local}@{self.world.domain}"}

    def _states(self, entries: tuple[str, ...]) -> list[Json]:
        states = []
        for entry in entries:
            if entry.startswith("@"):
                states.append(self.make.state(entry[1:], group=self.licensed_groups[entry[1:]]))
            else:
                # Some admin has switched a plan off: not the one of Exchange.
                off = ("YAMMER_ENTERPRISE",) if entry in ("SPE_E3", "SPE_E5") and self.number % 7 == 0 else ()
                states.append(self.make.state(entry, disabled=off))
        return states

    def _healthy(self, kind: str) -> None:
        make, rng = self.make, self.rng
        if kind == "user":
            self._licensed_person()
        elif kind == "no_rights":
            # The Kiosk plan of Microsoft 365 F1 holds the mailbox, without a right to it.
            name, local = self._person()
            user = make.user(name, local, states=[make.state("M365_F1_COMM")])
            make.mailbox(user, "UserMailbox", sku_assigned=True, bytes=GB)
            self.warnings["no_mailbox_rights"].append(user["id"])
        elif kind.startswith("mail_user"):
            name, local = self._person()
            archive = kind == "mail_user_archive"
            states = [make.state("EXCHANGEARCHIVE")] if archive else []
            user = make.user(name, local, states=states, synced=True)
            make.mailbox(user, "MailUser", archive=archive, sku_assigned=True if archive else None)
            self.harmless[kind].append(user["id"])
        elif kind == "shared_archive_licensed":
            both = rng.random() < 0.5
            parts = ("EXCHANGESTANDARD", "EXCHANGEARCHIVE_ADDON") if both else ("EXCHANGEENTERPRISE",)
            self._resource("SharedMailbox", kind, parts, archive=True)
        elif kind == "shared_hold_licensed":
            self._resource("SharedMailbox", kind, ("EXCHANGEENTERPRISE",), hold=True, bytes=60 * GB)
        else:
            details = {"shared": "Shared", "room": "Room", "equipment": "Equipment", "scheduling": "Scheduling"}[kind]
            self._resource(f"{details}Mailbox", kind, ())

    def _licensed_person(self) -> None:
        make, rng = self.make, self.rng
        name, local = self._person()
        entries = rng.choices([item for item, _unused in _LICENSES], [weight for _unused, weight in _LICENSES])[0]
        enabled = rng.random() > 0.03
        synced = rng.random() < 0.2
        more = self._where() | self._guest(local, 20)
        user = make.user(name, local, states=self._states(entries), synced=synced, enabled=enabled, **more)
        archiving = bool({"SPE_E3", "SPE_E5", "@SPE_E3", "@SPE_E5", "EXCHANGEENTERPRISE"} & set(entries))
        make.mailbox(
            user,
            "UserMailbox",
            sku_assigned=True,
            archive=(archiving and rng.random() < 0.8) or "EXCHANGEARCHIVE_ADDON" in entries,
            hold=archiving and rng.random() < 0.02,
            bytes=rng.randrange(2 * GB) if FULL in entries else rng.randrange(GB, 45 * GB),
            **self._address(user, local),
        )

    def _resource(self, details: str, kind: str, parts: tuple[str, ...], **more: Any) -> str:
        """A shared, room or equipment mailbox: its account is disabled. The id of its user."""
        make = self.make
        choices = {"Room": names.ROOM_NAMES, "Equi": names.EQUIPMENT_NAMES}.get(details[:4], names.SHARED_NAMES)
        name, local = self._thing(choices)
        location = {} if parts or self.number % 2 else {"usage_location": None}
        user = make.user(
            name, local, states=[make.state(part) for part in parts], enabled=False, person=False, **location
        )
        make.mailbox(user, details, sku_assigned=True if parts else None, **more)
        if parts or not more:
            self.harmless[kind].append(user["id"])
        user_id: str = user["id"]
        return user_id

    def _at_risk(self, kind: str) -> None:
        if kind == "pending_delicense" and not self.world.switches.delicensing_resiliency:
            kind = "license_removed"
        if kind in ("shared_archive", "shared_hold"):
            user_id = self._resource("SharedMailbox", kind, (), **{kind.removeprefix("shared_"): True})
        elif kind == "archive_without_license":
            name, local = self._person()
            user_id = self.make.user(name, local, synced=True, **self._where())["id"]
            self.make.mailbox(self.world.users[user_id], "MailUser", archive=True)
        else:
            user_id = self._person_at_risk(kind)
        self.at_risk[kind].append(user_id)

    def _person_at_risk(self, kind: str) -> str:
        make, rng = self.make, self.rng
        days = rng.randrange(1, 30)
        never = None if self.world.switches.sku_assigned_unlicensed == "null" else False
        states: list[Json] = []
        user_more: Json = {}
        box_more: Json = {"sku_assigned": True}
        if kind == "no_license_fresh":
            user_more, box_more = {"reconciliation": True}, {"sku_assigned": never, "created_days": days}
        elif kind == "no_license_outlived":
            user_more = {"reconciliation": True}
            box_more = {"sku_assigned": never, "created_days": rng.randrange(61, 500), "hold": rng.random() < 0.2}
        elif kind in ("license_removed", "pending_delicense", "soft_deleted"):
            user_more = {"removed": ("SPE_E3",), "removed_days": days}
            box_more = {"sku_assigned": False, "created_days": rng.randrange(200, 1500)}
            if kind == "pending_delicense":
                box_more["pending_days"] = 30 - days
            elif kind == "soft_deleted":
                box_more["soft_deleted_days"] = days
            else:
                box_more["disconnected_days"] = days
        elif kind == "exchange_plan_disabled":
            states = [make.state("SPE_E3", disabled=("EXCHANGE_S_ENTERPRISE",))]
        elif kind == "no_exchange_plan":
            states = [make.state("POWER_BI_STANDARD")]
        elif kind == "license_error":
            group = self.licensed_groups[FULL]
            states = [make.state(FULL, group=group, state="Error", error="CountViolation", days=days)]
            user_more, box_more = {"reconciliation": True}, {"sku_assigned": never, "created_days": days}
        elif kind == "license_suspended":
            states = [make.state(SUSPENDED)]
        else:
            raise ValueError(f"no kind {kind!r}")
        name, local = self._person()
        synced = rng.random() < 0.2
        user_more |= self._where() | self._guest(local, 3)
        user = make.user(name, local, states=states, synced=synced, **user_more)
        make.mailbox(user, "UserMailbox", bytes=rng.randrange(GB, 45 * GB), **self._address(user, local), **box_more)
        user_id: str = user["id"]
        return user_id

    def _bystanders(self, mailboxes: int) -> None:
        """Build recipients that resemble mailboxes at risk, but are not at risk."""
        make, rng = self.make, self.rng
        for _unused in range(mailboxes // 50):
            name, local = self._person()
            upn = f"{local}_fabrikam.example#EXT#@{self.world.initial_domain}"
            guest = make.user(
                name, local, upn=upn, mail=f"{local}@fabrikam.example", user_type="Guest", usage_location=None
            )
            make.mailbox(guest, "GuestMailUser", address=guest["mail"])
            self.harmless["guest"].append(guest["id"])
        for number in range(mailboxes // 100):
            name, local = self._person()
            states = [make.state("POWER_BI_STANDARD")] if number % 2 else []
            self.harmless["no_mailbox"].append(make.user(name, local, states=states, mail=None)["id"])
        for name in ("SystemMailbox{1f05a927}", "SystemMailbox{bb558c35}", "Migration.8f3e7716"):
            make.mailbox(None, "ArbitrationMailbox", display_name=name)
        make.mailbox(None, "DiscoveryMailbox", display_name="Discovery Search Mailbox")
        for number in range(1 + mailboxes // 1000):
            gone = make.mailbox(
                None, "UserMailbox", owner_id=make.guid(), hold=True, inactive=True, soft_deleted_days=100
            )
            self.harmless["inactive"].append(gone["ExternalDirectoryObjectId"])
            gone = make.mailbox(
                None,
                "UserMailbox",
                owner_id=make.guid(),
                soft_deleted_days=rng.randrange(1, 29),
                sku_assigned=number % 2 == 0,
            )
            self.harmless["soft_deleted_user_gone"].append(gone["ExternalDirectoryObjectId"])
