# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Exchange Online admin API: both surfaces, their permissions, and paging by POST.

What is not simulated is refused with 501; what the service would refuse is refused as it does.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.simulator import exchange_cmdlets, group_licensing, licensing, recycle_bin
from tests.simulator.exchange_errors import ExchangeError, bad_request, forbidden, not_simulated
from tests.simulator.opath import GUID, LIST, PROPERTIES, TIME
from tests.simulator.state import (
    EXCHANGE_DIRECTORY_ROLES,
    Answer,
    AppIdentity,
    Json,
    World,
    new_guid,
)

MORE_RESULTS = (
    "There are more results available than are currently displayed. To view them, increase the value for the "
    "ResultSize parameter."
)
PAGE_SIZE = 1000
"""The largest page, and the one without ``Prefer: odata.maxpagesize``."""
WINDOW = "exchange.window"
"""Where the tenant keeps the end of the window, by its clock, and the requests in it."""
_WINDOW_SECONDS = 300
_LINK_SECONDS = {"beta": 1800, "v2.0": 420}
_V2_CMDLETS = {"Mailbox": "Get-Mailbox", "OrganizationConfig": "Get-OrganizationConfig"}
_V2_PARAMETERS = {
    "Get-Mailbox": {"Identity", "ResultSize", "IncludeGrantSendOnBehalfToWithDisplayNames"},
    "Get-OrganizationConfig": set[str](),
}
_V2_NOT_SIMULATED = frozenset(
    {"AcceptedDomain", "DistributionGroupMember", "DynamicDistributionGroupMember", "MailboxFolderPermission"}
)


@dataclass
class Cursor:
    """The rest of an answer behind a nextLink, for one caller."""

    rows: Sequence[Json]
    digest: str
    anchor: str
    select: tuple[str, ...]
    size: int
    dies: float
    warnings: list[str]


def dispatch(
    world: World,
    method: str,
    path: str,
    query: list[tuple[str, str]],
    headers: Mapping[str, str],
    body: Any,
    app: AppIdentity,
) -> Answer:
    """Answer one request to the Exchange host."""
    request_id = headers.get("client-request-id") or new_guid()
    recycle_bin.sweep(world)
    licensing.sweep(world)
    group_licensing.tick(world)
    try:
        _count(world)
        answer = _route(world, method, path, query, headers, body, app)
    except ExchangeError as error:
        answer = refusal(error)
    answer.headers.setdefault("request-id", request_id)
    if _is_beta(path):
        answer.headers.update(_allowance(world))
    return answer


def _is_beta(path: str) -> bool:
    """Whether it is InvokeCommand instead of the documented surface."""
    return "/adminapi/beta/" in path


def _allowance(world: World) -> dict[str, str]:
    """Return the quota headers of InvokeCommand; the length of the window is an assumption, v2.0 has no such header."""
    end, count = world.scratch.get(WINDOW, (0.0, 0))
    left = max(0, world.switches.exchange_quota - count)
    seconds = max(0, math.ceil(end - world.seconds()))
    at = (world.now() + timedelta(seconds=seconds)).isoformat()
    return {
        "Rate-Limit-Limit": str(world.switches.exchange_quota),
        "Rate-Limit-Remaining": str(left),
        "Rate-Limit-Reset": at if world.switches.rate_limit_reset == "time" else str(seconds),
    }


def _count(world: World) -> None:
    """Count a request in this window. Raises ExchangeError if the quota is spent."""
    now = world.seconds()
    end, count = world.scratch.get(WINDOW, (0.0, 0))
    if now >= end:
        end, count = now + _WINDOW_SECONDS, 0
    if count >= world.switches.exchange_quota:
        raise ExchangeError(429, "TooManyRequests", "The server is busy. Please try again later.")
    world.scratch[WINDOW] = (end, count + 1)


