# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a refused license change means, which refusals can be foreseen, and what to do about them.

The service has one code, ``Request_BadRequest``, for nearly all refusals of assignLicense. So status and code decide
first, then its English text [seen in the field]; an unknown text is passed on.

Two refusals can be foreseen: the archiving add-on needs a mailbox plan, and the service refuses a SKU that the tenant
no longer has. Check mode and plans report them; a run sends the change, and the service decides.

A refusal names service plans at best. What helps depends on the license that carries them: it came with the change, was
there before, or comes from a group. Pure: no I/O, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import NamedTuple

from .catalog import BUILTIN, PLAN_CLASSES
from .changes import apply_to
from .models import (
    MAILBOX_CLASSES,
    LicenseChange,
    LicenseState,
    PlanClass,
    Sku,
    User,
    plan_carriers,
)
from .plan_relations import is_essential

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Problem(NamedTuple):
    """Why a change of a user failed: a code for programs, a sentence and a hint for people.

    ``permission``: what the application lacks, if it may change no user. ``definite``: is the problem about the
    requested change, and not about the moment or the request?
    """

    code: str
    message: str
    hint: str = ""
    permission: str = ""
    definite: bool = True


_HINTS: Mapping[str, str] = {
    "no_seats": "Buy seats or free some, then run again: somebody else may have taken the last one, or the seats that "
    "are left belong to a subscription that has expired.",
    "usage_location": "The user needs a usage location in which the service is offered: set usage_location "
    "(m365.licensing.m365_user_license replaces another one with usage_location_force=true).",
    "mutually_exclusive_plans": "Two licenses of the user carry plans that exclude each other: name the license that "
    "goes in remove, in the same task, or name one of the plans in disabled_plans.",
    "missing_dependency": "A plan needs another one: leave that one enabled, add a license that carries it, or name "
    "the dependent plan in disabled_plans.",
    "inherited_license": "The license comes from a group: remove the user from the group, or the license from the "
    "group. The service also answers so where another license depends on this one.",
    "unknown_sku": "The tenant does not have this SKU any more; m365.licensing.m365_subscription_info lists what it "
    "has.",
    "unknown_plan": "The license no longer carries a plan that is to be off in it: run again, which reads its current "
    "plans; m365.licensing.m365_subscription_info lists them.",
    "company_sku": "The SKU applies to the whole company, not to users.",
    "not_assigned": "The user shows a license that the service does not find; run again later.",
    "no_changes": "The service sees nothing to change, and the user does not show what was asked for; run again later.",
    "duplicate_proxy_address": "Another object has the same mail address; find it in the Exchange admin center and "
    "change one of them.",
    "user_not_found": "The user was deleted after it had been read; run again without it.",
}
"""The hint, by our code."""

# A part of the text, and our code.
_BY_TEXT: tuple[tuple[str, str], ...] = (
    ("does not have any available licenses", "no_seats"),
    ("no available licenses for the specified allotment", "no_seats"),
    ("invalid usage location", "usage_location"),
    ("mutually exclusive", "mutually_exclusive_plans"),
    ("depends on the service plan", "missing_dependency"),
    ("inherited from a group", "inherited_license"),
    ("does not correspond to a valid company license", "unknown_sku"),
    ("does not belong to", "unknown_plan"),
    ("referenced item does not exist or is not associated", "unknown_plan"),
    ("cannot be assigned to a user", "company_sku"),
    ("does not have a corresponding license", "not_assigned"),
    ("no license changes provided", "no_changes"),
    ("proxy address", "duplicate_proxy_address"),
    ("another object with the same value for property", "duplicate_proxy_address"),
    ("referenced item was not found", "user_not_found"),
)

# innerError.code of cloudLicensing [API review]
_BY_CODE = {
    "noavailablelicenses": "no_seats",
    "proxyaddressconflict": "duplicate_proxy_address",
    "mutuallyexclusiveserviceplans": "mutually_exclusive_plans",
    "invalidusagelocation": "usage_location",
}

NOTHING_TO_DO = frozenset({"not_assigned", "no_changes"})
"""Refusals which say that nothing is left to do: somebody else may have done it, and late replicas do not show it."""


