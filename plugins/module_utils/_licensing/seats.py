# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many seats are left, and who gets them.

Enabled seats are spent; seats in their grace period (``warning``) only where asked for; what is suspended or locked
out never [subscribedSku resource]. A seat that a removal frees is not given out again by the same plan: the write
that frees it may come after the one that needs it. The next plan gives it out. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .models import LicenseChange, Sku, User


class Shortage(NamedTuple):
    """A SKU of which more seats are asked for than are left. All figures are seats."""

    sku_id: str
    needed: int
    left: int
    reserved: int

    def sentence(self, name: str) -> str:
        """For people: ``SPE_E3: 12 seats needed, 3 left (5 more are held back by seat_reserve)``."""
        held = f" ({self.reserved} held back by seat_reserve)" if self.reserved else ""
        return f"{name}: {self.needed} {'seat' if self.needed == 1 else 'seats'} needed, {self.left} left{held}"


class Seats:
    """The seats of a tenant while they are given out, one decision after the other.

    ``reserve`` (seats by SKU id) is held back; ``use_warning`` also spends seats in their grace period.
    A SKU that the tenant does not have has no seats.
    """

    def __init__(
        self, skus: Iterable[Sku], reserve: Mapping[str, int] | None = None, use_warning: bool = False
    ) -> None:
        self._reserve = dict(reserve or {})
        self._start = {sku.id: sku.seats_left(use_warning=use_warning) for sku in skus}
        self._taken: Counter[str] = Counter()

    def left(self, sku_id: str) -> int:
        """Seats that can still be given out, without the reserve; never below 0."""
        return max(0, self._start.get(sku_id, 0) - self._reserve.get(sku_id, 0) - self._taken[sku_id])

    def taken(self, sku_id: str) -> int:
        """Seats given out so far."""
        return self._taken[sku_id]

    def take(self, sku_id: str) -> bool:
        """Takes one seat if there is one."""
        return self.take_all((sku_id,))

    def take_all(self, sku_ids: Iterable[str]) -> bool:
        """Takes one seat of each SKU, or none at all."""
        wanted = set(sku_ids)
        if any(self.left(sku_id) < 1 for sku_id in wanted):
            return False
        self._taken.update(wanted)
        return True

    def missing(self, sku_ids: Iterable[str]) -> tuple[str, ...]:
        """Those of the SKUs that have no seat left, sorted."""
        return tuple(sorted({sku_id for sku_id in sku_ids if self.left(sku_id) < 1}))

    def shortage(self, needed: Mapping[str, int]) -> tuple[Shortage, ...]:
        """What is lacking for ``needed`` (seats by SKU id), sorted by SKU; empty when there are seats for all."""
        return tuple(
            Shortage(sku_id, count, self.left(sku_id), min(self._reserve.get(sku_id, 0), self._start.get(sku_id, 0)))
            for sku_id, count in sorted(needed.items())
            if count > self.left(sku_id)
        )


def seats_needed(user: User, change: LicenseChange) -> tuple[str, ...]:
    """The SKUs for which this change takes a new seat: who holds a SKU already, in whatever way, needs none."""
    return tuple(sorted({item.sku_id for item in change.add if not user.holds(item.sku_id)}))
