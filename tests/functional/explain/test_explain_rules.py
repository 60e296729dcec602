# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the explanation of a user says of rules, exceptions, seats and guards, and of what a run would do."""

from __future__ import annotations

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError

from tests.functional.support.explain_harness import ExplainHarness, section, text
from tests.functional.support.plan_harness import EVERYBODY
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

BOARD = {**EVERYBODY, "name": "Board", "match": {"department": "Board", "account_enabled": True}}
E3 = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}], "fallback": [{"sku": "EXCHANGESTANDARD"}]}


@pytest.fixture
def env(tenant: Tenant) -> ExplainHarness:
    return ExplainHarness(tenant)


def exception(name: str, until: str | None, **match: object) -> Json:
    more = {"until": until} if until else {}
    return {"name": name, "match": match, "action": "ignore", "reason": "Moving", **more}


def decision(explanation: Json) -> Json:
    return dict(explanation["mailboxes"][0]["decision"])


# --- which rule --------------------------------------------------------------------------------------------------


def test_deciding_rule_and_those_before_it_have_reasons(env: ExplainHarness) -> None:
    env.at_risk("anna", department="Sales")
    found = env.one("anna", BOARD, {**EVERYBODY, "match": {"department": "sal*"}}, {**EVERYBODY, "name": "Rest"})
    row = decision(found)
    assert (row["rule"], row["rule_path"], row["why"]) == ("Everybody", "rules[1]", "department is 'Sales'")
    assert row["rules_before"] == [{"number": 1, "rule": "Board", "failed": ["department is Board, but it is 'Sales'"]}]
    assert section(found, "Rules") == [
        "no: #1 'Board': department is Board, but it is 'Sales'",
        "DECIDES: #2 'Everybody': department is 'Sales'",
    ]


@pytest.mark.parametrize(
    ("match", "failed"),
    [
        ({"department": "Board"}, "department is Board, but it is 'Sales'"),
        ({"company": "Fabrikam"}, "company is Fabrikam, but it is not set"),
        ({"upn": "ben@*"}, "upn is ben@*, but it is 'anna@contoso.example'"),
        ({"account_enabled": False}, "account_enabled is false, but it is true"),
        ({"recipient_type": "shared"}, "recipient_type is shared, but it is user"),
        ({"has": "SPE_E3"}, "has SPE_E3, but the user does not hold it"),
        ({"lacks": "POWER_BI_STANDARD"}, "lacks POWER_BI_STANDARD, but the user holds it"),
        ({"group": "Leavers"}, "group is Leavers, but the user is not in it"),
        ({"not": {"department": "Sales"}}, "not (department is Sales), but the user is among these"),
        (
            {"extension_attributes": {"extensionAttribute1": "VIP"}},
            "extensionAttribute1 is VIP, but it is 'E3'",
        ),
    ],
)
def test_condition_says_what_it_asks_and_what_the_user_has(env: ExplainHarness, match: Json, failed: str) -> None:
    extensions = {"extensionAttribute1": "E3"}
    env.at_risk(
        "anna",
        env.held("POWER_BI_STANDARD"),
        department="Sales",
        companyName=None,
        onPremisesExtensionAttributes=extensions,
    )
    env.group("Leavers")
    row = decision(env.one("anna", {**EVERYBODY, "match": match}))
    assert (row["rule"], row["why"], row["rules_before"][0]["failed"]) == (None, "no rule matches", [failed])


def test_group_of_a_user_is_found_without_reading_its_members(env: ExplainHarness) -> None:
    upn = env.at_risk("anna")
    inner = env.group("Inner", upn)
    env.group("Outer", inner)
    for scope in ("mailboxes_at_risk", "all_users"):
        row = decision(env.one("anna", {**EVERYBODY, "match": {"group": "Outer"}}, scope=scope))
        assert (row["rule"], row["run"]["action"]) == ("Everybody", "license")
    assert not [entry for entry in env.world.log if "transitiveMembers" in entry["path"]]


def test_no_rule_matches(env: ExplainHarness) -> None:
    env.at_risk("anna", department="Sales")
    found = env.one("anna", BOARD)
    assert decision(found)["run"]["action"] == "unmatched"
    assert section(found, "Rules")[-1] == "no rule matches"
    assert section(found, "A run") == ["leaves this user alone, as no rule matches"]


