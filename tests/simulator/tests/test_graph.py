# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, groups, SKUs and reports of the tenant's Graph: pages, single objects, changes, permissions."""

from __future__ import annotations

import csv
import io
from typing import Any
from urllib.parse import quote

import pytest

from tests.simulator import graph_reports
from tests.simulator.state import graph_time
from tests.simulator.tests.direct_requests import ADVANCED, E3, GRAPH, NOW, Harness, Reply


@pytest.fixture
def env() -> Harness:
    """Seven people."""
    made = Harness()
    for number in range(7):
        made.user(f"user{number}", city="Wien" if number % 2 else "Linz")
    return made


def walk(env: Harness, target: str, headers: dict[str, str] | None = None) -> list[Reply]:
    """All pages, by their links as they are."""
    pages = [env.ask(target, headers=headers)]
    while pages[-1].link:
        pages.append(env.ask(pages[-1].link, headers=headers))
    return pages


class TestPages:
    """``GET /users``."""

    @pytest.mark.parametrize(
        ("query", "sizes"),
        [
            ("$top=3&$select=id", [3, 3, 1]),
            ("$top=7&$select=id", [7]),
            ("$top=999", [7]),
            ("$top=2&$select=id&$filter=city eq 'Linz'", [2, 2]),
            ("$top=3&$select=id&$filter=city eq 'Wien'", [3]),
            ("$top=1&$select=id&$filter=city eq 'Graz'", [0]),
        ],
    )
    def test_all_arrive_once(self, env: Harness, query: str, sizes: list[int]) -> None:
        pages = walk(env, f"/users?{query}")
        assert [len(page.value) for page in pages] == sizes
        ids = [user["id"] for page in pages for user in page.value]
        assert len(ids) == len(set(ids))

    def test_a_hundred_without_top(self) -> None:
        env = Harness()
        for number in range(101):
            env.user(f"user{number}")
        assert [len(page.value) for page in walk(env, "/users?$select=id")] == [100, 1]

    def test_pages_may_be_smaller_than_was_asked_for(self, env: Harness) -> None:
        env.world.switches.page_limit = 2
        assert [len(env.ask(f"/users?$top={top}").body["value"]) for top in (1, 2, 999)] == [1, 2, 2]

    @pytest.mark.parametrize("top", ["0", "1000", "-1", "many", ""])
    def test_top_has_limits(self, env: Harness, top: str) -> None:
        assert env.ask(f"/users?$top={top}").status == 400

    def test_links_are_absolute_and_carry_the_query(self, env: Harness) -> None:
        env.user("odd", city="50% #1 & more")
        env.user("even", city="50% #1 & more")
        link = env.ask(f"/users?$top=1&$select=id,city&$filter=city eq '{quote('50% #1 & more')}'").link
        assert link.startswith(f"{GRAPH}/v1.0/users?")
        assert "$skiptoken=" in link
        assert env.ask(link).value[0]["city"] == "50% #1 & more"

    @pytest.mark.parametrize("change", ["&$filter=city eq 'Wien'", "x", "&$select=mail"])
    def test_a_link_that_was_tampered_with(self, env: Harness, change: str) -> None:
        link = env.ask("/users?$top=3").link
        answer = env.ask(link + change)
        assert answer.status == 400

    def test_the_count_comes_with_the_first_page_alone(self, env: Harness) -> None:
        pages = walk(env, "/users?$top=4&$select=id&$count=true", ADVANCED)
        assert [page.body.get("@odata.count") for page in pages] == [7, None]

    def test_people_who_come_and_go_between_two_requests(self, env: Harness) -> None:
        assert len(env.ask("/users?$select=id").value) == 7
        env.world.remove_user(next(iter(env.world.users)))
        new = env.user("new")
        assert new["id"] in [user["id"] for user in env.ask("/users?$select=id").value]

    def test_select_decides_what_comes(self, env: Harness) -> None:
        assert env.ask("/users?$top=1&$select=id,city").value[0].keys() == {"id", "city"}
        default = env.ask("/users?$top=1").value[0]
        assert "userPrincipalName" in default
        assert "assignedLicenses" not in default

    @pytest.mark.parametrize(
        ("select", "status"), [("shoeSize", 501), ("id,", 400), ("isLicenseReconciliationNeeded", 400)]
    )
    def test_select_of_what_is_not_there(self, env: Harness, select: str, status: int) -> None:
        assert env.ask(f"/users?$select={select}").status == status

    def test_beta_shows_the_flag_of_the_portal(self, env: Harness) -> None:
        (user, *_others) = env.ask(f"{GRAPH}/beta/users?$select=isLicenseReconciliationNeeded").value
        assert user == {"isLicenseReconciliationNeeded": False}

    def test_beta_may_be_gone(self, env: Harness) -> None:
        env.world.switches.beta_gone = True
        assert env.ask(f"{GRAPH}/beta/users").status == 404
        assert env.ask("/users").status == 200

    def test_an_option_twice(self, env: Harness) -> None:
        assert env.ask("/users?$top=1&$top=2").status == 400


