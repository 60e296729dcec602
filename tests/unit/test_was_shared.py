# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An exception for disabled accounts may hide a shared mailbox that directory sync made one of a user: it is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._exceptions import (
    check_rules,
    find_exceptions,
    hiding_shared,
)
from ansible_collections.m365.licensing.tests.unit.auditing import look
from ansible_collections.m365.licensing.tests.unit.licensing_desk import empty_tenant
from ansible_collections.m365.licensing.tests.unit.planning_desk import EVERYBODY, PlanningDesk

from tests.tenant.launch import Tenant

LEAVERS = {
    "name": "Leavers",
    "match": {"account_enabled": False},
    "action": "ignore",
    "reason": "They left",
    "until": "2099-12-31",
}


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with empty_tenant() as found:
        yield found


@pytest.fixture
def desk(tenant: Tenant) -> PlanningDesk:
    return PlanningDesk(tenant)


def converted(
    desk: PlanningDesk, name: str = "team", *, synced: bool = True, enabled: bool = False, **box: Any
) -> None:
    """A mailbox without a license whose account is disabled."""
    user = desk.make.user(name.title(), name, synced=synced, enabled=enabled, usage_location="DE")
    desk.make.mailbox(user, "UserMailbox", **{"created_days": 400, **box})


def test_the_row_says_so(desk: PlanningDesk) -> None:
    converted(desk)
    (row,) = look(desk.tenant).findings
    assert any("directory sync may have turned a shared mailbox" in note for note in row.notes)


def test_a_plan_that_ignores_it_warns(desk: PlanningDesk) -> None:
    converted(desk)
    warnings = desk.plan(LEAVERS, EVERYBODY)["warnings"]
    (warning,) = [text for text in warnings if "may have been shared" in text]
    assert "'Leavers'" in warning
    assert "team@contoso.example" in warning


def test_an_audit_whose_exceptions_cover_it_warns(desk: PlanningDesk) -> None:
    converted(desk)
    found = look(desk.tenant)
    with desk.clients() as made:
        rules = check_rules(made.graph, [LEAVERS], BUILTIN, "rules")
        covering = find_exceptions(made.graph, found, found.findings, rules, BUILTIN)
    (warning,) = hiding_shared(found.findings, covering)
    assert "team@contoso.example" in warning


@pytest.mark.parametrize(
    "other",
    [{"synced": False}, {"enabled": True}, {"sku_assigned": True}],
    ids=["not synchronized", "enabled", "Exchange counts a license"],
)
def test_of_others_nothing_is_said(desk: PlanningDesk, other: dict[str, Any]) -> None:
    converted(desk, **other)
    rule = {**LEAVERS, "match": {}}
    assert not [text for text in desk.plan(rule, EVERYBODY)["warnings"] if "may have been shared" in text]
