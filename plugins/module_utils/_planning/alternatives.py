# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alternatives of a rule (``licenses``, then ``fallback``), as changes of one user, in the order of trying.

Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import apply_to, change_for
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import Wanted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.mailbox_room import Space
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Sku, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.plan_effects import parts_of
from ansible_collections.m365.licensing.plugins.module_utils._licensing.plan_relations import redundant
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import foreseen_refusal
from ansible_collections.m365.licensing.plugins.module_utils._licensing.seats import Seats, seats_needed

from .fit import Alternative, best_first
from .rules import Rule


class Alternatives:
    """What rules would change, with the seats that are left (``seats``). ``swaps``: may licenses be removed?"""

    def __init__(self, skus: Mapping[str, Sku], catalog: Catalog, seats: Seats, *, swaps: bool) -> None:
        self._skus, self._catalog, self._seats, self._swaps = skus, catalog, seats, swaps

    def of(self, user: User, rule: Rule, space: Space | None, *, in_parts: bool = False) -> Iterable[Alternative]:
        """The alternatives of a rule, or their parts, in the order in which they are tried."""
        options = (self._option(user, rule, name, wanted) for name, wanted in rule.alternatives)
        if in_parts:
            options = (
                self._option(user, rule, item.name, part)
                for item in options
                for part in parts_of(item.wanted, self._seats.missing(seats_needed(user, item.change)))
            )
        return options if space is None else best_first(user, list(options), space, self._catalog)

    def _option(self, user: User, rule: Rule, name: str, wanted: Sequence[Wanted]) -> Alternative:
        """An alternative; without what the user holds of the fallback, where that stands against it or adds nothing."""
        option = self.one(user, rule, name, wanted)
        held = {item.sku_id for item in rule.fallback} & {state.sku_id for state in user.license_states if state.direct}
        if name == "fallback" or not held or not self._swaps:
            return option
        spare = redundant(option.predicted, option.change, self._skus, self._catalog)
        if held & spare or foreseen_refusal(user, option.change, self._skus, option.predicted):
            swapped = self.one(user, rule, name, wanted, also_remove=held)
            if not foreseen_refusal(user, swapped.change, self._skus, swapped.predicted):
                return swapped
        return option

    def one(
        self, user: User, rule: Rule, name: str, wanted: Sequence[Wanted], also_remove: Iterable[str] = ()
    ) -> Alternative:
        """An alternative as it stands in the rule; ``also_remove``: SKUs that go besides those of the rule."""
        leave = (set(rule.remove) | set(also_remove)) - {item.sku_id for item in wanted}
        change = change_for(user, wanted, self._skus, leaving=leave, catalog=self._catalog)
        if change.add and not user.usage_location:
            change = change._replace(usage_location=rule.usage_location.of(user) if rule.usage_location else None)
        return Alternative(name, change, apply_to(user, change, self._skus), wanted)
