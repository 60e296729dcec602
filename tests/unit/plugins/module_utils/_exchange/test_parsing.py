# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Exchange's JSON to mailboxes."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import IncompleteAnswer
from ansible_collections.m365.licensing.plugins.module_utils._exchange import parsing as exchange
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType

NOON = datetime(2026, 6, 15, 12, 0, tzinfo=timezone.utc)
USER_ID = "11111111-2222-3333-4444-555555555555"


def raw_mailbox(**more: Any) -> dict[str, Any]:
    """A mailbox as Exchange answers for MAILBOX_SELECT."""
    return {
        "ExternalDirectoryObjectId": USER_ID.upper(),
        "UserPrincipalName": "anna@contoso.com",
        "PrimarySmtpAddress": "anna@contoso.com",
        "DisplayName": "Anna",
        "Guid": "A0000000-0000-4000-8000-000000000001",
        "ExchangeGuid": "A0000000-0000-4000-8000-000000000002",
        "RecipientTypeDetails": "UserMailbox",
        "SKUAssigned": None,
        "ArchiveStatus": "None",
        "ArchiveGuid": "00000000-0000-0000-0000-000000000000",
        "ArchiveDatabase": None,
        "LitigationHoldEnabled": False,
        "AccountDisabled": False,
        "IsDirSynced": False,
        "WhenMailboxCreated": "2025-08-08T18:39:16.1234567+00:00",
        "WhenSoftDeleted": None,
        "IsInactiveMailbox": False,
        "PersistedCapabilities": [],
    } | more


def test_a_mailbox() -> None:
    found = exchange.mailbox_from(raw_mailbox(PersistedCapabilities=["BPOS_S_Enterprise"], SKUAssigned=True))
    assert found is not None
    assert found.user_id == USER_ID
    assert found.recipient_type is RecipientType.USER
    assert found.guid == "a0000000-0000-4000-8000-000000000001"
    assert found.created == datetime(2025, 8, 8, 18, 39, 16, 123456, tzinfo=timezone.utc)
    assert found.capabilities == ("BPOS_S_Enterprise",)
    assert found.sku_assigned is True


def test_annotations_change_nothing_and_a_recipient_may_be_older() -> None:
    plain = raw_mailbox(SKUAssigned=True)
    more = {
        "Guid@data.type": "System.Guid",
        "Guid@odata.type": "#Guid",
        "PersistedCapabilities@odata.type": "#Collection(String)",
        "WhenMailboxCreated@data.type": "System.DateTime",
        "WhenCreated": "2025-01-02T03:04:05.0000000+00:00",
        "Identity": "anna",
    }
    assert exchange.mailbox_from({**more, **plain}) == exchange.mailbox_from(plain)
    assert exchange.plain_mailbox({**more, **plain}, ()) == (USER_ID, "anna@contoso.com", False, False)
    premises = raw_mailbox(RecipientTypeDetails="MailUser", ArchiveStatus="Active", WhenMailboxCreated=None) | more
    found = exchange.mail_user_from(premises)
    assert found is not None
    assert found.created == datetime(2025, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def test_a_mailbox_without_its_own_id_has_that_of_its_store() -> None:
    found = exchange.mailbox_from(raw_mailbox(Guid=None))
    assert found is not None
    assert found.guid == "a0000000-0000-4000-8000-000000000002"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("UserMailbox", RecipientType.USER),
        ("usermailbox", RecipientType.USER),
        ("SharedMailbox", RecipientType.SHARED),
        ("RoomMailbox", RecipientType.ROOM),
        ("EquipmentMailbox", RecipientType.EQUIPMENT),
        ("SchedulingMailbox", None),
        ("DiscoveryMailbox", None),
        ("ArbitrationMailbox", None),
        ("MonitoringMailbox", None),
        ("GroupMailbox", None),
    ],
)
def test_kinds_of_mailboxes(kind: str, expected: RecipientType | None) -> None:
    raw = raw_mailbox(RecipientTypeDetails=kind)
    found = exchange.mailbox_from(raw)
    assert (found.recipient_type if found else None) is expected
    assert exchange.unknown_type(raw) is None


def test_a_kind_that_nobody_knows_is_named() -> None:
    raw = raw_mailbox(RecipientTypeDetails="HologramMailbox")
    assert exchange.mailbox_from(raw) is None
    assert exchange.unknown_type(raw) == "HologramMailbox"


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), (False, False), (None, None), ("", None), ("True", True), ("False", False)]
)
def test_sku_assigned_has_three_states(value: Any, expected: bool | None) -> None:
    found = exchange.mailbox_from(raw_mailbox(SKUAssigned=value))
    assert found is not None
    assert found.sku_assigned is expected


