# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mistake in what the control API is told is a 400 that says what is wrong, and changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulator import control, fault_responses
from tests.simulator.fault_responses import RequestInfo
from tests.simulator.skus import table
from tests.simulator.state import Answer, Fault
from tests.simulator.tests.direct_requests import Harness

ID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def env() -> Harness:
    env = Harness()
    env.make.mailbox(env.user("anna"), "UserMailbox")
    return env


FAULTS: list[tuple[Any, str]] = [
    ({"headers": ["a"]}, "headers"),
    ({"headers": {"a": ["b"]}}, "headers"),
    ({"headers": None}, "headers"),
    ({"kind": ["x"]}, "kind"),
    ({"kind": {}}, "kind"),
    ({"kind": "x"}, "kind"),
    ({"status": "429"}, "status"),
    ({"status": 42}, "status"),
    ({"status": True}, "status"),
    ({"status": None}, "status"),
    ({"times": "2"}, "times"),
    ({"times": -1}, "times"),
    ({"times": 1.5}, "times"),
    ({"path": 3}, "path"),
    ({"service": None}, "service"),
    ({"method": ["GET"]}, "method"),
    ({"cmdlet": 5}, "cmdlet"),
    ({"part": "yes"}, "part"),
    ({"seconds": "5"}, "seconds"),
    ({"seconds": -5}, "seconds"),
    ({"switches": ["beta_gone"]}, "switches"),
    ({"switches": {"beta_gone": []}}, "switch beta_gone"),
    ({"switches": {"page_limit": [1]}}, "switch page_limit"),
    ({"switches": {"invoke_paging": ["x"]}}, "switch invoke_paging"),
    ({"hits": 5}, "hits"),
    ("slow", "expected an object"),
    (5, "expected an object"),
    (None, "expected an object"),
]


@pytest.mark.parametrize(("fault", "named"), FAULTS)
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_fault_that_is_none(env: Harness, method: str, fault: Any, named: str) -> None:
    env.world.faults = [Fault()]
    answer = control.dispatch(env.world, method, "/faults", {}, [{"kind": "slow"}, fault])
    assert answer.status == 400, answer
    assert named in answer.body["error"]
    assert "faults[1]" in answer.body["error"] or "switch" in named
    assert env.world.faults == [Fault()]


