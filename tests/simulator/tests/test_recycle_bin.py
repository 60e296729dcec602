# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recycle bin: who is in it and for how long, what becomes of mailboxes, seats and groups, and what returns."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from tests.simulator.state import Json
from tests.simulator.tests.direct_requests import ADVANCED, E3, NOW, Desk

BIN = "/directory/deletedItems"
LIST = f"{BIN}/microsoft.graph.user"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def deleted(desk: Desk, user: Json) -> None:
    assert desk.ask(f"/users/{user['userPrincipalName']}", "DELETE").status == 204


def mailbox(desk: Desk, user: Json) -> Json:
    (box,) = desk.world.mailboxes_of(user["id"])
    return box


def soft_deleted(desk: Desk) -> list[str]:
    return [row["UserPrincipalName"] for row in desk.cmdlet("Get-Mailbox", {"SoftDeletedMailbox": True}).value]


def test_a_deleted_user_is_in_the_recycle_bin_alone(desk: Desk) -> None:
    anna, bert = desk.user("anna"), desk.user("bert")
    deleted(desk, anna)
    assert [user["id"] for user in desk.ask("/users?$select=id").value] == [bert["id"]]
    assert desk.ask(f"/users/{anna['id']}").status == 404
    (shown,) = desk.ask(f"{LIST}?$select=id,displayName,userPrincipalName,deletedDateTime,mail").value
    assert shown == {
        "id": anna["id"],
        "displayName": "Anna",
        "userPrincipalName": f"{anna['id'].replace('-', '')}anna@contoso.example",
        "deletedDateTime": "2026-06-15T12:00:00Z",
        "mail": "anna@contoso.example",
    }
    one = desk.ask(f"{BIN}/{anna['id'].upper()}?$select=id,deletedDateTime").body
    assert one["@odata.type"] == "#microsoft.graph.user"
    assert one["deletedDateTime"] == "2026-06-15T12:00:00Z"
    assert desk.ask(f"/users/{bert['id']}?$select=deletedDateTime").body["deletedDateTime"] is None
    assert desk.ask(f"{BIN}/{bert['id']}").status == 404
    assert desk.ask(BIN).code == "NotSimulated"
    assert desk.ask(f"{BIN}/microsoft.graph.group").code == "NotSimulated"


def test_the_list_is_filtered_counted_and_paged(desk: Desk) -> None:
    users = [desk.user(name) for name in ("anna", "bert", "carl")]
    for user in users:
        deleted(desk, user)
    anna, bert, _carl = (user["id"] for user in users)
    assert [user["id"] for user in desk.ask(f"{LIST}?$filter=id eq '{bert}'&$select=id").value] == [bert]
    listed = quote(f"id in ('{anna}','{bert}','{NOW}')")
    assert [user["id"] for user in desk.ask(f"{LIST}?$filter={listed}&$select=id").value] == [anna, bert]
    first = desk.ask(f"{LIST}?$top=2&$select=id&$count=true", headers=ADVANCED)
    assert (len(first.value), first.body["@odata.count"]) == (2, 3)
    assert len(desk.ask(first.link, headers=ADVANCED).value) == 1
    assert desk.ask(f"{LIST}?$orderby=displayName").code == "NotSimulated"


def test_the_mailbox_is_soft_deleted_or_inactive_on_hold(desk: Desk) -> None:
    anna, held = desk.user("anna", ("SPE_E3",)), desk.user("held", ("SPE_E3",))
    desk.make.mailbox(anna, "UserMailbox", sku_assigned=True)
    desk.make.mailbox(held, "UserMailbox", sku_assigned=True, hold=True)
    for user in (anna, held):
        deleted(desk, user)
    assert soft_deleted(desk).count("anna@contoso.example") == 1
    assert mailbox(desk, anna)["WhenSoftDeleted"] == "2026-06-15T12:00:00.0000000+00:00"
    inactive = desk.cmdlet("Get-Mailbox", {"InactiveMailboxOnly": True}).value
    assert "held@contoso.example" in [row["UserPrincipalName"] for row in inactive]
    assert "anna@contoso.example" not in [row["UserPrincipalName"] for row in inactive]


def test_seats_are_free_and_taken_again(desk: Desk) -> None:
    before = desk.sku("SPE_E3")["consumedUnits"]
    anna = desk.user("anna", ("SPE_E3",))
    desk.make.mailbox(anna, "UserMailbox", sku_assigned=True)
    group = desk.make.group("sg-anna", members=[anna["id"]])
    deleted(desk, anna)
    assert desk.sku("SPE_E3")["consumedUnits"] == before
    assert desk.ask(f"/groups/{group}/members").value == []
    answer = desk.ask(f"{BIN}/{anna['id']}/restore", "POST")
    assert (answer.status, answer.body["userPrincipalName"]) == (200, "anna@contoso.example")
    assert desk.sku("SPE_E3")["consumedUnits"] == before + 1
    user = desk.ask(f"/users/{anna['id']}?$select=assignedLicenses,deletedDateTime").body
    assert [item["skuId"] for item in user["assignedLicenses"]] == [E3.id]
    assert user["deletedDateTime"] is None
    assert [item["id"] for item in desk.ask(f"/groups/{group}/members").value] == [anna["id"]]
    assert mailbox(desk, anna)["WhenSoftDeleted"] is None
    assert desk.ask(LIST).value == []


