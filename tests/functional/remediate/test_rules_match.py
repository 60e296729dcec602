# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules ask beside department, country and the like: risk, cover, place, kind of employment, domain."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import Subject, first_match

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions
from tests.simulator.state import Json
from tests.unit.support.sample_plans import E3, anybody, at_risk, plan_for
from tests.unit.support.sample_rules import matching, parse
from tests.unit.support.sample_tenant import MAILBOX, SPE_E3, TODAY, direct, user

ANNA = Subject(
    user(
        "anna",
        city="München",
        office="Gebäude 7/2.14",
        employee_type="Contractor",
        mail_domain="mail.contoso.com",
        usage_location="DE",
    ),
    RecipientType.USER,
    reason="license_removed",
    covered=False,
)
BERT = Subject(user("bert", usage_location=None), covered=True)


@pytest.mark.parametrize(
    ("match", "anna", "bert"),
    [
        ({"city": "münchen"}, True, False),
        ({"office": "Gebäude 7/*"}, True, False),
        ({"employee_type": ["Contractor", "Intern"]}, True, False),
        ({"employee_type": ""}, False, True),
        ({"mail_domain": "mail.contoso.com"}, True, False),
        # without an address the user principal name says it
        ({"mail_domain": "contoso.com"}, False, True),
        ({"mail_domain": "*contoso.com"}, True, True),
        ({"usage_location": "Germany"}, True, False),
        ({"usage_location": ["AT", "de"]}, True, False),
        ({"usage_location": ""}, False, True),
        # what hardly anybody writes, but what fits
        ({"usage_location": ["?E", "U*"]}, True, False),
        ({"mail_domain": ["MAIL.contoso.com "]}, True, False),
        ({"mail_domain": ["", "*.contoso.com"]}, True, False),
        ({"mail_domain": "contoso*"}, False, True),
        ({"at_risk": True}, True, False),
        ({"at_risk": False}, False, True),
        ({"covered": True}, False, True),
        ({"covered": False}, True, False),
        ({"reason": "license_removed"}, True, False),
        ({"reason": ["no_license", "license_removed"]}, True, False),
        ({"reason": "no_license"}, False, False),
        ({"not": {"reason": "no_license"}}, True, True),
        ({"not": [{"covered": True}, {"city": "Wien"}]}, True, False),
    ],
)
def test_who_matches(match: Json, anna: bool, bert: bool) -> None:
    rules = [matching(match)]
    assert (first_match(rules, ANNA, TODAY).rule is not None) is anna
    assert (first_match(rules, BERT, TODAY).rule is not None) is bert


@pytest.mark.parametrize("word", ["GB", "UK", "uk ", "United Kingdom", "Great Britain"])
def test_a_country_has_several_names(word: str) -> None:
    british = Subject(user("anna", usage_location="GB"))
    assert first_match([matching({"usage_location": word})], british, TODAY).rule is not None


@pytest.mark.parametrize(
    ("match", "why"),
    [
        ({"office": "G*"}, "office is 'Gebäude 7/2.14'"),
        ({"mail_domain": "*"}, "mail_domain is 'mail.contoso.com'"),
        ({"at_risk": True}, "at_risk is true"),
        ({"reason": ["no_license", "license_removed"]}, "reason is no_license or license_removed"),
    ],
)
def test_why_says_the_users_own_value(match: Json, why: str) -> None:
    assert first_match([matching(match)], ANNA, TODAY).why == why


