# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``assignLicense``: its refusals, and its consequences in Graph and in Exchange.

``apply`` is the one way in which a direct license changes. What a user has is told by ``licenseAssignmentStates``;
``reproject`` derives from it ``assignedLicenses``, ``assignedPlans`` and the mailbox's side.
The nested lists of users are shared: they are replaced here, never changed in place.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tests.simulator import audit_log, holds, seats
from tests.simulator.errors import bad_request, not_found
from tests.simulator.plan_rules import ARCHIVE, ARCHIVE_ADDON, KIOSK, MAILBOX_PLANS, PLAN1, PLAN2, PlanRules
from tests.simulator.seats import effective
from tests.simulator.skus import table
from tests.simulator.state import Json, World, exchange_time, graph_time, new_guid, parse_time

CAPABILITIES = {
    **dict.fromkeys(PLAN2, "BPOS_S_Enterprise"),
    **dict.fromkeys(PLAN1, "BPOS_S_Standard"),
    **dict.fromkeys(KIOSK, "BPOS_S_Deskless"),
    ARCHIVE_ADDON: "BPOS_S_ArchiveAddOn",
    ARCHIVE: "BPOS_S_Archive",
}
"""PersistedCapabilities of Exchange, by plan."""

SERVICES = (
    ("EXCHANGE", "exchange"),
    ("SHAREPOINT", "SharePoint"),
    ("ONEDRIVE", "SharePoint"),
    ("TEAMS", "TeamspaceAPI"),
    ("MCO", "MicrosoftCommunicationsOnline"),
    ("YAMMER", "YammerEnterprise"),
    ("INTUNE", "SCO"),
    ("AAD_", "AADPremiumService"),
    ("RMS_", "RMSOnline"),
    ("OFFICESUBSCRIPTION", "MicrosoftOffice"),
    ("BI_", "AzureAnalysis"),
    ("PROJECTWORKMANAGEMENT", "ProjectWorkManagement"),
    ("FORMS", "OfficeForms"),
    ("STREAM", "MicrosoftStream"),
    ("FLOW", "ProcessSimple"),
    ("POWERAPPS", "PowerAppsService"),
    ("BPOS_S_TODO", "To-Do"),
    ("SWAY", "Sway"),
)
"""What ``assignedPlans[].service`` says, by a part of the plan's name; of the rest see ``service_of``."""

_BUSINESS = ("Microsoft 365 Business Basic", "Microsoft 365 Business Standard", "Microsoft 365 Business Premium")
"""Prefixes of the names of products whose mailboxes may have 100 GB."""

DELAY, OVERDUE = timedelta(days=30), timedelta(days=3)
"""With delicensing resiliency a mailbox works on for ``DELAY`` [exchange-online-delicensing-resiliency]; how much later
Exchange takes it is not documented."""
_SWEPT = "licensing.swept"

_EMPTY: Mapping[str, Any] = {
    "_bytes": 0,
    "ArchiveStatus": "None",
    "ArchiveState": "None",
    "ArchiveGuid": "00000000-0000-0000-0000-000000000000",
    "ArchiveDatabase": None,
    "LitigationHoldEnabled": False,
    "LitigationHoldDate": None,
    "InPlaceHolds": [],
    "ComplianceTagHoldApplied": False,
    "DelayHoldApplied": False,
    "DelayReleaseHoldApplied": False,
}
"""Properties that a new mailbox does not take over from the one before it."""
_RANK = ("Enabled", "Warning", "Suspended", "LockedOut", "Deleted")


def service_of(plan_name: str) -> str:
    """The ``service`` of an assigned plan, from the plan's name."""
    upper = plan_name.upper()
    return next((service for part, service in SERVICES if part in upper), "MicrosoftOffice")


def merged_licenses(states: Iterable[Mapping[str, Any]]) -> list[Json]:
    """``assignedLicenses``: a plan is off only where it is off in every assignment of the SKU."""
    disabled: dict[str, set[str]] = {}
    for state in effective(states):
        off = set(state["disabledPlans"])
        disabled[state["skuId"]] = disabled[state["skuId"]] & off if state["skuId"] in disabled else off
    return [{"skuId": sku_id, "disabledPlans": sorted(off)} for sku_id, off in disabled.items()]


