# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many seats would have saved the mailboxes that a plan leaves at risk. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ansible_collections.m365.licensing.plugins.module_utils._plan_model import PlanEntry, SeatsMissing


def seats_missing(
    entries: Sequence[PlanEntry], left: Callable[[str], int], name_of: Callable[[str], str]
) -> tuple[SeatsMissing, ...]:
    """The seats by SKU, in the order of their most urgent mailboxes; ``entries`` in the order of the plan.

    A user needs a seat of each SKU once, however many mailboxes are at risk. Seats that are left of a SKU (``left``, by
    its id) would go to the most urgent users, so they are not missing.
    """
    wanting: dict[str, list[PlanEntry]] = {}
    users: set[str] = set()
    for entry in entries:
        if entry.seats_wanted and entry.user.id not in users:
            users.add(entry.user.id)
            for sku_id in entry.seats_wanted:
                wanting.setdefault(sku_id, []).append(entry)
    place = {id(entry): number for number, entry in enumerate(entries)}
    found = [
        SeatsMissing(sku_id, name_of(sku_id), len(waiting) - left(sku_id), waiting[left(sku_id)])
        for sku_id, waiting in wanting.items()
        if len(waiting) > left(sku_id)
    ]
    return tuple(sorted(found, key=lambda item: (place[id(item.first)], item.part_number)))
