# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service will refuse although every rule of ours allows it: an add-on alone, and SKUs that are gone.

The archiving add-on needs a mailbox plan [error texts of assignLicense], and no SKU can be touched that the tenant has
no more. Check mode and plans foresee these refusals; a run sends the change and lets the service decide. Which plans
exclude each other only the service knows: several Exchange plans of one user do not (``stacked_plans.py``).
Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .catalog import PLAN_CLASSES
from .changes import apply_to
from .models import (
    MAILBOX_CLASSES,
    LicenseChange,
    PlanClass,
    Sku,
    User,
    plan_carriers,
)
from .problems import Problem

_MAILBOX = frozenset(plan for plan, kind in PLAN_CLASSES.items() if kind in MAILBOX_CLASSES)
_CLASSED = frozenset(PLAN_CLASSES)
_ADD_ON = frozenset(plan for plan, kind in PLAN_CLASSES.items() if kind is PlanClass.ARCHIVING)


def foreseen_refusal(
    user: User, change: LicenseChange, skus: Mapping[str, Sku], predicted: User | None = None
) -> Problem | None:
    """Why assignLicense will refuse ``change`` for this user as far as SKUs and Exchange plans tell, or None.

    ``predicted``: the user after the change, where the caller knows it [apply_to].
    """
    if not change.add and not change.remove:
        return None
    if gone := sorted({*change.remove, *(item.sku_id for item in change.add)} - skus.keys()):
        return Problem(
            "unknown_sku",
            f"{', '.join(gone)}: the tenant does not have this SKU any more, so the service will refuse to touch it.",
            "Use state=present, which leaves alone what it does not name.",
        )
    predicted = predicted or apply_to(user, change, skus)
    after = plan_carriers(predicted, skus, _CLASSED)
    added = frozenset(item.sku_id for item in change.add)
    for plan in sorted(_ADD_ON & after.keys()):
        if not _MAILBOX & after.keys() and (after[plan] & added or plan_carriers(user, skus, _MAILBOX)):
            return Problem(
                "missing_dependency",
                f"{_names(after[plan], skus)} carries the archiving add-on, which needs an Exchange mailbox plan: the "
                "service will refuse to leave it alone.",
                "Give a license with a mailbox plan in the same step, or take the add-on away as well.",
            )
    return None


def _names(sku_ids: Iterable[str], skus: Mapping[str, Sku]) -> str:
    return ", ".join(sorted(skus[sku_id].name for sku_id in sku_ids))
