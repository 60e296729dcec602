# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan, or what a run made of it, as plain rows and as Markdown. Pure: no I/O, no clock.

What users control is escaped as in ``audit_report``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import format_time
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import apply_to, licenses_row
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Sku
from ansible_collections.m365.licensing.plugins.module_utils._licensing.names import plan_name, sku_name
from ansible_collections.m365.licensing.plugins.module_utils._planning.explanations import ON_PREMISES
from ansible_collections.m365.licensing.plugins.module_utils._planning.mailbox_fit import is_too_small
from ansible_collections.m365.licensing.plugins.module_utils._planning.model import Plan, PlanEntry

from .markdown import MARKDOWN_ROWS, counted, fact_list, generated_at, listing, of_tenant, rows_left, table

_SECTIONS = (
    ("failed", "Failed"),
    ("skipped", "Not tried, because another user failed before"),
    ("confirmed", "Licensed, and read back"),
    ("accepted", "Accepted by the service, and not read back yet"),
    ("license", "To be licensed"),
    ("refused_uncovered", "Refused: would lose what keeps the mailbox"),
    ("no_seat", "No seat left"),
    ("no_usage_location", "No usage location"),
    ("insufficient", "The rule's licenses would not be enough or are not there, or none brings it back"),
    ("conflict", "The rule's licenses do not go together with others"),
    ("undecided", "No rule decides: a group cannot be identified, or it is not certain whose mailbox it is"),
    ("unmatched", "No rule matches"),
    ("ignore", "Exceptions"),
    ("protected", "Protected"),
    ("unchanged", "Nothing to do"),
)


def plan_row(entry: PlanEntry, skus: Mapping[str, Sku], catalog: Catalog) -> dict[str, Any]:
    """One entry of a plan as a plain dictionary; ``before`` and ``after`` as a run would report them."""
    user, finding, change = entry.user, entry.finding, entry.change
    return {
        "user_id": user.id,
        "user_principal_name": user.user_principal_name,
        "display_name": user.display_name,
        "action": entry.action,
        "rule": entry.rule or None,
        "why": entry.why,
        "alternative": entry.alternative or None,
        "note": entry.note,
        "warnings": list(entry.warnings),
        "too_small": is_too_small(entry, skus, catalog),
        "next_rule": entry.next_rule or None,
        "expired_exceptions": list(entry.expired),
        "reason": finding.reason if finding else None,
        "recipient_type": finding.recipient_type.value if finding else None,
        "mailbox_guid": finding.mailbox.guid if finding and finding.mailbox else None,
        "severity": finding.severity if finding else None,
        "deadline": format_time(finding.deadline.at) if finding else None,
        "days_remaining": finding.days_remaining if finding else None,
        "add": [
            {
                "sku": sku_name(item.sku_id, skus, catalog),
                "sku_id": item.sku_id,
                "disabled_plans": sorted(
                    plan_name(plan, skus.get(item.sku_id), catalog) for plan in item.disabled_plans
                ),
            }
            for item in change.add
        ],
        "remove": [{"sku": sku_name(item, skus, catalog), "sku_id": item} for item in change.remove],
        "usage_location": change.usage_location,
        "before": licenses_row(user, skus, catalog),
        "after": licenses_row(apply_to(user, change, skus), skus, catalog),
    }


def plan_summary(plan: Plan) -> dict[str, Any]:
    """Figures of a plan: actions, changes, seats, exceptions that are over, and violations."""
    return {
        "users": len({entry.user.id for entry in plan.entries}),
        "changes": len(plan.changes),
        "plan_digest": plan.digest,
        "actions": plan.counts(),
        "mailboxes": plan.mailboxes(),
        "max_changes": plan.max_changes,
        "seats_to_covered": plan.seats_to_covered(),
        "max_covered_seats": plan.max_covered_seats,
        "seats_to_on_premises": sum(ON_PREMISES in entry.warnings for entry in plan.entries),
        "seat_order": plan.seat_order,
        "rules": [rule._asdict() for rule in plan.rules],
        "violations": list(plan.violations),
        "expired_exceptions": plan.expired(),
        "seats": [
            {
                "sku": use.part_number,
                "sku_id": use.sku_id,
                "left_before": use.before,
                "planned": use.planned,
                "left_after": use.after,
                "reserved": use.reserved,
            }
            for use in plan.seats
        ],
        "seats_missing": [
            {
                "sku": item.part_number,
                "sku_id": item.sku_id,
                "seats": item.seats,
                "first": _first_lost(item.first),
                "first_dated": _first_lost(item.first_dated) if item.first_dated else None,
            }
            for item in plan.seats_missing
        ],
    }


def _first_lost(entry: PlanEntry) -> dict[str, Any]:
    """The mailbox that is lost first, for the person who buys seats."""
    finding = entry.finding
    return {
        "user_principal_name": entry.user.user_principal_name,
        "deadline": format_time(finding.deadline.at) if finding else None,
        "severity": finding.severity if finding else None,
    }