STATES: list[tuple[Any, str]] = [
    ([], "expected an object"),
    (5, "expected an object"),
    (None, "expected an object"),
    ({"x": 1}, "expected an object with some of"),
    ({"now": 5}, "now"),
    ({"now": None}, "now"),
    ({"now": "soon"}, "soon"),
    ({"now": "0001-01-01T00:00:00+14:00"}, "now"),
    ({"users": [1]}, "users"),
    ({"users": 5}, "users"),
    ({"users": {"anna@contoso.example": 5}}, "users['anna@contoso.example']"),
    ({"users": {"anna@contoso.example": ["department"]}}, "users['anna@contoso.example']"),
    ({"users": {"anna@contoso.example": {"userPrincipalName": 5}}}, "userPrincipalName"),
    ({"users": {"anna@contoso.example": {"assignedPlans": 5}}}, "assignedPlans"),
    ({"users": {"anna@contoso.example": {"id": "x"}}}, "users['anna@contoso.example']: id: 'x', expected a GUID"),
    ({"users": {"anna@contoso.example": {"id": ID}}}, "id of a user"),
    ({"users": {"anna@contoso.example": {"nonsense": 5}}}, "nonsense"),
    ({"users": {"nobody": {}}}, "nobody"),
    ({"mailboxes": [1]}, "mailboxes"),
    ({"mailboxes": {"nobody": {}}}, "nobody"),
    ({"mailboxes": {"anna@contoso.example": {"Guid": "x"}}}, "Guid: 'x', expected a GUID"),
    ({"mailboxes": {"anna@contoso.example": {"Guid": ID}}}, "Guid of a mailbox"),
    ({"skus": {"SPE_E3": None}}, "skus['SPE_E3']"),
    ({"skus": {"SPE_E3": {"prepaidUnits": 5}}}, "prepaidUnits"),
    ({"skus": {"NONE": {}}}, "NONE"),
    ({"skus": "SPE_E3"}, "skus"),
    ({"roles": 5}, "roles"),
    ({"roles": [[1]]}, "roles"),
    ({"roles": ["x"]}, "no role 'x'"),
    ({"switches": [1]}, "switches"),
    ({"switches": {"x": 1}}, "no switch 'x'"),
    ({"switches": {"get_by_ids": {}}}, "get_by_ids"),
    ({"plan_rules": 5}, "plan_rules"),
    ({"plan_rules": {"x": {}}}, "no table 'x'"),
    ({"plan_rules": {"exclusions": [["TEAMS1"]]}}, "exclusions[0]: ['TEAMS1'], expected two plans"),
    ({"plan_rules": {"exclusions": [["TEAMS1", "MCOEV", "MCOSTANDARD"]]}}, "exclusions[0]"),
    ({"plan_rules": {"exclusions": ["TE"]}}, "exclusions[0]: 'TE', expected a list of plans"),
    ({"plan_rules": {"exclusions": {"TEAMS1": "MCOEV"}}}, "exclusions: {'TEAMS1': 'MCOEV'}, expected a list of pairs"),
    ({"plan_rules": {"dependencies": None}}, "dependencies: None, expected an object"),
    ({"plan_rules": {"dependencies": {"MCOEV": "TEAMS1"}}}, "dependencies['MCOEV']: 'TEAMS1', expected a list"),
    ({"plan_rules": {"dependencies": {"MCOEV": []}}}, "dependencies['MCOEV']"),
    ({"plan_rules": {"dependencies": {"MCOEV": ["MCOEV"]}}}, "dependencies['MCOEV']"),
    ({"plan_rules": {"dependencies": {"NONE": []}}}, "no plan 'NONE'"),
    ({"plan_rules": {"assignment_errors": ["SPE_E3"]}}, "plan_rules"),
    ({"plan_rules": {"assignment_errors": {"SPE_E3": 5}}}, "assignment_errors['SPE_E3']: 5, expected one of CountViol"),
    ({"plan_rules": {"assignment_errors": {"SPE_E3": {"anna@contoso.example": None}}}}, "None, expected one of Count"),
    ({"plan_rules": {"assignment_errors": {"SPE_E3": "Bogus"}}}, "'Bogus', expected one of"),
    ({"plan_rules": {"assignment_errors": {"SPE_E3": ""}}}, "'', expected one of"),
    ({"plan_rules": {"assignment_errors": {"SPE_E3": "None"}}}, "'None', expected one of"),
    ({"plan_rules": {"assignment_errors": {"NONE": "Other"}}}, "no SKU 'NONE'"),
    ({"plan_rules": {"assignment_errors": {"SPE_E3": {"nobody@contoso.example": "Other"}}}}, "no user 'nobody@"),
    ({"plan_rules": {"prohibited_locations": {"SPE_E3": [5]}}}, "prohibited_locations['SPE_E3']: [5], expected"),
    ({"plan_rules": {"prohibited_locations": {"SPE_E3": "CN"}}}, "'CN', expected a list of countries"),
    ({"plan_rules": {"prohibited_locations": {"SPE_E3": ["China"]}}}, "['China'], expected"),
    ({"empty": False}, "empty: False, expected true"),
    ({"now": "9999-12-31T00:00:00Z"}, "between the years"),
    ({"switches": {"guests_with_mailboxes": True}}, "only set at the start"),
    ({"switches": {"no_statistics": "nobody@contoso.example"}}, "no mailbox has the user principal name 'nobody@"),
    ({"switches": {"report_blank_size": "nobody@contoso.example"}}, "report_blank_size"),
    ({"switches": {"replica_lag_reads": 1.7}}, "1.7, expected a whole number"),
    ({"switches": {"audit_days": True}}, "True, expected a whole number"),
    ({"switches": {"group_seconds": 10**12}}, "group_seconds"),
]


@pytest.mark.parametrize(("change", "named"), STATES)
def test_invalid_patch_changes_nothing(env: Harness, change: Any, named: str) -> None:
    before = json.dumps(control.state(env.world, {"all": "true"}), default=str, sort_keys=True)
    answer = control.dispatch(env.world, "PATCH", "/state", {}, change)
    assert answer.status == 400, answer
    assert named in answer.body["error"]
    after = json.dumps(control.state(env.world, {"all": "true"}), default=str, sort_keys=True)
    assert json.loads(after) | {"now": ""} == json.loads(before) | {"now": ""}


def test_nothing_changes_where_one_of_the_changes_is_wrong(env: Harness) -> None:
    change = {"switches": {"beta_gone": True, "x": 1}, "users": {"anna@contoso.example": {"department": "Moon"}}}
    assert control.dispatch(env.world, "PATCH", "/state", {}, change).status == 400
    assert not env.world.switches.beta_gone
    user = env.world.user("anna@contoso.example")
    assert user is not None
    assert user["department"] != "Moon"


