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
from urllib.parse import unquote, urlsplit

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._common.option_values import is_random, secrets_in

from .messages import AttemptFailed, Call, Failure

_SOCKS = frozenset({"socks4", "socks4a", "socks5", "socks5h"})
_SCHEMES = frozenset({"http", "https"}) | _SOCKS
_BEGIN = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*://|//)?", re.IGNORECASE)
_HALF_BEGIN = re.compile(rf"(?:{'|'.join(sorted(_SCHEMES))}):", re.IGNORECASE)
_HOST = re.compile(r"[\w.%~-]+")
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
    begin, _user, place = _parts(value)
    proxy = Proxy(_shown(f"{begin}{_network(place)}".strip().rstrip("/")), variable)
    _raise_if_unusable(proxy, value, parts.hostname or "")
    return proxy


def complete(proxies: Mapping[str, str]) -> dict[str, str]:
    """The same with a scheme for each. requests takes the user of ``user:password@host`` for one."""
    return {key: value if "://" in value else f"http://{value.lstrip('/')}" for key, value in proxies.items() if value}


def written_in_proxies(environ: Mapping[str, str]) -> list[str]:
    """Credentials in the addresses of proxies: each ``user:password``, and the password, also decoded."""
    values = [value for name, value in environ.items() if name.casefold().endswith("_proxy")]
    people = [_parts(value)[1].rstrip("@") for value in values]
    found = [text for person in people for text in (person, person.partition(":")[2]) if text]
    return list(dict.fromkeys(form for text in found for form in (text, unquote(text))))


def _parts(value: str) -> tuple[str, str, str]:
    """Scheme and slashes, user and password with their ``@``, and the rest. What is before an ``@`` is not shown."""
    begin = _BEGIN.match(value)
    length = begin.end() if begin else 0
    user, mark, place = value[length:].rpartition("@")
    return value[:length], user + mark, place


def _network(place: str) -> str:
    """Host and port, without what follows them."""
    return re.split(r"[/?#]", place)[0]


def _shown(address: str) -> str:
    """The address, unless it looks like a secret in place of one."""
    words = re.split(r"[\s:/.]+", address)
    return "(not shown)" if secrets_in(address) or any(map(is_random, words)) else address


def _raise_if_unusable(proxy: Proxy, value: str, host: str) -> None:
    begin, user, place = _parts(value)
    hint = f"Expected an address such as http://host:port. Correct {proxy.variable}, or name {host} in NO_PROXY."
    if re.search(r"\s", value):
        raise _unusable(proxy, "it holds a blank", hint)
    scheme = begin.partition(":")[0].casefold() if ":" in begin else "http"
    if scheme not in _SCHEMES or (not begin and _HALF_BEGIN.match(value)):
        known = ", ".join(f"{name}://" for name in sorted(_SCHEMES))
        raise _unusable(proxy, f"it must begin with one of {known}", hint)
    if reason := _reason_against(user, place):
        raise _unusable(proxy, reason, hint)
    if scheme in _SOCKS and importlib.util.find_spec("socks") is None:
        hint = (
            f"Install it for the Python that runs the module ({sys.executable} -m pip install PySocks), or let "
            f"{proxy.variable} name an http:// proxy."
        )
        raise _unusable(proxy, "for SOCKS the Python library PySocks is needed, which is missing", hint)


def _reason_against(user: str, place: str) -> str:
    """Why there can be no proxy at this place; empty where there can be one."""
    if re.search(r"[/?#]", user):
        return "its user or password holds one of / ? #, which have to be written as %2F, %3F or %23"
    network = _network(place)
    if network.count(":") > 1 and not re.fullmatch(r"\[[^\[\]]*\](?::.*)?", network):
        return "an IPv6 address must be in brackets"
    try:
        found = urlsplit("//" + network)
        name, port = found.hostname or "", found.port
    except ValueError:
        port, name = 0, network
    if port == 0:
        return "its port is not a number from 1 to 65535"
    if not name:
        return "it names no host"
    return "" if "[" in network or _HOST.fullmatch(name) else "no host can be called so"


def _unusable(proxy: Proxy, reason: str, hint: str) -> ConfigurationError:
    return ConfigurationError(
        f"The proxy {proxy.address!r} of {proxy.variable} cannot be used: {reason}.", code="proxy", hint=hint
    )


def proxy_failure(call: Call, proxy: Proxy, causes: Iterable[BaseException]) -> AttemptFailed:
    """A connection that the proxy did not make. The service never saw the request."""
    reason = _reason(list(causes))
    text = f"the proxy did not connect to {call.host}: it is {proxy.address}, as {proxy.variable} says"
    failure = AttemptFailed(Failure.NOT_SENT, f"{text} ({reason})" if reason else text)
    failure.hint = f"Correct {proxy.variable}, see why the proxy refuses, or name {call.host} in NO_PROXY."
    return failure


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
            return "it does not accept TLS: begin its address with http://"
    return next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), "")
