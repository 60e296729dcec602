# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From rules to licenses: check, audit, plan, guard, write, read back. The work of the module ``m365_license_plan``.

Rules are checked against the tenant's SKUs and groups before the audit, which is most of the reading. With a single
violation of a guard nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._assign.apply import Written, apply_changes
from ansible_collections.m365.licensing.plugins.module_utils._assign.outcomes import Outcome
from ansible_collections.m365.licensing.plugins.module_utils._assign.prediction import predict_changes
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit, AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._audit.owners import without_contested
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ConfigurationError,
    PermissionDenied,
    summarize,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._common.typed_values import seconds_problems
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._graph.user_lookup import find_users, name_problems
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import uncovered_by
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    Needs,
    granted,
    needs_of,
    settled,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import resolve_reserve
from ansible_collections.m365.licensing.plugins.module_utils._licensing.exclusions import Exclusions, LeftOut
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    MAILBOX_CLASSES,
    Finding,
    Mailbox,
    RecipientType,
    Sku,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.next_attempts import SecondTries
from ansible_collections.m365.licensing.plugins.module_utils._licensing.ownership import IN_USE
from ansible_collections.m365.licensing.plugins.module_utils._planning.evaluation import names_one, protects
from ansible_collections.m365.licensing.plugins.module_utils._planning.guards import (
    digest_problems,
    digest_violations,
    limit_of,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.planner import (
    Candidate,
    Plan,
    PlanOptions,
    build_plan,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import Rule, Subject
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_hints import idle_rules, pattern_hints
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_schema import parse_rules, rule_warnings
from ansible_collections.m365.licensing.plugins.module_utils._rules.groups import RuleGroup
from ansible_collections.m365.licensing.plugins.module_utils._rules.tenant import (
    collect,
    groups_of_users,
    resolve_rules,
)

from .sizes import SizeAwarePlanner

_NO_GROUPS: frozenset[str] = frozenset()


class PlannerOptions(NamedTuple):
    """The options of the module, in its own terms. ``variable_prefix`` makes their names those of variables."""

    audit: AuditOptions
    rules: Any
    variable_prefix: str = ""
    rules_label: str = "rules"
    """What errors call the list of rules."""
    scope: str = "mailboxes_at_risk"
    apply: bool = False
    max_changes: Any = "unlimited"
    protected: tuple[str, ...] = ()
    allow_removals: bool = False
    max_covered_seats: Any = 0
    seat_order: str = "deadline"
    seat_reserve: Mapping[str, Any] | None = None
    use_warning_seats: bool = False
    license_guests: bool = False
    allow_incomplete: bool = False
    expect_digest: str | None = None
    fail_on: str = "critical"
    fail_within_days: int | None = None
    on_error: str = "continue"
    confirm: bool = True
    confirm_seconds: float = 60.0


class Planned(NamedTuple):
    """An audit, the plan made from it, and the outcomes by user id; these are None where the run writes nothing."""

    audit: Audit
    plan: Plan
    skus: Mapping[str, Sku]
    warnings: tuple[str, ...]
    outcomes: Mapping[str, Outcome] | None
    left_out: LeftOut = LeftOut()
    """What ``exclude`` leaves out: mailboxes at risk, or with ``all_users`` users."""
    groups: tuple[RuleGroup, ...] = ()
    """The groups that the rules name."""


class _ResolvedRules(NamedTuple):
    """Rules and reserve as the tenant understands them."""

    rules: tuple[Rule, ...]
    reserve: Mapping[str, int]
    group_ids: tuple[str, ...]
    warnings: tuple[str, ...]
    groups: tuple[RuleGroup, ...] = ()


def plan_licenses(
    graph: Graph,
    exchange: Exchange,
    options: PlannerOptions,
    *,
    check_mode: bool,
    record: Callable[[Plan, Mapping[str, Sku]], Written] | None = None,
) -> Planned:
    """Audit, plan, and (``apply``, without a violation) write; in check mode the same without a write.

    ``record`` is called before the first write, and returns what is notified of each user who is written.
    Raises ConfigurationError with every problem of the options and rules, PermissionDenied where users cannot be read.
    """
    check_options(options)
    skus = graph.subscribed_skus()
    audit_options = options.audit._replace(catalog=options.audit.catalog.in_tenant(skus), skus=tuple(skus))
    options = options._replace(audit=audit_options)
    resolved = _resolve(graph, skus, options)
    if options.scope == "all_users":
        # rules and guards need every mailbox, and not only those at risk
        audit_options = audit_options._replace(strategy="full", everybody=True)
    audited = audit(graph, exchange, audit_options)
    if audited.readings.users is None:
        raise PermissionDenied(
            "Rules need users, and Graph does not show them.", code="no_users", hint="Consent to User.Read.All."
        )
    candidates = _candidates(graph, exchange, audited, resolved, options)
    guards = PlanOptions(
        max_changes=options.max_changes,
        max_covered_seats=options.max_covered_seats,
        seat_order=options.seat_order,
        protected=options.protected,
        allow_removals=options.allow_removals,
        seat_reserve=resolved.reserve,
        use_warning_seats=options.use_warning_seats,
        license_guests=options.license_guests,
        population=_population(graph, options, candidates),
        gaps=tuple(audited.readings.gaps),
        allow_incomplete=options.allow_incomplete,
        all_users_scope=options.scope == "all_users",
        variable_prefix=options.variable_prefix,
    )

    def build(candidates: Sequence[Candidate], guards: PlanOptions) -> Plan:
        return build_plan(candidates, resolved.rules, skus, audit_options.catalog, guards, audited.now.date())

    by_id = {sku.id: sku for sku in skus}
    sizes = SizeAwarePlanner(graph, exchange, audited.readings, build, guards, by_id, audit_options.catalog)
    plan = without_contested(graph, exchange, audited.readings, audited.owners, candidates, sizes.plan)
    unapproved = digest_violations(plan, options.expect_digest, options.variable_prefix)
    plan = plan._replace(violations=(*plan.violations, *unapproved))
    outcomes = None
    if options.apply and not plan.violations:
        written = record(plan, by_id) if record and plan.changes and not check_mode else None
        outcomes = write_plan(graph, exchange, plan, by_id, options, check_mode=check_mode, written=written)
    idle = idle_rules(resolved.rules, plan, audited.now.date())
    warnings = (*resolved.warnings, *idle, *_unknown_protected(graph, audited, options))
    return Planned(audited, plan, by_id, warnings, outcomes, _left_out(audited, options), resolved.groups)


def write_plan(
    graph: Graph,
    exchange: Exchange,
    plan: Plan,
    skus: Mapping[str, Sku],
    options: PlannerOptions,
    *,
    check_mode: bool,
    written: Written | None,
) -> dict[str, Outcome]:
    """The outcome of each user whom the plan changes, by id; predicted in check mode. ``written`` as in ``apply``."""
    catalog = options.audit.catalog
    users = {entry.user.id: entry.user for entry in plan.entries if entry.change}
    if check_mode:
        outcomes = predict_changes(users, plan.changes, skus, on_error=options.on_error)
    else:
        outcomes = apply_changes(
            graph,
            users,
            plan.changes,
            skus,
            confirm=options.confirm,
            confirm_seconds=options.confirm_seconds,
            on_error=options.on_error,
            uncovers=lambda user, change: uncovered_by(user, change, skus, catalog),
            written=written,
            second_tries=SecondTries(
                {entry.user.id: entry.case for entry in plan.entries if entry.change and entry.case},
                skus,
                catalog,
                plan.seats_left,
            ),
            exchange=lambda: exchange,
        )
    return {outcome.user_id: outcome for outcome in outcomes}


def check_options(options: PlannerOptions) -> None:
    """Check what can be checked without a tenant. Raises ConfigurationError with every problem."""
    problems: list[str] = []
    collect(problems, lambda: limit_of(options.max_changes, 0, "max_changes"))
    collect(problems, lambda: limit_of(options.max_covered_seats, 0, "max_covered_seats", "seats"))
    if not isinstance(options.rules, (list, tuple)) or not options.rules:
        collect(problems, lambda: parse_rules(options.rules, (), options.audit.catalog, options.rules_label))
    problems += name_problems(options.protected, "protected")
    problems += digest_problems(options.expect_digest) if options.expect_digest else []
    problems += seconds_problems("confirm_seconds", options.confirm_seconds)
    if problems:
        raise ConfigurationError(problems)


def _resolve(graph: Graph, skus: Sequence[Sku], options: PlannerOptions) -> _ResolvedRules:
    """Rules and reserve, resolved. Raises ConfigurationError with the problems of both, those of groups included."""
    problems: list[str] = []
    catalog, scope = options.audit.catalog, options.scope
    bound = resolve_rules(graph, options.rules, skus, catalog, options.rules_label, scope, problems)
    reserve = collect(problems, lambda: resolve_reserve(options.seat_reserve, skus, catalog))
    if bound is None or reserve is None:
        # doubts about groups alone end no run: they are reported beside the problems that do
        problems = [*(bound.problems if bound else ()), *problems]
        raise ConfigurationError(problems, code="invalid_rules")
    warnings = (
        *rule_warnings(bound.rules, skus, catalog, scope=scope),
        *bound.warnings,
        *(bound.by_name() if options.apply else ()),
        *pattern_hints(options.rules, options.rules_label),
    )
    return _ResolvedRules(bound.rules, reserve, bound.group_ids, warnings, bound.groups)


def _candidates(
    graph: Graph, exchange: Exchange, audit: Audit, resolved: _ResolvedRules, options: PlannerOptions
) -> list[Candidate]:
    """The mailboxes at risk and users that the rules look at, with what they need and their groups."""
    findings: dict[str, list[Finding]] = {}
    for finding in audit.findings:
        findings.setdefault(finding.user_id, []).append(finding)
    users = _users(audit, findings, options)
    few = options.scope != "all_users" or bool(options.audit.identities)
    living = [user_id for user_id, user in users.items() if user.deleted is None]
    groups = groups_of_users(graph, resolved.group_ids, living, whole=not few)
    mailboxes = _mailboxes(audit)
    # a user without a mailbox needs nothing, where all mailboxes have been read
    all_read = options.scope == "all_users" and not audit.readings.gaps and not exchange.unknown_types
    unknown: Needs | None = () if all_read else None
    catalog = options.audit.catalog
    in_use = _in_use(exchange, users, audit.findings, mailboxes, catalog)
    candidates: list[Candidate] = []
    for user_id, user in users.items():
        box = mailboxes.get(user_id)
        other = audit.readings.other_kinds.get(user_id, "") if box is None else ""
        unlisted = not exchange.unlisted_kinds.keys().isdisjoint({user_id, lowered(user.user_principal_name)})
        unseen: Needs | None = () if other else None if unlisted else unknown
        needs = needs_of(settled(box, user, catalog)) if box is not None else unseen
        group_ids = groups.get(user_id, _NO_GROUPS)
        kinds = {item.recipient_type for item in findings.get(user_id, ())}
        dispute = audit.owners.shared.get(user_id, "")
        for item in findings.get(user_id, ()):
            replaced = item.recipient_type is RecipientType.SOFT_DELETED and user_id in in_use
            candidates.append(Candidate(Subject(user, item.recipient_type, group_ids), item, needs, replaced, dispute))
        soft = kinds == {RecipientType.SOFT_DELETED} and user.deleted is None
        if not kinds or (options.scope == "all_users" and soft):
            # a soft-deleted mailbox says nothing about the mailbox in use, which is safe
            subject = Subject(user, box.recipient_type if box else None, group_ids, other_kind=other)
            candidates.append(Candidate(subject, None, needs, dispute=dispute))
    return candidates


def _in_use(
    exchange: Exchange,
    users: Mapping[str, User],
    findings: Iterable[Finding],
    mailboxes: Mapping[str, Mailbox],
    catalog: Catalog,
) -> frozenset[str]:
    """The users with a soft-deleted mailbox who have no mailbox plan, but another mailbox in use.

    A filtered audit has no reason to read those that need nothing, so they are read here.
    """
    gone = {item.user_id for item in findings if item.recipient_type is RecipientType.SOFT_DELETED} & users.keys()
    gone = {user_id for user_id in gone if users[user_id].deleted is None}
    bare = {user_id for user_id in gone if not granted(users[user_id], catalog) & MAILBOX_CLASSES}
    live = {user_id for user_id in bare if mailboxes[user_id].recipient_type in IN_USE}
    return frozenset(live | {box.user_id for box in exchange.mailboxes_by_user_id(bare - live)})


def _users(audit: Audit, findings: Mapping[str, Sequence[Finding]], options: PlannerOptions) -> dict[str, User]:
    deleted = {user_id: user for user_id, user in audit.readings.deleted.items() if user_id in findings}
    known = {**deleted, **(audit.readings.users or {})}
    if options.scope != "all_users":
        return {user_id: known[user_id] for user_id in findings if user_id in known}
    exclusions = Exclusions(options.audit.exclude)
    boxes = _mailboxes(audit)
    return {
        user_id: user
        for user_id, user in known.items()
        if not exclusions.fit(user.user_principal_name)
        and (not user.is_guest or options.license_guests or user_id in boxes or user_id in findings)
    }


def _left_out(audit: Audit, options: PlannerOptions) -> LeftOut:
    """What ``exclude`` leaves out: mailboxes at risk, or users where the rules look at all of them."""
    if options.scope != "all_users":
        return audit.left_out
    users = (audit.readings.users or {}).values()
    return Exclusions(options.audit.exclude).left_out(user.user_principal_name for user in users if not user.is_guest)


def _mailboxes(audit: Audit) -> dict[str, Mailbox]:
    """One mailbox for each user: the one in use, where there is also a soft-deleted one."""
    mailboxes: dict[str, Mailbox] = {}
    for mailbox in audit.readings.mailboxes:
        if mailbox.user_id not in mailboxes or mailbox.recipient_type is not RecipientType.SOFT_DELETED:
            mailboxes[mailbox.user_id] = mailbox
    return mailboxes


def _unknown_protected(graph: Graph, audit: Audit, options: PlannerOptions) -> list[str]:
    """A warning for names in ``protected`` that no user has: after a typo a name protects no user."""
    users = list((audit.readings.users or {}).values())
    missing = [text for text in options.protected if names_one(text) and not any(map(protects(text), users))]
    if missing and options.scope != "all_users":
        # users who are not at risk have not been read, or not been kept; one request looks up 300 names
        missing = list(find_users(graph, missing, confirm=False).unknown)
    if not missing:
        return []
    words = summarize([repr(text) for text in missing])
    return [f"protected: the tenant has no user {words}, so this protects no user."]


def _population(graph: Graph, options: PlannerOptions, candidates: Sequence[Candidate]) -> int:
    """What a percentage is a share of: the users of the tenant (all_users: those that the rules look at)."""
    if not any(str(limit).strip().endswith("%") for limit in (options.max_changes, options.max_covered_seats)):
        return 0
    if options.scope == "all_users":
        return len({candidate.subject.user.id for candidate in candidates})
    return graph.count_users()
