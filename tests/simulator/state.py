# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the simulated tenant: one ``World`` per process, used by one asyncio thread, so without locks.

Users, SKUs, groups and subscriptions are kept in the very JSON that Graph serves, mailboxes in that of Exchange.
A large tenant shares the nested lists and dictionaries between users (``assignedPlans``, ``assignedLicenses``,
``licenseAssignmentStates``, ``provisionedPlans``, ``onPremisesExtensionAttributes``, ``proxyAddresses``): **replace
them, never change them in place.** Keys that start with an underscore are internal and never served.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from tests.simulator.folding import folded
from tests.simulator.plan_rules import PlanRules
from tests.simulator.switches import Switches

Json = dict[str, Any]
T = TypeVar("T")

GRAPH_ROLES = frozenset(
    {
        "User.Read.All",
        "User.ReadWrite.All",
        "LicenseAssignment.Read.All",
        "LicenseAssignment.ReadWrite.All",
        "Organization.Read.All",
        "Directory.Read.All",
        "Group.Read.All",
        "GroupMember.Read.All",
        "Reports.Read.All",
    }
)
"""Application permissions of Microsoft Graph that the tenant's app has at first."""
MORE_ROLES = frozenset(
    {
        "AuditLog.Read.All",
        "Directory.ReadWrite.All",
        "Group.ReadWrite.All",
        "GroupMember.ReadWrite.All",
        "RoleManagement.ReadWrite.Directory",
        "User.DeleteRestore.All",
    }
)
"""Application permissions of Microsoft Graph that the tenant knows and that its app has not at first."""
EXCHANGE_ROLES = frozenset({"Exchange.ManageAsApp", "Exchange.ManageAsAppV2"})
"""Application permissions of Office 365 Exchange Online that the tenant's app has at first."""
DIRECTORY_ROLES = frozenset({"Exchange Recipient Administrator"})
"""Directory roles that the tenant's app has at first."""
EXCHANGE_DIRECTORY_ROLES = frozenset(
    {"Exchange Administrator", "Exchange Recipient Administrator", "Global Reader", "Global Administrator"}
)
"""Any one of these lets an app run the cmdlets that read recipients."""


@dataclass(frozen=True)
class AppIdentity:
    """The sender of a request: the application of its token with its present roles."""

    client_id: str
    roles: frozenset[str]


