# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where another license was sent than planned, the row speaks of that one."""

from __future__ import annotations

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.skus import table
from tests.simulator.state import Json

STANDARD: Json = {"fallback": [{"sku": "EXCHANGESTANDARD"}]}


def ends(env: PlanHarness, *names: str) -> None:
    env.world.plan_rules.assignment_errors = {table()[name].id: "CountViolation" for name in names}


def test_no_note_speaks_of_a_license_that_was_not_given(env: PlanHarness) -> None:
    ends(env, "SPE_E5")
    env.at_risk("anna", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE", "TEAMS1"))
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E5"}], "remove": ["SPE_E3"], **STANDARD}
    result = env.apply(rule, allow_removals=True)
    (row,) = result["users"]
    assert row["alternative"] == "fallback"
    assert row["note"] == "licenses: SPE_E5 was assigned, but is in error: CountViolation"
    assert row["warnings"] == []
    assert not any("TEAMS1" in warning for warning in result["warnings"])


def test_seats_that_are_said_to_be_taken_are(env: PlanHarness) -> None:
    """Midsize beside Plan 2 is refused; the add-on beside it is not."""
    env.world.switches.exchange_plans = "exclude_legacy"
    for name in ("MIDSIZEPACK", "EXCHANGEARCHIVE_ADDON"):
        env.add_sku(name)
    env.person("anna", env.held("MIDSIZEPACK"), hold=True)
    rule = {**EVERYBODY, "licenses": [{"sku": "EXCHANGEENTERPRISE"}], "fallback": [{"sku": "EXCHANGEARCHIVE_ADDON"}]}
    planned = env.plan(rule)["users"][0]
    assert "EXCHANGEENTERPRISE and MIDSIZEPACK carry an Exchange plan each" in planned["note"]
    assert planned["warnings"]
    (row,) = env.apply(rule)["users"]
    assert (row["status"], row["alternative"]) == ("changed", "fallback")
    assert "takes a seat" not in row["note"]
    assert row["warnings"] == []


def test_what_the_given_license_lacks_is_reported(env: PlanHarness) -> None:
    """The first one gives the right for the hold, and the other only keeps the mailbox."""
    ends(env, "EXCHANGEENTERPRISE")
    env.box(env.at_risk("anna"))["LitigationHoldEnabled"] = True
    rule = {**EVERYBODY, "licenses": [{"sku": "EXCHANGEENTERPRISE"}], **STANDARD}
    assert env.plan(rule)["users"][0]["warnings"] == []
    result = env.apply(rule)
    (row,) = result["users"]
    assert row["alternative"] == "fallback"
    (warning,) = row["warnings"]
    assert warning.startswith("the license keeps the mailbox, but ")
    assert any(text.startswith("The license keeps the mailbox, but ") for text in result["warnings"])


def test_what_was_lacking_in_the_first_is_not_said_of_the_other(env: PlanHarness) -> None:
    ends(env, "EXCHANGESTANDARD")
    env.seats("EXCHANGEENTERPRISE", 1)
    env.box(env.at_risk("anna"))["LitigationHoldEnabled"] = True
    rule = {**EVERYBODY, "licenses": [{"sku": "EXCHANGESTANDARD"}], "fallback": [{"sku": "EXCHANGEENTERPRISE"}]}
    (row,) = env.apply({**rule, "licenses": [{"sku": "EXCHANGESTANDARD"}]})["users"]
    assert row["warnings"] == []


def test_a_doubt_is_over_when_the_plan_is_off(env: PlanHarness) -> None:
    env.at_risk("anna", env.held("SPB", "EXCHANGE_S_STANDARD", "EXCHANGE_S_ARCHIVE_ADDON"))
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]}
    assert env.plan(rule)["users"][0]["warnings"]
    (row,) = env.apply(rule)["users"]
    assert "SHAREPOINTENTERPRISE is switched off" in row["note"]
    assert row["warnings"] == []


def test_what_stays_off_is_still_said_of_the_same_license(env: PlanHarness) -> None:
    env.world.plan_rules.dependencies = {table()["SPE_E5"].plan("ATA"): (table()["SPE_E5"].plan("TEAMS1"),)}
    env.at_risk("anna", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE", "TEAMS1"))
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E5"}], "remove": ["SPE_E3"]}
    (row,) = env.apply(rule, allow_removals=True)["users"]
    assert "SPE_E5: TEAMS1 stays off, as before the swap" in row["note"]
    assert "SPE_E5: ATA is switched off as well, as the service refuses it without TEAMS1" in row["note"]
    assert "ATA is switched off as well, as it needs" not in row["note"]
