# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service accepts a license, takes away another one in the same request, and then cannot carry out the first."""

from __future__ import annotations

import pytest

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.skus import table
from tests.simulator.state import Json

SWAP: Json = {**EVERYBODY, "licenses": [{"sku": "SPE_E5"}], "remove": ["EMS"]}
STANDARD: Json = {"fallback": [{"sku": "EXCHANGESTANDARD"}]}


def ends(env: PlanHarness, **errors: str) -> None:
    """SKUs whose accepted assignments end in Error, and the words of it."""
    env.world.plan_rules.assignment_errors = {table()[name].id: error for name, error in errors.items()}


def at_work(env: PlanHarness, upn: str) -> set[str]:
    """The part numbers of what the user has in force."""
    user = env.world.user(upn)
    assert user is not None
    names = {row.id: row.part_number for row in table().values()}
    return {names[item["skuId"]] for item in user["assignedLicenses"]}


# --- the next attempt begins with the user as read back ---------------------------------------------------------------


@pytest.mark.parametrize("held", ["EMS", "SPE_E3"])
@pytest.mark.parametrize("lag", [0, 2])
def test_the_fallback_does_not_remove_again_what_has_gone(tenant: Tenant, held: str, lag: int) -> None:
    env = PlanHarness(tenant)
    env.world.switches.replica_lag_reads = lag
    ends(env, SPE_E5="CountViolation")
    off = ["EXCHANGE_S_ENTERPRISE"] if held == "SPE_E3" else []
    anna = env.at_risk("anna", env.held(held, *off))
    result = env.apply({**SWAP, "remove": [held], **STANDARD}, allow_removals=True)
    (row,) = result["users"]
    assert (row["status"], row["confirmation"], row["alternative"]) == ("changed", "confirmed", "fallback")
    assert at_work(env, anna) == {"EXCHANGESTANDARD"}
    assert [item["sku"] for item in row["remove"]] == [held], "it went with the first request"
    assert (len(env.license_requests()), result["summary"]["unresolved"]) == (2, 0)


def test_the_license_with_less_does_not_remove_again_either(env: PlanHarness) -> None:
    """There is no fallback, and the service does not say which plan stands in the way."""
    ends(env, SPE_E5="MutuallyExclusiveViolation")
    anna = env.at_risk("anna", env.held("EMS"))
    (row,) = env.refused(SWAP, allow_removals=True).partial["users"]
    assert (row["status"], row["error"]["code"]) == ("failed", "mutually_exclusive_plans")
    assert (at_work(env, anna), len(env.license_requests())) == (set(), 2)


@pytest.mark.parametrize("text", ["User does not have a corresponding license.", "No license changes provided."])
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_nothing_is_done_that_no_read_shows(env: PlanHarness, text: str, on_error: str) -> None:
    """The service sees nothing to do in the fallback, and the user has nothing."""
    ends(env, SPE_E5="CountViolation")
    anna = env.at_risk("anna", env.held("EMS"))
    body = {"error": {"code": "Request_BadRequest", "message": text}}
    env.refuse("assignLicense", kind="late_status", status=200, body={}, times=1)
    env.refuse("assignLicense", status=400, body=body, times=None)
    result = env.refused({**SWAP, **STANDARD}, allow_removals=True, on_error=on_error).partial
    (row,) = result["users"]
    assert (row["status"], row["confirmation"]) == ("failed", "")
    assert row["error"]["message"].startswith(text.rstrip("."))
    assert (result["summary"]["unresolved"], result["summary"]["accepted"]) == (1, 0)
    assert at_work(env, anna) == set()


# --- a mailbox that a swap leaves without a plan gets its license back ------------------------------------------------


