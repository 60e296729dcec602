# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever goes wrong in whatever order: no report is wrong, nothing is lost, and the next run finishes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._assign.workflow import UsersFailed
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import M365Error
from hypothesis import event, example, given
from hypothesis import strategies as st

from tests.functional.support.assign_harness import Harness, empty_tenant
from tests.functional.support.service_clients import Clients, clients
from tests.simulator.launch import Tenant
from tests.simulator.state import Json
from tests.unit.support.random_examples import examples

WANTED = {"SPE_E3": ["YAMMER_ENTERPRISE"], "EMS": []}
WISH = ({"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]}, "EMS")

PART = st.fixed_dictionaries(
    {
        "text": st.sampled_from(["assignLicense", "assignLicense", "/users/", "$filter"]),
        "status": st.sampled_from([400, 403, 409, 429, 500, 503, 504]),
        "times": st.sampled_from([1, 2, 10, 40, None]),
        "headers": st.sampled_from([{}, {"Retry-After": "3"}]),
    }
)
WHOLE = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(
            ["lost_answer", "drop", "truncate", "html", "empty", "missing_part", "duplicate_part", "status"]
        ),
        "after_batches": st.integers(0, 5),
        "status": st.sampled_from([401, 429, 500, 502, 503]),
        "times": st.sampled_from([1, 1, 2, 5]),
    }
)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Tenant, Clients]]:
    with empty_tenant() as tenant, clients(tenant, concurrency=2, timeout=10_000.0, retry_seconds=60.0) as found:
        yield tenant, found


def attempt(env: Harness, people: list[str], options: dict[str, Any]) -> list[Json]:
    """The rows of one run; none where the users could not even be read."""
    try:
        return list(env.run(people, *WISH, state="exact", usage_location="DE", **options)["users"])
    except UsersFailed as error:
        return list(error.partial["users"])
    except M365Error as error:
        event(f"not read: {error.code}")
        return []


@pytest.mark.random
@example(
    # lost, not shown by a late replica, and refused when it was sent again: that refusal says nothing of the first try
    parts=[],
    wholes=[
        {"kind": "lost_answer", "after_batches": 3, "status": 401, "times": 1},
        {"kind": "status", "after_batches": 2, "status": 401, "times": 2},
    ],
    lag=1,
    options={"on_error": "fail", "confirm": False},
)
@examples(120)
@given(
    parts=st.lists(PART, max_size=3),
    wholes=st.lists(WHOLE, max_size=3),
    lag=st.integers(0, 4),
    options=st.fixed_dictionaries({"on_error": st.sampled_from(["fail", "continue"]), "confirm": st.booleans()}),
)
def test_a_storm_of_faults(
    served: tuple[Tenant, Clients],
    parts: list[dict[str, Any]],
    wholes: list[dict[str, Any]],
    lag: int,
    options: dict[str, Any],
) -> None:
    env = Harness(*served)
    people = env.people(25, env.held("POWER_BI_STANDARD"), location=None)
    people += [env.person("done", env.held("SPE_E3", "YAMMER_ENTERPRISE"), env.held("EMS"))]
    env.world.switches.replica_lag_reads = lag
    for fault in parts:
        env.refuse(**fault)
    for fault in wholes:
        env.fault(**fault)

    rows = attempt(env, people, options)
    assert rows or not env.writes()
    for row in rows:
        licensed = env.states(row["user_principal_name"]) == WANTED
        event(f"{row['status']} {(row['error'] or {}).get('code', '')}")
        if row["status"] in ("changed", "unchanged"):
            assert licensed, row
        elif row["error"]["code"] != "unknown_outcome":
            assert not licensed, row
    assert not rows or [row["user_principal_name"] for row in rows] == people

    env.world.faults.clear()
    env.world.scratch.clear()
    rows = attempt(env, people, options)
    assert {row["status"] for row in rows} <= {"changed", "unchanged"}
    assert [env.states(upn) for upn in people] == [WANTED] * len(people)
    assert {env.location(upn) for upn in people} == {"DE"}
