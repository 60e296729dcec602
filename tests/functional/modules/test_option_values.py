# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an option's value may be shown, and what looks like a secret; and that a module shows nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._ansible.module import COMMON_SPEC
from ansible_collections.m365.licensing.plugins.module_utils._auth.masking import MASK, mask_keys, mask_options
from ansible_collections.m365.licensing.plugins.module_utils._auth.options import ENVIRONMENT, shows_value
from ansible_collections.m365.licensing.plugins.module_utils._common.option_values import (
    is_random,
    kind_of_secret,
    secrets_in,
    without_secrets,
)

from tests.functional.support.keys import RSA_KEY, cert_pem, certificate, key_pem
from tests.functional.support.run_module import failed, start, succeeded
from tests.simulator.launch import Tenant, running

KEY = key_pem(RSA_KEY).decode()
TOKEN = f"eyJhbGciOiJub25lIn0.{'Bc3' * 20}.{'dE4' * 12}"
CLIENT_SECRET = "aB38Q~" + "x4-_." * 6 + "wXyZ"
RANDOM = "S3cr3tPlantedValue99"
PASSWORD = "salt & pepper 0815"
KINDS = {"key": KEY, "token": TOKEN, "client secret": CLIENT_SECRET, "random": RANDOM, "password": PASSWORD}
MODULE = "m365_subscription_info"


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=3, at_risk=1) as found:
        yield found


def shows(text: str, secret: str) -> bool:
    """Is a piece of the secret in there?"""
    pieces = [piece for line in secret.splitlines() for piece in line.split(".") if "-----" not in piece]
    return any(piece in text for piece in pieces if len(piece) > 7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tenant_id", "AAAAAAAA-0000-0000-0000-000000000001"),
        ("tenant_id", "Contoso.OnMicrosoft.com"),
        ("tenant_id", "M365x12345678.onmicrosoft.com"),
        ("tenant_id", "a-company-with-a-long-name-2026.example"),
        ("expected_domain", "contoso.partner.onmschina.cn"),
        ("client_id", "{bbbbbbbb-0000-0000-0000-000000000002}"),
        ("certificate_path", "/etc/m365/reader.pem"),
        ("certificate_path", "/etc/m365/11111111-2222-3333-4444-555555555555/reader"),
        ("certificate_path", "~/reader"),
        ("certificate_path", "reader.pfx"),
        ("certificate_path", "../certificates/a b"),
        ("federated_token_file", "/var/run/secrets/azure/tokens/azure-identity-token"),
        ("federated_token_file", "$RUNNER_TEMP/token"),
        ("ca_path", "/etc/ssl/certs/ca-certificates.crt"),
        ("login_url", "https://login.microsoftonline.us"),
        ("graph_url", "http://localhost:8443/"),
        ("exchange_url", "https://[::1]:8443"),
        ("cloud", "AzureGermanCloud"),
        ("auth_source", "managed-identity"),
        ("timeout", "1e2"),
        ("timeout", 60.0),
        ("retry_seconds", -1),
        ("concurrency", "33"),
        ("validate_certs", "No"),
        ("validate_certs", True),
    ],
)
def test_what_looks_as_expected_is_shown(name: str, value: Any) -> None:
    assert shows_value(name, value)
    params = {name: value}
    assert mask_options(params, COMMON_SPEC) == ({}, [])
    assert params == {name: value}


@pytest.mark.parametrize("secret", KINDS.values(), ids=list(KINDS))
@pytest.mark.parametrize("name", sorted(name for name, spec in COMMON_SPEC.items() if not spec.get("no_log")))
def test_a_secret_is_replaced_before_ansible_sees_it(name: str, secret: str) -> None:
    given = [secret, [secret], {"x": secret}, {secret: 1}, f" {secret}\n", f"https://reader:{secret}@x.example"]
    for value in given:
        params = {name: value}
        masked = mask_options(params, COMMON_SPEC)
        assert masked.given == {name: value}
        assert not shows(json.dumps(params), secret), params


