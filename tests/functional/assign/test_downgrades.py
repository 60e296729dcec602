# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Plan 2 to Plan 1: refused for whose mailbox makes use of more, and for nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit import mailbox_sizes

from tests.functional.support.assign_harness import Harness
from tests.simulator import exchange_cmdlets
from tests.simulator.launch import Tenant

GB = 2**30


USES: list[tuple[dict[str, Any], str]] = [
    ({"archive": True}, "an archive"),
    ({"hold": True}, "a litigation hold"),
    ({"archive": True, "hold": True}, "an archive, a litigation hold"),
    ({"bytes": 60 * GB}, "over 50 GB"),
    ({"kind": "SharedMailbox", "bytes": 51 * GB}, "over 50 GB"),
    ({"kind": "MailUser", "archive": True}, "an archive"),
]


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(("mailbox", "word"), USES)
def test_a_swap_to_a_plan_that_is_not_enough_is_refused(
    env: Harness, mailbox: dict[str, Any], word: str, check_mode: bool
) -> None:
    anna = env.person("anna", env.held("SPE_E3"), **mailbox)
    ben = env.person("ben", env.held("SPE_E3"), bytes=GB)
    error = env.fail([anna, ben], "EXCHANGESTANDARD", state="exact", check_mode=check_mode)
    assert (error.code, error.partial) == ("would_uncover", {"changed": False, "uncovered": [anna]})
    assert f"{anna} ({word})" in error.message
    assert env.writes() == []


@pytest.mark.parametrize("local", ["emoji😀", "büro", "o'brien#%&"])
def test_whatever_the_name_its_size_is_read(env: Harness, local: str) -> None:
    upn = env.person(local, env.held("SPE_E3"), bytes=60 * GB)
    user = env.world.user(upn)
    env.make.mailbox(user, "UserMailbox", soft_deleted_days=3, bytes=GB)
    assert env.fail([upn], "EXCHANGESTANDARD", state="exact").partial["uncovered"] == [upn]


