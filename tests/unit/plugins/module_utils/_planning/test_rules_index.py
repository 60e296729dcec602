# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of rules: the index decides as all rules would, one after the other, and tests few of them."""

from __future__ import annotations

import cProfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import (
    Condition,
    Facts,
    Rule,
    RuleIndex,
    Subject,
    first_match,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_conditions import bind_groups
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_schema import parse_rules, rule_warnings
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator.state import Json
from tests.unit.support.random_examples import examples
from tests.unit.support.sample_tenant import SKUS, SPE_E3, TODAY, direct, user

E3 = [{"sku": "SPE_E3"}]
ATTRIBUTE = "extensionAttribute7"
KINDS: dict[str, Any] = {
    "department": lambda number: {"department": [f"D{number}", f"Section {number}"], "country": "Germany"},
    "upn": lambda number: {"upn": f"user{number}@contoso.com"},
    "beginning": lambda number: {"upn": f"user{number}-*"},
    "end": lambda number: {"mail_domain": f"*.d{number}.contoso.com"},
    "middle": lambda number: {"job_title": f"*title {number} of*"},
    "group": lambda number: {"group": f"g{number}"},
    "attribute": lambda number: {
        "extension_attributes": {"extensionAttribute7": f"v{number}"},
        "account_enabled": True,
    },
}
"""Rules as large tenants have them: each asks for something else."""


def many(count: int, kind: str) -> tuple[Rule, ...]:
    """So many rules, and one for everybody else."""
    raw = [{"name": f"Rule {number}", "match": KINDS[kind](number), "licenses": E3} for number in range(count)]
    raw.append({"name": "Rest", "match": {}, "licenses": E3})
    rules = parse_rules(raw, SKUS, BUILTIN, scope="all_users")
    return bind_groups(rules, {f"g{number}": f"id-{number}" for number in range(count)})


def people(count: int) -> list[Subject]:
    return [
        Subject(
            user(
                f"user{number}-x",
                department=f"D{number % 40}",
                country="Germany",
                job_title=f"Some title {number} of many",
                mail_domain=f"b.d{number}.contoso.com",
                extension_attributes={"extensionAttribute7": f"v{number}"},
            ),
            RecipientType.USER,
            frozenset({f"id-{number}"}),
        )
        for number in range(count)
    ]


def counting(rules: Sequence[Rule]) -> tuple[list[Rule], list[str]]:
    """The same rules, and a list that grows with every test of a condition."""
    asked: list[str] = []

    def watched(condition: Condition) -> Condition:
        def test(facts: Facts) -> bool:
            asked.append(condition.key)
            return condition.test(facts)

        return replace(condition, test=test)

    return [rule._replace(conditions=tuple(map(watched, rule.conditions))) for rule in rules], asked


@pytest.mark.parametrize("kind", KINDS)
def test_few_conditions_are_tested_of_many_rules(kind: str) -> None:
    some = people(60)
    tests: dict[int, int] = {}
    for count in (50, 1000):
        rules, asked = counting(many(count, kind))
        index = RuleIndex(rules)
        for subject in some:
            index.first_match(subject, TODAY)
        tests[count] = len(asked)
    # without the index, 1000 rules cost 1000 tests for each user
    assert tests[50] <= 50 * len(some)
    assert tests[1000] <= 50 * len(some)


@pytest.mark.parametrize("kind", ["department", "middle", "group"])
def test_rules_are_read_and_filed_one_by_one(kind: str) -> None:
    """Ten times the rules are ten times the calls of functions, and not a hundred times."""
    calls = {}
    for count in (100, 1000):
        profile = cProfile.Profile()
        profile.enable()
        rules = many(count, kind)
        rule_warnings(rules, SKUS, BUILTIN, scope="all_users")
        RuleIndex(rules)
        profile.disable()
        calls[count] = sum(entry.callcount for entry in profile.getstats())
    assert calls[1000] < 12 * calls[100]


# --- the same answers ------------------------------------------------------------------------------------------------

TEXTS = st.sampled_from(
    ["", "a", "ab", "abc", "ABCD", "x[y]", "abcabc", "bca", "Größe", "*", "a*", "*c", "a*c", "?b*", "*bc*"]
)
VALUES = st.sampled_from([None, "a", "ab", "abc", "abcd", "x[y]", "abcabc", "bca", "GRÖSSE", " abc "])
COUNTRIES = st.sampled_from(["DE", "Germany", "ger*", "AT", "Atlantis", ""])
BLOCK = st.fixed_dictionaries(
    {},
    optional={
        "department": st.one_of(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)),
        "city": TEXTS,
        "country": st.lists(COUNTRIES, min_size=1, max_size=2),
        "usage_location": COUNTRIES.filter(lambda text: text != "Atlantis"),
        "account_enabled": st.booleans(),
        "covered": st.booleans(),
        "has": st.just(["SPE_E3"]),
        "lacks": st.just(["SPE_E3"]),
        "group": st.sampled_from(["g0", ["g0", "g1"]]),
        "recipient_type": st.sampled_from(["user", ["shared", "room"]]),
        "reason": st.sampled_from(["no_license", ["no_license", "license_removed"]]),
        "extension_attributes": TEXTS.map(lambda text: {"extensionAttribute7": text}),
    },
)
MATCH = st.builds(lambda block, no: {**block, **({"not": no} if no else {})}, BLOCK, st.one_of(st.none(), BLOCK))
RULE = st.builds(
    lambda match, until: (
        {"match": match, "action": "ignore", "reason": "x", "until": until}
        if until
        else {"match": match, "licenses": E3}
    ),
    MATCH,
    st.sampled_from([None, None, "2020-01-01", "2030-01-01"]),
)
SUBJECT = st.builds(
    lambda held, attribute, kind, groups, reason, covered, values: Subject(
        user("anna", *held, extension_attributes=attribute, **values), kind, groups, reason, covered
    ),
    st.sampled_from([(), (direct(SPE_E3),), (direct(SPE_E3, state="Error"),)]),
    VALUES.map(lambda value: {"extensionAttribute7": value} if value else {}),
    st.sampled_from([None, RecipientType.USER, RecipientType.ROOM]),
    st.sampled_from([frozenset(), frozenset({"id-0"}), frozenset({"id-0", "id-1"})]),
    st.sampled_from(["", "no_license", "license_removed"]),
    st.booleans(),
    st.fixed_dictionaries(
        {
            "department": VALUES,
            "city": VALUES,
            "country": st.sampled_from([None, "Germany", "Deutschland", "DE", "Austria", "Atlantis"]),
            "usage_location": st.sampled_from([None, "DE", "AT"]),
            "account_enabled": st.booleans(),
        }
    ),
)


@pytest.mark.random
@examples(300)
@given(raw=st.lists(RULE, min_size=1, max_size=8), subjects=st.lists(SUBJECT, min_size=1, max_size=4))
def test_the_index_decides_as_all_rules_would(raw: list[Json], subjects: list[Subject]) -> None:
    named = [{"name": f"Rule {number}", **rule} for number, rule in enumerate(raw)]
    rules = bind_groups(parse_rules(named, SKUS, BUILTIN, scope="all_users"), {"g0": "id-0", "g1": "id-1"})
    index = RuleIndex(rules)
    for subject in subjects:
        assert index.first_match(subject, TODAY) == first_match(rules, subject, TODAY)