def test_of_many_rules_the_nearest_are_shown(env: ExplainHarness) -> None:
    env.at_risk("anna", department="Sales", country="Germany")
    far = [
        {**EVERYBODY, "name": f"Far {n}", "match": {"department": "Board", "country": "Austria"}} for n in range(300)
    ]
    near = {**EVERYBODY, "name": "Near", "match": {"department": "Sales", "country": "Austria"}}
    found = env.one("anna", near, *far)
    row = decision(found)
    assert (row["rules_before_count"], len(row["rules_before"])) == (301, 200)
    assert row["rules_before"][0]["rule"] == "Near"
    assert len(section(found, "Rules")) == 7
    assert section(found, "Rules")[0] == "296 more rules do not match, on as many conditions or more"
    assert len(found["lines"]) <= 30


# --- exceptions --------------------------------------------------------------------------------------------------


def test_an_exception_that_runs_decides(env: ExplainHarness) -> None:
    env.at_risk("anna")
    found = env.one("anna", exception("Leavers", "2999-12-31", upn="anna@*"), EVERYBODY)
    row = decision(found)
    assert (row["rule"], row["run"]["action"], row["seats"]) == ("Leavers", "ignore", [])
    assert row["exceptions"] == [
        {"rule": "Leavers", "reason": "Moving", "until": "2999-12-31", "expired": False, "decides": True}
    ]
    assert section(found, "Exceptions") == ["'Leavers' runs until 2999-12-31: Moving"]
    assert section(found, "A run") == ["leaves this user alone, by an exception: Moving (until 2999-12-31)"]


def test_expired_exception_is_named_and_decides_nothing(env: ExplainHarness) -> None:
    env.at_risk("anna")
    rules = [exception("Old", "2020-01-31"), EVERYBODY, exception("Late", None), exception("Others", None, upn="x@*")]
    found = env.one("anna", *rules)
    row = decision(found)
    assert (row["rule"], row["run"]["action"]) == ("Everybody", "license")
    assert section(found, "Exceptions") == [
        "'Old' expired, it ran until 2020-01-31: Moving",
        "'Late' runs without an end, but a rule before it decides: Moving",
    ]
    assert section(found, "Rules")[0] == "no: #1 'Old': it matches, but this exception ended on 2020-01-31"


# --- what a run does ---------------------------------------------------------------------------------------------


def test_a_run_assigns_the_fallback_where_no_seat_is_left(env: ExplainHarness) -> None:
    env.at_risk("anna", usageLocation=None, country="Austria")
    env.seats("SPE_E3", 1)
    found = env.one("anna", E3, seat_reserve={"SPE_E3": 1})
    row = decision(found)
    assert [(item["sku"], item["alternative"], item["left"], item["reserved"]) for item in row["seats"]] == [
        ("SPE_E3", "licenses", 0, 1),
        ("EXCHANGESTANDARD", "fallback", 100, 0),
    ]
    run = row["run"]
    assert (run["action"], run["alternative"], run["usage_location"]) == ("license", "fallback", "AT")
    assert section(found, "Seats")[0] == "SPE_E3 (licenses): 0 left, beside 1 kept by seat_reserve"
    assert section(found, "A run")[:2] == [
        "assigns EXCHANGESTANDARD, sets usage location AT (fallback of the rule)",
        "licenses: no seat left of SPE_E3",
    ]
    assert "a run serves more urgent mailboxes first" in text(found)


def test_no_seat_at_all(env: ExplainHarness) -> None:
    env.at_risk("anna")
    env.seats("EXCHANGESTANDARD", 5, taken=5)
    found = env.one("anna", EVERYBODY)
    assert decision(found)["run"]["action"] == "no_seat"
    assert section(found, "A run")[0] == (
        "gives no license, as no seat is left: licenses: no seat left of EXCHANGESTANDARD"
    )


def test_protected_user_is_explained_with_the_matching_rule(env: ExplainHarness) -> None:
    env.at_risk("anna")
    found = env.one("anna", EVERYBODY, protected=["nobody@contoso.example", "Ann*"])
    row = decision(found)
    assert (row["rule"], row["run"]["action"]) == ("Everybody", "protected")
    assert row["guards"] == ["protected: 'Ann*' means this user, so a run never writes to it"]
    assert section(found, "Rules") == ["WOULD DECIDE: #1 'Everybody': it matches every user"]
    assert section(found, "A run") == ["never writes to this user: protected by 'Ann*'"]


