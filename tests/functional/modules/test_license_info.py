# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tenant holds, as m365_user_license_info and m365_subscription_info tell it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._ansible.license_info import (
    subscription_info,
    user_license_info,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError, M365Error
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN

from tests.functional.support.assign_harness import Harness
from tests.functional.support.service_clients import clients
from tests.simulator.launch import Tenant, running
from tests.simulator.skus import table
from tests.simulator.state import Json, graph_time


def read(env: Harness, **options: Any) -> list[Json]:
    with env.clients() as found:
        rows: list[Json] = list(user_license_info(found.graph, BUILTIN, **options)["users"])
        return rows


def upns(rows: list[Json]) -> list[str]:
    return [item["user_principal_name"] for item in rows]


# --- users -------------------------------------------------------------------------------------------------------


def test_a_user_is_told_with_every_way_of_every_license(env: Harness) -> None:
    anna = env.person(
        "anna", env.held("SPE_E3", "TEAMS1"), env.inherited("SPE_E3", "TEAMS1", "YAMMER_ENTERPRISE"), env.held("EMS")
    )
    (group,) = env.world.groups
    (row,) = read(env, users=[anna.upper()])
    assert (row["user_principal_name"], row["usage_location"], row["covered"]) == (anna, "DE", ["plan2"])
    assert [(item["sku"], item["via"], item["group_id"], item["disabled_plans"]) for item in row["licenses"]] == [
        ("EMS", "direct", None, []),
        ("SPE_E3", "direct", None, ["TEAMS1"]),
        ("SPE_E3", "group", group, ["TEAMS1", "YAMMER_ENTERPRISE"]),
    ]
    assert {item["sku_id"] for item in row["licenses"]} == {table()["SPE_E3"].id, table()["EMS"].id}


@pytest.mark.parametrize(
    ("held", "covered"),
    [
        ((), []),
        (("SPE_E3",), ["plan2"]),
        (("EXCHANGESTANDARD", "EXCHANGEARCHIVE_ADDON"), ["archiving", "plan1"]),
        (("EXCHANGEARCHIVE",), ["archive"]),
        (("SPE_F1",), ["kiosk"]),
        (("M365_F1_COMM",), []),
        (("POWER_BI_STANDARD", "EMS"), []),
    ],
)
def test_what_licenses_grant(env: Harness, held: tuple[str, ...], covered: list[str]) -> None:
    anna = env.person("anna", *(env.held(name) for name in held))
    assert read(env, users=[anna])[0]["covered"] == covered


