# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seats that a plan gives out, and those that would have saved the mailboxes that it leaves at risk.

Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Sku
from ansible_collections.m365.licensing.plugins.module_utils._licensing.seats import Seats

from .model import (
    PlanEntry,
    SeatsMissing,
    SeatUse,
    urgency_order,
)


def seat_use(skus: Iterable[Sku], seats: Seats, reserve: Mapping[str, int]) -> tuple[SeatUse, ...]:
    """The SKUs of which seats were given out, by part number. ``reserve``: seats held back, by SKU id."""
    used = []
    for sku in skus:
        taken, left = seats.taken(sku.id), seats.left(sku.id)
        if taken:
            used.append(SeatUse(sku.id, sku.part_number, taken + left, taken, left, reserve.get(sku.id, 0)))
    return tuple(sorted(used, key=lambda item: (item.part_number, item.sku_id)))


def seats_missing(
    entries: Sequence[PlanEntry], left: Callable[[str], int], name_of: Callable[[str], str]
) -> tuple[SeatsMissing, ...]:
    """The seats by SKU, in the order of their most urgent mailboxes; ``entries`` in the order of the plan.

    A user needs a seat of each SKU once, however many mailboxes are at risk. Seats that are left of a SKU (``left``, by
    its id) would go to the users whom the plan serves first, so they are not missing.
    """
    wanting: dict[str, list[PlanEntry]] = {}
    worst: dict[str, PlanEntry] = {}
    for entry in entries:
        if not entry.seats_wanted:
            continue
        if entry.user.id not in worst:
            for sku_id in entry.seats_wanted:
                wanting.setdefault(sku_id, []).append(entry)
        worst[entry.user.id] = min(worst.get(entry.user.id, entry), entry, key=urgency_order)
    shortages = []
    for sku_id, waiting in wanting.items():
        without = sorted((worst[entry.user.id] for entry in waiting[left(sku_id) :]), key=urgency_order)
        if without:
            first = without[0]
            dated = next((entry for entry in without if _is_dated(entry)), first)
            shortages.append(
                SeatsMissing(sku_id, name_of(sku_id), len(without), first, None if dated is first else dated)
            )
    return tuple(sorted(shortages, key=lambda item: (urgency_order(item.first), item.part_number)))


def _is_dated(entry: PlanEntry) -> bool:
    return entry.finding is not None and entry.finding.deadline.at is not None
