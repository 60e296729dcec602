# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups that rules give by name: people who can create, rename or delete groups neither stop nor steer licensing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._remediate.exceptions import check_rules, find_exceptions
from ansible_collections.m365.licensing.plugins.module_utils._rules import groups as rule_groups
from hypothesis import event, given
from hypothesis import strategies as st

from tests.functional.support.assign_harness import empty_tenant
from tests.functional.support.explain_harness import ExplainHarness, text
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions, skus
from tests.functional.support.service_clients import Clients, clients
from tests.simulator.launch import Tenant
from tests.simulator.state import Json
from tests.unit.support.random_examples import examples

SALES = {**EVERYBODY, "name": "Sales", "match": {"group": "sg-sales"}, "licenses": [{"sku": "SPE_E3"}]}
NOBODY = "00000000-0000-4000-8000-00000000dead"
SCOPES = pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])


def undecided(env: PlanHarness, *rules: Json, **options: Any) -> Json:
    """The result of a run that fails for this and for nothing else."""
    error = env.refused(*rules, **options)
    assert error.code == "groups_undecided"
    return dict(error.partial)


# --- a name of several groups ----------------------------------------------------------------------------------------


@SCOPES
def test_second_group_of_a_name_leaves_its_members_undecided(env: PlanHarness, scope: str) -> None:
    real = env.group("sg-sales", env.at_risk("anna"), env.at_risk("both"))
    env.at_risk("carl")
    theirs = env.group("SG-Sales", env.at_risk("eve"), "both@contoso.example")
    result = undecided(env, SALES, EVERYBODY, scope=scope)
    # of the real group or of theirs, so nobody knows; of both, so it does not matter; of neither
    assert actions(result) == {"anna": "undecided", "both": "license", "carl": "license", "eve": "undecided"}
    assert skus(result) == {"both": ["SPE_E3"], "carl": ["EXCHANGESTANDARD"]}
    assert (result["summary"]["actions"]["undecided"], result["summary"]["unresolved"]) == (2, 2)
    assert env.states("anna@contoso.example") == env.states("eve@contoso.example") == {}
    row = next(row for row in result["users"] if row["action"] == "undecided")
    assert (row["rule"], row["status"]) == ("Sales", "unchanged")
    assert real in row["why"]
    assert theirs in row["why"]
    (alarm,) = result["alarm"]
    assert alarm.startswith("No rule decides for 2 users (anna@contoso.example, eve@contoso.example), because a group")
    assert {item["id"]: item["state"] for item in result["groups"]} == {real: "ambiguous", theirs: "ambiguous"}


@pytest.mark.parametrize("mode", ["plan", "apply"])
@pytest.mark.parametrize("check_mode", [False, True])
def test_it_fails_in_every_mode_unless_incompleteness_is_allowed(env: PlanHarness, mode: str, check_mode: bool) -> None:
    env.group("sg-sales", env.at_risk("anna"))
    env.group("sg-sales")
    result = undecided(env, SALES, mode=mode, check_mode=check_mode)
    assert (result["changed"], actions(result)) == (False, {"anna": "undecided"})
    allowed = env.plan(SALES, mode=mode, check_mode=check_mode, allow_incomplete=True)
    assert actions(allowed) == {"anna": "undecided"}
    assert any(
        text.startswith("rules[0].match.group: group 'sg-sales': the name belongs to several groups")
        for text in allowed["warnings"]
    )
    assert (
        "Still at risk, because a rule that may mean them names a group that cannot be identified: "
        "anna@contoso.example."
    ) in allowed["warnings"]


def test_nobody_to_whom_it_matters_is_a_warning_alone(env: PlanHarness) -> None:
    env.at_risk("carl")
    env.group("sg-sales")
    env.group("sg-sales")
    result = env.apply(SALES, EVERYBODY)
    assert skus(result) == {"carl": ["EXCHANGESTANDARD"]}
    assert any("the name belongs to several groups" in text for text in result["warnings"])


