# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of objects that the control API gets: properties, kinds of values, names and references."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.simulator import building_words, skus
from tests.simulator.building_words import ERRORS, STATES
from tests.simulator.errors import GraphError
from tests.simulator.folding import folded
from tests.simulator.published_types import Types, published, wrong
from tests.simulator.state import Json, World, parse_time

OURS = frozenset({"members", "licenses"})
"""Properties in a form that only the control API has."""
LICENSE_KEYS = frozenset({"sku", "disabled_plans", "state", "error"})


@contextmanager
def about(where: str) -> Iterator[None]:
    """Name this object in every ValueError that is raised within."""
    try:
        yield
    except GraphError as error:
        raise ValueError(f"{where}: {error.message}") from error
    except ValueError as error:
        raise ValueError(str(error) if where in str(error) else f"{where}: {error}") from error


def objects(body: Json, name: str) -> dict[str, Json | None]:
    """Return the changes by key: objects, and null for removals. Raises ValueError."""
    found = body.get(name, {})
    if not isinstance(found, dict):
        raise ValueError(f"{name}: {found!r}, expected an object")  # noqa: TRY004 - one kind for all
    for key, change in found.items():
        if not isinstance(change, (dict, type(None))):
            raise ValueError(f"{name}[{key!r}]: {change!r}, expected an object of properties, or null")  # noqa: TRY004
    return found


def check(where: str, change: Json, known: Iterable[str], interface: str = "") -> None:
    """Raise ValueError where a property is unknown, its value of another kind, or a time cannot be read.

    ``interface``: the published type that says which kind that is.
    """
    listed = sorted(known)
    types = published("beta")
    for name, value in change.items():
        if name not in listed:
            raise ValueError(f"{where}: no property {name!r}; there are: {', '.join(listed)}")
        kind = None if name in OURS else types.get(interface, {}).get(name)
        for problem in _problems(types, kind, value, f"{where}: {name}") if kind else ():
            raise ValueError(problem)
        if name.endswith("DateTime") or name.startswith("When") or name in ("_disconnected", "_pending_delicense"):
            _check_time(f"{where}: {name}", value)
    for problem in building_words.problems(types, interface, change, where):
        raise ValueError(problem)


def _problems(types: Types, kind: str, value: Any, where: str) -> Iterator[str]:
    """Return what is wrong with a value. Objects of a list must be complete, as the tenant reads all their keys."""
    yield from wrong(types, kind, value, where)
    if isinstance(value, list):
        whole = types.get(kind.removeprefix("NullableOption<").removesuffix(">").removesuffix("[]"), {}).keys()
        for number, item in enumerate(value):
            for name in sorted(whole - item.keys()) if isinstance(item, dict) else ():
                yield f"{where}[{number}]: lacks {name}"


