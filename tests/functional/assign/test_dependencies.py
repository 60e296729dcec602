# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans that need others: a license keeps what it is there for, and check mode promises no more than is known."""

from __future__ import annotations

import pytest

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.plan_rules import TEXTS
from tests.simulator.state import Json

TEAMS, SKYPE = "TEAMS1", "MCOSTANDARD"
PHONE: Json = {**EVERYBODY, "licenses": [{"sku": "SPE_E5"}, {"sku": "MCOEV"}], "remove": ["SPE_E3"]}
DOUBT = "needs MCOSTANDARD or TEAMS1, of which none is on: whether the service accepts that cannot be foreseen"


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    env = PlanHarness(tenant)
    env.add_sku("MCOEV")
    return env


# --- what a license is there for stays on -----------------------------------------------------------------------------


def test_no_seat_goes_to_a_license_that_brings_nothing(env: PlanHarness) -> None:
    """A swap that leaves Teams off does not empty the license for Phone System."""
    anna = env.person("anna", env.held("SPE_E3", TEAMS, SKYPE))
    error = env.fail([anna], "SPE_E5", "MCOEV", remove=("SPE_E3",))
    assert (error.code, len(env.license_requests())) == ("missing_dependency", 1)
    assert env.states(anna).keys() == {"SPE_E3"}


def test_where_the_service_takes_it_all_is_given(env: PlanHarness) -> None:
    env.world.plan_rules.dependencies = {}
    anna = env.person("anna", env.held("SPE_E3", TEAMS, SKYPE))
    told = env.run([anna], "SPE_E5", "MCOEV", remove=("SPE_E3",), check_mode=True)["users"][0]
    assert f"MCOEV: MCOEV {DOUBT}" in told["notes"]
    (row,) = env.run([anna], "SPE_E5", "MCOEV", remove=("SPE_E3",))["users"]
    assert row["confirmation"] == "confirmed"
    states = env.states(anna)
    assert states["MCOEV"] == []
    assert "MCOEV" not in states["SPE_E5"], "it is on anyway"
    assert not env.run([anna], "SPE_E5", "MCOEV", remove=("SPE_E3",))["changed"]


@pytest.mark.parametrize("text", TEXTS)
def test_mailbox_at_risk_is_licensed_without_the_refused_sku(env: PlanHarness, text: str) -> None:
    env.world.switches.refusal_text = text
    anna = env.at_risk("anna", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE", TEAMS, SKYPE))
    (row,) = env.apply(PHONE, allow_removals=True)["users"]
    assert (row["status"], row["confirmation"]) == ("changed", "confirmed")
    states = env.states(anna)
    assert states.keys() == {"SPE_E5"}
    assert "EXCHANGE_S_ENTERPRISE" not in states["SPE_E5"]
    assert "the license MCOEV is left out, as the service refuses it" in row["note"]
    assert [item["sku"] for item in row["add"]] == ["SPE_E5"]


# --- check mode -------------------------------------------------------------------------------------------------------


def doubts(row: Json) -> list[str]:
    return [note for note in (*row["notes"], *row.get("warnings", ())) if "foreseen" in note]


def test_an_add_on_without_its_ground_is_doubted(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("SPE_E3", TEAMS, SKYPE))
    (row,) = env.run([anna], "MCOEV", check_mode=True)["users"]
    assert (row["status"], doubts(row)) == ("changed", [f"MCOEV: MCOEV {DOUBT}"])
    error = env.fail([anna], "MCOEV")
    assert error.code == "missing_dependency"
    assert "MCOEV of MCOEV needs MCOSTANDARD or TEAMS1: do without MCOEV, leave on what it needs" in error.hint


def test_so_is_switching_off_what_others_need(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("SPE_E5"))
    entry = {"sku": "SPE_E5", "disabled_plans": [TEAMS, SKYPE]}
    (row,) = env.run([anna], entry, check_mode=True)["users"]
    assert doubts(row) == [f"SPE_E5: MCOEV, MCOMEETADV {DOUBT}".replace("needs", "need")]
    assert env.fail([anna], entry).code == "missing_dependency"


def test_nothing_is_promised_of_a_plan_that_was_asked_for(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("SPE_E3", TEAMS, SKYPE))
    entry = {"sku": "SPE_E5", "enabled_plans": ["MCOEV"], "disabled_plans": []}
    (row,) = env.run([anna], entry, remove=("SPE_E3",), check_mode=True)["users"]
    first, second = doubts(row)
    assert first == f"SPE_E5: MCOEV {DOUBT}"
    assert second.endswith("a plan that the service refuses is switched off as well, unless enabled_plans names it")


def test_a_rule_warns_of_it(env: PlanHarness) -> None:
    env.at_risk("anna", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE", TEAMS, SKYPE))
    (row,) = env.plan(PHONE, allow_removals=True)["users"]
    assert f"MCOEV: MCOEV {DOUBT}" in row["warnings"]


@pytest.mark.parametrize(
    ("held", "asked"),
    [
        (("SPE_E3",), "MCOEV"),
        (("SPE_E3", TEAMS), "MCOEV"),
        (("SPE_E3",), "EMS"),
        ((), "O365_BUSINESS"),
        ((), "SPE_E5"),
    ],
)
def test_nothing_is_doubted_without_a_reason(env: PlanHarness, held: tuple[str, ...], asked: str) -> None:
    env.add_sku("O365_BUSINESS")
    anna = env.person("anna", *([env.held(*held)] if held else []))
    (row,) = env.run([anna], asked, check_mode=True)["users"]
    assert doubts(row) == []


def test_earlier_missing_dependency_is_not_reported(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("SPE_E5", TEAMS, SKYPE))
    (row,) = env.run([anna], "EMS", check_mode=True)["users"]
    assert doubts(row) == []
