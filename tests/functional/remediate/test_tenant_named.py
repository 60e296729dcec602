# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results say which tenant they are about, and a run that reaches another one than expected ends at once."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.m365.licensing.plugins.module_utils._common.version import COLLECTION_VERSION
from ansible_collections.m365.licensing.plugins.module_utils._graph.tenant import claims
from ansible_collections.m365.licensing.plugins.module_utils._reporting.run_facts import rules_digest, run_facts

from tests.functional.support import processes
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

AUDIT, PLAN, LICENSE = "exo_unlicensed_mailbox_info", "m365_license_plan", "m365_user_license"
PARAMS: dict[str, Json] = {
    AUDIT: {"shared_mailbox_sizes": "never"},
    PLAN: {"shared_mailbox_sizes": "never", "rules": [EVERYBODY]},
    LICENSE: {"users": ["anna@contoso.example"], "licenses": [{"sku": "EXCHANGESTANDARD"}]},
    "m365_user_license_info": {},
    "m365_subscription_info": {},
}
NAMED = [AUDIT, PLAN, LICENSE]
"""Modules that name the tenant in each result."""


@pytest.fixture
def env(tenant: Tenant) -> Iterator[PlanHarness]:
    env = PlanHarness(tenant)
    env.at_risk("anna")
    roles = set(env.world.app.roles)
    yield env
    env.world.app.roles = roles


def run(env: PlanHarness, name: str, *, status: int = 0, **params: Any) -> Json:
    given = {**PARAMS[name], "_ansible_check_mode": True, **params}
    ended, output = processes.module(name, given, env.tenant).end()
    assert ended == status, output[:3000]
    result: Json = json.loads(output)
    told = [text if isinstance(text, str) else text["event"]["msg"] for text in result.get("warnings", ())]
    return {**result, "warnings": told}


def asked(env: PlanHarness) -> list[str]:
    """What Graph and Exchange were asked for."""
    return [entry["path"] for entry in env.tenant.requests() if entry["service"] in ("graph", "exchange")]


def test_the_version_is_that_of_the_collection() -> None:
    galaxy = yaml.safe_load((Path(__file__).resolve().parents[3] / "galaxy.yml").read_text(encoding="utf-8"))
    assert galaxy["version"] == COLLECTION_VERSION


@pytest.mark.parametrize("name", NAMED)
def test_a_result_names_its_tenant(env: PlanHarness, name: str) -> None:
    result = run(env, name)
    assert result["tenant"] == {
        "id": env.world.tenant_id,
        "initial_domain": "contoso.onmicrosoft.com",
        "display_name": "Contoso AG",
    }
    assert asked(env).count("/v1.0/organization") == 1


@pytest.mark.parametrize("name", NAMED)
def test_a_tenant_that_may_not_be_named_is_known_by_its_id(env: PlanHarness, name: str) -> None:
    env.world.app.roles.discard("Organization.Read.All")
    env.world.app.roles.discard("Directory.Read.All")
    result = run(env, name)
    assert result["tenant"] == {"id": env.world.tenant_id, "initial_domain": None, "display_name": None}
    (warning,) = [text for text in result["warnings"] if "domains and name are not known" in text]
    assert warning.startswith(f"{env.world.tenant_id}: ")
    assert "Organization.Read.All" in warning


def test_the_token_tells_the_id_where_the_options_name_a_domain(env: PlanHarness) -> None:
    env.world.app.roles -= {"Organization.Read.All", "Directory.Read.All"}
    result = run(env, LICENSE, tenant_id="contoso.onmicrosoft.com")
    assert result["tenant"]["id"] == env.world.tenant_id


def test_warnings_begin_with_the_tenant(env: PlanHarness) -> None:
    rules = [{"name": "Nobody", "match": {"department": "None"}, "action": "ignore", "reason": "x"}]
    result = run(env, PLAN, rules=rules)
    assert result["warnings"]
    assert all(text.startswith("contoso.onmicrosoft.com: ") for text in result["warnings"])


