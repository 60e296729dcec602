# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of the module ``m365_user_license``: a row for each user, counts, a diff, warnings. Pure: no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import summarize
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import guid, is_guid
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.change_notes import (
    carried_over,
    mailbox_off,
    notes_for,
    plans_that_go,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import (
    licenses_row,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import granted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import Wanted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    MAILBOX_CLASSES,
    LicenseChange,
    Sku,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.names import plan_name
from ansible_collections.m365.licensing.plugins.module_utils._licensing.plan_relations import stacked_notes
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import Problem
from ansible_collections.m365.licensing.plugins.module_utils._reporting.diff import diff_of

from .downgrades import Downgrade
from .outcomes import STATUSES, Outcome


class Blocked(NamedTuple):
    """Why no request is sent for a user, and the status of that user."""

    status: str
    problem: Problem


class UserRow(NamedTuple):
    """The row of one user, and what the result of all of them needs besides."""

    row: dict[str, Any]
    wrote: bool = False
    off: tuple[str, ...] = ()
    """Plans that ``enabled_plans`` names and the user shows as off."""


def row_of(
    outcome: Outcome,
    blocked: Blocked | None,
    wanted: Sequence[Wanted],
    state: str,
    skus: Mapping[str, Sku],
    catalog: Catalog,
    change: LicenseChange | None = None,
    leaving: Sequence[str] = (),
) -> UserRow:
    """The row of one user. ``change`` is the requested change, if any; ``blocked``: why no request was sent.

    ``leaving``: SKUs to remove besides.
    """
    off = {
        plan_name(plan, skus.get(item.sku_id), catalog)
        for item in wanted
        for plan in (item.enabled_plans or frozenset()) & outcome.service_disabled_plans.get(item.sku_id, frozenset())
    }
    row = {
        "user_id": outcome.user_id,
        "user_principal_name": outcome.before.user_principal_name,
        "status": blocked.status if blocked else outcome.status,
        "confirmation": outcome.confirmation,
        "before": licenses_row(outcome.before, skus, catalog),
        "after": licenses_row(outcome.after, skus, catalog),
        "error": _error(blocked.problem if blocked else outcome.error),
        "notes": [
            *notes_for(outcome.before, wanted, state, skus, catalog),
            *notes_for(outcome.before, [Wanted(sku_id) for sku_id in leaving], "absent", skus, catalog),
            *(carried_over(outcome.before, wanted, change, skus, catalog) if change else ()),
            *(plans_that_go(outcome.before, change, skus, catalog) if change else ()),
            *(stacked_notes(outcome.after, change, skus, catalog) if change else ()),
            *(mailbox_off(outcome.after, wanted, skus, catalog) if _keeps_nothing(outcome, state, catalog) else ()),
            *outcome.notes,
        ],
        "service_disabled_plans": {
            sku_id: sorted(plan_name(plan, skus.get(sku_id), catalog) for plan in plans)
            for sku_id, plans in sorted(outcome.service_disabled_plans.items())
        },
    }
    return UserRow(row, outcome.wrote, tuple(sorted(off)))


def _keeps_nothing(outcome: Outcome, state: str, catalog: Catalog) -> bool:
    """Is the user licensed without any enabled mailbox plan?"""
    done = state != "absent" and outcome.status in ("changed", "unchanged")
    return done and granted(outcome.after, catalog).isdisjoint(MAILBOX_CLASSES)


def unknown_row(name: str) -> UserRow:
    """The row of a user who does not exist."""
    row: dict[str, Any] = {
        "user_id": guid(name) if is_guid(name) else "",
        "user_principal_name": "" if is_guid(name) else name,
        "status": "failed",
        "confirmation": "",
        "before": None,
        "after": None,
        "error": _error(Problem("user_not_found", f"The tenant has no user {name!r}.", "Check the spelling.")),
        "notes": [],
        "service_disabled_plans": {},
    }
    return UserRow(row)


def _error(problem: Problem | None) -> dict[str, str] | None:
    if problem is None:
        return None
    return {"code": problem.code, "message": problem.message, "hint": problem.hint}


def result_of(users: Sequence[UserRow], downgrades: Sequence[Downgrade] = ()) -> dict[str, Any]:
    """The result of the module. ``changed`` and the diff are about users whom the run changed in the tenant.

    ``downgrades``: what was removed because the task allows it, for the warnings.
    """
    rows = [user.row for user in users]
    changed = [user.row for user in users if user.wrote]
    off: dict[str, list[str]] = {}
    for user in users:
        for plan in user.off:
            off.setdefault(plan, []).append(user.row["user_principal_name"])
    statuses = Counter(row["status"] for row in rows)
    confirmations = Counter(row["confirmation"] for row in rows)
    return {
        "changed": bool(changed),
        "users": rows,
        "summary": {
            "users": len(rows),
            **{status: statuses[status] for status in STATUSES},
            "confirmed": confirmations["confirmed"],
            "accepted": confirmations["accepted"],
            "unknown": sum((row["error"] or {}).get("code") == "unknown_outcome" for row in rows),
        },
        "diff": diff_of((row["user_principal_name"], row["before"], row["after"]) for row in changed),
        "warnings": [
            *_warnings(rows, downgrades),
            *(_reads_back_off(plan, upns) for plan, upns in sorted(off.items())),
        ],
    }


def _reads_back_off(plan: str, upns: Sequence[str]) -> str:
    return (
        f"enabled_plans names {plan}, but the users still show it as off, because the service switches it off or a "
        f"replica is late. If it stays off, remove it from enabled_plans, or each run tries again: {summarize(upns)}"
    )


def _warnings(rows: Sequence[Mapping[str, Any]], downgrades: Sequence[Downgrade]) -> list[str]:
    """One sentence for each kind of problem."""
    by_loss: dict[str, list[str]] = {}
    for item in downgrades:
        for sentence in item.lost:
            by_loss.setdefault(sentence, []).append(item.user.user_principal_name)
    warnings = [f"{sentence[0].upper()}{sentence[1:]}: {summarize(upns)}" for sentence, upns in by_loss.items()]
    seatless = [row["user_principal_name"] for row in rows if row["error"] and row["error"]["code"] == "no_seats"]
    skipped = [row for row in rows if row["status"] == "skipped"]
    if seatless and skipped:
        warnings.append(f"Not licensed, because no seat is left: {summarize(seatless)}")
    late = [row["user_principal_name"] for row in rows if row["confirmation"] == "accepted"]
    if late:
        warnings.append(
            f"Accepted by the service, but not shown yet, because of late replicas or confirm=false: {summarize(late)}"
        )
    return warnings
