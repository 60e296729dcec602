# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From options and environment to one way of signing in, and a sentence that says why. Pure: sends and reads nothing.

An option wins over ``M365_*``, which wins over ``AZURE_*``. What is incomplete or contradictory is an error that
names everything at once; nothing is chosen silently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._common.option_values import (
    DOMAIN,
    is_shown,
    kind_of_secret,
    say_found,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import guid, is_guid
from ansible_collections.m365.licensing.plugins.module_utils._common.similar_names import misspelt_problems


class Endpoints(NamedTuple):
    """The addresses of one cloud, without a slash at the end."""

    login: str
    graph: str
    exchange: str

    def scope(self, resource: str) -> str:
        """What a token is asked for: ``graph`` or ``exchange``."""
        return f"{self.base(resource)}/.default"

    def base(self, resource: str) -> str:
        """The address of ``graph`` or ``exchange``."""
        return self.graph if resource == "graph" else self.exchange

    @property
    def microsoft(self) -> bool:
        """Is one of them an address of Microsoft's?"""
        return any(not set(self).isdisjoint(cloud) for cloud in CLOUDS.values())


CLOUDS: dict[str, Endpoints] = {
    "public": Endpoints(
        "https://login.microsoftonline.com", "https://graph.microsoft.com", "https://outlook.office365.com"
    ),
    "usgov": Endpoints(
        "https://login.microsoftonline.us", "https://graph.microsoft.us", "https://outlook.office365.us"
    ),
    "dod": Endpoints(
        "https://login.microsoftonline.us", "https://dod-graph.microsoft.us", "https://outlook-dod.office365.us"
    ),
    "china": Endpoints(
        "https://login.partner.microsoftonline.cn",
        "https://microsoftgraph.chinacloudapi.cn",
        "https://outlook.office365.cn",
    ),
}
"""The national clouds [Graph: national cloud deployments]. GCC uses ``public``, GCC High ``usgov``."""

AZURE_NAMES = {"AzureCloud": "public", "AzureUSGovernment": "usgov", "AzureChinaCloud": "china"}
"""What Azure's tools call the same clouds."""

UNVERIFIED = "validate_certs is false: the services are not authenticated; any host on the path can read the tokens."
UNVERIFIED_REFUSED = (
    "validate_certs: false is refused where Microsoft's services are written to, because anyone on the network path "
    "could read the tokens; remove it, and name the certificate of your own authority in ca_path"
)

CLOUD_CHOICES = [*CLOUDS, *AZURE_NAMES]
SOURCES = ("client_secret", "certificate", "federated_token", "managed_identity", "access_tokens")
"""The ways of signing in, in the order in which ``auto`` looks at them."""
AUTH_SOURCE_CHOICES = ["auto", *SOURCES]
EXCHANGE_API_CHOICES = ["invoke_command", "v2"]
CHOICES = {"auth_source": AUTH_SOURCE_CHOICES, "cloud": CLOUD_CHOICES, "exchange_api": EXCHANGE_API_CHOICES}

ENVIRONMENT: dict[str, tuple[str, ...]] = {
    "tenant_id": ("M365_TENANT_ID", "AZURE_TENANT_ID", "AZURE_TENANT"),
    "expected_domain": ("M365_EXPECTED_DOMAIN",),
    "client_id": ("M365_CLIENT_ID", "AZURE_CLIENT_ID"),
    "client_secret": ("M365_CLIENT_SECRET", "AZURE_CLIENT_SECRET", "AZURE_SECRET"),
    "certificate_path": ("M365_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH"),
    "certificate_password": ("M365_CERTIFICATE_PASSWORD", "AZURE_CLIENT_CERTIFICATE_PASSWORD"),
    "federated_token_file": ("M365_FEDERATED_TOKEN_FILE", "AZURE_FEDERATED_TOKEN_FILE"),
    "auth_source": ("M365_AUTH_SOURCE",),
    "cloud": ("M365_CLOUD", "AZURE_CLOUD_ENVIRONMENT"),
    "login_url": ("M365_LOGIN_URL",),
    "graph_url": ("M365_GRAPH_URL",),
    "exchange_url": ("M365_EXCHANGE_URL",),
    "ca_path": ("M365_CA_PATH", "REQUESTS_CA_BUNDLE"),
    "exchange_api": ("M365_EXCHANGE_API",),
}
"""The variables behind each option; the first that is set and not empty counts."""

IDENTITY_OPTIONS = (
    "tenant_id",
    "client_id",
    "client_secret",
    "certificate_path",
    "certificate_password",
    "federated_token_file",
    "auth_source",
)
"""Who signs in, and where: what the environment says only as long as ``use_environment`` allows it."""

SECRET_OPTIONS = ("client_secret", "certificate_password")

# The option that shows that a way is meant.
_KEYS = {
    "client_secret": "client_secret",
    "certificate": "certificate_path",
    "federated_token": "federated_token_file",
    "access_tokens": "access_tokens",
}
_ALIASES = {
    **{name.casefold(): name for name in CLOUDS},
    **{name.casefold(): cloud for name, cloud in AZURE_NAMES.items()},
    "azurepubliccloud": "public",
    "azure_public_cloud": "public",
    "azureusgovernmentcloud": "usgov",
    "azure_us_gov_cloud": "usgov",
    "azure_china_cloud": "china",
}
_OUR_VARIABLES = frozenset(name for names in ENVIRONMENT.values() for name in names if name.startswith("M365_"))
_NO_ENVIRONMENT = (
    "The environment is not asked who signs in, as this host has variables m365_* of its own, or the play has several "
    "hosts: set all that is needed as variables of the host."
)
_INITIAL_DOMAIN = re.compile(r"[^.]+(\.mail)?\.(partner\.)?onmicrosoft\.(com|us|cn)|[^.]+\.partner\.onmschina\.cn")


@dataclass(frozen=True)
class AuthOptions:
    """A complete configuration. Never shows its secrets, not even to ``repr``."""

    source: str
    reason: str
    endpoints: Endpoints
    tenant_id: str = ""
    expected_domain: str = ""
    """A verified domain of the tenant, in lower case; empty: any tenant will do."""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    certificate_path: str = ""
    certificate_password: str = field(default="", repr=False)
    federated_token_file: str = ""
    access_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    exchange_api: str = "invoke_command"
    ca_path: str = ""

    @property
    def secrets(self) -> list[str]:
        """What must not appear in any output."""
        return [text for text in (self.client_secret, self.certificate_password, *self.access_tokens.values()) if text]


@dataclass(frozen=True)
class _Value:
    """One option's value, and where it comes from. ``layer``: 0 option, 1 M365_*, 2 everything else."""

    text: str = field(repr=False)
    origin: str
    layer: int


def options_from(
    params: Mapping[str, Any], environ: Mapping[str, str], *, resources: tuple[str, ...] = ("graph",)
) -> AuthOptions:
    """Choose and check. ``resources`` are those that will be used for sure (``graph``, ``exchange``).

    Raises ConfigurationError with every problem.
    """
    alone = params.get("use_environment") is False
    hidden = {name for option in IDENTITY_OPTIONS for name in ENVIRONMENT[option]} if alone else set()
    environ = {name: text for name, text in environ.items() if name not in hidden}
    values = {name: value for name in ENVIRONMENT if (value := _lookup(name, params, environ)) is not None}
    tokens = _tokens(params.get("access_tokens"))
    if tokens:
        values["access_tokens"] = _Value("", "option access_tokens", 0)
    problems = misspelt_problems(environ, _OUR_VARIABLES, hidden)
    endpoints = _endpoints(values, problems)
    _check_words(values, problems)
    source, reason = _choose(values, problems)
    _check_identity(source, values, resources, problems)
    if source == "access_tokens":
        problems += [f"access_tokens.{name} is missing" for name in resources if name not in tokens]
    if problems or endpoints is None:
        raise ConfigurationError(problems, hint=_NO_ENVIRONMENT if alone else "")
    used = _used(source)
    others = ("expected_domain", "exchange_api", "ca_path")
    texts = {name: values[name].text for name in (*used, *others) if name in values}
    if "expected_domain" in texts:
        texts["expected_domain"] = lowered(texts["expected_domain"])
    if is_guid(texts.get("tenant_id", "")):
        texts["tenant_id"] = guid(texts["tenant_id"])
    return AuthOptions(source, reason, endpoints, access_tokens=tokens if source == "access_tokens" else {}, **texts)


def option_with_variables(name: str) -> str:
    """Name an option together with its variables, for messages."""
    variables = ENVIRONMENT.get(name, ())
    return f"{name} (or {', '.join(variables)})" if variables else name


def _lookup(name: str, params: Mapping[str, Any], environ: Mapping[str, str]) -> _Value | None:
    given = params.get(name)
    if given is not None and str(given).strip():
        return _Value(_trimmed(name, str(given)), f"option {name}", 0)
    for variable in ENVIRONMENT[name]:
        text = environ.get(variable, "")
        if text.strip():
            return _Value(_trimmed(name, text), variable, 1 if variable.startswith("M365_") else 2)
    return None


def _trimmed(name: str, text: str) -> str:
    # A secret is taken as it is, but for the line break that reading it from a file leaves.
    return text.rstrip("\r\n") if name in SECRET_OPTIONS else text.strip()


def _tokens(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping):
        return {}
    found = {str(name): str(token).strip() for name, token in given.items() if token}
    return {name: token.removeprefix("Bearer ").strip() for name, token in found.items() if token}


def _endpoints(values: Mapping[str, _Value], problems: list[str]) -> Endpoints | None:
    cloud = values.get("cloud")
    known = _ALIASES.get(cloud.text.casefold()) if cloud else "public"
    if known is None:
        named = values["cloud"]
        problems.append(_unknown_word("cloud", named))
        return None
    base = CLOUDS[known]
    urls = {}
    for name, default in (("login_url", base.login), ("graph_url", base.graph), ("exchange_url", base.exchange)):
        urls[name] = _url(name, values[name], problems) if name in values else default
    return Endpoints(urls["login_url"], urls["graph_url"], urls["exchange_url"])


def _unknown_word(name: str, value: _Value) -> str:
    return f"{value.origin}: expected one of {', '.join(CHOICES[name])}, {say_found(name, value.text, CHOICES[name])}"


def _url(name: str, value: _Value, problems: list[str]) -> str:
    """Check an override: https, a host, nothing else. Paths and versions are added by this collection."""
    try:
        parts = urlsplit(value.text)
        fine = bool(parts.hostname) and parts.port != 0
    except ValueError:
        problems.append(f"{value.origin}: expected an address as https://host[:port], {say_found(name, value.text)}")
        return ""
    if parts.scheme.casefold() != "https":
        problems.append(f"{value.origin}: must begin with https://, {say_found(name, value.text)}")
    elif (
        not fine
        or kind_of_secret(value.text)
        or parts.username is not None
        or parts.query
        or parts.fragment
        or parts.path.strip("/")
    ):
        problems.append(f"{value.origin}: expected https://host[:port] without a path")
    return f"https://{parts.netloc}"


def _check_words(values: Mapping[str, _Value], problems: list[str]) -> None:
    for name in ("auth_source", "exchange_api"):
        value = values.get(name)
        if value and value.text not in CHOICES[name]:
            problems.append(_unknown_word(name, value))
    domain = values.get("expected_domain")
    if domain and not (domain.text.isascii() and _may_be_domain(domain.text)):
        problems.append(
            f"{domain.origin}: expected a verified domain of the tenant such as contoso.com, "
            f"{say_found('expected_domain', domain.text)}"
        )


def _choose(values: Mapping[str, _Value], problems: list[str]) -> tuple[str, str]:
    """Find the source, and the sentence that says why."""
    wish = values.get("auth_source")
    if wish and wish.text != "auto":
        return wish.text, f"{wish.origin} names it{_origins(wish.text, values)}."
    given = [source for source in SOURCES if source in _KEYS and _KEYS[source] in values]
    if not given:
        problems.append(_nothing(values))
        return "", ""
    explicit = [source for source in given if values[_KEYS[source]].layer == 0]
    if len(explicit) > 1:
        names = " and ".join(_KEYS[source] for source in explicit)
        problems.append(f"{names} are given at once: give only one of them, or say auth_source")
        return "", ""
    ranked = sorted(given, key=lambda source: (values[_KEYS[source]].layer, SOURCES.index(source)))
    # An option that was written down is meant, even where it is incomplete; a variable may be left over.
    complete = [source for source in ranked if not _missing(source, values)]
    chosen = explicit[0] if explicit else (complete or ranked)[0]
    why = f"{values[_KEYS[chosen]].origin} is set{_origins(chosen, values)}."
    for source in ranked:
        if source != chosen:
            lack = _missing(source, values)
            note = f"incomplete: no {' and no '.join(lack)}" if lack else "it comes later in the order"
            why += f" Passed over: {source} from {values[_KEYS[source]].origin} ({note})."
    return chosen, why


def _nothing(values: Mapping[str, _Value]) -> str:
    ways = "; ".join(f"{option_with_variables(key)}" for key in _KEYS.values())
    found = [values[name].origin for name in ("tenant_id", "client_id", "certificate_password") if name in values]
    begun = f"only {', '.join(found)} found" if found else "nothing found"
    absent = [option_with_variables(name) for name in ("tenant_id", "client_id") if name not in values]
    besides = f" Missing besides: {'; '.join(absent)}." if absent else ""
    return f"no credential is configured ({begun}). Set one of: {ways}; or auth_source=managed_identity.{besides}"


def _used(source: str) -> tuple[str, ...]:
    """List the options that a source reads."""
    return {
        "client_secret": ("tenant_id", "client_id", "client_secret"),
        "certificate": ("tenant_id", "client_id", "certificate_path", "certificate_password"),
        "federated_token": ("tenant_id", "client_id", "federated_token_file"),
        "managed_identity": ("tenant_id", "client_id"),
        "access_tokens": ("tenant_id",),
    }.get(source, ())


def _required(source: str) -> tuple[str, ...]:
    if source in ("managed_identity", "access_tokens", ""):  # tokens are looked at one by one
        return ()
    return tuple(name for name in _used(source) if name != "certificate_password")


def _missing(source: str, values: Mapping[str, _Value]) -> list[str]:
    return [name for name in _required(source) if name not in values]


def _origins(source: str, values: Mapping[str, _Value]) -> str:
    """Tell where the other values come from, as a mixture of two apps is easily made."""
    key = _KEYS.get(source)
    found = [f"{name} from {values[name].origin}" for name in _used(source) if name in values and name != key]
    return f" ({', '.join(found)})" if found else ""


def _check_identity(source: str, values: Mapping[str, _Value], resources: tuple[str, ...], problems: list[str]) -> None:
    """Complete, and in the form that the services know."""
    for name in _missing(source, values):
        problems.append(f"{source} needs {option_with_variables(name)}, which is missing")
    tenant = values.get("tenant_id")
    if tenant is not None and not _may_be_tenant(tenant.text):
        expected = "expected the tenant's GUID or a verified domain"
        problems.append(f"{tenant.origin}: {expected}, {say_found('tenant_id', tenant.text)}")
    elif "exchange" in resources and source:
        _check_exchange_tenant(source, tenant, problems)
    client, secret = values.get("client_id"), values.get("client_secret")
    if client is not None and source in SOURCES[:4] and not is_guid(client.text):
        swapped = secret is not None and is_guid(secret.text)
        advice = ". client_secret holds a GUID: the two may be in each other's place" if swapped else ""
        expected = "expected the application (client) id, a GUID"
        problems.append(f"{client.origin}: {expected}, {say_found('client_id', client.text)}{advice}")


def _may_be_tenant(text: str) -> bool:
    return is_guid(text) or _may_be_domain(text)


def _may_be_domain(text: str) -> bool:
    return bool(DOMAIN.fullmatch(text)) and not kind_of_secret(text)


def shows_value(name: str, value: Any) -> bool:
    """Does a value look like what the option expects, so that it may be shown?"""
    return is_shown(name, value, CHOICES.get(name, ()))


def _check_exchange_tenant(source: str, tenant: _Value | None, problems: list[str]) -> None:
    """Refuse a custom domain: Exchange takes it at first and then loses its way between two pages."""
    if tenant is None:
        if "tenant_id" not in _required(source):
            problems.append(f"Exchange Online needs {option_with_variables('tenant_id')}, which is missing")
    elif not is_guid(tenant.text) and not _INITIAL_DOMAIN.fullmatch(lowered(tenant.text)):
        problems.append(
            f"{tenant.origin}: for Exchange Online expected the tenant's GUID or its initial domain "
            f"(….onmicrosoft.com), {say_found('tenant_id', tenant.text)}"
        )
