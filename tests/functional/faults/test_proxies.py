# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy that does not work is named with the variable that it comes from, and never with its user and password."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ConfigurationError,
    ServiceUnavailable,
)
from ansible_collections.m365.licensing.plugins.module_utils._http.client import Service
from ansible_collections.m365.licensing.plugins.module_utils._http.proxies import find_proxy

from tests.functional.support.scripted_server import Clock, client_for

HOST = "graph.example"
USER = "robot:S3cr3t-Planted@"
VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def proxy(answer: bytes, tls: ssl.SSLContext | None = None, heard: list[bytes] | None = None) -> Iterator[int]:
    """Something that listens, and answers every connection with these bytes; its port. ``heard``: what it was sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    plain, _address = server.accept()
                    with tls.wrap_socket(plain, server_side=True) if tls else plain as connection:
                        said = connection.recv(4096)
                        if heard is not None:
                            heard.append(said)
                        connection.sendall(answer)
                except OSError:
                    if server.fileno() < 0:
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join(5)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def ask() -> None:
    """One request by way of whatever proxy the environment names."""
    client = client_for(clock=Clock())
    Service(client, "Microsoft Graph", f"https://{HOST}", lambda _: "the-token", lambda *_: "").request(
        "GET", "/v1.0/x", idempotent=True
    )


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (f"{USER}127.0.0.1:{{port}}", "127.0.0.1:{port}"),
        ("robot@127.0.0.1:{port}", "127.0.0.1:{port}"),
        ("S3cr3t:p@ss:S3cr3t@127.0.0.1:{port}", "127.0.0.1:{port}"),
        ("//127.0.0.1:{port}", "//127.0.0.1:{port}"),
        (f"//{USER}127.0.0.1:{{port}}", "//127.0.0.1:{port}"),
        ("127.0.0.1:{port}", "127.0.0.1:{port}"),
        ("localhost:{port}", "localhost:{port}"),
        (f"{USER}localhost:{{port}}/", "localhost:{port}"),
        (f"{USER}[::1]:{{port}}", "[::1]:{port}"),
        (f"HTTP://{USER}127.0.0.1:{{port}}", "HTTP://127.0.0.1:{port}"),
    ],
)
def test_an_address_without_a_scheme_is_that_of_an_http_proxy(
    monkeypatch: pytest.MonkeyPatch, written: str, shown: str, variable: str
) -> None:
    port = free_port()
    monkeypatch.setenv(variable, written.format(port=port))
    with pytest.raises(ServiceUnavailable) as caught:
        ask()
    place = f"it is {shown.format(port=port)}, as {variable} says"
    assert f"the proxy did not connect to {HOST}: {place}" in caught.value.message
    assert "S3cr3t" not in str(caught.value)
    assert "robot" not in str(caught.value)


def test_an_address_without_a_scheme_keeps_user_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    with proxy(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", heard=heard) as port:
        monkeypatch.setenv("https_proxy", f"{USER}127.0.0.1:{port}")
        with pytest.raises(ServiceUnavailable, match="HTTP 407"):
            ask()
    assert b"Basic " + base64.b64encode(USER.rstrip("@").encode()) in heard[0]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
def test_a_proxy_of_http_is_none_of_https(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, f"{USER}127.0.0.1:eight")
    with pytest.raises(ServiceUnavailable) as caught:
        ask()
    assert "127.0.0.1" not in str(caught.value)
    with pytest.raises(ConfigurationError, match=f"'127.0.0.1:eight' of {variable} cannot be used"):
        find_proxy("http://x.example/", {"http": f"{USER}127.0.0.1:eight"}, os.environ)


def unreachable(monkeypatch: pytest.MonkeyPatch, variable: str, address: str) -> str:
    """What is said of a proxy that cannot be used on the way."""
    scheme, _mark, place = address.partition("://")
    monkeypatch.setenv(variable, f"{scheme}://{USER}{place}")
    with pytest.raises(ServiceUnavailable) as caught:
        ask()
    said = str(caught.value)
    assert caught.value.code == "unreachable"
    assert variable in caught.value.message
    assert address in caught.value.message
    assert f"Correct {variable}" in caught.value.hint
    assert f"{HOST} in NO_PROXY" in caught.value.hint
    assert "S3cr3t" not in said
    assert "robot" not in said
    return said


@pytest.mark.parametrize("variable", VARIABLES)
def test_refused_connection_to_the_proxy_is_named(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    assert "(Connection refused)" in unreachable(monkeypatch, variable, f"http://127.0.0.1:{free_port()}")


def test_its_name_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not" in unreachable(monkeypatch, "HTTPS_PROXY", "http://proxy.invalid:8080").partition("says (")[2]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 407 Hello robot\r\nContent-Length: 0\r\n\r\n", "HTTP 407: it wants a user and a password"),
        (b"HTTP/1.1 403 robot says no\r\nContent-Length: 0\r\n\r\n", "HTTP 403 Forbidden"),
        (b"HTTP/1.1 599 robot\r\nContent-Length: 0\r\n\r\n", "HTTP 599"),
    ],
)
def test_it_refuses(monkeypatch: pytest.MonkeyPatch, answer: bytes, reason: str) -> None:
    with proxy(answer) as port:
        assert reason in unreachable(monkeypatch, "HTTPS_PROXY", f"http://127.0.0.1:{port}")


def test_it_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """That may have been the service, so both are named."""
    with proxy(b"") as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{USER}127.0.0.1:{port}")
        with pytest.raises(ServiceUnavailable) as caught:
            ask()
    way = f"the connection to {HOST} by way of the proxy http://127.0.0.1:{port} of HTTPS_PROXY broke"
    assert way in caught.value.message
    assert "S3cr3t" not in str(caught.value)


def test_it_speaks_no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") as port:
        said = unreachable(monkeypatch, "HTTPS_PROXY", f"https://127.0.0.1:{port}")
    assert "begin its address with http://" in said


def test_its_certificate_is_not_that_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with proxy(b"", context) as port:
        said = unreachable(monkeypatch, "HTTPS_PROXY", f"https://127.0.0.1:{port}")
    assert "its certificate is not trusted" in said
    assert f"certificate of {HOST}" not in said


@pytest.mark.parametrize(
    ("value", "shown", "reason"),
    [
        (f"http://{USER}127.0.0.1:99999", "http://127.0.0.1:99999", "port"),
        (f"http://{USER}127.0.0.1:eight", "http://127.0.0.1:eight", "port"),
        (f"http://{USER}127.0.0.1:0", "http://127.0.0.1:0", "port"),
        ("http://robot:S3cr3t/Planted@127.0.0.1:3128", "http://127.0.0.1:3128", "%2F"),
        (f"ftp://{USER}proxy.example:21", "ftp://proxy.example:21", "must begin with"),
        (f"http://{USER}", "http:", "names no host"),
        (f"http://{USER}my proxy:80", "http://my proxy:80", "holds a blank"),
        (f"  http://{USER}127.0.0.1:80 ", "http://127.0.0.1:80", "holds a blank"),
        (f"{USER}127.0.0.1:80\t", "127.0.0.1:80", "holds a blank"),
        ("  ", "", "holds a blank"),
        (f"{USER}127.0.0.1:99999", "127.0.0.1:99999", "port"),
        (f"{USER}127.0.0.1:eight", "127.0.0.1:eight", "port"),
        (f"{USER}127.0.0.1:0", "127.0.0.1:0", "port"),
        ("127.0.0.1:0", "127.0.0.1:0", "port"),
        ("proxy:eight", "proxy:eight", "port"),
        (f"//{USER}127.0.0.1:0", "//127.0.0.1:0", "port"),
        ("robot:S3cr3t/Planted@127.0.0.1:3128", "127.0.0.1:3128", "%2F"),
        ("robot:S3cr3t://Planted@127.0.0.1:3128", "127.0.0.1:3128", "%2F"),
        ("robot:S3cr3t#Planted@127.0.0.1:3128", "127.0.0.1:3128", "%2F"),
        ("http://robot:S3cr3t?Planted@127.0.0.1:3128", "http://127.0.0.1:3128", "%2F"),
        ("http://robot:S3cr3t://Planted@127.0.0.1:3128", "http://127.0.0.1:3128", "%2F"),
        (f"http:{USER}127.0.0.1:3128", "127.0.0.1:3128", "must begin with"),
        (f"http:/{USER}127.0.0.1:3128", "127.0.0.1:3128", "must begin with"),
        (f"moon://{USER}127.0.0.1:3128", "moon://127.0.0.1:3128", "must begin with"),
        (f"{USER}::1", "::1", "in brackets"),
        (f"http://{USER}fe80::1:3128", "http://fe80::1:3128", "in brackets"),
        (f"http://{USER}[::1", "http://[::1", "in brackets"),
        (f"http://{USER}[::1]:0", "http://[::1]:0", "port"),
        (USER, "", "names no host"),
        ("//", "", "names no host"),
        (f"http://{USER}:3128", "http://:3128", "names no host"),
        (f"http://{USER}my^proxy:3128", "http://my^proxy:3128", "no host can be called so"),
        (f"{USER}my|proxy", "my|proxy", "no host can be called so"),
        (f"socks5h://{USER}127.0.0.1:1080", "socks5h://127.0.0.1:1080", "PySocks"),
        (f"socks4://{USER}127.0.0.1:1080", "socks4://127.0.0.1:1080", "PySocks"),
    ],
)
@pytest.mark.parametrize("variable", VARIABLES)
def test_a_malformed_address_fails_before_the_first_request(
    monkeypatch: pytest.MonkeyPatch, value: str, shown: str, reason: str, variable: str
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError) as caught:
        ask()
    assert caught.value.code == "proxy"
    assert f"The proxy {shown!r} of {variable} cannot be used" in caught.value.message
    assert reason in caught.value.message
    assert f"Correct {variable}" in caught.value.hint or reason == "PySocks"
    assert HOST not in caught.value.message
    assert "robot" not in str(caught.value)
    assert "S3cr3t" not in str(caught.value)
    assert "Planted" not in str(caught.value)


def test_a_service_past_the_proxy_is_none_of_its_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:eight")
    monkeypatch.setenv("NO_PROXY", HOST)
    with pytest.raises(ServiceUnavailable) as caught:
        ask()
    assert "127.0.0.1" not in str(caught.value)


def test_which_proxy_is_taken_is_what_requests_takes() -> None:
    environ = {"HTTPS_PROXY": "one.example:80", "ALL_PROXY": "http://u:p@two.example/"}
    proxies = {"https": environ["HTTPS_PROXY"], "all": environ["ALL_PROXY"]}
    assert find_proxy("https://x.example/", proxies, environ) == ("one.example:80", "HTTPS_PROXY")
    del proxies["https"]
    assert find_proxy("https://x.example/", proxies, environ) == ("http://two.example", "ALL_PROXY")
    assert find_proxy("https://x.example/", proxies, {}) == ("http://two.example", "the system's settings")
    assert find_proxy("https://x.example/", {}, environ) is None


def test_a_private_ca_is_the_proxys_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With ca_path the proxy's certificate is trusted, and what it refuses is told."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with proxy(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", context) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{port}")
        client = client_for(clock=Clock(), ca_path=str(tmp_path / "ca.pem"))
        with pytest.raises(ServiceUnavailable, match="HTTP 403 Forbidden"):
            Service(client, "Microsoft Graph", f"https://{HOST}", lambda _: "t", lambda *_: "").request(
                "GET", "/x", idempotent=True
            )
