# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets Kiosk or Plan 1 is asked for the mailbox's size: a plan that fits is preferred, a small one warned of."""

from __future__ import annotations

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit import mailbox_sizes

from tests.functional.support.explain_harness import text
from tests.functional.support.fit_harness import (
    GB,
    KIOSK,
    KIOSK_OR_PLAN_1,
    PLAN_1_OR_2,
    STATISTICS,
    FitHarness,
    row_of,
)
from tests.functional.support.plan_harness import EVERYBODY, plan, skus
from tests.functional.support.service_clients import clients
from tests.simulator.launch import Tenant
from tests.simulator.state import Json


@pytest.fixture
def env(tenant: Tenant) -> FitHarness:
    return FitHarness(tenant)


# --- a license without a mailbox plan fits nothing -------------------------------------------------------------------

NO_MAILBOX_PLAN = ["POWER_BI_STANDARD", "EXCHANGEARCHIVE_ADDON"]


@pytest.mark.parametrize("fallback", NO_MAILBOX_PLAN)
@pytest.mark.parametrize("size", [1, 16])
@pytest.mark.parametrize(("held", "kind"), [("M365_F1_COMM", "UserMailbox"), (None, "SharedMailbox")])
def test_license_without_mailbox_plan_is_not_preferred(
    env: FitHarness, fallback: str, size: int, held: str | None, kind: str
) -> None:
    anna = env.person("anna", *([env.held(held)] if held else []), kind=kind, bytes=size * GB)
    rule = {**KIOSK, "fallback": [{"sku": fallback}]}
    options: Json = {"scope": "all_users", "allow_removals": True, "max_covered_seats": 9}
    planned = env.plan(rule, **options)
    done = env.apply(rule, **options)
    assert skus(planned) == skus(done)
    assert fallback not in env.states(anna)
    assert env.apply(rule, **options)["changed"] is False
    if skus(done):
        assert row_of(done)["too_small"] is (size == 16)


@pytest.mark.parametrize("first", NO_MAILBOX_PLAN)
def test_rule_order_stays_if_first_has_no_mailbox_plan(env: FitHarness, first: str) -> None:
    """Not even a plan that fits comes before it: the rule says in which order."""
    anna = env.person("anna", env.held("M365_F1_COMM"), bytes=GB)
    rule = {**EVERYBODY, "licenses": [{"sku": first}], "fallback": [{"sku": "SPE_F1"}]}
    env.apply(rule, scope="all_users", allow_removals=True, max_covered_seats=9)
    assert set(env.states(anna)) == {"M365_F1_COMM", first}


def test_better_plan_that_is_still_small_keeps_its_place(env: FitHarness) -> None:
    anna = env.person("anna", env.held("SPE_F1"), bytes=60 * GB)
    rule = {**EVERYBODY, "fallback": [{"sku": "POWER_BI_STANDARD"}]}
    options: Json = {"scope": "all_users", "allow_removals": True, "max_covered_seats": 9}
    env.apply(rule, **options)
    assert "POWER_BI_STANDARD" not in env.states(anna)
    assert env.apply(rule, **options)["changed"] is False


# --- a plan that is too small ----------------------------------------------------------------------------------------


def test_fitting_fallback_is_preferred_with_a_note(env: FitHarness) -> None:
    env.sized("anna", 16)
    planned = env.plan(KIOSK_OR_PLAN_1)
    row = row_of(planned)
    assert (row["action"], row["alternative"], skus(planned)) == ("license", "fallback", {"anna": ["EXCHANGESTANDARD"]})
    assert (row["too_small"], row["warnings"]) == (False, [])
    assert "licenses: the mailbox holds 16 GB, and Exchange Online Kiosk has 2 GB" in row["note"]
    assert planned["warnings"] == []
    assert env.writes() == []
    done = env.apply(KIOSK_OR_PLAN_1)
    assert (skus(done), done["summary"]["confirmed"]) == ({"anna": ["EXCHANGESTANDARD"]}, 1)
    assert row_of(done)["too_small"] is False
    again = env.apply(KIOSK_OR_PLAN_1)
    assert (again["changed"], again["users"]) == (False, [])


def test_small_plan_without_fallback_keeps_the_box_with_warning(env: FitHarness) -> None:
    env.sized("anna", 16)
    result = env.apply(KIOSK)
    row = row_of(result)
    assert (row["action"], row["status"], row["too_small"]) == ("license", "changed", True)
    (warning,) = row["warnings"]
    assert "Exchange Online Kiosk has 2 GB" in warning
    assert "the mailbox holds 16 GB" in row["note"]
    assert any("Exchange Online Kiosk has 2 GB" in item and "anna@" in item for item in result["warnings"])
    assert result["summary"]["unresolved"] == 0
    assert env.apply(KIOSK)["changed"] is False


