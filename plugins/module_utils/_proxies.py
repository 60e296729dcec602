# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy on the way to a service: where it is configured, whether its address can be one, and what it refused."""

from __future__ import annotations

import importlib.util
import re
import ssl
import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

from ansible_collections.m365.licensing.plugins.module_utils._errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._http_types import Call, TroubleError

_SOCKS = frozenset({"socks4", "socks4a", "socks5", "socks5h"})
_SCHEMES = frozenset({"http", "https"}) | _SOCKS
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b")


class Proxy(NamedTuple):
    """``address`` without user and password; ``variable`` is where it comes from."""

    address: str
    variable: str


def find_proxy(url: str, proxies: Mapping[str, str], environ: Mapping[str, str]) -> Proxy | None:
    """The proxy that requests takes for ``url`` among ``proxies``, as requests.utils.select_proxy does.

    Raises ConfigurationError where its address can be none, or needs a library that is missing.
    """
    parts = urlsplit(url)
    keys = (f"{parts.scheme}://{parts.hostname}", parts.scheme, f"all://{parts.hostname}", "all")
    key = next((key for key in keys if key in proxies), "")
    value = proxies.get(key) or ""
    if not value:
        return None
    name = f"{key.partition('://')[0]}_proxy"
    variable = next((text for text in (name, name.upper()) if environ.get(text) == value), "the system's settings")
    proxy = Proxy(_without_user(value), variable)
    _check(proxy, value, parts.hostname or "")
    return proxy


def _without_user(value: str) -> str:
    scheme, mark, rest = value.rpartition("://") if "://" in value else ("", "", value)
    return f"{scheme}{mark}{rest.rpartition('@')[2]}".rstrip("/")


def _check(proxy: Proxy, value: str, host: str) -> None:
    whole = value if "://" in value else f"http://{value}"
    hint = f"Expected an address such as http://host:port. Correct {proxy.variable}, or name {host} in NO_PROXY."
    try:
        parts = urlsplit(whole)
        scheme, port = parts.scheme.casefold(), parts.port
    except ValueError:
        raise _unusable(proxy, "its port is not a number from 1 to 65535", hint) from None
    if scheme not in _SCHEMES:
        raise _unusable(proxy, f"it must begin with one of {', '.join(sorted(_SCHEMES))}", hint)
    if port == 0:
        raise _unusable(proxy, "its port is not a number from 1 to 65535", hint)
    if not parts.hostname or any(character.isspace() for character in value):
        raise _unusable(proxy, "it names no host", hint)
    if scheme in _SOCKS and importlib.util.find_spec("socks") is None:
        hint = (
            f"Install it for the Python that runs the module ({sys.executable} -m pip install PySocks), or let "
            f"{proxy.variable} name an http:// proxy."
        )
        raise _unusable(proxy, "for SOCKS the Python library PySocks is needed, which is missing", hint)


def _unusable(proxy: Proxy, reason: str, hint: str) -> ConfigurationError:
    return ConfigurationError(
        f"The proxy {proxy.address!r} of {proxy.variable} cannot be used: {reason}.", code="proxy", hint=hint
    )


def proxy_trouble(call: Call, proxy: Proxy, causes: Iterable[BaseException]) -> TroubleError:
    """A connection that the proxy did not make. The service never saw the request."""
    reason = _reason(list(causes))
    text = f"the proxy did not connect to {call.host}: it is {proxy.address}, as {proxy.variable} says"
    trouble = TroubleError("not_sent", f"{text} ({reason})" if reason else text)
    trouble.hint = f"Correct {proxy.variable}, see why the proxy refuses, or name {call.host} in NO_PROXY."
    return trouble


def _reason(causes: list[BaseException]) -> str:
    """Why, in words of ours and of the operating system: what the proxy says is not passed on."""
    for cause in causes:
        if found := _TUNNEL.search(str(cause)):
            status = int(found.group(1))
            if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                return "HTTP 407: it wants a user and a password, or refuses those that it got"
            known = status in set(HTTPStatus)
            return f"HTTP {status} {HTTPStatus(status).phrase}" if known else f"HTTP {status}"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError) and "WRONG_VERSION" in str(cause.reason):
            return "it does not speak TLS: begin its address with http://"
    return next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), "")
