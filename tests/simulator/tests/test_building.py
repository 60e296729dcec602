# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API adds, changes and removes whatever a tenant has; a mistake is said, and changes nothing."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.simulator import control
from tests.simulator.skus import table
from tests.simulator.state import Answer, Json
from tests.simulator.tests.direct_requests import E3, NOW, Harness

ID, OTHER_ID = "11111111-2222-4333-8444-555555555555", "66666666-7777-4888-8999-aaaaaaaaaaaa"
ANNA = "anna@contoso.example"
TEAMS_PREMIUM = "Microsoft_Teams_Premium"


@pytest.fixture
def env() -> Harness:
    """Anna has a mailbox and, by a group, a license."""
    env = Harness()
    env.sku("SPE_E3")["prepaidUnits"] = {"enabled": 9, "suspended": 0, "warning": 0, "lockedOut": 0}
    done(env, {"users": {ANNA: {}}, "mailboxes": {ANNA: {}}})
    done(env, {"groups": {"sg-anna": {"members": [ANNA], "licenses": ["SPE_E3"]}}})
    return env


def patch(env: Harness, change: Any) -> Answer:
    return control.dispatch(env.world, "PATCH", "/state", {}, change)


def done(env: Harness, change: Any) -> None:
    answer = patch(env, change)
    assert answer.status == 200, answer.body


def everything(env: Harness) -> Any:
    world = env.world
    shown = {**control.state(world, {"all": "true"}), "now": "", "changes": world.changes, "audits": len(world.audits)}
    shown |= {"index": world.mailbox_index, "names": world.upn_index, "work": len(world.group_work)}
    return json.loads(json.dumps(shown, default=str, sort_keys=True))


def one(env: Harness, name: str) -> Json:
    user = env.world.user(name)
    assert user is not None
    return user


def box_of(env: Harness, name: str) -> Json:
    (box,) = env.world.mailboxes_of(one(env, name)["id"])
    return box


def group_of(env: Harness, name: str) -> Json:
    (group,) = [group for group in env.world.groups.values() if group["displayName"] == name]
    return group


