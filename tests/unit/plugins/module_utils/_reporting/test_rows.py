# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and programs read: rows, JSON and Markdown; and that nobody's name becomes markup."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import json_lines, to_json
from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import format_time
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    Deadline,
    Finding,
    Mailbox,
    RecipientType,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.planner import (
    Candidate,
    Plan,
    PlanOptions,
    build_plan,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import Subject
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_schema import parse_rules
from ansible_collections.m365.licensing.plugins.module_utils._reporting.audit_report import audit_markdown, audit_row
from ansible_collections.m365.licensing.plugins.module_utils._reporting.markdown import escape
from ansible_collections.m365.licensing.plugins.module_utils._reporting.plan_report import (
    plan_markdown,
    plan_row,
    plan_summary,
)

from tests.unit.support.sample_tenant import (
    BY_ID,
    HOLD,
    NOW,
    SKUS,
    SPE_E3,
    TEAMS,
    TODAY,
    direct,
    finding,
    user,
)

EVIL = "<img src=x onerror=alert(1)>|[a](javascript:x)\n# **{{ 7*7 }}** `x` \u202egnp @octocat http://evil www.evil.com"

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


def test_an_audit_row_holds_what_the_module_returns() -> None:
    who = user("anna", direct(SPE_E3), department="Sales")
    mailbox = Mailbox(
        who.id, who.user_principal_name, RecipientType.USER, guid="g", primary_smtp_address="a@b", created=NOW
    )
    row = audit_row(finding(who, days=3, needs=HOLD)._replace(mailbox=mailbox), BY_ID, BUILTIN)
    assert row["needs"] == [["archiving", "kiosk"], ["archiving", "plan1"], ["plan2"]]
    assert row["created"] == "2026-06-15T12:00:00Z"
    assert row["deadline"] == "2026-06-18T12:00:00Z"
    assert row["licenses"][0]["sku"] == "SPE_E3"
    assert (row["department"], row["mailbox_guid"], row["display_name"]) == ("Sales", "g", "Anna")
    json.dumps(row)


def test_a_finding_without_user_and_mailbox_is_a_row_too() -> None:
    bare = Finding("", "", RecipientType.SHARED, "no_license", (), (), Deadline(), "warning", None, None, None)
    row = audit_row(bare, BY_ID, BUILTIN)
    assert (row["deadline"], row["licenses"], row["usage_location"], row["mailbox_guid"]) == (None, None, None, "")
    assert audit_markdown([row])


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


def test_the_audit_in_markdown() -> None:
    rows = [
        audit_row(finding(user(name), days=days), BY_ID, BUILTIN) for name, days in (("a", -2), ("b", 3), ("c", None))
    ]
    text = audit_markdown(rows, facts={"mailboxes_examined": 12}, warnings=["No beta"], generated=NOW)
    assert "**3 mailboxes and archives** would be lost" in text
    assert "- mailboxes examined: 12" in text
    assert "- No beta" in text
    assert text.index("| overdue | 1 |") < text.index("| critical | 1 |") < text.index("| warning | 1 |")
    assert "| 2026-06-18 (estimated) | 3 | critical | b@contoso.com |" in text
    shorter = audit_markdown(rows, limit=1)
    assert "… and 2 more; the JSON report holds all of them." in shorter


def test_nothing_at_risk_is_said_in_words() -> None:
    assert audit_markdown([]) == "# Mailboxes and archives at risk\n\nNothing is at risk.\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (7, "7"),
        ("Müller 😀", "Müller 😀"),
        ("a|b", "a\\|b"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("`x` *y* _z_ [a](b) !c #d ~e $f", "\\`x\\` \\*y\\* \\_z\\_ \\[a\\](b) !c \\#d \\~e \\$f"),
        ("a\nb\r\nc\td\x00e\u2028f", "a b  c d e f"),
        ("{{ 7*7 }}", "\\{\\{ 7\\*7 \\}\\}"),
        ("- item", "\\- item"),
        ("1. item", "1\\. item"),
        ("back\\slash", "back\\\\slash"),
        ("http://evil", "http:&#47;&#47;evil"),
        ("WWW.evil.com", "WWW&#46;evil.com"),
        ("@octocat", "&#64;octocat"),
        ("anna@contoso.com", "anna@contoso.com"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\u200fgnp\u061c.exe", "gnp .exe"),
        ("x" * 400, "x" * 299 + "…"),
        ("\ud800", "?"),
        ("john_doe__x_9", "john_doe__x_9"),
        ("_john_ a_-b_", "\\_john\\_ a\\_-b\\_"),
        ("R&D (Sales)!", "R&D (Sales)!"),
        ("&#60;", "&\\#60;"),
        ("anna_fabrikam.example#EXT#@contoso.com", "anna_fabrikam.example#EXT#&#64;contoso.com"),
        ("see a#12 #", "see a\\#12 \\#"),
        ("x_www.evil.com", "x_www&#46;evil.com"),
    ],
)
def test_escape(value: object, text: str) -> None:
    assert escape(value) == text


def test_a_hostile_name_becomes_neither_markup_nor_a_second_line() -> None:
    row = audit_row(finding(user("a", user_principal_name=EVIL)), BY_ID, BUILTIN)
    calm = audit_row(finding(user("a")), BY_ID, BUILTIN)
    text, usual = audit_markdown([row]), audit_markdown([calm])
    assert len(text.splitlines()) == len(usual.splitlines())
    assert "<img" not in text
    assert "http://" not in text
    assert "[a](" not in text
    assert "\u202e" not in text


def test_json_lines_has_one_row_a_line_whatever_is_in_it() -> None:
    rows = [{"name": EVIL}, {"name": "a\u2028b\x85c"}, {"name": "\ud800"}]
    text = json_lines(rows)
    assert text.isascii()
    assert [json.loads(line) for line in text.splitlines()] == rows
    assert json_lines([]) == ""
    assert to_json({"a": 1}) == '{\n  "a": 1\n}\n'


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (None, None),
        (NOW, "2026-06-15T12:00:00Z"),
        (datetime(2026, 6, 15, 14, 0, 0, 999, tzinfo=timezone(timedelta(hours=2))), "2026-06-15T12:00:00Z"),
    ],
)
def test_times_are_utc(at: datetime | None, text: str | None) -> None:
    assert format_time(at) == text