def _check_time(where: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise ValueError(f"{where}: {value!r}, expected a time")  # noqa: TRY004
    try:
        parse_time(value)
    except (ValueError, IndexError) as error:
        raise ValueError(f"{where}: {value!r} is no time: {error}") from None


def check_mailbox(where: str, change: Json, mailbox: Mapping[str, Any]) -> None:
    """Check a mailbox: each value keeps its kind. Raises ValueError."""
    check(where, change, mailbox)
    for name, value in change.items():
        kinds, word = _kinds(name, mailbox[name])
        if type(value) not in kinds:
            raise ValueError(f"{where}: {name}: {value!r}, expected {word}")
    for problem in building_words.mailbox_problems(change, where):
        raise ValueError(problem)


def _kinds(name: str, now: Any) -> tuple[tuple[type, ...], str]:
    """Return the kinds that a property of a mailbox may have, from its present value."""
    if name == "SKUAssigned":
        return (bool, type(None)), "true, false or null"
    for kind, word in ((list, "a list"), (bool, "true or false"), (int, "a number")):
        if isinstance(now, kind):
            return (kind,), word
    return (str, type(None)), "a text or null"


def guid(text: str) -> str:
    """Return a GUID in lower case, or an empty text."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""


def sku_of(world: World, key: str) -> Json:
    """A SKU by its id, or by a part number that only one has. Raises ValueError."""
    found = [sku for sku in world.skus.values() if folded(key) in (folded(sku["skuId"]), folded(sku["skuPartNumber"]))]
    if not found:
        listed = ", ".join(sorted(sku["skuPartNumber"] for sku in world.skus.values()))
        raise ValueError(f"no SKU {key!r}; there are: {listed}")
    if len(found) > 1:
        ids = ", ".join(sku["skuId"] for sku in found)
        raise ValueError(f"{len(found)} SKUs are called {key!r}: {ids}; name one by its skuId")
    return found[0]


def plan_of(sku: Json, key: str) -> str:
    """The id of a plan that a SKU carries, by its id or name. Raises ValueError."""
    for plan in sku["servicePlans"]:
        if folded(key) in (plan["servicePlanId"], folded(plan["servicePlanName"])):
            return str(plan["servicePlanId"])
    raise ValueError(f"{sku['skuPartNumber']} carries no plan {key!r}")


def licenses_of(world: World, where: str, listed: Any, *, of_group: bool = False) -> list[Json]:
    """``skuId``, ``disabledPlans``, ``state`` and ``error`` of ``licenses``. Raises ValueError.

    ``of_group``: what a group gives has neither state nor error; its processing finds them for each member.
    """
    known = LICENSE_KEYS - {"state", "error"} if of_group else LICENSE_KEYS
    if not isinstance(listed, list):
        raise ValueError(f"{where}: licenses: {listed!r}, expected a list")  # noqa: TRY004
    found: dict[str, Json] = {}
    for item in listed:
        entry = {"sku": item} if isinstance(item, str) else item
        if not isinstance(entry, dict) or not isinstance(entry.get("sku"), str) or entry.keys() - known:
            raise ValueError(f"{where}: licenses: {item!r}, expected a SKU, or an object of {', '.join(sorted(known))}")
        sku = sku_of(world, entry["sku"])
        off = entry.get("disabled_plans", [])
        if not isinstance(off, list) or not all(isinstance(plan, str) for plan in off):
            raise ValueError(f"{where}: licenses: disabled_plans: {off!r}, expected a list of texts")
        if sku["appliesTo"] != "User":
            raise ValueError(f"{where}: licenses: {entry['sku']!r} is for no user")
        if sku["skuId"] in found:
            raise ValueError(f"{where}: licenses: {entry['sku']!r} is there twice")
        found[sku["skuId"]] = {
            "skuId": sku["skuId"],
            "disabledPlans": sorted(plan_of(sku, plan) for plan in off),
            "state": _word(where, entry, "state", STATES),
            "error": _word(where, entry, "error", ("None", *ERRORS)),
        }
    return list(found.values())


def _word(where: str, entry: Json, name: str, words: tuple[str, ...]) -> str:
    """Return a word of a license, or by default the first one."""
    word = entry.get(name, words[0])
    if word not in words:
        raise ValueError(f"{where}: licenses: {name}: {word!r}, expected one of {', '.join(words)}")
    return str(word)


def service_plans(where: str, listed: Any) -> list[Json]:
    """Service plans of a SKU: objects as Graph shows them, or names of Microsoft's table. Raises ValueError."""
    if not isinstance(listed, list):
        raise ValueError(f"{where}: servicePlans: {listed!r}, expected a list")  # noqa: TRY004
    return [_service_plan(where, item) for item in listed]


def _service_plan(where: str, item: Any) -> Json:
    if isinstance(item, str):
        row = next((plan for sku in skus.table().values() for plan in sku.plans if plan.name == item), None)
        if row is None:
            raise ValueError(f"{where}: servicePlans: the table of plans has no {item!r}; give an object")
        return skus.service_plan(row)
    if not isinstance(item, dict) or not guid(str(item.get("servicePlanId", ""))):
        raise ValueError(f"{where}: servicePlans: {item!r}, expected a name, or an object with a servicePlanId")
    plan_id = guid(item["servicePlanId"])
    plan = {"servicePlanName": plan_id, "provisioningStatus": "Success", "appliesTo": "User", **item}
    here = f"{where}: servicePlans"
    for problem in wrong(published("beta"), "ServicePlanInfo", plan, here):
        raise ValueError(problem)
    for problem in building_words.problems(published("beta"), "ServicePlanInfo", plan, here):
        raise ValueError(problem)
    return {**plan, "servicePlanId": plan_id}
