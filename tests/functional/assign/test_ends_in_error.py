# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service accepts a license, takes away another one in the same request, and then cannot carry out the first."""

from __future__ import annotations

import pytest

from tests.functional.support.plan_harness import EVERYBODY, PlanningDesk
from tests.simulator.launch import Tenant
from tests.simulator.skus import table
from tests.simulator.state import Json

SWAP: Json = {**EVERYBODY, "licenses": [{"sku": "SPE_E5"}], "remove": ["EMS"]}
STANDARD: Json = {"fallback": [{"sku": "EXCHANGESTANDARD"}]}


def ends(desk: PlanningDesk, **errors: str) -> None:
    """SKUs whose accepted assignments end in Error, and the words of it."""
    desk.world.plan_rules.assignment_errors = {table()[name].id: error for name, error in errors.items()}


def at_work(desk: PlanningDesk, upn: str) -> set[str]:
    """The part numbers of what the user has in force."""
    user = desk.world.user(upn)
    assert user is not None
    names = {row.id: row.part_number for row in table().values()}
    return {names[item["skuId"]] for item in user["assignedLicenses"]}


# --- the next attempt begins with the user as read back ---------------------------------------------------------------


@pytest.mark.parametrize("held", ["EMS", "SPE_E3"])
@pytest.mark.parametrize("lag", [0, 2])
def test_the_fallback_does_not_remove_again_what_has_gone(tenant: Tenant, held: str, lag: int) -> None:
    desk = PlanningDesk(tenant)
    desk.world.switches.replica_lag_reads = lag
    ends(desk, SPE_E5="CountViolation")
    off = ["EXCHANGE_S_ENTERPRISE"] if held == "SPE_E3" else []
    anna = desk.at_risk("anna", desk.held(held, *off))
    result = desk.apply({**SWAP, "remove": [held], **STANDARD}, allow_removals=True)
    (row,) = result["users"]
    assert (row["status"], row["confirmation"], row["alternative"]) == ("changed", "confirmed", "fallback")
    assert at_work(desk, anna) == {"EXCHANGESTANDARD"}
    assert [item["sku"] for item in row["remove"]] == [held], "it went with the first request"
    assert (len(desk.license_requests()), result["summary"]["unresolved"]) == (2, 0)


def test_the_license_with_less_does_not_remove_again_either(desk: PlanningDesk) -> None:
    """There is no fallback, and the service does not say which plan stands in the way."""
    ends(desk, SPE_E5="MutuallyExclusiveViolation")
    anna = desk.at_risk("anna", desk.held("EMS"))
    (row,) = desk.refused(SWAP, allow_removals=True).partial["users"]
    assert (row["status"], row["error"]["code"]) == ("failed", "mutually_exclusive_plans")
    assert (at_work(desk, anna), len(desk.license_requests())) == (set(), 2)


@pytest.mark.parametrize("text", ["User does not have a corresponding license.", "No license changes provided."])
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_nothing_is_done_that_no_read_shows(desk: PlanningDesk, text: str, on_error: str) -> None:
    """The service sees nothing to do in the fallback, and the user has nothing."""
    ends(desk, SPE_E5="CountViolation")
    anna = desk.at_risk("anna", desk.held("EMS"))
    body = {"error": {"code": "Request_BadRequest", "message": text}}
    desk.refuse("assignLicense", kind="late_status", status=200, body={}, times=1)
    desk.refuse("assignLicense", status=400, body=body, times=None)
    result = desk.refused({**SWAP, **STANDARD}, allow_removals=True, on_error=on_error).partial
    (row,) = result["users"]
    assert (row["status"], row["confirmation"]) == ("failed", "")
    assert row["error"]["message"].startswith(text.rstrip("."))
    assert (result["summary"]["unresolved"], result["summary"]["accepted"]) == (1, 0)
    assert at_work(desk, anna) == set()


# --- a mailbox that a swap leaves without a plan gets its license back ------------------------------------------------


