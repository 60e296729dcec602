# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``remove``: one license is swapped for another in one request, and all others stay."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError

from tests.functional.support import processes
from tests.functional.support.assign_harness import Desk
from tests.simulator.skus import table

FROM, TO, KEPT = "EXCHANGESTANDARD", "SPE_E3", "POWER_BI_STANDARD"


def test_one_request_swaps_and_what_is_not_named_stays(desk: Desk) -> None:
    anna = desk.person("anna", desk.held(FROM), desk.held(KEPT))
    for check_mode in (True, False):
        (row,) = desk.run([anna], TO, remove=(FROM,), check_mode=check_mode)["users"]
        assert row["status"] == "changed"
        assert [item["sku"] for item in row["after"]["licenses"]] == [KEPT, TO]
    assert len(desk.parts("POST", "assignLicense")) == 1
    assert desk.states(anna).keys() == {TO, KEPT}
    assert not desk.run([anna], TO, remove=(FROM,))["changed"]
    assert len(desk.writes()) == 1


@pytest.mark.parametrize("name", [FROM.lower(), table()[FROM].id.upper(), "Exchange Online (Plan 1)"])
def test_the_license_that_goes_is_named_as_any_other(desk: Desk, name: str) -> None:
    anna = desk.person("anna", desk.held(FROM))
    desk.run([anna], TO, remove=(name,))
    assert desk.states(anna).keys() == {TO}


def test_who_does_not_hold_what_goes_gets_the_license_all_the_same(desk: Desk) -> None:
    people = [
        desk.person("anna"),
        desk.person("bert", desk.held(TO)),
        desk.person("carl", desk.held(TO), desk.held(FROM)),
    ]
    result = desk.run(people, TO, remove=(FROM,))
    assert [row["status"] for row in result["users"]] == ["changed", "unchanged", "changed"]
    assert all(desk.states(name).keys() == {TO} for name in people)


def test_what_comes_from_a_group_stays_and_is_said(desk: Desk) -> None:
    inherited = desk.inherited(FROM)
    anna = desk.person("anna", inherited)
    (row,) = desk.run([anna], TO, remove=(FROM,))["users"]
    assert (row["status"], set(desk.states(anna))) == ("changed", {TO})
    assert any(
        f"{FROM} stays: it is inherited from group {inherited['assignedByGroup']}" in note for note in row["notes"]
    )
    assert not desk.run([anna], TO, remove=(FROM,))["changed"]


def test_what_is_off_in_the_license_that_goes_stays_off(desk: Desk) -> None:
    anna = desk.person("anna", desk.held("SPE_E3", "YAMMER_ENTERPRISE"))
    (row,) = desk.run([anna], "SPE_E5", remove=("SPE_E3",))["users"]
    assert desk.states(anna) == {"SPE_E5": ["YAMMER_ENTERPRISE"]}
    assert "SPE_E5: YAMMER_ENTERPRISE stays off, as before the swap" in row["notes"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_mailbox_does_not_lose_what_keeps_it(desk: Desk, check_mode: bool) -> None:
    anna = desk.person("anna", desk.held(FROM))
    error = desk.fail([anna], KEPT, remove=(FROM,), check_mode=check_mode)
    assert (error.code, error.partial["uncovered"], desk.writes()) == ("would_uncover", [anna], [])
    assert "in remove the one that goes" in error.hint
    bert = desk.person("bert", desk.held("SPE_E3"), archive=True, hold=True)
    error = desk.fail([bert], FROM, remove=("SPE_E3",), check_mode=check_mode)
    assert (error.code, error.partial["uncovered"]) == ("would_uncover", [bert])
    desk.run([anna], KEPT, remove=(FROM,), allow_uncovered=True, check_mode=check_mode)


def test_where_there_is_no_seat_nothing_goes(desk: Desk) -> None:
    desk.seats(TO, 0)
    anna = desk.person("anna", desk.held(FROM))
    result = desk.run([anna], TO, remove=(FROM,), on_insufficient_seats="skip")
    assert [row["status"] for row in result["users"]] == ["skipped"]
    assert (set(desk.states(anna)), desk.writes()) == ({FROM}, [])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"state": "absent", "remove": (FROM,)},
            "remove: goes with state=present alone, and state=absent removes what",
        ),
        ({"state": "exact", "remove": (FROM,)}, "remove: goes with state=present alone, and state=exact removes"),
        ({"remove": (TO,)}, "remove: SPE_E3 stands in licenses as well; name it in one of them"),
        ({"remove": ("SPE_E33",)}, "remove[0]: the tenant has no SKU 'SPE_E33'"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(desk: Desk, options: dict[str, Any], told: str) -> None:
    anna = desk.person("anna", desk.held(FROM))
    with pytest.raises(ConfigurationError) as caught:
        desk.run([anna], TO, **options)
    assert any(problem.startswith(told) for problem in caught.value.problems), caught.value.problems
    assert desk.writes() == []


def test_every_problem_is_said_at_once(desk: Desk) -> None:
    anna = desk.person("anna")
    with pytest.raises(ConfigurationError) as caught:
        desk.run([anna], "SPE_E33", remove=("SPE_E44",))
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["licenses[0].sku", "remove[0]"]


@pytest.mark.parametrize("given", [{}, {"remove": []}, {"remove": [FROM]}])
def test_the_module_takes_it(desk: Desk, given: dict[str, Any]) -> None:
    anna = desk.person("anna", desk.held(FROM))
    params = {"users": [anna], "licenses": [{"sku": TO}], **given}
    status, output = processes.module("m365_user_license", params, desk.tenant).end()
    assert status == 0, output[:2000]
    assert (FROM in desk.states(anna)) is not bool(given.get("remove"))
