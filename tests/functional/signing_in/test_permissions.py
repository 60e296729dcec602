# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each module needs, has and lacks: from what the tokens say, and from what the services answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._auth.permissions import (
    MODULES,
    Check,
    module_rows,
    permission_states,
    permissions_for,
    roles_of,
)

from tests.functional.support.run_module import (
    Ended,
    failed,
    hidden_in,
    start,
    succeeded,
)
from tests.simulator.launch import Tenant, running
from tests.simulator.login import issued
from tests.simulator.state import App, Json
from tests.support.run_playbook import collection

MODULE = "m365_permissions_info"
READER = {"User.Read.All", "Organization.Read.All", "Exchange.ManageAsApp", "Global Reader"}


@pytest.fixture(scope="module")
def one_tenant() -> Iterator[Tenant]:
    with running(mailboxes=5, at_risk=1) as found:
        yield found


@pytest.fixture
def tenant(one_tenant: Tenant) -> Tenant:
    one_tenant.world.app = App(one_tenant.world.app.client_id, one_tenant.world.app.client_secret)
    one_tenant.world.app.roles |= {"AuditLog.Read.All"}
    one_tenant.clear_faults()
    one_tenant.clear_requests()
    return one_tenant


def check(tenant: Tenant, environ: dict[str, str] | None = None, **params: Any) -> Ended:
    """Run the module; no output has a token."""
    ended = start(MODULE, {"retry_seconds": 0, **params}, tenant.env() | (environ or {}))
    assert hidden_in(ended, tenant)
    assert "eyJ" not in ended.output
    return ended


def module(result: Json, name: str) -> Json:
    found: Json = next(row for row in result["modules"] if row["name"] == name)
    return found


def states(result: Json) -> dict[str, str]:
    return {row["name"]: row["state"] for row in result["permissions"]}


def statuses(result: Json) -> dict[str, str]:
    return {row["name"]: row["status"] for row in result["checks"]}


def test_an_application_with_everything_is_ready(tenant: Tenant) -> None:
    result = succeeded(check(tenant))
    assert result["summary"]["ready"] is True
    assert result["summary"]["next_steps"] == []
    assert {row["name"] for row in result["modules"]} == set(MODULES)
    assert set(states(result).values()) == {"granted"}
    assert set(statuses(result).values()) == {"ok"}
    assert result["requests"] == len(tenant.requests())


def test_no_data_of_a_user_is_asked_for_and_nothing_is_written(tenant: Tenant) -> None:
    succeeded(check(tenant))
    asked = [entry for entry in tenant.requests() if entry["service"] == "graph"]
    assert {entry["method"] for entry in asked} == {"GET"}
    for entry in asked:
        if entry["path"].endswith(("/users", "/groups")):
            assert entry["query"] == {"$top": "1", "$select": "id"}
    assert {entry["cmdlet"] for entry in tenant.requests() if "cmdlet" in entry} == {"Get-OrganizationConfig"}
    assert not any("Detail" in entry["path"] for entry in tenant.requests())


def test_an_application_that_may_only_read(tenant: Tenant) -> None:
    tenant.world.app.roles = set(READER)
    result = succeeded(check(tenant))
    assert module(result, "exo_unlicensed_mailbox_info")["ready"] is True
    planner = module(result, "m365_license_plan")
    assert (planner["ready"], planner["lacks"]) == (False, ["LicenseAssignment.ReadWrite.All"])
    assert planner["optional_lacks"] == [
        "Reports.Read.All",
        "AuditLog.Read.All",
        "GroupMember.Read.All",
        "User.ReadWrite.All",
    ]
    assert statuses(result) == {
        **dict.fromkeys(("users", "skus", "subscriptions", "exchange"), "ok"),
        **dict.fromkeys(("groups", "reports", "audit_log"), "refused"),
    }
    assert result["summary"]["ready"] is False
    (step,) = result["summary"]["next_steps"]
    assert step.startswith("For m365_license_plan, m365_user_license: ")
    assert "LicenseAssignment.ReadWrite.All" in step
    assert "must grant admin consent" in step


def test_a_permission_that_includes_another_counts_for_it(tenant: Tenant) -> None:
    tenant.world.app.roles = READER | {"User.ReadWrite.All"}
    result = succeeded(check(tenant))
    assert states(result)["LicenseAssignment.ReadWrite.All"] == "granted"
    assert module(result, "m365_user_license")["ready"] is True


@pytest.mark.parametrize(
    ("taken", "lacks"),
    [
        ("Exchange.ManageAsApp", ["Exchange.ManageAsApp"]),
        ("Exchange Recipient Administrator", ["Entra role Global Reader"]),
    ],
)
def test_exchange_alone_is_refused(tenant: Tenant, taken: str, lacks: list[str]) -> None:
    tenant.world.app.roles.discard(taken)
    result = succeeded(check(tenant))
    assert statuses(result)["exchange"] == "refused"
    assert module(result, "exo_unlicensed_mailbox_info")["lacks"] == lacks
    assert module(result, "m365_user_license_info")["ready"] is True
    assert module(result, "m365_user_license")["ready"] is True, "Exchange is optional for it"


def test_the_documented_surface_needs_its_permission_and_role(tenant: Tenant) -> None:
    tenant.world.app.roles = {"Exchange.ManageAsApp", "Global Reader"}
    result = succeeded(check(tenant, exchange_api="v2"))
    assert statuses(result)["exchange"] == "refused"
    assert states(result)["Exchange.ManageAsAppV2"] == "missing"
    assert states(result)["role group View-Only Organization Management"] == "unknown"


