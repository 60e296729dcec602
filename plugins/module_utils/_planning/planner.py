# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules, findings, seats and guards for many users: who gets what, in which order, and why.

- Seats go to the most urgent mailbox, in the order of the audit's rows, and last to users of whom nothing is at risk.
  With ``seat_order: rules`` they go to the first rule first, and in that order within it.
- An alternative (``licenses``, then ``fallback``) is taken as a whole or not at all, and for a mailbox at risk only if
  the user would be covered by it: a license that does not save the mailbox is not worth a seat.
- An archive or a mailbox that no plan keeps gets one that lacks a right (hold, archive) where no alternative gives the
  right as well. Where none can be had as a whole, a mailbox gets the licenses of one that keep it.
- Among alternatives that are alike in that, one that the mailbox fits into comes first (``_plan_fit``).
- Rules judge each mailbox: what one of them says of one mailbox of a user is no answer for another. All that a user
  gets is in one change, made for the mailbox that is served first.
- A soft-deleted mailbox whose user has one in use, or a mailbox plan at work, is beyond what a license can do.
- Nothing that keeps a mailbox is taken away from anybody.
- Of whom nothing is at risk, nobody gets a license that brings nothing (``_plan_covered``).
- Guards look at the whole plan. With a single violation nothing may be written.

