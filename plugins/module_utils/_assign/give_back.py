# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives back the license that a swap removed, if the new one is in error and nothing else keeps the mailbox.

The service accepts a swap, removes the old license, and may then fail to assign the new one. Exchange disconnects the
mailbox of such a user at once. Only a read shows that, so nothing is given back without a read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import apply_to, uncovered_by
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Assignment, LicenseChange, Sku
from ansible_collections.m365.licensing.plugins.module_utils._licensing.names import sku_title
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import Problem

from .outcomes import Job, assignment_error

Step = Callable[[Sequence[Job]], object]


def give_back(
    jobs: Sequence[Job], skus: Mapping[str, Sku], catalog: Catalog, send: Step, confirm: Step, until: datetime
) -> None:
    """Send the licenses to give back, read the users back, and note the results in ``jobs``.

    ``until``: how long a license restores the mailboxes that are lost.
    """
    returns = {id(job): _return_of(job, back) for job in jobs if (back := to_give_back(job, skus, catalog))}
    swapped = [job for job in jobs if id(job) in returns]
    waiting = swapped
    while waiting:
        sent = [returns[id(job)] for job in waiting]
        send(sent)
        confirm(sent)
        waiting = [job for job in waiting if _failure(returns[id(job)], skus)]
        # A license that cannot be assigned must not block the one that keeps the mailbox.
        fewer = {id(job): _fewer(returns[id(job)].change, job, skus, catalog) for job in waiting}
        waiting = [job for job in waiting if fewer[id(job)]]
        returns.update({id(job): _return_of(job, fewer[id(job)]) for job in waiting})
    for job in swapped:
        _note(job, returns[id(job)], skus, catalog, until)


def to_give_back(job: Job, skus: Mapping[str, Sku], catalog: Catalog) -> LicenseChange:
    """The licenses that an accepted change removed, if their removal leaves a mailbox without a plan; else empty."""
    seen, nothing = job.seen, LicenseChange(job.before.id)
    failed = job.problem or assignment_error(job, skus)
    if seen is None or job.confirmed or failed is None or uncovered_by(job.before, job.asked, skus, catalog):
        return nothing
    taken = {*job.removed, *job.change.remove} - {state.sku_id for state in seen.license_states if state.direct}
    old = [item for item in job.before.license_states if item.direct and item.effective and item.sku_id in taken]
    in_force = [state for state in seen.license_states if state.direct and state.effective]
    kept = tuple(Assignment(state.sku_id, state.disabled_plans) for state in in_force)
    if not old or not uncovered_by(job.before, LicenseChange(job.before.id, kept, tuple(sorted(taken))), skus, catalog):
        return nothing
    return nothing._replace(add=tuple(Assignment(item.sku_id, item.disabled_plans) for item in old))


def _return_of(job: Job, change: LicenseChange) -> Job:
    user = job.seen or job.before
    return Job(user, change, change, final=True)


def _fewer(change: LicenseChange, job: Job, skus: Mapping[str, Sku], catalog: Catalog) -> LicenseChange:
    """Only the licenses that keep the mailbox, if that is less than was tried."""
    add = tuple(
        item
        for item in change.add
        if uncovered_by(job.before, LicenseChange(job.before.id, remove=(item.sku_id,)), skus, catalog)
    )
    return change._replace(add=add if len(add) < len(change.add) else ())


def _failure(back: Job, skus: Mapping[str, Sku]) -> Problem | None:
    """Why nothing was given back; None if the service accepted it."""
    if back.confirmed:
        return None
    return back.problem or assignment_error(back, skus) or (None if back.licensed else Problem("", "It was not sent."))


def _note(job: Job, back: Job, skus: Mapping[str, Sku], catalog: Catalog, until: datetime) -> None:
    """Note the result as the problem of the user, and the user as it is now."""
    first = job.problem or assignment_error(job, skus)
    if first is None:
        return
    names = ", ".join(sorted(sku_title(item.sku_id, skus, catalog) for item in back.change.add))
    begun, failure = first.message.rstrip(".!?"), _failure(back, skus)
    if failure is None:
        late = "" if back.confirmed else " (accepted, and not read back yet)"
        job.problem = first._replace(message=f"{begun}, so {names} was given back{late}.")
        job.seen = back.seen if back.confirmed else apply_to(back.before, back.change, skus)
    else:
        day = f"{until:%Y-%m-%d}"
        said = (
            f"{begun}. The same request removed {names}, which could not be given back: {failure.message} The mailbox "
            f"has no license now. Exchange disconnects it, and deletes it after {day}."
        )
        hint = f"License this user by {day}: a later license does not bring the mailbox back. {first.hint}"
        job.problem = first._replace(message=said, hint=hint.strip())
        job.seen = back.seen or job.seen
    job.accepted = True