class TestOneUser:
    """``/users/{id|upn}``."""

    @pytest.mark.parametrize("upper", [False, True])
    def test_by_id_and_by_name_in_any_case(self, env: Harness, upper: bool) -> None:
        user = env.user("o'brien")
        for key in (user["id"], user["userPrincipalName"]):
            answer = env.ask(f"/users/{quote(key.upper() if upper else key)}?$select=id")
            assert answer.body["id"] == user["id"]

    def test_a_guest_has_a_hash_in_the_name(self, env: Harness) -> None:
        guest = env.make.user("Guest", "guest", upn="guest_fabrikam.example#EXT#@contoso.onmicrosoft.com")
        assert env.ask(f"/users/{quote(guest['userPrincipalName'])}").body["id"] == guest["id"]

    def test_a_usage_location(self, env: Harness) -> None:
        user = env.user(usageLocation=None)
        answer = env.ask(f"/users/{user['id']}", "PATCH", {"usageLocation": "DE"})
        assert (answer.status, answer.body) == (204, None)
        assert user["usageLocation"] == "DE"

    @pytest.mark.parametrize("value", ["Germany", "D", "", 49, "D1"])
    def test_no_usage_location(self, env: Harness, value: Any) -> None:
        user = env.user(usageLocation=None)
        answer = env.ask(f"/users/{user['id']}", "PATCH", {"usageLocation": value})
        assert answer.status == 400
        assert user["usageLocation"] is None

    def test_what_is_mastered_on_premises(self, env: Harness) -> None:
        user = env.user(synced=True)
        assert env.ask(f"/users/{user['id']}", "PATCH", {"department": "Sales"}).status == 400
        assert env.ask(f"/users/{user['id']}", "PATCH", {"usageLocation": "DE"}).status == 204

    def test_a_property_that_cannot_be_changed_here(self, env: Harness) -> None:
        answer = env.ask(f"/users/{env.user()['id']}", "PATCH", {"surname": "X"})
        assert (answer.status, "surname" in answer.message) == (501, True)

    def test_late_replicas_list_and_filter_the_old_state(self) -> None:
        env = Harness(replica_lag_reads=1)
        user = env.user(city="Wien")
        env.ask(f"/users/{user['id']}", "PATCH", {"city": "Linz"})
        assert len(env.find("city eq 'Wien'").value) == 1
        assert env.find("city eq 'Wien'").value == []

    def test_a_refusal_is_no_write(self) -> None:
        env = Harness(replica_lag_reads=1)
        user = env.user(city="Wien")
        assert env.ask(f"/users/{user['id']}", "PATCH", {"usageLocation": "Nowhere"}).status == 400
        user["city"] = "Linz"
        assert env.ask(f"/users/{user['id']}?$select=city").body["city"] == "Linz"


class TestByIds:
    """``POST /directoryObjects/getByIds``."""

    TARGET = "/directoryObjects/getByIds?$select=id,licenseAssignmentStates"

    def test_missing_ids_are_silently_left_out(self, env: Harness) -> None:
        ids = [*env.world.users, "11111111-2222-3333-4444-555555555555"]
        answer = env.ask(self.TARGET, "POST", {"ids": [item.upper() for item in ids], "types": ["user"]})
        assert {user["id"] for user in answer.value} == set(env.world.users)
        assert "licenseAssignmentStates" in answer.value[0]

    def test_types(self, env: Harness) -> None:
        ids = [*env.world.users, *env.world.groups]
        target = "/directoryObjects/getByIds"
        groups = env.ask(target, "POST", {"ids": ids, "types": ["group"]}).value
        assert {group["@odata.type"] for group in groups} == {"#microsoft.graph.group"}
        assert env.ask(target, "POST", {"ids": ids, "types": ["device"]}).status == 501

    def test_a_thousand(self, env: Harness) -> None:
        ids = [f"{number:08x}-0000-4000-a000-000000000000" for number in range(1001)]
        assert env.ask(self.TARGET, "POST", {"ids": ids[:1000]}).value == []
        assert env.ask(self.TARGET, "POST", {"ids": ids}).status == 400

    def test_it_may_be_forbidden(self, env: Harness) -> None:
        env.world.switches.get_by_ids = "403"
        assert env.ask(self.TARGET, "POST", {"ids": []}).code == "Authorization_RequestDenied"
        env.world.switches.get_by_ids = "allowed"
        assert env.ask(self.TARGET, "POST", {"ids": []}, app=env.as_app("User.Read.All")).status == 403