def test_so_it_does_where_the_alternative_that_fits_has_no_seat(env: FitHarness) -> None:
    env.sized("anna", 16)
    env.seats("EXCHANGESTANDARD", 0)
    row = row_of(env.plan(KIOSK_OR_PLAN_1))
    assert (row["action"], row["alternative"], row["too_small"]) == ("license", "licenses", True)
    assert "fallback: no seat left of EXCHANGESTANDARD" in row["note"]


def test_seats_of_what_fits_go_to_whom_it_saves_first(env: FitHarness) -> None:
    env.sized("late", 16, days=2)
    env.sized("soon", 16, days=28)
    env.seats("EXCHANGESTANDARD", 1)
    assert skus(env.plan(KIOSK_OR_PLAN_1)) == {"soon": ["EXCHANGESTANDARD"], "late": ["SPE_F1"]}


@pytest.mark.parametrize(("size", "small"), [(1.5, False), (2, False), (2.1, True)])
def test_what_fits_is_no_reason_for_a_warning(env: FitHarness, size: float, small: bool) -> None:
    env.sized("anna", size)
    result = env.plan(KIOSK)
    row = row_of(result)
    assert (row["too_small"], bool(row["warnings"]), bool(result["warnings"])) == (small, small, small)


def test_who_gets_plan_2_is_not_asked_and_the_row_says_nothing(env: FitHarness) -> None:
    env.sized("anna", 16)
    env.tenant.clear_requests()
    row = row_of(env.plan({**EVERYBODY, "licenses": [{"sku": "SPE_E3"}], "fallback": [{"sku": "SPE_F1"}]}))
    assert (row["too_small"], env.measured(), env.reports()) == (None, 0, 1), "the audit asks for shared mailboxes"


def test_a_mailbox_over_50_gb_gets_plan_2_where_the_rule_has_it(env: FitHarness) -> None:
    env.sized("anna", 60)
    result = env.plan(PLAN_1_OR_2)
    assert skus(result) == {"anna": ["EXCHANGEENTERPRISE"]}
    assert "licenses: the mailbox holds 60 GB, and Exchange Online Plan 1 has 50 GB" in row_of(result)["note"]
    alone = row_of(env.plan(EVERYBODY))
    assert (alone["action"], alone["too_small"], len(alone["warnings"])) == ("license", True, 1)


# --- rights and fit --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("licenses", "fallback", "taken", "small"),
    [
        # both: what has the right and fits
        (["EXCHANGEDESKLESS"], ["EXCHANGEENTERPRISE"], ["EXCHANGEENTERPRISE"], None),
        # a right comes before the size
        (["EXCHANGESTANDARD"], ["EXCHANGEDESKLESS", "EXCHANGEARCHIVE_ADDON"],
         ["EXCHANGEARCHIVE_ADDON", "EXCHANGEDESKLESS"], True),
        # no alternative has the right: the one that fits
        (["EXCHANGEDESKLESS"], ["EXCHANGESTANDARD"], ["EXCHANGESTANDARD"], False),
        # nothing has either: survival
        (["EXCHANGEDESKLESS"], [], ["EXCHANGEDESKLESS"], True),
    ],
)  # fmt: skip
def test_mailbox_on_hold_prefers_the_right_then_the_size(
    env: FitHarness, licenses: list[str], fallback: list[str], taken: list[str], small: bool | None
) -> None:
    for name in ("EXCHANGEDESKLESS", "EXCHANGEARCHIVE_ADDON"):
        env.add_sku(name)
    upn = env.sized("anna", 16)
    env.box(upn)["LitigationHoldEnabled"] = True
    rule = {**EVERYBODY, "licenses": [{"sku": sku} for sku in licenses]}
    result = env.plan({**rule, "fallback": [{"sku": sku} for sku in fallback]} if fallback else rule)
    row = row_of(result)
    assert (row["action"], sorted(item["sku"] for item in row["add"]), row["too_small"]) == ("license", taken, small)


# --- a second run, a swap --------------------------------------------------------------------------------------------


def test_run_for_all_users_does_not_swap_to_a_too_small_plan(env: FitHarness) -> None:
    upn = env.sized("anna", 16)
    options: Json = {"scope": "all_users", "allow_removals": True}
    env.apply(KIOSK_OR_PLAN_1, **options)
    again = env.apply(KIOSK_OR_PLAN_1, **options)
    assert (again["changed"], set(env.states(upn))) == (False, {"EXCHANGESTANDARD"})
    env.box(upn)["_bytes"] = GB
    env.apply(KIOSK_OR_PLAN_1, **options)
    assert set(env.states(upn)) == {"SPE_F1"}


