# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Predicts what ``apply.py`` will do, without a request: for check mode, and to decide whom to write first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.change_notes import (
    unforeseen_carryover,
    unforeseen_lack,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import apply_to
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import LicenseChange, Sku, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.plan_relations import unforeseen
from ansible_collections.m365.licensing.plugins.module_utils._licensing.readback import carried_only
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import Problem, foreseen_refusal

from .outcomes import Job, Outcome, mark_not_attempted


def predict_changes(
    users: Mapping[str, User],
    changes: Sequence[LicenseChange],
    skus: Mapping[str, Sku],
    *,
    on_error: str = "fail",
    doubts: bool = False,
) -> list[Outcome]:
    """The outcomes of ``apply_changes``, without a request.

    ``doubts``: add notes about what cannot be predicted.
    """
    jobs = [Job(carried_only(users[change.user_id], skus), change, change) for change in changes]
    likely_refused = foreseen_problems(jobs, skus)
    refused = list(likely_refused)[:1] if on_error == "fail" else list(likely_refused)
    outcomes = []
    for job in jobs:
        if not job.change or not refused:
            after = apply_to(job.before, job.change, skus)
            status = "changed" if job.change else "unchanged"
            notes = (
                (
                    *unforeseen(after, job.change, skus),
                    *unforeseen_lack(job.before, job.change, skus, BUILTIN),
                    *unforeseen_carryover(job.before, job.change, skus, BUILTIN),
                )
                if doubts
                else ()
            )
            outcomes.append(Outcome(job.before.id, status, job.before, after, notes=notes, wrote=bool(job.change)))
            continue
        if job.before.id in refused:
            job.problem, job.location_set = likely_refused[job.before.id], bool(job.change.usage_location)
        elif on_error == "fail":
            mark_not_attempted(job)
        outcomes.append(_foreseen(job, skus))
    return outcomes


def _foreseen(job: Job, skus: Mapping[str, Sku]) -> Outcome:
    if job.problem is None:
        return Outcome(job.before.id, "changed", job.before, apply_to(job.before, job.change, skus), wrote=True)
    status = "skipped" if job.skipped else "failed"
    return Outcome(job.before.id, status, job.before, job.partially_applied(), "", job.problem, wrote=job.location_set)


def foreseen_problems(jobs: Iterable[Job], skus: Mapping[str, Sku]) -> dict[str, Problem]:
    """The refusals that can be predicted, by user id."""
    found = ((job.before.id, foreseen_refusal(job.before, job.change, skus)) for job in jobs)
    return {user_id: problem for user_id, problem in found if problem is not None}
