# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the services are asked to find: filters that find whom they should, and that the services accept."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit import filters
from ansible_collections.m365.licensing.plugins.module_utils._exchange.parsing import mailbox_from
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN, Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import is_covered, needs_of
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    MAILBOX_CLASSES,
    PlanClass,
    RecipientType,
)

from tests.simulator.opath import compile_filter

MANY = [f"00000000-0000-4000-8000-{number:012d}" for number in range(40)]


def raw(**more: Any) -> dict[str, Any]:
    """A mailbox as Exchange describes it: of a licensed person."""
    values: dict[str, Any] = {
        "RecipientTypeDetails": "UserMailbox",
        "SKUAssigned": True,
        "ArchiveStatus": "None",
        "ArchiveGuid": "00000000-0000-0000-0000-000000000000",
        "ArchiveDatabase": None,
        "LitigationHoldEnabled": False,
        "PersistedCapabilities": ["BPOS_S_Standard"],
        "UserPrincipalName": "anna@contoso.com",
        "ExternalDirectoryObjectId": MANY[0],
    }
    return values | more


def archive_of(**more: Any) -> dict[str, Any]:
    """A mail user with an archive."""
    return raw(RecipientTypeDetails="MailUser", SKUAssigned=None, ArchiveStatus="Active", **more)


ARCHIVE = {"ArchiveGuid": "a0000000-0000-4000-8000-000000000009", "ArchiveDatabase": "EURPR01DG042-db017"}
"""Of a mailbox with an archive; ArchiveStatus may still be None."""
COVERED_ARCHIVE = {**ARCHIVE, "PersistedCapabilities": ["BPOS_S_Enterprise"]}


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
        ({"RecipientTypeDetails": "SharedMailbox", **ARCHIVE}, True),
        ({"RecipientTypeDetails": "SharedMailbox", "ArchiveStatus": "Active"}, True),
        ({"RecipientTypeDetails": "RoomMailbox", "LitigationHoldEnabled": True}, True),
        ({"RecipientTypeDetails": "EquipmentMailbox", "LitigationHoldEnabled": True}, True),
        ({"PersistedCapabilities": []}, True),
        ({"PersistedCapabilities": ["BPOS_S_Archive"]}, True),
        ({"PersistedCapabilities": ["BPOS_S_Deskless"]}, False),
        ({"PersistedCapabilities": [], "RecipientTypeDetails": "SharedMailbox"}, False),
        ({"LitigationHoldEnabled": True}, True),
        (ARCHIVE, False),
        ({**ARCHIVE, "PersistedCapabilities": ["BPOS_S_Deskless"]}, True),
        ({**ARCHIVE, "PersistedCapabilities": ["BPOS_S_Deskless", "BPOS_S_ArchiveAddOn"]}, False),
        ({**ARCHIVE, "LitigationHoldEnabled": True}, True),
        ({"RecipientTypeDetails": "SharedMailbox", **COVERED_ARCHIVE}, False),
        (COVERED_ARCHIVE, False),
        ({**ARCHIVE, "PersistedCapabilities": ["BPOS_S_Standard", "BPOS_S_ArchiveAddOn"]}, False),
        ({**COVERED_ARCHIVE, "SKUAssigned": False}, True),
    ],
)
def test_mailboxes_that_exchange_is_asked_for(more: dict[str, Any], found: bool) -> None:
    assert compile_filter(filters.mailbox_candidates(BUILTIN))(raw(**more)) is found


RECORDS = {
    "BPOS_S_Enterprise": PlanClass.PLAN2,
    "BPOS_S_Standard": PlanClass.PLAN1,
    "BPOS_S_Deskless": PlanClass.KIOSK,
    "BPOS_S_ArchiveAddOn": PlanClass.ARCHIVING,
    "BPOS_S_Archive": PlanClass.ARCHIVE,
}
EVERY_RECORD = [list(some) for size in range(len(RECORDS) + 1) for some in itertools.combinations(RECORDS, size)]
PLAN2 = "efb87545-963c-4e0d-99df-69c6916d9eb0"  # EXCHANGE_S_ENTERPRISE


@pytest.mark.parametrize("capabilities", EVERY_RECORD, ids="+".join)
@pytest.mark.parametrize("stores", [{}, ARCHIVE, {"LitigationHoldEnabled": True}], ids=str)
@pytest.mark.parametrize("kind", ["UserMailbox", "SharedMailbox", "RoomMailbox", "EquipmentMailbox"])
def test_filter_leaves_out_exactly_what_is_recorded_as_covered(
    kind: str, stores: dict[str, Any], capabilities: list[str]
) -> None:
    answer = raw(RecipientTypeDetails=kind, PersistedCapabilities=capabilities, **stores)
    mailbox = mailbox_from(answer)
    assert mailbox is not None
    covered = is_covered(needs_of(mailbox), frozenset(RECORDS[word] for word in capabilities))
    assert compile_filter(filters.mailbox_candidates(BUILTIN))(answer) is not covered


