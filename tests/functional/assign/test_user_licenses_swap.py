# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``remove``: one license is swapped for another in one request, and all others stay."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError

from tests.functional.support import processes
from tests.functional.support.assign_harness import Harness
from tests.simulator.skus import table

FROM, TO, KEPT = "EXCHANGESTANDARD", "SPE_E3", "POWER_BI_STANDARD"


def test_one_request_swaps_and_what_is_not_named_stays(env: Harness) -> None:
    anna = env.person("anna", env.held(FROM), env.held(KEPT))
    for check_mode in (True, False):
        (row,) = env.run([anna], TO, remove=(FROM,), check_mode=check_mode)["users"]
        assert row["status"] == "changed"
        assert [item["sku"] for item in row["after"]["licenses"]] == [KEPT, TO]
    assert len(env.parts("POST", "assignLicense")) == 1
    assert env.states(anna).keys() == {TO, KEPT}
    assert not env.run([anna], TO, remove=(FROM,))["changed"]
    assert len(env.writes()) == 1


@pytest.mark.parametrize("name", [FROM.lower(), table()[FROM].id.upper(), "Exchange Online (Plan 1)"])
def test_the_license_that_goes_is_named_as_any_other(env: Harness, name: str) -> None:
    anna = env.person("anna", env.held(FROM))
    env.run([anna], TO, remove=(name,))
    assert env.states(anna).keys() == {TO}


def test_user_without_the_license_to_remove_gets_the_new_one(env: Harness) -> None:
    people = [
        env.person("anna"),
        env.person("bert", env.held(TO)),
        env.person("carl", env.held(TO), env.held(FROM)),
    ]
    result = env.run(people, TO, remove=(FROM,))
    assert [row["status"] for row in result["users"]] == ["changed", "unchanged", "changed"]
    assert all(env.states(name).keys() == {TO} for name in people)


def test_what_comes_from_a_group_stays_and_is_said(env: Harness) -> None:
    inherited = env.inherited(FROM)
    anna = env.person("anna", inherited)
    (row,) = env.run([anna], TO, remove=(FROM,))["users"]
    assert (row["status"], set(env.states(anna))) == ("changed", {TO})
    assert any(
        f"{FROM} stays: it is inherited from group {inherited['assignedByGroup']}" in note for note in row["notes"]
    )
    assert not env.run([anna], TO, remove=(FROM,))["changed"]


def test_what_is_off_in_the_license_that_goes_stays_off(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3", "YAMMER_ENTERPRISE"))
    (row,) = env.run([anna], "SPE_E5", remove=("SPE_E3",))["users"]
    assert env.states(anna) == {"SPE_E5": ["YAMMER_ENTERPRISE"]}
    assert "SPE_E5: YAMMER_ENTERPRISE stays off, as before the swap" in row["notes"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_mailbox_does_not_lose_what_keeps_it(env: Harness, check_mode: bool) -> None:
    anna = env.person("anna", env.held(FROM))
    error = env.fail([anna], KEPT, remove=(FROM,), check_mode=check_mode)
    assert (error.code, error.partial["uncovered"], env.writes()) == ("would_uncover", [anna], [])
    assert "the old one in remove" in error.hint
    bert = env.person("bert", env.held("SPE_E3"), archive=True, hold=True)
    error = env.fail([bert], FROM, remove=("SPE_E3",), check_mode=check_mode)
    assert (error.code, error.partial["uncovered"]) == ("would_uncover", [bert])
    env.run([anna], KEPT, remove=(FROM,), allow_uncovered=True, check_mode=check_mode)


def test_where_there_is_no_seat_nothing_goes(env: Harness) -> None:
    env.seats(TO, 0)
    anna = env.person("anna", env.held(FROM))
    result = env.run([anna], TO, remove=(FROM,), on_insufficient_seats="skip")
    assert [row["status"] for row in result["users"]] == ["skipped"]
    assert (set(env.states(anna)), env.writes()) == ({FROM}, [])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"state": "absent", "remove": (FROM,)},
            "remove: only state=present allows it; state=absent removes what",
        ),
        ({"state": "exact", "remove": (FROM,)}, "remove: only state=present allows it; state=exact removes"),
        ({"remove": (TO,)}, "remove: SPE_E3 is in licenses as well; name it in one of them"),
        ({"remove": ("SPE_E33",)}, "remove[0]: the tenant has no SKU 'SPE_E33'"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(env: Harness, options: dict[str, Any], told: str) -> None:
    anna = env.person("anna", env.held(FROM))
    with pytest.raises(ConfigurationError) as caught:
        env.run([anna], TO, **options)
    assert any(problem.startswith(told) for problem in caught.value.problems), caught.value.problems
    assert env.writes() == []


def test_every_problem_is_said_at_once(env: Harness) -> None:
    anna = env.person("anna")
    with pytest.raises(ConfigurationError) as caught:
        env.run([anna], "SPE_E33", remove=("SPE_E44",))
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["licenses[0].sku", "remove[0]"]


@pytest.mark.parametrize("given", [{}, {"remove": []}, {"remove": [FROM]}])
def test_the_module_takes_it(env: Harness, given: dict[str, Any]) -> None:
    anna = env.person("anna", env.held(FROM))
    params = {"users": [anna], "licenses": [{"sku": TO}], **given}
    status, output = processes.module("m365_user_license", params, env.tenant).end()
    assert status == 0, output[:2000]
    assert (FROM in env.states(anna)) is not bool(given.get("remove"))