class TestGroups:
    """Groups within groups, in circles too."""

    def test_transitive_members_each_once_though_groups_go_round(self, env: Harness) -> None:
        anna, bert = env.user("anna")["id"], env.user("bert")["id"]
        inner = env.make.group("inner", members=[anna, bert])
        outer = env.make.group("outer", members=[anna, inner])
        env.world.groups[inner]["_members"] += [outer, inner]
        answer = env.ask(f"/groups/{outer}/transitiveMembers?$select=id")
        assert sorted(item["id"] for item in answer.value) == sorted([anna, bert, inner])
        direct = env.ask(f"/groups/{outer}/members?$select=id").value
        assert [item["id"] for item in direct] == [anna, inner]

    def test_a_cast_is_an_advanced_query(self, env: Harness) -> None:
        anna = env.user("anna")["id"]
        outer = env.make.group("outer", members=[anna, env.make.group("inner")])
        target = f"/groups/{outer}/transitiveMembers/microsoft.graph.user?$select=id&$count=true"
        assert env.ask(target).status == 400
        answer = env.ask(target, headers=ADVANCED)
        assert [item["id"] for item in answer.value] == [anna]
        assert answer.body["@odata.count"] == 1

    def test_members_come_in_pages(self, env: Harness) -> None:
        group = env.make.group("all", members=list(env.world.users))
        pages = walk(env, f"/groups/{group}/members?$select=id&$top=3")
        assert [len(page.value) for page in pages] == [3, 3, 1]

    def test_by_name(self, env: Harness) -> None:
        twice = {env.make.group("O'Brien's & Co", members=[]) for _unused in range(2)}
        answer = env.find("displayName eq 'O''Brien''s & Co'", what="groups")
        assert {group["id"] for group in answer.value} == twice

    def test_membership_of_one_user(self, env: Harness) -> None:
        anna = env.user("anna")["id"]
        inner = env.make.group("inner", members=[anna])
        outer, other = env.make.group("outer", members=[inner]), env.make.group("other")
        asked = [outer, other, inner, "11111111-2222-3333-4444-555555555555"]
        answer = env.ask(f"/users/{anna}/checkMemberGroups", "POST", {"groupIds": asked})
        assert answer.value == [outer, inner]
        too_many = env.ask(f"/users/{anna}/checkMemberGroups", "POST", {"groupIds": [outer] * 21})
        assert too_many.status == 400

    def test_a_write_is_seen_at_once_by_the_next_check(self, env: Harness) -> None:
        anna = env.user("anna")["id"]
        group = env.make.group("late")
        target, body = f"/users/{anna}/checkMemberGroups", {"groupIds": [group]}
        assert env.ask(target, "POST", body).value == []
        env.world.groups[group]["_members"].append(anna)
        env.world.touch()
        assert env.ask(target, "POST", body).value == [group]

    def test_no_such_group(self, env: Harness) -> None:
        assert env.ask("/groups/11111111-2222-3333-4444-555555555555").code == "Request_ResourceNotFound"


