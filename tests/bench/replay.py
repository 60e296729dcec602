# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts the requests of a log into the same requests for the baseline. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ANCHOR = "APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@"
_BY_ITSELF = ("login", "reports")
"""Services that the baseline calls by itself: it signs in, and follows the redirect to a report."""
_TYPED = {"Content-Type": "application/json"}
_ADVANCED = {"ConsistencyLevel": "eventual"}


def replay(log: Sequence[Json], instead: Mapping[str, str] | None = None) -> list[Json]:
    """Return the calls of a log with the same batches, without later pages, whose links the baseline follows.

    ``instead``: replacements for ids of users, because no user can be licensed twice.
    """
    calls = [_call(entry) for entry in log if entry["service"] not in _BY_ITSELF and "$skiptoken" not in entry["query"]]
    if not instead:
        return calls
    text = _GUID.sub(lambda found: instead.get(found[0].lower(), found[0]), json.dumps(calls))
    swapped: list[Json] = json.loads(text)
    return swapped


def _call(entry: Json) -> Json:
    query = entry["query"]
    call: Json = {"service": entry["service"], "method": entry["method"], "path": entry["path"], "query": query}
    if "cmdlet" in entry:
        call["json"] = {"CmdletInput": {"CmdletName": entry["cmdlet"], "Parameters": entry["parameters"]}}
        anchor = _ANCHOR + entry["path"].split("/")[3]
        call["headers"] = {"X-AnchorMailbox": anchor, "Prefer": "odata.maxpagesize=1000"}
    elif "parts" in entry:
        call["json"] = {"requests": [_part(number, part) for number, part in enumerate(entry["parts"])]}
    elif "body" in entry:
        call["json"] = entry["body"]
    if "$count" in query:
        call["headers"] = _ADVANCED
        call["first_page"] = query.get("$top") == "1"  # a request for the count alone
    return call


def _part(number: int, part: Json) -> Json:
    headers = {**(_TYPED if "body" in part else {}), **(_ADVANCED if "$count" in part["url"] else {})}
    return {"id": str(number), **part, **({"headers": headers} if headers else {})}


def writes(log: Sequence[Json]) -> int:
    """Count the requests and parts that write."""
    asked = [part for entry in log for part in entry.get("parts", (entry,)) if entry["service"] == "graph"]
    paths = [(one["method"], one.get("url", one.get("path", ""))) for one in asked]
    return sum(method == "PATCH" or (method == "POST" and "assignLicense" in path) for method, path in paths)
