# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users with more than one mailbox at risk: rules judge each of them, and one request serves the user."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions
from tests.simulator.state import Json

OLD_ONES = {"name": "Old", "match": {"recipient_type": "soft_deleted"}, "action": "ignore", "reason": "they may go"}
LIVE_ONES = {**EVERYBODY, "match": {"recipient_type": "user"}}
STRATEGIES = pytest.mark.parametrize("strategy", ["filtered", "full"])
SCOPES = pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])


def add_second_mailbox(env: PlanHarness, upn: str, days: int = 10, **more: Any) -> str:
    """Gives this user a mailbox that was soft-deleted so many days ago; the user's name."""
    env.make.mailbox(env.world.user(upn), "UserMailbox", soft_deleted_days=days, address=f"old-{upn}", **more)
    return upn


def by_kind(result: Json) -> dict[str, str]:
    """Action by the kind of mailbox."""
    return {row["recipient_type"]: row["action"] for row in result["users"]}


def adds_up(result: Json) -> None:
    """Each mailbox at risk is in one of the counts, and in one row."""
    summary = result["summary"]
    assert sum(summary["mailboxes"].values()) == summary["audit"]["at_risk"]
    assert len([row for row in result["users"] if row["reason"]]) == summary["audit"]["at_risk"]


# --- each mailbox has its rule ---------------------------------------------------------------------------------------


@STRATEGIES
@SCOPES
def test_an_exception_for_one_mailbox_does_not_silence_the_other(env: PlanHarness, scope: str, strategy: str) -> None:
    anna = add_second_mailbox(env, env.at_risk("anna", days=5))
    options: Json = {"scope": scope, "strategy": strategy}
    planned = env.plan(OLD_ONES, EVERYBODY, **options)
    assert by_kind(planned) == {"soft_deleted": "ignore", "user": "license"}
    adds_up(planned)
    done = env.apply(OLD_ONES, EVERYBODY, **options)
    assert [(row["recipient_type"], row["status"]) for row in done["users"]] == [
        ("soft_deleted", "unchanged"),
        ("user", "changed"),
    ]
    assert (done["summary"]["changed"], done["summary"]["users"], len(env.writes())) == (1, 1, 1)
    assert env.states(anna) == {"EXCHANGESTANDARD": []}
    again = env.apply(OLD_ONES, EVERYBODY, **options)
    assert (again["changed"], by_kind(again)) == (False, {"soft_deleted": "ignore"})


@STRATEGIES
def test_rule_finds_mailbox_in_use_beside_a_soft_deleted_one(env: PlanHarness, strategy: str) -> None:
    add_second_mailbox(env, env.at_risk("anna", days=5))
    result = env.apply(LIVE_ONES, strategy=strategy)
    assert by_kind(result) == {"soft_deleted": "unmatched", "user": "license"}
    assert result["summary"]["unresolved"] == 1
    adds_up(result)


@STRATEGIES
def test_a_shared_mailbox_is_judged_beside_a_soft_deleted_one(env: PlanHarness, strategy: str) -> None:
    team = add_second_mailbox(env, env.person("team", kind="SharedMailbox", archive=True))
    people = {**EVERYBODY, "name": "People", "match": {"recipient_type": ["user", "soft_deleted"]}}
    teams = {**EVERYBODY, "match": {"recipient_type": "shared"}, "licenses": [{"sku": "EXCHANGEENTERPRISE"}]}
    result = env.apply(people, teams, strategy=strategy)
    assert by_kind(result) == {"soft_deleted": "insufficient", "shared": "license"}
    assert env.states(team) == {"EXCHANGEENTERPRISE": []}
    adds_up(result)


def test_seat_order_ignores_mailboxes_that_rules_leave_alone(env: PlanHarness) -> None:
    add_second_mailbox(env, env.at_risk("anna", days=2), days=29)
    env.at_risk("bert", days=20)
    env.seats("EXCHANGESTANDARD", 1)
    result = env.plan(OLD_ONES, EVERYBODY)
    assert [(row["user_principal_name"].partition("@")[0], row["action"]) for row in result["users"]] == [
        ("anna", "ignore"),
        ("bert", "license"),
        ("anna", "no_seat"),
    ]
    adds_up(result)


