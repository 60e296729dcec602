# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Licenses of groups: accepted at once, processed later, and what each member has of it then, with every error."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.simulator.skus import table
from tests.simulator.state import Json
from tests.simulator.tests.direct_requests import E3, EXCHANGE_PLAN2, NOW, Harness, Reply

STANDARD = table()["EXCHANGESTANDARD"]


@pytest.fixture
def env() -> Harness:
    """A tenant with seats, whose groups are processed before the next request."""
    env = Harness(group_reads=0)
    env.world.app.roles |= {"AuditLog.Read.All", "GroupMember.ReadWrite.All"}
    for part_number in ("SPE_E3", "EXCHANGESTANDARD", "STANDARDPACK", "EMS"):
        seats(env, part_number, 10)
    return env


def seats(env: Harness, part_number: str, number: int) -> None:
    sku = env.sku(part_number)
    sku["capabilityStatus"] = "Enabled"
    sku["prepaidUnits"] = {"enabled": number, "suspended": 0, "warning": 0, "lockedOut": 0}


def license_group(env: Harness, group: str, add: list[Any] | None = None, remove: list[str] | None = None) -> Reply:
    entries = [
        {"skuId": table()[item].id, "disabledPlans": []} if isinstance(item, str) else item for item in add or []
    ]
    gone = [table()[item].id for item in remove or []]
    body = {"addLicenses": entries, "removeLicenses": gone}
    return env.ask(f"/groups/{group}/assignLicense", "POST", body)


def held(env: Harness, user: Json) -> list[str]:
    """``SPE_E3 Active None`` of each assignment that a user shows, with ``(group)`` where it is inherited."""
    names = {row.id: name for name, row in table().items()}
    shown = env.ask(f"/users/{user['id']}?$select=licenseAssignmentStates").body["licenseAssignmentStates"]
    return [
        f"{names[one['skuId']]} {one['state']} {one['error']}{' (group)' if one['assignedByGroup'] else ''}"
        for one in shown
    ]


def add_member(env: Harness, group: str, member: str, **more: Any) -> Reply:
    reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{member}"}
    return env.ask(f"/groups/{group}/members/$ref", "POST", reference, **more)


def remove_member(env: Harness, group: str, member: str, **more: Any) -> Reply:
    return env.ask(f"/groups/{group}/members/{member}/$ref", "DELETE", **more)


def in_error(env: Harness, group: str) -> list[str]:
    return [item["displayName"] for item in env.ask(f"/groups/{group}/membersWithLicenseErrors").value]


