# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories with variables of one tenant, and the playbooks that use them."""

from __future__ import annotations

import sys
from typing import Any

from tests.simulator.launch import Tenant

Json = dict[str, Any]
RULE: Json = {
    "name": "Everybody",
    "match": {},
    "licenses": [{"sku": "EXCHANGESTANDARD"}],
    "fallback": [{"sku": "EXCHANGEENTERPRISE"}],
    "usage_location": "DE",
}
APPLY: Json = {
    "ansible_connection": "local",
    "ansible_python_interpreter": sys.executable,
    "license_state_rules": [RULE],
    "license_state_mode": "apply",
    "license_state_max_changes": "unlimited",
}


def own(tenant: Tenant) -> Json:
    """The variables of a host that signs in to a tenant."""
    return {
        "m365_tenant_id": tenant.world.tenant_id,
        "m365_client_id": tenant.world.app.client_id,
        "m365_client_secret": tenant.world.app.client_secret,
    }