def test_a_swap_that_is_asked_for_by_name_is_made_with_a_warning(env: FitHarness) -> None:
    upn = env.person("anna", env.held("EXCHANGESTANDARD"), bytes=16 * GB)
    rule = {**KIOSK, "remove": ["EXCHANGESTANDARD"]}
    row = row_of(env.apply(rule, scope="all_users", allow_removals=True))
    assert (row["too_small"], set(env.states(upn))) == (True, {"SPE_F1"})
    assert any("Exchange Online Kiosk has 2 GB" in item for item in row["warnings"])


def test_a_smaller_plan_beside_a_larger_one_takes_no_room(env: FitHarness) -> None:
    env.person("anna", env.held("EXCHANGESTANDARD"), bytes=16 * GB)
    env.tenant.clear_requests()
    row = row_of(env.plan(KIOSK, scope="all_users", max_covered_seats=5, shared_mailbox_sizes="never"))
    assert (row["action"], row["too_small"], env.measured()) == ("license", None, 0)


def test_who_has_no_mailbox_is_not_asked(env: FitHarness) -> None:
    env.person("anna", kind=None)
    env.tenant.clear_requests()
    row = row_of(env.plan(KIOSK, scope="all_users", shared_mailbox_sizes="never"))
    assert (row["action"], row["too_small"], row["warnings"]) == ("license", None, [])
    assert (env.measured(), env.reports()) == (0, 0)


def test_refused_fallback_returns_to_the_smaller_license(env: FitHarness) -> None:
    """Survival first: any license that keeps the mailbox beats none."""
    upn = env.sized("anna", 16)
    env.tenant.set_faults(
        {
            "kind": "status",
            "service": "graph",
            "part": True,
            "path": "assignLicense",
            "status": 400,
            "times": 1,
            "body": {
                "error": {
                    "code": "Request_BadRequest",
                    "message": "License assignment failed because service plans 9aaf7827-d63c-4b61-89c3-182f06f82e5c, "
                    "0feaeb32-d00e-4d66-bd5a-43b5b83db82c are mutually exclusive.",
                }
            },
        }
    )
    row = row_of(env.apply(KIOSK_OR_PLAN_1))
    assert (row["status"], row["alternative"], row["too_small"]) == ("changed", "licenses", True)
    assert "fallback: " in row["note"]
    assert any("Exchange Online Kiosk has 2 GB" in item for item in row["warnings"])
    assert "SPE_F1" in env.states(upn)


# --- what it costs ---------------------------------------------------------------------------------------------------


def test_report_is_read_only_for_many_mailboxes(env: FitHarness) -> None:
    names = [env.sized(f"user{number}", 0.5) for number in range(30)]
    env.box(names[7])["_bytes"] = 16 * GB
    env.tenant.clear_requests()
    result = env.plan(KIOSK_OR_PLAN_1, shared_mailbox_sizes="never")
    assert [name for name, taken in skus(result).items() if taken == ["EXCHANGESTANDARD"]] == ["user7"]
    assert (env.reports(), env.measured()) == (1, 1)
    assert {row["too_small"] for row in result["users"]} == {False}


def test_the_report_of_the_audit_serves_plan_1(env: FitHarness) -> None:
    for number in range(30):
        env.sized(f"user{number}", 0.5)
    env.tenant.clear_requests()
    env.plan(EVERYBODY)
    assert (env.reports(), env.measured()) == (1, 0)


def test_report_decides_for_thousands_near_the_limit(env: FitHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox_sizes, "MEASURED_AT_MOST", 5)
    for number in range(20):
        env.sized(f"user{number}", 16)
    env.tenant.clear_requests()
    result = env.plan(KIOSK_OR_PLAN_1, shared_mailbox_sizes="never")
    assert set(map(tuple, skus(result).values())) == {("EXCHANGESTANDARD",)}
    assert (env.reports(), env.measured()) == (1, 5)


# --- what cannot be measured -----------------------------------------------------------------------------------------


def test_failed_measurement_is_a_warning_of_that_row(env: FitHarness) -> None:
    env.sized("anna", 16)
    env.sized("bert", 16)
    env.tenant.set_faults({"kind": "status", "status": 400, "service": "exchange", "cmdlet": STATISTICS, "times": 1})
    result = env.apply(KIOSK_OR_PLAN_1)
    assert result["summary"]["confirmed"] == 2
    unknown, known = sorted(result["users"], key=lambda row: row["too_small"] is not None)
    assert (unknown["too_small"], unknown["alternative"]) == (None, "licenses")
    assert "is not known" in unknown["warnings"][0]
    assert (known["too_small"], known["alternative"], known["warnings"]) == (False, "fallback", [])


