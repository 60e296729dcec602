# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of plans takes away from a mailbox or an archive. Pure: no I/O, no clock."""

from __future__ import annotations

from .coverage import (
    ANY_ARCHIVE,
    ARCHIVE_ON_PREMISES,
    PLAN2_ONLY,
    PLAN2_OR_ADDON,
    Needs,
    is_covered,
)
from .models import MAILBOX_CLASSES, PlanClass


def uncovers(before: frozenset[PlanClass], after: frozenset[PlanClass]) -> bool:
    """Does a mailbox, or an archive of a mailbox on premises, lose the last plan that keeps it?

    Archiving alone keeps no mailbox, so it does not stand in for a mailbox plan.
    """
    if not before.isdisjoint(MAILBOX_CLASSES):
        return after.isdisjoint(MAILBOX_CLASSES)
    # The cloud archive of a mailbox on premises: no Plan 1 or Kiosk keeps it.
    return PlanClass.ARCHIVE in before and after.isdisjoint({PlanClass.ARCHIVE, PlanClass.PLAN2})


def abilities_lost(before: frozenset[PlanClass], after: frozenset[PlanClass]) -> tuple[str, ...]:
    """What ``before`` allowed and ``after`` does not, one sentence each."""
    if before <= after:
        return ()
    return tuple(text for needs, text in _ABILITIES if is_covered(needs, before) and not is_covered(needs, after))


_ABILITIES = (
    (PLAN2_ONLY, "a mailbox over 50 GB needs Exchange Online Plan 2, which this change takes away"),
    (
        PLAN2_OR_ADDON,
        "a hold, or an archive over 50 GB, needs Plan 2 or the archiving add-on, which this change takes away",
    ),
    (ANY_ARCHIVE, "an archive needs Plan 1, Plan 2 or the archiving add-on, which this change takes away"),
    (
        ARCHIVE_ON_PREMISES,
        "the archive of a mailbox on premises needs Exchange Online Archiving or Plan 2, gone by this change",
    ),
)


def need_lost(needs: Needs, before: frozenset[PlanClass], after: frozenset[PlanClass]) -> Needs:
    """What a mailbox needs, had ``before`` and has not ``after``; empty where it loses nothing.

    The archive of Plan 1 ends at 50 GB, and no list has the sizes of archives. So a user who has an archive and more
    than Plan 1 is taken to need more.
    """
    demands = (needs, PLAN2_OR_ADDON) if needs == ANY_ARCHIVE else (needs,)
    return next((need for need in demands if is_covered(need, before) and not is_covered(need, after)), ())
