# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From options and environment to one way of signing in: what wins, what is refused, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._auth.options import (
    CLOUD_CHOICES,
    ENVIRONMENT,
    SOURCES,
    AuthOptions,
    options_from,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError

TENANT = "aaaaaaaa-0000-0000-0000-000000000001"
CLIENT = "bbbbbbbb-0000-0000-0000-000000000002"
IDS = {"tenant_id": TENANT, "client_id": CLIENT}
SECRET = IDS | {"client_secret": "s3cret-value"}
M365_IDS = {"M365_TENANT_ID": TENANT, "M365_CLIENT_ID": CLIENT}
HIDDEN = "found something else, which is not shown because it may be a secret"
AZURE_IDS = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT}


def problems(params: Mapping[str, Any], environ: Mapping[str, str] | None = None, *resources: str) -> list[str]:
    """What is wrong with these; fails where nothing is."""
    with pytest.raises(ConfigurationError) as caught:
        options_from(params, environ or {}, resources=resources or ("graph",))
    return caught.value.problems


def problem(params: Mapping[str, Any], environ: Mapping[str, str] | None = None, *resources: str) -> str:
    """The one thing that is wrong."""
    found = problems(params, environ, *resources)
    assert len(found) == 1, found
    return found[0]


# which value counts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tenant_id", "client_id", "client_secret"])
def test_options_win_over_variables_which_win_in_order(name: str) -> None:
    def value(number: int) -> str:
        return f"secret-{number}" if name == "client_secret" else f"cccccccc-0000-0000-0000-{number:012}"

    variables = ENVIRONMENT[name]
    environ = M365_IDS | {"M365_CLIENT_SECRET": "x"} | {key: value(n) for n, key in enumerate(variables, 1)}
    assert getattr(options_from({name: value(0)}, environ), name) == value(0)
    for number, variable in enumerate(variables, 1):
        assert getattr(options_from({}, environ), name) == value(number)
        del environ[variable]


def test_an_empty_value_counts_as_not_set() -> None:
    environ = {"M365_TENANT_ID": " ", "AZURE_TENANT_ID": TENANT, "M365_CLIENT_ID": "", "AZURE_CLIENT_ID": CLIENT}
    found = options_from({"tenant_id": "", "client_secret": "x"}, environ)
    assert (found.tenant_id, found.client_id) == (TENANT, CLIENT)


def test_the_controllers_stock_azure_credential_is_enough() -> None:
    """What the credential type "Microsoft Azure Resource Manager" puts into the environment."""
    environ = {
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_TENANT": TENANT,
        "AZURE_SECRET": "the-secret",
        "AZURE_SUBSCRIPTION_ID": "dddddddd-0000-0000-0000-000000000004",
        "AZURE_CLOUD_ENVIRONMENT": "AzureUSGovernment",
    }
    found = options_from({}, environ, resources=("graph", "exchange"))
    assert (found.source, found.tenant_id, found.client_id) == ("client_secret", TENANT, CLIENT)
    assert found.client_secret == "the-secret"
    assert found.endpoints.graph == "https://graph.microsoft.us"


def test_blanks_around_values_go_but_not_those_of_secrets() -> None:
    found = options_from(
        {"tenant_id": f" {TENANT.upper()}\n", "client_id": f"{CLIENT} ", "client_secret": " pass word \r\n"}, {}
    )
    assert (found.tenant_id, found.client_id, found.client_secret) == (TENANT, CLIENT, " pass word ")


# which way is chosen --------------------------------------------------------------------------------------------------

WAYS: list[tuple[str, dict[str, Any], dict[str, str], str]] = [
    ("secret as option", SECRET, {}, "client_secret"),
    ("certificate as option", IDS | {"certificate_path": "/x.pem"}, {}, "certificate"),
    ("token file as option", IDS | {"federated_token_file": "/token"}, {}, "federated_token"),
    ("tokens as option, and no identity", {"access_tokens": {"graph": "t"}}, {}, "access_tokens"),
    ("managed identity where it is named", {"auth_source": "managed_identity"}, {}, "managed_identity"),
    ("named by a variable", {}, {"M365_AUTH_SOURCE": "managed_identity"}, "managed_identity"),
    (
        "an option before M365_*",
        IDS | {"certificate_path": "/x.pem"},
        {"M365_CLIENT_SECRET": "x"},
        "certificate",
    ),
    (
        "M365_* before AZURE_*, whatever the order of the ways",
        {},
        M365_IDS | {"M365_FEDERATED_TOKEN_FILE": "/t", "AZURE_CLIENT_SECRET": "x"},
        "federated_token",
    ),
    (
        "the first in the order where both come from M365_*",
        {},
        M365_IDS | {"M365_CERTIFICATE_PATH": "/x.pem", "M365_CLIENT_SECRET": "x"},
        "client_secret",
    ),
    (
        "the first in the order where both come from AZURE_*",
        {},
        AZURE_IDS | {"AZURE_FEDERATED_TOKEN_FILE": "/t", "AZURE_CLIENT_CERTIFICATE_PATH": "/x.pem"},
        "certificate",
    ),
    (
        "what is named, even where another option is given",
        SECRET | {"certificate_path": "/x.pem", "auth_source": "certificate"},
        {},
        "certificate",
    ),
    ("auto said aloud", SECRET | {"auth_source": "auto"}, {"M365_CERTIFICATE_PATH": "/x.pem"}, "client_secret"),
    ("tokens beside leftovers in the environment", {"access_tokens": {"graph": "t"}}, AZURE_IDS, "access_tokens"),
]


