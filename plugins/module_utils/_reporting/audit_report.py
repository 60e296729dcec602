# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit as plain rows and as Markdown.

Names and departments are written by people outside: nothing of them is ever evaluated, and in Markdown they can be
neither markup nor HTML nor links. Everything here returns values; ``_ansible`` writes files. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import format_time
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import licenses_row
from ansible_collections.m365.licensing.plugins.module_utils._licensing.deadlines import SEVERITIES
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Finding, Sku

from .markdown import MARKDOWN_ROWS, counted, fact_list, generated_at, listing, of_tenant, rows_left, table, tally


def audit_row(finding: Finding, skus: Mapping[str, Sku], catalog: Catalog) -> dict[str, Any]:
    """One finding as a plain dictionary, in the names of the return value ``mailboxes``."""
    user, mailbox = finding.user, finding.mailbox
    return {
        "user_id": finding.user_id,
        "user_principal_name": finding.user_principal_name,
        "display_name": (user.display_name if user else "") or (mailbox.display_name if mailbox else ""),
        "primary_smtp_address": mailbox.primary_smtp_address if mailbox else "",
        "mailbox_guid": mailbox.guid if mailbox else "",
        "recipient_type": finding.recipient_type.value,
        "account_enabled": user.account_enabled if user else (mailbox.account_enabled if mailbox else None),
        "on_premises_sync": user.on_premises_sync if user else (mailbox.on_premises_sync if mailbox else None),
        "reason": finding.reason,
        "needs": sorted(sorted(item.value for item in need) for need in finding.needs),
        "evidence": list(finding.evidence),
        "disagreements": list(finding.disagreements),
        "notes": list(finding.notes),
        "created": format_time(mailbox.created) if mailbox else None,
        "deadline": format_time(finding.deadline.at),
        "deadline_source": finding.deadline.source,
        "deadline_confidence": finding.deadline.confidence,
        "deadline_note": finding.deadline.note,
        "days_remaining": finding.days_remaining,
        "severity": finding.severity,
        "licenses": licenses_row(user, skus, catalog)["licenses"] if user and not user.deleted else None,
        "usage_location": user.usage_location if user else None,
        "country": user.country if user else None,
        "department": user.department if user else None,
        "company": user.company if user else None,
        "job_title": user.job_title if user else None,
    }


def audit_markdown(
    rows: Sequence[Mapping[str, Any]],
    *,
    tenant: str = "",
    generated: datetime | None = None,
    facts: Mapping[str, Any] | None = None,
    warnings: Sequence[str] = (),
    limit: int | None = MARKDOWN_ROWS,
    when: str = "",
    mask: Callable[[Any], Any] = lambda value: value,
) -> str:
    """The audit for people. ``rows`` are those of ``audit_row``; at most ``limit`` of them are shown, and it says so.

    ``facts`` are further figures (mailboxes examined, requests made) for the head. ``limit`` None: there is no JSON
    report that would have the others. ``when``: of which state this is, where there are two (``before this run``).
    ``mask`` takes secrets out of the rows before they are cut; the other arguments have none.
    """
    lines = [f"# Mailboxes and archives at risk{f' {when}' if when else ''}{of_tenant(tenant)}", ""]
    lines += generated_at(generated) + _losses(rows, when) + fact_list(facts)
    lines += listing("Warnings", warnings)
    if rows:
        lines += tally("Severity", rows, "severity", SEVERITIES) + tally("Reason", rows, "reason")
        lines += ["## Soonest deadline first", ""]
        head = ("Deadline", "Days", "Severity", "User", "Kind", "Reason", "Needs", "Found by", "Licenses")
        lines += table(head, (mask(_audit_cells(row)) for row in rows[:limit]), right=(1,))
        lines += rows_left(len(rows), limit)
    return "\n".join(lines).rstrip("\n") + "\n"


def _losses(rows: Sequence[Mapping[str, Any]], when: str) -> list[str]:
    """The number of mailboxes that may be lost. A notice does not count: it is later, or about rights."""
    if not rows:
        return [f"Nothing {'was' if when.startswith('before') else 'is'} at risk{f' {when}' if when else ''}.", ""]
    notices = sum(row["severity"] == "notice" for row in rows)
    lost, lines = len(rows) - notices, list[str]()
    if lost:
        what = {"": "would be lost without a license", "before this run": "would have been lost without a license"}
        ending = what.get(when, "would still be lost")
        lines += [f"**{counted(lost, 'mailbox or archive', 'mailboxes and archives')}** {ending}.", ""]
    if notices:
        more = " more" if lost else ""
        why = "no deadline within 30 days, or a matter of rights and not of deletion"
        lines += [f"**{counted(notices, f'{more} notice'.strip(), f'{more} notices'.strip())}**: {why}.", ""]
    return lines


def _audit_cells(row: Mapping[str, Any]) -> list[Any]:
    sure = "" if row["deadline_confidence"] == "exact" else f" ({row['deadline_confidence']})"
    needs = " or ".join(" + ".join(need) for need in row["needs"])
    held = row["licenses"]
    licenses = ", ".join(f"{item['sku']} {item['state']} ({item['via']})" for item in held or ()) or "none"
    return [
        f"{(row['deadline'] or '')[:10]}{sure}".strip(),
        row["days_remaining"],
        row["severity"],
        row["user_principal_name"] or row["primary_smtp_address"] or row["user_id"],
        row["recipient_type"],
        row["reason"],
        needs,
        ", ".join(row["evidence"]),
        "not known" if held is None else licenses,
    ]
