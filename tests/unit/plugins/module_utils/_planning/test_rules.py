# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The language of the rules: what matches whom, and what is said about a mistake."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.countries import country_code, country_names
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import Wanted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import Subject, first_match
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_conditions import bind_groups, group_names
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_schema import parse_rules, rule_warnings

from tests.unit.support.sample_rules import E3, matching, parse
from tests.unit.support.sample_tenant import (
    EMS,
    EXCHANGESTANDARD,
    SKUS,
    SPE_E3,
    SPE_E5,
    TODAY,
    YAMMER,
    direct,
    inherited,
    user,
)

NEW_YEAR = datetime(2026, 1, 1, tzinfo=timezone.utc)


def matches(match: Any, subject: Subject) -> bool:
    return first_match([matching(match)], subject, TODAY).rule is not None


ANNA = Subject(
    user(
        "anna",
        direct(SPE_E3),
        inherited(EMS),
        direct(SPE_E5, state="Error"),
        department="Sales",
        country="Germany",
        company="Contoso GmbH",
        job_title="Senior Intern",
        extension_attributes={"extensionAttribute3": "Red [x]"},
    ),
    RecipientType.USER,
)
NOBODY = Subject(user("nobody", account_enabled=False, on_premises_sync=True))


@pytest.mark.parametrize(
    ("match", "anna", "nobody"),
    [
        ({}, True, True),
        ({"department": "Sales"}, True, False),
        ({"department": "sALES "}, True, False),
        ({"department": ["Marketing", "Sales"]}, True, False),
        ({"department": "Sale"}, False, False),
        ({"department": "Sal*"}, True, False),
        ({"department": "?ales"}, True, False),
        ({"department": "*"}, True, False),
        ({"department": ""}, False, True),
        ({"department": ["", "Sales"]}, True, True),
        ({"country": "Germany"}, True, False),
        ({"country": "DE"}, True, False),
        ({"country": "Germ*"}, True, False),
        ({"country": "France"}, False, False),
        ({"company": "contoso*"}, True, False),
        ({"job_title": "*intern*"}, True, False),
        ({"upn": "*@contoso.com"}, True, True),
        ({"upn": "ANNA@contoso.com"}, True, False),
        ({"account_enabled": True}, True, False),
        ({"account_enabled": "no"}, False, True),
        ({"on_premises_sync": True}, False, True),
        ({"recipient_type": "user"}, True, False),
        ({"recipient_type": ["shared", "archive"]}, False, False),
        ({"extension_attributes": {"extensionAttribute3": "red [x]"}}, True, False),
        ({"extension_attributes": {"extensionAttribute3": "red*"}}, True, False),
        ({"extension_attributes": {"extensionAttribute3": "*[x]"}}, True, False),
        ({"extension_attributes": {"extensionAttribute4": "red"}}, False, False),
        ({"extension_attributes": {"extensionAttribute4": ""}}, True, True),
        ({"has": "SPE_E3"}, True, False),
        ({"has": ["SPE_E3", "EXCHANGESTANDARD"]}, True, False),
        ({"has": ["EMS"]}, True, False),
        ({"has": ["SPE_E5"]}, False, False),
        ({"lacks": ["SPE_E5", "EXCHANGESTANDARD"]}, True, True),
        ({"lacks": ["SPE_E5", "SPE_E3"]}, False, True),
        ({"lacks": "Microsoft 365 E3"}, False, True),
        ({"not": {"department": "Sales"}}, False, True),
        ({"not": {"department": "Sales", "country": "France"}}, True, True),
        ({"not": [{"department": "Sales", "country": "France"}, {"has": ["EMS"]}]}, False, True),
        ({"department": "Sales", "country": "Germany", "not": {"job_title": "*intern*"}}, False, False),
        ({"department": "Sales", "country": "France"}, False, False),
        ({"department": "Sales", "has": "EMS", "account_enabled": True}, True, False),
    ],
)
def test_who_matches(match: Any, anna: bool, nobody: bool) -> None:
    assert (matches(match, ANNA), matches(match, NOBODY)) == (anna, nobody)


def test_the_first_match_wins_and_says_why() -> None:
    rules = parse(
        {"name": "Interns", "match": {"job_title": "Junior*"}, "licenses": E3},
        {"name": "Sales", "match": {"department": ["Sales", "Support"], "lacks": ["EXCHANGESTANDARD"]}, "licenses": E3},
        {"name": "Rest", "match": {}, "licenses": E3},
    )
    decision = first_match(rules, ANNA, TODAY)
    assert decision.rule is rules[1]
    assert decision.why == "lacks EXCHANGESTANDARD; department is 'Sales'"
    assert first_match(rules, NOBODY, TODAY).why == "it matches every user"
    nothing = first_match(rules[:2], NOBODY, TODAY)
    assert (nothing.rule, nothing.why) == (None, "no rule matches")


