# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity platform: client credentials by secret, certificate or federated token; managed identities.

A token is a JWT as Entra's are, signed with a key of this process. What its app may do is looked up with each request,
so a permission that is taken away works at once.
"""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.simulator.state import EXCHANGE_ROLES, GRAPH_ROLES, MORE_ROLES, Answer, AppIdentity, Json, World, new_guid

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
AUDIENCES = {
    "graph": ("https://graph.microsoft.com", "https://graph.microsoft.us"),
    "exchange": ("https://outlook.office365.com", "https://outlook.office365.us"),
}
"""Names of the services, besides the addresses of the tenant."""
IDENTITY_HEADER = "the-header-of-this-machine"
"""The secret of the managed identity endpoint for processes on the machine (App Service: IDENTITY_HEADER)."""
_KEY = secrets.token_bytes(32)
_ISSUED = "login.issued"


class _LoginError(Exception):
    def __init__(self, status: int, error: str, number: int, message: str) -> None:
        super().__init__(message)
        self.status, self.error, self.number, self.message = status, error, number, message


def dispatch(world: World, method: str, path: str, form: Mapping[str, str]) -> Answer:
    """Answer one request to the login host. ``form``: the fields of a form that was posted."""
    tenant, _mark, rest = path.strip("/").partition("/")
    if method == "GET" and path == "/common/discovery/instance":
        return Answer(200, _instances(world))
    try:
        _check_tenant(world, tenant)
        if method == "GET" and rest == "v2.0/.well-known/openid-configuration":
            return Answer(200, _discovery(world, tenant))
        if method == "POST" and rest == "oauth2/v2.0/token":
            return Answer(200, _token(world, tenant, form))
    except _LoginError as error:
        return Answer(error.status, _refusal(world, error))
    return Answer(501, {"error": "not_simulated", "error_description": f"The simulated tenant does not know {path}."})


def _check_tenant(world: World, tenant: str) -> None:
    if tenant.casefold() in (world.tenant_id, world.domain, world.initial_domain):
        return
    if "." not in tenant and len(tenant) != 36:
        raise _LoginError(
            400, "invalid_request", 900023, f"Specified tenant identifier '{tenant}' is neither a valid DNS name, "
            "nor a valid external domain."
        )  # fmt: skip
    raise _LoginError(
        400, "invalid_request", 90002, f"Tenant '{tenant}' not found. Check to make sure you have the "
        "correct tenant ID and are signing into the correct cloud."
    )  # fmt: skip


def identity(world: World, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
    """The local endpoint of a machine with a managed identity: that of App Service, and that of virtual machines."""
    app_service = path == "/msi/token" and headers.get("x-identity-header") == IDENTITY_HEADER
    machine = path == "/metadata/identity/oauth2/token" and headers.get("metadata", "").casefold() == "true"
    if method != "GET" or not (app_service or machine):
        return Answer(400, {"error": "bad_request", "error_description": "The header that proves locality is missing."})
    service = _service(world, query.get("resource", ""))
    if service is None:
        return Answer(400, {"error": "invalid_resource", "error_description": "AADSTS500011: The resource is unknown."})
    wanted = query.get("client_id")
    if wanted and wanted.casefold() != world.app.client_id:
        return Answer(400, {"error": "invalid_request", "error_description": "Identity not found"})
    token = _issue(world, service)
    expires = str(int(time.time()) + world.switches.token_seconds)
    lives = str(world.switches.token_seconds)
    return Answer(200, {"access_token": token, "expires_on": expires, "expires_in": lives, "token_type": "Bearer",
                        "resource": query["resource"], "client_id": world.app.client_id})  # fmt: skip


def issued(world: World) -> list[str]:
    """Return every issued token, none of which may appear in a log."""
    tokens: list[str] = world.scratch.setdefault(_ISSUED, [])
    return tokens


EXPIRED = "login.expired"
"""The key of tokens that a fault has expired."""


@functools.lru_cache(maxsize=1024)
def _claims(token: str) -> Json:
    """Return the claims of a token of this tenant. Raises jwt.InvalidTokenError."""
    found = jwt.decode(token, _KEY, algorithms=["HS256"], options={"verify_aud": False, "verify_exp": False})
    return dict(found)


def caller(world: World, service: str, headers: Mapping[str, str]) -> AppIdentity | str:
    """Return the application that sends a request, or why its token is refused (401)."""
    kind, _mark, token = headers.get("authorization", "").partition(" ")
    if kind.casefold() != "bearer" or not token:
        return "Access token is empty."
    try:
        claims = _claims(token)
    except jwt.InvalidTokenError:
        return "IDX14100: JWT is not well formed, or its signature is not valid."
    if claims["exp"] <= time.time() or token in world.scratch.get(EXPIRED, ()):
        return "Lifetime validation failed, the token is expired."
    if claims["svc"] != service or claims["tid"] != world.tenant_id:
        return "Access token validation failure. Invalid audience."
    return world.app.identity()


def _instances(world: World) -> Json:
    """Which login hosts are one cloud: MSAL asks before it trusts its cache [microsoft-authentication-library]."""
    origin = world.origins["login"]
    host = origin.partition("://")[2]
    return {
        "tenant_discovery_endpoint": f"{origin}/{world.tenant_id}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }


def _discovery(world: World, tenant: str) -> Json:
    base = f"{world.origins['login']}/{tenant}"
    return {
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "issuer": f"{world.origins['login']}/{world.tenant_id}/v2.0",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "response_types_supported": ["code", "id_token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def _refusal(world: World, error: _LoginError) -> Json:
    moment = world.now().strftime("%Y-%m-%d %H:%M:%SZ")
    trace, correlation = new_guid(), new_guid()
    return {
        "error": error.error,
        "error_description": f"AADSTS{error.number}: {error.message} Trace ID: {trace} Correlation ID: {correlation} "
        f"Timestamp: {moment}",
        "error_codes": [error.number],
        "timestamp": moment,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"{world.origins['login']}/error?code={error.number}",
    }


def _token(world: World, tenant: str, form: Mapping[str, str]) -> Json:
    if form.get("grant_type") != "client_credentials":
        raise _LoginError(
            400, "unsupported_grant_type", 70003, f"The grant type '{form.get('grant_type')}' is not supported."
        )
    client_id = form.get("client_id", "")
    if client_id.casefold() != world.app.client_id:
        raise _LoginError(
            400,
            "unauthorized_client",
            700016,
            f"Application with identifier '{client_id}' was not found in the directory.",
        )
    scope = form.get("scope", "")
    service = _service(world, scope.removesuffix("/.default")) if scope.endswith("/.default") else None
    if service is None:
        raise _LoginError(
            400, "invalid_resource", 500011, f"The resource principal named {scope} was not found in the tenant."
        )
    if "client_secret" in form:
        _check_secret(world, form["client_secret"])
    elif form.get("client_assertion_type") == ASSERTION_TYPE and form.get("client_assertion"):
        _check_assertion(world, tenant, form["client_assertion"])
    else:
        raise _LoginError(
            401,
            "invalid_client",
            7000218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )
    seconds = world.switches.token_seconds
    return {
        "token_type": "Bearer",
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": _issue(world, service),
    }


def _check_secret(world: World, given: str) -> None:
    if not secrets.compare_digest(given.encode(), world.app.client_secret.encode()):
        raise _LoginError(
            401,
            "invalid_client",
            7000215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
            f"not the client secret ID, for a secret added to app '{world.app.client_id}'.",
        )
    if world.switches.secret_expired:
        raise _LoginError(
            401,
            "invalid_client",
            7000222,
            f"The provided client secret keys for app '{world.app.client_id}' are expired. Visit the Azure portal to "
            "create new keys for your app: https://aka.ms/NewClientSecret.",
        )


def _check_assertion(world: World, tenant: str, assertion: str) -> None:
    """A certificate's signature, or the token of an issuer that the app trusts."""
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise _LoginError(401, "invalid_client", 50027, f"JWT token is invalid or malformed: {error}.") from None
    if header.get("x5t") or header.get("x5t#S256"):
        _check_certificate(world, tenant, assertion, header)
    else:
        _check_federated(world, assertion, claims)


