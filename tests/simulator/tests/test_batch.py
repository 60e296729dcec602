# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``$batch`` of the tenant: its limits, its order, and parts that fare each in their own way."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.simulator.control import state
from tests.simulator.graph import QUOTA_SECONDS
from tests.simulator.state import Fault, Json
from tests.simulator.tests.direct_requests import ADVANCED, E3, Harness, Reply

CONTENT = {"Content-Type": "application/json"}


@pytest.fixture
def env() -> Harness:
    return Harness()


def get(name: str, url: str = "/users?$select=id", **more: Any) -> Json:
    return {"id": name, "method": "GET", "url": url, **more}


def patch(name: str, user: Json, **more: Any) -> Json:
    body = {"usageLocation": "DE"}
    return {"id": name, "method": "PATCH", "url": f"/users/{user['id']}", "headers": CONTENT, "body": body, **more}


def send(env: Harness, *parts: Json) -> Reply:
    return env.ask("/$batch", "POST", {"requests": list(parts)})


def statuses(answer: Reply) -> dict[str, int]:
    assert answer.status == 200
    return {part["id"]: part["status"] for part in answer.body["responses"]}


def test_twenty_parts_are_answered_in_no_order(env: Harness) -> None:
    answer = send(env, *(get(str(number)) for number in range(20)))
    ids = [part["id"] for part in answer.body["responses"]]
    assert sorted(ids, key=int) == [str(number) for number in range(20)]
    assert ids != sorted(ids, key=int)


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [get(str(number)) for number in range(21)],
        [get("a"), get("A")],
        [get("")],
        [{"id": "1", "method": "GET"}],
        [{"id": 1, "method": "GET", "url": "/users"}],
        [get("1", "https://graph.microsoft.com/v1.0/users")],
        [get("1", "//other.example/users")],
        [get("1", "/$batch")],
        [{"id": "1", "method": "TRACE", "url": "/users"}],
        [{"id": "1", "method": "PATCH", "url": "/users/x", "body": {"usageLocation": "DE"}}],
        [get("1", dependsOn=["2"])],
        [get("1", dependsOn=["1"])],
        [get("1", dependsOn=["2"]), get("2", dependsOn=["1"])],
        [get("1", dependsOn=["2"]), get("2")],
        ["1"],
    ],
)
def test_a_malformed_batch_is_refused_as_a_whole(env: Harness, parts: list[Any]) -> None:
    assert env.ask("/$batch", "POST", {"requests": parts}).status == 400


def test_an_unknown_property_of_a_part_is_ignored(env: Harness) -> None:
    assert statuses(send(env, get("1", depends_on=["2"]), get("2"))) == {"1": 200, "2": 200}


@pytest.mark.parametrize("body", [None, [], {}, {"requests": {}}])
def test_no_batch(env: Harness, body: Any) -> None:
    assert env.ask("/$batch", "POST", body).status == 400


def test_each_part_has_its_own_status_and_body(env: Harness) -> None:
    user = env.user()
    answer = send(
        env,
        get("ok", f"/users/{user['id']}?$select=id"),
        get("missing", "/users/nobody@contoso.example"),
        get("unknown", "/me"),
        patch("changed", user),
    )
    assert statuses(answer) == {"ok": 200, "missing": 404, "unknown": 501, "changed": 204}
    parts = {part["id"]: part for part in answer.body["responses"]}
    assert parts["ok"]["body"]["id"] == user["id"]
    assert parts["missing"]["body"]["error"]["code"] == "Request_ResourceNotFound"
    assert "body" not in parts["changed"]


def test_urls_are_decoded_once(env: Harness) -> None:
    env.user(department="R&D 100% #1")
    url = "/users?$select=id&$filter=department%20eq%20'R%26D%20100%25%20%231'"
    (part,) = send(env, get("1", url)).body["responses"]
    assert len(part["body"]["value"]) == 1


def test_the_header_of_an_advanced_query_belongs_to_the_part(env: Harness) -> None:
    url = "/users?$select=id&$count=true&$filter=assignedLicenses/$count%20eq%200"
    batch = {"requests": [get("without", url), get("with", url, headers=ADVANCED)]}
    answer = env.ask("/$batch", "POST", batch, headers=ADVANCED)
    assert statuses(answer) == {"without": 400, "with": 200}


def test_three_hundred_users_in_one_batch(env: Harness) -> None:
    people = [env.user(f"user{number}")["id"] for number in range(300)]
    parts = [
        get(str(start), "/users?$select=id&$filter=id in ('" + "','".join(people[start : start + 15]) + "')")
        for start in range(0, 300, 15)
    ]
    answer = send(env, *parts)
    assert {user["id"] for part in answer.body["responses"] for user in part["body"]["value"]} == set(people)


