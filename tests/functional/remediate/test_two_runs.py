# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs, or a run and an administrator, on one tenant: each claims what it has written, and overwrites nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._assign import workflow as user_licenses
from ansible_collections.m365.licensing.plugins.module_utils._assign.apply import GROUP
from ansible_collections.m365.licensing.plugins.module_utils._remediate import workflow as remediation

from tests.functional.support.assign_harness import Harness, changed_users, statuses
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

E3 = {**EVERYBODY, "licenses": [{"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]}]}
SAME = "somebody else has just done the same"


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    return PlanHarness(tenant, concurrency=1)


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """What is to happen once between the reading of a run and its writing."""

    def happen(something: Callable[[], Any]) -> None:
        waiting = [something]
        for module, name in ((remediation, "write_plan"), (user_licenses, "apply_changes")):
            true = getattr(module, name)

            def write(*args: Any, true: Callable[..., Any] = true, **more: Any) -> Any:
                if waiting:
                    waiting.pop()()
                return true(*args, **more)

            monkeypatch.setattr(module, name, write)

    return happen


def test_each_of_two_runs_claims_what_it_has_written(
    env: PlanHarness, between: Callable[[Callable[[], Any]], None]
) -> None:
    people = [env.at_risk(f"user{number:03}", usageLocation=None) for number in range(45)]
    first: list[Json] = []
    between(lambda: first.append(env.apply({**EVERYBODY, "match": {"upn": [f"{upn}*" for upn in people[:30]]}})))
    second = env.apply(EVERYBODY)
    assert (first[0]["summary"]["changed"], second["summary"]["changed"]) == (30, 15)
    assert changed_users(first[0]) | changed_users(second) == set(people)
    assert len(env.writes()) == 2 * len(people), "each location and each license once"
    same = [row for row in second["users"] if row["status"] == "unchanged"]
    assert [row["user_principal_name"] for row in same] == people[:30]
    assert all(SAME in row["note"] and row["before"] == row["after"] for row in same)
    assert [item["sku"] for item in same[0]["before"]["licenses"]] == ["EXCHANGESTANDARD"]
    told = second["summary"]
    assert (told["at_risk_licensed"], told["at_risk_done_elsewhere"], told["done_elsewhere"]) == (15, 30, 30)
    assert (told["unresolved"], told["at_risk_failed"], told["others_done_elsewhere"]) == (0, 0, 0)
    assert "15 read back, 30 more done by others meanwhile." in second["reports"]["md"]
    assert first[0]["summary"]["at_risk_done_elsewhere"] == 0
    assert "somebody else" not in first[0]["reports"]["md"]


def test_a_run_that_finds_all_done_has_changed_nothing(
    env: PlanHarness, between: Callable[[Callable[[], Any]], None]
) -> None:
    env.at_risk("anna")
    between(lambda: env.apply(EVERYBODY))
    second = env.apply(EVERYBODY)
    assert (second["changed"], second["summary"]["changed"], second["diff"]["after"]) == (False, 0, "")


def test_later_groups_of_a_long_list_are_read_again(
    env: PlanHarness, between: Callable[[Callable[[], Any]], None]
) -> None:
    env.seats("SPE_E3", 1000)
    people = env.people(GROUP + 20)
    between(lambda: env.run(people[-5:], "SPE_E3"))
    result = env.run(people, "SPE_E3")
    assert statuses(result) == {"changed": GROUP + 15, "unchanged": 5}
    assert [row["notes"] for row in result["users"][-5:]] == [[SAME]] * 5
    assert len(env.writes()) == len(people)


def test_plans_that_somebody_else_has_switched_off_stay_off(
    env: PlanHarness, between: Callable[[Callable[[], Any]], None]
) -> None:
    anna = env.at_risk("anna")
    between(lambda: env.run([anna], {"sku": "SPE_E3", "disabled_plans": ["TEAMS1"]}))
    row = env.apply(E3)["users"][0]
    assert env.states(anna) == {"SPE_E3": ["TEAMS1", "YAMMER_ENTERPRISE"]}
    assert row["status"] == "changed"
    assert row["before"]["licenses"][0]["disabled_plans"] == ["TEAMS1"]
    assert "somebody else has just assigned SPE_E3 with TEAMS1 off, which stays so" in row["note"]


def test_a_license_with_more_switched_off_is_there_and_said_so(
    env: PlanHarness, between: Callable[[Callable[[], Any]], None]
) -> None:
    anna = env.at_risk("anna")
    entry = {"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE", "EXCHANGE_S_ENTERPRISE"]}
    between(lambda: env.run([anna], entry))
    result = env.apply(E3)
    assert (result["changed"], result["users"][0]["status"]) == (False, "unchanged")
    assert "with EXCHANGE_S_ENTERPRISE off" in result["users"][0]["note"]
    assert env.states(anna)["SPE_E3"] == ["EXCHANGE_S_ENTERPRISE", "YAMMER_ENTERPRISE"]


def test_a_usage_location_that_somebody_else_has_set_stays(
    env: PlanHarness, between: Callable[[Callable[[], Any]], None]
) -> None:
    anna = env.at_risk("anna", usageLocation=None)
    between(lambda: env.run([anna], "EMS", usage_location="AT"))
    assert env.apply(EVERYBODY)["summary"]["changed"] == 1
    assert (env.location(anna), set(env.states(anna))) == ("AT", {"EMS", "EXCHANGESTANDARD"})


@pytest.mark.parametrize("on_error", ["continue", "fail"])
def test_a_removal_that_would_now_take_the_last_plan_is_not_sent(
    env: PlanHarness, between: Callable[[Callable[[], Any]], None], on_error: str
) -> None:
    anna = env.person("anna", env.held("EXCHANGEENTERPRISE"), env.held("EXCHANGEARCHIVE_ADDON"))
    env.world.log.clear()
    ben = env.person("ben", env.held("SPE_E3"), env.held("EXCHANGESTANDARD"))
    rule = {**EVERYBODY, "match": {"upn": "ben@*"}, "licenses": [{"sku": "SPE_E3"}], "remove": ["EXCHANGESTANDARD"]}
    between(lambda: env.run([ben], "SPE_E3", state="absent"))
    options: dict[str, Any] = {"scope": "all_users", "allow_removals": True, "on_error": on_error}
    error = env.refused(rule, **options)
    assert set(env.states(ben)) == {"EXCHANGESTANDARD"}
    (row,) = [row for row in error.partial["users"] if row["user_principal_name"] == ben]
    assert (row["status"], row["error"]["code"]) == ("failed", "changed_meanwhile")
    assert set(env.states(anna)) == {"EXCHANGEENTERPRISE", "EXCHANGEARCHIVE_ADDON"}


def test_users_who_cannot_be_read_again_are_written_as_planned(
    env: PlanHarness, between: Callable[[Callable[[], Any]], None]
) -> None:
    anna = env.at_risk("anna")
    between(lambda: env.refuse("/users?", status=500, times=1))
    with env.clients(retry_seconds=0):
        result = env.apply(EVERYBODY)
    assert set(env.states(anna)) == {"EXCHANGESTANDARD"}
    assert result["summary"]["changed"] == 1


def test_a_run_of_many_reads_each_user_again_once(env: Harness) -> None:
    env.seats("SPE_E3", 1000)
    people = env.people(GROUP * 2 + 1)
    env.run(people, "SPE_E3")
    batches = [entry for entry in env.tenant.requests() if "parts" in entry]
    reads = [entry for entry in batches if entry["parts"][0]["method"] == "GET"]
    # read for the decision (3, of 300 each), again before the second and the third group (2); read back at once
    assert len(reads) == 5