@dataclass
class App:
    """An app registration: credentials, application permissions and directory roles."""

    client_id: str
    client_secret: str
    roles: set[str] = field(default_factory=lambda: set(GRAPH_ROLES | EXCHANGE_ROLES | DIRECTORY_ROLES))
    certificates: dict[str, bytes] = field(default_factory=dict)
    """PEM certificates by their SHA-1 thumbprint in hex (upper case)."""
    federated_issuer: str = ""
    federated_subject: str = ""
    federated_audience: str = "api://AzureADTokenExchange"
    federated_public_key: bytes = b""
    """PEM public key of the issuer."""

    @property
    def object_id(self) -> str:
        """The id of its service principal."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, self.client_id))

    def identity(self) -> AppIdentity:
        return AppIdentity(self.client_id, frozenset(self.roles))


@dataclass
class Fault:
    """A deliberate fault for the requests that it matches, ``times`` times (None: always).

    ``service``, ``method``: equal (case-insensitive) or empty for any; ``path``: a part of the path (for batch parts
    of the part's url, with its query); ``part``: meant for a part of a ``$batch`` rather than for a request.
    """

    kind: str = "status"
    service: str = ""
    method: str = ""
    path: str = ""
    part: bool = False
    times: int | None = 1
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    seconds: float = 1.0
    """For ``slow``, ``wrong_clock``, and all kinds of ``drip``."""
    cmdlet: str = ""
    """Of Exchange; empty for any. Switches that have to be set may follow it: ``Get-Mailbox -SoftDeletedMailbox``."""
    switches: dict[str, Any] = field(default_factory=dict)
    """For ``switch``."""
    hits: int = 0


@dataclass
class Answer:
    """The response of a handler. ``body``: bytes are sent as they are, None is empty, anything else becomes JSON."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class World:
    """The whole state of the tenant."""

    tenant_id: str
    domain: str
    """A verified custom domain (``contoso.example``)."""
    initial_domain: str
    """``contoso.onmicrosoft.com``."""
    display_name: str = field(default="Contoso AG", kw_only=True)
    """The display name of the tenant."""
    app: App
    switches: Switches = field(default_factory=Switches)
    clock_offset: timedelta = timedelta(0)
    users: dict[str, Json] = field(default_factory=dict)
    """By id (lower-case GUID), in the order of creation: the user's full beta JSON."""
    upn_index: dict[str, str] = field(default_factory=dict)
    """From a lower-case userPrincipalName to the id."""
    deleted_users: dict[str, Json] = field(default_factory=dict)
    """The recycle bin, by id: users with ``deletedDateTime``; ``_name`` and ``_groups`` are what they get back."""
    skus: dict[str, Json] = field(default_factory=dict)
    """By skuId: subscribedSku."""
    plan_rules: PlanRules = field(default_factory=PlanRules)
    """Which plans exclude each other, which need others, and which accepted assignments end in an error."""
    subscriptions: list[Json] = field(default_factory=list)
    """companySubscription."""
    groups: dict[str, Json] = field(default_factory=dict)
    """By id: group, with ``_members``: ids of users and groups; ``_was_licensed``: it has been processed once."""
    group_work: list[Any] = field(default_factory=list)
    """Processing of licensed groups that is still to be done (``group_licensing.Work``)."""
    mailboxes: dict[str, Json] = field(default_factory=dict)
    """By Guid: mailboxes and mail users in Exchange's JSON; ``_bytes``: size; ``_pending_delicense``: date or None;
    ``_disconnected``: when its license went, so that no list shows it, or None."""
    mailbox_index: dict[str, list[str]] = field(default_factory=dict)
    """From a user's id to the Guids of its mailboxes."""
    organization_holds: list[str] = field(default_factory=list)
    """``InPlaceHolds`` of Get-OrganizationConfig: policies of the whole organization."""
    truth: Json = field(default_factory=dict)
    """What the generator planted: ``{"at_risk": {kind: [user ids]}, "warnings": {…}, "harmless": {…}}``."""
    faults: list[Fault] = field(default_factory=list)
    log: list[Json] = field(default_factory=list)
    """Requests: method, path, query, status (0: no answer), service, bytes."""
    changes: list[Json] = field(default_factory=list)
    """License changes that took effect, in their order: user_id, and the direct licenses before and after; where there
    is a group_id, what that group gave."""
    audits: list[Any] = field(default_factory=list)
    """License changes that the directory's audit log tells (``audit_log.Change``)."""
    origins: dict[str, str] = field(default_factory=dict)
    """Base urls by service: login, graph, exchange, reports, control, identity."""
    emptied: int = 0
    """How often a test has emptied the tenant; pending requests from before are dropped."""
    revision: int = 0
    """The number of writes, with which caches of derived values compare."""
    scratch: dict[str, Any] = field(default_factory=dict)
    """Data of handlers between requests (page cursors, stale replicas, quotas), by their keys."""
    listeners: list[Callable[[], None]] = field(default_factory=list, repr=False)
    """Functions to call when the faults have changed."""
    started: float = field(default_factory=time.monotonic, repr=False)

    def seconds(self) -> float:
        """How long the tenant has run, by its own clock."""
        return (time.monotonic() - self.started) * self.switches.clock_speed

    def now(self) -> datetime:
        """The running clock of the tenant, as ``--now`` or the control API set it."""
        return self._unset() + self.clock_offset

    def set_clock(self, moment: datetime) -> None:
        """Set the clock, which runs on."""
        self.clock_offset = moment - self._unset()

    def _unset(self) -> datetime:
        """The time without a set clock; a later one with a fast clock."""
        ahead = (self.switches.clock_speed - 1) * (time.monotonic() - self.started)
        return datetime.now(timezone.utc) + timedelta(seconds=ahead)

    def touch(self) -> None:
        """Count a write."""
        self.revision += 1

    def searched(self, key: str, search: Callable[[], T]) -> T:
        """Return the result of a search; with ``indexes`` from the cache of this key, until the next write."""
        if not self.switches.indexes:
            return search()
        revision, known = self.scratch.get("searched", (self.revision, {}))
        if revision != self.revision:
            known = {}
        self.scratch["searched"] = (self.revision, known)
        if key not in known:
            known[key] = search()
        found: T = known[key]
        return found

    def user(self, key: str) -> Json | None:
        """A user by id or userPrincipalName, in any case."""
        name = folded(key)
        found = self.users.get(name)
        return found if found is not None else self.users.get(self.upn_index.get(name, ""))

    def mailboxes_of(self, user_id: str) -> list[Json]:
        """The recipients whose ExternalDirectoryObjectId is this user."""
        return [self.mailboxes[guid] for guid in self.mailbox_index.get(user_id, ()) if guid in self.mailboxes]

    def add_user(self, user: Json) -> None:
        """Add a user and its index entry."""
        self.users[user["id"]] = user
        self.upn_index[folded(user["userPrincipalName"])] = user["id"]

    def remove_user(self, user_id: str) -> None:
        """Delete a user permanently; its mailboxes stay (see ``mailboxes``)."""
        user = self.users.pop(user_id)
        self.upn_index.pop(folded(user["userPrincipalName"]), None)
        for group in self.groups.values():
            if user_id in group["_members"]:
                group["_members"] = [member for member in group["_members"] if member != user_id]

    def add_mailbox(self, mailbox: Json) -> None:
        """Add a mailbox and its index entry."""
        self.mailboxes[mailbox["Guid"]] = mailbox
        owner = mailbox["ExternalDirectoryObjectId"]
        if owner:
            self.mailbox_index.setdefault(owner, []).append(mailbox["Guid"])

    def remove_mailbox(self, guid: str) -> None:
        """Delete a mailbox permanently."""
        self._unindex(self.mailboxes.pop(guid))

    def change_mailbox(self, mailbox: Json, change: Mapping[str, Any]) -> None:
        """New values for a mailbox. It may get the id of a user who has another one: nothing in Exchange forbids it."""
        self._unindex(mailbox)
        mailbox.update(change)
        self.add_mailbox(mailbox)

    def _unindex(self, mailbox: Json) -> None:
        owner = mailbox["ExternalDirectoryObjectId"]
        if owner:
            self.mailbox_index[owner] = [item for item in self.mailbox_index[owner] if item != mailbox["Guid"]]


def public(item: Mapping[str, Any], drop: Iterable[str] = ()) -> Json:
    """An object as it is served: without internal keys."""
    hidden = frozenset(drop)
    return {key: value for key, value in item.items() if not key.startswith("_") and key not in hidden}


def new_guid() -> str:
    """A random id, for things that no test compares (request ids)."""
    return str(uuid.uuid4())


def graph_time(moment: datetime) -> str:
    """``2026-06-15T12:00:00Z``."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def exchange_time(moment: datetime) -> str:
    """``2026-06-15T12:00:00.0000000+00:00``: Exchange writes seven fractional digits."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.0000000+00:00")


def parse_time(text: str) -> datetime:
    """Read either form, on every Python from 3.10 on. A time without offset is UTC. Raises ValueError."""
    value = text.strip()
    if value[-1:] in ("Z", "z"):
        value = value[:-1] + "+00:00"
    if "." in value:
        head, _mark, tail = value.partition(".")
        digits = len(tail) - len(tail.lstrip("0123456789"))
        value = f"{head}.{tail[:digits][:6].ljust(6, '0')}{tail[digits:]}"
    moment = datetime.fromisoformat(value)
    try:
        return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError(f"{text!r} is beyond the calendar") from None