class TestProcessing:
    """What a group gives, when, and where it is told."""

    def test_it_is_accepted_then_queued_then_in_progress_then_done(self, env: Harness) -> None:
        env.world.switches.group_reads = 2
        anna = env.user("anna")
        group = env.make.group("sg-e3", members=[anna["id"]])

        def state() -> Any:
            return env.ask(f"/groups/{group}?$select=licenseProcessingState").body["licenseProcessingState"]

        assert state() is None
        answer = license_group(env, group, ["SPE_E3"])
        assert (answer.status, answer.body["id"]) == (202, group)
        assert group in answer.headers["location"]
        assert state() == {"state": "QueuedForProcessing"}
        assert anna["licenseAssignmentStates"] == []
        assert state() == {"state": "ProcessingInProgress"}
        assert held(env, anna) == ["SPE_E3 Active None (group)"]
        assert state() == {"state": "ProcessingComplete"}
        license_group(env, group, remove=["SPE_E3"])
        assert [state() for _unused in range(3)][-1] == {"state": "ProcessingComplete"}
        assert held(env, anna) == []
        assert env.ask(f"/groups/{group}?$select=assignedLicenses").body["assignedLicenses"] == []

    def test_it_takes_its_time_on_the_clock_of_the_tenant(self, env: Harness) -> None:
        env.world.switches.group_seconds = 600
        anna = env.user("anna")
        group = env.make.group("sg-e3", members=[anna["id"]])
        license_group(env, group, ["SPE_E3"])
        assert held(env, anna) == []
        env.world.set_clock(NOW + timedelta(minutes=11))
        assert held(env, anna) == ["SPE_E3 Active None (group)"]

    def test_one_call_adds_and_removes_and_switches_plans_off(self, env: Harness) -> None:
        anna = env.user("anna")
        env.make.mailbox(anna, "UserMailbox")
        group = env.make.group("sg", members=[anna["id"]])
        license_group(env, group, ["EXCHANGESTANDARD"])
        assert held(env, anna) == ["EXCHANGESTANDARD Active None (group)"]
        yammer = E3.plan("YAMMER_ENTERPRISE")
        answer = license_group(env, group, [{"skuId": E3.id, "disabledPlans": [yammer]}], ["EXCHANGESTANDARD"])
        assert answer.status == 202
        assert held(env, anna) == ["SPE_E3 Active None (group)"]
        assert anna["assignedLicenses"] == [{"skuId": E3.id, "disabledPlans": [yammer]}]
        # a plan is off only where it is off in every assignment
        assert env.assign(anna, ["SPE_E3"]).status == 200
        assert anna["assignedLicenses"] == [{"skuId": E3.id, "disabledPlans": []}]
        (box,) = env.world.mailboxes_of(anna["id"])
        assert (box["_disconnected"], box["PersistedCapabilities"]) == (None, ["BPOS_S_Enterprise"])

    def test_direct_and_group_licenses_share_one_seat(self, env: Harness) -> None:
        anna = env.user("anna", ("SPE_E3",))
        first = env.make.group("first", members=[anna["id"]])
        second = env.make.group("second", members=[anna["id"]])
        taken = env.sku("SPE_E3")["consumedUnits"]
        for group in (first, second):
            license_group(env, group, ["SPE_E3"])
            held(env, anna)
        assert env.sku("SPE_E3")["consumedUnits"] == taken == 1
        assert len(anna["licenseAssignmentStates"]) == 3
        assert env.assign(anna, remove=["SPE_E3"]).status == 200
        license_group(env, first, remove=["SPE_E3"])
        assert held(env, anna) == ["SPE_E3 Active None (group)"]
        assert env.sku("SPE_E3")["consumedUnits"] == 1
        license_group(env, second, remove=["SPE_E3"])
        assert held(env, anna) == []
        assert env.sku("SPE_E3")["consumedUnits"] == 0

    def test_members_of_a_group_within_the_group_get_nothing(self, env: Harness) -> None:
        anna, bert = env.user("anna"), env.user("bert")
        inner = env.make.group("inner", members=[bert["id"]])
        outer = env.make.group("outer", members=[anna["id"], inner])
        license_group(env, outer, ["SPE_E3"])
        assert held(env, anna) == ["SPE_E3 Active None (group)"]
        assert held(env, bert) == []

    def test_changes_and_audit_log_tell_of_it(self, env: Harness) -> None:
        anna = env.user("anna")
        group = env.make.group("sg", members=[anna["id"]])
        license_group(env, group, ["SPE_E3"])
        (entry,) = env.ask("/auditLogs/directoryAudits").value
        assert entry["targetResources"][0]["id"] == anna["id"]
        assert entry["initiatedBy"]["app"]["displayName"] == "Microsoft Azure AD Group-Based Licensing"
        assert env.world.changes == [
            {"user_id": anna["id"], "before": {}, "after": {E3.id: []}, "group_id": group},
        ]

    def test_a_group_of_the_seed_is_complete(self) -> None:
        env = Harness()
        (group,) = env.ask("/groups?$select=licenseProcessingState&$filter=displayName eq 'sg-lic-e3'").value
        assert group == {"licenseProcessingState": {"state": "ProcessingComplete"}}


