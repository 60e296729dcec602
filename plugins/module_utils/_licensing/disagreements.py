# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which signals call a covered mailbox unlicensed all the same. Pure: no I/O, no clock."""

from __future__ import annotations

from .coverage import (
    ANY_MAILBOX,
    AssessmentContext,
    evidence_of,
    granted,
    has_room,
    is_covered,
    needs_of,
)
from .mailbox_room import room_text
from .models import (
    Mailbox,
    PlanClass,
    RecipientType,
    Signals,
    User,
)


def disagreement(mailbox: Mailbox | None, user: User | None, signals: Signals, context: AssessmentContext) -> str:
    """For a covered mailbox: which signals call it unlicensed all the same; empty where they agree."""
    if user is None:
        return ""
    if mailbox is not None and has_room(mailbox, user, context.catalog):
        return room_text(mailbox)
    return contradicted(mailbox, granted(user, context.catalog), signals)


def contradicted(mailbox: Mailbox | None, classes: frozenset[PlanClass], signals: Signals) -> str:
    """The same for the mailbox of a user whose plans grant ``classes``."""
    recipient_type = mailbox.recipient_type if mailbox else RecipientType.USER
    if recipient_type not in (RecipientType.USER, RecipientType.ARCHIVE):
        return ""
    if not is_covered(needs_of(mailbox) if mailbox else ANY_MAILBOX, classes):
        return ""
    says = list(evidence_of(mailbox, signals, False))
    if recipient_type is RecipientType.ARCHIVE and "exchange_sku_not_assigned" in says:
        says.remove("exchange_sku_not_assigned")  # a mail user's SKUAssigned speaks of a mailbox, and there is none
    return f"{', '.join(says)}; but an enabled plan covers it" if says else ""
