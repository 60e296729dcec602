# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Microsoft Graph's JSON to the values of ``_models``. Pure: no I/O, no clock.

GUIDs come in either case and states sometimes with stray blanks: both are normalised here and nowhere else. What was
asked for and is missing is an error: a user without ``licenseAssignmentStates`` is not a user without licenses.
"""

from __future__ import annotations

import csv
import functools
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import IncompleteAnswer, incomplete_answer
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import is_guid
from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import parse_time
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    AssignedPlan,
    LicenseState,
    ServicePlan,
    Sku,
    Subscription,
    User,
    capability_rank,
)

SERVICE = "Microsoft Graph"

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
    "city",
    "officeLocation",
    "employeeType",
    "mail",
    "onPremisesSyncEnabled",
    "onPremisesExtensionAttributes",
    "licenseAssignmentStates",
    "assignedPlans",
)
"""What a User is made of. Without ``$select`` Graph leaves out most of these."""

USER_SELECT = ",".join(USER_PROPERTIES)

_SHARED_AT_MOST = 4096
_set_of = functools.lru_cache(_SHARED_AT_MOST)(frozenset[str])
"""Users share the sets of plans that are off, too; most of them are empty."""
_COLUMNS = ("User Principal Name", "Storage Used (Byte)")
_IS_DELETED = "Is Deleted"
_DIGITS_MAX = 18
"""An exabyte: Python itself refuses to read thousands of digits."""


def user_from(raw: Mapping[str, Any]) -> User:
    """One element of ``/users`` read with USER_SELECT. Raises IncompleteAnswer where a part of it is missing."""
    user_id = guid_from(raw, "id", "user")
    where = f"user {user_id}"
    upn = raw.get("userPrincipalName")
    if not isinstance(upn, str) or not upn:
        raise incomplete(f"{where} has no userPrincipalName")
    extensions = raw.get("onPremisesExtensionAttributes") or {}
    if not isinstance(extensions, Mapping):
        raise incomplete(f"{where}: onPremisesExtensionAttributes is not an object")
    return User(
        id=user_id,
        user_principal_name=upn,
        display_name=_text(raw, "displayName", where) or "",
        user_type=_word(raw, "userType", where) or "Member",
        account_enabled=raw.get("accountEnabled") is not False,
        usage_location=_word(raw, "usageLocation", where),
        country=_word(raw, "country", where),
        department=_word(raw, "department", where),
        company=_word(raw, "companyName", where),
        job_title=_word(raw, "jobTitle", where),
        city=_word(raw, "city", where),
        office=_word(raw, "officeLocation", where),
        employee_type=_word(raw, "employeeType", where),
        mail_domain=_domain(_text(raw, "mail", where)),
        on_premises_sync=raw.get("onPremisesSyncEnabled") is True,
        extension_attributes={key: text for key in extensions if (text := _text(extensions, key, where)) is not None},
        license_states=tuple(_license_state(item, where) for item in _list(raw, "licenseAssignmentStates", where)),
        assigned_plans=_assigned_plans(_list(raw, "assignedPlans", where), where),
    )


def skus_from(raws: Iterable[Mapping[str, Any]]) -> list[Sku]:
    """``subscribedSkus``, one Sku for each skuId: a SKU that comes several times (one account each) is summed.

    The sum has the best of the states. Seats of an account whose state allows no assignment are not added to
    ``enabled`` and ``warning``, so that no user is promised them. What one account has consumed beyond its seats takes
    none from another (``Sku.seats_left``).
    """
    found: dict[str, list[Sku]] = {}
    for raw in raws:
        sku = _sku(raw)
        found.setdefault(sku.id, []).append(sku)
    return [same[0] if len(same) == 1 else _sum(same) for same in found.values()]


def subscription_from(raw: Mapping[str, Any]) -> Subscription:
    """One element of ``/directory/subscriptions``."""
    sku_id = guid_from(raw, "skuId", "subscription")
    where = f"subscription of {sku_id}"
    return Subscription(
        sku_id=sku_id,
        sku_part_number=_text(raw, "skuPartNumber", where) or "",
        status=_text(raw, "status", where) or "",
        total_licenses=_number(raw.get("totalLicenses")),
        is_trial=raw.get("isTrial") is True,
        next_lifecycle=_time(raw.get("nextLifecycleDateTime"), where),
    )


class UsageRow(NamedTuple):
    """One mailbox of the usage report: up to a week old, so it informs and never decides."""

    upn: str
    storage_bytes: int | None
    """None: the report has no size of this mailbox."""
    deleted: bool = False


def usage_from(lines: Iterable[str]) -> Iterator[UsageRow]:
    """The mailbox usage report, by lines.

    A cell that is blank or not a size is None, and only affects that mailbox.
    """
    rows = csv.reader(lines)
    try:
        titles = next(rows, [])
        missing = {*_COLUMNS} - {*titles}
        if missing:
            raise incomplete(f"the mailbox usage report has no column {', '.join(sorted(missing))}")
        name, used = map(titles.index, _COLUMNS)
        deleted = titles.index(_IS_DELETED) if _IS_DELETED in titles else len(titles)
        for row in filter(None, rows):
            size = row[used].strip() if used < len(row) else ""
            stored = int(size) if size.isdecimal() and len(size) <= _DIGITS_MAX else None
            gone = deleted < len(row) and row[deleted].strip().casefold() == "true"
            yield UsageRow(row[name].strip() if name < len(row) else "", stored, gone)
    except csv.Error as error:
        raise incomplete(f"the mailbox usage report is not CSV: {error}") from None


def usage_over(over: float, lines: Iterable[str]) -> tuple[list[UsageRow], bool]:
    """The mailboxes of more than ``over`` bytes in the usage report, and whether it names anybody at all.

    Mailboxes without a size are included. Raises IncompleteAnswer where most have none.
    """
    rows, named, sized, unsized = [], False, 0, 0
    for row in usage_from(lines):
        size = row.storage_bytes
        named = named or "@" in row.upn
        if not row.deleted:
            sized, unsized = sized + (size is not None), unsized + (size is None)
        if size is None or size > over:
            rows.append(row)
    if unsized > sized:
        raise incomplete(f"the mailbox usage report has no size of {unsized} of {sized + unsized} mailboxes")
    return rows, named


def _license_state(raw: Any, where: str) -> LicenseState:
    if not isinstance(raw, Mapping):
        raise incomplete(f"{where}: an element of licenseAssignmentStates is not an object")
    error = _text(raw, "error", where)
    group = _text(raw, "assignedByGroup", where)
    return LicenseState(
        sku_id=sys.intern(_id(raw, "skuId", f"{where}: licenseAssignmentStates")),
        disabled_plans=_set_of(tuple(_plan_ids(raw.get("disabledPlans"), where))),
        group_id=sys.intern(group.lower()) if group else None,
        # an assignment without a state has not been processed: it must not count as one that gives the user its plans
        state=_word(raw, "state", where) or "Unknown",
        error=None if error is None or error.casefold() == "none" else error,
        updated=_time(raw.get("lastUpdatedDateTime"), where),
    )


# A tenant of 100,000 users has four million assigned plans, a few hundred different ones, and a few hundred different
# sets of them. Users share what is the same, so that it is read once and takes memory once.
_plans: dict[tuple[Any, Any], AssignedPlan] = {}
"""By the service's spelling of the plan's id and its capabilityStatus; no deleted plans, as these have dates."""
_sets: dict[tuple[int, ...], tuple[AssignedPlan, ...]] = {}
"""By the identities of the plans, which live as long as their entry does."""


def _assigned_plans(raws: list[Any], where: str) -> tuple[AssignedPlan, ...]:
    try:
        plans = tuple([_plans[raw["servicePlanId"], raw["capabilityStatus"]] for raw in raws])
    except (KeyError, TypeError):
        plans = tuple([_assigned_plan(raw, where) for raw in raws])
        if any(plan.assigned for plan in plans):
            return plans
    key = tuple(map(id, plans))
    found = _sets.get(key)
    if found is None:
        if len(_sets) >= _SHARED_AT_MOST:
            _sets.clear()
        found = _sets.setdefault(key, plans)
    return found


def _assigned_plan(raw: Any, where: str) -> AssignedPlan:
    if not isinstance(raw, Mapping):
        raise incomplete(f"{where}: an element of assignedPlans is not an object")
    plan_id = _id(raw, "servicePlanId", f"{where}: assignedPlans")
    capability = _text(raw, "capabilityStatus", where) or ""
    if capability.casefold() == "deleted":
        return AssignedPlan(plan_id, capability, _time(raw.get("assignedDateTime"), where))
    if len(_plans) >= _SHARED_AT_MOST:
        _plans.clear()
    plan = AssignedPlan(plan_id, capability, service=str(raw.get("service") or "").strip().casefold())
    return _plans.setdefault((raw["servicePlanId"], raw.get("capabilityStatus")), plan)


def _sku(raw: Mapping[str, Any]) -> Sku:
    sku_id = guid_from(raw, "skuId", "subscribedSkus")
    where = f"subscribedSkus: {sku_id}"
    units = raw.get("prepaidUnits")
    if not isinstance(units, Mapping):
        raise incomplete(f"{where} has no prepaidUnits")
    return Sku(
        id=sku_id,
        part_number=_text(raw, "skuPartNumber", where) or sku_id,
        capability_status=_text(raw, "capabilityStatus", where) or "",
        applies_to=_text(raw, "appliesTo", where) or "User",
        enabled=_units(units, "enabled", f"{where}: prepaidUnits"),
        warning=_units(units, "warning", f"{where}: prepaidUnits"),
        suspended=_units(units, "suspended", f"{where}: prepaidUnits"),
        # no seat of these is ever given away, and the service does not always return them
        locked_out=_units({"lockedOut": 0, **units}, "lockedOut", f"{where}: prepaidUnits"),
        consumed=_units(raw, "consumedUnits", where),
        plans=tuple(_plan(item, sku_id) for item in _list(raw, "servicePlans", where)),
    )


def _plan(raw: Any, sku_id: str) -> ServicePlan:
    if not isinstance(raw, Mapping):
        raise incomplete(f"subscribedSkus: an element of servicePlans of {sku_id} is not an object")
    where = f"subscribedSkus: {sku_id}"
    plan_id = _id(raw, "servicePlanId", where)
    return ServicePlan(
        id=plan_id,
        name=_text(raw, "servicePlanName", where) or plan_id,
        applies_to=_text(raw, "appliesTo", where) or "User",
        provisioning_status=_text(raw, "provisioningStatus", where) or "",
    )


def _sum(same: list[Sku]) -> Sku:
    best = min(same, key=lambda sku: (sku.applies_to != "User", capability_rank(sku.capability_status)))
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
        entries=tuple(same),
    )


def guid_from(raw: Any, key: str, where: str) -> str:
    """The id of an element, in lower case. Raises IncompleteAnswer where there is none."""
    text = _id(raw, key, where)
    if not is_guid(text):
        raise incomplete(f"{where}: {key} is not a GUID: {text!r}")
    return text


def _id(raw: Any, key: str, where: str) -> str:
    """The same for what is only compared with other ids."""
    value = raw.get(key) if isinstance(raw, Mapping) else None
    if not isinstance(value, str) or not value.strip():
        raise incomplete(f"{where}: {key} is missing")
    return value.strip().lower()


def _plan_ids(value: Any, where: str) -> list[str]:
    plans = [] if value is None else value
    if not isinstance(plans, list) or not all(isinstance(plan, str) for plan in plans):
        raise incomplete(f"{where}: disabledPlans is not a list of ids")
    return [plan.strip().lower() for plan in plans]


def _list(raw: Mapping[str, Any], key: str, where: str) -> list[Any]:
    if key not in raw:
        raise incomplete(f"{where}: {key} was asked for and is missing")
    value = raw[key]
    if value is None:
        return []
    if not isinstance(value, list):
        raise incomplete(f"{where}: {key} is not a list")
    return value


def _word(raw: Mapping[str, Any], key: str, where: str) -> str | None:
    """A text that many users share, and then have in memory once."""
    text = _text(raw, key, where)
    return text if text is None else sys.intern(text)


def _text(raw: Mapping[str, Any], key: str, where: str) -> str | None:
    value = raw.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise incomplete(f"{where}: {key} is not a text")
    return value.strip() or None


def _domain(address: str | None) -> str | None:
    """The address itself would be one more text for each user of a large tenant."""
    return sys.intern(address.rpartition("@")[2]) if address else None


def _units(raw: Mapping[str, Any], key: str, where: str) -> int:
    """A number of seats: a missing one is not zero."""
    value = raw.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise incomplete(f"{where}: {key} is not a number of seats")
    return value


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _time(value: Any, where: str) -> Any:
    try:
        return parse_time(value)
    except ValueError as error:
        raise incomplete(f"{where}: {error}") from None


def incomplete(message: str) -> IncompleteAnswer:
    """The error of an answer that lacks something, in Graph's name."""
    return incomplete_answer(SERVICE, message)