def test_users_beyond_the_ambiguous_rule_are_licensed(env: PlanHarness) -> None:
    names = {"anna": "Legal", "bert": "Sales", "carl": "Service"}
    members = [env.at_risk(name, department=department) for name, department in names.items()]
    env.group("sg-sales", *members)
    env.group("sg-sales")
    first = {**EVERYBODY, "name": "Legal", "match": {"department": "Legal"}}
    rule = {**SALES, "match": {"group": "sg-sales", "department": "Sales"}}
    result = undecided(env, first, rule, EVERYBODY)
    assert actions(result) == {"anna": "license", "bert": "undecided", "carl": "license"}


def test_an_exception_that_is_over_leaves_nobody_undecided(env: PlanHarness) -> None:
    env.group("sg-sales", env.at_risk("anna"))
    env.group("sg-sales")
    over = {"name": "Old", "match": {"group": "sg-sales"}, "action": "ignore", "reason": "x", "until": "2020-01-01"}
    assert actions(env.apply(over, EVERYBODY)) == {"anna": "license"}


def test_a_group_in_not_leaves_its_members_undecided_too(env: PlanHarness) -> None:
    env.group("sg-leavers", env.at_risk("anna"))
    env.group("sg-leavers", env.at_risk("eve"))
    env.at_risk("carl")
    rule = {**EVERYBODY, "name": "Stayers", "match": {"not": {"group": "sg-leavers"}}}
    assert actions(undecided(env, rule)) == {"anna": "undecided", "carl": "license", "eve": "undecided"}


def test_nothing_is_taken_by_a_rule_after_one_that_is_in_doubt(env: PlanHarness) -> None:
    """The removal is what somebody wants who makes the second group."""
    anna = env.person("anna", env.held("SPE_E3"))
    eve = env.person("eve", env.held("SPE_E3"))
    env.person("carl", env.held("SPE_E3"))
    env.group("sg-keep", anna)
    env.group("sg-keep", eve)
    keep = {"name": "Keep", "match": {"group": "sg-keep"}, "action": "ignore", "reason": "they keep it"}
    smaller = {**EVERYBODY, "licenses": [{"sku": "EXCHANGESTANDARD"}], "remove": ["SPE_E3"]}
    result = undecided(env, keep, smaller, scope="all_users", allow_removals=True)
    assert env.states(anna) == env.states(eve) == {"SPE_E3": []}
    assert env.states("carl@contoso.example") == {"EXCHANGESTANDARD": []}
    assert actions(result) == {"anna": "undecided", "carl": "license", "eve": "undecided"}
    assert (
        "No rule decides for these users, because a rule that may mean them names a group that cannot be identified: "
        "anna@contoso.example, eve@contoso.example."
    ) in env.plan(keep, smaller, scope="all_users", allow_removals=True, allow_incomplete=True)["warnings"]


def test_too_many_groups_of_a_name_leave_all_matches_undecided(
    env: PlanHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_groups, "SAME_NAME_AT_MOST", 2)
    env.at_risk("carl")
    env.at_risk("dora", department="Legal")
    for _number in range(3):
        env.group("sg-sales")
    rule = {**SALES, "match": {"group": "sg-sales", "department": "Sales"}}
    assert actions(undecided(env, rule, EVERYBODY)) == {"carl": "undecided", "dora": "license"}


def test_no_exception_holds_by_a_group_in_doubt(env: PlanHarness) -> None:
    """An audit with the rules takes such a row for one that nobody excepted."""
    env.group("sg-leavers", env.at_risk("anna"), env.at_risk("both"))
    env.group("sg-leavers", "both@contoso.example")
    rules = [{"name": "Leavers", "match": {"group": "sg-leavers"}, "action": "ignore", "reason": "they leave"}]
    with env.clients() as made:
        bound = check_rules(made.graph, rules, BUILTIN, "rules")
        found = audit(made.graph, made.exchange, AuditOptions(now=env.make.now))
        covering = find_exceptions(made.graph, found, found.findings, bound, BUILTIN)
    upns = [finding.user_principal_name for finding in found.findings]
    excepted = {upn: item is not None for upn, item in zip(upns, covering, strict=True)}
    assert excepted == {"anna@contoso.example": False, "both@contoso.example": True}
    assert bound is not None
    assert "No rule decides for users to whom this matters" in bound.warnings[0]


