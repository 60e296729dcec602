# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seats: a user takes one seat of a SKU, for any number of assignments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.simulator.state import Json, World

EFFECTIVE = frozenset({"active", "activewitherror"})


def effective(states: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the assignments in force: Active, ActiveWithError."""
    return [state for state in states if str(state["state"]).strip().casefold() in EFFECTIVE]


def has(world: World, sku_id: str) -> bool:
    """Whether a seat is free. Units in warning count [subscribedSku], unless a switch excludes them."""
    sku = world.skus.get(sku_id)
    if sku is None or sku["capabilityStatus"] not in ("Enabled", "Warning"):
        return False
    prepaid = sku["prepaidUnits"]
    warning = prepaid["warning"] if world.switches.warning_seats == "assignable" else 0
    return bool(sku["consumedUnits"] < prepaid["enabled"] + warning)


def count(world: World, before: Iterable[Json], after: Iterable[Json]) -> None:
    """Update the used seats for changed licenseAssignmentStates of a user."""
    had = {state["skuId"] for state in effective(before)}
    held = {state["skuId"] for state in effective(after)}
    for sku_id in had ^ held:
        if sku_id in world.skus:
            world.skus[sku_id]["consumedUnits"] += 1 if sku_id in held else -1
