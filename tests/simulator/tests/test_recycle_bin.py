# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recycle bin: who is in it and for how long, what becomes of mailboxes, seats and groups, and what returns."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from tests.simulator.state import Json
from tests.simulator.tests.direct_requests import ADVANCED, E3, NOW, Harness

BIN = "/directory/deletedItems"
LIST = f"{BIN}/microsoft.graph.user"


@pytest.fixture
def env() -> Harness:
    return Harness()


def deleted(env: Harness, user: Json) -> None:
    assert env.ask(f"/users/{user['userPrincipalName']}", "DELETE").status == 204


def mailbox(env: Harness, user: Json) -> Json:
    (box,) = env.world.mailboxes_of(user["id"])
    return box


def soft_deleted(env: Harness) -> list[str]:
    return [row["UserPrincipalName"] for row in env.cmdlet("Get-Mailbox", {"SoftDeletedMailbox": True}).value]


def test_a_deleted_user_is_in_the_recycle_bin_alone(env: Harness) -> None:
    anna, bert = env.user("anna"), env.user("bert")
    deleted(env, anna)
    assert [user["id"] for user in env.ask("/users?$select=id").value] == [bert["id"]]
    assert env.ask(f"/users/{anna['id']}").status == 404
    (shown,) = env.ask(f"{LIST}?$select=id,displayName,userPrincipalName,deletedDateTime,mail").value
    assert shown == {
        "id": anna["id"],
        "displayName": "Anna",
        "userPrincipalName": f"{anna['id'].replace('-', '')}anna@contoso.example",
        "deletedDateTime": "2026-06-15T12:00:00Z",
        "mail": "anna@contoso.example",
    }
    one = env.ask(f"{BIN}/{anna['id'].upper()}?$select=id,deletedDateTime").body
    assert one["@odata.type"] == "#microsoft.graph.user"
    assert one["deletedDateTime"] == "2026-06-15T12:00:00Z"
    assert env.ask(f"/users/{bert['id']}?$select=deletedDateTime").body["deletedDateTime"] is None
    assert env.ask(f"{BIN}/{bert['id']}").status == 404
    assert env.ask(BIN).code == "NotSimulated"
    assert env.ask(f"{BIN}/microsoft.graph.group").code == "NotSimulated"


def test_the_list_is_filtered_counted_and_paged(env: Harness) -> None:
    users = [env.user(name) for name in ("anna", "bert", "carl")]
    for user in users:
        deleted(env, user)
    anna, bert, _carl = (user["id"] for user in users)
    assert [user["id"] for user in env.ask(f"{LIST}?$filter=id eq '{bert}'&$select=id").value] == [bert]
    listed = quote(f"id in ('{anna}','{bert}','{NOW}')")
    assert [user["id"] for user in env.ask(f"{LIST}?$filter={listed}&$select=id").value] == [anna, bert]
    first = env.ask(f"{LIST}?$top=2&$select=id&$count=true", headers=ADVANCED)
    assert (len(first.value), first.body["@odata.count"]) == (2, 3)
    assert len(env.ask(first.link, headers=ADVANCED).value) == 1
    assert env.ask(f"{LIST}?$orderby=displayName").code == "NotSimulated"


def test_the_mailbox_is_soft_deleted_or_inactive_on_hold(env: Harness) -> None:
    anna, held = env.user("anna", ("SPE_E3",)), env.user("held", ("SPE_E3",))
    env.make.mailbox(anna, "UserMailbox", sku_assigned=True)
    env.make.mailbox(held, "UserMailbox", sku_assigned=True, hold=True)
    for user in (anna, held):
        deleted(env, user)
    assert soft_deleted(env).count("anna@contoso.example") == 1
    assert mailbox(env, anna)["WhenSoftDeleted"] == "2026-06-15T12:00:00.0000000+00:00"
    inactive = env.cmdlet("Get-Mailbox", {"InactiveMailboxOnly": True}).value
    assert "held@contoso.example" in [row["UserPrincipalName"] for row in inactive]
    assert "anna@contoso.example" not in [row["UserPrincipalName"] for row in inactive]


