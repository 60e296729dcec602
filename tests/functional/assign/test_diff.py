# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``--diff`` of many users is read by a person: a line for each, with what changes alone."""

from __future__ import annotations

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._reporting.diff import diff_of

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.state import Json

E3 = {"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]}


def held(sku: str, *off: str, **more: object) -> Json:
    return {
        "sku": sku,
        "sku_id": f"id of {sku}",
        "via": "direct",
        "group_id": None,
        "state": "Active",
        "disabled_plans": list(off),
        **more,
    }


def described(*licenses: Json, location: str | None = "DE") -> Json:
    return {"usage_location": location, "licenses": list(licenses)}


def test_only_what_changes_is_told() -> None:
    kept = held("EMS", "INTUNE_A")
    found = diff_of(
        [
            ("anna", described(kept, location=None), described(kept, held("SPE_E3", "TEAMS1"))),
            ("ben", described(held("EMS"), location="AT"), described(held("SPE_E3"), location="DE")),
            ("carl", described(held("EMS"), kept), described(kept)),
            ("dora", described(), described(held("EMS", state="Error"), held("EMS", via="group", group_id="g"))),
            ("eva", described(kept), described(kept)),
        ]
    )
    assert found["before"].splitlines() == ["ben: - EMS; usage location AT", "carl: - EMS"]
    assert found["after"].splitlines() == [
        "anna: + SPE_E3 without TEAMS1; usage location DE",
        "ben: + SPE_E3; usage location DE",
        "dora: + EMS (Error); + EMS from group g",
    ]


def test_nothing_is_no_text() -> None:
    assert diff_of([]) == {"before": "", "after": ""}


@pytest.mark.parametrize("check_mode", [True, False])
def test_sixty_users_are_sixty_lines(env: PlanHarness, check_mode: bool) -> None:
    for number in range(60):
        env.at_risk(f"user{number:02}", env.held("POWER_BI_STANDARD"), usageLocation=None)
    rule = {**EVERYBODY, "licenses": [E3]}
    found = env.apply(rule, check_mode=check_mode)["diff"]
    assert found["before"] == ""
    lines = found["after"].splitlines()
    assert len(lines) == 60
    assert lines[0] == "user00@contoso.example: + SPE_E3 without YAMMER_ENTERPRISE; usage location DE"


def test_a_swap_of_licenses_by_hand(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("EXCHANGESTANDARD"))
    predicted = env.run([anna], E3, state="exact", check_mode=True)["diff"]
    done = env.run([anna], E3, state="exact")["diff"]
    assert done == predicted
    assert done == {
        "before": f"{anna}: - EXCHANGESTANDARD\n",
        "after": f"{anna}: + SPE_E3 without YAMMER_ENTERPRISE\n",
    }
