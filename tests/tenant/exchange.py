# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Exchange Online admin API: five cmdlets that read recipients, on both surfaces, with paging by POST.

What is not simulated is refused with 501; what the service would refuse is refused as it does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.tenant.opath import FilterError, compile_filter
from tests.tenant.state import (
    EXCHANGE_DIRECTORY_ROLES,
    Answer,
    AppIdentity,
    Json,
    World,
    new_guid,
    public,
)

MORE_RESULTS = (
    "There are more results available than are currently displayed. To view them, increase the value for the "
    "ResultSize parameter."
)
PAGE_SIZE = 1000
"""The largest page, and the one without ``Prefer: odata.maxpagesize``."""
DEFAULT_RESULT_SIZE = 1000
"""What a cmdlet gives without ResultSize."""
_LINK_SECONDS = {"beta": 1800, "v2.0": 420}
_V2_CMDLETS = {"Mailbox": "Get-Mailbox", "OrganizationConfig": "Get-OrganizationConfig"}
_V2_PARAMETERS = {"Get-Mailbox": {"Identity", "ResultSize"}, "Get-OrganizationConfig": set[str]()}
_V2_NOT_SIMULATED = frozenset(
    {"AcceptedDomain", "DistributionGroupMember", "DynamicDistributionGroupMember", "MailboxFolderPermission"}
)
_MAILBOX_TYPES = frozenset(
    {"UserMailbox", "SharedMailbox", "RoomMailbox", "EquipmentMailbox", "SchedulingMailbox", "DiscoveryMailbox"}
)
_MAIL_USER_TYPES = frozenset({"MailUser", "GuestMailUser"})


class ExchangeError(Exception):
    """An answer that is an error; ``kind`` is the class of the exception inside the service."""

    def __init__(self, status: int, code: str, message: str, *, kind: str = "", headers: Mapping[str, str] | None = None):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.kind = kind
        self.headers = dict(headers or {})


def bad_request(message: str, kind: str = "Microsoft.Exchange.Management.RestApi.RestApiException") -> ExchangeError:
    """400, with the reason inside ``innererror``."""
    return ExchangeError(400, "BadRequest", message, kind=kind)


def not_simulated(what: str) -> ExchangeError:
    """501: the real service may know this, the simulated tenant does not."""
    return ExchangeError(501, "NotSimulated", f"The simulated tenant does not know {what}.")


@dataclass
class Cursor:
    """What a nextLink stands for: the rest of an answer, for one caller."""

    rows: Sequence[Json]
    digest: str
    anchor: str
    select: tuple[str, ...]
    size: int
    dies: float
    limited: bool


def dispatch(
    world: World, method: str, path: str, query: list[tuple[str, str]], headers: Mapping[str, str], body: Any, app: AppIdentity
) -> Answer:
    """Answer one request to the Exchange host."""
    request_id = headers.get("client-request-id") or new_guid()
    try:
        answer = _route(world, method, path, query, headers, body, app)
    except ExchangeError as error:
        answer = _error(error)
    answer.headers.setdefault("request-id", request_id)
    return answer


def _error(error: ExchangeError) -> Answer:
    if error.status in (401, 403) and error.code != "NotSimulated":
        # The body of these is padding; the reason stands in the headers.
        return Answer(error.status, b"\0" * 64, {"content-type": "text/html", **error.headers})
    detail = f"|{error.kind}|{error.message}" if error.kind else error.message
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
                    "internalexception": {"message": detail, "type": error.kind, "stacktrace": ""},
                },
            }
        },
        dict(error.headers),
    )