def test_a_license_whose_mailbox_plan_is_off_grants_none(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE"))
    ben = env.person("ben", env.inherited("SPE_E3", state="Error", error="CountViolation"))
    rows = read(env, users=[anna, ben])
    assert [item["covered"] for item in rows] == [[], []]
    assert (rows[1]["licenses"][0]["state"], rows[1]["licenses"][0]["error"]) == ("Error", "CountViolation")


def test_users_come_in_the_order_asked_each_once(env: Harness) -> None:
    people = env.people(40)
    wanted = [*people[::-1], people[3].upper(), env.world.upn_index[people[5]]]
    assert upns(read(env, users=wanted)) == people[::-1]


def test_without_users_everybody_who_has_a_license(env: Harness) -> None:
    holders = [env.person(f"holder{number}", env.held("EMS")) for number in range(3)]
    env.people(5)
    assert upns(read(env)) == holders
    assert read(env, users=[]) == []


@pytest.mark.parametrize("sku", ["SPE_E3", table()["SPE_E3"].id.upper(), "microsoft 365 e3"])
def test_only_who_has_a_sku(env: Harness, sku: str) -> None:
    env.person("nobody")
    env.person("other", env.held("EMS"))
    holders = [env.person("direct", env.held("SPE_E3")), env.person("group", env.inherited("SPE_E3"))]
    assert upns(read(env, sku=sku)) == holders
    everybody = [user["userPrincipalName"] for user in env.world.users.values()]
    assert upns(read(env, sku=sku, users=everybody)) == holders


def test_all_pages_are_read(env: Harness) -> None:
    people = env.people(2100, env.held("EMS"))
    assert upns(read(env)) == people


def test_the_summary_counts_each_user_once_for_each_sku(env: Harness) -> None:
    env.person("anna", env.held("SPE_E3", "TEAMS1"), env.inherited("SPE_E3", "TEAMS1"), env.held("EMS"))
    env.person("bert", env.held("EMS"))
    with env.clients() as found:
        result = user_license_info(found.graph, BUILTIN)
        assert len(list(result["users"])) == 2
    assert result["summary"] == {
        "users": 2,
        "covered": 1,
        "by_sku": {
            table()["SPE_E3"].id: {"sku": "SPE_E3", "users": 1},
            table()["EMS"].id: {"sku": "EMS", "users": 2},
        },
    }


def test_unknown_users_and_skus_are_errors_that_name_them(env: Harness) -> None:
    anna = env.person("anna")
    with pytest.raises(ConfigurationError) as caught:
        read(env, users=["ghost@contoso.example", anna, "o'ghost@contoso.example"])
    assert ["ghost" in problem for problem in caught.value.problems] == [True, True]
    with pytest.raises(ConfigurationError, match=r"sku: the tenant has no SKU 'SPE_E33' \(nearest: SPE_E3"):
        read(env, sku="SPE_E33")
    with pytest.raises(ConfigurationError, match=r"users\[0\]"):
        read(env, users=[" "])


@pytest.mark.parametrize("kind", ["lost_page", "duplicate_page", "endless_pages", "truncate", "html", "foreign_link"])
def test_a_list_with_a_hole_is_an_error(env: Harness, kind: str) -> None:
    env.people(2100, env.held("EMS"))
    env.tenant.set_faults({"kind": kind, "service": "graph", "path": "/users", "times": None})
    with pytest.raises(M365Error):
        read(env)


# --- subscriptions -----------------------------------------------------------------------------------------------


def subscriptions(tenant: Tenant) -> tuple[dict[str, Json], list[str]]:
    with clients(tenant) as found:
        result = subscription_info(found.graph, BUILTIN)
    assert [row["sku"].casefold() for row in result["skus"]] == sorted(row["sku"].casefold() for row in result["skus"])
    return {row["sku"]: row for row in result["skus"]}, result["warnings"]


@pytest.fixture(scope="module")
def company() -> Iterator[Tenant]:
    with running(mailboxes=60, at_risk=12) as found:
        yield found


def test_seats_are_told_as_they_are(company: Tenant) -> None:
    rows, warnings = subscriptions(company)
    assert warnings == []
    for sku in company.world.skus.values():
        row = rows[sku["skuPartNumber"]]
        units, seats = sku["prepaidUnits"], row["seats"]
        assert {"enabled": units["enabled"], "warning": units["warning"], "consumed": sku["consumedUnits"]}.items() <= (
            seats.items()
        )
        usable = sku["capabilityStatus"] in ("Enabled", "Warning") and sku["appliesTo"] == "User"
        left = max(0, units["enabled"] - sku["consumedUnits"]) if usable else 0
        assert seats["available"] == left
        assert seats["available_with_warning"] >= left
        assert row["capability_status"] == sku["capabilityStatus"]
    assert rows["SPE_F1"]["seats"]["available"] == 0


def test_what_a_sku_grants_is_told_plan_by_plan(company: Tenant) -> None:
    rows, _summary = subscriptions(company)
    assert rows["SPE_E3"]["grants"] == ["plan2"]
    granting = {plan["plan"]: plan["grants"] for plan in rows["SPE_E3"]["plans"] if plan["grants"]}
    assert granting == {"EXCHANGE_S_ENTERPRISE": "plan2"}
    assert (rows["M365_F1_COMM"]["grants"], rows["M365_F1_COMM"]["no_mailbox_rights"]) == ([], True)
    assert rows["EMS"]["grants"] == []
    assert rows["SPE_E3"]["product_name"] == "Microsoft 365 E3"


def test_when_a_subscription_ends_is_told(company: Tenant) -> None:
    rows, _summary = subscriptions(company)
    dates = {item["skuPartNumber"]: item["nextLifecycleDateTime"] for item in company.world.subscriptions}
    assert {name: row["next_lifecycle"] for name, row in rows.items()} == dates
    assert rows["ENTERPRISEPACK"]["subscriptions"][0]["status"] == "Warning"


def test_the_date_of_an_enabled_subscription_is_its_renewal(company: Tenant) -> None:
    rows, _warnings = subscriptions(company)
    kinds = {name: row["next_lifecycle_kind"] for name, row in rows.items()}
    assert kinds == {
        name: "renewal" if row["capability_status"] == "Enabled" else "next_state" for name, row in rows.items()
    }
    assert {"renewal", "next_state"} <= set(kinds.values())
    assert all(row["subscriptions"][0]["next_lifecycle_kind"] == kinds[name] for name, row in rows.items())


@pytest.fixture
def others(company: Tenant) -> Iterator[Callable[..., None]]:
    """Gives the tenant more subscriptions."""
    before = list(company.world.subscriptions)

    def add(sku_id: str, part_number: str, status: str, days: int | None, *, trial: bool = False) -> None:
        date = None if days is None else graph_time(company.world.now() + timedelta(days=days))
        company.world.subscriptions.append(
            {
                **before[0],
                "id": str(uuid.uuid4()),
                "skuId": sku_id,
                "skuPartNumber": part_number,
                "status": status,
                "isTrial": trial,
                "nextLifecycleDateTime": date,
            }
        )

    yield add
    company.world.subscriptions[:] = before


def test_the_end_of_a_trial_is_no_renewal(company: Tenant, others: Callable[..., None]) -> None:
    others(table()["SPE_E3"].id, "SPE_E3", "Enabled", 3, trial=True)
    rows, _warnings = subscriptions(company)
    assert rows["SPE_E3"]["next_lifecycle_kind"] == "next_state"
    assert {item["next_lifecycle_kind"] for item in rows["SPE_E3"]["subscriptions"]} == {"renewal", "next_state"}


def test_a_sku_of_which_there_are_subscriptions_alone_is_listed(company: Tenant, others: Callable[..., None]) -> None:
    e1, unknown = table()["EXCHANGEDESKLESS"].id, "00000000-0000-4000-8000-00000000dead"
    others(e1.upper(), "EXCHANGEDESKLESS", "Deleted", None)
    others(e1, "EXCHANGEDESKLESS", "LockedOut", 5)
    others(unknown, "TOMORROW", "Enabled", None)
    rows, warnings = subscriptions(company)
    assert warnings == []
    row = rows["EXCHANGEDESKLESS"]
    assert (row["subscribed"], row["capability_status"], row["grants"]) == (False, "LockedOut", ["kiosk"])
    assert (row["next_lifecycle_kind"], len(row["subscriptions"])) == ("next_state", 2)
    assert set(row["seats"].values()) == {0}
    assert "EXCHANGE_S_DESKLESS" in {plan["plan"] for plan in row["plans"]}
    assert (rows["TOMORROW"]["plans"], rows["TOMORROW"]["next_lifecycle"]) == ([], None)
    assert all(row["subscribed"] for name, row in rows.items() if name not in ("EXCHANGEDESKLESS", "TOMORROW"))


def test_without_subscriptions_the_seats_are_told_with_a_warning(company: Tenant) -> None:
    company.set_faults({"kind": "status", "service": "graph", "path": "/directory/subscriptions", "status": 403})
    rows, warnings = subscriptions(company)
    assert rows["SPE_E3"]["next_lifecycle"] is None
    assert len(warnings) == 1
    assert "subscriptions cannot be read" in warnings[0]
