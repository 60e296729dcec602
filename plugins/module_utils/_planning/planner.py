# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules, findings, seats and guards for many users: who gets which license, in which order, and why.

- Seats go to the most urgent mailbox, in the order of the audit's rows, and last to users without a mailbox at risk.
  With ``seat_order: rules`` they go to the first rule first, and in that order within it.
- The planner takes an alternative (``licenses``, then ``fallback``) as a whole or not at all. For a mailbox at risk it
  takes one only if the user would be covered by it: a license that does not save the mailbox is not worth a seat.
- Where no alternative gives a right as well (hold, archive), a mailbox or archive that no plan keeps gets one that
  lacks the right. Where no alternative can be had as a whole, a mailbox gets the licenses of one that keep it.
- Among alternatives that are alike in that, one that the mailbox fits into comes first (``mailbox_fit``).
- Rules decide for each mailbox on its own, also where a user has several. All that a user gets is in one change, made
  for the mailbox that is served first.
- No license brings back a soft-deleted mailbox whose user has one in use, or has a mailbox plan at work.
- The planner never takes away what keeps a mailbox.
- A user without a mailbox at risk gets no license that brings nothing (``unneeded``).
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
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    Needs,
    granted,
    is_covered,
    loses_mailbox,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Finding, LicenseChange, Sku
from ansible_collections.m365.licensing.plugins.module_utils._licensing.next_attempts import Case, is_usable
from ansible_collections.m365.licensing.plugins.module_utils._licensing.plan_effects import lesser_needs, saves
from ansible_collections.m365.licensing.plugins.module_utils._licensing.seats import Seats, seats_needed

