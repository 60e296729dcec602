# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Exchange plans of a user count, and what becomes of the others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._explain.facts import PLAN_STATUSES, exchange_plans
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import AssessmentContext, granted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import AssignedPlan, User

from tests.unit.support.sample_tenant import (
    BY_ID,
    EXCHANGESTANDARD,
    F1,
    GROUP,
    KIOSK,
    NOW,
    OTHER_GROUP,
    PLAN1,
    PLAN2,
    SPE_E3,
    TEAMS,
    direct,
    inherited,
    user,
)

CONTEXT = AssessmentContext(now=NOW, skus=BY_ID)

CASES: list[tuple[User, list[tuple[Any, ...]]]] = [
    (user("anna", direct(SPE_E3)), [("SPE_E3", "direct", "on", True)]),
    (
        user("anna", direct(SPE_E3, PLAN2), inherited(SPE_E3)),
        [("SPE_E3", "group", "on", True), ("SPE_E3", "direct", "off", False)],
    ),
    (
        user("anna", inherited(SPE_E3), inherited(SPE_E3, PLAN2, group=OTHER_GROUP)),
        [("SPE_E3", "group", "on", True), ("SPE_E3", "group", "off", False)],
    ),
    (user("anna", direct(SPE_E3, state="Error", error="CountViolation")), [("SPE_E3", "direct", "error", False)]),
    (user("anna", direct(F1)), [("M365_F1_COMM", "direct", "no_rights", False)]),
    (
        user("anna", direct(SPE_E3), assigned_plans=(AssignedPlan(PLAN2, "Suspended"),)),
        [("SPE_E3", "direct", "suspended", False)],
    ),
    (user("anna", direct(SPE_E3), assigned_plans=()), [("SPE_E3", "direct", "not_at_work", False)]),
    (
        user("anna", direct(SPE_E3), assigned_plans=(AssignedPlan(PLAN2, "Warning"),)),
        [("SPE_E3", "direct", "on", True)],
    ),
    (
        user("anna", assigned_plans=(AssignedPlan(PLAN1, "Deleted", NOW), AssignedPlan(TEAMS, "Enabled"))),
        [(None, None, "removed", False)],
    ),
    (user("anna", assigned_plans=(AssignedPlan(KIOSK, "Enabled"),)), [(None, None, "no_license", True)]),
    (user("anna", assigned_plans=(AssignedPlan(KIOSK, "LockedOut"),)), [(None, None, "suspended", False)]),
    # the license is switched off, and the service has not followed yet: the plan at work still counts
    (
        user("anna", direct(SPE_E3, PLAN2), assigned_plans=(AssignedPlan(PLAN2, "Enabled"),)),
        [(None, None, "no_license", True), ("SPE_E3", "direct", "off", False)],
    ),
    # what was switched off was removed as well, which is no news
    (
        user("anna", direct(SPE_E3, PLAN2), assigned_plans=(AssignedPlan(PLAN2, "Deleted", NOW),)),
        [("SPE_E3", "direct", "off", False)],
    ),
    (user("anna"), []),
]


@pytest.mark.parametrize(("who", "expected"), CASES)
def test_plans_and_whether_they_count(who: User, expected: list[tuple[Any, ...]]) -> None:
    rows = exchange_plans(who, CONTEXT)
    assert [(row["sku"], row["via"], row["status"], row["counts"]) for row in rows] == expected
    counting = {row["grants"] for row in rows if row["counts"]}
    assert counting == {item.value for item in granted(who, BUILTIN)}


def test_every_status_is_met() -> None:
    assert {row["status"] for who, _expected in CASES for row in exchange_plans(who, CONTEXT)} == set(PLAN_STATUSES)


def test_of_a_plan_that_was_removed_twice_the_last_time_counts() -> None:
    gone = (AssignedPlan(PLAN1, "Deleted", NOW - timedelta(days=9)), AssignedPlan(PLAN1, "Deleted", NOW))
    (row,) = exchange_plans(user("anna", assigned_plans=gone), CONTEXT)
    assert row["removed"] == "2026-06-15T12:00:00Z"


def test_license_gone_from_tenant_is_known_by_microsofts_table() -> None:
    who = user("anna", inherited(EXCHANGESTANDARD))
    (row,) = exchange_plans(who, AssessmentContext(now=NOW, skus={}))
    assert (row["sku"], row["plan"], row["group_id"]) == ("EXCHANGESTANDARD", "EXCHANGE_S_STANDARD", GROUP)