@pytest.mark.parametrize("secret", KINDS.values(), ids=list(KINDS))
def test_an_option_that_no_module_has_is_replaced(secret: str) -> None:
    params = {"client_secert": secret, "_ansible_version": "2.16", "client_secret": secret}
    masked = mask_options(params, COMMON_SPEC)
    assert params == {"client_secert": MASK, "_ansible_version": "2.16", "client_secret": secret}
    assert masked.given == {"client_secert": secret}


def test_a_file_that_is_there_is_a_path_whatever_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / RANDOM).touch()
    params = {"certificate_path": RANDOM}
    assert mask_options(params, COMMON_SPEC) == ({}, [])
    assert params == {"certificate_path": RANDOM}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (KEY, "key"),
        (KEY.replace("\n", "\\n"), "key"),
        (KEY[:300], "key"),
        (cert_pem(certificate(RSA_KEY)).decode(), "key"),
        (TOKEN, "token"),
        (f"Bearer {RANDOM}", "token"),
        (f"see {TOKEN}, please", "token"),
        (CLIENT_SECRET, "client secret"),
        (f"x: {CLIENT_SECRET}", "client secret"),
    ],
)
def test_what_looks_like_a_secret_is_found_in_every_option(text: str, kind: str) -> None:
    assert kind in kind_of_secret(text)
    params = {"rules": [{"name": [text]}]}
    pieces = mask_options(params, {"rules": {}}).secrets
    left = text
    for piece in sorted(pieces, key=len, reverse=True):
        left = left.replace(piece, "")
    assert not shows(left, RANDOM)
    assert not shows(left, KEY)
    assert not shows(left, TOKEN)
    assert "8Q~" not in left


@pytest.mark.parametrize(
    "text",
    [
        "EXCHANGESTANDARD",
        "Microsoft 365 E5 (no Teams)",
        "anna.eyjafjallajokull@contoso.example",
        "11111111-2222-3333-4444-555555555555",
        "The bearer of this card",
        "Rule 8Q: all",
        "a_file_of_the_year_to_0",
        "certificate-of-the-writer-2026.pem",
    ],
)
def test_what_is_no_secret(text: str) -> None:
    assert (secrets_in(text), kind_of_secret(text), is_random(text)) == ([], "", False)


@pytest.mark.parametrize(
    ("address", "left"),
    [
        ("https://reader:word@x.example:8443/a?b#c", "https://…@x.example:8443/…"),
        ("https://x.example", "https://x.example"),
        ("https://reader:word", ""),
        (f"https://{RANDOM}", ""),
        ("x.example", ""),
        (TOKEN, ""),
    ],
)
def test_an_address_without_what_may_be_a_secret(address: str, left: str) -> None:
    assert without_secrets(address) == left


VARIABLES = sorted(
    (variable, option)
    for option, variables in ENVIRONMENT.items()
    if option not in ("client_secret", "certificate_password")
    for variable in variables
)


@pytest.mark.parametrize("secret", [TOKEN, RANDOM], ids=["token", "random"])
@pytest.mark.parametrize(("variable", "option"), VARIABLES)
def test_no_variable_of_the_environment_shows_a_secret(tenant: Tenant, variable: str, option: str, secret: str) -> None:
    environ = {name: text for name, text in tenant.env().items() if name not in ENVIRONMENT[option]}
    if option in ("certificate_path", "federated_token_file"):
        del environ["M365_CLIENT_SECRET"]
    ended = start(MODULE, {}, environ | {variable: secret})
    assert option in failed(ended)["msg"] or variable in failed(ended)["msg"]
    assert not shows(ended.output, secret)
    assert ended.result["requests"] == 0


@pytest.mark.parametrize(
    "address", [RANDOM, f"http://{RANDOM}", f"http://127.0.0.1:9/?{RANDOM}", f"http://127.0.0.1:9/{TOKEN}", TOKEN]
)
def test_no_proxy_shows_a_secret(tenant: Tenant, address: str) -> None:
    environ = tenant.env() | {"HTTPS_PROXY": address}
    ended = start(MODULE, {"retry_seconds": 0}, environ)
    assert "HTTPS_PROXY" in failed(ended)["msg"]
    assert not shows(ended.output, RANDOM)
    assert not shows(ended.output, TOKEN)


