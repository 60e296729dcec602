# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``-Filter`` of Exchange: three states of a boolean, quotes, wildcards, lists, times, and refusals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.opath import FilterError, compile_filter
from tests.simulator.tests.direct_requests import Harness

ROW: dict[str, Any] = {
    "Alias": "anna",
    "DisplayName": "Anna O'Brien (50% #1) *",
    "ArchiveDatabase": "EURPR01DG042-db017",
    "ArchiveGuid": "AAAAAAAA-1111-2222-3333-BBBBBBBBBBBB",
    "EmailAddresses": ["SMTP:anna@contoso.example", "smtp:a.obrien@contoso.example"],
    "InPlaceHolds": [],
    "LitigationHoldDate": None,
    "LitigationHoldEnabled": False,
    "MailboxPlan": None,
    "PersistedCapabilities": ["BPOS_S_Standard", "BPOS_S_ArchiveAddOn"],
    "RecipientTypeDetails": "UserMailbox",
    "SKUAssigned": None,
    "WhenMailboxCreated": "2026-06-01T08:30:00.0000000+00:00",
}


@pytest.mark.parametrize(
    ("state", "fitting"),
    [
        (True, {"-eq $true", "-ne $false", "-ne $null", "-eq 'True'"}),
        (False, {"-eq $false", "-ne $true", "-ne $null"}),
        (None, {"-eq $null", "-ne $true", "-ne $false"}),
    ],
)
def test_sku_assigned_has_three_states(state: bool | None, fitting: set[str]) -> None:
    for test in ("-eq $true", "-eq $false", "-eq $null", "-ne $true", "-ne $false", "-ne $null", "-eq 'True'"):
        assert compile_filter(f"SKUAssigned {test}")({"SKUAssigned": state}) is (test in fitting), test


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("Alias -eq 'ANNA'", True),
        ("alias -EQ 'anna'", True),
        ("Alias -eq anna", True),
        ('Alias -eq "anna"', True),
        ("Alias -ne 'anna'", False),
        ("DisplayName -eq 'Anna O''Brien (50% #1) *'", True),
        ("DisplayName -like '*o''brien*'", True),
        ("DisplayName -like 'Anna'", False),
        ("DisplayName -like 'Ann?*'", False),
        ("DisplayName -like '[A]*'", False),
        ("DisplayName -notlike 'Bert*'", True),
        ("MailboxPlan -eq $null", True),
        ("MailboxPlan -ne $null", False),
        ("ArchiveGuid -eq 'aaaaaaaa-1111-2222-3333-bbbbbbbbbbbb'", True),
        ("ArchiveDatabase -ne $null", True),
        ("ArchiveDatabase -eq $null", False),
        ("ArchiveGuid -ne '00000000-0000-0000-0000-000000000000'", True),
        ("EmailAddresses -like 'smtp:a.*'", True),
        ("EmailAddresses -eq 'SMTP:A.OBRIEN@contoso.example'", True),
        ("PersistedCapabilities -eq 'BPOS_S_Standard'", True),
        ("PersistedCapabilities -ne 'BPOS_S_Standard'", False),
        ("PersistedCapabilities -ne 'BPOS_S_Enterprise'", True),
        ("InPlaceHolds -eq $null", True),
        ("PersistedCapabilities -ne $null", True),
        ("WhenMailboxCreated -gt '2026-05-31'", True),
        ("WhenMailboxCreated -lt '2026-06-01T08:30:00Z'", False),
        ("WhenMailboxCreated -ge '2026-06-01T10:30:00+02:00'", True),
        ("LitigationHoldDate -lt '2030-01-01'", False),
        ("LitigationHoldDate -eq $null", True),
        ("-not (LitigationHoldEnabled -eq $true)", True),
        ("Alias -eq 'x' -or Alias -eq 'y' -or Alias -eq 'anna'", True),
        # -and binds more than -or.
        ("Alias -eq 'anna' -or Alias -eq 'x' -and Alias -eq 'y'", True),
        ("(Alias -eq 'anna' -or Alias -eq 'x') -and Alias -eq 'y'", False),
        ("((RecipientTypeDetails -eq 'UserMailbox') -and (SKUAssigned -ne $true))", True),
    ],
)
def test_meaning(text: str, fits: bool) -> None:
    assert compile_filter(text)(ROW) is fits


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Alias",
        "Alias -eq",
        "Alias eq 'x'",
        "Alias -eq 'O'Brien'",
        "Alias -eq 'x",
        "(Alias -eq 'x'",
        "Alias -eq 'x' -and",
        "Alias -between 'x'",
        "ShoeSize -eq '46'",
        "ProhibitSendReceiveQuota -eq '50 GB'",
        "SKUAssigned -eq 'perhaps'",
        "SKUAssigned -gt $true",
        "SKUAssigned -like 'T*'",
        "ArchiveGuid -like 'aaaa*'",
        "ArchiveDatabase -eq 'EURPR01DG042-db017'",
        "ArchiveDatabase -like 'EUR*'",
        "WhenMailboxCreated -gt 'yesterday'",
        "WhenMailboxCreated -gt $null",
        "PersistedCapabilities -gt 'x'",
        "Alias -gt 'x'",
        "🚀 -eq 'x'",
    ],
)
def test_refusals(text: str) -> None:
    with pytest.raises(FilterError):
        compile_filter(text)


@pytest.mark.parametrize("cmdlet", ["Get-Mailbox", "Get-MailUser"])
def test_a_refusal_names_the_property_in_what_exchange_answers(cmdlet: str) -> None:
    answer = Harness().cmdlet(cmdlet, {"Filter": "ShoeSize -eq '46'"})
    assert (answer.status, answer.message) == (400, "Invalid Operation")
    assert "'ShoeSize' is not a recognized filterable property" in answer.reason