def refusal(error: ExchangeError) -> Answer:
    """Return the answer for an error."""
    if error.status in (401, 403):
        # The body of these is padding; the reason stands in the headers.
        return Answer(error.status, b"\0" * 64, {"content-type": "text/html", **error.headers})
    code = f"Ex{hashlib.sha256(error.kind.encode()).hexdigest()[:6].upper()}"
    detail = f"{code}|{error.kind}|{error.message}" if error.kind else error.message
    shown = error.message if error.status == 501 else "Invalid Operation"
    return Answer(
        error.status,
        {
            "error": {
                "code": error.code,
                "message": shown,
                "details": [{"code": "Context", "target": "", "message": detail}],
                "innererror": {
                    "message": "Error executing cmdlet",
                    "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
                    "stacktrace": "",
                    "internalexception": {
                        "message": f"Exception of type '{error.kind}' was thrown.",
                        "type": error.kind,
                        "stacktrace": "",
                    },
                },
            }
        },
        dict(error.headers),
    )


def _route(
    world: World,
    method: str,
    path: str,
    query: list[tuple[str, str]],
    headers: Mapping[str, str],
    body: Any,
    app: AppIdentity,
) -> Answer:
    parts = path.strip("/").split("/")
    if len(parts) != 4 or parts[0].casefold() != "adminapi" or parts[1].casefold() not in ("beta", "v2.0"):
        raise not_simulated(f"the path {path}")
    version, tenant, endpoint = parts[1].casefold(), parts[2], parts[3]
    if tenant.casefold() not in (world.tenant_id, world.initial_domain, world.domain):
        raise ExchangeError(
            404, "NotFound", f"The tenant {tenant} was not found.", kind="Microsoft.Exchange.TenantNotFound"
        )
    _authorize(app, "Exchange.ManageAsApp" if version == "beta" else "Exchange.ManageAsAppV2")
    parameters = dict(query)
    token = parameters.get("$skiptoken")
    if method != "POST":
        if token:
            raise expired()
        raise ExchangeError(405, "MethodNotAllowed", "The requested resource does not support this http method.")
    name, arguments = _cmdlet(version, endpoint, body)
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    anchor = headers.get("x-anchormailbox", "")
    # A custom domain in the path is known to break paging as a missing anchor does.
    bound = anchor if tenant.casefold() != world.domain else ""
    base = f"{world.origins.get('exchange', '')}/adminapi/{parts[1]}/{tenant}"
    if token:
        return _next_page(world, base, endpoint, token, digest, bound)
    unknown = set(parameters) - {"$select"}
    if unknown:
        raise not_simulated(f"the query parameter {sorted(unknown)[0]}")
    rows, limit = exchange_cmdlets.run(world, name, arguments)
    select = _select(parameters.get("$select", ""), rows)
    warnings = exchange_cmdlets.warnings_of(name, arguments, rows)
    if limit is not None and limit < len(rows) and not _links(world, base):
        rows, warnings = rows[:limit], [MORE_RESULTS]
    dies = time.monotonic() + _LINK_SECONDS[version]
    size = min(_page_size(world, headers), limit or PAGE_SIZE)
    cursor = Cursor(rows, digest, bound, select, size, dies, warnings)
    return _page(world, base, endpoint, cursor, 0)


def _authorize(app: AppIdentity, permission: str) -> None:
    """401 with neither the app permission nor a directory role, 403 with the permission alone [seen live]."""
    if permission not in app.roles:
        reason = "The token contains no permissions, or permissions can not be understood."
        raise ExchangeError(
            401,
            "Unauthorized",
            reason,
            headers={
                "x-ms-diagnostics": f'2000010;reason="{reason}";error_category="invalid_grant"',
                "www-authenticate": 'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", error="invalid_token"',
            },
        )
    if not app.roles & EXCHANGE_DIRECTORY_ROLES:
        raise forbidden()


def expired() -> ExchangeError:
    """Return the error of a link that is too old, or that was called in the wrong way."""
    return bad_request("Expired or Invalid pagination request. Default Expiry time is 00:30:00")


