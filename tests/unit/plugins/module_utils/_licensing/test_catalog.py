# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which SKUs grant a mailbox: all 614 of Microsoft's table, judged by what the table says and not by our catalogue.

Seven more are not in that table, and are judged by what a second one says.
"""

from __future__ import annotations

import csv
import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing import catalog_data
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN, Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    MAILBOX_CLASSES,
    PlanClass,
    ServicePlan,
    Sku,
)

DATA = Path(__file__).resolve().parents[5] / "data"

MAILBOX_PLANS = {
    "EXCHANGE_S_ENTERPRISE": ("efb87545-963c-4e0d-99df-69c6916d9eb0", "plan2"),
    "EXCHANGE_S_ENTERPRISE_GOV": ("8c3069c0-ccdb-44be-ab77-986203a67df2", "plan2"),
    "EXCHANGE_S_STANDARD": ("9aaf7827-d63c-4b61-89c3-182f06f82e5c", "plan1"),
    "EXCHANGE_S_STANDARD_GOV": ("e9b4930a-925f-45e2-ac2a-3f7788ca6fdd", "plan1"),
    "EXCHANGE_S_STANDARD_MIDMARKET": ("fc52cc4b-ed7d-472d-bbe7-b081c23ecc56", "plan1"),
    "EXCHANGE_L_STANDARD": ("d42bdbd6-c335-4231-ab3d-c8f348d5aff5", "plan1"),
    "EXCHANGE_S_ESSENTIALS": ("1126bef5-da20-4f07-b45e-ad25d2581aa8", "plan1"),
    "EXCHANGE_S_DESKLESS": ("4a82b400-a79f-41a4-b4e2-e94f5787b113", "kiosk"),
    "EXCHANGE_S_DESKLESS_GOV": ("88f4d7ef-a73b-4246-8047-516022144c9f", "kiosk"),
    "EXCHANGE_B_STANDARD": ("90927877-dcff-4af6-b346-2332c0b15bb7", "kiosk"),
}
"""The ten plans that grant a mailbox, by Microsoft's name."""

NO_RIGHTS = {
    "M365_F1_COMM",
    "Microsoft_365_F1_EEA_(no_Teams)",
    "TEAMS_ESSENTIALS_AAD",
    "Microsoft_Teams_EEA_New",
    "Microsoft_Teams_Enterprise_New",
}
"""SKUs that carry one of them, for Teams' calendar, without the right to a mailbox."""


def table(name: str) -> dict[str, Sku]:
    """Every SKU of a table by its id, read here with nothing but the csv module."""
    rows: dict[str, list[dict[str, str]]] = {}
    with (DATA / name).open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            rows.setdefault(row["sku_id"].strip().lower(), []).append(row)
    return {
        sku_id: Sku(
            sku_id,
            some[0]["sku_part_number"],
            plans=tuple(ServicePlan(row["service_plan_id"].strip().lower(), row["service_plan_name"]) for row in some),
        )
        for sku_id, some in rows.items()
    }


TABLE, ADDED = table("sku_service_plans.csv"), table("sku_additions.csv")
TEN = {plan for plan, _grants in MAILBOX_PLANS.values()}


def test_the_table_is_the_one_that_was_measured() -> None:
    assert len(TABLE) == 614
    assert sum(bool(TEN & {plan.id for plan in sku.plans}) for sku in TABLE.values()) == 108


def test_microsofts_table_has_none_of_those_that_it_lacks() -> None:
    """One that it has since is to be taken out of the other table."""
    assert len(ADDED) == 7
    assert not TABLE.keys() & ADDED.keys()


def test_each_row_says_where_it_came_from() -> None:
    assert set(catalog_data.SKUS) == TABLE.keys() | ADDED.keys()
    assert ADDED.keys() == catalog_data.ADDED_SKUS
    published = {plan.id for sku in TABLE.values() for plan in sku.plans}
    added = {plan.id for sku in ADDED.values() for plan in sku.plans}
    assert added - published == catalog_data.ADDED_PLANS
    for sku in (*TABLE.values(), *ADDED.values()):
        assert catalog_data.carried(sku.id) == frozenset(plan.id for plan in sku.plans)
        assert BUILTIN.sku_name(sku.id) == sku.part_number