class TestMembers:
    """Joining and leaving a licensed group."""

    def test_who_joins_gets_the_license_and_who_leaves_loses_it(self, env: Harness) -> None:
        anna = env.user("anna")
        env.make.mailbox(anna, "UserMailbox")
        group = env.make.group("sg", part_number="SPE_E3")
        assert add_member(env, group, anna["id"]).status == 204
        assert held(env, anna) == ["SPE_E3 Active None (group)"]
        (box,) = env.world.mailboxes_of(anna["id"])
        assert (box["SKUAssigned"], box["_disconnected"]) == (True, None)
        assert remove_member(env, group, anna["id"].upper()).status == 204
        assert held(env, anna) == []
        # as after a direct removal: disconnected at once, and in no list of Exchange
        assert box["_disconnected"] is not None
        found = env.cmdlet("Get-Mailbox", {"ResultSize": "Unlimited"}).value
        assert "anna@contoso.example" not in [row["UserPrincipalName"] for row in found]
        plans = {plan["servicePlanId"]: plan["capabilityStatus"] for plan in anna["assignedPlans"]}
        assert plans[EXCHANGE_PLAN2] == "Deleted"
        assert env.sku("SPE_E3")["consumedUnits"] == 0

    def test_a_license_of_a_group_cannot_be_removed_from_the_user(self, env: Harness) -> None:
        anna = env.user("anna")
        group = env.make.group("sg", part_number="SPE_E3")
        add_member(env, group, anna["id"])
        held(env, anna)
        assert env.assign(anna, remove=["SPE_E3"]).message.startswith("User license is inherited from a group")

    def test_who_returns_from_the_recycle_bin_is_processed(self, env: Harness) -> None:
        anna = env.user("anna")
        group = env.make.group("sg", part_number="SPE_E3")
        add_member(env, group, anna["id"])
        held(env, anna)
        assert env.ask(f"/users/{anna['id']}", "DELETE").status == 204
        license_group(env, group, ["EMS"], ["SPE_E3"])
        assert env.ask(f"/directory/deletedItems/{anna['id']}/restore", "POST").status == 200
        assert held(env, anna) == ["EMS Active None (group)"]

    @pytest.mark.parametrize(
        ("properties", "status", "words"),
        [
            ({"groupTypes": ["DynamicMembership"]}, 403, "Insufficient privileges"),
            ({"isAssignableToRole": True}, 403, "Insufficient privileges"),
            ({"onPremisesSyncEnabled": True}, 400, "on-premises mastered"),
            ({"mailEnabled": True}, 400, "Cannot Update a mail-enabled security groups"),
        ],
    )
    def test_a_group_whose_members_cannot_be_changed(
        self, env: Harness, properties: Json, status: int, words: str
    ) -> None:
        anna, bert = env.user("anna"), env.user("bert")
        group = env.make.group("sg", part_number="SPE_E3", members=[bert["id"]])
        env.world.groups[group].update(properties)
        for answer in (add_member(env, group, anna["id"]), remove_member(env, group, bert["id"])):
            assert (answer.status, words in answer.message) == (status, True)
        assert env.world.groups[group]["_members"] == [bert["id"]]

    def test_members_join_unified_and_role_assignable_groups(self, env: Harness) -> None:
        env.world.app.roles.add("RoleManagement.ReadWrite.Directory")
        anna = env.user("anna")
        for properties in ({"mailEnabled": True, "groupTypes": ["Unified"]}, {"isAssignableToRole": True}):
            group = env.make.group("sg")
            env.world.groups[group].update(properties)
            assert add_member(env, group, anna["id"]).status == 204

    def test_what_is_no_new_member(self, env: Harness) -> None:
        anna = env.user("anna")
        group = env.make.group("sg", members=[anna["id"]])
        again = add_member(env, group, anna["id"])
        assert (again.status, "already exist for the following modified properties: 'members'" in again.message) == (
            400,
            True,
        )
        unknown = "11111111-2222-3333-4444-555555555555"
        assert add_member(env, group, unknown).status == 404
        assert remove_member(env, group, unknown).status == 404
        assert add_member(env, unknown, anna["id"]).status == 404
        assert env.ask(f"/groups/{group}/members/$ref", "POST", {"id": anna["id"]}).status == 501