def _route(
    world: World, method: str, path: str, query: list[tuple[str, str]], headers: Mapping[str, str], body: Any, app: AppIdentity
) -> Answer:
    parts = path.strip("/").split("/")
    if len(parts) != 4 or parts[0].casefold() != "adminapi" or parts[1].casefold() not in ("beta", "v2.0"):
        raise not_simulated(f"the path {path}")
    version, tenant, endpoint = parts[1].casefold(), parts[2], parts[3]
    if tenant.casefold() not in (world.tenant_id, world.initial_domain, world.domain):
        raise ExchangeError(404, "NotFound", f"The tenant {tenant} was not found.", kind="Microsoft.Exchange.TenantNotFound")
    _authorize(app, "Exchange.ManageAsApp" if version == "beta" else "Exchange.ManageAsAppV2")
    parameters = dict(query)
    token = parameters.get("$skiptoken")
    if method != "POST":
        if token:
            raise bad_request("Expired or Invalid pagination request. Default Expiry time is 00:30:00")
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
    rows, limited = _run(world, name, arguments)
    select = tuple(item.strip() for item in parameters.get("$select", "").split(",") if item.strip())
    cursor = Cursor(rows, digest, bound, select, _page_size(headers), time.monotonic() + _LINK_SECONDS[version], limited)
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
        reason = "The role assigned to application isn't supported in this scenario. Please check online documentation."
        raise ExchangeError(
            403,
            "AccessDenied",
            reason,
            headers={"x-ms-diagnostics": f'2000008;reason="{reason}";error_category="invalid_role"'},
        )


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


def _page_size(headers: Mapping[str, str]) -> int:
    for item in headers.get("prefer", "").split(","):
        key, _, value = item.strip().partition("=")
        if key.casefold() == "odata.maxpagesize" and value.isdigit() and int(value) > 0:
            return min(int(value), PAGE_SIZE)
    return PAGE_SIZE


def _run(world: World, name: str, arguments: Json) -> tuple[Sequence[Json], bool]:
    """The rows of a cmdlet, and whether ResultSize cut them off."""
    cmdlet = _CMDLETS.get(name.casefold())
    if cmdlet is None:
        raise not_simulated(f"the cmdlet {name}")
    run, known, refused = cmdlet
    for parameter in arguments:
        if parameter in refused:
            raise not_simulated(f"the parameter {parameter} of {name}")
        if parameter not in known:
            raise bad_request(
                f"A parameter cannot be found that matches parameter name '{parameter}'.",
                "System.Management.Automation.ParameterBindingException",
            )
    rows = run(world, arguments)
    size = arguments.get("ResultSize", DEFAULT_RESULT_SIZE)
    if isinstance(size, str) and size.casefold() == "unlimited":
        return rows, False
    try:
        limit = int(size)
    except (TypeError, ValueError):
        raise bad_request(
            f"Cannot process argument transformation on parameter 'ResultSize'. Cannot convert value \"{size}\" to type "
            '"Microsoft.Exchange.Data.Unlimited`1[System.UInt32]".',
            "System.Management.Automation.ParameterBindingArgumentTransformationException",
        ) from None
    return rows[:limit], len(rows) > limit


def _page(world: World, base: str, endpoint: str, cursor: Cursor, start: int) -> Answer:
    unlimited_only = world.switches.invoke_paging == "unlimited_only" and base.rpartition("/adminapi/")[2].startswith("beta")
    end = len(cursor.rows) if unlimited_only else start + cursor.size
    rows = cursor.rows[start:end]
    body: Json = {
        "@odata.context": f"{base}/$metadata#Collection(Exchange.GenericHashTable)",
        "adminapi.warnings@odata.type": "#Collection(String)",
        "@adminapi.warnings": [],
        "value": [_shown(row, cursor.select) for row in rows],
    }
    more = end < len(cursor.rows)
    if more or cursor.limited:
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
        key, _, start = base64.b64decode(token, validate=True).decode().partition(":")
        cursor, position = cursors[key], int(start)
    except (ValueError, KeyError):
        raise bad_request("Expired or Invalid pagination request. Default Expiry time is 00:30:00") from None
    stranger = not cursor.anchor or cursor.anchor != anchor or cursor.digest != digest
    if stranger or cursor.dies < time.monotonic() or world.switches.pagination_expired:
        raise bad_request("Expired or Invalid pagination request. Default Expiry time is 00:30:00")
    return _page(world, base, endpoint, cursor, position)


