# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted against actual licenses of one user: one ``assignLicense`` body, and what the user looks like afterwards.

The rules of the field, in one place:

- ``disabledPlans`` replaces the set of the direct assignment [user: assignLicense]. So what an admin has switched off
  is always sent along again, unless ``enabled_plans`` names the plan. In a swap it stays off in the license that comes,
  too: the same plan of another SKU would bring it back.
- A license inherited from a group counts as present and is never removed directly: the service refuses that.
- An assignment in Error or Disabled gives the user nothing, so it does not count as present.
- Adding and removing travel in one request, so a swap never leaves the user without a license.
- The service may switch off further plans by itself. What was declared is what has to be true; the rest is tolerated
  and reported (``extra_disabled``).

Pure: no I/O, no clock.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from .catalog import BUILTIN, Catalog
from .coverage import granted, retained_classes, working_classes
from .desired import Wanted
from .models import (
    AssignedPlan,
    Assignment,
    LicenseChange,
    LicenseState,
    Sku,
    User,
    capability_rank,
    plan_carriers,
)
from .names import plan_name, sku_name
from .plan_effects import uncovers
from .plan_relations import closed
from .readback import same_text

__all__ = [
    "STATES",
    "apply_to",
    "change_for",
    "licenses_row",
    "satisfied",
    "uncovered_by",
]

STATES = ("present", "absent", "exact")
"""``present``: these licenses at least. ``absent``: none of these. ``exact``: these direct licenses and no other."""


def change_for(
    user: User,
    wanted: Sequence[Wanted],
    skus: Mapping[str, Sku],
    *,
    state: str = "present",
    usage_location: str | None = None,
    force_location: bool = False,
    leaving: Collection[str] = (),
    catalog: Catalog = BUILTIN,
) -> LicenseChange:
    """The request that gives ``user`` the licenses ``wanted``; empty (false) if there is nothing to do.

    ``usage_location`` is set where the user has none, with ``force_location`` also where it differs; a removal
    alone (``absent``) needs none, so there only the force sets it. ``leaving``: SKUs that go in the same request, where
    they are assigned directly and not wanted. What is off in a license that leaves stays off in the one that comes, but
    for plans that keep a mailbox or an archive (by ``catalog``), which the new license is meant to provide.
    """
    if state not in STATES:
        raise ValueError(f"state: expected one of {', '.join(STATES)}, found {state!r}")
    direct = {item.sku_id: item for item in user.license_states if item.direct}
    by_sku = {item.sku_id for item in wanted}
    add: list[Assignment] = []
    remove: set[str] = set()
    off: frozenset[str] = frozenset()
    if state == "absent":
        remove = by_sku & set(direct)
    else:
        # The service refuses a request that names a SKU which the tenant no longer has.
        remove = set(direct) & skus.keys() if state == "exact" else set(leaving) & set(direct)
        remove -= by_sku
        off = off_in(user, remove, skus).difference(catalog.plan_classes)
        for item in wanted:
            target = _direct_target(user, item, direct.get(item.sku_id), skus.get(item.sku_id), off)
            if target is not None:
                add.append(_assignment(item.sku_id, target))
    location = _location(user, usage_location, force_location, wanted_when_missing=state != "absent")
    change = LicenseChange(user.id, tuple(sorted(add, key=lambda item: item.sku_id)), tuple(sorted(remove)), location)
    if not (off and add):
        return change
    on = frozenset[str]().union(*(item.enabled_plans or () for item in wanted))
    return closed(change, apply_to(user, change, skus), off - on, on, skus)


# many users get the same
_assignment = functools.lru_cache(maxsize=1024)(Assignment)


def satisfied(user: User, wanted: Sequence[Wanted], state: str, skus: Mapping[str, Sku]) -> bool:
    """Is there nothing left that a direct assignment could do? (What it cannot do, ``notes_for`` says.)"""
    return not change_for(user, wanted, skus, state=state)


def apply_to(user: User, change: LicenseChange, skus: Mapping[str, Sku]) -> User:
    """The user as a read after the change will show it: license states, assigned plans, usage location.

    Only the plans of the SKUs in the change are predicted anew; whatever else the service shows stays.
    """
    if not change:
        return user
    added = {item.sku_id: item for item in change.add}
    states: list[LicenseState] = []
    for item in user.license_states:
        if item.direct and item.sku_id in added:
            states.append(LicenseState(item.sku_id, added.pop(item.sku_id).disabled_plans))
        elif not (item.direct and item.sku_id in change.remove):
            states.append(item)
    states += [LicenseState(item.sku_id, item.disabled_plans) for _unused, item in sorted(added.items())]
    touched = {item.sku_id for item in change.add} | set(change.remove)
    return user._replace(
        usage_location=change.usage_location or user.usage_location,
        license_states=tuple(states),
        assigned_plans=_predict_plans(user.assigned_plans, states, touched, skus),
    )


