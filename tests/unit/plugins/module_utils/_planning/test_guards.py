# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removals and guards: what a plan takes away, and what stops it before the first write."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Sku
from ansible_collections.m365.licensing.plugins.module_utils._planning.guards import limit_of
from ansible_collections.m365.licensing.plugins.module_utils._planning.planner import (
    Candidate,
)

from tests.unit.support.sample_plans import (
    E3,
    ONLY_YAMMER,
    WITHOUT_MAIL,
    added,
    anybody,
    at_risk,
    only,
    plan_for,
)
from tests.unit.support.sample_tenant import (
    EXCHANGEDESKLESS,
    EXCHANGESTANDARD,
    HOLD,
    KIOSK,
    MAILBOX,
    PLAN2,
    SKUS,
    SPE_E3,
    SPE_E5,
    direct,
    inherited,
    user,
)

# --- removals ----------------------------------------------------------------------------------------------------

SWAP = E3 | {"remove": ["EXCHANGESTANDARD", "SPE_E5"]}


def test_a_swap_is_one_change_and_needs_allow_removals() -> None:
    candidates = [anybody(user("a", direct(EXCHANGESTANDARD))), anybody(user("b", direct(SPE_E5)))]
    plan = plan_for(candidates, SWAP)
    assert [(added(entry), entry.change.remove) for entry in plan.entries] == [
        ([SPE_E3], (EXCHANGESTANDARD,)),
        ([SPE_E3], (SPE_E5,)),
    ]
    assert plan.violations == (
        "2 licenses (EXCHANGESTANDARD, SPE_E5) of 2 users would be removed, but allow_removals is false",
    )
    assert not plan_for(candidates, SWAP, allow_removals=True).violations


def test_who_has_the_licenses_only_loses_what_the_rule_removes() -> None:
    entry = only(anybody(user("a", direct(SPE_E3), direct(EXCHANGESTANDARD))), SWAP, allow_removals=True)
    assert (added(entry), entry.change.remove) == ([], (EXCHANGESTANDARD,))


def test_an_inherited_license_is_never_removed() -> None:
    assert only(anybody(user("a", direct(SPE_E3), inherited(EXCHANGESTANDARD))), SWAP).action == "unchanged"


DOWN_TO_F1 = E3 | {"licenses": [{"sku": "M365_F1_COMM"}], "remove": ["SPE_E3"]}
DOWN_TO_STANDARD = E3 | {"licenses": [{"sku": "EXCHANGESTANDARD"}], "remove": ["SPE_E3"]}


@pytest.mark.parametrize(
    ("candidate", "rule", "refused"),
    [
        (anybody(user("a", direct(SPE_E3))), DOWN_TO_F1, True),
        # nobody knows whether there is an archive or a hold: Plan 2 is not taken on a guess
        (anybody(user("a", direct(SPE_E3))), DOWN_TO_STANDARD, True),
        (anybody(user("a", direct(SPE_E3)), needs=MAILBOX), DOWN_TO_STANDARD, False),
        (anybody(user("a", direct(SPE_E3)), needs=HOLD), DOWN_TO_STANDARD, True),
        (anybody(user("a", direct(SPE_E3)), needs=()), DOWN_TO_F1, False),
        (anybody(user("a", direct(SPE_E3))), WITHOUT_MAIL, True),
        (anybody(user("a", direct(SPE_E3)), needs=MAILBOX), ONLY_YAMMER, True),
        (anybody(user("a", direct(SPE_E3, PLAN2)), needs=MAILBOX), ONLY_YAMMER, False),
        (anybody(user("a", direct(SPE_E3), inherited(SPE_E5))), WITHOUT_MAIL, False),
    ],
)
def test_nobody_loses_what_keeps_the_mailbox(candidate: Candidate, rule: Any, refused: bool) -> None:
    plan = plan_for([candidate], rule, allow_removals=True)
    assert plan.entries[0].action == ("refused_uncovered" if refused else "license")
    assert bool(plan.violations) is refused
    assert bool(plan.changes) is not refused
    if refused:
        assert "1 user would lose what keeps their mailbox (a@contoso.com)" in plan.violations[0]


# --- guards ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "population", "limit"),
    [
        ("unlimited", 100, None),
        (" Unlimited", 100, None),
        (0, 100, 0),
        (200, 100, 200),
        ("200", 100, 200),
        ("5%", 1000, 50),
        ("5 %", 19, 0),
        ("5%", 39, 1),
        ("2.5%", 1000, 25),
        ("0%", 1000, 0),
        ("100%", 7, 7),
        ("5%", 0, 0),
    ],
)
def test_max_changes_is_a_number_or_a_share(value: Any, population: int, limit: int | None) -> None:
    assert limit_of(value, population, "max_changes") == limit


@pytest.mark.parametrize(
    "value",
    [None, "", " ", "none", "500%", "100.1%", -1, "-1", "many", "%", "-5%", "NaN%", "Infinity%", 2.5, True, [5]],
)
def test_max_changes_is_nothing_else(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_changes: expected a number of users"):
        limit_of(value, 100, "max_changes")


def test_a_plan_over_max_changes_is_refused_as_a_whole() -> None:
    candidates = [at_risk(user(name)) for name in ("a", "b", "c")]
    assert not plan_for(candidates, E3, max_changes=3).violations
    assert plan_for(candidates, E3, max_changes=2).violations == ("3 users would be changed, but max_changes allows 2",)
    assert plan_for(candidates, E3, max_changes="5%", population=20).violations == (
        "3 users would be changed, but max_changes allows 1 (5% of 20 users)",
    )


def test_all_violations_come_at_once() -> None:
    candidates = [anybody(user("a", direct(EXCHANGESTANDARD))), anybody(user("b"))]
    assert len(plan_for(candidates, SWAP, max_changes=0).violations) == 2


def test_guards_are_named_as_their_variables_are() -> None:
    candidates = [anybody(user("a", direct(EXCHANGESTANDARD))), anybody(user("b"))]
    violations = plan_for(
        candidates, SWAP, max_changes=0, gaps=("shared",), variable_prefix="license_state_"
    ).violations
    for name in ("allow_incomplete", "max_changes", "allow_removals"):
        assert any(f"but license_state_{name} " in text for text in violations), violations


def test_seats_in_their_grace_period_are_spent_only_on_request() -> None:
    table = [Sku(SPE_E3, "SPE_E3", enabled=0, warning=1, plans=SKUS[0].plans), *SKUS[1:]]
    assert only(at_risk(user()), E3, table=table).action == "no_seat"
    assert only(at_risk(user()), E3, table=table, use_warning_seats=True).action == "license"


def test_nothing_to_plan_is_an_empty_plan() -> None:
    plan = plan_for([], E3)
    assert (plan.entries, plan.violations, plan.seats, plan.changes) == ((), (), (), ())


def test_second_exchange_plan_is_planned_with_a_removal_note() -> None:
    entry = only(anybody(user("a", direct(EXCHANGEDESKLESS, KIOSK))), E3)
    assert (added(entry), entry.note) == ([SPE_E3], "")
    entry = only(anybody(user("a", direct(EXCHANGEDESKLESS))), E3)
    assert (entry.action, added(entry), entry.change.remove) == ("license", [SPE_E3], ())
    assert "so EXCHANGEDESKLESS may go; a seat of SPE_E3" in entry.note
    swap = E3 | {"remove": ["EXCHANGESTANDARD"]}
    entry = only(anybody(user("a", direct(EXCHANGESTANDARD))), swap, allow_removals=True)
    assert (entry.action, added(entry), entry.change.remove) == ("license", [SPE_E3], (EXCHANGESTANDARD,))
