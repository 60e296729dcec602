# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in to a tenant in each way, what it says where that fails, and what a missing permission says."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    AuthenticationError,
    M365Error,
    PermissionDenied,
    ServiceUnavailable,
)

from tests.functional.support.assign_harness import with_first_settings
from tests.functional.support.keys import OTHER_KEY, cert_pem, certificate, key_pem
from tests.functional.support.scripted_server import Clock
from tests.functional.support.service_clients import Clients, clients
from tests.simulator.launch import Tenant, running
from tests.simulator.login import IDENTITY_HEADER, issued
from tests.support.credentials import register

WRONG, TENANT = "not-the-secret-of-this-app", "aaaaaaaa-0000-0000-0000-00000000000f"


@pytest.fixture(scope="module")
def one_tenant() -> Iterator[Tenant]:
    """One for all tests of this file; each gets it back as it was."""
    with running(mailboxes=30, at_risk=5) as tenant:
        yield tenant


@pytest.fixture
def tenant(one_tenant: Tenant) -> Tenant:
    """The tenant, with its first permissions and no faults."""
    return with_first_settings(one_tenant)


@pytest.fixture
def files(tenant: Tenant, tmp_path: Path) -> dict[str, str]:
    """A certificate and a federated token registered for the app; ``unregistered``: another certificate."""
    unregistered = tmp_path / "unregistered.pem"
    unregistered.write_bytes(key_pem(OTHER_KEY) + cert_pem(certificate(OTHER_KEY)))
    return register(tenant.world, tmp_path) | {"unregistered": str(unregistered)}


def token_requests(tenant: Tenant) -> int:
    return sum(entry["path"].endswith("/oauth2/v2.0/token") for entry in tenant.world.log)


@contextlib.contextmanager
def without_secret(tenant: Tenant, **options: Any) -> Iterator[Clients]:
    """Clients that know the tenant's addresses and ids but no secret."""
    secret, tenant.world.app.client_secret = tenant.world.app.client_secret, ""
    try:
        with clients(tenant, **options) as made:
            yield made
    finally:
        tenant.world.app.client_secret = secret


def refused(tenant: Tenant, work: Callable[[Clients], object], **options: Any) -> M365Error:
    """What a client says; nothing of it may show a secret or a token."""
    with pytest.raises(M365Error) as caught, clients(tenant, retry_seconds=0.0, **options) as made:
        work(made)
    said = str(caught.value)
    for hidden in (tenant.world.app.client_secret, WRONG, *issued(tenant.world)):
        assert hidden not in said
    assert "\n" not in said
    return caught.value


def read_skus(made: Clients) -> object:
    return made.graph.subscribed_skus()


def read_exchange(made: Clients) -> object:
    return made.exchange.organization().delayed_delicensing


# each way -------------------------------------------------------------------------------------------------------------

WAYS: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "PEM": lambda files: {"certificate_path": files["pem"]},
    "PFX with password": lambda files: {"certificate_path": files["pfx"], "certificate_password": files["password"]},
    "federated token": lambda files: {"federated_token_file": files["federated"]},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
