# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module ``m365_license_plan`` returns and reports: rows, counts, a diff, warnings. Pure: no I/O, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._assign.denials import (
    missing_permission,
    permission_headline,
)
from ansible_collections.m365.licensing.plugins.module_utils._assign.outcomes import Outcome
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import summarize
from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import to_json, to_plain
from ansible_collections.m365.licensing.plugins.module_utils._licensing.alarms import (
    AlarmRaised,
    Reason,
    counts_for,
    critical_words,
    is_within,
    left_message,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import licenses_row
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import granted, is_covered
from ansible_collections.m365.licensing.plugins.module_utils._licensing.deadlines import urgency
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Finding, Sku
from ansible_collections.m365.licensing.plugins.module_utils._planning.convergence import conflict_warnings
from ansible_collections.m365.licensing.plugins.module_utils._planning.explanations import (
    REASONS,
    WHY_LEFT,
    entry_as_sent,
    undecided_reason,
    undecided_warnings,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.model import (
    PlanEntry,
    SeatsMissing,
    urgency_order,
)
from ansible_collections.m365.licensing.plugins.module_utils._reporting.audit_report import audit_markdown, audit_row
from ansible_collections.m365.licensing.plugins.module_utils._reporting.brief_rows import ATTENTION
from ansible_collections.m365.licensing.plugins.module_utils._reporting.diff import diff_of
from ansible_collections.m365.licensing.plugins.module_utils._reporting.markdown import MARKDOWN_ROWS, group_markdown
from ansible_collections.m365.licensing.plugins.module_utils._reporting.plan_report import (
    plan_markdown,
    plan_row,
    plan_summary,
)
from ansible_collections.m365.licensing.plugins.module_utils._reporting.run_facts import head_facts

from .workflow import Planned, PlannerOptions

STATUSES = ("planned", "changed", "failed", "skipped", "unchanged")
"""The result for a user. ``planned``: would be written and was not, because of the mode or of a violation."""


class PlanFailed(AlarmRaised):
    """A guard stopped the plan, writing it failed for a user, or mailboxes stay at risk."""


class EntryResult:
    """An entry of the plan, and its outcome, which is None where the run tried nothing for the entry."""

    __slots__ = ("entry", "outcome", "place")

    def __init__(self, entry: PlanEntry, outcome: Outcome | None) -> None:
        self.entry = entry
        self.place: int | None = None
        self.outcome = outcome if entry.action == "license" else None

    @property
    def status(self) -> str:
        """One of STATUSES, or ``planned``."""
        if self.outcome is not None:
            return self.outcome.status
        return "planned" if self.entry.action == "license" else "unchanged"

    @property
    def confirmation(self) -> str:
        return self.outcome.confirmation if self.outcome is not None else ""

    @property
    def failed_or_skipped(self) -> bool:
        """Does the plan change this user, and the run has not done it?"""
        return self.status in ("failed", "skipped")

    @property
    def tally(self) -> str:
        """How the summary counts a user whom the plan licenses; without a run, what the plan predicts."""
        return "failed" if self.failed_or_skipped else "done_elsewhere" if self.status == "unchanged" else "licensed"

    @property
    def unresolved(self) -> bool:
        """Does this mailbox stay at risk after this run, though neither a rule nor protection asks for that?"""
        return self.entry.finding is not None and (self.entry.action in ATTENTION or self.failed_or_skipped)

    @property
    def stays_at_risk(self) -> bool:
        """Does this mailbox stay at risk without an exception of the rules? That counts protected users, too."""
        return self.unresolved or (self.entry.finding is not None and self.entry.action == "protected")

    @property
    def reason_left(self) -> str:
        """The action, or ``none_there`` where the tenant has nothing of what the rule would give; a key of REASONS."""
        if self.entry.doubt:
            return f"{self.entry.action}_{self.entry.doubt}"
        return "none_there" if self.entry.no_such_sku else self.entry.action

    @property
    def upn(self) -> str:
        return self.entry.user.user_principal_name


class PlanRows(Sequence[dict[str, Any]]):
    """The rows of a result, each made on demand: all of a large tenant at once would fill the memory."""

    def __init__(self, planned: Planned, catalog: Catalog) -> None:
        outcomes = planned.outcomes or {}
        self._skus, self._catalog = planned.skus, catalog
        self.entry_results = [
            self._entry_result(entry, outcomes.get(entry.user.id))
            for entry in planned.plan.entries
            if entry.finding is not None or entry.action not in ("unchanged", "unmatched")
        ]
        at_risk = (item for item in self.entry_results if item.entry.finding is not None)
        for place, item in enumerate(sorted(at_risk, key=lambda item: urgency_order(item.entry)), 1):
            item.place = place

    def _entry_result(self, entry: PlanEntry, outcome: Outcome | None) -> EntryResult:
        taken = outcome.taken if outcome is not None else None
        return EntryResult(entry_as_sent(entry, taken, self._skus, self._catalog) if taken else entry, outcome)

    def __len__(self) -> int:
        return len(self.entry_results)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self._row(item) for item in self.entry_results[place]]
        return self._row(self.entry_results[place])

    def _row(self, item: EntryResult) -> dict[str, Any]:
        row = plan_row(item.entry, self._skus, self._catalog)
        row.update(urgency=item.place, status=item.status, confirmation=item.confirmation, error=None)
        if item.outcome is not None:
            problem = item.outcome.error
            row["error"] = {"code": problem.code, "message": problem.message, "hint": problem.hint} if problem else None
            row["note"] = "; ".join(text for text in (row["note"], *item.outcome.notes) if text)
            row["before"] = licenses_row(item.outcome.before, self._skus, self._catalog)
            row["after"] = licenses_row(item.outcome.after, self._skus, self._catalog)
        return row


def result_of(planned: Planned, options: PlannerOptions, *, requests: int, check_mode: bool) -> dict[str, Any]:
    """The result of the module, without what it is to say as warnings (``warnings_of``)."""
    plan, skus, catalog = planned.plan, planned.skus, options.audit.catalog.in_tenant(planned.skus.values())
    outcomes = planned.outcomes or {}
    rows = PlanRows(planned, catalog)
    entry_results = rows.entry_results
    # users, and not mailboxes: only one row of a user says what is written
    licensed = [item for item in entry_results if item.entry.action == "license"]
    tally = Counter((item.entry.finding is not None, item.tally) for item in licensed)
    writing = [item for item in entry_results if item.entry.change]
    statuses = Counter(item.status for item in writing)
    confirmations = Counter(item.confirmation for item in writing)
    written = [outcome for outcome in outcomes.values() if outcome.wrote]
    return {
        "changed": bool(written),
        "users": rows,
        "unmatched": _once(entry.user.user_principal_name for entry in plan.entries if entry.action == "unmatched"),
        "summary": {
            **plan_summary(plan),
            "mode": "apply" if options.apply else "plan",
            "check_mode": check_mode,
            "applied": planned.outcomes is not None,
            **{status: statuses[status] for status in STATUSES if status != "unchanged"},
            "confirmed": confirmations["confirmed"],
            "accepted": confirmations["accepted"],
            "done_elsewhere": statuses["unchanged"],
            "at_risk_licensed": tally[True, "licensed"],
            "at_risk_done_elsewhere": tally[True, "done_elsewhere"],
            "at_risk_failed": tally[True, "failed"],
            "others_licensed": tally[False, "licensed"],
            "others_done_elsewhere": tally[False, "done_elsewhere"],
            "others_failed": tally[False, "failed"],
            "unresolved": sum(item.unresolved for item in entry_results),
            "excluded": planned.left_out.summary(),
            "audit": planned.audit.summary(),
            "requests": requests,
        },
        "groups": [item.row() for item in planned.groups],
        "violations": list(plan.violations),
        "diff": diff_of(
            (
                item.before.user_principal_name,
                licenses_row(item.before, skus, catalog),
                licenses_row(item.after, skus, catalog),
            )
            for item in written
        ),
    }


def warnings_of(planned: Planned, result: Mapping[str, Any], options: PlannerOptions) -> list[str]:
    """One sentence for each kind of problem, however many users have it; without those of the audit.

    In the mode ``plan`` some say what ``fail_on`` and ``fail_within_days`` would fail for.
    """
    warnings = list(planned.warnings)
    if result["summary"]["mode"] == "plan":
        # to apply it is an error
        warnings += [f"The plan may not be applied: {violation}." for violation in result["violations"]]
        left = left_at_risk(result["users"].entry_results, options, planned.plan.seats_missing)
        warnings += [reason.message for reason in left]
    by_action: dict[str, list[str]] = {}
    weakened: dict[str, list[str]] = {}
    entry_results = result["users"].entry_results
    for item in entry_results:
        if item.entry.finding is not None and item.entry.action in ATTENTION:
            by_action.setdefault(item.reason_left, []).append(item.upn)
        for sentence in item.entry.warnings:
            weakened.setdefault(sentence, []).append(item.upn)
    warnings += [
        f"Still at risk, because {REASONS[action]}: {summarize(_once(by_action[action]))}."
        for action in REASONS
        if action in by_action
    ]
    warnings += undecided_warnings(planned.plan.entries)
    warnings += [f"{sentence[0].upper()}{sentence[1:]}: {summarize(upns)}." for sentence, upns in weakened.items()]
    warnings += conflict_warnings([item.entry for item in entry_results if item.entry.next_rule], planned.skus)
    late = _once(item.upn for item in entry_results if item.confirmation == "accepted")
    if late:
        warnings.append(
            f"Accepted by the service, but not read back yet (late replicas, or confirm=false): {summarize(late)}."
        )
    return warnings


def _once(names: Iterable[str]) -> list[str]:
    """Each user once, in this order, however many mailboxes there are."""
    return list(dict.fromkeys(names))


def raise_if_failed(planned: Planned, result: Mapping[str, Any], options: PlannerOptions) -> None:
    """Raises PlanFailed with the whole result, once all is written and reported.

    The task fails where the audit is incomplete, a guard stops a plan that was to be applied, a user has failed, or a
    run (not a mere plan) leaves mailboxes at risk that ``fail_on`` means.
    """
    reasons = _reasons(planned, result, options)
    if reasons:
        raise PlanFailed(reasons, result)


def _reasons(planned: Planned, result: Mapping[str, Any], options: PlannerOptions) -> list[Reason]:
    incomplete = None if options.allow_incomplete else planned.audit.readings.incomplete()
    if options.apply and result["violations"]:
        # that the audit is incomplete is one of them
        message = f"Refused, nothing was written: {'; '.join(result['violations'])}."
        hint = "Look at the plan, then change the rules or the guard that it names."
        if incomplete:
            return [incomplete._replace(message=message, hint=f"{incomplete.hint} {hint}")]
        return [Reason("plan_refused", message, hint)]
    undecided = None if options.allow_incomplete else undecided_reason(planned.plan.entries)
    reasons = [reason for reason in (incomplete, undecided) if reason]
    entry_results = result["users"].entry_results
    unlicensed = [item for item in entry_results if item.failed_or_skipped]
    if unlicensed:
        first = next((item for item in unlicensed if item.status == "failed"), unlicensed[0])
        why = first.outcome.error.message if first.outcome and first.outcome.error else ""
        summary = result["summary"]
        denied = missing_permission(item.outcome for item in unlicensed if item.outcome is not None)
        if denied is not None:
            message = permission_headline(
                denied, failed=summary["failed"], changed=summary["changed"], not_tried=summary["skipped"]
            )
            reasons.append(Reason(denied.code, message, denied.hint))
        else:
            message = (
                f"{summary['failed']} of {summary['changes']} users failed, {summary['changed']} were changed, "
                f"{summary['skipped']} were not tried. First: {first.upn}: {why}"
            )
            hint = "Each user's error is in the rows of the result or report. Run again to continue where it ended."
            reasons.append(Reason("users_failed", message, hint))
    if options.apply:
        reasons += left_at_risk(entry_results, options, planned.plan.seats_missing)
    return reasons


def left_at_risk(
    results: Sequence[EntryResult], options: PlannerOptions, seats: Sequence[SeatsMissing]
) -> list[Reason]:
    """What ``fail_on`` and ``fail_within_days`` mean of the mailboxes that stay at risk without an exception."""
    reasons = [
        _left_reason(results, counts_for(options.fail_on), "left_at_risk", critical_words(options.fail_on), seats)
    ]
    if (days := options.fail_within_days) is not None:
        within = f"due within {days} days, overdue or lost"
        reasons.append(
            _left_reason(results, lambda finding: is_within(finding, days), "deadline_too_close", within, seats)
        )
    return [reason for reason in reasons if reason is not None]


def _left_reason(
    results: Sequence[EntryResult],
    means: Callable[[Finding], bool],
    code: str,
    words: str,
    seats: Sequence[SeatsMissing],
) -> Reason | None:
    left: list[Finding] = []
    why: Counter[str] = Counter()
    for item in results:
        if item.entry.finding is not None and item.stays_at_risk and means(item.entry.finding):
            left.append(item.entry.finding)
            why[WHY_LEFT[item.status if item.failed_or_skipped else item.reason_left]] += 1
    if not left:
        return None
    hints = []
    if any(item.seats for item in seats):
        lacking = ", ".join(f"{item.seats} of {item.part_number}" for item in seats)
        hints.append(f"Seats are missing: {lacking}.")
    hints.append("License these users, or add an exception with a reason and an end to the rules.")
    left.sort(key=urgency)
    return Reason(code, left_message(left, why, words), " ".join(hints))


def report_of(
    planned: Planned,
    result: Mapping[str, Any],
    options: PlannerOptions,
    name: str,
    formats: Sequence[str] = ("md", "json"),
    mask: Callable[[Any], Any] = lambda value: value,
) -> dict[str, str]:
    """The report by file ending: ``md`` for people, ``json`` for programs. ``mask`` as in ``audit_markdown``."""
    audit, now = planned.audit, planned.audit.now
    users = list(result["users"])
    before = [audit_row(finding, planned.skus, options.audit.catalog) for finding in audit.findings]
    summary = result["summary"]
    wrote = summary["applied"] and not summary["check_mode"]
    after = mailboxes_after(result["users"].entry_results, planned.skus, options.audit.catalog) if wrote else None
    warnings = [*audit.warnings, *planned.warnings]
    texts: dict[str, str] = {}
    if "md" in formats:
        limit = MARKDOWN_ROWS if "json" in formats else None
        facts = {
            "mailboxes examined": audit.examined,
            "strategy": audit.readings.strategy,
            "requests": summary["requests"],
        }
        if planned.left_out.by_pattern:
            each = ", ".join(f"{pattern}: {count}" for pattern, count in planned.left_out.by_pattern.items())
            facts["left out by exclude"] = f"{planned.left_out.total} ({each})"
        if gaps := audit.readings.gaps:
            facts = {"NOT looked at": "; ".join(gaps), **facts}
        head = head_facts(result.get("tenant"), result.get("run"))
        name, figures, head, facts, notes = mask([name, summary, head, facts, warnings])
        more: dict[str, Any] = {"limit": limit, "mask": mask}
        text = plan_markdown(users, figures, tenant=name, generated=now, facts=head, warnings=notes, **more)
        if after is not None:
            text += "\n" + audit_markdown(after, when="after this run", **more)
        text += "\n" + audit_markdown(before, facts=facts, when="before this run" if wrote else "", **more)
        texts["md"] = text + group_markdown(mask(result["groups"]))
    if "json" in formats:
        content = {
            "name": name,
            "tenant": result.get("tenant"),
            "run": result.get("run"),
            "generated": now,
            "summary": summary,
            "groups": result["groups"],
            "violations": result["violations"],
            "warnings": warnings,
            "users": users,
            "unmatched": result["unmatched"],
            "mailboxes_before": before,
            "mailboxes_after": after,
        }
        texts["json"] = to_json(to_plain(content))
    return texts


def mailboxes_after(results: Iterable[EntryResult], skus: Mapping[str, Sku], catalog: Catalog) -> list[dict[str, Any]]:
    """The rows of the mailboxes that are at risk after a run: those of ``audit_row``, and the user's result.

    Nothing is audited again. A mailbox is saved if the plans of its user, as read back or else as predicted, grant what
    it needs. The services' own signals may call it unlicensed for some hours.
    """
    rows = []
    for item in results:
        finding = item.entry.finding
        if finding is None:
            continue
        user = item.outcome.after if item.outcome else item.entry.user
        saved = item.entry.action in ("license", "unchanged") and is_covered(finding.needs, granted(user, catalog))
        if saved:
            continue
        problem = item.outcome.error if item.outcome else None
        rows.append(
            {
                **audit_row(finding._replace(user=user), skus, catalog),
                "action": item.entry.action,
                "status": item.status,
                "confirmation": item.confirmation,
                "error": problem.code if problem else None,
            }
        )
    return rows
