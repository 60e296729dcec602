# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to one part of a batch: a token that ends, a wait that is too long, a mistake of ours as it is read."""

from __future__ import annotations

import email.utils
import json
from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    M365Error,
    PermissionDenied,
    ServiceUnavailable,
)
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph

from tests.functional.support.assign_harness import Harness, statuses
from tests.simulator.login import issued

# 401 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_error", ["fail", "continue"])
@pytest.mark.parametrize("where", ["assignLicense", "/users?"])
def test_a_part_with_an_expired_token_is_sent_with_a_new_one(env: Harness, where: str, on_error: str) -> None:
    people = env.people(25)
    tokens = len(issued(env.world))
    env.refuse(where, status=401, times=2)
    assert statuses(env.run(people, "SPE_E3", on_error=on_error)) == {"changed": 25}
    assert len(issued(env.world)) == tokens + 2
    assert len(env.writes()) == 25 + (2 if where == "assignLicense" else 0)


def test_a_part_that_is_refused_again_is_a_missing_permission(env: Harness) -> None:
    people = env.people(3)
    tokens = len(issued(env.world))
    env.refuse("assignLicense", status=401, times=None)
    error = env.fail(people, "SPE_E3")
    assert error.partial["users"][0]["error"]["code"] == "permission_denied"
    assert "LicenseAssignment.ReadWrite.All" in error.partial["users"][0]["error"]["hint"]
    assert len(issued(env.world)) == tokens + 2
    assert len(env.writes()) <= 6


def test_a_read_that_is_refused_again_is_a_missing_permission(env: Harness) -> None:
    people = env.people(3)
    env.refuse("/users?", status=401, times=None)
    with pytest.raises(PermissionDenied):
        env.run(people, "SPE_E3")
    assert sum(entry["path"].endswith("$batch") for entry in env.tenant.requests()) == 2


@pytest.mark.parametrize("where", ["assignLicense", "/users?"])
def test_a_ready_token_that_has_ended_is_no_missing_permission(env: Harness, where: str) -> None:
    people = env.people(3)
    env.run(people[:1], "SPE_E3")
    given = {"graph": issued(env.world)[-1], "exchange": "unused-0123456789"}
    ready = Harness.__new__(Harness)
    ready.__dict__.update(env.__dict__, _options={"access_tokens": given, "auth_source": "access_tokens"})
    ready.refuse(where, status=401, times=None)
    with pytest.raises(M365Error) as caught:
        ready.run(people[1:], "SPE_E3")
    assert caught.value.code == "access_token_refused"
    assert not ready.states(people[2])


# Retry-After ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["99999999999", "86400"])
def test_a_read_that_is_to_wait_for_too_long_says_how_long(env: Harness, asked: str) -> None:
    people = env.people(2)
    env.refuse("/users?", status=429, headers={"Retry-After": asked}, times=None)
    with pytest.raises(ServiceUnavailable) as caught:
        env.run(people, "SPE_E3")
    assert f"it asks to wait {asked} s, and 300 s are left" in caught.value.message
    assert sum(env.clock.slept) == 0


def test_a_write_that_is_to_wait_for_too_long_says_how_long(env: Harness) -> None:
    people = env.people(1)
    env.refuse("assignLicense", status=429, headers={"Retry-After": "7200"}, times=None)
    row = env.fail(people, "SPE_E3").partial["users"][0]
    assert row["error"]["code"] == "throttled"
    assert "it asks to wait 7200 s, and 300 s are left" in row["error"]["message"]


def test_a_write_throttled_to_the_end_names_the_limit(env: Harness) -> None:
    people = env.people(1)
    scope = "Tenant_Application/ReadWrite/app/tenant"
    told = {"x-ms-throttle-information": "WriteLimitExceeded", "x-ms-throttle-scope": scope}
    env.refuse("assignLicense", status=429, headers={"Retry-After": "7200", **told}, times=None)
    row = env.fail(people, "SPE_E3").partial["users"][0]
    assert "[limit: WriteLimitExceeded, Tenant_Application/ReadWrite]" in row["error"]["message"]


@pytest.mark.parametrize("ahead", [-300, 0, 300])
@pytest.mark.parametrize("url", ["/users?", "assignLicense"])
def test_a_parts_date_is_compared_with_the_services_clock(env: Harness, ahead: int, url: str) -> None:
    people = env.people(3)
    true = env.world.now()
    env.world.set_clock(true + timedelta(seconds=ahead))
    when = email.utils.format_datetime(env.world.now() + timedelta(seconds=20), usegmt=True)
    env.refuse(url, status=429, headers={"Retry-After": when}, times=1)
    assert statuses(env.run(people, "SPE_E3")) == {"changed": 3}
    env.world.set_clock(true)
    assert 10 < max(env.clock.slept) <= 20


# mistakes of ours -------------------------------------------------------------------------------------------------


def stumble(monkeypatch: pytest.MonkeyPatch, name: str, after: int) -> None:
    """The method of Graph raises what nobody expects, from then on."""
    true, calls = getattr(Graph, name), []

    def method(*args: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) > after:
            if name == "batch":
                true(*args, **more)
            raise KeyError("a secret")
        return true(*args, **more)

    monkeypatch.setattr(Graph, name, method)


def test_a_reader_that_stumbles_over_the_read_back_loses_nothing(env: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    people = env.people(3)
    stumble(monkeypatch, "users_by_id", 1)
    result = env.run(people, "SPE_E3")
    assert (result["changed"], result["summary"]["accepted"]) == (True, 3)
    assert "KeyError. This is an error of the collection" in json.dumps(result["users"])
    assert "a secret" not in json.dumps(result)


def test_an_exception_while_reading_an_answer_makes_it_unknown(env: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    people = env.people(3)
    stumble(monkeypatch, "batch", 2)
    error = env.fail(people, "SPE_E3")
    assert {row["error"]["code"] for row in error.partial["users"]} == {"unknown_outcome"}
    monkeypatch.undo()
    assert statuses(env.run(people, "SPE_E3")) == {"unchanged": 3}
