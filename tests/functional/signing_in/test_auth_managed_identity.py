# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed identity against a stand-in of the endpoints that Azure gives its machines: plain HTTP, no proxy."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._auth.tokens import TokenSource, options_from
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import AuthenticationError, M365Error
from ansible_collections.m365.licensing.plugins.module_utils._http.client import HttpClient

from tests.functional.support.scripted_server import (
    DROP,
    Clock,
    Reply,
    Script,
    Seen,
    StandIn,
    client_for,
    document,
    serving,
)

CLIENT = "bbbbbbbb-0000-0000-0000-000000000002"
HEADER = "identity-header-value"
Point = Callable[[StandIn], None]
KINDS = ["App Service", "virtual machine"]


def token_answer(text: str = "the-token", seconds: int = 3600) -> Reply:
    """What both endpoints answer; App Service says when, the virtual machine's in how many seconds it ends."""
    until = str(int(time.time()) + seconds)
    return document({"access_token": text, "expires_on": until, "expires_in": str(seconds), "token_type": "Bearer"})


@pytest.fixture(autouse=True)
def no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine that the tests run on."""
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    # A proxy that would answer nobody: the endpoint is this machine's own.
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)


def point_to(monkeypatch: pytest.MonkeyPatch, kind: str, url: str) -> None:
    """Make MSAL find the endpoint where it looks on such a machine."""
    if kind == "App Service":
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    else:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)


def source_for(client: HttpClient, **more: str) -> TokenSource:
    return TokenSource(options_from({"auth_source": "managed_identity", **more}, {}), client)


def ask(script: Script, monkeypatch: pytest.MonkeyPatch, folder: Path, kind: str = KINDS[0], **more: str) -> list[Seen]:
    """Ask for one token and return what the endpoint saw."""
    with serving(script, folder, tls=False) as server:
        point_to(monkeypatch, kind, server.url)
        client = client_for()
        assert source_for(client, **more).token("graph") == "the-token"
        assert client.requests == len(server.seen)
        return server.seen


def refused(script: Script, monkeypatch: pytest.MonkeyPatch, folder: Path, kind: str) -> AuthenticationError:
    with serving(script, folder, tls=False) as server:
        point_to(monkeypatch, kind, server.url)
        with pytest.raises(AuthenticationError) as caught:
            source_for(client_for(retry_seconds=0.0)).token("graph")
    assert HEADER not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_the_machines_own_identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    (seen,) = ask([token_answer()], monkeypatch, tmp_path, kind)
    assert seen.method == "GET"
    assert seen.query["resource"] == "https://graph.microsoft.com"
    assert "client_id" not in seen.query
    if kind == "App Service":
        assert (seen.path, seen.headers["x-identity-header"]) == ("/msi/token", HEADER)
    else:
        assert (seen.path, seen.headers["metadata"]) == ("/metadata/identity/oauth2/token", "true")


@pytest.mark.parametrize("kind", KINDS)
def test_an_identity_that_the_user_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    (seen,) = ask([token_answer()], monkeypatch, tmp_path, kind, client_id=CLIENT)
    assert seen.query["client_id"] == CLIENT


def test_the_resource_is_that_of_the_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (seen,) = ask([token_answer()], monkeypatch, tmp_path, cloud="usgov")
    assert seen.query["resource"] == "https://graph.microsoft.us"


@pytest.mark.parametrize("kind", KINDS)
def test_one_token_per_resource_until_a_new_one_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    answers = [token_answer("g1"), token_answer("e1"), token_answer("g2")]
    with serving(answers, tmp_path, tls=False) as server:
        point_to(monkeypatch, kind, server.url)
        source = source_for(client_for())
        assert [source.token("graph"), source.token("exchange"), source.token("graph")] == ["g1", "e1", "g1"]
        assert source.token("graph", refresh=True) == "g2"
        assert source.token("exchange") == "e1"
        asked = [seen.query["resource"] for seen in server.seen]
    assert asked == ["https://graph.microsoft.com", "https://outlook.office365.com", "https://graph.microsoft.com"]


@pytest.mark.parametrize("trouble", [DROP, Reply(429), Reply(503), Reply(500)], ids=["drop", "429", "503", "500"])
def test_an_endpoint_that_starts_late_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trouble: Reply
) -> None:
    assert len(ask([trouble, token_answer()], monkeypatch, tmp_path)) == 2


def test_no_endpoint_at_all_says_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, "virtual machine", "http://127.0.0.1:9")
    clock = Clock()
    with pytest.raises(AuthenticationError) as caught:
        source_for(client_for(clock=clock, retry_seconds=300.0)).token("graph")
    assert caught.value.code == "managed_identity_unreachable"
    assert "container" in caught.value.hint
    assert "auth_source" in caught.value.hint
    assert sum(clock.waits) <= 20, "nobody waits five minutes for an address that never answered"


ODD = {
    "HTML": Reply(200, b"<html>proxy</html>", {"Content-Type": "text/html"}),
    "nothing": Reply(200, b""),
    "a list": document([1]),
    "a number": document(7),
    "a token that is none": document({"access_token": {"a": 1}, "expires_on": "soon", "expires_in": "soon"}),
    "a token of two lines": token_answer("one\ntwo"),
    "no token": document({"expires_in": 3600}),
    "404": Reply(404, b"not found", {"Content-Type": "text/plain"}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answer", ODD.values(), ids=list(ODD))
def test_something_else_than_a_token_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, answer: Reply
) -> None:
    error = refused([answer], monkeypatch, tmp_path, kind)
    assert error.code == "managed_identity_failed"
    assert "managed identity" in error.message
    assert "client_id" in error.hint


def test_an_identity_that_the_machine_does_not_have(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = {"error": "invalid_request", "error_description": "Identity not found"}
    error = refused([document(said, 400)], monkeypatch, tmp_path, "virtual machine")
    assert "Identity not found" in error.message
    assert error.code == "managed_identity_failed"


def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    away = Reply(302, b"", {"Location": "http://localhost:9/elsewhere"})
    with serving([away], tmp_path, tls=False) as server:
        point_to(monkeypatch, KINDS[0], server.url)
        with pytest.raises(M365Error, match="redirects") as caught:
            source_for(client_for(retry_seconds=0.0)).token("graph")
    assert HEADER not in str(caught.value)
