# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tenants and wishes at random: a run does what check mode said, and the next run changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests.functional.support.assign_harness import Harness, empty_tenant
from tests.functional.support.random_licenses import (
    PEOPLE,
    PLANS,
    SEATS,
    SKUS,
    WISHES,
    build,
    outcome,
)
from tests.functional.support.service_clients import Clients, clients
from tests.simulator.launch import Tenant
from tests.simulator.skus import table
from tests.simulator.state import Json
from tests.unit.support.random_examples import examples

PLANS["SPE_E3"] += ["EXCHANGE_S_ENTERPRISE", "YAMMER_ENTERPRISE"]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Tenant, Clients]]:
    with empty_tenant() as tenant, clients(tenant, concurrency=1, timeout=10_000.0, retry_seconds=300.0) as found:
        yield tenant, found


@pytest.mark.random
@examples(100)
@given(people=PEOPLE, wish=WISHES, seats=st.fixed_dictionaries(dict.fromkeys(SKUS, SEATS)))
def test_run_matches_check_mode_and_next_changes_nothing(
    served: tuple[Tenant, Clients], people: list[dict[str, Any]], wish: dict[str, Any], seats: dict[str, int]
) -> None:
    env = Harness(*served)
    names = build(env, people)
    for name, free in seats.items():
        taken = env.world.skus[table()[name].id]["consumedUnits"]
        env.seats(name, taken + free, taken=taken)

    predicted = outcome(env, names, wish, check_mode=True)
    assert env.writes() == []
    done = outcome(env, names, wish, check_mode=False)
    assert done == predicted
    assert bool(env.writes()) is any(row["status"] == "changed" or row["error"] for row in done["users"] if wrote(row))
    event(f"{done.get('code', 'done')}, changed: {done['changed']}")
    check_the_tenant(env, done)

    again = outcome(env, names, wish, check_mode=False)
    settled = {row["user_principal_name"] for row in done["users"] if row["status"] in ("changed", "unchanged")}
    assert not [row for row in again["users"] if row["user_principal_name"] in settled and row["status"] == "changed"]


def wrote(row: Json) -> bool:
    """Was a request sent for this user, as far as the row tells?"""
    return row["status"] == "changed" or row["error"] in ("mutually_exclusive_plans", "missing_dependency")


def check_the_tenant(env: Harness, done: Json) -> None:
    """What the result says of users is what the tenant has."""
    for row in done["users"]:
        told = {item["sku"]: item["disabled_plans"] for item in row["after"]["licenses"] if item["via"] == "direct"}
        assert told == env.states(row["user_principal_name"])
        assert row["after"]["usage_location"] == env.location(row["user_principal_name"])
