# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A permission that the application lacks ends the run and is named; a user whom nobody may write is about the user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.functional.support.assign_harness import statuses
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.state import GRAPH_ROLES

LICENSES, USERS = "LicenseAssignment.ReadWrite.All", "User.ReadWrite.All"
DENIED = {"status": 403, "body": {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient rights."}}}
BOTH = pytest.mark.parametrize("on_error", ["fail", "continue"])


@pytest.fixture
def env(tenant: Tenant) -> Iterator[PlanHarness]:
    env = PlanHarness(tenant, concurrency=1)
    yield env
    tenant.clear_faults()
    tenant.world.app.roles |= GRAPH_ROLES


def take_away(env: PlanHarness, *roles: str) -> None:
    env.world.app.roles -= {*roles, "Directory.ReadWrite.All"}


@BOTH
def test_licensing_without_permission_stops_after_one_batch(env: PlanHarness, on_error: str) -> None:
    people = env.people(85)
    take_away(env, LICENSES, USERS)
    error = env.fail(people, "SPE_E3", on_error=on_error)
    assert statuses(error.partial) == {"failed": 20, "skipped": 65}
    assert len(env.parts("POST", "assignLicense")) == 20
    assert LICENSES in error.message
    assert "admin consent" in error.hint
    assert "run again" not in str(error).casefold()
    last = error.partial["users"][-1]["error"]
    assert last["code"] == "not_tried"
    assert LICENSES in last["message"]
    assert "run again" not in last["hint"].casefold()


@BOTH
def test_plan_without_permission_stops_after_one_batch(env: PlanHarness, on_error: str) -> None:
    for number in range(45):
        env.at_risk(f"user{number:02}")
    take_away(env, LICENSES, USERS)
    error = env.refused(EVERYBODY, on_error=on_error)
    assert error.code == "permission_denied"
    assert LICENSES in error.message
    assert "admin consent" in error.hint
    assert "run again" not in str(error).casefold()
    assert (error.partial["summary"]["failed"], error.partial["summary"]["skipped"]) == (20, 25)
    assert len(env.writes()) == 20


@pytest.mark.parametrize("concurrency", [1, 4])
def test_missing_permission_stops_further_batches(tenant: Tenant, concurrency: int) -> None:
    env = PlanHarness(tenant, concurrency=concurrency)
    people = env.people(200)
    env.seats("SPE_E3", 200)
    take_away(env, LICENSES, USERS)
    try:
        env.fail(people, "SPE_E3", on_error="continue")
    finally:
        tenant.world.app.roles |= GRAPH_ROLES
    assert len(env.parts("POST", "assignLicense")) <= 20 * concurrency


def test_one_user_among_many_is_about_the_user(env: PlanHarness) -> None:
    people = env.people(45)
    chief = env.world.user(people[3])
    assert chief is not None
    env.refuse(f"{chief['id']}/assignLicense", times=None, **DENIED)
    error = env.fail(people, "SPE_E3", on_error="continue")
    assert statuses(error.partial) == {"changed": 44, "failed": 1}
    told = error.partial["users"][3]["error"]
    assert told["code"] == "permission_denied"
    assert "administrative unit" in told["hint"]
    assert "consent" not in str(error)
    assert LICENSES not in str(error)


def test_one_success_in_the_first_batch_continues_the_run(env: PlanHarness) -> None:
    people = env.people(45)
    for upn in people[:19]:
        found = env.world.user(upn)
        assert found is not None
        env.refuse(f"{found['id']}/assignLicense", times=None, **DENIED)
    error = env.fail(people, "SPE_E3", on_error="continue")
    assert statuses(error.partial) == {"changed": 26, "failed": 19}
    assert "consent" not in str(error)


def test_a_single_user_may_be_either(env: PlanHarness) -> None:
    people = env.people(1)
    take_away(env, LICENSES, USERS)
    error = env.fail(people, "SPE_E3")
    assert LICENSES in error.message
    assert "admin consent" in error.hint
    assert "administrative unit" in error.hint


@BOTH
def test_only_the_usage_location_is_not_allowed(env: PlanHarness, on_error: str) -> None:
    """Who has one is licensed all the same, where failures do not end the run."""
    people = env.people(45, location=None) + [env.person(f"settled{number}") for number in range(3)]
    take_away(env, USERS)
    error = env.fail(people, "SPE_E3", usage_location="DE", on_error=on_error)
    assert USERS in error.message
    assert LICENSES not in str(error)
    assert "admin consent" in error.hint
    assert "run again" not in str(error).casefold()
    assert len(env.parts("PATCH")) == 20
    changed = 3 if on_error == "continue" else 0
    assert statuses(error.partial) == Counter(failed=20, skipped=28 - changed, changed=changed)
    assert len(env.parts("POST", "assignLicense")) == changed


def test_a_batch_that_is_refused_whole_names_the_permission(env: PlanHarness) -> None:
    people = env.people(45)
    env.fault("status", after_batches=1, status=403, times=None)
    error = env.fail(people, "SPE_E3")
    assert statuses(error.partial) == {"failed": 20, "skipped": 25}
    assert LICENSES in error.message
    assert "run again" not in str(error).casefold()
