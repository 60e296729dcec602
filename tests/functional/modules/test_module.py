# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules as Ansible runs them: a process that reads its options and prints one result. No secret is in it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.functional.support.assign_harness import with_first_settings
from tests.functional.support.run_module import AUDIT, SKUS, failed, hidden_in, start, succeeded
from tests.simulator.launch import Tenant, running
from tests.simulator.login import issued
from tests.support.run_playbook import environment, run

TOKEN = "{{ lookup('env', 'T') }}"


@pytest.fixture(scope="module")
def one_tenant() -> Iterator[Tenant]:
    """One for all tests of this file."""
    with running(mailboxes=30, at_risk=8) as tenant:
        yield tenant


@pytest.fixture
def tenant(one_tenant: Tenant) -> Tenant:
    """The tenant without faults and with its first permissions."""
    return with_first_settings(one_tenant)


# options --------------------------------------------------------------------------------------------------------------


def test_the_result_says_how_it_signed_in_and_what_it_cost(tenant: Tenant) -> None:
    ended = start(SKUS, {}, tenant.env())
    result = succeeded(ended)
    assert result["changed"] is False
    assert result["auth"]["source"] == "client_secret"
    assert result["auth"]["reason"].startswith("M365_CLIENT_SECRET is set (tenant_id from M365_TENANT_ID")
    assert result["requests"] == len(tenant.requests())
    assert hidden_in(ended, tenant)


@pytest.mark.parametrize(
    ("params", "dropped", "named"),
    [
        ({}, ["M365_CLIENT_SECRET"], "no credential is configured"),
        ({}, ["M365_TENANT_ID"], "tenant_id (or M365_TENANT_ID"),
        ({}, ["M365_CLIENT_ID"], "client_id (or M365_CLIENT_ID"),
        ({"client_secret": "x", "certificate_path": "/x"}, [], "client_secret and certificate_path"),
        ({"certificate_path": "/no/such/file"}, [], "certificate_path: '/no/such/file' cannot be read"),
        ({"federated_token_file": "/no/such/file"}, [], "federated_token_file: '/no/such/file' cannot be read"),
        ({"graph_url": "http://x.example"}, [], "option graph_url: must begin with https://"),
        ({"ca_path": "/no/such/file"}, [], "ca_path '/no/such/file' cannot be used"),
        ({"access_tokens": {"exchange": "a-ready-token"}}, [], "access_tokens.graph is missing"),
        ({"timeout": 0}, [], "timeout: expected seconds greater than 0"),
        ({"timeout": "nan"}, [], "timeout: expected seconds greater than 0"),
        ({"retry_seconds": -1}, [], "retry_seconds: expected 0 or more"),
        ({"retry_seconds": "inf"}, [], "retry_seconds: expected 0 or more"),
        ({"concurrency": 0}, [], "concurrency: expected 1 to 32"),
        ({"concurrency": 33}, [], "concurrency: expected 1 to 32"),
        ({"max_response_bytes": 0}, [], "max_response_bytes: expected 65536 or more, found 0"),
    ],
)
def test_no_request_before_the_options_are_complete(
    tenant: Tenant, params: dict[str, Any], dropped: list[str], named: str
) -> None:
    environ = {name: value for name, value in tenant.env().items() if name not in dropped}
    ended = start(SKUS, params, environ)
    result = failed(ended)
    assert named in result["msg"]
    assert result["error"]["code"] == "invalid_options"
    assert any(named in problem for problem in result["problems"])
    assert result["requests"] == 0
    assert tenant.requests() == []
    assert hidden_in(ended, tenant)


@pytest.mark.parametrize("value", [None, "", "  "])
@pytest.mark.parametrize("name", ["tenant_id", "client_secret", "timeout", "max_changes", "mode", "protected", "now"])
def test_an_empty_option_is_refused_by_its_name(tenant: Tenant, name: str, value: str | None) -> None:
    """Neither a guard that is none, nor the tenant of the environment."""
    rule = {"name": "Everybody", "match": {}, "licenses": [{"sku": "EXCHANGESTANDARD"}]}
    params = {"rules": [rule], "variable_prefix": "license_state_", name: value}
    result = failed(start("m365_license_plan", params, tenant.env()))
    prefix = {"tenant_id": "option ", "client_secret": "option ", "timeout": ""}.get(name, "license_state_")
    assert result["msg"].startswith(f"{prefix}{name}: is empty")
    assert tenant.requests() == []


def test_an_option_that_is_needed_and_empty_is_said_to_be_empty(tenant: Tenant) -> None:
    result = failed(start("m365_license_plan", {"rules": None}, tenant.env()))
    assert result["msg"].startswith("rules: is empty")


