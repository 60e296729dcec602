# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several Exchange plans of one user: allowed, and the row says what that costs and which license may go.

The plans of Small Business and Midsize are said to exclude all others; the simulated tenant does either.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import apply_to
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Assignment, LicenseChange, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.plan_relations import redundant, stacked_notes

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions, skus
from tests.simulator.builders import GB
from tests.simulator.skus import table
from tests.simulator.state import Json
from tests.unit.support.sample_tenant import (
    BY_ID,
    EMS,
    EXCHANGEARCHIVE_ADDON,
    EXCHANGEDESKLESS,
    EXCHANGESTANDARD,
    F1,
    GROUP,
    KIOSK,
    PLAN2,
    SPE_E3,
    SPE_E5,
    direct,
    inherited,
    user,
)

STACK, EXCLUDE = "stack", "exclude_legacy"


@pytest.fixture
def midsize(env: PlanHarness) -> Iterator[None]:
    env.add_sku("MIDSIZEPACK")
    yield
    del env.world.skus[table()["MIDSIZEPACK"].id]


def to(*part_numbers: str, **more: object) -> Json:
    return {**EVERYBODY, "licenses": [{"sku": name} for name in part_numbers], **more}


@pytest.mark.parametrize("exchange_plans", [STACK, EXCLUDE])
@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_a_hold_gets_plan_2_beside_plan_1(env: PlanHarness, strategy: str, exchange_plans: str) -> None:
    env.world.switches.update({"exchange_plans": exchange_plans})
    anna = env.person("anna", env.held("EXCHANGESTANDARD"), hold=True)
    result = env.apply(to("EXCHANGEENTERPRISE"), strategy=strategy)
    (row,) = result["users"]
    assert (row["action"], row["status"], row["confirmation"]) == ("license", "changed", "confirmed")
    assert env.states(anna).keys() == {"EXCHANGESTANDARD", "EXCHANGEENTERPRISE"}
    assert "each takes a seat, and the best plan counts, so EXCHANGESTANDARD may go" in row["note"]


def test_a_large_shared_mailbox_gets_plan_2_beside_plan_1(env: PlanHarness) -> None:
    shared = env.person("shared", env.held("EXCHANGESTANDARD"), kind="SharedMailbox", bytes=60 * GB)
    result = env.apply(to("EXCHANGEENTERPRISE"), shared_mailbox_sizes="always")
    assert actions(result) == {"shared": "license"}
    assert env.states(shared).keys() == {"EXCHANGESTANDARD", "EXCHANGEENTERPRISE"}


def test_a_plan_without_rights_is_no_obstacle_to_one_with(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("M365_F1_COMM"))
    result = env.apply(to("SPE_F1"), scope="all_users")
    assert (actions(result), skus(result)) == ({"anna": "license"}, {"anna": ["SPE_F1"]})
    assert env.states(anna).keys() == {"M365_F1_COMM", "SPE_F1"}
    assert "so M365_F1_COMM may go" in result["users"][0]["note"]


def test_what_comes_from_a_group_may_go_there(env: PlanHarness) -> None:
    inherits = env.inherited("EXCHANGESTANDARD")
    anna = env.person("anna", inherits, archive=True, hold=True)
    for check_mode in (True, False):
        result = env.run([anna], "EXCHANGEENTERPRISE", state="exact", check_mode=check_mode)
        (row,) = result["users"]
        assert row["status"] == "changed"
        assert f"EXCHANGESTANDARD (from group {inherits['assignedByGroup']}) may go" in row["notes"][-1]


def test_mailbox_at_risk_swaps_from_fallback_with_allow_removals(env: PlanHarness) -> None:
    """The rule calls one the substitute of the other, so the substitute goes in the same step."""
    anna = env.person("anna", env.held("EXCHANGESTANDARD"), hold=True)
    rule = to("EXCHANGEENTERPRISE", fallback=[{"sku": "EXCHANGESTANDARD"}])
    (row,) = env.plan(rule)["users"]
    assert (row["remove"], "EXCHANGESTANDARD may go" in row["note"]) == ([], True)
    env.apply(rule, allow_removals=True)
    assert env.states(anna).keys() == {"EXCHANGEENTERPRISE"}


# --- which license may go ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "add", "spare"),
    [
        (user("a", direct(EXCHANGESTANDARD)), SPE_E3, {EXCHANGESTANDARD}),
        (user("a", inherited(EXCHANGESTANDARD)), SPE_E3, {EXCHANGESTANDARD}),
        (user("a", direct(SPE_E3)), EXCHANGESTANDARD, {EXCHANGESTANDARD}),
        (user("a", direct(SPE_E3)), SPE_E5, {SPE_E3}),
        (user("a", direct(SPE_E5)), SPE_E3, {SPE_E3}),
        # the Exchange plan is off in one of them
        (user("a", direct(EXCHANGEDESKLESS, KIOSK)), SPE_E3, set()),
        # more than a mailbox
        (user("a", direct(F1)), EXCHANGESTANDARD, set()),
        (user("a", direct(F1)), SPE_E3, {F1}),
        # the add-on is no mailbox plan
        (user("a", direct(EXCHANGESTANDARD)), EXCHANGEARCHIVE_ADDON, set()),
        (user("a", direct(EXCHANGEDESKLESS), direct(EXCHANGESTANDARD)), SPE_E3, {EXCHANGEDESKLESS, EXCHANGESTANDARD}),
        (user("a", inherited(EXCHANGESTANDARD, state="Error")), SPE_E3, set()),
    ],
)
def test_what_brings_nothing_more_may_go(who: User, add: str, spare: set[str]) -> None:
    change = LicenseChange(who.id, add=(Assignment(add),))
    after = apply_to(who, change, BY_ID)
    assert redundant(after, change, BY_ID, BUILTIN) == spare
    assert any("may go" in note for note in stacked_notes(after, change, BY_ID, BUILTIN)) is bool(spare)