@pytest.mark.parametrize(("params", "environ", "source"), [way[1:] for way in WAYS], ids=[way[0] for way in WAYS])
def test_way_of_signing_in(params: dict[str, Any], environ: dict[str, str], source: str) -> None:
    assert options_from(params, environ).source == source


def test_the_reason_names_what_decided_and_what_was_ignored() -> None:
    environ = {
        "M365_CLIENT_SECRET": "hush",
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_CERTIFICATE_PATH": "/x.pem",
    }
    assert options_from({}, environ).reason == (
        "M365_CLIENT_SECRET is set (tenant_id from AZURE_TENANT_ID, client_id from AZURE_CLIENT_ID). "
        "Passed over: certificate from AZURE_CLIENT_CERTIFICATE_PATH (it comes later in the order)."
    )
    assert options_from(SECRET | {"auth_source": "client_secret"}, {}).reason == (
        "option auth_source names it (tenant_id from option tenant_id, client_id from option client_id)."
    )


def test_only_the_chosen_way_gets_its_values() -> None:
    """Of two apps in the environment, no secret may travel with the other's certificate."""
    found = options_from(
        IDS | {"certificate_path": "/x.pem", "certificate_password": "pw"}, {"AZURE_CLIENT_SECRET": "other-app"}
    )
    assert (found.client_secret, found.certificate_password) == ("", "pw")
    tokens = options_from(SECRET | {"auth_source": "client_secret", "access_tokens": {"graph": "t"}}, {})
    assert tokens.access_tokens == {}


def test_ready_tokens_may_carry_the_word_bearer_and_a_line_break() -> None:
    found = options_from({"access_tokens": {"graph": "Bearer abc.def\n", "exchange": ""}}, {})
    assert found.access_tokens == {"graph": "abc.def"}


# what is refused ------------------------------------------------------------------------------------------------------


def test_nothing_configured_is_one_message_with_every_way_out() -> None:
    said = problem({}, {})
    assert said.startswith("no credential is configured (nothing found).")
    for name in ("client_secret", "certificate_path", "federated_token_file", "tenant_id", "client_id"):
        assert name in said
        assert all(variable in said for variable in ENVIRONMENT[name])
    assert "access_tokens" in said
    assert "auth_source=managed_identity" in said


def test_an_identity_without_a_credential_asks_for_the_rest() -> None:
    said = problem({"client_id": CLIENT}, {"AZURE_TENANT": TENANT})
    assert "only AZURE_TENANT, option client_id found" in said
    assert "Missing besides" not in said


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"client_secret": "x"}, ["tenant_id", "client_id"]),
        ({"client_secret": "x", "client_id": CLIENT}, ["tenant_id"]),
        ({"certificate_path": "/x", "tenant_id": TENANT}, ["client_id"]),
        ({"auth_source": "certificate"} | IDS, ["certificate_path"]),
        ({"auth_source": "federated_token"} | IDS, ["federated_token_file"]),
        ({"auth_source": "client_secret"}, ["tenant_id", "client_id", "client_secret"]),
    ],
)
def test_half_configured_names_the_option_and_its_variables(given: dict[str, Any], named: list[str]) -> None:
    found = problems(given)
    assert len(found) == len(named)
    for name, said in zip(named, found, strict=True):
        assert f"{name} (or {', '.join(ENVIRONMENT[name])}), which is missing" in said


def test_a_given_option_is_not_replaced_by_a_full_variable() -> None:
    """Whoever passes tokens means them, although the environment has a whole credential."""
    complete = M365_IDS | {"M365_CLIENT_SECRET": "x"}
    assert problem({"access_tokens": {"exchange": "t"}}, complete) == "access_tokens.graph is missing"


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (SECRET | {"certificate_path": "/x.pem"}, "client_secret and certificate_path"),
        (SECRET | {"federated_token_file": "/t"}, "client_secret and federated_token_file"),
        (SECRET | {"access_tokens": {"graph": "t"}}, "client_secret and access_tokens"),
        (
            SECRET | {"certificate_path": "/x", "federated_token_file": "/t"},
            "client_secret and certificate_path and federated_token_file",
        ),
    ],
)
def test_two_ways_given_as_options_are_an_error_that_names_them(given: dict[str, Any], names: str) -> None:
    assert problem(given) == f"{names} are given at once: give only one of them, or say auth_source"