MISTAKES: list[tuple[Json, str]] = [
    ({"users": {"nobody": {}}}, "no user 'nobody'"),
    ({"users": {"nobody": None}}, "no user 'nobody'"),
    ({"users": {ID: {}}}, f"no user '{ID}'"),
    ({"users": {"new@contoso.example": {"id": ID, "userPrincipalName": "other@contoso.example"}}}, "a new one"),
    ({"users": {ANNA: {"usageLocation": "Germany"}}}, "users['anna@contoso.example']: usageLocation: 'Germany'"),
    ({"users": {ANNA: {"userType": "Alien"}}}, "'Alien', expected one of Member, Guest"),
    ({"users": {ANNA: {"licenses": [{"sku": "SPE_E3", "state": "Bogus"}]}}}, "state: 'Bogus', expected one of Active"),
    ({"users": {ANNA: {"licenses": [{"sku": "SPE_E3", "state": 5}]}}}, "state: 5, expected one of Active"),
    ({"users": {ANNA: {"licenses": [{"sku": "SPE_E3", "error": "Bogus"}]}}}, "error: 'Bogus', expected one of None"),
    ({"users": {ANNA: {"assignedLicenses": [{"skuId": "x", "disabledPlans": []}]}}}, "skuId: 'x', expected a GUID"),
    ({"users": {ANNA: {"licenses": ["NONE"]}}}, "users['anna@contoso.example']: no SKU 'NONE'"),
    ({"users": {"new@contoso.example": {"userPrincipalName": 5}}}, "userPrincipalName"),
    ({"users": {ID: {"userPrincipalName": ANNA}}}, "another user"),
    ({"users": {"bert@contoso.example": {}, ANNA: {"userPrincipalName": "bert@contoso.example"}}}, "another user"),
    ({"users": {ANNA: {"accountEnabled": "yes"}}}, "accountEnabled: 'yes' is no boolean"),
    ({"users": {ANNA: {"assignedPlans": [{"service": 1}]}}}, "assignedPlans[0].service"),
    ({"users": {ANNA: {"createdDateTime": "soon"}}}, "'soon' is no time"),
    ({"users": {ANNA: {"licenseAssignmentStates": [{"skuId": ID}]}}}, "licenseAssignmentStates[0]: lacks"),
    ({"users": {ANNA: {"licenses": ["SHAREPOINTSTORAGE"]}}}, "is for no user"),
    ({"users": {ANNA: {"deletedDateTime": "2026-06-01T00:00:00Z"}}}, "no property 'deletedDateTime'"),
    ({"users": {ANNA: {"licenses": "SPE_E3"}}}, "licenses"),
    ({"users": {ANNA: {"licenses": ["NONE"]}}}, "no SKU 'NONE'"),
    ({"users": {ANNA: {"licenses": ["SPE_E3", "spe_e3"]}}}, "is there twice"),
    ({"users": {ANNA: {"licenses": [{"sku": "SPE_E3", "colour": "red"}]}}}, "expected a SKU"),
    ({"users": {ANNA: {"licenses": [{"sku": "SPE_E3", "disabled_plans": ["NONE"]}]}}}, "carries no plan 'NONE'"),
    ({"users": {ANNA: {"licenses": [{"sku": "SPE_E3", "disabled_plans": "TEAMS1"}]}}}, "disabled_plans"),
    ({"mailboxes": {"nobody@contoso.example": {}}}, "no user 'nobody@contoso.example'"),
    ({"mailboxes": {"nobody@contoso.example": None}}, "no user"),
    ({"mailboxes": {ID: {}}}, "a new one has an ExternalDirectoryObjectId"),
    ({"mailboxes": {ID: {"ExternalDirectoryObjectId": OTHER_ID}}}, f"no user '{OTHER_ID}'"),
    ({"mailboxes": {ID: {"ExternalDirectoryObjectId": "x@contoso.example"}}}, "no user 'x@contoso.example'"),
    ({"mailboxes": {ANNA: {"ExternalDirectoryObjectId": OTHER_ID}}}, f"no user '{OTHER_ID}'"),
    ({"mailboxes": {ANNA: {"RecipientTypeDetails": "Letterbox"}}}, "RecipientTypeDetails"),
    ({"mailboxes": {ANNA: {"LitigationHoldEnabled": "yes"}}}, "LitigationHoldEnabled: 'yes', expected true or false"),
    ({"mailboxes": {ANNA: {"InPlaceHolds": "x"}}}, "InPlaceHolds: 'x', expected a list"),
    ({"mailboxes": {ANNA: {"_bytes": "5 GB"}}}, "_bytes: '5 GB', expected a number"),
    ({"mailboxes": {ANNA: {"WhenSoftDeleted": "soon"}}}, "'soon' is no time"),
    ({"mailboxes": {ANNA: {"colour": "red"}}}, "no property 'colour'"),
    ({"mailboxes": {ANNA: {"_bytes": -1}}}, "_bytes: -1, expected 0 or more"),
    ({"mailboxes": {ANNA: {"ArchiveGuid": "nope"}}}, "ArchiveGuid: 'nope', expected a GUID"),
    ({"mailboxes": {ANNA: {"ArchiveStatus": "Yes"}}}, "ArchiveStatus: 'Yes'"),
    ({"mailboxes": {ANNA: {"InPlaceHolds": [5]}}}, "InPlaceHolds: [5], expected a list of texts"),
    ({"mailboxes": {ANNA: {"UserPrincipalName": None}}}, "UserPrincipalName: None, expected a text"),
    ({"mailboxes": {ANNA: {"ProhibitSendReceiveQuota": "huge"}}}, "'huge', expected Unlimited, or a size"),
    ({"groups": {"sg-anna": {"members": ["sg-anna"]}}}, "groups['sg-anna']: members: a group is no member of itself"),
    ({"groups": {"sg-anna": {"licenses": [{"sku": "SPE_E3", "state": "Error"}]}}}, "object of disabled_plans, sku"),
    ({"groups": {"sg-anna": {"displayName": None}}}, "displayName: None, expected a value"),
    ({"groups": {ID: {}}}, f"no group '{ID}'"),
    ({"groups": {"nothing": None}}, "no group 'nothing'"),
    ({"groups": {"sg-twice": {"description": "x"}}}, "2 groups are called 'sg-twice'"),
    ({"groups": {"sg-new": {"members": ["nobody@contoso.example"]}}}, "no user 'nobody@contoso.example'"),
    ({"groups": {"sg-new": {"members": ANNA}}}, "members"),
    ({"groups": {"sg-new": {"licenses": ["NONE"]}}}, "no SKU 'NONE'"),
    ({"groups": {"sg-new": {"assignedLicenses": [{"skuId": ID, "disabledPlans": []}]}}}, f"no SKU '{ID}'"),
    ({"groups": {"sg-new": {"securityEnabled": "yes"}}}, "securityEnabled: 'yes' is no boolean"),
    ({"groups": {"sg-anna": {"licenseProcessingState": None}}}, "no property 'licenseProcessingState'"),
    ({"groups": {"sg-anna": {"id": ID}}}, "the id of a group does not change"),
    ({"skus": {"NONE": {}}}, "no SKU 'NONE'"),
    ({"skus": {"SPE_E3": None}}, "skus['SPE_E3']: still has it, so it cannot be removed: the group sg-lic-e3,"),
    ({"skus": {"SPE_E3": {"skuPartNumber": None}}}, "skus['SPE_E3']: skuPartNumber: None, expected a value"),
    ({"skus": {"SPE_E3": {"capabilityStatus": "enabled"}}}, "'enabled', expected one of Enabled"),
    ({"skus": {"SPE_E3": {"capabilityStatus": None}}}, "capabilityStatus: None"),
    ({"skus": {"SPE_E3": {"appliesTo": "Nobody"}}}, "'Nobody', expected one of User"),
    ({"skus": {"SPE_E3": {"prepaidUnits": None}}}, "prepaidUnits: None"),
    ({"skus": {"SPE_E3": {"prepaidUnits": {"enabled": -1}}}}, "prepaidUnits: enabled: -1, expected 0 or more"),
    ({"skus": {"SPE_E3": {"consumedUnits": -3}}}, "consumedUnits: -3"),
    ({"skus": {"NEW": {"servicePlans": [{"servicePlanId": ID, "servicePlanName": None}]}}}, "servicePlanName: None"),
    ({"skus": {"SPE_E3": {"skuId": ID}}}, "the skuId of a SKU does not change"),
    ({"skus": {"SPE_E3": {"prepaidUnits": {"enabled": "5"}}}}, "prepaidUnits.enabled"),
    ({"skus": {"SPE_E3": {"prepaidUnits": {"free": 5}}}}, "no property free"),
    ({"skus": {"NEW": {"servicePlans": [], "skuPartNumber": None}}}, "skus['NEW']: skuPartNumber: None"),
    ({"skus": {"NEW": {"servicePlans": ["NONE"]}}}, "has no 'NONE'"),
    ({"skus": {"NEW": {"servicePlans": [{"servicePlanName": "X"}]}}}, "servicePlanId"),
    ({"skus": {"NEW": {"servicePlans": "TEAMS1"}}}, "expected a list"),
    ({"skus": {ID: {"servicePlans": ["TEAMS1"]}}}, f"no SKU '{ID}'"),
    ({"subscriptions": {"x": {}}}, "a new one is named by a GUID"),
    ({"subscriptions": {ID: {}}}, "skuPartNumber"),
    ({"subscriptions": {ID: None}}, "no such subscription"),
    ({"subscriptions": {ID: {"skuPartNumber": "SPE_E3", "totalLicenses": "5"}}}, "totalLicenses"),
    ({"subscriptions": {ID: {"skuPartNumber": "SPE_E3", "status": "Foo"}}}, "status: 'Foo', expected one of"),
    ({"subscriptions": {ID: {"skuId": "xyz"}}}, f"subscriptions['{ID}']: skuId: 'xyz', expected a GUID"),
    ({"deleted_users": {"nobody@contoso.example": {}}}, "no user 'nobody@contoso.example'"),
    ({"deleted_users": {ANNA: None}}, "nobody of this name is in the recycle bin"),
    ({"deleted_users": {ANNA: {"deletedDateTime": "soon"}}}, "'soon' is no time"),
    ({"deleted_users": {ANNA: {"id": ID}}}, "id and userPrincipalName do not change here"),
]


