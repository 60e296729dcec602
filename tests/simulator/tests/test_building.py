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
from tests.simulator.tests.direct_requests import E3, NOW, Desk

ID, OTHER_ID = "11111111-2222-4333-8444-555555555555", "66666666-7777-4888-8999-aaaaaaaaaaaa"
ANNA = "anna@contoso.example"
TEAMS_PREMIUM = "Microsoft_Teams_Premium"


@pytest.fixture
def desk() -> Desk:
    """Anna has a mailbox and, by a group, a license."""
    desk = Desk()
    desk.sku("SPE_E3")["prepaidUnits"] = {"enabled": 9, "suspended": 0, "warning": 0, "lockedOut": 0}
    done(desk, {"users": {ANNA: {}}, "mailboxes": {ANNA: {}}})
    done(desk, {"groups": {"sg-anna": {"members": [ANNA], "licenses": ["SPE_E3"]}}})
    return desk


def patch(desk: Desk, change: Any) -> Answer:
    return control.dispatch(desk.world, "PATCH", "/state", {}, change)


def done(desk: Desk, change: Any) -> None:
    answer = patch(desk, change)
    assert answer.status == 200, answer.body


def everything(desk: Desk) -> Any:
    world = desk.world
    shown = {**control.state(world, {"all": "true"}), "now": "", "changes": world.changes, "audits": len(world.audits)}
    shown |= {"index": world.mailbox_index, "names": world.upn_index, "work": len(world.group_work)}
    return json.loads(json.dumps(shown, default=str, sort_keys=True))


def one(desk: Desk, name: str) -> Json:
    user = desk.world.user(name)
    assert user is not None
    return user


def box_of(desk: Desk, name: str) -> Json:
    (box,) = desk.world.mailboxes_of(one(desk, name)["id"])
    return box


def group_of(desk: Desk, name: str) -> Json:
    (group,) = [group for group in desk.world.groups.values() if group["displayName"] == name]
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
def test_a_mistake_is_said_and_nothing_changes(desk: Desk, mistake: Json, said: str) -> None:
    before = everything(desk)
    anna = one(desk, ANNA)
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
        answer = patch(desk, change)
        assert answer.status == 400, answer.body
        assert said in answer.body["error"]
        assert everything(desk) == before
        assert one(desk, ANNA) is anna
    done(desk, right)


def test_the_examples_of_the_readme_are_right() -> None:
    text = (Path(__file__).resolve().parents[2] / "tenant" / "README.md").read_text(encoding="utf-8")
    examples = [json.loads(block) for block in re.findall(r"```json\n(\{.*?)```", text, re.DOTALL)]
    assert [sorted(example) for example in examples] == [["groups", "mailboxes", "skus", "users"], ["plan_rules"]]
    desk = Desk()
    for example in examples:
        done(desk, example)
    assert one(desk, "bert@contoso.example")["assignedLicenses"] == [{"skuId": E3.id, "disabledPlans": []}]
    assert box_of(desk, ANNA)["PersistedCapabilities"] == ["BPOS_S_Standard"]


def test_a_user_may_hold_what_the_tenant_does_not_have(desk: Desk) -> None:
    held = {"skuId": ID, "disabledPlans": []}
    more = {"assignedByGroup": None, "state": "Active", "error": "None", "lastUpdatedDateTime": "2026-06-01T00:00:00Z"}
    change = {"assignedLicenses": [held], "licenseAssignmentStates": [{**held, **more}]}
    done(desk, {"users": {"bert@contoso.example": change}})
    shown = desk.ask("/users/bert@contoso.example?$select=assignedLicenses").body
    assert shown["assignedLicenses"] == [held]
    assert desk.ask("/users/bert@contoso.example/licenseDetails").status == 501