@pytest.mark.parametrize("error", ["CountViolation", "Other"])
@pytest.mark.parametrize("options", [{"remove": ("EXCHANGESTANDARD",)}, {"state": "exact"}])
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_the_module_gives_the_old_license_back(env: PlanHarness, error: str, options: Json, on_error: str) -> None:
    ends(env, SPE_E5=error)
    anna = env.person("anna", env.held("EXCHANGESTANDARD", "INTUNE_O365"))
    for _run in range(2):
        failed = env.fail([anna], "SPE_E5", on_error=on_error, **options)
        (row,) = failed.partial["users"]
        said = f"SPE_E5 was assigned, but is in error: {error}, so EXCHANGESTANDARD was given back."
        assert (row["status"], row["error"]["message"]) == ("failed", said)
        assert said in failed.message
        assert at_work(env, anna) == {"EXCHANGESTANDARD"}
        assert env.states(anna)["EXCHANGESTANDARD"] == ["INTUNE_O365"]
        after = {item["sku"]: item["state"] for item in row["after"]["licenses"]}
        assert after == {"EXCHANGESTANDARD": "Active", "SPE_E5": "Error"}
        assert env.box(anna)["_disconnected"] is None
    assert len(env.license_requests()) == 4


def test_so_does_a_plan(env: PlanHarness) -> None:
    """A hold needs Plan 2, and the swap to it fails."""
    ends(env, EXCHANGEENTERPRISE="Other")
    anna = env.person("anna", env.held("EXCHANGESTANDARD"), hold=True)
    rule = {**EVERYBODY, "licenses": [{"sku": "EXCHANGEENTERPRISE"}], "remove": ["EXCHANGESTANDARD"]}
    (row,) = env.refused(rule, allow_removals=True).partial["users"]
    assert (row["status"], row["error"]["code"]) == ("failed", "license_error")
    assert row["error"]["message"].endswith("is in error: Other, so EXCHANGESTANDARD was given back.")
    assert at_work(env, anna) == {"EXCHANGESTANDARD"}


def test_late_replicas_hide_no_loss(env: PlanHarness) -> None:
    env.world.switches.replica_lag_reads = 2
    ends(env, SPE_E5="CountViolation")
    anna = env.person("anna", env.held("EXCHANGESTANDARD"))
    error = env.fail([anna], "SPE_E5", remove=("EXCHANGESTANDARD",))
    assert "so EXCHANGESTANDARD was given back." in error.message
    assert at_work(env, anna) == {"EXCHANGESTANDARD"}


@pytest.mark.parametrize("how", ["refused", "in error"])
def test_what_cannot_be_given_back_is_an_error_with_a_date(env: PlanHarness, how: str) -> None:
    """Somebody has taken the seat that the swap made free."""
    errors = {"SPE_E5": "CountViolation"} | ({"EXCHANGESTANDARD": "CountViolation"} if how == "in error" else {})
    anna = env.person("anna", env.held("EXCHANGESTANDARD"))
    ends(env, **errors)
    if how == "refused":
        env.refuse("assignLicense", kind="late_status", status=200, body={}, times=1)
        env.refuse("assignLicense", kind="seats_taken", times=None)
    error = env.fail([anna], "SPE_E5", remove=("EXCHANGESTANDARD",))
    (row,) = error.partial["users"]
    assert row["error"]["message"].startswith(
        "SPE_E5 was assigned, but is in error: CountViolation. The same request removed EXCHANGESTANDARD, which "
        "could not be given back: "
    )
    assert "The mailbox has no license now. Exchange disconnects it, and deletes it after 2" in row["error"]["message"]
    assert row["error"]["hint"].startswith("License this user by 2")
    assert at_work(env, anna) == set()
    assert len(env.license_requests()) == 2


def test_one_lost_seat_does_not_block_giving_back(env: PlanHarness) -> None:
    env.seats("EMS", 1, taken=1)
    ends(env, SPE_E5="CountViolation", EMS="CountViolation")
    anna = env.person("anna", env.held("EXCHANGESTANDARD"), env.held("EMS"))
    error = env.fail([anna], "SPE_E5", state="exact")
    assert "was given back." in error.message
    assert "EXCHANGESTANDARD" in at_work(env, anna)


