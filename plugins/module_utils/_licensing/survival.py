# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is worth a license where no alternative of a rule gives a mailbox all that it needs.

The archive comes first, then the mailbox itself. A missing right is a warning. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .catalog import Catalog
from .coverage import (
    ANY_ARCHIVE,
    ANY_MAILBOX,
    Needs,
    granted,
    is_covered,
    loses_mailbox,
)
from .desired import Wanted
from .models import (
    Finding,
    RecipientType,
    User,
)


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
