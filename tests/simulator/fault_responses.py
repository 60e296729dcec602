# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses of the faults in ``faults.KINDS``, made from the correct response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from tests.simulator import exchange, licensing
from tests.simulator.errors import error_body
from tests.simulator.exchange_errors import forbidden
from tests.simulator.license_request import parse_request
from tests.simulator.login import EXPIRED
from tests.simulator.state import Answer, Fault, Json, World, new_guid

HUGE_BYTES = 100 * 2**20
UNKNOWN_STATE = "Hibernating"
"""A capabilityStatus that Microsoft does not document."""
_LAST_PAGE = "fault_responses.last_page"
CODES = {
    401: "InvalidAuthenticationToken",
    403: "Authorization_RequestDenied",
    404: "ResourceNotFound",
    409: "Directory_ConcurrencyViolation",
    423: "Locked",
    424: "FailedDependency",
    429: "TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


Truth = Callable[[], Answer]
"""Carries out the request and returns its correct response."""


@dataclass(frozen=True)
class RequestInfo:
    """The request that a fault applies to."""

    service: str
    url: str
    headers: Mapping[str, str]
    call: str = ""
    """The cmdlet and its parameters."""

    @property
    def list(self) -> str:
        """A key that all pages of one list share."""
        return f"{urlsplit(self.url).path} {self.call}"


def answer(world: World, fault: Fault, truth: Truth, info: RequestInfo) -> Answer:
    """Return the response under a fault. The request is carried out only if ``truth`` is called."""
    made = _ANSWERS.get(fault.kind)
    if made is not None:
        return made(world, fault, truth, info)
    if fault.kind.endswith(("_page", "_pages", "_chain", "_link", "_list")):
        return _page(world, truth, fault.kind, info)
    return truth()  # the fault happens in transport


def _late_status(world: World, fault: Fault, truth: Truth, _info: RequestInfo) -> Answer:
    truth()
    return status(world, fault)


def _redirect(world: World, _fault: Fault, _truth: Truth, info: RequestInfo) -> Answer:
    return Answer(307, b"", {"Location": f"{world.origins['reports']}{urlsplit(info.url).path}"})


def _expired_token(world: World, _fault: Fault, truth: Truth, info: RequestInfo) -> Answer:
    _kind, _mark, token = info.headers.get("authorization", "").partition(" ")
    world.scratch.setdefault(EXPIRED, set()).add(token)
    return truth()


def _unknown_states(_world: World, _fault: Fault, truth: Truth, _info: RequestInfo) -> Answer:
    true = truth()
    body = _json(true)
    return Answer(true.status, _unknown(body), true.headers) if body else true


def _switched(world: World, fault: Fault, truth: Truth, _info: RequestInfo) -> Answer:
    before = vars(world.switches).copy()
    world.switches.update(fault.switches)
    try:
        return truth()
    finally:
        world.switches.update(before)


def _expired_link(world: World, _fault: Fault, _truth: Truth, info: RequestInfo) -> Answer:
    """Return the refusal of an expired link."""
    if info.service == "exchange":
        return exchange.refusal(exchange.expired())
    body = "The specified page token value has expired and can no longer be included in your request."
    return status(world, Fault(status=400), "Directory_ExpiredPageToken", body)


def status(world: World, fault: Fault, code: str = "", text: str = "A fault that a test requested.") -> Answer:
    """Return the response of a ``status`` fault in the form of Graph."""
    if fault.body is not None:
        return Answer(fault.status, fault.body, dict(fault.headers))
    code = code or CODES.get(fault.status, "UnknownError")
    request_id = new_guid()
    body = error_body(code, text, now=world.now(), request_id=request_id, client_request_id=request_id)
    return Answer(fault.status, body, {"request-id": request_id, **fault.headers})


def apply_concurrent_change(world: World, fault: Fault, user_key: str, body: Any) -> None:
    """Apply a change by another client just before a part of a batch runs."""
    user = world.user(user_key)
    if fault.kind == "deleted_user" and user is not None:
        world.remove_user(user["id"])
    elif fault.kind == "seats_taken":
        for item in (body or {}).get("addLicenses", ()):
            sku = world.skus[item["skuId"]]
            sku["consumedUnits"] = sku["prepaidUnits"]["enabled"] + sku["prepaidUnits"]["warning"]
    elif fault.kind in ("removed_before", "done_before") and user is not None:
        add, remove = parse_request(body)
        licensing.apply(world, user["id"], add if fault.kind == "done_before" else [], remove)
    world.touch()


def _parts(_world: World, fault: Fault, truth: Truth, _info: RequestInfo) -> Answer:
    true = truth()
    body = _json(true)
    if "responses" not in body:
        return true  # no batch
    parts: list[Any] = body["responses"]
    chosen = {"missing_part": parts[:-1], "duplicate_part": [*parts, *parts[:1]], "shuffled_parts": parts[::-1]}
    body["responses"] = chosen[fault.kind]
    return Answer(true.status, body, true.headers)


def remember(world: World, true: Answer, info: RequestInfo) -> None:
    """Keep the rows of a page for a fault that repeats them."""
    if any(fault.kind in ("duplicate_page", "overlapping_page") for fault in world.faults):
        body = _json(true)
        if "value" in body:
            world.scratch.setdefault(_LAST_PAGE, {})[info.list] = body["value"]


def _page(world: World, truth: Truth, kind: str, info: RequestInfo) -> Answer:
    """Return a page of a list with the fault in it."""
    url = info.url
    further = f"{url.partition('?')[0]}?$skiptoken={new_guid()}"
    if kind == "endless_chain" and "skiptoken" in url:
        return Answer(200, {"value": [], "@odata.nextLink": further})
    true = truth()
    body = _json(true)
    if "value" not in body:
        return true
    last = world.scratch.get(_LAST_PAGE, {}).get(info.list, []) if "skiptoken" in url.casefold() else []
    remember(world, true, info)
    if kind == "lost_page":
        body.pop("@odata.nextLink" if "@odata.nextLink" in body else "value")
    elif kind == "foreign_link":
        body["@odata.nextLink"] = f"https://attacker.invalid{urlsplit(url).path}?$skiptoken=x"
    elif kind == "endless_pages":
        body["@odata.nextLink"] = url
    elif kind == "endless_chain":
        body["@odata.nextLink"] = further
    elif kind == "duplicate_page":
        body["value"] = last or body["value"]
    elif kind == "overlapping_page":
        body["value"] = [*last[-1:], *body["value"]]
    elif kind == "truncated_list":
        body.pop("@odata.nextLink", None)
        body |= {"value": body["value"][: len(body["value"]) // 2], "@adminapi.warnings": [exchange.MORE_RESULTS]}
    return Answer(true.status, body, true.headers)


def _unknown(value: Any) -> Any:
    """Return the value with an unknown word for each capabilityStatus."""
    if isinstance(value, list):
        return [_unknown(item) for item in value]
    if isinstance(value, dict):
        return {key: UNKNOWN_STATE if key == "capabilityStatus" else _unknown(item) for key, item in value.items()}
    return value


def _json(true: Answer) -> Json:
    try:
        body = orjson.loads(true.body) if isinstance(true.body, bytes) and true.body else true.body
    except orjson.JSONDecodeError:
        return {}  # a report
    return dict(body) if isinstance(body, dict) else {}


_HTML = b"<!DOCTYPE html><html><body>Sign in</body></html>"
_ANSWERS: Mapping[str, Callable[[World, Fault, Truth, RequestInfo], Answer]] = {
    "status": lambda world, fault, _truth, _info: status(world, fault),
    "late_status": _late_status,
    "html": lambda *_unused: Answer(200, _HTML, {"Content-Type": "text/html"}),
    "empty": lambda *_unused: Answer(200, b""),
    "huge": lambda *_unused: Answer(200, b'{"value":["' + b"x" * HUGE_BYTES + b'"]}'),
    "redirect": _redirect,
    "switch": _switched,
    "expired_token": _expired_token,
    "expired_link": _expired_link,
    "forbidden_cmdlet": lambda *_unused: exchange.refusal(forbidden()),
    "missing_part": _parts,
    "duplicate_part": _parts,
    "shuffled_parts": _parts,
    "unknown_states": _unknown_states,
}
"""The function for each kind of fault; ``_page`` holds those of pages."""
