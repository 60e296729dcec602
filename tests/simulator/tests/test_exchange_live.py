# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tenant's Exchange does as live services were seen to: records, quotas, and who is pending delicensing."""

from __future__ import annotations

import pytest

from tests.simulator.tests.direct_requests import NOW, Harness

UNLIMITED = {"ResultSize": "Unlimited"}


class TestRecords:
    """Annotations, identities, and recipients that are older than their mailbox."""

    def test_annotations_stand_beside_what_was_asked_for(self) -> None:
        env = Harness()
        env.make.mailbox(env.user(), "UserMailbox")
        select = "Guid,WhenMailboxCreated,PersistedCapabilities,DisplayName"
        row = env.cmdlet("Get-Mailbox", UNLIMITED, select=select).value[0]
        assert {name for name in row if "@" not in name} == set(select.split(","))
        assert {name: row[name] for name in row if "@" in name} == {
            "Guid@data.type": "System.Guid",
            "Guid@odata.type": "#Guid",
            "WhenMailboxCreated@data.type": "System.DateTime",
            "PersistedCapabilities@odata.type": "#Collection(String)",
        }

    def test_an_identity_is_an_alias_or_a_guid(self) -> None:
        env = Harness()
        for number in range(4):
            env.make.mailbox(env.user(f"user{number}"), "UserMailbox")
        rows = [row for row in env.cmdlet("Get-Mailbox", UNLIMITED).value if row["ExternalDirectoryObjectId"]]
        assert {row["Identity"] in (row["Alias"], row["Guid"]) for row in rows} == {True}
        assert {row["Identity"] == row["Alias"] for row in rows} == {True, False}

    def test_a_recipient_may_be_older_than_its_mailbox(self) -> None:
        env = Harness()
        for number in range(6):
            env.make.mailbox(env.user(f"user{number}"), "UserMailbox")
        rows = [row for row in env.cmdlet("Get-Mailbox", UNLIMITED).value if row["ExternalDirectoryObjectId"]]
        assert {row["WhenCreated"] < row["WhenMailboxCreated"] for row in rows} == {True, False}


class TestQuota:
    """``Rate-Limit-*``, which InvokeCommand alone sends."""

    def test_what_is_left_is_reported_and_then_it_is_429(self) -> None:
        env = Harness(exchange_quota=2)
        told = [env.cmdlet("Get-OrganizationConfig").headers["rate-limit-remaining"] for _unused in range(2)]
        refused = env.cmdlet("Get-OrganizationConfig")
        assert (told, refused.status) == (["1", "0"], 429)
        assert "retry-after" not in refused.headers
        assert (refused.headers["rate-limit-limit"], refused.headers["rate-limit-remaining"]) == ("2", "0")
        assert 0 < int(refused.headers["rate-limit-reset"]) <= 300

    def test_the_end_of_the_window_may_be_a_time(self) -> None:
        answer = Harness(rate_limit_reset="time").cmdlet("Get-OrganizationConfig")
        assert answer.headers["rate-limit-reset"].startswith("2026-06-15T12:0")

    def test_the_documented_surface_says_nothing_of_it(self) -> None:
        answer = Harness().cmdlet("Get-OrganizationConfig", surface="v2.0", endpoint="OrganizationConfig")
        assert answer.status == 200
        assert not [name for name in answer.headers if name.startswith("rate-limit")]


class TestPending:
    """Get-PendingDelicenseUser and Get-OrganizationConfig tell of delicensing resiliency."""

    @pytest.mark.parametrize("on", [False, True])
    def test_organization(self, on: bool) -> None:
        (row,) = Harness(delicensing_resiliency=on).cmdlet("Get-OrganizationConfig").value
        assert row["DelayedDelicensingEnabledState"].startswith(f"Enabled: {on};")
        assert "DelayedDelicensingEnabled" not in row, "that is a parameter of Set-OrganizationConfig"

    def test_the_state_may_be_null(self) -> None:
        (row,) = Harness(delicensing_resiliency=True, resiliency_state="null").cmdlet("Get-OrganizationConfig").value
        assert row["DelayedDelicensingEnabledState"] is None

    def test_a_removed_license_is_listed_until_it_is_back(self) -> None:
        env = Harness(delicensing_resiliency=True)
        user = env.user(part_numbers=("SPE_E3",))
        env.make.mailbox(user, "UserMailbox", sku_assigned=True)
        assert env.cmdlet("Get-PendingDelicenseUser", UNLIMITED).value == []
        env.assign(user, remove=["SPE_E3"])
        (row,) = env.cmdlet("Get-PendingDelicenseUser", UNLIMITED).value
        assert row["ExternalDirectoryObjectId"] == user["id"]
        assert row["WhenDueForDelicensingUTC"][:10] == NOW.replace(month=7).date().isoformat()
        env.assign(user, ["SPE_E3"])
        assert env.cmdlet("Get-PendingDelicenseUser", UNLIMITED).value == []

    def test_pending_users_stay_listed_without_resiliency(self) -> None:
        env = Harness()
        env.make.mailbox(env.user(), "UserMailbox", pending_days=9)
        assert len(env.cmdlet("Get-PendingDelicenseUser", UNLIMITED).value) == 1

    @pytest.mark.parametrize(("due", "plain"), [("listed", ["late", "soon"]), ("apart", ["soon"])])
    def test_those_past_due_alone(self, due: str, plain: list[str]) -> None:
        env = Harness(pending_delicense_due=due)
        for local, days in (("late", -1), ("soon", 9)):
            env.make.mailbox(env.user(local), "UserMailbox", pending_days=days)

        def names(**more: bool) -> list[str]:
            rows = env.cmdlet("Get-PendingDelicenseUser", {**UNLIMITED, **more}).value
            return [row["UserPrincipalName"].partition("@")[0] for row in rows]

        assert names() == plain
        assert names(ShowDueObjectsOnly=True) == ["late"]
        assert names(ShowDueObjectsOnly=False) == plain

    def test_one_mailbox_and_those_past_due_do_not_go_together(self) -> None:
        env = Harness()
        parameters = {"Identity": "anna@contoso.example", "ShowDueObjectsOnly": True}
        assert env.cmdlet("Get-PendingDelicenseUser", parameters).status == 400