def test_ready_tokens_for_every_service_that_will_be_asked() -> None:
    both = ("graph", "exchange")
    assert problem({"access_tokens": {"graph": "t"}, "tenant_id": TENANT}, {}, *both) == (
        "access_tokens.exchange is missing"
    )
    assert options_from({"access_tokens": {"graph": "t"}}, {}).source == "access_tokens"
    assert problem({"auth_source": "access_tokens"}) == "access_tokens.graph is missing"


@pytest.mark.parametrize("tenant", ["contoso", "not a tenant", "https://contoso.com", "contoso.com/x", "common"])
def test_a_tenant_is_a_guid_or_a_domain(tenant: str) -> None:
    said = problem(SECRET | {"tenant_id": tenant})
    assert said == f"option tenant_id: expected the tenant's GUID or a verified domain, {HIDDEN}"


def test_a_client_id_must_be_a_guid() -> None:
    said = problem({"tenant_id": TENANT, "client_secret": "x"}, {"AZURE_CLIENT_ID": "my-app"})
    assert said == f"AZURE_CLIENT_ID: expected the application (client) id, a GUID, {HIDDEN}"


def test_ids_and_secrets_in_each_others_place_are_said_to_be() -> None:
    said = problem({"tenant_id": TENANT, "client_id": "Abc8Q~" + "x" * 34, "client_secret": CLIENT})
    assert "a GUID, found what looks like a client secret, which is not shown" in said
    assert said.endswith("client_secret holds a GUID: the two may be in each other's place")


@pytest.mark.parametrize("tenant", [TENANT, "contoso.onmicrosoft.com", "contoso.partner.onmschina.cn"])
def test_exchange_takes_the_guid_and_the_initial_domain(tenant: str) -> None:
    assert options_from(SECRET | {"tenant_id": tenant}, {}, resources=("graph", "exchange")).tenant_id == tenant


def test_exchange_refuses_a_custom_domain_before_paging() -> None:
    assert options_from(SECRET | {"tenant_id": "contoso.com"}, {}).tenant_id == "contoso.com"
    said = problem(SECRET | {"tenant_id": "contoso.com"}, {}, "graph", "exchange")
    assert "initial domain" in said
    assert "'contoso.com'" in said


@pytest.mark.parametrize("given", [{"auth_source": "managed_identity"}, {"access_tokens": {"exchange": "t"}}])
def test_exchange_needs_the_tenant_although_signing_in_does_not(given: dict[str, Any]) -> None:
    said = problem(given, {}, "exchange")
    assert said.startswith("Exchange Online needs tenant_id (or M365_TENANT_ID, AZURE_TENANT_ID, AZURE_TENANT)")


@pytest.mark.parametrize("name", ["auth_source", "exchange_api"])
def test_a_variable_with_an_unknown_word_names_the_words(name: str) -> None:
    variable = ENVIRONMENT[name][0]
    said = problems(SECRET, {variable: "magic"})
    assert any(text.startswith(f"{variable}: expected one of ") and text.endswith(HIDDEN) for text in said)
    misspelt = {"auth_source": "client_secert", "exchange_api": "invoke_comand"}[name]
    said = problems(SECRET, {variable: misspelt})
    assert any(text.startswith(f"{variable}: expected one of ") and f"found '{misspelt}'" in text for text in said)


def test_all_problems_come_at_once() -> None:
    found = problems({"client_secret": "x", "graph_url": "http://x"}, {"M365_EXCHANGE_API": "v3"})
    assert len(found) == 4


def test_no_message_and_no_repr_shows_a_secret() -> None:
    hidden = {"client_secret": "hush-secret", "certificate_password": "hush-password"}
    with pytest.raises(ConfigurationError) as caught:
        options_from(hidden | {"certificate_path": "/x", "access_tokens": {"graph": "hush-token"}}, {})
    assert "hush" not in str(caught.value)
    for params in (SECRET | {"client_secret": "hush"}, {"access_tokens": {"graph": "hush"}}):
        found = options_from(params, {})
        assert "hush" not in repr(found)
        assert found.secrets == ["hush"]


# clouds and addresses -------------------------------------------------------------------------------------------------

