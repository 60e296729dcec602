# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two SKUs of a tenant with one part number, and two entries of one SKU: each is itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._ansible.license_info import user_license_info
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._graph.parsing import skus_from
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN

from tests.functional.support.assign_harness import Harness, empty_tenant
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.skus import table
from tests.simulator.state import Json
from tests.unit.support.raw_answers import raw_sku

NAME = "Microsoft_Teams_Premium"
FIRST, SECOND = "11111111-aaaa-4aaa-8aaa-111111111111", "22222222-bbbb-4bbb-8bbb-222222222222"


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with empty_tenant() as found:
        model = found.world.skus[table()["SPE_E3"].id]
        for sku_id in (FIRST, SECOND):
            more = {"skuId": sku_id, "skuPartNumber": NAME, "id": f"{found.world.tenant_id}_{sku_id}"}
            found.world.skus[sku_id] = {**model, **more}
        yield found


@pytest.fixture
def env(tenant: Tenant) -> Harness:
    return Harness(tenant)


def test_both_are_in_what_the_service_has_switched_off(env: Harness) -> None:
    env.world.switches.service_disables_plans = True
    anna = env.person("anna")
    (row,) = env.run([anna], {"sku_id": FIRST}, {"sku_id": SECOND})["users"]
    assert row["service_disabled_plans"].keys() == {FIRST, SECOND}
    assert all(len(plans) == 1 for plans in row["service_disabled_plans"].values())


def test_the_diff_shows_the_second_beside_the_first(env: Harness) -> None:
    anna = env.person("anna", env.held("EXCHANGESTANDARD"))
    assert env.run([anna], {"sku_id": FIRST})["diff"]["after"] == f"{anna}: + {NAME}\n"
    assert env.run([anna], {"sku_id": SECOND})["diff"] == {"before": "", "after": f"{anna}: + {NAME}\n"}
    diff = env.run([anna], {"sku_id": FIRST}, state="absent")["diff"]
    assert diff == {"before": f"{anna}: - {NAME}\n", "after": ""}


def test_they_are_counted_apart(env: Harness) -> None:
    people = [env.person("anna"), env.person("bert")]
    env.run(people, {"sku_id": FIRST})
    env.run(people[:1], {"sku_id": SECOND})
    with env.clients() as found:
        result = user_license_info(found.graph, BUILTIN, users=people)
        assert len(list(result["users"])) == 2
    assert result["summary"]["by_sku"] == {FIRST: {"sku": NAME, "users": 2}, SECOND: {"sku": NAME, "users": 1}}


@pytest.mark.parametrize("name", [NAME, f" {NAME.lower()} "])
@pytest.mark.parametrize(
    ("licenses", "options", "where"),
    [
        ([NAME], {}, "licenses[0].sku"),
        ([NAME], {"state": "absent"}, "licenses[0].sku"),
        ([NAME], {"state": "exact"}, "licenses[0].sku"),
        (["SPE_E3"], {"remove": (NAME,)}, "remove[0]"),
    ],
    ids=["present", "absent", "exact", "remove"],
)
def test_their_name_alone_is_an_error_that_lists_the_ids(
    env: Harness, licenses: list[str], options: Json, where: str, name: str
) -> None:
    anna = env.person("anna")
    given = [name if item == NAME else item for item in licenses]
    chosen: Json = {key: (name,) if value == (NAME,) else value for key, value in options.items()}
    with pytest.raises(ConfigurationError) as caught:
        env.run([anna], *given, **chosen)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{where}: {name!r} is the name of several SKUs of this tenant: ")
    assert FIRST in problem
    assert SECOND in problem


