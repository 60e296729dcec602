# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rule decides for a user, which ones before it do not and why, and what a run would do, as facts.

What a run would do is read from a plan (``PlanEntry``), and never decided here. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Sku, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.names import sku_name
from ansible_collections.m365.licensing.plugins.module_utils._licensing.seats import Seats
from ansible_collections.m365.licensing.plugins.module_utils._planning.evaluation import protects
from ansible_collections.m365.licensing.plugins.module_utils._planning.guards import violations_of
from ansible_collections.m365.licensing.plugins.module_utils._planning.model import PlanEntry, PlanOptions
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import (
    Condition,
    Facts,
    Rule,
    Subject,
    doubts_of,
    explain,
    facts_of,
    texts_of,
)
from ansible_collections.m365.licensing.plugins.module_utils._reporting.plan_report import plan_row

RULES_SHOWN = 200
"""Rules that do not match that a result shows at most: of thousands, the nearest ones are enough."""

_RUN_KEYS = ("action", "alternative", "note", "warnings", "too_small", "next_rule", "add", "remove", "usage_location")
_CHANGES_NOTHING: dict[str, Any] = {
    "action": None,
    "alternative": None,
    "note": "",
    "warnings": [],
    "too_small": None,
    "next_rule": None,
    "add": [],
    "remove": [],
    "usage_location": None,
}


class DecisionContext(NamedTuple):
    """What every decision looks at: bound rules, SKUs by id, the guards of the plan, and the day."""

    rules: tuple[Rule, ...]
    skus: Mapping[str, Sku]
    catalog: Catalog
    guards: PlanOptions
    today: date


def explain_decision(
    subject: Subject, entry: PlanEntry | None, why_none: str, context: DecisionContext
) -> dict[str, Any]:
    """The rules as they apply to one subject; ``why_none`` says why a plan has no ``entry`` for it."""
    facts = facts_of(subject)
    before: list[dict[str, Any]] = []
    exceptions: list[dict[str, Any]] = []
    decider: Rule | None = None
    undecided = False
    for number, rule in enumerate(context.rules, 1):
        failed = [item for item in rule.conditions if not item.possible(facts)]
        over = rule.expired(context.today)
        decides = decider is None and not failed and not over
        if decides:
            decider = rule
            undecided = not all(item.test(facts) for item in rule.conditions)
        if not failed and rule.ignore:
            exceptions.append(_exception(rule, expired=over, decides=decides and not undecided))
        if decider is None:
            texts = [failure(item, facts, subject) for item in failed]
            if over and not failed:
                texts = [f"it matches, but this exception ended on {rule.until}"]
            before.append({"number": number, "rule": rule.name, "failed": texts})
    return {
        "rule": decider.name if decider else None,
        "rule_path": decider.path if decider else None,
        "why": _why(decider, subject, undecided=undecided),
        "undecided": undecided,
        "rules_before": _nearest_rules(before),
        "rules_before_count": len(before),
        "exceptions": exceptions,
        "seats": _seats(decider, subject, context) if decider else [],
        "run": _run(entry, why_none, context),
        "guards": _guards(subject, entry, context),
    }


def _why(rule: Rule | None, subject: Subject, *, undecided: bool) -> str:
    if rule is None:
        return "no rule matches"
    return doubts_of(rule) if undecided else explain(rule, subject.user)


def failure(condition: Condition, facts: Facts, subject: Subject) -> str:
    """Why a condition does not hold: what it asks for, and what the user has."""
    return f"{condition.text}, but {_actual_value(condition, condition.value(facts), subject.user)}"


def _actual_value(condition: Condition, value: Any, user: User) -> str:
    """In words, the value with which the condition was compared."""
    key = condition.key
    if isinstance(value, bool):
        return f"it is {str(value).lower()}"
    if key in _UNKNOWN:
        return f"it is {value}" if value else _UNKNOWN[key]
    several = len(condition.names) > 1
    if key == "has":
        return _does_not_hold(condition, user)
    if key == "lacks":
        return f"the user holds {', '.join(sorted(condition.names[sku_id] for sku_id in value)) if several else 'it'}"
    if key == "group":
        return "the user is in none of these" if several else "the user is not in it"
    if key == "not":
        block = "; ".join(item.text for item in value)
        return f"the user is among those of {block}" if len(condition.blocks) > 1 else "the user is among these"
    return f"it is {texts_of(user)[key]!r}" if value else "it is not set"


_UNKNOWN = {"recipient_type": "no mailbox is known", "reason": "nothing is at risk"}


def _does_not_hold(condition: Condition, user: User) -> str:
    idle = [state for state in user.license_states if state.sku_id in condition.names]
    if len(condition.names) > 1:
        return "the user holds none of these"
    if idle:
        return f"it is assigned in the state {idle[0].state}, so the user does not hold it"
    return "the user does not hold it"


def _exception(rule: Rule, *, expired: bool, decides: bool) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "reason": rule.reason,
        "until": rule.until.isoformat() if rule.until else None,
        "expired": expired,
        "decides": decides,
    }


def _nearest_rules(before: list[dict[str, Any]], most: int = RULES_SHOWN) -> list[dict[str, Any]]:
    """At most ``most`` rules, those that fail on the fewest conditions, in their order."""
    kept = sorted(before, key=lambda row: (len(row["failed"]), -row["number"]))[:most]
    return sorted(kept, key=lambda row: int(row["number"]))


def nearest_rules(decision: Mapping[str, Any], most: int) -> list[dict[str, Any]]:
    """The same of a decision, for a text that has room for few."""
    return _nearest_rules(list(decision["rules_before"]), most)


def _seats(rule: Rule, subject: Subject, context: DecisionContext) -> list[dict[str, Any]]:
    """The SKUs that a rule names, and the seats of each that a run could give out now."""
    guards = context.guards
    left = Seats(context.skus.values(), guards.seat_reserve, guards.use_warning_seats)
    rows = []
    for alternative, wanted in (("licenses", rule.licenses), ("fallback", rule.fallback)):
        for item in wanted:
            rows.append(
                {
                    "sku": sku_name(item.sku_id, context.skus, context.catalog),
                    "sku_id": item.sku_id,
                    "alternative": alternative,
                    "held": subject.user.holds(item.sku_id),
                    "left": left.left(item.sku_id),
                    "reserved": guards.seat_reserve.get(item.sku_id, 0),
                }
            )
    return rows


def _run(entry: PlanEntry | None, why_none: str, context: DecisionContext) -> dict[str, Any]:
    if entry is None:
        return {**_CHANGES_NOTHING, "note": why_none}
    row = plan_row(entry, context.skus, context.catalog)
    return {key: row[key] for key in _RUN_KEYS}


def _guards(subject: Subject, entry: PlanEntry | None, context: DecisionContext) -> list[str]:
    """What keeps a run from writing this user, one sentence each."""
    guards = [
        f"{context.guards.variable_prefix}protected: {pattern!r} means this user, so a run never writes to it"
        for pattern in context.guards.protected
        if protects(pattern)(subject.user)
    ]
    if entry is not None:
        guards += violations_of([entry], list(context.skus.values()), context.guards, None)
    return guards
