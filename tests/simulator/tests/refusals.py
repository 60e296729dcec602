# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check that a licensing request was refused and changed nothing."""

from __future__ import annotations

from tests.simulator.state import Json
from tests.simulator.tests.direct_requests import Harness, Reply


def refused(env: Harness, user: Json, answer: Reply, message: str) -> None:
    """400 with this text, and nothing has changed."""
    assert (answer.status, answer.code, answer.message) == (400, "Request_BadRequest", message)
    assert answer.body["error"]["innerError"].keys() == {"date", "request-id", "client-request-id"}
    for sku in env.world.skus.values():
        holders = [one for one in env.world.users.values() if sku["skuId"] in held_skus(one)]
        assert sku["consumedUnits"] == len(holders)
    assert user["assignedLicenses"] == [] or len(user["assignedLicenses"]) == len(held_skus(user))


def held_skus(user: Json) -> set[str]:
    return {state["skuId"] for state in user["licenseAssignmentStates"] if state["state"].startswith("Active")}
