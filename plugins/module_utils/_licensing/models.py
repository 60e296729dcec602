# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that the collection reasons about: users, licenses, SKUs, mailboxes, findings.

Immutable records in Microsoft's terms. Every GUID is lower case and without blanks, every time is an aware
UTC ``datetime``. ``_graph/parsing.py`` and ``_exchange/parsing.py`` make them from what the services answer. Pure.
"""

from __future__ import annotations

import enum
import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple


class PlanClass(str, enum.Enum):
    """What an Exchange service plan grants."""

    PLAN1 = "plan1"
    """A mailbox of 50 GB."""
    PLAN2 = "plan2"
    """A mailbox of 100 GB, with archive and hold."""
    KIOSK = "kiosk"
    """A mailbox of 2 GB."""
    ARCHIVING = "archiving"
    """The archiving add-on for Exchange Online mailboxes: archive and hold beside a smaller plan."""
    ARCHIVE = "archive"
    """Exchange Online Archiving for mailboxes on premises: the archive alone."""


MAILBOX_CLASSES = frozenset({PlanClass.PLAN1, PlanClass.PLAN2, PlanClass.KIOSK})
"""The classes that grant a mailbox."""


class RecipientType(str, enum.Enum):
    """What a row is about; the values are the choices of ``recipient_types``."""

    USER = "user"
    SHARED = "shared"
    ROOM = "room"
    EQUIPMENT = "equipment"
    ARCHIVE = "archive"
    """A mail user (mailbox on premises) with an archive in the cloud."""
    SOFT_DELETED = "soft_deleted"
    """A mailbox that is already disconnected while its user lives."""


RESOURCE_TYPES = frozenset({RecipientType.SHARED, RecipientType.ROOM, RecipientType.EQUIPMENT})
"""Mailboxes that need no license until they are large, archived or on hold."""


class LicenseState(NamedTuple):
    """One entry of ``user.licenseAssignmentStates``: one SKU by one way (direct, or from one group).

    ``state`` is trimmed, in the service's spelling (``Active``, ``ActiveWithError``, ``Disabled``, ``Error``, or
    a word never seen before); ``error`` is None where the service says null or ``None``.
    """

    sku_id: str
    disabled_plans: frozenset[str] = frozenset()
    group_id: str | None = None
    state: str = "Active"
    error: str | None = None
    updated: datetime | None = None

    @property
    def direct(self) -> bool:
        return self.group_id is None

    @property
    def effective(self) -> bool:
        """Does this assignment give the user its plans? (An assignment in Error or Disabled gives nothing.)"""
        return self.state.casefold() in ("active", "activewitherror")


CAPABILITY_STATUSES = ("enabled", "warning", "suspended", "lockedout", "deleted")
"""What ``capabilityStatus`` of SKUs, plans and subscriptions may be, best first and in lower case."""


def capability_rank(status: str) -> int:
    """The place of a ``capabilityStatus`` in that order; an unknown one comes last."""
    folded = status.casefold()
    return CAPABILITY_STATUSES.index(folded) if folded in CAPABILITY_STATUSES else len(CAPABILITY_STATUSES)


@dataclass(frozen=True)
class AssignedPlan:
    """One entry of ``user.assignedPlans``. Deleted entries stay in the service's list.

    ``assigned`` is kept for deleted plans only, as a hint when they were removed.
    """

    plan_id: str
    capability: str
    assigned: datetime | None = None
    service: str = field(default="", compare=False)
    """The service of the plan in lower case (``exchange``); empty for deleted plans."""

    @functools.cached_property
    def usable(self) -> bool:
        """Enabled, or in Warning (a grace period in which the service works on) [assignedPlan resource]."""
        return self.capability.casefold() in ("enabled", "warning")

    @functools.cached_property
    def suspended(self) -> bool:
        """Off, with its data still kept: Suspended, or LockedOut, the last stage before Deleted."""
        return self.capability.casefold() in ("suspended", "lockedout")

    @property
    def unknown_status(self) -> bool:
        """In a state that Microsoft does not document, which counts as off."""
        return not (self.usable or self.suspended or self.capability.casefold() == "deleted")


class User(NamedTuple):
    """A directory user, as Graph shows it."""

    id: str
    user_principal_name: str
    display_name: str = ""
    user_type: str = "Member"
    account_enabled: bool = True
    usage_location: str | None = None
    country: str | None = None
    department: str | None = None
    company: str | None = None
    job_title: str | None = None
    city: str | None = None
    office: str | None = None
    employee_type: str | None = None
    mail_domain: str | None = None
    """The domain of the primary address, where the user has one."""
    on_premises_sync: bool = False
    extension_attributes: Mapping[str, str] = MappingProxyType({})
    """``{"extensionAttribute1": "…"}``, without those that are null."""
    license_states: tuple[LicenseState, ...] = ()
    assigned_plans: tuple[AssignedPlan, ...] = ()
    deleted: datetime | None = None
    """When the user was deleted, of one in the recycle bin of the directory. Its licenses are not known."""

    @property
    def is_guest(self) -> bool:
        return self.user_type.casefold() == "guest"

    def holds(self, sku_id: str) -> bool:
        """Has this SKU in an effective state, directly or from a group."""
        return any(state.sku_id == sku_id and state.effective for state in self.license_states)


class ServicePlan(NamedTuple):
    """One plan of a SKU. ``applies_to`` is ``User`` or ``Company``; a company's plan cannot be off for one user."""

    id: str
    name: str
    applies_to: str = "User"
    provisioning_status: str = "Success"