def _shown(row: Json, select: tuple[str, ...]) -> Json:
    if not select:
        return public(row)
    return {name: row[name] for name in select if name in row and not name.startswith("_")}


def _flag(arguments: Json, name: str) -> bool:
    value = arguments.get(name, False)
    if isinstance(value, str):
        return value.casefold().lstrip("$") == "true"
    return bool(value)


def _identity(world: World, rows: Sequence[Json], identity: Any) -> list[Json]:
    wanted = str(identity).casefold()
    keys = ("Guid", "ExchangeGuid", "ExternalDirectoryObjectId", "UserPrincipalName", "PrimarySmtpAddress", "Alias", "Name",
            "DistinguishedName", "DisplayName")  # fmt: skip
    found = [row for row in rows if any((row[key] or "").casefold() == wanted for key in keys)]
    if not found:
        raise ExchangeError(
            404,
            "NotFound",
            f"Ex6F9304|Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException|The operation couldn't be "
            f"performed because object '{identity}' couldn't be found on '{world.initial_domain}'.",
            kind="Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
        )
    if len(found) > 1:
        raise bad_request(
            f"The operation couldn't be performed because '{identity}' matches multiple entries.",
            "Microsoft.Exchange.Configuration.Tasks.ManagementObjectAmbiguousException",
        )
    return found


def _filtered(rows: Sequence[Json], arguments: Json) -> Sequence[Json]:
    kinds = arguments.get("RecipientTypeDetails")
    if kinds:
        given = kinds if isinstance(kinds, list) else str(kinds).split(",")
        wanted = {str(kind).strip().casefold() for kind in given}
        rows = [row for row in rows if row["RecipientTypeDetails"].casefold() in wanted]
    text = arguments.get("Filter")
    if text is None:
        return rows
    try:
        fits = compile_filter(str(text))
    except FilterError as error:
        raise bad_request(
            f"Cannot bind parameter 'Filter' to the target. Exception setting \"Filter\": \"{error}\"",
            "System.Management.Automation.ParameterBindingException",
        ) from error
    return [row for row in rows if fits(row)]


def _get_mailbox(world: World, arguments: Json) -> Sequence[Json]:
    boxes = world.mailboxes.values()
    if _flag(arguments, "SoftDeletedMailbox"):
        rows = [row for row in boxes if row["WhenSoftDeleted"] and row["RecipientTypeDetails"] in _MAILBOX_TYPES]
    elif _flag(arguments, "InactiveMailboxOnly"):
        rows = [row for row in boxes if row["IsInactiveMailbox"]]
    else:
        kinds = frozenset({"ArbitrationMailbox"}) if _flag(arguments, "Arbitration") else _MAILBOX_TYPES
        inactive = _flag(arguments, "IncludeInactiveMailbox")
        rows = [
            row
            for row in boxes
            if row["RecipientTypeDetails"] in kinds and (not row["WhenSoftDeleted"] or (inactive and row["IsInactiveMailbox"]))
        ]
    if "Identity" in arguments:
        return _identity(world, rows, arguments["Identity"])
    return _filtered(rows, arguments)


def _get_mail_user(world: World, arguments: Json) -> Sequence[Json]:
    deleted = _flag(arguments, "SoftDeletedMailUser")
    rows = [
        row
        for row in world.mailboxes.values()
        if row["RecipientTypeDetails"] in _MAIL_USER_TYPES and bool(row["WhenSoftDeleted"]) is deleted
    ]
    if "Identity" in arguments:
        return _identity(world, rows, arguments["Identity"])
    return _filtered(rows, arguments)


