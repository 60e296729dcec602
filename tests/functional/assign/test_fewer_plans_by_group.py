# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A direct license goes that a group gives with fewer plans: which plans go is said, and a mailbox keeps its own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions

EXCHANGE, TEAMS = "EXCHANGE_S_ENTERPRISE", "TEAMS1"
REMOVALS = pytest.mark.parametrize(
    ("licenses", "options"),
    [
        (["SPE_E3"], {"state": "absent"}),
        (["EMS"], {"state": "exact"}),
        (["EMS"], {"remove": ("SPE_E3",)}),
    ],
)


@REMOVALS
@pytest.mark.parametrize("check_mode", [True, False])
def test_the_row_says_which_plans_go(
    env: PlanHarness, licenses: list[str], options: dict[str, Any], check_mode: bool
) -> None:
    inherited = env.inherited("SPE_E3", TEAMS, "YAMMER_ENTERPRISE")
    anna = env.person("anna", env.held("SPE_E3", "YAMMER_ENTERPRISE"), inherited)
    (row,) = env.run([anna], *licenses, check_mode=check_mode, **options)["users"]
    (told,) = [note for note in row["notes"] if "leaves off" in note]
    assert told.startswith(
        f"SPE_E3 stays by group {inherited['assignedByGroup']}, which leaves off TEAMS1: the user loses"
    )


@REMOVALS
@pytest.mark.parametrize("check_mode", [True, False])
def test_the_mailbox_plan_of_a_mailbox_does_not_go(
    env: PlanHarness, licenses: list[str], options: dict[str, Any], check_mode: bool
) -> None:
    inherited = env.inherited("SPE_E3", EXCHANGE, TEAMS)
    anna = env.person("anna", env.held("SPE_E3"), inherited)
    error = env.fail([anna], *licenses, check_mode=check_mode, **options)
    assert (error.code, error.partial["uncovered"], env.writes()) == ("would_uncover", [anna], [])
    group = inherited["assignedByGroup"]
    assert error.hint.startswith(f"SPE_E3 stays by group {group}, which leaves off {EXCHANGE}, {TEAMS}: ")
    assert error.hint.endswith("switch it on in the group, or keep the direct license.")
    env.run([anna], *licenses, check_mode=check_mode, allow_uncovered=True, **options)


def test_where_there_is_no_mailbox_it_may_go(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("SPE_E3"), env.inherited("SPE_E3", EXCHANGE), kind=None)
    (row,) = env.run([anna], "SPE_E3", state="absent")["users"]
    assert row["status"] == "changed"
    assert any(f"leaves off {EXCHANGE}" in note for note in row["notes"])


def test_a_group_that_gives_all_of_it_is_no_loss(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("SPE_E3"), env.inherited("SPE_E3"))
    bert = env.person("bert", env.held("SPE_E3"), env.inherited("SPE_E3", TEAMS), env.held("SPE_E5"))
    rows = env.run([anna, bert], "SPE_E3", state="absent")["users"]
    assert not any("leaves off" in note for row in rows for note in row["notes"])


@pytest.mark.parametrize(("off", "action"), [((TEAMS,), "license"), ((EXCHANGE,), "refused_uncovered")])
def test_a_rule_is_held_to_the_same(env: PlanHarness, off: tuple[str, ...], action: str) -> None:
    env.person("anna", env.held("SPE_E3"), env.inherited("SPE_E3", *off))
    rule = {**EVERYBODY, "licenses": [{"sku": "EMS"}], "remove": ["SPE_E3"]}
    result = env.plan(rule, scope="all_users", allow_removals=True)
    assert actions(result) == {"anna": action}
    assert (f"leaves off {TEAMS}" in result["users"][0]["note"]) is (action == "license")
