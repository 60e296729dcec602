# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way out of a refusal, fitted to what was asked for the user: an addition, a swap, a removal, a usage location.

A refusal names service plans at best. Which license carries them, whether it came with the change, was there before or
comes from a group, decides what helps. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

from .catalog import BUILTIN
from .changes import apply_to
from .dependencies import is_essential
from .models import LicenseChange, LicenseState, Sku, User
from .problems import Problem, ids_in

_MANY = 4
LOCATION_REFUSED = "usage_location_refused"


def fitted(problem: Problem, user: User, change: LicenseChange, skus: Mapping[str, Sku]) -> Problem:
    """The problem of a refused assignLicense with a hint for this user; ``change`` is what was sent."""
    after = apply_to(user, change, skus)
    hint = ""
    if problem.code == "mutually_exclusive_plans":
        hint = _exclusive(ids_in(problem.message), after, change, skus)
    elif problem.code == "missing_dependency":
        hint = _dependent(ids_in(problem.message), after, change, skus)
    elif problem.code == "usage_location" and user.usage_location:
        hint = (
            f"usageLocation of the user is {user.usage_location!r}, where the service is not offered: set "
            "another one with usage_location and usage_location_force=true of m365.licensing.m365_user_license."
        )
    return problem._replace(hint=hint) if hint else problem


def location_refused(problem: Problem, status: int, value: str) -> Problem:
    """The problem of a refused usage location: which value, and what is allowed."""
    if status != HTTPStatus.BAD_REQUEST:
        return problem
    if "on-premises" in problem.message.casefold():
        hint = (
            "The user is synchronized, and its usageLocation is mastered on premises: set msExchUsageLocation there, "
            "and run again without usage_location."
        )
    else:
        hint = (
            "Allowed is the two-letter code (ISO 3166) of a country in which Microsoft offers the service, such as DE, "
            "or GB for the United Kingdom: correct usage_location."
        )
    return Problem(LOCATION_REFUSED, f"usageLocation {value!r} was refused: {problem.message}", hint)


def _exclusive(plans: Sequence[str], after: User, change: LicenseChange, skus: Mapping[str, Sku]) -> str:
    """Two plans that exclude each other: the license that was there before has to go, or one of the plans is off."""
    added = {item.sku_id for item in change.add}
    carriers = [state for plan in plans for state in _carriers(plan, after, skus)]
    old = [state for state in carriers if state.sku_id not in added]
    groups = [state for state in carriers if not state.direct]
    switch = _switch(plans, added, skus)
    if groups:
        told = "; ".join(dict.fromkeys(f"{_name(state, skus)} comes from group {state.group_id}" for state in groups))
        return (
            f"{told}. No request for the user takes away what comes from a group: take the user out of that group, or "
            f"the license off it{switch}."
        )
    if old:
        return f"Name {_listed(_name(state, skus) for state in old)} in remove, in the same task{switch}."
    if carriers:
        return f"Ask for one of {_listed(_name(state, skus) for state in carriers)} alone{switch}."
    return ""


def _dependent(plans: Sequence[str], after: User, change: LicenseChange, skus: Mapping[str, Sku]) -> str:
    """A plan that lacks another: with an addition it goes off or gets what it needs; a removal takes it along."""
    carriers = _carriers(plans[0], after, skus) if plans else []
    if not carriers:
        return ""
    added = {item.sku_id for item in change.add}
    plan = _plan_name(plans[0], skus)
    grounds = " or ".join(_plan_name(item, skus) for item in plans[1:]) or "another plan"
    if len(plans) > _MANY:
        grounds = f"one of {len(plans) - 1} other plans"
    which = _listed(_name(state, skus) for state in carriers)
    if any(state.sku_id in added for state in carriers):
        for_it = [state for state in carriers if is_essential(plans[0], skus[state.sku_id], state.disabled_plans)]
        names = _listed(_name(state, skus) for state in for_it)
        # without it, that license would take a seat for nothing
        way = f"do without {names}" if for_it else f"name {plan} in disabled_plans"
        return f"{plan} of {which} needs {grounds}: {way}, leave on what it needs, or add a license that carries it."
    goes = _listed(skus[sku_id].name for sku_id in change.remove if sku_id in skus)
    keep = f"keep {goes}" if goes else f"leave {grounds} on"
    groups = sorted({state.group_id or "" for state in carriers if not state.direct})
    if groups:
        return (
            f"{plan} of {which} needs {grounds}, and comes from group {_listed(groups)}: take the user out of that "
            f"group first, or {keep}."
        )
    return (
        f"{plan} of {which} needs {grounds}: take {which} away in the same task as well (name it in remove; with "
        f"state=absent name it in licenses, with state=exact leave it out of licenses), or {keep}."
    )


def _carriers(plan_id: str, user: User, skus: Mapping[str, Sku]) -> list[LicenseState]:
    """The assignments of the user that bring this plan."""
    return [
        state
        for state in user.license_states
        if state.effective
        and state.sku_id in skus
        and plan_id in skus[state.sku_id].plan_ids
        and plan_id not in state.disabled_plans
    ]


def _switch(plans: Sequence[str], added: Iterable[str], skus: Mapping[str, Sku]) -> str:
    """``, or switch one of the two plans off (disabled_plans: [SHAREPOINTENTERPRISE] of SPE_E3)``; of the change.

    What keeps a mailbox is no plan to switch off: the license was asked for because of it.
    """
    ways = [
        f"disabled_plans: [{_plan_name(plan, skus)}] of {skus[sku_id].name}"
        for sku_id in sorted(added)
        for plan in plans
        if sku_id in skus and plan in skus[sku_id].user_plan_ids and BUILTIN.plan_class(plan) is None
    ]
    if ways:
        return f", or switch one of the two plans off ({' or '.join(ways)})"
    mailbox = any(BUILTIN.plan_class(plan) is not None for plan in plans)
    return "" if mailbox else ", or switch one of the two plans off"


def _name(state: LicenseState, skus: Mapping[str, Sku]) -> str:
    return skus[state.sku_id].name


def _plan_name(plan_id: str, skus: Mapping[str, Sku]) -> str:
    found = next((plan.name for sku in skus.values() for plan in sku.plans if plan.id == plan_id), "")
    return found or BUILTIN.plan_name(plan_id) or plan_id


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(dict.fromkeys(names)))
