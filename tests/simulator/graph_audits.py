# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``GET /auditLogs/directoryAudits``: the license changes of the last weeks."""

from __future__ import annotations

import re

from tests.simulator import audit_log
from tests.simulator.errors import not_simulated
from tests.simulator.graph_common import READ_AUDITS, READ_DIRECTORY, Request, page, selected
from tests.simulator.odata import compile_filter
from tests.simulator.state import Answer, Json

PROPERTIES = (
    "id",
    "category",
    "correlationId",
    "result",
    "resultReason",
    "activityDisplayName",
    "activityDateTime",
    "loggedByService",
    "operationType",
    "initiatedBy",
    "targetResources",
    "additionalDetails",
)
MAX_PAGE = 1000
"""Entries of a page, with and without ``$top``."""
_OTHER_OPERATORS = re.compile(r"\b(or|in|not|ne|gt|lt)\b", re.IGNORECASE)
"""The list of what a filter can have is short [List directoryAudits]; ``or`` was seen refused, in words unknown."""
_TEXTS = re.compile(r"'(?:[^']|'')*'")


def list_audits(request: Request) -> Answer:
    """The entries, the newest first. Both permissions are documented; one alone was seen to do."""
    request.require(READ_AUDITS)
    if request.world.switches.audit_permission == "with_directory":
        request.require(READ_DIRECTORY)
    request.allow_query("$filter", "$select", "$top", "$orderby", "$skiptoken")
    keys = selected(request, PROPERTIES, PROPERTIES)
    found = list(audit_log.entries(request.world))
    order = " ".join(request.query.get("$orderby", "activityDateTime desc").split())
    if order not in ("activityDateTime", "activityDateTime asc", "activityDateTime desc"):
        raise not_simulated(f"$orderby={order} of {request.path}")
    if not order.endswith("desc"):
        found.reverse()
    text = request.query.get("$filter")
    if text is not None:
        found = _filtered(request, text, found)
    return page(request, "auditLogs/directoryAudits", found, keys, count=False, most=MAX_PAGE)


def _filtered(request: Request, text: str, found: list[Json]) -> list[Json]:
    other = _OTHER_OPERATORS.search(_TEXTS.sub("''", text))
    if other:
        raise not_simulated(f"'{other[0]}' in the $filter of {request.path}")
    filter_ = compile_filter(text, "directoryAudit", advanced=False, consistency=False, known=frozenset(PROPERTIES))
    return [entry for entry in found if filter_.matches(_to_the_second(entry))]


def _to_the_second(entry: Json) -> Json:
    """The entry with its time in the form that a filter compares."""
    return {**entry, "activityDateTime": f"{entry['activityDateTime'][:19]}Z"}
