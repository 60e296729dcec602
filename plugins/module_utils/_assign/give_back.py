# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives back the license that a swap removed, if the new one is in error and the mailbox still needs the old one.

The service accepts a swap, removes the old license, and may then fail to assign the new one. Exchange disconnects the
mailbox of a user without any plan at once. With a lesser plan the mailbox stays, but its archive, its hold or its size
may lack a license. Only a read shows that, so nothing is given back without a read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import apply_to
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Assignment, LicenseChange, Sku
from ansible_collections.m365.licensing.plugins.module_utils._licensing.names import sku_title
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import Problem

from .downgrades import Downgrade, find_downgrades
from .outcomes import Job, assignment_error

Step = Callable[[Sequence[Job]], object]


def give_back(
    jobs: Sequence[Job],
    skus: Mapping[str, Sku],
    catalog: Catalog,
    affected: Callable[[Sequence[Downgrade]], Collection[str]],
    send: Step,
    confirm: Step,
    until: datetime,
) -> None:
    """Send the licenses to give back, read the users back, and note the results in ``jobs``.

    ``affected`` returns the ids of users whose mailbox uses what they lost, and is called if a lesser plan is left.
    ``until``: how long a license restores the mailboxes that are lost.
    """
    losses = {id(job): loss for job in jobs if (loss := find_loss(job, skus, catalog))}
    lesser = [loss for loss in losses.values() if not loss.uncovers]
    concerned = affected(lesser) if lesser else ()
    returns: dict[int, Job] = {}
    for job in jobs:
        loss, gone = losses.get(id(job)), taken_away(job, skus)
        if loss and (loss.uncovers or loss.user.id in concerned):
            returns[id(job)] = _return_of(job, gone)
        elif gone.add:
            _name_taken(job, gone, skus, catalog)
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
        _note(job, returns[id(job)], losses[id(job)], skus, catalog, until)


def taken_away(job: Job, skus: Mapping[str, Sku]) -> LicenseChange:
    """The licenses in force that an accepted change removed before it failed, as they were; else empty."""
    nothing = LicenseChange(job.before.id)
    if job.seen is None or job.confirmed or not (job.problem or assignment_error(job, skus)):
        return nothing
    there = {state.sku_id for state in job.seen.license_states if state.direct}
    taken = {*job.removed, *job.change.remove} - there if job.licensed or job.accepted or job.uncertain else set[str]()
    old = [item for item in job.before.license_states if item.direct and item.effective and item.sku_id in taken]
    return nothing._replace(add=tuple(Assignment(item.sku_id, item.disabled_plans) for item in old))


def find_loss(job: Job, skus: Mapping[str, Sku], catalog: Catalog) -> Downgrade | None:
    """What a user lost with the removed licenses, unless the change that was asked for takes the same away."""
    taken = tuple(item.sku_id for item in taken_away(job, skus).add)
    if not taken or job.seen is None:
        return None
    in_force = [state for state in job.seen.license_states if state.direct and state.effective]
    kept = tuple(Assignment(state.sku_id, state.disabled_plans) for state in in_force)
    loss = _downgrade(job, LicenseChange(job.before.id, kept, taken), skus, catalog)
    asked = _downgrade(job, job.asked, skus, catalog)
    if loss is None or (asked is not None and (asked.uncovers or set(loss.lost) <= set(asked.lost))):
        return None
    return loss


def _downgrade(job: Job, change: LicenseChange, skus: Mapping[str, Sku], catalog: Catalog) -> Downgrade | None:
    return next(iter(find_downgrades({job.before.id: job.before}, [change], skus, catalog)), None)


def _return_of(job: Job, change: LicenseChange) -> Job:
    user = job.seen or job.before
    return Job(user, change, change, final=True)


def _fewer(change: LicenseChange, job: Job, skus: Mapping[str, Sku], catalog: Catalog) -> LicenseChange:
    """Only the licenses that keep the mailbox or what it needs, if that is less than was tried."""
    add = tuple(
        item
        for item in change.add
        if _downgrade(job, LicenseChange(job.before.id, remove=(item.sku_id,)), skus, catalog)
    )
    return change._replace(add=add if len(add) < len(change.add) else ())


def _failure(back: Job, skus: Mapping[str, Sku]) -> Problem | None:
    """Why nothing was given back; None if the service accepted it."""
    if back.confirmed:
        return None
    return back.problem or assignment_error(back, skus) or (None if back.licensed else Problem("", "It was not sent."))


def _name_taken(job: Job, gone: LicenseChange, skus: Mapping[str, Sku], catalog: Catalog) -> None:
    """Add the removed licenses to the problem of the user."""
    problem = job.problem or assignment_error(job, skus)
    if problem is not None:
        said = f"{problem.message.rstrip('.!?')}. The same request removed {_titles(gone, skus, catalog)}."
        job.problem, job.accepted = problem._replace(message=said), True


def _titles(change: LicenseChange, skus: Mapping[str, Sku], catalog: Catalog) -> str:
    return ", ".join(sorted(sku_title(item.sku_id, skus, catalog) for item in change.add))


def _note(job: Job, back: Job, loss: Downgrade, skus: Mapping[str, Sku], catalog: Catalog, until: datetime) -> None:
    """Note the result as the problem of the user, and the user as it is now."""
    first = job.problem or assignment_error(job, skus)
    if first is None:
        return
    names = _titles(back.change, skus, catalog)
    begun, failure = first.message.rstrip(".!?"), _failure(back, skus)
    if failure is None:
        late = "" if back.confirmed else " (accepted, and not read back yet)"
        job.problem = first._replace(message=f"{begun}, so {names} was given back{late}.")
        job.seen = back.seen if back.confirmed else apply_to(back.before, back.change, skus)
    else:
        day = f"{until:%Y-%m-%d}"
        said = f"{begun}. The same request removed {names}, which could not be given back: {failure.message} "
        if loss.uncovers:
            said += f"The mailbox has no license now. Exchange disconnects it, and deletes it after {day}."
            hint = f"License this user by {day}: a later license does not bring the mailbox back. {first.hint}"
        else:
            said += f"The mailbox lacks what it needs now: {'; '.join(loss.lost)}."
            hint = f"License this user by {day}, as what lacks a license may be lost then. {first.hint}"
        job.problem = first._replace(message=said, hint=hint.strip())
        job.seen = back.seen or job.seen
    job.accepted = True