def test_seats_are_free_and_taken_again(env: Harness) -> None:
    before = env.sku("SPE_E3")["consumedUnits"]
    anna = env.user("anna", ("SPE_E3",))
    env.make.mailbox(anna, "UserMailbox", sku_assigned=True)
    group = env.make.group("sg-anna", members=[anna["id"]])
    deleted(env, anna)
    assert env.sku("SPE_E3")["consumedUnits"] == before
    assert env.ask(f"/groups/{group}/members").value == []
    answer = env.ask(f"{BIN}/{anna['id']}/restore", "POST")
    assert (answer.status, answer.body["userPrincipalName"]) == (200, "anna@contoso.example")
    assert env.sku("SPE_E3")["consumedUnits"] == before + 1
    user = env.ask(f"/users/{anna['id']}?$select=assignedLicenses,deletedDateTime").body
    assert [item["skuId"] for item in user["assignedLicenses"]] == [E3.id]
    assert user["deletedDateTime"] is None
    assert [item["id"] for item in env.ask(f"/groups/{group}/members").value] == [anna["id"]]
    assert mailbox(env, anna)["WhenSoftDeleted"] is None
    assert env.ask(LIST).value == []


@pytest.mark.parametrize("why", ["no_seat", "switch"])
def test_a_user_returns_without_a_license(env: Harness, why: str) -> None:
    anna = env.user("anna", ("SPE_E3",))
    env.make.mailbox(anna, "UserMailbox", sku_assigned=True)
    deleted(env, anna)
    if why == "switch":
        env.world.switches.restored_licenses = "gone"
    else:
        env.sku("SPE_E3")["prepaidUnits"] = {"enabled": 0, "suspended": 0, "warning": 0, "lockedOut": 0}
    assert env.ask(f"{BIN}/{anna['id']}/restore", "POST").status == 200
    user = env.world.users[anna["id"]]
    assert (user["assignedLicenses"], user["licenseAssignmentStates"]) == ([], [])
    # without a license the mailbox that has just come back is disconnected at once, as any other
    assert mailbox(env, anna)["_disconnected"] is not None


def test_after_thirty_days_user_and_mailbox_are_gone(env: Harness) -> None:
    anna, held = env.user("anna"), env.user("held")
    env.make.mailbox(anna, "UserMailbox")
    env.make.mailbox(held, "UserMailbox", hold=True)
    for user in (anna, held):
        deleted(env, user)
    env.world.set_clock(NOW + timedelta(days=29, hours=23))
    assert len(env.ask(LIST).value) == 2
    env.world.set_clock(NOW + timedelta(days=30))
    assert "anna@contoso.example" not in soft_deleted(env)
    assert env.ask(LIST).value == []
    assert env.ask(f"{BIN}/{anna['id']}/restore", "POST").status == 404
    assert env.world.mailboxes_of(anna["id"]) == []
    assert mailbox(env, held)["IsInactiveMailbox"] is True


def test_an_item_of_the_bin_is_deleted_for_good(env: Harness) -> None:
    anna = env.user("anna")
    env.make.mailbox(anna, "UserMailbox")
    deleted(env, anna)
    assert env.ask(f"{BIN}/{anna['id']}", "DELETE").status == 204
    assert env.ask(f"{BIN}/{anna['id']}", "DELETE").status == 404
    assert env.world.mailboxes_of(anna["id"]) == []


def test_another_may_take_the_name_meanwhile(env: Harness) -> None:
    anna = env.user("anna")
    deleted(env, anna)
    again = env.user("anna")
    assert env.ask("/users/anna@contoso.example?$select=id").body["id"] == again["id"]
    assert env.ask(f"{BIN}/{anna['id']}/restore", "POST").code == "NotSimulated"
    assert len(env.ask(LIST).value) == 1


def test_a_soft_deleted_mailbox_of_before_stays_so(env: Harness) -> None:
    anna = env.user("anna")
    old = env.make.mailbox(anna, "UserMailbox", soft_deleted_days=5)
    when = old["WhenSoftDeleted"]
    deleted(env, anna)
    assert old["WhenSoftDeleted"] == when
    assert env.ask(f"{BIN}/{anna['id']}/restore", "POST").status == 200
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
def test_what_it_takes(env: Harness, method: str, path: str, enough: str, too_little: str) -> None:
    anna = env.user("anna")
    if path.startswith(BIN):
        deleted(env, anna)
    target = path.format(id=anna["id"])
    refused = env.ask(target, method, app=env.as_app(too_little))
    assert (refused.status, refused.code) == (403, "Authorization_RequestDenied")
    assert env.ask(target, method, app=env.as_app(enough)).status in (200, 204)
