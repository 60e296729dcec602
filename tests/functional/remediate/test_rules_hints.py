# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules allow although hardly anybody means it is told, and how often each rule decides."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_hints import pattern_hints

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.state import Json

ATTRIBUTE = "extensionAttribute1"


def rule(name: str, match: Json) -> Json:
    return {**EVERYBODY, "name": name, "match": match}


# --- texts that look like regular expressions ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("match", "place", "sign"),
    [
        ({"department": "^Sales"}, "match.department", "^"),
        ({"department": ["HR", "Sales$"]}, "match.department[1]", "$"),
        ({"department": "Sales|HR"}, "match.department", "|"),
        ({"job_title": "Sales.*"}, "match.job_title", ".*"),
        ({"office": r"Floor \d+"}, "match.office", "\\\\d"),
        ({"upn": r"svc\.*@contoso.com"}, "match.upn", "\\\\."),
        ({"upn": ".*@contoso.com"}, "match.upn", ".*"),
        ({"city": "[A-M]*"}, "match.city", "[A-M]"),
        ({"not": [{"upn": "a@*"}, {"company": "(?i)contoso"}]}, "match.not[1].company", "(?"),
        ({"not": {"country": "^DE$"}}, "match.not.country", "^"),
        (
            {"extension_attributes": {"extensionAttribute1": "E3|E5"}},
            "match.extension_attributes.extensionAttribute1",
            "|",
        ),
    ],
)
def test_a_regular_expression_is_told_with_its_place(match: Json, place: str, sign: str) -> None:
    (text,) = pattern_hints([rule("one", {}), rule("two", match)], "license_state_rules")
    assert text.startswith(f"license_state_rules[1].{place}: ")
    assert f"but '{sign}' has no meaning of its own here" in text
    assert text.endswith("(rule 'two')")


@pytest.mark.parametrize(
    "match",
    [
        {"department": ["R&D", "Sales*", "Marketing + PR", "*(extern)*", "A. *", "US$ desk", "[x]"]},
        {"upn": ["svc.*@contoso.com", "*.contoso.com", "o'brien@*"]},
        {"mail_domain": "*.contoso.com"},
        {"group": "a|b", "account_enabled": True, "has": ["SPE_E3"], "recipient_type": "user"},
        {"department": 5, "not": None, "extension_attributes": "E3|E5"},
        None,
    ],
)
def test_what_is_no_regular_expression_is_not(match: Any) -> None:
    assert pattern_hints([{"name": "one", "match": match}, "what?"], "rules") == ()
    assert pattern_hints(match, "rules") == ()


def test_the_warning_reaches_the_result(env: PlanHarness) -> None:
    env.at_risk("anna")
    (warning, idle) = env.plan(rule("Sales", {"department": "^Sales$"}), EVERYBODY)["warnings"]
    assert warning.startswith("rules[0].match.department: '^Sales$' looks like a regular expression")
    assert idle == "Rule 'Sales' decides for no user in this run: check what it matches."


# --- how often each rule decides -------------------------------------------------------------------------------------


def test_each_rule_is_counted_in_their_order(env: PlanHarness) -> None:
    env.at_risk("anna")
    env.at_risk("bert")
    env.at_risk("carl", department="Legal")
    env.person("dora", env.held("SPE_E3"))
    rules = [
        rule("Nobody", {"department": "Nowhere"}),
        {"name": "Not Bert", "match": {"upn": "bert@*"}, "action": "ignore", "reason": "on purpose"},
        rule("Sales", {"department": "Sales", "at_risk": True}),
        EVERYBODY,
    ]
    result = env.plan(*rules, scope="all_users")
    assert result["summary"]["rules"] == [
        {"name": "Nobody", "matched": 0, "changes": 0},
        {"name": "Not Bert", "matched": 1, "changes": 0},
        {"name": "Sales", "matched": 1, "changes": 1},
        {"name": "Everybody", "matched": 2, "changes": 1},
    ]
    assert "| Rule | Decides for | Changes |" in result["reports"]["md"]
    assert "| Sales | 1 | 1 |" in result["reports"]["md"]
    assert result["warnings"] == ["Rule 'Nobody' decides for no user in this run: check what it matches."]


