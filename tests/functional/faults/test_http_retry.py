# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent again, after how long, and until when; what is never sent twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    AuthenticationError,
    IncompleteAnswer,
    ServiceUnavailable,
    UnknownOutcome,
)
from ansible_collections.m365.licensing.plugins.module_utils._http.client import (
    UNREACHABLE_HOST_SECONDS,
    Backoff,
    Service,
)

from tests.functional.support.scripted_server import (
    DROP,
    JSON,
    Clock,
    Reply,
    Seen,
    client_for,
    document,
    refusal,
    service_for,
    serving,
)

FINE = document({"value": 1})
HALF = Reply(200, b'{"value":', announced=100)


def test_throttled_waits_as_long_as_the_service_asks(tmp_path: Path) -> None:
    clock = Clock()
    with serving([refusal(429, retry_after="7"), FINE], tmp_path) as server:
        service = service_for(server, clock)
        assert service.request("GET", "/x", idempotent=True).body == {"value": 1}
    assert clock.waits == [7.0]
    assert service.client.throttled_seconds == 7.0
    assert service.client.requests == 2


def test_a_date_is_compared_with_the_services_clock() -> None:
    """Both dates are of the year 2001: what our clock shows must not matter."""
    clock = Clock()
    now = 1_000_000_000
    later = {"Date": formatdate(now, usegmt=True), "Retry-After": formatdate(now + 42, usegmt=True)}
    assert Backoff(clock, clock.sleep).seconds(later, 0) == 42.0
    past = {"Date": formatdate(now, usegmt=True), "Retry-After": formatdate(now - 42, usegmt=True)}
    assert Backoff(clock, clock.sleep).seconds(past, 0) == 0.0


@pytest.mark.parametrize("value", ["", "soon", "-", "1e3", "Thu, 99 Foo 2026"])
def test_an_unreadable_retry_after_is_none(value: str) -> None:
    clock = Clock()
    assert 0 < Backoff(clock, clock.sleep).seconds({"retry-after": value}, 0) <= 30


@pytest.mark.parametrize(
    "value", ["9" * 400, "9" * 6000, "Mon, 01 Jan 99999 00:00:00 GMT", "Mon, 99 Jan 2026 99:99:99 GMT"]
)
@pytest.mark.parametrize("date", ["", "Mon, 99 Jan 2026 99:99:99 GMT", "Mon, 01 Jan 99999 00:00:00 GMT", "today"])
def test_an_absurd_retry_after_never_ends_in_a_traceback(value: str, date: str) -> None:
    clock = Clock()
    assert Backoff(clock, clock.sleep).seconds({"Retry-After": value, "Date": date}, 0) >= 0
    later = formatdate(2_000_000_000, usegmt=True)
    assert Backoff(clock, clock.sleep).seconds({"Retry-After": later, "Date": date}, 0) >= 0


def test_waits_without_retry_after_grow_to_a_limit_and_differ() -> None:
    clock = Clock()
    backoff = Backoff(clock, clock.sleep)

    def waits(attempt: int) -> list[float]:
        return [backoff.seconds({}, attempt) for _unused in range(50)]

    lows, highs = [min(waits(n)) for n in range(6)], [max(waits(n)) for n in range(6)]
    assert lows == sorted(lows)
    assert highs == sorted(highs)
    assert 0 < lows[0] < highs[0], "without jitter all clients come back at once"
    assert 10 < max(waits(100)) <= 30


@pytest.mark.parametrize("again", ["0", "-5", formatdate(1_000_000_000, usegmt=True)])
def test_a_service_that_asks_for_no_wait_is_not_overloaded(tmp_path: Path, again: str) -> None:
    clock = Clock()
    with serving(lambda _: refusal(429, retry_after=again), tmp_path) as server:
        with pytest.raises(ServiceUnavailable):
            service_for(server, clock, retry_seconds=60.0).request("GET", "/x", idempotent=True)
        assert len(server.seen) < 20
    assert sum(clock.waits) <= 60


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_is_repeated_even_for_a_write(tmp_path: Path, method: str, status: int) -> None:
    """The service saw it and did nothing."""
    with serving([refusal(status), FINE], tmp_path) as server:
        service_for(server).request(method, "/x", json={"a": "ä"}, idempotent=False)
    first, second = server.seen
    assert first == second, "the same request, with the same client-request-id"


