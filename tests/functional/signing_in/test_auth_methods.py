# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each way of signing in checks before its first request: certificates, token files, ready tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._auth.tokens import Certificate, TokenSource, options_from
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    AuthenticationError,
    ConfigurationError,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from tests.functional.support.keys import EC_KEY, OTHER_KEY, RSA_KEY, Key, cert_pem, certificate, key_pem
from tests.functional.support.scripted_server import Clock, client_for

IDS = {
    "tenant_id": "aaaaaaaa-0000-0000-0000-000000000001",
    "client_id": "bbbbbbbb-0000-0000-0000-000000000002",
}
PASSWORD = "päss wörd"
WRONG = "hunter2-x"
RSA_CERT = certificate(RSA_KEY)
OTHER_CERT = certificate(OTHER_KEY, "another")
OPENSSL = PrivateFormat.TraditionalOpenSSL
LOCKED = BestAvailableEncryption(PASSWORD.encode())


def pfx(
    key: Key | None = RSA_KEY,
    cert: x509.Certificate | None = RSA_CERT,
    lock: KeySerializationEncryption | None = None,
    more: list[x509.Certificate] | None = None,
) -> bytes:
    return pkcs12.serialize_key_and_certificates(b"app", key, cert, more, lock or NoEncryption())


def sign_in(path: Path, password: str = "") -> Any:
    """What MSAL would get; the file is read when the token source is made, and nothing is sent."""
    options = options_from(IDS | {"certificate_path": str(path), "certificate_password": password}, {})
    client = client_for()
    TokenSource(options, client)
    found = Certificate(options, client).credential()
    assert client.requests == 0
    return found


GOOD: dict[str, tuple[bytes, str]] = {
    "PEM": (key_pem(RSA_KEY) + cert_pem(RSA_CERT), ""),
    "PEM, certificate first": (cert_pem(RSA_CERT) + key_pem(RSA_KEY), ""),
    "PEM, PKCS#1 key": (key_pem(RSA_KEY, form=OPENSSL) + cert_pem(RSA_CERT), ""),
    "PEM with password": (key_pem(RSA_KEY, lock=LOCKED) + cert_pem(RSA_CERT), PASSWORD),
    "PEM, PKCS#1 key with password": (
        key_pem(RSA_KEY, form=OPENSSL, lock=LOCKED) + cert_pem(RSA_CERT),
        PASSWORD,
    ),
    "PEM, with Windows' line ends and words between": (
        (b"Bag Attributes\n" + key_pem(RSA_KEY) + b"subject=CN = app\n" + cert_pem(RSA_CERT)).replace(b"\n", b"\r\n"),
        "",
    ),
    "PEM with a chain, ours last": (key_pem(RSA_KEY) + cert_pem(OTHER_CERT) + cert_pem(RSA_CERT), ""),
    "PFX": (pfx(), ""),
    "PFX with password": (pfx(lock=LOCKED), PASSWORD),
    "PFX with a chain": (pfx(more=[OTHER_CERT]), ""),
}


