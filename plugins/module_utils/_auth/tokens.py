# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From one way of signing in to tokens: the only file that imports msal.

One small class per way: ``validate()`` reads the files that options name and sends nothing, ``authenticate()`` brings
a token. Exceptions of the libraries end here, as their texts and chains may hold what must not be seen.
"""

from __future__ import annotations

import re
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    AuthenticationError,
    ConfigurationError,
    M365Error,
    ServiceUnavailable,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.redaction import Redactor
from ansible_collections.m365.licensing.plugins.module_utils._files.regular import (
    MEBIBYTE,
    UnreadableError,
    check_path,
    expanded,
    others_may_read,
    quoted_path,
    read_regular,
)
from ansible_collections.m365.licensing.plugins.module_utils._http.client import HttpClient

from .options import (
    CLOUDS,
    AuthOptions,
    Endpoints,
    options_from,
)

MSAL_IMPORT_ERROR: str | None = None
"""The traceback where msal cannot be used; ``_ansible/libraries.py`` says why."""
try:
    import msal  # type: ignore[import-untyped]
except Exception:  # a library that is too old or broken raises anything
    MSAL_IMPORT_ERROR = traceback.format_exc()

__all__ = ["CLOUDS", "AuthOptions", "Endpoints", "TokenSource", "options_from"]

EARLY_SECONDS = 300.0
"""A token is replaced this long before it ends."""

_TOKEN = re.compile(r"[\x21-\x7e]+")
"""What a header can carry."""
_AADSTS = re.compile(r"AADSTS(\d{4,})")
ADVICE: dict[str, str] = {
    "7000215": "client_secret is wrong: give the secret's value, not its id, of the app that client_id names.",
    "7000222": "The client secret has expired: make a new one in the app registration and set client_secret.",
    "90002": "No such tenant: check tenant_id (and cloud: a tenant belongs to one cloud only).",
    "900023": "tenant_id is neither a GUID nor a domain of a tenant: check it.",
    "700016": "The app is not in this tenant: check client_id and tenant_id, or grant admin consent there.",
    "700027": "The certificate was not accepted: upload its public part to the app registration, or replace it where "
    "it has expired (certificate_path).",
    "700024": "The signed assertion is outside its time: check this machine's clock.",
    "700211": "The app has no federated credential of this issuer: compare it with the token in federated_token_file.",
    "70021": "The app has no federated credential for this token: compare issuer, subject and audience with those of "
    "the token in federated_token_file.",
    "700212": "The app has no federated credential for this audience: compare it with the token in "
    "federated_token_file.",
    "700213": "The app has no federated credential for this subject: compare it with the token in "
    "federated_token_file.",
    "500011": "The service is unknown in this tenant: check cloud and graph_url or exchange_url, and that the tenant "
    "has Exchange Online.",
    "501051": "The app has no role for the service: a Privileged Role Administrator must grant it.",
    "7000112": "The app is disabled in this tenant: an administrator must enable it.",
    "7000218": "The app must prove itself: set client_secret, certificate_path or federated_token_file.",
    "53003": "A Conditional Access policy blocks this app: an administrator must allow it from this place.",
    "65001": "Consent is missing: a Privileged Role Administrator or Global Administrator must grant admin consent.",
}
"""What to do about the identity platform's errors [Microsoft Entra authentication and authorization error codes]."""


class Method(Protocol):
    """A way of signing in. ``warnings``: what is wrong with its files, and no reason to stop; after ``validate()``."""

    warnings: list[str]

    def validate(self) -> None:
        """Check what can be checked without a request. Raises ConfigurationError."""

    def authenticate(self, resource: str, *, refresh: bool) -> tuple[str, float]:
        """Bring a token and the seconds that it lives. Raises AuthenticationError, ServiceUnavailable."""


class Confidential:
    """What client secret, certificate and federated token share: MSAL's confidential client."""

    def __init__(self, options: AuthOptions, client: HttpClient) -> None:
        self.options = options
        self.warnings: list[str] = []
        self._wall = client.wall
        self._redactor = client.redactor
        self._http = client.for_msal()
        self._app: Any = None

    def validate(self) -> None:
        """Nothing to check beyond what the options already promise."""

    def credential(self) -> Any:
        """What MSAL calls ``client_credential``."""
        raise NotImplementedError

    def authenticate(self, resource: str, *, refresh: bool) -> tuple[str, float]:
        """Ask by client credentials; MSAL reads the tenant's endpoints first."""
        try:
            if self._app is None:
                self._app = msal.ConfidentialClientApplication(
                    self.options.client_id,
                    authority=f"{self.options.endpoints.login}/{self.options.tenant_id}",
                    client_credential=self.credential(),
                    http_client=self._http,
                    # The hosts are ours or were named on purpose. Asking Microsoft's public cloud about them
                    # would fail without a way to the internet, and cost a request.
                    instance_discovery=False,
                )
            if refresh:
                self._app.remove_tokens_for_client()
            answer = self._app.acquire_token_for_client(scopes=[self.options.endpoints.scope(resource)])
        except M365Error:
            raise
        except Exception as error:
            raise self._misunderstood(error) from None
        return _token(answer, self.options, self._redactor)

    def _misunderstood(self, error: Exception) -> AuthenticationError:
        """MSAL says little of a refused discovery; the answer itself names the reason."""
        refusal = self._http.refusal
        if _AADSTS.search(refusal):
            return _failure(refusal, self.options, self._redactor)
        return _no_platform(self.options, type(error).__name__)


