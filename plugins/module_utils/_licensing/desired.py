# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what people write (``sku: SPE_E3, disabled_plans: [...]``) to SKUs and plans that the tenant has.

Part numbers may hold blanks and slashes: they are compared, never parsed. Every problem is found before any of them
is reported. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered, name_key
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import is_guid
from ansible_collections.m365.licensing.plugins.module_utils._common.typed_values import (
    format_value,
    suggestion,
    truth,
    unknown_keys,
    whole_number,
)

from .catalog import Catalog
from .models import ServicePlan, Sku

ENTRY_KEYS = ("sku", "disabled_plans", "enabled_plans")
"""What one element of ``licenses`` may hold."""
IF_AVAILABLE = "if_available"
"""What it may hold besides in a rule: leave it out where the tenant does not have the SKU."""

ROW_KEYS = ("sku", "sku_id", "via", "group_id", "state", "error", "disabled_plans")
"""What ``licenses_row`` says of a license: results have it, and ``m365_user_license`` takes it back as it is."""


class Wanted(NamedTuple):
    """One license that somebody asks for.

    ``disabled_plans``: these are off, whatever else is off stays off. ``enabled_plans``: these are on and all
    others off. Both: these are on, those are off, and all others are left as they are; so they are with neither.
    """

    sku_id: str
    disabled_plans: frozenset[str] | None = None
    enabled_plans: frozenset[str] | None = None

    @property
    def whole(self) -> bool:
        """Does it say of every plan whether it is to be on?"""
        return self.enabled_plans is not None and self.disabled_plans is None


class Missing(NamedTuple):
    """A SKU that a rule names with ``if_available``, and that the tenant does not have; ``path`` is where."""

    path: str
    name: str


class SkuFinder:
    """Finds a SKU of the tenant by part number, GUID or product name; the index is built once."""

    def __init__(self, skus: Sequence[Sku], catalog: Catalog) -> None:
        self._by_id = {lowered(sku.id): sku for sku in skus}
        self._by_part: dict[str, list[Sku]] = {}
        self._by_product: dict[str, list[Sku]] = {}
        self._names: list[str] = []
        self._near: dict[str, str] = {}
        self._catalog = catalog
        self.missing: list[Missing] = []
        """What rules name with ``if_available`` and the tenant does not have, as it was asked for."""
        for sku in sorted(self._by_id.values(), key=lambda sku: (sku.part_number, sku.id)):
            product = catalog.product_name(sku.id)
            self._by_part.setdefault(lowered(sku.part_number), []).append(sku)
            if product:
                self._by_product.setdefault(lowered(product), []).append(sku)
            self._names += [name for name in (sku.part_number, product) if name]

    def by_id(self, sku_id: str) -> Sku:
        """A SKU that ``find`` has found before."""
        return self._by_id[lowered(sku_id)]

    def near(self, text: str) -> str:
        """What the tenant has that looks like this name; each name is looked up once."""
        key = text.strip()
        if key not in self._near:
            self._near[key] = suggestion(key, self._names, "the tenant has")
        return self._near[key]

    def published(self, text: str) -> bool:
        """Is this the name of a SKU in Microsoft's table?"""
        return self._catalog.knows_sku(text)

    def elsewhere(self, plan: Any, sku: Sku) -> bool:
        """Is this a service plan that the SKU does not carry (any more): a GUID, or a name of Microsoft's table?"""
        if not isinstance(plan, str) or lowered(plan.strip()) in _plan_keys(sku):
            return False
        return is_guid(plan) or self._catalog.knows_plan(plan)

    def has(self, text: str) -> bool:
        """Does any SKU of the tenant have this name?"""
        key = name_key(text)
        return key in self._by_id or key in self._by_part or key in self._by_product

    def find(self, text: Any, path: str, problems: list[str]) -> Sku | None:
        """The SKU, or None after a sentence in ``problems`` that names ``path`` and the nearest matches."""
        if not isinstance(text, str) or not text.strip():
            problems.append(f"{path}: expected a part number, GUID or product name, found {format_value(text)}")
            return None
        key = name_key(text)
        if key in self._by_id:
            return self._by_id[key]
        hits = self._by_part.get(key) or self._by_product.get(key) or []
        if len(hits) == 1:
            return hits[0]
        if hits:
            which = ", ".join(f"{sku.part_number} ({sku.id})" for sku in hits)
            problems.append(f"{path}: {text!r} is the name of several SKUs of this tenant: {which}")
        else:
            near = self.near(text)
            problems.append(f"{path}: the tenant has no SKU {text!r} ({near})")
        return None


