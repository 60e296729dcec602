# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conflicts and dependencies of the service plans of a user, as tables that a test can set.

The service's own tables are not public: these hold the pairs that are documented or were seen.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from itertools import combinations
from typing import Any

from tests.simulator.building_words import ERRORS, is_country, is_guid
from tests.simulator.errors import bad_request

PLAN2 = ("efb87545-963c-4e0d-99df-69c6916d9eb0", "8c3069c0-ccdb-44be-ab77-986203a67df2")
PLAN1 = (
    "9aaf7827-d63c-4b61-89c3-182f06f82e5c",
    "e9b4930a-925f-45e2-ac2a-3f7788ca6fdd",
    "fc52cc4b-ed7d-472d-bbe7-b081c23ecc56",
    "d42bdbd6-c335-4231-ab3d-c8f348d5aff5",
    "1126bef5-da20-4f07-b45e-ad25d2581aa8",
)
KIOSK = (
    "4a82b400-a79f-41a4-b4e2-e94f5787b113",
    "88f4d7ef-a73b-4246-8047-516022144c9f",
    "90927877-dcff-4af6-b346-2332c0b15bb7",
)
ARCHIVE_ADDON = "176a09a6-7ec5-4039-ac02-b2791c6ba793"
ARCHIVE = "da040e0a-b393-4bea-bb76-928b3fa1cf5a"
MAILBOX_PLANS = frozenset((*PLAN2, *PLAN1, *KIOSK))
"""Plans that grant a mailbox. One user may have several of them since January 2023."""
LEGACY = frozenset({"fc52cc4b-ed7d-472d-bbe7-b081c23ecc56", "d42bdbd6-c335-4231-ab3d-c8f348d5aff5"})
"""The mailbox plans of Midsize and Small Business, which are said to exclude every other one."""

_SKYPE = "0feaeb32-d00e-4d66-bd5a-43b5b83db82c"
_TEAMS = "57ff2da0-773e-42df-b2af-ffb7a2317929"
_SHAREPOINT1, _SHAREPOINT2 = "c7699d2e-19aa-44de-8edf-1736da088ca1", "5dbe027f-2339-4123-9542-606e4d348a72"

DEPENDENCIES: Mapping[str, tuple[str, ...]] = {
    # Office for the web: SharePoint plan 2 or plan 1, or that of the frontline SKUs, which are sold with it.
    "e95bec33-7c88-4a70-8e19-b10bd9d0c014": (_SHAREPOINT2, _SHAREPOINT1, "902b47e5-dcb2-4fdc-858b-c63a90a2bdb9"),
    # Phone System and Audio Conferencing: Skype for Business Online (Plan 2), or Teams.
    "4828c8ec-dc2e-4779-b502-87ac9ce28ab7": (_SKYPE, _TEAMS),
    "3e26ee1f-8a5f-4d52-aee2-b81ce45c8f40": (_SKYPE, _TEAMS),
    # The archiving add-on: some mailbox plan.
    ARCHIVE_ADDON: (*PLAN1, *KIOSK, *PLAN2),
}
"""A plan, and the plans of which it needs one."""
EXCLUSIONS: tuple[tuple[str, str], ...] = ((_SHAREPOINT1, _SHAREPOINT2),)
"""Pairs of plans that one user cannot have together."""

TEXTS = ("spaced", "bare", "unnamed")
"""How a refusal names plans: with ``, `` and a full stop, with a bare comma and without the stop, or none at all."""

Granted = Mapping[str, tuple[str, str, frozenset[str]]]
"""By plan id: the capability, the name, and the SKUs that grant it."""


@dataclass(frozen=True)
class Violation:
    """Why plans cannot stand together: the word of ``licenseAssignmentStates``, and the plans that are named.

    ``needed``: the plan that lacks all of ``plans`` (a dependency), or nothing (``plans`` exclude each other).
    """

    error: str
    plans: tuple[str, ...]
    needed: str = ""

    def text(self, form: str) -> str:
        """Return the text of the refusal; ``form``: one of ``TEXTS``."""
        if self.needed:
            return _dependency_text(self.needed, self.plans, form)
        return _exclusive_text(self.plans[0], self.plans[1], form)


