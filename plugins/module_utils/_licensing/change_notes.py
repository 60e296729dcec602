# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a row says of a license change besides before and after: sentences without full stop. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import summarize

from .catalog import Catalog
from .changes import (
    apply_to,
    off_in,
)
from .desired import Wanted
from .models import (
    MAILBOX_CLASSES,
    LicenseChange,
    LicenseState,
    Sku,
    User,
    plan_carriers,
)
from .names import plan_name, sku_title
from .plan_relations import lacking


def notes_for(
    user: User, wanted: Sequence[Wanted], state: str, skus: Mapping[str, Sku], catalog: Catalog
) -> tuple[str, ...]:
    """What has to be said of a direct assignment, one sentence each.

    What it cannot bring about (licenses and plans that come from groups), and what it leaves off unasked.
    """
    notes: list[str] = []
    by_sku = {item.sku_id: item for item in wanted}
    for item in sorted(user.license_states, key=lambda state: (state.sku_id, state.group_id or "")):
        if state == "exact" and item.direct and item.sku_id not in skus:
            name = sku_title(item.sku_id, skus, catalog)
            notes.append(f"{name} stays: the tenant no longer has this SKU, so the service would refuse to remove it")
        if item.direct or not item.effective:
            continue
        name = sku_title(item.sku_id, skus, catalog)
        if state == "absent" and item.sku_id in by_sku:
            notes.append(f"{name} stays: it is inherited from group {item.group_id} and can only be removed there")
        elif state != "absent" and item.sku_id in by_sku:
            plans = _on_against_wish(by_sku[item.sku_id], item, skus.get(item.sku_id))
            if plans:
                listed = ", ".join(sorted(plan_name(plan, skus.get(item.sku_id), catalog) for plan in plans))
                notes.append(f"{name}: {listed} stays on: group {item.group_id} gives it, so switch it off there")
    return tuple(notes)


def carried_over(
    user: User, wanted: Sequence[Wanted], change: LicenseChange, skus: Mapping[str, Sku], catalog: Catalog
) -> tuple[str, ...]:
    """Which plans a swap leaves off because they were off before, and which others it switches off, by new license."""
    off = off_in(user, change.remove, skus)
    by_sku = {item.sku_id: item for item in wanted}
    notes: list[str] = []
    held = {state.sku_id for state in user.license_states if state.direct}
    for item in change.add:
        wish = by_sku.get(item.sku_id)
        if wish is None or wish.whole or item.sku_id in held:
            continue
        unasked = item.disabled_plans - (wish.disabled_plans or frozenset())
        texts = (
            (unasked & off, "stays off, as before the swap"),
            (unasked - off, "is switched off as well, because it needs what stays off"),
        )
        for plans, text in texts:
            if plans:
                listed = ", ".join(sorted(plan_name(plan, skus.get(item.sku_id), catalog) for plan in plans))
                notes.append(f"{sku_title(item.sku_id, skus, catalog)}: {listed} {text}")
    return tuple(notes)


def unforeseen_lack(user: User, change: LicenseChange, skus: Mapping[str, Sku], catalog: Catalog) -> tuple[str, ...]:
    """Plans that are known to need others which are off, one sentence a license: the service may refuse that."""
    found = []
    for sku_id, plans in lacking(user, apply_to(user, change, skus), change, skus).items():
        by_grounds: dict[str, list[str]] = {}
        for plan, grounds in plans.items():
            names = " or ".join(sorted(plan_name(ground, None, catalog) for ground in grounds))
            by_grounds.setdefault(names, []).append(plan_name(plan, skus[sku_id], catalog))
        found += [
            f"{sku_title(sku_id, skus, catalog)}: {', '.join(sorted(names))} {'need' if len(names) > 1 else 'needs'} "
            f"{grounds}, of which none is on: whether the service accepts that cannot be foreseen"
            for grounds, names in sorted(by_grounds.items())
        ]
    return tuple(found)