@dataclass(frozen=True)
class Sku:
    """A SKU that the tenant has (``subscribedSkus``; several entries of one skuId are summed)."""

    id: str
    part_number: str
    capability_status: str = "Enabled"
    applies_to: str = "User"
    enabled: int = 0
    warning: int = 0
    suspended: int = 0
    locked_out: int = 0
    consumed: int = 0
    plans: tuple[ServicePlan, ...] = ()
    entries: tuple[Sku, ...] = ()
    """The entries of which this is the sum; empty where the tenant has one. Seats of one are not those of another."""
    ambiguous: bool = False
    """Does the tenant have another SKU with this part number?"""

    @property
    def name(self) -> str:
        """What texts call it: its part number, with its id where that is not enough."""
        return f"{self.part_number} ({self.id})" if self.ambiguous else self.part_number

    @property
    def suspended_or_gone(self) -> bool:
        """Has its subscription ended, so that its plans do not work? (Not so for a word that is not documented.)"""
        return self.capability_status.casefold() in ("suspended", "lockedout", "deleted")

    @property
    def assignable(self) -> bool:
        return self.applies_to == "User" and self.capability_status.casefold() in ("enabled", "warning")

    def seats_left(self, *, use_warning: bool = False) -> int:
        """Seats that can be given out now; ``use_warning`` also spends units in their grace period. Never below 0."""
        if self.entries:
            return sum(entry.seats_left(use_warning=use_warning) for entry in self.entries)
        if not self.assignable:
            return 0
        return max(0, self.enabled + (self.warning if use_warning else 0) - self.consumed)

    @functools.cached_property
    def plan_ids(self) -> frozenset[str]:
        """All of its plans."""
        return frozenset(plan.id for plan in self.plans)

    @functools.cached_property
    def user_plan_ids(self) -> frozenset[str]:
        """The plans that can be off for one user."""
        return frozenset(plan.id for plan in self.plans if plan.applies_to.casefold() != "company")


def plan_carriers(user: User, skus: Mapping[str, Sku], among: frozenset[str] | None = None) -> dict[str, set[str]]:
    """The plans that are on in assignments in force, each with the SKUs that carry it; ``among``: only these plans."""
    found: dict[str, set[str]] = {}
    for state in user.license_states:
        sku = skus.get(state.sku_id)
        if sku is None or not state.effective:
            continue
        plans = sku.plan_ids if among is None else sku.plan_ids & among
        for plan in plans - state.disabled_plans:
            found.setdefault(plan, set()).add(state.sku_id)
    return found


def mark_ambiguous(skus: Iterable[Sku]) -> list[Sku]:
    """The SKUs of a tenant. Those that share a part number are marked ``ambiguous``."""
    found = list(skus)
    counts = Counter(sku.part_number.casefold() for sku in found)
    return [replace(sku, ambiguous=True) if counts[sku.part_number.casefold()] > 1 else sku for sku in found]


class Subscription(NamedTuple):
    """One entry of ``GET /directory/subscriptions``. ``next_lifecycle`` is when it moves to its next state."""

    sku_id: str
    sku_part_number: str
    status: str
    total_licenses: int = 0
    is_trial: bool = False
    next_lifecycle: datetime | None = None


class Group(NamedTuple):
    """A group of the directory. ``kinds``: some of the words of ``group_lookup.KINDS``."""

    id: str
    display_name: str
    kinds: tuple[str, ...] = ()


