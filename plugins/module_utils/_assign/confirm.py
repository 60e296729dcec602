# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads users around a write: as they are just before it, and back after it until they show what was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import Interrupted, M365Error
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Sku, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.readback import carried_only, shows

from .outcomes import Job, unexpected_error

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