def test_an_explanation_names_the_rule_that_may_mean_the_user(tenant: Tenant) -> None:
    env = ExplainHarness(tenant)
    env.group("sg-sales", env.at_risk("anna"))
    env.group("sg-sales", env.at_risk("eve"))
    env.at_risk("carl")
    for name, decides in (("anna", "Sales"), ("eve", "Sales"), ("carl", "Everybody")):
        row = env.one(name, SALES, EVERYBODY)
        decision = row["mailboxes"][0]["decision"]
        assert (decision["rule"], decision["undecided"]) == (decides, decides == "Sales")
        told = "NOT DECIDED: #1 'Sales': it is not certain that this rule means the user: group 'sg-sales': the name"
        assert (told in text(row)) is (decides == "Sales")
        assert ("changes nothing, as no rule decides" in text(row)) is (decides == "Sales")


# --- a group that is not there ---------------------------------------------------------------------------------------


@SCOPES
@pytest.mark.parametrize("given", ["sg-gone", NOBODY])
def test_missing_group_stops_only_users_its_rule_could_mean(env: PlanHarness, given: str, scope: str) -> None:
    env.at_risk("anna", department="Sales")
    env.at_risk("bert", department="Legal")
    rule = {**SALES, "match": {"group": given, "department": "Sales"}}
    result = undecided(env, rule, EVERYBODY, scope=scope)
    assert actions(result) == {"anna": "undecided", "bert": "license"}
    assert f"the tenant has no group {given!r}" in result["users"][0]["why"]
    assert result["groups"] == [
        {
            "given": given,
            "given_as": "id" if given == NOBODY else "name",
            "state": "missing",
            "id": None,
            "display_name": None,
            "kinds": [],
            "rules": ["Sales"],
        }
    ]


def test_one_rule_may_do_without_a_group_that_another_needs(env: PlanHarness) -> None:
    env.at_risk("anna", department="Sales")
    env.at_risk("bert", department="Legal")
    first = {**SALES, "name": "Maybe", "match": {"group": {"name": "sg-gone", "if_available": True}}}
    second = {**SALES, "name": "Needs", "match": {"group": "sg-gone", "department": "Sales"}}
    result = undecided(env, first, second, EVERYBODY)
    assert [(row["action"], row["rule"]) for row in result["users"]] == [
        ("undecided", "Needs"),
        ("license", "Everybody"),
    ]


# --- ids -------------------------------------------------------------------------------------------------------------


def test_apply_warns_of_groups_by_name_and_shows_their_ids(env: PlanHarness) -> None:
    sales = env.group("sg-sales", env.at_risk("anna"))
    warning = env.apply(SALES, check_mode=True)["warnings"][0]
    assert warning.startswith("Rules give groups by name. Anyone who can create or rename a group")
    assert f"'sg-sales' is {sales}" in warning
    assert env.apply(SALES)["warnings"] == [warning]
    assert not any("by name" in text for text in env.plan(SALES)["warnings"])


@SCOPES
@pytest.mark.parametrize("form", ["text", "id", "name"])
def test_group_id_is_safe_from_groups_of_the_same_name(env: PlanHarness, form: str, scope: str) -> None:
    sales = env.group("sg-sales", env.at_risk("anna"))
    env.at_risk("eve")
    given: Any = sales if form == "text" else {form: sales.upper(), "if_available": True}
    env.world.groups[sales]["displayName"] = "sg-old"
    for name in ("sg-sales", "sg-sales", sales):
        env.group(name, "eve@contoso.example")
    result = env.apply({**SALES, "match": {"group": given}}, EVERYBODY, scope=scope)
    assert skus(result) == {"anna": ["SPE_E3"], "eve": ["EXCHANGESTANDARD"]}
    assert not any("group" in text for text in result["warnings"])


def test_result_and_report_say_what_kind_each_group_is(env: PlanHarness) -> None:
    sales, team = env.group("sg-sales", env.at_risk("anna")), env.group("team|x")
    env.world.groups[sales].update(groupTypes=["DynamicMembership"], membershipRule="x", onPremisesSyncEnabled=None)
    env.world.groups[team].update(groupTypes=["Unified"], isAssignableToRole=True, securityEnabled=False)
    rules = [SALES, {**SALES, "name": "Team", "match": {"group": [team, sales]}}]
    result = env.plan(*rules)
    assert [
        (item["given"], item["given_as"], item["id"], item["kinds"], item["rules"]) for item in result["groups"]
    ] == [
        *sorted(
            [
                (team, "id", team, ["microsoft_365", "assigned", "role_assignable"], ["Team"]),
                (sales, "id", sales, ["security", "dynamic"], ["Team"]),
            ]
        ),
        ("sg-sales", "name", sales, ["security", "dynamic"], ["Sales"]),
    ]
    text = result["reports"]["md"]
    assert "## Groups of the rules" in text
    assert f"| sg-sales | name | found | {sales} | sg-sales | security, dynamic | Sales |" in text
    assert "team\\|x" in text
    assert json.loads(result["reports"]["json"])["groups"] == result["groups"]
    assert "Groups of the rules" not in env.plan(EVERYBODY)["reports"]["md"]