@dataclass
class PlanRules:
    """The tables of one tenant.

    ``assignment_errors``: how an accepted assignment of a SKU ends, by its id: for all, or by the name or id of a user.
    ``prohibited_locations``: countries in which a SKU cannot be assigned, by its id.
    """

    dependencies: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(DEPENDENCIES))
    exclusions: list[tuple[str, str]] = field(default_factory=lambda: list(EXCLUSIONS))
    assignment_errors: dict[str, str | dict[str, str]] = field(default_factory=dict)
    prohibited_locations: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def check(self, before: Granted, after: Granted, added: frozenset[str], *, legacy: bool, text: str) -> None:
        """Raise GraphError where plans after a change exclude each other or lack what they need."""
        found = self.violation(before, after, added, legacy=legacy)
        if found:
            raise bad_request(found.text(text))

    def violation(self, before: Granted, after: Granted, added: frozenset[str], *, legacy: bool) -> Violation | None:
        """Return why plans conflict after a change.

        ``added``: the SKUs of the change; ``legacy``: do the plans in ``LEGACY`` exclude all other mailbox plans?
        """
        for first, second in self._exclusive(after, legacy=legacy):
            carriers = (after[first][2], after[second][2])
            if (carriers[0] | carriers[1]) & added and not carriers[0] & carriers[1]:
                return Violation("MutuallyExclusiveViolation", (first, second))
        for plan_id, grounds in self.dependencies.items():
            if plan_id not in after or any(ground in after for ground in grounds):
                continue
            if plan_id in before and not any(ground in before for ground in grounds):
                continue  # It was so before this change, which is not the one to blame.
            return Violation("DependencyViolation", tuple(grounds), plan_id)
        return None

    def assignment_error(self, sku_id: str, user: Mapping[str, Any]) -> str:
        """Return the error of an accepted assignment of a SKU for a user; empty if it succeeds."""
        found = self.assignment_errors.get(sku_id, "")
        if isinstance(found, str):
            return found
        names = (user["id"].casefold(), user["userPrincipalName"].casefold())
        return next((error for name, error in found.items() if name.casefold() in names), "")

    def prohibited(self, sku_id: str, location: str | None) -> bool:
        """Whether the SKU is prohibited in this country."""
        return (location or "").upper() in self.prohibited_locations.get(sku_id, ())

    def _exclusive(self, after: Granted, *, legacy: bool) -> Iterator[tuple[str, str]]:
        for first, second in self.exclusions:
            if first in after and second in after:
                yield first, second
        mailbox = sorted(MAILBOX_PLANS & after.keys()) if legacy else ()
        for first, second in combinations(mailbox, 2):
            if LEGACY & {first, second}:
                yield first, second


