# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a condition does not hold: what is said that a user has is what the condition was compared with."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._explain.rules import failure
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import REASONS
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import Condition, Subject, facts_of
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_conditions import (
    bind_groups,
    text_condition,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_schema import (
    EXTENSION_ATTRIBUTES,
    FLAG_KEYS,
    MATCH_KEYS,
    TEXT_KEYS,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support.random_examples import examples
from tests.unit.support.sample_rules import matching
from tests.unit.support.sample_tenant import EMS, SPE_E3, SPE_E5, direct, inherited, user

GROUPS = {"Leavers": "g-1", "Interns": "g-2"}
STATES = {"SPE_E3": direct(SPE_E3), "SPE_E5": direct(SPE_E5, state="Error"), "EMS": inherited(EMS)}
TEXTS = ("Sales", " sALES ", "DE", "Germany", "", "  ", None, 'it\'s "so"', "x.example", "Straße")


@st.composite
def subjects(draw: st.DrawFn) -> Subject:
    """Anybody: also a user whose mailbox is covered, at risk, unknown, or of another domain."""
    names = ("department", "country", "company", "job_title", "usage_location", "city", "office", "employee_type")
    texts: dict[str, Any] = {name: draw(st.sampled_from(TEXTS)) for name in names}
    texts["mail_domain"] = draw(st.sampled_from(["", "x.example"]))
    attributes = draw(st.dictionaries(st.sampled_from(EXTENSION_ATTRIBUTES[:2]), st.sampled_from(["Red", " red "])))
    held = draw(st.sets(st.sampled_from(sorted(STATES))))
    person = user(
        "Anna",
        *(STATES[name] for name in sorted(held)),
        account_enabled=draw(st.booleans()),
        on_premises_sync=draw(st.booleans()),
        extension_attributes=attributes,
        **texts,
    )
    return Subject(
        person,
        draw(st.sampled_from([None, *RecipientType])),
        draw(st.frozensets(st.sampled_from(sorted(GROUPS.values())))),
        draw(st.sampled_from(["", *REASONS])),
        draw(st.booleans()),
    )


def condition_of(match: dict[str, Any]) -> Condition:
    (condition,) = bind_groups([matching(match)], GROUPS)[0].conditions
    return condition


def asking(match: dict[str, Any]) -> Condition:
    """The same for a value that a user has, though no rule may name it, such as a usage location that is no country."""
    ((key, value),) = match.items()
    return text_condition(key, [value]) if key in TEXT_KEYS else condition_of(match)


def said(match: dict[str, Any], subject: Subject) -> str | None:
    """What is said of the user where the condition does not hold; None where it does."""
    condition, facts = condition_of(match), facts_of(subject)
    if condition.test(facts):
        return None
    asked, _but, has = failure(condition, facts, subject).partition(", but ")
    assert asked == condition.text
    return has


def nothing_of(key: str) -> list[Any]:
    """Values of a key that hardly anybody has."""
    values: dict[str, list[Any]] = {
        **{key: [True, False] for key in FLAG_KEYS},
        **{key: ["nobody.invalid"] for key in TEXT_KEYS},
        "country": ["Peru"],
        "usage_location": ["PE"],
        "recipient_type": [kind.value for kind in RecipientType],
        "reason": list(REASONS),
        "extension_attributes": [{name: "none"} for name in EXTENSION_ATTRIBUTES[:2]],
        "group": ["Leavers", ["Leavers", "Interns"]],
        "has": ["SPE_E3", "SPE_E5", ["SPE_E5", "EMS"]],
        "lacks": ["SPE_E3", "EMS", ["SPE_E3", "EMS"]],
        "not": [{"department": "Sales"}, [{"department": "*"}, {"account_enabled": True}]],
    }
    return values[key]


def same(key: str, wish: Any, has: str) -> dict[str, Any] | None:
    """The condition that asks for what is said; None where nothing is said that can be asked for."""
    if key in FLAG_KEYS:
        return {key: {"it is true": True, "it is false": False}[has]}
    if key in ("recipient_type", "reason"):
        return {key: has.removeprefix("it is ")} if has.startswith("it is ") else None
    if key in TEXT_KEYS or key == "extension_attributes":
        value = "" if has == "it is not set" else ast.literal_eval(has.removeprefix("it is "))
        return {key: value if key in TEXT_KEYS else {next(iter(wish)): value}}
    return None


@pytest.mark.parametrize("key", MATCH_KEYS)
@examples(40)
@given(subject=subjects(), data=st.data())
def test_whoever_is_asked_for_what_is_said_matches(key: str, subject: Subject, data: st.DataObject) -> None:
    wish = data.draw(st.sampled_from(nothing_of(key)))
    has = said({key: wish}, subject)
    if has is None:
        return
    asked = same(key, wish, has)
    if asked is not None:
        assert asking(asked).test(facts_of(subject)), has
    elif key == "recipient_type":
        assert (has, subject.recipient_type) == ("no mailbox is known", None)
    elif key == "reason":
        assert (has, subject.reason) == ("nothing is at risk", "")


PERSON = user("anna", *STATES.values(), department="Sales", mail_domain="")
COVERED = Subject(PERSON, RecipientType.USER, frozenset({"g-1"}), covered=True)
AT_RISK = COVERED._replace(reason="license_removed", covered=False)


@pytest.mark.parametrize(
    ("match", "subject", "has"),
    [
        ({"covered": False}, COVERED, "it is true"),
        ({"covered": True}, AT_RISK, "it is false"),
        ({"at_risk": True}, COVERED, "it is false"),
        ({"at_risk": False}, AT_RISK, "it is true"),
        ({"reason": "no_license"}, AT_RISK, "it is license_removed"),
        ({"reason": "no_license"}, COVERED, "nothing is at risk"),
        ({"mail_domain": "fabrikam.com"}, COVERED, "it is 'contoso.com'"),
        ({"recipient_type": "room"}, COVERED, "it is user"),
        ({"recipient_type": "room"}, COVERED._replace(recipient_type=None), "no mailbox is known"),
        ({"group": "Interns"}, COVERED, "the user is not in it"),
        ({"group": ["Interns", "Leavers"]}, COVERED._replace(group_ids=frozenset()), "the user is in none of these"),
        ({"has": "EXCHANGESTANDARD"}, COVERED, "the user does not hold it"),
        ({"has": ["EXCHANGESTANDARD", "SPE_E5"]}, COVERED, "the user holds none of these"),
        ({"has": "SPE_E5"}, COVERED, "it is assigned in the state Error, so the user does not hold it"),
        ({"lacks": "EMS"}, COVERED, "the user holds it"),
        ({"lacks": ["SPE_E5", "EMS"]}, COVERED, "the user holds EMS"),
        ({"not": {"department": "Sales"}}, COVERED, "the user is among these"),
        (
            {"not": [{"department": "Board"}, {"department": "Sales", "covered": True}]},
            COVERED,
            "the user is among those of covered is true; department is Sales",
        ),
    ],
)
def test_every_key_says_what_the_user_has(match: dict[str, Any], subject: Subject, has: str) -> None:
    assert said(match, subject) == has