@pytest.mark.parametrize(
    "rules",
    [
        # everybody else is nobody
        [rule("Sales", {"department": "Sales"}), EVERYBODY],
        # an exception that is over, and rules that are never reached: other warnings say so
        [
            {"name": "Over", "match": {"upn": "a@*"}, "action": "ignore", "reason": "x", "until": "2020-01-01"},
            rule("Sales", {"department": "Sales"}),
        ],
    ],
)
def test_rules_that_are_idle_for_a_reason_are_not_told(env: PlanHarness, rules: list[Json]) -> None:
    env.at_risk("anna")
    assert env.plan(*rules)["warnings"] == []


def test_rules_that_are_never_reached_are_told_once(env: PlanHarness) -> None:
    env.at_risk("anna")
    (warning,) = env.plan(EVERYBODY, rule("Sales", {"department": "Sales"}))["warnings"]
    assert "never reached" in warning


def test_where_nobody_is_looked_at_no_rule_is_idle(env: PlanHarness) -> None:
    env.person("anna", env.held("SPE_E3"))
    assert env.plan(rule("Sales", {"department": "Sales"}))["warnings"] == []


def test_where_the_work_is_done_no_rule_is_idle(env: PlanHarness) -> None:
    env.at_risk("anna")
    env.at_risk("bert")
    rules = [
        {"name": "Bert", "match": {"upn": "bert@*"}, "action": "ignore", "reason": "on purpose"},
        rule("Sales", {"department": "Sales"}),
    ]
    assert env.apply(*rules)["warnings"] == []
    assert env.apply(*rules)["warnings"] == []


@pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
def test_single_rule_that_matches_no_user_is_reported(env: PlanHarness, scope: str) -> None:
    env.at_risk("anna")
    warnings = env.plan(rule("Slaes", {"department": "Slaes"}), scope=scope)["warnings"]
    assert "Rule 'Slaes' decides for no user in this run: check what it matches." in warnings


def test_many_idle_rules_are_one_sentence(env: PlanHarness) -> None:
    env.at_risk("anna")
    rules = [rule(f"Rule {number}", {"department": f"D{number}"}) for number in range(30)]
    (warning,) = env.plan(*rules, EVERYBODY)["warnings"]
    assert warning.startswith("30 rules decide for no user in this run: 'Rule 0', 'Rule 1'")
    assert "more. Check what they match." in warning


# --- who gets a seat -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seat_order", "winner"), [("deadline", "anna"), ("rules", "carl")])
@pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
def test_seats_go_by_deadline_or_by_rule(env: PlanHarness, seat_order: str, winner: str, scope: str) -> None:
    env.at_risk("anna", department="Legal", days=20)
    env.at_risk("bert", department="Sales", days=5)
    env.at_risk("carl", department="Sales", days=10)
    env.seats("EXCHANGESTANDARD", 1)
    rules = [rule("Sales", {"department": "Sales"}), EVERYBODY]
    result = env.plan(*rules, scope=scope, seat_order=seat_order)
    assert [row["user_principal_name"] for row in result["users"] if row["add"]] == [f"{winner}@contoso.example"]
    # rows come in the order in which seats were given out
    assert result["users"][0]["user_principal_name"] == f"{winner}@contoso.example"
    assert result["summary"]["seat_order"] == seat_order
    said = {"deadline": "Seats go to the soonest deadline first.", "rules": "Seats go to the first rule first."}
    assert said[seat_order] in result["reports"]["md"]


def test_by_default_it_is_the_deadline(env: PlanHarness) -> None:
    assert env.plan(EVERYBODY)["summary"]["seat_order"] == "deadline"
