# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service accepts a license, takes away another one in the same request, and then cannot carry out the first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.m365.licensing.tests.unit.licensing_desk import empty_tenant
from ansible_collections.m365.licensing.tests.unit.planning_desk import EVERYBODY, PlanningDesk

from tests.tenant.launch import Tenant
from tests.tenant.skus import table
from tests.tenant.state import Json

SWAP: Json = {**EVERYBODY, "licenses": [{"sku": "SPE_E5"}], "remove": ["EMS"]}
STANDARD: Json = {"fallback": [{"sku": "EXCHANGESTANDARD"}]}


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with empty_tenant() as found:
        yield found


@pytest.fixture
def desk(tenant: Tenant) -> PlanningDesk:
    return PlanningDesk(tenant)


def ends(desk: PlanningDesk, **errors: str) -> None:
    """SKUs whose accepted assignments end in Error, and the words of it."""
    desk.world.plan_rules.assignment_errors = {table()[name].id: error for name, error in errors.items()}


def sent(desk: PlanningDesk) -> int:
    return len(desk.parts("POST", "assignLicense"))


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
    assert (sent(desk), result["summary"]["unresolved"]) == (2, 0)


def test_the_license_with_less_does_not_remove_again_either(desk: PlanningDesk) -> None:
    """There is no fallback, and the service does not say which plan stands in the way."""
    ends(desk, SPE_E5="MutuallyExclusiveViolation")
    anna = desk.at_risk("anna", desk.held("EMS"))
    (row,) = desk.refused(SWAP, allow_removals=True).partial["users"]
    assert (row["status"], row["error"]["code"]) == ("failed", "mutually_exclusive_plans")
    assert (at_work(desk, anna), sent(desk)) == (set(), 2)


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
