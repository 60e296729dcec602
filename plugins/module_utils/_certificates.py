# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate with its key, as MSAL takes it: the only file that imports cryptography, which comes with msal."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._errors import ConfigurationError

# where it is missing, so is msal, and that is told before
with contextlib.suppress(ImportError):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import pkcs12


def load_certificate(data: bytes, password: bytes | None, path: str) -> dict[str, str]:
    """Read PEM or PFX into what MSAL takes: the key, the certificate, and its thumbprint."""
    name = f"certificate_path {path!r}"
    if not data.strip():
        raise ConfigurationError(f"{name} is empty; expected a key and its certificate, as PEM or PFX.")
    try:
        key, certificates = _parse_pem(data, password) if b"-----BEGIN" in data else _parse_pfx(data, password)
    except TypeError:
        wrong = "is not encrypted, but certificate_password is given" if password else "needs certificate_password"
        raise ConfigurationError(f"{name} {wrong}.") from None
    except Exception:
        reason = (
            "certificate_password is wrong, or it is damaged"
            if password
            else ("it is neither PEM nor PFX, is damaged, or needs certificate_password")
        )
        raise ConfigurationError(f"{name} cannot be used: {reason}.") from None
    if key is None:
        raise ConfigurationError(f"{name} holds no private key: put key and certificate into one PEM or PFX file.")
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigurationError(f"{name}: Microsoft Entra takes RSA keys only.")
    public = key.public_key().public_numbers()
    for certificate in certificates:
        theirs = certificate.public_key()
        if isinstance(theirs, rsa.RSAPublicKey) and theirs.public_numbers() == public:
            return {
                "private_key": key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                ).decode(),
                # The name of the certificate, not a protection: Entra finds it by this [x5t].
                "thumbprint": certificate.fingerprint(hashes.SHA1()).hex(),  # noqa: S303
                "public_certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
            }
    found = "its certificate belongs to another key" if certificates else "it holds no certificate"
    raise ConfigurationError(f"{name}: {found}: put key and certificate into one file.")


def _parse_pem(data: bytes, password: bytes | None) -> tuple[Any, list[x509.Certificate]]:
    certificates = x509.load_pem_x509_certificates(data) if b"BEGIN CERTIFICATE" in data else []
    key = re.search(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.+?-----END \1-----", data, re.DOTALL)
    return (serialization.load_pem_private_key(key.group(0), password) if key else None), certificates


def _parse_pfx(data: bytes, password: bytes | None) -> tuple[Any, list[x509.Certificate]]:
    key, certificate, more = pkcs12.load_key_and_certificates(data, password)
    return key, [*([certificate] if certificate else []), *more]
