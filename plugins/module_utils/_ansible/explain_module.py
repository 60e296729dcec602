# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audits and plans a few users alone, and explains the result: the work of ``m365_license_explanation_info``.

It writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit, AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._common.globs import compile_glob
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered, name_key
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._explain.facts import (
    MailboxCase,
    Reading,
    explain_user,
    mailbox_cases,
)
from ansible_collections.m365.licensing.plugins.module_utils._explain.rules import DecisionContext, explain_decision
from ansible_collections.m365.licensing.plugins.module_utils._explain.text import lines_of
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._graph.user_lookup import (
    find_users,
    name_problems,
    unknown_users,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    AssessmentContext,
    needs_of,
    settled,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import resolve_reserve
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType, User
from ansible_collections.m365.licensing.plugins.module_utils._planning.evaluation import protects, subject_of
from ansible_collections.m365.licensing.plugins.module_utils._planning.planner import Candidate, PlanEntry, PlanOptions
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import Subject
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_schema import parse_rules
from ansible_collections.m365.licensing.plugins.module_utils._remediate.workflow import (
    Planned,
    PlannerOptions,
    check_options,
    plan_licenses,
)
from ansible_collections.m365.licensing.plugins.module_utils._rules.file import take_rules
from ansible_collections.m365.licensing.plugins.module_utils._rules.groups import bind_to_tenant
from ansible_collections.m365.licensing.plugins.module_utils._rules.tenant import groups_of_users

from .audit_module import audit_options
from .module import Context

USERS_AT_MOST = 100
"""Users of one call: an explanation is for people, and an audit is cheaper for many."""


class ExplainOptions(NamedTuple):
    """The options of the module. ``planner`` has no rules where none were given."""

    users: tuple[str, ...]
    planner: PlannerOptions


class _Ruled(NamedTuple):
    """Rules and guards as a plan for these users has used them, and its entries by user id."""

    decisions: DecisionContext
    groups: Mapping[str, frozenset[str]]
    entries: Mapping[str, Sequence[PlanEntry]]


def run_explain(context: Context) -> dict[str, Any]:
    """The module ``m365_license_explanation_info``. Raises ConfigurationError, with the result, for unknown users."""
    context.warn_all(take_rules(context.params))
    options = explain_options(context.params)
    tenant = context.tenant
    result = explain_users(context.graph, context.exchange, options)
    for text in result.pop("warnings"):
        context.warn(text)
    result["tenant"] = tenant.row()
    if result["unmatched"]:
        error = unknown_users(result["unmatched"])
        error.partial = result
        raise error
    return result


def explain_options(params: Mapping[str, Any]) -> ExplainOptions:
    """The options, checked as far as no tenant is needed. Raises ConfigurationError with every problem."""
    users = tuple(params["users"])
    problems = name_problems(users)
    if not users:
        problems.append("users: the list is empty; name at least one user")
    if len(users) > USERS_AT_MOST:
        problems.append(f"users: expected at most {USERS_AT_MOST}, found {len(users)}; audit them instead")
    options = AuditOptions()
    try:
        # of users who are named an audit reads everything, whatever its strategy
        options = audit_options({**params, "strategy": "auto"})
    except ConfigurationError as error:
        problems += error.problems
    if options.shared_mailbox_sizes == "auto":
        # one request for each shared mailbox among them is less than the report of the whole tenant
        options = options._replace(shared_mailbox_sizes="always")
    planner = PlannerOptions(
        audit=options,
        rules=params["rules"] or None,
        variable_prefix=params["variable_prefix"] or "",
        rules_label=params.get("rules_label") or f"{params['variable_prefix'] or ''}rules",
        scope=params["scope"],
        protected=tuple(params["protected"] or ()),
        allow_removals=params["allow_removals"],
        seat_reserve=params["seat_reserve"],
        use_warning_seats=params["use_warning_seats"],
        license_guests=params["license_guests"],
        allow_incomplete=params["allow_incomplete"],
    )
    if planner.rules is not None:
        try:
            check_options(planner)
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return ExplainOptions(users, planner)


def explain_users(graph: Graph, exchange: Exchange, options: ExplainOptions) -> dict[str, Any]:
    """The result of the module: ``explanations`` in the order of the users, ``unmatched`` and ``warnings``.

    ``unmatched`` are the names of users who do not exist. Raises ConfigurationError for wrong rules.
    """
    named = find_users(graph, options.users)
    if not named.users:
        return {"explanations": [], "unmatched": list(named.unknown), "warnings": []}
    planner = options.planner._replace(
        audit=options.planner.audit._replace(
            identities=tuple(user.id for user in named.users), known=tuple(named.users)
        ),
        # Patterns that match none of these users are left out, because each would take a request.
        protected=tuple(text for text in options.planner.protected if any(map(protects(text), named.users))),
    )
    planned: Planned | None = None
    if planner.rules is None:
        found = audit(graph, exchange, planner.audit)
    else:
        planned = plan_licenses(graph, exchange, planner, check_mode=True)
        found = planned.audit
    ruled = _ruled(graph, planned, planner, named.users) if planned else None
    readings = found.readings
    assessment = AssessmentContext(
        now=found.now,
        grace_days=planner.audit.grace_period_days,
        catalog=planner.audit.catalog.in_tenant(readings.skus.values()),
        skus=readings.skus,
        subscriptions=readings.subscriptions,
        removals=readings.removals,
        delayed=readings.delayed,
    )
    users = [(readings.users or {}).get(user.id, user) for user in named.users]
    rows = [_explanation(user, found, assessment, planner, ruled) for user in users]
    return {"explanations": rows, "unmatched": list(named.unknown), "warnings": list(found.warnings)}


def _explanation(
    user: User, found: Audit, assessment: AssessmentContext, options: PlannerOptions, ruled: _Ruled | None
) -> dict[str, Any]:
    reading = _reading(user, found)
    cases = mailbox_cases(reading, assessment)
    row = explain_user(reading, cases, assessment)
    for case, mailbox in zip(cases, row["mailboxes"], strict=True):
        mailbox["left_out"] = _left_out(user, case, options.audit)
        mailbox["decision"] = _decision(reading, case, mailbox["left_out"], options, ruled) if ruled else None
    row["lines"] = lines_of(row, rules_label=options.rules_label)
    return row


def _reading(user: User, found: Audit) -> Reading:
    """What an audit has read about one user."""
    readings = found.readings
    signals = readings.signals_for(user.id, user.user_principal_name)
    boxes = tuple(box for box in readings.mailboxes if box.user_id == user.id)
    other = "" if boxes else readings.other_kinds.get(user.id, "")
    shared, contest = found.owners.shared.get(user.id, ""), found.owners.contested.get(user.id)
    return Reading(user, boxes, signals, readings.signals, other, shared, contest.text if contest else "")


def _left_out(user: User, case: MailboxCase, options: AuditOptions) -> str:
    """Why audits and runs with these options leave out this mailbox; empty if they do not."""
    upn = lowered(user.user_principal_name)
    for pattern in options.exclude:
        if compile_glob(name_key(pattern))(upn):
            return f"exclude has {pattern!r}, which means this user"
    kind = case.recipient_type
    if kind is not None and kind not in options.recipient_types:
        return f"recipient_types does not have {kind.value}"
    return ""


def _decision(
    reading: Reading, case: MailboxCase, left_out: str, options: PlannerOptions, ruled: _Ruled
) -> dict[str, Any]:
    user, other = reading.user, reading.other_kind
    entries = ruled.entries.get(user.id, ())
    entry = next((item for item in entries if _is_about(item, case)), None)
    why_none = left_out
    if not why_none and user.is_guest and case.recipient_type is None and not options.license_guests:
        why_none = "rules license a guest without a mailbox only with license_guests"
    if not why_none and options.scope == "mailboxes_at_risk":
        why_none = "nothing is at risk, and the rules only look at mailboxes at risk"
    if not why_none:
        why_none = "the user's other mailbox decides"
    subject = Subject(user, case.recipient_type, ruled.groups.get(user.id, frozenset()), other_kind=other)
    catalog = options.audit.catalog
    box = settled(case.mailbox, user, catalog) if case.mailbox is not None else None
    needs = needs_of(box) if box is not None else () if other else None
    subject = subject_of(Candidate(subject, case.finding, needs), catalog)
    return explain_decision(subject, entry, why_none, ruled.decisions)


def _is_about(entry: PlanEntry, case: MailboxCase) -> bool:
    """Is this entry of a plan about this mailbox, or about its user as somebody of whom nothing is at risk?"""
    if entry.finding is None:
        return case.finding is None and case.recipient_type is not RecipientType.SOFT_DELETED
    guid = entry.finding.mailbox.guid if entry.finding.mailbox else ""
    return case.finding is not None and guid == case.guid


def _ruled(graph: Graph, planned: Planned, options: PlannerOptions, users: Sequence[User]) -> _Ruled:
    """The rules once more, as a plan does not hand them out, and who is in their groups."""
    skus = list(planned.skus.values())
    catalog = options.audit.catalog.in_tenant(skus)
    bound = bind_to_tenant(graph, parse_rules(options.rules, skus, catalog, options.rules_label, scope=options.scope))
    groups = groups_of_users(graph, bound.group_ids, [user.id for user in users], whole=False)
    guards = PlanOptions(
        protected=options.protected,
        allow_removals=options.allow_removals,
        seat_reserve=resolve_reserve(options.seat_reserve, skus, catalog),
        use_warning_seats=options.use_warning_seats,
        license_guests=options.license_guests,
        gaps=tuple(planned.audit.readings.gaps),
        allow_incomplete=options.allow_incomplete,
        variable_prefix=options.variable_prefix,
    )
    entries: dict[str, list[PlanEntry]] = {}
    for entry in planned.plan.entries:
        entries.setdefault(entry.user.id, []).append(entry)
    decisions = DecisionContext(bound.rules, planned.skus, catalog, guards, planned.audit.now.date())
    return _Ruled(decisions, groups, entries)
