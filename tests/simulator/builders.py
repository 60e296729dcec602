# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds users, mailboxes and groups of the simulated tenant as JSON, one at a time.

Which there are, and which of them are at risk, is decided in ``generate.py``.
"""

from __future__ import annotations

import base64
import random
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.simulator import audit_log, licensing, names, skus
from tests.simulator.state import Json, World, exchange_time, graph_time

NO_GUID = "00000000-0000-0000-0000-000000000000"
GB = 2**30
_ALIAS = str.maketrans("äöüÄÖÜéèêáàâóòôíìîúùûñçÑÇåÅøØłŁÓÖŞşū", "aouAOUeeeaaaoooiiiuuunc" + "NCaAoOlLOOSsu")
_NO_EXTENSIONS: Json = {f"extensionAttribute{number}": None for number in range(1, 16)}


class Maker:
    """Builds directory objects and mailboxes from one random generator, so that a seed makes the same tenant again."""

    def __init__(self, world: World, rng: random.Random, now: datetime) -> None:
        self.world = world
        self.rng = rng
        self.now = now
        self._number = 0
        self._times: dict[int, tuple[str, str]] = {}
        self._projections: dict[Any, tuple[list[Json], list[Json], list[Json], list[str], Json]] = {}
        self._capabilities: dict[str, list[str]] = {}
        self._quotas: dict[str, Json] = {}
        self._extensions = [
            {**_NO_EXTENSIONS, "extensionAttribute1": text, "extensionAttribute7": "E&P"}
            for text in ("E3", "Frontline", "VIP")
        ]

    def guid(self) -> str:
        """A random GUID."""
        text = f"{self.rng.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def ago(self, days: float) -> tuple[str, str]:
        """Return a time some days ago, as Graph and as Exchange write it; rounded, so that objects share it."""
        minutes = int(days * 1440)
        found = self._times.get(minutes)
        if found is None:
            moment = self.now - timedelta(minutes=minutes)
            found = self._times[minutes] = (graph_time(moment), exchange_time(moment))
        return found

    def state(self, part_number: str, **more: Any) -> Json:
        """One of licenseAssignmentStates; ``disabled``: plan names, ``group``: id, ``state``, ``error``, ``days``."""
        row = skus.table()[part_number]
        return {
            "skuId": row.id,
            "disabledPlans": sorted(row.plan(name) for name in more.get("disabled", ())),
            "assignedByGroup": more.get("group"),
            "state": more.get("state", "Active"),
            "error": more.get("error", "None"),
            "lastUpdatedDateTime": self.ago(more.get("days", 120))[0],
        }

    def user(self, display_name: str, local: str, **more: Any) -> Json:
        """A user with its licenses.

        ``states``: licenseAssignmentStates; ``removed``: SKUs that were taken away ``removed_days`` ago.
        """
        rng = self.rng
        self._number += 1
        country, location = names.COUNTRIES[rng.randrange(len(names.COUNTRIES))]
        upn = more.get("upn") or f"{local}@{self.world.domain}"
        person = more.get("person", True)
        states: list[Json] = more.get("states") or []
        licenses, plans, provisioned, capabilities, quotas = self._project(
            states, more.get("removed", ()), more.get("removed_days", 0)
        )
        first, _mark, last = display_name.partition(" ")
        user: Json = {
            "id": more.get("id") or self.guid(),
            "userPrincipalName": upn,
            "displayName": display_name,
            "givenName": first if person else None,
            "surname": last if person else None,
            "mail": more.get("mail", upn),
            "mailNickname": local,
            "userType": more.get("user_type", "Member"),
            "accountEnabled": more.get("enabled", True),
            "usageLocation": more.get("usage_location", location),
            "country": country if person else None,
            "city": names.CITIES[country] if person else None,
            "state": None,
            "department": names.DEPARTMENTS[rng.randrange(len(names.DEPARTMENTS))] if person else None,
            "companyName": names.COMPANIES[rng.randrange(len(names.COMPANIES))] if person else None,
            "jobTitle": names.JOB_TITLES[rng.randrange(len(names.JOB_TITLES))] if person else None,
            "officeLocation": names.OFFICES[self._number % len(names.OFFICES)] if person else None,
            "employeeType": names.EMPLOYEE_TYPES[self._number // 3 % len(names.EMPLOYEE_TYPES)] if person else None,
            "mobilePhone": None,
            "businessPhones": [],
            "preferredLanguage": None,
            "employeeId": f"{self._number:06d}" if person else None,
            "createdDateTime": self.ago(more.get("created_days", 30 + rng.randrange(2000)))[0],
            "onPremisesSyncEnabled": True if more.get("synced") else None,
            "onPremisesExtensionAttributes": self._extensions[self._number % 3]
            if self._number % 9 == 0
            else _NO_EXTENSIONS,
            "proxyAddresses": [f"SMTP:{upn}"] if more.get("mail", upn) else [],
            "assignedLicenses": licenses,
            "licenseAssignmentStates": states,
            "assignedPlans": plans,
            "provisionedPlans": provisioned,
            "isLicenseReconciliationNeeded": more.get("reconciliation", False),
        }
        user |= self._origin(user)
        self.world.add_user(user)
        for entry in licenses:
            self.world.skus[entry["skuId"]]["consumedUnits"] += 1
        for state in states:
            if state["assignedByGroup"]:
                self.world.groups[state["assignedByGroup"]]["_members"].append(user["id"])
        self._capabilities[user["id"]] = capabilities
        if more.get("removed"):
            gone = [{"skuId": skus.table()[part].id, "disabledPlans": []} for part in more["removed"]]
            moment = self.now - timedelta(days=more.get("removed_days", 0))
            audit_log.note(self.world, user, [*licenses, *gone], licenses, moment=moment)
        self._quotas[user["id"]] = quotas
        return user

    def _origin(self, user: Json) -> Json:
        """Return the properties of the origin of a user: a directory on premises, or an invitation."""
        if user["userType"] == "Guest":
            return {"creationType": "Invitation", "externalUserState": "Accepted"}
        if not user["onPremisesSyncEnabled"]:
            return {}
        return {
            "onPremisesImmutableId": base64.b64encode(uuid.UUID(user["id"]).bytes_le).decode(),
            "onPremisesLastSyncDateTime": self.ago(1)[0],
            "onPremisesSamAccountName": user["mailNickname"][:20],
            "onPremisesSecurityIdentifier": f"S-1-5-21-1004336348-1177238915-682003330-{1000 + self._number}",
        }

    def mailbox(self, user: Json | None, kind: str, **more: Any) -> Json:
        """Build a mailbox (or mail user) of a user, or without one (system mailboxes, inactive ones)."""
        guid = more.get("guid") or self.guid()
        days = more.get("created_days", 30 + self.rng.randrange(1500))
        created = self.ago(days)[1]
        address = more.get("address") or (user["userPrincipalName"] if user else f"{guid}@{self.world.initial_domain}")
        archive = more.get("archive", False)
        mail_user = kind in ("MailUser", "GuestMailUser")
        late = self.world.switches.archive_status == "late"
        hold = more.get("hold", False)
        licensed = more.get("sku_assigned")
        capabilities = self._capabilities.get(user["id"], []) if user else []
        quotas = self._quotas.get(user["id"]) if user else None
        plan2 = "BPOS_S_Enterprise" in capabilities
        mailbox: Json = {
            "ExternalDirectoryObjectId": more.get("owner_id", user["id"] if user else ""),
            "UserPrincipalName": address,
            "PrimarySmtpAddress": address,
            "DisplayName": more.get("display_name") or (user["displayName"] if user else guid),
            "Name": user["id"] if user else guid,
            "Identity": user["mailNickname"] if user and self._number % 2 else guid,
            "Alias": user["mailNickname"] if user else guid,
            "DistinguishedName": f"CN={guid},OU={self.world.initial_domain},OU=Microsoft Exchange Hosted Organizations",
            "Guid": guid,
            "ExchangeGuid": NO_GUID if mail_user else self.guid(),
            "RecipientType": "MailUser" if mail_user else "UserMailbox",
            "RecipientTypeDetails": kind,
            "WhenMailboxCreated": None if mail_user else created,
            # the recipient of many a mailbox is months older
            "WhenCreated": created if mail_user or self._number % 3 else self.ago(days + 120)[1],
            "WhenSoftDeleted": self.ago(more["soft_deleted_days"])[1] if "soft_deleted_days" in more else None,
            "SKUAssigned": licensed,
            "ArchiveStatus": "Active" if archive and (mail_user or not late) else "None",
            "ArchiveState": "Local" if archive else "None",
            "ArchiveGuid": self.guid() if archive else NO_GUID,
            "ArchiveDatabase": _ARCHIVE_DATABASE if archive and not mail_user else None,
            "AutoExpandingArchiveEnabled": False,
            "LitigationHoldEnabled": hold,
            "LitigationHoldDate": self.ago(60)[1] if hold else None,
            "InPlaceHolds": [],
            "ComplianceTagHoldApplied": False,
            "DelayHoldApplied": False,
            "DelayReleaseHoldApplied": False,
            "IsInactiveMailbox": more.get("inactive", False),
            "AccountDisabled": not user["accountEnabled"] if user else True,
            "IsDirSynced": bool(user and user["onPremisesSyncEnabled"]),
            "PersistedCapabilities": capabilities,
            **(quotas or licensing.quotas(self.world, {})),
            "MailboxPlan": f"ExchangeOnlineEnterprise-{_PLAN_GUID}" if plan2 else None,
            "RetainDeletedItemsFor": "14.00:00:00",
            "EmailAddresses": [f"SMTP:{address}"],
            "_bytes": more.get("bytes", self.rng.randrange(GB, 40 * GB)),
            "_disconnected": self.ago(more["disconnected_days"])[1] if "disconnected_days" in more else None,
            "_pending_delicense": self.ago(-more["pending_days"])[1] if "pending_days" in more else None,
        }
        self.world.add_mailbox(mailbox)
        return mailbox

    def group(self, name: str, *, part_number: str | None = None, members: Sequence[str] = ()) -> str:
        """Build a security group, with or without a license; return its id."""
        group_id = self.guid()
        licenses = [{"disabledPlans": [], "skuId": skus.table()[part_number].id}] if part_number else []
        self.world.groups[group_id] = {
            "id": group_id,
            "displayName": name,
            "description": None,
            "mail": None,
            "mailNickname": group_id[:8],
            "mailEnabled": False,
            "securityEnabled": True,
            "assignedLicenses": licenses,
            "_members": list(members),
        }
        return group_id

    def _project(
        self, states: list[Json], removed: Sequence[str], removed_days: int
    ) -> tuple[list[Json], list[Json], list[Json], list[str], Json]:
        """assignedLicenses, assignedPlans, provisionedPlans, PersistedCapabilities, quotas; users alike share them."""
        key = (
            tuple((s["skuId"], tuple(s["disabledPlans"]), s["state"], s["assignedByGroup"]) for s in states),
            tuple(removed),
            removed_days,
        )
        found = self._projections.get(key)
        if found is None:
            licenses = licensing.merged_licenses(states)
            granted = licensing.granted_plans(self.world, licenses)
            moment = self.ago(120)[0]
            plans = [_plan(plan_id, name, status, moment) for plan_id, (status, name, _skus) in granted.items()]
            for part_number in removed:
                gone = self.ago(removed_days)[0]
                plans += [
                    _plan(plan.id, plan.name, "Deleted", gone)
                    for plan in skus.table()[part_number].plans
                    if plan.id not in granted
                ]
            provisioned = [
                {
                    "service": plan["service"],
                    "capabilityStatus": plan["capabilityStatus"],
                    "provisioningStatus": "Success",
                }
                for plan in plans
                if plan["capabilityStatus"] != "Deleted"
            ]
            usable = [plan for plan, (status, _name, _skus) in granted.items() if status in ("Enabled", "Warning")]
            capabilities = sorted({licensing.CAPABILITIES[plan] for plan in usable if plan in licensing.CAPABILITIES})
            quotas = licensing.quotas(self.world, granted)
            found = self._projections[key] = (licenses, plans, provisioned, capabilities, quotas)
        return found


_ARCHIVE_DATABASE = "EURPR01DG042-db017"
_PLAN_GUID = "c5f3a2de-5b1f-4a0e-9d3b-7a4d1a0e6c11"


def _plan(plan_id: str, name: str, status: str, moment: str) -> Json:
    return {
        "assignedDateTime": moment,
        "capabilityStatus": status,
        "service": licensing.service_of(name),
        "servicePlanId": plan_id,
    }


def local_part(display_name: str, number: int) -> str:
    """``anna.o'brien12``: a name as the left side of an address, with the apostrophe that Entra allows there."""
    plain = display_name.replace(" ", ".").translate(_ALIAS)
    kept = "".join(char for char in plain if char.isascii() and (char.isalnum() or char in ".-'"))
    return f"{kept}{number}" if number % 3 == 0 else f"{kept.lower()}{number}"
