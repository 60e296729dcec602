# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of licenses and what comes after it: what is shown, predicted, confirmed, and lost."""

from __future__ import annotations

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._assign.downgrades import find_downgrades
from ansible_collections.m365.licensing.plugins.module_utils._licensing import change_notes, readback
from ansible_collections.m365.licensing.plugins.module_utils._licensing import changes as license_changes
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import Wanted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    AssignedPlan,
    Assignment,
    LicenseChange,
    LicenseState,
    User,
)

from tests.unit.support.sample_tenant import (
    BY_ID,
    EMS,
    EXCHANGEARCHIVE,
    EXCHANGEARCHIVE_ADDON,
    EXCHANGEDESKLESS,
    EXCHANGESTANDARD,
    F1,
    FOUNDATION,
    GROUP,
    INTUNE,
    PLAN1,
    PLAN2,
    SPE_E3,
    SPE_E5,
    TEAMS,
    YAMMER,
    direct,
    inherited,
    sku,
    user,
)

E3 = Wanted(SPE_E3)
E3_NO_YAMMER = Wanted(SPE_E3, disabled_plans=frozenset({YAMMER}))
E3_ONLY_MAIL = Wanted(SPE_E3, enabled_plans=frozenset({PLAN2}))


def add(sku_id: str, *off: str) -> Assignment:
    return Assignment(sku_id, frozenset(off))


# --- what comes after --------------------------------------------------------------------------------------------


def test_describe_is_sorted_has_names_and_no_times() -> None:
    who = user(
        "a", inherited(SPE_E3, TEAMS), direct(SPE_E3, YAMMER, TEAMS), direct(EMS, state="Error", error="CountViolation")
    )
    assert license_changes.licenses_row(who, BY_ID, BUILTIN) == {
        "usage_location": "DE",
        "licenses": [
            {
                "sku": "EMS",
                "sku_id": EMS,
                "via": "direct",
                "group_id": None,
                "state": "Error",
                "error": "CountViolation",
                "disabled_plans": [],
            },
            {
                "sku": "SPE_E3",
                "sku_id": SPE_E3,
                "via": "direct",
                "group_id": None,
                "state": "Active",
                "error": None,
                "disabled_plans": ["TEAMS1", "YAMMER_ENTERPRISE"],
            },
            {
                "sku": "SPE_E3",
                "sku_id": SPE_E3,
                "via": "group",
                "group_id": GROUP,
                "state": "Active",
                "error": None,
                "disabled_plans": ["TEAMS1"],
            },
        ],
    }


def test_missing_sku_is_named_by_the_catalogue_or_its_id() -> None:
    strange = LicenseState("ffffffff-0000-4000-8000-000000000000", frozenset({"eeeeeeee-0000-4000-8000-000000000000"}))
    who = user("a")._replace(license_states=(LicenseState(SPE_E3, frozenset({TEAMS})), strange))
    rows = license_changes.licenses_row(who, {}, BUILTIN)["licenses"]
    assert [(row["sku"], row["disabled_plans"]) for row in rows] == [
        ("SPE_E3", ["TEAMS1"]),
        (strange.sku_id, ["eeeeeeee-0000-4000-8000-000000000000"]),
    ]


@pytest.mark.parametrize(
    ("who", "change", "plans"),
    [
        (
            user("a"),
            LicenseChange("", add=(add(SPE_E3, YAMMER),)),
            {PLAN2: "Enabled", TEAMS: "Enabled", FOUNDATION: "Enabled"},
        ),
        (
            user("a", direct(EXCHANGESTANDARD)),
            LicenseChange("", remove=(EXCHANGESTANDARD,)),
            {PLAN1: "Deleted"},
        ),
        (
            user("a", direct(SPE_E3), direct(SPE_E5)),
            LicenseChange("", remove=(SPE_E3,)),
            {PLAN2: "Enabled", FOUNDATION: "Deleted"},
        ),
        (
            user("a", direct(SPE_E3), inherited(SPE_E3, TEAMS)),
            LicenseChange("", remove=(SPE_E3,)),
            {PLAN2: "Enabled", TEAMS: "Deleted"},
        ),
        (user("a", direct(SPE_E3, PLAN2)), LicenseChange("", add=(add(SPE_E3),)), {PLAN2: "Enabled"}),
    ],
)
def test_plans_are_predicted(who: User, change: LicenseChange, plans: dict[str, str]) -> None:
    after = {plan.plan_id: plan.capability for plan in license_changes.apply_to(who, change, BY_ID).assigned_plans}
    assert {plan: after.get(plan) for plan in plans} == plans


def test_a_suspended_sku_gives_suspended_plans() -> None:
    by_id = BY_ID | {SPE_E3: sku(SPE_E3, status="Suspended")}
    after = license_changes.apply_to(user("a"), LicenseChange("", add=(add(SPE_E3),)), by_id)
    assert {plan.capability for plan in after.assigned_plans} == {"Suspended"}


def test_an_empty_change_changes_nothing() -> None:
    who = user("a", direct(SPE_E3))
    assert license_changes.apply_to(who, LicenseChange(who.id), BY_ID) is who


def test_plans_the_service_disables_are_accepted_and_reported() -> None:
    change = LicenseChange("", add=(add(SPE_E3, YAMMER),))
    read_back = user("a", direct(SPE_E3, YAMMER, TEAMS))
    assert readback.shows(read_back, change, user("a"))
    assert readback.extra_disabled(read_back, change) == {SPE_E3: frozenset({TEAMS})}