def test_a_guard_that_stops_the_change_is_named(env: ExplainHarness) -> None:
    env.at_risk("anna", env.held("POWER_BI_STANDARD"))
    env.at_risk("ben")
    rule = {**EVERYBODY, "remove": ["POWER_BI_STANDARD"]}
    anna, ben = (decision(row) for row in env.explain("anna", "ben", rules=[rule])["explanations"])
    assert "allow_removals is false" in anna["guards"][0]
    assert (anna["run"]["remove"][0]["sku"], ben["guards"]) == ("POWER_BI_STANDARD", [])
    assert "STOPPED BY A GUARD: 1 license (POWER_BI_STANDARD)" in text(env.one("anna", rule))
    assert decision(env.one("anna", rule, allow_removals=True))["guards"] == []


def test_guards_are_called_as_their_variables_are(env: ExplainHarness) -> None:
    env.at_risk("anna", env.held("POWER_BI_STANDARD"))
    rule = {**EVERYBODY, "remove": ["POWER_BI_STANDARD"]}
    (guard,) = decision(env.one("anna", rule, variable_prefix="license_state_"))["guards"]
    assert "but license_state_allow_removals is false" in guard
    (guard,) = decision(env.one("anna", rule, protected=["Ann*"], variable_prefix="license_state_"))["guards"]
    assert guard.startswith("license_state_protected: 'Ann*' means this user")


def test_safe_user_is_left_alone_without_scope_all_users(env: ExplainHarness) -> None:
    env.person("ben", env.held("EXCHANGESTANDARD"))
    found = env.one("ben", E3)
    row = decision(found)
    assert (row["rule"], row["run"]["action"]) == ("Everybody", None)
    assert section(found, "A run") == [
        "does not look at this user: nothing is at risk, and the rules only look at mailboxes at risk"
    ]
    row = decision(env.one("ben", {**EVERYBODY, "licenses": [{"sku": "POWER_BI_STANDARD"}]}, scope="all_users"))
    assert (row["run"]["action"], row["run"]["add"][0]["sku"]) == ("license", "POWER_BI_STANDARD")


def test_who_is_excluded_is_not_looked_at_by_a_run(env: ExplainHarness) -> None:
    env.at_risk("anna")
    for scope in ("mailboxes_at_risk", "all_users"):
        run = decision(env.one("anna", EVERYBODY, exclude=["anna@*"], scope=scope))["run"]
        assert (run["action"], run["note"]) == (None, "exclude has 'anna@*', which means this user")


def test_a_run_passes_over_guests_without_a_mailbox(env: ExplainHarness) -> None:
    env.make.user("Guest", "guest", user_type="Guest")
    note = decision(env.one("guest", EVERYBODY, scope="all_users"))["run"]["note"]
    assert note == "rules license a guest without a mailbox only with license_guests"
    licensed = decision(env.one("guest", EVERYBODY, scope="all_users", license_guests=True))["run"]
    assert licensed["action"] == "license"


def test_a_soft_deleted_mailbox_has_a_decision_of_its_own(env: ExplainHarness) -> None:
    upn = env.person("anna", env.held("SPE_E3"))
    env.make.mailbox(env.world.user(upn), "UserMailbox", soft_deleted_days=3)
    rule = {**EVERYBODY, "name": "Deleted", "match": {"recipient_type": "soft_deleted"}}
    active, deleted = (box["decision"] for box in env.one("anna", rule)["mailboxes"])
    assert (active["rule"], active["run"]["action"]) == (None, None)
    assert (deleted["rule"], deleted["run"]["action"]) == ("Deleted", "insufficient")


# --- mistakes ----------------------------------------------------------------------------------------------------


def test_wrong_rules_and_options_fail_before_any_explanation(env: ExplainHarness) -> None:
    env.at_risk("anna")
    with pytest.raises(ConfigurationError) as caught:
        env.one("anna", {**EVERYBODY, "licenses": [{"sku": "SPE_E9"}]}, variable_prefix="license_state_")
    assert caught.value.problems[0].startswith("license_state_rules[0].licenses[0].sku: the tenant has no SKU 'SPE_E9'")
    with pytest.raises(ConfigurationError) as caught:
        env.explain("anna", rules=[EVERYBODY], protected=[" "], grace_period_days=0)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("rules", [None, []])
def test_without_rules_nothing_is_said_of_them(env: ExplainHarness, rules: list[Json] | None) -> None:
    env.at_risk("anna")
    (found,) = env.explain("anna", rules=rules, variable_prefix="license_state_")["explanations"]
    assert found["mailboxes"][0]["decision"] is None
    assert section(found, "Rules") == ["none were given, so none was looked at (set license_state_rules)"]
