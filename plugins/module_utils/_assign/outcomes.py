# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of one user while licenses are written (``Job``), and the result for that user (``Outcome``). Pure."""

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
"""The statuses of a user. ``skipped``: nothing was written, and ``error`` says why."""

UNKNOWN = "unknown_outcome"
DONE_ELSEWHERE = "somebody else has just done the same"
RUN_AGAIN = "It may still come: run again, which sends only what is missing."


class Outcome(NamedTuple):
    """The result for one user.

    ``confirmation``: ``confirmed`` (read back), ``accepted`` (written, not visible yet), or empty. ``after`` is the
    user as read back; where it could not be read back, as the change makes it. ``wrote`` is true if the tenant
    changed, also for a user who failed after that. ``service_disabled_plans``: plan ids by SKU id that the service
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
    """What was sent after the service had refused the requested change."""


@dataclass
class Job:
    """The write for one user. ``left`` is the part of ``change`` that is still to be sent."""

    before: User
    change: LicenseChange
    left: LicenseChange
    location_set: bool = False
    licensed: bool = False
    lost: bool = False
    """An answer was lost, or somebody else made the change, and the user has not been read since."""
    uncertain: bool = False
    """An answer was lost at some time, so a later refusal may come after a success."""
    concurrent_change: Problem | None = None
    """The answer of the service that nothing was left to do: somebody else had done it."""
    skipped: bool = False
    problem: Problem | None = None
    seen: User | None = None
    confirmed: bool = False
    notes: list[str] = field(default_factory=list)
    taken: Attempt | None = None
    """The last attempt after a refusal, if any. ``to_retry``: it is still to be sent."""
    to_retry: bool = False
    accepted: bool = False
    """Was a change before the last attempt accepted, and is it in error?"""
    read_after: User | None = None
    """The user as read back after such a change; the last attempt starts from it."""
    removed: tuple[str, ...] = ()
    """The SKUs that such a change has removed."""
    final: bool = False
    """Is a refusal final?"""
    first: LicenseChange | None = None
    """The change before the first attempt after a refusal."""

    @property
    def base(self) -> User:
        """The user for whom ``change`` is made."""
        return self.read_after or self.before

    @property
    def asked(self) -> LicenseChange:
        """The requested change."""
        return self.first or self.change

    @property
    def open(self) -> bool:
        return self.problem is None and not self.licensed

    @property
    def changed_elsewhere(self) -> bool:
        """Did somebody else make the whole change?"""
        return bool(self.concurrent_change) and self.licensed and not (self.location_set or self.uncertain)

    @property
    def to_confirm(self) -> bool:
        return bool(self.change) and (self.licensed or self.uncertain)

    def partially_applied(self) -> User:
        """The user if at most the usage location was written."""
        return self.before._replace(usage_location=self.change.usage_location) if self.location_set else self.before


def adopt_attempt(job: Job, attempt: Attempt) -> None:
    """Replace a refused change by the next attempt."""
    if attempt.alternative and job.taken is not None:
        # The note about an abandoned alternative no longer applies.
        job.notes = [note for note in job.notes if note != job.taken.note or job.taken.alternative]
    job.notes.append(attempt.note)
    alternative = attempt.alternative or (job.taken.alternative if job.taken else "")
    job.first = job.asked
    job.taken, job.change = attempt._replace(alternative=alternative), attempt.change
    job.left = attempt.change._replace(usage_location=None) if job.location_set else attempt.change
    job.problem, job.licensed, job.to_retry = None, False, True


def continue_from_readback(job: Job) -> None:
    """Continue from the user as read back, after an accepted change with a license in error.

    What the change has removed is not removed again, because the service would refuse the whole request.
    """
    if job.seen is None:
        return
    direct = {state.sku_id for state in job.seen.license_states if state.direct}
    job.removed = tuple(dict.fromkeys([*job.removed, *(item for item in job.change.remove if item not in direct)]))
    job.first = job.asked
    job.change = still_to_do(job.change, job.base, job.seen)
    job.read_after, job.accepted = job.seen, True


def continue_from_read(job: Job, user: User | None) -> None:
    """Continue from the user as read after an answer was lost. What does not show yet is left to send."""
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
        # The service accepted it, so a late replica must not delay the license.
        job.left = job.left._replace(usage_location=None)
    job.licensed = not job.left


def take_current(job: Job, now: User, skus: Mapping[str, Sku], uncovers: Callable[[User, LicenseChange], bool]) -> None:
    """Take the user as read just before the write, and drop what concurrent changes have done already.

    A license that somebody else has assigned keeps its disabled plans. ``uncovers`` as in ``apply_changes``.
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
            "Somebody else has just changed the licenses of this user, so this change would now remove what "
            "keeps the mailbox.",
            "Run again: the next run decides by the current licenses.",
        )