@pytest.mark.parametrize(
    ("match", "problem"),
    [
        (
            {"reason": "no_licence"},
            "match.reason: unknown reason 'no_licence' (nearest: no_license; allowed: no_license, ",
        ),
        ({"reason": []}, "match.reason: expected a reason or a list, found an empty list"),
        ({"at_risk": "perhaps"}, "match.at_risk: expected true or false, found 'perhaps'"),
        ({"cover": True}, "match: unknown key 'cover'; did you mean covered?"),
        ({"employee_typ": "x"}, "match: unknown key 'employee_typ'; did you mean employee_type?"),
        ({"not": {"reason": "gone"}}, "match.not.reason: unknown reason 'gone'"),
        (
            {"usage_location": "Germny"},
            "match.usage_location: expected an ISO 3166-1 code such as DE or a country, found 'Germny' (nearest: G",
        ),
        ({"usage_location": ["DE", "XX"]}, "match.usage_location[1]: expected an ISO 3166-1 code"),
        (
            {"mail_domain": "@contoso.example"},
            "match.mail_domain: expected a domain, found '@contoso.example'; write 'contoso.example'",
        ),
        (
            {"mail_domain": ["contoso.example", " user@contoso.example"]},
            "match.mail_domain[1]: expected a domain, found ' user@contoso.example'; write 'contoso.example'",
        ),
        (
            {"mail_domain": "*@*.example"},
            "match.mail_domain: expected a domain, found '*@*.example'; write '*.example'",
        ),
        (
            {"not": {"mail_domain": "contoso"}},
            "match.not.mail_domain: expected a domain such as contoso.com, found 'contoso'",
        ),
        ({"mail_domain": "contoso example"}, "match.mail_domain: expected a domain such as contoso.com"),
        ({"mail_domain": "https://contoso.example/"}, "match.mail_domain: expected a domain such as contoso.com"),
        ({"mail_domain": "anna@"}, "match.mail_domain: expected a domain such as contoso.com, found 'anna@'"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_near(match: Json, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse({"name": "x", "match": match, "licenses": [{"sku": "SPE_E3"}]})
    assert any(problem in text for text in caught.value.problems)


def test_a_plan_knows_who_is_at_risk_and_who_is_covered() -> None:
    rules = [
        E3 | {"name": "Risk", "match": {"at_risk": True, "reason": "no_license", "covered": False}},
        E3 | {"name": "Covered", "match": {"covered": True}},
        E3 | {"name": "Rest"},
    ]
    people = [at_risk(user("a")), anybody(user("b", direct(SPE_E3)), needs=MAILBOX), anybody(user("c"), needs=())]
    assert [entry.rule for entry in plan_for(people, *rules).entries] == ["Risk", "Covered", "Rest"]


# --- as the services tell it -----------------------------------------------------------------------------------------

KEYS: dict[str, tuple[str, Any]] = {
    "city": ("city", "Linz"),
    "office": ("officeLocation", "Floor 3"),
    "employee_type": ("employeeType", "Contractor"),
    "mail_domain": ("mail", "x@sub.contoso.example"),
    "usage_location": ("usageLocation", "AT"),
}


@pytest.mark.parametrize("get_by_ids", ["allowed", "403"])
@pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_every_way_of_reading_users_brings_every_property(
    env: PlanHarness, get_by_ids: str, scope: str, strategy: str
) -> None:
    env.world.switches.get_by_ids = get_by_ids
    rules = []
    for key, (name, value) in KEYS.items():
        env.at_risk(key.replace("_", ""), **{"officeLocation": None, "employeeType": None, "city": None, name: value})
        asked = value.rpartition("@")[2] if key == "mail_domain" else value
        rules.append({**EVERYBODY, "name": key, "match": {key: asked}})
    result = env.plan(*rules, scope=scope, strategy=strategy)
    assert {row["user_principal_name"].partition("@")[0]: row["rule"] for row in result["users"]} == {
        key.replace("_", ""): key for key in KEYS
    }


def test_reasons_are_those_of_the_audit(env: PlanHarness) -> None:
    env.at_risk("anna")
    env.at_risk("bert", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE"))
    ignored = {"name": "Off", "match": {"reason": "exchange_plan_disabled"}, "action": "ignore", "reason": "on purpose"}
    assert actions(env.plan(ignored, EVERYBODY)) == {"anna": "license", "bert": "ignore"}