TROUBLES = {
    "500": refusal(500),
    "502": refusal(502),
    "504": refusal(504),
    "dropped": DROP,
    "half of it": HALF,
    "empty": Reply(200, b""),
    "no JSON": Reply(200, b'{"a": '),
    "NaN": Reply(200, b'{"a": NaN}'),
    "no UTF-8": Reply(200, b'{"a": "\xff"}'),
    "no gzip": Reply(200, b"{}", JSON | {"Content-Encoding": "gzip"}),
    "endless nesting": Reply(200, b"[" * 200_000),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=list(TROUBLES))
class TestTrouble:
    """An answer that may have done something."""

    def test_a_read_is_sent_again(self, tmp_path: Path, trouble: Reply) -> None:
        with serving([FINE, trouble, FINE], tmp_path) as server:
            service = service_for(server)
            for _unused in range(2):
                assert service.request("GET", "/x", idempotent=True).body == {"value": 1}
        assert server.paths == ["GET /x"] * 3

    def test_a_write_that_can_be_repeated_is(self, tmp_path: Path, trouble: Reply) -> None:
        with serving([trouble, FINE], tmp_path) as server:
            service_for(server).request("POST", "/x", json={}, idempotent=True)
        assert server.paths == ["POST /x"] * 2

    def test_any_other_write_is_not_and_says_that_nobody_knows(self, tmp_path: Path, trouble: Reply) -> None:
        with serving([trouble], tmp_path) as server:
            with pytest.raises(UnknownOutcome) as caught:
                service_for(server).request("POST", "/x", json={}, idempotent=False)
            assert server.paths == ["POST /x"]
        assert caught.value.code == "unknown_outcome"
        assert caught.value.request == "POST /x"
        assert "Read the state back" in caught.value.hint


def test_a_write_that_never_left_is_sent_again(tmp_path: Path) -> None:
    """Where nothing listens, nothing has happened."""
    clock = Clock()
    with serving([], tmp_path) as server:
        pass
    with pytest.raises(ServiceUnavailable) as caught:
        service_for(server, clock).request("POST", "/x", json={}, idempotent=False)
    assert not isinstance(caught.value, UnknownOutcome)
    assert len(clock.waits) > 1


@pytest.mark.parametrize("body", [b"", b"{", b"<html>"], ids=["empty", "half", "html"])
def test_a_list_that_is_always_broken_fails_long_before_the_end(tmp_path: Path, body: bytes) -> None:
    with serving(lambda _: Reply(200, body), tmp_path) as server:
        with pytest.raises(IncompleteAnswer) as caught:
            service_for(server, retry_seconds=1e9).request("GET", "/users", idempotent=True)
        assert len(server.seen) <= 4
    assert "GET /users" in caught.value.message


@pytest.mark.parametrize("status", [429, 500, 503])
def test_the_time_is_bounded_and_the_last_word_is_told(tmp_path: Path, status: int) -> None:
    clock = Clock()
    with serving(lambda _: refusal(status, "Busy", "Come back later."), tmp_path) as server:
        service = service_for(server, clock, retry_seconds=100.0)
        with pytest.raises(ServiceUnavailable) as caught:
            service.request("GET", "/users", params={"q": "x"}, idempotent=True)
    assert 50 < sum(clock.waits) <= 100
    assert caught.value.status == status
    assert f"GET /users: HTTP {status} Busy (Come back later.)" in caught.value.message
    assert f"after {len(server.seen)} tries" in caught.value.message
    assert "retry_seconds" in caught.value.hint