def _switched_off_elsewhere(change: LicenseChange, before: User, now: User, skus: Mapping[str, Sku]) -> list[str]:
    """Plans of the change that somebody else has switched off meanwhile, one sentence for each license."""
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
    """What is known of a user before the read back; ``location_set``: the write was that of the usage location."""
    half = job.change._replace(add=(), remove=()) if location_set else job.change
    if problem is None:
        after = apply_to(job.base, half, skus)
        return Outcome(job.before.id, "changed", job.before, after, "accepted", wrote=True)
    return Outcome(job.before.id, "failed", job.before, job.partially_applied(), "", problem, wrote=job.location_set)


def outcome_of(job: Job, skus: Mapping[str, Sku]) -> Outcome:
    """The result for the user."""
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
    """The service found nothing to do, and no read shows the change: that is not a success."""
    if not job.change or job.licensed:
        return None
    return job.concurrent_change or Problem(UNKNOWN, "The change was sent, but the user does not show it.", RUN_AGAIN)


def _whole(job: Job) -> Attempt | None:
    """The last attempt, with what the accepted change before it had removed."""
    if job.taken is None or not job.removed:
        return job.taken
    remove = tuple(sorted({*job.removed, *job.taken.change.remove}))
    return job.taken._replace(change=job.taken.change._replace(remove=remove))


def assignment_error(job: Job, skus: Mapping[str, Sku]) -> Problem | None:
    """The error of an assignment that the service had accepted."""
    added = {item.sku_id for item in job.change.add}
    for state in job.seen.license_states if job.seen else ():
        if state.direct and state.sku_id in added and state.state.casefold() == "error":
            sku = skus.get(state.sku_id)
            return problem_of_state(state.error, sku.name if sku else state.sku_id)
    return None


def unanswered_problem(job: Job) -> Problem:
    """The problem of a change whose answer was lost, or for which the service found nothing to do."""
    if job.concurrent_change:
        return job.concurrent_change
    seen = "could not be read since" if job.lost else "does not show it"
    return Problem(UNKNOWN, f"The change was sent, its answer was lost, and the user {seen}.", RUN_AGAIN)


def as_unknown_outcome(problem: Problem) -> Problem:
    """The refusal of a later try does not decide about an earlier one whose answer was lost."""
    if problem.code in (UNKNOWN, "user_not_found"):
        return problem
    said = f"The change was sent, its answer was lost, and another try ended with: {problem.message}"
    return Problem(UNKNOWN, said, f"{problem.hint} {RUN_AGAIN}".strip())


def mark_not_attempted(
    job: Job,
    why: str = "a request before it failed",
    hint: str = "Correct what failed and run again; on_error=continue continues after users who fail.",
) -> None:
    job.skipped = True
    done = "Only the usage location was set" if job.location_set else "Not done"
    job.problem = Problem("not_tried", f"{done}, because {why}.", hint)


def location_late(job: Job) -> bool:
    """Was the license refused because a replica does not show the new usage location yet?"""
    return job.location_set and job.problem is not None and job.problem.code == "usage_location"


def unexpected_error(error: Exception) -> str:
    """A message for an exception that no client should raise. Its text may quote secrets, so it names the type only."""
    return f"An unexpected {type(error).__name__}. This is an error of the collection: please report it."
