# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Short rows of a large result: what a person has to know first, and which rows those are."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._reporting.brief_rows import (
    WORDS,
    brief_audit_row,
    brief_plan_row,
    is_open,
    needs_attention,
    urgency_rank,
)

AUDIT = {
    "user_id": "id-anna",
    "user_principal_name": "anna@contoso.com",
    "primary_smtp_address": "a@contoso.com",
    "recipient_type": "UserMailbox",
    "reason": "no_license",
    "deadline": "2026-07-01",
    "days_remaining": 16,
    "severity": "warning",
    "excepted": None,
    "notes": ["long"],
}
PLAN = {
    "user_id": "id-anna",
    "user_principal_name": "anna@contoso.com",
    "reason": "no_license",
    "action": "license",
    "status": "planned",
    "rule": "All",
    "alternative": "licenses",
    "severity": "warning",
    "deadline": "2026-07-01",
    "urgency": 3,
    "add": [{"sku": "SPE_E3", "disabled_plans": []}],
    "error": None,
    "notes": ["long"],
}


def test_a_brief_audit_row_keeps_what_comes_first() -> None:
    left_out = {"user_id", "primary_smtp_address", "notes"}
    assert brief_audit_row(AUDIT) == {key: value for key, value in AUDIT.items() if key not in left_out}


@pytest.mark.parametrize(
    ("missing", "name"),
    [
        ({"user_principal_name": ""}, "a@contoso.com"),
        ({"user_principal_name": "", "primary_smtp_address": ""}, "id-anna"),
    ],
)
def test_a_brief_audit_row_always_has_a_name(missing: dict[str, str], name: str) -> None:
    assert brief_audit_row(AUDIT | missing)["user_principal_name"] == name


def test_a_brief_plan_row_keeps_what_comes_first() -> None:
    left_out = {"user_id", "reason", "urgency", "notes"}
    expected = {key: value for key, value in PLAN.items() if key not in left_out}
    assert brief_plan_row(PLAN) == expected | {"add": [{"sku": "SPE_E3"}]}
    assert brief_plan_row(PLAN | {"user_principal_name": ""})["user_principal_name"] == "id-anna"


def test_a_brief_plan_row_shortens_its_error() -> None:
    error = {"code": "no_seats", "message": "x" * 500, "hint": "Buy."}
    assert WORDS == 160
    assert brief_plan_row(PLAN | {"error": error})["error"] == {"code": "no_seats", "message": "x" * 160}


def test_a_row_is_open_unless_an_exception_covers_it() -> None:
    assert is_open(AUDIT)
    assert not is_open(AUDIT | {"excepted": {"rule": "Old"}})


ATTENTION = "no_seat no_usage_location insufficient conflict unmatched refused_uncovered undecided protected"


@pytest.mark.parametrize("action", ATTENTION.split())
def test_a_mailbox_left_at_risk_needs_attention(action: str) -> None:
    assert needs_attention(PLAN | {"action": action})
    assert not needs_attention(PLAN | {"action": action, "reason": None})


@pytest.mark.parametrize("action", ["license", "unchanged", "ignore"])
def test_a_decided_mailbox_needs_no_attention(action: str) -> None:
    assert not needs_attention(PLAN | {"action": action})


def test_rows_without_risk_come_last() -> None:
    ranks: list[Any] = [urgency_rank(PLAN | {"urgency": value}) for value in (3, 0, None)]
    assert ranks == [3.0, 0.0, float("inf")]