@pytest.mark.parametrize("kept", ["EXCHANGEENTERPRISE", "SPE_E3"])
def test_nothing_is_given_back_if_another_license_keeps_the_box(env: PlanHarness, kept: str) -> None:
    ends(env, SPE_E5="CountViolation")
    anna = env.person("anna", env.held("EXCHANGESTANDARD"), env.held(kept))
    error = env.fail([anna], "SPE_E5", remove=("EXCHANGESTANDARD",))
    said = "SPE_E5 was assigned, but is in error: CountViolation. The same request removed EXCHANGESTANDARD."
    assert error.partial["users"][0]["error"]["message"] == said
    assert (at_work(env, anna), len(env.license_requests())) == ({kept}, 1)


def test_nothing_is_given_back_that_kept_no_mailbox(env: PlanHarness) -> None:
    ends(env, SPE_E5="CountViolation")
    anna = env.person("anna", env.held("EMS"))
    error = env.fail([anna], "SPE_E5", remove=("EMS",))
    assert "given back" not in error.message
    assert (at_work(env, anna), len(env.license_requests())) == (set(), 1)


def test_a_second_new_license_that_keeps_the_mailbox_is_enough(env: PlanHarness) -> None:
    ends(env, SPE_E5="CountViolation")
    anna = env.person("anna", env.held("EXCHANGESTANDARD"))
    error = env.fail([anna], "SPE_E5", "EXCHANGEENTERPRISE", remove=("EXCHANGESTANDARD",))
    assert "given back" not in error.message
    assert at_work(env, anna) == {"EXCHANGEENTERPRISE"}


def test_a_mailbox_plan_that_was_to_go_is_not_given_back(env: PlanHarness) -> None:
    ends(env, EMS="CountViolation")
    anna = env.person("anna", env.held("EXCHANGESTANDARD"))
    error = env.fail([anna], "EMS", remove=("EXCHANGESTANDARD",), allow_uncovered=True)
    assert "given back" not in error.message
    assert at_work(env, anna) == set()


def test_a_fallback_that_fails_too_gives_the_old_license_back(env: PlanHarness) -> None:
    ends(env, EXCHANGEENTERPRISE="Other", SPE_E3="Other")
    anna = env.person("anna", env.held("EXCHANGESTANDARD"), hold=True)
    licenses = [{"sku": "EXCHANGEENTERPRISE"}]
    rule = {**EVERYBODY, "licenses": licenses, "fallback": [{"sku": "SPE_E3"}], "remove": ["EXCHANGESTANDARD"]}
    (row,) = env.refused(rule, allow_removals=True).partial["users"]
    assert row["error"]["message"].endswith("so EXCHANGESTANDARD was given back.")
    assert at_work(env, anna) == {"EXCHANGESTANDARD"}


def test_the_others_are_given_back_theirs_after_a_failure(env: PlanHarness) -> None:
    """on_error=fail ends the run at the first user who fails, and leaves nobody without a mailbox."""
    ends(env, SPE_E5="CountViolation")
    people = [env.person(name, env.held("EXCHANGESTANDARD")) for name in ("anna", "bert", "carl")]
    error = env.fail(people, "SPE_E5", remove=("EXCHANGESTANDARD",))
    assert all("was given back" in row["error"]["message"] for row in error.partial["users"])
    assert all(at_work(env, upn) == {"EXCHANGESTANDARD"} for upn in people)


# --- a lesser plan keeps the mailbox, and not its archive, its hold or its size ---------------------------------------

LESSER: list[tuple[str, Json]] = [
    ("UserMailbox", {"archive": True}),
    ("UserMailbox", {"hold": True}),
    ("UserMailbox", {"bytes": 60 * 2**30}),
    ("UserMailbox", {"archive": True, "owner_id": ""}),
    ("SharedMailbox", {"archive": True}),
]