class TestPermissions:
    """What each request needs; any other application is refused."""

    @pytest.mark.parametrize(
        ("target", "role"),
        [
            ("/users", "User.Read.All"),
            ("/users/$count", "User.Read.All"),
            ("/subscribedSkus", "LicenseAssignment.Read.All"),
            ("/subscribedSkus", "Organization.Read.All"),
            ("/directory/subscriptions", "LicenseAssignment.Read.All"),
            ("/groups", "GroupMember.Read.All"),
            ("/reports/getMailboxUsageDetail(period='D7')", "Reports.Read.All"),
        ],
    )
    def test_reading(self, env: Harness, target: str, role: str) -> None:
        assert env.ask(target, headers=ADVANCED, app=env.as_app(role)).status in (200, 302)
        refused = env.ask(target, headers=ADVANCED, app=env.as_app("Mail.Read", "Exchange.ManageAsApp"))
        assert (refused.status, refused.code) == (403, "Authorization_RequestDenied")

    def test_a_usage_location_needs_more_than_a_license(self, env: Harness) -> None:
        target = f"/users/{env.user()['id']}"
        weak = env.as_app("LicenseAssignment.ReadWrite.All", "User.Read.All")
        assert env.ask(target, "PATCH", {"usageLocation": "DE"}, app=weak).status == 403
        strong = env.as_app("User.ReadWrite.All")
        assert env.ask(target, "PATCH", {"usageLocation": "DE"}, app=strong).status == 204

    def test_members_without_the_right_to_read_users_are_ids(self, env: Harness) -> None:
        group = env.make.group("all", members=list(env.world.users)[:1])
        (member,) = env.ask(f"/groups/{group}/members", app=env.as_app("GroupMember.Read.All")).value
        assert member.keys() == {"@odata.type", "id"}


class TestSkus:
    """``/subscribedSkus`` and ``/directory/subscriptions``."""

    def test_skus(self, env: Harness) -> None:
        env.user("licensed", ("SPE_E3",))
        (sku,) = [sku for sku in env.ask("/subscribedSkus").value if sku["skuPartNumber"] == "SPE_E3"]
        assert (sku["consumedUnits"], sku["id"]) == (1, f"{env.world.tenant_id}_{E3.id}")
        assert {plan["appliesTo"] for plan in sku["servicePlans"]} <= {"User", "Company"}

    @pytest.mark.parametrize("option", ["$filter=skuPartNumber eq 'SPE_E3'", "$top=5"])
    def test_select_is_the_only_option(self, env: Harness, option: str) -> None:
        assert env.ask(f"/subscribedSkus?{option}").status == 400
        assert env.ask("/subscribedSkus?$select=skuId").value[0].keys() == {"skuId"}

    def test_a_suspended_subscription_says_until_when(self, env: Harness) -> None:
        (row,) = [row for row in env.ask("/directory/subscriptions").value if row["status"] == "Suspended"]
        assert row["nextLifecycleDateTime"] > graph_time(NOW)


class TestReports:
    """A redirect to a download that wants no token."""

    def _report(self, env: Harness) -> list[dict[str, str]]:
        answer = env.ask("/reports/getMailboxUsageDetail(period='D7')")
        assert answer.status == 302
        path = answer.headers["location"].removeprefix("https://reports.test")
        got = graph_reports.download(env.world, path, {})
        assert graph_reports.download(env.world, path, {"authorization": "Bearer x"}).status == 403
        return list(csv.DictReader(io.StringIO(got.body.decode("utf-8-sig"))))

    @pytest.mark.parametrize("concealed", [False, True])
    def test_sizes(self, concealed: bool) -> None:
        env = Harness(report_names_concealed=concealed)
        env.make.mailbox(env.user("info"), "SharedMailbox", bytes=51 * 2**30, archive=True)
        (row,) = self._report(env)
        assert (row["Storage Used (Byte)"], row["Has Archive"]) == (str(51 * 2**30), "True")
        assert ("info@" in row["User Principal Name"]) is not concealed

    @pytest.mark.parametrize(
        ("function", "status"),
        [("getMailboxUsageDetail(period='D8')", 400), ("getEmailActivityUserDetail(period='D7')", 501)],
    )
    def test_other_reports(self, env: Harness, function: str, status: int) -> None:
        assert env.ask(f"/reports/{function}").status == status

    def test_an_invented_download(self, env: Harness) -> None:
        assert graph_reports.download(env.world, "/data/download/x", {}).status == 404


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/me"), ("DELETE", "/groups/x"), ("GET", "/users/x/manager"), ("POST", "/groups"), ("GET", "/")],
)
def test_what_is_not_simulated_is_named(env: Harness, method: str, target: str) -> None:
    answer = env.ask(target, method)
    assert (answer.status, answer.code) == (501, "NotSimulated")
    assert target in answer.message


@pytest.mark.parametrize(
    ("target", "units"),
    [
        ("/users", "2"),
        ("/users?$select=id", "1"),
        ("/users?$top=5&$select=id", "1"),
        ("/subscribedSkus", "3"),
        ("/subscribedSkus?$select=skuId", "2"),
    ],
)
def test_resource_units(env: Harness, target: str, units: str) -> None:
    assert env.ask(target).headers["x-ms-resource-unit"] == units
