# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A usage location that replaces another, and whose answer is lost: it is never told of as written where it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._assign.workflow import UsersFailed
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import LicenseChange, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.readback import still_to_do

from tests.functional.support.assign_harness import Harness, statuses
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

BATCH = {"service": "graph", "path": "$batch", "method": "POST"}
READ = {**BATCH, "kind": "slow", "seconds": 0, "times": 1}
"""The batch that reads the users passes."""


@pytest.fixture
def env(tenant: Tenant) -> Harness:
    return Harness(tenant, retry_seconds=30.0)


def moved(env: Harness, people: list[str], *faults: Json, **options: Any) -> Json:
    """Everybody gets E3, and moves to the USA."""
    env.tenant.set_faults(*faults)
    chosen = {"usage_location": "US", "usage_location_force": True, "on_error": "continue", **options}
    try:
        return env.run(people, "SPE_E3", **chosen)
    except UsersFailed as error:
        return dict(error.partial)
    finally:
        env.tenant.clear_faults()


@pytest.mark.parametrize("holds", [True, False], ids=["licensed", "not licensed"])
@pytest.mark.parametrize("kind", ["html", "empty"])
@pytest.mark.parametrize("times", [1, 4])
def test_an_answer_that_was_never_one(env: Harness, kind: str, times: int, holds: bool) -> None:
    people = env.people(30, location="DE")
    if holds:
        env.run(people, "SPE_E3")
    result = moved(env, people, READ, {**BATCH, "kind": kind, "times": times})
    assert statuses(result) == {"changed": 30}
    assert {env.location(upn) for upn in people} == {"US"}


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_part_that_took_effect_and_never_says_so(env: Harness, status: int) -> None:
    people = env.people(5, location="DE")
    part = {"service": "graph", "part": True, "path": "/users/", "method": "PATCH", "status": status, "times": None}
    result = moved(env, people, {**part, "kind": "late_status"})
    assert {env.location(upn) for upn in people} == {"US"}
    assert statuses(result) == {"changed": 5}
    assert result["changed"] is True


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_part_that_never_takes_effect(env: Harness, status: int) -> None:
    people = env.people(5, location="DE")
    part = {"service": "graph", "part": True, "path": "/users/", "method": "PATCH", "status": status, "times": None}
    result = moved(env, people, part)
    assert statuses(result) == {"failed": 5}
    assert {row["error"]["code"] for row in result["users"]} == {"unknown_outcome"}
    assert {env.location(upn) for upn in people} == {"DE"}
    assert env.states(people[0]) == {}
    assert result["changed"] is False


def test_a_quota_that_is_not_waited_for_is_told_as_the_reason(tenant: Tenant) -> None:
    """Each user counts once, and the first who is named is one whom the service refused."""
    env = Harness(tenant, retry_seconds=5.0)
    people = env.people(60, location=None)
    env.world.switches.write_quota = 20
    with pytest.raises(UsersFailed) as caught:
        env.run(people, "SPE_E3", usage_location="US", on_error="continue")
    rows = [(row["status"], (row["error"] or {}).get("code")) for row in caught.value.partial["users"]]
    untried = sum(code == "not_tried" for _status, code in rows)
    others = sum(code not in (None, "not_tried") for _status, code in rows)
    assert caught.value.message.startswith(f"{others} of 60 users failed, ")
    assert f"{untried} were not tried" in caught.value.message
    assert "on_error" not in json.dumps(caught.value.partial)
    assert "throttled" in caught.value.code or "Too many requests" in caught.value.message


def test_concurrent_location_stays_unless_it_is_replaced() -> None:
    """What is left to send after an answer was lost."""

    def left(before: str | None, now: str | None) -> str | None:
        user = User("1", "anna@contoso.example", usage_location=before)
        change = LicenseChange("1", usage_location="US")
        return still_to_do(change, user, user._replace(usage_location=now)).usage_location

    assert left(None, None) == "US"
    assert left(None, "FR") is None, "only a missing one was to be set"
    assert left("DE", "DE") == "US"
    assert left("DE", "FR") == "US"
    assert left("DE", "us") is None
