# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Exchange's JSON to mailboxes. Pure: no I/O, no clock."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import IncompleteAnswer, incomplete_answer
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import parse_time
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Mailbox, RecipientType

SERVICE = "Exchange Online"

_COMMON = (
    "ExternalDirectoryObjectId",
    "UserPrincipalName",
    "PrimarySmtpAddress",
    "DisplayName",
    "Guid",
    "ExchangeGuid",
    "RecipientTypeDetails",
    "SKUAssigned",
    "ArchiveStatus",
    "ArchiveGuid",
    "LitigationHoldEnabled",
    "AccountDisabled",
    "IsDirSynced",
)
MAILBOX_SELECT = ",".join(
    (
        *_COMMON,
        "ArchiveDatabase",
        "WhenMailboxCreated",
        "WhenSoftDeleted",
        "IsInactiveMailbox",
        "PersistedCapabilities",
        "InPlaceHolds",
        "ComplianceTagHoldApplied",
        "DelayHoldApplied",
        "DelayReleaseHoldApplied",
        "ProhibitSendReceiveQuota",
    )
)
"""What a Mailbox is made of."""

MAIL_USER_SELECT = ",".join((*_COMMON, "WhenCreated"))
"""The same for a mail user: no mailbox, so no time at which one was made."""

_TYPES = {
    "usermailbox": RecipientType.USER,
    "linkedmailbox": RecipientType.USER,
    "legacymailbox": RecipientType.USER,
    "sharedmailbox": RecipientType.SHARED,
    "linkedroommailbox": RecipientType.ROOM,
    "roommailbox": RecipientType.ROOM,
    "equipmentmailbox": RecipientType.EQUIPMENT,
}
# these hold no person's data or need no license
_LEFT_OUT = frozenset(
    {
        "arbitrationmailbox",
        "auditlogmailbox",
        "auxauditlogmailbox",
        "discoverymailbox",
        "groupmailbox",
        "monitoringmailbox",
        "publicfoldermailbox",
        "schedulingmailbox",
        "supervisoryreviewpolicymailbox",
        "systemattendantmailbox",
        "systemmailbox",
        "teammailbox",
    }
)
# of these it is known that they need no license, unless they have an archive or a hold [about-shared-mailboxes]
_NEED_NONE = frozenset(
    {
        "arbitrationmailbox",
        "discoverymailbox",
        "groupmailbox",
        "monitoringmailbox",
        "schedulingmailbox",
        "systemattendantmailbox",
        "systemmailbox",
    }
)
_NO_GUID = "00000000-0000-0000-0000-000000000000"
_NO_POLICIES: frozenset[str] = frozenset()
_DIGITS_MAX = 18
"""An exabyte: Python itself refuses to read thousands of digits."""
_BYTES = re.compile(r"\(([\d.,\s\u00a0]+)bytes\)", re.IGNORECASE)
_ENABLED = re.compile(r"\s*Enabled:\s*(True|False)\b", re.IGNORECASE)


def mailbox_from(raw: Mapping[str, Any], *, soft_deleted: bool = False) -> Mailbox | None:
    """One mailbox; None for the kinds that need no license, for inactive ones, and for unknown kinds."""
    kind = _TYPES.get(_kind(raw))
    if kind is None or flag(raw.get("IsInactiveMailbox")):
        return None
    return _mailbox(raw, RecipientType.SOFT_DELETED if soft_deleted else kind)


def plain_mailbox(raw: Mapping[str, Any], flagged: Collection[str]) -> tuple[str, str, bool, bool] | None:
    """A user's mailbox in use that no signal calls unlicensed: user's id, its name, has it an archive, has it a hold?

    None: read it in full, also where the service only spells things in another way. ``flagged``: ids and
    lower-case user principal names of those whom another signal calls unlicensed.
    """
    archive, hold = raw.get("ArchiveGuid"), raw.get("LitigationHoldEnabled")
    plain = (
        raw.get("RecipientTypeDetails") == "UserMailbox"
        and raw.get("SKUAssigned") is True
        and isinstance(archive, str)
        and "ArchiveDatabase" in raw
        and isinstance(hold, bool)
        and raw.get("IsInactiveMailbox") is False
    )
    user_id = text_from(raw, "ExternalDirectoryObjectId").lower() if plain else ""
    name = text_from(raw, "UserPrincipalName") if user_id else ""
    if not user_id or user_id in flagged or lowered(name) in flagged:
        return None
    return user_id, name, archive != _NO_GUID and _has_archive(raw), hold is True


def mail_user_from(raw: Mapping[str, Any]) -> Mailbox | None:
    """One mail user with an archive; None where there is no archive."""
    found = _mailbox(raw, RecipientType.ARCHIVE)
    return found if found.archive else None


def other_kind(raw: Mapping[str, Any]) -> tuple[str, str] | None:
    """Of a mailbox in use that needs no license and is of no recipient type: the user's id, and its kind in short.

    ``scheduling`` and the like. None for all other mailboxes, for those without a user, and where an archive or a hold
    may need one.
    """
    kind, user_id = _kind(raw), text_from(raw, "ExternalDirectoryObjectId").lower()
    if kind not in _NEED_NONE or not user_id or flag(raw.get("IsInactiveMailbox")) or _has_more(raw):
        return None
    return user_id, kind.removesuffix("mailbox")


