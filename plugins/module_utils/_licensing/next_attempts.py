# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to send after the service has refused a change. Pure: no I/O, no clock.

The service alone knows which plans need others and which exclude each other, and its refusal names them; it also
knows of a seat or a SKU that has gone since it was read. In this order:

- A plan that needs one which a swap left off is switched off as well, unless it was asked for.
- A mailbox at risk gets its license without the removal that the service refuses.
- The other alternative of the rule is tried, once, if it has seats. For a mailbox at risk that is so after any refusal
  that is about the license: it is not offered in the country, or the reason is a new one.
- A mailbox at risk gets its license without the plan that stands in the way, unless the rule asks for that plan. Where
  the refusal names none, all plans go off that were not requested and keep no mailbox. Another license of the rule
  that brings nothing but the plan that stands in the way is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from .catalog import Catalog
from .changes import uncovered_by
from .desired import Wanted
from .models import (
    MAILBOX_CLASSES,
    Assignment,
    Finding,
    LicenseChange,
    Sku,
    User,
)
from .names import plan_name
from .plan_effects import saves
from .plan_relations import is_essential
from .readback import still_to_do
from .refusals import NOTHING_TO_DO, Problem, foreseen_refusal, ids_in
from .seats import seats_needed

PLANS_REFUSED = frozenset({"missing_dependency", "mutually_exclusive_plans"})
"""The refusals after which fewer plans may help."""
CODES = PLANS_REFUSED | {"inherited_license", "no_seats", "unknown_sku", "company_sku", "unknown_plan"}
"""The refusals that are acted on for everybody. After one of the last four only another license helps."""
NOT_THE_LICENSE = NOTHING_TO_DO | {
    "permission_denied",
    "user_not_found",
    "conflict",
    "throttled",
    "service_unavailable",
}
"""The refusals after which another license is refused as well, or that may pass."""


class Attempt(NamedTuple):
    """Another change for a user whose change was refused, what is said of it, and which alternative it is."""

    change: LicenseChange
    note: str
    alternative: str = ""


class Case(NamedTuple):
    """What is known of one user: the licenses that were asked for, and what may be tried besides.

    ``name`` is the alternative that is sent first. ``other`` is the change that the other one makes, for the user as
    ``planned``, and ``other_asked`` what it asks for.
    """

    wanted: Sequence[Wanted]
    at_risk: bool = False
    name: str = "licenses"
    other: LicenseChange | None = None
    other_wanted: Sequence[Wanted] = ()
    planned: User | None = None

    @property
    def other_name(self) -> str:
        return "fallback" if self.name == "licenses" else "licenses"


class _Refused(NamedTuple):
    """The alternative that was given up for the other one."""

    change: LicenseChange
    problem: Problem
    wanted: Sequence[Wanted]
    name: str


