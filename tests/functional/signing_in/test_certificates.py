# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificate of a file signs in, which is refused for its dates, and what is a warning."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._auth.tokens import Certificate, TokenSource, options_from
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._http.messages import WallClock
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from tests.functional.support.keys import OTHER_KEY, RSA_KEY, Key, cert_pem, certificate, key_pem
from tests.functional.support.run_module import failed, start, succeeded
from tests.functional.support.scripted_server import client_for
from tests.simulator.launch import Tenant, running

MODULE = "m365_subscription_info"
SMALL_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - a weak key is what is tested
IDS = {
    "tenant_id": "aaaaaaaa-0000-0000-0000-000000000001",
    "client_id": "bbbbbbbb-0000-0000-0000-000000000002",
}
DAY = timedelta(days=1)
NOW = datetime.now(timezone.utc).replace(microsecond=0)

LONG = certificate(RSA_KEY, "long", NOW - DAY, NOW + 800 * DAY)
SHORT = certificate(RSA_KEY, "short", NOW - DAY, NOW + 60 * DAY)
EXPIRED = certificate(RSA_KEY, "expired", NOW - 400 * DAY, NOW - 2 * DAY)
LONG_EXPIRED = certificate(RSA_KEY, "long expired", NOW - 900 * DAY, NOW - 500 * DAY)
FUTURE = certificate(RSA_KEY, "future", NOW + 2 * DAY, NOW + 900 * DAY)
FAR_FUTURE = certificate(RSA_KEY, "far future", NOW + 300 * DAY, NOW + 2000 * DAY)
OTHERS = certificate(OTHER_KEY, "others", NOW - DAY, NOW + 3000 * DAY)


def pem(found: Sequence[x509.Certificate], key: Key = RSA_KEY) -> bytes:
    return key_pem(key) + b"".join(map(cert_pem, found))


def pfx(found: Sequence[x509.Certificate], key: rsa.RSAPrivateKey = RSA_KEY) -> bytes:
    return pkcs12.serialize_key_and_certificates(b"app", key, found[0], found[1:], NoEncryption())


FORMS = pytest.mark.parametrize("form", [pem, pfx])


def source(path: Path, now: datetime = NOW) -> TokenSource:
    """What a module makes before its first request; ``now``: what this machine's clock says."""
    client = client_for()
    client.wall = WallClock(now.timestamp)
    try:
        return TokenSource(options_from(IDS | {"certificate_path": str(path)}, {}), client)
    finally:
        assert client.requests == 0


def write(folder: Path, data: bytes, mode: int = 0o600) -> Path:
    path = folder / "app.pem"
    path.write_bytes(data)
    path.chmod(mode)
    return path


def chosen(path: Path) -> str:
    """The thumbprint of the certificate that signs in."""
    method = source(path)._method
    assert isinstance(method, Certificate)
    return str(method.credential()["thumbprint"])


def print_of(cert: x509.Certificate) -> str:
    return cert.fingerprint(hashes.SHA1()).hex()  # noqa: S303 - its name, not a protection


@FORMS
@pytest.mark.parametrize(
    "found",
    [
        [LONG, SHORT],
        [SHORT, LONG],
        [EXPIRED, LONG],
        [LONG, EXPIRED],
        [FUTURE, LONG, SHORT],
        [SHORT, FAR_FUTURE, LONG, OTHERS],
        [LONG_EXPIRED, EXPIRED, OTHERS, LONG],
    ],
)
def test_of_several_for_one_key_the_valid_one_that_ends_last(
    tmp_path: Path, form: Callable[[Sequence[x509.Certificate]], bytes], found: list[x509.Certificate]
) -> None:
    path = write(tmp_path, form(found))
    assert chosen(path) == print_of(LONG)
    assert source(path).warnings == []


def problem(path: Path, now: datetime = NOW) -> str:
    with pytest.raises(ConfigurationError) as caught:
        source(path, now)
    return str(caught.value)


