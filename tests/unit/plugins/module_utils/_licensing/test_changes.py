# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted against actual licenses of one user, as a table of cases."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing import changes as license_changes
from ansible_collections.m365.licensing.plugins.module_utils._licensing import readback
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import Wanted, resolve_wanted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    Assignment,
    Sku,
    User,
)

from tests.unit.support.sample_tenant import (
    BY_ID,
    EMS,
    EXCHANGESTANDARD,
    F1,
    OTHER_GROUP,
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
        (
            [{"sku": "SPE_E3", "disabled_plans": ["TEAMS1"], "enabled_plans": ["TEAMS1"]}],
            "present",
            ["contradict each other: both name TEAMS1"],
        ),
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
    change = license_changes.change_for(who, wanted, BY_ID, state=state)
    assert change.add == added
    assert set(change.remove) == set(removed)
    assert bool(change) is bool(added or removed)
    assert license_changes.satisfied(who, wanted, state, BY_ID) is not bool(change)
    after = license_changes.apply_to(who, change, BY_ID)
    assert not license_changes.change_for(after, wanted, BY_ID, state=state)
    assert readback.shows(after, change, who)


def test_the_body_has_both_keys_and_is_the_same_bytes_every_time() -> None:
    change = license_changes.change_for(user("a", direct(SPE_E3)), [STANDARD], BY_ID, state="exact")
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
    change = license_changes.change_for(who, [E3], BY_ID, state=state, usage_location=wish, force_location=force)
    assert change.usage_location == expected


def test_an_unknown_state_is_refused() -> None:
    with pytest.raises(ValueError, match="present, absent, exact"):
        license_changes.change_for(user(), [E3], BY_ID, state="gone")
