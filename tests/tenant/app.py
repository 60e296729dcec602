# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant as web applications: one per host, in front of the handlers, with the log and the faults between.

Starlette reads and routes, uvicorn serves. A handler gets plain values and gives an ``Answer``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.tenant import broken, control, exchange, faults, graph, graph_reports, login
from tests.tenant.errors import error_body
from tests.tenant.state import Answer, AppIdentity, Json, World, new_guid

Handler = Callable[[World, "Received"], Answer]


class Received:
    """One request, read."""

    def __init__(self, request: Request, raw: bytes) -> None:
        self.method = request.method
        self.path: str = request.scope["path"]
        self.query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        self.headers = {name.casefold(): value for name, value in request.headers.items()}
        self.raw = raw

    def json(self) -> Any:
        """The body; None where there is none. Raises ValueError."""
        return orjson.loads(self.raw) if self.raw else None


def _login(world: World, got: Received) -> Answer:
    return login.dispatch(world, got.method, got.path, dict(parse_qsl(got.raw.decode(), keep_blank_values=True)))


def _identity(world: World, got: Received) -> Answer:
    return login.identity(world, got.method, got.path, dict(got.query), got.headers)


def _graph(world: World, got: Received) -> Answer:
    who = login.caller(world, "graph", got.headers)
    try:
        body = got.json()
    except ValueError:
        return _graph_error(world, 400, "BadRequest", "Unable to read JSON request payload.")
    if isinstance(who, AppIdentity):
        return graph.dispatch(world, got.method, got.path, got.query, got.headers, body, who)
    return _graph_error(world, 401, "InvalidAuthenticationToken", who)


def _graph_error(world: World, status: int, code: str, message: str) -> Answer:
    request_id = new_guid()
    body = error_body(code, message, now=world.now(), request_id=request_id, client_request_id=request_id)
    return Answer(status, body, {"request-id": request_id})


def _exchange(world: World, got: Received) -> Answer:
    who = login.caller(world, "exchange", got.headers)
    if not isinstance(who, AppIdentity):
        reason = f'2000003;reason="{who}";error_category="invalid_token"'
        return Answer(401, b"", {"x-ms-diagnostics": reason, "www-authenticate": 'Bearer error="invalid_token"'})
    try:
        body = got.json()
    except ValueError:
        return Answer(400, {"error": {"code": "BadRequest", "message": "The request body is no JSON."}})
    return exchange.dispatch(world, got.method, got.path, got.query, got.headers, body, who)


def _reports(world: World, got: Received) -> Answer:
    return graph_reports.download(world, got.path, got.headers)


def _control(world: World, got: Received) -> Answer:
    try:
        return control.dispatch(world, got.method, got.path, dict(got.query), got.json())
    except ValueError:
        return Answer(400, {"error": "the body is no JSON"})


HANDLERS: dict[str, Handler] = {
    "login": _login,
    "graph": _graph,
    "exchange": _exchange,
    "reports": _reports,
    "control": _control,
    "identity": _identity,
}
"""The hosts of a tenant."""


def application(world: World, service: str) -> ASGIApp:
    """The web application of one host."""
    return Starlette(routes=[Mount("/", app=_Host(world, service))])


class _Host:
    def __init__(self, world: World, service: str) -> None:
        self.world, self.service, self.handler = world, service, HANDLERS[service]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        got = Received(request, await request.body())
        if self.service == "control":
            await _send(send, self.handler(self.world, got), self.world)
            return
        entry = self._entry(got)
        self.world.log.append(entry)
        fault = faults.match(self.world, service=self.service, method=got.method, path=_whole(got))
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            fault = None
        if fault is None:
            answer = self.handler(self.world, got)
            broken.remember(self.world, answer)
        else:
            if fault.kind == "drop":
                _hang_up(receive)
                return
            answer = broken.answer(self.world, fault, lambda: self.handler(self.world, got), self._url(request))
            if fault.kind == "lost_answer":
                _hang_up(receive)
                return
        entry["status"] = answer.status
        entry["bytes"] = await _send(send, answer, self.world, half=fault is not None and fault.kind == "truncate")

    def _url(self, request: Request) -> str:
        target = request.scope["raw_path"].decode("latin-1")
        return f"{self.world.origins[self.service]}{target}?{request.scope['query_string'].decode('latin-1')}"

    def _entry(self, got: Received) -> Json:
        entry: Json = {
            "service": self.service,
            "method": got.method,
            "path": got.path,
            "query": dict(got.query),
            "status": 0,
            "bytes": 0,
        }
        if got.path.endswith("/$batch"):
            try:
                parts = got.json()["requests"]
                shown = ("method", "url", "body")
                entry["parts"] = [{key: part[key] for key in shown if key in part} for part in parts]
            except (ValueError, KeyError, TypeError):
                entry["parts"] = []
        elif self.service == "exchange":
            try:
                call = got.json()["CmdletInput"]
                entry["cmdlet"], entry["parameters"] = call["CmdletName"], call.get("Parameters")
            except (ValueError, KeyError, TypeError):
                entry["cmdlet"] = ""
        return entry


def _whole(got: Received) -> str:
    return f"{got.path}?{'&'.join(f'{name}={value}' for name, value in got.query)}" if got.query else got.path


async def _send(send: Send, answer: Answer, world: World, *, half: bool = False) -> int:
    """Send an answer; ``half``: only half of the body, though the length speaks of the whole. The bytes sent."""
    body = b"" if answer.body is None else answer.body if isinstance(answer.body, bytes) else orjson.dumps(answer.body)
    headers = {
        "content-type": "application/json; charset=utf-8",
        "date": format_datetime(world.now(), usegmt=True),  # the tenant's clock, and not the server's
        **{k.casefold(): v for k, v in answer.headers.items()},
    }
    headers["content-length"] = str(len(body))
    raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    if half:
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        return len(body) // 2  # The server closes the connection, as the rest never comes.
    await send({"type": "http.response.body", "body": body})
    return len(body)


def _hang_up(receive: Receive) -> None:
    """Close the connection without a word. Only the server's own cycle, behind ``receive``, knows it."""
    cycle: Any = getattr(receive, "__self__", None)
    cycle.transport.abort()
    cycle.response_complete = True
    # Else the server takes the missing answer for a mistake, and tries to send a 500 on the closed connection.
    cycle.disconnected = True