@pytest.mark.parametrize(
    ("read_back", "change", "before"),
    [
        (user("a"), LicenseChange("", add=(add(SPE_E3),)), user("a")),
        (user("a", inherited(SPE_E3)), LicenseChange("", add=(add(SPE_E3),)), user("a")),
        (user("a", direct(SPE_E3, state="Error")), LicenseChange("", add=(add(SPE_E3),)), user("a")),
        (user("a", direct(SPE_E3)), LicenseChange("", add=(add(SPE_E3, TEAMS),)), user("a", direct(SPE_E3))),
        # a late replica still shows the plan as off that was switched on
        (user("a", direct(SPE_E3, TEAMS)), LicenseChange("", add=(add(SPE_E3),)), user("a", direct(SPE_E3, TEAMS))),
        (user("a", direct(SPE_E3)), LicenseChange("", remove=(SPE_E3,)), user("a", direct(SPE_E3))),
        (user("a", usage_location=None), LicenseChange("", usage_location="DE"), user("a", usage_location=None)),
    ],
)
def test_what_is_not_there_yet_is_not_confirmed(read_back: User, change: LicenseChange, before: User) -> None:
    assert not readback.shows(read_back, change, before)


@pytest.mark.parametrize(
    ("who", "wanted", "state", "expected"),
    [
        (user("a", inherited(SPE_E3)), [E3_NO_YAMMER], "present", "SPE_E3: YAMMER_ENTERPRISE stays on"),
        (user("a", inherited(SPE_E3)), [E3_ONLY_MAIL], "present", "TEAMS1, YAMMER_ENTERPRISE stays on"),
        (user("a", inherited(SPE_E3)), [E3], "absent", "SPE_E3 stays: it is inherited from group"),
    ],
)
def test_what_only_the_group_can_do_is_said(who: User, wanted: list[Wanted], state: str, expected: str) -> None:
    notes = change_notes.notes_for(who, wanted, state, BY_ID, BUILTIN)
    assert len(notes) == 1
    assert expected in notes[0]


def test_nothing_is_said_where_nothing_is_to_say() -> None:
    assert not change_notes.notes_for(user("a", inherited(SPE_E3, YAMMER)), [E3_NO_YAMMER], "present", BY_ID, BUILTIN)


# --- the removal guard -------------------------------------------------------------------------------------------

REMOVE_E3 = LicenseChange("", remove=(SPE_E3,))
SWAP_TO_F1 = LicenseChange("", add=(add(F1),), remove=(SPE_E3,))
SWAP_TO_STANDARD = LicenseChange("", add=(add(EXCHANGESTANDARD),), remove=(SPE_E3,))


@pytest.mark.parametrize(
    ("who", "change", "uncovered", "weakened"),
    [
        (user("a", direct(SPE_E3)), REMOVE_E3, True, True),
        (user("a", direct(SPE_E3), inherited(SPE_E5)), REMOVE_E3, False, False),
        (user("a", direct(SPE_E3), direct(EXCHANGEDESKLESS)), REMOVE_E3, False, True),
        (user("a", direct(SPE_E3)), SWAP_TO_STANDARD, False, True),
        (user("a", direct(SPE_E3), direct(EXCHANGEARCHIVE_ADDON), direct(EXCHANGESTANDARD)), REMOVE_E3, False, True),
        (user("a", direct(SPE_E3)), SWAP_TO_F1, True, True),
        (user("a", direct(SPE_E3, PLAN2)), REMOVE_E3, False, False),
        (user("a", direct(SPE_E3), direct(EXCHANGEARCHIVE)), REMOVE_E3, True, True),
        (user("a", direct(SPE_E3), direct(EXCHANGEARCHIVE_ADDON)), REMOVE_E3, True, True),
        (
            user("a", direct(EXCHANGEARCHIVE)),
            LicenseChange("", add=(add(EXCHANGESTANDARD),), remove=(EXCHANGEARCHIVE,)),
            True,
            True,
        ),
        (user("a", direct(EMS)), LicenseChange("", remove=(EMS,)), False, False),
        (user("a", direct(EXCHANGEARCHIVE)), LicenseChange("", remove=(EXCHANGEARCHIVE,)), True, True),
        (user("a", direct(SPE_E3)), LicenseChange("", add=(add(SPE_E3, PLAN2),)), True, True),
        (user("a", direct(SPE_E3)), LicenseChange("", add=(add(SPE_E3, TEAMS),)), False, False),
    ],
)
def test_a_change_that_takes_the_mailbox_plan_is_seen(
    who: User, change: LicenseChange, uncovered: bool, weakened: bool
) -> None:
    assert license_changes.uncovered_by(who, change, BY_ID, BUILTIN) is uncovered
    assert bool(find_downgrades({"": who}, [change], BY_ID, BUILTIN)) is weakened


def test_removing_an_unknown_sku_counts_as_a_possible_loss() -> None:
    gone = "ffffffff-0000-4000-8000-000000000000"
    who = user("a", direct(EMS))._replace(
        license_states=(LicenseState(gone), direct(EMS)),
        assigned_plans=(AssignedPlan(PLAN2, "Enabled"), AssignedPlan(INTUNE, "Enabled")),
    )
    assert license_changes.uncovered_by(who, LicenseChange("", remove=(gone,)), BY_ID, BUILTIN)
    kept = {
        plan.plan_id
        for plan in license_changes.apply_to(who, LicenseChange("", remove=(gone,)), BY_ID).assigned_plans
        if plan.usable
    }
    assert kept == {INTUNE}
