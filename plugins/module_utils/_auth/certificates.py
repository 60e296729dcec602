# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate with its key, as MSAL takes it: the only file that imports cryptography, which comes with msal."""

from __future__ import annotations

import contextlib
import re
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import format_time

# where it is missing, so is msal, which is reported before
with contextlib.suppress(ImportError):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import pkcs12


SMALLEST_KEY = 2048
"""Bits of an RSA key that is not taken for weak."""
FEW_DAYS = 30
"""With fewer days left a certificate should be replaced."""


def load_certificate(data: bytes, password: bytes | None, path: str, now: datetime) -> tuple[dict[str, str], list[str]]:
    """Read PEM or PFX into what MSAL takes: the key, the certificate, and its thumbprint; and what to warn of.

    Raises ConfigurationError, also where no certificate of the key is valid ``now``.
    """
    name = f"certificate_path {path!r}"
    key, certificates = _parse(data, password, name)
    certificate = _valid_certificate(_certificates_of(key, certificates, name), now, name)
    loaded = {
        "private_key": key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
        # The name of the certificate, not a protection: Entra finds it by this [x5t].
        "thumbprint": certificate.fingerprint(hashes.SHA1()).hex(),  # noqa: S303
        "public_certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
    }
    return loaded, _warnings(key, certificate, now, name)


def _parse(data: bytes, password: bytes | None, name: str) -> tuple[rsa.RSAPrivateKey, list[x509.Certificate]]:
    """The key and all certificates of a file."""
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
    return key, certificates


def _certificates_of(key: rsa.RSAPrivateKey, certificates: list[x509.Certificate], name: str) -> list[x509.Certificate]:
    """Those that belong to the key."""
    public = key.public_key().public_numbers()
    found = []
    for certificate in certificates:
        theirs = certificate.public_key()
        if isinstance(theirs, rsa.RSAPublicKey) and theirs.public_numbers() == public:
            found.append(certificate)
    if not found:
        lack = "its certificate belongs to another key" if certificates else "it holds no certificate"
        raise ConfigurationError(f"{name}: {lack}: put key and certificate into one file.")
    return found


def _valid_certificate(certificates: list[x509.Certificate], now: datetime, name: str) -> x509.Certificate:
    """The one that ends last among those that are valid now."""
    valid = [one for one in certificates if _begin(one) <= now <= _end(one)]
    if valid:
        return max(valid, key=_end)
    coming = [one for one in certificates if _begin(one) > now]
    clock = f"this machine's clock says {format_time(now)}"
    if coming:
        next_one = min(coming, key=_begin)
        raise ConfigurationError(
            f"{name}: its certificate is not valid before {format_time(_begin(next_one))} "
            f"(until {format_time(_end(next_one))}); {clock}.",
            code="certificate_dates",
            hint="Check the clock, or put a certificate of the same key that is valid now into the file.",
        )
    last = max(certificates, key=_end)
    raise ConfigurationError(
        f"{name}: its certificate expired at {format_time(_end(last))} "
        f"(valid from {format_time(_begin(last))}); {clock}.",
        code="certificate_dates",
        hint="Make a new key and certificate, add its public part to the app registration, and replace the file.",
    )


def _warnings(key: rsa.RSAPrivateKey, certificate: x509.Certificate, now: datetime, name: str) -> list[str]:
    found = []
    if key.key_size < SMALLEST_KEY:
        found.append(
            f"{name}: its RSA key has {key.key_size} bits, and can be broken. Make one of {SMALLEST_KEY} bits or more."
        )
    left = _end(certificate) - now
    if left < timedelta(days=FEW_DAYS):
        days = "1 day" if left.days == 1 else f"{left.days} days"
        found.append(
            f"{name}: its certificate ends at {format_time(_end(certificate))}, in {days}. After that no run can sign "
            "in: add a new one to the app registration, and replace the file."
        )
    return found


def _begin(certificate: x509.Certificate) -> datetime:
    return _aware(certificate, "not_valid_before")


def _end(certificate: x509.Certificate) -> datetime:
    return _aware(certificate, "not_valid_after")


def _aware(certificate: x509.Certificate, name: str) -> datetime:
    """One of its dates. From version 42 on, cryptography has another name for those with a zone."""
    moment: datetime | None = getattr(certificate, f"{name}_utc", None)
    return moment if moment is not None else getattr(certificate, name).replace(tzinfo=timezone.utc)


def _parse_pem(data: bytes, password: bytes | None) -> tuple[Any, list[x509.Certificate]]:
    certificates = x509.load_pem_x509_certificates(data) if b"BEGIN CERTIFICATE" in data else []
    key = re.search(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.+?-----END \1-----", data, re.DOTALL)
    return (serialization.load_pem_private_key(key.group(0), password) if key else None), certificates


def _parse_pfx(data: bytes, password: bytes | None) -> tuple[Any, list[x509.Certificate]]:
    key, certificate, more = pkcs12.load_key_and_certificates(data, password)
    return key, [*([certificate] if certificate else []), *more]
