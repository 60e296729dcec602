# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that gives somebody a license without the right to a mailbox, or of which nobody knows that, says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.support.assign_harness import Harness, empty_tenant
from tests.simulator.launch import Tenant
from tests.simulator.skus import table

KIOSK, TEAMS = "4a82b400-a79f-41a4-b4e2-e94f5787b113", "57ff2da0-773e-42df-b2af-ffb7a2317929"
UNKNOWN = "00000000-0000-4000-8000-0000000000ff"
TOMORROW = "Teams_of_tomorrow"


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with empty_tenant() as found:
        model = found.world.skus[table()["SPE_E3"].id]
        plans = [
            {"servicePlanId": plan, "servicePlanName": name, "provisioningStatus": "Success", "appliesTo": "User"}
            for plan, name in ((KIOSK, "EXCHANGE_S_DESKLESS"), (TEAMS, "TEAMS1"))
        ]
        more = {"skuId": UNKNOWN, "skuPartNumber": TOMORROW, "id": f"t_{UNKNOWN}", "servicePlans": plans}
        found.world.skus[UNKNOWN] = {**model, **more}
        yield found


@pytest.fixture
def env(tenant: Tenant) -> Harness:
    return Harness(tenant)


SAID = {
    "M365_F1_COMM": "M365_F1_COMM carries an Exchange plan without the right to a mailbox, so it covers none",
    TOMORROW: f"{TOMORROW} carries an Exchange plan, and no table of SKUs says whether it includes the right to "
    "a mailbox",
}
BOTH = pytest.mark.parametrize("sku", SAID)


@BOTH
@pytest.mark.parametrize("check_mode", [True, False])
def test_the_row_says_so_where_it_is_the_only_license(env: Harness, sku: str, check_mode: bool) -> None:
    (row,) = env.run([env.person("anna")], sku, check_mode=check_mode)["users"]
    assert (row["status"], row["notes"]) == ("changed", [SAID[sku]])


@BOTH
def test_the_row_of_a_user_who_has_it_says_so_as_well(env: Harness, sku: str) -> None:
    anna = env.person("anna")
    env.run([anna], sku)
    (row,) = env.run([anna], sku)["users"]
    assert (row["status"], row["notes"]) == ("unchanged", [SAID[sku]])


@BOTH
def test_beside_a_license_with_rights_nothing_is_said(env: Harness, sku: str) -> None:
    (row,) = env.run([env.person("anna", env.held("EXCHANGESTANDARD"))], sku)["users"]
    assert not any("right to a mailbox" in note for note in row["notes"])


@BOTH
@pytest.mark.parametrize("options", [{"state": "exact"}, {"remove": ("EXCHANGESTANDARD",)}], ids=str)
def test_a_swap_to_it_is_refused_and_the_hint_says_why(env: Harness, sku: str, options: dict[str, Any]) -> None:
    anna = env.person("anna", env.held("EXCHANGESTANDARD"))
    error = env.fail([anna], sku, **options)
    assert (error.code, env.writes()) == ("would_uncover", [])
    assert error.hint == f"{SAID[sku]}."
    (row,) = env.run([anna], sku, allow_uncovered=True, **options)["users"]
    assert SAID[sku] in row["notes"]