class TestUsers:
    """Users, their licenses, and the recycle bin."""

    def test_a_new_one_is_named_by_name_or_id(self, desk: Desk) -> None:
        users = {"bert@contoso.example": {"department": "Moon"}, ID: {"userPrincipalName": "carl@contoso.example"}}
        done(desk, {"users": users})
        assert one(desk, "BERT@contoso.example")["department"] == "Moon"
        assert one(desk, "carl@contoso.example")["id"] == ID
        shown = desk.ask(f"/users/{ID}?$select=id,userPrincipalName,usageLocation,assignedLicenses,mail").body
        assert (shown["usageLocation"], shown["assignedLicenses"]) == ("DE", [])
        assert desk.ask("/users/bert@contoso.example?$select=department").body["department"] == "Moon"

    def test_the_same_tenant_twice_is_the_same(self) -> None:
        change: Json = {
            "users": {"bert@contoso.example": {}},
            "groups": {"sg-new": {}},
            "mailboxes": {"bert@contoso.example": {}},
        }
        first, second = Desk(), Desk()
        for desk in (first, second):
            done(desk, change)
        assert one(first, "bert@contoso.example")["id"] == one(second, "bert@contoso.example")["id"]
        assert box_of(first, "bert@contoso.example")["Guid"] == box_of(second, "bert@contoso.example")["Guid"]

    def test_licenses_give_what_licenses_give(self, desk: Desk) -> None:
        taken = desk.sku("SPE_E3")["consumedUnits"]
        off = {"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]}
        done(desk, {"users": {"bert@contoso.example": {"licenses": [off]}}, "mailboxes": {"bert@contoso.example": {}}})
        bert, box = one(desk, "bert@contoso.example"), box_of(desk, "bert@contoso.example")
        assert bert["assignedLicenses"] == [{"skuId": E3.id, "disabledPlans": [E3.plan("YAMMER_ENTERPRISE")]}]
        assert desk.sku("SPE_E3")["consumedUnits"] == taken + 1
        assert (box["SKUAssigned"], box["PersistedCapabilities"]) == (True, ["BPOS_S_Enterprise"])
        done(desk, {"users": {"bert@contoso.example": {"licenses": []}}})
        assert desk.sku("SPE_E3")["consumedUnits"] == taken
        assert box_of(desk, "bert@contoso.example")["_disconnected"] is not None
        # what clients did is told by the log of changes, and only that
        assert desk.world.changes == []

    def test_a_license_in_error(self, desk: Desk) -> None:
        entry = {"sku": "SPE_E3", "state": "Error", "error": "CountViolation"}
        done(desk, {"users": {"bert@contoso.example": {"licenses": [entry]}}})
        (state,) = one(desk, "bert@contoso.example")["licenseAssignmentStates"]
        assert (state["state"], state["error"]) == ("Error", "CountViolation")
        assert one(desk, "bert@contoso.example")["assignedLicenses"] == []

    def test_who_is_removed_frees_the_seat(self, desk: Desk) -> None:
        taken = desk.sku("SPE_E3")["consumedUnits"]
        done(desk, {"users": {ANNA: None}})
        assert desk.sku("SPE_E3")["consumedUnits"] == taken - 1
        assert group_of(desk, "sg-anna")["_members"] == []

    def test_the_recycle_bin(self, desk: Desk) -> None:
        gone = {"deletedDateTime": "2026-06-05T12:00:00Z"}
        done(desk, {"users": {"bert@contoso.example": {}}, "deleted_users": {"bert@contoso.example": gone, ANNA: {}}})
        listed = desk.ask("/directory/deletedItems/microsoft.graph.user?$select=displayName,deletedDateTime").value
        assert listed == [
            {"displayName": "bert", "deletedDateTime": "2026-06-05T12:00:00Z"},
            {"displayName": "anna", "deletedDateTime": "2026-06-15T12:00:00Z"},
        ]
        done(desk, {"deleted_users": {"bert@contoso.example": {"department": "Moon"}, ANNA: None}})
        (bert,) = desk.world.deleted_users.values()
        assert bert["department"] == "Moon"
        desk.world.set_clock(NOW + timedelta(days=21))
        assert control.dispatch(desk.world, "GET", "/state", {}, None).body["deleted_users"] == []


class TestMailboxes:
    """Mailboxes and mail users."""

    def test_of_each_kind_and_a_second_one(self, desk: Desk) -> None:
        kinds = ("SharedMailbox", "RoomMailbox", "MailUser", "GuestMailUser")
        names = {kind: f"{kind.lower()}@contoso.example" for kind in kinds}
        done(desk, {"users": {name: {} for name in names.values()},
                    "mailboxes": {name: {"RecipientTypeDetails": kind} for kind, name in names.items()}})  # fmt: skip
        done(desk, {"mailboxes": {ID: {"ExternalDirectoryObjectId": ANNA, "RecipientTypeDetails": "SharedMailbox"}}})
        assert [box["RecipientTypeDetails"] for box in desk.world.mailboxes_of(one(desk, ANNA)["id"])] == [
            "UserMailbox",
            "SharedMailbox",
        ]
        assert box_of(desk, names["MailUser"])["ExchangeGuid"].startswith("00000000")
        found = desk.cmdlet("Get-MailUser", {"ResultSize": "Unlimited"}).value
        assert {row["UserPrincipalName"] for row in found} == {names["MailUser"], names["GuestMailUser"]}

    def test_times_are_taken_in_either_form(self, desk: Desk) -> None:
        done(desk, {"mailboxes": {ANNA: {"WhenMailboxCreated": "2026-06-01T00:00:00Z"}}})
        assert box_of(desk, ANNA)["WhenMailboxCreated"] == "2026-06-01T00:00:00.0000000+00:00"

    def test_a_deleted_one_may_belong_to_nobody_who_is_there(self, desk: Desk) -> None:
        gone = {"ExternalDirectoryObjectId": OTHER_ID, "WhenSoftDeleted": "2026-06-01T00:00:00Z"}
        done(desk, {"mailboxes": {ID: gone, OTHER_ID: {"ExternalDirectoryObjectId": ""}}})
        assert desk.world.mailboxes[ID]["ExternalDirectoryObjectId"] == OTHER_ID
        done(desk, {"mailboxes": {ID: None, ANNA: None}})
        assert desk.world.mailboxes_of(one(desk, ANNA)["id"]) == []


class TestGroups:
    """Groups of every kind."""

    def test_of_every_kind(self, desk: Desk) -> None:
        rule = '(user.department -eq "Moon")'
        groups = {
            "dynamic": {"groupTypes": ["DynamicMembership"], "membershipRule": rule, "members": [ANNA]},
            "synced": {"onPremisesSyncEnabled": True, "onPremisesSamAccountName": "synced"},
            "admins": {"isAssignableToRole": True, "members": ["dynamic", ANNA]},
            "list": {"mailEnabled": True, "securityEnabled": False, "mail": "list@contoso.example"},
            ID: {"displayName": "named by its id"},
        }
        done(desk, {"groups": groups})
        assert group_of(desk, "named by its id")["id"] == ID
        assert group_of(desk, "admins")["_members"] == [group_of(desk, "dynamic")["id"], one(desk, ANNA)["id"]]
        shown = desk.ask("/groups?$filter=displayName eq 'dynamic'&$select=groupTypes,membershipRule").value
        assert shown == [{"groupTypes": ["DynamicMembership"], "membershipRule": rule}]

    def test_what_it_gives_is_given_at_once(self, desk: Desk) -> None:
        anna = one(desk, ANNA)
        (state,) = anna["licenseAssignmentStates"]
        assert (state["assignedByGroup"], state["state"]) == (group_of(desk, "sg-anna")["id"], "Active")
        assert box_of(desk, ANNA)["SKUAssigned"] is True
        assert desk.ask("/groups?$filter=displayName eq 'sg-anna'&$select=licenseProcessingState").value == [
            {"licenseProcessingState": {"state": "ProcessingComplete"}}
        ]
        done(desk, {"groups": {"sg-anna": {"members": []}}})
        assert anna["licenseAssignmentStates"] == []

    def test_who_loses_the_group_loses_its_license(self, desk: Desk) -> None:
        outer = {"groups": {"outer": {"members": ["sg-anna"]}}}
        done(desk, outer)
        done(desk, {"groups": {"sg-anna": None}})
        assert one(desk, ANNA)["licenseAssignmentStates"] == []
        assert group_of(desk, "outer")["_members"] == []


class TestSkus:
    """SKUs and subscriptions."""

    def test_of_the_table_and_of_any_plans(self, desk: Desk) -> None:
        own = [{"servicePlanId": ID, "servicePlanName": "CONTOSO_PLAN"}, "EXCHANGE_S_STANDARD", "EXCHANGE_S_FOUNDATION"]
        done(desk, {"skus": {"EXCHANGEDESKLESS": {"prepaidUnits": {"enabled": 3}}, "CONTOSO": {"servicePlans": own}}})
        listed = {sku["skuPartNumber"]: sku for sku in desk.ask("/subscribedSkus").value}
        assert listed["EXCHANGEDESKLESS"]["skuId"] == table()["EXCHANGEDESKLESS"].id
        assert listed["EXCHANGEDESKLESS"]["prepaidUnits"]["enabled"] == 3
        plans = {plan["servicePlanName"]: plan for plan in listed["CONTOSO"]["servicePlans"]}
        assert list(plans) == ["CONTOSO_PLAN", "EXCHANGE_S_STANDARD", "EXCHANGE_S_FOUNDATION"]
        assert (plans["CONTOSO_PLAN"]["servicePlanId"], plans["EXCHANGE_S_FOUNDATION"]["appliesTo"]) == (ID, "Company")
        done(desk, {"skus": {"CONTOSO": None}})
        assert "CONTOSO" not in {sku["skuPartNumber"] for sku in desk.ask("/subscribedSkus").value}

    def test_two_of_one_part_number(self, desk: Desk) -> None:
        two = {sku_id: {"skuPartNumber": TEAMS_PREMIUM, "servicePlans": ["TEAMS1"]} for sku_id in (ID, OTHER_ID)}
        done(desk, {"skus": two})
        listed = [sku["skuId"] for sku in desk.ask("/subscribedSkus").value if sku["skuPartNumber"] == TEAMS_PREMIUM]
        assert listed == [ID, OTHER_ID]
        answer = patch(desk, {"skus": {TEAMS_PREMIUM: {"capabilityStatus": "Suspended"}}})
        assert (answer.status, "name one by its skuId" in answer.body["error"]) == (400, True)
        done(desk, {"skus": {ID: {"capabilityStatus": "Suspended"}}, "users": {ANNA: {"licenses": [OTHER_ID]}}})
        assert [sku["capabilityStatus"] for sku in desk.world.skus.values() if sku["skuId"] in two] == [
            "Suspended",
            "Enabled",
        ]

    def test_who_has_it_follows_its_status_and_plans(self, desk: Desk) -> None:
        def plans() -> dict[str, str]:
            return {plan["servicePlanId"]: plan["capabilityStatus"] for plan in one(desk, ANNA)["assignedPlans"]}

        done(desk, {"skus": {"SPE_E3": {"capabilityStatus": "Suspended"}}})
        assert set(plans().values()) == {"Suspended"}
        done(desk, {"skus": {"SPE_E3": {"capabilityStatus": "Enabled", "servicePlans": ["TEAMS1"]}}})
        assert plans()[E3.plan("TEAMS1")] == "Enabled"
        assert plans()[E3.plan("EXCHANGE_S_ENTERPRISE")] == "Deleted"

    def test_subscriptions(self, desk: Desk) -> None:
        known = len(desk.world.subscriptions)
        wanted = {
            ID: {"skuPartNumber": "SPE_E3", "totalLicenses": 5, "status": "Warning"},
            OTHER_ID: {"skuId": OTHER_ID, "nextLifecycleDateTime": "2026-07-01T00:00:00Z"},
        }
        done(desk, {"subscriptions": wanted})
        listed = {item["id"]: item for item in desk.ask("/directory/subscriptions").value}
        assert (listed[ID]["skuId"], listed[ID]["status"], listed[ID]["totalLicenses"]) == (E3.id, "Warning", 5)
        assert listed[OTHER_ID]["nextLifecycleDateTime"] == "2026-07-01T00:00:00Z"
        done(desk, {"subscriptions": {ID: {"status": "Suspended"}, OTHER_ID: None}})
        assert [item["status"] for item in desk.world.subscriptions[known:]] == ["Suspended"]
