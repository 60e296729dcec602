# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Exchange's JSON to mailboxes. Pure: no I/O, no clock."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._errors import IncompleteAnswer
from ansible_collections.m365.licensing.plugins.module_utils._models import Mailbox, RecipientType
from ansible_collections.m365.licensing.plugins.module_utils._times import parse_time

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
    (*_COMMON, "WhenMailboxCreated", "WhenSoftDeleted", "IsInactiveMailbox", "PersistedCapabilities")
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
_BYTES = re.compile(r"\(([\d.,\s\u00a0]+)bytes\)", re.IGNORECASE)


def mailbox_from(raw: Mapping[str, Any], *, soft_deleted: bool = False) -> Mailbox | None:
    """One mailbox; None for the kinds that need no license, for inactive ones, and for kinds never heard of."""
    kind = _TYPES.get(_kind(raw))
    if kind is None or flag(raw.get("IsInactiveMailbox")):
        return None
    return _mailbox(raw, RecipientType.SOFT_DELETED if soft_deleted else kind)


def usual_mailbox(raw: Mapping[str, Any], flagged: Collection[str]) -> tuple[str, bool] | None:
    """A user's mailbox in use that no signal calls unlicensed: the user's id, and whether it has an archive or a hold.

    None: it takes a closer look, also where the service only spells things in another way. ``flagged``: ids and
    case-folded user principal names of those whom another signal calls unlicensed.
    """
    archive, hold = raw.get("ArchiveStatus"), raw.get("LitigationHoldEnabled")
    usual = (
        raw.get("RecipientTypeDetails") == "UserMailbox"
        and raw.get("SKUAssigned") is True
        and archive in ("None", "Active")
        and isinstance(hold, bool)
        and raw.get("IsInactiveMailbox") is False
    )
    user_id = _text(raw, "ExternalDirectoryObjectId").lower() if usual else ""
    if not user_id or user_id in flagged or _text(raw, "UserPrincipalName").casefold() in flagged:
        return None
    return user_id, archive == "Active" or hold is True


def mail_user_from(raw: Mapping[str, Any]) -> Mailbox | None:
    """One mail user with an archive; None where there is no archive."""
    found = _mailbox(raw, RecipientType.ARCHIVE)
    return found if found.archive else None


def unknown_type(raw: Mapping[str, Any]) -> str | None:
    """The kind of a mailbox that is neither known to need a license nor known to need none."""
    kind = _kind(raw)
    return None if kind in _TYPES or kind in _LEFT_OUT else str(raw["RecipientTypeDetails"]).strip()


def flag(value: Any) -> bool:
    """A boolean, also where the service writes it as text."""
    return value is True or (isinstance(value, str) and value.strip().casefold() in ("true", "$true"))


def moment(raw: Mapping[str, Any], name: str) -> datetime | None:
    """A time of ``raw``. Raises IncompleteAnswer for a text that is none."""
    try:
        return parse_time(raw.get(name))
    except ValueError as error:
        raise _incomplete(f"{name} of {_name(raw)}: {error}") from None


def bytes_from(value: Any) -> int | None:
    """``50 GB (53,687,091,200 bytes)`` as a number of bytes; also a bare number, and ``{"Value": …}`` around either."""
    if isinstance(value, Mapping):
        return bytes_from(value.get("Value"))
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _BYTES.search(value) if isinstance(value, str) else None
    digits = re.sub(r"\D", "", match.group(1)) if match else ""
    return int(digits) if digits else None


def _mailbox(raw: Mapping[str, Any], kind: RecipientType) -> Mailbox:
    for name in ("ExternalDirectoryObjectId", "SKUAssigned", "ArchiveStatus", "LitigationHoldEnabled"):
        if name not in raw:
            raise _incomplete(f"{name} of {_name(raw)} was asked for and is missing")
    assigned = raw["SKUAssigned"]
    capabilities = raw.get("PersistedCapabilities") or ()
    return Mailbox(
        user_id=_text(raw, "ExternalDirectoryObjectId").lower(),
        user_principal_name=_text(raw, "UserPrincipalName"),
        recipient_type=kind,
        guid=_guid(raw),
        display_name=_text(raw, "DisplayName"),
        primary_smtp_address=_text(raw, "PrimarySmtpAddress"),
        # a mail user has no mailbox: it is as old as its recipient, and its archive is not older
        created=moment(raw, "WhenMailboxCreated") or moment(raw, "WhenCreated"),
        sku_assigned=None if assigned in (None, "") else flag(assigned),
        archive=_text(raw, "ArchiveStatus").casefold() == "active",
        hold=flag(raw["LitigationHoldEnabled"]),
        soft_deleted=moment(raw, "WhenSoftDeleted"),
        account_enabled=not flag(raw.get("AccountDisabled")),
        on_premises_sync=flag(raw.get("IsDirSynced")),
        capabilities=tuple(str(item) for item in ([capabilities] if isinstance(capabilities, str) else capabilities)),
    )


def _guid(raw: Mapping[str, Any]) -> str:
    # a mail user's ExchangeGuid is zeros
    found = _text(raw, "ExchangeGuid").lower()
    return found if found.strip("0-") else _text(raw, "Guid").lower()


def _kind(raw: Mapping[str, Any]) -> str:
    kind = _text(raw, "RecipientTypeDetails").casefold()
    if not kind:
        raise _incomplete(f"RecipientTypeDetails of {_name(raw)} was asked for and is missing")
    return kind


def _name(raw: Mapping[str, Any]) -> str:
    return _text(raw, "UserPrincipalName") or _text(raw, "Guid") or "an element without a name"


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    return "" if value is None else str(value).strip()


def _incomplete(message: str) -> IncompleteAnswer:
    return IncompleteAnswer(f"Exchange Online: {message}.", code="incomplete_answer", service="Exchange Online")
