# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators that ``$filter`` supports for each property: Microsoft's table and its pages of resources."""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).resolve().parents[2] / "data" / "graph_filter_support.csv"


@dataclass(frozen=True)
class Support:
    """One line of the table. Each: ``default``, ``advanced``, ``no``, or empty (not applicable)."""

    eq: str = ""
    starts_with: str = ""
    ge_le: str = ""
    eq_null: str = ""
    count_eq_0: str = ""
    count_eq_1: str = ""


_EQ = Support(eq="default")
_EQ_STARTS_WITH = Support(eq="default", starts_with="default")
DIRECTORY_AUDIT: Mapping[str, Support] = {
    "activityDateTime": Support(eq="default", ge_le="default"),
    "activityDisplayName": _EQ_STARTS_WITH,
    "correlationId": _EQ,
    "id": _EQ,
    "initiatedBy/app/appId": _EQ,
    "initiatedBy/app/displayName": _EQ,
    "initiatedBy/user/displayName": _EQ,
    "initiatedBy/user/id": _EQ,
    "initiatedBy/user/userPrincipalName": _EQ_STARTS_WITH,
    "loggedByService": _EQ,
    "targetResources/any/displayName": _EQ_STARTS_WITH,
    "targetResources/any/id": _EQ,
}
"""Of audit entries [directoryAudit resource]."""


def normalise(path: str) -> str:
    """A property of the table (``assignedPlans/any(a:a/service)``) as a path (``assignedPlans/any/service``)."""
    head, any_, rest = path.partition("/any(")
    if not any_:
        return path
    _prefix, slash, field = rest.rstrip(")").partition("/")
    return f"{head}/any{slash}{field}"


@functools.lru_cache(maxsize=1)
def support_table() -> Mapping[str, Mapping[str, Support]]:
    """By resource (``user``, ``group``) and path. ``id`` is not in Microsoft's table, but on the resource's page.

    What a filter of audit entries can ask for stands on the page of the resource alone.
    """
    found: dict[str, dict[str, Support]] = {name: {"id": Support(eq="default")} for name in ("user", "group")}
    found["directoryAudit"] = dict(DIRECTORY_AUDIT)
    with TABLE.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            found[row["object"]][normalise(row["property"])] = Support(
                row["eq"], row["startsWith"], row["ge_le"], row["eq_null"], row["count_eq_0"], row["count_eq_1"]
            )
    return found