@pytest.mark.parametrize("error", ["CountViolation", "Other"])
@pytest.mark.parametrize("options", [{"remove": ("EXCHANGESTANDARD",)}, {"state": "exact"}])
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_the_module_gives_the_old_license_back(desk: PlanningDesk, error: str, options: Json, on_error: str) -> None:
    ends(desk, SPE_E5=error)
    anna = desk.person("anna", desk.held("EXCHANGESTANDARD", "INTUNE_O365"))
    for _run in range(2):
        failed = desk.fail([anna], "SPE_E5", on_error=on_error, **options)
        (row,) = failed.partial["users"]
        said = f"SPE_E5 was assigned, but is in error: {error}, so EXCHANGESTANDARD was given back."
        assert (row["status"], row["error"]["message"]) == ("failed", said)
        assert said in failed.message
        assert at_work(desk, anna) == {"EXCHANGESTANDARD"}
        assert desk.states(anna)["EXCHANGESTANDARD"] == ["INTUNE_O365"]
        after = {item["sku"]: item["state"] for item in row["after"]["licenses"]}
        assert after == {"EXCHANGESTANDARD": "Active", "SPE_E5": "Error"}
        assert desk.box(anna)["_disconnected"] is None
    assert len(desk.license_requests()) == 4


def test_so_does_a_plan(desk: PlanningDesk) -> None:
    """A hold needs Plan 2, and the swap to it fails."""
    ends(desk, EXCHANGEENTERPRISE="Other")
    anna = desk.person("anna", desk.held("EXCHANGESTANDARD"), hold=True)
    rule = {**EVERYBODY, "licenses": [{"sku": "EXCHANGEENTERPRISE"}], "remove": ["EXCHANGESTANDARD"]}
    (row,) = desk.refused(rule, allow_removals=True).partial["users"]
    assert (row["status"], row["error"]["code"]) == ("failed", "license_error")
    assert row["error"]["message"].endswith("is in error: Other, so EXCHANGESTANDARD was given back.")
    assert at_work(desk, anna) == {"EXCHANGESTANDARD"}


def test_late_replicas_hide_no_loss(desk: PlanningDesk) -> None:
    desk.world.switches.replica_lag_reads = 2
    ends(desk, SPE_E5="CountViolation")
    anna = desk.person("anna", desk.held("EXCHANGESTANDARD"))
    error = desk.fail([anna], "SPE_E5", remove=("EXCHANGESTANDARD",))
    assert "so EXCHANGESTANDARD was given back." in error.message
    assert at_work(desk, anna) == {"EXCHANGESTANDARD"}


@pytest.mark.parametrize("how", ["refused", "in error"])
def test_what_cannot_be_given_back_is_an_error_with_a_date(desk: PlanningDesk, how: str) -> None:
    """Somebody has taken the seat that the swap made free."""
    errors = {"SPE_E5": "CountViolation"} | ({"EXCHANGESTANDARD": "CountViolation"} if how == "in error" else {})
    anna = desk.person("anna", desk.held("EXCHANGESTANDARD"))
    ends(desk, **errors)
    if how == "refused":
        desk.refuse("assignLicense", kind="late_status", status=200, body={}, times=1)
        desk.refuse("assignLicense", kind="seats_taken", times=None)
    error = desk.fail([anna], "SPE_E5", remove=("EXCHANGESTANDARD",))
    (row,) = error.partial["users"]
    assert row["error"]["message"].startswith(
        "SPE_E5 was assigned, but is in error: CountViolation. The same request took EXCHANGESTANDARD away, which "
        "could not be given back: "
    )
    assert "The mailbox has no license now. Exchange disconnects it, and it is lost after 2" in row["error"]["message"]
    assert row["error"]["hint"].startswith("License this user by 2")
    assert at_work(desk, anna) == set()
    assert len(desk.license_requests()) == 2