def _get_pending(world: World, arguments: Json) -> Sequence[Json]:
    if not world.switches.delicensing_resiliency:
        return []
    rows = [row for row in world.mailboxes.values() if row["_pending_delicense"]]
    if "Identity" in arguments:
        rows = _identity(world, rows, arguments["Identity"])
    return [
        {
            "Identity": row["Identity"],
            "DisplayName": row["DisplayName"],
            "ExternalDirectoryObjectId": row["ExternalDirectoryObjectId"],
            "UserPrincipalName": row["UserPrincipalName"],
            "WhenDueForDelicensingUTC": row["_pending_delicense"],
        }
        for row in rows
    ]


def _get_organization(world: World, arguments: Json) -> Sequence[Json]:
    if "Identity" in arguments:
        raise not_simulated("the parameter Identity of Get-OrganizationConfig")
    on = world.switches.delicensing_resiliency
    return [
        {
            "Name": world.initial_domain,
            "Identity": world.initial_domain,
            "DisplayName": "Contoso",
            "IsDehydrated": False,
            "DelayedDelicensingEnabled": on,
            "DelayedDelicensingEnabledState": "Enabled" if on else "Disabled",
        }
    ]


def _get_statistics(world: World, arguments: Json) -> Sequence[Json]:
    if "Identity" not in arguments:
        raise bad_request(
            "Cannot process command because of one or more missing mandatory parameters: Identity.",
            "System.Management.Automation.ParameterBindingException",
        )
    boxes = [row for row in world.mailboxes.values() if row["RecipientTypeDetails"] not in _MAIL_USER_TYPES]
    row = _identity(world, boxes, arguments["Identity"])[0]
    size = row["_bytes"]
    return [
        {
            "DisplayName": row["DisplayName"],
            "MailboxGuid": row["ExchangeGuid"],
            "ItemCount": size // 75_000,
            "TotalItemSize": _size(size),
            "TotalDeletedItemSize": _size(size // 50),
            "IsArchiveMailbox": False,
        }
    ]


def _size(size: int) -> str:
    """``1.5 GB (1,610,612,736 bytes)``, as Exchange writes sizes."""
    unit, name = next(((unit, name) for unit, name in ((2**30, "GB"), (2**20, "MB"), (2**10, "KB")) if size >= unit), (1, "B"))
    return f"{size / unit:.4g} {name} ({size:,} bytes)"


_Run = Callable[[World, Json], Sequence[Json]]
_CMDLETS: dict[str, tuple[_Run, frozenset[str], frozenset[str]]] = {
    "get-mailbox": (
        _get_mailbox,
        frozenset({"Identity", "Filter", "ResultSize", "RecipientTypeDetails", "SoftDeletedMailbox", "InactiveMailboxOnly",
                   "IncludeInactiveMailbox", "Arbitration"}),
        frozenset({"Anr", "Archive", "Async", "Database", "GroupMailbox", "IncludeGrantSendOnBehalfToWithDisplayNames",
                   "Migration", "Monitoring", "OrganizationalUnit", "PublicFolder", "Server", "SortBy", "UsnForReconciliationSearch"}),
    ),
    "get-mailuser": (
        _get_mail_user,
        frozenset({"Identity", "Filter", "ResultSize", "RecipientTypeDetails", "SoftDeletedMailUser"}),
        frozenset({"Anr", "HVEAccount", "LOBAppAccount", "OrganizationalUnit", "SortBy"}),
    ),
    "get-pendingdelicenseuser": (
        _get_pending,
        frozenset({"Identity", "ResultSize"}),
        frozenset({"ShowDueObjectsOnly", "TenantId"}),
    ),
    "get-organizationconfig": (_get_organization, frozenset({"Identity"}), frozenset()),
    "get-mailboxstatistics": (
        _get_statistics,
        frozenset({"Identity"}),
        frozenset({"Archive", "IncludeSoftDeletedRecipients", "IncludeMoveHistory", "IncludeMoveReport", "StoreMailboxIdentity"}),
    ),
}  # fmt: skip
"""Cmdlets: what runs, the parameters that it knows, and those that exist but are not simulated."""