class ClientSecret(Confidential):
    """An app and its secret."""

    def credential(self) -> str:
        """Return the secret."""
        return self.options.client_secret


class Certificate(Confidential):
    """An app and its certificate: PEM (key and certificate in one file) or PFX."""

    _loaded: Mapping[str, str] | None = None

    def validate(self) -> None:
        """Read the file, and find the certificate that belongs to the key and is valid."""
        path = self.options.certificate_path
        data = _read_file("certificate_path", path)
        password = self.options.certificate_password
        # it takes long to import, and is rarely needed
        from .certificates import (  # noqa: PLC0415
            load_certificate,
        )

        key = password.encode() if password else None
        self._loaded, self.warnings = load_certificate(data, key, path, self._wall.now())
        self.warnings += others_may_read("certificate_path", path)

    def credential(self) -> Mapping[str, str]:
        """Return key and certificate as MSAL takes them in all its versions."""
        if self._loaded is None:
            self.validate()
        return dict(self._loaded or {})


class FederatedToken(Confidential):
    """An app that trusts an issuer, and a file in which that issuer's tokens come and go (workload identity)."""

    def validate(self) -> None:
        """Find the file, with something in it."""
        self._assertion()

    def credential(self) -> Mapping[str, Callable[[], str]]:
        """Return a way to read the file: its token is short-lived and replaced by others."""
        return {"client_assertion": self._assertion}

    def _assertion(self) -> str:
        path = self.options.federated_token_file
        text = _read_file("federated_token_file", path).decode("utf-8", "replace").strip()
        if not text:
            raise ConfigurationError(f"federated_token_file: {path!r} is empty; expected a token.")
        self._redactor.learn(text)
        return text


class ManagedIdentity:
    """The identity of the Azure machine that the module runs on: its own, or the one that ``client_id`` names."""

    def __init__(self, options: AuthOptions, client: HttpClient) -> None:
        self.options = options
        self.warnings: list[str] = []
        # Past every proxy: the metadata address is this machine's own.
        self._redactor = client.redactor
        self._http = client.for_msal("The managed identity endpoint", direct=True)
        self._client: Any = None

    def validate(self) -> None:
        """Nothing can be known without asking."""

    def authenticate(self, resource: str, *, refresh: bool) -> tuple[str, float]:
        """Ask the endpoint of this machine."""
        try:
            if self._client is None or refresh:  # a new client has an empty cache
                name = self.options.client_id
                who = msal.UserAssignedManagedIdentity(client_id=name) if name else msal.SystemAssignedManagedIdentity()
                self._client = msal.ManagedIdentityClient(who, http_client=self._http)
            answer = self._client.acquire_token_for_client(resource=self.options.endpoints.base(resource))
        except ServiceUnavailable as error:
            raise AuthenticationError(
                f"The managed identity endpoint cannot be reached: {error.message}",
                code="managed_identity_unreachable",
                hint="It exists on Azure machines only (169.254.169.254), and a container's network may not lead to it:"
                " use the host's network, or another auth_source.",
            ) from None
        except M365Error:
            raise
        except Exception as error:
            raise _no_platform(self.options, type(error).__name__) from None
        if isinstance(answer, dict) and "access_token" not in answer:
            said = self._redactor.words(f"{answer.get('error')}: {answer.get('error_description')}")
            raise _no_identity(f"refused: {said}")
        return _token(answer, self.options, self._redactor)


class AccessTokens:
    """Tokens that the user provides."""

    def __init__(self, options: AuthOptions, _client: HttpClient) -> None:
        self.options = options
        self.warnings: list[str] = []

    def validate(self) -> None:
        """Check that each can be sent in a header."""
        problems = [
            f"access_tokens.{name} holds characters that no token has"
            for name, token in self.options.access_tokens.items()
            if not _TOKEN.fullmatch(token)
        ]
        if problems:
            raise ConfigurationError(problems)

    def authenticate(self, resource: str, *, refresh: bool) -> tuple[str, float]:
        """Return the token; it cannot be renewed here."""
        token = self.options.access_tokens.get(resource)
        if not token:
            raise ConfigurationError(f"access_tokens.{resource} is missing.")
        if refresh:
            raise AuthenticationError(
                f"The token given as access_tokens.{resource} was refused (401).",
                code="access_token_refused",
                hint=f"It may have expired, or be made for another audience: get a new one for "
                f"{self.options.endpoints.scope(resource)}.",
            )
        return token, float("inf")