def test_valid_patch_is_applied(env: Harness) -> None:
    change = {"users": {"anna@contoso.example": {"department": "Moon"}}, "roles": [], "now": "2026-06-15T12:00:00Z"}
    assert control.dispatch(env.world, "PATCH", "/state", {}, change).status == 200
    assert control.dispatch(env.world, "PATCH", "/state", {}, {"users": {"anna@contoso.example": None}}).status == 200
    assert env.world.user("anna@contoso.example") is None
    fault = {"kind": "status", "status": 429, "headers": {"Retry-After": 5}, "times": None, "seconds": 0}
    assert control.dispatch(env.world, "PUT", "/faults", {}, fault).status == 200


def test_a_mailbox_gets_the_id_of_a_user_who_has_another(env: Harness) -> None:
    anna, team = env.world.user("anna@contoso.example"), env.user("team")
    assert anna is not None
    box = env.make.mailbox(team, "SharedMailbox")
    change = {"mailboxes": {"team@contoso.example": {"ExternalDirectoryObjectId": anna["id"]}}}
    assert control.dispatch(env.world, "PATCH", "/state", {}, change).status == 200
    assert [len(env.world.mailboxes_of(user["id"])) for user in (anna, team)] == [2, 0]
    asked = {"ResultSize": "Unlimited", "Filter": f"ExternalDirectoryObjectId -eq '{anna['id']}'"}
    found = env.cmdlet("Get-Mailbox", asked).value
    assert [(row["UserPrincipalName"], row["RecipientTypeDetails"]) for row in found] == [
        ("anna@contoso.example", "UserMailbox"),
        ("team@contoso.example", "SharedMailbox"),
    ]
    env.world.remove_mailbox(box["Guid"])
    assert len(env.world.mailboxes_of(anna["id"])) == 1


def test_the_tables_of_plans_are_set_by_name_or_id(env: Harness) -> None:
    e3 = table()["SPE_E3"]
    teams, yammer = e3.plan("TEAMS1"), e3.plan("YAMMER_ENTERPRISE")
    tables = {
        "dependencies": {"yammer_enterprise": [teams.upper()]},
        "exclusions": [["TEAMS1", yammer]],
        "assignment_errors": {"SPE_E3": "Other"},
        "prohibited_locations": {"SPE_E3": ["cn"]},
    }
    answer = control.dispatch(env.world, "PATCH", "/state", {}, {"plan_rules": tables})
    assert answer.body["plan_rules"] == {
        "dependencies": {yammer: (teams,)},
        "exclusions": [(teams, yammer)],
        "assignment_errors": {e3.id: "Other"},
        "prohibited_locations": {e3.id: ("CN",)},
    }


def test_an_accepted_assignment_ends_in_error_for_all_or_for_one(env: Harness) -> None:
    anna, bert = env.world.user("anna@contoso.example"), env.user("bert")
    assert anna is not None

    def ends(error: Any) -> list[str]:
        change = {"plan_rules": {"assignment_errors": {"SPE_E3": error}}}
        assert control.dispatch(env.world, "PATCH", "/state", {}, change).status == 200
        env.sku("SPE_E3")["prepaidUnits"]["enabled"] = 100
        found = []
        for user in (anna, bert):
            assert env.assign(user, ["SPE_E3"]).status == 200
            (state,) = user["licenseAssignmentStates"]
            found.append(f"{state['state']} {state['error']}")
        return found

    assert ends("CountViolation") == ["Error CountViolation"] * 2
    assert ends({"ANNA@contoso.example": "UniquenessViolation"}) == ["Error UniquenessViolation", "Active None"]
    assert ends({bert["id"]: "Other"}) == ["Active None", "Error Other"]
    assert ends({}) == ["Active None"] * 2


@pytest.mark.parametrize("kind", ["unknown_states", "lost_page", "truncated_list", "missing_part", "duplicate_part"])
@pytest.mark.parametrize("body", [b"\xef\xbb\xbfReport Refresh Date,User\n", b"", b"\xff\xfe", b"[1]", b'"x"'])
def test_a_fault_of_lists_and_batches_leaves_other_answers_alone(env: Harness, kind: str, body: bytes) -> None:
    true = Answer(200, body, {"Content-Type": "application/octet-stream"})
    asked = RequestInfo("reports", "/download", {})
    assert fault_responses.answer(env.world, Fault(kind=kind), lambda: true, asked) == true
