# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of plans takes away from a mailbox or an archive, and what still saves one.

If no alternative of a rule gives a mailbox all that it needs, saving the archive comes first, then the mailbox itself.
A missing right is a warning. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .catalog import Catalog
from .coverage import (
    ANY_ARCHIVE,
    ANY_MAILBOX,
    ARCHIVE_ON_PREMISES,
    PLAN2_ONLY,
    PLAN2_OR_ADDON,
    Needs,
    granted,
    is_covered,
    loses_mailbox,
)
from .desired import Wanted
from .models import (
    MAILBOX_CLASSES,
    Finding,
    PlanClass,
    RecipientType,
    User,
)


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


def lesser_needs(finding: Finding, user: User, catalog: Catalog) -> list[Needs]:
    """What still saves something, best first: the archive that no plan keeps, and the mailbox that no plan keeps."""
    box, found = finding.mailbox, list[Needs]()
    in_cloud = finding.recipient_type in (RecipientType.USER, RecipientType.SOFT_DELETED)
    if in_cloud and box is not None and box.archive and not is_covered(ANY_ARCHIVE, granted(user, catalog)):
        found.append(ANY_ARCHIVE)
    if loses_mailbox(finding, user, catalog):
        found.append(ANY_MAILBOX)
    return found


def saves(finding: Finding, user: User, predicted: User, catalog: Catalog) -> bool:
    """Does a change give the mailbox what it needs, or at least save something of it?"""
    classes = granted(predicted, catalog)
    return any(is_covered(needs, classes) for needs in (finding.needs, *lesser_needs(finding, user, catalog)))


def parts_of(wanted: Sequence[Wanted], seatless: Collection[str]) -> list[Sequence[Wanted]]:
    """The parts of an alternative that may keep a mailbox: all that has seats, then each license by itself."""
    if len(wanted) < 2:
        return []
    there = tuple(item for item in wanted if item.sku_id not in seatless)
    return [there, *((item,) for item in there)]
