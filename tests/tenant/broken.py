# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are wrong on purpose: what ``faults.KINDS`` promises, made from the true answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import orjson

from tests.tenant.errors import error_body
from tests.tenant.state import Answer, Fault, Json, World, new_guid

HUGE_BYTES = 100 * 2**20
_LAST_PAGE = "broken.last_page"
_CODES = {
    401: "InvalidAuthenticationToken",
    403: "Authorization_RequestDenied",
    404: "ResourceNotFound",
    409: "Directory_ConcurrencyViolation",
    429: "TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


def answer(world: World, fault: Fault, truth: Callable[[], Answer], url: str) -> Answer:
    """The answer under a fault. ``truth`` lets the request happen; without it nothing does. ``url``: the request's."""
    match fault.kind:
        case "status":
            return _status(world, fault)
        case "html":
            return Answer(200, b"<!DOCTYPE html><html><body>Sign in</body></html>", {"Content-Type": "text/html"})
        case "empty":
            return Answer(200, b"")
        case "huge":
            return Answer(200, b'{"value":["' + b"x" * HUGE_BYTES + b'"]}')
        case "lost_answer" | "truncate":
            return truth()
        case "missing_part" | "duplicate_part":
            return _parts(truth(), fault.kind)
    return _page(world, truth(), fault.kind, url)


def _status(world: World, fault: Fault) -> Answer:
    if fault.body is not None:
        return Answer(fault.status, fault.body, dict(fault.headers))
    code = _CODES.get(fault.status, "UnknownError")
    request_id = new_guid()
    text = "A fault that the test asked for."
    body = error_body(code, text, now=world.now(), request_id=request_id, client_request_id=request_id)
    return Answer(fault.status, body, {"request-id": request_id, **fault.headers})


def _parts(true: Answer, kind: str) -> Answer:
    body = _json(true)
    parts: list[Any] = body.get("responses", [])
    body["responses"] = parts[:-1] if kind == "missing_part" else [*parts, *parts[:1]]
    return Answer(true.status, body, true.headers)


def remember(world: World, true: Answer) -> None:
    """Keep the value of a page, for a fault that repeats it."""
    if any(fault.kind == "duplicate_page" for fault in world.faults):
        body = _json(true)
        if "value" in body:
            world.scratch[_LAST_PAGE] = body["value"]


def _page(world: World, true: Answer, kind: str, url: str) -> Answer:
    """A page of a list that is not what it should be."""
    body = _json(true)
    if "value" not in body:
        return true
    if kind == "lost_page":
        body.pop("@odata.nextLink" if "@odata.nextLink" in body else "value")
    elif kind == "foreign_link":
        body["@odata.nextLink"] = f"https://attacker.invalid{urlsplit(url).path}?$skiptoken=x"
    elif kind == "endless_pages":
        body["@odata.nextLink"] = url
    elif kind == "duplicate_page":
        body["value"] = world.scratch.get(_LAST_PAGE, body["value"])
    return Answer(true.status, body, true.headers)


def _json(true: Answer) -> Json:
    body = orjson.loads(true.body) if isinstance(true.body, bytes) and true.body else true.body
    return dict(body) if isinstance(body, dict) else {}
