# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service will refuse although every rule of ours allows it: Exchange plans that do not go together.

Two mailbox plans from different SKUs exclude each other, and the archiving add-on needs a mailbox plan [error texts of
assignLicense; which plans exclude each other is published nowhere, so this holds what was seen in the field]. Check
mode and plans foresee these refusals; a run sends the change and lets the service decide. Conflicts between other
plans only the service knows. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from ansible_collections.m365.licensing.plugins.module_utils._catalog import PLAN_CLASSES
from ansible_collections.m365.licensing.plugins.module_utils._licenses import apply_to
from ansible_collections.m365.licensing.plugins.module_utils._models import (
    MAILBOX_CLASSES,
    LicenseChange,
    PlanClass,
    Sku,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._refusals import Problem

_MAILBOX = frozenset(plan for plan, kind in PLAN_CLASSES.items() if kind in MAILBOX_CLASSES)
_ADD_ON = frozenset(plan for plan, kind in PLAN_CLASSES.items() if kind is PlanClass.ARCHIVING)


def foreseen_refusal(user: User, change: LicenseChange, skus: Mapping[str, Sku]) -> Problem | None:
    """Why assignLicense will refuse ``change`` for this user as far as Exchange plans go, or None."""
    if not change.add and not change.remove:
        return None
    after = _carriers(apply_to(user, change, skus), skus)
    added = frozenset(item.sku_id for item in change.add)
    mailbox = sorted(_MAILBOX & after.keys())
    for first, second in combinations(mailbox, 2):
        theirs = (after[first], after[second])
        if theirs[0] & theirs[1] or not (theirs[0] | theirs[1]) & added:
            continue
        return Problem(
            "mutually_exclusive_plans",
            f"{_names(theirs[0], skus)} and {_names(theirs[1], skus)} carry different Exchange plans, which exclude "
            "each other: the service will refuse to give both to one user.",
            "Remove the other license in the same step (state=exact, or remove in a rule), or name one of the two "
            "Exchange plans in disabled_plans.",
        )
    for plan in sorted(_ADD_ON & after.keys()):
        if not mailbox and (after[plan] & added or _MAILBOX & _carriers(user, skus).keys()):
            return Problem(
                "missing_dependency",
                f"{_names(after[plan], skus)} carries the archiving add-on, which needs an Exchange mailbox plan: the "
                "service will refuse to leave it alone.",
                "Give a license with a mailbox plan in the same step, or take the add-on away as well.",
            )
    return None


def _carriers(user: User, skus: Mapping[str, Sku]) -> dict[str, frozenset[str]]:
    """The user's Exchange plans that are switched on, each with the SKUs that bring it."""
    found: dict[str, set[str]] = {}
    for state in user.license_states:
        sku = skus.get(state.sku_id)
        if sku is None or not state.effective:
            continue
        for plan in sku.plans:
            if plan.id in PLAN_CLASSES and plan.id not in state.disabled_plans:
                found.setdefault(plan.id, set()).add(state.sku_id)
    return {plan: frozenset(carriers) for plan, carriers in found.items()}


def _names(sku_ids: frozenset[str], skus: Mapping[str, Sku]) -> str:
    return ", ".join(sorted(skus[sku_id].part_number for sku_id in sku_ids))
