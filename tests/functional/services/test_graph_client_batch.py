# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""$batch against a tenant: each part has its own result, is sent again alone, and never after it is done."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    IncompleteAnswer,
    NotFound,
    PermissionDenied,
    ServiceUnavailable,
    UnknownOutcome,
)
from ansible_collections.m365.licensing.plugins.module_utils._graph.batch import BATCH_SIZE, raise_for
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import BatchPart
from ansible_collections.m365.licensing.plugins.module_utils._http.quota import Pace

from tests.functional.support.assign_harness import with_first_settings
from tests.functional.support.batches import batches, one_by_one, part_fault, reads, user_of, writes
from tests.functional.support.scripted_server import Clock
from tests.functional.support.service_clients import Clients, clients
from tests.simulator.launch import Tenant, running


@pytest.fixture(scope="module")
def one_tenant() -> Iterator[Tenant]:
    """One for all tests of this file."""
    with running(mailboxes=120, at_risk=10) as tenant:
        yield tenant


@pytest.fixture
def tenant(one_tenant: Tenant) -> Tenant:
    """The tenant without faults and with its first permissions."""
    return with_first_settings(one_tenant)


@pytest.fixture
def clock() -> Clock:
    """What the client takes for the time."""
    return Clock()


@pytest.fixture
def made(tenant: Tenant, clock: Clock) -> Iterator[Clients]:
    with one_by_one(tenant, clock) as found:
        yield found


# each part by itself --------------------------------------------------------------------------------------------------


def test_answers_come_in_the_order_of_the_parts(tenant: Tenant, made: Clients) -> None:
    """The tenant answers the parts of a batch in another order than they came in."""
    parts = reads(tenant, 50)
    found = made.graph.batch(parts, idempotent=True)
    assert [answer.body["id"] for answer in found] == [user_of(part) for part in parts]
    assert [len(urls) for urls in batches(tenant)] == [20, 20, 10]


def test_batches_are_sent_side_by_side(tenant: Tenant) -> None:
    parts = reads(tenant, 120)
    with clients(tenant, concurrency=6) as made:
        found = made.graph.batch(parts, idempotent=True)
    assert [answer.body["id"] for answer in found] == [user_of(part) for part in parts]