def _check_certificate(world: World, tenant: str, assertion: str, header: Mapping[str, Any]) -> None:
    for pem in world.app.certificates.values():
        certificate = x509.load_pem_x509_certificate(pem)
        names = {
            jwt.utils.base64url_encode(certificate.fingerprint(kind)).decode()
            for kind in (hashes.SHA1(), hashes.SHA256())  # noqa: S303 - the name of a certificate
        }
        # MSAL writes the padding, although RFC 7515 leaves it out.
        if names & {str(header.get(name, "")).rstrip("=") for name in ("x5t", "x5t#S256")}:
            break
    else:
        raise _LoginError(
            401,
            "invalid_client",
            700027,
            "The certificate with identifier used to sign the client assertion is not registered on application.",
        )
    audience = [
        f"{world.origins['login']}/{tenant}/oauth2/v2.0/token",
        f"{world.origins['login']}/{world.tenant_id}/oauth2/v2.0/token",
    ]
    key: Any = certificate.public_key()
    try:
        jwt.decode(assertion, key, ["RS256", "PS256"], audience=audience, issuer=world.app.client_id, leeway=300)
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
        raise _LoginError(
            401, "invalid_client", 700024, "Client assertion is not within its valid time range."
        ) from None
    except jwt.InvalidTokenError as error:
        raise _LoginError(
            401, "invalid_client", 700027, f"Client assertion failed signature validation ({error})."
        ) from None