CLOUD_HOSTS = {
    "public": ("login.microsoftonline.com", "graph.microsoft.com", "outlook.office365.com"),
    "usgov": ("login.microsoftonline.us", "graph.microsoft.us", "outlook.office365.us"),
    "dod": ("login.microsoftonline.us", "dod-graph.microsoft.us", "outlook-dod.office365.us"),
    "china": ("login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn", "outlook.office365.cn"),
}
SPELLINGS = {
    "AzureCloud": "public",
    "AzurePublicCloud": "public",
    "azurecloud": "public",
    "AzureUSGovernment": "usgov",
    "AZUREUSGOVERNMENT": "usgov",
    "AzureChinaCloud": "china",
    "Public": "public",
} | {name: name for name in CLOUD_HOSTS}


def hosts(found: AuthOptions) -> tuple[str, str, str]:
    """The addresses without their scheme."""
    ends = found.endpoints
    assert all(url.startswith("https://") for url in (ends.login, ends.graph, ends.exchange))
    return ends.login[8:], ends.graph[8:], ends.exchange[8:]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_cloud_by_its_name_or_azures(spelling: str) -> None:
    expected = CLOUD_HOSTS[SPELLINGS[spelling]]
    assert hosts(options_from(SECRET, {"AZURE_CLOUD_ENVIRONMENT": spelling})) == expected
    found = options_from(SECRET | {"cloud": spelling}, {})
    assert hosts(found) == expected
    assert found.endpoints.scope("graph") == f"https://{expected[1]}/.default"
    assert found.endpoints.scope("exchange") == f"https://{expected[2]}/.default"


def test_the_public_cloud_unless_told_otherwise() -> None:
    assert hosts(options_from(SECRET, {})) == CLOUD_HOSTS["public"]
    assert set(CLOUD_CHOICES) <= set(SPELLINGS)


def test_an_unknown_cloud_names_its_variable_and_the_choices() -> None:
    said = problem(SECRET, {"AZURE_CLOUD_ENVIRONMENT": "AzureGermanCloud"})
    assert said == f"AZURE_CLOUD_ENVIRONMENT: expected one of {', '.join(CLOUD_CHOICES)}, found 'AzureGermanCloud'"


@pytest.mark.parametrize("name", ["login_url", "graph_url", "exchange_url"])
class TestAddress:
    """An address that replaces the cloud's."""

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("https://proxy.example", "https://proxy.example"),
            ("https://proxy.example:8443/", "https://proxy.example:8443"),
            ("HTTPS://proxy.example", "https://proxy.example"),
            ("https://[::1]:8443", "https://[::1]:8443"),
        ],
    )
    def test_taken(self, name: str, given: str, kept: str) -> None:
        ends = options_from(SECRET | {name: given}, {}).endpoints
        assert getattr(ends, name.removesuffix("_url")) == kept

    @pytest.mark.parametrize("given", ["http://proxy.example", "proxy.example", "ftp://x"])
    def test_must_be_https(self, name: str, given: str) -> None:
        assert problem(SECRET | {name: given}) == f"option {name}: must begin with https://, found {given!r}"

    @pytest.mark.parametrize("given", ["//x", "file:///etc/passwd", "not/an/address"])
    def test_what_is_no_address_is_not_shown(self, name: str, given: str) -> None:
        assert problem(SECRET | {name: given}) == f"option {name}: must begin with https://, {HIDDEN}"

    def test_an_address_is_shown_without_what_may_be_a_secret(self, name: str) -> None:
        said = problem(SECRET | {name: "http://user:word@x.example:80/path?code=word"})
        found = "found 'http://…@x.example:80/…' (… stands for what may be a secret)"
        assert said == f"option {name}: must begin with https://, {found}"

    @pytest.mark.parametrize(
        "given",
        [
            "https://x.example/v1.0",
            "https://x.example?a=b",
            "https://x.example#part",
            "https://user:word@x.example",
            "https://",
            "https://x.example:0",
        ],
    )
    def test_has_a_host_and_nothing_else(self, name: str, given: str) -> None:
        said = problem(SECRET | {name: given})
        assert said == f"option {name}: expected https://host[:port] without a path"

    @pytest.mark.parametrize("given", ["https://x.example:port", "https://[::1", "https://x.example:99999"])
    def test_is_an_url(self, name: str, given: str) -> None:
        said = f"option {name}: expected an address as https://host[:port], {HIDDEN}"
        assert problem(SECRET | {name: given}) == said

    def test_message_names_the_variable(self, name: str) -> None:
        variable = ENVIRONMENT[name][0]
        assert problem(SECRET, {variable: "http://x"}).startswith(f"{variable}: must begin with https://")


def test_every_source_can_be_chosen() -> None:
    """A new way of signing in has to appear in this file's table."""
    assert {way[3] for way in WAYS} == set(SOURCES)
