# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which service plans need others, exclude others, or take a seat for nothing beside others.

Microsoft does not publish which plans need others. An entry in ``KNOWN`` switches a plan off in a swap if every plan
that it needs stays off. If the entry is wrong, that plan could be on, and the row says that it is off. Refusals name
other dependencies (``next_attempts.py``).

Since January 2023 a user may have several of Essentials, Kiosk, Plan 1 and Plan 2, in any suite. The best one counts,
each takes a seat, and the mailbox falls back to another without a gap if the best one goes [MC541151]. The plans of
Small Business and Midsize are said to exclude all others. That is an assumption, so nothing is refused because of it.
Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from .catalog import COMPANION_PLANS, PLAN_CLASSES, Catalog
from .models import (
    MAILBOX_CLASSES,
    Assignment,
    LicenseChange,
    PlanClass,
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
    wanted: Collection[str],
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
        if plan in wanted or plan not in on - elsewhere or grounds & on or grounds.isdisjoint(carried):
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


LEGACY_PLANS: Mapping[str, str] = {
    "d42bdbd6-c335-4231-ab3d-c8f348d5aff5": "EXCHANGE_L_STANDARD",
    "fc52cc4b-ed7d-472d-bbe7-b081c23ecc56": "EXCHANGE_S_STANDARD_MIDMARKET",
}
"""Mailbox plans that are said to exclude every other one [certero.com]."""

EXCLUSIVE_PLANS: tuple[Mapping[str, str], ...] = (
    {
        "c7699d2e-19aa-44de-8edf-1736da088ca1": "SHAREPOINTSTANDARD",
        "5dbe027f-2339-4123-9542-606e4d348a72": "SHAREPOINTENTERPRISE",
    },
)
"""Pairs of other plans of which one user cannot have both in two licenses, as far as that is known."""

_MAILBOX = frozenset(plan for plan, kind in PLAN_CLASSES.items() if kind in MAILBOX_CLASSES)
_RANKS = {PlanClass.KIOSK: 1, PlanClass.PLAN1: 2, PlanClass.PLAN2: 3}


def stacked_notes(after: User, change: LicenseChange, skus: Mapping[str, Sku], catalog: Catalog) -> tuple[str, ...]:
    """What to say of a user who has several licenses with a mailbox plan ``after`` a change that adds one of them."""
    given = _given(after, skus, catalog)
    if len(given) < 2 or not any(item.sku_id in given for item in change.add):
        return ()
    names = " and ".join(sorted(skus[sku_id].name for sku_id in given))
    note = f"{names} carry an Exchange plan each: each takes a seat, and the best plan counts"
    spare = [_where(after, sku_id, skus) for sku_id in sorted(redundant(after, change, skus, catalog))]
    return (f"{note}, so {' and '.join(spare)} may go",) if spare else (note,)


def redundant(after: User, change: LicenseChange, skus: Mapping[str, Sku], catalog: Catalog) -> frozenset[str]:
    """The SKUs with a mailbox plan that bring ``after`` a change nothing which another of the user's SKUs does not."""
    given = _given(after, skus, catalog)
    everything = _at_work(after, skus)
    added = {item.sku_id for item in change.add}
    spare: set[str] = set()
    # what was there before goes first, then the smaller plan, then the license with fewer plans
    for sku_id in sorted(given, key=lambda item: (item in added, given[item], len(everything[item]), item)):
        rest = {item for item in everything if item != sku_id and item not in spare}
        others = frozenset().union(*(everything[item] for item in rest))
        lost = everything[sku_id] - others - COMPANION_PLANS
        mailbox_alone = all(catalog.plan_class(plan) in MAILBOX_CLASSES for plan in lost)
        if mailbox_alone and max((given[item] for item in rest if item in given), default=-1) >= given[sku_id]:
            spare.add(sku_id)
    return frozenset(spare)


def unforeseen(after: User, change: LicenseChange, skus: Mapping[str, Sku]) -> tuple[str, ...]:
    """What cannot be known before the change is sent, one sentence each without full stop.

    See ``LEGACY_PLANS`` and ``EXCLUSIVE_PLANS``.
    """
    enabled = _enabled(after, skus)
    mailbox = {sku_id: plans & _MAILBOX for sku_id, plans in enabled.items() if plans & _MAILBOX}
    added = {item.sku_id for item in change.add}
    doubts = []
    for sku_id, plans in sorted(mailbox.items()):
        beside = [item for item in sorted(mailbox) if mailbox[item] != plans and {sku_id, item} & added]
        for plan in sorted(plans & LEGACY_PLANS.keys()) if beside else ():
            others = " and ".join(skus[item].name for item in beside)
            doubts.append(
                f"{skus[sku_id].name} carries {LEGACY_PLANS[plan]}, which is said to exclude every other "
                f"Exchange plan, such as that of {others}: whether the service accepts both cannot be foreseen"
            )
    return (*doubts, *_exclusive(enabled, added, skus))


def _exclusive(enabled: Mapping[str, frozenset[str]], added: Collection[str], skus: Mapping[str, Sku]) -> Iterator[str]:
    """Two licenses of which one comes with the change, and whose plans are said to exclude each other."""
    for (first, first_name), (second, second_name) in (pair.items() for pair in EXCLUSIVE_PLANS):
        left = sorted(sku_id for sku_id, plans in enabled.items() if first in plans)
        right = sorted(sku_id for sku_id, plans in enabled.items() if second in plans)
        if left and right and not set(left) & set(right) and {*left, *right} & set(added):
            one, other = (" and ".join(skus[sku_id].name for sku_id in some) for some in (left, right))
            yield (
                f"{one} carries {first_name} and {other} {second_name}, which are said to exclude each other: whether "
                "the service accepts both cannot be foreseen"
            )


def _enabled(user: User, skus: Mapping[str, Sku]) -> dict[str, frozenset[str]]:
    """The plans that are on by each SKU of the tenant which the user holds, without those of the company."""
    found: dict[str, frozenset[str]] = {}
    for state in user.license_states:
        sku = skus.get(state.sku_id)
        if sku is not None and state.effective:
            found[sku.id] = found.get(sku.id, frozenset()) | (sku.user_plan_ids - state.disabled_plans)
    return found


def _at_work(user: User, skus: Mapping[str, Sku]) -> dict[str, frozenset[str]]:
    """The same of SKUs whose subscription has not ended: the others bring nothing, so no license stands back for them.

    Nor does one for a plan that the user shows as suspended alone.
    """
    shown = {plan.plan_id for plan in user.assigned_plans if plan.suspended}
    off = shown - {plan.plan_id for plan in user.assigned_plans if plan.usable}
    return {sku_id: plans - off for sku_id, plans in _enabled(user, skus).items() if not skus[sku_id].suspended_or_gone}


def _given(user: User, skus: Mapping[str, Sku], catalog: Catalog) -> dict[str, int]:
    """The SKUs with a mailbox plan that is at work, and how much that is worth: 0 without the right to a mailbox."""
    found: dict[str, int] = {}
    for sku_id, plans in _at_work(user, skus).items():
        ranks = [_RANKS[kind] for plan in plans if (kind := catalog.plan_class(plan)) in _RANKS and kind is not None]
        if ranks:
            found[sku_id] = 0 if catalog.no_rights(sku_id) else max(ranks)
    return found


def _where(user: User, sku_id: str, skus: Mapping[str, Sku]) -> str:
    groups = sorted(
        state.group_id or ""
        for state in user.license_states
        if state.sku_id == sku_id and state.effective and not state.direct
    )
    name = skus[sku_id].name
    return f"{name} (from group {', '.join(groups)})" if groups else name
