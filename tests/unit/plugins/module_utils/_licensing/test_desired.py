# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what people write to SKUs and plans, on all SKUs that Microsoft publishes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._common.typed_values import (
    format_value,
    nearest,
    suggestion,
    whole_number,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import (
    SkuFinder,
    Wanted,
    collect_skus,
    collect_wanted,
    resolve_wanted,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import ServicePlan, Sku

from tests.simulator.skus import SkuRow, table


def _sku(row: SkuRow) -> Sku:
    plans = tuple(ServicePlan(plan.id, plan.name, "Company" if plan.company else "User") for plan in row.plans)
    return Sku(row.id, row.part_number, applies_to="Company" if row.company else "User", enabled=1, plans=plans)


# In this table a part number is unique; an id is not.
ROWS = {row.id: row for row in table().values()}
EVERYTHING = [_sku(row) for row in ROWS.values()]
FINDER = SkuFinder(EVERYTHING, BUILTIN)
E3 = table()["SPE_E3"]
YAMMER = E3.plan("YAMMER_ENTERPRISE")


def problems_of(entries: Any, state: str = "present") -> list[str]:
    """What is wrong with ``entries`` in a tenant that has every SKU."""
    problems: list[str] = []
    collect_wanted(entries, FINDER, "licenses", problems, state=state)
    return problems


# --- SKUs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spell", [str, str.upper, str.lower, lambda text: f"  {text}\t"])
def test_every_sku_is_found_by_part_number_and_by_id_in_any_case(spell: Any) -> None:
    part_numbers = Counter(row.part_number.casefold() for row in ROWS.values())
    for row in ROWS.values():
        problems: list[str] = []
        found = [FINDER.find(spell(row.id), "sku", problems)]
        if part_numbers[row.part_number.casefold()] == 1:
            found.append(FINDER.find(spell(row.part_number), "sku", problems))
        assert not problems
        assert {sku.id for sku in found if sku is not None} == {row.id}


def test_sku_is_found_by_product_name_or_namesakes_are_listed() -> None:
    parts = {row.part_number.casefold() for row in ROWS.values()}
    names = Counter((BUILTIN.product_name(row.id) or "").casefold() for row in ROWS.values())
    unique = 0
    for row in ROWS.values():
        name = BUILTIN.product_name(row.id) or ""
        if not name or name.casefold() in parts:
            continue
        problems: list[str] = []
        found = FINDER.find(name.upper(), "sku", problems)
        if names[name.casefold()] == 1:
            unique += 1
            assert found is not None
            assert found.id == row.id
        else:
            assert found is None
            assert row.id in problems[0]
            assert "several SKUs" in problems[0]
    assert unique > len(ROWS) // 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SPE_E33", "SPE_E3"),
        ("ExchangeStandart", "EXCHANGESTANDARD"),
        ("Exchange Online (Plan1)", "Exchange Online (Plan 1)"),
        ("Microsoft 365 Busines Premium", "Microsoft 365 Business Premium"),
    ],
)
def test_an_unknown_sku_is_answered_with_the_nearest(text: str, expected: str) -> None:
    (problem,) = problems_of([{"sku": text}])
    assert problem.startswith(f"licenses[0].sku: the tenant has no SKU {text!r} (nearest: ")
    assert expected in problem


def test_where_nothing_is_near_the_tenants_skus_are_listed() -> None:
    few = [sku for sku in EVERYTHING if sku.part_number in ("SPE_E3", "EMS")]
    with pytest.raises(ConfigurationError, match=r"no SKU 'zzzzzzzz' \(the tenant has .*EMS, .*SPE_E3"):
        resolve_wanted([{"sku": "zzzzzzzz"}], few, BUILTIN)


def test_known_sku_id_that_the_tenant_lacks_is_unknown() -> None:
    with pytest.raises(ConfigurationError, match="no SKU"):
        resolve_wanted([{"sku": E3.id}], [sku for sku in EVERYTHING if sku.id != E3.id], BUILTIN)


def test_a_tenant_without_skus_says_so() -> None:
    with pytest.raises(ConfigurationError, match=r"\(the tenant has none\)"):
        resolve_wanted([{"sku": "SPE_E3"}], [], BUILTIN)


# --- plans -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spell", [str, str.upper, str.lower, lambda text: f" {text} "])
@pytest.mark.parametrize("key", ["disabled_plans", "enabled_plans"])
def test_every_user_plan_of_a_sku_is_found_by_name_and_id(key: str, spell: Any) -> None:
    for plan in E3.plans:
        if not plan.company:
            for name in (plan.name, plan.id):
                (item,) = resolve_wanted([{"sku": "SPE_E3", key: [spell(name)]}], EVERYTHING, BUILTIN)
                assert item == Wanted(E3.id, **{key: frozenset({plan.id})})


@pytest.mark.parametrize("key", ["disabled_plans", "enabled_plans"])
@pytest.mark.parametrize("name", ["YAMMER_ENTERPRISE", YAMMER])
def test_plan_of_another_sku_is_refused_with_the_skus_plans(key: str, name: str) -> None:
    (problem,) = problems_of([{"sku": "EXCHANGEDESKLESS", key: [name]}])
    assert problem.startswith(f"licenses[0].{key}[0]: EXCHANGEDESKLESS has no service plan {name!r} (")
    assert "EXCHANGE_S_DESKLESS" in problem


