# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of one user while licenses are written, and what is said of it at the end. Pure.

``apply.py`` takes a Job from request to request; an Outcome is what others see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import apply_to
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import LicenseChange, Sku, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.next_attempts import Attempt
from ansible_collections.m365.licensing.plugins.module_utils._licensing.readback import (
    extra_disabled,
    shows,
    still_to_do,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import Problem, problem_of_state

STATUSES = ("unchanged", "changed", "skipped", "failed")
"""What can become of a user. ``skipped``: nothing was written, and ``error`` says why."""

UNKNOWN = "unknown_outcome"
DONE_ELSEWHERE = "somebody else has just done the same"
RUN_AGAIN = "It may still come: run again, which sends only what is missing."


class Outcome(NamedTuple):
    """What became of one user.

    ``confirmation``: ``confirmed`` (read back), ``accepted`` (written, not visible yet), or empty. ``after`` is the
    user as read back; where it could not be read back, as the change makes it. ``wrote`` is true where the tenant
    changed, also for a user who failed half way. ``service_disabled_plans``: plan ids by SKU id that the service
    switched off besides what was declared.
    """

    user_id: str
    status: str
    before: User
    after: User
    confirmation: str = ""
    error: Problem | None = None
    notes: tuple[str, ...] = ()
    wrote: bool = False
    service_disabled_plans: Mapping[str, frozenset[str]] = MappingProxyType({})
    taken: Attempt | None = None
    """What was sent in place of the change that was asked for, which the service had refused."""


@dataclass
class Job:
    """One user on the way. ``left`` is what still has to be sent of ``change``."""

    before: User
    change: LicenseChange
    left: LicenseChange
    location_set: bool = False
    licensed: bool = False
    lost: bool = False
    """An answer was lost, or somebody else was faster, and nobody has looked since how far the user is."""
    uncertain: bool = False
    """An answer was lost at some time: what was refused later may have been done by then."""
    concurrent_change: Problem | None = None
    """What the service said as there was nothing left to remove: somebody else had done that."""
    skipped: bool = False
    problem: Problem | None = None
    seen: User | None = None
    confirmed: bool = False
    notes: list[str] = field(default_factory=list)
    taken: Attempt | None = None
    """The last attempt after a refusal, if there was one. ``to_retry``: it still has to be sent."""
    to_retry: bool = False
    accepted: bool = False
    """Was a change before the last attempt accepted, and ended in an error?"""
    read_after: User | None = None
    """The user as read back after such a change: the last attempt is made for it."""
    removed: tuple[str, ...] = ()
    """The SKUs that such a change has taken away."""
    final: bool = False
    """Is nothing else to be tried after a refusal?"""
    first: LicenseChange | None = None
    """The change before the first attempt after a refusal."""

    @property
    def base(self) -> User:
        """The user for whom ``change`` is made."""
        return self.read_after or self.before

    @property
    def asked(self) -> LicenseChange:
        """The change that was asked for."""
        return self.first or self.change

    @property
    def open(self) -> bool:
        return self.problem is None and not self.licensed

    @property
    def changed_elsewhere(self) -> bool:
        """Is all there that was wanted, and none of it written here?"""
        return bool(self.concurrent_change) and self.licensed and not (self.location_set or self.uncertain)

    @property
    def to_confirm(self) -> bool:
        return bool(self.change) and (self.licensed or self.uncertain)

    def partially_applied(self) -> User:
        """The user where at most the usage location was written."""
        return self.before._replace(usage_location=self.change.usage_location) if self.location_set else self.before


def adopt_attempt(job: Job, attempt: Attempt) -> None:
    """Takes another change for a user whose change was refused."""
    if attempt.alternative and job.taken is not None:
        # the note of an alternative that is given up no longer holds
        job.notes = [note for note in job.notes if note != job.taken.note or job.taken.alternative]
    job.notes.append(attempt.note)
    alternative = attempt.alternative or (job.taken.alternative if job.taken else "")
    job.first = job.asked
    job.taken, job.change = attempt._replace(alternative=alternative), attempt.change
    job.left = attempt.change._replace(usage_location=None) if job.location_set else attempt.change
    job.problem, job.licensed, job.to_retry = None, False, True


def continue_from_readback(job: Job) -> None:
    """Takes the user as read back for what is there: the change was accepted, and one of its licenses is in error.

    What has gone by it is not removed again: the service would refuse the whole request.
    """
    if job.seen is None:
        return
    direct = {state.sku_id for state in job.seen.license_states if state.direct}
    job.removed = tuple(dict.fromkeys([*job.removed, *(item for item in job.change.remove if item not in direct)]))
    job.first = job.asked
    job.change = still_to_do(job.change, job.base, job.seen)
    job.read_after, job.accepted = job.seen, True


def continue_from_read(job: Job, user: User | None) -> None:
    """Takes the user as read after an answer was lost: what does not show yet is what is left to send."""
    job.seen = user
    if user is None:
        job.problem = Problem("user_not_found", "The user was deleted while it was being licensed.")
        return
    job.lost = False
    if shows(user, job.change, job.base):
        job.licensed = True
        return
    job.left = still_to_do(job.change, job.base, user)
    if job.location_set:
        # it was accepted: a late replica must not hold the license up
        job.left = job.left._replace(usage_location=None)
    job.licensed = not job.left


def take_current(job: Job, now: User, skus: Mapping[str, Sku], uncovers: Callable[[User, LicenseChange], bool]) -> None:
    """Takes the user as read just before the license is written, and leaves out what somebody else has done since.

    A license that somebody else has assigned keeps the plans that are off in it. ``uncovers`` as in ``apply_changes``.
    """
    before, change = job.before, job.change
    if now == before:
        return
    left = still_to_do(change, before, now)
    if left.add or left.remove:
        # A late replica may not show yet what is to be removed; the service itself says where that is gone.
        left = left._replace(remove=change.remove)
    if job.location_set:
        # It was set here, and a late replica may not show it.
        left = left._replace(usage_location=change.usage_location)
        now = now._replace(usage_location=before.usage_location)
    job.notes += _switched_off_elsewhere(change, before, now, skus)
    job.before, job.change = now, left
    job.left = left._replace(usage_location=None) if job.location_set else left
    job.licensed = not job.left
    if not left:
        job.notes.append(DONE_ELSEWHERE)
    elif uncovers(now, left) and not uncovers(before, change):
        job.problem = Problem(
            "changed_meanwhile",
            "Somebody else has just changed the licenses of this user, so that this change would take what keeps the "
            "mailbox.",
            "Run again: it decides anew.",
        )


def _switched_off_elsewhere(change: LicenseChange, before: User, now: User, skus: Mapping[str, Sku]) -> list[str]:
    """Plans that the change would have on, and somebody else has switched off meanwhile; one sentence a license."""
    had = {state.sku_id: state.disabled_plans for state in before.license_states if state.direct}
    has = {state.sku_id: state.disabled_plans for state in now.license_states if state.direct}
    notes = []
    for item in change.add:
        off = has.get(item.sku_id, frozenset()) - had.get(item.sku_id, frozenset()) - item.disabled_plans
        sku = skus.get(item.sku_id)
        if off and sku is not None:
            names = ", ".join(sorted(plan.name for plan in sku.plans if plan.id in off))
            notes.append(f"somebody else has just assigned {sku.name} with {names} off, which stays so")
    return notes


def preliminary_outcome(job: Job, problem: Problem | None, skus: Mapping[str, Sku], *, location_set: bool) -> Outcome:
    """What is known of a user when a write was answered, and not read back; ``located``: that of the usage location."""
    half = job.change._replace(add=(), remove=()) if location_set else job.change
    if problem is None:
        after = apply_to(job.base, half, skus)
        return Outcome(job.before.id, "changed", job.before, after, "accepted", wrote=True)
    return Outcome(job.before.id, "failed", job.before, job.partially_applied(), "", problem, wrote=job.location_set)


def outcome_of(job: Job, skus: Mapping[str, Sku]) -> Outcome:
    """What became of the user."""
    wrote = job.location_set or job.licensed or job.confirmed or job.accepted
    problem = None if job.confirmed else job.problem or assignment_error(job, skus) or _unseen(job)
    notes = tuple(dict.fromkeys(job.notes))
    if problem is None and job.changed_elsewhere:
        now = job.seen or job.before
        return Outcome(job.before.id, "unchanged", now, now, notes=(*notes, DONE_ELSEWHERE))
    if not job.change and problem is None:
        return Outcome(job.before.id, "unchanged", job.before, job.before, notes=notes)
    if problem is not None:
        if job.uncertain:
            problem = as_unknown_outcome(problem)
        status = "skipped" if job.skipped and not wrote and not job.uncertain else "failed"
        after = job.seen or job.partially_applied()
        return Outcome(job.before.id, status, job.before, after, "", problem, notes, wrote, taken=_whole(job))
    confirmed = job.confirmed and job.seen is not None
    after = job.seen if confirmed and job.seen is not None else apply_to(job.base, job.change, skus)
    return Outcome(
        job.before.id,
        "changed",
        job.before,
        after,
        "confirmed" if confirmed else "accepted",
        None,
        notes,
        wrote=True,
        service_disabled_plans=extra_disabled(job.seen, job.change) if job.seen is not None else {},
        taken=_whole(job),
    )


def _unseen(job: Job) -> Problem | None:
    """The service found nothing to do for a change that no read shows: that is no success."""
    if not job.change or job.licensed:
        return None
    return job.concurrent_change or Problem(UNKNOWN, "The change was sent, and the user does not show it.", RUN_AGAIN)


def _whole(job: Job) -> Attempt | None:
    """The last attempt, with what the accepted change before it had taken away."""
    if job.taken is None or not job.removed:
        return job.taken
    remove = tuple(sorted({*job.removed, *job.taken.change.remove}))
    return job.taken._replace(change=job.taken.change._replace(remove=remove))


def assignment_error(job: Job, skus: Mapping[str, Sku]) -> Problem | None:
    """An assignment of the change that is in error, though the service had accepted it."""
    added = {item.sku_id for item in job.change.add}
    for state in job.seen.license_states if job.seen else ():
        if state.direct and state.sku_id in added and state.state.casefold() == "error":
            sku = skus.get(state.sku_id)
            return problem_of_state(state.error, sku.name if sku else state.sku_id)
    return None


def unanswered_problem(job: Job) -> Problem:
    """What to say of a change whose answer was lost, or for which the service found nothing to do."""
    if job.concurrent_change:
        return job.concurrent_change
    seen = "could not be read since" if job.lost else "does not show it"
    return Problem(UNKNOWN, f"The change was sent, its answer was lost, and the user {seen}.", RUN_AGAIN)


def as_unknown_outcome(problem: Problem) -> Problem:
    """What a later try was refused with says nothing of an earlier one whose answer was lost."""
    if problem.code in (UNKNOWN, "user_not_found"):
        return problem
    said = f"The change was sent, its answer was lost, and another try ended with: {problem.message}"
    return Problem(UNKNOWN, said, f"{problem.hint} {RUN_AGAIN}".strip())


def mark_not_attempted(
    job: Job,
    why: str = "a request before it failed",
    hint: str = "Correct what failed and run again; on_error=continue goes on after users who fail.",
) -> None:
    job.skipped = True
    done = "Only the usage location was set" if job.location_set else "Not done"
    job.problem = Problem("not_tried", f"{done}, because {why}.", hint)


def location_late(job: Job) -> bool:
    """Was the license refused because a replica does not show the usage location yet that was just set?"""
    return job.location_set and job.problem is not None and job.problem.code == "usage_location"


def unexpected_error(error: Exception) -> str:
    """An exception that none of our clients should raise. Its text may quote secrets, so only its type is shown."""
    return f"An unexpected {type(error).__name__}, a mistake of this collection: please report it."