def test_one_lost_seat_does_not_keep_the_mailbox_without_its_license(desk: PlanningDesk) -> None:
    desk.seats("EMS", 1, taken=1)
    ends(desk, SPE_E5="CountViolation", EMS="CountViolation")
    anna = desk.person("anna", desk.held("EXCHANGESTANDARD"), desk.held("EMS"))
    error = desk.fail([anna], "SPE_E5", state="exact")
    assert "was given back." in error.message
    assert "EXCHANGESTANDARD" in at_work(desk, anna)


@pytest.mark.parametrize("kept", ["EXCHANGEENTERPRISE", "SPE_E3"])
def test_nothing_is_given_back_where_another_license_keeps_the_mailbox(desk: PlanningDesk, kept: str) -> None:
    ends(desk, SPE_E5="CountViolation")
    anna = desk.person("anna", desk.held("EXCHANGESTANDARD"), desk.held(kept))
    error = desk.fail([anna], "SPE_E5", remove=("EXCHANGESTANDARD",))
    assert error.partial["users"][0]["error"]["message"] == "SPE_E5 was assigned, but is in error: CountViolation."
    assert (at_work(desk, anna), len(desk.license_requests())) == ({kept}, 1)


def test_nothing_is_given_back_that_kept_no_mailbox(desk: PlanningDesk) -> None:
    ends(desk, SPE_E5="CountViolation")
    anna = desk.person("anna", desk.held("EMS"))
    error = desk.fail([anna], "SPE_E5", remove=("EMS",))
    assert "given back" not in error.message
    assert (at_work(desk, anna), len(desk.license_requests())) == (set(), 1)


def test_a_second_new_license_that_keeps_the_mailbox_is_enough(desk: PlanningDesk) -> None:
    ends(desk, SPE_E5="CountViolation")
    anna = desk.person("anna", desk.held("EXCHANGESTANDARD"))
    error = desk.fail([anna], "SPE_E5", "EXCHANGEENTERPRISE", remove=("EXCHANGESTANDARD",))
    assert "given back" not in error.message
    assert at_work(desk, anna) == {"EXCHANGEENTERPRISE"}


def test_a_mailbox_plan_that_was_to_go_is_not_given_back(desk: PlanningDesk) -> None:
    ends(desk, EMS="CountViolation")
    anna = desk.person("anna", desk.held("EXCHANGESTANDARD"))
    error = desk.fail([anna], "EMS", remove=("EXCHANGESTANDARD",), allow_uncovered=True)
    assert "given back" not in error.message
    assert at_work(desk, anna) == set()


def test_a_fallback_that_fails_too_gives_the_old_license_back(desk: PlanningDesk) -> None:
    ends(desk, EXCHANGEENTERPRISE="Other", SPE_E3="Other")
    anna = desk.person("anna", desk.held("EXCHANGESTANDARD"), hold=True)
    licenses = [{"sku": "EXCHANGEENTERPRISE"}]
    rule = {**EVERYBODY, "licenses": licenses, "fallback": [{"sku": "SPE_E3"}], "remove": ["EXCHANGESTANDARD"]}
    (row,) = desk.refused(rule, allow_removals=True).partial["users"]
    assert row["error"]["message"].endswith("so EXCHANGESTANDARD was given back.")
    assert at_work(desk, anna) == {"EXCHANGESTANDARD"}


def test_the_others_are_given_back_theirs_after_a_failure(desk: PlanningDesk) -> None:
    """on_error=fail ends the run at the first user who fails, and leaves nobody without a mailbox."""
    ends(desk, SPE_E5="CountViolation")
    people = [desk.person(name, desk.held("EXCHANGESTANDARD")) for name in ("anna", "bert", "carl")]
    error = desk.fail(people, "SPE_E5", remove=("EXCHANGESTANDARD",))
    assert all("was given back" in row["error"]["message"] for row in error.partial["users"])
    assert all(at_work(desk, upn) == {"EXCHANGESTANDARD"} for upn in people)
