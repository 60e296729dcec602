# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What results and messages call SKUs and plans: the tenant's name, else Microsoft's, else the id. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from .catalog import Catalog
from .models import Sku


def sku_name(sku_id: str, skus: Mapping[str, Sku], catalog: Catalog) -> str:
    """The part number of a SKU, as rows have it."""
    return (skus[sku_id].part_number if sku_id in skus else catalog.sku_name(sku_id)) or sku_id


def sku_title(sku_id: str, skus: Mapping[str, Sku], catalog: Catalog) -> str:
    """The name of a SKU in messages: with its id where the tenant has two SKUs of that name."""
    return (skus[sku_id].name if sku_id in skus else catalog.sku_name(sku_id)) or sku_id


def plan_name(plan_id: str, sku: Sku | None, catalog: Catalog) -> str:
    """The name of a plan, in ``sku`` if that carries it."""
    name = next((plan.name for plan in sku.plans if plan.id == plan_id), "") if sku else ""
    return name or catalog.plan_name(plan_id) or plan_id
