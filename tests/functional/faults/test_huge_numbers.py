# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of a service that nobody can write: a run that wrote says so, and one that did not says why."""

from __future__ import annotations

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.functional.support.run_against_tenant import PLAN, run
from tests.simulator.launch import Tenant

MOST = 2**63 - 1


def with_seats(tenant: Tenant, seats: int) -> PlanHarness:
    """One user at risk, in a tenant whose subscriptions claim this number of seats each."""
    env = PlanHarness(tenant)
    env.at_risk("anna")
    for sku in env.world.skus.values():
        sku["prepaidUnits"] = {"enabled": seats, "warning": seats, "suspended": 0, "lockedOut": 0}
    return env


def test_the_largest_numbers_lose_no_result(tenant: Tenant) -> None:
    env = with_seats(tenant, MOST)
    result = run(env, PLAN, rules=[EVERYBODY], mode="apply", shared_mailbox_sizes="never")
    assert result["changed"] is True, result
    assert [row["user_principal_name"] for row in result["users"]] == ["anna@contoso.example"]
    assert "error" not in result


def test_a_number_too_long_for_python_is_refused_before_writing(tenant: Tenant) -> None:
    env = with_seats(tenant, 10**4300 - 1)
    result = run(env, PLAN, rules=[EVERYBODY], mode="apply", shared_mailbox_sizes="never")
    assert result["failed"] is True
    assert not result.get("changed")
    assert "a number in it is beyond 64 bits" in result["msg"]
    assert result["error"]["code"] == "incomplete_answer"
    assert env.world.users
    assert not any(entry["method"] == "POST" and "assignLicense" in str(entry) for entry in env.world.log)