class TestErrors:
    """What goes wrong in processing is written down in the member."""

    def test_no_seat_is_left(self, env: Harness) -> None:
        anna, bert = env.user("anna"), env.user("bert")
        seats(env, "SPE_E3", 1)
        group = env.make.group("sg", members=[anna["id"], bert["id"]])
        assert license_group(env, group, ["SPE_E3"]).status == 202
        assert held(env, anna) == ["SPE_E3 Active None (group)"]
        assert held(env, bert) == ["SPE_E3 Error CountViolation (group)"]
        assert (bert["assignedLicenses"], env.sku("SPE_E3")["consumedUnits"]) == ([], 1)
        assert in_error(env, group) == ["Bert"]
        named = env.find("hasMembersWithLicenseErrors eq true", what="groups").value
        assert named == [{"id": group}]
        # a seat alone does not help: somebody has to have it processed
        seats(env, "SPE_E3", 2)
        assert held(env, bert) == ["SPE_E3 Error CountViolation (group)"]
        env.world.app.roles.add("User.ReadWrite.All")
        assert env.ask(f"/users/{bert['id']}/reprocessLicenseAssignment", "POST").body["id"] == bert["id"]
        assert held(env, bert) == ["SPE_E3 Active None (group)"]
        assert in_error(env, group) == []

    def test_where_one_license_fails_the_group_gives_none(self, env: Harness) -> None:
        anna = env.user("anna")
        seats(env, "EMS", 0)
        group = env.make.group("sg", members=[anna["id"]])
        license_group(env, group, ["SPE_E3", "EMS"])
        assert held(env, anna) == ["SPE_E3 Error Other (group)", "EMS Error CountViolation (group)"]
        assert anna["assignedLicenses"] == []

    def test_plans_that_exclude_each_other(self, env: Harness) -> None:
        anna = env.user("anna", ("STANDARDPACK",))
        group = env.make.group("sg", members=[anna["id"]])
        license_group(env, group, ["SPE_E3"])
        assert held(env, anna) == ["STANDARDPACK Active None", "SPE_E3 Error MutuallyExclusiveViolation (group)"]

    def test_what_another_plan_needs_is_not_taken_away(self, env: Harness) -> None:
        anna = env.user("anna")
        env.make.mailbox(anna, "UserMailbox")
        group = env.make.group("sg", members=[anna["id"]])
        license_group(env, group, ["EXCHANGESTANDARD"])
        assert held(env, anna) == ["EXCHANGESTANDARD Active None (group)"]
        seats(env, "EXCHANGEARCHIVE_ADDON", 5)
        assert env.assign(anna, ["EXCHANGEARCHIVE_ADDON"]).status == 200
        assert remove_member(env, group, anna["id"]).status == 204
        stays = ["EXCHANGEARCHIVE_ADDON Active None", "EXCHANGESTANDARD ActiveWithError DependencyViolation (group)"]
        assert held(env, anna) == stays
        (box,) = env.world.mailboxes_of(anna["id"])
        assert box["_disconnected"] is None
        assert in_error(env, group) == ["Anna"]
        assert env.assign(anna, remove=["EXCHANGEARCHIVE_ADDON"]).status == 200
        env.world.app.roles.add("User.ReadWrite.All")
        assert env.ask(f"/users/{anna['id']}/reprocessLicenseAssignment", "POST").status == 200
        assert held(env, anna) == []

    @pytest.mark.parametrize(
        ("location", "switch", "error"),
        [
            ("CN", "directory", "Error ProhibitedInUsageLocationViolation"),
            ("DE", "directory", "Active None"),
            # who has no location inherits that of the directory
            (None, "directory", "Active None"),
            (None, "violation", "Error ProhibitedInUsageLocationViolation"),
        ],
    )
    def test_where_a_user_is(self, env: Harness, location: str | None, switch: str, error: str) -> None:
        env.world.plan_rules.prohibited_locations = {E3.id: ("CN",)}
        env.world.switches.group_usage_location = switch
        anna = env.user("anna", usage_location=location)
        group = env.make.group("sg", members=[anna["id"]])
        license_group(env, group, ["SPE_E3"])
        assert held(env, anna) == [f"SPE_E3 {error} (group)"]

    def test_an_error_that_a_test_has_set(self, env: Harness) -> None:
        anna, bert = env.user("anna"), env.user("bert")
        env.world.plan_rules.assignment_errors = {E3.id: {"anna@contoso.example": "UniquenessViolation"}}
        group = env.make.group("sg", members=[anna["id"], bert["id"]])
        license_group(env, group, ["SPE_E3"])
        assert held(env, anna) == ["SPE_E3 Error UniquenessViolation (group)"]
        assert held(env, bert) == ["SPE_E3 Active None (group)"]

    def test_reprocessing_without_changes_is_still_logged(self, env: Harness) -> None:
        env.world.app.roles.add("User.ReadWrite.All")
        anna = env.user("anna", ("SPE_E3",))
        before = dict(anna)
        assert env.ask(f"/users/{anna['id']}/reprocessLicenseAssignment", "POST").status == 200
        assert (anna, env.world.changes) == (before, [])
        (entry,) = env.ask("/auditLogs/directoryAudits").value
        told = entry["targetResources"][0]["modifiedProperties"][0]
        assert told["oldValue"] == told["newValue"]