def is_usable(
    user: User,
    change: LicenseChange,
    predicted: User,
    finding: Finding | None,
    skus: Mapping[str, Sku],
    catalog: Catalog,
) -> bool:
    """Does the other alternative (``change``) keep the mailbox, and is no refusal of it foreseen?"""
    if finding is None:
        keeps = not uncovered_by(user, change, skus, catalog)
    else:
        keeps = saves(finding, user, predicted, catalog)
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
        """``cases`` by user id; ``seats``: what is left for other alternatives, by SKU id."""
        self._cases = dict(cases)
        self._skus, self.catalog = skus, catalog
        self._seats = dict(seats or {})
        self._first: dict[str, _Refused] = {}

    def has_next(self, user: User, change: LicenseChange, problem: Problem) -> bool:
        """Is there something else to try? Uses up nothing."""
        return self._next(user, change, problem) is not None

    def why_untried(self, user: User, change: LicenseChange, problem: Problem) -> list[str]:
        """Why the other alternative is not tried after this refusal, if it lacks seats; no full stop."""
        case = self._cases.get(user.id)
        if case is None or case.other is None or case.planned is None or not _is_acted_on(user, change, problem, case):
            return []
        lacking = self._seatless(user, still_to_do(case.other, case.planned, user))
        names = ", ".join(sorted(self._skus[sku_id].name for sku_id in lacking))
        return [f"{case.other_name}: no seat left of {names}"] if names else []

    def take(self, user: User, change: LicenseChange, problem: Problem) -> Attempt | None:
        """What to send in place of ``change``, or None: the refusal is final."""
        found = self._next(user, change, problem)
        case = self._cases.get(user.id)
        if found is None or case is None:
            return None
        first = self._first.get(user.id)
        if found.alternative and first is None:
            self._first[user.id] = _Refused(change, problem, case.wanted, case.name)
            self._cases[user.id] = case._replace(wanted=case.other_wanted, name=case.other_name, other=None)
            for sku_id in seats_needed(user, found.change):
                self._seats[sku_id] -= 1
        elif found.alternative and first is not None:
            del self._first[user.id]
            self._cases[user.id] = case._replace(wanted=first.wanted, name=first.name)
        return found

    def _next(self, user: User, change: LicenseChange, problem: Problem) -> Attempt | None:
        case = self._cases.get(user.id)
        if case is None or not _is_acted_on(user, change, problem, case):
            return None
        return (
            self._with_dependents_off(change, problem, case.wanted)
            or (self._without_removal(change, problem) if case.at_risk else None)
            or self._other(user, case, problem)
            or (self._with_less(user, change, problem, case) if case.at_risk else None)
        )

    def _with_dependents_off(self, change: LicenseChange, problem: Problem, wanted: Sequence[Wanted]) -> Attempt | None:
        """The first step: the plan that lacks another, where that is off only because it was off before."""
        plans = ids_in(problem.message)
        if problem.code != "missing_dependency" or not plans or self._is_brought(plans[0], change):
            return None
        wishes = {item.sku_id: item for item in wanted}
        for item in change.add:
            wish = wishes.get(item.sku_id)
            carried = item.disabled_plans - ((wish and wish.disabled_plans) or frozenset())
            caused = bool(carried if len(plans) == 1 else carried.intersection(plans[1:]))
            if wish is not None and not wish.whole and caused and self._may_be_off(plans[0], item, wish):
                grounds = " or ".join(self._plan(plan, item.sku_id) for plan in plans[1:]) or "what stays off"
                said = f"is switched off as well, as the service refuses it without {grounds}"
                return self._off(change, item, plans[0], said)
        return None

    def _without_removal(self, change: LicenseChange, problem: Problem) -> Attempt | None:
        """The change that only adds, where a license that stays depends on one that goes, or a group gives it."""
        added = [self._skus[item.sku_id] for item in change.add if item.sku_id in self._skus]
        if not added or not change.remove:
            return None
        if problem.code == "missing_dependency":
            lacking = ids_in(problem.message)[:1]
            if not lacking or any(lacking[0] in sku.plan_ids for sku in added):
                return None
        elif problem.code != "inherited_license":
            return None
        names = ", ".join(sorted(self._skus[item].name if item in self._skus else item for item in change.remove))
        said = f"{names} stays, as the service refuses to remove it: {problem.message.rstrip('.')}"
        return Attempt(change._replace(remove=()), said)

    def _other(self, user: User, case: Case, problem: Problem) -> Attempt | None:
        if case.other is None or case.planned is None:
            return None
        change = still_to_do(case.other, case.planned, user)
        if not change or self._seatless(user, change):
            return None
        return Attempt(change, f"{case.name}: {problem.message.rstrip('.')}", case.other_name)

    def _seatless(self, user: User, change: LicenseChange) -> list[str]:
        return [sku_id for sku_id in seats_needed(user, change) if self._seats.get(sku_id, 0) < 1]

    def _with_less(self, user: User, change: LicenseChange, problem: Problem, case: Case) -> Attempt | None:
        """The last step, for a mailbox at risk: a license without what stands in the way, the first choice before."""
        first = self._first.get(user.id)
        found = self._less(first.change, first.problem, first.wanted) if first else None
        if first is not None and found is not None:
            return found._replace(alternative=first.name)
        return self._less(change, problem, case.wanted)

    def _less(self, change: LicenseChange, problem: Problem, wanted: Sequence[Wanted]) -> Attempt | None:
        """The change without the plan that the refusal names, or without all that may be off where it names none."""
        if problem.code not in PLANS_REFUSED:
            return None
        plans = ids_in(problem.message)
        wishes = {item.sku_id: item for item in wanted}
        for item in change.add:
            wish, sku = wishes.get(item.sku_id), self._skus.get(item.sku_id)
            if wish is None or sku is None:
                continue
            for plan in plans[: 1 if problem.code == "missing_dependency" else None]:
                if self._may_be_off(plan, item, wish):
                    return self._off(change, item, plan, "is switched off, as the service refuses it with the rest")
            rest = frozenset(plan for plan in sku.user_plan_ids if self._may_be_off(plan, item, wish))
            if rest and not plans and self._keeps_mailbox(item):
                said = f"{sku.name}: {len(rest)} plans that were not requested are switched off, because the service"
                return Attempt(
                    _replaced(change, item, rest), f"{said} refuses it with one of them and does not say which"
                )
        return self._without_license(change, problem, plans)

    def _without_license(self, change: LicenseChange, problem: Problem, plans: Sequence[str]) -> Attempt | None:
        """The change without a license that brings nothing but what is refused, where another one keeps the mailbox."""
        out = [
            item
            for item in change.add
            if item.sku_id in self._skus
            and not self._keeps_mailbox(item)
            and (not plans or any(self._is_brought(plan, change._replace(add=(item,))) for plan in plans))
        ]
        rest = tuple(item for item in change.add if item not in out)
        if not out or not any(item.sku_id in self._skus and self._keeps_mailbox(item) for item in rest):
            return None
        names = ", ".join(sorted(self._skus[item.sku_id].name for item in out))
        said = f"the license {names} is left out, as the service refuses it: {problem.message.rstrip('.')}"
        return Attempt(change._replace(add=rest), said)

    def _is_brought(self, plan: str, change: LicenseChange) -> bool:
        """Is this plan what one of the licenses is there for? Then it is on, whatever is off in the others."""
        found = ((item, self._skus.get(item.sku_id)) for item in change.add)
        return any(sku is not None and is_essential(plan, sku, item.disabled_plans) for item, sku in found)

    def _keeps_mailbox(self, item: Assignment) -> bool:
        on = self._skus[item.sku_id].user_plan_ids - item.disabled_plans
        return any(self.catalog.plan_class(plan) in MAILBOX_CLASSES for plan in on)

    def _may_be_off(self, plan: str, item: Assignment, wish: Wanted) -> bool:
        """Is this plan on in the assignment, was it not asked for, and does it keep no mailbox?"""
        sku = self._skus.get(item.sku_id)
        on: Collection[str] = sku.user_plan_ids - item.disabled_plans if sku else ()
        if sku is None or is_essential(plan, sku, item.disabled_plans):
            return False
        return plan in on and plan not in (wish.enabled_plans or ()) and self.catalog.plan_class(plan) is None

    def _off(self, change: LicenseChange, item: Assignment, plan: str, said: str) -> Attempt:
        name = self._skus[item.sku_id].name
        return Attempt(_replaced(change, item, {plan}), f"{name}: {self._plan(plan, item.sku_id)} {said}")

    def _plan(self, plan: str, sku_id: str) -> str:
        return plan_name(plan, self._skus.get(sku_id), self.catalog)


def _is_acted_on(user: User, change: LicenseChange, problem: Problem, case: Case) -> bool:
    """Is something else to be sent after this refusal?"""
    if problem.code in CODES:
        return True
    # without a usage location the service refuses every license
    has_location = user.usage_location or change.usage_location
    about_it = problem.definite and problem.code not in NOT_THE_LICENSE
    return case.at_risk and about_it and bool(has_location or problem.code != "usage_location")


def _replaced(change: LicenseChange, item: Assignment, off: Collection[str]) -> LicenseChange:
    """The change with more plans off in one of its licenses."""
    changed = Assignment(item.sku_id, item.disabled_plans.union(off))
    return change._replace(add=tuple(changed if other is item else other for other in change.add))
