# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit has read, and what it could not read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._exchange.parsing import Organization
from ansible_collections.m365.licensing.plugins.module_utils._licensing.alarms import Reason, incomplete_reason
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    Mailbox,
    Removal,
    Signals,
    Sku,
    Subscription,
    User,
)

from .full_scan import FullScan

SIGNALS = ("license_reconciliation_needed", "exchange_sku_assigned", "assigned_plans")
"""The independent signals; an audit needs at least one of them."""


@dataclass
class Readings:
    """What was read. ``users`` is None if the directory cannot be read."""

    mailboxes: list[Mailbox] = field(default_factory=list)
    users: dict[str, User] | None = None
    reconciliation: set[str] | None = None
    pending: dict[str, datetime | None] = field(default_factory=dict)
    """When Exchange deletes mailboxes without a license (None: not stated), by user id or UPN."""
    overdue: frozenset[str] = frozenset()
    """Those of them whose delay has ended, as Exchange says."""
    no_rights_users: list[User] = field(default_factory=list)
    skus: dict[str, Sku] = field(default_factory=dict)
    subscriptions: dict[str, tuple[Subscription, ...]] = field(default_factory=dict)
    scan: FullScan | None = None
    """What the strategy ``full`` keeps of users and mailboxes that are plainly safe, and in no list here."""
    other_kinds: dict[str, str] = field(default_factory=dict)
    """The kind of a mailbox in use that needs no license and is in no list (``scheduling``), by user id.

    Of all users if every mailbox was read, else of users whose mailbox was asked for.
    """
    mail_users: frozenset[str] | None = None
    """Users without a mailbox who are mail users in Exchange. None: Exchange could not be asked."""
    removals: dict[str, Removal] = field(default_factory=dict)
    """When users lost their license, by the directory's audit log, by user id."""
    delayed: bool = False
    """Is it known that mailboxes stay for a while after their license was removed (delicensing resiliency)?"""
    deleted: dict[str, User] = field(default_factory=dict)
    """The users of mailboxes who are in the recycle bin of the directory, by id."""
    organization: Organization | None = None
    """The settings of the organization; None if they were not needed, or could not be read."""
    named_alike: dict[str, str] = field(default_factory=dict)
    """Users with the name of a mailbox that names no user, who have another one; why that is not proof, by id."""
    alive: frozenset[str] = frozenset()
    """Soft-deleted mailboxes that name no user and have the name of one in the directory, by guid."""
    only: frozenset[str] | None = None
    """The user ids that ``identities`` named; None: everybody."""
    everybody: bool = False
    """Is every user of the tenant among ``users``?"""
    read_by_id: set[str] = field(default_factory=set)
    """Users whose mailboxes in use were read by the id of the user, so that none is missing."""
    read_by_name: set[str] = field(default_factory=set)
    """Users whose mailboxes and archives without an id Exchange was asked for by name."""
    strategy: str = "filtered"
    signals: dict[str, str] = field(default_factory=dict)
    """Each signal as ``ok``, or why it is not available."""
    not_examined: list[str] = field(default_factory=list)
    """Requested recipient types of which Exchange showed no list."""
    hidden: list[str] = field(default_factory=list)
    """Those of them that the chosen API of Exchange never shows."""
    remedies: list[str] = field(default_factory=list)
    """Hints of the services that refused a part of the inventory, for example a missing permission."""
    unmeasured: int = 0
    """The number of mailboxes that were to be measured, and of which Exchange returned no size."""
    unmatched: int = 0
    """How many mailboxes in use name no user and could not be joined to one by name. They were not assessed."""
    kept_without_user: list[str] = field(default_factory=list)
    """Soft-deleted mailboxes without a user, and until when Exchange keeps each."""
    lost_sizes: str = ""
    """The mailboxes of which no size could be read: ``of 600 shared, room and equipment mailboxes``."""
    warnings: list[str] = field(default_factory=list)

    @property
    def mailboxes_known(self) -> bool:
        """Could Exchange be asked for mailboxes?"""
        return self.signals.get("exchange_sku_assigned") == "ok"

    def signals_for(self, user_id: str, upn: str) -> Signals:
        """What the signals say about one user."""
        key = user_id if user_id in self.pending else lowered(upn)
        return Signals(
            reconciliation=None if self.reconciliation is None else user_id in self.reconciliation,
            pending_delicense=self.pending.get(key),
            mailboxes_known=self.mailboxes_known,
            mail_user=None if self.mail_users is None else user_id in self.mail_users,
            pending=key in self.pending,
            overdue=key in self.overdue,
        )

    @property
    def unseen(self) -> list[str]:
        """The return value ``not_examined``: recipient types, and sizes of shared mailboxes by their option."""
        sizes = ["shared_mailbox_sizes"] if self.lost_sizes or self.unmeasured else []
        return sorted([*self.not_examined, *sizes])

    @property
    def complete(self) -> bool:
        """Was everything read that was requested? Rules are applied even if single mailboxes were not."""
        return not self.gaps and not self.unmeasured and not self.unmatched

    @property
    def gaps(self) -> list[str]:
        """What was requested and could not be read, in words; empty: the audit is complete."""
        gaps = [f"{kind} recipients" for kind in sorted(self.not_examined)]
        if self.lost_sizes:
            gaps.append(f"the sizes {self.lost_sizes}")
        if self.users is None:
            gaps.append("the licenses of users, and so which Exchange plans are off")
        return gaps

    def incomplete(self) -> Reason | None:
        """Why a task that needs a complete audit fails; None if the audit is complete."""
        return incomplete_reason(self.gaps, self.remedies, self.hidden, can_narrow=self.users is not None)
