# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes license changes of many users, and reads the users back.

Each user is read once more just before the write, so that changes of other people are neither repeated nor overwritten.
Usage locations are set first. Then each user gets one assignLicense, 20 of them to a request. Then every user is read
again until it shows the change. No two calls for one user are in flight.

If the answer to a write is lost, the user is read, and only what does not show is sent again. Each user has an Outcome
in the end, also if the run breaks off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus

from ansible_collections.m365.licensing.plugins.module_utils._auth.consent import graph_permission
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    Interrupted,
    M365Error,
    UnknownOutcome,
)
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph.batch_parts import BatchAnswer, BatchPart
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.deadlines import DISCONNECTED_DAYS
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import LicenseChange, Sku, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.next_attempts import SecondTries
from ansible_collections.m365.licensing.plugins.module_utils._licensing.readback import carried_only, shows
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import (
    NOTHING_TO_DO,
    Problem,
    fitted,
    location_refused,
    problem_from,
)

from .denials import Denials, mark_with_cause, unsent
from .downgrades import Downgrade, affected_users
from .give_back import give_back
from .outcomes import (
    RUN_AGAIN,
    UNKNOWN,
    Job,
    Outcome,
    adopt_attempt,
    assignment_error,
    continue_from_read,
    continue_from_readback,
    location_late,
    outcome_of,
    preliminary_outcome,
    take_current,
    unanswered_problem,
    unexpected_error,
)
from .prediction import foreseen_problems

# For how long a refusal may come from a late replica, which lacks a usage location or still has a removed license.
_REPLICA_SECONDS = 60.0
GROUP = 300
"""Users that are read again together: one request."""

Written = Callable[[Sequence[Outcome]], bool]
"""Records outcomes, batch by batch and once more at the end, from several threads. After false nothing is written."""


def apply_changes(
    graph: Graph,
    users: Mapping[str, User],
    changes: Sequence[LicenseChange],
    skus: Mapping[str, Sku],
    *,
    confirm: bool = True,
    confirm_seconds: float = 60.0,
    on_error: str = "fail",
    just_read: bool = False,
    uncovers: Callable[[User, LicenseChange], bool] = lambda _user, _change: False,
    written: Written | None = None,
    second_tries: SecondTries | None = None,
    exchange: Callable[[], Exchange] | None = None,
) -> list[Outcome]:
    """Write ``changes``, one for each user, and return their outcomes in the same order.

    ``users`` are the users as read, by id; ``just_read``: by the request before this call, so that the first of them
    are not read again. ``on_error=fail`` sends no further batch after the first user who fails, ``continue`` tries them
    all. Both stop if the application lacks the permission to write. ``uncovers``: does a change remove what keeps a
    mailbox? One that does so only because of a concurrent change of the user is not sent. ``second_tries``: what to
    send after a refusal. ``exchange`` is called if a swap failed half way and left a lesser plan; without it, each such
    mailbox counts as using more. Raises ValueError for two changes of one user; the service's errors become outcomes.
    """
    if len({change.user_id for change in changes}) != len(changes):
        raise ValueError("two changes of one user")
    jobs = [Job(carried_only(users[change.user_id], skus), change, change) for change in changes]
    tries = second_tries or SecondTries({}, skus, BUILTIN)
    run = _Run(graph, skus, tries, fail_fast=on_error == "fail", uncovers=uncovers, written=written)
    todo = [job for job in jobs if job.change]
    # If the first failure ends the run, the change that may be refused is sent first, before any other.
    likely_refused = list(foreseen_problems(todo, skus))[:1] if on_error == "fail" else []
    todo.sort(key=lambda job: job.before.id not in likely_refused)
    if just_read:
        run.fresh = {job.before.id for job in todo[:GROUP]}
    run.write(todo[: len(likely_refused)])
    run.write(todo[len(likely_refused) :])
    if confirm:
        backoff = graph.service.backoff

        def read_back(group: Sequence[Job]) -> None:
            confirm_changes(group, confirm_seconds, run.read, backoff.clock, backoff.sleep)

        read_back(todo)
        read_back(run.take_alternatives(todo))
        until = graph.service.client.wall.now() + timedelta(days=DISCONNECTED_DAYS)

        def affected(losses: Sequence[Downgrade]) -> set[str]:
            return affected_users(graph, exchange, losses) if exchange else {item.user.id for item in losses}

        give_back(todo, skus, tries.catalog, affected, run.send_back, read_back, until)
    outcomes = [outcome_of(job, skus) for job in jobs]
    if written:
        written([outcome for outcome in outcomes if outcome.wrote or outcome.status == "failed"])
    return outcomes


