# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret that occurs in ordinary data falsifies no result: it is refused where it is used, and else not hidden."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._secrets import WORDS, weakness_of
from ansible_collections.m365.licensing.tests.unit.test_module import SKUS, failed, start, succeeded

from tests.tenant.launch import Tenant, running


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=5, at_risk=1) as found:
        yield found


LEFT_OVER = {
    "M365_CERTIFICATE_PASSWORD": "2",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD": "SPE",
    "AZURE_CLIENT_SECRET": "E",
    "AZURE_SECRET": "true",
}


def test_what_is_left_over_in_the_environment_hides_nothing(tenant: Tenant) -> None:
    plain = succeeded(start(SKUS, {}, tenant.env()))
    found = succeeded(start(SKUS, {}, tenant.env() | LEFT_OVER))
    assert found["skus"] == plain["skus"]
    assert "SPE_E3" in {sku["sku"] for sku in found["skus"]}


WEAK = ("2026", "20261207", "2026-12-07", "none", "True", "user", "short", "  pass  ", "Exchange", "password")


@pytest.mark.parametrize("secret", WEAK)
def test_what_is_used_and_weak_is_refused_before_the_first_request(tenant: Tenant, secret: str) -> None:
    tenant.clear_requests()
    for params, environ, origin in (
        ({"client_secret": secret}, {}, "option client_secret"),
        ({}, {"M365_CLIENT_SECRET": secret}, "M365_CLIENT_SECRET"),
        (
            {"certificate_path": "/no/such/file", "certificate_password": secret},
            {},
            "option certificate_password",
        ),
        (
            {"certificate_path": "/no/such/file"},
            {"M365_CERTIFICATE_PASSWORD": secret},
            "M365_CERTIFICATE_PASSWORD",
        ),
    ):
        ended = start(SKUS, params, tenant.env() | environ)
        result = failed(ended)
        assert result["msg"].startswith(f"{origin}: the secret ")
        assert "*" not in result["msg"]
        assert result["error"]["code"] == "invalid_options"
        if secret == "2026":
            assert secret not in ended.output
    assert tenant.requests() == []


@pytest.mark.parametrize("value", ["2026", 2026])
def test_an_option_that_is_not_used_is_refused_as_ansible_would_hide_it(tenant: Tenant, value: Any) -> None:
    ended = start(SKUS, {"certificate_password": value}, tenant.env())
    result = failed(ended)
    assert "option certificate_password: the secret has fewer than 8 characters" in result["msg"]
    assert "Signing in by client_secret does not use it: leave it out" in result["msg"]
    assert "2026" not in ended.output


@pytest.mark.parametrize("resource", ["graph", "exchange"])
def test_a_short_token_is_refused(tenant: Tenant, resource: str) -> None:
    environ = {name: value for name, value in tenant.env().items() if name != "M365_CLIENT_SECRET"}
    tokens = {"graph": "a-ready-token", resource: "E3"}
    ended = start(SKUS, {"access_tokens": tokens}, environ)
    assert f"option access_tokens.{resource}: the secret has fewer than 8" in failed(ended)["msg"]
    assert '"E3"' not in ended.output


def test_a_secret_that_is_the_id_of_the_app_or_a_part_of_the_tenants_name_is_refused(tenant: Tenant) -> None:
    client_id = tenant.env()["M365_CLIENT_ID"]
    result = failed(start(SKUS, {}, tenant.env() | {"M365_CLIENT_SECRET": client_id}))
    assert "M365_CLIENT_SECRET: the secret is also a part of client_id" in result["msg"]


def test_a_strong_secret_is_hidden_as_before(tenant: Tenant) -> None:
    secret = "certificate-password-0123"
    ended = start(SKUS, {"certificate_password": secret}, tenant.env())
    assert succeeded(ended)["skus"]
    assert secret not in ended.output


@pytest.mark.parametrize("secret", ["12345678a", "correct horse", "Pa55word", "2026-12-07-backup", "no-true-user"])
def test_what_is_strong_enough(secret: str) -> None:
    assert weakness_of(secret) == ""


def test_the_words_are_none_that_are_refused_for_their_length() -> None:
    assert {word for word in WORDS if len(word) < 8 or word != word.casefold()} == set()