def test_no_time_for_a_second_try(tmp_path: Path) -> None:
    clock = Clock()
    with serving([refusal(503), FINE], tmp_path) as server:
        with pytest.raises(ServiceUnavailable):
            service_for(server, clock, retry_seconds=0.0).request("GET", "/x", idempotent=True)
        assert len(server.seen) == 1
    assert clock.waits == []


def test_a_wait_that_is_longer_than_the_time_left_is_not_begun(tmp_path: Path) -> None:
    clock = Clock()
    with serving([refusal(429, retry_after="3600"), FINE], tmp_path) as server:
        with pytest.raises(ServiceUnavailable, match="it asks to wait 3600 s, and 300 s are left"):
            service_for(server, clock).request("GET", "/x", idempotent=True)
        assert len(server.seen) == 1
    assert clock.waits == []


def test_whoever_is_throttled_to_the_end_learns_by_which_limit(tmp_path: Path) -> None:
    told = {"x-ms-throttle-information": "WriteLimitExceeded", "x-ms-throttle-scope": "Tenant_Application/Write/a/b"}
    reply = document({"error": {"code": "TooManyRequests", "message": "Too many."}}, 429, **told)
    with (
        serving([reply] * 50, tmp_path) as server,
        pytest.raises(ServiceUnavailable, match=r"Too many\. \[limit: WriteLimitExceeded, Tenant_Application/Write\]"),
    ):
        service_for(server, Clock()).request("GET", "/x", idempotent=True)


def test_a_host_that_never_answered_is_given_up_early(tmp_path: Path) -> None:
    clock = Clock()
    with serving([], tmp_path) as server:
        address = server.url
    with pytest.raises(ServiceUnavailable) as caught:
        service_for(server, clock, retry_seconds=3600.0).request("GET", "/x", idempotent=True)
    assert sum(clock.waits) <= UNREACHABLE_HOST_SECONDS
    assert caught.value.code == "unreachable"
    assert address.removeprefix("https://") in caught.value.hint
    assert "proxy" in caught.value.hint


def test_a_host_that_has_answered_before_gets_all_the_time(tmp_path: Path) -> None:
    clock = Clock()
    with serving([FINE], tmp_path) as server:
        service = service_for(server, clock, retry_seconds=3600.0)
        service.request("GET", "/x", idempotent=True)
        service.client.close()
    with pytest.raises(ServiceUnavailable):
        service.request("GET", "/x", idempotent=True)
    assert sum(clock.waits) > 10 * UNREACHABLE_HOST_SECONDS


@pytest.mark.parametrize("status", [400, 404, 409, 410, 412, 422, 423, 501, 505])
def test_what_would_be_refused_again_is_not_repeated(tmp_path: Path, status: int) -> None:
    with serving([refusal(status, "No", "Because.", request_id="abc-123")], tmp_path) as server:
        with pytest.raises(ApiError) as caught:
            service_for(server).request("GET", "/x", idempotent=True)
        assert len(server.seen) == 1
    assert (caught.value.status, caught.value.code, caught.value.request_id) == (status, "No", "abc-123")
    assert caught.value.message == f"Stand-in: GET /x was answered with {status} No: Because."


# a token that ended ---------------------------------------------------------------------------------------------------


class Tokens:
    """A source that counts; ``refresh`` brings the next one."""

    def __init__(self) -> None:
        self.number = 1
        self.refreshed = 0

    def __call__(self, refresh: bool) -> str:
        """The token now."""
        if refresh:
            self.refreshed += 1
            self.number += 1
        return f"token-{self.number}"


def only(token: str) -> Callable[[Seen], Reply]:
    """Answer only to this token."""
    return lambda seen: FINE if seen.headers["authorization"] == f"Bearer {token}" else refusal(401, "Expired")


