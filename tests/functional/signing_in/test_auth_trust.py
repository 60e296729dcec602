# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where secrets go when a module signs in: to the host that options name, and never where its answer points."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._auth.tokens import TokenSource, options_from
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import M365Error

from tests.functional.support.scripted_server import Reply, Seen, StandIn, client_for, document, serving

TENANT = "aaaaaaaa-0000-0000-0000-00000000000f"
APP = "bbbbbbbb-0000-0000-0000-00000000000f"
SECRET = "the-secret-0123456789"
TOKEN = document({"access_token": "a-token", "token_type": "Bearer", "expires_in": 3600})


def platform(endpoint: Callable[[], str], answer: Reply = TOKEN) -> Callable[[Seen], Reply]:
    """An identity platform that says this of its token endpoint, and answers there."""

    def reply(seen: Seen) -> Reply:
        if seen.method == "POST":
            return answer
        base = endpoint()
        return document(
            {
                "issuer": f"{base}/{TENANT}/v2.0",
                "token_endpoint": f"{base}/{TENANT}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/{TENANT}/oauth2/v2.0/authorize",
            }
        )

    return reply


def sign_in(server: StandIn, ca_path: Path | None = None) -> str:
    """Get a token by a client secret."""
    params = {"tenant_id": TENANT, "client_id": APP, "client_secret": SECRET, "login_url": server.url}
    client = client_for(server, ca_path=str(ca_path or server.ca_path), retry_seconds=0.0)
    return TokenSource(options_from(params, {}), client).token("graph")


def secrets_at(server: StandIn) -> list[str]:
    """The client secrets that a server was sent."""
    return [value for seen in server.seen for value in parse_qs(seen.body.decode()).get("client_secret", [])]


def test_the_host_that_options_name_gets_the_secret(tmp_path: Path) -> None:
    servers: list[StandIn] = []
    with serving(platform(lambda: servers[0].url), tmp_path) as server:
        servers.append(server)
        assert sign_in(server) == "a-token"
        assert secrets_at(server) == [SECRET]


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_no_secret_goes_to_an_endpoint_elsewhere(tmp_path: Path, tls: bool) -> None:
    (tmp_path / "other").mkdir()
    with serving(lambda _: TOKEN, tmp_path / "other", tls=tls) as other:
        with serving(platform(lambda: other.url), tmp_path) as server:
            both = tmp_path / "both.pem"
            both.write_bytes(other.ca_path.read_bytes() + server.ca_path.read_bytes())
            with pytest.raises(M365Error) as caught:
                sign_in(server, both)
        assert other.seen == []
    assert secrets_at(server) == []
    # MSAL itself refuses http.
    assert caught.value.code == ("foreign_link" if tls else "no_identity_platform")
    assert "cloud" in caught.value.hint
    assert SECRET not in repr(vars(caught.value))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_secret_follows_a_redirect(tmp_path: Path, status: int) -> None:
    (tmp_path / "other").mkdir()
    servers: list[StandIn] = []
    with serving(lambda _: TOKEN, tmp_path / "other") as other:
        away = Reply(status, b"", {"Location": f"{other.url}/token"})
        with serving(platform(lambda: servers[0].url, away), tmp_path) as server:
            servers.append(server)
            with pytest.raises(M365Error, match="never sent after a redirect"):
                sign_in(server)
        assert other.seen == []


def test_no_secret_goes_to_an_untrusted_host(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with serving([], tmp_path / "other") as other, serving(platform(lambda: ""), tmp_path) as server:
        with pytest.raises(M365Error, match="is not trusted"):
            sign_in(server, other.ca_path)
        assert server.seen == []
