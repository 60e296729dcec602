# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notes of an audit row, for the people who decide about it. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from .catalog import Catalog
from .deadlines import (
    DELETED_USER_DAYS,
    DISCONNECTED_DAYS,
    removal_date,
)
from .models import (
    RESOURCE_TYPES,
    Mailbox,
    RecipientType,
    Signals,
    Sku,
    User,
)

_LONGEST = timedelta(days=2 * DISCONNECTED_DAYS)
"""How long a mailbox of a user stays without a license, including a delay of the organization."""


def contradictions(reason: str, mailbox: Mailbox | None, user: User | None, signals: Signals) -> Iterable[str]:
    """Signals that contradict each other. The row shows them."""
    if mailbox is not None and mailbox.sku_assigned is True and reason in ("no_license", "license_removed"):
        yield "SKUAssigned is true in Exchange, although no license of this user grants a mailbox"
    expected = reason == "no_license" and mailbox is not None and mailbox.recipient_type is RecipientType.USER
    if expected and signals.reconciliation is False:
        yield "isLicenseReconciliationNeeded is not set in Graph"
    if user is not None and reason == "license_error" and all(state.effective for state in user.license_states):
        yield "the license is assigned and its Exchange plan is on, but the service has not enabled the plan (yet)"
    if signals.reconciliation and mailbox is None and signals.mailboxes_known:
        yield "Exchange shows no mailbox of this user"


def notes_of(
    mailbox: Mailbox | None, user: User | None, signals: Signals, uncovered: bool, lost: bool, was_shared: str
) -> Iterable[str]:
    """The notes of one row; ``was_shared``: see ``shared_before``."""
    if user is None:
        yield "Graph does not show this user, so its licenses are not known, and Exchange alone decides the reason."
    elif user.deleted is not None:
        yield _restore_first(user.deleted)
    if mailbox is not None and mailbox.by_name:
        yield "Exchange does not name the user of this mailbox. This user has its name and no other mailbox."
    if mailbox is None and not signals.mailboxes_known:
        yield "Exchange could not be asked for mailboxes, so kind, age, archive and hold are not known."
        return
    if mailbox is None:
        maybe = "The mailbox may be disconnected already. License the user to restore it."
        yield _disconnected_note(user, signals) if lost else maybe
        return
    if mailbox.held and mailbox.recipient_type is RecipientType.SOFT_DELETED and not (user and user.deleted):
        yield "On hold: Microsoft's texts disagree on whether a hold keeps the mailbox of an existing user for longer."
    if was_shared:
        yield was_shared
    others = [word for flag, word in ((mailbox.archive, "an archive"), (mailbox.hold, "a litigation hold")) if flag]
    if mailbox.recipient_type in RESOURCE_TYPES and len(others) > 1:
        yield "It has an archive and a litigation hold; one license covers both."
    living = user is not None and user.deleted is None
    if mailbox.recipient_type is RecipientType.SOFT_DELETED and living and not uncovered:
        yield "The user is licensed, so another license does not restore it. Look for a second mailbox of the user."


def _restore_first(deleted: datetime) -> str:
    """What to do about a mailbox whose user is in the recycle bin."""
    until = deleted + timedelta(days=DELETED_USER_DAYS)
    return (
        f"Its user was deleted on {deleted:%Y-%m-%d}. Restore the user first, by {until:%Y-%m-%d}; no license helps "
        "before that. The user gets the licenses back if seats are free."
    )


UNKNOWN_PLAN = "An Exchange plan that this collection does not know is enabled"
"""How the note about such a plan begins."""


def unknown_plan_notes(user: User, catalog: Catalog, skus: Mapping[str, Sku]) -> Iterable[str]:
    """A note for each Exchange plan at work that no table knows: it may be what keeps the mailbox."""
    for plan in user.assigned_plans:
        known = catalog.plan_class(plan.plan_id) or catalog.plan_name(plan.plan_id)
        if plan.usable and plan.service == "exchange" and not known:
            names = {item.name for sku in skus.values() for item in sku.plans if item.id == plan.plan_id}
            name = " or ".join(sorted(names - {plan.plan_id})) or "a plan without a name"
            yield (
                f"{UNKNOWN_PLAN}: {name} ({plan.plan_id}). If it "
                "includes a mailbox, add it with the option mailbox_plans: then this user is no row."
            )


BY_SYNC = (
    "The account is disabled and synchronized, and Exchange counts no license: directory sync may have turned "
    "a shared mailbox into this user mailbox. Convert it back, or license it."
)
BY_HISTORY = (
    "The mailbox has existed for long without a license, so it may have been a shared mailbox in between. Then its "
    "days count from the conversion, which no property shows. Convert it back, or license it."
)


def shared_before(mailbox: Mailbox | None, user: User | None, signals: Signals, catalog: Catalog, now: datetime) -> str:
    """Why this mailbox of a user may have been a shared one, or an empty text.

    Directory sync turns a shared mailbox back into one of a user, whose account is disabled [support article on shared
    mailboxes that are converted to user mailboxes]. Only that or a hold explains a mailbox that stays for long
    after the removal of its license.
    """
    if mailbox is None or mailbox.recipient_type is not RecipientType.USER or mailbox.sku_assigned is True:
        return ""
    enabled = user.account_enabled if user else mailbox.account_enabled
    if not enabled and (mailbox.on_premises_sync or bool(user and user.on_premises_sync)):
        return BY_SYNC
    if mailbox.held or signals.is_pending or user is None:
        return ""
    removed, created = removal_date(user, catalog), mailbox.created
    if removed is None or (created is not None and removed < created):
        return ""
    return BY_HISTORY if removed + _LONGEST < now else ""


def _disconnected_note(user: User | None, signals: Signals) -> str:
    """How certain it is that a mailbox exists that Exchange does not show."""
    if signals.mail_user and not signals.is_pending:
        return (
            "Exchange shows a mail user: the mailbox may be on premises, and then nothing is lost. If it was in the "
            "cloud, it is disconnected, and a license before the deadline restores it."
        )
    if signals.is_pending:
        return (
            "Exchange says that this user is about to lose the mailbox, and no list of it shows one: it may be "
            "disconnected already. A license restores it."
        )
    text = (
        "No list of Exchange shows the mailbox: Exchange disconnected it when the license was removed. A license "
        "before the deadline restores it; after that the user gets a new, empty mailbox."
    )
    if signals.mail_user is None and user is not None and user.on_premises_sync:
        text += " Exchange could not be asked for mail users, so the mailbox may be on premises."
    return text
