# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Licenses that a user does not need: the plans are there already, or the mailbox is covered without them.

Rules that look at all users also match people who lack nothing, and every license that they get costs a seat.

- A license is needless if the user has all of its plans from other licenses that stay.
- A license that would bring nothing but Exchange plans is needless where the mailbox needs no license, or where what
  stays covers it. An archiving plan that the user does not have yet is not needless there.
- A warning names users who may have the mailbox on premises.
- Whatever else a license brings, a second Exchange plan for a covered mailbox is counted: a guard limits that.

Nothing here is asked about a mailbox at risk. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import COMPANION_PLANS, Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import apply_to
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import Needs, granted, is_covered
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    MAILBOX_CLASSES,
    Assignment,
    LicenseChange,
    PlanClass,
    Sku,
    User,
    plan_carriers,
)

from .explanations import ON_PREMISES, sku_names

_ARCHIVING: Mapping[PlanClass, frozenset[PlanClass]] = {
    PlanClass.ARCHIVING: frozenset({PlanClass.ARCHIVING, PlanClass.PLAN2}),
    PlanClass.ARCHIVE: frozenset({PlanClass.ARCHIVE, PlanClass.PLAN2}),
}
"""What brings the same as an archiving plan."""


def covers(user: User, kind: str, needs: Needs | None, catalog: Catalog) -> bool:
    """Do the user's plans at work cover the mailbox?

    ``kind`` is empty for a user without a mailbox: would they cover an ordinary one? ``needs`` is None where the
    mailbox was not read: then only Plan 2 covers it for sure. A mailbox that needs no license is covered.
    """
    classes = granted(user, catalog)
    if needs is None:
        return PlanClass.PLAN2 in classes
    return is_covered(needs, classes) if kind else not classes.isdisjoint(MAILBOX_CLASSES)


def unneeded_licenses(
    user: User,
    change: LicenseChange,
    kind: str,
    needs: Needs | None,
    skus: Mapping[str, Sku],
    catalog: Catalog,
) -> dict[str, str]:
    """The licenses of ``change`` that take a seat for nothing: why, in a sentence without full stop, by SKU id."""
    seats = [item for item in change.add if item.sku_id in skus and not user.holds(item.sku_id)]
    if not seats:
        return {}
    stays = apply_to(user, change._replace(add=(), usage_location=None), skus)
    givers = _givers(stays, skus)
    covered = covers(stays, kind, needs, catalog)
    classes = granted(stays, catalog)
    why_unneeded: dict[str, str] = {}
    for item in seats:
        name = skus[item.sku_id].name
        enabled = skus[item.sku_id].user_plan_ids - item.disabled_plans
        new = enabled - givers.keys()
        if not enabled:
            continue  # a rule that asks for a license without any plan does so on purpose
        if not new:
            which = sku_names({giver for plan in enabled for giver in givers[plan]}, skus) or "another license"
            why_unneeded[item.sku_id] = f"{name} is not assigned: the user has all of its plans from {which}"
        elif covered and _about_mailboxes(enabled, new, classes, catalog):
            why_unneeded[item.sku_id] = f"{name} is not assigned: {_why(stays, kind, needs, skus, catalog)}"
    return why_unneeded


def seats_for_covered(
    user: User,
    change: LicenseChange,
    kind: str,
    needs: Needs | None,
    skus: Mapping[str, Sku],
    catalog: Catalog,
) -> tuple[str, ...]:
    """The SKUs of which ``change`` takes a seat, with an Exchange plan, for a user who is covered without them.

    A change that takes away what covers the mailbox is a swap: its seats are not on top of anything.
    """
    seats = [item for item in change.add if not user.holds(item.sku_id) and _exchange(item, skus, catalog)]
    if not seats:
        return ()
    stays = apply_to(user, change._replace(add=(), usage_location=None), skus)
    known = needs if needs is not None or kind else ()  # any mailbox plan counts where the mailbox was not read
    return tuple(sorted(item.sku_id for item in seats)) if covers(stays, kind, known, catalog) else ()


def on_premises_warnings(
    user: User, change: LicenseChange, kind: str, needs: Needs | None, skus: Mapping[str, Sku], catalog: Catalog
) -> tuple[str, ...]:
    """A warning where ``change`` brings a mailbox to a user who seems to have one on premises.

    That is a synchronized user with an address and without a mailbox in Exchange Online.
    """
    if kind or needs != () or not (user.on_premises_sync and user.mail_domain):
        return ()
    plans = {
        plan for item in change.add if item.sku_id in skus for plan in skus[item.sku_id].plan_ids - item.disabled_plans
    }
    return (ON_PREMISES,) * any(catalog.plan_class(plan) in MAILBOX_CLASSES for plan in plans)


def _about_mailboxes(
    enabled: Iterable[str], new: Iterable[str], classes: frozenset[PlanClass], catalog: Catalog
) -> bool:
    """Is a license there for a mailbox alone, and does it bring no archiving that ``classes`` lack?"""
    known = catalog.plan_classes
    if not any(plan in known for plan in enabled) or not all(plan in known or plan in COMPANION_PLANS for plan in new):
        return False
    brought = {known[plan] for plan in new if plan in known} - MAILBOX_CLASSES
    return not any(classes.isdisjoint(_ARCHIVING[item]) for item in brought)


def _exchange(item: Assignment, skus: Mapping[str, Sku], catalog: Catalog) -> bool:
    sku = skus.get(item.sku_id)
    return sku is not None and any(plan in catalog.plan_classes for plan in sku.plan_ids - item.disabled_plans)


def _why(
    user: User,
    kind: str,
    needs: Needs | None,
    skus: Mapping[str, Sku],
    catalog: Catalog,
) -> str:
    if needs == () and kind:
        return f"it is for a mailbox alone, and this {kind} mailbox needs no license"
    givers = _givers(user, skus)
    at_work = givers.keys() & catalog.plan_classes.keys()
    by = sku_names({giver for plan in at_work for giver in givers[plan]}, skus) or "another license"
    return f"it is for a mailbox alone, and {by} covers that; to replace {by}, name it in remove"


def _givers(user: User, skus: Mapping[str, Sku]) -> dict[str, set[str]]:
    """The plans at work, each with the SKUs in force that give it; without suspended ones where another one does."""
    found = plan_carriers(user, skus, frozenset(plan.plan_id for plan in user.assigned_plans if plan.usable))
    return {
        plan: {sku_id for sku_id in givers if not skus[sku_id].suspended_or_gone} or givers
        for plan, givers in found.items()
    }
