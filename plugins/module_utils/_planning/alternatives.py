# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alternatives of a rule (``licenses``, then ``fallback``), as changes of one user, in the order of trying.

Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import (
    apply_to,
    change_for,
    uncovered_by,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import Needs, granted, is_covered
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import Wanted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.mailbox_room import (
    Room,
    Space,
    misfit,
    why_too_small,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import LicenseChange, Sku, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.plan_effects import (
    abilities_lost,
    need_lost,
    parts_of,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.plan_relations import redundant
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import foreseen_refusal
from ansible_collections.m365.licensing.plugins.module_utils._licensing.seats import Seats, seats_needed

from .explanations import join_notes, sku_names, why_not_covered
from .mailbox_fit import rooms
from .model import Candidate
from .rules import Rule
from .unneeded import unneeded_licenses


class Alternative(NamedTuple):
    """One license list of a rule, tried on one user."""

    name: str
    change: LicenseChange
    predicted: User
    """The user after the change."""
    wanted: Sequence[Wanted] = ()
    ahead: tuple[str, ...] = ()
    """Why others of the rule come after it."""
    spared: tuple[str, ...] = ()
    """Why licenses that the user does not need are left out."""
    rejection: str = ""
    """The action of a plan that says why the user cannot get it; empty where the user can get it."""
    why: str = ""
    """The same in words, without a full stop."""


class Alternatives:
    """What rules would change, with the seats that are left (``seats``). ``swaps``: may licenses be removed?"""

    def __init__(self, skus: Mapping[str, Sku], catalog: Catalog, seats: Seats, *, swaps: bool) -> None:
        self._skus, self._catalog, self._seats, self._swaps = skus, catalog, seats, swaps

    def of(self, user: User, rule: Rule, space: Space | None, *, in_parts: bool = False) -> Iterable[Alternative]:
        """The alternatives of a rule, or their parts, in the order in which they are tried."""
        options = (self._alternative_of(user, rule, name, wanted) for name, wanted in rule.alternatives)
        if in_parts:
            options = (
                self._alternative_of(user, rule, item.name, part)
                for item in options
                for part in parts_of(item.wanted, self._seats.missing(seats_needed(user, item.change)))
            )
        return options if space is None else best_first(user, list(options), space, self._catalog)

    def _alternative_of(self, user: User, rule: Rule, name: str, wanted: Sequence[Wanted]) -> Alternative:
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

    def evaluate(
        self, candidate: Candidate, options: Iterable[Alternative], needs: Sequence[Needs] = ()
    ) -> Iterator[Alternative]:
        """Each alternative with the reason that rejects it; tried only when the caller asks for the next one.

        For a mailbox at risk it must cover all ``needs``. For any other user the licenses that are not needed are left
        out, and nothing may take away what keeps a mailbox.
        """
        user, safe = candidate.subject.user, candidate.finding is None
        for tried in options:
            option = self._without_unneeded(candidate, tried) if safe else tried
            change, predicted = option.change, option.predicted
            rejection, why = "", ""
            if not all(is_covered(need, granted(predicted, self._catalog)) for need in needs):
                rejection = "insufficient"
                why = why_not_covered(option.wanted, predicted, needs, self._skus, self._catalog)
            elif change and (refusal := foreseen_refusal(user, change, self._skus, predicted)):
                rejection, why = "conflict", refusal.message
            elif missing := self._seats.missing(seats_needed(user, change)):
                rejection, why = "no_seat", f"no seat left of {sku_names(missing, self._skus)}"
            elif safe and change and (lost := self._lost(candidate, option)):
                rejection, why = "refused_uncovered", lost
            yield option._replace(rejection=rejection, why=why)

    def _without_unneeded(self, candidate: Candidate, option: Alternative) -> Alternative:
        user, kind = candidate.subject.user, candidate.subject.mailbox_kind
        why = unneeded_licenses(user, option.change, kind, candidate.needs, self._skus, self._catalog)
        if not why:
            return option
        add = tuple(item for item in option.change.add if item.sku_id not in why)
        change = option.change._replace(add=add, usage_location=option.change.usage_location if add else None)
        predicted = apply_to(user, change, self._skus)
        return option._replace(change=change, predicted=predicted, spared=tuple(why.values()))

    def _lost(self, candidate: Candidate, option: Alternative) -> str:
        """What a mailbox that is safe now would lose; empty where it loses nothing."""
        user, needs = candidate.subject.user, candidate.needs
        before, after = granted(user, self._catalog), granted(option.predicted, self._catalog)
        if needs != () and uncovered_by(user, option.change, self._skus, self._catalog):
            return "nothing would be left that keeps the mailbox"
        if needs is None:
            return join_notes(*abilities_lost(before, after))
        need = need_lost(needs, before, after)
        return why_not_covered(option.wanted, option.predicted, [need], self._skus, self._catalog) if need else ""


def best_first(user: User, options: Sequence[Alternative], space: Space, catalog: Catalog) -> list[Alternative]:
    """The alternatives, those first into which the mailbox fits, else in their order.

    One that brings the mailbox no plan, or none but the one at work, says nothing of the size, and keeps its place.
    """
    ranked: list[tuple[int, int, Room, Alternative]] = []
    ordered = list(options)
    for place, option in enumerate(options):
        before, after = rooms(user, option.predicted, catalog)
        if after.plan is not None and after != before:
            ranked.append((misfit(space, before, after), place, after, option))
    places = sorted(item[1] for item in ranked)
    for place, item in zip(places, sorted(ranked, key=lambda item: item[:2]), strict=True):
        later = [other for other in ranked if other[0] > item[0] and other[1] < item[1]]
        ahead = tuple(f"{other[3].name}: {why_too_small(space, other[2])}" for other in later)
        ordered[place] = item[3]._replace(ahead=ahead)
    return ordered


def shrinkage(user: User, option: Alternative, space: Space | None, catalog: Catalog) -> str:
    """Why a change makes the plan of a mailbox too small that was not so before; empty where it does not."""
    if space is None:
        return ""
    before, after = rooms(user, option.predicted, catalog)
    if not misfit(space, before, after) or space.fits(before.said) is False:
        return ""
    return why_too_small(space, after)