@pytest.mark.parametrize("why", ["no_seat", "switch"])
def test_a_user_returns_without_a_license(desk: Desk, why: str) -> None:
    anna = desk.user("anna", ("SPE_E3",))
    desk.make.mailbox(anna, "UserMailbox", sku_assigned=True)
    deleted(desk, anna)
    if why == "switch":
        desk.world.switches.restored_licenses = "gone"
    else:
        desk.sku("SPE_E3")["prepaidUnits"] = {"enabled": 0, "suspended": 0, "warning": 0, "lockedOut": 0}
    assert desk.ask(f"{BIN}/{anna['id']}/restore", "POST").status == 200
    user = desk.world.users[anna["id"]]
    assert (user["assignedLicenses"], user["licenseAssignmentStates"]) == ([], [])
    # without a license the mailbox that has just come back is disconnected at once, as any other
    assert mailbox(desk, anna)["_disconnected"] is not None


def test_after_thirty_days_user_and_mailbox_are_gone(desk: Desk) -> None:
    anna, held = desk.user("anna"), desk.user("held")
    desk.make.mailbox(anna, "UserMailbox")
    desk.make.mailbox(held, "UserMailbox", hold=True)
    for user in (anna, held):
        deleted(desk, user)
    desk.world.set_clock(NOW + timedelta(days=29, hours=23))
    assert len(desk.ask(LIST).value) == 2
    desk.world.set_clock(NOW + timedelta(days=30))
    assert "anna@contoso.example" not in soft_deleted(desk)
    assert desk.ask(LIST).value == []
    assert desk.ask(f"{BIN}/{anna['id']}/restore", "POST").status == 404
    assert desk.world.mailboxes_of(anna["id"]) == []
    assert mailbox(desk, held)["IsInactiveMailbox"] is True


def test_an_item_of_the_bin_is_deleted_for_good(desk: Desk) -> None:
    anna = desk.user("anna")
    desk.make.mailbox(anna, "UserMailbox")
    deleted(desk, anna)
    assert desk.ask(f"{BIN}/{anna['id']}", "DELETE").status == 204
    assert desk.ask(f"{BIN}/{anna['id']}", "DELETE").status == 404
    assert desk.world.mailboxes_of(anna["id"]) == []


def test_another_may_take_the_name_meanwhile(desk: Desk) -> None:
    anna = desk.user("anna")
    deleted(desk, anna)
    again = desk.user("anna")
    assert desk.ask("/users/anna@contoso.example?$select=id").body["id"] == again["id"]
    assert desk.ask(f"{BIN}/{anna['id']}/restore", "POST").code == "NotSimulated"
    assert len(desk.ask(LIST).value) == 1


def test_a_soft_deleted_mailbox_of_before_stays_so(desk: Desk) -> None:
    anna = desk.user("anna")
    old = desk.make.mailbox(anna, "UserMailbox", soft_deleted_days=5)
    when = old["WhenSoftDeleted"]
    deleted(desk, anna)
    assert old["WhenSoftDeleted"] == when
    assert desk.ask(f"{BIN}/{anna['id']}/restore", "POST").status == 200
    assert old["WhenSoftDeleted"] == when


@pytest.mark.parametrize(
    ("method", "path", "enough", "too_little"),
    [
        ("GET", LIST, "User.Read.All", "LicenseAssignment.ReadWrite.All"),
        ("GET", f"{BIN}/{{id}}", "Directory.Read.All", "Group.Read.All"),
        ("POST", f"{BIN}/{{id}}/restore", "User.DeleteRestore.All", "User.Read.All"),
        ("DELETE", f"{BIN}/{{id}}", "User.ReadWrite.All", "User.Read.All"),
        ("DELETE", "/users/{id}", "User.ReadWrite.All", "LicenseAssignment.ReadWrite.All"),
    ],
)
def test_what_it_takes(desk: Desk, method: str, path: str, enough: str, too_little: str) -> None:
    anna = desk.user("anna")
    if path.startswith(BIN):
        deleted(desk, anna)
    target = path.format(id=anna["id"])
    refused = desk.ask(target, method, app=desk.as_app(too_little))
    assert (refused.status, refused.code) == (403, "Authorization_RequestDenied")
    assert desk.ask(target, method, app=desk.as_app(enough)).status in (200, 204)