@pytest.mark.parametrize("sku", [*TABLE.values(), *ADDED.values()], ids=lambda sku: sku.part_number)
def test_a_sku_grants_a_mailbox_by_its_plans_and_its_rights(sku: Sku) -> None:
    carries_one = bool(TEN & {plan.id for plan in sku.plans})
    by_plan = any(BUILTIN.plan_class(plan.id) in MAILBOX_CLASSES for plan in sku.plans)
    assert by_plan is carries_one
    assert BUILTIN.no_rights(sku.id) is (sku.part_number in NO_RIGHTS)
    assert BUILTIN.grants_mailbox(sku) is (carries_one and sku.part_number not in NO_RIGHTS)


def test_104_of_614_skus_grant_a_mailbox_and_four_lack_rights() -> None:
    granting = [sku for sku in TABLE.values() if BUILTIN.grants_mailbox(sku)]
    without = [sku for sku in (*TABLE.values(), *ADDED.values()) if BUILTIN.no_rights(sku.id)]
    assert len(granting) == 104
    assert {sku.part_number for sku in without} == NO_RIGHTS
    assert len(without) == 4 + 1


@pytest.mark.parametrize(("name", "plan"), MAILBOX_PLANS.items(), ids=MAILBOX_PLANS)
def test_the_class_of_each_mailbox_plan(name: str, plan: tuple[str, str]) -> None:
    plan_id, grants = plan
    assert BUILTIN.plan_class(plan_id) is PlanClass(grants)
    assert BUILTIN.plan_name(plan_id) == name


@pytest.mark.parametrize(
    ("plan_id", "grants"),
    [
        pytest.param("176a09a6-7ec5-4039-ac02-b2791c6ba793", PlanClass.ARCHIVING, id="EXCHANGE_S_ARCHIVE_ADDON"),
        pytest.param("da040e0a-b393-4bea-bb76-928b3fa1cf5a", PlanClass.ARCHIVE, id="EXCHANGE_S_ARCHIVE"),
        pytest.param("113feb6c-3fe4-4440-bddc-54d774bf0318", None, id="EXCHANGE_S_FOUNDATION"),
        pytest.param("922ba911-5694-4e99-a794-73aed9bfeec8", None, id="EXCHANGE_S_FOUNDATION_GOV"),
    ],
)
def test_plans_that_grant_an_archive_alone_or_nothing(plan_id: str, grants: PlanClass | None) -> None:
    assert BUILTIN.plan_class(plan_id) is grants


def test_a_name_with_exchange_in_it_proves_nothing() -> None:
    named = {plan.id for sku in TABLE.values() for plan in sku.plans if "EXCHANGE" in plan.name}
    archives = {item for item in named if BUILTIN.plan_class(item) in (PlanClass.ARCHIVING, PlanClass.ARCHIVE)}
    assert {item for item in named if BUILTIN.plan_class(item) is None} == named - TEN - archives
    assert len(named - TEN - archives) >= 10


def test_skus_that_scripts_with_plan_1_and_plan_2_alone_miss() -> None:
    usual = {MAILBOX_PLANS["EXCHANGE_S_STANDARD"][0], MAILBOX_PLANS["EXCHANGE_S_ENTERPRISE"][0]}
    missed = [
        sku for sku in TABLE.values() if TEN & {plan.id for plan in sku.plans} and not usual & {p.id for p in sku.plans}
    ]
    assert len(missed) == 29
    assert Counter(BUILTIN.grants_mailbox(sku) for sku in missed) == {True: 25, False: 4}


def test_names_of_skus_and_plans_come_from_the_table() -> None:
    sku_id = "05e9a617-0261-4cee-bb44-138d3ef5d965"
    assert (BUILTIN.sku_name(sku_id), BUILTIN.product_name(sku_id)) == ("SPE_E3", "Microsoft 365 E3")
    assert BUILTIN.sku_name("00000000-0000-0000-0000-000000000001") == ""
    assert BUILTIN.plan_name("00000000-0000-0000-0000-000000000001") == ""


