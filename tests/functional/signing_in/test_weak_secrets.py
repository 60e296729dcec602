# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret that occurs in ordinary data falsifies no result: it is refused where it is used, and else not hidden."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.m365.licensing.plugins.module_utils._auth.weak_secrets import WORDS, weakness_of
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog_data import PLANS, SKUS

from tests.functional.support.run_module import MODULES, failed, start, succeeded
from tests.simulator.launch import Tenant, running
from tests.unit.support.packages import PLUGINS, UTILS

SKU_MODULE = "m365_subscription_info"


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
    plain = succeeded(start(SKU_MODULE, {}, tenant.env()))
    found = succeeded(start(SKU_MODULE, {}, tenant.env() | LEFT_OVER))
    assert found["skus"] == plain["skus"]
    assert "SPE_E3" in {sku["sku"] for sku in found["skus"]}


WEAK = (
    *("2026", "20261207", "2026-12-07", "none", "True", "user", "short", "  pass  ", "Exchange", "password"),
    *("EXCHANGESTANDARD", "mailboxes_examined"),
)


@pytest.mark.parametrize("secret", WEAK)
def test_a_weak_secret_in_use_is_refused_before_any_request(tenant: Tenant, secret: str) -> None:
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
        ended = start(SKU_MODULE, params, tenant.env() | environ)
        result = failed(ended)
        assert result["msg"].startswith(f"{origin}: the secret ")
        assert "*" not in result["msg"]
        assert "VALUE_SPECIFIED" not in result["msg"]
        assert result["error"]["code"] == "invalid_options"
        if secret == "2026":
            assert secret not in ended.output
    assert tenant.requests() == []


@pytest.mark.parametrize("value", ["2026", 2026])
def test_an_unused_secret_option_that_is_weak_is_refused(tenant: Tenant, value: Any) -> None:
    ended = start(SKU_MODULE, {"certificate_password": value}, tenant.env())
    result = failed(ended)
    assert "option certificate_password: the secret has fewer than 8 characters" in result["msg"]
    assert "Signing in by client_secret does not use it: leave it out" in result["msg"]
    assert "2026" not in ended.output


@pytest.mark.parametrize("resource", ["graph", "exchange"])
def test_a_short_token_is_refused(tenant: Tenant, resource: str) -> None:
    environ = {name: value for name, value in tenant.env().items() if name != "M365_CLIENT_SECRET"}
    tokens = {"graph": "a-ready-token", resource: "E3"}
    ended = start(SKU_MODULE, {"access_tokens": tokens}, environ)
    assert f"option access_tokens.{resource}: the secret has fewer than 8" in failed(ended)["msg"]
    assert '"E3"' not in ended.output


def test_a_secret_that_is_part_of_the_app_or_tenant_is_refused(tenant: Tenant) -> None:
    client_id = tenant.env()["M365_CLIENT_ID"]
    result = failed(start(SKU_MODULE, {}, tenant.env() | {"M365_CLIENT_SECRET": client_id}))
    assert "M365_CLIENT_SECRET: the secret is also a part of client_id" in result["msg"]


def test_a_strong_secret_is_hidden_as_before(tenant: Tenant) -> None:
    secret = "certificate-password-0123"
    ended = start(SKU_MODULE, {"certificate_password": secret}, tenant.env())
    assert succeeded(ended)["skus"]
    assert secret not in ended.output


@pytest.mark.parametrize(
    ("secret", "weakness"),
    [
        ("EXCHANGESTANDARD", "is a part of a name of Microsoft's licenses"),
        (" exchangestandard ", "is a part of a name of Microsoft's licenses"),
        ("EXCHANGE_S_ENTERPRISE", "is a part of a name of Microsoft's licenses"),
        ("Exchange_S_Enterprise", "is a part of a name of Microsoft's licenses"),
        ("EXCHANGE_S_", "is a part of a name of Microsoft's licenses"),
        ("Microsoft 365 E3", "is a part of a name of Microsoft's licenses"),
        ("Microsoft_365_E5_(no_Teams)", "is a part of a name of Microsoft's licenses"),
        ("mailboxes_examined", "is made of words and underscores as names in results are"),
        ("over_50_gb", "is made of words and underscores as names in results are"),
        ("Explanations", "is a word that results are full of"),
    ],
)
def test_names_of_results_and_licenses_are_weak(secret: str, weakness: str) -> None:
    assert weakness_of(secret) == weakness


def test_every_name_of_the_catalog_and_of_a_result_is_weak() -> None:
    names = {part for part, _product in SKUS.values()} | set(PLANS.values())
    assert [name for name in sorted(names) if name and not weakness_of(name)] == []
    found: list[tuple[str, Any]] = []
    for path in sorted(PLUGINS.glob("modules/*.py")):
        module = importlib.import_module(f"{MODULES}.{path.stem}")
        found += yaml.safe_load(module.RETURN).items()
    keys: set[str] = set()
    while found:
        key, described = found.pop()
        keys.add(key)
        found += (described.get("contains") or {}).items()
    assert len(keys) > 100
    assert [key for key in sorted(keys) if not weakness_of(key)] == []


def test_the_catalog_is_not_loaded_for_a_secret_like_no_name() -> None:
    lines = (
        "import sys",
        f"from {UTILS}._auth.weak_secrets import weakness_of",
        f"loaded = lambda: '{UTILS}._licensing.catalog_data' in sys.modules",
        "assert not weakness_of('abc8Q~Zx.9-kLmnOpQrStUv0123456789') and not loaded()",
        "assert not weakness_of('A' * 2000) and not loaded()",
        "assert weakness_of('ENTERPRISEPACK') and loaded()",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)  # noqa: S603 - lines of ours


@pytest.mark.parametrize(
    "secret", ["12345678a", "correct horse", "Pa55word", "2026-12-07-backup", "no-true-user", "CORRECT_HORSE"]
)
def test_what_is_strong_enough(secret: str) -> None:
    assert weakness_of(secret) == ""


def test_the_words_are_none_that_are_refused_for_their_length() -> None:
    assert {word for word in WORDS if len(word) < 8 or word != word.casefold()} == set()
