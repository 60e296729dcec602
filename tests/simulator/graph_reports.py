# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Usage reports: Graph redirects to a download on another host, which wants no Authorization header."""

from __future__ import annotations

import csv
import hashlib
import io
import secrets
from collections.abc import Mapping

from tests.simulator.errors import GraphError, bad_request, error_body, not_simulated
from tests.simulator.graph_common import READ_REPORTS, Request
from tests.simulator.state import Answer, Json, World, new_guid, parse_time

PERIODS = ("D7", "D30", "D90", "D180")
COLUMNS = (
    "Report Refresh Date",
    "User Principal Name",
    "Display Name",
    "Is Deleted",
    "Deleted Date",
    "Created Date",
    "Last Activity Date",
    "Item Count",
    "Storage Used (Byte)",
    "Issue Warning Quota (Byte)",
    "Prohibit Send Quota (Byte)",
    "Prohibit Send/Receive Quota (Byte)",
    "Deleted Item Count",
    "Deleted Item Size (Byte)",
    "Deleted Item Quota (Byte)",
    "Has Archive",
    "Report Period",
)
_DOWNLOADS = "graph.reports"


def mailbox_usage(request: Request, function: str) -> Answer:
    """``GET /reports/getMailboxUsageDetail(period='D7')``, or the totals of ``getMailboxUsageStorage``: 302."""
    request.require(READ_REPORTS)
    request.allow_query()
    name, _mark, rest = function.partition("(")
    if name not in REPORTS:
        raise not_simulated(f"the report '{name}'")
    period = rest.removesuffix(")").removeprefix("period=").strip("'")
    if period not in PERIODS:
        raise bad_request(f"Invalid period: '{period}'. It is one of {', '.join(PERIODS)}.", "BadRequest")
    if request.world.switches.usage_report == "404":
        raise GraphError(404, "ResourceNotFound", "Resource not found for the segment 'reports'.")
    token = secrets.token_urlsafe(24)
    request.world.scratch.setdefault(_DOWNLOADS, {})[token] = (name, period)
    return Answer(302, None, {"Location": f"{request.world.origins['reports']}/data/download/{token}"})


def download(world: World, path: str, headers: Mapping[str, str]) -> Answer:
    """Return the CSV behind a link of Graph, on the other host. A request with a token is refused."""
    if "authorization" in headers:
        return _refusal(
            world, 403, "AuthenticationFailed", "An Authorization header has no place here: the link suffices."
        )
    found = world.scratch.get(_DOWNLOADS, {}).get(path.rpartition("/")[2])
    if found is None:
        return _refusal(world, 404, "ResourceNotFound", "This download does not exist.")
    name, period = found
    return Answer(
        200,
        REPORTS[name](world, period).encode("utf-8-sig", "replace"),
        {"Content-Type": "application/octet-stream", "Content-Disposition": 'attachment; filename="report.csv"'},
    )


def _refusal(world: World, status: int, code: str, message: str) -> Answer:
    request_id = new_guid()
    return Answer(
        status, error_body(code, message, now=world.now(), request_id=request_id, client_request_id=request_id)
    )


def _csv(world: World, period: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for mailbox in world.mailboxes.values():
        if mailbox["RecipientTypeDetails"] in ("UserMailbox", "SharedMailbox", "RoomMailbox", "EquipmentMailbox"):
            writer.writerow(_row(world, mailbox, period))
    return text.getvalue()


def _totals(world: World, period: str) -> str:
    today = world.now().date().isoformat()
    used = sum(mailbox["_bytes"] for mailbox in world.mailboxes.values())
    head = "Report Refresh Date,Storage Used (Byte),Report Date,Report Period"
    return f"{head}\r\n{today},{used},{today},{period.removeprefix('D')}\r\n"


REPORTS = {"getMailboxUsageDetail": _csv, "getMailboxUsageStorage": _totals}
"""The reports by their names: a row for each mailbox, and a row for each day with the total of all."""


def _row(world: World, mailbox: Json, period: str) -> list[str]:
    today = world.now().date().isoformat()
    deleted = mailbox["WhenSoftDeleted"]
    names = [mailbox["UserPrincipalName"], mailbox["DisplayName"]]
    if world.switches.report_names_concealed:
        names = [hashlib.sha256(name.encode()).hexdigest()[:32].upper() for name in names]
    return [
        today,
        *names,
        str(bool(deleted)),
        parse_time(deleted).date().isoformat() if deleted else "",
        parse_time(mailbox["WhenMailboxCreated"]).date().isoformat() if mailbox["WhenMailboxCreated"] else "",
        today,
        str(mailbox["_bytes"] // 75_000),
        "" if names[0] == world.switches.report_blank_size else str(mailbox["_bytes"]),
        *(str(gib * 2**30) for gib in (98, 99, 100)),
        "0",
        "0",
        str(30 * 2**30),
        str(mailbox["ArchiveDatabase"] is not None),
        period.removeprefix("D"),
    ]
