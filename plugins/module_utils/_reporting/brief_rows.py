# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows in brief, for the result of a task that fails: Ansible prints it in one line. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS = 160
"""Characters of an error."""

ATTENTION = ("no_seat", "no_usage_location", "insufficient", "conflict", "unmatched", "refused_uncovered", "undecided")
"""Actions of a plan that leave a mailbox at risk although no exception asks for that."""


def brief_audit_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of an audit with what a person has to know first."""
    kept = ("recipient_type", "reason", "deadline", "days_remaining", "severity", "excepted")
    name = row["user_principal_name"] or row["primary_smtp_address"] or row["user_id"]
    return {"user_principal_name": name, **{key: row[key] for key in kept}}


def brief_plan_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a row of a plan."""
    kept = ("action", "status", "rule", "alternative", "severity", "deadline")
    error = row["error"]
    return {
        "user_principal_name": row["user_principal_name"] or row["user_id"],
        **{key: row[key] for key in kept},
        "add": [{"sku": item["sku"]} for item in row["add"]],
        "error": {"code": error["code"], "message": error["message"][:WORDS]} if error else None,
    }


def is_open(row: Mapping[str, Any]) -> bool:
    """Is this row of an audit one that no exception covers?"""
    return row["excepted"] is None


def needs_attention(row: Mapping[str, Any]) -> bool:
    """Does this row of a plan leave a mailbox at risk, so that a person has to look at it?"""
    return row["reason"] is not None and row["action"] in (*ATTENTION, "protected")


def urgency_rank(row: Mapping[str, Any]) -> float:
    """The place of a row of a plan among those that a person has to look at; what is not at risk comes last."""
    return float("inf") if row["urgency"] is None else float(row["urgency"])