@pytest.mark.parametrize(("data", "password"), GOOD.values(), ids=list(GOOD))
def test_certificate_that_msal_can_use(tmp_path: Path, data: bytes, password: str) -> None:
    path = tmp_path / "app.pem"
    path.write_bytes(data)
    found = sign_in(path, password)
    assert found["thumbprint"] == RSA_CERT.fingerprint(hashes.SHA1()).hex()  # noqa: S303 (a name, not a protection)
    assert found["public_certificate"] == cert_pem(RSA_CERT).decode()
    key = load_pem_private_key(found["private_key"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.private_numbers() == RSA_KEY.private_numbers()


BAD: dict[str, tuple[bytes, str, str]] = {
    "PEM, password missing": (key_pem(RSA_KEY, lock=LOCKED) + cert_pem(RSA_CERT), "", "needs certificate_password"),
    "PEM, password wrong": (key_pem(RSA_KEY, lock=LOCKED) + cert_pem(RSA_CERT), WRONG, "certificate_password is wrong"),
    "PEM, password for an open key": (
        key_pem(RSA_KEY) + cert_pem(RSA_CERT),
        WRONG,
        "is not encrypted, but certificate_password",
    ),
    "PFX, password missing": (pfx(lock=LOCKED), "", "needs certificate_password"),
    "PFX, password wrong": (pfx(lock=LOCKED), WRONG, "certificate_password is wrong"),
    "PEM without a key": (cert_pem(RSA_CERT), "", "holds no private key"),
    "PFX without a key": (pfx(key=None), "", "holds no private key"),
    "PEM without a certificate": (key_pem(RSA_KEY), "", "it holds no certificate"),
    "PFX without a certificate": (pfx(cert=None), "", "it holds no certificate"),
    "PEM with the certificate of another key": (key_pem(RSA_KEY) + cert_pem(OTHER_CERT), "", "belongs to another key"),
    "EC key as PEM": (key_pem(EC_KEY) + cert_pem(certificate(EC_KEY)), "", "RSA keys only"),
    "EC key as PFX": (pfx(EC_KEY, certificate(EC_KEY)), "", "RSA keys only"),
    "DER certificate": (RSA_CERT.public_bytes(Encoding.DER), "", "neither PEM nor PFX"),
    "truncated PFX": (pfx()[:-40], "", "neither PEM nor PFX"),
    "truncated PEM": (key_pem(RSA_KEY)[:-40] + cert_pem(RSA_CERT), "", "cannot be used"),
    "a text": (b"not a certificate", "", "neither PEM nor PFX"),
    "nothing": (b"", "", "is empty"),
}


@pytest.mark.parametrize(("data", "password", "said"), BAD.values(), ids=list(BAD))
def test_an_unusable_certificate_names_the_option_and_a_fix(
    tmp_path: Path, data: bytes, password: str, said: str
) -> None:
    path = tmp_path / "app.pem"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        sign_in(path, password)
    assert str(caught.value).startswith(f"certificate_path {str(path)!r}")
    assert said in str(caught.value)
    # What a library says of a key must not be shown.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    for hidden in (PASSWORD, "PRIVATE KEY", *((password,) if password else ())):
        assert hidden not in str(caught.value)


@pytest.mark.parametrize("option", ["certificate_path", "federated_token_file"])
class TestUnreadableFile:
    """A file that an option names and that cannot be read."""

    def test_missing(self, tmp_path: Path, option: str) -> None:
        path = str(tmp_path / "nowhere")
        with pytest.raises(ConfigurationError, match="No such file") as caught:
            TokenSource(options_from(IDS | {option: path}, {}), client_for())
        assert str(caught.value).startswith(f"{option}: {path!r} cannot be read")

    def test_folder(self, tmp_path: Path, option: str) -> None:
        with pytest.raises(ConfigurationError, match=f"{option}: .* cannot be read .Is a directory"):
            TokenSource(options_from(IDS | {option: str(tmp_path)}, {}), client_for())

    def test_home_folder_is_known(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        content = key_pem(RSA_KEY) + cert_pem(RSA_CERT) if option == "certificate_path" else b"a.b.c"
        (tmp_path / "file").write_bytes(content)
        TokenSource(options_from(IDS | {option: "~/file"}, {}), client_for())


@pytest.mark.parametrize("content", [b"", b" \n"])
def test_empty_token_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"federated_token_file: .* is empty; expected a token"):
        TokenSource(options_from(IDS | {"federated_token_file": str(path)}, {}), client_for())


# ready tokens ---------------------------------------------------------------------------------------------------------


def ready(**tokens: str) -> TokenSource:
    return TokenSource(options_from({"access_tokens": tokens}, {}, resources=()), client_for())


def test_a_ready_token_is_sent_as_it_is_and_cannot_be_renewed() -> None:
    source = ready(graph="graph-token", exchange="exchange-token")
    assert (source.token("graph"), source.token("exchange")) == ("graph-token", "exchange-token")
    with pytest.raises(AuthenticationError) as caught:
        source.token("graph", refresh=True)
    assert caught.value.code == "access_token_refused"
    assert "access_tokens.graph" in caught.value.message
    assert "https://graph.microsoft.com/.default" in caught.value.hint
    assert "graph-token" not in str(caught.value)


def test_a_ready_token_that_is_missing_names_itself() -> None:
    with pytest.raises(ConfigurationError, match=r"access_tokens\.exchange is missing"):
        ready(graph="t").token("exchange")


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "ümlaut", "nul\0"])
def test_a_ready_token_that_no_header_can_carry(token: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^access_tokens\.graph holds characters") as caught:
        ready(graph=token)
    assert token not in str(caught.value)


# one token per resource -----------------------------------------------------------------------------------------------


def test_new_tokens_are_told_so_that_they_can_be_hidden() -> None:
    heard: list[str] = []
    options = options_from({"access_tokens": {"graph": "g", "exchange": "e"}}, {})
    source = TokenSource(options, client_for(), on_token=heard.append, clock=Clock())
    for resource in ("graph", "exchange", "graph"):
        source.token(resource)
    assert heard == ["g", "e"]
