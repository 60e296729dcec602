# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every user, every wish and every plan, not only for those somebody thought of."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._licensing import changes as license_changes
from ansible_collections.m365.licensing.plugins.module_utils._licensing import readback
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    granted,
    is_covered,
    retained_classes,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import Wanted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    MAILBOX_CLASSES,
    LicenseState,
    Sku,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.seats import seats_needed
from ansible_collections.m365.licensing.plugins.module_utils._planning.planner import (
    Candidate,
    Plan,
    PlanOptions,
    build_plan,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import Subject
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_schema import parse_rules
from ansible_collections.m365.licensing.plugins.module_utils._reporting.markdown import escape
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support.sample_tenant import (
    BY_ID,
    EXCHANGESTANDARD,
    GROUP,
    HOLD,
    MAILBOX,
    OTHER_GROUP,
    SKUS,
    SPE_E3,
    TODAY,
    finding,
    user,
)

SOME_SKUS = st.sampled_from(SKUS)


@st.composite
def license_states(draw: st.DrawFn) -> LicenseState:
    sku = draw(SOME_SKUS)
    off = draw(st.frozensets(st.sampled_from(sorted(sku.user_plan_ids))))
    state = draw(st.sampled_from(["Active", "Active", "Active", "ActiveWithError", "Error", "Disabled"]))
    return LicenseState(sku.id, off, draw(st.sampled_from([None, None, GROUP, OTHER_GROUP])), state)


@st.composite
def users(draw: st.DrawFn, name: str = "anna") -> User:
    found = draw(st.lists(license_states(), max_size=5))
    if draw(st.booleans()):
        # people with an ordinary license, or there is little to lose
        found.append(LicenseState(draw(st.sampled_from([SPE_E3, SPE_E3, EXCHANGESTANDARD]))))
    states = {(state.sku_id, state.group_id): state for state in found}.values()
    location = draw(st.sampled_from([None, "DE", "fr"]))
    country = draw(st.sampled_from([None, "Germany", "Atlantis"]))
    department = draw(st.sampled_from([None, "Sales", "Support"]))
    return user(name, *states, usage_location=location, country=country, department=department)


@st.composite
def wanted_licenses(draw: st.DrawFn) -> Wanted:
    sku = draw(SOME_SKUS)
    plans = st.one_of(st.none(), st.frozensets(st.sampled_from(sorted(sku.user_plan_ids))))
    if draw(st.booleans()):
        return Wanted(sku.id, disabled_plans=draw(plans))
    return Wanted(sku.id, enabled_plans=draw(plans))


WANTED = st.lists(wanted_licenses(), max_size=4, unique_by=lambda item: item.sku_id)
STATES = st.sampled_from(license_changes.STATES)
LOCATIONS = st.sampled_from([None, "DE", "us"])


# --- one user ----------------------------------------------------------------------------------------------------


@given(users(), WANTED, STATES, LOCATIONS, st.booleans())
def test_after_a_change_there_is_nothing_left_to_do(
    who: User, wanted: list[Wanted], state: str, location: str | None, force: bool
) -> None:
    change = license_changes.change_for(who, wanted, BY_ID, state=state, usage_location=location, force_location=force)
    after = license_changes.apply_to(who, change, BY_ID)
    again = license_changes.change_for(after, wanted, BY_ID, state=state, usage_location=location, force_location=force)
    assert not again
    assert license_changes.satisfied(after, wanted, state, BY_ID)
    assert readback.shows(after, change, who)


@given(users(), WANTED, STATES)
def test_applying_twice_is_applying_once(who: User, wanted: list[Wanted], state: str) -> None:
    change = license_changes.change_for(who, wanted, BY_ID, state=state)
    once = license_changes.apply_to(who, change, BY_ID)
    assert license_changes.apply_to(once, change, BY_ID) == once


@given(users(), WANTED, STATES)
def test_inherited_licenses_are_never_touched(who: User, wanted: list[Wanted], state: str) -> None:
    change = license_changes.change_for(who, wanted, BY_ID, state=state)
    direct = {item.sku_id for item in who.license_states if item.direct}
    assert set(change.remove) <= direct
    assert not {item.sku_id for item in change.add} & set(change.remove)
    after = license_changes.apply_to(who, change, BY_ID)
    assert [item for item in after.license_states if not item.direct] == [
        item for item in who.license_states if not item.direct
    ]


@given(users(), WANTED)
def test_disabled_plans_stay_disabled_unless_named(who: User, wanted: list[Wanted]) -> None:
    after = license_changes.apply_to(who, license_changes.change_for(who, wanted, BY_ID), BY_ID)
    held = {item.sku_id: item for item in after.license_states if item.direct}
    enabled = {item.sku_id: item.enabled_plans or frozenset() for item in wanted}
    for before in who.license_states:
        if before.direct:
            assert before.disabled_plans - enabled.get(before.sku_id, frozenset()) <= held[before.sku_id].disabled_plans


@given(users(), WANTED)
def test_what_was_asked_for_is_there(who: User, wanted: list[Wanted]) -> None:
    after = license_changes.apply_to(who, license_changes.change_for(who, wanted, BY_ID), BY_ID)
    for item in wanted:
        assert after.holds(item.sku_id)
        off = frozenset.intersection(
            *(state.disabled_plans for state in after.license_states if state.sku_id == item.sku_id and state.effective)
        )
        assert not (item.enabled_plans or frozenset()) & off


@given(users(), WANTED, STATES, st.randoms(use_true_random=False))
def test_neither_the_order_of_licenses_nor_of_states_matters(
    who: User, wanted: list[Wanted], state: str, rng: random.Random
) -> None:
    shuffled = list(who.license_states)
    rng.shuffle(shuffled)
    other = who._replace(license_states=tuple(shuffled))
    mixed = list(wanted)
    rng.shuffle(mixed)
    assert license_changes.change_for(who, wanted, BY_ID, state=state) == license_changes.change_for(
        other, mixed, BY_ID, state=state
    )
    assert license_changes.licenses_row(who, BY_ID, BUILTIN) == license_changes.licenses_row(other, BY_ID, BUILTIN)


@given(users(), WANTED, STATES)
def test_only_a_change_that_takes_all_is_called_uncovering(who: User, wanted: list[Wanted], state: str) -> None:
    change = license_changes.change_for(who, wanted, BY_ID, state=state)
    after = granted(license_changes.apply_to(who, change, BY_ID), BUILTIN)
    uncovered = license_changes.uncovered_by(who, change, BY_ID, BUILTIN)
    if not retained_classes(who, BUILTIN) & MAILBOX_CLASSES:
        return  # the archive of a mailbox on premises has a rule of its own
    if after & MAILBOX_CLASSES:
        assert not uncovered
    elif granted(who, BUILTIN) & MAILBOX_CLASSES and not after:
        assert uncovered


# --- plans -------------------------------------------------------------------------------------------------------

RULES: list[list[dict[str, Any]]] = [
    [
        {"name": "Over", "match": {"department": "Support"}, "action": "ignore", "reason": "x", "until": "2026-01-01"},
        {"name": "Sales", "match": {"department": "Sales"}, "licenses": [{"sku": "SPE_E3"}, {"sku": "EMS"}]},
        {
            "name": "Rest",
            "match": {},
            "licenses": [{"sku": "EXCHANGESTANDARD"}],
            "fallback": [{"sku": "EXCHANGEDESKLESS"}],
            "usage_location": {"from": "country"},
        },
    ],
    [
        {
            "name": "Mail",
            "match": {"lacks": ["EMS"]},
            "licenses": [{"sku": "SPE_E5", "enabled_plans": ["EXCHANGE_S_ENTERPRISE"]}],
            "fallback": [{"sku": "EXCHANGESTANDARD"}, {"sku": "EXCHANGEARCHIVE_ADDON"}],
            "remove": ["SPE_E3"],
            "usage_location": "DE",
        },
    ],
    [
        {
            "name": "Off",
            "match": {},
            "licenses": [{"sku": "SPE_E3", "disabled_plans": ["EXCHANGE_S_ENTERPRISE"]}],
            "fallback": [{"sku": "EXCHANGESTANDARD"}],
            "usage_location": "DE",
        },
    ],
]


@st.composite
def tenants(draw: st.DrawFn) -> list[Sku]:
    status = st.sampled_from(["Enabled", "Enabled", "Enabled", "Warning", "Suspended"])
    return [
        replace(
            sku,
            enabled=draw(st.integers(0, 5)),
            warning=draw(st.integers(0, 1)),
            consumed=draw(st.integers(0, 1)),
            capability_status=draw(status),
        )
        for sku in SKUS
    ]


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    found = []
    for index in range(draw(st.integers(0, 6))):
        who = draw(users(f"user{index}"))
        days = draw(st.one_of(st.none(), st.integers(-3, 3)))
        risk = finding(who, days=days, needs=draw(st.sampled_from([MAILBOX, HOLD]))) if draw(st.booleans()) else None
        found.append(Candidate(Subject(who), risk))
    return found


@st.composite
def plan_options(draw: st.DrawFn) -> PlanOptions:
    reserve = {sku.id: draw(st.sampled_from([0, 0, 1, 2])) for sku in SKUS}
    return PlanOptions(
        protected=draw(st.sampled_from([(), ("user1@*",)])),
        allow_removals=draw(st.booleans()),
        seat_reserve=reserve,
        use_warning_seats=draw(st.booleans()),
    )


def make(found: list[Candidate], rules: int, table: list[Sku], options: PlanOptions) -> Plan:
    parsed = parse_rules(RULES[rules], table, BUILTIN, scope="all_users")
    return build_plan(found, parsed, table, BUILTIN, options, TODAY)


PLANS = (candidates(), st.integers(0, len(RULES) - 1), tenants(), plan_options())


def spend(plan: Plan, table: list[Sku]) -> list[Sku]:
    """The tenant's seats after the plan; what removals free comes on top later, so it is left out here."""
    spent = Counter(sku_id for entry in plan.entries for sku_id in seats_needed(entry.user, entry.change))
    return [replace(sku, consumed=sku.consumed + spent[sku.id]) for sku in table]


@given(*PLANS, st.randoms(use_true_random=False))
def test_the_order_of_reading_does_not_matter(
    found: list[Candidate], rules: int, table: list[Sku], options: PlanOptions, rng: random.Random
) -> None:
    plan = make(found, rules, table, options)
    mixed, mixed_table = list(found), list(table)
    rng.shuffle(mixed)
    rng.shuffle(mixed_table)
    assert make(mixed, rules, mixed_table, options) == plan


@given(*PLANS)
def test_the_reserve_is_never_spent(found: list[Candidate], rules: int, table: list[Sku], options: PlanOptions) -> None:
    plan = make(found, rules, table, options)
    spent = Counter(sku_id for entry in plan.entries for sku_id in seats_needed(entry.user, entry.change))
    for sku in table:
        if spent[sku.id]:
            left = sku.seats_left(use_warning=options.use_warning_seats) - spent[sku.id]
            assert left >= options.seat_reserve[sku.id]


@given(*PLANS)
def test_nobody_loses_what_keeps_the_mailbox(
    found: list[Candidate], rules: int, table: list[Sku], options: PlanOptions
) -> None:
    by_id = {sku.id: sku for sku in table}
    for entry in make(found, rules, table, options).entries:
        assert bool(entry.change) is (entry.action == "license")
        after = granted(license_changes.apply_to(entry.user, entry.change, by_id), BUILTIN)
        for need in (MAILBOX, HOLD):
            if entry.finding is None and is_covered(need, granted(entry.user, BUILTIN)):
                assert is_covered(need, after)
        if entry.finding is not None and entry.change:
            assert is_covered(entry.finding.needs, after)


@given(*PLANS)
def test_a_plan_that_was_applied_leaves_nothing_to_do(
    found: list[Candidate], rules: int, table: list[Sku], options: PlanOptions
) -> None:
    by_id = {sku.id: sku for sku in table}
    plan = make(found, rules, table, options)
    changes = {entry.user.id: entry.change for entry in plan.entries}
    later = []
    for candidate in found:
        who = license_changes.apply_to(candidate.subject.user, changes[candidate.subject.user.id], by_id)
        risk = candidate.finding
        saved = risk is not None and is_covered(risk.needs, granted(who, BUILTIN))
        later.append(Candidate(Subject(who), None if saved or risk is None else risk._replace(user=who)))
    assert not make(later, rules, spend(plan, table), options).changes


@given(st.text(max_size=80))
def test_no_text_breaks_out_of_its_cell(text: str) -> None:
    shown = escape(text)
    assert len(shown.splitlines()) <= 1
    assert "<" not in shown
    assert "|" not in shown.replace("\\\\", "").replace("\\|", "")
    shown.encode("utf-8")