def test_graph_alone_is_refused(tenant: Tenant) -> None:
    tenant.world.app.roles = {"Exchange.ManageAsApp", "Global Reader"}
    result = succeeded(check(tenant))
    assert statuses(result)["exchange"] == "ok"
    assert states(result)["Exchange.ManageAsApp"] == "granted"
    assert module(result, "m365_subscription_info")["lacks"] == ["LicenseAssignment.Read.All"]
    assert result["summary"]["token_roles"] == {"graph": True, "exchange": True}


@pytest.mark.parametrize(
    ("service", "ready", "not_ready"),
    [
        ("exchange", "m365_user_license_info", "exo_unlicensed_mailbox_info"),
        ("graph", "m365_permissions_info", "m365_user_license_info"),
    ],
)
def test_there_is_no_token_for_one_service(tenant: Tenant, service: str, ready: str, not_ready: str) -> None:
    """Somebody else has got the tokens, and only for the other service."""
    given = {"graph": tenant_token(tenant, "graph"), "exchange": tenant_token(tenant, "exchange")}
    del given[service]
    result = succeeded(check(tenant, {"M365_CLIENT_SECRET": ""}, access_tokens=given))
    assert module(result, ready)["ready"] is True
    assert any("a sign-in to" in text for text in module(result, not_ready)["lacks"])
    assert f"access_tokens.{service} is missing" in result["summary"]["next_steps"][0]


def tenant_token(tenant: Tenant, service: str) -> str:
    """A token of the tenant, as another tool would get it."""
    succeeded(start(MODULE, {}, tenant.env()))
    audience = tenant.world.origins[service]
    return next(token for token in reversed(issued(tenant.world)) if claims(token)["aud"] == audience)


def claims(token: str) -> Json:
    payload = token.split(".")[1]
    found: Json = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def test_no_service_gives_a_token(tenant: Tenant) -> None:
    ended = check(tenant, client_secret="not-the-secret")
    assert "AADSTS7000215" in failed(ended)["msg"]
    assert "modules" not in ended.result


def test_a_tenant_by_a_name_that_exchange_does_not_take(tenant: Tenant) -> None:
    result = succeeded(check(tenant, tenant_id=tenant.world.domain))
    assert "initial domain" in result["summary"]["next_steps"][0]
    assert module(result, "exo_unlicensed_mailbox_info")["ready"] is False
    assert module(result, "m365_user_license")["ready"] is True


def test_a_service_without_an_answer_is_unknown_in_the_check(tenant: Tenant) -> None:
    tenant.set_faults({"service": "graph", "status": 503, "times": None})
    result = succeeded(check(tenant))
    assert set(statuses(result).values()) == {"unknown", "ok"}
    assert states(result)["User.Read.All"] == "granted"


@pytest.mark.parametrize("named", [["m365_license_plan"], ["exo_unlicensed_mailbox_info", "m365_license_plan"]])
def test_a_pipeline_fails_with_what_is_missing(tenant: Tenant, named: list[str]) -> None:
    tenant.world.app.roles = set(READER)
    ended = check(tenant, fail_if_missing=named)
    result = failed(ended)
    assert result["error"]["code"] == "permissions_missing"
    assert "m365_license_plan lacks LicenseAssignment.ReadWrite.All" in result["msg"]
    assert "must grant admin consent" in result["msg"]
    assert result["summary"]["ready"] is False
    assert len(result["modules"]) == len(MODULES)


def test_a_pipeline_that_only_reads_goes_on(tenant: Tenant) -> None:
    tenant.world.app.roles = set(READER)
    assert succeeded(check(tenant, fail_if_missing=["exo_unlicensed_mailbox_info"]))["summary"]["ready"] is True


def test_every_module_of_the_collection_has_its_needs() -> None:
    assert set(MODULES) == {path.stem for path in (collection() / "plugins" / "modules").glob("*.py")}


# what a token says ----------------------------------------------------------------------------------------------------


def token(payload: Any) -> str:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return f"eyJhbGciOiJub25lIn0.{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}.sig"


@pytest.mark.parametrize(
    ("given", "roles"),
    [
        (token({"aud": "x", "roles": ["A", "B", 3]}), {"A", "B"}),
        (token({"aud": "x"}), set()),
        (token({"aud": "x", "scp": "User.Read", "roles": ["A"]}), None),
        (token({"roles": ["A"]}), None),
        (token({"aud": "x", "roles": "A"}), None),
        (token([1]), None),
        (token("{"), None),
        (token("\xff"), None),
        ("opaque", None),
        ("a.b.c", None),
        ("EwBAA8l6BAAU.b", None),
        ("", None),
    ],
)
def test_what_a_token_says(given: str, roles: set[str] | None) -> None:
    assert roles_of(given) == roles


def test_an_opaque_token_leaves_open_what_no_read_shows() -> None:
    permissions = permissions_for("invoke_command")
    checks = [Check(name, "graph", "", "ok") for name in ("users", "skus", "subscriptions", "groups", "reports")]
    checks.append(Check("exchange", "exchange", "", "ok"))
    found = permission_states(permissions, {"graph": None, "exchange": None}, checks)
    rows = {row["name"]: row for row in module_rows(permissions, found, checks)}
    assert rows["exo_unlicensed_mailbox_info"]["ready"] is True
    assert rows["m365_license_plan"]["ready"] is None
    assert rows["m365_license_plan"]["unknown"] == ["LicenseAssignment.ReadWrite.All"]
    assert rows["m365_license_plan"]["lacks"] == []
