# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service refuses is told by check mode, by plans and by the run alike, with the way out that there is."""

from __future__ import annotations

import pytest

from tests.functional.support.plan_harness import PlanHarness
from tests.simulator.skus import table

GONE = "12345678-aaaa-4bbb-8ccc-1234567890ab"


@pytest.mark.parametrize(
    ("sku_id", "name"), [(GONE, GONE), (table()["VISIOCLIENT"].id, "VISIOCLIENT")], ids=["unknown", "published"]
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_missing_sku_stays_is_named_and_the_rest_is_done(
    env: PlanHarness, check_mode: bool, sku_id: str, name: str
) -> None:
    anna = env.person("anna", env.held("POWER_BI_STANDARD"))
    user = env.world.users[next(iter(env.world.users))]
    strange = {**env.held("SPE_E3"), "skuId": sku_id}
    user["licenseAssignmentStates"] = [*user["licenseAssignmentStates"], strange]
    user["assignedLicenses"] = [*user["assignedLicenses"], {"skuId": sku_id, "disabledPlans": []}]
    (row,) = env.run([anna], "EXCHANGESTANDARD", state="exact", check_mode=check_mode)["users"]
    assert row["status"] == "changed"
    assert [item["sku"] for item in row["after"]["licenses"]] == sorted([name, "EXCHANGESTANDARD"])
    assert row["notes"] == [
        f"{name} stays: the tenant no longer has this SKU, so the service would refuse to remove it"
    ]
    if not check_mode:
        assert not env.run([anna], "EXCHANGESTANDARD", state="exact")["changed"]
