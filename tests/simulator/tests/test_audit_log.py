# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log tells every change of licenses, for as long as it keeps it, to who may read it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.simulator.generate import generate
from tests.simulator.skus import table
from tests.simulator.tests.direct_requests import E3, NOW, Harness, Reply

PATH = "/auditLogs/directoryAudits"
CHANGES = "activityDisplayName eq 'Change user license'"


@pytest.fixture
def env() -> Harness:
    env = Harness()
    env.world.app.roles.add("AuditLog.Read.All")
    return env


def find(env: Harness, text: str = "", **more: Any) -> Reply:
    return env.ask(f"{PATH}?$filter={quote(text)}" if text else PATH, **more)


def licenses(entry: dict[str, Any], value: str) -> list[str]:
    """What an entry says that somebody had before or has after it."""
    told = {item["displayName"]: item[value] for item in entry["targetResources"][0]["modifiedProperties"]}
    found: list[str] = json.loads(told["AssignedLicense"])
    return found


def test_a_change_is_reported_with_both_sides(env: Harness) -> None:
    anna = env.user("anna", ("SPE_E3",))
    env.sku("EXCHANGESTANDARD")["prepaidUnits"]["enabled"] = 5
    yammer = E3.plan("YAMMER_ENTERPRISE")
    assert env.assign(anna, [{"skuId": E3.id, "disabledPlans": [yammer]}, "EXCHANGESTANDARD"]).status == 200
    (entry,) = find(env, CHANGES).value
    tenant = env.world.tenant_id
    assert licenses(entry, "oldValue") == [
        f"[SkuName=SPE_E3, AccountId={tenant}, SkuId={E3.id}, DisabledPlans=[]]",
    ]
    assert licenses(entry, "newValue") == [
        f"[SkuName=SPE_E3, AccountId={tenant}, SkuId={E3.id}, DisabledPlans=[YAMMER_ENTERPRISE]]",
        f"[SkuName=EXCHANGESTANDARD, AccountId={tenant}, SkuId={table()['EXCHANGESTANDARD'].id}, DisabledPlans=[]]",
    ]
    (target,) = entry["targetResources"]
    assert (target["id"], target["type"], target["userPrincipalName"]) == (anna["id"], "User", "anna@contoso.example")
    assert entry["initiatedBy"]["app"]["appId"] == env.world.app.client_id
    assert entry["initiatedBy"]["user"] is None
    assert entry["activityDateTime"].startswith("2026-06-15T12:00:0")
    assert len(entry["activityDateTime"]) == len("2026-06-15T12:00:00.0000000Z")
    assert (entry["category"], entry["result"]) == ("UserManagement", "success")


def test_what_was_refused_is_not_reported(env: Harness) -> None:
    anna = env.user("anna", usage_location=None)
    assert env.assign(anna, ["SPE_E3"]).status == 400
    assert find(env).value == []


def test_the_filters_that_are_documented(env: Harness) -> None:
    anna, bert = env.user("anna", ("SPE_E3",)), env.user("bert", ("SPE_E3",))
    env.assign(anna, remove=["SPE_E3"])
    env.world.set_clock(NOW + timedelta(days=2))
    env.assign(bert, remove=["SPE_E3"])

    def whom(text: str) -> list[str]:
        return [entry["targetResources"][0]["displayName"] for entry in find(env, text).value]

    assert whom(CHANGES) == ["Bert", "Anna"]
    assert whom("startswith(activityDisplayName, 'Change user')") == ["Bert", "Anna"]
    assert whom("activityDisplayName eq 'Add user'") == []
    assert whom(f"{CHANGES} and activityDateTime ge 2026-06-16T00:00:00Z") == ["Bert"]
    assert whom("activityDateTime le 2026-06-16T00:00:00Z") == ["Anna"]
    assert whom(f"targetResources/any(t:t/id eq '{anna['id']}')") == ["Anna"]
    assert whom("targetResources/any(t:startswith(t/displayName, 'b'))") == ["Bert"]
    assert whom(f"initiatedBy/app/appId eq '{env.world.app.client_id}'") == ["Bert", "Anna"]
    assert whom("initiatedBy/user/id eq 'x'") == []
    assert [entry["targetResources"][0]["id"] for entry in env.ask(f"{PATH}?$orderby=activityDateTime").value] == [
        anna["id"],
        bert["id"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"{CHANGES} or activityDisplayName eq 'Add user'",
        "activityDateTime gt 2026-06-16T00:00:00Z",
        "id in ('x')",
        "targetResources/any(t:t/modifiedProperties/any(m:m/displayName eq 'x'))",
    ],
)
def test_another_filter_is_not_answered(env: Harness, text: str) -> None:
    assert find(env, text).status in (400, 501)


def test_pages_are_larger_and_links_are_followed(env: Harness) -> None:
    anna = env.user("anna")
    env.sku("SPE_E3")["prepaidUnits"]["enabled"] = 5
    for number in range(3):
        change = {"add": ["SPE_E3"]} if number % 2 == 0 else {"remove": ["SPE_E3"]}
        assert env.assign(anna, **change).status == 200
    first = env.ask(f"{PATH}?$top=2&$select=id")
    assert len(first.value) == 2
    assert len(env.ask(first.link).value) == 1
    assert env.ask(f"{PATH}?$top=1000").status == 200
    assert env.ask(f"{PATH}?$top=1001").status == 400


@pytest.mark.parametrize("days", [30, 7])
def test_entries_are_kept_for_some_days(env: Harness, days: int) -> None:
    env.world.switches.audit_days = days
    env.assign(env.user("anna", ("SPE_E3",)), remove=["SPE_E3"])
    env.world.set_clock(NOW + timedelta(days=days) - timedelta(minutes=5))
    assert len(find(env).value) == 1
    env.world.set_clock(NOW + timedelta(days=days, minutes=5))
    assert find(env).value == []


def test_bare_audit_entry_names_no_license(env: Harness) -> None:
    env.world.switches.license_audit = "bare"
    env.assign(env.user("anna", ("SPE_E3",)), remove=["SPE_E3"])
    (entry,) = find(env).value
    assert entry["targetResources"][0]["modifiedProperties"] == []


def test_what_it_takes(env: Harness) -> None:
    reader = env.as_app("AuditLog.Read.All")
    assert find(env, app=env.as_app("Directory.Read.All", "User.Read.All")).status == 403
    assert find(env, app=reader).status == 200
    env.world.switches.audit_permission = "with_directory"
    assert find(env, app=reader).status == 403
    assert find(env, app=env.as_app("AuditLog.Read.All", "Directory.Read.All")).status == 200


def test_seeded_tenant_has_audit_entries_of_removed_licenses() -> None:
    env = Harness(generate(120, 24, 1, NOW))
    env.world.app.roles.add("AuditLog.Read.All")
    removed = {*env.world.truth["at_risk"]["license_removed"], *env.world.truth["at_risk"]["soft_deleted"]}
    told = {}
    for entry in find(env).value:
        told[entry["targetResources"][0]["id"]] = entry["activityDateTime"][:10]
        assert len(licenses(entry, "oldValue")) == len(licenses(entry, "newValue")) + 1
    assert set(told) == removed
    for user_id in removed:
        plans = env.world.users[user_id]["assignedPlans"]
        assert {plan["assignedDateTime"][:10] for plan in plans if plan["capabilityStatus"] == "Deleted"} == {
            told[user_id]
        }