def shape_problems(entries: Any, path: str = "licenses", *, state: str = "present") -> list[str]:
    """What is wrong with the option ``licenses`` as far as no SKU has to be known, one sentence each."""
    problems: list[str] = []
    if _is_list(entries, path, problems, state):
        for index, entry in enumerate(entries):
            if _is_row(entry):
                unknown_keys(entry, ROW_KEYS, f"{path}[{index}]", problems)
            else:
                _has_shape(_by_id(entry), f"{path}[{index}]", problems, state)
    return problems


def left_to_groups(entries: Iterable[Mapping[str, Any]], path: str = "licenses") -> list[str]:
    """What of ``entries`` came by groups, which alone give and take it; one sentence each."""
    return [
        f"{path}[{index}]: {entry.get('sku') or entry.get('sku_id')} came by group {entry.get('group_id') or '-'} and "
        "is left to it: nothing is assigned or removed on its account."
        for index, entry in enumerate(entries)
        if entry.get("via") == "group"
    ]


def left_as_they_are(entries: Iterable[Mapping[str, Any]], skus: Sequence[Sku], catalog: Catalog) -> list[str]:
    """What of ``entries`` a result has named, and the tenant no longer has; one sentence each."""
    finder = SkuFinder(skus, catalog)
    return [
        f"licenses[{index}]: the tenant no longer has {entry.get('sku') or entry.get('sku_id')}, so it is neither "
        "assigned nor removed. The rest is done."
        for index, entry in enumerate(entries)
        if entry.get("via") == "direct" and _row_sku(entry, finder) is None
    ]


def _row_sku(entry: Mapping[str, Any], finder: SkuFinder) -> str | None:
    """By which name or id the tenant has the SKU of a row, or None."""
    name = entry.get("sku_id") or entry.get("sku")
    return name if isinstance(name, str) and finder.has(name) else None


def _is_row(entry: Any) -> bool:
    """Is it what a result says of a license? Such an element says of every plan whether it is on."""
    return isinstance(entry, Mapping) and entry.get("via") is not None


def _by_id(entry: Any) -> Any:
    """The element with its SKU by id, where it has one: part numbers can be ambiguous."""
    if not isinstance(entry, Mapping) or "sku_id" not in entry:
        return entry
    return {**{key: value for key, value in entry.items() if key != "sku_id"}, "sku": entry["sku_id"]}


def resolve_wanted(
    entries: Any, skus: Sequence[Sku], catalog: Catalog, path: str = "licenses", *, state: str = "present"
) -> tuple[Wanted, ...]:
    """The licenses that ``entries`` (the option ``licenses``) asks for, in the order given.

    An element may also be a license of ``licenses_row``, which has ``via``. Its ``disabled_plans`` are then all that is
    off, and a license that comes from a group is left out (``left_to_groups``). ``sku_id`` takes precedence.

    Raises ConfigurationError with every problem: a SKU or plan that is not there, both kinds of plans at once, a
    company's plan switched off for one user, a SKU twice; with ``state=absent`` any plan; nothing named at all
    (only ``state=exact`` accepts an empty list: it means no direct license).
    """
    problems: list[str] = []
    wanted = collect_wanted(entries, SkuFinder(skus, catalog), path, problems, state=state, rows=True)
    if problems:
        raise ConfigurationError(problems)
    return wanted


