# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and tokens of a trusted issuer, registered with the app of a tenant."""

from __future__ import annotations

import functools
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)

from tests.simulator.state import World

ISSUER, SUBJECT = "https://issuer.example", "job:nightly"


@functools.cache
def _key(name: str) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    """Return a key and its certificate, made once for each name."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    built = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=365))
    return key, built.sign(key, hashes.SHA256())


def register(world: World, folder: Path) -> dict[str, str]:
    """Register a certificate and an issuer of tokens with the app; return the paths of the files."""
    key, certificate = _key("app")
    public = certificate.public_bytes(Encoding.PEM)
    thumbprint = certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - its name, not a protection
    world.app.certificates = {thumbprint: public}
    issuer, _unused = _key("issuer")
    world.app.federated_issuer, world.app.federated_subject = ISSUER, SUBJECT
    world.app.federated_public_key = issuer.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    password = b"p\xc3\xa4ss w\xc3\xb6rd"
    contents = {
        "pem": _pem(key) + public,
        "pfx": pkcs12.serialize_key_and_certificates(b"app", key, certificate, None, BestAvailableEncryption(password)),
        "federated": _assertion(issuer),
    }
    found = {"password": password.decode()}
    for name, data in contents.items():
        path = folder / f"{name}.credential"
        path.write_bytes(data)
        path.chmod(0o600)
        found[name] = str(path)
    return found


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _assertion(key: rsa.RSAPrivateKey) -> bytes:
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": "api://AzureADTokenExchange", "iat": now, "exp": now + 600}
    return jwt.encode(claims, key, algorithm="RS256").encode()
