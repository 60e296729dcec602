# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Microsoft Graph's JSON to the values of ``_models``. Pure: no I/O, no clock.

GUIDs come in either case and states sometimes with stray blanks: both are normalised here and nowhere else. What was
asked for and is missing is an error: a user without ``licenseAssignmentStates`` is not a user without licenses.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._errors import IncompleteAnswer
from ansible_collections.m365.licensing.plugins.module_utils._models import (
    AssignedPlan,
    LicenseState,
    ServicePlan,
    Sku,
    Subscription,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._times import parse_time

USER_PROPERTIES = (
    "id",
    "userPrincipalName",
    "displayName",
    "userType",
    "accountEnabled",
    "usageLocation",
    "country",
    "department",
    "companyName",
    "jobTitle",
    "onPremisesSyncEnabled",
    "onPremisesExtensionAttributes",
    "licenseAssignmentStates",
    "assignedPlans",
)
"""What a User is made of. Without ``$select`` Graph leaves out most of these."""

USER_SELECT = ",".join(USER_PROPERTIES)


def user_from(raw: Mapping[str, Any]) -> User:
    """One element of ``/users`` read with USER_SELECT. Raises IncompleteAnswer where a part of it is missing."""
    user_id = _guid(raw, "id", "user")
    where = f"user {user_id}"
    upn = raw.get("userPrincipalName")
    if not isinstance(upn, str) or not upn:
        raise _incomplete(f"{where} has no userPrincipalName")
    extensions = raw.get("onPremisesExtensionAttributes") or {}
    return User(
        id=user_id,
        user_principal_name=upn,
        display_name=_text(raw.get("displayName")) or "",
        user_type=_text(raw.get("userType")) or "Member",
        account_enabled=raw.get("accountEnabled") is not False,
        usage_location=_text(raw.get("usageLocation")),
        country=_text(raw.get("country")),
        department=_text(raw.get("department")),
        company=_text(raw.get("companyName")),
        job_title=_text(raw.get("jobTitle")),
        on_premises_sync=raw.get("onPremisesSyncEnabled") is True,
        extension_attributes={str(key): str(value) for key, value in extensions.items() if value is not None},
        license_states=tuple(_license_state(item, where) for item in _list(raw, "licenseAssignmentStates", where)),
        assigned_plans=tuple(_assigned_plan(item, where) for item in _list(raw, "assignedPlans", where)),
    )


def skus_from(raws: Iterable[Mapping[str, Any]]) -> list[Sku]:
    """``subscribedSkus``, one Sku for each skuId: a SKU that comes several times (one account each) is summed.

    The sum has the best of the states. Seats of an account whose state allows no assignment are not added to
    ``enabled`` and ``warning``, so that nobody is promised them; what is consumed counts in any state.
    """
    found: dict[str, list[Sku]] = {}
    for raw in raws:
        sku = _sku(raw)
        found.setdefault(sku.id, []).append(sku)
    return [same[0] if len(same) == 1 else _sum(same) for same in found.values()]


def subscription_from(raw: Mapping[str, Any]) -> Subscription:
    """One element of ``/directory/subscriptions``."""
    sku_id = _guid(raw, "skuId", "subscription")
    return Subscription(
        sku_id=sku_id,
        sku_part_number=_text(raw.get("skuPartNumber")) or "",
        status=_text(raw.get("status")) or "",
        total_licenses=_number(raw.get("totalLicenses")),
        is_trial=raw.get("isTrial") is True,
        next_lifecycle=_time(raw.get("nextLifecycleDateTime"), f"subscription of {sku_id}"),
    )


def _license_state(raw: Any, where: str) -> LicenseState:
    if not isinstance(raw, Mapping):
        raise _incomplete(f"{where}: an element of licenseAssignmentStates is no object")
    error = _text(raw.get("error"))
    group = _text(raw.get("assignedByGroup"))
    return LicenseState(
        sku_id=_guid(raw, "skuId", f"{where}: licenseAssignmentStates"),
        disabled_plans=frozenset(str(plan).strip().lower() for plan in raw.get("disabledPlans") or ()),
        group_id=group.lower() if group else None,
        # an assignment without a state has not been processed: it must not count as one that gives the user its plans
        state=_text(raw.get("state")) or "Unknown",
        error=None if error is None or error.casefold() == "none" else error,
        updated=_time(raw.get("lastUpdatedDateTime"), where),
    )


def _assigned_plan(raw: Any, where: str) -> AssignedPlan:
    if not isinstance(raw, Mapping):
        raise _incomplete(f"{where}: an element of assignedPlans is no object")
    plan_id = _guid(raw, "servicePlanId", f"{where}: assignedPlans")
    capability = _text(raw.get("capabilityStatus")) or ""
    service = _text(raw.get("service")) or ""
    if capability.casefold() != "deleted":
        return _plan_at_work(plan_id, capability, service)
    return AssignedPlan(plan_id, capability, service, _time(raw.get("assignedDateTime"), where))


# A tenant of 20,000 users has 800,000 of these and a few hundred different ones: users share them.
@functools.lru_cache(maxsize=4096)
def _plan_at_work(plan_id: str, capability: str, service: str) -> AssignedPlan:
    return AssignedPlan(plan_id, capability, service)


def _sku(raw: Mapping[str, Any]) -> Sku:
    sku_id = _guid(raw, "skuId", "subscribedSkus")
    units = raw.get("prepaidUnits")
    if not isinstance(units, Mapping):
        raise _incomplete(f"subscribedSkus: {sku_id} has no prepaidUnits")
    return Sku(
        id=sku_id,
        part_number=_text(raw.get("skuPartNumber")) or sku_id,
        capability_status=_text(raw.get("capabilityStatus")) or "",
        applies_to=_text(raw.get("appliesTo")) or "User",
        enabled=_number(units.get("enabled")),
        warning=_number(units.get("warning")),
        suspended=_number(units.get("suspended")),
        locked_out=_number(units.get("lockedOut")),
        consumed=_number(raw.get("consumedUnits")),
        plans=tuple(_plan(item, sku_id) for item in _list(raw, "servicePlans", f"subscribedSkus: {sku_id}")),
    )


def _plan(raw: Any, sku_id: str) -> ServicePlan:
    if not isinstance(raw, Mapping):
        raise _incomplete(f"subscribedSkus: an element of servicePlans of {sku_id} is no object")
    plan_id = _guid(raw, "servicePlanId", f"subscribedSkus: {sku_id}")
    return ServicePlan(
        id=plan_id,
        name=_text(raw.get("servicePlanName")) or plan_id,
        applies_to=_text(raw.get("appliesTo")) or "User",
        provisioning_status=_text(raw.get("provisioningStatus")) or "",
    )


def _sum(same: list[Sku]) -> Sku:
    order = ("enabled", "warning", "suspended", "lockedout", "deleted")
    ranks = {word: rank for rank, word in enumerate(order)}
    best = min(
        same, key=lambda sku: (sku.applies_to != "User", ranks.get(sku.capability_status.casefold(), len(order)))
    )
    counted = [sku for sku in same if sku.assignable] if best.assignable else same
    plans = {plan.id: plan for sku in reversed(same) for plan in sku.plans}
    return Sku(
        id=best.id,
        part_number=best.part_number,
        capability_status=best.capability_status,
        applies_to=best.applies_to,
        enabled=sum(sku.enabled for sku in counted),
        warning=sum(sku.warning for sku in counted),
        suspended=sum(sku.suspended for sku in same),
        locked_out=sum(sku.locked_out for sku in same),
        consumed=sum(sku.consumed for sku in same),
        plans=tuple(plans.values()),
    )


def _guid(raw: Mapping[str, Any], key: str, where: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _incomplete(f"{where}: {key} is missing")
    return value.strip().lower()


def _list(raw: Mapping[str, Any], key: str, where: str) -> list[Any]:
    if key not in raw:
        raise _incomplete(f"{where}: {key} was asked for and is missing")
    value = raw[key]
    if value is None:
        return []
    if not isinstance(value, list):
        raise _incomplete(f"{where}: {key} is no list")
    return value


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).strip() or None


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _time(value: Any, where: str) -> Any:
    try:
        return parse_time(value)
    except ValueError as error:
        raise _incomplete(f"{where}: {error}") from None


def _incomplete(message: str) -> IncompleteAnswer:
    return IncompleteAnswer(f"Microsoft Graph: {message}.", code="incomplete_answer", service="Microsoft Graph")