class TestDependencies:
    """``dependsOn``."""

    def test_what_depends_on_a_failure_is_not_done(self, env: Harness) -> None:
        user = env.user(usageLocation=None)
        answer = send(
            env,
            get("1", "/users/nobody@contoso.example"),
            patch("2", user, dependsOn=["1"]),
            get("3", dependsOn=["2"]),
            get("4"),
        )
        assert statuses(answer) == {"1": 404, "2": 424, "3": 424, "4": 200}
        assert user["usageLocation"] is None

    def test_a_write_sees_what_it_depends_on(self, env: Harness) -> None:
        user = env.user(usageLocation=None)
        body = {"addLicenses": [{"skuId": E3.id, "disabledPlans": []}], "removeLicenses": []}
        license_ = {"id": "license", "method": "POST", "url": f"/users/{user['id']}/assignLicense", "body": body}
        answer = send(env, patch("location", user), {**license_, "headers": CONTENT, "dependsOn": ["LOCATION"]})
        assert statuses(answer) == {"license": 200, "location": 204}

    def test_two_writes_on_one_user_at_once_conflict(self, env: Harness) -> None:
        user, other = env.user(), env.user("bert")
        answer = send(env, patch("1", user), patch("2", user), patch("3", other))
        assert sorted(statuses(answer).values()) == [204, 204, 409]
        codes = [part["body"]["error"]["code"] for part in answer.body["responses"] if part["status"] == 409]
        assert codes == ["Directory_ConcurrencyViolation"]


class TestThrottling:
    """The write quota: each part is throttled alone."""

    def test_parts_beyond_the_quota(self) -> None:
        env = Harness(write_quota=5)
        people = [env.user(f"user{number}", usageLocation=None) for number in range(8)]
        answer = send(env, *(patch(str(number), user) for number, user in enumerate(people)), get("read"))
        assert sorted(statuses(answer).values()) == [200, *[204] * 5, *[429] * 3]
        assert sum(user["usageLocation"] == "DE" for user in people) == 5
        throttled = [part for part in answer.body["responses"] if part["status"] == 429]
        assert {part["body"]["error"]["code"] for part in throttled} == {"TooManyRequests"}
        with_time = ["Retry-After" in part["headers"] for part in throttled]
        assert any(with_time), "some answers say when"
        assert not all(with_time), "some do not"
        assert all("x-ms-throttle-scope" in part["headers"] for part in throttled)

    def test_the_quota_keeps_to_the_clock_of_the_tenant(self) -> None:
        env = Harness(write_quota=1, clock_speed=1_000_000)
        user = env.user()
        before = env.world.now()
        for _unused in range(3):
            assert env.ask(f"/users/{user['id']}", "PATCH", {"usageLocation": "DE"}).status == 204
            time.sleep(0.001)  # 1,000 seconds of the tenant
        counted = state(env.world, {})["quota"]
        assert (counted["accepted"], counted["refused"]) == (3, 0)
        assert counted["last"] - counted["first"] > 2 * QUOTA_SECONDS
        assert (env.world.now() - before).total_seconds() > 3_000

    def test_writes_are_counted_as_the_quota_takes_them(self) -> None:
        env = Harness(write_quota=2)
        user = env.user()
        for _unused in range(3):
            env.ask(f"/users/{user['id']}", "PATCH", {"usageLocation": "DE"})
        counted = state(env.world, {})["quota"]
        assert (counted["accepted"], counted["refused"]) == (2, 1)

    def test_a_percentage_warns_before(self) -> None:
        env = Harness(write_quota=5)
        user = env.user()
        shown = []
        for _unused in range(5):
            answer = env.ask(f"/users/{user['id']}", "PATCH", {"usageLocation": "DE"})
            shown.append(answer.headers.get("x-ms-throttle-limit-percentage"))
        assert shown == [None, None, None, None, "1.00"]

    def test_reads_beyond_the_quota_of_units(self) -> None:
        env = Harness(read_quota=5)
        user = env.user()
        parts = [get(str(number), "/users") for number in range(4)]  # of 2 units each
        answer = send(env, *parts, patch("write", user))
        assert sorted(statuses(answer).values()) == [200, 200, 204, 429, 429]
        (one, _other) = [part for part in answer.body["responses"] if part["status"] == 429]
        assert one["headers"]["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"
        assert env.ask("/subscribedSkus").status == 429

    def test_a_fault_of_one_part(self, env: Harness) -> None:
        user = env.user()
        env.world.faults = [Fault(part=True, path=f"/users/{user['id']}", status=429, headers={"Retry-After": "2"})]
        parts = [get("1"), get("2", f"/users/{user['id']}?$select=id")]
        assert statuses(send(env, *parts)) == {"1": 200, "2": 429}
        assert statuses(send(env, *parts)) == {"1": 200, "2": 200}
