# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users for the bench to license, read with the API of the tenant."""

from __future__ import annotations

from collections.abc import Sequence

import requests

from tests.bench import baseline
from tests.bench.measure import Json, Tenant

_SELECT = "id,userPrincipalName,usageLocation,userType,assignedLicenses"


def licensable(found: Tenant, number: int, sku_ids: Sequence[str]) -> list[Json]:
    """Return members with a location and without the SKUs. Raises RuntimeError if there are too few."""
    session = requests.Session()
    session.trust_env = False
    session.verify = found.info["ca_path"]
    base = found.info["graph_url"]
    headers = {"Authorization": f"Bearer {baseline.token(session, found.info, base)}"}
    url, people = f"{base}/v1.0/users?$top=999&$select={_SELECT}", list[Json]()
    while url and len(people) < number:
        page = session.get(url, headers=headers, timeout=60).json()
        for user in page["value"]:
            held = {each["skuId"] for each in user["assignedLicenses"]}
            if user["userType"] == "Member" and user["usageLocation"] and held.isdisjoint(sku_ids):
                people.append({"id": user["id"], "upn": user["userPrincipalName"]})
        url = page.get("@odata.nextLink")
    if len(people) < number:
        raise RuntimeError(f"the tenant has {len(people)} users to license, expected {number}")
    return people[:number]


def skus(found: Tenant) -> dict[str, Json]:
    """Return the SKUs of the tenant by part number."""
    return {sku["skuPartNumber"]: sku for sku in found.control("GET", "/state")["skus"]}


def seats(found: Tenant, part_number: str, number: int) -> None:
    """Add this many seats."""
    sku = skus(found)[part_number]
    units = {**sku["prepaidUnits"], "enabled": sku["consumedUnits"] + number}
    found.control("PATCH", "/state", {"skus": {part_number: {"prepaidUnits": units}}})
