# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From rules to licenses in a tenant: who is looked at, who gets what, what stops a plan, what a second run does."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit import mailbox_sizes
from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import to_plain

from tests.functional.support.plan_harness import (
    ALL_KINDS,
    EVERYBODY,
    PlanHarness,
    actions,
    names,
    plan,
    skus,
)
from tests.functional.support.service_clients import clients
from tests.simulator.launch import running
from tests.simulator.state import Json

E3 = {**EVERYBODY, "name": "E3", "licenses": [{"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]}]}


# --- the whole job ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "switches"),
    [
        (1, {}),
        (2, {"delicensing_resiliency": True, "sku_assigned_unlicensed": "false"}),
        (3, {"replica_lag_reads": 1, "service_disables_plans": True}),
    ],
)
def test_run_saves_all_at_risk_and_second_run_changes_nothing(seed: int, switches: Json) -> None:
    with running(mailboxes=120, at_risk=24, seed=seed, **switches) as tenant, clients(tenant) as found:
        planted = {user for users in tenant.truth()["at_risk"].values() for user in users}
        first = plan(found, ALL_KINDS, mode="apply")
        assert {row["user_id"] for row in first["users"]} == planted
        assert (first["changed"], first["summary"]["confirmed"], first["summary"]["unresolved"]) == (True, 24, 0)
        second = plan(found, ALL_KINDS, mode="apply")
        assert (second["changed"], second["users"], second["summary"]["changes"]) == (False, [], 0)


def test_check_mode_predicts_what_the_run_does(env: PlanHarness) -> None:
    env.at_risk("anna", usageLocation=None)
    env.at_risk("bert", env.held("POWER_BI_STANDARD"))
    env.at_risk("carl", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE", "SWAY"))
    env.at_risk("dora", days=400)
    env.seats("SPE_E3", 2)
    rules = [{**E3, "fallback": [{"sku": "EXCHANGESTANDARD"}]}]
    predicted = env.apply(*rules, check_mode=True)
    assert env.writes() == []
    done = env.apply(*rules)
    assert len(env.writes()) == 5  # four assignments and one usage location
    for key in ("changed", "diff", "violations"):
        assert predicted[key] == done[key]
    assert [row["confirmation"] for row in done["users"]] == ["confirmed"] * 4
    assert [{**row, "confirmation": ""} for row in done["users"]] == predicted["users"]


def test_plan_mode_writes_nothing_and_says_what_it_would_write(env: PlanHarness) -> None:
    env.at_risk("anna", usageLocation=None, country="Austria")
    result = env.plan(E3)
    assert (result["changed"], result["summary"]["applied"], names(result, "planned")) == (False, False, ["anna"])
    row = result["users"][0]
    assert (row["usage_location"], row["rule"], row["why"]) == ("AT", "E3", "it matches every user")
    assert row["after"]["licenses"][0]["disabled_plans"] == ["YAMMER_ENTERPRISE"]
    assert result["diff"] == {"before": "", "after": ""}
    assert env.writes() == []


def test_the_report_says_what_was_planned_and_what_was_done(env: PlanHarness) -> None:
    env.at_risk("anna")
    env.at_risk("bert")
    rules = [{**EVERYBODY, "match": {"upn": "anna@*"}}]
    text = env.plan(*rules)["reports"]["md"]
    assert "**1 user** of 2 would be changed." in text
    assert "## To be licensed (1)" in text
    assert "## No rule matches (1)" in text
    text = env.apply(*rules)["reports"]["md"]
    assert "**1 user** of 2 was changed: 1 read back." in text
    assert "## Licensed, and read back (1)" in text


# --- who is looked at ------------------------------------------------------------------------------------------------


def test_users_whom_no_rule_matches_are_named(env: PlanHarness) -> None:
    env.at_risk("anna", department="Sales")
    env.at_risk("bert", department="Legal")
    result = env.apply({**EVERYBODY, "match": {"department": "Sales"}})
    assert actions(result) == {"anna": "license", "bert": "unmatched"}
    assert result["warnings"] == ["Still at risk, because no rule matches: bert@contoso.example."]
    assert result["summary"]["unresolved"] == 1
    assert result["unmatched"] == ["bert@contoso.example"]


def test_safe_users_without_a_rule_are_returned_by_name_only(env: PlanHarness) -> None:
    env.at_risk("anna", department="Legal")
    env.person("bert", env.held("EXCHANGESTANDARD"))
    result = env.plan({**EVERYBODY, "match": {"upn": "nobody@*"}}, scope="all_users")
    assert actions(result) == {"anna": "unmatched"}
    assert result["unmatched"] == ["anna@contoso.example", "bert@contoso.example"]
    assert "## No rule matches (1)" in result["reports"]["md"]
    assert "\n1 user is matched by no rule and is not at risk; the JSON report names" in result["reports"]["md"]


def test_an_exception_holds_until_its_last_day(env: PlanHarness) -> None:
    env.at_risk("anna")
    rule = {"name": "Later", "match": {}, "action": "ignore", "reason": "moves", "until": "2026-06-30"}
    result = env.plan(rule, EVERYBODY, now="2026-06-30T23:00:00Z")
    assert actions(result) == {"anna": "ignore"}
    assert result["users"][0]["note"] == "moves (until 2026-06-30)"
    assert result["warnings"] == []
    result = env.plan(rule, EVERYBODY, now="2026-07-01T00:00:00Z")
    assert actions(result) == {"anna": "license"}
    assert result["summary"]["expired_exceptions"] == {"Later": 1}


@pytest.mark.parametrize("strategy", ["auto", "filtered"])
def test_all_users_are_those_without_a_mailbox_too_but_no_guests(env: PlanHarness, strategy: str) -> None:
    env.at_risk("anna")
    env.make.user("Bert", "bert", mail=None)
    env.make.user("Gert", "gert", user_type="Guest")
    env.make.user("Test", "test-1")
    env.person("carl", env.held("EXCHANGESTANDARD"))
    options: Json = {"scope": "all_users", "strategy": strategy, "exclude": ["TEST-*@*"]}
    first = env.apply(EVERYBODY, **options)
    assert actions(first) == {"anna": "license", "bert": "license"}
    assert first["users"][0]["user_principal_name"].startswith("anna"), "who has a deadline comes first"
    assert first["summary"]["users"] == 3
    second = env.apply(EVERYBODY, **options)
    assert (second["changed"], second["users"]) == (False, [])


@pytest.mark.parametrize("strategy", ["auto", "filtered", "full"])
def test_of_all_users_it_is_known_what_mailbox_they_have(env: PlanHarness, strategy: str) -> None:
    env.person("team", kind="SharedMailbox")
    env.person("anna", env.held("SPE_E3"))
    rule = {"name": "Teams", "match": {"recipient_type": "shared"}, "action": "ignore", "reason": "they need none"}
    result = env.plan(rule, EVERYBODY, scope="all_users", strategy=strategy)
    assert actions(result)["team"] == "ignore"


@pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
@pytest.mark.parametrize("by_id", [False, True])
def test_members_of_groups_in_groups_belong_to_the_group(env: PlanHarness, scope: str, by_id: bool) -> None:
    inner = env.group("sg-inner", env.at_risk("anna"))
    outer = env.group("sg-o'uter & more", inner, env.at_risk("bert"))
    env.at_risk("carl")
    rule = {**E3, "match": {"group": outer if by_id else "SG-O'UTER & more"}}
    result = env.apply(rule, EVERYBODY, scope=scope)
    assert skus(result) == {"anna": ["SPE_E3"], "bert": ["SPE_E3"], "carl": ["EXCHANGESTANDARD"]}


# --- what is refused -------------------------------------------------------------------------------------------------


def test_mistakes_of_rules_groups_and_reserve_come_with_paths(env: PlanHarness) -> None:
    env.group("sg-twice")
    env.group("sg-twice")
    env.group("sg-once")
    rules: list[Json] = [
        {**EVERYBODY, "name": "One", "match": {"group": ["sg-once", "sg-twice"]}},
        {**EVERYBODY, "name": "Two", "match": {"not": {"group": "sg-none"}}},
    ]
    twice, none, reserve = env.problems(*rules, variable_prefix="license_state_", seat_reserve={"SPE_E33": 1})
    assert twice.startswith("license_state_rules[0].match.group: group 'sg-twice': the name belongs to several groups")
    assert none == "license_state_rules[1].match.group: the tenant has no group 'sg-none' (rule 'Two')"
    assert reserve.startswith("seat_reserve.SPE_E33: the tenant has no SKU 'SPE_E33' (nearest: SPE_E3")
    rules += [{**EVERYBODY, "name": "Three", "licenses": [{"sku": "SPE_E33"}], "via": {"group": "sg-lic"}}]
    problems = env.problems(*rules, variable_prefix="license_state_")
    assert problems[0].startswith("license_state_rules[2].licenses[0].sku: the tenant has no SKU 'SPE_E33'")
    assert problems[1].startswith("license_state_rules[2].via: licenses through a group are not supported yet")
    assert [text.partition(":")[0] for text in problems[2:]] == [
        "license_state_rules[0].match.group",
        "license_state_rules[1].match.group",
    ]


def test_mistakes_of_options_come_at_once_before_any_request(env: PlanHarness) -> None:
    env.tenant.clear_requests()
    problems = env.problems(
        max_changes="many", protected=[" "], confirm_seconds=-1.0, grace_period_days=0, now="soon", exclude=[""]
    )
    assert [problem.partition(":")[0] for problem in problems] == [
        "grace_period_days",
        "now",
        "exclude[0]",
        "max_changes",
        "rules",
        "protected[0]",
        "confirm_seconds",
    ]
    assert env.problems(EVERYBODY, grace_period_days=10**7)[0].startswith("grace_period_days: expected at most")
    assert env.tenant.requests() == []


@pytest.mark.parametrize(
    ("limit", "scope", "allowed"),
    [
        (2, "mailboxes_at_risk", True),
        (1, "mailboxes_at_risk", False),
        ("1", "mailboxes_at_risk", False),
        (0, "mailboxes_at_risk", False),
        ("50%", "mailboxes_at_risk", True),
        ("49.9%", "mailboxes_at_risk", False),
        ("50%", "all_users", True),
        ("49.9%", "all_users", False),
        ("unlimited", "mailboxes_at_risk", True),
    ],
)
def test_plan_beyond_max_changes_is_refused_before_any_write(
    env: PlanHarness, limit: Any, scope: str, allowed: bool
) -> None:
    env.at_risk("anna")
    env.at_risk("bert")
    env.person("carl", env.held("EXCHANGESTANDARD"))
    env.person("dora", env.held("EXCHANGESTANDARD"))
    if allowed:
        assert env.apply(EVERYBODY, max_changes=limit, scope=scope)["summary"]["changed"] == 2
        return
    for check_mode in (True, False):
        error = env.refused(EVERYBODY, max_changes=limit, scope=scope, check_mode=check_mode)
        assert error.code == "plan_refused"
        assert "2 users would be changed, but max_changes allows" in error.message
        assert names(error.partial, "planned") == ["anna", "bert"]
        assert error.partial["changed"] is False
    planned = env.plan(EVERYBODY, max_changes=limit, scope=scope)
    assert planned["violations"] == error.partial["violations"]
    assert planned["warnings"][0].startswith("The plan may not be applied: 2 users would be changed")
    assert env.writes() == []


def test_removals_need_permission_and_then_go_in_one_request(env: PlanHarness) -> None:
    env.at_risk("anna", env.held("POWER_BI_STANDARD"))
    rule = {**EVERYBODY, "remove": ["POWER_BI_STANDARD"]}
    error = env.refused(rule)
    assert "1 license (POWER_BI_STANDARD) of 1 user would be removed, but allow_removals is false" in error.message
    assert env.writes() == []
    assert env.apply(rule, allow_removals=True)["changed"]
    assert len(env.writes()) == 1
    assert set(env.states("anna@contoso.example")) == {"EXCHANGESTANDARD"}


def test_nothing_that_keeps_a_mailbox_is_taken_away(env: PlanHarness) -> None:
    env.person("anna", env.held("EXCHANGESTANDARD"))
    rule = {**EVERYBODY, "licenses": [{"sku": "POWER_BI_STANDARD"}], "remove": ["EXCHANGESTANDARD"]}
    error = env.refused(rule, scope="all_users", allow_removals=True)
    assert "would lose what keeps their mailbox (anna@contoso.example)" in error.message
    assert env.writes() == []


@pytest.mark.parametrize("hold", [False, True])
def test_held_scheduling_mailbox_keeps_its_license(env: PlanHarness, hold: bool) -> None:
    """No list shows it, so nothing tells that it needs no license."""
    anna = env.person("anna", env.held("EXCHANGEENTERPRISE"), kind="SchedulingMailbox", hold=hold)
    rule = {**EVERYBODY, "licenses": [{"sku": "POWER_BI_STANDARD"}], "remove": ["EXCHANGEENTERPRISE"]}
    options: Json = {"scope": "all_users", "allow_removals": True}
    if hold:
        assert actions(env.refused(rule, **options).partial) == {"anna": "refused_uncovered"}
    else:
        assert env.apply(rule, **options)["changed"]
    assert set(env.states(anna)) == {"EXCHANGEENTERPRISE" if hold else "POWER_BI_STANDARD"}


@pytest.mark.parametrize("concealed", [False, True])
def test_plan_2_is_not_taken_from_a_large_mailbox(env: PlanHarness, concealed: bool) -> None:
    anna = env.person("anna", env.held("SPE_E3"), bytes=60 * 2**30)
    ben = env.person("ben", env.held("SPE_E3"), bytes=2**30)
    env.world.switches.report_names_concealed = concealed
    smaller = {**EVERYBODY, "licenses": [{"sku": "EXCHANGESTANDARD"}], "remove": ["SPE_E3"]}
    options: Json = {"scope": "all_users", "allow_removals": True}
    error = env.refused(smaller, **options)
    assert actions(error.partial) == {"anna": "refused_uncovered", "ben": "license"}
    assert "1 user would lose what keeps their mailbox" in error.message
    assert env.writes() == []
    env.apply(smaller, protected=["anna@*"], **options)
    assert (env.states(anna), env.states(ben)) == ({"SPE_E3": []}, {"EXCHANGESTANDARD": []})


def test_sizes_that_cannot_be_found_out_stop_the_plan(env: PlanHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox_sizes, "MEASURED_AT_MOST", 25)
    people = [env.person(f"user{n:02}", env.held("SPE_E3"), bytes=60 * 2**30) for n in range(30)]
    env.world.switches.report_names_concealed = True
    smaller = {**EVERYBODY, "licenses": [{"sku": "EXCHANGESTANDARD"}], "remove": ["SPE_E3"]}
    options: Json = {"scope": "all_users", "allow_removals": True}
    assert "the sizes of 30 mailboxes" in env.refused(smaller, **options).message
    assert env.apply(smaller, allow_incomplete=True, **options)["summary"]["changed"] == len(people)


def test_fallback_stays_where_licenses_would_lose_the_mailbox(env: PlanHarness) -> None:
    env.at_risk("anna")
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E3", "enabled_plans": []}], "fallback": [{"sku": "SPE_E3"}]}
    assert env.apply(rule, scope="all_users")["changed"]
    assert actions(env.apply(rule, scope="all_users")) == {}


def test_rule_keeps_license_without_rights_that_keeps_mailbox(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("M365_F1_COMM"))
    rule = {**EVERYBODY, "licenses": [{"sku": "POWER_BI_STANDARD"}], "remove": ["M365_F1_COMM"]}
    error = env.refused(rule, scope="all_users", allow_removals=True)
    assert actions(error.partial) == {"anna": "refused_uncovered"}
    assert env.states(anna) == {"M365_F1_COMM": []}


def test_a_rule_that_swaps_keeps_off_what_was_off(env: PlanHarness) -> None:
    anna = env.person("anna", env.held("SPE_E3", "YAMMER_ENTERPRISE"))
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E5"}], "remove": ["SPE_E3"]}
    env.apply(rule, scope="all_users", allow_removals=True)
    assert env.states(anna) == {"SPE_E5": ["YAMMER_ENTERPRISE"]}


def test_who_is_protected_is_never_written(env: PlanHarness) -> None:
    env.at_risk("anna")
    env.at_risk("breakglass1")
    result = env.apply(EVERYBODY, protected=["BreakGlass*@*"])
    assert actions(result) == {"anna": "license", "breakglass1": "protected"}
    assert len(env.writes()) == 1


# --- seats -----------------------------------------------------------------------------------------------------------


def test_the_soonest_deadline_gets_the_seat(env: PlanHarness) -> None:
    env.at_risk("late", days=2)
    env.at_risk("soon", days=28)
    env.at_risk("overdue", days=400)
    env.seats("EXCHANGESTANDARD", 3)
    result = env.apply(EVERYBODY, seat_reserve={"EXCHANGESTANDARD": 1})
    assert list(actions(result).items()) == [("overdue", "license"), ("soon", "license"), ("late", "no_seat")]
    assert result["warnings"] == ["Still at risk, because no seat is left: late@contoso.example."]
    assert result["summary"]["seats"][0]["reserved"] == 1
    env.seats("EXCHANGESTANDARD", 4, taken=2)
    assert skus(env.apply(EVERYBODY)) == {"late": ["EXCHANGESTANDARD"]}


def test_the_fallback_is_for_who_gets_no_seat(env: PlanHarness) -> None:
    env.at_risk("late", days=2)
    env.at_risk("soon", days=28)
    env.seats("SPE_E3", 1)
    rule = {**E3, "fallback": [{"sku": "EXCHANGESTANDARD"}]}
    result = env.apply(rule)
    assert skus(result) == {"soon": ["SPE_E3"], "late": ["EXCHANGESTANDARD"]}
    assert [row["alternative"] for row in result["users"]] == ["licenses", "fallback"]
    assert env.apply(rule)["changed"] is False


def test_seats_in_their_grace_period_are_spent_only_if_asked(env: PlanHarness) -> None:
    env.at_risk("anna")
    env.seats("EXCHANGESTANDARD", 0, warning=1)
    assert actions(env.plan(EVERYBODY)) == {"anna": "no_seat"}
    assert env.apply(EVERYBODY, use_warning_seats=True)["summary"]["confirmed"] == 1


# --- what it costs ---------------------------------------------------------------------------------------------------


def test_requests_grow_with_mailboxes_at_risk_only() -> None:
    with running(mailboxes=3000, at_risk=100, seed=5) as tenant, clients(tenant) as found:
        first = plan(found, ALL_KINDS, mode="apply", shared_mailbox_sizes="never")
        assert first["summary"]["confirmed"] == 100
        # at most 22 for an audit, the SKUs, one that reads users again, a batch of usage locations, 5 of licenses, and
        # one that reads them back
        assert first["summary"]["requests"] <= 31


def test_a_result_is_plain_and_has_no_time_that_differs(env: PlanHarness) -> None:
    env.at_risk("anna")
    now = "2030-01-01T00:00:00Z"
    first, second = (to_plain(env.plan(EVERYBODY, now=now)) for _unused in range(2))
    assert first == second