def plan_markdown(
    rows: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
    *,
    tenant: str = "",
    generated: datetime | None = None,
    facts: Mapping[str, Any] | None = None,
    warnings: Sequence[str] = (),
    limit: int | None = MARKDOWN_ROWS,
    mask: Callable[[Any], Any] = lambda value: value,
) -> str:
    """The plan for people, or its results. ``rows`` are those of ``plan_row``, ``summary`` is ``plan_summary``.

    A run adds ``status`` and ``error`` to the rows, and ``applied``, ``check_mode`` and ``changed`` to the summary.
    Each section shows at most ``limit`` rows, and says so; ``limit`` None and ``mask`` as in ``audit_markdown``.
    ``facts`` says how the plan was made.
    """
    lines = [f"# License plan{of_tenant(tenant)}", ""]
    lines += generated_at(generated)
    done = bool(summary.get("applied")) and not summary.get("check_mode")
    count, users = summary["changed" if done else "changes"], summary["users"]
    were = "were" if done and count != 1 else "was" if done else "would be"
    lines += [
        f"**{counted(count, 'user', 'users')}** of {users} {were} changed{_outcome_words(summary) if done else '.'}",
        "",
    ]
    lines += fact_list(facts)
    violations = summary.get("violations") or []
    if violations:
        lines += ["**This plan may not be applied.**", ""]
    lines += listing("What stops it", violations) + listing("Warnings", warnings)
    expired = summary.get("expired_exceptions") or {}
    over = [f"{name}: over, would have kept out {counted(hits, 'user', 'users')}" for name, hits in expired.items()]
    lines += listing("Exceptions that are over", over)
    seats = summary.get("seats") or []
    if seats:
        order = "the first rule first" if summary["seat_order"] == "rules" else "the soonest deadline first"
        lines += ["## Seats", "", f"Seats go to {order}.", ""]
        if top := summary["seats_to_covered"]:
            lines += [f"**{counted(top, 'seat', 'seats')}** of these for users whose mailbox is covered already.", ""]
        if away := summary["seats_to_on_premises"]:
            who = counted(away, "user", "users")
            lines += [
                f"**{who}** may have the mailbox on premises, and {'gets' if away == 1 else 'get'} an Exchange plan.",
                "",
            ]
        cells = (
            [item["sku"], item["left_before"], item["planned"], item["left_after"], item["reserved"]] for item in seats
        )
        lines += table(("SKU", "Left", "Planned", "Left after", "Reserved"), cells, right=(1, 2, 3, 4))
    lines += _seats_missing(summary.get("seats_missing") or [])
    if rules := summary.get("rules"):
        lines += ["## Rules", ""]
        counts = ([item["name"], item["matched"], item["changes"]] for item in rules[:limit])
        lines += table(("Rule", "Decides for", "Changes"), counts, right=(1, 2)) + rows_left(len(rules), limit)
    for section, title in _SECTIONS:
        in_section = [row for row in rows if _section(row, done=done) == section]
        if in_section:
            lines += [f"## {title} ({len(in_section)})", ""]
            head = ("User", "Deadline", "Rule", "Because", "Change", "Note")
            lines += table(head, (mask(_plan_cells(row)) for row in in_section[:limit]))
            lines += rows_left(len(in_section), limit)
    safe = summary["actions"]["unmatched"] - sum(row["action"] == "unmatched" for row in rows)
    if safe:
        matched = "is matched by no rule and is" if safe == 1 else "are matched by no rule and are"
        names = "" if limit is None else "; the JSON report names them all"
        lines += [f"{counted(safe, 'user', 'users')} {matched} not at risk{names}.", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _seats_missing(missing: Sequence[Mapping[str, Any]]) -> list[str]:
    if not missing:
        return []
    head = ("SKU", "Seats", "First mailbox lost without them", "Deadline", "Severity", "First with a date")
    cells = []
    for item in missing:
        first, dated = item["first"], item["first_dated"]
        more = f"{dated['user_principal_name']}, {dated['deadline'][:10]}, {dated['severity']}" if dated else ""
        deadline = (first["deadline"] or "not known")[:10]
        cells.append([item["sku"], item["seats"], first["user_principal_name"], deadline, first["severity"], more])
    return ["## Seats missing", "", *table(head, cells, right=(1,))]


def _section(row: Mapping[str, Any], *, done: bool) -> str:
    """The section of a row of a plan: its result where it was written, else what is planned."""
    written = done and row["action"] == "license"
    return str((row["confirmation"] or row["status"]) if written else row["action"])


def _plan_cells(row: Mapping[str, Any]) -> list[Any]:
    parts: list[str] = []
    for item in row["add"]:
        off = f" without {', '.join(item['disabled_plans'])}" if item["disabled_plans"] else ""
        parts.append(f"+ {item['sku']}{off}")
    parts += [f"- {item['sku']}" for item in row["remove"]]
    if row["usage_location"]:
        parts.append(f"usage location {row['usage_location']}")
    problem = (row.get("error") or {}).get("message", "")
    note = "; ".join(text for text in (problem, row["note"], *row["warnings"]) if text)
    deadline = (row["deadline"] or "")[:10]
    return [row["user_principal_name"] or row["user_id"], deadline, row["rule"], row["why"], ", ".join(parts), note]


def _outcome_words(summary: Mapping[str, Any]) -> str:
    """How sure it is that they were changed, and who was not."""
    figures = {
        "read back": summary["confirmed"],
        "accepted and not read back yet": summary["accepted"],
        "more done by others meanwhile": summary.get("done_elsewhere", 0),
        "failed": summary["failed"],
        "not tried": summary["skipped"],
    }
    words = [f"{count} {what}" for what, count in figures.items() if count]
    return f": {', '.join(words)}." if words else "."