METHODS: dict[str, Callable[[AuthOptions, HttpClient], Method]] = {
    "client_secret": ClientSecret,
    "certificate": Certificate,
    "federated_token": FederatedToken,
    "managed_identity": ManagedIdentity,
    "access_tokens": AccessTokens,
}


class TokenSource:
    """One token per resource and process, for all threads. ``on_token`` is called with each new token (to hide it)."""

    def __init__(
        self,
        options: AuthOptions,
        client: HttpClient,
        *,
        on_token: Callable[[str], object] = lambda _token: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.options = options
        client.redactor.learn(*options.secrets)
        self._redactor = client.redactor
        self._method = METHODS[options.source](options, client)
        self._on_token = on_token
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}
        self._failed: dict[str, tuple[float, M365Error]] = {}
        self._method.validate()
        self.warnings = self._method.warnings

    def token(self, resource: str, *, refresh: bool = False) -> str:
        """Return a token for ``graph`` or ``exchange``; ``refresh`` after a 401."""
        asked = self._clock()
        with self._lock:
            token, until = self._tokens.get(resource, ("", 0.0))
            if not token or refresh or self._clock() >= until:
                token, seconds = self._authenticate(resource, refresh, asked)
                # A short-lived token is used up to its half.
                self._tokens[resource] = (token, self._clock() + max(seconds - EARLY_SECONDS, seconds / 2))
                self._redactor.learn(token)
                self._on_token(token)
            return token

    def _authenticate(self, resource: str, refresh: bool, asked: float) -> tuple[str, float]:
        """A thread that waited while another one failed does not try again: all share the time to keep trying."""
        failed, error = self._failed.get(resource, (0.0, None))
        if error is not None and failed >= asked:
            raise error
        try:
            return self._method.authenticate(resource, refresh=refresh)
        except M365Error as error:
            self._failed[resource] = (self._clock(), error)
            raise


def _token(answer: Any, options: AuthOptions, redactor: Redactor) -> tuple[str, float]:
    """Read MSAL's answer."""
    found = answer if isinstance(answer, dict) else {}
    token = found.get("access_token")
    if isinstance(token, str) and _TOKEN.fullmatch(token):
        return token, _seconds(found.get("expires_in"))
    if found.get("error"):
        raise _failure(f"{found['error']} {found.get('error_description') or ''}", options, redactor)
    raise _no_platform(options, "its token is not a token")


def _seconds(value: Any) -> float:
    """How long a token lives; 0 where the answer does not say it, so that the next request gets a new one."""
    try:
        seconds = float(value or 0.0)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return seconds if 0.0 <= seconds < float("inf") else 0.0


def _no_platform(options: AuthOptions, reason: str) -> AuthenticationError:
    """Make the error for whatever else answers at that address."""
    if options.source == "managed_identity":
        return _no_identity(f"answered with something else than a token ({reason}).")
    return AuthenticationError(
        f"Signing in failed: {options.endpoints.login} gave no answer of the identity platform ({reason}).",
        code="no_identity_platform",
        hint="Check login_url, cloud and tenant_id.",
    )


def _no_identity(what: str) -> AuthenticationError:
    return AuthenticationError(
        f"The managed identity endpoint {what}",
        code="managed_identity_failed",
        hint="Check that this machine has a managed identity, and that client_id (if given) names one of its.",
    )


def _failure(said: str, options: AuthOptions, redactor: Redactor) -> AuthenticationError:
    """Name the platform's code, and what to do about it; its words only where the code is unknown here."""
    match = _AADSTS.search(said)
    number = match.group(1) if match else ""
    # its words have ids and dates in several lines, and the first sentence says what is wrong
    words = redactor.words(re.split(r"\s*Trace ID:", said, maxsplit=1)[0])
    who = f"source {options.source}, tenant_id {options.tenant_id}, client_id {options.client_id or '-'}"
    code = f"AADSTS{number}" if number else "authentication_failed"
    hint = ADVICE.get(number, "Look the code up in Microsoft Entra's list of error codes.")
    return AuthenticationError(f"Signing in was refused ({who}): {words}", code=code, hint=hint)


CREDENTIAL_MOST = MEBIBYTE
"""Bytes of a file with a certificate or a token: they have some thousand."""


def _read_file(option: str, path: str) -> bytes:
    check_path(option, path)
    try:
        return read_regular(expanded(path), CREDENTIAL_MOST)
    except UnreadableError as error:
        raise ConfigurationError(f"{option}: {quoted_path(path)} cannot be read ({error}).") from None
