# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides whether a user may lose a mailbox that no list of Exchange shows. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from .coverage import (
    AssessmentContext,
    disconnected,
    granted,
    is_covered,
    mailbox_plans_of,
    needs_of,
    removed_at,
)
from .models import Mailbox, RecipientType, Signals, User

_AT_ONCE = timedelta(days=1)
"""How much earlier than the removal of its license a mailbox may be soft-deleted."""


def is_missing(boxes: Collection[Mailbox], user: User, signals: Signals, context: AssessmentContext) -> bool:
    """Is this user to be assessed without a mailbox? ``boxes``: all mailboxes that Exchange shows for the user."""
    if not boxes:
        return suspected(user, signals, context)
    gone = signals.mailboxes_known and (signals.is_pending or disconnected(user, context))
    return gone and is_hidden(boxes, user, context)


def is_hidden(boxes: Iterable[Mailbox], user: User, context: AssessmentContext) -> bool:
    """Is the mailbox of a user without a license missing from these, and so from every list?"""
    return not any(explains(box, user, context) for box in boxes)


def shown_by_user(boxes: Iterable[Mailbox]) -> dict[str, list[Mailbox]]:
    """The mailboxes that Exchange shows, by the id of their user."""
    found: dict[str, list[Mailbox]] = {}
    for box in boxes:
        found.setdefault(box.user_id, []).append(box)
    return found


def explains(box: Mailbox, user: User, context: AssessmentContext) -> bool:
    """Is this the mailbox of a user who lost the license, so that no other one is missing?

    A mailbox that was soft-deleted before the removal of the license was not the one in use. A covered archive does not
    decide about a mailbox; another one is a row of its own.
    """
    if box.recipient_type is RecipientType.ARCHIVE:
        return not is_covered(needs_of(box), granted(user, context.catalog))
    if box.recipient_type is not RecipientType.SOFT_DELETED:
        return True
    removed = removed_at(user, context)
    return removed is None or box.soft_deleted is None or box.soft_deleted >= removed - _AT_ONCE


def suspected(user: User, signals: Signals, context: AssessmentContext) -> bool:
    """Is a user without any mailbox in Exchange to be assessed nevertheless?"""
    unseen = not signals.mailboxes_known and carries_mailbox(user, context)
    return bool(signals.reconciliation) or unseen or signals.is_pending or disconnected(user, context)


def carries_mailbox(user: User, context: AssessmentContext) -> bool:
    """Does a license in force carry a mailbox plan, so that the user is likely to have a mailbox?"""
    return any(state.effective and mailbox_plans_of(state, context) for state in user.license_states)
