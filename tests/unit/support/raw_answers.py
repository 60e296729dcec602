# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as Graph answers them."""

from __future__ import annotations

from typing import Any

from tests.unit.support.sample_tenant import PLAN2, SPE_E3


def raw_sku(**more: Any) -> dict[str, Any]:
    """An element of subscribedSkus."""
    return {
        "id": f"tenant_{SPE_E3}",
        "skuId": SPE_E3,
        "skuPartNumber": "SPE_E3",
        "capabilityStatus": "Enabled",
        "appliesTo": "User",
        "consumedUnits": 3,
        "prepaidUnits": {"enabled": 10, "warning": 0, "suspended": 0, "lockedOut": 0},
        "servicePlans": [
            {"servicePlanId": PLAN2.upper(), "servicePlanName": "EXCHANGE_S_ENTERPRISE", "appliesTo": "User"}
        ],
    } | more
