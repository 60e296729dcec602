# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SKUs and service plans of the tenant, read from Microsoft's published table and from the SKUs that it lacks."""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.simulator.state import Json

DATA = Path(__file__).resolve().parents[2] / "data"
TABLES = (DATA / "sku_service_plans.csv", DATA / "sku_additions.csv")

# Plans that belong to the organization and cannot be off for one user [subscribedSku resource: appliesTo].
_COMPANY_PLANS = frozenset({"EXCHANGE_S_FOUNDATION", "EXCHANGE_S_FOUNDATION_GOV"})
_COMPANY_SKUS = frozenset({"SHAREPOINTSTORAGE"})


@dataclass(frozen=True)
class PlanRow:
    """A service plan of a SKU."""

    id: str
    name: str
    company: bool


@dataclass(frozen=True)
class SkuRow:
    """A SKU of the published table."""

    id: str
    part_number: str
    product_name: str
    plans: tuple[PlanRow, ...]

    @property
    def company(self) -> bool:
        return self.part_number in _COMPANY_SKUS

    def plan(self, name: str) -> str:
        """The id of a plan by its name."""
        return next(plan.id for plan in self.plans if plan.name == name)


@functools.cache
def table() -> Mapping[str, SkuRow]:
    """Every SKU of the tables by part number."""
    found: dict[str, tuple[str, str, list[PlanRow]]] = {}
    for path in TABLES:
        for row in csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()):
            entry = found.setdefault(row["sku_part_number"], (row["sku_id"].lower(), row["product_name"], []))
            name, plan_id = row["service_plan_name"], row["service_plan_id"].lower()
            if plan_id not in {plan.id for plan in entry[2]}:
                entry[2].append(PlanRow(plan_id, name, name in _COMPANY_PLANS))
    return {part: SkuRow(sku_id, part, product, tuple(plans)) for part, (sku_id, product, plans) in found.items()}


@dataclass(frozen=True)
class Seats:
    """Seats of a SKU, as ``prepaidUnits`` shows them."""

    enabled: int = 0
    warning: int = 0
    suspended: int = 0
    locked_out: int = 0


def subscribed_sku(row: SkuRow, *, tenant: tuple[str, str], status: str, seats: Seats, subscription: str) -> Json:
    """A ``subscribedSku``; ``tenant`` is its id and name. ``consumedUnits`` is 0 at first."""
    return {
        "accountName": tenant[1],
        "accountId": tenant[0],
        "appliesTo": "Company" if row.company else "User",
        "capabilityStatus": status,
        "consumedUnits": 0,
        "id": f"{tenant[0]}_{row.id}",
        "skuId": row.id,
        "skuPartNumber": row.part_number,
        "subscriptionIds": [subscription],
        "prepaidUnits": {
            "enabled": seats.enabled,
            "suspended": seats.suspended,
            "warning": seats.warning,
            "lockedOut": seats.locked_out,
        },
        "servicePlans": [service_plan(plan, company=row.company) for plan in row.plans],
    }


def service_plan(plan: PlanRow, *, company: bool = False) -> Json:
    """A ``servicePlanInfo``; ``company``: its whole SKU belongs to the organization."""
    return {
        "servicePlanId": plan.id,
        "servicePlanName": plan.name,
        "provisioningStatus": "Success",
        "appliesTo": "Company" if plan.company or company else "User",
    }