class Mailbox(NamedTuple):
    """A recipient with something to lose, as Exchange shows it.

    ``user_id`` is ``ExternalDirectoryObjectId``; empty on mailboxes without a directory object.
    ``sku_assigned`` has three states: True, False (was de-licensed), None (never flagged).
    """

    user_id: str
    user_principal_name: str
    recipient_type: RecipientType
    guid: str = ""
    display_name: str = ""
    primary_smtp_address: str = ""
    created: datetime | None = None
    sku_assigned: bool | None = None
    archive: bool = False
    hold: bool = False
    """Litigation hold."""
    other_hold: bool = False
    """Any other: of a retention policy or label, of eDiscovery, or the delay after one of these has ended."""
    organization_hold: bool = False
    """A retention policy of the whole organization, from which the mailbox is not excluded."""
    excluded_from: frozenset[str] = frozenset()
    """The policies of the whole organization from which it is excluded, in lower case and without their action."""
    by_name: bool = False
    """Exchange names no user, and ``user_id`` is that of the user with the mailbox's user principal name."""
    over_50_gb: bool = False
    size: int | None = None
    """In bytes, where it was measured."""
    quota: int | None = None
    """Its own limit in bytes (``ProhibitSendReceiveQuota``); None where it has none, or the service does not say."""
    soft_deleted: datetime | None = None
    account_enabled: bool = True
    on_premises_sync: bool = False
    capabilities: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        """Does any hold apply?"""
        return self.hold or self.other_hold or self.organization_hold


class Assignment(NamedTuple):
    """One element of ``addLicenses``. ``disabled_plans`` replaces the direct assignment's set."""

    sku_id: str
    disabled_plans: frozenset[str] = frozenset()


class LicenseChange(NamedTuple):
    """What one ``assignLicense`` (and, before it, one usage location) does to one user. Empty: nothing to do."""

    user_id: str
    add: tuple[Assignment, ...] = ()
    remove: tuple[str, ...] = ()
    usage_location: str | None = None

    def __bool__(self) -> bool:
        return bool(self.add or self.remove or self.usage_location)

    def body(self) -> dict[str, list[object]]:
        """The body of ``POST /users/{id}/assignLicense``: both keys, always; sorted: same change, same bytes."""
        return {
            "addLicenses": [
                {"skuId": item.sku_id, "disabledPlans": sorted(item.disabled_plans)}
                for item in sorted(self.add, key=lambda item: item.sku_id)
            ],
            "removeLicenses": [*sorted(self.remove)],
        }


class Deadline(NamedTuple):
    """The date with its source and certainty. ``note`` says why the date is not known.

    ``outlived`` is the end of a documented period that the mailbox has outlived. ``earliest`` is when Microsoft deletes
    it if a hold does not keep it; ``at`` is then None.
    """

    at: datetime | None = None
    source: str = "unknown"
    confidence: str = "unknown"
    note: str = ""
    outlived: datetime | None = None
    earliest: datetime | None = None


class Finding(NamedTuple):
    """One mailbox or archive at risk: a row of the audit."""

    user_id: str
    user_principal_name: str
    recipient_type: RecipientType
    reason: str
    needs: tuple[frozenset[PlanClass], ...]
    evidence: tuple[str, ...]
    deadline: Deadline
    severity: str
    days_remaining: int | None
    mailbox: Mailbox | None
    user: User | None
    disagreements: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    certain: bool = True
    """False if the mailbox may be on premises, where it cannot be lost."""
    was_shared: str = ""
    """Why it may have been a shared mailbox, in a sentence; empty where nothing says so."""


class Removal(NamedTuple):
    """When a user lost the last license with a mailbox plan, by the directory's audit log.

    ``sure``: the entry names the license. If not, it says only that some license was changed then.
    """

    at: datetime
    sure: bool


class Signals(NamedTuple):
    """What the signals say about one user. ``reconciliation`` is None if that signal is not available."""

    reconciliation: bool | None = None
    pending_delicense: datetime | None = None
    mailboxes_known: bool = True
    """Could Exchange be asked for mailboxes? If not, a missing mailbox means nothing."""
    mail_user: bool | None = False
    """Is the user a mail user in Exchange, whose mailbox is elsewhere? None where that could not be asked."""
    pending: bool = False
    """Exchange lists the user as about to lose the mailbox, with a date or without."""
    overdue: bool = False
    """Exchange says that the delay has ended: the mailbox may go at any moment."""

    @property
    def is_pending(self) -> bool:
        """Is the user listed, in whichever way?"""
        return self.pending or self.overdue or self.pending_delicense is not None
