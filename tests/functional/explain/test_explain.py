# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the explanation of a user says of signals, licenses and mailboxes, and what it costs."""

from __future__ import annotations

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError

from tests.functional.support.explain_harness import ExplainHarness, explain, section, text
from tests.functional.support.plan_harness import ALL_KINDS, EVERYBODY
from tests.functional.support.run_module import failed, start
from tests.functional.support.service_clients import clients
from tests.simulator.launch import Tenant, running
from tests.simulator.state import Json


@pytest.fixture
def env(tenant: Tenant) -> ExplainHarness:
    return ExplainHarness(tenant)


def only_mailbox(explanation: Json) -> Json:
    (row,) = explanation["mailboxes"]
    return dict(row)


# --- at risk, and why --------------------------------------------------------------------------------------------


def test_unlicensed_mailbox_has_signals_and_deadline(env: ExplainHarness) -> None:
    env.at_risk("anna", days=10)
    row = env.one("anna")
    box = only_mailbox(row)
    assert (row["at_risk"], box["at_risk"], box["reason"]) == (True, True, "no_license")
    assert row["license_reconciliation_needed"] is True
    assert (box["sku_assigned"], row["coverage"], row["pending_delicense"]) == (None, [], None)
    assert (box["deadline_source"], box["deadline_confidence"]) == ("created_plus_grace", "estimated")
    assert box["days_remaining"] in (19, 20)
    assert section(row, "Result")[0].startswith("AT RISK: no_license: the user has no license")
    assert "days left, warning (estimated, from created_plus_grace)" in section(row, "Deadline")[0]
    assert section(row, "Signals") == [
        "isLicenseReconciliationNeeded (Graph): set, so the portal waits for a license",
        "SKUAssigned (Exchange): not set",
        "pending delicense (Exchange): not listed",
        "computed coverage: no enabled plan grants a mailbox or an archive",
    ]
    assert section(row, "Licenses") == ["none"]
    assert section(row, "Rules") == ["none were given, so none was looked at (set rules)"]