@pytest.mark.parametrize(("mistake", "said"), MISTAKES, ids=lambda value: str(value)[:60])
def test_refused_patch_names_the_mistake_and_changes_nothing(env: Harness, mistake: Json, said: str) -> None:
    before = everything(env)
    anna = one(env, ANNA)
    # much that is right comes with it
    right: Json = {
        "now": "2026-07-01T00:00:00Z",
        "switches": {"group_reads": 0},
        "roles": ["User.Read.All"],
        "users": {"bert@contoso.example": {"licenses": ["SPE_E3"]}, "carl@contoso.example": {}},
        "mailboxes": {"bert@contoso.example": {}},
        "groups": {"sg-bert": {"members": ["bert@contoso.example", "sg-anna"], "licenses": ["SPE_E3"]}},
        "skus": {"EMS": {"prepaidUnits": {"enabled": 77}}, TEAMS_PREMIUM: {"servicePlans": ["TEAMS1"]}},
        "subscriptions": {OTHER_ID: {"skuPartNumber": "SPE_E3"}},
        "deleted_users": {"carl@contoso.example": {}},
        "plan_rules": {"exclusions": []},
    }
    both = {
        name: {**right[name], **mistake.get(name, {})} if isinstance(right[name], dict) else right[name]
        for name in right
    }
    for change in (mistake, both):
        answer = patch(env, change)
        assert answer.status == 400, answer.body
        assert said in answer.body["error"]
        assert everything(env) == before
        assert one(env, ANNA) is anna
    done(env, right)


