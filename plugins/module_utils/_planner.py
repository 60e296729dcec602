# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From rules to licenses: audit, plan, guard, write, read back. What the module ``m365_license_plan`` does.

One audit is all the reading there is. With a single violation of a guard nothing is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._apply import Outcome, apply_changes, predict_changes
from ansible_collections.m365.licensing.plugins.module_utils._audit import Audit, AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._coverage import needs_of
from ansible_collections.m365.licensing.plugins.module_utils._errors import M365Error, PermissionDenied
from ansible_collections.m365.licensing.plugins.module_utils._exchange import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph import Graph
from ansible_collections.m365.licensing.plugins.module_utils._licenses import describe
from ansible_collections.m365.licensing.plugins.module_utils._models import (
    Finding,
    LicenseChange,
    Mailbox,
    RecipientType,
    Sku,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._plan import Candidate, Plan, PlanOptions, build_plan
from ansible_collections.m365.licensing.plugins.module_utils._report import (
    audit_markdown,
    audit_row,
    plan_markdown,
    plan_row,
    plan_summary,
    to_json,
)
from ansible_collections.m365.licensing.plugins.module_utils._rules import Rule, Subject, bind_groups, group_names
from ansible_collections.m365.licensing.plugins.module_utils._rules_schema import parse_rules, rule_warnings
from ansible_collections.m365.licensing.plugins.module_utils._wanted import resolve_reserve

UNRESOLVED = ("no_seat", "no_usage_location", "insufficient", "unmatched", "refused_uncovered")
"""Actions that leave a mailbox at risk although nobody asked for that."""


class PlanRefused(M365Error):
    """A guard stopped the plan, or writing it failed for somebody. ``partial`` is the whole result."""

    def __init__(self, message: str, partial: Mapping[str, Any], *, code: str, hint: str) -> None:
        super().__init__(message, code=code, hint=hint)
        self.partial = dict(partial)


@dataclass(frozen=True)
class PlannerOptions:
    """The options of the module, in its own terms. ``label`` is what errors call the list of rules."""

    audit: AuditOptions
    rules: Any
    label: str = "rules"
    scope: str = "mailboxes_at_risk"
    apply: bool = False
    max_changes: int | str | None = None
    protected: tuple[str, ...] = ()
    allow_removals: bool = False
    seat_reserve: Mapping[str, Any] | None = None
    use_warning_seats: bool = False
    on_error: str = "continue"
    confirm: bool = True
    confirm_seconds: float = 60.0


@dataclass(frozen=True)
class Planned:
    """An audit, the plan made from it, and what became of it (None where nothing was to be written)."""

    found: Audit
    plan: Plan
    warnings: tuple[str, ...]
    outcomes: Mapping[str, Outcome] | None


def plan_licenses(graph: Graph, exchange: Exchange, options: PlannerOptions, *, check_mode: bool) -> Planned:
    """Audit, plan, and (``apply``, without a violation) write; in check mode the same without a write.

    Raises ConfigurationError with every problem of the rules, PermissionDenied where users cannot be read.
    """
    looking = options.audit
    if options.scope == "all_users" and looking.strategy == "auto":
        looking = replace(looking, strategy="full")
    found = audit(graph, exchange, looking)
    skus = list(found.readings.skus.values())
    if found.readings.users is None or not skus:
        raise PermissionDenied(
            "Rules need users and SKUs, and Graph does not show them.",
            code="no_users",
            hint="Consent to User.Read.All and Organization.Read.All (or LicenseAssignment.Read.All).",
        )
    catalog = looking.catalog
    rules = parse_rules(options.rules, skus, catalog, options.label, scope=options.scope)
    warnings = tuple(rule_warnings(rules, skus, catalog, scope=options.scope))
    reserve = resolve_reserve(options.seat_reserve, skus, catalog)
    candidates, rules = _candidates(graph, found, rules, options.scope)
    plan = build_plan(
        candidates,
        rules,
        skus,
        catalog,
        PlanOptions(
            max_changes=options.max_changes,
            protected=options.protected,
            allow_removals=options.allow_removals,
            seat_reserve=reserve,
            use_warning_seats=options.use_warning_seats,
            population=_population(graph, options, candidates),
        ),
        looking.now.date(),
    )
    outcomes = None
    if options.apply and not plan.violations:
        outcomes = _write(graph, plan, found.readings.skus, options, check_mode=check_mode)
    return Planned(found, plan, warnings, outcomes)


def _candidates(
    graph: Graph, found: Audit, rules: Sequence[Rule], scope: str
) -> tuple[list[Candidate], tuple[Rule, ...]]:
    """Whom the rules look at, with their groups, and the rules with theirs."""
    findings: dict[str, list[Finding]] = {}
    for finding in found.findings:
        findings.setdefault(finding.user_id, []).append(finding)
    users = dict(found.readings.users or {})
    if scope == "all_users":
        if found.readings.strategy != "full":
            users.update({user.id: user for user in graph.users()})
    else:
        users = {user_id: users[user_id] for user_id in findings if user_id in users}
    users = {user_id: user for user_id, user in users.items() if not user.is_guest}
    rules, groups = _groups(graph, rules, list(users), whole=scope == "all_users")
    mailboxes: dict[str, Mailbox] = {}
    for mailbox in found.readings.mailboxes:
        if mailbox.user_id not in mailboxes or mailbox.recipient_type is not RecipientType.SOFT_DELETED:
            mailboxes[mailbox.user_id] = mailbox
    candidates: list[Candidate] = []
    for user_id, user in users.items():
        box = mailboxes.get(user_id)
        kind = box.recipient_type if box else None
        needs = needs_of(box) if box is not None else None
        for finding in findings.get(user_id, [None]):  # type: ignore[list-item]
            subject = Subject(user, finding.recipient_type if finding else kind, groups.get(user_id, frozenset()))
            candidates.append(Candidate(subject, finding, needs))
    return candidates, rules


def _groups(
    graph: Graph, rules: Sequence[Rule], user_ids: Sequence[str], *, whole: bool
) -> tuple[tuple[Rule, ...], dict[str, frozenset[str]]]:
    """Rules bound to group ids, and each user's groups among them; nothing is read where no rule names a group."""
    names = group_names(rules)
    if not names:
        return tuple(rules), {}
    known = graph.groups_by_name(sorted(names))
    bound = bind_groups(rules, {name: group.id for name, group in known.items()})
    ids = sorted({group.id for group in known.values()})
    if not whole:
        return bound, {user_id: frozenset(some) for user_id, some in graph.member_of(user_ids, ids).items()}
    members = dict(zip(ids, graph.service.client.parallel(graph.transitive_member_ids, ids), strict=True))
    return bound, {
        user_id: frozenset(group_id for group_id, inside in members.items() if user_id in inside)
        for user_id in user_ids
    }


def _population(graph: Graph, options: PlannerOptions, candidates: Sequence[Candidate]) -> int:
    """What a percentage is a share of: the users of the tenant (all_users: those that the rules look at)."""
    if not str(options.max_changes or "").strip().endswith("%"):
        return 0
    if options.scope == "all_users":
        return len({candidate.subject.user.id for candidate in candidates})
    return graph.count_users()


def _write(
    graph: Graph, plan: Plan, skus: Mapping[str, Sku], options: PlannerOptions, *, check_mode: bool
) -> dict[str, Outcome]:
    users = {entry.user.id: entry.user for entry in plan.entries if entry.change}
    if check_mode:
        outcomes = predict_changes(users, plan.changes, skus)
    else:
        by_user = {change.user_id: change for change in plan.changes}
        outcomes = apply_changes(
            graph,
            users,
            plan.changes,
            skus,
            recompute=lambda user: still_to_do(by_user[user.id], user),
            confirm=options.confirm,
            confirm_seconds=options.confirm_seconds,
            on_error=options.on_error,
        )
    return {outcome.user_id: outcome for outcome in outcomes}


def still_to_do(change: LicenseChange, user: User) -> LicenseChange:
    """What of ``change`` the user as it is now does not show yet."""
    direct = {state.sku_id: state for state in user.license_states if state.direct}

    def done(sku_id: str, disabled: frozenset[str]) -> bool:
        state = direct.get(sku_id)
        return state is not None and state.effective and disabled <= state.disabled_plans

    return LicenseChange(
        user.id,
        add=tuple(item for item in change.add if not done(item.sku_id, item.disabled_plans)),
        remove=tuple(sku_id for sku_id in change.remove if sku_id in direct),
        usage_location=None if user.usage_location else change.usage_location,
    )


def result_of(planned: Planned, options: PlannerOptions, requests: int) -> dict[str, Any]:
    """The result of the module. Raises PlanRefused, with it, where a guard stops the plan or a user has failed."""
    found, plan = planned.found, planned.plan
    skus, catalog = found.readings.skus, options.audit.catalog
    rows = [
        _with_outcome(plan_row(entry, skus, catalog), (planned.outcomes or {}).get(entry.user.id), options)
        for entry in plan.entries
        if entry.action != "unchanged" or entry.finding is not None
    ]
    wrote = [outcome for outcome in (planned.outcomes or {}).values() if outcome.wrote]
    statuses = Counter(row["status"] for row in rows)
    summary = {
        **plan_summary(plan),
        "applied": planned.outcomes is not None,
        "changed": statuses["changed"],
        "failed": statuses["failed"],
        "skipped": statuses["skipped"],
        "confirmed": sum(row["confirmation"] == "confirmed" for row in rows),
        "unresolved": sum(row["action"] in UNRESOLVED for row in rows),
        "audit": found.summary(),
        "requests": requests,
    }
    names = {outcome.user_id: outcome.before.user_principal_name for outcome in wrote}
    return {
        "changed": bool(wrote),
        "users": rows,
        "summary": summary,
        "violations": list(plan.violations),
        "diff": {
            "before": {names[item.user_id]: describe(item.before, skus, catalog) for item in wrote},
            "after": {names[item.user_id]: describe(item.after, skus, catalog) for item in wrote},
        },
    }


def _with_outcome(row: dict[str, Any], outcome: Outcome | None, options: PlannerOptions) -> dict[str, Any]:
    """A row of the plan with what became of it; ``planned`` where it would be written and was not."""
    row.update(status="planned" if row["action"] == "license" else row["action"], confirmation="", error=None)
    if outcome is not None:
        problem = outcome.error
        row.update(
            status=outcome.status,
            confirmation=outcome.confirmation,
            error={"code": problem.code, "message": problem.message, "hint": problem.hint} if problem else None,
            after=describe(outcome.after, {}, options.audit.catalog) if outcome.status == "failed" else row["after"],
        )
    return row


def refuse(result: Mapping[str, Any], options: PlannerOptions) -> None:
    """Raises PlanRefused where the plan was to be applied and a guard stops it, or where somebody has failed."""
    violations: Iterable[str] = result["violations"]
    if options.apply and violations:
        raise PlanRefused(
            "Refused, nothing was written. " + " ".join(violations),
            result,
            code="plan_refused",
            hint="Look at the plan, then change the rules or the guard that it names.",
        )
    failed = [row for row in result["users"] if row["status"] in ("failed", "skipped")]
    if failed:
        first = failed[0]
        why = first["error"]["message"] if first["error"] else "not tried"
        done = result["summary"]["changed"]
        raise PlanRefused(
            f"{done} users were changed, {len(failed)} were not; the first is {first['user_principal_name']}: {why}",
            result,
            code="users_failed",
            hint="Each user's error is in the result. Run again: it takes up where this run ended.",
        )


def report_of(planned: Planned, result: Mapping[str, Any], options: PlannerOptions, tenant: str) -> dict[str, str]:
    """The report by file ending: ``md`` for people, ``json`` for programs."""
    found, now = planned.found, options.audit.now
    rows = [audit_row(finding, found.readings.skus, options.audit.catalog) for finding in found.findings]
    facts = {
        "mailboxes examined": found.examined,
        "strategy": found.readings.strategy,
        "requests": result["summary"]["requests"],
    }
    warnings = [*found.warnings, *planned.warnings]
    text = plan_markdown(result["users"], result["summary"], tenant=tenant, generated=now, warnings=planned.warnings)
    text += "\n" + audit_markdown(rows, tenant=tenant, generated=now, facts=facts, warnings=found.warnings)
    return {"md": text, "json": to_json(_plain(result, rows, warnings, now, tenant))}


def _plain(
    result: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], warnings: Sequence[str], now: datetime, tenant: str
) -> dict[str, Any]:
    audit_summary = dict(result["summary"]["audit"])
    earliest = audit_summary["earliest_deadline"]
    audit_summary["earliest_deadline"] = earliest.isoformat() if earliest else None
    audit_summary["expiring"] = [
        {**item, "next_lifecycle": item["next_lifecycle"].isoformat() if item["next_lifecycle"] else None}
        for item in audit_summary["expiring"]
    ]
    return {
        "tenant": tenant,
        "generated": now.isoformat(),
        "summary": {**result["summary"], "audit": audit_summary},
        "violations": result["violations"],
        "warnings": list(warnings),
        "users": result["users"],
        "mailboxes": list(rows),
    }
