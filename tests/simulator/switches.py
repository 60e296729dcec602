# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switches: differences between tenants, and unverified behaviour of the services."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulator.plan_rules import TEXTS

OF_ONE_MAILBOX = frozenset({"no_statistics", "report_blank_size"})
"""Switches that name a mailbox."""
MOST = 10**9
"""The largest number of a switch."""


@dataclass
class Switches:
    """Ways in which tenants differ. Each can be given at the start (``--set key=value``) and patched later."""

    delicensing_resiliency: bool = False
    """Mailboxes of removed licenses work on, and Get-PendingDelicenseUser lists them."""
    hold_keeps_mailbox: bool = True
    """A mailbox on hold stays connected when its license goes; or Exchange disconnects it like any other."""
    resiliency_state: str = "text"
    """What Get-OrganizationConfig says of delicensing resiliency: a ``text``, or ``null``, as seen on GCC."""
    pending_delicense_due: str = "listed"
    """Whose delay has ended is in both lists of Get-PendingDelicenseUser (``listed``), or in that of
    ShowDueObjectsOnly alone (``apart``)."""
    sku_assigned_unlicensed: str = "null"
    """What SKUAssigned says of a mailbox that never had a license: ``null`` or ``false``."""
    archive_status: str = "set"
    """What ArchiveStatus says of the archive of a mailbox in the cloud: Active (``set``), or still None (``late``)."""
    page_limit: int = 0
    """The most entries on a page of users, groups and recipients, even where more are asked for; 0: no limit."""
    invoke_paging: str = "nextlink"
    """``nextlink``, or ``unlimited_only``: no links; an Unlimited call returns everything, another is cut off."""
    beta_gone: bool = False
    """Graph's beta endpoint answers 404, as in a national cloud."""
    get_by_ids: str = "allowed"
    """directoryObjects/getByIds: ``allowed``, ``403``, or ``stateless``: without ``licenseAssignmentStates``."""
    replica_lag_reads: int = 0
    """How many reads of a user after a write still show the state before it."""
    service_disables_plans: bool = False
    """After an assignment the service switches off one more plan by itself."""
    write_quota: int = 0
    """Writes per 150 seconds that Graph accepts; 0: no limit."""
    read_quota: int = 0
    """Resource units per 10 seconds that Graph accepts of reads; 0: no limit."""
    indexes: bool = False
    """What a search has found is known until the next write: it costs no more in a large tenant than in a small one."""
    clock_speed: int = 1
    """Seconds of its clock in each of ours, from its start on: what takes minutes can be measured in less."""
    token_seconds: int = 3599
    """How long a token lives."""
    secret_expired: bool = False
    """The login service answers AADSTS7000222 to the client secret."""
    license_brings_back: str = "alone"
    """Which soft-deleted mailbox comes back when its user gets a mailbox plan: ``alone``, the one of a user who had no
    such plan and has no other mailbox, or ``always``, that of any user who has a plan after the change."""
    pending_delicense_key: str = "id"
    """Who is in Get-PendingDelicenseUser has an ``ExternalDirectoryObjectId`` (``id``), or only a user principal name
    (``upn``): its output is not documented."""
    guests_with_mailboxes: bool = False
    """Some of the people whom a seed makes, at risk or not, are guests who have a UserMailbox; only at the start."""
    restored_licenses: str = "back"
    """The licenses of a user who returns from the recycle bin: they are ``back`` as far as there are seats, or
    ``gone``."""
    exchange_plans: str = "stack"
    """Several Exchange plans of one user: all of them ``stack``, or those of Midsize and Small Business exclude all
    others (``exclude_legacy``)."""
    refusal_text: str = "spaced"
    """How a refused assignment names plans: see ``plan_rules.TEXTS``."""
    retired_plans: str = "dropped"
    """A disabled plan that its SKU no longer carries: a write has ``dropped`` it, or it is ``shown`` ever after."""
    group_reads: int = 2
    """How many reads of Graph after a change of a licensed group still see what was before."""
    group_seconds: int = 0
    """How many seconds of the tenant's clock its processing takes at least."""
    group_usage_location: str = "directory"
    """A member without usage location: has that of the ``directory``, or the processing ends in a ``violation``."""
    audit_days: int = 30
    """How many days the directory's audit log keeps an entry: 30, or 7 without Entra ID P1."""
    audit_permission: str = "alone"
    """What reading the audit log takes: AuditLog.Read.All ``alone``, or ``with_directory``: Directory.Read.All too."""
    license_audit: str = "told"
    """What an entry about licenses says of them: those of before and after are ``told``, or it is ``bare``."""
    quota: str = "follows"
    """The quotas of a mailbox when its licenses change: they are those of the new plan (``follows``), or stay as they
    were (``stays``)."""
    business_quota: str = "50"
    """The quota, in GB, of a mailbox with Microsoft 365 Business Basic, Standard or Premium: ``50``, or ``100``."""
    report_names_concealed: bool = False
    """The usage reports show hashes in place of names."""
    exchange_quota: int = 30_000
    """Requests that Exchange accepts in 300 seconds; ``Rate-Limit-Limit``."""
    rate_limit_reset: str = "seconds"
    """How ``Rate-Limit-Reset`` is written: ``seconds``, or a ``time``."""
    warning_seats: str = "assignable"
    """Seats in the state ``warning``: ``assignable``, as documented, or ``refused``."""
    usage_report: str = "200"
    """The usage reports: ``200``, or ``404``, as outside of the global cloud."""
    report_blank_size: str = ""
    """The user principal name of a mailbox whose cell in the usage report is blank."""
    no_statistics: str = ""
    """The user principal name of a mailbox that nobody has ever opened: Get-MailboxStatistics gives no row of it."""
    pagination_expired: bool = False
    """Exchange refuses every page but the first as expired."""

    def update(self, values: Mapping[str, Any]) -> None:
        """Set some of them; texts are read as the type of the switch. Raises ValueError for unknown names or values."""
        types = {item.name: type(item.default) for item in dataclasses.fields(self)}
        allowed = {
            "sku_assigned_unlicensed": ("null", "false"),
            "invoke_paging": ("nextlink", "unlimited_only"),
            "get_by_ids": ("allowed", "403", "stateless"),
            "license_brings_back": ("alone", "always"),
            "archive_status": ("set", "late"),
            "pending_delicense_key": ("id", "upn"),
            "restored_licenses": ("back", "gone"),
            "group_usage_location": ("directory", "violation"),
            "audit_permission": ("alone", "with_directory"),
            "license_audit": ("told", "bare"),
            "exchange_plans": ("stack", "exclude_legacy"),
            "refusal_text": TEXTS,
            "retired_plans": ("dropped", "shown"),
            "pending_delicense_due": ("listed", "apart"),
            "resiliency_state": ("text", "null"),
            "usage_report": ("200", "404"),
            "warning_seats": ("assignable", "refused"),
            "quota": ("follows", "stays"),
            "business_quota": ("50", "100"),
            "rate_limit_reset": ("seconds", "time"),
        }
        for name, value in values.items():
            if name not in types:
                raise ValueError(f"no switch {name!r}; there are: {', '.join(sorted(types))}")
            parsed = _parse_switch(name, value, types[name])
            if name in allowed and parsed not in allowed[name]:
                raise ValueError(f"switch {name}: {value!r}, expected one of {', '.join(allowed[name])}")
            setattr(self, name, parsed)


def _parse_switch(name: str, value: Any, kind: type) -> Any:
    if kind is str:
        if not isinstance(value, (str, int, type(None))):
            raise ValueError(f"switch {name}: {value!r}, expected a text")
        words: dict[Any, str] = {None: "null", False: "false", True: "true"}
        return value if isinstance(value, str) else words.get(value, str(value))
    if kind is bool:
        if isinstance(value, bool):
            return value
        text = str(value).casefold()
        if text in ("true", "yes", "on", "1"):
            return True
        if text in ("false", "no", "off", "0"):
            return False
        raise ValueError(f"switch {name}: {value!r}, expected true or false")
    try:
        number = int(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None:
        raise ValueError(f"switch {name}: {value!r}, expected a whole number")
    if not 0 <= number <= MOST:
        raise ValueError(f"switch {name}: {value!r}, expected 0 to {MOST}")
    return number
