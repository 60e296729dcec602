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

from ansible_collections.m365.licensing.plugins.module_utils._assign.apply import Written
from ansible_collections.m365.licensing.plugins.module_utils._assign.outcomes import Outcome
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit, AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._audit.owners import without_contested
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ConfigurationError,
    PermissionDenied,
    named,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.typed_values import seconds_problems
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._graph.user_lookup import find_users, name_problems
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
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
from ansible_collections.m365.licensing.plugins.module_utils._licensing.ownership import IN_USE
from ansible_collections.m365.licensing.plugins.module_utils._planning.evaluation import names_one, protects
from ansible_collections.m365.licensing.plugins.module_utils._planning.guards import (
    digest_problems,
    limit_of,
    unexpected,
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

from .sizes import SizedPlans
from .write import write_plan

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
    """An audit, the plan made from it, and what became of it: outcomes by user id, None where none was asked for."""

    found: Audit
    plan: Plan
    skus: Mapping[str, Sku]
    warnings: tuple[str, ...]
    outcomes: Mapping[str, Outcome] | None
    left_out: LeftOut = LeftOut()
    """Whom ``exclude`` left out: mailboxes at risk, or with ``all_users`` users."""
    groups: tuple[RuleGroup, ...] = ()
    """The groups that the rules name."""


class _Checked(NamedTuple):
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

    ``record`` is asked before the first write for what hears of each user who is written.
    Raises ConfigurationError with every problem of the options and rules, PermissionDenied where users cannot be read.
    """
    check_options(options)
    skus = graph.subscribed_skus()
    looking = options.audit._replace(catalog=options.audit.catalog.in_tenant(skus), skus=tuple(skus))
    options = options._replace(audit=looking)
    checked = _check(graph, skus, options)
    if options.scope == "all_users":
        # rules and guards need to know the mailbox of everybody, and not only of those at risk
        looking = looking._replace(strategy="full", everybody=True)
    found = audit(graph, exchange, looking)
    if found.readings.users is None:
        raise PermissionDenied(
            "Rules need users, and Graph does not show them.", code="no_users", hint="Consent to User.Read.All."
        )
    candidates = _candidates(graph, exchange, found, checked, options)
    guards = PlanOptions(
        max_changes=options.max_changes,
        max_covered_seats=options.max_covered_seats,
        seat_order=options.seat_order,
        protected=options.protected,
        allow_removals=options.allow_removals,
        seat_reserve=checked.reserve,
        use_warning_seats=options.use_warning_seats,
        license_guests=options.license_guests,
        population=_population(graph, options, candidates),
        gaps=tuple(found.readings.gaps),
        allow_incomplete=options.allow_incomplete,
        all_users_scope=options.scope == "all_users",
        variable_prefix=options.variable_prefix,
    )

    def build(some: Sequence[Candidate], limits: PlanOptions) -> Plan:
        return build_plan(some, checked.rules, skus, looking.catalog, limits, found.now.date())

    by_id = {sku.id: sku for sku in skus}
    sizes = SizedPlans(graph, exchange, found.readings, build, guards, by_id, looking.catalog)
    plan = without_contested(graph, exchange, found.readings, found.owners, candidates, sizes.plan)
    approved = unexpected(plan, options.expect_digest, options.variable_prefix)
    plan = plan._replace(violations=(*plan.violations, *approved))
    outcomes = None
    if options.apply and not plan.violations:
        written = record(plan, by_id) if record and plan.changes and not check_mode else None
        outcomes = write_plan(graph, plan, by_id, options, check_mode=check_mode, written=written)
    idle = idle_rules(checked.rules, plan, found.now.date())
    warnings = (*checked.warnings, *idle, *_protecting_nobody(graph, found, options))
    return Planned(found, plan, by_id, warnings, outcomes, _left_out(found, options), checked.groups)


def check_options(options: PlannerOptions) -> None:
    """Look at what needs no tenant to be judged. Raises ConfigurationError with every problem."""
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


def _check(graph: Graph, skus: Sequence[Sku], options: PlannerOptions) -> _Checked:
    """Rules and reserve, resolved. Raises ConfigurationError with the problems of both, those of groups included."""
    problems: list[str] = []
    catalog, scope = options.audit.catalog, options.scope
    found = resolve_rules(graph, options.rules, skus, catalog, options.rules_label, scope, problems)
    reserve = collect(problems, lambda: resolve_reserve(options.seat_reserve, skus, catalog))
    if found is None or reserve is None:
        # of rules that are right the doubts about groups end no run, and are said beside what does
        problems = [*(found.problems if found else ()), *problems]
        raise ConfigurationError(problems, code="invalid_rules")
    warnings = (
        *rule_warnings(found.rules, skus, catalog, scope=scope),
        *found.warnings,
        *(found.by_name() if options.apply else ()),
        *pattern_hints(options.rules, options.rules_label),
    )
    return _Checked(found.rules, reserve, found.group_ids, warnings, found.groups)


def _candidates(
    graph: Graph, exchange: Exchange, found: Audit, checked: _Checked, options: PlannerOptions
) -> list[Candidate]:
    """Whom the rules look at, with what they need and the groups they are in."""
    findings: dict[str, list[Finding]] = {}
    for finding in found.findings:
        findings.setdefault(finding.user_id, []).append(finding)
    users = _users(found, findings, options)
    few = options.scope != "all_users" or bool(options.audit.identities)
    living = [user_id for user_id, user in users.items() if user.deleted is None]
    groups = groups_of_users(graph, checked.group_ids, living, whole=not few)
    mailboxes = _mailboxes(found)
    # who has no mailbox needs none, where all have been looked at
    everybody = options.scope == "all_users" and not found.readings.gaps and not exchange.unknown_types
    unknown: Needs | None = () if everybody else None
    catalog = options.audit.catalog
    in_use = _in_use(exchange, users, found.findings, mailboxes, catalog)
    candidates: list[Candidate] = []
    for user_id, user in users.items():
        box = mailboxes.get(user_id)
        other = found.readings.other_kinds.get(user_id, "") if box is None else ""
        needs = needs_of(settled(box, user, catalog)) if box is not None else () if other else unknown
        mine = groups.get(user_id, _NO_GROUPS)
        kinds = {item.recipient_type for item in findings.get(user_id, ())}
        dispute = found.owners.shared.get(user_id, "")
        for item in findings.get(user_id, ()):
            replaced = item.recipient_type is RecipientType.SOFT_DELETED and user_id in in_use
            candidates.append(Candidate(Subject(user, item.recipient_type, mine), item, needs, replaced, dispute))
        soft = kinds == {RecipientType.SOFT_DELETED} and user.deleted is None
        if not kinds or (options.scope == "all_users" and soft):
            # what is soft-deleted does not stand for the mailbox in use, which is safe
            subject = Subject(user, box.recipient_type if box else None, mine, other_kind=other)
            candidates.append(Candidate(subject, None, needs, dispute=dispute))
    return candidates


def _in_use(
    exchange: Exchange,
    users: Mapping[str, User],
    found: Iterable[Finding],
    mailboxes: Mapping[str, Mailbox],
    catalog: Catalog,
) -> frozenset[str]:
    """Of whom a soft-deleted mailbox was found, who has no mailbox plan, and another mailbox in use all the same.

    A filtered audit has no reason to read those that need nothing, so Exchange is asked for them.
    """
    gone = {item.user_id for item in found if item.recipient_type is RecipientType.SOFT_DELETED} & users.keys()
    gone = {user_id for user_id in gone if users[user_id].deleted is None}
    bare = {user_id for user_id in gone if not granted(users[user_id], catalog) & MAILBOX_CLASSES}
    live = {user_id for user_id in bare if mailboxes[user_id].recipient_type in IN_USE}
    return frozenset(live | {box.user_id for box in exchange.mailboxes_by_user_id(bare - live)})


def _users(found: Audit, findings: Mapping[str, Sequence[Finding]], options: PlannerOptions) -> dict[str, User]:
    deleted = {user_id: user for user_id, user in found.readings.deleted.items() if user_id in findings}
    known = {**deleted, **(found.readings.users or {})}
    if options.scope != "all_users":
        return {user_id: known[user_id] for user_id in findings if user_id in known}
    exclusions = Exclusions(options.audit.exclude)
    boxes = _mailboxes(found)
    return {
        user_id: user
        for user_id, user in known.items()
        if not exclusions.fit(user.user_principal_name)
        and (not user.is_guest or options.license_guests or user_id in boxes or user_id in findings)
    }


def _left_out(found: Audit, options: PlannerOptions) -> LeftOut:
    """Whom ``exclude`` left out: mailboxes at risk, or users where the rules look at all of them."""
    if options.scope != "all_users":
        return found.left_out
    users = (found.readings.users or {}).values()
    return Exclusions(options.audit.exclude).left_out(user.user_principal_name for user in users if not user.is_guest)


def _mailboxes(found: Audit) -> dict[str, Mailbox]:
    """One mailbox for each user: the one in use, where there is also a soft-deleted one."""
    mailboxes: dict[str, Mailbox] = {}
    for mailbox in found.readings.mailboxes:
        if mailbox.user_id not in mailboxes or mailbox.recipient_type is not RecipientType.SOFT_DELETED:
            mailboxes[mailbox.user_id] = mailbox
    return mailboxes


def _protecting_nobody(graph: Graph, found: Audit, options: PlannerOptions) -> list[str]:
    """A warning for names in ``protected`` that no user has: a typo protects no user."""
    users = list((found.readings.users or {}).values())
    missing = [text for text in options.protected if names_one(text) and not any(map(protects(text), users))]
    if missing and options.scope != "all_users":
        # who is not at risk has not been read, or not been kept; 300 names are a request
        missing = list(find_users(graph, missing, confirm=False).unknown)
    words = named([repr(text) for text in missing])
    return [f"protected: the tenant has no user {words}, so this protects no user."] if missing else []


def _population(graph: Graph, options: PlannerOptions, candidates: Sequence[Candidate]) -> int:
    """What a percentage is a share of: the users of the tenant (all_users: those that the rules look at)."""
    if not any(str(limit).strip().endswith("%") for limit in (options.max_changes, options.max_covered_seats)):
        return 0
    if options.scope == "all_users":
        return len({candidate.subject.user.id for candidate in candidates})
    return graph.count_users()