@pytest.mark.parametrize(("kind", "mailbox"), LESSER)
@pytest.mark.parametrize("by_group", [False, True])
@pytest.mark.parametrize("allow_uncovered", [False, True])
def test_license_returns_if_lesser_plan_is_not_enough(
    env: PlanHarness, kind: str, mailbox: Json, by_group: bool, allow_uncovered: bool
) -> None:
    ends(env, SPE_E5="CountViolation")
    kiosk = env.inherited("SPE_F1") if by_group else env.held("SPE_F1")
    anna = env.person("anna", env.held("SPE_E3", "YAMMER_ENTERPRISE"), kiosk, kind=kind, **mailbox)
    for _run in range(2):
        error = env.fail([anna], "SPE_E5", remove=("SPE_E3",), allow_uncovered=allow_uncovered)
        (row,) = error.partial["users"]
        assert row["error"]["message"].endswith("is in error: CountViolation, so SPE_E3 was given back.")
        assert at_work(env, anna) == {"SPE_E3", "SPE_F1"}
        assert env.states(anna)["SPE_E3"] == ["YAMMER_ENTERPRISE"]


def test_license_returns_by_rules_if_lesser_plan_is_short(env: PlanHarness) -> None:
    ends(env, SPE_E5="CountViolation")
    env.add_sku("EXCHANGEDESKLESS")
    anna = env.person("anna", env.held("EXCHANGEENTERPRISE"), env.held("EXCHANGEDESKLESS"), archive=True)
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E5"}], "fallback": [{"sku": "EXCHANGEENTERPRISE"}]}
    (row,) = env.refused(rule, scope="all_users", allow_removals=True).partial["users"]
    assert row["error"]["message"].endswith("so EXCHANGEENTERPRISE was given back.")
    assert at_work(env, anna) == {"EXCHANGEENTERPRISE", "EXCHANGEDESKLESS"}


def test_license_stays_away_if_lesser_plan_is_enough(env: PlanHarness) -> None:
    ends(env, SPE_E5="CountViolation")
    anna = env.person("anna", env.held("SPE_E3"), env.held("SPE_F1"), bytes=2**30)
    (row,) = env.fail([anna], "SPE_E5", remove=("SPE_E3",)).partial["users"]
    assert row["error"]["message"].endswith("in error: CountViolation. The same request removed SPE_E3.")
    assert (at_work(env, anna), len(env.license_requests())) == ({"SPE_F1"}, 1)
    assert {item["sku"] for item in row["after"]["licenses"]} == {"SPE_E5", "SPE_F1"}


def test_license_returns_if_exchange_cannot_be_asked(env: PlanHarness) -> None:
    ends(env, SPE_E5="CountViolation")
    anna = env.person("anna", env.held("SPE_E3"), env.held("SPE_F1"), archive=True)
    env.tenant.set_faults({"kind": "status", "service": "exchange", "path": "InvokeCommand", "status": 403})
    assert "so SPE_E3 was given back." in env.fail([anna], "SPE_E5", remove=("SPE_E3",)).message
    assert at_work(env, anna) == {"SPE_E3", "SPE_F1"}


def test_error_names_what_lacks_if_license_cannot_return(env: PlanHarness) -> None:
    ends(env, SPE_E5="CountViolation", SPE_E3="CountViolation")
    anna = env.person("anna", env.held("SPE_E3"), env.held("SPE_F1"), archive=True)
    (row,) = env.fail([anna], "SPE_E5", remove=("SPE_E3",)).partial["users"]
    assert "removed SPE_E3, which could not be given back: " in row["error"]["message"]
    assert "The mailbox lacks what it needs now: " in row["error"]["message"]
    assert "an archive needs Plan 1, Plan 2 or the archiving add-on" in row["error"]["message"]
    assert "has no license now" not in row["error"]["message"]