@pytest.mark.parametrize(("days", "ignored"), [(1, True), (0, True), (-1, False)])
def test_exception_holds_through_its_last_day(days: int, ignored: bool) -> None:
    until = TODAY + timedelta(days=days)
    rules = parse(
        {"name": "Leavers", "match": {}, "action": "ignore", "reason": "soon gone", "until": until.isoformat()},
        {"name": "Rest", "match": {}, "licenses": E3},
    )
    decision = first_match(rules, ANNA, TODAY)
    assert decision.rule is rules[0 if ignored else 1]
    assert decision.expired == (() if ignored else ("Leavers",))


@pytest.mark.parametrize("until", ["2026-12-31", date(2026, 12, 31)])
def test_yaml_may_have_made_a_date_of_it(until: Any) -> None:
    (rule,) = parse({"name": "x", "match": {}, "action": "ignore", "reason": "y", "until": until})
    assert rule.until == date(2026, 12, 31)


def test_everything_a_rule_can_say() -> None:
    (rule,) = parse(
        {
            "name": " Sales ",
            "match": {"department": "Sales"},
            "licenses": [{"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]}],
            "fallback": [{"sku": "EXCHANGESTANDARD"}],
            "remove": ["SPE_E5"],
            "usage_location": {"from": "country", "default": "Austria"},
            "via": "direct",
        }
    )
    assert rule.name == "Sales"
    assert rule.licenses == (Wanted(SPE_E3, disabled_plans=frozenset({YAMMER})),)
    assert rule.fallback == (Wanted(EXCHANGESTANDARD),)
    assert rule.remove == (SPE_E5,)
    assert rule.usage_location is not None
    assert [rule.usage_location.of(user("a", country=country)) for country in ("fr", "Norway", "Atlantis", None)] == [
        "FR",
        "NO",
        "AT",
        "AT",
    ]


def test_groups_are_bound_by_id_also_inside_not() -> None:
    rules = parse(
        {"name": "a", "match": {"group": ["sg-sales", "sg-x"], "not": [{"group": "sg-out"}]}, "licenses": E3},
        {"name": "b", "match": {"group": "sg-sales"}, "licenses": E3},
    )
    assert group_names(rules) == {"sg-sales", "sg-x", "sg-out"}
    with pytest.raises(ValueError, match="bind_groups"):
        first_match(rules, ANNA, TODAY)
    with pytest.raises(ConfigurationError, match=r"license_state_rules\[0\]\.match\.group: no group 'sg-x'"):
        bind_groups(rules, {"sg-sales": "G1", "sg-out": "g3"})
    bound = bind_groups(rules, {"sg-sales": "G1", "sg-x": "g2", "sg-out": "g3"})

    def name(*groups: str) -> str | None:
        rule = first_match(bound, Subject(ANNA.user, None, frozenset(groups)), TODAY).rule
        return rule.name if rule else None

    assert [name("g1"), name("g2"), name("g1", "g3"), name("g2", "g3"), name()] == ["a", "a", "b", None, None]


@pytest.mark.parametrize(
    ("rule", "messages"),
    [
        ("text", ["license_state_rules[0]: expected a rule (a dictionary), found 'text'"]),
        ({"match": {}, "licenses": E3}, ["license_state_rules[0].name: expected a name, found nothing"]),
        ({"name": "r", "licenses": E3}, ["license_state_rules[0].match: is missing", "{} for every", "(rule 'r')"]),
        ({"name": "r", "match": [], "licenses": E3}, ["[0].match: expected a dictionary of conditions"]),
        ({"name": "r", "match": {}}, ["[0]: does nothing; it needs licenses, or action: ignore"]),
        ({"name": "r", "match": {}, "licenses": []}, ["[0].licenses: the list is empty"]),
        ({"name": "r", "match": {}, "licences": E3}, ["unknown key 'licences'; did you mean licenses?"]),
        (
            {"name": "r", "match": {"departement": "x"}, "licenses": E3},
            ["[0].match: unknown key 'departement'; did you mean department?"],
        ),
        (
            {"name": "r", "match": {"department": []}, "licenses": E3},
            ["[0].match.department: expected a text or a list, found an empty list"],
        ),
        (
            {"name": "r", "match": {"department": 4711}, "licenses": E3},
            ["match.department: expected a text, found 4711 (int); quote it"],
        ),
        (
            {"name": "r", "match": {"department": ["a", None]}, "licenses": E3},
            ["match.department[1]: expected a text, found nothing"],
        ),
        (
            {"name": "r", "match": {"account_enabled": "maybe"}, "licenses": E3},
            ["match.account_enabled: expected true or false, found 'maybe'"],
        ),
        (
            {"name": "r", "match": {"account_enabled": [True]}, "licenses": E3},
            ["expected true or false, found a list of 1"],
        ),
        (
            {"name": "r", "match": {"recipient_type": "users"}, "licenses": E3},
            ["unknown recipient type 'users' (nearest: user", "soft_deleted"],
        ),
        (
            {"name": "r", "match": {"has": "SPE_E33"}, "licenses": E3},
            ["match.has: the tenant has no SKU 'SPE_E33' (nearest: SPE_E3"],
        ),
        ({"name": "r", "match": {"lacks": []}, "licenses": E3}, ["match.lacks: expected a list of SKUs"]),
        ({"name": "r", "match": {"group": ""}, "licenses": E3}, ["match.group: expected a group's name or id"]),
        ({"name": "r", "match": {"not": {}}, "licenses": E3}, ["match.not: an empty block matches every user"]),
        ({"name": "r", "match": {"not": []}, "licenses": E3}, ["match.not: expected a match block"]),
        (
            {"name": "r", "match": {"not": [{"upn": "x"}, {"not": {"upn": "y"}}]}, "licenses": E3},
            ["match.not[1]: unknown key 'not'"],
        ),
        (
            {"name": "r", "match": {"extension_attributes": {"extension_attribute_1": "x"}}, "licenses": E3},
            ["match.extension_attributes: unknown key 'extension_attribute_1' (allowed: extensionAttribute1 to"],
        ),
        ({"name": "r", "match": {"extension_attributes": {}}, "licenses": E3}, ["expected {extensionAttribute1: …}"]),
        (
            {"name": "r", "match": {}, "licenses": [{"sku": "SPE_E4"}]},
            ["license_state_rules[0].licenses[0].sku: the tenant has no SKU 'SPE_E4'"],
        ),
        ({"name": "r", "match": {}, "licenses": E3, "fallback": [{"sku": "X"}]}, ["[0].fallback[0].sku"]),
        ({"name": "r", "match": {}, "licenses": E3, "fallback": E3}, ["[0].fallback: is the same as licenses"]),
        ({"name": "r", "match": {}, "fallback": E3}, ["[0].fallback: only goes with licenses"]),
        ({"name": "r", "match": {}, "licenses": E3, "remove": ["SPE_E3"]}, ["[0].remove: SPE_E3 is also in licenses"]),
        ({"name": "r", "match": {}, "licenses": E3, "remove": ["XX"]}, ["[0].remove[0]: the tenant has no SKU 'XX'"]),
        (
            {"name": "r", "match": {}, "licenses": [{"sku": "M365_F1_COMM"}]},
            ["[0].licenses[0].sku: M365_F1_COMM carries an Exchange plan but no rights"],
        ),
        (
            {"name": "r", "match": {}, "licenses": E3, "fallback": [{"sku": "Microsoft 365 F1"}]},
            ["[0].fallback[0].sku: M365_F1_COMM carries"],
        ),
        (
            {"name": "r", "match": {}, "licenses": E3, "via": {"group": "x"}},
            ["[0].via: licenses through a group are not supported yet"],
        ),
        ({"name": "r", "match": {}, "licenses": E3, "via": "grp"}, ["[0].via: expected direct, found 'grp'"]),
        ({"name": "r", "match": {}, "action": "skip", "reason": "x"}, ["[0].action: expected ignore, found 'skip'"]),
        (
            {"name": "r", "match": {}, "action": "ignore"},
            ["[0].reason: expected why these users are ignored, found nothing"],
        ),
        (
            {"name": "r", "match": {}, "action": "ignore", "reason": "x", "until": "soon"},
            ["[0].until: expected the last day of the exception as YYYY-MM-DD, found 'soon'"],
        ),
        ({"name": "r", "match": {}, "action": "ignore", "reason": "x", "until": "2026-02-30"}, ["'2026-02-30'"]),
        ({"name": "r", "match": {}, "action": "ignore", "reason": "x", "until": "2026-W01-1"}, ["'2026-W01-1'"]),
        ({"name": "r", "match": {}, "action": "ignore", "reason": "x", "until": NEW_YEAR}, ["[0].until"]),
        (
            {"name": "r", "match": {}, "action": "ignore", "reason": "x", "licenses": E3},
            ["[0].licenses: contradicts action: ignore"],
        ),
        ({"name": "r", "match": {}, "licenses": E3, "until": "2026-12-31"}, ["[0].until: belongs to an exception"]),
        (
            {"name": "r", "match": {}, "licenses": E3, "usage_location": "Germny"},
            ["[0].usage_location: expected an ISO 3166-1 code", "nearest: Germany"],
        ),
        (
            {"name": "r", "match": {}, "licenses": E3, "usage_location": False},
            ["quote it: an unquoted NO is a boolean"],
        ),
        (
            {"name": "r", "match": {}, "licenses": E3, "usage_location": {"from": "city"}},
            ["[0].usage_location.from: expected country, found 'city'"],
        ),
        (
            {"name": "r", "match": {}, "licenses": E3, "usage_location": {"from": "country", "default": "X1X"}},
            ["usage_location.default"],
        ),
        (
            {"name": "r", "match": {}, "licenses": E3, "usage_location": {"form": "country"}},
            ["unknown key 'form'; did you mean from?"],
        ),
    ],
)
def test_a_mistake_is_named_with_its_path(rule: Any, messages: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(rule)
    for message in messages:
        assert message in str(caught.value)


def test_all_mistakes_of_rules_come_at_once_with_rule_names() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(
            {"name": "one", "match": {"foo": 1, "department": 2}, "licenses": [{"sku": "X"}]},
            {"name": "two", "match": {}},
            {"name": "ONE", "match": {}, "licenses": E3},
        )
    problems = caught.value.problems
    assert len(problems) == 5
    assert [problem.endswith("(rule 'one')") for problem in problems] == [True, True, True, False, False]
    assert "license_state_rules[2].name: license_state_rules[0] has the same name" in problems[4]


@pytest.mark.parametrize("raw", [None, {}, "x", []])
def test_rules_are_a_list_with_something_in_it(raw: Any) -> None:
    with pytest.raises(ConfigurationError, match="license_state_rules: "):
        parse_rules(raw, SKUS, BUILTIN)


def test_an_unknown_scope_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="mailboxes_at_risk, all_users"):
        parse({"name": "r", "match": {}, "licenses": E3}, scope="everybody")


def test_all_users_may_get_a_sku_without_mailbox_rights() -> None:
    assert parse({"name": "r", "match": {}, "licenses": [{"sku": "M365_F1_COMM"}]}, scope="all_users")


def test_what_is_never_reached_or_saves_nothing_is_a_warning() -> None:
    rules = parse(
        {"name": "A while", "match": {}, "action": "ignore", "reason": "x", "until": "2026-12-31"},
        {"name": "EMS only", "match": {"department": "x"}, "licenses": [{"sku": "EMS"}]},
        {"name": "All", "match": {}, "licenses": E3},
        {"name": "Late", "match": {"department": "y"}, "licenses": E3},
    )
    warnings = rule_warnings(rules, SKUS, BUILTIN)
    assert len(warnings) == 2
    assert "license_state_rules[1].licenses: none of these SKUs carries a mailbox" in warnings[0]
    assert "license_state_rules[3]: never reached: 'All'" in warnings[1]
    assert len(rule_warnings(rules, SKUS, BUILTIN, scope="all_users")) == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DE", "DE"),
        ("de", "DE"),
        ("DEU", "DE"),
        (" germany ", "DE"),
        ("UK", "GB"),
        ("U.S.A.", "US"),
        ("United States of America", "US"),
        ("the Netherlands", "NL"),
        ("Czech Republic", "CZ"),
        ("Turkey", "TR"),
        ("TÜRKİYE", "TR"),
        ("Cote d\u2019Ivoire", "CI"),
        ("St. Lucia", "LC"),
        ("Bosnia & Herzegovina", "BA"),
        ("Korea, Republic of", "KR"),
        ("Deutschland", None),
        ("", None),
        (None, None),
        ("12", None),
    ],
)
def test_countries(text: str | None, code: str | None) -> None:
    assert country_code(text) == code


def test_every_country_is_known_by_its_own_name() -> None:
    names = country_names()
    assert len({country_code(name) for name in names}) == len(names) == 249


def test_wildcards_without_end_do_not_hang() -> None:
    rule = matching({"upn": "*a" * 30 + "*b"})
    assert first_match([rule], Subject(user("a" * 200)), TODAY).rule is None
