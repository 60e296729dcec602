# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a refused license change means, and the way out. Pure: no I/O, no clock.

Status and error code decide first. The service has one code, ``Request_BadRequest``, for nearly all refusals of
assignLicense, so its English text has to tell them apart [seen in the field]: an unknown text is passed on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from .catalog import BUILTIN
from .models import Sku

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Problem(NamedTuple):
    """Why a user was not brought to what was asked: a code for programs, a sentence and a way out for people.

    ``permission`` is named where the application lacks it, so that nobody could be written. ``definite``: is it about
    what was asked for, and not about the moment or the request?
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
    "unknown_plan": "The license no longer carries a plan that is to be off in it: run again, which reads anew what it "
    "carries; m365.licensing.m365_subscription_info lists that.",
    "company_sku": "The SKU applies to the whole company, not to users.",
    "not_assigned": "The user shows a license that the service does not find; run again later.",
    "no_changes": "The service sees nothing to change, and the user does not show what was asked for; run again later.",
    "duplicate_proxy_address": "Another object has the same mail address; find it in the Exchange admin center and "
    "change one of them.",
    "user_not_found": "The user was deleted after it had been read; run again without it.",
}
"""The way out, by our code."""

# what the text says, our code
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