def collect_wanted(
    entries: Any,
    finder: SkuFinder,
    path: str,
    problems: list[str],
    *,
    state: str = "present",
    refuse: Callable[[Sku], str] | None = None,
    optional: bool = False,
    rows: bool = False,
) -> tuple[Wanted, ...]:
    """Like ``resolve_wanted``, but adds what is wrong to ``problems`` and returns what is right.

    ``refuse`` says why a SKU may not be named here; an empty text accepts it. With ``optional`` an element may have
    ``if_available``: what that leaves out is added to ``finder.missing``. ``rows``: elements of results are taken.
    """
    if not _is_list(entries, path, problems, state):
        return ()
    result: list[Wanted] = []
    first_at: dict[str, str] = {}
    for index, entry in enumerate(entries):
        here = f"{path}[{index}]"
        if rows and _is_row(entry):
            item = _row(entry, finder, here, problems, state) if entry["via"] != "group" else None
        else:
            item = _entry(_by_id(entry) if rows else entry, finder, here, problems, state, optional)
        if item is None:
            continue
        if item.sku_id in first_at:
            problems.append(f"{here}.sku: names the same SKU as {first_at[item.sku_id]}.sku; name it once")
            continue
        if refuse is not None and (why := refuse(finder.by_id(item.sku_id))):
            problems.append(f"{here}.sku: {why}")
        first_at[item.sku_id] = here
        result.append(item)
    return tuple(result)


def collect_skus(
    entries: Any, finder: SkuFinder, path: str, problems: list[str], *, optional: bool = False
) -> tuple[str, ...]:
    """The ids of a list of SKU names (or of a single name), each once, in the order given.

    With ``optional`` a name may also be written ``{sku: SPE_E5, if_available: true}``.
    """
    single = isinstance(entries, (str, Mapping))
    names = [entries] if single else entries
    if not isinstance(names, (list, tuple)) or not names:
        problems.append(f"{path}: expected a list of SKUs, found {format_value(entries)}")
        return ()
    found: list[Sku | None] = []
    for index, name in enumerate(names):
        here, text = path if single else f"{path}[{index}]", name
        if isinstance(name, Mapping) and optional:
            unknown_keys(name, ("sku", IF_AVAILABLE), here, problems)
            here, text = f"{here}.sku", name.get("sku")
            if _left_out(name, finder, here, problems):
                continue
        found.append(finder.find(text, here, problems))
    return tuple(dict.fromkeys(sku.id for sku in found if sku is not None))


def flag_of(entry: Mapping[Any, Any], path: str, problems: list[str]) -> bool:
    """Does this dictionary say ``if_available``?"""
    value = entry.get(IF_AVAILABLE, False)
    if truth(value) is None:
        problems.append(f"{path}.{IF_AVAILABLE}: expected true or false, found {format_value(value)}")
    return truth(value) is True


def _left_out(entry: Mapping[Any, Any], finder: SkuFinder, path: str, problems: list[str]) -> bool:
    """Is this a SKU that may be missing, and is? ``path`` is that of its name."""
    name = entry.get("sku")
    may_be_missing = flag_of(entry, path.removesuffix(".sku"), problems)
    if not may_be_missing or not isinstance(name, str) or not name.strip() or finder.has(name):
        return False
    finder.missing.append(Missing(path, name.strip()))
    return True


def resolve_reserve(raw: Any, skus: Sequence[Sku], catalog: Catalog, path: str = "seat_reserve") -> dict[str, int]:
    """``{SPE_E3: 5}`` as ``{sku id: seats}``. Raises ConfigurationError with every problem."""
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise ConfigurationError(f"{path}: expected a dictionary of SKU and seats, found {format_value(raw)}")
    problems: list[str] = []
    finder = SkuFinder(skus, catalog)
    reserve: dict[str, int] = {}
    for name, seats in raw.items():
        number = whole_number(seats)
        if number is None or number < 0:
            problems.append(f"{path}.{name}: expected a whole number of seats from 0 on, found {format_value(seats)}")
        sku = finder.find(name, f"{path}.{name}", problems)
        if sku is None or number is None:
            continue
        if sku.id in reserve:
            problems.append(f"{path}.{name}: the same SKU is named twice")
        reserve[sku.id] = number
    if problems:
        raise ConfigurationError(problems)
    return reserve


def _is_list(entries: Any, path: str, problems: list[str], state: str) -> bool:
    if not isinstance(entries, (list, tuple)):
        problems.append(f"{path}: expected a list of {{sku: …}}, found {format_value(entries)}")
        return False
    if not entries and state != "exact":
        problems.append(f"{path}: the list is empty, so there is nothing to do; name at least one SKU")
    return True


