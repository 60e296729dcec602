# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a task fails although its work is done: what is left at risk, and what nobody could look at."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.support import processes
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.state import DIRECTORY_ROLES, EXCHANGE_ROLES, Json

LEAVERS = {
    "name": "Leavers",
    "match": {"department": "Leavers"},
    "action": "ignore",
    "reason": "They go",
    "until": "2999-12-31",
}


@contextlib.contextmanager
def without(env: PlanHarness, roles: frozenset[str] | set[str]) -> Iterator[None]:
    """As long as the block runs, the application lacks these permissions and roles."""
    before = env.world.app.roles
    env.world.app.roles = before - roles
    try:
        yield
    finally:
        env.world.app.roles = before


def audit(env: PlanHarness, status: int = 0, **params: object) -> Json:
    """The result of the module that audits."""
    chosen = {"shared_mailbox_sizes": "never", **params}
    return processes.result("exo_unlicensed_mailbox_info", chosen, env.tenant, status)


# --- incomplete audits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "fails"),
    [
        ({}, False),
        ({"fail_within_days": 3}, True),
        ({"fail_on": "critical"}, True),
        ({"fail_on": "any"}, True),
        ({"allow_incomplete": False}, True),
        ({"allow_incomplete": True}, False),
        ({"allow_incomplete": True, "fail_on": "any", "fail_within_days": 30}, False),
    ],
)
def test_an_audit_without_exchange_is_no_all_clear(
    env: PlanHarness, tmp_path: Path, options: Json, fails: bool
) -> None:
    with without(env, EXCHANGE_ROLES):
        result = audit(env, int(fails), report_dir=str(tmp_path), report_name="x", **options)
    # the whole result, and the report, are there in any case
    assert (result["mailboxes"], result["summary"]["complete"]) == ([], False)
    assert json.loads((tmp_path / "x-audit.json").read_text(encoding="utf-8"))["summary"]["complete"] is False
    if fails:
        assert result["error"]["code"] == "audit_incomplete"
        assert result["msg"].startswith("The audit is incomplete")
        for part in ("user recipients", "Exchange.ManageAsApp", "recipient_types", "allow_incomplete=true"):
            assert part in result["msg"]


def test_an_audit_without_the_users_names_the_permission(env: PlanHarness) -> None:
    env.at_risk("anna")
    with without(env, {"User.Read.All", "User.ReadWrite.All", "Directory.Read.All"}):
        error = audit(env, 1, fail_within_days=3)["error"]
    assert error["code"] == "audit_incomplete"
    assert "licenses of users" in error["message"]
    assert "User.Read.All" in error["hint"]
    assert "recipient_types" not in error["hint"], "no choice of recipients makes it complete"


def test_what_a_surface_does_not_show_is_named_with_the_ways_out(env: PlanHarness) -> None:
    error = audit(env, 1, fail_within_days=3, exchange_api="v2")["error"]
    assert error["code"] == "audit_incomplete"
    assert "exchange_api=v2 shows no archive, soft_deleted recipients" in error["hint"]
    audit(env, fail_within_days=3, exchange_api="v2", recipient_types=["user", "shared"])


@pytest.mark.parametrize("mode", ["plan", "apply"])
@pytest.mark.parametrize("check", [False, True])
def test_a_plan_of_an_incomplete_audit_fails_after_its_report(
    env: PlanHarness, tmp_path: Path, mode: str, check: bool
) -> None:
    env.at_risk("anna", days=29)
    params: Json = {"rules": [EVERYBODY], "mode": mode, "shared_mailbox_sizes": "never", "_ansible_check_mode": check}
    params |= {"report_dir": str(tmp_path), "report_name": "x"}
    with without(env, DIRECTORY_ROLES):
        result = processes.result("m365_license_plan", params, env.tenant, 1)
        assert result["error"]["code"] == "audit_incomplete"
        assert "Exchange.ManageAsApp" in result["msg"]
        assert result["summary"]["changes"] == 1
        assert (tmp_path / "x.md").exists()
        assert env.writes() == []
        processes.result("m365_license_plan", {**params, "allow_incomplete": True}, env.tenant)