class TestRefusals:
    """What is refused at once."""

    @pytest.mark.parametrize(
        ("add", "remove", "status", "words"),
        [
            (["SPE_E3"], ["SPE_E3"], 400, "both addLicenses and removeLicenses"),
            ([{"skuId": "x"}], [], 400, "Edm.Guid"),
            ([{"skuId": "11111111-2222-3333-4444-555555555555"}], [], 400, "valid company License"),
            (["SHAREPOINTSTORAGE"], [], 400, "cannot be assigned to a user"),
            ([{"skuId": STANDARD.id, "disabledPlans": [EXCHANGE_PLAN2]}], [], 400, "does not belong to"),
            (["EXCHANGEARCHIVE_ADDON"], [], 400, "depends on the service plan(s)"),
            (["SPE_E3", "STANDARDPACK"], [], 400, "mutually exclusive"),
            ([], [], 400, "No license changes provided"),
            ([], ["EMS"], 501, "does not have"),
        ],
    )
    def test_the_group_is_left_as_it_was(
        self, env: Harness, add: list[Any], remove: list[str], status: int, words: str
    ) -> None:
        anna = env.user("anna")
        group = env.make.group("sg", members=[anna["id"]])
        answer = license_group(env, group, add, remove)
        assert (answer.status, words in answer.message) == (status, True), answer.body
        assert env.world.groups[group]["assignedLicenses"] == []
        assert held(env, anna) == []

    def test_a_group_without_security_is_not_known(self, env: Harness) -> None:
        group = env.make.group("list")
        env.world.groups[group] |= {"securityEnabled": False, "mailEnabled": True}
        assert license_group(env, group, ["SPE_E3"]).status == 501

    @pytest.mark.parametrize(
        ("method", "path", "enough", "too_little"),
        [
            ("POST", "/groups/{group}/assignLicense", "LicenseAssignment.ReadWrite.All", "GroupMember.ReadWrite.All"),
            ("POST", "/groups/{group}/assignLicense", "Group.ReadWrite.All", "Group.Read.All"),
            ("POST", "/groups/{group}/members/$ref", "GroupMember.ReadWrite.All", "LicenseAssignment.ReadWrite.All"),
            ("DELETE", "/groups/{group}/members/{user}/$ref", "Group.ReadWrite.All", "GroupMember.Read.All"),
            ("GET", "/groups/{group}/membersWithLicenseErrors", "GroupMember.Read.All", "User.Read.All"),
            ("POST", "/users/{user}/reprocessLicenseAssignment", "User.ReadWrite.All", "User.Read.All"),
        ],
    )
    def test_what_it_takes(self, env: Harness, method: str, path: str, enough: str, too_little: str) -> None:
        anna, bert = env.user("anna"), env.user("bert")
        group = env.make.group("sg", members=[anna["id"]])
        bodies: dict[str, Json] = {
            "assignLicense": {"addLicenses": [{"skuId": E3.id, "disabledPlans": []}], "removeLicenses": []},
            "$ref": {"@odata.id": f"https://graph.microsoft.com/v1.0/users/{bert['id']}"},
        }
        target = path.format(group=group, user=anna["id"])
        body = bodies.get(path.rpartition("/")[2]) if method == "POST" else None
        refused = env.ask(target, method, body, app=env.as_app(too_little))
        assert (refused.status, refused.code) == (403, "Authorization_RequestDenied")
        assert env.ask(target, method, body, app=env.as_app(enough)).status in (200, 202, 204)
