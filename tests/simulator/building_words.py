# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that the control API refuses although their published type allows them.

They are words that no service says, ids that are not GUIDs, null where other parts of the tenant read a value, and
numbers below zero. The fault ``unknown_states`` is for words that nobody has seen.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from tests.simulator.published_types import Types

CAPABILITIES = ("Enabled", "Warning", "Suspended", "LockedOut", "Deleted")
STATES = ("Active", "ActiveWithError", "Disabled", "Error")
ERRORS = (
    "CountViolation", "MutuallyExclusiveViolation", "DependencyViolation", "ProhibitedInUsageLocationViolation",
    "UniquenessViolation", "Other",
)  # fmt: skip
"""Errors of an assignment of a license."""

WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "AssignedPlan": {"capabilityStatus": CAPABILITIES},
    "CompanySubscription": {"status": CAPABILITIES},
    "LicenseAssignmentState": {"state": STATES, "error": (*ERRORS, "None")},
    "ProvisionedPlan": {"capabilityStatus": CAPABILITIES},
    "ServicePlanInfo": {
        "appliesTo": ("User", "Company"),
        "provisioningStatus": (
            "Success", "Disabled", "Error", "PendingInput", "PendingActivation", "PendingProvisioning",
        ),
    },
    "SubscribedSku": {"capabilityStatus": CAPABILITIES, "appliesTo": ("User", "Company")},
    "User": {"userType": ("Member", "Guest")},
}  # fmt: skip
"""Accepted values of a property, by its published type."""
_GUIDS: Mapping[str, tuple[str, ...]] = {
    "AssignedLicense": ("skuId", "disabledPlans"),
    "AssignedPlan": ("servicePlanId",),
    "CompanySubscription": ("id", "skuId"),
    "Group": ("id",),
    "LicenseAssignmentState": ("skuId", "disabledPlans", "assignedByGroup"),
    "ServicePlanInfo": ("servicePlanId",),
    "SubscribedSku": ("skuId",),
    "User": ("id",),
}
_TOLD: Mapping[str, tuple[str, ...]] = {
    "AssignedLicense": ("skuId", "disabledPlans"),
    "AssignedPlan": ("capabilityStatus", "servicePlanId"),
    "CompanySubscription": ("skuId", "status", "totalLicenses"),
    "Group": ("assignedLicenses", "displayName"),
    "LicenseAssignmentState": ("skuId", "disabledPlans", "state"),
    "LicenseUnitsDetail": ("enabled", "warning", "suspended", "lockedOut"),
    "ProvisionedPlan": ("capabilityStatus",),
    "ServicePlanInfo": ("servicePlanId", "servicePlanName", "provisioningStatus", "appliesTo"),
    "SubscribedSku": ("skuId", "skuPartNumber", "capabilityStatus", "appliesTo", "consumedUnits", "prepaidUnits"),
}
"""Properties that are never null or empty."""


def problems(types: Types, interface: str, change: Mapping[str, Any], where: str) -> Iterator[str]:
    """Return what is wrong with the values of an object and its parts, whose kinds are right."""
    for name, value in change.items():
        here = f"{where}: {name}"
        yield from _of_value(interface, name, value, here)
        inner = re.sub(r"NullableOption<(.+)>", r"\1", types.get(interface, {}).get(name, "")).removesuffix("[]")
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and inner in types:
                yield from problems(types, inner, item, here)


def _of_value(interface: str, name: str, value: Any, where: str) -> Iterator[str]:
    if name in _TOLD.get(interface, ()) and value in (None, ""):
        yield f"{where}: {value!r}, expected a value"
    words = WORDS.get(interface, {}).get(name)
    if words and value is not None and value not in words:
        yield f"{where}: {value!r}, expected one of {', '.join(words)}"
    if name in _GUIDS.get(interface, ()):
        for item in value if isinstance(value, list) else [value]:
            if item is not None and not is_guid(item):
                yield f"{where}: {item!r}, expected a GUID"
    if isinstance(value, int) and value < 0:
        yield f"{where}: {value!r}, expected 0 or more"
    if name == "usageLocation" and value is not None and not is_country(value):
        yield f"{where}: {value!r}, expected two letters such as DE"


def is_guid(value: Any) -> bool:
    """Whether it is a GUID."""
    try:
        return isinstance(value, str) and bool(uuid.UUID(value))
    except ValueError:
        return False


def is_country(value: Any) -> bool:
    """Whether it has the form of a country code."""
    return isinstance(value, str) and re.fullmatch("[A-Za-z]{2}", value) is not None


_SIZE = re.compile(r"Unlimited|\d[\d.,]* ?[KMGT]?B \([\d,]+ bytes\)")


def mailbox_problems(change: Mapping[str, Any], where: str) -> Iterator[str]:
    """Return what is wrong with the values of a mailbox, whose kinds are right."""
    for name, value in change.items():
        here = f"{where}: {name}: {value!r}, expected"
        if name in ("Guid", "ExchangeGuid", "ArchiveGuid") and not is_guid(value):
            yield f"{here} a GUID"
        elif isinstance(value, list) and not all(isinstance(item, str) for item in value):
            yield f"{here} a list of texts"
        elif isinstance(value, int) and value < 0:
            yield f"{here} 0 or more"
        elif name == "ArchiveStatus" and value not in ("None", "Active"):
            yield f"{here} None or Active"
        elif name.endswith("Quota") and not (isinstance(value, str) and _SIZE.fullmatch(value)):
            yield f"{here} Unlimited, or a size such as 50 GB (53,687,091,200 bytes)"
        elif value is None and not _may_be_null(name):
            yield f"{here} a text"


def _may_be_null(name: str) -> bool:
    return name.startswith(("When", "_")) or name in (
        "ArchiveDatabase",
        "LitigationHoldDate",
        "MailboxPlan",
        "SKUAssigned",
    )