from .alternatives import Alternative, Alternatives, shrinkage
from .convergence import with_next_rules
from .evaluation import Evaluation, RuleEvaluator
from .explanations import (
    IN_PART,
    change_remarks,
    join_notes,
    lack_warnings,
    mark_uncertain,
    missing_sku_notes,
    sku_names,
    why_no_location,
    why_not_covered,
)
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
    only_one_recoverable,
    rule_uses,
    service_order,
)
from .rules import Rule
from .seat_counts import seat_use, seats_missing
from .unneeded import on_premises_warnings, seats_for_covered

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
    evaluator = RuleEvaluator(rules, options.protected, catalog, today, license_guests=options.license_guests)
    places = {rule.name: place for place, rule in enumerate(rules)}
    planner = _Planner(skus, catalog, options, places)
    entries = planner.all_entries(evaluator, candidates)
    if options.all_users_scope:

        def replan(candidates: Sequence[Candidate], ample_skus: Sequence[Sku]) -> tuple[PlanEntry, ...]:
            return _Planner(ample_skus, catalog, options, places).all_entries(evaluator, candidates)

        entries = with_next_rules(entries, planner.changed, skus, replan)
    entries = tuple(map(mark_uncertain, entries))
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

    def all_entries(self, evaluator: RuleEvaluator, candidates: Iterable[Candidate]) -> tuple[PlanEntry, ...]:
        """The decisions, in the order in which seats are given out."""
        by_user: dict[str, list[Evaluation]] = {}
        served = [evaluator.evaluate(candidate) for candidate in sorted(candidates, key=service_order)]
        if self._options.seat_order == "rules":
            # users without a rule, and protected ones, take no seat
            served.sort(key=lambda item: self._places.get(item.entry.rule, len(self._places)))
        for item in served:
            by_user.setdefault(item.user.id, []).append(item)
        return tuple(entry for item in served for entry in self._entries(item, by_user[item.user.id]))

    def _entries(self, item: Evaluation, of_user: Sequence[Evaluation]) -> list[PlanEntry]:
        """The decision for one mailbox among all ``of_user``; takes the seats that it needs.

        Empty for a mailbox that is not at risk and needs nothing, where its user has others that are at risk.
        """
        entry, changed = self._decide(item, of_user), item.user.id in self.changed
        if entry.change:
            self.changed[item.user.id] = item.candidate
            self._first[item.user.id] = entry
        alone = item.candidate.finding is not None or len(of_user) == 1
        return [entry] if alone or (entry.action not in NOTHING_TO_DO and not changed) else []

    def _decide(self, item: Evaluation, of_user: Sequence[Evaluation]) -> PlanEntry:
        rule, finding = item.rule, item.candidate.finding
        if rule is None:
            return item.entry
        if item.user.id in self.changed:
            return self._covered_by_other_change(item.entry)
        if finding is None:
            return self._best_without_finding(item, rule)
        needs = [finding.needs, *(other.needs for other in of_user if other is not item and other.needs)]
        decided = self._best_for_finding(item, rule, needs)
        if decided.action not in ("license", "unchanged") and len(needs) > 1:
            # better one mailbox than none
            decided = self._best_for_finding(item, rule, needs[:1])
        if decided.action in ("license", "unchanged"):
            return decided
        return self._save_in_part(decided, item, rule, finding)

    def _save_in_part(self, decided: PlanEntry, item: Evaluation, rule: Rule, finding: Finding) -> PlanEntry:
        """Where no alternative gives all that the mailbox needs (``decided``): better without a right than not at all.

        And better without a license of the rule, where nothing else keeps the mailbox.
        """
        lesser = lesser_needs(finding, item.user, self._catalog)
        for needs in lesser:
            kept = self._best_for_finding(item, rule, [needs])
            if kept.action == "license":
                return self._with_lack_warnings(kept, kept.change, finding)
            decided = kept if decided.action == "insufficient" else decided
        for needs in lesser if loses_mailbox(finding, item.user, self._catalog) else ():
            kept = self._best_for_finding(item, rule, [needs], whole=decided)
            if kept.action == "license":
                text = f"{IN_PART}{sku_names((part.sku_id for part in kept.change.add), self._skus)} keeps the mailbox"
                return self._with_lack_warnings(kept._replace(warnings=(*kept.warnings, text)), kept.change, finding)
        return decided

    def _with_lack_warnings(self, entry: PlanEntry, change: LicenseChange, finding: Finding) -> PlanEntry:
        """The entry, with a warning of what the mailbox lacks after the change."""
        after = apply_to(entry.user, change, self._skus)
        lacks = lack_warnings(finding, entry.user, after, self._skus, self._catalog)
        return entry._replace(warnings=(*entry.warnings, *lacks))

    def _covered_by_other_change(self, entry: PlanEntry) -> PlanEntry:
        """For another mailbox of a user who gets something already: all goes in that one request."""
        first, finding = self._first[entry.user.id], entry.finding
        if only_one_recoverable(first.finding, finding):
            note = "a license restores one mailbox of a user; this user has several disconnected or soft-deleted ones"
            return entry._replace(action="insufficient", note=note)
        predicted = apply_to(entry.user, first.change, self._skus)
        saved = entry._replace(action="license", note="saved by what the user gets for another mailbox")
        if finding is None or is_covered(finding.needs, granted(predicted, self._catalog)):
            return saved
        if saves(finding, entry.user, predicted, self._catalog):
            return self._with_lack_warnings(saved, first.change, finding)
        why = why_not_covered((), predicted, [finding.needs], self._skus, self._catalog)
        note = f"with what the user gets for another mailbox: {why}; the next run tries its own rule"
        return entry._replace(action="insufficient", note=note)

    def seat_use(self) -> tuple[SeatUse, ...]:
        """The SKUs of which seats were given out, by part number."""
        return seat_use(self._skus.values(), self.seats, self._options.seat_reserve)

    def seats_missing(self, entries: Sequence[PlanEntry]) -> tuple[SeatsMissing, ...]:
        """The seats that would have saved the mailboxes without one."""
        return seats_missing(entries, self.seats.left, lambda sku_id: self._skus[sku_id].part_number)

    def _best_for_finding(
        self, item: Evaluation, rule: Rule, needs: Sequence[Needs], whole: PlanEntry | None = None
    ) -> PlanEntry:
        """The first alternative that covers ``needs``; with what was decided about all of ``whole`` ones, a part."""
        entry, reasons = item.entry, missing_sku_notes(rule)
        rejected: dict[str, Alternative] = {}
        options = self._alternatives.of(item.user, rule, item.candidate.space, in_parts=whole is not None)
        for option in self._alternatives.evaluate(item.candidate, options, needs):
            reasons += option.ahead
            if not option.rejection and option.change:
                return self._accept(item, rule, option, [whole.note] if whole else reasons)
            if not option.rejection:
                note = join_notes("the plans of this user cover it already", *reasons)
                return entry._replace(action="unchanged", note=note)
            reasons.append(f"{option.name}: {option.why}")
            rejected.setdefault(option.rejection, option)
        action = next((action for action in ("no_seat", "conflict") if action in rejected), "insufficient")
        seats = seats_needed(item.user, rejected[action].change) if action == "no_seat" else ()
        no_such_sku = not rule.alternatives
        return entry._replace(action=action, note="; ".join(reasons), seats_wanted=seats, no_such_sku=no_such_sku)

    def _best_without_finding(self, item: Evaluation, rule: Rule) -> PlanEntry:
        """The first alternative that neither lacks a seat nor takes away what keeps a mailbox."""
        entry, user, reasons = item.entry, item.user, missing_sku_notes(rule)
        holds_fallback = bool(rule.fallback) and not change_for(user, rule.fallback, self._skus)
        leave = {wanted.sku_id for wanted in rule.fallback} - {wanted.sku_id for wanted in rule.licenses}
        if leave and holds_fallback and change_for(user, rule.licenses, self._skus):
            return self._swap_from_fallback(item, rule, leave)
        if not rule.alternatives:
            return entry._replace(action="unchanged", note="; ".join(reasons))
        seatless = False
        options = self._alternatives.of(user, rule, item.candidate.space)
        for option in self._alternatives.evaluate(item.candidate, options):
            reasons += (*option.ahead, *option.spared)
            if not option.rejection and option.change:
                return self._accept(item, rule, option, reasons)
            if not option.rejection:
                notes = notes_for(user, option.wanted, "present", self._skus, self._catalog)
                return entry._replace(action="unchanged", note=join_notes(*reasons, *notes))
            by_rule = set(option.change.remove) <= set(rule.remove)
            if option.rejection == "refused_uncovered" and by_rule and not holds_fallback:
                return entry._replace(action="refused_uncovered", note=option.why)
            seatless = seatless or option.rejection == "no_seat"
            reasons.append(f"{option.name}: {option.why}")
        return entry._replace(action="no_seat" if seatless else "conflict", note="; ".join(reasons))

    def _swap_from_fallback(self, item: Evaluation, rule: Rule, leave: set[str]) -> PlanEntry:
        """From the fallback (``leave`` of it goes) to the licenses of the rule, where a seat has become free."""
        user = item.user
        if not self._options.allow_removals:
            return self._keep_fallback(item, rule, "; a swap needs allow_removals")
        if not leave <= {state.sku_id for state in user.license_states if state.direct}:
            return self._keep_fallback(item, rule, " through a group; only there it can end")
        tried = self._alternatives.one(user, rule, "licenses", rule.licenses, also_remove=leave)
        if why := shrinkage(user, tried, item.candidate.space, self._catalog):
            return self._keep_fallback(item, rule, f", and keeps it: {why}")
        [option] = self._alternatives.evaluate(item.candidate, [tried])
        if not option.rejection:
            return self._accept(item, rule, option, ["swapped from the fallback", *option.spared])
        # the rule does not name this swap, so what the mailbox would lose by it does not stop the plan
        keeps = ", and keeps it:" if option.rejection == "refused_uncovered" else ";"
        return self._keep_fallback(item, rule, f"{keeps} {option.why}")

    def _keep_fallback(self, item: Evaluation, rule: Rule, why: str) -> PlanEntry:
        """Keep the fallback; if the user has the licenses as well, switch on the plans that the rule declares."""
        note = f"holds the fallback{why}"
        tried = self._alternatives.one(item.user, rule, "licenses", rule.licenses)
        [option] = self._alternatives.evaluate(item.candidate, [tried])
        if option.spared or option.rejection or option.change.remove or seats_needed(item.user, option.change):
            return item.entry._replace(action="unchanged", note=note)
        return self._accept(item, rule, option, [note])

    def _accept(self, item: Evaluation, rule: Rule, option: Alternative, reasons: Sequence[str]) -> PlanEntry:
        """The entry with the change of an alternative; takes its seats."""
        entry, user, change, candidate = item.entry, item.user, option.change, item.candidate
        if change.add and not user.usage_location and not change.usage_location:
            return entry._replace(action="no_usage_location", note=why_no_location(user, rule))
        self.seats.take_all(seats_needed(user, change))
        notes, warnings = change_remarks(user, option.wanted, change, option.predicted, self._skus, self._catalog)
        covered_seats: tuple[str, ...] = ()
        if candidate.finding is None:
            kind, needs = candidate.subject.mailbox_kind, candidate.needs
            covered_seats = seats_for_covered(user, change, kind, needs, self._skus, self._catalog)
            if covered_seats:
                seats = sku_names(covered_seats, self._skus)
                notes = (*notes, f"a seat of {seats} for a mailbox that is covered without it")
            warnings = (*warnings, *on_premises_warnings(user, change, kind, needs, self._skus, self._catalog))
        return entry._replace(
            action="license",
            change=change,
            alternative=option.name,
            note=join_notes(*reasons, *notes),
            warnings=warnings,
            case=self._case(entry, rule, option),
            covered_seats=covered_seats,
        )

    def _case(self, entry: PlanEntry, rule: Rule, taken: Alternative) -> Case:
        """What may be tried where the service refuses the change: the other alternative, if it keeps the mailbox."""
        user, finding, name = entry.user, entry.finding, taken.name
        case = Case(taken.wanted, finding is not None, name, planned=user)
        tried = case.at_risk or name == "licenses" or taken.ahead
        asked = dict(rule.alternatives).get(case.other_name, ()) if tried else ()
        option = self._alternatives.one(user, rule, case.other_name, asked)
        if asked and is_usable(user, option.change, option.predicted, finding, self._skus, self._catalog):
            return case._replace(other=option.change, other_wanted=asked)
        return case