def test_an_app_without_a_secret_signs_in(
    tenant: Tenant, files: dict[str, str], way: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    with without_secret(tenant, **way(files)) as made:
        assert made.graph.subscribed_skus()
        read_exchange(made)
    assert token_requests(tenant) == 2


def test_a_secret_signs_in_and_one_token_per_service_is_enough(tenant: Tenant) -> None:
    with clients(tenant, concurrency=8) as made:
        made.http.parallel(lambda _: read_skus(made), range(30))
        made.http.parallel(lambda _: read_exchange(made), range(30))
        assert made.http.requests == len(tenant.requests()) == 60 + 2 + 1, "the tenant's endpoints are read once"
    assert token_requests(tenant) == 2


def test_managed_identity_signs_in(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{tenant.world.origins['identity']}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
    with clients(tenant, auth_source="managed_identity") as made:
        assert made.graph.subscribed_skus()
        read_exchange(made)
    assert [entry["service"] for entry in tenant.requests()].count("identity") == 2


def test_ready_tokens_are_sent_as_they_are(tenant: Tenant) -> None:
    with clients(tenant) as made:
        read_skus(made)
        read_exchange(made)
    graph, exchange = issued(tenant.world)[-2:]
    tenant.clear_requests()
    with clients(tenant, access_tokens={"graph": graph, "exchange": exchange}) as made:
        assert made.graph.subscribed_skus()
        read_exchange(made)
    assert token_requests(tenant) == 0


def test_a_ready_token_of_the_wrong_service_is_told(tenant: Tenant) -> None:
    with clients(tenant) as made:
        read_skus(made)
    graph = issued(tenant.world)[-1]
    error = refused(tenant, read_exchange, access_tokens={"graph": graph, "exchange": graph})
    assert error.code == "access_token_refused"
    assert "access_tokens.exchange" in error.message
    assert f"{tenant.world.origins['exchange']}/.default" in error.hint


def test_the_federated_token_is_read_again_for_each_new_token(tenant: Tenant, files: dict[str, str]) -> None:
    """Its issuer replaces the file long before our run ends."""
    fresh = Path(files["federated"]).read_text()
    path = Path(files["federated"])
    path.write_text("ey.stale.token")
    with without_secret(tenant, federated_token_file=str(path)) as made:
        path.write_text(fresh)
        assert made.graph.subscribed_skus()


# what the identity platform refuses -----------------------------------------------------------------------------------


def test_an_expired_secret(tenant: Tenant) -> None:
    tenant.world.switches.secret_expired = True
    error = refused(tenant, read_skus)
    assert error.code == "AADSTS7000222"
    assert "client_secret" in error.hint
    assert tenant.world.app.client_id in error.message


def test_a_wrong_secret(tenant: Tenant) -> None:
    error = refused(tenant, read_skus, client_secret=WRONG)
    assert error.code == "AADSTS7000215"
    assert "client_secret is wrong" in error.hint
    assert "source client_secret" in error.message


@pytest.mark.parametrize("name", [TENANT, "fabrikam.onmicrosoft.com"])
def test_an_unknown_tenant(tenant: Tenant, name: str) -> None:
    error = refused(tenant, read_skus, tenant_id=name)
    assert error.code == "AADSTS90002"
    assert name in error.message
    assert "tenant_id" in error.hint
    assert "cloud" in error.hint


def test_an_app_of_another_tenant(tenant: Tenant) -> None:
    error = refused(tenant, read_skus, client_id=TENANT)
    assert error.code == "AADSTS700016"
    assert "client_id" in error.hint


def test_a_certificate_that_was_not_uploaded(tenant: Tenant, files: dict[str, str]) -> None:
    error = refused(tenant, read_skus, certificate_path=files["unregistered"])
    assert error.code == "AADSTS700027"
    assert "certificate_path" in error.hint


def test_the_name_of_a_certificate_is_not_enough(tenant: Tenant, files: dict[str, str]) -> None:
    """The tenant checks the signature, so that signing in with a certificate above means something."""
    (thumbprint,) = tenant.world.app.certificates
    name = base64.urlsafe_b64encode(bytes.fromhex(thumbprint)).decode().rstrip("=")
    forged = jwt.encode({"iss": "x"}, Path(files["unregistered"]).read_text(), "RS256", headers={"x5t": name})
    Path(files["federated"]).write_text(forged)
    error = refused(tenant, read_skus, federated_token_file=files["federated"])
    assert error.code == "AADSTS700027"
    assert "signature" in error.message


def test_a_federated_token_that_the_app_does_not_trust(tenant: Tenant, files: dict[str, str]) -> None:
    tenant.world.app.federated_subject = "job:another"
    error = refused(tenant, read_skus, federated_token_file=files["federated"])
    assert error.code == "AADSTS700213"
    assert "federated_token_file" in error.hint
    assert Path(files["federated"]).read_text().split(".")[2] not in str(error)
    tenant.world.app.federated_issuer = "https://another.example"
    error = refused(tenant, read_skus, federated_token_file=files["federated"])
    assert error.code == "AADSTS700211"


def test_a_garbled_federated_token(tenant: Tenant, files: dict[str, str]) -> None:
    Path(files["federated"]).write_text("this is no token")
    error = refused(tenant, read_skus, federated_token_file=files["federated"])
    assert error.code.startswith("AADSTS")
    assert "this is no token" not in str(error)


def test_a_resource_that_the_tenant_does_not_know(tenant: Tenant) -> None:
    error = refused(tenant, read_skus, graph_url="https://127.0.0.1:9")
    assert error.code == "AADSTS500011"
    assert "graph_url" in error.hint


# an identity platform that is none ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["html", "empty"])
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/oauth2/v2.0/token"])
def test_a_login_page_instead_of_a_token(tenant: Tenant, kind: str, path: str) -> None:
    """A captive portal or a proxy that wants a login of its own."""
    tenant.set_faults({"kind": kind, "service": "login", "path": path, "times": None})
    error = refused(tenant, read_skus)
    assert isinstance(error, AuthenticationError)
    assert "login_url" in str(error)


def test_login_url_leads_to_another_service(tenant: Tenant) -> None:
    error = refused(tenant, read_skus, login_url=tenant.world.origins["graph"])
    assert isinstance(error, AuthenticationError)
    assert "login_url" in error.hint


@pytest.mark.parametrize("kind", ["drop", "truncate", "lost_answer"])
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/oauth2/v2.0/token"])
def test_a_lost_answer_of_the_identity_platform_is_retried(tenant: Tenant, kind: str, path: str) -> None:
    tenant.set_faults({"kind": kind, "service": "login", "path": path})
    with clients(tenant) as made:
        assert made.graph.subscribed_skus()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_identity_platform_is_retried_until_time_is_over(tenant: Tenant, status: int) -> None:
    busy = {"service": "login", "status": status, "path": "/oauth2/v2.0/token", "headers": {"Retry-After": "0"}}
    tenant.set_faults(busy)
    with clients(tenant) as made:
        assert made.graph.subscribed_skus()
    tenant.set_faults(busy | {"times": None, "headers": {"Retry-After": "60"}})
    error = refused(tenant, read_skus)
    assert isinstance(error, ServiceUnavailable)
    assert error.status == status
    assert "retry_seconds" in error.hint
    assert tenant.info["client_secret"] not in str(error)


def test_many_at_once_give_up_together(tenant: Tenant) -> None:
    """The time to keep trying is one, and not one for each thread that waits for the token."""
    tenant.set_faults({"service": "login", "status": 503, "path": "/oauth2/v2.0/token", "times": None})
    clock = Clock()
    with clients(tenant, concurrency=4, retry_seconds=100.0) as made:
        made.http.backoff.clock, made.http.backoff.sleep = clock, clock.sleep
        with pytest.raises(ServiceUnavailable):
            made.http.parallel(lambda _: read_skus(made), range(4))
        assert sum(clock.waits) <= 100
        tenant.clear_faults()
        assert made.graph.subscribed_skus(), "a later call tries anew"


ODD_TOKENS = {
    "two lines": {"access_token": "first-line-0123\nsecond-line-0123"},
    "not ASCII": {"access_token": "tökén-€-0123456789"},
    "blank": {"access_token": "two words-0123456789"},
    "a number": {"access_token": 5},
    "nothing": {"access_token": ""},
    "no end": {"access_token": "fine-0123456789", "expires_in": "soon"},
    "a list": {"access_token": ["fine-0123456789"]},
}


@pytest.mark.parametrize("body", ODD_TOKENS.values(), ids=list(ODD_TOKENS))
def test_a_token_that_is_none_is_one_error(tenant: Tenant, body: dict[str, Any]) -> None:
    full = {"token_type": "Bearer", "expires_in": 3599, **body}
    tenant.set_faults({"service": "login", "status": 200, "path": "/oauth2/v2.0/token", "body": full, "times": None})
    error = refused(tenant, read_skus)
    assert isinstance(error, AuthenticationError)
    assert "0123" not in str(error)
    assert "login_url" in error.hint
    assert "graph" not in [entry["service"] for entry in tenant.requests()]


# a token that ends ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("service", "work"), [("graph", read_skus), ("exchange", read_exchange)])
class TestEndedToken:
    """401 in the middle of the work."""

    def test_is_replaced_once(self, tenant: Tenant, service: str, work: Callable[[Clients], object]) -> None:
        with clients(tenant) as made:
            work(made)
            tenant.set_faults({"service": service, "status": 401})
            work(made)
            work(made)
        assert token_requests(tenant) == 2

    def test_is_not_replaced_for_ever(self, tenant: Tenant, service: str, work: Callable[[Clients], object]) -> None:
        tenant.set_faults({"service": service, "status": 401, "times": None})
        error = refused(tenant, work)
        assert isinstance(error, PermissionDenied)
        assert error.status == 401
        assert "application permission" in error.hint
        assert token_requests(tenant) == 2

    def test_cannot_be_replaced_where_it_was_given(
        self, tenant: Tenant, service: str, work: Callable[[Clients], object]
    ) -> None:
        tokens = {name: jwt.encode({"svc": name, "tid": ""}, "k" * 32) for name in ("graph", "exchange")}
        error = refused(tenant, work, access_tokens=tokens)
        assert error.code == "access_token_refused"
        assert f"access_tokens.{service}" in error.message
        assert tokens[service] not in str(error)
        assert token_requests(tenant) == 0


def test_a_short_lived_token_is_replaced_before_it_ends(tenant: Tenant) -> None:
    """Not by a 401 in the middle of writes: half of its life is all that is used."""
    tenant.world.switches.token_seconds = 2
    with clients(tenant) as made:
        for _unused in range(3):
            read_skus(made)
    assert 401 not in [entry["status"] for entry in tenant.requests()]


# a permission that is missing -----------------------------------------------------------------------------------------


def read_users(made: Clients) -> object:
    return made.graph.users()


def read_user(made: Clients) -> object:
    return made.graph.users_by_upn(["anna@contoso.example"])


def read_mailboxes(made: Clients) -> object:
    return made.exchange.mailboxes()


MISSING: dict[str, tuple[set[str], Callable[[Clients], object], list[str]]] = {
    "users": ({"Exchange.ManageAsApp"}, read_users, ["User.Read.All", "Graph", "admin consent"]),
    "users in a batch": ({"Exchange.ManageAsApp"}, read_user, ["User.Read.All", "Graph", "admin consent"]),
    "SKUs": ({"User.Read.All"}, read_skus, ["LicenseAssignment.Read.All", "Organization.Read.All", "admin consent"]),
    "Exchange, nothing": ({"User.Read.All"}, read_mailboxes, ["Exchange.ManageAsApp", "Global Reader", "consent"]),
    "Exchange, no role": ({"Exchange.ManageAsApp"}, read_mailboxes, ["Global Reader", "one without the other"]),
    "Exchange, role only": ({"Global Reader"}, read_mailboxes, ["Exchange.ManageAsApp", "consent"]),
}


@pytest.mark.parametrize(("roles", "work", "named"), MISSING.values(), ids=list(MISSING))
def test_a_missing_permission_is_named_with_who_can_grant_it(
    tenant: Tenant, roles: set[str], work: Callable[[Clients], object], named: list[str]
) -> None:
    tenant.world.app.roles = roles
    error = refused(tenant, work)
    assert isinstance(error, PermissionDenied)
    assert error.status in (401, 403)
    for name in named:
        assert name in error.hint
    assert "Administrator" in error.hint
    assert error.request


def test_exchange_v2_names_its_own_permission(tenant: Tenant) -> None:
    tenant.world.app.roles = {"User.Read.All"}
    error = refused(tenant, read_mailboxes, exchange_api="v2")
    assert isinstance(error, PermissionDenied)
    assert "Exchange.ManageAsAppV2" in error.hint
    assert "View-Only Organization Management" in error.hint
