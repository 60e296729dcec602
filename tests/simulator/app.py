# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant as web applications: one per host, with the log and the faults in front of the handlers.

Starlette reads and routes, uvicorn serves. A handler gets plain values and gives an ``Answer``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.simulator import control, exchange, fault_responses, faults, graph, graph_reports, login
from tests.simulator.errors import error_body
from tests.simulator.state import Answer, AppIdentity, Json, World, new_guid
from tests.simulator.transport import Connection

Handler = Callable[[World, "Received"], Answer]


class Received:
    """A request that was read completely."""

    def __init__(self, request: Request, raw: bytes) -> None:
        self.method = request.method
        self.path: str = request.scope["path"]
        self.query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        self.headers = {name.casefold(): value for name, value in request.headers.items()}
        self.raw = raw

    def json(self) -> Any:
        """The body as JSON; None if it is empty. Raises ValueError."""
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
        connection = Connection(receive, send)
        if self.service == "control":
            await connection.send(self.handler(self.world, got), self.world)
            return
        entry = self._entry(got)
        self.world.log.append(entry)
        if any(faults.connection(self.world, self.service, kind, use=False) for kind in faults.CONNECTIONS):
            connection.hang_up()  # a connection from before the fault
            return
        fault = faults.match(
            self.world,
            service=self.service,
            method=got.method,
            path=_whole(got),
            cmdlet=_call(entry),
        )
        info = fault_responses.RequestInfo(
            self.service, self._url(request), got.headers, f"{entry.get('cmdlet')} {entry.get('parameters')}"
        )
        if fault is not None and fault.kind == "slow":
            emptied = self.world.emptied
            await connection.pause(fault.seconds)
            if emptied != self.world.emptied:
                connection.hang_up()
                return
        if fault is None or fault.kind == "slow":
            answer = self.handler(self.world, got)
            fault_responses.remember(self.world, answer, info)
        else:
            if fault.kind == "drop":
                connection.hang_up()
                return
            answer = fault_responses.answer(self.world, fault, lambda: self.handler(self.world, got), info)
            if fault.kind == "lost_answer":
                connection.hang_up()
                return
        entry["status"] = answer.status
        entry["bytes"] = await connection.send(answer, self.world, fault)

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
        elif self.service == "graph" and got.raw:
            with contextlib.suppress(ValueError):
                entry["body"] = got.json()
        return entry


def _call(entry: Mapping[str, Any]) -> str:
    """Return the cmdlet of a request with the switches that it sets."""
    parameters = entry.get("parameters")
    given = parameters.items() if isinstance(parameters, Mapping) else ()
    return " ".join([str(entry.get("cmdlet", "")), *(f"-{name}" for name, value in given if value is True)])


def _whole(got: Received) -> str:
    return f"{got.path}?{'&'.join(f'{name}={value}' for name, value in got.query)}" if got.query else got.path