def licenses_row(user: User, skus: Mapping[str, Sku], catalog: Catalog) -> dict[str, Any]:
    """The user's licenses for results and diffs, in names, sorted by SKU and way; no times, which no run can predict.

    ``{usage_location, licenses: [{sku, sku_id, via: direct|group, group_id, state, error, disabled_plans}]}``
    """
    rows = [
        {
            "sku": sku_name(item.sku_id, skus, catalog),
            "sku_id": item.sku_id,
            "via": "direct" if item.direct else "group",
            "group_id": item.group_id,
            "state": item.state,
            "error": item.error,
            "disabled_plans": sorted(plan_name(plan, skus.get(item.sku_id), catalog) for plan in item.disabled_plans),
        }
        for item in user.license_states
    ]
    rows.sort(key=lambda row: (str(row["sku"]), str(row["sku_id"]), str(row["via"]), str(row["group_id"] or "")))
    return {"usage_location": user.usage_location, "licenses": rows}


def uncovered_by(user: User, change: LicenseChange, skus: Mapping[str, Sku], catalog: Catalog) -> bool:
    """Does this change remove the last plan that keeps a mailbox (or the archive of a mailbox on premises)?

    A suspended plan, and one without rights to a mailbox (Microsoft 365 F1), keep one as well until they go.
    """
    after = apply_to(user, change, skus)
    return any(
        uncovers(classes(user, catalog), classes(after, catalog))
        for classes in (granted, working_classes, retained_classes)
    )


def off_in(user: User, leaving: Collection[str], skus: Mapping[str, Sku]) -> frozenset[str]:
    """The plans that are off in the direct assignments that leave, and on in no assignment of the user."""
    off: set[str] = set()
    for state in user.license_states:
        if state.effective and state.direct and state.sku_id in leaving:
            off |= state.disabled_plans
    return frozenset(off - plan_carriers(user, skus).keys()) if off else frozenset()


def _direct_target(
    user: User, wanted: Wanted, direct: LicenseState | None, sku: Sku | None, off: frozenset[str]
) -> frozenset[str] | None:
    """The disabled plans that the direct assignment has to get; None: leave it as it is. ``off``: see ``off_in``.

    The service refuses a plan that the SKU does not carry (any more), though it may go on showing it as off.
    """
    plans = sku.user_plan_ids if sku else frozenset()
    held = (direct.disabled_plans if direct else off) & (plans if sku else off)
    others = plans - (wanted.enabled_plans or frozenset())
    target = (held - (wanted.enabled_plans or frozenset())) | (wanted.disabled_plans or frozenset())
    if wanted.whole:
        target = others
    if direct is not None and direct.effective:
        return None if held == target else target
    inherited = [item for item in user.license_states if item.sku_id == wanted.sku_id and item.effective]
    if not inherited:
        return target
    if wanted.enabled_plans is None:
        return None
    # a plan is off only where it is off in every assignment
    off = frozenset.intersection(*(item.disabled_plans for item in inherited))
    return others if wanted.enabled_plans & off else None


def _predict_plans(
    plans: tuple[AssignedPlan, ...], states: Iterable[LicenseState], touched: set[str], skus: Mapping[str, Sku]
) -> tuple[AssignedPlan, ...]:
    affected = {plan_id for sku_id in touched if sku_id in skus for plan_id in skus[sku_id].plan_ids}
    if any(sku_id not in skus for sku_id in touched):
        # The plans of such a SKU are unknown, so count only plans that another license carries.
        affected |= {item.plan_id for item in plans}
    given: dict[str, str] = {}
    for state in states:
        sku = skus.get(state.sku_id)
        if sku is None or not state.effective:
            continue
        for plan_id in (affected & sku.plan_ids) - state.disabled_plans:
            # the best of several SKUs counts
            if plan_id not in given or capability_rank(sku.capability_status) < capability_rank(given[plan_id]):
                given[plan_id] = sku.capability_status
    result: list[AssignedPlan] = []
    done: set[str] = set()
    for item in plans:
        if item.plan_id not in affected:
            result.append(item)
        elif item.plan_id not in done:
            done.add(item.plan_id)
            capability = given.get(item.plan_id, "Deleted")
            same = same_text(item.capability, capability)
            result.append(item if same else AssignedPlan(item.plan_id, capability))
    result += [
        AssignedPlan(plan_id, capability) for plan_id, capability in sorted(given.items()) if plan_id not in done
    ]
    return tuple(result)


def _location(user: User, wish: str | None, force: bool, *, wanted_when_missing: bool) -> str | None:
    if not wish:
        return None
    if not user.usage_location:
        return wish.upper() if wanted_when_missing or force else None
    return wish.upper() if force and not same_text(user.usage_location, wish) else None
