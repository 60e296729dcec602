# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Distinguishes a missing permission of the application from a user whom it may not change. Pure.

Microsoft Graph answers both with 403. It checks the permission before it checks the user. So a missing permission
refuses every user, and a refusal of some users is about these users.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from http import HTTPStatus

from ansible_collections.m365.licensing.plugins.module_utils._graph.batch_parts import BatchAnswer
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import Problem, sentence

from .outcomes import Job, Outcome, mark_not_attempted

DENIALS_TO_STOP = 20
"""After this many refusals without any success the run stops: the parts of one batch."""

PROTECTED_USER = (
    "The application may write other users, so this is about the user: it may hold an administrator role, or belong to "
    "a restricted management administrative unit. Have an administrator assign the app a role over that unit, change "
    "the user by hand, or leave it out."
)
_PERHAPS_PROTECTED = (
    "If the app has that permission, the user may hold an administrator role, or belong to a restricted management "
    "administrative unit."
)
_NEXT_RUN = "Run again: the next run continues where this one ended."
_ALLOWED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT})
"""Refusals that the service sends only to an application that may write."""


class Denials:
    """The answers to one kind of write in this run. Safe to use from several threads."""

    def __init__(self, permission: str, consent: str) -> None:
        """``permission`` is what the write needs, ``consent`` a sentence that says who grants it."""
        self.permission = permission
        self.consent = consent
        self._lock = threading.Lock()
        self._denied = 0
        self._allowed = False

    def record(self, answer: BatchAnswer) -> None:
        """Count a final answer."""
        with self._lock:
            if answer.ok or (answer.outcome == "answered" and answer.status in _ALLOWED):
                self._allowed = True
            elif answer.outcome != "unknown" and answer.status == HTTPStatus.FORBIDDEN:
                self._denied += 1

    @property
    def everybody(self) -> bool:
        """Has the service refused every user so far?"""
        return self._denied > 0 and not self._allowed

    @property
    def certain(self) -> bool:
        """Is it certain that the service would refuse further writes of this kind, too?"""
        return self.everybody and self._denied >= DENIALS_TO_STOP

    @property
    def hint(self) -> str:
        """What to do if every user was refused."""
        return self.consent if self.certain else f"{self.consent} {_PERHAPS_PROTECTED}"

    @property
    def reason(self) -> str:
        """Why no further user is tried, to follow 'because'."""
        lacking = f"the application lacks the permission {self.permission}"
        return lacking if self.certain else "the service refused all who were tried (403)"

    def explain(self, problem: Problem) -> Problem:
        """Say that a 403 is about the application, or about this user."""
        if not self.everybody:
            return problem._replace(hint=PROTECTED_USER)
        return problem._replace(hint=self.hint, permission=self.permission)


def unsent(answer: BatchAnswer) -> Problem:
    """Why a request was not accepted, or not sent at all."""
    return Problem(answer.code or "not_sent", sentence(answer.message), answer.error.hint if answer.error else "")


def mark_with_cause(job: Job, denials: Denials | None, *, stopped: bool, unrecorded: bool, fail_fast: bool) -> None:
    """Mark a user who is not tried any more, with what ended the run or this kind of write."""
    if stopped:
        mark_not_attempted(job, "the run was stopped", _NEXT_RUN)
    elif unrecorded:
        mark_not_attempted(job, "the record of what was written could not be written", _NEXT_RUN)
    elif denials is not None and denials.everybody:
        mark_not_attempted(job, denials.reason, denials.hint)
    elif fail_fast:
        mark_not_attempted(job)
    else:
        mark_not_attempted(job, "an earlier request failed for a reason that applies to this one, too", _NEXT_RUN)


def missing_permission(outcomes: Iterable[Outcome]) -> Problem | None:
    """The first problem that names a permission which the application lacks."""
    problems = (outcome.error for outcome in outcomes)
    return next((problem for problem in problems if problem is not None and problem.permission), None)


def permission_headline(problem: Problem, *, failed: int, changed: int, not_tried: int) -> str:
    """The missing permission, and counts of users; ``problem.hint`` says who grants it."""
    return (
        f"The application seems to lack the permission {problem.permission}, as the service refused every user who was "
        f"tried: {problem.message.rstrip('.')}. {failed} users failed, {changed} were changed, {not_tried} were not "
        "tried."
    )
