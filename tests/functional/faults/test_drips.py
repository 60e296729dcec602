# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that never end, wherever a server drips: ``timeout`` ends each request, and quick ones end before it.

The tenant hangs up after a while, which would be told in other words than those that are expected here.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    IncompleteAnswer,
    ServiceUnavailable,
)
from ansible_collections.m365.licensing.plugins.module_utils._http.messages import Call
from ansible_collections.m365.licensing.plugins.module_utils._http.time_limit import Limit
from ansible_collections.m365.licensing.plugins.module_utils._http.time_limit import _Response as limited_answer

from tests.functional.support.assign_harness import Clock, Harness, empty_tenant, statuses
from tests.functional.support.faulty_reads import NAMES, SERVICES, look
from tests.functional.support.processes import until
from tests.functional.support.scripted_server import Clock as Still
from tests.functional.support.scripted_server import client_for, document, serving
from tests.simulator.launch import Tenant, running
from tests.simulator.state import Json

SHORT = 0.3
"""A timeout that a loopback needs for nothing."""
SLOW = {"seconds": 0.05}
QUICK = {"seconds": 0.0}
PATIENT = 3600.0
"""A timeout that no test can wait for."""
BUFFERS = 24 * 2**20
"""Bytes that the buffers of two sockets may take, and that nobody reads."""

HEADS = ("drip_status", "drip_header", "drip_headers", "drip_interim", "drip_hints")
BODIES = ("drip_chunk_size", "drip_chunk_extension", "drip_chunks", "drip_trailers")
GRAPH, EXCHANGE = SERVICES
LOGIN = ("login", "token")
FEW = ("drip_hints", "drip_headers", "drip_chunks", "drip_trailers")
EVERYWHERE = [
    *((kind, GRAPH) for kind in (*HEADS, *BODIES)),
    *((kind, place) for place in (EXCHANGE, LOGIN) for kind in FEW),
]
"""All kinds of one service, and some of the others: all are asked by the same client."""
SAYS = {**NAMES, "login": "Microsoft identity platform"}


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=60, at_risk=12, seed=8) as made:
        yield made


@pytest.fixture(autouse=True)
def restored(tenant: Tenant) -> Iterator[None]:
    tenant.clear_requests()
    yield
    tenant.clear_faults()
    tenant.world.scratch.clear()


def befall(tenant: Tenant, kind: str, place: tuple[str, str], pace: Json, times: int | None = None) -> None:
    service, path = place
    tenant.set_faults({"kind": kind, "service": service, "path": path, "times": times, **pace})


def refused(tenant: Tenant, place: tuple[str, str], timeout: float, retry_seconds: float) -> ApiError:
    """The error of an audit, which says who is to blame."""
    with pytest.raises((IncompleteAnswer, ServiceUnavailable)) as caught:
        look(tenant, Clock(lambda _seconds: None), timeout=timeout, retry_seconds=retry_seconds)
    assert SAYS[place[0]] in caught.value.message
    return caught.value


@pytest.mark.parametrize(("kind", "place"), EVERYWHERE)
def test_a_drip_ends_with_the_timeout_and_says_so(tenant: Tenant, kind: str, place: tuple[str, str]) -> None:
    befall(tenant, kind, place, SLOW)
    told = "no answer within" if kind in HEADS else "was not complete after"
    assert f"{told} {SHORT:g} s (timeout)" in refused(tenant, place, SHORT, 4.0).message


@pytest.mark.parametrize(
    ("kind", "place"), [*((kind, EXCHANGE) for kind in (*HEADS, *BODIES)), *((kind, LOGIN) for kind in FEW)]
)
def test_a_drip_that_is_over_costs_one_more_try_and_no_row(tenant: Tenant, kind: str, place: tuple[str, str]) -> None:
    befall(tenant, kind, place, SLOW, 1)
    assert len(look(tenant, timeout=SHORT).findings) == 12
    assert tenant.world.faults[0].hits == 1


@pytest.mark.parametrize(("kind", "place"), EVERYWHERE)
def test_what_comes_quickly_and_never_ends_is_given_up_soon(tenant: Tenant, kind: str, place: tuple[str, str]) -> None:
    befall(tenant, kind, place, QUICK)
    error = refused(tenant, place, PATIENT, 30.0)
    assert "timeout" not in error.message
    if kind in ("drip_interim", "drip_hints"):
        assert "more than 16 interim answers (1xx) came before it, 4 times" in error.message
    elif kind in ("drip_chunks", "drip_trailers"):
        assert "it has more than 262144 bytes that are not content, 4 times" in error.message
    dripped = [entry for entry in tenant.requests() if place[1] in entry["path"] and entry["service"] == place[0]]
    assert dripped
    assert all(entry["bytes"] < BUFFERS for entry in dripped)


@pytest.mark.parametrize("place", [GRAPH, EXCHANGE, LOGIN])
def test_some_interim_answers_are_not_the_answer(tenant: Tenant, place: tuple[str, str]) -> None:
    befall(tenant, "hints", place, QUICK)
    assert len(look(tenant).findings) == 12
    assert tenant.world.faults[0].hits
    asked = len(tenant.requests())
    tenant.clear_faults()
    tenant.clear_requests()
    look(tenant)
    assert asked == len(tenant.requests())


