# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service refuses is told by check mode, by plans and by the run alike, with the way out that there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.m365.licensing.tests.unit.licensing_desk import empty_tenant
from ansible_collections.m365.licensing.tests.unit.planning_desk import PlanningDesk

from tests.tenant.launch import Tenant

GONE = "12345678-aaaa-4bbb-8ccc-1234567890ab"


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with empty_tenant() as found:
        yield found


@pytest.fixture
def desk(tenant: Tenant) -> PlanningDesk:
    return PlanningDesk(tenant)


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_sku_that_the_tenant_has_no_more_cannot_be_taken_away(desk: PlanningDesk, check_mode: bool) -> None:
    anna = desk.person("anna")
    user = desk.world.users[next(iter(desk.world.users))]
    user["licenseAssignmentStates"] = [{**desk.held("SPE_E3"), "skuId": GONE}]
    user["assignedLicenses"] = [{"skuId": GONE, "disabledPlans": []}]
    error = desk.fail([anna], "EXCHANGESTANDARD", state="exact", check_mode=check_mode)
    assert (error.code, error.partial["changed"]) == ("unknown_sku", False)
