# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and self-signed certificates for tests of signing in."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def certificate(
    key: Key,
    name: str = "app",
    start: datetime.datetime = START,
    end: datetime.datetime = START + datetime.timedelta(days=3650),
) -> x509.Certificate:
    """A self-signed certificate."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )


def key_pem(
    key: Key, form: PrivateFormat = PrivateFormat.PKCS8, lock: KeySerializationEncryption | None = None
) -> bytes:
    """The key as PEM."""
    return key.private_bytes(Encoding.PEM, form, lock or NoEncryption())


def cert_pem(of: x509.Certificate) -> bytes:
    """The certificate as PEM."""
    return of.public_bytes(Encoding.PEM)