def test_examples_of_the_readme_run() -> None:
    text = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    examples = [json.loads(block) for block in re.findall(r"```json\n(\{.*?)```", text, re.DOTALL)]
    assert [sorted(example) for example in examples] == [["groups", "mailboxes", "skus", "users"], ["plan_rules"]]
    env = Harness()
    for example in examples:
        done(env, example)
    assert one(env, "bert@contoso.example")["assignedLicenses"] == [{"skuId": E3.id, "disabledPlans": []}]
    assert box_of(env, ANNA)["PersistedCapabilities"] == ["BPOS_S_Standard"]


def test_a_user_may_hold_what_the_tenant_does_not_have(env: Harness) -> None:
    held = {"skuId": ID, "disabledPlans": []}
    more = {"assignedByGroup": None, "state": "Active", "error": "None", "lastUpdatedDateTime": "2026-06-01T00:00:00Z"}
    change = {"assignedLicenses": [held], "licenseAssignmentStates": [{**held, **more}]}
    done(env, {"users": {"bert@contoso.example": change}})
    shown = env.ask("/users/bert@contoso.example?$select=assignedLicenses").body
    assert shown["assignedLicenses"] == [held]
    assert env.ask("/users/bert@contoso.example/licenseDetails").status == 501


class TestUsers:
    """Users, their licenses, and the recycle bin."""

    def test_a_new_one_is_named_by_name_or_id(self, env: Harness) -> None:
        users = {"bert@contoso.example": {"department": "Moon"}, ID: {"userPrincipalName": "carl@contoso.example"}}
        done(env, {"users": users})
        assert one(env, "BERT@contoso.example")["department"] == "Moon"
        assert one(env, "carl@contoso.example")["id"] == ID
        shown = env.ask(f"/users/{ID}?$select=id,userPrincipalName,usageLocation,assignedLicenses,mail").body
        assert (shown["usageLocation"], shown["assignedLicenses"]) == ("DE", [])
        assert env.ask("/users/bert@contoso.example?$select=department").body["department"] == "Moon"

    def test_the_same_tenant_twice_is_the_same(self) -> None:
        change: Json = {
            "users": {"bert@contoso.example": {}},
            "groups": {"sg-new": {}},
            "mailboxes": {"bert@contoso.example": {}},
        }
        first, second = Harness(), Harness()
        for env in (first, second):
            done(env, change)
        assert one(first, "bert@contoso.example")["id"] == one(second, "bert@contoso.example")["id"]
        assert box_of(first, "bert@contoso.example")["Guid"] == box_of(second, "bert@contoso.example")["Guid"]

    def test_licenses_give_what_licenses_give(self, env: Harness) -> None:
        taken = env.sku("SPE_E3")["consumedUnits"]
        off = {"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]}
        done(env, {"users": {"bert@contoso.example": {"licenses": [off]}}, "mailboxes": {"bert@contoso.example": {}}})
        bert, box = one(env, "bert@contoso.example"), box_of(env, "bert@contoso.example")
        assert bert["assignedLicenses"] == [{"skuId": E3.id, "disabledPlans": [E3.plan("YAMMER_ENTERPRISE")]}]
        assert env.sku("SPE_E3")["consumedUnits"] == taken + 1
        assert (box["SKUAssigned"], box["PersistedCapabilities"]) == (True, ["BPOS_S_Enterprise"])
        done(env, {"users": {"bert@contoso.example": {"licenses": []}}})
        assert env.sku("SPE_E3")["consumedUnits"] == taken
        assert box_of(env, "bert@contoso.example")["_disconnected"] is not None
        # what clients did is told by the log of changes, and only that
        assert env.world.changes == []

    def test_a_license_in_error(self, env: Harness) -> None:
        entry = {"sku": "SPE_E3", "state": "Error", "error": "CountViolation"}
        done(env, {"users": {"bert@contoso.example": {"licenses": [entry]}}})
        (state,) = one(env, "bert@contoso.example")["licenseAssignmentStates"]
        assert (state["state"], state["error"]) == ("Error", "CountViolation")
        assert one(env, "bert@contoso.example")["assignedLicenses"] == []

    def test_who_is_removed_frees_the_seat(self, env: Harness) -> None:
        taken = env.sku("SPE_E3")["consumedUnits"]
        done(env, {"users": {ANNA: None}})
        assert env.sku("SPE_E3")["consumedUnits"] == taken - 1
        assert group_of(env, "sg-anna")["_members"] == []

    def test_the_recycle_bin(self, env: Harness) -> None:
        gone = {"deletedDateTime": "2026-06-05T12:00:00Z"}
        done(env, {"users": {"bert@contoso.example": {}}, "deleted_users": {"bert@contoso.example": gone, ANNA: {}}})
        listed = env.ask("/directory/deletedItems/microsoft.graph.user?$select=displayName,deletedDateTime").value
        assert listed == [
            {"displayName": "bert", "deletedDateTime": "2026-06-05T12:00:00Z"},
            {"displayName": "anna", "deletedDateTime": "2026-06-15T12:00:00Z"},
        ]
        done(env, {"deleted_users": {"bert@contoso.example": {"department": "Moon"}, ANNA: None}})
        (bert,) = env.world.deleted_users.values()
        assert bert["department"] == "Moon"
        env.world.set_clock(NOW + timedelta(days=21))
        assert control.dispatch(env.world, "GET", "/state", {}, None).body["deleted_users"] == []


class TestMailboxes:
    """Mailboxes and mail users."""

    def test_of_each_kind_and_a_second_one(self, env: Harness) -> None:
        kinds = ("SharedMailbox", "RoomMailbox", "MailUser", "GuestMailUser")
        names = {kind: f"{kind.lower()}@contoso.example" for kind in kinds}
        mailboxes = {name: {"RecipientTypeDetails": kind} for kind, name in names.items()}
        done(env, {"users": {name: {} for name in names.values()}, "mailboxes": mailboxes})
        done(env, {"mailboxes": {ID: {"ExternalDirectoryObjectId": ANNA, "RecipientTypeDetails": "SharedMailbox"}}})
        assert [box["RecipientTypeDetails"] for box in env.world.mailboxes_of(one(env, ANNA)["id"])] == [
            "UserMailbox",
            "SharedMailbox",
        ]
        assert box_of(env, names["MailUser"])["ExchangeGuid"].startswith("00000000")
        found = env.cmdlet("Get-MailUser", {"ResultSize": "Unlimited"}).value
        assert {row["UserPrincipalName"] for row in found} == {names["MailUser"], names["GuestMailUser"]}

    def test_times_are_taken_in_either_form(self, env: Harness) -> None:
        done(env, {"mailboxes": {ANNA: {"WhenMailboxCreated": "2026-06-01T00:00:00Z"}}})
        assert box_of(env, ANNA)["WhenMailboxCreated"] == "2026-06-01T00:00:00.0000000+00:00"

    def test_a_deleted_one_may_belong_to_nobody_who_is_there(self, env: Harness) -> None:
        gone = {"ExternalDirectoryObjectId": OTHER_ID, "WhenSoftDeleted": "2026-06-01T00:00:00Z"}
        done(env, {"mailboxes": {ID: gone, OTHER_ID: {"ExternalDirectoryObjectId": ""}}})
        assert env.world.mailboxes[ID]["ExternalDirectoryObjectId"] == OTHER_ID
        done(env, {"mailboxes": {ID: None, ANNA: None}})
        assert env.world.mailboxes_of(one(env, ANNA)["id"]) == []


class TestGroups:
    """Groups of every kind."""

    def test_of_every_kind(self, env: Harness) -> None:
        rule = '(user.department -eq "Moon")'
        groups = {
            "dynamic": {"groupTypes": ["DynamicMembership"], "membershipRule": rule, "members": [ANNA]},
            "synced": {"onPremisesSyncEnabled": True, "onPremisesSamAccountName": "synced"},
            "admins": {"isAssignableToRole": True, "members": ["dynamic", ANNA]},
            "list": {"mailEnabled": True, "securityEnabled": False, "mail": "list@contoso.example"},
            ID: {"displayName": "named by its id"},
        }
        done(env, {"groups": groups})
        assert group_of(env, "named by its id")["id"] == ID
        assert group_of(env, "admins")["_members"] == [group_of(env, "dynamic")["id"], one(env, ANNA)["id"]]
        shown = env.ask("/groups?$filter=displayName eq 'dynamic'&$select=groupTypes,membershipRule").value
        assert shown == [{"groupTypes": ["DynamicMembership"], "membershipRule": rule}]

    def test_what_it_gives_is_given_at_once(self, env: Harness) -> None:
        anna = one(env, ANNA)
        (state,) = anna["licenseAssignmentStates"]
        assert (state["assignedByGroup"], state["state"]) == (group_of(env, "sg-anna")["id"], "Active")
        assert box_of(env, ANNA)["SKUAssigned"] is True
        assert env.ask("/groups?$filter=displayName eq 'sg-anna'&$select=licenseProcessingState").value == [
            {"licenseProcessingState": {"state": "ProcessingComplete"}}
        ]
        done(env, {"groups": {"sg-anna": {"members": []}}})
        assert anna["licenseAssignmentStates"] == []

    def test_who_loses_the_group_loses_its_license(self, env: Harness) -> None:
        outer = {"groups": {"outer": {"members": ["sg-anna"]}}}
        done(env, outer)
        done(env, {"groups": {"sg-anna": None}})
        assert one(env, ANNA)["licenseAssignmentStates"] == []
        assert group_of(env, "outer")["_members"] == []


class TestSkus:
    """SKUs and subscriptions."""

    def test_of_the_table_and_of_any_plans(self, env: Harness) -> None:
        own = [{"servicePlanId": ID, "servicePlanName": "CONTOSO_PLAN"}, "EXCHANGE_S_STANDARD", "EXCHANGE_S_FOUNDATION"]
        done(env, {"skus": {"EXCHANGEDESKLESS": {"prepaidUnits": {"enabled": 3}}, "CONTOSO": {"servicePlans": own}}})
        listed = {sku["skuPartNumber"]: sku for sku in env.ask("/subscribedSkus").value}
        assert listed["EXCHANGEDESKLESS"]["skuId"] == table()["EXCHANGEDESKLESS"].id
        assert listed["EXCHANGEDESKLESS"]["prepaidUnits"]["enabled"] == 3
        plans = {plan["servicePlanName"]: plan for plan in listed["CONTOSO"]["servicePlans"]}
        assert list(plans) == ["CONTOSO_PLAN", "EXCHANGE_S_STANDARD", "EXCHANGE_S_FOUNDATION"]
        assert (plans["CONTOSO_PLAN"]["servicePlanId"], plans["EXCHANGE_S_FOUNDATION"]["appliesTo"]) == (ID, "Company")
        done(env, {"skus": {"CONTOSO": None}})
        assert "CONTOSO" not in {sku["skuPartNumber"] for sku in env.ask("/subscribedSkus").value}

    def test_two_of_one_part_number(self, env: Harness) -> None:
        two = {sku_id: {"skuPartNumber": TEAMS_PREMIUM, "servicePlans": ["TEAMS1"]} for sku_id in (ID, OTHER_ID)}
        done(env, {"skus": two})
        listed = [sku["skuId"] for sku in env.ask("/subscribedSkus").value if sku["skuPartNumber"] == TEAMS_PREMIUM]
        assert listed == [ID, OTHER_ID]
        answer = patch(env, {"skus": {TEAMS_PREMIUM: {"capabilityStatus": "Suspended"}}})
        assert (answer.status, "name one by its skuId" in answer.body["error"]) == (400, True)
        done(env, {"skus": {ID: {"capabilityStatus": "Suspended"}}, "users": {ANNA: {"licenses": [OTHER_ID]}}})
        assert [sku["capabilityStatus"] for sku in env.world.skus.values() if sku["skuId"] in two] == [
            "Suspended",
            "Enabled",
        ]

    def test_who_has_it_follows_its_status_and_plans(self, env: Harness) -> None:
        def plans() -> dict[str, str]:
            return {plan["servicePlanId"]: plan["capabilityStatus"] for plan in one(env, ANNA)["assignedPlans"]}

        done(env, {"skus": {"SPE_E3": {"capabilityStatus": "Suspended"}}})
        assert set(plans().values()) == {"Suspended"}
        done(env, {"skus": {"SPE_E3": {"capabilityStatus": "Enabled", "servicePlans": ["TEAMS1"]}}})
        assert plans()[E3.plan("TEAMS1")] == "Enabled"
        assert plans()[E3.plan("EXCHANGE_S_ENTERPRISE")] == "Deleted"

    def test_subscriptions(self, env: Harness) -> None:
        known = len(env.world.subscriptions)
        wanted = {
            ID: {"skuPartNumber": "SPE_E3", "totalLicenses": 5, "status": "Warning"},
            OTHER_ID: {"skuId": OTHER_ID, "nextLifecycleDateTime": "2026-07-01T00:00:00Z"},
        }
        done(env, {"subscriptions": wanted})
        listed = {item["id"]: item for item in env.ask("/directory/subscriptions").value}
        assert (listed[ID]["skuId"], listed[ID]["status"], listed[ID]["totalLicenses"]) == (E3.id, "Warning", 5)
        assert listed[OTHER_ID]["nextLifecycleDateTime"] == "2026-07-01T00:00:00Z"
        done(env, {"subscriptions": {ID: {"status": "Suspended"}, OTHER_ID: None}})
        assert [item["status"] for item in env.world.subscriptions[known:]] == ["Suspended"]