def test_mistakes_are_named_as_their_variables_are(tenant: Tenant) -> None:
    params = {"rules": [], "max_changes": "500%", "max_rows": -1, "variable_prefix": "license_state_"}
    result = failed(start("m365_license_plan", params, tenant.env()))
    assert result["problems"] == ["license_state_max_rows: expected 0 or more rows, found -1"]
    result = failed(start("m365_license_plan", params | {"max_rows": 9}, tenant.env()))
    assert [text.partition(":")[0] for text in result["problems"]] == [
        "license_state_max_changes",
        "license_state_rules",
    ]


def test_exchange_needs_the_tenants_guid_before_anything_is_sent(tenant: Tenant) -> None:
    result = failed(start(AUDIT, {"tenant_id": tenant.world.domain}, tenant.env()))
    assert "initial domain" in result["msg"]
    assert tenant.requests() == []
    assert succeeded(start(SKUS, {"tenant_id": tenant.world.domain}, tenant.env()))["requests"]


def test_a_word_that_is_no_choice_is_refused_by_its_option(tenant: Tenant) -> None:
    assert "cloud" in failed(start(SKUS, {"cloud": "moon"}, tenant.env()))["msg"]
    assert (
        "AZURE_CLOUD_ENVIRONMENT" in failed(start(SKUS, {}, tenant.env() | {"AZURE_CLOUD_ENVIRONMENT": "moon"}))["msg"]
    )
    assert tenant.requests() == []


def test_a_private_ca_has_to_be_named(tenant: Tenant) -> None:
    environ = {name: value for name, value in tenant.env().items() if name != "M365_CA_PATH"}
    result = failed(start(SKUS, {}, environ))
    assert result["error"]["code"] == "certificate_not_trusted"
    assert "ca_path" in result["msg"]
    assert tenant.requests() == []
    bundle = {"REQUESTS_CA_BUNDLE": tenant.info["ca_path"]}
    assert succeeded(start(SKUS, {}, environ | bundle))["requests"]
    found = succeeded(start(SKUS, {"validate_certs": False}, environ))
    assert found["requests"]
    assert "validate_certs is false" in json.dumps(found["warnings"])


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("module", "params"),
    [
        ("m365_user_license", {"users": ["anna@contoso.com"], "licenses": [{"sku": "SPE_E3"}]}),
        ("m365_license_plan", {"rules": [{"name": "All", "match": {}, "licenses": []}], "mode": "apply"}),
    ],
)
def test_no_unverified_certificate_is_used_for_microsoft(
    tenant: Tenant, module: str, params: dict[str, Any], check_mode: bool
) -> None:
    given = {**params, "validate_certs": False, "_ansible_check_mode": check_mode}
    environ = tenant.env()
    # one address of Microsoft's is enough to be refused; nothing is sent to it
    result = failed(start(module, {**given, "exchange_url": "https://outlook.office365.com"}, environ))
    assert "validate_certs: false is refused where Microsoft's services are written to" in result["msg"]
    assert result["requests"] == 0
    assert "is refused where" not in start(module, given, environ).output


# failures -------------------------------------------------------------------------------------------------------------


def test_a_refusal_comes_with_what_support_and_programs_need(tenant: Tenant) -> None:
    tenant.world.app.roles = {"User.Read.All"}
    result = failed(start(SKUS, {}, tenant.env()))
    error = result["error"]
    assert (error["status"], error["code"]) == (403, "Authorization_RequestDenied")
    assert (error["service"], error["request"]) == ("Microsoft Graph", "GET /v1.0/subscribedSkus")
    assert error["request_id"]
    assert error["hint"] in result["msg"]
    assert result["requests"] == len(tenant.requests())
    assert result["auth"]["source"] == "client_secret"


def test_what_the_platform_repeats_of_a_secret_is_hidden(tenant: Tenant) -> None:
    """No service should do this; nobody promises that none does."""
    secret = tenant.world.app.client_secret
    said = {"error": "invalid_client", "error_description": f"AADSTS7000215: Invalid client secret '{secret}'."}
    tenant.set_faults({"service": "login", "status": 401, "body": said, "path": "/token", "times": None})
    ended = start(SKUS, {}, tenant.env())
    assert failed(ended)["error"]["code"] == "AADSTS7000215"
    assert hidden_in(ended, tenant)


@pytest.mark.parametrize("padding", ["", "\n", " "])
def test_what_a_service_repeats_of_a_token_is_hidden(tenant: Tenant, padding: str) -> None:
    token = "opaque-token-0123456789"
    tenant.set_faults(
        {"service": "graph", "status": 400, "body": {"error": {"code": "Bad", "message": f"What is {token}?"}}}
    )
    ended = start(SKUS, {"access_tokens": {"graph": token + padding}}, tenant.env())
    assert failed(ended)["error"]["code"] == "Bad"
    assert hidden_in(ended, tenant, token)


SECRET_WAYS: dict[str, dict[str, Any]] = {
    "as an option": {},
    "wrong": {"client_secret": "wrong-secret-0123456789"},
    "password of a certificate": {"certificate_path": "/no/such/file", "certificate_password": "hush-0123456789"},
}