def direct(states: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Disabled plans by SKU id of the direct assignments, in whatever state they are."""
    return {state["skuId"]: sorted(state["disabledPlans"]) for state in states if state["assignedByGroup"] is None}


def granted_plans(world: World, licenses: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, str, frozenset[str]]]:
    """By plan id: the best capability of the SKUs that grant it, its name, and those SKUs."""
    found: dict[str, tuple[str, str, frozenset[str]]] = {}
    for license_ in licenses:
        sku = world.skus.get(license_["skuId"])
        if sku is None:
            continue
        off = set(license_["disabledPlans"])
        status = sku["capabilityStatus"]
        for plan in sku["servicePlans"]:
            plan_id = plan["servicePlanId"]
            if plan_id in off:
                continue
            best, name, skus = found.get(plan_id, (status, plan["servicePlanName"], frozenset()))
            better = min(best, status, key=_RANK.index)
            found[plan_id] = (better, name, skus | {license_["skuId"]})
    return found


def apply(world: World, user_id: str, add: Sequence[Mapping[str, Any]], remove: Sequence[str]) -> None:
    """Change the direct licenses of a user in one step, or raise GraphError and change nothing.

    ``add``: ``{"skuId", "disabledPlans"}``; ``disabledPlans`` replaces those of a direct assignment that is there.
    """
    user = world.users.get(user_id)
    if user is None:
        raise not_found(user_id)
    added = checked_additions(world, add)
    removed = _checked_removals(world, user, remove, added)
    location = user["usageLocation"]
    if added and (not location or any(world.plan_rules.prohibited(sku_id, location) for sku_id in added)):
        raise bad_request("License assignment cannot be done for user with invalid usage location.")
    states = _next_states(world, user, added, removed)
    _check_seats(world, user, states, added)
    before = granted_plans(world, merged_licenses(user["licenseAssignmentStates"]))
    after = granted_plans(world, merged_licenses(states))
    world.plan_rules.check(
        before,
        after,
        frozenset(added),
        legacy=world.switches.exchange_plans == "exclude_legacy",
        text=world.switches.refusal_text,
    )
    seats.count(world, user["licenseAssignmentStates"], states)
    world.changes.append(
        {"user_id": user_id, "before": direct(user["licenseAssignmentStates"]), "after": direct(states)}
    )
    held = user["assignedLicenses"]
    user["licenseAssignmentStates"] = states
    reproject(world, user_id)
    audit_log.note(world, user, held, user["assignedLicenses"])


def quotas(world: World, plans: Mapping[str, tuple[str, str, frozenset[str]]]) -> Json:
    """The quotas of a mailbox whose user has these plans (of ``granted_plans``); those of Plan 1 without any."""
    usable = {plan_id: skus for plan_id, (status, _name, skus) in plans.items() if status in ("Enabled", "Warning")}
    business = {sku_id for plan_id in PLAN1 for sku_id in usable.get(plan_id, ()) if _is_business(sku_id)}
    if not usable.keys().isdisjoint(PLAN2) or (business and world.switches.business_quota == "100"):
        quota, warning = 100, 98
    elif usable.keys().isdisjoint(PLAN1) and not usable.keys().isdisjoint(KIOSK):
        quota, warning = 2, 1
    else:
        quota, warning = 50, 49
    return {"ProhibitSendReceiveQuota": _gigabytes(quota), "IssueWarningQuota": _gigabytes(warning)}


def _is_business(sku_id: str) -> bool:
    return any(row.id == sku_id and row.product_name.startswith(_BUSINESS) for row in table().values())


def _gigabytes(number: int) -> str:
    """``50 GB (53,687,091,200 bytes)``, as Exchange writes sizes."""
    return f"{number} GB ({number * 2**30:,} bytes)"


def guid(value: Any) -> str:
    """A GUID in lower case. Raises GraphError."""
    try:
        return str(uuid.UUID(value)) if isinstance(value, str) else _no_guid()
    except ValueError:
        return _no_guid()


def _no_guid() -> str:
    raise bad_request(
        "Cannot convert a primitive value to the expected type 'Edm.Guid'. See the inner exception for more details."
    )


def checked_additions(world: World, add: Sequence[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """Disabled plans by SKU id of a request's additions. Raises GraphError."""
    parsed = [(guid(item["skuId"]), [guid(plan) for plan in item.get("disabledPlans") or []]) for item in add]
    found: dict[str, frozenset[str]] = {}
    for sku_id, disabled in parsed:
        sku = world.skus.get(sku_id)
        if sku is None:
            raise bad_request(f"License {sku_id} does not correspond to a valid company License.")
        if sku["appliesTo"] != "User":
            raise bad_request(f"License {sku_id} cannot be assigned to a user.")
        plans = {plan["servicePlanId"]: plan["appliesTo"] for plan in sku["servicePlans"]}
        for plan_id in disabled:
            # That it is refused is known, and three words of the text; also of an id that reads still show.
            if plans.get(plan_id) != "User":
                raise bad_request(f"Service plan {plan_id} does not belong to the subscription with SKU {sku_id}.")
        if sku_id in found:
            raise bad_request(f"License {sku_id} is listed more than once in addLicenses.")
        found[sku_id] = frozenset(disabled)
    return found


def _checked_removals(world: World, user: Json, remove: Sequence[str], added: Mapping[str, Any]) -> frozenset[str]:
    found: set[str] = set()
    for sku_id in [guid(item) for item in remove]:
        if sku_id in added:
            raise bad_request(f"License {sku_id} is listed in both addLicenses and removeLicenses.")
        if sku_id not in world.skus:
            raise bad_request(f"License {sku_id} does not correspond to a valid company License.")
        ways = [state["assignedByGroup"] for state in user["licenseAssignmentStates"] if state["skuId"] == sku_id]
        if not ways:
            raise bad_request("User does not have a corresponding license.")
        if None not in ways:
            raise bad_request(
                "User license is inherited from a group membership and it cannot be removed directly from the user."
            )
        found.add(sku_id)
    return frozenset(found)


def _next_states(world: World, user: Json, added: Mapping[str, frozenset[str]], removed: frozenset[str]) -> list[Json]:
    """The assignments after the change. Where the switch says so, the service turns off one more plan by itself."""
    now = graph_time(world.now())
    states = [
        state
        for state in user["licenseAssignmentStates"]
        if state["assignedByGroup"] is not None or (state["skuId"] not in added and state["skuId"] not in removed)
    ]
    for sku_id, disabled in added.items():
        off = set(disabled)
        if world.switches.service_disables_plans:
            off.update(_further_plan(world.plan_rules, world.skus[sku_id], disabled))
        off.update(_retired(world, user, sku_id))
        error = world.plan_rules.assignment_error(sku_id, user)
        states.append(
            {
                "skuId": sku_id,
                "disabledPlans": sorted(off),
                "assignedByGroup": None,
                "state": "Error" if error else "Active",
                "error": error or "None",
                "lastUpdatedDateTime": now,
            }
        )
    return states


def _retired(world: World, user: Json, sku_id: str) -> set[str]:
    """The plans that the SKU no longer carries and that a read goes on showing as off, where the switch says so."""
    if world.switches.retired_plans != "shown":
        return set()
    held = direct(user["licenseAssignmentStates"]).get(sku_id, [])
    return set(held) - {plan["servicePlanId"] for plan in world.skus[sku_id]["servicePlans"]}


def _further_plan(rules: PlanRules, sku: Json, disabled: frozenset[str]) -> list[str]:
    """Return the last enabled user plan of the SKU that is no mailbox plan and no dependency of another."""
    needed = {plan for plans in rules.dependencies.values() for plan in plans}
    return [
        plan["servicePlanId"]
        for plan in sku["servicePlans"]
        if plan["appliesTo"] == "User"
        and plan["servicePlanId"] not in disabled
        and plan["servicePlanId"] not in CAPABILITIES
        and plan["servicePlanId"] not in needed
    ][-1:]


def _check_seats(world: World, user: Json, states: Sequence[Json], added: Mapping[str, Any]) -> None:
    """Count one seat of a SKU for a user with any number of assignments."""
    held = {state["skuId"] for state in effective(user["licenseAssignmentStates"])}
    for sku_id in {state["skuId"] for state in effective(states)} & set(added) - held:
        if not seats.has(world, sku_id):
            raise bad_request(f"Subscription with SKU {sku_id} does not have any available licenses.")


def reproject(world: World, user_id: str) -> None:
    """Derive from ``licenseAssignmentStates`` everything else: Graph's lists and the mailbox's side."""
    user = world.users[user_id]
    licenses = merged_licenses(user["licenseAssignmentStates"])
    plans = granted_plans(world, licenses)
    had_plan = any(
        plan["servicePlanId"] in MAILBOX_PLANS and plan["capabilityStatus"] in ("Enabled", "Warning")
        for plan in user["assignedPlans"]
    )
    user["assignedLicenses"] = licenses
    user["assignedPlans"] = _assigned_plans(world, user["assignedPlans"], plans)
    user["provisionedPlans"] = [
        {"service": plan["service"], "capabilityStatus": plan["capabilityStatus"], "provisioningStatus": "Success"}
        for plan in user["assignedPlans"]
        if plan["capabilityStatus"] != "Deleted"
    ]
    _reproject_mailboxes(world, user, licensed=bool(licenses), plans=plans, had_plan=had_plan)
    world.touch()


def _assigned_plans(
    world: World, old: Iterable[Json], plans: Mapping[str, tuple[str, str, frozenset[str]]]
) -> list[Json]:
    """Mark entries of removed plans as Deleted, with the date."""
    now = graph_time(world.now())
    result = []
    seen = set()
    for entry in old:
        plan_id = entry["servicePlanId"]
        seen.add(plan_id)
        status = plans[plan_id][0] if plan_id in plans else "Deleted"
        changed = entry["capabilityStatus"] != status
        result.append({**entry, "capabilityStatus": status, "assignedDateTime": now} if changed else entry)
    for plan_id, (status, name, _skus) in plans.items():
        if plan_id not in seen:
            result.append(
                {
                    "assignedDateTime": now,
                    "capabilityStatus": status,
                    "service": service_of(name),
                    "servicePlanId": plan_id,
                }
            )
    return result


def _reproject_mailboxes(
    world: World, user: Json, *, licensed: bool, plans: Mapping[str, tuple[str, str, frozenset[str]]], had_plan: bool
) -> None:
    usable = {plan_id for plan_id, (status, _name, _skus) in plans.items() if status in ("Enabled", "Warning")}
    covered = bool(usable & MAILBOX_PLANS)
    capabilities = sorted({CAPABILITIES[plan_id] for plan_id in usable if plan_id in CAPABILITIES})
    waiting = False
    mailboxes = world.mailboxes_of(user["id"])
    # a license connects one mailbox; content of another comes to it by New-MailboxRestoreRequest
    in_use = any(
        box["RecipientType"] == "UserMailbox" and box["WhenSoftDeleted"] is None and box["_disconnected"] is None
        for box in mailboxes
    )
    returns = world.switches.license_brings_back == "always" or not (had_plan or in_use)
    for mailbox in mailboxes:
        had_license = mailbox["SKUAssigned"] is True
        mailbox["PersistedCapabilities"] = capabilities
        if covered and world.switches.quota == "follows":
            mailbox.update(quotas(world, plans))
        if licensed or had_license:
            mailbox["SKUAssigned"] = licensed
        if covered and mailbox["_disconnected"] is not None:
            _reconnect(world, mailbox)
        if covered and returns and mailbox["WhenSoftDeleted"] is not None:
            mailbox["WhenSoftDeleted"] = None
            returns = world.switches.license_brings_back == "always"
        if covered:
            mailbox["_pending_delicense"] = None
        alive = mailbox["RecipientTypeDetails"] == "UserMailbox" and mailbox["WhenSoftDeleted"] is None
        if alive and had_plan and not plans.keys() & MAILBOX_PLANS:
            _lose(world, mailbox)
        alive = alive and mailbox["_disconnected"] is None
        waiting = waiting or (alive and not covered)
    user["isLicenseReconciliationNeeded"] = waiting and not licensed


def _lose(world: World, mailbox: Json) -> None:
    """Disconnect the mailbox after its last mailbox plan: at once, or later with delicensing resiliency."""
    if mailbox["_disconnected"] is not None:
        return
    if world.switches.delicensing_resiliency:
        mailbox["_pending_delicense"] = exchange_time(world.now() + DELAY)
    elif not holds.kept(world, mailbox):
        mailbox["_disconnected"] = exchange_time(world.now())


def sweep(world: World) -> None:
    """Disconnect mailboxes whose delay ended some days ago, by the clock of the tenant."""
    now = world.now()
    state = (len(world.mailboxes), world.clock_offset, now.replace(minute=0, second=0, microsecond=0))
    if world.scratch.get(_SWEPT) == state:
        return
    world.scratch[_SWEPT] = state
    for mailbox in [box for box in world.mailboxes.values() if box["_pending_delicense"] and not box["_disconnected"]]:
        gone = parse_time(mailbox["_pending_delicense"]) + OVERDUE
        if gone > now or holds.kept(world, mailbox):
            continue
        mailbox["_disconnected"], mailbox["_pending_delicense"] = exchange_time(gone), None
        if mailbox["ExternalDirectoryObjectId"] in world.users:
            reproject(world, mailbox["ExternalDirectoryObjectId"])


def _reconnect(world: World, mailbox: Json) -> None:
    """Restore the mailbox within 30 days; later the user gets a new, empty one."""
    now = world.now()
    if now - parse_time(mailbox["_disconnected"]) > timedelta(days=30):
        new = {"Guid": new_guid(), "ExchangeGuid": new_guid(), "WhenMailboxCreated": exchange_time(now)}
        world.remove_mailbox(mailbox["Guid"])
        world.add_mailbox({**mailbox, **_EMPTY, **new, "_disconnected": None, "SKUAssigned": True})
    mailbox["_disconnected"] = None