def problem_from(
    status: int, code: str, message: str, *, skus: Mapping[str, Sku], permission_hint: str = ""
) -> Problem:
    """What the service refused, in the terms of this collection. ``message`` is the service's own text."""
    text, names = message.rstrip(), _names(message, skus)
    named = sentence(f"{text.rstrip('.')}{names}" if names else text)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Problem("permission_denied", named, permission_hint)
    if status == HTTPStatus.NOT_FOUND:
        return Problem("user_not_found", named, _HINTS["user_not_found"])
    if status == HTTPStatus.CONFLICT:
        return Problem("conflict", named, "Somebody else writes this user at the same time; run again.")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Problem("throttled", named, "Raise retry_seconds to wait longer, or license fewer users at a time.")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Problem("service_unavailable", named, "Raise retry_seconds to wait longer, or run again later.")
    folded = message.casefold()
    ours = _BY_CODE.get(code.casefold()) or next((ours for text, ours in _BY_TEXT if text in folded), "")
    definite = status == HTTPStatus.BAD_REQUEST
    return Problem(ours or code or f"http_{status}", named, _HINTS.get(ours, ""), definite=definite)


# licenseAssignmentStates[].error [licenseAssignmentState resource]
_BY_STATE = {
    "countviolation": "no_seats",
    "mutuallyexclusiveviolation": "mutually_exclusive_plans",
    "dependencyviolation": "missing_dependency",
    "prohibitedinusagelocationviolation": "usage_location",
    "uniquenessviolation": "duplicate_proxy_address",
}


def problem_of_state(error: str | None, part_number: str) -> Problem:
    """An assignment that the service accepted and then could not carry out (state ``Error``)."""
    code = _BY_STATE.get((error or "").casefold(), "license_error")
    said = f"{part_number} was assigned, but is in error: {error or 'no reason given'}."
    return Problem(code, said, _HINTS.get(code, ""))


def ids_in(message: str) -> list[str]:
    """The ids in a text of the service, lower-case, each once: some texts separate them by a bare comma."""
    return [found.lower() for found in dict.fromkeys(_GUID.findall(message))]


def _names(message: str, skus: Mapping[str, Sku]) -> str:
    """`` ({id} is SPE_E3, …)`` for the ids in a message whose names the tenant or Microsoft's table knows."""
    ids = ids_in(message)
    names: dict[str, str] = {}
    for sku in skus.values() if ids else ():
        names[sku.id] = sku.part_number
        names.update({plan.id: plan.name for plan in sku.plans if plan.id not in names})
    for found in ids:
        names.setdefault(found, BUILTIN.plan_name(found) or BUILTIN.sku_name(found))
    known = [found for found in ids if names[found]]
    return f" ({', '.join(f'{found} is {names[found]}' for found in known)})" if known else ""


def sentence(text: str) -> str:
    """The text with a final stop, which some texts of the service lack: a hint follows."""
    return text if not text or text[-1] in ".!?" else f"{text}."


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
                f"{_sku_names(after[plan], skus)} carries the archiving add-on, which needs a mailbox plan, and so "
                "the service will refuse the add-on alone.",
                "Assign a license with a mailbox plan in the same step, or remove the add-on as well.",
            )
    return None


def _sku_names(sku_ids: Iterable[str], skus: Mapping[str, Sku]) -> str:
    return ", ".join(sorted(skus[sku_id].name for sku_id in sku_ids))


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
    """For two plans that exclude each other: remove the earlier license, or switch one of the plans off."""
    added = {item.sku_id for item in change.add}
    carriers = [state for plan in plans for state in _carriers(plan, after, skus)]
    old = [state for state in carriers if state.sku_id not in added]
    groups = [state for state in carriers if not state.direct]
    switch = _switch(plans, added, skus)
    if groups:
        origins = "; ".join(
            dict.fromkeys(f"{_name(state, skus)} comes from group {state.group_id}" for state in groups)
        )
        return (
            f"{origins}. No request for the user removes what comes from a group: remove the user from that group, or "
            f"the license from the group{switch}."
        )
    if old:
        return f"Name {_listed(_name(state, skus) for state in old)} in remove, in the same task{switch}."
    if carriers:
        return f"Ask for one of {_listed(_name(state, skus) for state in carriers)} alone{switch}."
    return ""


def _dependent(plans: Sequence[str], after: User, change: LicenseChange, skus: Mapping[str, Sku]) -> str:
    """For a plan that lacks another: switch it off or add what it needs, or remove it together with that."""
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

    A plan that keeps a mailbox is never suggested, because the license was requested for it.
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
