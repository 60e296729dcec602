# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted against actual licenses of one user, as a table of cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils import _licenses
from ansible_collections.m365.licensing.plugins.module_utils._catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._models import (
    AssignedPlan,
    Assignment,
    LicenseChange,
    LicenseState,
    Sku,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._wanted import Wanted, resolve_wanted
from ansible_collections.m365.licensing.tests.unit.domain_world import (
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
    OTHER_GROUP,
    PLAN1,
    PLAN2,
    SKUS,
    SPE_E3,
    SPE_E5,
    TEAMS,
    YAMMER,
    direct,
    inherited,
    sku,
    user,
)

# --- what people write -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "SPE_E3",
        "spe_e3",
        " SPE_E3 ",
        SPE_E3,
        SPE_E3.upper(),
        "Microsoft 365 E3",
        "microsoft 365 e3",
    ],
)
def test_a_sku_is_named_by_part_number_guid_or_product_name(text: str) -> None:
    assert resolve_wanted([{"sku": text}], SKUS, BUILTIN) == (Wanted(SPE_E3),)


def test_part_numbers_with_blanks_and_slashes_are_only_compared() -> None:
    odd = Sku("a1", "Office_365_w/o_Teams_ Bundle (x)")
    assert resolve_wanted([{"sku": "office_365_w/o_teams_ bundle (X)"}], [odd], BUILTIN) == (Wanted("a1"),)


def test_plans_are_named_by_name_or_guid() -> None:
    entry = {"sku": "SPE_E3", "disabled_plans": ["yammer_enterprise", TEAMS.upper()], "enabled_plans": None}
    assert resolve_wanted([entry], SKUS, BUILTIN) == (Wanted(SPE_E3, disabled_plans=frozenset({YAMMER, TEAMS})),)