@pytest.mark.parametrize("fault", [{"kind": "forbidden_cmdlet"}, {"kind": "status", "status": 500}], ids=str)
def test_nor_is_a_plan_lost_where_nothing_can_be_measured(env: FitHarness, fault: Json) -> None:
    env.sized("anna", 16)
    env.tenant.set_faults({**fault, "service": "exchange", "cmdlet": STATISTICS, "times": None})
    row = row_of(env.apply(KIOSK_OR_PLAN_1))
    assert (row["status"], row["too_small"], row["alternative"]) == ("changed", None, "licenses")
    (warning,) = row["warnings"]
    assert "2 GB" in warning


def test_too_many_mailboxes_without_a_report_are_a_warning(env: FitHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox_sizes, "MEASURED_AT_MOST", 5)
    env.world.switches.usage_report = "404"
    for number in range(6):
        env.sized(f"user{number}", 16)
    env.tenant.clear_requests()
    result = env.plan(KIOSK_OR_PLAN_1, shared_mailbox_sizes="never")
    assert {row["too_small"] for row in result["users"]} == {None}
    assert all(row["warnings"] for row in result["users"])
    assert (result["violations"], env.measured()) == ([], 0)


def test_the_surface_that_measures_nothing_costs_a_warning(env: FitHarness) -> None:
    env.sized("anna", 16)
    with clients(env.tenant, exchange_api="v2") as found:
        row = row_of(plan(found, [KIOSK_OR_PLAN_1], mode="plan", allow_incomplete=True))
    assert (row["action"], row["too_small"], len(row["warnings"])) == ("license", None, 1)


def test_a_disconnected_mailbox_is_unknown_and_nobody_is_asked(env: FitHarness) -> None:
    upn = env.sized("anna", 16, env.held("EXCHANGESTANDARD"))
    env.run([upn], "EXCHANGESTANDARD", state="absent", allow_uncovered=True)
    env.tenant.clear_requests()
    row = row_of(env.plan(KIOSK_OR_PLAN_1, shared_mailbox_sizes="never"))
    assert (row["action"], row["reason"], row["too_small"]) == ("license", "license_removed", None)
    assert "no list of Exchange shows the mailbox" in row["note"]
    assert row["warnings"] == []
    assert (env.measured(), env.reports()) == (0, 0)


def test_a_soft_deleted_mailbox_is_measured(env: FitHarness) -> None:
    user = env.make.user("Anna", "anna", usage_location="DE")
    env.make.mailbox(user, "UserMailbox", soft_deleted_days=10, bytes=16 * GB)
    env.world.touch()
    result = env.plan(KIOSK_OR_PLAN_1)
    assert (skus(result), row_of(result)["too_small"]) == ({"anna": ["EXCHANGESTANDARD"]}, False)


def test_a_mailbox_that_nobody_has_opened_fits(env: FitHarness) -> None:
    upn = env.sized("anna", 16)
    env.world.switches.no_statistics = upn
    row = row_of(env.plan(KIOSK))
    assert (row["too_small"], row["warnings"]) == (False, [])


# --- the explanation -------------------------------------------------------------------------------------------------


def test_the_explanation_says_what_the_plan_says(env: FitHarness) -> None:
    env.sized("anna", 16)
    for rule in (KIOSK, KIOSK_OR_PLAN_1):
        row = row_of(env.plan(rule))
        told = env.one("anna", rule)
        run = told["mailboxes"][0]["decision"]["run"]
        for key in ("action", "alternative", "note", "warnings", "add", "too_small"):
            assert run[key] == row[key]
        assert "Exchange Online Kiosk has 2 GB" in text(told)


def test_what_is_not_licensed_has_no_fit(env: FitHarness) -> None:
    told = env.one(env.sized("anna", 16), {**KIOSK, "match": {"upn": "nobody@*"}})
    assert told["mailboxes"][0]["decision"]["run"]["too_small"] is None


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (50.04, "the mailbox holds 50.04 GB, and Exchange Online Plan 1 has 50 GB"),
        (50.2, "the mailbox holds 50.2 GB, and Exchange Online Plan 1 has 50 GB"),
        (50 + 1 / GB, "the mailbox holds a little more than 50 GB, and Exchange Online Plan 1 has 50 GB"),
    ],
)
def test_size_just_over_a_limit_differs_from_it_in_words(env: FitHarness, size: float, said: str) -> None:
    env.sized("anna", size)
    assert said in row_of(env.plan(PLAN_1_OR_2))["note"]