def said(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@FORMS
def test_an_expired_one_is_an_error_with_its_dates(
    tmp_path: Path, form: Callable[[Sequence[x509.Certificate]], bytes]
) -> None:
    path = write(tmp_path, form([LONG_EXPIRED, EXPIRED]))
    text = problem(path)
    assert text.startswith(f"certificate_path {str(path)!r}: its certificate expired at {said(NOW - 2 * DAY)}")
    assert f"valid from {said(NOW - 400 * DAY)}" in text
    assert f"this machine's clock says {said(NOW)}" in text


@FORMS
def test_one_that_is_not_valid_yet_is_an_error_with_its_dates(
    tmp_path: Path, form: Callable[[Sequence[x509.Certificate]], bytes]
) -> None:
    path = write(tmp_path, form([FAR_FUTURE, EXPIRED, FUTURE]))
    text = problem(path)
    assert text.startswith(f"certificate_path {str(path)!r}: its certificate is not valid before {said(NOW + 2 * DAY)}")
    assert f"this machine's clock says {said(NOW)}" in text


def test_the_last_second_is_valid(tmp_path: Path) -> None:
    path = write(tmp_path, pem([SHORT]))
    end = NOW + 60 * DAY
    source(path, end)
    assert "expired" in problem(path, end + timedelta(seconds=1))
    assert "is not valid before" in problem(path, NOW - DAY - timedelta(seconds=1))


@pytest.mark.parametrize(("days", "warned"), [(60, False), (30, False), (29, True), (1, True), (0, True)])
def test_less_than_thirty_days_left_is_a_warning(tmp_path: Path, days: int, warned: bool) -> None:
    path = write(tmp_path, pem([SHORT]))
    found = source(path, NOW + 60 * DAY - days * DAY).warnings
    assert [f"{days} day" in text and said(NOW + 60 * DAY) in text for text in found] == [True] * warned


def test_a_small_key_is_a_warning(tmp_path: Path) -> None:
    small = certificate(SMALL_KEY, "small", NOW - DAY, NOW + 800 * DAY)
    for form in (pem, pfx):
        (text,) = source(write(tmp_path, form([small], SMALL_KEY))).warnings
        assert "1024 bits" in text
        assert "2048" in text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o622])
def test_a_file_that_others_can_read_or_change_is_a_warning(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path, pem([LONG]), mode)
    (text,) = source(path).warnings
    assert repr(str(path)) in text
    assert f"mode {mode:04o}" in text
    assert "chmod 600" in text
    assert path.stat().st_mode & 0o777 == mode
    link = tmp_path / "link.pem"
    link.symlink_to(path)
    assert len(source(link).warnings) == 1


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_of_its_owner_alone_is_none(tmp_path: Path, mode: int) -> None:
    assert source(write(tmp_path, pem([LONG]), mode)).warnings == []


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=3, at_risk=1) as found:
        yield found


def module_environment(tenant: Tenant, path: Path) -> dict[str, str]:
    return {k: v for k, v in tenant.env().items() if k != "M365_CLIENT_SECRET"} | {"M365_CERTIFICATE_PATH": str(path)}


def test_a_run_says_all_warnings_and_goes_on(tenant: Tenant, tmp_path: Path) -> None:
    ending = certificate(RSA_KEY, "ending", NOW - DAY, NOW + 5 * DAY)
    tenant.world.app.certificates = {print_of(ending).upper(): cert_pem(ending)}
    path = write(tmp_path, pem([ending]), 0o644)
    result = succeeded(start(MODULE, {}, module_environment(tenant, path)))
    assert result["skus"]
    assert len(result["warnings"]) == 2
    assert [str(path) in json.dumps(found) for found in result["warnings"]] == [True, True]


def test_a_run_with_an_expired_one_sends_nothing(tenant: Tenant, tmp_path: Path) -> None:
    tenant.clear_requests()
    path = write(tmp_path, pem([EXPIRED]))
    result = failed(start(MODULE, {}, module_environment(tenant, path)))
    assert "expired at" in result["msg"]
    assert result["error"]["code"] == "certificate_dates"
    assert tenant.requests() == []
