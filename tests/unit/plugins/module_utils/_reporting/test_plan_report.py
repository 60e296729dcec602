# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows, figures and Markdown of a plan."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._planning.planner import (
    Candidate,
    Plan,
    PlanOptions,
    build_plan,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import Subject
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_schema import parse_rules
from ansible_collections.m365.licensing.plugins.module_utils._reporting.plan_report import (
    plan_markdown,
    plan_row,
    plan_summary,
)

from tests.unit.support.sample_tenant import (
    BY_ID,
    NOW,
    SKUS,
    SPE_E3,
    TEAMS,
    TODAY,
    direct,
    finding,
    user,
)

RULES = [
    {"name": "Gone", "match": {}, "action": "ignore", "reason": "old", "until": "2020-01-01"},
    {"name": "Sales | all", "match": {"department": "Sales"}, "action": "ignore", "reason": "They *leave*"},
    {"name": "All", "match": {}, "licenses": [{"sku": "SPE_E3", "disabled_plans": ["TEAMS1"]}], "usage_location": "DE"},
]


def make_plan(**options: Any) -> Plan:
    people = [user("anna", usage_location=None), user("bert", department="Sales"), user("carl", direct(SPE_E3, TEAMS))]
    rules = parse_rules(RULES, SKUS, BUILTIN)
    candidates = [Candidate(Subject(who), finding(who, days=5)) for who in people]
    return build_plan(candidates, rules, SKUS, BUILTIN, PlanOptions(**options), TODAY)


def test_a_plan_row_shows_before_and_after() -> None:
    row = plan_row(make_plan().entries[0], BY_ID, BUILTIN)
    assert (row["action"], row["rule"], row["expired_exceptions"]) == ("license", "All", ["Gone"])
    assert row["add"] == [{"sku": "SPE_E3", "sku_id": SPE_E3, "disabled_plans": ["TEAMS1"]}]
    assert row["before"] == {"usage_location": None, "licenses": []}
    assert row["after"]["usage_location"] == "DE"
    assert row["after"]["licenses"][0]["disabled_plans"] == ["TEAMS1"]
    json.dumps(row)


def test_the_summary_counts_and_says_what_stops_the_plan() -> None:
    summary = plan_summary(make_plan(max_changes=0))
    assert (summary["users"], summary["changes"], summary["max_changes"]) == (3, 1, 0)
    assert {name: count for name, count in summary["actions"].items() if count} == {
        "license": 1,
        "ignore": 1,
        "unchanged": 1,
    }
    assert summary["expired_exceptions"] == {"Gone": 3}
    assert len(summary["violations"]) == 1
    assert summary["seats"] == [
        {"sku": "SPE_E3", "sku_id": SPE_E3, "left_before": 100, "planned": 1, "left_after": 99, "reserved": 0}
    ]


def test_the_plan_in_markdown() -> None:
    plan = make_plan(max_changes=0)
    rows = [plan_row(entry, BY_ID, BUILTIN) for entry in plan.entries]
    text = plan_markdown(rows, plan_summary(plan), tenant="contoso.com", generated=NOW, warnings=["Careful"])
    assert text.startswith(
        "# License plan of contoso.com\n\nMade 2026-06-15T12:00:00Z.\n\n**1 user** of 3 would be changed.\n"
    )
    assert "**This plan may not be applied.**" in text
    assert "- 1 user would be changed, but max_changes allows 0" in text
    assert "- Gone: over, would have kept out 3 users" in text
    assert "| SPE_E3 | 100 | 1 | 99 | 0 |" in text
    assert "## To be licensed (1)" in text
    assert "SPE_E3 without TEAMS1, usage location DE" in text
    assert "| Sales \\| all |" in text
    assert "They \\*leave\\*" in text
    assert text.endswith("|\n")