@pytest.mark.parametrize("asked", [None, "9"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_throttled_part_is_sent_again_alone(
    tenant: Tenant, made: Clients, clock: Clock, status: int, asked: str | None
) -> None:
    parts = writes(tenant, 20)
    tenant.set_faults(part_fault(parts[7], status=status, headers={"Retry-After": asked} if asked else {}))
    found = made.graph.batch(parts, idempotent=False)
    assert all(answer.ok for answer in found)
    first, second = batches(tenant)
    assert len(first) == 20
    assert second == [parts[7].url]
    assert clock.waits == [9.0] if asked else sum(clock.waits) > 0


def test_the_wait_is_that_of_the_part_and_not_of_its_batch(tenant: Tenant, made: Clients, clock: Clock) -> None:
    parts = reads(tenant, 3)
    tenant.set_faults(
        part_fault(parts[0], status=429, headers={"Retry-After": "30"}),
        part_fault(parts[2], status=503, headers={"Retry-After": "100"}),
    )
    found = made.graph.batch(parts, idempotent=True)
    assert all(answer.ok for answer in found)
    assert batches(tenant)[1:] == [[parts[0].url], [parts[2].url]]
    assert clock.waits == [30.0, 70.0]


def test_parts_that_are_due_together_travel_together(tenant: Tenant, made: Clients, clock: Clock) -> None:
    parts = reads(tenant, 60)
    tenant.set_faults({"service": "graph", "part": True, "status": 429, "times": 60, "headers": {"Retry-After": "5"}})
    assert all(answer.ok for answer in made.graph.batch(parts, idempotent=True))
    assert [len(urls) for urls in batches(tenant)] == [20, 20, 20, 20, 20, 20]
    assert made.http.throttled_seconds == sum(clock.waits) >= 5


def test_two_writes_that_met_are_sent_again(tenant: Tenant, made: Clients) -> None:
    parts = writes(tenant, 3)
    tenant.set_faults(part_fault(parts[1], status=409))
    assert all(answer.ok for answer in made.graph.batch(parts, idempotent=False))
    assert batches(tenant)[1:] == [[parts[1].url]]
    assert made.http.throttled_seconds == 0


def test_any_other_conflict_is_an_answer(tenant: Tenant, made: Clients) -> None:
    (part,) = writes(tenant, 1)
    body = {"error": {"code": "Request_MultipleObjectsWithSameKeyValue", "message": "Taken."}}
    tenant.set_faults(part_fault(part, status=409, body=body))
    (answer,) = made.graph.batch([part], idempotent=False)
    assert (answer.status, answer.outcome) == (409, "answered")
    assert answer.message == "Taken."
    assert len(batches(tenant)) == 1


def test_a_part_throttled_for_ever_ends_in_time(tenant: Tenant, made: Clients, clock: Clock) -> None:
    parts = writes(tenant, 5)
    tenant.set_faults(part_fault(parts[0], status=429, times=None))
    found = made.graph.batch(parts, idempotent=False)
    assert [answer.status for answer in found] == [429, 204, 204, 204, 204]
    assert sum(clock.waits) <= 300
    assert Counter(url for urls in batches(tenant) for url in urls)[parts[1].url] == 1


def test_a_part_that_asks_for_too_long_a_wait_is_not_waited_for(tenant: Tenant, made: Clients, clock: Clock) -> None:
    parts = writes(tenant, 60)
    tenant.set_faults(part_fault(parts[3], status=429, times=None, headers={"Retry-After": "4000"}))
    found = made.graph.batch(parts, idempotent=False)
    assert clock.waits == []
    assert found[3].status == 429
    assert [answer.outcome for answer in found[20:]] == ["not_sent"] * 40
    assert len(batches(tenant)) == 1, "the batches behind it would only be refused"


def test_the_write_quota_of_graph_is_waited_for(tenant: Tenant) -> None:
    """More writes than the quota: those refused come again, and nobody is written twice."""
    tenant.world.switches.write_quota = 25
    parts = writes(tenant, 25, "NL")
    with clients(tenant, retry_seconds=300.0, concurrency=2) as made:
        assert all(answer.ok for answer in made.graph.batch(parts, idempotent=False))
        clock = Clock()
        made.http.backoff.clock, made.http.backoff.sleep = clock, clock.sleep
        found = made.graph.batch(writes(tenant, 1, "BE"), idempotent=False)
    assert found[0].status == 429
    assert [entry["status"] for entry in tenant.requests() if "parts" in entry][:2] == [200, 200]


@pytest.mark.parametrize("status", [500, 502, 504])
class TestFailedPart:
    """A part that may have been carried out."""

    def test_a_read_is_sent_again(self, tenant: Tenant, made: Clients, status: int) -> None:
        parts = reads(tenant, 2)
        tenant.set_faults(part_fault(parts[0], status=status))
        assert all(answer.ok for answer in made.graph.batch(parts, idempotent=True))
        assert batches(tenant)[1:] == [[parts[0].url]]

    def test_a_write_is_not(self, tenant: Tenant, made: Clients, status: int) -> None:
        parts = writes(tenant, 2)
        tenant.set_faults(part_fault(parts[0], status=status))
        found = made.graph.batch(parts, idempotent=False)
        assert [answer.outcome for answer in found] == ["unknown", "answered"]
        assert isinstance(found[0].error, UnknownOutcome)
        assert len(batches(tenant)) == 1


@pytest.mark.parametrize("kind", ["missing_part", "duplicate_part"])
class TestWrongParts:
    """A batch that answers too few of its parts, or one of them twice."""

    def test_a_read_is_incomplete(self, tenant: Tenant, made: Clients, kind: str) -> None:
        tenant.set_faults({"service": "graph", "kind": kind, "path": "$batch"})
        with pytest.raises(IncompleteAnswer, match="GET /users/"):
            made.graph.batch(reads(tenant, 5), idempotent=True)

    def test_a_write_is_unknown_and_the_others_are_known(self, tenant: Tenant, made: Clients, kind: str) -> None:
        tenant.set_faults({"service": "graph", "kind": kind, "path": "$batch"})
        found = made.graph.batch(writes(tenant, 5), idempotent=False)
        assert Counter(answer.outcome for answer in found) == {"answered": 4, "unknown": 1}
        assert len(batches(tenant)) == 1


def test_a_refused_part_is_an_answer_and_says_which(tenant: Tenant, made: Clients) -> None:
    parts = [*reads(tenant, 1), BatchPart("GET", "/users/ffffffff-ffff-ffff-ffff-ffffffffffff?$select=id")]
    fine, gone = made.graph.batch(parts, idempotent=True)
    assert fine.ok
    assert (gone.ok, gone.status, gone.code) == (False, 404, "Request_ResourceNotFound")
    assert gone.request_id
    raise_for(fine, parts[0], made.graph.service)
    with pytest.raises(NotFound, match="GET /users/ffffffff-ffff-ffff-ffff-ffffffffffff was answered with 404"):
        raise_for(gone, parts[1], made.graph.service)


def test_a_missing_permission_of_a_part(tenant: Tenant, made: Clients) -> None:
    tenant.world.app.roles = {"User.Read.All"}
    (part,) = writes(tenant, 1)
    (answer,) = made.graph.batch([part], idempotent=False)
    assert answer.status == 403
    with pytest.raises(PermissionDenied) as caught:
        raise_for(answer, part, made.graph.service)
    assert "User.ReadWrite.All" in caught.value.hint


def test_after_an_answer_that_ends_the_work_nothing_more_is_sent(tenant: Tenant, made: Clients) -> None:
    parts = writes(tenant, 60)
    tenant.set_faults(part_fault(parts[2], status=403))
    found = made.graph.batch(
        parts, idempotent=False, on_answers=lambda some: any(answer.status == 403 for _place, answer in some)
    )
    assert [answer.outcome for answer in found] == ["answered"] * 20 + ["not_sent"] * 40
    assert len(batches(tenant)) == 1


# the batch around them ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [None, "11"])
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("idempotent", [True, False])
def test_a_batch_refused_as_a_whole_is_sent_again_as_a_whole(
    tenant: Tenant, made: Clients, clock: Clock, status: int, asked: str | None, idempotent: bool
) -> None:
    headers = {"Retry-After": asked} if asked else {}
    tenant.set_faults({"service": "graph", "path": "$batch", "status": status, "headers": headers})
    found = made.graph.batch(writes(tenant, 5), idempotent=idempotent)
    assert all(answer.ok for answer in found)
    first, second = batches(tenant)
    assert first == second
    assert len(clock.waits) == 1
    assert clock.waits == [11.0] or asked is None


@pytest.mark.parametrize("kind", ["drop", "lost_answer", "truncate", "html", "empty"])
class TestLostBatch:
    """Nobody knows what became of its parts."""

    def test_writes_are_not_repeated_and_said_to_be_unknown(self, tenant: Tenant, made: Clients, kind: str) -> None:
        tenant.set_faults({"service": "graph", "path": "$batch", "kind": kind})
        found = made.graph.batch(writes(tenant, 30), idempotent=False)
        assert [answer.outcome for answer in found] == ["unknown"] * 20 + ["answered"] * 10
        assert len(batches(tenant)) == 2

    def test_reads_are_repeated_unless_a_web_page_came(self, tenant: Tenant, made: Clients, kind: str) -> None:
        tenant.set_faults({"service": "graph", "path": "$batch", "kind": kind})
        expected = pytest.raises(IncompleteAnswer) if kind == "html" else contextlib.nullcontext()
        with expected:
            assert all(answer.ok for answer in made.graph.batch(reads(tenant, 30), idempotent=True))
        assert len(batches(tenant)) == (1 if kind == "html" else 3)


@pytest.mark.parametrize("status", [400, 403, 501])
def test_a_batch_that_is_refused_for_good_ends_the_work(tenant: Tenant, made: Clients, status: int) -> None:
    """The next would fare no better; what was not sent says so."""
    tenant.set_faults({"service": "graph", "path": "$batch", "status": status, "times": None})
    found = made.graph.batch(writes(tenant, 60), idempotent=False)
    assert {answer.outcome for answer in found} == {"not_sent"}
    assert isinstance(found[0].error, ApiError)
    assert len(batches(tenant)) == 1
    with pytest.raises(ApiError) as caught:
        made.graph.batch(reads(tenant, 60), idempotent=True)
    assert caught.value.status == status


def test_a_batch_that_is_throttled_for_ever_ends_in_time(tenant: Tenant, made: Clients, clock: Clock) -> None:
    tenant.set_faults({"service": "graph", "path": "$batch", "status": 429, "times": None})
    found = made.graph.batch(writes(tenant, 60), idempotent=False)
    assert {(answer.outcome, answer.status) for answer in found} == {("answered", 429)}
    assert isinstance(found[0].error, ServiceUnavailable)
    assert sum(clock.waits) <= 300, "one time for all batches, not one for each"


def test_a_batch_throttled_as_a_whole_holds_the_others_back(tenant: Tenant) -> None:
    """As its parts would: the pace knows of it, and what would only be refused is not sent."""
    refusal = {"headers": {"Retry-After": "1", "x-ms-throttle-limit-percentage": "1.4"}}
    tenant.set_faults({"service": "graph", "path": "$batch", "status": 429, **refusal})
    parts = writes(tenant, 100) * 10
    sent: list[int] = []

    def sleep(_seconds: float) -> None:
        time.sleep(0.5)
        sent.append(len(batches(tenant)))

    with clients(tenant, concurrency=4) as made:
        made.graph.service.pace = Pace(made.http.backoff.now, quota=1_000_000)
        made.http.backoff.sleep = sleep
        found = made.graph.batch(parts, idempotent=False)
        assert made.graph.service.pace.rate is not None
    assert all(answer.ok for answer in found)
    assert sent[0] < len(parts) / BATCH_SIZE / 2, "while it was waited for, the others would have gone"
    assert len(batches(tenant)) == len(parts) / BATCH_SIZE + 1


def test_a_write_of_a_lost_batch_stays_unknown_when_throttled(tenant: Tenant, made: Clients) -> None:
    batch = {"service": "graph", "path": "$batch"}
    tenant.set_faults({**batch, "kind": "lost_answer"}, {**batch, "status": 429, "times": None})
    found = made.graph.batch(writes(tenant, 5), idempotent=True, collect=True)
    assert {answer.outcome for answer in found} == {"unknown"}


@pytest.mark.parametrize("concurrency", [1, 4])
def test_reading_throttled_for_too_long_says_how_long(tenant: Tenant, concurrency: int) -> None:
    batch = {"service": "graph", "path": "$batch"}
    tenant.set_faults(
        {**batch, "kind": "slow", "seconds": 0},
        {**batch, "status": 429, "headers": {"Retry-After": "999"}, "times": None},
    )
    with clients(tenant, retry_seconds=300.0, concurrency=concurrency) as made:
        parts = reads(tenant, 120)
        with pytest.raises(ServiceUnavailable, match=r"429.*; it asks to wait 999 s, and 300 s are left\.") as caught:
            made.graph.batch(parts, idempotent=True)
    assert caught.value.request == "POST /v1.0/$batch"


def test_a_write_that_may_be_done_is_unknown_if_not_retried(tenant: Tenant, made: Clients) -> None:
    parts = writes(tenant, 25)
    batch = {"service": "graph", "path": "$batch"}
    tenant.set_faults(
        {**batch, "kind": "slow", "seconds": 0, "times": 2},
        {**batch, "status": 403, "times": None},
        *(part_fault(part, status=500) for part in parts),
    )
    found = made.graph.batch(parts, idempotent=True, collect=True)
    assert len(batches(tenant)) == 3
    assert [answer.outcome for answer in found[20:]] == ["unknown"] * 5


ODD = {
    "no list": {"responses": None},
    "no object": [],
    "a part nobody asked": {"responses": [{"id": "77", "status": 200}]},
    "a part without an id": {"responses": [{"status": 200}]},
    "a part that is none": {"responses": ["x"]},
    "superscript digits": {"responses": [{"id": "²", "status": 200}]},
}


@pytest.mark.parametrize("body", ODD.values(), ids=list(ODD))
def test_an_answer_that_is_no_batch(tenant: Tenant, made: Clients, body: object) -> None:
    fault = {"service": "graph", "path": "$batch", "status": 200, "body": body, "times": None}
    tenant.set_faults(fault)
    with pytest.raises(IncompleteAnswer):
        made.graph.batch(reads(tenant, 2), idempotent=True)
    found = made.graph.batch(writes(tenant, 2), idempotent=False)
    assert {answer.outcome for answer in found} == {"unknown"}


@pytest.mark.parametrize("odd", [{"status": "200"}, {"status": None}, {"headers": ["x"]}, {"status": True}])
def test_a_part_that_cannot_be_read_is_no_success(tenant: Tenant, made: Clients, odd: dict[str, object]) -> None:
    body = {"responses": [{"id": "1", "status": 204, **odd}]}
    tenant.set_faults({"service": "graph", "path": "$batch", "status": 200, "body": body})
    (answer,) = made.graph.batch(writes(tenant, 1), idempotent=False)
    assert answer.outcome == "unknown"
