# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings of an audit about users and mailboxes that are not rows."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import summarize
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import has_mailbox_plan, has_room
from ansible_collections.m365.licensing.plugins.module_utils._licensing.deadlines import DISCONNECTED_DAYS
from ansible_collections.m365.licensing.plugins.module_utils._licensing.mailbox_room import room_text
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import MAILBOX_CLASSES, Finding, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.row_notes import UNKNOWN_PLAN

from .snapshot import Readings


def warn_of_unknown_states(readings: Readings, catalog: Catalog) -> None:
    """Warn of plans in a state that is not documented. They count as off, so mailboxes that are safe may become rows.

    The warning names the users who have no other mailbox plan and no mailbox in the lists, as no row names them.
    """
    unknown: dict[str, list[User]] = {}
    for user in (readings.users or {}).values():
        for word in {plan.capability for plan in user.assigned_plans if plan.unknown_status}:
            unknown.setdefault(word, []).append(user)
    listed = {box.user_id for box in readings.mailboxes} | readings.other_kinds.keys()
    for word, users in sorted(unknown.items()):
        text = (
            f"{len(users)} users have plans with the capabilityStatus {word!r}, which this collection does not know. "
            "Such a plan counts as off: check these users before rules license them."
        )
        lost = sorted(
            user.user_principal_name
            for user in users
            if user.id not in listed and not has_mailbox_plan(user, catalog) and _had_mailbox(user, word, catalog)
        )
        if lost:
            text += (
                f" Exchange lists no mailbox of {summarize(lost)}, whose mailbox plan is in this state: if it was "
                f"removed in the last {DISCONNECTED_DAYS} days, a license restores the mailbox."
            )
        readings.warnings.append(text)


def _had_mailbox(user: User, word: str, catalog: Catalog) -> bool:
    """Is a mailbox plan of the user in this state?"""
    plans = (plan.plan_id for plan in user.assigned_plans if plan.capability == word)
    return any(catalog.plan_class(plan) in MAILBOX_CLASSES for plan in plans)


def with_room(readings: Readings, catalog: Catalog) -> list[str]:
    """Warnings of large mailboxes that are not rows, because their license and their quota give them the room."""
    users = readings.users or {}
    large = [box for box in readings.mailboxes if box.over_50_gb and box.user_id in users]
    by_text: dict[str, list[str]] = {}
    for box in large:
        if has_room(box, users[box.user_id], catalog):
            by_text.setdefault(room_text(box), []).append(box.user_principal_name or box.guid)
    return [f"{summarize(sorted(names))}: {text}." for text, names in sorted(by_text.items())]


def unknown_plan_warnings(findings: Iterable[Finding]) -> list[str]:
    """The notes about Exchange plans that no table knows, each with the users of its rows."""
    by_note: dict[str, set[str]] = {}
    for finding in findings:
        for note in finding.notes:
            if note.startswith(UNKNOWN_PLAN):
                by_note.setdefault(note, set()).add(finding.user_principal_name)
    return [f"{summarize(sorted(names))}: {note}" for note, names in sorted(by_note.items())]


def pending_without_user(readings: Readings) -> list[str]:
    """A warning for users whom Get-PendingDelicenseUser lists, and whom no other list of Graph or Exchange shows."""
    if readings.users is None or readings.only is not None or not readings.mailboxes_known:
        return []
    users, boxes = readings.users.values(), readings.mailboxes
    known = readings.users.keys() | readings.other_kinds.keys() | {box.user_id for box in boxes}
    known |= {lowered(user.user_principal_name) for user in users} | {lowered(box.user_principal_name) for box in boxes}
    unknown = sorted(readings.pending.keys() - known)
    if not unknown:
        return []
    return [
        f"Get-PendingDelicenseUser lists {summarize(unknown)}, and neither Graph nor any list of Exchange shows a user "
        "or a mailbox of that name. The mailbox may be lost soon. Look for the user in the directory's recycle bin: "
        "restore the user, then assign a license."
    ]
