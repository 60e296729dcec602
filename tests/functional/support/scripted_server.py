# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on loopback that answers what a test wrote down, in its order, and remembers what it was asked.

For answers that no service gives on purpose: half of one, none, one that is too large. A request beyond the script is
answered with 599, which no client repeats, and shows up in ``seen``.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme
from ansible_collections.m365.licensing.plugins.module_utils._http.client import HttpClient, HttpSettings, Service

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Reply:
    """An answer. ``announced`` is a Content-Length that is not the body's; ``drop``: close without a word.

    ``endless`` is sent after the body over and over, until the client hangs up; no length is announced then.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    announced: int | str | None = None
    drop: bool = False
    endless: bytes = b""


@dataclass(frozen=True)
class Seen:
    """A request as it came. ``headers`` have lower-case names, ``query`` the last value of each."""

    method: str
    path: str
    query: Mapping[str, str]
    target: str
    headers: Mapping[str, str]
    body: bytes


Script = list[Reply] | Callable[[Seen], Reply]
DROP = Reply(drop=True)


def document(value: Any, status: int = 200, **headers: str) -> Reply:
    """An answer of JSON; ``retry_after`` becomes Retry-After."""
    named = {name.replace("_", "-").title(): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), JSON | named)


def refusal(status: int, code: str = "Broken", message: str = "", **headers: str) -> Reply:
    """An error as Graph and Exchange write it."""
    return document({"error": {"code": code, "message": message}}, status, **headers)


@dataclass
class StandIn:
    """The server. ``seen`` grows as requests come in."""

    url: str
    ca_path: Path
    seen: list[Seen] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """Method and path of each request."""
        return [f"{seen.method} {seen.path}" for seen in self.seen]


class Clock:
    """A clock that only sleeping moves; ``waits`` are the sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.waits.append(seconds)
        self.now += seconds


def client_for(server: StandIn | None = None, clock: Clock | None = None, **settings: Any) -> HttpClient:
    """A client that trusts the server and never really waits."""
    clock = clock or Clock()
    chosen = {"ca_path": str(server.ca_path) if server else None, "timeout": 10.0} | settings
    return HttpClient(HttpSettings(**chosen), clock=clock, sleep=clock.sleep)


def service_for(
    server: StandIn,
    clock: Clock | None = None,
    token: Callable[[bool], str] = lambda _refresh: "the-token",
    **more: Any,
) -> Service:
    """A service behind the server."""
    return Service(client_for(server, clock, **more), "Stand-in", server.url, token, lambda *_: "Ask for consent.")


@contextmanager
def serving(script: Script, folder: Path, *, tls: bool = True, name: str = "localhost") -> Iterator[StandIn]:
    """Run a server with this script; ``folder`` takes its CA. It ends with the block."""
    authority = trustme.CA()
    ca_path = folder / "stand-in-ca.pem"
    authority.cert_pem.write_to_path(str(ca_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.daemon_threads = True
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    found = StandIn(f"{'https' if tls else 'http'}://localhost:{server.server_port}", ca_path)
    server.RequestHandlerClass = _handler(script, found)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is no news
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(script: Script, found: StandIn) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    def reply_to(seen: Seen) -> Reply:
        with lock:
            number = len(found.seen)
            found.seen.append(seen)
        if callable(script):
            return script(seen)
        return script[number] if number < len(script) else refusal(599, "BeyondTheScript")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            headers = {name.casefold(): value for name, value in self.headers.items()}
            reply = reply_to(Seen(self.command, parts.path, query, self.path, headers, self.rfile.read(length)))
            if reply.drop:
                self.close_connection = True
                return
            # with a Date of its own only where the script says none
            (self.send_response_only if "Date" in reply.headers else self.send_response)(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            size = len(reply.body) if reply.announced is None else reply.announced
            if reply.endless:
                self.send_header("Connection", "close")
            else:
                self.send_header("Content-Length", str(size))
            self.end_headers()
            self.wfile.write(reply.body)
            while reply.endless:
                self.wfile.write(reply.endless)
            if size != len(reply.body):
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer  # noqa: N815 (names that http.server looks for)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the base class)
            """Say nothing."""

    return Handler
