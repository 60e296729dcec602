# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a token goes and where it never goes, who is trusted, what is shown; and answers that are none."""

from __future__ import annotations

import contextlib
import gzip
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    ConfigurationError,
    IncompleteAnswer,
    M365Error,
    ServiceUnavailable,
)
from ansible_collections.m365.licensing.plugins.module_utils._http.client import HttpClient, HttpSettings, Service
from ansible_collections.m365.licensing.plugins.module_utils._http.messages import HttpSettings as Settings

from tests.functional.support.scripted_server import (
    DROP,
    JSON,
    Reply,
    client_for,
    document,
    refusal,
    service_for,
    serving,
)

TOKEN = "the-token"
FINE = document({"value": 1})
LIMIT = Settings().max_response_bytes


def get(url: str, ca_path: Path | None = None, **settings: object) -> object:
    """One request without retries, as a module would send it."""
    chosen = HttpSettings(ca_path=str(ca_path) if ca_path else None, retry_seconds=0.0, **settings)  # type: ignore[arg-type]
    service = Service(HttpClient(chosen), "Stand-in", url, lambda _: TOKEN, lambda *_: "")
    return service.request("GET", "/x", idempotent=True).body


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no CA of the machine that the tests run on."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


# who is trusted -------------------------------------------------------------------------------------------------------