def test_of_two_soft_deleted_mailboxes_a_license_brings_back_one(env: PlanHarness) -> None:
    anna = env.make.user("Anna", "anna", usage_location="DE")["userPrincipalName"]
    add_second_mailbox(env, anna)
    env.make.mailbox(env.world.user(anna), "UserMailbox", soft_deleted_days=20, address="older@contoso.example")
    result = env.apply(EVERYBODY)
    assert [row["action"] for row in result["users"]] == ["license", "insufficient"]
    assert (result["summary"]["changed"], result["summary"]["unresolved"], len(env.writes())) == (1, 1, 1)
    adds_up(result)
    again = env.apply(EVERYBODY)
    assert (again["changed"], actions(again)) == (False, {"anna": "insufficient"})


@SCOPES
def test_who_is_protected_is_so_with_all_mailboxes(env: PlanHarness, scope: str) -> None:
    add_second_mailbox(env, env.at_risk("anna", days=5))
    result = env.apply(EVERYBODY, scope=scope, protected=["anna@*"])
    assert by_kind(result) == {"soft_deleted": "protected", "user": "protected"}
    adds_up(result)


# --- what a license cannot bring back --------------------------------------------------------------------------------


@STRATEGIES
@pytest.mark.parametrize("position", ["alone", "always"])
def test_licensed_users_soft_deleted_mailbox_takes_no_last_seat(env: PlanHarness, position: str, strategy: str) -> None:
    env.world.switches.license_brings_back = position
    covered = add_second_mailbox(env, env.person("covered", env.held("SPE_E5")), days=20)
    truly = env.at_risk("truly", days=15)
    env.seats("EXCHANGEENTERPRISE", 1)
    rule = {**EVERYBODY, "licenses": [{"sku": "EXCHANGEENTERPRISE"}]}
    for licensed in (True, False):
        result = env.apply(rule, strategy=strategy)
        assert result["changed"] is licensed
        assert actions(result) == {"covered": "insufficient"} | ({"truly": "license"} if licensed else {})
        assert result["summary"]["unresolved"] == 1
        assert "another license does not bring it back" in result["users"][0]["note"]
        assert result["warnings"][0].startswith("Still at risk, because the licenses of their rule would not be enough")
        adds_up(result)
    assert (env.states(covered), env.states(truly)) == ({"SPE_E5": []}, {"EXCHANGEENTERPRISE": []})


@pytest.mark.parametrize("position", ["alone", "always"])
def test_the_license_it_has_already_is_no_remedy_either(env: PlanHarness, position: str) -> None:
    env.world.switches.license_brings_back = position
    add_second_mailbox(env, env.person("anna", env.held("SPE_E3")))
    result = env.apply({**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]})
    assert (result["changed"], actions(result), result["summary"]["unresolved"]) == (False, {"anna": "insufficient"}, 1)


@STRATEGIES
def test_soft_deleted_beside_mailbox_in_use_gets_no_license(env: PlanHarness, strategy: str) -> None:
    team = add_second_mailbox(env, env.person("team", kind="SharedMailbox"))
    result = env.apply(EVERYBODY, strategy=strategy)
    assert (result["changed"], actions(result)) == (False, {"team": "insufficient"})
    assert "its user has a mailbox in use" in result["users"][0]["note"]
    assert env.states(team) == {}


def test_all_users_reaches_mailbox_in_use_beside_soft_deleted(env: PlanHarness) -> None:
    anna = add_second_mailbox(env, env.person("anna", env.held("EXCHANGESTANDARD")))
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}], "remove": ["EXCHANGESTANDARD"]}
    options: Json = {"scope": "all_users", "allow_removals": True}
    for changed in (True, False):
        result = env.apply(OLD_ONES, rule, **options)
        assert result["changed"] is changed
        assert [row["action"] for row in result["users"]] == ["ignore", *(["license"] if changed else [])]
        adds_up(result)
    assert env.states(anna) == {"SPE_E3": []}


@STRATEGIES
@SCOPES
@pytest.mark.parametrize("uses", [{"archive": True}, {"bytes": 60 * 2**30}])
def test_soft_deleted_mailbox_takes_nothing_from_one_in_use(
    env: PlanHarness, uses: Json, scope: str, strategy: str
) -> None:
    anna = add_second_mailbox(env, env.person("anna", env.held("SPE_E5"), **uses), days=3, sku_assigned=True)
    smaller = {**EVERYBODY, "remove": ["SPE_E5"]}
    options: Json = {"scope": scope, "strategy": strategy, "allow_removals": True}
    if scope == "all_users":
        error = env.refused(smaller, **options)
        assert [row["action"] for row in error.partial["users"]] == ["insufficient", "refused_uncovered"]
    else:
        assert actions(env.apply(smaller, **options)) == {"anna": "insufficient"}
    assert env.states(anna) == {"SPE_E5": []}