def _cmdlet(version: str, endpoint: str, body: Any) -> tuple[str, Json]:
    """The cmdlet and its parameters, checked for the surface."""
    given = body.get("CmdletInput") if isinstance(body, dict) else None
    if not isinstance(given, dict) or not isinstance(given.get("CmdletName"), str):
        raise bad_request("Cmdlet needs to be provided as CmdletInput with CmdletName and Parameters in the body.")
    name, arguments = given["CmdletName"], given.get("Parameters") or {}
    if not isinstance(arguments, dict):
        raise bad_request("Parameters of CmdletInput must be an object.")
    if version == "beta":
        if endpoint.casefold() != "invokecommand":
            raise not_simulated(f"the endpoint {endpoint} of the beta surface")
    else:
        if endpoint in _V2_NOT_SIMULATED or name.startswith("Set-"):
            raise not_simulated(f"{name} at the endpoint {endpoint} of v2.0")
        if endpoint not in _V2_CMDLETS:
            raise ExchangeError(404, "NotFound", f"Resource not found for the segment '{endpoint}'.")
        if _V2_CMDLETS[endpoint].casefold() != name.casefold():
            raise bad_request(f"The cmdlet {name} is not supported at the endpoint {endpoint}.")
        refused = set(arguments) - _V2_PARAMETERS[_V2_CMDLETS[endpoint]]
        if refused:
            raise bad_request(f"The parameter '{sorted(refused)[0]}' is not supported for the cmdlet {name}.")
    return name, arguments


def _page_size(world: World, headers: Mapping[str, str]) -> int:
    most = min(PAGE_SIZE, world.switches.page_limit or PAGE_SIZE)
    for item in headers.get("prefer", "").split(","):
        key, _mark, value = item.strip().partition("=")
        if key.casefold() == "odata.maxpagesize" and value.isdigit() and int(value) > 0:
            return min(int(value), most)
    return most


def _links(world: World, base: str) -> bool:
    """Whether this surface links to rows beyond a page or ResultSize."""
    return world.switches.invoke_paging == "nextlink" or not _is_beta(base)


def _page(world: World, base: str, endpoint: str, cursor: Cursor, start: int) -> Answer:
    end = start + cursor.size if _links(world, base) else len(cursor.rows)
    rows = cursor.rows[start:end]
    body: Json = {
        "@odata.context": f"{base}/$metadata#Collection(Exchange.GenericHashTable)",
        "adminapi.warnings@odata.type": "#Collection(String)",
        "@adminapi.warnings": cursor.warnings,
        "value": [_shown(row, cursor.select) for row in rows],
    }
    more = end < len(cursor.rows)
    if more:
        body["@adminapi.warnings"] = [MORE_RESULTS]
    if more:
        cursors: dict[str, Cursor] = world.scratch.setdefault("exchange_cursors", {})
        key = next((key for key, known in cursors.items() if known is cursor), None) or f"c{len(cursors)}"
        cursors[key] = cursor
        token = base64.b64encode(f"{key}:{end}".encode()).decode().replace("=", "%3D").replace("+", "%2B")
        body["@odata.nextLink"] = f"{base}/{endpoint}?%24skiptoken={token}"
    return Answer(200, body)


def _next_page(world: World, base: str, endpoint: str, token: str, digest: str, anchor: str) -> Answer:
    cursors: dict[str, Cursor] = world.scratch.get("exchange_cursors", {})
    try:
        key, _mark, start = base64.b64decode(token, validate=True).decode().partition(":")
        cursor, position = cursors[key], int(start)
    except (ValueError, KeyError):
        raise expired() from None
    foreign = not cursor.anchor or cursor.anchor != anchor or cursor.digest != digest
    if foreign or cursor.dies < time.monotonic() or world.switches.pagination_expired:
        raise expired()
    return _page(world, base, endpoint, cursor, position)


def _select(text: str, rows: Sequence[Json]) -> tuple[str, ...]:
    """Return the properties of ``$select``; a property that no row has is 501."""
    names = tuple(item.strip() for item in text.split(",") if item.strip())
    for name in names:
        if rows and (name not in rows[0] or name.startswith("_")):
            raise not_simulated(f"the property {name} in $select")
    return names


def _shown(row: Json, select: tuple[str, ...]) -> Json:
    """Return a record with its annotations, each before its property."""
    names = select or tuple(name for name in row if not name.startswith("_"))
    shown = dict(_annotations(names))
    for name in names:
        shown[name] = row[name]
    return shown


@functools.lru_cache(maxsize=256)
def _annotations(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"{name}@{key}", kind) for name in names for key, kind in _KINDS.get(PROPERTIES.get(name, ""), {}).items()
    )


_KINDS = {
    GUID: {"data.type": "System.Guid", "odata.type": "#Guid"},
    LIST: {"odata.type": "#Collection(String)"},
    TIME: {"data.type": "System.DateTime"},
}
"""Annotations of a record [seen], by the kind of the property."""