The plan depends on what is known of users and SKUs, never on the order in which they were read.
Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.change_notes import notes_for
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import (
    apply_to,
    change_for,
    uncovered_by,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    Needs,
    granted,
    is_covered,
    loses_mailbox,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.mailbox_room import Space
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Finding, LicenseChange, Sku, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.next_attempts import Case, is_usable
from ansible_collections.m365.licensing.plugins.module_utils._licensing.plan_effects import (
    abilities_lost,
    lesser_needs,
    need_lost,
    saves,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import foreseen_refusal
from ansible_collections.m365.licensing.plugins.module_utils._licensing.seats import Seats, seats_needed

from .alternatives import Alternatives
from .convergence import with_next_rules
from .covered import elsewhere, needless, seats_on_top
from .evaluation import Judge, Judged
from .explanations import (
    IN_PART,
    change_remarks,
    joined,
    lack_warnings,
    left_out,
    no_location,
    why_not_covered,
)
from .fit import Alternative, shrinks
from .guards import limit_of, violations_of
from .model import (
    ACTIONS,
    NOTHING_TO_DO,
    Candidate,
    Plan,
    PlanEntry,
    PlanOptions,
    SeatsMissing,
    SeatUse,
    one_comes_back,
    order_of_service,
    rule_uses,
)
from .rules import Rule
from .seats import seat_use, seats_missing
from .unlicensed import unsure

__all__ = ["ACTIONS", "Candidate", "Plan", "PlanEntry", "PlanOptions", "SeatUse", "build_plan"]


def build_plan(
    candidates: Iterable[Candidate],
    rules: Sequence[Rule],
    skus: Sequence[Sku],
    catalog: Catalog,
    options: PlanOptions,
    today: date,
) -> Plan:
    """The plan for all candidates: an entry for each mailbox at risk, and for each user without one.

    Raises ConfigurationError where ``max_changes`` or ``max_covered_seats`` is not a limit.
    """
    limit = limit_of(options.max_changes, options.population, "max_changes")
    covered = limit_of(options.max_covered_seats, options.population, "max_covered_seats", "seats")
    judge = Judge(rules, options.protected, catalog, today, license_guests=options.license_guests)
    places = {rule.name: place for place, rule in enumerate(rules)}
    planner = _Planner(skus, catalog, options, places)
    entries = planner.all_entries(judge, candidates)
    if options.looks_again:

        def replan(some: Sequence[Candidate], plenty: Sequence[Sku]) -> tuple[PlanEntry, ...]:
            return _Planner(plenty, catalog, options, places).all_entries(judge, some)

        entries = with_next_rules(entries, planner.changed, skus, replan)
    entries = tuple(map(unsure, entries))
    violations = violations_of(entries, skus, options, limit, covered)
    return Plan(
        entries,
        violations,
        planner.seat_use(),
        limit,
        covered,
        options.seat_order,
        rule_uses((rule.name for rule in rules), entries),
        {sku.id: planner.seats.left(sku.id) for sku in skus},
        planner.seats_missing(entries),
    )


class _Planner:
    def __init__(self, skus: Sequence[Sku], catalog: Catalog, options: PlanOptions, places: Mapping[str, int]) -> None:
        self._catalog, self._options, self._places = catalog, options, places
        self._skus = {sku.id: sku for sku in skus}
        self.seats = Seats(skus, options.seat_reserve, options.use_warning_seats)
        self._alternatives = Alternatives(self._skus, catalog, self.seats, swaps=options.allow_removals)
        self._first: dict[str, PlanEntry] = {}
        self.changed: dict[str, Candidate] = {}
        """For which mailbox (or None) a user is changed, by user id."""

    def all_entries(self, judge: Judge, candidates: Iterable[Candidate]) -> tuple[PlanEntry, ...]:
        """The decisions, in the order in which seats are given out."""
        by_user: dict[str, list[Judged]] = {}
        served = [judge.judge(candidate) for candidate in sorted(candidates, key=order_of_service)]
        if self._options.seat_order == "rules":
            # whom no rule matches, and whom protection leaves out, take no seat
            served.sort(key=lambda judged: self._places.get(judged.entry.rule, len(self._places)))
        for judged in served:
            by_user.setdefault(judged.user.id, []).append(judged)
        return tuple(entry for judged in served for entry in self._entries(judged, by_user[judged.user.id]))

    def _entries(self, judged: Judged, mine: Sequence[Judged]) -> list[PlanEntry]:
        """The decision for one of the mailboxes of a user (``mine`` are all); takes the seats it needs.

        None at all for a mailbox that is not at risk, where the user has others that are, and it needs nothing.
        """
        entry, changed = self._decided(judged, mine), judged.user.id in self.changed
        if entry.change:
            self.changed[judged.user.id] = judged.candidate
            self._first[judged.user.id] = entry
        alone = judged.candidate.finding is not None or len(mine) == 1
        return [entry] if alone or (entry.action not in NOTHING_TO_DO and not changed) else []

    def _decided(self, judged: Judged, mine: Sequence[Judged]) -> PlanEntry:
        entry, rule, finding = judged.entry, judged.rule, judged.candidate.finding
        if rule is None:
            return entry
        if judged.user.id in self.changed:
            return self._joined(entry)
        if finding is None:
            return self._without_finding(entry, rule, judged.candidate)
        needs = [finding.needs, *(other.needs for other in mine if other is not judged and other.needs)]
        space = judged.candidate.space
        decided = self._for_finding(entry, rule, needs, space)
        if decided.action not in ("license", "unchanged") and len(needs) > 1:
            # better one mailbox than none
            decided = self._for_finding(entry, rule, needs[:1], space)
        return (
            decided if decided.action in ("license", "unchanged") else self._saved(decided, entry, rule, finding, space)
        )

    def _saved(
        self, decided: PlanEntry, entry: PlanEntry, rule: Rule, finding: Finding, space: Space | None
    ) -> PlanEntry:
        """Where no alternative gives all that the mailbox needs (``decided``): better without a right than not at all.

        And better without a license of the rule, where nothing else keeps the mailbox.
        """
        lesser = lesser_needs(finding, entry.user, self._catalog)
        for needs in lesser:
            kept = self._for_finding(entry, rule, [needs], space)
            if kept.action == "license":
                return self._warned(kept, kept.change, finding)
            decided = kept if decided.action == "insufficient" else decided
        for needs in lesser if loses_mailbox(finding, entry.user, self._catalog) else ():
            kept = self._for_finding(entry, rule, [needs], space, whole=decided)
            if kept.action == "license":
                text = f"{IN_PART}{self._names(item.sku_id for item in kept.change.add)} keeps the mailbox"
                return self._warned(kept._replace(warnings=(*kept.warnings, text)), kept.change, finding)
        return decided

    def _warned(self, entry: PlanEntry, change: LicenseChange, finding: Finding) -> PlanEntry:
        """The entry, with a warning of what the mailbox lacks after the change."""
        after = apply_to(entry.user, change, self._skus)
        lacks = lack_warnings(finding, entry.user, after, self._skus, self._catalog)
        return entry._replace(warnings=(*entry.warnings, *lacks))

    def _joined(self, entry: PlanEntry) -> PlanEntry:
        """For another mailbox of a user who gets something already: all goes in that one request."""
        first, finding = self._first[entry.user.id], entry.finding
        if one_comes_back(first.finding, finding):
            note = "a license brings back one mailbox of its user, who has more than one that is out of use"
            return entry._replace(action="insufficient", note=note)
        predicted = apply_to(entry.user, first.change, self._skus)
        saved = entry._replace(action="license", note="saved by what the user gets for another mailbox")
        if finding is None or is_covered(finding.needs, granted(predicted, self._catalog)):
            return saved
        if saves(finding, entry.user, predicted, self._catalog):
            return self._warned(saved, first.change, finding)
        why = why_not_covered((), predicted, [finding.needs], self._skus, self._catalog)
        note = f"with what the user gets for another mailbox: {why}; the next run tries its own rule"
        return entry._replace(action="insufficient", note=note)

    def seat_use(self) -> tuple[SeatUse, ...]:
        """The SKUs of which seats were given out, by part number."""
        return seat_use(self._skus.values(), self.seats, self._options.seat_reserve)

    def seats_missing(self, entries: Sequence[PlanEntry]) -> tuple[SeatsMissing, ...]:
        """The seats that would have saved the mailboxes without one."""
        return seats_missing(entries, self.seats.left, lambda sku_id: self._skus[sku_id].part_number)

    def _for_finding(
        self,
        entry: PlanEntry,
        rule: Rule,
        needs: Sequence[Needs],
        space: Space | None,
        whole: PlanEntry | None = None,
    ) -> PlanEntry:
        """The first alternative that covers ``needs``; with what was decided about all of ``whole`` ones, a part."""
        reasons = left_out(rule)
        seatless = conflicting = False
        seats: tuple[str, ...] = ()
        for option in self._alternatives.of(entry.user, rule, space, in_parts=whole is not None):
            name, predicted = option.name, option.predicted
            reasons += option.ahead
            if not all(is_covered(need, granted(predicted, self._catalog)) for need in needs):
                why = why_not_covered(option.wanted, predicted, needs, self._skus, self._catalog)
                reasons.append(f"{name}: {why}")
                continue
            if not option.change:
                note = joined("the plans of this user cover it already", *reasons)
                return entry._replace(action="unchanged", note=note)
            if refusal := foreseen_refusal(entry.user, option.change, self._skus, option.predicted):
                conflicting = True
                reasons.append(f"{name}: {refusal.message}")
                continue
            needed = seats_needed(entry.user, option.change)
            missing = self.seats.missing(needed)
            if missing:
                seats = seats if seatless else needed
                seatless = True
                reasons.append(f"{name}: no seat left of {self._names(missing)}")
                continue
            return self._take(entry, rule, option, [whole.note] if whole else reasons)
        action = "no_seat" if seatless else "conflict" if conflicting else "insufficient"
        note, none_there = "; ".join(reasons), not rule.alternatives
        return entry._replace(action=action, note=note, seats_wanted=seats, none_there=none_there)

    def _without_finding(self, entry: PlanEntry, rule: Rule, candidate: Candidate) -> PlanEntry:
        user = entry.user
        leave = {item.sku_id for item in rule.fallback} - {item.sku_id for item in rule.licenses}
        if leave and change_for(user, rule.licenses, self._skus) and not change_for(user, rule.fallback, self._skus):
            return self._swap(entry, rule, leave, candidate)
        reasons = left_out(rule)
        if not rule.alternatives:
            return entry._replace(action="unchanged", note="; ".join(reasons))
        seatless = False
        for tried in self._alternatives.of(user, rule, candidate.space):
            option, spared = self._spare(user, tried, candidate)
            name, wanted = option.name, option.wanted
            reasons += (*option.ahead, *spared)
            if not option.change:
                notes = notes_for(user, wanted, "present", self._skus, self._catalog)
                return entry._replace(action="unchanged", note=joined(*reasons, *notes))
            if refusal := foreseen_refusal(user, option.change, self._skus, option.predicted):
                reasons.append(f"{name}: {refusal.message}")
                continue
            missing = self.seats.missing(seats_needed(user, option.change))
            if missing:
                seatless = True
                reasons.append(f"{name}: no seat left of {self._names(missing)}")
                continue
            guarded = self._guarded(entry, rule, option, reasons, candidate)
            by_rule = set(option.change.remove) <= set(rule.remove)
            has_fallback = bool(rule.fallback) and not change_for(user, rule.fallback, self._skus)
            if guarded.action == "refused_uncovered" and (not by_rule or has_fallback):
                reasons.append(f"{name}: {guarded.note}")
                continue
            return guarded
        return entry._replace(action="no_seat" if seatless else "conflict", note="; ".join(reasons))

    def _swap(self, entry: PlanEntry, rule: Rule, leave: set[str], candidate: Candidate) -> PlanEntry:
        """From the fallback (``leave`` of it goes) to the licenses of the rule, where a seat has become free."""
        user = entry.user
        if not self._options.allow_removals:
            return self._unswapped(entry, rule, "; a swap needs allow_removals", candidate)
        if not leave <= {state.sku_id for state in user.license_states if state.direct}:
            return self._unswapped(entry, rule, " through a group; only there it can end", candidate)
        tried = self._alternatives.one(user, rule, "licenses", rule.licenses, also_remove=leave)
        if why := shrinks(user, tried, candidate.space, self._catalog):
            return self._unswapped(entry, rule, f", and keeps it: {why}", candidate)
        option, spared = self._spare(user, tried, candidate)
        if refusal := foreseen_refusal(user, option.change, self._skus, option.predicted):
            return self._unswapped(entry, rule, f"; {refusal.message}", candidate)
        missing = self.seats.missing(seats_needed(user, option.change))
        if missing:
            return self._unswapped(entry, rule, f"; no seat left of {self._names(missing)}", candidate)
        swapped = self._guarded(entry, rule, option, ["swapped from the fallback", *spared], candidate)
        if swapped.action == "refused_uncovered":
            # nobody asked for this swap by name, so what speaks against it does not stop the plan
            return self._unswapped(entry, rule, f", and keeps it: {swapped.note}", candidate)
        return swapped

    def _unswapped(self, entry: PlanEntry, rule: Rule, why: str, candidate: Candidate) -> PlanEntry:
        """For who keeps the fallback: if the licenses are there as well, they get the plans that the rule declares."""
        user, note = entry.user, f"holds the fallback{why}"
        kept = entry._replace(action="unchanged", note=note)
        option, spared = self._spare(user, self._alternatives.one(user, rule, "licenses", rule.licenses), candidate)
        change = option.change
        if (
            spared
            or change.remove
            or seats_needed(user, change)
            or foreseen_refusal(user, change, self._skus, option.predicted)
        ):
            return kept
        guarded = self._guarded(entry, rule, option, [note], candidate)
        return kept if guarded.action == "refused_uncovered" else guarded

    def _guarded(
        self,
        entry: PlanEntry,
        rule: Rule,
        option: Alternative,
        reasons: Sequence[str],
        candidate: Candidate,
    ) -> PlanEntry:
        """Takes an alternative for a user without a finding, unless it takes away what keeps a mailbox."""
        needs = candidate.needs
        before = granted(entry.user, self._catalog)
        after = granted(option.predicted, self._catalog)
        lost: tuple[str, ...] = ()
        if needs != () and uncovered_by(entry.user, option.change, self._skus, self._catalog):
            lost = ("nothing would be left that keeps the mailbox",)
        elif needs is None:
            lost = abilities_lost(before, after)
        elif need := need_lost(needs, before, after):
            lost = (why_not_covered(option.wanted, option.predicted, [need], self._skus, self._catalog),)
        if lost:
            return entry._replace(action="refused_uncovered", note=joined(*lost))
        taken = self._take(entry, rule, option, reasons)
        kind = candidate.subject.mailbox_kind
        top = seats_on_top(entry.user, taken.change, kind, needs, self._skus, self._catalog)
        away = elsewhere(entry.user, taken.change, kind, needs, self._skus, self._catalog)
        note = f"a seat of {self._names(top)} for a mailbox that is covered without it" if top else ""
        return taken._replace(on_top=top, note=joined(taken.note, note), warnings=(*taken.warnings, *away))

    def _spare(self, user: User, option: Alternative, candidate: Candidate) -> tuple[Alternative, tuple[str, ...]]:
        """An alternative without the licenses that a user of whom nothing is at risk does not need, and why."""
        why = needless(user, option.change, candidate.subject.mailbox_kind, candidate.needs, self._skus, self._catalog)
        if not why:
            return option, ()
        add = tuple(item for item in option.change.add if item.sku_id not in why)
        change = option.change._replace(add=add, usage_location=option.change.usage_location if add else None)
        return option._replace(change=change, predicted=apply_to(user, change, self._skus)), tuple(why.values())

    def _take(self, entry: PlanEntry, rule: Rule, option: Alternative, reasons: Sequence[str]) -> PlanEntry:
        user, change = entry.user, option.change
        if change.add and not user.usage_location and not change.usage_location:
            return entry._replace(action="no_usage_location", note=no_location(user, rule))
        self.seats.take_all(seats_needed(user, change))
        notes, warnings = change_remarks(user, option.wanted, change, option.predicted, self._skus, self._catalog)
        return entry._replace(
            action="license",
            change=change,
            alternative=option.name,
            note=joined(*reasons, *notes),
            warnings=warnings,
            case=self._case(entry, rule, option),
        )

    def _case(self, entry: PlanEntry, rule: Rule, taken: Alternative) -> Case:
        """What may be tried where the service refuses the change: the other alternative, if it keeps the mailbox."""
        user, finding, name = entry.user, entry.finding, taken.name
        case = Case(taken.wanted, finding is not None, name, planned=user)
        tried = case.at_risk or name == "licenses" or taken.ahead
        asked = dict(rule.alternatives).get(case.other_name, ()) if tried else ()
        option = self._alternatives.one(user, rule, case.other_name, asked)
        if asked and is_usable(user, option.change, option.predicted, finding, self._skus, self._catalog):
            return case._replace(other=option.change, other_asked=asked)
        return case

    def _names(self, sku_ids: Iterable[str]) -> str:
        return ", ".join(sorted(self._skus[item].name if item in self._skus else item for item in sku_ids))