# writes ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def emptied() -> Iterator[Tenant]:
    with empty_tenant() as found:
        yield found


@pytest.mark.parametrize("pace", [SLOW, QUICK], ids=["slow", "quick"])
@pytest.mark.parametrize("kind", [*HEADS, *BODIES, "hints"])
def test_a_write_whose_answer_drips_is_read_back_and_not_resent(emptied: Tenant, kind: str, pace: Json) -> None:
    emptied.clear_faults()
    env = Harness(emptied, concurrency=1, timeout=2 * SHORT if pace is SLOW else PATIENT)
    people = env.people(5)
    env.fault(kind, after_batches=1, **pace)
    result = env.run(people, "SPE_E3")
    assert (statuses(result), result["summary"]["confirmed"]) == ({"changed": 5}, 5)
    assert len(env.parts("POST", "assignLicense")) == 5


@pytest.mark.parametrize("kind", ["drip_interim", "drip_trailers"])
def test_a_lost_write_that_cannot_be_read_back_is_unknown(emptied: Tenant, kind: str) -> None:
    emptied.clear_faults()
    env = Harness(emptied, concurrency=1, timeout=PATIENT, retry_seconds=5.0)
    env.person("anna")
    env.fault(kind, after_batches=1, times=None, **QUICK)
    error = env.fail(["anna@contoso.example"], "SPE_E3")
    assert [row["error"]["code"] for row in error.partial["users"]] == ["unknown_outcome"]
    assert len(env.parts("POST", "assignLicense")) == 1


# before there is a request --------------------------------------------------------------------------------------------


@contextmanager
def dripping(piece: bytes, *beginning: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that waits for some bytes before each part of its answer, and then drips; its port, what it heard."""
    heard: list[bytes] = []
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                for number, part in enumerate(beginning):
                    said = connection.recv(4096)
                    heard.extend([said] if not number else [])
                    connection.sendall(part)
                while not over.wait(SLOW["seconds"]):
                    connection.sendall(piece)
            except OSError:
                return

    def listen() -> None:
        while not over.is_set():
            try:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1], heard
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


SERVER_HELLO = b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb\x03\x03"


def test_a_greeting_of_tls_that_drips() -> None:
    """Nothing was sent yet, so a write would be sent again."""
    with dripping(b"x", SERVER_HELLO) as (port, heard):
        client = client_for(clock=Still(), timeout=SHORT, retry_seconds=4.0)
        call = Call("Stand-in", "POST", f"https://localhost:{port}/write", idempotent=False)
        with pytest.raises(ServiceUnavailable, match="did not accept the connection in time"):
            client.deliver(call, lambda raw: raw)
    assert len(heard) > 1
    assert client.requests == 0


@pytest.mark.parametrize(
    ("piece", "beginning"),
    [
        (b"O", [b"HTTP/1.1 200 "]),
        (b"x-more: x\r\n", [b"HTTP/1.1 200 OK\r\n"]),
        (b"HTTP/1.1 100 Continue\r\n\r\n", [b""]),
        (b"x", [b"HTTP/1.1 200 Connection established\r\n\r\n", SERVER_HELLO]),
    ],
)
def test_a_proxy_that_drips(monkeypatch: pytest.MonkeyPatch, piece: bytes, beginning: list[bytes]) -> None:
    with dripping(piece, *beginning) as (port, heard):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        client = client_for(clock=Still(), timeout=SHORT, retry_seconds=2.0)
        with pytest.raises(ServiceUnavailable, match=r"the proxy did not connect to graph\.example"):
            client.for_msal("Stand-in").get("https://graph.example/x")
    assert len(heard) > 1
    assert all(said.startswith(b"CONNECT") for said in heard)


def test_a_name_that_is_looked_up_for_too_long(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The operating system looks it up, and knows no limit. What has been given up is not sent when it is done."""
    found, done = threading.Event(), threading.Event()
    look_up = socket.getaddrinfo

    def slow(*args: Any, **more: Any) -> Any:
        found.wait(60)
        answer = look_up(*args, **more)
        done.set()
        return answer

    with serving(lambda _seen: document({}), tmp_path) as server:
        client = client_for(server, clock=Still(), timeout=SHORT, retry_seconds=0.0)
        call = Call("Stand-in", "POST", f"{server.url}/write", idempotent=False)
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        with pytest.raises(ServiceUnavailable, match=r"no connection to localhost:\d+ within 0\.3 s \(timeout\)"):
            client.deliver(call, lambda raw: raw)
        before = threading.active_count()
        found.set()
        assert done.wait(60)
        until(lambda: threading.active_count() < before, "the end of the request that was given up")
        assert server.seen == []


def test_a_time_that_is_over_leaves_no_socket_open() -> None:
    """The time may end between a request and the first byte of its answer."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.settimeout(5)
        Limit(0.0).begin()
        with pytest.raises(TimeoutError) as caught:
            limited_answer(ours)
        ours.close()
        assert theirs.recv(1) == b"", f"closed on the other side, too, while somebody holds the {caught.typename}"