def test_a_plan_is_never_found_by_a_part_of_its_name() -> None:
    (problem,) = problems_of([{"sku": "SPE_E3", "disabled_plans": ["YAMMER"]}])
    assert "SPE_E3 has no service plan 'YAMMER' (nearest: YAMMER_ENTERPRISE" in problem


@pytest.mark.parametrize("plans", [None, 7, {"YAMMER_ENTERPRISE": 1}])
def test_a_plan_that_is_no_text_is_refused(plans: Any) -> None:
    assert len(problems_of([{"sku": "SPE_E3", "disabled_plans": [plans]}])) == 1


def test_the_same_plan_twice_is_one_plan() -> None:
    entry = {"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE", YAMMER, "yammer_enterprise"]}
    assert resolve_wanted([entry], EVERYTHING, BUILTIN) == (Wanted(E3.id, frozenset({YAMMER})),)


def test_empty_lists_of_plans_say_something_different_from_none() -> None:
    plans: list[dict[str, Any]] = [{}, {"disabled_plans": []}, {"enabled_plans": []}]
    found = [resolve_wanted([{"sku": "SPE_E3", **more}], EVERYTHING, BUILTIN)[0] for more in plans]
    assert found == [
        Wanted(E3.id),
        Wanted(E3.id, disabled_plans=frozenset()),
        Wanted(E3.id, enabled_plans=frozenset()),
    ]


# --- whole lists -------------------------------------------------------------------------------------------------


def test_a_plan_cannot_be_on_and_off() -> None:
    entry = {"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE", "TEAMS1"], "enabled_plans": ["teams1"]}
    assert problems_of([entry]) == [
        "licenses[0]: disabled_plans and enabled_plans contradict each other: both name TEAMS1"
    ]


def test_a_sku_twice_is_refused_however_it_is_spelt() -> None:
    found = problems_of([{"sku": "spe_e3"}, {"sku": "EMS"}, {"sku": E3.id.upper()}, {"sku": "Microsoft 365 E3"}])
    assert [problem.partition(";")[0] for problem in found] == [
        "licenses[2].sku: names the same SKU as licenses[0].sku",
        "licenses[3].sku: names the same SKU as licenses[0].sku",
    ]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_empty_list_means_nothing_but_for_exact(state: str) -> None:
    assert len(problems_of([], state)) == 1
    assert problems_of([], "exact") == []


def test_a_companys_sku_and_a_refused_one_name_their_place() -> None:
    problems: list[str] = []
    entries = [{"sku": "SHAREPOINTSTORAGE"}, {"sku": "EMS"}]
    collect_wanted(entries, FINDER, "rules[3].licenses", problems, refuse=lambda sku: f"no {sku.part_number} here")
    assert "rules[3].licenses[0].sku: SHAREPOINTSTORAGE applies to the whole company" in problems[0]
    assert "rules[3].licenses[1].sku: no EMS here" in problems


def test_sku_lists_drop_duplicates_and_accept_a_single_name() -> None:
    problems: list[str] = []
    assert collect_skus(["SPE_E3", E3.id.upper(), "EMS"], FINDER, "has", problems) == (E3.id, table()["EMS"].id)
    assert collect_skus("spe_e3", FINDER, "has", problems) == (E3.id,)
    assert not problems
    assert collect_skus([], FINDER, "lacks", problems) == ()
    assert collect_skus(["EMS", "EMMS"], FINDER, "lacks", problems) == (table()["EMS"].id,)
    assert problems[0] == "lacks: expected a list of SKUs, found an empty list"
    assert problems[1].startswith("lacks[1]: the tenant has no SKU 'EMMS' (nearest: EMS")


# --- words for messages ------------------------------------------------------------------------------------------


def test_nearest_ignores_case_and_keeps_the_spelling() -> None:
    assert nearest("TEAMS", ["Teams1", "YAMMER_ENTERPRISE"]) == ["Teams1"]
    assert nearest("", ["Teams1"]) == []


def test_a_long_list_is_cut_and_counted() -> None:
    assert suggestion("?", [f"plan{number:02}" for number in range(12)], "it has").endswith("plan09, … (12 in all)")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        ("5", 5),
        (" -5 ", -5),
        (0, 0),
        (True, None),
        (5.0, None),
        ("5.0", None),
        ("", None),
        ("--5", None),
        ("٥", None),
        ("²", None),
        ("9" * 5000, None),
        (None, None),
        ([], None),
    ],
)
def test_a_number_may_come_as_text_from_a_template(value: Any, number: int | None) -> None:
    assert whole_number(value) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        ("", "an empty text"),
        ("a'b", '"a\'b"'),
        ([], "an empty list"),
        ([1, 2], "a list of 2"),
        ({}, "an empty dictionary"),
        ({"sku": 1}, "a dictionary with sku"),
        (True, "true (bool)"),
        (7, "7 (int)"),
    ],
)
def test_what_was_found_is_shown_with_its_kind(value: Any, text: str) -> None:
    assert format_value(value) == text