# --- mailboxes at risk, of an audit -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "options", "code"),
    [
        (29, {"fail_on": "none"}, ""),
        (29, {"fail_on": "critical"}, "left_at_risk"),
        (22, {"fail_on": "critical"}, ""),
        (22, {"fail_on": "any"}, "left_at_risk"),
        (400, {"fail_on": "critical"}, "left_at_risk"),
        (400, {"fail_within_days": 0}, "deadline_too_close"),
        (29, {"fail_within_days": 0}, ""),
        (29, {"fail_within_days": 1}, "deadline_too_close"),
        (28, {"fail_within_days": 1}, ""),
        (28, {"fail_within_days": 2}, "deadline_too_close"),
    ],
)
@pytest.mark.parametrize("covered", [False, True])
def test_an_audit_fails_for_what_no_exception_covers(
    env: PlanHarness, days: int, options: Json, code: str, covered: bool
) -> None:
    env.at_risk("anna", days=days, department="Leavers" if covered else "Sales")
    fails = bool(code) and not covered
    result = audit(env, int(fails), rules=[LEAVERS, EVERYBODY], **options)
    assert result["summary"]["at_risk"] == 1
    assert result["summary"]["excepted"] == int(covered)
    exception = {"rule": "Leavers", "reason": "They go", "until": "2999-12-31"}
    assert [row["excepted"] for row in result["mailboxes"]] == [exception if covered else None]
    if fails:
        assert result["error"]["code"] == code
        assert "anna@contoso.example (no_license, " in result["alarm"][0]


@pytest.mark.parametrize(
    ("gone_days", "limit", "alarm"), [(31, 0, True), (29, 3, True), (10, 3, False), (10, 30, True)]
)
def test_soft_deleted_mailbox_near_its_date_raises_the_alarm(
    env: PlanHarness, gone_days: int, limit: int, alarm: bool
) -> None:
    env.make.mailbox(env.make.user("Gone", "gone"), "UserMailbox", soft_deleted_days=gone_days)
    result = audit(env, int(alarm), fail_within_days=limit)
    assert result["summary"]["by_severity"]["lost"] == 1
    assert not alarm or "gone@contoso.example" in result["msg"]


def test_the_alarm_says_where_the_rows_are(env: PlanHarness, tmp_path: Path) -> None:
    env.at_risk("today", days=29)
    assert "Set output_path or report_dir" in audit(env, 1, fail_within_days=3)["error"]["hint"]
    file = str(tmp_path / "rows.jsonl")
    assert f"The rows are in {file}." in audit(env, 1, fail_within_days=3, output_path=file)["error"]["hint"]
    report = audit(env, 1, fail_within_days=3, report_dir=str(tmp_path), report_name="x")["error"]["hint"]
    assert f"The rows are in {tmp_path / 'x-audit.json'}." in report


# --- exceptions of the rules --------------------------------------------------------------------------------------


def excepted(result: Json) -> list[str]:
    return [row["user_principal_name"].partition("@")[0] for row in result["mailboxes"] if row["excepted"]]


def test_first_matching_rule_decides_about_an_exception(env: PlanHarness) -> None:
    env.at_risk("anna", department="Leavers")
    env.at_risk("boss", department="Leavers", jobTitle="Boss")
    boss = {**EVERYBODY, "name": "Boss", "match": {"job_title": "Boss"}}
    assert excepted(audit(env, rules=[LEAVERS])) == ["anna", "boss"]
    assert excepted(audit(env, rules=[boss, LEAVERS])) == ["anna"]
    assert excepted(audit(env, rules=[EVERYBODY, LEAVERS])) == []
    assert excepted(audit(env)) == []


def test_an_exception_that_has_ended_covers_nobody(env: PlanHarness) -> None:
    env.at_risk("anna", days=29, department="Leavers")
    result = audit(env, 1, rules=[{**LEAVERS, "until": "2020-12-31"}], fail_on="critical")
    assert (excepted(result), result["error"]["code"]) == ([], "left_at_risk")


def test_group_exceptions_read_only_the_groups_of_rows(env: PlanHarness) -> None:
    env.at_risk("anna")
    env.at_risk("ben")
    env.group("sg-leavers", env.group("sg-inner", "anna@contoso.example"))
    plain = audit(env)["requests"]
    assert audit(env, rules=[])["requests"] == plain
    result = audit(env, rules=[{**LEAVERS, "match": {"group": "sg-leavers"}}])
    assert excepted(result) == ["anna"]
    # the SKUs, the group, and who is in it
    assert result["requests"] == plain + 3


