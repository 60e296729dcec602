# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An exception for disabled accounts may hide a shared mailbox that directory sync made one of a user: it is told."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._remediate.exceptions import (
    check_rules,
    find_exceptions,
    hidden_shared_warnings,
)

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.functional.support.run_audit import look

LEAVERS = {
    "name": "Leavers",
    "match": {"account_enabled": False},
    "action": "ignore",
    "reason": "They left",
    "until": "2099-12-31",
}


def converted(env: PlanHarness, name: str = "team", *, synced: bool = True, enabled: bool = False, **box: Any) -> None:
    """A mailbox without a license whose account is disabled."""
    user = env.make.user(name.title(), name, synced=synced, enabled=enabled, usage_location="DE")
    env.make.mailbox(user, "UserMailbox", **{"created_days": 400, **box})


def test_the_row_says_so(env: PlanHarness) -> None:
    converted(env)
    (row,) = look(env.tenant).findings
    assert any("directory sync may have turned a shared mailbox" in note for note in row.notes)


def test_a_plan_that_ignores_it_warns(env: PlanHarness) -> None:
    converted(env)
    warnings = env.plan(LEAVERS, EVERYBODY)["warnings"]
    (warning,) = [text for text in warnings if "may have been shared" in text]
    assert "'Leavers'" in warning
    assert "team@contoso.example" in warning


def test_an_audit_whose_exceptions_cover_it_warns(env: PlanHarness) -> None:
    converted(env)
    found = look(env.tenant)
    with env.clients() as made:
        rules = check_rules(made.graph, [LEAVERS], BUILTIN, "rules")
        covering = find_exceptions(made.graph, found, found.findings, rules, BUILTIN)
    (warning,) = hidden_shared_warnings(found.findings, covering)
    assert "team@contoso.example" in warning


def outlived(env: PlanHarness, removed_days: int | None, *, enabled: bool = False, **box: Any) -> None:
    """A mailbox in the cloud without a license, which has lived on far beyond what a mailbox of a user does."""
    removed = () if removed_days is None else ("SPE_E3",)
    user = env.make.user("Team", "team", enabled=enabled, removed=removed, removed_days=removed_days or 0)
    user["usageLocation"] = "DE"
    env.make.mailbox(user, "UserMailbox", **{"created_days": 400, **box})


@pytest.mark.parametrize("sku_assigned", [False, None])
@pytest.mark.parametrize("enabled", [False, True])
@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_so_does_what_the_history_says(
    env: PlanHarness, sku_assigned: bool | None, enabled: bool, strategy: str
) -> None:
    """The license went long ago, and the mailbox lives on, whatever Exchange says of SKUs."""
    outlived(env, 200, enabled=enabled, sku_assigned=sku_assigned)
    (row,) = look(env.tenant, strategy=strategy).findings
    (note,) = [text for text in row.notes if "shared" in text]
    assert note == (
        "The mailbox has existed for long without a license, so it may have been a shared mailbox in between. Then its "
        "days count from the conversion, which no property shows. Convert it back, or license it."
    )
    rule = {**LEAVERS, "match": {"upn": "team@*"}}
    (warning,) = [text for text in env.plan(rule, EVERYBODY)["warnings"] if "may have been shared" in text]
    assert "team@contoso.example" in warning


@pytest.mark.parametrize(
    ("removed_days", "box"),
    [
        (10, {"sku_assigned": False}),
        (50, {"sku_assigned": False}),
        (200, {"sku_assigned": False, "hold": True}),
        (200, {"sku_assigned": False, "created_days": 5}),
        (200, {"sku_assigned": False, "pending_days": 3}),
        (None, {"sku_assigned": False}),
        (None, {"sku_assigned": None}),
    ],
    ids=[
        "just removed",
        "delayed by the organization",
        "on hold",
        "of an earlier mailbox",
        "listed by Exchange",
        "never licensed, in one tenant",
        "never licensed, in another",
    ],
)
def test_a_history_that_explains_itself_says_nothing(
    env: PlanHarness, removed_days: int | None, box: dict[str, Any]
) -> None:
    outlived(env, removed_days, **box)
    (row,) = look(env.tenant).findings
    assert not [text for text in row.notes if "shared" in text]
    rule = {**LEAVERS, "match": {}}
    assert not [text for text in env.plan(rule, EVERYBODY)["warnings"] if "may have been shared" in text]


@pytest.mark.parametrize(
    "other",
    [{"synced": False}, {"enabled": True}, {"sku_assigned": True}],
    ids=["not synchronized", "enabled", "Exchange counts a license"],
)
def test_of_others_nothing_is_said(env: PlanHarness, other: dict[str, Any]) -> None:
    converted(env, **other)
    rule = {**LEAVERS, "match": {}}
    assert not [text for text in env.plan(rule, EVERYBODY)["warnings"] if "may have been shared" in text]