@pytest.mark.parametrize("given", SECRET_WAYS.values(), ids=list(SECRET_WAYS))
def test_secrets_given_as_options_are_not_in_the_result(tenant: Tenant, given: dict[str, Any]) -> None:
    environ = {name: value for name, value in tenant.env().items() if name != "M365_CLIENT_SECRET"}
    params = given or {"client_secret": tenant.world.app.client_secret}
    ended = start(SKUS, params, environ)
    assert (ended.status == 0) is not bool(given)
    secrets = [str(params[name]) for name in ("client_secret", "certificate_password") if name in params]
    assert hidden_in(ended, tenant, *secrets)


@pytest.mark.parametrize("fault", ["html", "empty", "drop", "truncate"])
def test_a_service_that_makes_no_sense_is_one_message(tenant: Tenant, fault: str) -> None:
    tenant.set_faults({"service": "graph", "kind": fault, "times": None})
    ended = start(SKUS, {"retry_seconds": 0}, tenant.env())
    assert "Microsoft Graph: GET /v1.0/" in failed(ended)["msg"]
    assert hidden_in(ended, tenant)


def test_no_answer_is_read_beyond_its_limit(tenant: Tenant) -> None:
    tenant.set_faults({"kind": "huge", "service": "graph", "path": "/subscribedSkus", "times": None})
    ended = start(SKUS, {"max_response_bytes": 100_000}, tenant.env())
    assert "larger than 100000 bytes (max_response_bytes)" in failed(ended)["msg"]


def test_an_output_file_that_cannot_be_written(tenant: Tenant, tmp_path: Path) -> None:
    place = tmp_path / "no" / "such" / "folder" / "rows.jsonl"
    result = failed(start(AUDIT, {"output_path": str(place)}, tenant.env()))
    assert str(place) in result["msg"]


def test_an_output_file_is_for_its_owner_only(tenant: Tenant, tmp_path: Path) -> None:
    place = tmp_path / "rows.jsonl"
    result = succeeded(start(AUDIT, {"output_path": str(place)}, tenant.env()))
    assert place.stat().st_mode & 0o777 == 0o600
    rows = [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]
    assert rows
    assert result["mailboxes"] == []
    assert list(tmp_path.iterdir()) == [place], "no temporary file is left"


# as ansible shows it --------------------------------------------------------------------------------------------------


def shown(tenant: Tenant, folder: Path, module: str, arguments: str, environ: Mapping[str, str]) -> tuple[int, str]:
    """Run a module by the command ``ansible`` with all that it can show."""
    folder.mkdir(exist_ok=True)
    command = ["ansible", "localhost", "-vvvvv", "-c", "local", "-i", "localhost,", "-m", f"m365.licensing.{module}"]
    command += ["-e", f"ansible_python_interpreter={sys.executable}", *(["-a", arguments] if arguments else [])]
    settings = {"ANSIBLE_KEEP_REMOTE_FILES": "0", "ANSIBLE_INJECT_INVOCATION": "1"}  # from 2.21 on, it has to be asked
    played = run(command, folder, environment(folder) | settings | dict(environ))
    for secret in (tenant.world.app.client_secret, *issued(tenant.world)):
        assert secret not in played.output, "the output shows a secret or a token"
    return played.status, played.output


@pytest.mark.parametrize("module", [SKUS, AUDIT])
@pytest.mark.parametrize("case", ["success", "expired secret", "no permission", "busy"])
def test_ansible_at_its_most_talkative_shows_no_secret(tenant: Tenant, tmp_path: Path, module: str, case: str) -> None:
    before = len(issued(tenant.world))
    if case == "expired secret":
        tenant.world.switches.secret_expired = True
    elif case == "no permission":
        tenant.world.app.roles = set()
    elif case == "busy":
        tenant.set_faults({"service": "graph", "status": 503, "times": None})
    status, output = shown(tenant, tmp_path, module, "retry_seconds=0", tenant.env())
    assert (status == 0) is (case == "success"), output[-3000:]
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in output or "client_secret" in output, "it does show the options"
    assert len(issued(tenant.world)) > before or case == "expired secret"


def test_ansible_shows_no_token_that_it_was_given(tenant: Tenant, tmp_path: Path) -> None:
    shown(tenant, tmp_path, SKUS, "", tenant.env())
    token = issued(tenant.world)[-1]
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [
                {"m365.licensing.m365_subscription_info": {"access_tokens": {"graph": "{{ lookup('env', 'T') }}"}}}
            ],
        }
    ]
    book = tmp_path / "play.yml"
    book.write_text(json.dumps(play))
    command = ["ansible-playbook", "-vvvvv", "-c", "local", "-i", "localhost,", str(book)]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    played = run(command, tmp_path, environment(tmp_path) | tenant.env() | {"T": token})
    assert played.status == 0, str(played)
    assert token not in played.output
    assert "access_tokens" in played.output