def test_the_note_is_about_what_the_change_adds() -> None:
    who = user("a", direct(EXCHANGESTANDARD), direct(SPE_E3, PLAN2))
    for change in (LicenseChange(who.id, add=(Assignment(EMS),)), LicenseChange(who.id, remove=(EXCHANGESTANDARD,))):
        assert stacked_notes(apply_to(who, change, BY_ID), change, BY_ID, BUILTIN) == ()
    who = user("a", inherited(EXCHANGESTANDARD))
    change = LicenseChange(who.id, add=(Assignment(SPE_E3),))
    (note,) = stacked_notes(apply_to(who, change, BY_ID), change, BY_ID, BUILTIN)
    assert f"EXCHANGESTANDARD (from group {GROUP}) may go" in note


# --- old plans, which are said to exclude all others ------------------------------------------------------------------


@pytest.mark.parametrize("exchange_plans", [STACK, EXCLUDE])
@pytest.mark.usefixtures("midsize")
def test_exclusive_plans_are_sent_and_check_mode_cannot_tell(env: PlanHarness, exchange_plans: str) -> None:
    env.world.switches.update({"exchange_plans": exchange_plans})
    anna = env.person("anna", env.held("MIDSIZEPACK"))
    (told,) = env.run([anna], "EXCHANGEENTERPRISE", check_mode=True)["users"]
    assert told["status"] == "changed"
    (doubt,) = [note for note in told["notes"] if "cannot be foreseen" in note]
    assert doubt.startswith("MIDSIZEPACK carries EXCHANGE_S_STANDARD_MIDMARKET, which is said to exclude")
    if exchange_plans == STACK:
        (row,) = env.run([anna], "EXCHANGEENTERPRISE")["users"]
        assert not any("cannot be foreseen" in note for note in row["notes"])
        return
    error = env.fail([anna], "EXCHANGEENTERPRISE")
    assert (error.code, set(env.states(anna))) == ("mutually_exclusive_plans", {"MIDSIZEPACK"})


@pytest.mark.usefixtures("midsize")
def test_a_plan_says_what_it_cannot_foresee(env: PlanHarness) -> None:
    env.person("anna", env.held("MIDSIZEPACK"), hold=True)
    result = env.plan(to("EXCHANGEENTERPRISE"))
    assert actions(result) == {"anna": "license"}
    assert any("cannot be foreseen: anna@contoso.example" in text for text in result["warnings"])


# --- a suspended license keeps no mailbox -----------------------------------------------------------------------------


@pytest.fixture
def suspended(env: PlanHarness) -> Iterator[str]:
    """Office 365 E3, whose subscription has ended."""
    part_number = "ENTERPRISEPACK"
    sku = env.world.skus[table()[part_number].id]
    sku["capabilityStatus"] = "Suspended"
    yield part_number
    sku["capabilityStatus"] = "Enabled"


@pytest.mark.parametrize("kiosk", [False, True])
def test_license_beside_suspended_one_is_not_redundant(env: PlanHarness, suspended: str, kiosk: bool) -> None:
    anna = env.at_risk("anna", env.held(suspended), *([env.held("SPE_F1", "EXCHANGE_S_DESKLESS")] if kiosk else []))
    (row,) = env.apply(to("EXCHANGESTANDARD"))["users"]
    assert (row["reason"], row["action"]) == ("license_suspended", "license")
    assert "may go" not in row["note"]
    assert "EXCHANGESTANDARD" in env.states(anna)


def test_notes_of_module_spare_no_working_license(env: PlanHarness, suspended: str) -> None:
    anna = env.person("anna", env.held(suspended))
    for check_mode in (True, False):
        (row,) = env.run([anna], "EXCHANGESTANDARD", check_mode=check_mode)["users"]
        assert not any("may go" in note for note in row["notes"]), "notes"


def test_rule_keeps_fallback_beside_suspended_license(env: PlanHarness, suspended: str) -> None:
    anna = env.person("anna", env.held(suspended), env.held("EXCHANGESTANDARD"), hold=True)
    rule = to("EXCHANGEARCHIVE_ADDON", fallback=[{"sku": "EXCHANGESTANDARD"}])
    (row,) = env.apply(rule, allow_removals=True)["users"]
    assert (row["action"], row["remove"]) == ("license", [])
    assert {"EXCHANGESTANDARD", "EXCHANGEARCHIVE_ADDON"} <= set(env.states(anna))


def test_covered_user_is_told_the_license_at_work(env: PlanHarness, suspended: str) -> None:
    env.person("anna", env.held(suspended), env.held("EXCHANGEENTERPRISE"))
    (row,) = env.plan(to("EXCHANGESTANDARD", "EMS"), scope="all_users")["users"]
    assert "EXCHANGEENTERPRISE covers that" in row["note"]
    assert suspended not in row["note"]