@pytest.mark.parametrize(
    ("changes", "options", "where"),
    [
        ({"licenses": [{"sku": NAME}]}, {}, "rules[0].licenses[0].sku"),
        ({"fallback": [{"sku": NAME}]}, {}, "rules[0].fallback[0].sku"),
        ({"remove": [NAME]}, {}, "rules[0].remove[0]"),
        ({"match": {"has": [NAME]}}, {}, "rules[0].match.has[0]"),
        ({"match": {"lacks": NAME}}, {}, "rules[0].match.lacks"),
        ({}, {"seat_reserve": {NAME: 1}}, f"seat_reserve.{NAME}"),
    ],
    ids=["licenses", "fallback", "remove", "has", "lacks", "seat_reserve"],
)
def test_so_it_is_in_rules(tenant: Tenant, changes: Json, options: Json, where: str) -> None:
    env = PlanHarness(tenant)
    (problem,) = env.problems({**EVERYBODY, "licenses": [{"sku": "SPE_E3"}], **changes}, **options)
    assert problem.startswith(f"{where}: ")
    assert FIRST in problem
    assert SECOND in problem


@pytest.mark.parametrize("spelling", [str.upper, "  {}  ".format])
def test_ids_in_any_spelling_name_one(env: Harness, spelling: Callable[[str], str]) -> None:
    anna = env.person("anna", env.held("EXCHANGESTANDARD"))
    env.run([anna], spelling(FIRST))
    (row,) = env.run([anna], spelling(SECOND), remove=(spelling(FIRST),))["users"]
    assert [item["sku_id"] for item in row["after"]["licenses"] if item["sku"] == NAME] == [SECOND]


def test_overused_account_takes_no_seat_of_another() -> None:
    units = {"enabled": 1, "warning": 4, "suspended": 0, "lockedOut": 0}
    (sku,) = skus_from([raw_sku(), raw_sku(consumedUnits=3, prepaidUnits=units)])
    assert (sku.enabled, sku.consumed) == (11, 6)
    assert (sku.seats_left(), sku.seats_left(use_warning=True)) == (7, 9)


# --- texts name the id where the name is not enough -------------------------------------------------------------------


def only_the_second_has_seats(env: Harness) -> None:
    for sku_id, enabled in ((FIRST, 0), (SECOND, 9)):
        units = {"enabled": enabled, "warning": 0, "suspended": 0, "lockedOut": 0}
        env.world.skus[sku_id].update(prepaidUnits=units, consumedUnits=0)


def test_a_plan_says_which_of_them_has_no_seat(tenant: Tenant) -> None:
    env = PlanHarness(tenant)
    only_the_second_has_seats(env)
    env.at_risk("anna")
    rule = {**EVERYBODY, "licenses": [{"sku": FIRST}], "fallback": [{"sku": SECOND}]}
    result = env.apply(rule)
    (row,) = result["users"]
    assert (row["alternative"], [item["sku"] for item in row["add"]]) == ("fallback", [NAME])
    assert f"licenses: no seat left of {NAME} ({FIRST})" in row["note"]
    env.at_risk("bert")
    missing = env.plan({**EVERYBODY, "licenses": [{"sku": FIRST}]})["summary"]["seats_missing"]
    assert [(item["sku"], item["sku_id"]) for item in missing] == [(NAME, FIRST)]


@pytest.mark.parametrize("on_insufficient_seats", ["fail", "skip"])
def test_the_module_says_so_too(env: Harness, on_insufficient_seats: str) -> None:
    only_the_second_has_seats(env)
    anna = env.person("anna")
    if on_insufficient_seats == "fail":
        assert f"{NAME} ({FIRST}): 1 seat needed, 0 left" in env.fail([anna], {"sku_id": FIRST}).message
        return
    (row,) = env.run([anna], {"sku_id": FIRST}, on_insufficient_seats="skip")["users"]
    assert f"No seat of {NAME} ({FIRST}) is left" in row["error"]["message"]


def test_an_error_of_the_service_names_the_id(env: Harness) -> None:
    only_the_second_has_seats(env)
    env.world.plan_rules.assignment_errors = {SECOND: "CountViolation"}
    anna = env.person("anna", env.held("EXCHANGESTANDARD"))
    error = env.fail([anna], {"sku_id": SECOND}, remove=("EXCHANGESTANDARD",))
    assert f"{NAME} ({SECOND}) was assigned, but is in error: CountViolation, so EXCHANGESTANDARD was" in error.message


def test_a_name_that_one_sku_has_stands_alone(env: Harness) -> None:
    env.seats("EMS", 0)
    anna = env.person("anna")
    assert "EMS: 1 seat needed" in env.fail([anna], "EMS").message