def test_inactive_mailboxes_are_left_out_soft_deleted_are_dated() -> None:
    assert exchange.mailbox_from(raw_mailbox(IsInactiveMailbox=True)) is None
    gone = exchange.mailbox_from(raw_mailbox(WhenSoftDeleted="2026-06-15T12:00:00Z"), soft_deleted=True)
    assert gone is not None
    assert gone.recipient_type is RecipientType.SOFT_DELETED
    assert gone.soft_deleted == NOON


ARCHIVE_GUID, DATABASE = "a0000000-0000-4000-8000-000000000009", "EURPR01DG042-db017"


@pytest.mark.parametrize(
    ("more", "archive"),
    [
        ({"ArchiveGuid": ARCHIVE_GUID, "ArchiveDatabase": DATABASE}, True),
        ({"ArchiveGuid": ARCHIVE_GUID, "ArchiveDatabase": DATABASE, "ArchiveStatus": "Active"}, True),
        # the GUID stays when an archive is switched off
        ({"ArchiveGuid": ARCHIVE_GUID}, False),
        ({"ArchiveGuid": ARCHIVE_GUID, "ArchiveDatabase": ""}, False),
        ({"ArchiveDatabase": DATABASE}, False),
        ({"ArchiveStatus": "Active"}, False),
        ({"ArchiveGuid": "", "ArchiveDatabase": DATABASE}, False),
        ({"ArchiveGuid": None, "ArchiveDatabase": DATABASE}, False),
        ({"ArchiveGuid": ARCHIVE_GUID.upper(), "ArchiveDatabase": {"Name": DATABASE}}, True),
    ],
)
def test_guid_and_database_decide_whether_there_is_an_archive(more: dict[str, Any], archive: bool) -> None:
    raw = raw_mailbox(SKUAssigned=True, **more)
    assert getattr(exchange.mailbox_from(raw), "archive", None) is archive
    plain = exchange.plain_mailbox(raw, ())
    assert plain in ((USER_ID, "anna@contoso.com", archive, False), None)
    assert plain is not None or not isinstance(raw["ArchiveGuid"], str), "None: not plain"
    scheduling = raw | {"RecipientTypeDetails": "SchedulingMailbox"}
    assert bool(exchange.may_need_license(scheduling)) is archive


@pytest.mark.parametrize(("status", "archive"), [("Active", True), ("None", False)])
def test_the_archive_status_counts_without_the_database(status: str, archive: bool) -> None:
    raw = raw_mailbox(SKUAssigned=True, ArchiveStatus=status, ArchiveGuid=ARCHIVE_GUID)
    del raw["ArchiveDatabase"]
    assert getattr(exchange.mailbox_from(raw), "archive", None) is archive
    assert exchange.plain_mailbox(raw, ()) is None, "not plain"


def test_an_archive_of_an_on_premises_mailbox_must_be_active() -> None:
    premises = {"RecipientTypeDetails": "MailUser", "ArchiveGuid": ARCHIVE_GUID}
    assert exchange.mail_user_from(raw_mailbox(**premises)) is None
    found = exchange.mail_user_from(raw_mailbox(**premises, ArchiveStatus="Active"))
    assert found is not None
    assert found.recipient_type is RecipientType.ARCHIVE


@pytest.mark.parametrize(
    "key",
    ["ExternalDirectoryObjectId", "RecipientTypeDetails", "SKUAssigned", "ArchiveStatus", "LitigationHoldEnabled"],
)
def test_a_mailbox_that_lacks_what_decides_is_an_error(key: str) -> None:
    raw = raw_mailbox()
    del raw[key]
    with pytest.raises(IncompleteAnswer, match=key):
        exchange.mailbox_from(raw)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("50 GB (53,687,091,200 bytes)", 53687091200),
        ("50,5 GB (53.687.091.200 bytes)", 53687091200),
        ("50 GB (53\u00a0687\u00a0091\u00a0200 bytes)", 53687091200),
        ({"IsUnlimited": False, "Value": "1 KB (1,024 bytes)"}, 1024),
        (1024, 1024),
        ("Unlimited", None),
        (None, None),
        (True, None),
    ],
)
def test_sizes(value: Any, expected: int | None) -> None:
    assert exchange.bytes_from(value) == expected