def test_which_sku_may_bring_which_plan() -> None:
    for sku in TABLE.values():
        carried = {plan.id for plan in sku.plans}
        assert {plan for plan in TEN if BUILTIN.carries(sku.id, plan)} == TEN & carried
    # of a SKU that is newer than the table nothing is known, so nothing is ruled out
    assert BUILTIN.carries("00000000-0000-0000-0000-000000000001", next(iter(TEN)))


def test_the_names_are_those_of_the_table_as_it_stands() -> None:
    spec = importlib.util.spec_from_file_location("generate_catalog", DATA / "generate_catalog.py")
    assert spec is not None
    assert spec.loader is not None
    generator: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    assert generator.render() == Path(catalog_data.__file__).read_text(encoding="utf-8")


# mailbox_plans --------------------------------------------------------------------------------------------------

FOUNDATION = "113feb6c-3fe4-4440-bddc-54d774bf0318"
PLAN2 = MAILBOX_PLANS["EXCHANGE_S_ENTERPRISE"][0]
NEWER = "e4ed42b9-0000-4000-8000-000000000000"


def overridden(**overrides: Any) -> Catalog:
    return BUILTIN.with_overrides(overrides)


@pytest.mark.parametrize(
    "plan",
    ["EXCHANGE_S_FOUNDATION", "exchange_s_foundation", f" {FOUNDATION.upper()} "],
)
def test_a_plan_is_added_by_name_or_id_in_any_case(plan: str) -> None:
    assert overridden(add=[{"plan": plan, "grants": "kiosk"}]).plan_class(FOUNDATION) is PlanClass.KIOSK


def test_a_plan_that_the_table_does_not_know_is_added_by_its_id() -> None:
    changed = overridden(add=[{"plan": NEWER, "grants": "plan1"}])
    assert changed.grants_mailbox(Sku("s", "NEW", plans=(ServicePlan(NEWER, "EXCHANGE_B_CUSTOMDOMAIN"),)))


def test_a_plan_is_removed_and_the_rest_stays() -> None:
    changed = overridden(remove=["EXCHANGE_S_ENTERPRISE"])
    assert changed.plan_class(PLAN2) is None
    assert changed.plan_class(MAILBOX_PLANS["EXCHANGE_S_STANDARD"][0]) is PlanClass.PLAN1
    assert BUILTIN.plan_class(PLAN2) is PlanClass.PLAN2


@pytest.mark.parametrize("overrides", [None, {}, {"add": [], "remove": []}])
def test_without_overrides_the_table_stays(overrides: dict[str, Any] | None) -> None:
    assert BUILTIN.with_overrides(overrides) == BUILTIN


def test_every_wrong_plan_is_named_with_its_place() -> None:
    twice = next(name for name, count in Counter(catalog_data.PLANS.values()).items() if count > 1)
    with pytest.raises(ConfigurationError) as caught:
        overridden(add=[{"plan": "EXCHANGE_PLAN_3", "grants": "plan2"}], remove=[twice, "efb87545"])
    assert [text.partition(":")[0] for text in caught.value.problems] == [
        "mailbox_plans.add[0].plan",
        "mailbox_plans.remove[0]",
        "mailbox_plans.remove[1]",
    ]
    assert "names several plans" in caught.value.problems[1]


@pytest.mark.parametrize(
    "overrides",
    [
        {"add": [{"plan": FOUNDATION, "grants": "kiosk"}], "remove": ["EXCHANGE_S_FOUNDATION"]},
        {"add": [{"plan": FOUNDATION, "grants": "kiosk"}, {"plan": "EXCHANGE_S_FOUNDATION", "grants": "plan1"}]},
    ],
    ids=["added and removed", "added as two classes"],
)
def test_overrides_that_contradict_each_other_are_refused(overrides: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"mailbox_plans\.(add|remove).*113feb6c"):
        BUILTIN.with_overrides(overrides)