def test_the_kind_of_a_group_costs_no_request(env: PlanHarness) -> None:
    ids = [env.group(f"sg-{number}", env.at_risk(f"user{number}")) for number in range(3)]
    rules = [{**SALES, "name": given, "match": {"group": given}} for given in (*ids, "sg-0", "sg-1")]
    env.tenant.clear_requests()
    env.plan(*rules, EVERYBODY)
    asked = [
        part["url"] for entry in env.tenant.requests() for part in entry.get("parts", ()) if "/groups" in part["url"]
    ]
    assert len(asked) == 4


# --- whatever somebody calls a group ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Tenant, Clients]]:
    with empty_tenant() as tenant, clients(tenant, concurrency=1, timeout=10_000.0, retry_seconds=300.0) as found:
        yield tenant, found


PEOPLE = ("anna", "bert", "carl", "dora")
IN_RULES = ("sg-sales", "sg-it", "Straße")
WORDS = st.one_of(
    st.sampled_from(
        [*IN_RULES, "SG-SALES", " sg-sales ", "sg-sales*", "STRASSE", "sg-it' or true", "{{ x }}", "\u200bsg-it"]
    ),
    st.text(min_size=1, max_size=12),
)
ATTACK = st.lists(st.tuples(WORDS, st.sets(st.sampled_from(PEOPLE))), min_size=1, max_size=4)


@pytest.mark.random
@examples(40)
@given(
    attack=ATTACK,
    named=st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(IN_RULES)),
    scope=st.sampled_from(["mailboxes_at_risk", "all_users"]),
    negated=st.booleans(),
)
def test_new_group_changes_nothing_without_a_rule_by_its_name(
    served: tuple[Tenant, Clients], attack: list[tuple[str, set[str]]], named: dict[str, str], scope: str, negated: bool
) -> None:
    env = PlanHarness(*served)
    upns = {name: env.at_risk(name) for name in PEOPLE}
    ids = {group: env.group(group, *(upns[who] for who, mine in named.items() if mine == group)) for group in IN_RULES}
    by_name = {"group": "sg-sales"}
    rules = [
        {**SALES, "name": "By name", "match": {"not": by_name, "upn": "anna@*"} if negated else by_name},
        {**SALES, "name": "By id", "match": {"group": ids["sg-it"]}, "licenses": [{"sku": "SPE_E5"}]},
        {**SALES, "name": "Street", "match": {"group": "Straße"}, "licenses": [{"sku": "EXCHANGEENTERPRISE"}]},
        EVERYBODY,
    ]

    def rows() -> dict[str, Json]:
        result = env.plan(*rules, scope=scope, allow_incomplete=True)
        assert len(result["users"]) == len(PEOPLE)
        return {row["user_principal_name"].partition("@")[0]: row for row in result["users"]}

    before = rows()
    for name, members in attack:
        env.group(name, *(upns[who] for who in members))
    after = rows()
    taken = {
        given for given in ("sg-sales", "Straße") if any(name.strip().lower() == given.lower() for name, _who in attack)
    }
    of_name = {who for who, group in named.items() if group in taken}
    of_name |= {
        who for name, members in attack for who in members if name.strip().lower() in {one.lower() for one in taken}
    }
    for who in PEOPLE:
        if who not in of_name:
            assert after[who] == before[who]
        else:
            # nobody gets or loses what was not meant: the same as before, or nothing
            same = (after[who]["action"], after[who]["add"]) == (before[who]["action"], before[who]["add"])
            event("as before" if same else after[who]["action"])
            assert same or (after[who]["action"] == "undecided" and not after[who]["add"])
