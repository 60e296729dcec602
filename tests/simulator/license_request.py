# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of ``assignLicense``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulator.errors import bad_request, not_simulated


def parse_request(body: Any) -> tuple[list[Mapping[str, Any]], list[str]]:
    """``addLicenses`` and ``removeLicenses`` of a request's body; both are required. Raises GraphError."""
    if not isinstance(body, dict):
        raise bad_request("Empty Payload. JSON content expected.", "BadRequest")
    for name in body:
        if name not in ("addLicenses", "removeLicenses"):
            raise bad_request(f"The parameter '{name}' in the request payload is not a valid parameter.", "BadRequest")
    missing = [name for name in ("addLicenses", "removeLicenses") if body.get(name) is None]
    if missing:
        raise bad_request(
            "One or more parameters of the operation 'assignLicense' are missing from the request payload. "
            f"The missing parameters are: {', '.join(missing)}."
        )
    add, remove = body["addLicenses"], body["removeLicenses"]
    if not isinstance(add, list) or not isinstance(remove, list):
        raise bad_request("addLicenses and removeLicenses are collections.", "BadRequest")
    for item in add:
        if not isinstance(item, dict) or "skuId" not in item:
            raise bad_request("An element of addLicenses is an assignedLicense with a skuId.", "BadRequest")
        unknown = sorted(set(item) - {"skuId", "disabledPlans", "@odata.type"})
        if unknown:
            raise not_simulated(f"the property '{unknown[0]}' of addLicenses")
    if not add and not remove:
        raise bad_request("No license changes provided. At least one license to add or remove must be specified.")
    return add, remove
