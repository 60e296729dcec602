# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many seats would have saved the mailboxes that a plan leaves at risk, and which is lost first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType, Sku
from ansible_collections.m365.licensing.plugins.module_utils._planning.planner import Candidate, Plan
from ansible_collections.m365.licensing.plugins.module_utils._reporting.plan_report import (
    plan_markdown,
    plan_row,
    plan_summary,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support.sample_plans import (
    E3,
    E3_OR_STANDARD,
    WITHOUT_MAIL,
    anybody,
    at_risk,
    plan_for,
)
from tests.unit.support.sample_tenant import (
    BY_ID,
    HOLD,
    NOW,
    SKUS,
    SPE_E3,
    finding,
    user,
)


def seats(**left: int) -> list[Sku]:
    """The SKUs with so many seats left; of those that are not named there are plenty."""
    return [sku if (count := left.get(sku.part_number)) is None else _with(sku, count) for sku in SKUS]


def _with(sku: Sku, left: int) -> Sku:
    return Sku(**{**vars_of(sku), "enabled": left, "consumed": 0})


def vars_of(sku: Sku) -> dict[str, Any]:
    names = ("id", "part_number", "capability_status", "applies_to", "plans")
    return {name: getattr(sku, name) for name in names}


def told(plan: Plan) -> list[tuple[str, int, str]]:
    return [
        (item.part_number, item.seats, item.first.user.user_principal_name.partition("@")[0])
        for item in plan.seats_missing
    ]


def test_missing_seats_are_those_of_the_first_saving_alternative() -> None:
    none = seats(SPE_E3=0, EXCHANGESTANDARD=0)
    people = [at_risk(user(name), days=days) for name, days in (("later", 9), ("sooner", 2))]
    assert told(plan_for(people, E3_OR_STANDARD, table=none)) == [("SPE_E3", 2, "sooner")]
    # the licenses would not have saved it
    useless = WITHOUT_MAIL | {"fallback": [{"sku": "EXCHANGESTANDARD"}]}
    assert told(plan_for(people, useless, table=none)) == [("EXCHANGESTANDARD", 2, "sooner")]
    on_hold = at_risk(user("hold"), needs=HOLD)
    standard_or_e3 = E3 | {"licenses": [{"sku": "EXCHANGESTANDARD"}], "fallback": [{"sku": "SPE_E3"}]}
    assert told(plan_for([on_hold], standard_or_e3, table=none)) == [("SPE_E3", 1, "hold")]


def test_what_is_left_goes_to_the_most_urgent() -> None:
    people = [at_risk(user(name), days=days) for name, days in (("a", 1), ("b", 2), ("c", 3))]
    both = E3 | {"licenses": [{"sku": "SPE_E3"}, {"sku": "EMS"}]}
    plan = plan_for(people, both, table=seats(SPE_E3=0, EMS=1))
    assert told(plan) == [("SPE_E3", 3, "a"), ("EMS", 2, "b")]


def test_a_reserve_is_not_left_and_served_mailboxes_miss_nothing() -> None:
    people = [at_risk(user(name), days=days) for name, days in (("a", 1), ("b", 2))]
    assert told(plan_for(people, E3, table=seats(SPE_E3=2))) == []
    assert told(plan_for(people, E3, table=seats(SPE_E3=2), seat_reserve={SPE_E3: 1})) == [("SPE_E3", 1, "b")]


def test_user_needs_one_seat_for_all_mailboxes_at_risk() -> None:
    anna = user("anna")
    twice = [
        at_risk(anna, days=5),
        Candidate(at_risk(anna).subject._replace(recipient_type=RecipientType.SOFT_DELETED), finding(anna, days=2)),
    ]
    safe = anybody(user("safe"))
    assert told(plan_for([*twice, safe], E3, table=seats(SPE_E3=0))) == [("SPE_E3", 1, "anna")]


def test_reports_have_the_seats_and_the_first_mailbox() -> None:
    plan = plan_for([at_risk(user("anna"), days=3)], E3, table=seats(SPE_E3=0))
    summary = plan_summary(plan)
    assert summary["seats_missing"] == [
        {
            "sku": "SPE_E3",
            "sku_id": SPE_E3,
            "seats": 1,
            "first": {
                "user_principal_name": "anna@contoso.com",
                "deadline": "2026-06-18T12:00:00Z",
                "severity": "critical",
            },
            "first_dated": None,
        }
    ]
    text = plan_markdown([plan_row(entry, BY_ID, BUILTIN) for entry in plan.entries], summary)
    assert "## Seats missing" in text
    assert "| SPE_E3 | 1 | anna@contoso.com | 2026-06-18 | critical |  |" in text
    assert plan_summary(plan_for([at_risk(user("anna"))], E3))["seats_missing"] == []


def test_first_without_seat_is_the_most_urgent_in_any_order() -> None:
    rules = [{**E3, "name": f"{name}s", "match": {"upn": f"{name}*"}} for name in ("a", "b")]
    people = [at_risk(user(name), days=days) for name, days in (("a1", 9), ("a2", 8), ("b1", 3), ("b2", 5))]
    plan = plan_for(people, *rules, table=seats(SPE_E3=0), seat_order="rules")
    assert [entry.user.user_principal_name[:2] for entry in plan.entries] == ["a2", "a1", "b1", "b2"]
    assert told(plan) == [("SPE_E3", 4, "b1")]
    # a seat that is left goes by the rules, and the others are without
    held_back = plan_for(people, *rules, table=seats(SPE_E3=3), seat_order="rules")
    assert told(held_back) == [("SPE_E3", 1, "b2")]


def test_a_user_is_as_urgent_as_the_most_urgent_of_the_mailboxes() -> None:
    rules = [
        {**E3, "name": "In use", "match": {"not": {"recipient_type": "soft_deleted"}}},
        {**E3, "name": "Gone", "match": {}},
    ]
    anna = user("anna")
    gone = at_risk(anna).subject._replace(recipient_type=RecipientType.SOFT_DELETED)
    people = [at_risk(anna, days=20), Candidate(gone, finding(anna, days=2)), at_risk(user("bert"), days=9)]
    plan = plan_for(people, *rules, table=seats(SPE_E3=0), seat_order="rules")
    assert told(plan) == [("SPE_E3", 2, "anna")]
    (missing,) = plan.seats_missing
    assert missing.first.finding is not None
    assert missing.first.finding.days_remaining == 2


def test_where_the_first_has_no_date_the_first_with_one_is_told() -> None:
    outlived = at_risk(user("outlived"), days=None)
    assert outlived.finding is not None
    late = outlived.finding.deadline._replace(outlived=NOW - timedelta(days=5))
    outlived = outlived._replace(finding=outlived.finding._replace(deadline=late, severity="overdue"))
    people = [outlived, at_risk(user("later"), days=9), at_risk(user("sooner"), days=4), at_risk(user("x"), days=None)]
    plan = plan_for(people, E3, table=seats(SPE_E3=0))
    summary = plan_summary(plan)
    (row,) = summary["seats_missing"]
    assert row["first"] == {"user_principal_name": "outlived@contoso.com", "deadline": None, "severity": "overdue"}
    assert row["first_dated"] == {
        "user_principal_name": "sooner@contoso.com",
        "deadline": "2026-06-19T12:00:00Z",
        "severity": "critical",
    }
    text = plan_markdown([plan_row(entry, BY_ID, BUILTIN) for entry in plan.entries], summary)
    assert "| outlived@contoso.com | not known | overdue | sooner@contoso.com, 2026-06-19, critical |" in text
    (nobody,) = plan_summary(plan_for([outlived], E3, table=seats(SPE_E3=0)))["seats_missing"]
    assert nobody["first_dated"] is None


@given(
    st.lists(st.integers(0, 40), max_size=8),
    st.integers(0, 4),
    st.integers(0, 4),
    st.sampled_from([E3, E3_OR_STANDARD, E3 | {"licenses": [{"sku": "SPE_E3"}, {"sku": "EXCHANGESTANDARD"}]}]),
)
def test_with_the_missing_seats_nobody_is_without(
    days: list[int], some: int, others: int, rule: dict[str, Any]
) -> None:
    people = [at_risk(user(f"user{number}"), days=left) for number, left in enumerate(days)]
    table = seats(SPE_E3=some, EXCHANGESTANDARD=others)
    plan = plan_for(people, rule, table=table)
    missing = {item.sku_id: item.seats for item in plan.seats_missing}
    more = [_with(sku, sku.seats_left() + missing.get(sku.id, 0)) for sku in table]
    assert plan_for(people, rule, table=more).counts()["no_seat"] == 0
    assert bool(missing) is bool(plan.counts()["no_seat"])
    for sku_id in missing:
        less = [_with(sku, sku.seats_left() + missing.get(sku.id, 0) - (sku.id == sku_id)) for sku in table]
        # a part of the licenses keeps a mailbox as well, where not all of them have a seat
        fewer = plan_for(people, rule, table=less)
        in_part = any("cannot be had as a whole" in text for entry in fewer.entries for text in entry.warnings)
        assert fewer.counts()["no_seat"] > 0 or in_part or rule is E3_OR_STANDARD
