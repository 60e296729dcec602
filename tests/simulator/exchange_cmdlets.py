# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The five cmdlets that read recipients: their parameters and their rows.

What is not simulated is refused with 501; what the service would refuse is refused as it does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.simulator.exchange_errors import ExchangeError, bad_request, forbidden, not_simulated
from tests.simulator.folding import folded
from tests.simulator.opath import FilterError, compile_filter
from tests.simulator.state import Json, World, exchange_time

DEFAULT_RESULT_SIZE = 1000
"""The number of rows without ResultSize."""
_MAILBOX_TYPES = frozenset(
    {"UserMailbox", "SharedMailbox", "RoomMailbox", "EquipmentMailbox", "SchedulingMailbox", "DiscoveryMailbox"}
)
_MAIL_USER_TYPES = frozenset({"MailUser", "GuestMailUser"})


_NOT_SIMULATED = frozenset(
    {"get-casmailbox", "get-exomailbox", "get-mailboxplan", "get-recipient", "get-user", "set-mailbox", "set-mailuser"}
)
"""Cmdlets of the real service that a client might call. The service answers unknown ones with 403."""
_IDENTITIES = (
    "Guid",
    "ExchangeGuid",
    "ExternalDirectoryObjectId",
    "UserPrincipalName",
    "PrimarySmtpAddress",
    "Alias",
    "Name",
    "DistinguishedName",
    "DisplayName",
)
"""Properties that ``-Identity`` may name."""


def run(world: World, name: str, arguments: Json) -> tuple[Sequence[Json], int | None]:
    """Return the rows of a cmdlet, and the limit of ResultSize; None: all."""
    cmdlet = _CMDLETS.get(name.casefold())
    if cmdlet is None:
        raise not_simulated(f"the cmdlet {name}") if name.casefold() in _NOT_SIMULATED else forbidden()
    rows_of, known, refused = cmdlet
    for parameter in arguments:
        if parameter in refused:
            raise not_simulated(f"the parameter {parameter} of {name}")
        if parameter not in known:
            raise bad_request(
                f"A parameter cannot be found that matches parameter name '{parameter}'.",
                "System.Management.Automation.ParameterBindingException",
            )
    rows = world.searched(f"{name} {json.dumps(arguments, sort_keys=True)}", lambda: rows_of(world, arguments))
    size = arguments.get("ResultSize", DEFAULT_RESULT_SIZE)
    return rows, None if isinstance(size, str) and size.casefold() == "unlimited" else _number(size)


def _number(size: Any) -> int:
    """Return a numeric ResultSize."""
    try:
        limit = int(size)
    except (TypeError, ValueError):
        limit = -1
    if limit < 0:
        raise bad_request(
            f"Cannot process argument transformation on parameter 'ResultSize'. Cannot convert value \"{size}\" to "
            'type "Microsoft.Exchange.Data.Unlimited`1[System.UInt32]".',
            "System.Management.Automation.ParameterBindingArgumentTransformationException",
        )
    if limit == 0:
        raise not_simulated("the ResultSize 0")
    return limit


def warnings_of(name: str, arguments: Json, rows: Sequence[Json]) -> list[str]:
    """Return the warnings of a cmdlet."""
    if name.casefold() != "get-mailboxstatistics" or rows:
        return []
    return [
        f"The user hasn't logged on to mailbox '{arguments.get('Identity')}', so there is no data to return. After the "
        "user logs on, this warning will no longer appear."
    ]


def _flag(arguments: Json, name: str) -> bool:
    value = arguments.get(name, False)
    if isinstance(value, str):
        return value.casefold().lstrip("$") == "true"
    return bool(value)


def _identity(world: World, rows: Sequence[Json], identity: Any) -> list[Json]:
    wanted = folded(str(identity))
    found = [row for row in rows if any(folded(row[key] or "") == wanted for key in _IDENTITIES)]
    if not found:
        raise ExchangeError(
            404,
            "NotFound",
            f"The operation couldn't be performed because object '{identity}' couldn't be found on "
            "'EURPR01A001.PROD.OUTLOOK.COM'.",
            kind="Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
        )
    if len(found) > 1:
        raise bad_request(
            f"The operation couldn't be performed because '{identity}' matches multiple entries.",
            "Microsoft.Exchange.Configuration.Tasks.ManagementObjectAmbiguousException",
        )
    return found


def _filtered(world: World, rows: Sequence[Json], arguments: Json) -> Sequence[Json]:
    """Return the rows that match Identity, or RecipientTypeDetails and Filter."""
    if "Identity" in arguments:
        for other in ("Filter", "RecipientTypeDetails"):
            if other in arguments:
                raise not_simulated(f"what Identity and {other} mean together")
        return _identity(world, rows, arguments["Identity"])
    kinds = arguments.get("RecipientTypeDetails")
    if kinds:
        given = kinds if isinstance(kinds, list) else str(kinds).split(",")
        known = {kind.casefold() for kind in _MAILBOX_TYPES | _MAIL_USER_TYPES}
        wanted = {str(kind).strip().casefold() for kind in given}
        if wanted - known:
            raise not_simulated(f"the RecipientTypeDetails {', '.join(sorted(map(str, given)))}")
        rows = [row for row in rows if row["RecipientTypeDetails"].casefold() in wanted]
    text = arguments.get("Filter")
    if text is None:
        return rows
    try:
        fits = compile_filter(str(text))
    except FilterError as error:
        raise bad_request(
            f'Cannot bind parameter \'Filter\' to the target. Exception setting "Filter": "{error}"',
            "System.Management.Automation.ParameterBindingException",
        ) from error
    return [row for row in rows if fits(row)]