def test_an_ended_token_is_replaced_once(tmp_path: Path) -> None:
    tokens = Tokens()
    with serving(only("token-2"), tmp_path) as server:
        service = service_for(server, token=tokens)
        service.request("POST", "/x", json={"n": 1}, idempotent=False)
        service.request("GET", "/y", idempotent=True)
    assert tokens.refreshed == 1
    assert server.paths == ["POST /x", "POST /x", "GET /y"]
    assert server.seen[0].body == server.seen[1].body


def test_a_new_token_that_is_refused_as_well_is_an_error(tmp_path: Path) -> None:
    tokens = Tokens()
    with serving(only("never"), tmp_path) as server:
        with pytest.raises(ApiError) as caught:
            service_for(server, token=tokens).request("GET", "/x", idempotent=True)
        assert len(server.seen) == 2
    assert tokens.refreshed == 1
    assert (caught.value.status, caught.value.hint) == (401, "Ask for consent.")


def test_many_at_once_refresh_together(tmp_path: Path) -> None:
    """All meet 401 with the same token; one new token serves them all."""
    tokens = Tokens()
    together = threading.Barrier(4)

    def answer(seen: Seen) -> Reply:
        if seen.headers["authorization"] == "Bearer token-1":
            together.wait(10)
        return only("token-2")(seen)

    with serving(answer, tmp_path) as server:
        service = service_for(server, token=tokens, concurrency=4)
        service.client.parallel(lambda n: service.request("GET", f"/{n}", idempotent=True), range(4))
    assert tokens.refreshed == 1
    assert len(server.seen) == 8


def test_many_at_once_give_up_together(tmp_path: Path) -> None:
    """All meet 401; where no new token is to be had, one of them finds out for all."""
    together = threading.Barrier(4)
    refreshed: list[bool] = []

    def token(refresh: bool) -> str:
        if refresh:
            refreshed.append(True)
            raise AuthenticationError("The identity platform is gone.")
        return "token-1"

    def answer(_seen: Seen) -> Reply:
        together.wait(10)
        return refusal(401)

    with serving(answer, tmp_path) as server:
        service = service_for(server, token=token, concurrency=4)
        with pytest.raises(AuthenticationError):
            service.client.parallel(lambda n: service.request("GET", f"/{n}", idempotent=True), range(4))
    assert len(refreshed) == 1


# many at once ---------------------------------------------------------------------------------------------------------


def test_parallel_keeps_the_order_and_the_limit(tmp_path: Path) -> None:
    lock = threading.Lock()
    here = most = 0
    full = threading.Event()

    def answer(seen: Seen) -> Reply:
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
            if here == 3:
                full.set()
        full.wait(10)
        with lock:
            here -= 1
        return document({"path": seen.path})

    with serving(answer, tmp_path) as server:
        service = service_for(server, concurrency=3)
        found = service.client.parallel(lambda n: service.request("GET", f"/{n}", idempotent=True).body, range(20))
        assert service.client.requests == 20
    assert found == [{"path": f"/{n}"} for n in range(20)]
    assert most == 3


@pytest.mark.parametrize("concurrency", [1, 4])
def test_parallel_stops_at_the_first_failure_and_raises_it(concurrency: int) -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 2:
            raise ApiError("the second")
        time.sleep(0.001)  # as requests do, others get on meanwhile
        return number

    with pytest.raises(ApiError, match="the second"):
        client_for(concurrency=concurrency).parallel(work, range(1000))
    assert len(begun) < 1000
    assert client_for(concurrency=concurrency).parallel(work, []) == []


def test_connections_are_kept_and_a_broken_one_is_not_used_again(tmp_path: Path) -> None:
    with serving([FINE, HALF, FINE, FINE], tmp_path) as server:
        service: Service = service_for(server)
        assert [service.request("GET", "/x", idempotent=True).body for _unused in range(3)] == [{"value": 1}] * 3
        service.client.close()
    assert len(server.seen) == 4