def unforeseen_carryover(
    user: User, change: LicenseChange, skus: Mapping[str, Sku], catalog: Catalog
) -> tuple[str, ...]:
    """For a swap that leaves plans off: only the service knows which other plans need them."""
    off = off_in(user, change.remove, skus)
    held = {state.sku_id for state in user.license_states if state.direct}
    return tuple(
        f"{sku_title(item.sku_id, skus, catalog)}: "
        f"{', '.join(sorted(plan_name(plan, skus.get(item.sku_id), catalog) for plan in off & item.disabled_plans))} "
        "stays off, and whether another of its plans needs that cannot be foreseen: a plan that the service refuses "
        "is switched off as well, unless enabled_plans names it"
        for item in change.add
        if off & item.disabled_plans and item.sku_id not in held
    )


def plans_that_go(user: User, change: LicenseChange, skus: Mapping[str, Sku], catalog: Catalog) -> tuple[str, ...]:
    """The plans that are lost with a removed license although a group still assigns it, one sentence each.

    A group may assign a license with fewer plans than the direct assignment has.
    """
    after = plan_carriers(apply_to(user, change, skus), skus)
    found: list[str] = []
    for sku_id in sorted(set(change.remove) & skus.keys()):
        states = [state for state in user.license_states if state.sku_id == sku_id and state.effective]
        groups = sorted(state.group_id or "" for state in states if not state.direct)
        direct = [state.disabled_plans for state in states if state.direct]
        gone = [
            plan
            for plan in skus[sku_id].plans
            if direct and plan.id not in direct[0] and plan.id not in after and plan.id in skus[sku_id].user_plan_ids
        ]
        if groups and gone:
            # Name plans that keep a mailbox first.
            gone.sort(key=lambda plan: (catalog.plan_class(plan.id) is None, plan.name))
            names = summarize([plan.name for plan in gone])
            found.append(
                f"{skus[sku_id].name} stays by group {', '.join(groups)}, which leaves off {names}: the user loses "
                "that with the direct license; to keep it, switch it on in the group, or keep the direct license"
            )
    return tuple(found)


def mailbox_off(after: User, wanted: Sequence[Wanted], skus: Mapping[str, Sku], catalog: Catalog) -> tuple[str, ...]:
    """The requested licenses that keep no mailbox ``after`` the change, although they carry an Exchange plan.

    Either it is off, and the sentence says how to switch it on, or the right to a mailbox is missing or not known. One
    sentence each, without full stop.
    """
    found: list[str] = []
    for item in wanted:
        sku = skus.get(item.sku_id)
        states = [state for state in after.license_states if state.sku_id == item.sku_id and state.effective]
        if sku is None or not states:
            continue
        plans = {plan.id: plan.name for plan in sku.plans if catalog.plan_class(plan.id) in MAILBOX_CLASSES}
        off = frozenset(plans).intersection(*(state.disabled_plans for state in states))
        if plans and catalog.no_rights(sku.id):
            found.append(_without_rights(sku, catalog))
        elif plans and off == plans.keys():
            found.append(_off_and_on(item, sku, plans, off))
    return tuple(found)


def _without_rights(sku: Sku, catalog: Catalog) -> str:
    """For a license without the right to a mailbox, or whose right is not known; no full stop."""
    carries = f"{sku.name} carries an Exchange plan"
    if catalog.rights_unknown(sku.id):
        return f"{carries}, and no table of SKUs says whether it includes the right to a mailbox"
    return f"{carries} without the right to a mailbox, so it covers none"


def _off_and_on(item: Wanted, sku: Sku, plans: Mapping[str, str], off: frozenset[str]) -> str:
    names = ", ".join(sorted(plans.values()))
    if off & (item.disabled_plans or frozenset()):
        way = "leave it out of disabled_plans"
    elif item.whole:
        way = "name it in enabled_plans"
    else:
        way = f"enabled_plans: [{names}] with disabled_plans: [] switches it on"
    return f"{names} is off in {sku.name}, so this license keeps no mailbox: {way}"


def _on_against_wish(wanted: Wanted, inherited: LicenseState, sku: Sku | None) -> frozenset[str]:
    plans = sku.user_plan_ids if sku else frozenset()
    off = plans - (wanted.enabled_plans or frozenset()) if wanted.whole else wanted.disabled_plans
    return (off or frozenset()) - inherited.disabled_plans