def may_need_license(raw: Mapping[str, Any]) -> str:
    """The name of a scheduling mailbox in use with an archive or a hold, which no audit lists; empty for all others."""
    if _kind(raw) != "schedulingmailbox" or flag(raw.get("IsInactiveMailbox")) or not _has_more(raw):
        return ""
    return _name(raw)


def unlisted_kind(raw: Mapping[str, Any]) -> dict[str, str]:
    """What a mailbox in use is that no list shows and that may need a license, by the id and name of its user."""
    kind = unknown_type(raw)
    text = f"a mailbox of the unknown kind {kind}" if kind else "a scheduling mailbox with an archive or a hold"
    if flag(raw.get("IsInactiveMailbox")) or not (kind or may_need_license(raw)):
        return {}
    keys = (text_from(raw, "ExternalDirectoryObjectId").lower(), lowered(text_from(raw, "UserPrincipalName")))
    return {key: text for key in keys if key}


def _has_more(raw: Mapping[str, Any]) -> bool:
    return _has_archive(raw) or flag(raw.get("LitigationHoldEnabled"))


def _has_archive(raw: Mapping[str, Any]) -> bool:
    """Has a mailbox in the cloud an archive? ``ArchiveGuid`` and ``ArchiveDatabase`` together decide.

    ``ArchiveStatus`` can say None there although there is one, and is right for mailboxes on premises alone
    [KB 4486848]. It only counts where the service does not return the database.
    """
    if "ArchiveDatabase" not in raw:
        return _is_active(raw)
    return bool(raw["ArchiveDatabase"]) and bool(text_from(raw, "ArchiveGuid").strip("0-"))


def _is_active(raw: Mapping[str, Any]) -> bool:
    return text_from(raw, "ArchiveStatus").casefold() == "active"


class Pending(NamedTuple):
    """Users whose mailbox goes on a date, by user id or (without one) user principal name in lower case."""

    due: Mapping[str, datetime | None]
    """None: Exchange lists the user without a date, or with one that cannot be read."""
    nameless: int = 0
    """Entries that name no user."""


def pending_from(raws: Iterable[Mapping[str, Any]]) -> Pending:
    """What Get-PendingDelicenseUser lists. An entry without its user or its date costs that entry alone."""
    due: dict[str, datetime | None] = {}
    nameless = 0
    for raw in raws:
        key = text_from(raw, "ExternalDirectoryObjectId").lower() or lowered(text_from(raw, "UserPrincipalName"))
        if key:
            try:
                due[key] = moment(raw, "WhenDueForDelicensingUTC")
            except IncompleteAnswer:
                due[key] = None
        else:
            nameless += 1
    return Pending(due, nameless)


class Organization(NamedTuple):
    """What Get-OrganizationConfig says."""

    delayed_delicensing: bool | None = None
    """Is delicensing resiliency on? None: the service does not say."""
    holds: frozenset[str] = frozenset()
    """The retention policies that hold every mailbox, in the form of ``Mailbox.excluded_from``."""


def organization_from(raw: Mapping[str, Any]) -> Organization:
    """The only element that Get-OrganizationConfig gives.

    Of its holds those count that begin with ``mbx`` (mailboxes) or ``skp`` (conversations, which mailboxes hold).
    Others are about groups [identify a hold on an Exchange Online mailbox].
    """
    holds = (item for item in _holds(raw) if item[:3].lower() in ("mbx", "skp") and _retains(item))
    return Organization(enabled_state(raw.get("DelayedDelicensingEnabledState")), frozenset(map(_policy, holds)))


def enabled_state(value: Any) -> bool | None:
    """A state such as ``Enabled: True; …``; None for null and for every other text."""
    match = _ENABLED.match(value) if isinstance(value, str) else None
    return None if match is None else match.group(1).casefold() == "true"


def unknown_type(raw: Mapping[str, Any]) -> str | None:
    """The kind of a mailbox that is neither known to need a license nor known to need none."""
    kind = _kind(raw)
    return None if kind in _TYPES or kind in _LEFT_OUT else str(raw["RecipientTypeDetails"]).strip()


def flag(value: Any) -> bool:
    """A boolean, also where the service writes it as text."""
    return value is True or (isinstance(value, str) and value.strip().casefold() in ("true", "$true"))


def moment(raw: Mapping[str, Any], name: str) -> datetime | None:
    """A time of ``raw``. Raises IncompleteAnswer for a text that is not a time."""
    try:
        return parse_time(raw.get(name))
    except ValueError as error:
        raise _incomplete(f"{name} of {_name(raw)}: {error}") from None


