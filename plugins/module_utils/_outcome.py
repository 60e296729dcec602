# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of one user while licenses are written, and what is said of it at the end. Pure.

``_apply.py`` takes a Job from request to request; an Outcome is what others see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._models import LicenseChange, User
from ansible_collections.m365.licensing.plugins.module_utils._refusals import Problem

STATUSES = ("unchanged", "changed", "skipped", "failed")
"""What can become of a user. ``skipped``: nothing was written, and ``error`` says why."""

UNKNOWN = "unknown_outcome"
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


@dataclass
class Job:
    """One user on the way. ``left`` is what still has to be sent of ``change``."""

    before: User
    change: LicenseChange
    left: LicenseChange
    located: bool = False
    licensed: bool = False
    lost: bool = False
    """An answer was lost, or somebody else was faster, and nobody has looked since how far the user is."""
    uncertain: bool = False
    """An answer was lost at some time: what was refused later may have been done by then."""
    overtaken: Problem | None = None
    """What the service said as there was nothing left to remove: somebody else had done that."""
    skipped: bool = False
    problem: Problem | None = None
    seen: User | None = None
    confirmed: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return self.problem is None and not self.licensed

    @property
    def by_others(self) -> bool:
        """Is all there that was wanted, and none of it written here?"""
        return bool(self.overtaken) and self.licensed and not (self.located or self.uncertain)

    @property
    def to_confirm(self) -> bool:
        return self.licensed or self.uncertain

    def half_way(self) -> User:
        """The user where at most the usage location was written."""
        return self.before._replace(usage_location=self.change.usage_location) if self.located else self.before


def still_unknown(problem: Problem) -> Problem:
    """What a later try was refused with says nothing of an earlier one whose answer was lost."""
    if problem.code in (UNKNOWN, "user_not_found"):
        return problem
    said = f"The change was sent, its answer was lost, and another try ended with: {problem.message}"
    return Problem(UNKNOWN, said, f"{problem.hint} {RUN_AGAIN}".strip())


def hold_back(
    job: Job,
    why: str = "a request before it failed",
    hint: str = "Correct what failed and run again; on_error=continue goes on after users who fail.",
) -> None:
    job.skipped = True
    done = "Only the usage location was set" if job.located else "Not done"
    job.problem = Problem("not_tried", f"{done}, because {why}.", hint)


def location_late(job: Job) -> bool:
    """Was the license refused for want of the usage location that was set a moment ago? Replicas are late."""
    return job.located and job.problem is not None and job.problem.code == "usage_location"