def parse(body: Mapping[str, Any], skus: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The tables in ``body``, with plans and SKUs by id or name, as attributes of PlanRules. Raises ValueError.

    Whether the users that ``assignment_errors`` names are there, is for ``unknown_users``.
    """
    known = {field.name for field in fields(PlanRules)}
    if unknown := sorted(body.keys() - known):
        raise ValueError(f"plan_rules: no table {unknown[0]!r}; there are: {', '.join(sorted(known))}")
    listed = list(skus)
    plans = {
        plan["servicePlanName"].casefold(): plan["servicePlanId"] for sku in listed for plan in sku["servicePlans"]
    }
    result: dict[str, Any] = {}
    if "dependencies" in body:
        result["dependencies"] = dict(
            _dependency(where, plan, grounds, plans) for where, plan, grounds in _entries(body, "dependencies")
        )
    if "exclusions" in body:
        result["exclusions"] = _exclusions(body["exclusions"], plans)
    if "assignment_errors" in body:
        result["assignment_errors"] = {
            _sku(where, sku, listed): _errors(where, error) for where, sku, error in _entries(body, "assignment_errors")
        }
    if "prohibited_locations" in body:
        result["prohibited_locations"] = {
            _sku(where, sku, listed): _countries(where, countries)
            for where, sku, countries in _entries(body, "prohibited_locations")
        }
    return result


def unknown_users(rules: PlanRules, known: Callable[[str], Any]) -> str:
    """The first user of ``assignment_errors`` who is not there; nothing where all are."""
    named = (name for error in rules.assignment_errors.values() if not isinstance(error, str) for name in error)
    return next((name for name in named if known(name) is None), "")


def _entries(body: Mapping[str, Any], table: str) -> Iterator[tuple[str, str, Any]]:
    """Where an entry of a table stands, its key and its value. Raises ValueError."""
    found = body[table]
    if not isinstance(found, Mapping):
        raise ValueError(f"plan_rules: {table}: {found!r}, expected an object")  # noqa: TRY004 - one kind for all
    for key, value in found.items():
        yield f"plan_rules: {table}[{key!r}]", key, value


def _dependency(where: str, name: str, listed: Any, plans: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    plan, grounds = _plan(where, name, plans), _plans(where, listed, plans)
    if not grounds or plan in grounds:
        raise ValueError(f"{where}: {listed!r}, expected other plans, of which it needs one")
    return plan, grounds


def _exclusions(listed: Any, plans: Mapping[str, str]) -> list[tuple[str, str]]:
    if not isinstance(listed, list):
        raise ValueError(f"plan_rules: exclusions: {listed!r}, expected a list of pairs")  # noqa: TRY004 - as above
    found = []
    for number, pair in enumerate(listed):
        where = f"plan_rules: exclusions[{number}]"
        ids = _plans(where, pair, plans)
        if len(set(ids)) != 2 or len(ids) != 2:
            raise ValueError(f"{where}: {pair!r}, expected two plans")
        found.append((ids[0], ids[1]))
    return found


def _plans(where: str, listed: Any, plans: Mapping[str, str]) -> tuple[str, ...]:
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise ValueError(f"{where}: {listed!r}, expected a list of plans")
    return tuple(_plan(where, item, plans) for item in listed)


def _plan(where: str, name: str, plans: Mapping[str, str]) -> str:
    """The id of a plan of the tenant by its name; a GUID is taken as it is. Raises ValueError."""
    found = plans.get(name.casefold())
    if found is not None:
        return found
    if not is_guid(name):
        raise ValueError(f"{where}: the tenant has no plan {name!r}")
    return str(uuid.UUID(name))


def _sku(where: str, name: str, skus: Iterable[Mapping[str, Any]]) -> str:
    """The id of a SKU of the tenant by its id or by a name that only one has. Raises ValueError."""
    found = [str(sku["skuId"]) for sku in skus if name.casefold() in (sku["skuId"], sku["skuPartNumber"].casefold())]
    if not found:
        raise ValueError(f"{where}: the tenant has no SKU {name!r}")
    if len(found) > 1:
        raise ValueError(f"{where}: {len(found)} SKUs are called {name!r}: {', '.join(found)}; name one by its skuId")
    return found[0]


def _errors(where: str, error: Any) -> str | dict[str, str]:
    """One word for all, or a word by user."""
    for word in error.values() if isinstance(error, Mapping) else [error]:
        if word not in ERRORS:
            raise ValueError(f"{where}: {word!r}, expected one of {', '.join(ERRORS)}, or these by user")
    return dict(error) if isinstance(error, Mapping) else str(error)


def _countries(where: str, listed: Any) -> tuple[str, ...]:
    if not isinstance(listed, list) or not all(map(is_country, listed)):
        raise ValueError(f"{where}: {listed!r}, expected a list of countries such as CN")
    return tuple(country.upper() for country in listed)


def _exclusive_text(first: str, second: str, text: str) -> str:
    start = "License assignment failed because service plans"
    return {
        "spaced": f"{start} {first}, {second} are mutually exclusive.",
        "bare": f"{start} {first},{second} are mutually exclusive",
        "unnamed": f"{start} are mutually exclusive.",
    }[text]


def _dependency_text(plan_id: str, grounds: Iterable[str], text: str) -> str:
    start = f"License assignment failed because service plan {plan_id} depends on the service plan(s)"
    return {
        "spaced": f"{start} {', '.join(grounds)}",
        "bare": f"{start} {','.join(grounds)}",
        "unnamed": f"{start}.",
    }[text]