def test_who_makes_no_use_of_it_is_swapped_without_a_warning(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"), bytes=49 * GB)
    nobody = env.person("room", env.held("SPE_E3"), kind="RoomMailbox", bytes=GB)
    result = env.run([anna, nobody], "EXCHANGESTANDARD", state="exact")
    assert (env.states(anna), env.states(nobody)) == ({"EXCHANGESTANDARD": []}, {"EXCHANGESTANDARD": []})
    assert result["warnings"] == []


def test_archiving_add_on_covers_no_large_mailbox(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"), archive=True, hold=True, bytes=GB)
    ben = env.person("ben", env.held("SPE_E3"), archive=True, bytes=60 * GB)
    licenses = ["EXCHANGESTANDARD", "EXCHANGEARCHIVE_ADDON"]
    assert env.fail([anna, ben], *licenses, state="exact").partial["uncovered"] == [ben]
    assert env.run([anna], *licenses, state="exact")["changed"]


def test_what_was_not_covered_before_is_not_taken_away(env: Harness) -> None:
    anna = env.person("anna", env.held("EXCHANGESTANDARD"), env.held("EMS"), archive=True)
    assert env.run([anna], "EMS", state="absent")["changed"]


def test_whoever_allows_it_is_warned_and_nobody_is_asked(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"), archive=True)
    result = env.run([anna], "EXCHANGESTANDARD", state="exact", allow_uncovered=True)
    assert any("archive" in text and anna in text for text in result["warnings"])
    assert [entry for entry in env.tenant.requests() if entry["service"] == "exchange"] == []


def test_a_change_that_takes_nothing_away_asks_nobody(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"), env.held("EMS"), archive=True)
    env.run([anna], "EMS", state="absent")
    env.run([anna], "SPE_E5", "SPE_E3", state="present")
    assert [entry for entry in env.tenant.requests() if entry["service"] == "exchange"] == []


def test_change_is_refused_if_exchange_cannot_be_asked(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"), bytes=GB)
    env.tenant.set_faults({"kind": "status", "service": "exchange", "path": "InvokeCommand", "status": 403})
    error = env.fail([anna], "EXCHANGESTANDARD", state="exact")
    assert (error.code, error.partial["uncovered"]) == ("would_uncover", [anna])
    assert "not known" in error.message
    assert "Exchange.ManageAsApp" in error.hint
    assert "allow_uncovered" in error.hint
    assert env.writes() == []


@pytest.mark.parametrize("concealed", [False, True])
def test_many_are_measured_by_the_report_first(env: Harness, concealed: bool) -> None:
    people = [env.person(f"user{n:02}", env.held("SPE_E3"), bytes=(60 if n == 7 else 1) * GB) for n in range(30)]
    env.world.switches.report_names_concealed = concealed
    error = env.fail(people, "EXCHANGESTANDARD", state="exact")
    assert error.partial["uncovered"] == [people[7]]
    sizes = [entry for entry in env.tenant.requests() if entry.get("cmdlet") == "Get-MailboxStatistics"]
    assert len(sizes) == (30 if concealed else 1)


def test_too_many_to_measure_without_a_report_is_not_known(env: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox_sizes, "MEASURED_AT_MOST", 25)
    people = [env.person(f"user{n:02}", env.held("SPE_E3"), bytes=60 * GB) for n in range(30)]
    env.world.switches.report_names_concealed = True
    error = env.fail(people, "EXCHANGESTANDARD", state="exact")
    assert (error.code, len(error.partial["uncovered"])) == ("would_uncover", 30)
    assert "Reports.Read.All" in error.hint


@pytest.mark.parametrize("mailbox", [{"kind": None}, {"kind": "SharedMailbox", "bytes": GB}, {"kind": "MailUser"}])
def test_the_last_license_goes_where_no_mailbox_hangs_on_it(env: Harness, mailbox: dict[str, Any]) -> None:
    """Nobody has to switch the guards off for that."""
    anna = env.person("anna", env.held("SPE_E3"), **mailbox)
    assert env.run([anna], "SPE_E3", state="absent", check_mode=True)["changed"]
    assert env.run([anna], "SPE_E3", state="absent")["changed"]
    assert env.states(anna) == {}


@pytest.mark.parametrize(
    "mailbox",
    [
        {},
        {"kind": "SharedMailbox", "archive": True},
        {"kind": "SharedMailbox", "bytes": 51 * GB},
        {"kind": "MailUser", "archive": True},
    ],
)
def test_the_last_license_stays_where_one_does(env: Harness, mailbox: dict[str, Any]) -> None:
    anna = env.person("anna", env.held("SPE_E3"), **mailbox)
    error = env.fail([anna], "SPE_E3", state="absent")
    assert (error.code, error.partial) == ("would_uncover", {"changed": False, "uncovered": [anna]})
    assert env.writes() == []


def test_where_exchange_cannot_be_asked_the_last_license_stays(env: Harness) -> None:
    anna = env.person("anna", env.held("SPE_E3"), kind=None)
    env.tenant.set_faults({"kind": "status", "status": 403, "service": "exchange", "times": None})
    error = env.fail([anna], "SPE_E3", state="absent")
    assert "takes away the last one. It is not known whether these mailboxes use it" in error.message
    assert env.states(anna) == {"SPE_E3": []}


NAMELESS: list[tuple[str, dict[str, Any], str]] = [
    ("SPE_E3", {"owner_id": ""}, "a mailbox with this name and no ExternalDirectoryObjectId"),
    (
        "SPE_E3",
        {"owner_id": "0b0b0b0b-0000-4000-8000-00000000000b"},
        "a mailbox with this name and the ExternalDirectoryObjectId of another user",
    ),
    (
        "EXCHANGEARCHIVE",
        {"kind": "MailUser", "archive": True, "owner_id": ""},
        "a mailbox with this name and no ExternalDirectoryObjectId, an archive",
    ),
    ("SPE_E3", {"kind": "FooMailbox"}, "a mailbox of the unknown kind FooMailbox"),
    ("SPE_E3", {"kind": "FooMailbox", "owner_id": ""}, "a mailbox of the unknown kind FooMailbox"),
    (
        "SPE_E3",
        {"kind": "SchedulingMailbox", "hold": True},
        "a scheduling mailbox with an archive or a hold",
    ),
]


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(("sku", "mailbox", "words"), NAMELESS)
def test_last_license_stays_if_owner_of_mailbox_is_unsure(
    env: Harness, monkeypatch: pytest.MonkeyPatch, sku: str, mailbox: dict[str, Any], words: str, check_mode: bool
) -> None:
    kinds = frozenset({*exchange_cmdlets._MAILBOX_TYPES, "FooMailbox"})
    monkeypatch.setattr(exchange_cmdlets, "_MAILBOX_TYPES", kinds)
    bert = env.person("bert", env.held(sku), **mailbox)
    error = env.fail([bert], sku, state="absent", check_mode=check_mode)
    assert (error.code, error.partial["uncovered"]) == ("would_uncover", [bert])
    assert f"{bert} ({words})" in error.message
    assert env.writes() == []


@pytest.mark.parametrize(("sku", "mailbox"), [(sku, mailbox) for sku, mailbox, _words in NAMELESS[:3]])
def test_v2_cannot_rule_out_a_mailbox_and_refuses(tenant: Tenant, sku: str, mailbox: dict[str, Any]) -> None:
    env = Harness(tenant, exchange_api="v2")
    bert = env.person("bert", env.held(sku), **mailbox)
    error = env.fail([bert], sku, state="absent")
    assert (
        "It is not known whether these mailboxes use it (exchange_api: v2 has no cmdlet Get-MailUser)" in error.message
    )
    assert env.writes() == []


def test_swap_is_refused_if_mailbox_without_id_is_large(env: Harness) -> None:
    bert = env.person("bert", env.held("SPE_E3"), owner_id="", archive=True, hold=True, bytes=60 * GB)
    error = env.fail([bert], "EXCHANGESTANDARD", state="exact")
    assert "over 50 GB, an archive, a litigation hold" in error.message
    assert env.states(bert) == {"SPE_E3": []}


def test_names_are_asked_in_batches_and_only_for_downgrades(env: Harness) -> None:
    people = [env.person(f"user{n:02}", env.held("SPE_E3"), bytes=GB, owner_id="") for n in range(60)]
    gains = env.person("anna", env.held("EMS"), owner_id="")
    env.fail(people, "SPE_E3", state="absent")
    by_name = [item for item in env.tenant.requests() if "UserPrincipalName -eq" in str(item)]
    assert 0 < len(by_name) <= 4, "requests of 50 names or more, for mailboxes and for mail users"
    env.tenant.clear_requests()
    env.run([gains], "SPE_E3")
    assert [item for item in env.tenant.requests() if item["service"] == "exchange"] == []


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("kind", ["UserMailbox", "SharedMailbox"])
@pytest.mark.parametrize("extra", [[], ["EXCHANGEARCHIVE_ADDON"]])
def test_large_mailbox_gets_no_kiosk_plan_for_plan_1(
    env: Harness, kind: str, extra: list[str], check_mode: bool
) -> None:
    anna = env.person("anna", env.held("EXCHANGESTANDARD"), bytes=60 * GB, kind=kind)
    bert = env.person("bert", env.held("EXCHANGESTANDARD"), bytes=40 * GB)
    error = env.fail([anna, bert], "SPE_F1", *extra, state="exact", check_mode=check_mode)
    assert (error.code, error.partial["uncovered"]) == ("would_uncover", [anna])
    assert f"{anna} (over 50 GB)" in error.message
    assert env.writes() == []
    assert env.run([bert], "SPE_F1", *extra, state="exact", check_mode=check_mode)["changed"]


@pytest.mark.parametrize(("size", "refused"), [(40, False), (60, True)])
def test_large_shared_mailbox_keeps_its_plan_1(env: Harness, size: int, refused: bool) -> None:
    anna = env.person("anna", env.held("EXCHANGESTANDARD"), bytes=size * GB, kind="SharedMailbox")
    if refused:
        assert env.fail([anna], "EXCHANGESTANDARD", state="absent").code == "would_uncover"
    else:
        assert env.run([anna], "EXCHANGESTANDARD", state="absent")["changed"]


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(("size", "quota", "warned"), [(60, 100, True), (40, 100, False), (60, 50, False)])
def test_business_license_for_plan_1_is_a_warning_if_large(
    env: Harness, size: int, quota: int, warned: bool, check_mode: bool
) -> None:
    anna = env.person("anna", env.held("SPB"), bytes=size * GB)
    env.box(anna)["ProhibitSendReceiveQuota"] = f"{quota} GB ({quota * GB:,} bytes)"
    result = env.run([anna], "EXCHANGESTANDARD", state="exact", check_mode=check_mode)
    assert result["changed"]
    assert bool([text for text in result["warnings"] if "Business licenses" in text and anna in text]) is warned


def test_business_license_may_go_if_exchange_is_silent(env: Harness) -> None:
    env.add_sku("O365_BUSINESS_PREMIUM")
    anna = env.person("anna", env.held("O365_BUSINESS_PREMIUM"))
    env.tenant.set_faults({"kind": "status", "service": "exchange", "path": "InvokeCommand", "status": 403})
    result = env.run([anna], "EXCHANGESTANDARD", state="exact")
    assert result["changed"]
    assert any("is not known" in text and anna in text for text in result["warnings"])
