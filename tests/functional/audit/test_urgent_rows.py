# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the order in which seats are given out, what is most urgent is told first, and is never left out."""

from __future__ import annotations

import pytest

from tests.functional.support import processes
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

SALES = {**EVERYBODY, "name": "Sales", "match": {"department": "Sales"}}
OTHERS = {**EVERYBODY, "name": "Others", "match": {"department": "Care"}}
BY_RULES = {"seat_order": "rules", "shared_mailbox_sizes": "never"}


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    """Nobody has a seat; the most urgent mailbox is that of the last rule, and one that no rule matches."""
    env = PlanHarness(tenant)
    env.seats("EXCHANGESTANDARD", 0)
    for number in range(30):
        env.at_risk(f"sales{number:02}", days=5 + number % 9)
    env.at_risk("care", days=27, department="Care")
    env.at_risk("nobody", days=26, department="Nothing")
    return env


def first_names(rows: list[Json]) -> list[str]:
    return [row["user_principal_name"].partition("@")[0] for row in rows]


def test_each_row_says_how_urgent_it_is(env: PlanHarness) -> None:
    env.person("safe", kind=None)
    by_deadline = env.plan(SALES, OTHERS)["users"]
    assert [row["urgency"] for row in by_deadline] == list(range(1, 33))
    by_rules = env.plan(SALES, OTHERS, **BY_RULES)["users"]
    assert first_names(by_rules)[-2:] == ["care", "nobody"]
    assert first_names(sorted(by_rules, key=lambda row: int(row["urgency"]))) == first_names(by_deadline)
    (safe,) = [
        row
        for row in env.plan(SALES, OTHERS, {**EVERYBODY, "name": "All"}, scope="all_users")["users"]
        if row["reason"] is None
    ]
    assert (safe["action"], safe["urgency"]) == ("no_seat", None)


def test_the_alarm_names_the_most_urgent(env: PlanHarness) -> None:
    error = env.refused(SALES, OTHERS, fail_on="any", **BY_RULES)
    assert "The first is care@" in error.message


@pytest.mark.parametrize("failed", [0, 1])
def test_rows_that_are_left_out_are_not_the_most_urgent(env: PlanHarness, failed: int) -> None:
    params: Json = {**BY_RULES, "rules": [SALES, OTHERS], "max_rows": 5}
    if failed:
        env.seats("EXCHANGESTANDARD", 25)
        for user_id in env.world.users:
            env.refuse(f"{user_id}/assignLicense", status=400, body={"error": {"code": "Bad", "message": "No."}})
        params |= {"mode": "apply", "fail_on": "none"}
    result = processes.result("m365_license_plan", params, env.tenant, failed)
    assert first_names(result["first_rows"])[:2] == ["care", "nobody"]