def test_rules_with_mistakes_are_errors_of_the_audit_too(env: PlanHarness) -> None:
    rules = [{**EVERYBODY, "licenses": [{"sku": "SPE_E33"}]}, {**LEAVERS, "match": {"group": "sg-none"}}]
    result = audit(env, 1, rules=rules, variable_prefix="license_state_")
    assert result["error"]["code"] == "invalid_rules"
    assert [text.partition(":")[0] for text in result["problems"]] == [
        "license_state_rules[0].licenses[0].sku",
        "license_state_rules[1].match.group",
    ]


def test_a_user_whom_nobody_can_see_is_covered_by_no_exception(env: PlanHarness) -> None:
    env.at_risk("anna", days=29)
    everybody: Json = {**LEAVERS, "match": {}}
    with without(env, {"User.Read.All", "User.ReadWrite.All", "Directory.Read.All"}):
        result = audit(env, 1, rules=[everybody], fail_on="any", allow_incomplete=True)
    assert (excepted(result), result["error"]["code"]) == ([], "left_at_risk")


# --- mailboxes at risk, of a plan ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "fail_on", "fails"),
    [(29, "critical", True), (29, "none", False), (22, "critical", False), (22, "any", True), (400, "critical", True)],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_what_a_run_leaves_at_risk_fails_it_after_the_writes(
    env: PlanHarness, days: int, fail_on: str, fails: bool, check_mode: bool
) -> None:
    env.at_risk("anna", days=29)
    env.at_risk("protected", days=days)
    options: Json = {"fail_on": fail_on, "protected": ["protected@*"], "check_mode": check_mode}
    if not fails:
        assert env.apply(EVERYBODY, **options)["summary"]["changes"] == 1
        return
    error = env.refused(EVERYBODY, **options)
    assert error.code == "left_at_risk"
    assert "1 mailbox or archive" in error.message
    assert "1 because the user is protected. The first is protected@contoso.example (no_license, " in error.message
    assert error.partial["changed"]
    assert len(env.writes()) == int(not check_mode)


def test_the_default_of_a_plan_is_critical(env: PlanHarness) -> None:
    env.at_risk("anna", days=29)
    params: Json = {"rules": [{**EVERYBODY, "match": {"upn": "x"}}], "shared_mailbox_sizes": "never"}
    planned = processes.result("m365_license_plan", params, env.tenant)
    (warning,) = [text for text in planned["warnings"] if "stays at risk, and no exception" in text]
    failed = processes.result("m365_license_plan", {**params, "mode": "apply"}, env.tenant, 1)
    assert failed["error"]["code"] == "left_at_risk"
    assert f"contoso.onmicrosoft.com: {failed['alarm'][0]}" == warning


def test_only_current_exceptions_cover_what_a_run_leaves(env: PlanHarness) -> None:
    env.at_risk("anna", days=29, department="Leavers")
    env.apply(LEAVERS, EVERYBODY, fail_on="any")
    only_leavers = {**LEAVERS, "until": "2020-12-31"}
    assert "1 because no rule matches" in env.refused(only_leavers, fail_on="any").message


def test_a_failed_user_and_what_is_left_are_told_together(env: PlanHarness) -> None:
    env.at_risk("anna", days=29)
    user = env.world.user("anna@contoso.example")
    assert user
    env.refuse(f"{user['id']}/assignLicense", status=400, body={"error": {"code": "Bad", "message": "No."}})
    error = env.refused(EVERYBODY, fail_on="critical")
    assert error.code == "users_failed"
    assert len(error.partial["alarm"]) == 2
    assert "1 because the user failed" in error.message


def test_missing_seats_are_in_the_way_out(env: PlanHarness) -> None:
    env.at_risk("anna", days=29)
    env.at_risk("ben", days=28)
    env.seats("EXCHANGESTANDARD", 1)
    error = env.refused(EVERYBODY, fail_on="critical")
    assert "1 because no seat is left" in error.message
    assert "Seats are missing: 1 of EXCHANGESTANDARD." in error.hint
    (missing,) = error.partial["summary"]["seats_missing"]
    assert (missing["sku"], missing["seats"]) == ("EXCHANGESTANDARD", 1)
    assert missing["first"]["user_principal_name"] == "ben@contoso.example"
    assert missing["first"]["severity"] == "critical"
    assert missing["first"]["deadline"]
    assert "## Seats missing" in env.plan(EVERYBODY)["reports"]["md"]
