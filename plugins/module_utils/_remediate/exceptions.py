# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exceptions of the rules, for an audit: which mailboxes at risk shall be left alone, until when and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError, summarize
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Finding
from ansible_collections.m365.licensing.plugins.module_utils._planning.evaluation import IGNORES_SHARED, subject_of
from ansible_collections.m365.licensing.plugins.module_utils._planning.model import Candidate
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import RuleIndex, Subject
from ansible_collections.m365.licensing.plugins.module_utils._rules.groups import BoundRules
from ansible_collections.m365.licensing.plugins.module_utils._rules.tenant import groups_of_users, resolve_rules

NO_GROUPS: frozenset[str] = frozenset()


class ExceptionMatch(NamedTuple):
    """The exception that covers a mailbox at risk: the rule's name, its reason and its last day (None: no end)."""

    rule: str
    reason: str
    until: date | None

    def row(self) -> dict[str, Any]:
        """The return value ``excepted`` of a row."""
        return {"rule": self.rule, "reason": self.reason, "until": self.until.isoformat() if self.until else None}


def check_rules(graph: Graph, raw: Any, catalog: Catalog, label: str) -> BoundRules | None:
    """The rules as the tenant understands them; None, and no request, where there are none.

    Raises ConfigurationError with all that is wrong with them.
    """
    if raw is None or raw in ("", [], ()):
        return None
    problems: list[str] = []
    bound = resolve_rules(graph, raw, graph.subscribed_skus(), catalog, label, "mailboxes_at_risk", problems)
    if problems:
        raise ConfigurationError(problems, code="invalid_rules")
    return bound


def find_exceptions(
    graph: Graph, audit: Audit, findings: Sequence[Finding], rules: BoundRules | None, catalog: Catalog
) -> list[ExceptionMatch | None]:
    """For each of ``findings`` the exception that covers it, if the first rule that matches is one that has not ended.

    A mailbox whose user Graph does not show is covered by none, for no rule can be asked about it.
    """
    living = audit.readings.users or {}
    users = {**audit.readings.deleted, **living}
    if rules is None or not any(rule.ignore for rule in rules.rules):
        return [None] * len(findings)
    known = list(dict.fromkeys(finding.user_id for finding in findings if finding.user_id in living))
    groups = groups_of_users(graph, rules.group_ids, known, whole=False)
    today, index = audit.now.date(), RuleIndex(rules.rules)
    covering: list[ExceptionMatch | None] = []
    for finding in findings:
        user = users.get(finding.user_id)
        rule = None
        if user is not None and user.id not in audit.owners.shared:
            subject = Subject(user, finding.recipient_type, groups.get(user.id, NO_GROUPS))
            decision = index.first_match(subject_of(Candidate(subject, finding), catalog), today)
            # where a group of the rules cannot be identified, that is no exception
            rule = None if decision.undecided else decision.rule
        excepted = rule is not None and rule.ignore
        covering.append(ExceptionMatch(rule.name, rule.reason, rule.until) if rule and excepted else None)
    return covering


def hidden_shared_warnings(findings: Sequence[Finding], covering: Sequence[ExceptionMatch | None]) -> list[str]:
    """A warning for each rule whose exception covers mailboxes that may have been shared."""
    hidden: dict[str, list[str]] = {}
    for finding, item in zip(findings, covering, strict=True):
        if item is not None and finding.was_shared:
            hidden.setdefault(IGNORES_SHARED.format(item.rule), []).append(finding.user_principal_name)
    return [f"{text[0].upper()}{text[1:]}: {summarize(upns)}." for text, upns in hidden.items()]


def count(covering: Sequence[ExceptionMatch | None]) -> int:
    """How many findings an exception covers."""
    return sum(item is not None for item in covering)