def _has_shape(entry: Any, path: str, problems: list[str], state: str, keys: Sequence[str] = ENTRY_KEYS) -> bool:
    """Is it a dictionary? What is wrong inside it goes to ``problems``."""
    if not isinstance(entry, Mapping):
        problems.append(f"{path}: expected a dictionary such as {{sku: SPE_E3}}, found {format_value(entry)}")
        return False
    unknown_keys(entry, keys, path, problems)
    disabled, enabled = entry.get("disabled_plans"), entry.get("enabled_plans")
    if both := sorted(_words(disabled) & _words(enabled)):
        problems.append(f"{path}: disabled_plans and enabled_plans contradict each other: both name {', '.join(both)}")
    if state == "absent":
        for key, value in (("disabled_plans", disabled), ("enabled_plans", enabled)):
            if value is not None:
                problems.append(
                    f"{path}.{key}: has no meaning when a license is removed (state=absent); to switch plans off use "
                    "state=present with disabled_plans"
                )
    return True


def _words(names: Any) -> set[str]:
    """The names as they were written, but for case."""
    return {name.strip().upper() for name in names if isinstance(name, str)} if isinstance(names, list) else set()


def _entry(entry: Any, finder: SkuFinder, path: str, problems: list[str], state: str, optional: bool) -> Wanted | None:
    keys = (*ENTRY_KEYS, IF_AVAILABLE) if optional else ENTRY_KEYS
    if not _has_shape(entry, path, problems, state, keys):
        return None
    if optional and _left_out(entry, finder, f"{path}.sku", problems):
        return None
    disabled, enabled = entry.get("disabled_plans"), entry.get("enabled_plans")
    sku = finder.find(entry.get("sku"), f"{path}.sku", problems)
    if sku is None:
        return None
    if sku.applies_to.casefold() == "company":
        problems.append(f"{path}.sku: {sku.part_number} applies to the whole company and cannot be assigned to a user")
    off = None if disabled is None else _plans(disabled, sku, f"{path}.disabled_plans", problems, _refuse_company)
    on = None if enabled is None else _plans(enabled, sku, f"{path}.enabled_plans", problems, None)
    both = (off or frozenset()) & (on or frozenset())
    if both and not _words(disabled) & _words(enabled):
        names = ", ".join(sorted(plan.name for plan in sku.plans if plan.id in both))
        problems.append(f"{path}: disabled_plans and enabled_plans contradict each other: both name {names}")
    return Wanted(sku.id, off, on)


def _row(entry: Mapping[str, Any], finder: SkuFinder, path: str, problems: list[str], state: str) -> Wanted | None:
    """A license as a result describes it: what is not off in it is on. None if the tenant no longer has it."""
    sku = finder.find(name, f"{path}.sku", problems) if (name := _row_sku(entry, finder)) else None
    if sku is None or state == "absent":
        return Wanted(sku.id) if sku else None
    listed = entry.get("disabled_plans") or []
    if isinstance(listed, (list, tuple)):
        # a result of long ago may name a plan that the SKU carried then
        listed = [plan for plan in listed if not finder.elsewhere(plan, sku)]
    off = _plans(listed, sku, f"{path}.disabled_plans", problems, None)
    return Wanted(sku.id, None, sku.user_plan_ids - off)


def _plans(
    names: Any,
    sku: Sku,
    path: str,
    problems: list[str],
    check: Callable[[ServicePlan, str, list[str]], None] | None,
) -> frozenset[str]:
    if isinstance(names, str) or not isinstance(names, (list, tuple)):
        problems.append(f"{path}: expected a list of service plans, found {format_value(names)}")
        return frozenset()
    by_key = _plan_keys(sku)
    found: set[str] = set()
    for index, name in enumerate(names):
        here = f"{path}[{index}]"
        plan = by_key.get(name_key(name)) if isinstance(name, str) else None
        if plan is None:
            near = suggestion(str(name), (plan.name for plan in sku.plans), "it has")
            problems.append(f"{here}: {sku.part_number} has no service plan {str(name)!r} ({near})")
            continue
        if check is not None:
            check(plan, here, problems)
        found.add(plan.id)
    return frozenset(found)


def _plan_keys(sku: Sku) -> dict[str, ServicePlan]:
    """The plans of a SKU by folded name and id."""
    return {lowered(plan.name): plan for plan in sku.plans} | {lowered(plan.id): plan for plan in sku.plans}


def _refuse_company(plan: ServicePlan, path: str, problems: list[str]) -> None:
    if plan.applies_to.casefold() == "company":
        problems.append(f"{path}: {plan.name} applies to the whole company and cannot be off for one user")