def _groups(jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
    return (jobs[start : start + GROUP] for start in range(0, len(jobs), GROUP))


class _Run:
    def __init__(
        self,
        graph: Graph,
        skus: Mapping[str, Sku],
        second_tries: SecondTries,
        *,
        fail_fast: bool,
        uncovers: Callable[[User, LicenseChange], bool],
        written: Written | None,
    ) -> None:
        self._graph = graph
        self._backoff = graph.service.backoff
        self._skus = skus
        self._fail_fast = fail_fast
        self._uncovers = uncovers
        self._written = written
        self._second_tries = second_tries
        self._unrecorded = False
        """Could the outcomes not be recorded? Then nothing more is written."""
        self.fresh: set[str] = set()
        """The ids of users who were read just before they are written."""
        self._stopped = False
        self._passing = set(NOTHING_TO_DO)
        """Codes of refusals that are not failures yet: a replica is late, or somebody else made the change."""
        self._retry_seconds = graph.service.client.settings.retry_seconds
        self._denials: dict[str, Denials] = {}
        """By the method of the write: PATCH sets usage locations, POST assigns licenses."""

    # --- writing -------------------------------------------------------------------------------------------------

    def write(self, jobs: Sequence[Job]) -> None:
        """Both phases, each group of users read again before it is written."""
        sets_locations = False
        for group in _groups(jobs):
            if unlocated := [job for job in group if job.left.usage_location]:
                sets_locations = True
                self._read_again(group)
                self.set_locations(unlocated)
        if sets_locations and len(jobs) > GROUP:
            # The first group was read before the locations of all others were set: that may take minutes.
            self.fresh.clear()
        for group in _groups(jobs):
            self._read_again(group)
            self.assign(group)

    def _read_again(self, jobs: Sequence[Job]) -> None:
        """Reads users again before the write, and drops what concurrent changes have done already."""
        stale = [job for job in jobs if job.open and job.before.id not in self.fresh]
        if self._stopped or not stale:
            return
        found = self.read(stale, "before it was written")
        for job in stale if found is not None else ():
            now = found.get(job.before.id) if found is not None else None
            if now is not None:
                take_current(job, now, self._skus, self._uncovers)
                self._stopped = self._stopped or (self._fail_fast and job.problem is not None)
            self.fresh.add(job.before.id)

    def set_locations(self, jobs: Iterable[Job]) -> None:
        """Phase 1. Setting the same location twice is harmless, so a request whose answer was lost is sent again."""
        if self._stopped:
            return
        ready = [job for job in jobs if job.open and not job.lost and job.left.usage_location]
        denials = self._denials.get("PATCH")
        if denials is not None and denials.certain:
            for job in ready:
                self._mark_not_attempted(job, denials)
            return
        parts = [self._graph.usage_location_part(job.before.id, job.left.usage_location or "") for job in ready]
        for job, part, answer in zip(ready, parts, self._write(ready, parts, idempotent=True), strict=True):
            self._record_answer(job, part, answer)
            if answer.ok:
                job.location_set = True
                self._passing.add("usage_location")
                job.left = job.left._replace(usage_location=None)
                job.licensed = not job.left

    def assign(self, jobs: Sequence[Job]) -> None:
        """Phase 2, repeated for users whose answer was lost, or whose usage location does not show yet."""
        started = self._backoff.clock()
        attempt = 0
        self._assign_until_final(jobs)
        while again := [job for job in jobs if (job.open and job.lost) or location_late(job)]:
            pause = self._graph.service.retry_after({}, attempt)
            lost = any(job.lost and not job.concurrent_change for job in again)
            most = self._retry_seconds if lost else min(_REPLICA_SECONDS, self._retry_seconds)
            if self._stopped or self._backoff.clock() + pause - started > most:
                self._give_up(again)
                break
            try:
                self._backoff.sleep(pause)
            except Interrupted:
                self._give_up(again)
                return
            attempt += 1
            self._read_lost([job for job in again if job.lost])
            self.set_locations(again)
            self._assign_until_final(again)
        # The location shows by now, so Microsoft does not offer the license there.
        refused = [] if self._stopped else [job for job in jobs if location_late(job)]
        again = [job for job in refused if job.problem and self._take_next_attempt(job, job.problem, waited=True)]
        self._assign_until_final(again)

    def _assign_until_final(self, jobs: Sequence[Job]) -> None:
        """Sends the license, and after a refusal the next attempt."""
        self._assign_once(jobs)
        while again := [job for job in jobs if job.to_retry]:
            self._assign_once(again)

    def _assign_once(self, jobs: Sequence[Job]) -> None:
        ready = [job for job in jobs if not job.lost and (job.open or location_late(job))]
        if self._stopped:
            denied = next((denials for denials in self._denials.values() if denials.everybody), None)
            for job in ready:
                job.to_retry = False
                self._mark_not_attempted(job, denied)
            return
        parts = [self._graph.assign_license_part(job.before.id, job.left.body()) for job in ready]
        for job, part, answer in zip(ready, parts, self._write(ready, parts, idempotent=False), strict=True):
            job.problem, job.to_retry = None, False
            job.licensed = answer.ok
            job.concurrent_change = None if answer.ok else job.concurrent_change
            self._record_answer(job, part, answer)

    def _write(self, jobs: Sequence[Job], parts: Sequence[BatchPart], *, idempotent: bool) -> list[BatchAnswer]:
        if not parts:
            return []
        denials = self._denials_of(parts[0])

        def failed(job: Job, answer: BatchAnswer) -> bool:
            if not self._fail_fast or answer.ok or answer.outcome != "answered":
                return False
            return not self._may_pass(job, self._problem(answer, ""))

        def on_answers(answers: Sequence[tuple[int, BatchAnswer]]) -> bool:
            """Records the answers of one batch before the next is sent. True ends the run."""
            if self._written is not None:
                seen = [self._preliminary_outcome(jobs[place], parts[place], answer) for place, answer in answers]
                outcomes = [outcome for outcome in seen if outcome is not None]
                self._unrecorded = self._unrecorded or bool(outcomes and not self._written(outcomes))
            for _place, answer in answers:
                denials.record(answer)
            return self._unrecorded or denials.certain or any(failed(jobs[place], answer) for place, answer in answers)

        try:
            return self._graph.batch(parts, idempotent=idempotent, collect=True, on_answers=on_answers)
        except Exception as error:
            # An error of this collection must not lose what was written, so these users are read back.
            self._stopped = True
            lost = UnknownOutcome(unexpected_error(error), code=UNKNOWN)
            return [BatchAnswer(0, outcome="unknown", error=lost) for _part in parts]

    def _preliminary_outcome(self, job: Job, part: BatchPart, answer: BatchAnswer) -> Outcome | None:
        """The outcome of an answer before the read back; None if it is not final, or if nothing was sent."""
        if answer.outcome == "not_sent":
            return None
        problem = None
        if answer.outcome == "unknown":
            problem = Problem(UNKNOWN, "The change was sent, and its answer was lost.", RUN_AGAIN)
        elif not answer.ok:
            problem = self._problem(answer, "")
            if self._may_pass(job, problem):
                return None
        return preliminary_outcome(job, problem, self._skus, location_set=part.method == "PATCH")

    def _may_pass(self, job: Job, problem: Problem) -> bool:
        """May this refusal still be followed by a success?"""
        passing = problem.code in self._passing
        return passing or (not job.final and self._second_tries.has_next(job.base, job.change, problem))

    def _take_next_attempt(self, job: Job, problem: Problem, *, waited: bool = False) -> bool:
        """Takes the next attempt after this refusal, if there is one. A usage location set just now may show late."""
        if job.final or (job.location_set and problem.code == "usage_location" and not waited):
            return False
        job.notes += self._second_tries.why_untried(job.base, job.change, problem)
        attempt = self._second_tries.take(job.base, job.change, problem)
        if attempt is not None:
            adopt_attempt(job, attempt)
        return attempt is not None

    def _denials_of(self, part: BatchPart) -> Denials:
        path = f"/v1.0{part.url}"
        consent = self._graph.service.consent(part.method, path)
        return self._denials.setdefault(part.method, Denials(graph_permission(part.method, path), consent))

    def _problem(self, answer: BatchAnswer, hint: str) -> Problem:
        code = answer.inner_code or answer.code
        return problem_from(answer.status, code, answer.message, skus=self._skus, permission_hint=hint)

    def _record_answer(self, job: Job, part: BatchPart, answer: BatchAnswer) -> None:
        """Notes the answer to a write in ``job`` and in the ledger."""
        ledger, upn = self._graph.service.client.ledger, job.before.user_principal_name
        denials = self._denials_of(part)
        if answer.ok:
            ledger[upn] = "changed"
            return
        if answer.outcome == "unknown":
            job.lost = job.uncertain = True
            ledger.setdefault(upn, "unknown")
        elif answer.outcome == "not_sent" and answer.code in ("not_tried", "interrupted"):
            # Without the permission to set usage locations, users who have one can still be licensed.
            only_locations = part.method == "PATCH" and denials.everybody and answer.code == "not_tried"
            self._stopped = self._stopped or self._fail_fast or not only_locations
            self._mark_not_attempted(job, denials)
        elif answer.outcome == "not_sent":
            self._stopped = True
            job.problem = unsent(answer)
            if answer.status == HTTPStatus.FORBIDDEN and denials.everybody:
                job.problem = denials.explain(job.problem)
        else:
            problem = self._problem(answer, denials.consent)
            if answer.status == HTTPStatus.FORBIDDEN:
                problem = denials.explain(problem)
            if problem.code in NOTHING_TO_DO:
                # Done already by the write whose answer was lost, or by somebody else. Replicas may show it late.
                job.lost = True
                job.concurrent_change = None if job.uncertain else problem
                return
            if part.method == "PATCH":
                job.problem = location_refused(problem, answer.status, job.left.usage_location or "")
            elif self._take_next_attempt(job, problem):
                return
            else:
                job.problem = fitted(problem, job.base, job.left, self._skus)
            self._stopped = self._stopped or (self._fail_fast and not location_late(job))

    def _mark_not_attempted(self, job: Job, denials: Denials | None = None) -> None:
        stopped = self._graph.service.client.stop.requested
        mark_with_cause(job, denials, stopped=stopped, unrecorded=self._unrecorded, fail_fast=self._fail_fast)

    def take_alternatives(self, jobs: Sequence[Job]) -> list[Job]:
        """Sends the next attempt for users whose assignment was accepted, and is in error when read back."""
        again = []
        for job in jobs if not self._stopped else ():
            problem = None if job.confirmed or job.problem else assignment_error(job, self._skus)
            if problem is None:
                continue
            continue_from_readback(job)
            if self._take_next_attempt(job, problem):
                again.append(job)
        self.assign(again)
        return again

    def send_back(self, jobs: Sequence[Job]) -> None:
        """Sends licenses that are given back, also after another user has failed, because they keep a mailbox."""
        stopped, self._stopped = self._stopped, self._unrecorded
        self.assign(jobs)
        self._stopped = self._stopped or stopped

    # --- lost answers --------------------------------------------------------------------------------------------

    def _read_lost(self, jobs: Sequence[Job]) -> None:
        """Reads users whose answer was lost. What does not show yet is left to send."""
        found = self.read(jobs)
        if found is None:
            return
        for job in jobs:
            continue_from_read(job, found.get(job.before.id))

    def _give_up(self, jobs: Sequence[Job]) -> None:
        """Reads users whose answer was lost once more, and writes no more."""
        lost = [job for job in jobs if job.lost]
        self._read_lost(lost)
        for job in lost:
            if job.open:
                job.problem = unanswered_problem(job)

    def read(self, jobs: Sequence[Job], when: str = "back") -> dict[str, User] | None:
        """The users as they are now, or None."""
        return read_users(self._graph, jobs, self._skus, when)


# seconds between two reads of what is not visible yet; the last one repeats
_WAITS = (2.0, 4.0, 8.0, 16.0, 30.0)


def confirm_changes(
    jobs: Sequence[Job],
    seconds: float,
    read: Callable[[Sequence[Job]], Mapping[str, User] | None],
    clock: Callable[[], float],
    sleep: Callable[[float], object],
) -> None:
    """Read what was written until it shows, with growing waits, at most for ``seconds``.

    ``read`` gives the users as they are now, or None where they cannot be read.
    """
    until = clock() + seconds
    waits = iter(_WAITS)
    wait = 0.0
    waiting = [job for job in jobs if job.to_confirm]
    while waiting:
        found = read(waiting)
        if found is None:
            return
        for job in waiting:
            job.seen = found.get(job.before.id, job.seen)
            job.confirmed = job.seen is not None and shows(job.seen, job.change, job.base)
        waiting = [job for job in waiting if not job.confirmed]
        wait = next(waits, wait)
        left = until - clock()
        if left <= 0 or not waiting:
            return
        try:
            sleep(min(wait, left))
        except Interrupted:
            return


def read_users(graph: Graph, jobs: Sequence[Job], skus: Mapping[str, Sku], when: str) -> dict[str, User] | None:
    """The users as they are now; None where they cannot be read: what was written still has to be reported."""
    try:
        found = graph.users_by_id(job.before.id for job in jobs)
        return {user_id: carried_only(user, skus) for user_id, user in found.items()}
    except M365Error as error:
        reason = error.message
    except Exception as error:
        reason = unexpected_error(error)
    for job in jobs:
        job.notes.append(f"could not be read {when}: {reason}")
    return None
