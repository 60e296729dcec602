# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a row says of a license change besides before and after."""

from __future__ import annotations

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.change_notes import (
    carried_over,
    mailbox_off,
    notes_for,
    plans_that_go,
    unforeseen_carryover,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import Wanted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Assignment, LicenseChange

from tests.unit.support.sample_tenant import (
    BY_ID,
    EMS,
    F1,
    GROUP,
    OTHER_GROUP,
    PLAN2,
    SPE_E3,
    SPE_E5,
    TEAMS,
    YAMMER,
    direct,
    inherited,
    user,
)

E3, E5, EMS_TOO = Wanted(SPE_E3), Wanted(SPE_E5), Wanted(EMS)
OFF = frozenset({TEAMS})
SWAP = LicenseChange("id-anna", (Assignment(SPE_E5, OFF),), (SPE_E3,))

# licenses and plans of groups ------------------------------------------------------------------------------------


def test_an_inherited_license_stays_after_a_removal() -> None:
    held = user("anna", inherited(SPE_E3, group=OTHER_GROUP), inherited(SPE_E3), direct(EMS))
    assert notes_for(held, [E3, EMS_TOO], "absent", BY_ID, BUILTIN) == (
        f"SPE_E3 stays: it is inherited from group {GROUP} and can only be removed there",
        f"SPE_E3 stays: it is inherited from group {OTHER_GROUP} and can only be removed there",
    )
    assert notes_for(held, [EMS_TOO], "absent", BY_ID, BUILTIN) == ()


def test_an_inherited_license_in_error_has_no_note() -> None:
    failed, works = inherited(SPE_E3, state="Error"), inherited(SPE_E5)
    (note,) = notes_for(user("anna", failed, works), [E3, E5], "absent", BY_ID, BUILTIN)
    assert note.startswith("SPE_E5 stays")


def test_a_plan_that_a_group_gives_stays_on() -> None:
    held = user("anna", inherited(SPE_E3, PLAN2))
    off = Wanted(SPE_E3, disabled_plans=frozenset({TEAMS, YAMMER, PLAN2}))
    (note,) = notes_for(held, [off], "present", BY_ID, BUILTIN)
    assert note == f"SPE_E3: TEAMS1, YAMMER_ENTERPRISE stays on: group {GROUP} gives it, so switch it off there"
    whole = Wanted(SPE_E3, enabled_plans=frozenset({TEAMS}))
    (note,) = notes_for(held, [whole], "exact", BY_ID, BUILTIN)
    assert note.startswith("SPE_E3: YAMMER_ENTERPRISE stays on")
    assert notes_for(held, [E3], "present", BY_ID, BUILTIN) == ()
    assert notes_for(held, [EMS_TOO], "present", BY_ID, BUILTIN) == ()


def test_a_sku_the_tenant_lost_cannot_be_removed() -> None:
    skus = {EMS: BY_ID[EMS]}
    held = user("anna", direct(SPE_E3), inherited(SPE_E3), direct(EMS))
    (note,) = notes_for(held, [EMS_TOO], "exact", skus, BUILTIN)
    assert note.startswith("SPE_E3 stays: the tenant no longer has this SKU")
    assert notes_for(held, [EMS_TOO], "present", skus, BUILTIN) == ()


# plans that a swap leaves off ------------------------------------------------------------------------------------


def test_a_swap_names_the_plans_that_stay_off() -> None:
    held = user("anna", direct(SPE_E3, TEAMS))
    assert carried_over(held, [E5], SWAP, BY_ID, BUILTIN) == ("SPE_E5: TEAMS1 stays off, as before the swap",)


def test_a_swap_names_the_plans_that_go_off_as_well() -> None:
    held = user("anna", direct(SPE_E3, TEAMS))
    more = SWAP._replace(add=(Assignment(SPE_E5, frozenset({TEAMS, YAMMER})),))
    stays, goes = carried_over(held, [E5], more, BY_ID, BUILTIN)
    assert stays == "SPE_E5: TEAMS1 stays off, as before the swap"
    assert goes.startswith("SPE_E5: YAMMER_ENTERPRISE is switched off as well")


def test_plans_that_were_asked_off_have_no_note() -> None:
    held = user("anna", direct(SPE_E3, TEAMS))
    assert carried_over(held, [Wanted(SPE_E5, disabled_plans=OFF)], SWAP, BY_ID, BUILTIN) == ()
    assert carried_over(held, [Wanted(SPE_E5, enabled_plans=frozenset())], SWAP, BY_ID, BUILTIN) == ()
    assert carried_over(held, [E3], SWAP, BY_ID, BUILTIN) == ()


def test_a_license_already_held_carries_nothing_over() -> None:
    held = user("anna", direct(SPE_E3, TEAMS), direct(EMS))
    both = SWAP._replace(add=(Assignment(EMS, OFF), *SWAP.add))
    (note,) = carried_over(held, [E5, EMS_TOO], both, BY_ID, BUILTIN)
    assert note.startswith("SPE_E5")
    grouped = user("anna", direct(SPE_E3, TEAMS), inherited(SPE_E5))
    assert len(carried_over(grouped, [E5], SWAP, BY_ID, BUILTIN)) == 1


def test_a_carried_over_plan_may_be_needed_by_others() -> None:
    held = user("anna", direct(SPE_E3, TEAMS))
    (note,) = unforeseen_carryover(held, SWAP, BY_ID, BUILTIN)
    assert note.startswith("SPE_E5: TEAMS1 stays off, and whether another of its plans needs that")
    assert unforeseen_carryover(held, SWAP._replace(remove=()), BY_ID, BUILTIN) == ()
    assert unforeseen_carryover(user("anna", direct(SPE_E3, TEAMS), direct(SPE_E5)), SWAP, BY_ID, BUILTIN) == ()


# plans that go with a direct license -----------------------------------------------------------------------------

REMOVAL = LicenseChange("id-anna", (), (SPE_E3,))


def test_plans_a_group_leaves_off_go_with_the_license() -> None:
    held = user("anna", direct(SPE_E3), inherited(SPE_E3, PLAN2, YAMMER))
    (note,) = plans_that_go(held, REMOVAL, BY_ID, BUILTIN)
    assert note.startswith(f"SPE_E3 stays by group {GROUP}, which leaves off EXCHANGE_S_ENTERPRISE")
    assert note.index("EXCHANGE_S_ENTERPRISE") < note.index("YAMMER_ENTERPRISE")
    assert "TEAMS1" not in note


def test_plans_off_before_or_given_elsewhere_do_not_go() -> None:
    grouped = inherited(SPE_E3, YAMMER)
    assert plans_that_go(user("anna", direct(SPE_E3, YAMMER), grouped), REMOVAL, BY_ID, BUILTIN) == ()
    assert plans_that_go(user("anna", direct(SPE_E3), grouped, direct(SPE_E5)), REMOVAL, BY_ID, BUILTIN) == ()


def test_without_a_group_all_of_a_license_goes() -> None:
    assert plans_that_go(user("anna", direct(SPE_E3)), REMOVAL, BY_ID, BUILTIN) == ()
    failed = inherited(SPE_E3, YAMMER, state="Error")
    assert plans_that_go(user("anna", direct(SPE_E3), failed), REMOVAL, BY_ID, BUILTIN) == ()


# licenses that keep no mailbox -----------------------------------------------------------------------------------


def test_a_license_with_its_exchange_plan_off_says_so() -> None:
    after = user("anna", direct(SPE_E3, PLAN2))
    asked = Wanted(SPE_E3, disabled_plans=frozenset({PLAN2}))
    (note,) = mailbox_off(after, [asked], BY_ID, BUILTIN)
    assert note.startswith("EXCHANGE_S_ENTERPRISE is off in SPE_E3")
    assert note.endswith("leave it out of disabled_plans")
    (whole,) = mailbox_off(after, [Wanted(SPE_E3, enabled_plans=frozenset({TEAMS}))], BY_ID, BUILTIN)
    assert whole.endswith("name it in enabled_plans")
    (kept,) = mailbox_off(after, [E3], BY_ID, BUILTIN)
    assert "enabled_plans: [EXCHANGE_S_ENTERPRISE] with disabled_plans: [] switches it on" in kept


def test_a_license_without_mailbox_rights_says_so() -> None:
    (note,) = mailbox_off(user("anna", direct(F1)), [Wanted(F1)], BY_ID, BUILTIN)
    assert note.startswith("M365_F1_COMM carries an Exchange plan without the right to a mailbox")


def test_a_license_that_keeps_a_mailbox_has_no_note() -> None:
    assert mailbox_off(user("anna", direct(SPE_E3, TEAMS)), [E3], BY_ID, BUILTIN) == ()
    assert mailbox_off(user("anna", direct(SPE_E3, PLAN2), inherited(SPE_E3)), [E3], BY_ID, BUILTIN) == ()
    assert mailbox_off(user("anna", direct(EMS)), [EMS_TOO], BY_ID, BUILTIN) == ()
    assert mailbox_off(user(), [E3], BY_ID, BUILTIN) == ()
    assert mailbox_off(user("anna", direct(SPE_E3, PLAN2)), [E3], {}, BUILTIN) == ()