def test_a_plan_says_how_it_was_made(env: PlanHarness) -> None:
    result = run(env, PLAN, max_changes="100%", protected=["breakglass*"], mode="apply", seat_reserve={"SPE_E3": 1})
    made = result["run"]
    assert made.pop("time").endswith("Z")
    text = json.dumps([EVERYBODY], sort_keys=True, separators=(",", ":"))
    assert made == {
        "mode": "apply",
        "check_mode": True,
        "validate_certs": True,
        "application": env.world.app.client_id,
        "collection_version": COLLECTION_VERSION,
        "rules_digest": hashlib.sha256(text.encode()).hexdigest(),
        "guards": {
            "max_changes": "100%",
            "max_covered_seats": 0,
            "protected": ["breakglass*"],
            "allow_removals": False,
            "seat_reserve": {"SPE_E3": 1},
            "use_warning_seats": False,
            "license_guests": False,
            "allow_incomplete": False,
            "expect_digest": None,
            "fail_on": "critical",
            "fail_within_days": None,
        },
    }


def test_the_digest_is_of_the_data_and_not_of_its_order() -> None:
    one = [{"name": "Ä", "match": {"department": ["a", "b"]}}]
    assert rules_digest(one) == rules_digest([{"match": {"department": ["a", "b"]}, "name": "Ä"}])
    assert rules_digest(one) != rules_digest([{"match": {"department": ["b", "a"]}, "name": "Ä"}])


def test_a_run_without_rules_has_no_digest() -> None:
    now = datetime(2026, 6, 15, tzinfo=timezone.utc)
    facts = run_facts("audit", application="", time=now)
    assert facts == {
        "mode": "audit",
        "check_mode": False,
        "validate_certs": True,
        "application": None,
        "collection_version": COLLECTION_VERSION,
        "time": now,
    }


@pytest.mark.parametrize("name", PARAMS)
@pytest.mark.parametrize("domain", ["contoso.example", "CONTOSO.onmicrosoft.COM"])
def test_the_expected_tenant_is_taken(env: PlanHarness, name: str, domain: str) -> None:
    assert run(env, name, expected_domain=domain)["tenant"]["id"] == env.world.tenant_id


@pytest.mark.parametrize("name", PARAMS)
def test_another_tenant_is_refused_before_any_user_is_read(env: PlanHarness, name: str) -> None:
    result = run(env, name, status=1, expected_domain="fabrikam.example")
    assert result["error"]["code"] == "wrong_tenant"
    assert all(text in result["msg"] for text in ("contoso.onmicrosoft.com", "Contoso AG", "'fabrikam.example'"))
    assert "tenant_id" in result["error"]["hint"]
    assert result["tenant"]["initial_domain"] == "contoso.onmicrosoft.com"
    assert asked(env) == ["/v1.0/organization"]


@pytest.mark.parametrize("name", PARAMS)
def test_a_tenant_that_cannot_be_told_is_not_the_expected_one(env: PlanHarness, name: str) -> None:
    env.world.app.roles -= {"Organization.Read.All", "Directory.Read.All"}
    result = run(env, name, status=1, expected_domain="contoso.example")
    assert result["error"]["code"] == "wrong_tenant"
    assert "Organization.Read.All" in result["error"]["hint"]
    assert asked(env) == ["/v1.0/organization"]


@pytest.mark.parametrize("text", ["contoso", "contoso.", "https://contoso.com", "con toso.com", "\u212aontoso.com"])
def test_what_is_no_domain_is_refused_before_any_request(env: PlanHarness, text: str) -> None:
    result = run(env, AUDIT, status=1, expected_domain=text)
    assert result["error"]["code"] == "invalid_options"
    assert "option expected_domain: expected a verified domain" in result["msg"]
    assert env.tenant.requests() == []


def test_the_environment_names_it_as_well(env: PlanHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = env.tenant.env() | {"M365_EXPECTED_DOMAIN": "fabrikam.example"}
    monkeypatch.setattr(env.tenant, "env", lambda: environ)
    assert run(env, AUDIT, status=1)["error"]["code"] == "wrong_tenant"


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a." + base64.urlsafe_b64encode(b"[1]").decode() + ".c"])
def test_a_token_that_says_nothing(token: str) -> None:
    assert claims(token) == {}