def test_an_exchange_plan_that_is_off_is_named_with_its_license(env: ExplainHarness) -> None:
    env.at_risk("anna", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE"), env.held("POWER_BI_STANDARD"))
    row = env.one("anna")
    assert only_mailbox(row)["reason"] == "exchange_plan_disabled"
    (plan,) = row["exchange_plans"]
    assert (plan["plan"], plan["sku"], plan["via"]) == ("EXCHANGE_S_ENTERPRISE", "SPE_E3", "direct")
    assert (plan["status"], plan["counts"], plan["grants"]) == ("off", False, "plan2")
    assert section(row, "Licenses") == [
        "- plan2: EXCHANGE_S_ENTERPRISE of SPE_E3 (direct): switched off in this assignment",
        "without a mailbox: POWER_BI_STANDARD (direct)",
    ]


def test_a_license_in_error_is_named_with_its_error(env: ExplainHarness) -> None:
    env.at_risk("anna", env.held("SPE_E3", state="Error", error="CountViolation"))
    row = env.one("anna")
    assert only_mailbox(row)["reason"] == "license_error"
    assert row["exchange_plans"][0]["status"] == "error"
    assert "the assignment is in state Error (CountViolation)" in text(row)


def test_a_pending_delicense_is_the_exact_deadline(env: ExplainHarness) -> None:
    env.world.switches.delicensing_resiliency = True
    user = env.make.user("Anna", "anna")
    env.make.mailbox(user, "UserMailbox", pending_days=5, sku_assigned=False)
    row = env.one("anna")
    box = only_mailbox(row)
    assert (box["reason"], box["deadline_source"], box["deadline_confidence"]) == (
        "license_removed",
        "pending_delicense",
        "exact",
    )
    assert row["pending_delicense"] == box["deadline"]
    assert "pending delicense (Exchange): 20" in text(row)


def test_two_mailboxes_of_a_user_are_two_parts(env: ExplainHarness) -> None:
    upn = env.person("anna", env.held("SPE_E3"))
    user = env.world.user(upn)
    env.make.mailbox(user, "UserMailbox", soft_deleted_days=3)
    row = env.one("anna")
    assert [box["recipient_type"] for box in row["mailboxes"]] == ["user", "soft_deleted"]
    assert [box["at_risk"] for box in row["mailboxes"]] == [False, True]
    assert row["at_risk"] is True
    assert "-- 2 of 2: soft-deleted mailbox" in row["lines"]
    assert "soft_deleted_plus_30_days" in text(row)


# --- not at risk, and why not ------------------------------------------------------------------------------------


def test_a_mailbox_that_a_group_covers_names_license_and_group(env: ExplainHarness) -> None:
    env.person("ben", env.inherited("SPE_E3"))
    row = env.one("ben")
    box = only_mailbox(row)
    group = row["exchange_plans"][0]["group_id"]
    assert (row["at_risk"], box["reason"], box["deadline"]) == (False, None, None)
    assert box["verdict"] == f"EXCHANGE_S_ENTERPRISE of SPE_E3 (by group {group}) covers it"
    assert section(row, "Deadline") == []
    assert f"+ plan2: EXCHANGE_S_ENTERPRISE of SPE_E3 (by group {group}): enabled" in text(row)


def test_a_user_without_a_mailbox_has_nothing_to_lose(env: ExplainHarness) -> None:
    env.person("ben", kind=None)
    row = env.one("ben")
    assert (row["at_risk"], only_mailbox(row)["mailbox_guid"]) == (False, None)
    assert section(row, "Result") == [
        "Not at risk: Exchange shows no mailbox and no archive of this user, so there is nothing to lose."
    ]
    assert section(row, "Mailbox") == ["Exchange shows none"]


def test_flagged_user_without_a_mailbox_is_at_risk(env: ExplainHarness) -> None:
    env.make.user("Ben", "ben", reconciliation=True)
    row = env.one("ben")
    assert row["at_risk"] is True
    assert "Signals disagree: Exchange shows no mailbox of this user." in text(row)


def test_a_small_shared_mailbox_needs_no_license(env: ExplainHarness) -> None:
    env.person("shared", kind="SharedMailbox", bytes=2**30)
    box = only_mailbox(env.one("shared"))
    assert (box["at_risk"], box["needs"], box["over_50_gb"]) == (False, [], False)
    assert box["verdict"] == "a shared mailbox without an archive or a hold needs no license"
    box = only_mailbox(env.one("shared", shared_mailbox_sizes="never"))
    assert (box["at_risk"], box["over_50_gb"]) == (False, None)
    assert box["verdict"].endswith("unless it is over 50 GB, which was not measured")


def test_large_shared_mailbox_is_measured_without_usage_report(env: ExplainHarness) -> None:
    env.person("shared", kind="SharedMailbox", bytes=60 * 2**30)
    assert only_mailbox(env.one("shared"))["reason"] == "shared_over_50_gb"
    assert not [entry for entry in env.world.log if "reports" in entry["path"]]


def test_a_guest_without_a_mailbox_has_nothing_to_lose(env: ExplainHarness) -> None:
    env.make.user("Guest", "guest", user_type="Guest")
    row = env.one("guest")
    assert (row["at_risk"], only_mailbox(row)["verdict"]) == (
        False,
        "Exchange shows no mailbox and no archive of this user, so there is nothing to lose",
    )
    assert ", guest" in row["lines"][0]


def test_a_guest_with_a_mailbox_is_looked_at_like_everybody(env: ExplainHarness) -> None:
    guest = env.make.user("Guest", "guest", user_type="Guest")
    env.make.mailbox(guest, "UserMailbox", created_days=20)
    row = env.one("guest")
    assert (row["at_risk"], only_mailbox(row)["reason"]) == (True, "no_license")


def test_a_license_without_rights_keeps_a_mailbox(env: ExplainHarness) -> None:
    env.person("ben", env.held("M365_F1_COMM"))
    row = env.one("ben")
    assert (row["at_risk"], row["exchange_plans"][0]["status"]) == (False, "no_rights")
    assert "a plan of M365_F1_COMM keeps the mailbox" in text(row)


def test_a_signal_that_contradicts_the_coverage_is_shown(env: ExplainHarness) -> None:
    user = env.make.user("Ben", "ben", states=[env.held("SPE_E3")], reconciliation=True)
    env.make.mailbox(user, "UserMailbox", sku_assigned=True)
    row = env.one("ben")
    assert row["at_risk"] is False
    assert "Signals disagree: license_reconciliation_needed; but an enabled plan covers it." in text(row)


def test_what_audits_leave_out_is_explained_all_the_same(env: ExplainHarness) -> None:
    env.at_risk("anna")
    box = only_mailbox(env.one("anna", exclude=["ann?@*"]))
    assert (box["at_risk"], box["left_out"]) == (True, "exclude has 'ann?@*', which means this user")
    box = only_mailbox(env.one("anna", recipient_types=["shared"]))
    assert (box["at_risk"], box["left_out"]) == (True, "recipient_types does not have user")


# --- what cannot be known ----------------------------------------------------------------------------------------


def test_without_exchange_the_mailbox_is_unknown(env: ExplainHarness) -> None:
    env.person("anna", kind=None)
    env.person("ben", env.held("SPE_E3"))
    env.tenant.set_faults(
        {"kind": "status", "service": "exchange", "path": "InvokeCommand", "status": 403, "times": None}
    )
    found = {row["display_name"]: row for row in env.explain("anna", "ben")["explanations"]}
    assert (found["anna"]["at_risk"], found["ben"]["at_risk"]) == (None, False)
    assert section(found["anna"], "Result")[0].startswith("NOT KNOWN: Exchange could not be asked for mailboxes")
    assert set(found["anna"]["unavailable"]) >= {"exchange_sku_assigned", "exchange_soft_deleted"}
    assert "NOT AVAILABLE: " in text(found["anna"])


def test_surface_without_archives_leaves_the_archive_unknown(tenant: Tenant) -> None:
    env = ExplainHarness(tenant, exchange_api="v2")
    env.person("anna", kind=None)
    env.person("ben", env.held("SPE_E3"))
    anna, ben = env.explain("anna", "ben")["explanations"]
    assert (anna["at_risk"], ben["at_risk"]) == (None, False)
    assert "archives of mail users, soft-deleted mailboxes" in text(anna)


def test_unavailable_signals_are_named_and_others_decide(env: ExplainHarness) -> None:
    env.at_risk("anna")
    env.tenant.set_faults({"kind": "status", "service": "graph", "path": "/beta/users", "status": 404})
    row = env.one("anna")
    assert (row["at_risk"], row["license_reconciliation_needed"]) == (True, None)
    assert list(row["unavailable"]) == ["license_reconciliation_needed"]
    assert section(row, "Signals")[0] == "isLicenseReconciliationNeeded (Graph): not known"


# --- who ---------------------------------------------------------------------------------------------------------


def test_users_come_by_any_spelling_once_and_in_their_order(env: ExplainHarness) -> None:
    anna = env.make.user("anna", "anna")["id"]
    env.person("ben")
    rows = env.explain("BEN@contoso.example", anna.upper(), "anna@contoso.example")["explanations"]
    assert [row["display_name"] for row in rows] == ["ben", "anna"]


def test_missing_user_does_not_stop_other_explanations(env: ExplainHarness) -> None:
    env.at_risk("anna")
    env.person("ben")
    users = ["anna@contoso.example", "nobody@contoso.example", "ben@contoso.example", " noone@contoso.example "]
    ended = start(
        "m365_license_explanation_info",
        {"users": users, "rules": [EVERYBODY], "variable_prefix": "license_state_"},
        env.tenant.env(),
    )
    result = failed(ended)
    assert [row["display_name"] for row in result["explanations"]] == ["Anna", "ben"]
    assert result["explanations"][0]["mailboxes"][0]["decision"]["rule"] == "Everybody"
    assert result["unmatched"] == ["nobody@contoso.example", "noone@contoso.example"]
    assert result["error"]["code"] == "user_not_found"
    assert "Check the spelling" in result["error"]["hint"]
    assert result["problems"] == [
        "users: the tenant has no user 'nobody@contoso.example'",
        "users: the tenant has no user 'noone@contoso.example'",
    ]
    assert all(name in result["msg"] for name in result["unmatched"])
    assert "license_state_users" not in ended.output
    assert result["tenant"]["id"] == env.world.tenant_id


def test_who_exists_is_not_listed_as_unmatched(env: ExplainHarness) -> None:
    env.person("ben")
    assert env.explain("ben")["unmatched"] == []


def test_where_nobody_exists_nothing_is_audited(env: ExplainHarness) -> None:
    result = env.explain("nobody", rules=[EVERYBODY])
    assert (result["explanations"], result["unmatched"]) == ([], ["nobody@contoso.example"])
    assert not [entry for entry in env.world.log if "InvokeCommand" in entry["path"]]


@pytest.mark.parametrize("users", [[], ["a@b.example"] * 101])
def test_the_users_are_no_variable_of_the_role(env: ExplainHarness, users: list[str]) -> None:
    params = {"users": users, "now": "soon", "variable_prefix": "license_state_"}
    result = failed(start("m365_license_explanation_info", params, env.tenant.env()))
    assert sorted(text.partition(":")[0] for text in result["problems"]) == ["license_state_now", "users"]


@pytest.mark.parametrize(
    ("users", "problem"),
    [
        ([], "users: the list is empty; name at least one user"),
        (["anna@contoso.example", " "], "users[1]: expected a user principal name or an id, found an empty text"),
        (["a@b.example"] * 101, "users: expected at most 100, found 101; audit them instead"),
    ],
)
def test_lists_that_name_nobody_or_too_many_are_refused(env: ExplainHarness, users: list[str], problem: str) -> None:
    with env.clients() as found, pytest.raises(ConfigurationError) as caught:
        explain(found, *users)
    assert caught.value.problems == [problem]
    assert env.world.log == []


# --- the cost, and agreement with the audit ------------------------------------------------------------------------


@pytest.mark.parametrize("mailboxes", [60, 1500])
def test_one_user_costs_a_handful_of_requests_in_any_tenant(mailboxes: int) -> None:
    with running(mailboxes=mailboxes, at_risk=24, seed=4) as tenant, clients(tenant) as found:
        planted: dict[str, list[str]] = tenant.truth()["at_risk"]
        explain(found, planted["no_license_fresh"][0], rules=ALL_KINDS)
        assert found.http.requests <= 15


def test_it_agrees_with_the_audit_of_a_whole_tenant() -> None:
    with running(mailboxes=300, at_risk=60, seed=9, delicensing_resiliency=True) as tenant, clients(tenant) as found:
        planted = {user for users in tenant.truth()["at_risk"].values() for user in users}
        safe = sorted(user["id"] for user in tenant.world.users.values() if user["id"] not in planted)[:30]
        asked = sorted(planted)[:60] + safe
        rows = explain(found, *asked, rules=ALL_KINDS)["explanations"]
        assert {row["user_id"] for row in rows if row["at_risk"]} == planted & set(asked)
        for row in rows:
            counting = {plan["grants"] for plan in row["exchange_plans"] if plan["counts"]}
            assert counting == set(row["coverage"]), row["lines"]
            assert len(row["lines"]) <= 45, row["lines"]
