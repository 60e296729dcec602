# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``$batch``: up to 20 requests in one, each answered, throttled and refused on its own, in no order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from tests.simulator import fault_responses, faults
from tests.simulator.errors import GraphError, bad_request, error_body
from tests.simulator.graph_common import Request, json_answer
from tests.simulator.state import Answer, AppIdentity, Fault, World, new_guid

MAX_PARTS = 20
METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})
Dispatch = Callable[[World, str, str, list[tuple[str, str]], Mapping[str, str], Any, AppIdentity], Answer]


def run(request: Request, dispatch: Dispatch) -> Answer:
    """Answer a batch: 200 whatever its parts return, 400 if the batch itself is malformed."""
    request.allow_query()
    if not isinstance(request.body, dict) or not isinstance(request.body.get("requests"), list):
        raise _malformed("Invalid batch payload format.")
    parts = request.body["requests"]
    _check(parts)
    answers: dict[str, Answer] = {}
    written: set[str] = set()
    for part in parts:
        answers[part["id"].casefold()] = _answer(request, dispatch, part, answers, written)
    shown = [_shown(part["id"], answers[part["id"].casefold()]) for part in parts]
    # Answers come in any order: here every second one first, then the others from the end.
    return json_answer({"responses": [*shown[1::2], *shown[0::2][::-1]]})


def _malformed(message: str) -> GraphError:
    return bad_request(message, "BadRequest")


def _check(parts: Sequence[Any]) -> None:
    if not parts:
        raise _malformed("Invalid batch payload format: 'requests' is empty.")
    if len(parts) > MAX_PARTS:
        raise _malformed(f"Number of batch request steps exceeds the maximum value of {MAX_PARTS}.")
    ids: set[str] = set()
    for part in parts:
        _check_part(part)
        if part["id"].casefold() in ids:
            raise _malformed(f"Request Id : {part['id']} has to be unique in a batch.")
        for other in part.get("dependsOn") or ():
            # What a part depends on stands before it [msgraph-sdk-dotnet-core, issue 891].
            if str(other).casefold() not in ids:
                raise _malformed(f"Invalid dependency for request Id : {part['id']}.")
        ids.add(part["id"].casefold())


def _check_part(part: Any) -> None:
    if not isinstance(part, dict):
        raise _malformed("Invalid batch payload format: a request is an object.")
    for name in ("id", "method", "url"):
        if not isinstance(part.get(name), str) or not part[name]:
            raise _malformed(f"Invalid batch payload format: a request lacks '{name}'.")
    # Properties that the service does not know it ignores: msgraph-sdk for Python sends ``depends_on`` with each part
    # [msgraph-sdk-python-core, pull request 996].
    if part["method"].upper() not in METHODS:
        raise _malformed(f"Request Id : {part['id']} has the invalid method '{part['method']}'.")
    if urlsplit(part["url"]).scheme or part["url"].startswith("//"):
        raise _malformed(f"Request Id : {part['id']} has an absolute url; urls in a batch are relative.")
    if urlsplit(part["url"]).path.strip("/").casefold() == "$batch":
        raise _malformed("A batch within a batch is not allowed.")
    has_type = any(name.casefold() == "content-type" for name in part.get("headers") or {})
    if part.get("body") is not None and not has_type:
        raise _malformed(f"Write request id : {part['id']} does not contain Content-Type header or body.")


def _answer(
    request: Request,
    dispatch: Dispatch,
    part: Mapping[str, Any],
    answers: Mapping[str, Answer],
    written: set[str],
) -> Answer:
    world = request.world
    for other in part.get("dependsOn") or ():
        if answers[str(other).casefold()].status >= 400:
            return _error(world, 424, "FailedDependency", "A request that this one depends on has failed.")
    url, method = part["url"], part["method"].upper()
    fault = faults.match(world, service="graph", method=method, path=url, part=True)
    if fault is not None and fault.kind == "status":
        return _faulty(world, fault)
    split = urlsplit(url)
    path = f"/{request.version}/{unquote(split.path).lstrip('/')}"
    if method != "GET" and not part.get("dependsOn"):
        # Parts run at once: a second write on the same user meets the first.
        target = "/".join(path.casefold().split("/")[2:4])
        writes = target.startswith("users/") and not path.casefold().endswith("/checkmembergroups")
        if writes and target in written:
            return _error(
                world,
                409,
                "Directory_ConcurrencyViolation",
                "Your request conflicts with a concurrent update of the object.",
            )
        if writes:
            written.add(target)
    headers = {name.casefold(): str(value) for name, value in (part.get("headers") or {}).items()}
    query = parse_qsl(split.query, keep_blank_values=True)
    if fault is not None:
        fault_responses.apply_concurrent_change(world, fault, "".join(path.split("/")[3:4]), part.get("body"))
    answer = dispatch(world, method, path, query, headers, part.get("body"), request.app)
    return _faulty(world, fault) if fault is not None and fault.kind == "late_status" else answer


def _faulty(world: World, fault: Fault) -> Answer:
    answer = fault_responses.status(world, fault)
    answer.headers.setdefault("Content-Type", "application/json")
    return answer


def _error(world: World, status: int, code: str, message: str) -> Answer:
    request_id = new_guid()
    body = error_body(code, message, now=world.now(), request_id=request_id, client_request_id=request_id)
    return Answer(status, body, {"Content-Type": "application/json"})


def _shown(part_id: str, answer: Answer) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": part_id, "status": answer.status, "headers": answer.headers}
    if isinstance(answer.body, bytes):
        plain = answer.headers.get("Content-Type", "").startswith("text/plain")
        shown["body"] = answer.body.decode() if plain else orjson.Fragment(answer.body)
    elif answer.body is not None:
        shown["body"] = answer.body
    return shown
