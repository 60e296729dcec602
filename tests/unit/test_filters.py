# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the services are asked to find: filters that find whom they should, and that the services accept."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils import _filters
from ansible_collections.m365.licensing.plugins.module_utils._catalog import BUILTIN, Catalog
from ansible_collections.m365.licensing.plugins.module_utils._exchange_parse import mailbox_from
from ansible_collections.m365.licensing.plugins.module_utils._models import MAILBOX_CLASSES, PlanClass, RecipientType

from tests.tenant.opath import compile_filter

MANY = [f"00000000-0000-4000-8000-{number:012d}" for number in range(40)]


def raw(**more: Any) -> dict[str, Any]:
    """A mailbox as Exchange describes it: of a licensed person."""
    values: dict[str, Any] = {
        "RecipientTypeDetails": "UserMailbox",
        "SKUAssigned": True,
        "ArchiveStatus": "None",
        "LitigationHoldEnabled": False,
        "PersistedCapabilities": ["BPOS_S_Standard"],
        "UserPrincipalName": "anna@contoso.com",
        "ExternalDirectoryObjectId": MANY[0],
    }
    return values | more


COVERED_ARCHIVE = {"ArchiveStatus": "Active", "PersistedCapabilities": ["BPOS_S_Enterprise"]}


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, False),
        ({"SKUAssigned": False}, True),
        ({"SKUAssigned": None}, True),
        ({"SKUAssigned": None, "RecipientTypeDetails": "LinkedMailbox"}, True),
        ({"SKUAssigned": None, "RecipientTypeDetails": "SharedMailbox"}, False),
        ({"SKUAssigned": None, "RecipientTypeDetails": "RoomMailbox"}, False),
        ({"SKUAssigned": None, "RecipientTypeDetails": "DiscoveryMailbox"}, False),
        ({"SKUAssigned": None, "RecipientTypeDetails": "SchedulingMailbox"}, False),
        ({"RecipientTypeDetails": "SharedMailbox", "ArchiveStatus": "Active"}, True),
        ({"RecipientTypeDetails": "RoomMailbox", "LitigationHoldEnabled": True}, True),
        ({"RecipientTypeDetails": "EquipmentMailbox", "LitigationHoldEnabled": True}, True),
        ({"PersistedCapabilities": []}, True),
        ({"PersistedCapabilities": ["BPOS_S_Archive"]}, True),
        ({"PersistedCapabilities": ["BPOS_S_Deskless"]}, False),
        ({"PersistedCapabilities": [], "RecipientTypeDetails": "SharedMailbox"}, False),
        ({"LitigationHoldEnabled": True}, True),
        ({"ArchiveStatus": "Active"}, True),
        ({"RecipientTypeDetails": "SharedMailbox", **COVERED_ARCHIVE}, False),
        ({"ArchiveStatus": "Active", "PersistedCapabilities": ["BPOS_S_Enterprise"]}, False),
        ({"ArchiveStatus": "Active", "PersistedCapabilities": ["BPOS_S_Standard", "BPOS_S_ArchiveAddOn"]}, False),
        (
            {"ArchiveStatus": "Active", "PersistedCapabilities": ["BPOS_S_Enterprise"], "SKUAssigned": False},
            True,
        ),
    ],
)
def test_mailboxes_that_exchange_is_asked_for(more: dict[str, Any], found: bool) -> None:
    assert compile_filter(_filters.MAILBOX_CANDIDATES)(raw(**more)) is found


@pytest.mark.parametrize(
    "kind",
    [
        "UserMailbox",
        "LinkedMailbox",
        "LegacyMailbox",
        "SharedMailbox",
        "RoomMailbox",
        "LinkedRoomMailbox",
        "EquipmentMailbox",
        "DiscoveryMailbox",
        "SchedulingMailbox",
        "GroupMailbox",
        "TeamMailbox",
    ],
)
def test_the_filters_know_the_kinds_that_the_reader_of_answers_knows(kind: str) -> None:
    answer = raw(RecipientTypeDetails=kind)
    mailbox = mailbox_from(answer)
    resource = mailbox is not None and mailbox.recipient_type is not RecipientType.USER
    assert compile_filter(_filters.RESOURCES)(answer) is resource
    assert compile_filter(_filters.USERS)(answer) is (mailbox is not None and not resource)


@pytest.mark.parametrize(
    ("capabilities", "found"),
    [([], True), (["BPOS_S_ArchiveAddOn"], True), (["BPOS_S_Archive"], False), (["BPOS_S_Enterprise"], False)],
)
def test_archives_that_exchange_is_asked_for(capabilities: list[str], found: bool) -> None:
    assert compile_filter(_filters.ARCHIVE_CANDIDATES)(raw(PersistedCapabilities=capabilities)) is found


def test_resources_are_found_by_name_fifty_at_a_time() -> None:
    names = [f"o'brien{number}@contoso.com" for number in range(101)]
    filters = _filters.by_upn([*names, " O'Brien0@contoso.com".lower(), names[3]])
    assert len(filters) == 3
    assert sum(text.count("UserPrincipalName -eq") for text in filters) == len(names)
    shared = {"RecipientTypeDetails": "SharedMailbox"}
    for name in names:
        assert sum(compile_filter(text)(raw(UserPrincipalName=name, **shared)) for text in filters) == 1
    assert not any(compile_filter(text)(raw(UserPrincipalName=names[0])) for text in filters)
    assert _filters.by_upn([]) == []


def test_graph_is_asked_for_every_plan_that_is_enough_by_itself_and_no_other() -> None:
    text = _filters.licensed_without_mailbox_plan(BUILTIN)
    assert set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", text)) == set(
        BUILTIN.plans_of({*MAILBOX_CLASSES, PlanClass.ARCHIVE})
    )
    assert "assignedLicenses/$count ne 0" in text
    assert "'Enabled','Warning'" in text


def longest_list(text: str) -> int:
    lists: list[str] = re.findall(r"in \(([^)]*)\)", text)
    return max(len(inside.split(",")) for inside in lists)


def test_no_list_has_more_values_than_graph_takes() -> None:
    crowded = Catalog(plan_classes=dict.fromkeys(MANY, PlanClass.PLAN1))
    texts = [
        _filters.licensed_without_mailbox_plan(crowded),
        _filters.held_by_no_rights(MANY[:4], crowded),
        _filters.hanging_on(MANY[0], MANY[1:]),
    ]
    for text in texts:
        assert longest_list(text) <= 15
    for plan in MANY:
        assert plan in texts[0]
        assert plan in texts[2]


def test_holders_of_licenses_without_rights_who_have_nothing_better() -> None:
    text = _filters.held_by_no_rights(BUILTIN.no_rights_skus, BUILTIN)
    for sku_id in BUILTIN.no_rights_skus:
        assert sku_id in text
    for plan in BUILTIN.plans_of({PlanClass.KIOSK}):
        assert plan not in text, "whoever has that may have it from a SKU with rights: that is looked at later"


@pytest.mark.parametrize("value", ["x' or 1 eq 1", "", "00000000-0000-4000-8000-00000000000"])
def test_what_is_no_id_never_becomes_part_of_a_filter(value: str) -> None:
    with pytest.raises(ValueError, match="GUID"):
        _filters.hanging_on(value, [])