@pytest.mark.parametrize(
    ("entries", "state", "messages"),
    [
        ([], "present", ["licenses: the list is empty"]),
        ([], "absent", ["licenses: the list is empty"]),
        ("SPE_E3", "present", ["licenses: expected a list", "'SPE_E3'"]),
        (["SPE_E3"], "present", ["licenses[0]: expected a dictionary"]),
        ([{}], "present", ["licenses[0].sku: expected a part number"]),
        ([{"sku": 7}], "present", ["licenses[0].sku: expected a part number"]),
        ([{"sku": "SPE_E4"}], "present", ["licenses[0].sku: the tenant has no SKU 'SPE_E4'", "SPE_E3"]),
        ([{"sku": "Microsoft 365 E33"}], "present", ["Microsoft 365 E3"]),
        ([{"sku": "SPE_E3"}, {"sku": SPE_E3}], "present", ["licenses[1].sku: names the same SKU as licenses[0].sku"]),
        (
            [{"sku": "SPE_E3", "disabled_plans": ["YAMER_ENTERPRISE"]}],
            "present",
            ["licenses[0].disabled_plans[0]: SPE_E3 has no service plan 'YAMER_ENTERPRISE'", "YAMMER_ENTERPRISE"],
        ),
        ([{"sku": "EMS", "enabled_plans": ["TEAMS1"]}], "present", ["enabled_plans[0]: EMS has no service plan"]),
        ([{"sku": "SPE_E3", "disabled_plans": "TEAMS1"}], "present", ["disabled_plans: expected a list"]),
        ([{"sku": "SPE_E3", "disabled_plans": [], "enabled_plans": []}], "present", ["contradict each other"]),
        (
            [{"sku": "SPE_E3", "disabled_plans": ["EXCHANGE_S_FOUNDATION"]}],
            "present",
            ["EXCHANGE_S_FOUNDATION applies to the whole company"],
        ),
        ([{"sku": "SPE_E3", "disabled_plans": ["TEAMS1"]}], "absent", ["licenses[0].disabled_plans: has no meaning"]),
        ([{"sku": "SPE_E3", "plans": []}], "present", ["licenses[0]: unknown key 'plans'", "disabled_plans"]),
    ],
)
def test_what_is_wrong_is_said_with_path_and_way_out(entries: Any, state: str, messages: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolve_wanted(entries, SKUS, BUILTIN, state=state)
    for message in messages:
        assert message in str(caught.value)


def test_all_problems_come_at_once() -> None:
    entries = [{"sku": "NO"}, {"sku": "SPE_E3", "disabled_plans": ["X", "Y"]}, {"sku": "EMS", "foo": 1}]
    with pytest.raises(ConfigurationError) as caught:
        resolve_wanted(entries, SKUS, BUILTIN)
    assert len(caught.value.problems) == 4


def test_a_product_name_of_two_skus_is_ambiguous() -> None:
    class Twins:
        def product_name(self, sku_id: str) -> str:
            return "The Product"

    with pytest.raises(ConfigurationError, match=r"SPE_E3 .*SPE_E5"):
        resolve_wanted([{"sku": "the product"}], [BY_ID[SPE_E3], BY_ID[SPE_E5]], Twins())  # type: ignore[arg-type]


def test_a_companys_sku_cannot_be_assigned() -> None:
    with pytest.raises(ConfigurationError, match="cannot be assigned to a user"):
        resolve_wanted([{"sku": "EMS"}], [sku(EMS, applies_to="Company")], BUILTIN)


def test_exact_accepts_an_empty_list() -> None:
    assert resolve_wanted([], SKUS, BUILTIN, state="exact") == ()


# --- one change --------------------------------------------------------------------------------------------------

E3 = Wanted(SPE_E3)
E3_NO_YAMMER = Wanted(SPE_E3, disabled_plans=frozenset({YAMMER}))
E3_ONLY_MAIL = Wanted(SPE_E3, enabled_plans=frozenset({PLAN2}))
STANDARD = Wanted(EXCHANGESTANDARD)


def add(sku_id: str, *off: str) -> Assignment:
    return Assignment(sku_id, frozenset(off))


CASES: list[tuple[str, User, list[Wanted], str, tuple[Assignment, ...], tuple[str, ...]]] = [
    # what, user, wanted, state, added, removed
    ("nothing held: assigned with all plans on", user("a"), [E3], "present", (add(SPE_E3),), ()),
    ("held: nothing to do", user("a", direct(SPE_E3)), [E3], "present", (), ()),
    ("plans an admin disabled stay off", user("a", direct(SPE_E3, TEAMS)), [E3], "present", (), ()),
    (
        "declared plans go off beside those already off",
        user("a", direct(SPE_E3, TEAMS)),
        [E3_NO_YAMMER],
        "present",
        (add(SPE_E3, TEAMS, YAMMER),),
        (),
    ),
    (
        "declared plan is off already, and more",
        user("a", direct(SPE_E3, TEAMS, YAMMER)),
        [E3_NO_YAMMER],
        "present",
        (),
        (),
    ),
    ("new with declared plans off", user("a"), [E3_NO_YAMMER], "present", (add(SPE_E3, YAMMER),), ()),
    (
        "enabled_plans: all others off, and the named one on",
        user("a", direct(SPE_E3, PLAN2)),
        [E3_ONLY_MAIL],
        "present",
        (add(SPE_E3, YAMMER, TEAMS),),
        (),
    ),
    ("enabled_plans hold already", user("a", direct(SPE_E3, YAMMER, TEAMS)), [E3_ONLY_MAIL], "present", (), ()),
    ("inherited counts as present", user("a", inherited(SPE_E3)), [E3], "present", (), ()),
    ("inherited with plans off counts as present", user("a", inherited(SPE_E3, TEAMS)), [E3], "present", (), ()),
    (
        "what a group switches on, nobody switches off directly",
        user("a", inherited(SPE_E3)),
        [E3_NO_YAMMER],
        "present",
        (),
        (),
    ),
    (
        "what a group switches off, a direct assignment switches on",
        user("a", inherited(SPE_E3, PLAN2)),
        [E3_ONLY_MAIL],
        "present",
        (add(SPE_E3, YAMMER, TEAMS),),
        (),
    ),
    ("inherited has the enabled plans", user("a", inherited(SPE_E3, TEAMS)), [E3_ONLY_MAIL], "present", (), ()),
    (
        "two groups together have the enabled plans",
        user("a", inherited(SPE_E3, PLAN2), inherited(SPE_E3, TEAMS, group=OTHER_GROUP)),
        [E3_ONLY_MAIL],
        "present",
        (),
        (),
    ),
    (
        "inherited in Error does not count",
        user("a", inherited(SPE_E3, state="Error")),
        [E3],
        "present",
        (add(SPE_E3),),
        (),
    ),
    (
        "direct in Error is assigned again, disabled plans kept",
        user("a", direct(SPE_E3, TEAMS, state="Error")),
        [E3],
        "present",
        (add(SPE_E3, TEAMS),),
        (),
    ),
    ("ActiveWithError counts", user("a", direct(SPE_E3, state="ActiveWithError")), [E3], "present", (), ()),
    ("absent removes the direct one", user("a", direct(SPE_E3), direct(EMS)), [E3], "absent", (), (SPE_E3,)),
    ("absent leaves the inherited one", user("a", inherited(SPE_E3)), [E3], "absent", (), ()),
    (
        "absent: direct and inherited, only the direct goes",
        user("a", inherited(SPE_E3), direct(SPE_E3)),
        [E3],
        "absent",
        (),
        (SPE_E3,),
    ),
    ("absent: not there, nothing to do", user("a", direct(EMS)), [E3], "absent", (), ()),
    (
        "exact is a swap in one change",
        user("a", direct(SPE_E3)),
        [STANDARD],
        "exact",
        (add(EXCHANGESTANDARD),),
        (SPE_E3,),
    ),
    ("exact leaves inherited ones", user("a", inherited(EMS), direct(SPE_E3)), [E3], "exact", (), ()),
    (
        "exact with nothing removes all direct ones",
        user("a", direct(SPE_E3), direct(EMS), inherited(F1)),
        [],
        "exact",
        (),
        (SPE_E3, EMS),
    ),
    ("several at once are one change", user("a"), [STANDARD, E3], "present", (add(SPE_E3), add(EXCHANGESTANDARD)), ()),
]


@pytest.mark.parametrize(("what", "who", "wanted", "state", "added", "removed"), CASES, ids=[case[0] for case in CASES])
def test_change(
    what: str, who: User, wanted: list[Wanted], state: str, added: tuple[Assignment, ...], removed: tuple[str, ...]
) -> None:
    change = _licenses.change_for(who, wanted, BY_ID, state=state)
    assert change.add == added
    assert set(change.remove) == set(removed)
    assert bool(change) is bool(added or removed)
    assert _licenses.satisfied(who, wanted, state, BY_ID) is not bool(change)
    after = _licenses.apply_to(who, change, BY_ID)
    assert not _licenses.change_for(after, wanted, BY_ID, state=state)
    assert _licenses.shows(after, change, who)


def test_the_body_has_both_keys_and_is_the_same_bytes_every_time() -> None:
    change = _licenses.change_for(user("a", direct(SPE_E3)), [STANDARD], BY_ID, state="exact")
    assert change.body() == {
        "addLicenses": [{"skuId": EXCHANGESTANDARD, "disabledPlans": []}],
        "removeLicenses": [SPE_E3],
    }


@pytest.mark.parametrize(
    ("held", "wish", "force", "state", "expected"),
    [
        (None, "DE", False, "present", "DE"),
        (None, "de", False, "present", "DE"),
        ("", "DE", False, "present", "DE"),
        ("FR", "DE", False, "present", None),
        ("FR", "DE", True, "present", "DE"),
        ("de", "DE", True, "present", None),
        (None, None, True, "present", None),
        (None, "DE", False, "absent", None),
        (None, "DE", True, "absent", "DE"),
        (None, "DE", False, "exact", "DE"),
    ],
)
def test_usage_location_only_where_missing_unless_forced(
    held: str | None, wish: str | None, force: bool, state: str, expected: str | None
) -> None:
    who = user("a", direct(SPE_E3), usage_location=held)
    change = _licenses.change_for(who, [E3], BY_ID, state=state, usage_location=wish, force_location=force)
    assert change.usage_location == expected


def test_an_unknown_state_is_refused() -> None:
    with pytest.raises(ValueError, match="present, absent, exact"):
        _licenses.change_for(user(), [E3], BY_ID, state="gone")


# --- what comes after --------------------------------------------------------------------------------------------


def test_describe_is_sorted_has_names_and_no_times() -> None:
    who = user(
        "a", inherited(SPE_E3, TEAMS), direct(SPE_E3, YAMMER, TEAMS), direct(EMS, state="Error", error="CountViolation")
    )
    assert _licenses.describe(who, BY_ID, BUILTIN) == {
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


def test_a_sku_the_tenant_no_longer_has_is_named_by_the_catalogue_or_its_id() -> None:
    strange = LicenseState("ffffffff-0000-4000-8000-000000000000", frozenset({"eeeeeeee-0000-4000-8000-000000000000"}))
    who = replace(user("a"), license_states=(LicenseState(SPE_E3, frozenset({TEAMS})), strange))
    rows = _licenses.describe(who, {}, BUILTIN)["licenses"]
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
    after = {plan.plan_id: plan.capability for plan in _licenses.apply_to(who, change, BY_ID).assigned_plans}
    assert {plan: after.get(plan) for plan in plans} == plans


def test_a_suspended_sku_gives_suspended_plans() -> None:
    by_id = BY_ID | {SPE_E3: sku(SPE_E3, status="Suspended")}
    after = _licenses.apply_to(user("a"), LicenseChange("", add=(add(SPE_E3),)), by_id)
    assert {plan.capability for plan in after.assigned_plans} == {"Suspended"}


def test_an_empty_change_changes_nothing() -> None:
    who = user("a", direct(SPE_E3))
    assert _licenses.apply_to(who, LicenseChange(who.id), BY_ID) is who


def test_what_the_service_switches_off_besides_is_tolerated_and_reported() -> None:
    change = LicenseChange("", add=(add(SPE_E3, YAMMER),))
    read_back = user("a", direct(SPE_E3, YAMMER, TEAMS))
    assert _licenses.shows(read_back, change, user("a"))
    assert _licenses.extra_disabled(read_back, change) == {SPE_E3: frozenset({TEAMS})}


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
    assert not _licenses.shows(read_back, change, before)


@pytest.mark.parametrize(
    ("who", "wanted", "state", "expected"),
    [
        (user("a", inherited(SPE_E3)), [E3_NO_YAMMER], "present", "SPE_E3: YAMMER_ENTERPRISE stays on"),
        (user("a", inherited(SPE_E3)), [E3_ONLY_MAIL], "present", "TEAMS1, YAMMER_ENTERPRISE stays on"),
        (user("a", inherited(SPE_E3)), [E3], "absent", "SPE_E3 stays: it is inherited from group"),
    ],
)
def test_what_only_the_group_can_do_is_said(who: User, wanted: list[Wanted], state: str, expected: str) -> None:
    notes = _licenses.notes_for(who, wanted, state, BY_ID, BUILTIN)
    assert len(notes) == 1
    assert expected in notes[0]


def test_nothing_is_said_where_nothing_is_to_say() -> None:
    assert not _licenses.notes_for(user("a", inherited(SPE_E3, YAMMER)), [E3_NO_YAMMER], "present", BY_ID, BUILTIN)


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
        (user("a", direct(EMS)), LicenseChange("", remove=(EMS,)), False, False),
        (user("a", direct(EXCHANGEARCHIVE)), LicenseChange("", remove=(EXCHANGEARCHIVE,)), True, True),
        (user("a", direct(SPE_E3)), LicenseChange("", add=(add(SPE_E3, PLAN2),)), True, True),
        (user("a", direct(SPE_E3)), LicenseChange("", add=(add(SPE_E3, TEAMS),)), False, False),
    ],
)
def test_a_change_that_takes_the_mailbox_plan_is_seen(
    who: User, change: LicenseChange, uncovered: bool, weakened: bool
) -> None:
    assert _licenses.uncovered_by(who, change, BY_ID, BUILTIN) is uncovered
    assert bool(_licenses.weakened_by(who, change, BY_ID, BUILTIN)) is weakened


def test_removing_a_sku_that_nobody_knows_counts_as_taking_what_it_may_have_given() -> None:
    gone = "ffffffff-0000-4000-8000-000000000000"
    who = replace(
        user("a", direct(EMS)),
        license_states=(LicenseState(gone), direct(EMS)),
        assigned_plans=(AssignedPlan(PLAN2, "Enabled"), AssignedPlan(INTUNE, "Enabled")),
    )
    assert _licenses.uncovered_by(who, LicenseChange("", remove=(gone,)), BY_ID, BUILTIN)
    kept = {
        plan.plan_id
        for plan in _licenses.apply_to(who, LicenseChange("", remove=(gone,)), BY_ID).assigned_plans
        if plan.usable
    }
    assert kept == {INTUNE}