def _check_federated(world: World, assertion: str, claims: Mapping[str, Any]) -> None:
    app = world.app
    if claims.get("iss") != app.federated_issuer or not app.federated_public_key:
        raise _LoginError(
            401, "invalid_client", 700211, f"No matching federated identity record found for assertion issuer "
            f"'{claims.get('iss')}'."
        )  # fmt: skip
    if claims.get("sub") != app.federated_subject:
        raise _LoginError(
            401, "invalid_client", 700213, f"No matching federated identity record found for assertion subject "
            f"'{claims.get('sub')}'."
        )  # fmt: skip
    audiences = claims.get("aud")
    if app.federated_audience not in (audiences if isinstance(audiences, list) else [audiences]):
        raise _LoginError(
            401, "invalid_client", 700212, f"No matching federated identity record found for assertion audience "
            f"'{audiences}'."
        )  # fmt: skip
    try:
        jwt.decode(assertion, app.federated_public_key.decode(), ["RS256"], audience=app.federated_audience)
    except jwt.ExpiredSignatureError:
        raise _LoginError(
            401, "invalid_client", 700024, "Client assertion is not within its valid time range."
        ) from None
    except jwt.InvalidTokenError as error:
        raise _LoginError(401, "invalid_client", 50013, f"Assertion failed signature validation ({error}).") from None


def _service(world: World, audience: str) -> str | None:
    """The service that an audience names."""
    wanted = audience.rstrip("/").casefold()
    for service, names in AUDIENCES.items():
        if wanted in (world.origins.get(service), *names):
            return service
    return None


def _issue(world: World, service: str) -> str:
    now = int(time.time())
    # Tools read these, though a token is opaque to a client: who signed in, and whether it was an application (idtyp)
    # [access-token-claims-reference]. ``svc`` is the tenant's own.
    claims = {
        "aud": world.origins.get(service, service),
        "iss": f"https://sts.windows.net/{world.tenant_id}/",
        "iat": now,
        "nbf": now,
        "exp": now + world.switches.token_seconds,
        "app_displayname": "Simulated application",
        "appid": world.app.client_id,
        "appidacr": "1",
        "idp": f"https://sts.windows.net/{world.tenant_id}/",
        "idtyp": "app",
        "oid": world.app.object_id,
        "roles": sorted(world.app.roles & (GRAPH_ROLES | MORE_ROLES if service == "graph" else EXCHANGE_ROLES)),
        "sub": world.app.object_id,
        "tid": world.tenant_id,
        "uti": secrets.token_urlsafe(16),
        "ver": "1.0",
        "svc": service,
    }
    token = jwt.encode(claims, _KEY, algorithm="HS256")
    issued(world).append(token)
    return token
