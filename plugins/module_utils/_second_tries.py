# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to send after the service has refused a change for the plans in it. Pure: no I/O, no clock.

The service alone knows which plans need others and which exclude each other, and its refusal names them. In this order:

- A plan that lacks what a swap has left off is switched off as well: nobody asked for it to be on.
- The next alternative of the rule is tried, once, if it has seats.
- A mailbox at risk gets its license without the plan that stands in the way, unless the rule asks for that plan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._conflicts import foreseen_refusal
from ansible_collections.m365.licensing.plugins.module_utils._coverage import granted
from ansible_collections.m365.licensing.plugins.module_utils._licenses import plan_name, uncovered_by
from ansible_collections.m365.licensing.plugins.module_utils._models import (
    MAILBOX_CLASSES,
    Assignment,
    LicenseChange,
    Sku,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._readback import still_to_do
from ansible_collections.m365.licensing.plugins.module_utils._refusals import Problem, ids_in
from ansible_collections.m365.licensing.plugins.module_utils._seats import seats_needed
from ansible_collections.m365.licensing.plugins.module_utils._wanted import Wanted

CODES = frozenset({"missing_dependency", "mutually_exclusive_plans"})
"""The refusals that are acted on."""


class Attempt(NamedTuple):
    """Another change for a user whose change was refused, what is said of it, and which alternative it is."""

    change: LicenseChange
    note: str
    alternative: str = ""


class Case(NamedTuple):
    """What is known of one user: the licenses that were asked for, and what may be tried besides.

    ``planned`` is the user for whom ``fallback`` was made.
    """

    asked: Sequence[Wanted]
    at_risk: bool = False
    fallback: LicenseChange | None = None
    planned: User | None = None


def is_usable(
    user: User, change: LicenseChange, predicted: User, at_risk: bool, skus: Mapping[str, Sku], catalog: Catalog
) -> bool:
    """Does a fallback (``change``) keep the mailbox, and is no refusal of it foreseen?"""
    if at_risk:
        keeps = not granted(predicted, catalog).isdisjoint(MAILBOX_CLASSES)
    else:
        keeps = not uncovered_by(user, change, skus, catalog)
    return keeps and foreseen_refusal(user, change, skus, predicted) is None


class SecondTries:
    """The next change for users whose change was refused. Each call with ``take`` uses up what it returns."""

    def __init__(
        self,
        cases: Mapping[str, Case],
        skus: Mapping[str, Sku],
        catalog: Catalog,
        seats: Mapping[str, int] | None = None,
    ) -> None:
        """``cases`` by user id; ``seats``: what is left for fallbacks, by SKU id."""
        self._cases = dict(cases)
        self._skus, self._catalog = skus, catalog
        self._seats = dict(seats or {})
        self._first: dict[str, tuple[LicenseChange, Problem, Sequence[Wanted]]] = {}

    def hope(self, user: User, change: LicenseChange, problem: Problem) -> bool:
        """Is there something else to try? Uses up nothing."""
        return self._next(user, change, problem) is not None

    def take(self, user: User, change: LicenseChange, problem: Problem) -> Attempt | None:
        """What to send in place of ``change``, or None: the refusal is final."""
        found = self._next(user, change, problem)
        case = self._cases.get(user.id)
        if found is None or case is None:
            return None
        if found.alternative == "fallback":
            self._first[user.id] = (change, problem, case.asked)
            self._cases[user.id] = case._replace(asked=(), fallback=None)
            for sku_id in seats_needed(user, found.change):
                self._seats[sku_id] -= 1
        elif found.alternative:
            change, problem, asked = self._first.pop(user.id)
            self._cases[user.id] = case._replace(asked=asked)
        return found

    def _next(self, user: User, change: LicenseChange, problem: Problem) -> Attempt | None:
        case = self._cases.get(user.id)
        if case is None or problem.code not in CODES:
            return None
        return (
            self._with_dependents_off(change, problem, case.asked)
            or self._fallback(user, case, problem)
            or (self._without_plan(user, change, problem, case) if case.at_risk else None)
        )

    def _with_dependents_off(self, change: LicenseChange, problem: Problem, asked: Sequence[Wanted]) -> Attempt | None:
        """The first step: the plan that lacks another, where that is off only because it was off before."""
        plans = ids_in(problem.message)
        if problem.code != "missing_dependency" or not plans:
            return None
        wishes = {item.sku_id: item for item in asked}
        for item in change.add:
            wish = wishes.get(item.sku_id)
            carried = item.disabled_plans - ((wish and wish.disabled_plans) or frozenset())
            caused = bool(carried if len(plans) == 1 else carried.intersection(plans[1:]))
            if wish is not None and not wish.whole and caused and self._may_be_off(plans[0], item, wish):
                grounds = " or ".join(self._plan(plan, item.sku_id) for plan in plans[1:]) or "what stays off"
                said = f"goes off as well, as the service refuses it without {grounds}"
                return self._off(change, item, plans[0], said)
        return None

    def _fallback(self, user: User, case: Case, problem: Problem) -> Attempt | None:
        if case.fallback is None or case.planned is None:
            return None
        change = still_to_do(case.fallback, case.planned, user)
        if not change or any(self._seats.get(sku_id, 0) < 1 for sku_id in seats_needed(user, change)):
            return None
        return Attempt(change, f"licenses: {problem.message.rstrip('.')}", "fallback")

    def _without_plan(self, user: User, change: LicenseChange, problem: Problem, case: Case) -> Attempt | None:
        """The last step, for a mailbox at risk: the license without the plan that stands in the way.

        After a fallback that was refused as well, it is the first license that is tried so.
        """
        alternative = ""
        asked = case.asked
        if user.id in self._first:
            change, problem, asked = self._first[user.id]
            alternative = "licenses"
        wishes = {item.sku_id: item for item in asked}
        for item in change.add:
            wish = wishes.get(item.sku_id)
            for plan in ids_in(problem.message)[: 1 if problem.code == "missing_dependency" else None]:
                if wish is not None and self._may_be_off(plan, item, wish):
                    found = self._off(change, item, plan, "is switched off, as the service refuses it with the rest")
                    return found._replace(alternative=alternative)
        return None

    def _may_be_off(self, plan: str, item: Assignment, wish: Wanted) -> bool:
        """Is this plan on in the assignment, and did nobody ask for it, and does it keep no mailbox?"""
        sku = self._skus.get(item.sku_id)
        on: Collection[str] = sku.user_plan_ids - item.disabled_plans if sku else ()
        return plan in on and plan not in (wish.enabled_plans or ()) and self._catalog.plan_class(plan) is None

    def _off(self, change: LicenseChange, item: Assignment, plan: str, said: str) -> Attempt:
        changed = Assignment(item.sku_id, item.disabled_plans | {plan})
        add = tuple(changed if other is item else other for other in change.add)
        name = self._skus[item.sku_id].part_number
        return Attempt(change._replace(add=add), f"{name}: {self._plan(plan, item.sku_id)} {said}")

    def _plan(self, plan: str, sku_id: str) -> str:
        return plan_name(plan, self._skus.get(sku_id), self._catalog)