def test_record_of_a_reclassified_plan_is_not_used() -> None:
    less = replace(BUILTIN, plan_classes={**BUILTIN.plan_classes, PLAN2: PlanClass.PLAN1})
    archive = raw(**COVERED_ARCHIVE)
    assert compile_filter(filters.mailbox_candidates(less))(archive)
    assert compile_filter(filters.mailbox_candidates(less))(archive | {"RecipientTypeDetails": "SharedMailbox"})
    assert not compile_filter(filters.mailbox_candidates(less))(raw()), "of Plan 1 it is as good as ever"
    assert compile_filter(filters.archive_candidates(less))(archive_of(PersistedCapabilities=["BPOS_S_Enterprise"]))
    assert not compile_filter(filters.archive_candidates(less))(archive_of(PersistedCapabilities=["BPOS_S_Archive"]))
    nothing = replace(BUILTIN, plan_classes={})
    assert compile_filter(filters.mailbox_candidates(nothing))(raw())
    assert filters.archive_candidates(nothing) == ""


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
def test_filters_and_parsers_know_the_same_kinds(kind: str) -> None:
    answer = raw(RecipientTypeDetails=kind)
    mailbox = mailbox_from(answer)
    resource = mailbox is not None and mailbox.recipient_type is not RecipientType.USER
    assert compile_filter(filters.RESOURCES)(answer) is resource
    assert compile_filter(filters.USERS)(answer) is (mailbox is not None and not resource)


@pytest.mark.parametrize(
    ("capabilities", "found"),
    [([], True), (["BPOS_S_ArchiveAddOn"], True), (["BPOS_S_Archive"], False), (["BPOS_S_Enterprise"], False)],
)
def test_archives_that_exchange_is_asked_for(capabilities: list[str], found: bool) -> None:
    assert compile_filter(filters.archive_candidates(BUILTIN))(archive_of(PersistedCapabilities=capabilities)) is found


def test_resources_are_found_by_name_in_few_long_filters() -> None:
    names = [f"o'brien{number}@contoso.com" for number in range(301)]
    texts = filters.by_upn([*names, " O'Brien0@contoso.com".lower(), names[3]])
    assert len(texts) == 3
    assert max(map(len, texts)) < 8_000
    assert sum(text.count("UserPrincipalName -eq") for text in texts) == len(names)
    shared = {"RecipientTypeDetails": "SharedMailbox"}
    for name in names:
        assert sum(compile_filter(text)(raw(UserPrincipalName=name, **shared)) for text in texts) == 1
    assert not any(compile_filter(text)(raw(UserPrincipalName=names[0])) for text in texts)
    assert filters.by_upn([]) == []


def test_graph_filter_has_every_plan_that_keeps_a_mailbox() -> None:
    text = filters.licensed_without_mailbox_plan(BUILTIN)
    assert set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", text)) == set(
        BUILTIN.plans_of({*MAILBOX_CLASSES, PlanClass.ARCHIVE, PlanClass.ARCHIVING})
    )
    assert "assignedLicenses/$count ne 0" in text
    assert "'Enabled','Warning'" in text


def longest_list(text: str) -> int:
    lists: list[str] = re.findall(r"in \(([^)]*)\)", text)
    return max(len(inside.split(",")) for inside in lists)


def test_no_list_has_more_values_than_graph_takes() -> None:
    crowded = Catalog(plan_classes=dict.fromkeys(MANY, PlanClass.PLAN1))
    texts = [
        filters.licensed_without_mailbox_plan(crowded),
        filters.held_by_no_rights(MANY[:4], crowded),
        filters.only_covered_by(MANY[0], MANY[1:]),
    ]
    for text in texts:
        assert longest_list(text) <= 15
    for plan in MANY:
        assert plan in texts[0]
        assert plan in texts[2]


def test_filter_finds_holders_of_nothing_but_no_rights() -> None:
    text = filters.held_by_no_rights(BUILTIN.no_rights_skus, BUILTIN)
    for sku_id in BUILTIN.no_rights_skus:
        assert sku_id in text
    for plan in BUILTIN.plans_of({PlanClass.KIOSK}):
        assert plan not in text, "whoever has that may have it from a SKU with rights: that is looked at later"


@pytest.mark.parametrize("value", ["x' or 1 eq 1", "", "00000000-0000-4000-8000-00000000000"])
def test_what_is_no_id_never_becomes_part_of_a_filter(value: str) -> None:
    with pytest.raises(ValueError, match="GUID"):
        filters.only_covered_by(value, [])
