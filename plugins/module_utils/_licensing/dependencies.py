# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which service plans need others, as far as that is known, and which of them a swap has to leave off for that.

The service's table is not public. An entry here only switches off, in a swap, a plan that needs one which stays off. If
the entry is wrong, a plan is off that could be on, and the row says so. Refusals of the service name other
dependencies (``next_attempts.py``). Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .models import (
    Assignment,
    LicenseChange,
    Sku,
    User,
    plan_carriers,
)

_SKYPE, _TEAMS = "0feaeb32-d00e-4d66-bd5a-43b5b83db82c", "57ff2da0-773e-42df-b2af-ffb7a2317929"
_CALLING = frozenset({_SKYPE, _TEAMS})
KNOWN: Mapping[str, frozenset[str]] = {
    "4828c8ec-dc2e-4779-b502-87ac9ce28ab7": _CALLING,  # MCOEV, Phone System
    "3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40": _CALLING,  # MCOMEETADV, Audio Conferencing
    # SHAREPOINTWAC, Office for the web: SharePoint Plan 2, Plan 1, or that of frontline workers
    "e95bec33-7c88-4a70-8e19-b10bd9d0c014": frozenset(
        {
            "5dbe027f-2339-4123-9542-606e4d348a72",
            "c7699d2e-19aa-44de-8edf-1736da088ca1",
            "902b47e5-dcb2-4fdc-858b-c63a90a2bdb9",
        }
    ),
}
"""A plan, and the plans of which it needs one."""


def closed(
    change: LicenseChange,
    after: User,
    carried: Collection[str],
    asked: Collection[str],
    skus: Mapping[str, Sku],
) -> LicenseChange:
    """The change without plans whose grounds are all off, and one of them because it is ``carried`` over.

    ``after`` is the user after ``change``; what was ``asked`` to be on stays on. So does what one of the licenses is
    there for: without it that license would take a seat for nothing, so the service has to decide.
    """
    off = {item.sku_id: item.disabled_plans for item in change.add}
    added = {item.sku_id for item in change.add}
    elsewhere: set[str] = set()
    for state in after.license_states:
        sku = skus.get(state.sku_id)
        if sku is not None and state.effective and not (state.direct and state.sku_id in added):
            elsewhere |= sku.plan_ids - state.disabled_plans
    for plan, grounds in KNOWN.items():
        on = elsewhere.union(*(skus[sku_id].plan_ids - plans for sku_id, plans in off.items() if sku_id in skus))
        if plan in asked or plan not in on - elsewhere or grounds & on or grounds.isdisjoint(carried):
            continue
        if any(is_essential(plan, skus[sku_id], plans) for sku_id, plans in off.items() if sku_id in skus):
            continue
        off = {
            sku_id: plans | {plan} if sku_id in skus and plan in skus[sku_id].user_plan_ids else plans
            for sku_id, plans in off.items()
        }
    if all(off[item.sku_id] == item.disabled_plans for item in change.add):
        return change
    return change._replace(add=tuple(Assignment(item.sku_id, off[item.sku_id]) for item in change.add))


def is_essential(plan: str, sku: Sku, off: Collection[str]) -> bool:
    """Is this plan what the license is there for: its namesake, or the last one that is on in it?"""
    if plan not in sku.plan_ids or plan in off:
        return False
    namesake = any(item.id == plan and item.name.casefold() == sku.part_number.casefold() for item in sku.plans)
    return namesake or not (sku.user_plan_ids - {plan}).difference(off)


def lacking(
    before: User, after: User, change: LicenseChange, skus: Mapping[str, Sku]
) -> dict[str, dict[str, list[str]]]:
    """The plans that a change leaves on without any that they need: by SKU id, and there by plan id what they need.

    Only where there is a reason to doubt: a ground is there and off, has gone, or the plan is sold as an add-on. Some
    SKUs carry Office for the web without any SharePoint.
    """
    if not change.add and not change.remove:
        return {}
    was, now = plan_carriers(before, skus), plan_carriers(after, skus)
    there = frozenset[str]().union(
        *(skus[state.sku_id].plan_ids for state in after.license_states if state.sku_id in skus)
    )
    found: dict[str, dict[str, list[str]]] = {}
    for plan, grounds in KNOWN.items():
        if plan not in now or grounds & now.keys() or (plan in was and not grounds & was.keys()):
            continue
        if grounds is not _CALLING and grounds.isdisjoint(there | was.keys()):
            continue
        for sku_id in sorted(now[plan]):
            found.setdefault(sku_id, {})[plan] = sorted(grounds)
    return found