def bytes_from(value: Any) -> int | None:
    """``50 GB (53,687,091,200 bytes)`` as a number of bytes; also a bare number, and ``{"Value": …}`` around either."""
    inner = value.get("Value") if isinstance(value, Mapping) else value
    if isinstance(inner, int) and not isinstance(inner, bool):
        return inner if inner >= 0 else None
    match = _BYTES.search(inner) if isinstance(inner, str) else None
    digits = re.sub(r"\D", "", match.group(1)) if match else ""
    return int(digits) if 0 < len(digits) <= _DIGITS_MAX else None


@functools.lru_cache(maxsize=64)
def _quota(text: str) -> int | None:
    """A quota in bytes: in memory once, as most mailboxes have the same."""
    return bytes_from(text)


def _mailbox(raw: Mapping[str, Any], kind: RecipientType) -> Mailbox:
    for name in ("ExternalDirectoryObjectId", "SKUAssigned", "ArchiveStatus", "LitigationHoldEnabled"):
        if name not in raw:
            raise _incomplete(f"{name} of {_name(raw)} was asked for and is missing")
    assigned = raw["SKUAssigned"]
    capabilities = raw.get("PersistedCapabilities") or []
    if isinstance(capabilities, str):
        capabilities = [capabilities]
    if not isinstance(capabilities, list):
        raise _incomplete(f"PersistedCapabilities of {_name(raw)} is not a list")
    upn, address = text_from(raw, "UserPrincipalName"), text_from(raw, "PrimarySmtpAddress")
    quota = raw.get("ProhibitSendReceiveQuota")
    return Mailbox(
        user_id=text_from(raw, "ExternalDirectoryObjectId").lower(),
        user_principal_name=upn,
        recipient_type=kind,
        guid=_guid(raw),
        display_name=text_from(raw, "DisplayName"),
        primary_smtp_address=upn if address == upn else address,  # in memory once
        # a mail user has no mailbox: it is as old as its recipient, and its archive is not older
        created=moment(raw, "WhenMailboxCreated") or moment(raw, "WhenCreated"),
        sku_assigned=None if assigned in (None, "") else flag(assigned),
        archive=_is_active(raw) if kind is RecipientType.ARCHIVE else _has_archive(raw),
        hold=flag(raw["LitigationHoldEnabled"]),
        other_hold=_other_hold(raw),
        # Unlimited says nothing of its own: then the limit of the plan counts
        quota=_quota(quota) if isinstance(quota, str) else bytes_from(quota),
        excluded_from=_excluded_from(raw),
        soft_deleted=moment(raw, "WhenSoftDeleted"),
        account_enabled=not flag(raw.get("AccountDisabled")),
        on_premises_sync=flag(raw.get("IsDirSynced")),
        capabilities=tuple(item for item in capabilities if isinstance(item, str)),
    )


def _other_hold(raw: Mapping[str, Any]) -> bool:
    """A hold of retention, of eDiscovery, or the delay after one [identify a hold on an Exchange Online mailbox]."""
    names = ("ComplianceTagHoldApplied", "DelayHoldApplied", "DelayReleaseHoldApplied")
    if any(flag(raw.get(name)) for name in names):
        return True
    return any(not item.startswith("-") and _retains(item) for item in _holds(raw))


def _excluded_from(raw: Mapping[str, Any]) -> frozenset[str]:
    """The policies of the organization from which a leading minus excludes the mailbox."""
    return frozenset(_policy(item[1:]) for item in _holds(raw) if item.startswith("-")) or _NO_POLICIES


def _holds(raw: Mapping[str, Any]) -> list[str]:
    """The entries of ``InPlaceHolds``. A single value counts as one entry, as holds only change deadlines and notes."""
    holds = raw.get("InPlaceHolds") or []
    return [text for item in (holds if isinstance(holds, list) else [holds]) if (text := str(item).strip())]


def _retains(hold: str) -> bool:
    """Is it more than a policy that only deletes? Its action is then 1."""
    return not hold.endswith(":1")


def _policy(hold: str) -> str:
    """An entry of ``InPlaceHolds`` without its action: ``mbx`` and the id of the policy."""
    return hold.partition(":")[0].lower()


def _guid(raw: Mapping[str, Any]) -> str:
    # two recipients can have one ExchangeGuid, as a restored mailbox and the soft-deleted one do
    return text_from(raw, "Guid").lower() or text_from(raw, "ExchangeGuid").lower()


def _kind(raw: Mapping[str, Any]) -> str:
    kind = text_from(raw, "RecipientTypeDetails").casefold()
    if not kind:
        raise _incomplete(f"RecipientTypeDetails of {_name(raw)} was asked for and is missing")
    return kind


def _name(raw: Mapping[str, Any]) -> str:
    names = (raw.get("UserPrincipalName"), raw.get("Guid"))
    return next((name for name in names if isinstance(name, str) and name), "an element without a name")


def text_from(raw: Mapping[str, Any], name: str) -> str:
    """A property as text, empty where it is null or missing. Raises IncompleteAnswer for an object or a list."""
    value = raw.get(name)
    if value is None:
        return ""
    if not isinstance(value, (str, int, float)):
        raise _incomplete(f"{name} of {_name(raw)} is not a text")
    return str(value).strip()


def _incomplete(what: str) -> IncompleteAnswer:
    return incomplete_answer(SERVICE, what)