def test_a_private_ca_is_trusted_where_it_is_named(tmp_path: Path) -> None:
    with serving([FINE], tmp_path) as server:
        assert get(server.url, server.ca_path) == {"value": 1}
        assert server.seen[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_an_untrusted_certificate_names_the_option(tmp_path: Path) -> None:
    with serving([FINE], tmp_path) as server:
        with pytest.raises(ServiceUnavailable) as caught:
            get(server.url)
        assert server.seen == [], "nothing was sent"
    assert caught.value.code == "certificate_not_trusted"
    assert "ca_path" in caught.value.hint
    assert server.url.removeprefix("https://") in caught.value.message


def test_a_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    with serving([FINE], tmp_path, name="other.example") as server:
        with pytest.raises(ServiceUnavailable) as caught:
            get(server.url, server.ca_path)
        assert server.seen == []
    assert caught.value.code == "certificate_not_trusted"
    assert "localhost" in caught.value.message


def test_a_ca_path_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries like to prefer REQUESTS_CA_BUNDLE; what the option says is what counts."""
    (tmp_path / "other").mkdir()
    with serving([], tmp_path / "other") as other, serving([FINE, FINE], tmp_path) as server:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.ca_path))
        assert get(server.url, server.ca_path) == {"value": 1}
        with pytest.raises(ServiceUnavailable, match="not trusted"):
            get(server.url, other.ca_path)


def test_without_checking_any_certificate_will_do(tmp_path: Path) -> None:
    with serving([FINE], tmp_path, name="other.example") as server:
        assert get(server.url, validate_certs=False) == {"value": 1}


@pytest.mark.parametrize("content", [None, b"", b"no certificate"], ids=["missing", "empty", "a text"])
def test_an_unusable_ca_path_is_told_before_any_request(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        get("https://localhost:9", path)
    assert str(caught.value).startswith(f"ca_path {str(path)!r} cannot be used: ")


def test_plain_http_is_never_a_service() -> None:
    with pytest.raises(ConfigurationError, match="https://"):
        Service(client_for(), "Stand-in", "http://localhost:9", lambda _: TOKEN, lambda *_: "")


# where a token goes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(tmp_path: Path, status: int) -> None:
    (tmp_path / "other").mkdir()
    with serving([FINE], tmp_path / "other") as other:
        away = Reply(status, b"", {"Location": f"{other.url}/caught"})
        with serving([away], tmp_path) as server, pytest.raises(IncompleteAnswer) as caught:
            service_for(server).request("GET", "/x", idempotent=True)
        assert other.seen == []
    assert "redirects to localhost" in caught.value.message


@pytest.mark.parametrize("location", ["", "https://[::1", "https://a\\b/", "https://x:port/"])
def test_a_redirect_to_no_address_is_not_a_traceback(tmp_path: Path, location: str) -> None:
    with serving([Reply(302, b"", {"Location": location})], tmp_path) as server:
        with pytest.raises(IncompleteAnswer, match="redirects to"):
            service_for(server).request("GET", "/x", idempotent=True)
        assert len(server.seen) == 1


def test_the_file_behind_a_report_is_fetched_without_the_token(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    csv = Reply(200, b"\xef\xbb\xbfa,b\n", {"Content-Type": "text/csv"})
    with serving([csv], tmp_path) as files:
        away = Reply(302, b"", {"Location": f"{files.url}/report?sig=abc%2F"})
        with serving([away], tmp_path / "other") as server:
            both = tmp_path / "both.pem"
            both.write_bytes(files.ca_path.read_bytes() + server.ca_path.read_bytes())
            service = service_for(server, ca_path=str(both))
            assert service.request("GET", "/reports/r", idempotent=True, keep=list).kept == ["a,b\n"]
    assert "authorization" in server.seen[0].headers
    (fetched,) = files.seen
    assert fetched.target == "/report?sig=abc%2F"
    assert not {"authorization", "cookie"} & set(fetched.headers)


@pytest.mark.parametrize(
    "location", ["http://localhost:9/x", "", "ftp://localhost/x", "//", "https://[::1", "https://a b"]
)
def test_a_report_leads_to_https_or_nowhere(tmp_path: Path, location: str) -> None:
    with serving([Reply(302, b"", {"Location": location})], tmp_path) as server:
        with pytest.raises(IncompleteAnswer):
            service_for(server).request("GET", "/reports/r", idempotent=True, keep=list)
        assert len(server.seen) == 1


FOREIGN = [
    "https://evil.example/v1.0/users",
    "https://localhost.evil.example/x",
    "http://{host}/x",
    "https://localhost:1/x",
    "https://user@{host}/x",
    "https://{host}@evil.example/x",
    "https://evil.example\\@{host}/x",
    "https:\\\\{host}/x",
    "{host}/x",
    "https://{host} .evil.example/x",
    "https://[::1/x",
    "",
]


@pytest.mark.parametrize("link", FOREIGN)
def test_a_link_to_another_place_is_an_error_and_not_a_request(tmp_path: Path, link: str) -> None:
    with serving([FINE], tmp_path) as server:
        host = server.url.removeprefix("https://")
        with pytest.raises(IncompleteAnswer) as caught:
            service_for(server).request("GET", link.replace("{host}", host), idempotent=True)
        assert server.seen == []
    assert caught.value.code == "foreign_link"


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example/x", "/x/../y?a=%24skip%2Ftoken&b='ä'"])
def test_a_path_stays_on_its_host(tmp_path: Path, path: str) -> None:
    with serving([FINE], tmp_path) as server:
        service_for(server).request("GET", path, idempotent=True)
        assert len(server.seen) == 1


def test_a_link_is_followed_byte_for_byte(tmp_path: Path) -> None:
    target = "/v1.0/users?%24skiptoken=A%2FB%41%7E+%20&q='x'&%24top=5&"
    with serving([FINE], tmp_path) as server:
        link = server.url.replace("https://localhost", "https://LOCALHOST") + target
        service_for(server).request("GET", link, idempotent=True)
        assert server.seen[0].target == target


def test_no_cookie_comes_back(tmp_path: Path) -> None:
    """One connection serves several services; a cookie of one is no business of the other."""
    with serving([Reply(200, b"{}", JSON | {"Set-Cookie": "a=b; Path=/"}), FINE], tmp_path) as server:
        service = service_for(server)
        for _unused in range(2):
            service.request("GET", "/x", idempotent=True)
        assert "cookie" not in server.seen[1].headers


def test_netrc_does_not_replace_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving([FINE], tmp_path) as server:
        get(server.url, server.ca_path)
        assert server.seen[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_the_proxy_and_no_proxy_of_the_environment_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with serving([FINE], tmp_path) as server:
        with pytest.raises(ServiceUnavailable, match=r"the proxy did not connect .* NO_PROXY"):
            get(server.url, server.ca_path)
        assert server.seen == []
        monkeypatch.setenv("NO_PROXY", "localhost")
        assert get(server.url, server.ca_path) == {"value": 1}


# what is shown --------------------------------------------------------------------------------------------------------

JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl-_x"
QUOTING: dict[str, Callable[[], Reply]] = {
    "a refusal": lambda: refusal(400, "Bad", f"The token {JWT} of Bearer {TOKEN}-0123456789 is no good."),
    "a permission": lambda: refusal(403, "Denied", f"Authorization: bearer {JWT}"),
    "a diagnosis": lambda: Reply(403, b"\0" * 64, {"x-ms-diagnostics": f'2000001;reason="{JWT}"'}),
    "busy": lambda: refusal(503, "Busy", JWT),
    "an old token": lambda: refusal(401, "Expired", JWT),
    "a page": lambda: Reply(200, f"<html>{JWT}</html>".encode(), {"Content-Type": "text/html"}),
    "half of a document": lambda: Reply(200, f'{{"a": "{JWT}'.encode()),
    "a redirect": lambda: Reply(302, b"", {"Location": f"https://evil.example/?token={JWT}"}),
    "no answer": lambda: DROP,
}


@pytest.mark.parametrize("answer", QUOTING.values(), ids=list(QUOTING))
def test_no_error_shows_a_token_a_query_or_a_body(tmp_path: Path, answer: Callable[[], Reply]) -> None:
    query, body = {"q": "query-text"}, {"passwordProfile": "body-text"}  # not in the call: a traceback shows that
    with serving(lambda _: answer(), tmp_path) as server:
        service = service_for(server, token=lambda _: JWT, retry_seconds=0.0)
        with pytest.raises(M365Error) as caught:
            service.request("POST", "/x", params=query, json=body, idempotent=True)
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(vars(error))
    for hidden in (JWT, JWT.split(".")[1], "query-text", "body-text", f"{TOKEN}-0123456789"):
        assert hidden not in shown


def test_a_service_may_not_write_over_many_lines_or_without_end(tmp_path: Path) -> None:
    words = "line one\nline two\x1b[31m" + "x" * 5000
    with serving([refusal(400, "Bad", words)], tmp_path) as server, pytest.raises(ApiError) as caught:
        service_for(server).request("GET", "/x", idempotent=True)
    assert "line one line two" in caught.value.message
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 1000


# answers that are none ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Reply(200, b"<!DOCTYPE html><p>Sign in", {"Content-Type": "text/html"}), "HTML"),
        (Reply(200, b"  <?xml version='1.0'?>"), "HTML or XML"),
        (Reply(200, b"{}", JSON | {"Content-Encoding": "br"}), "Content-Encoding is 'br'"),
        (Reply(200, b"{}", announced=LIMIT * 2), "arrived|connection broke"),
    ],
    ids=["html", "xml", "unasked encoding", "announced too long"],
)
def test_another_kind_of_answer_says_what_it_is(tmp_path: Path, answer: Reply, said: str) -> None:
    with serving(lambda _: answer, tmp_path) as server, pytest.raises(IncompleteAnswer, match=said):
        service_for(server).request("GET", "/x", idempotent=True)


def test_an_enormous_answer_is_not_read_to_its_end(tmp_path: Path) -> None:
    body = b'{"a": "' + b"x" * 3_000_000 + b'"}'
    with serving([Reply(200, body)], tmp_path) as server:
        service = service_for(server, max_response_bytes=1_000_000)
        with pytest.raises(IncompleteAnswer, match="larger than 1000000 bytes"):
            service.request("GET", "/x", idempotent=True)
        assert len(server.seen) == 1, "asking again would bring the same"


def test_a_small_answer_that_unpacks_to_a_huge_one_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with serving([Reply(200, bomb, JSON | {"Content-Encoding": "gzip"})], tmp_path) as server:
        service = service_for(server, max_response_bytes=1_000_000)
        with pytest.raises(IncompleteAnswer, match="larger than 1000000 bytes"):
            service.request("GET", "/x", idempotent=True)


STORED = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
NOTHING = {
    "empty members": (b"", gzip.compress(b"") * 500),
    "empty stored blocks": (STORED, b"\x00\x00\x00\xff\xff" * 2000),
    "padding": (gzip.compress(b"{}"), b"\x00" * 10_000),
    "a name": (b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03", b"x" * 10_000),
}


@pytest.mark.parametrize("name", NOTHING)
def test_an_endless_stream_that_unpacks_to_nothing_is_refused(tmp_path: Path, name: str) -> None:
    """Long before ``timeout``: what comes is counted as well as what it unpacks to."""
    start, more = NOTHING[name]
    answer = Reply(200, start, JSON | {"Content-Encoding": "gzip"}, endless=more)
    with serving([answer], tmp_path) as server:
        service = service_for(server, max_response_bytes=1_000_000, timeout=3600.0)
        with pytest.raises(IncompleteAnswer, match="larger than 1000000 bytes"):
            service.request("GET", "/x", idempotent=True)


@pytest.mark.parametrize("digits", [19, 4300, 5000])
def test_an_absurd_length_is_no_crash(tmp_path: Path, digits: int) -> None:
    answer = Reply(200, b"{}", announced="9" * digits)
    with serving(lambda _: answer, tmp_path) as server, contextlib.suppress(M365Error):
        assert service_for(server, retry_seconds=0.0).request("GET", "/x", idempotent=True).body == {}


@pytest.mark.parametrize(
    "body",
    [gzip.compress(b'{"value": 1}'), gzip.compress(b'{"val') + gzip.compress(b'ue": 1}') + b"\0" * 8],
    ids=["one stream", "two and padding"],
)
def test_a_packed_answer_is_unpacked(tmp_path: Path, body: bytes) -> None:
    with serving([Reply(200, body, JSON | {"Content-Encoding": "gzip"})], tmp_path) as server:
        assert service_for(server).request("GET", "/x", idempotent=True).body == {"value": 1}
        assert server.seen[0].headers["accept-encoding"] == "gzip"


def test_a_packed_answer_that_ends_early_is_broken(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"value": [1, 2, 3]}')
    answer = Reply(200, packed[:-9], JSON | {"Content-Encoding": "gzip"})
    with serving(lambda _: answer, tmp_path) as server, pytest.raises(IncompleteAnswer, match="gzip stream ends early"):
        service_for(server).request("GET", "/x", idempotent=True)


@pytest.mark.parametrize("status", [202, 204])
def test_some_answers_have_no_body(tmp_path: Path, status: int) -> None:
    with serving([Reply(status, b"")], tmp_path) as server:
        assert service_for(server).request("PATCH", "/x", json={}, idempotent=False).body is None


def test_a_refusal_whose_text_is_broken_stays_a_refusal(tmp_path: Path) -> None:
    with serving([Reply(404, b"{", announced=50)], tmp_path) as server, pytest.raises(ApiError) as caught:
        service_for(server).request("GET", "/x", idempotent=True)
    assert (caught.value.status, caught.value.code) == (404, "http_404")