def _get_mailbox(world: World, arguments: Json) -> Sequence[Json]:
    boxes = [row for row in world.mailboxes.values() if not row["_disconnected"]]
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
            if row["RecipientTypeDetails"] in kinds
            and (not row["WhenSoftDeleted"] or (inactive and row["IsInactiveMailbox"]))
        ]
    return _filtered(world, rows, arguments)


def _get_mail_user(world: World, arguments: Json) -> Sequence[Json]:
    deleted = _flag(arguments, "SoftDeletedMailUser")
    rows = [
        row
        for row in world.mailboxes.values()
        if row["RecipientTypeDetails"] in _MAIL_USER_TYPES and bool(row["WhenSoftDeleted"]) is deleted
    ]
    return _filtered(world, rows, arguments)


def _get_pending(world: World, arguments: Json) -> Sequence[Json]:
    """List pending users, also after delicensing resiliency was switched off."""
    due_only = _flag(arguments, "ShowDueObjectsOnly")
    if due_only and "Identity" in arguments:
        raise bad_request(
            "Parameter set cannot be resolved using the specified named parameters.",
            "System.Management.Automation.ParameterBindingException",
        )
    rows = [row for row in world.mailboxes.values() if row["_pending_delicense"]]
    if due_only or world.switches.pending_delicense_due == "apart":
        now = exchange_time(world.now())
        rows = [row for row in rows if (row["_pending_delicense"] <= now) is due_only]
    if "Identity" in arguments:
        rows = _identity(world, rows, arguments["Identity"])
    by_id = world.switches.pending_delicense_key == "id"
    return [
        {
            "Identity": row["Identity"],
            "DisplayName": row["DisplayName"],
            "ExternalDirectoryObjectId": row["ExternalDirectoryObjectId"] if by_id else "",
            "UserPrincipalName": row["UserPrincipalName"],
            "WhenDueForDelicensingUTC": row["_pending_delicense"],
        }
        for row in rows
    ]


def _get_organization(world: World, arguments: Json) -> Sequence[Json]:
    if "Identity" in arguments:
        raise not_simulated("the parameter Identity of Get-OrganizationConfig")
    # what follows the semicolon was not seen in full
    state = f"Enabled: {world.switches.delicensing_resiliency}; UpdatedBy: Admin"
    return [
        {
            "Name": world.initial_domain,
            "Identity": world.initial_domain,
            "DisplayName": "Contoso",
            "IsDehydrated": False,
            "DelayedDelicensingEnabledState": None if world.switches.resiliency_state == "null" else state,
            "InPlaceHolds": list(world.organization_holds),
        }
    ]


def _get_statistics(world: World, arguments: Json) -> Sequence[Json]:
    if "Identity" not in arguments:
        raise bad_request(
            "Cannot process command because of one or more missing mandatory parameters: Identity.",
            "System.Management.Automation.ParameterBindingException",
        )
    gone_too = _flag(arguments, "IncludeSoftDeletedRecipients")
    boxes = [
        row
        for row in world.mailboxes.values()
        if row["RecipientTypeDetails"] not in _MAIL_USER_TYPES
        and (gone_too or not row["WhenSoftDeleted"])
        and not row["_disconnected"]
    ]
    row = _identity(world, boxes, arguments["Identity"])[0]
    if row["UserPrincipalName"].casefold() == world.switches.no_statistics.casefold():
        return []
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
    unit, name = next(
        ((unit, name) for unit, name in ((2**30, "GB"), (2**20, "MB"), (2**10, "KB")) if size >= unit), (1, "B")
    )
    return f"{size / unit:.4g} {name} ({size:,} bytes)"


_Run = Callable[[World, Json], Sequence[Json]]
_CMDLETS: dict[str, tuple[_Run, frozenset[str], frozenset[str]]] = {
    "get-mailbox": (
        _get_mailbox,
        frozenset({"Identity", "Filter", "ResultSize", "RecipientTypeDetails", "SoftDeletedMailbox",
                   "InactiveMailboxOnly", "IncludeInactiveMailbox", "Arbitration"}),
        frozenset({"Anr", "Archive", "Async", "Database", "GroupMailbox", "IncludeGrantSendOnBehalfToWithDisplayNames",
                   "Migration", "Monitoring", "OrganizationalUnit", "PublicFolder", "Server", "SortBy",
                   "UsnForReconciliationSearch"}),
    ),
    "get-mailuser": (
        _get_mail_user,
        frozenset({"Identity", "Filter", "ResultSize", "RecipientTypeDetails", "SoftDeletedMailUser"}),
        frozenset({"Anr", "HVEAccount", "LOBAppAccount", "OrganizationalUnit", "SortBy"}),
    ),
    "get-pendingdelicenseuser": (
        _get_pending,
        frozenset({"Identity", "ResultSize", "ShowDueObjectsOnly"}),
        frozenset({"TenantId"}),
    ),
    "get-organizationconfig": (_get_organization, frozenset({"Identity"}), frozenset()),
    "get-mailboxstatistics": (
        _get_statistics,
        frozenset({"Identity", "IncludeSoftDeletedRecipients"}),
        frozenset({"Archive", "IncludeMoveHistory", "IncludeMoveReport", "StoreMailboxIdentity"}),
    ),
}  # fmt: skip
"""Cmdlets: function, supported parameters, and parameters that exist but are not simulated."""
