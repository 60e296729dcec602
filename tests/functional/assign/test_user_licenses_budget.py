# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many HTTP requests it takes to license 1,000 users, counted by the tenant."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.functional.support.assign_harness import Harness
from tests.simulator.launch import Tenant

PEOPLE = 1000


@pytest.fixture
def env(tenant: Tenant) -> Harness:
    env = Harness(tenant)
    env.seats("SPE_E3", PEOPLE)
    return env


def check(env: Harness, requests: int, budget: int) -> None:
    """The tenant has seen no more than ``budget`` requests, and as many as the result says."""
    assert len(env.tenant.requests()) == requests <= budget


@pytest.mark.parametrize("by_id", [False, True])
def test_1000_users_take_at_most_80_requests(env: Harness, by_id: bool) -> None:
    people = env.people(PEOPLE)
    names = [env.world.upn_index[upn] for upn in people] if by_id else people
    result = env.run(names, {"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]})
    assert result["summary"]["confirmed"] == PEOPLE
    check(env, result["requests"], 80)
    assert Counter(Counter(env.parts("POST", "assignLicense")).values()) == {1: PEOPLE}
    env.tenant.clear_requests()
    again = env.run(names, {"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]})
    assert not again["changed"]
    check(env, again["requests"], 10)


def test_1000_users_without_location_take_130_requests_at_most(env: Harness) -> None:
    people = env.people(PEOPLE, location=None)
    result = env.run(people, "SPE_E3", usage_location="DE")
    assert result["summary"]["confirmed"] == PEOPLE
    check(env, result["requests"], 130)
    assert Counter(env.location(upn) for upn in people) == {"DE": PEOPLE}


def test_check_mode_of_1000_users_takes_what_reading_takes(env: Harness) -> None:
    result = env.run(env.people(PEOPLE), "SPE_E3", check_mode=True)
    assert result["summary"]["changed"] == PEOPLE
    check(env, result["requests"], 10)


def test_late_replicas_cost_reads_and_no_writes(env: Harness) -> None:
    people = env.people(PEOPLE)
    env.world.switches.replica_lag_reads = 2
    result = env.run(people, "SPE_E3")
    assert result["summary"]["confirmed"] == PEOPLE
    check(env, result["requests"], 80)