def test_another_option_with_a_token_hides_it(tenant: Tenant) -> None:
    ended = start("m365_license_plan", {"rules": [], "record_dir": f"/no/{TOKEN}", "mode": TOKEN}, tenant.env())
    assert failed(ended)
    assert not shows(ended.output, TOKEN)


def test_values_that_are_replaced_are_used_all_the_same(tenant: Tenant) -> None:
    """A folder that is there may be called as it likes, and so may a tenant: it is only not shown."""
    ended = start(MODULE, {"certificate_path": RANDOM, "auth_source": "client_secret"}, tenant.env())
    assert succeeded(ended)["skus"]
    assert not shows(ended.output, RANDOM)


def test_an_option_by_its_alias_stays_as_it_is() -> None:
    spec: dict[str, dict[str, Any]] = {
        "users": {"type": "list", "aliases": ["user"]},
        "pin": {"no_log": True, "aliases": ["code"]},
    }
    params: dict[str, Any] = {"user": ["anna@contoso.com"], "code": "1234"}
    assert mask_options(params, spec) == ({}, [])
    assert params == {"user": ["anna@contoso.com"], "code": "1234"}


ODD = "Tr0ub4dor&3"
"""A secret in no form that is known."""


def as_json(key: str) -> Any:
    return json.dumps({key: "x"})


def as_it_is(key: str) -> Any:
    return {key: "x"}


def in_a_list(key: str) -> Any:
    return [{key: "x"}]


@pytest.mark.parametrize("secret", [TOKEN, CLIENT_SECRET, RANDOM, ODD], ids=["token", "client secret", "random", "odd"])
@pytest.mark.parametrize("form", [as_it_is, as_json, in_a_list])
def test_no_key_of_the_tokens_is_shown(tenant: Tenant, secret: str, form: Callable[[str], Any]) -> None:
    ended = start(MODULE, {"access_tokens": form(secret)}, tenant.env())
    assert "access_tokens" in failed(ended)["msg"]
    assert not shows(ended.output, secret)


@pytest.mark.parametrize("secret", [TOKEN, CLIENT_SECRET, RANDOM, ODD], ids=["token", "client secret", "random", "odd"])
@pytest.mark.parametrize("value", ["x", "", None, {"a": 1}])
def test_no_name_of_an_option_shows_a_secret(tenant: Tenant, secret: str, value: Any) -> None:
    ended = start(MODULE, {secret: value}, tenant.env())
    assert MASK in failed(ended)["msg"]
    assert not shows(ended.output, secret)


@pytest.mark.parametrize("secret", [TOKEN, CLIENT_SECRET], ids=["token", "client secret"])
@pytest.mark.parametrize("option", ["rules", "protected", "exceptions", "record_dir"])
def test_no_key_in_another_option_shows_a_secret(tenant: Tenant, secret: str, option: str) -> None:
    params = {"rules": [], option: [{"match": {secret: ["x"]}}]}
    ended = start("m365_license_plan", params, tenant.env())
    assert failed(ended)
    assert not shows(ended.output, secret)


def test_names_and_keys_that_somebody_misspelt_are_said(tenant: Tenant) -> None:
    assert "client_secert" in failed(start(MODULE, {"client_secert": "x"}, tenant.env()))["msg"]
    assert "frobnicate" in failed(start(MODULE, {"frobnicate": "x"}, tenant.env()))["msg"]


def test_keys_that_are_no_secrets_stay() -> None:
    rules = [{"match": {"extension_ab603c56068041afb2f6832e2a17e237_department": "x"}}]
    params: dict[str, Any] = {"rules": rules, "access_tokens": {"graph": "x"}}
    assert mask_keys(params, {**COMMON_SPEC, "rules": {}}) == []
    assert params == {"rules": rules, "access_tokens": {"graph": "x"}}
