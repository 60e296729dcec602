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

from ansible_collections.m365.licensing.plugins.module_utils._catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._models import Sku
from ansible_collections.m365.licensing.plugins.module_utils._plan_guards import violations_of
from ansible_collections.m365.licensing.plugins.module_utils._plan_judge import protects
from ansible_collections.m365.licensing.plugins.module_utils._plan_model import PlanEntry, PlanOptions
from ansible_collections.m365.licensing.plugins.module_utils._report import plan_row
from ansible_collections.m365.licensing.plugins.module_utils._rules import (
    Condition,
    Facts,
    Rule,
    Subject,
    explain,
    facts_of,
)
from ansible_collections.m365.licensing.plugins.module_utils._seats import Seats

RULES_SHOWN = 200
"""Rules that do not match of which a result tells at most: of thousands, the nearest ones are enough."""

_RUN_KEYS = ("action", "alternative", "note", "warnings", "next_rule", "add", "remove", "usage_location")
_CHANGES_NOTHING: dict[str, Any] = {
    "action": None,
    "alternative": None,
    "note": "",
    "warnings": [],
    "next_rule": None,
    "add": [],
    "remove": [],
    "usage_location": None,
}


class Decisions(NamedTuple):
    """What every decision looks at: bound rules, SKUs by id, the guards of the plan, and the day."""

    rules: tuple[Rule, ...]
    skus: Mapping[str, Sku]
    catalog: Catalog
    guards: PlanOptions
    today: date


def explain_decision(subject: Subject, entry: PlanEntry | None, why_none: str, world: Decisions) -> dict[str, Any]:
    """The rules as they apply to one subject; ``why_none`` says why a plan has no ``entry`` for it."""
    facts = facts_of(subject)
    before: list[dict[str, Any]] = []
    exceptions: list[dict[str, Any]] = []
    decider: Rule | None = None
    for number, rule in enumerate(world.rules, 1):
        failed = [item for item in rule.conditions if not item.test(facts)]
        over = rule.expired(world.today)
        decides = decider is None and not failed and not over
        if decides:
            decider = rule
        if not failed and rule.ignore:
            exceptions.append(_exception(rule, expired=over, decides=decides))
        if decider is None:
            texts = [failure(item, facts, subject) for item in failed]
            if over and not failed:
                texts = [f"it matches, but this exception ended on {rule.until}"]
            before.append({"number": number, "rule": rule.name, "failed": texts})
    return {
        "rule": decider.name if decider else None,
        "rule_path": decider.path if decider else None,
        "why": explain(decider, subject.user) if decider else "no rule matches",
        "rules_before": _nearest(before),
        "rules_before_count": len(before),
        "exceptions": exceptions,
        "seats": _seats(decider, subject, world) if decider else [],
        "run": _run(entry, why_none, world),
        "guards": _guards(subject, entry, world),
    }


def failure(condition: Condition, facts: Facts, subject: Subject) -> str:
    """Why a condition does not hold: what it asks for, and what the user has."""
    key, user = condition.key, subject.user
    if key in ("account_enabled", "on_premises_sync"):
        has = f"it is {str(getattr(user, key)).lower()}"
    elif key == "recipient_type":
        has = f"it is {facts.recipient_type}" if facts.recipient_type else "no mailbox is known"
    elif key in _OTHERWISE:
        has = _OTHERWISE[key]
    else:
        own = "user_principal_name" if key == "upn" else key
        value = user.extension_attributes.get(key) or getattr(user, own, None)
        has = f"it is {value!r}" if value else "it is not set"
    return f"{condition.text}, but {has}"


_OTHERWISE = {
    "has": "the user does not hold it",
    "lacks": "the user holds it",
    "group": "the user is not in it",
    "not": "the user is among these",
}


def _exception(rule: Rule, *, expired: bool, decides: bool) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "reason": rule.reason,
        "until": rule.until.isoformat() if rule.until else None,
        "expired": expired,
        "decides": decides,
    }


def _nearest(before: list[dict[str, Any]], most: int = RULES_SHOWN) -> list[dict[str, Any]]:
    """At most so many rules, those that fail on the fewest conditions, in their order."""
    kept = sorted(before, key=lambda row: (len(row["failed"]), -row["number"]))[:most]
    return sorted(kept, key=lambda row: int(row["number"]))


def nearest_rules(decision: Mapping[str, Any], most: int) -> list[dict[str, Any]]:
    """The same of a decision, for a text that has room for few."""
    return _nearest(list(decision["rules_before"]), most)


def _seats(rule: Rule, subject: Subject, world: Decisions) -> list[dict[str, Any]]:
    """The SKUs that a rule names, and the seats of each that a run could give out now."""
    guards = world.guards
    left = Seats(world.skus.values(), guards.seat_reserve, guards.use_warning_seats)
    rows = []
    for alternative, wanted in (("licenses", rule.licenses), ("fallback", rule.fallback)):
        for item in wanted:
            sku = world.skus.get(item.sku_id)
            rows.append(
                {
                    "sku": sku.part_number if sku else world.catalog.sku_name(item.sku_id) or item.sku_id,
                    "sku_id": item.sku_id,
                    "alternative": alternative,
                    "held": subject.user.holds(item.sku_id),
                    "left": left.left(item.sku_id),
                    "reserved": guards.seat_reserve.get(item.sku_id, 0),
                }
            )
    return rows


def _run(entry: PlanEntry | None, why_none: str, world: Decisions) -> dict[str, Any]:
    if entry is None:
        return {**_CHANGES_NOTHING, "note": why_none}
    row = plan_row(entry, world.skus, world.catalog)
    return {key: row[key] for key in _RUN_KEYS}


def _guards(subject: Subject, entry: PlanEntry | None, world: Decisions) -> list[str]:
    """What keeps a run from writing this user, one sentence each."""
    found = [
        f"protected: {pattern!r} means this user, so a run never writes to it"
        for pattern in world.guards.protected
        if protects(pattern)(subject.user)
    ]
    if entry is not None:
        found += violations_of([entry], list(world.skus.values()), world.guards, None)
    return found
