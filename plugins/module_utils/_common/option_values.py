# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the value of an option may look like before it is shown, and what looks like a key, a token or a secret. Pure.

A secret in the wrong option is a typing mistake that everybody makes once. Ansible logs the options of a module, and a
message about a wrong value quotes it: so a value is shown only where it looks like what the option expects.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from .quoting import is_guid

DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+", re.IGNORECASE | re.ASCII)
_PEM = re.compile(r"-----BEGIN .*?(?:-----END [A-Z0-9 ]*-----|\Z)", re.DOTALL)
_BETWEEN_LINES = re.compile(r"\s+|\\n|-----[A-Z0-9 ]*-----")
_TOKENS = (
    re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_~+/=-]*)*"),
    re.compile(r"(?i:\bbearer)\s+[\w.~+/=-]{8,}"),
)
_CLIENT_SECRET = re.compile(r"(?<![\w.~-])[\w.~-]{3}\dQ~[\w.~-]{31,34}(?![\w.~-])", re.ASCII)
"""The form in which Microsoft Entra makes client secrets."""
_ANCHORED = re.compile(r"(?:~[\w.-]*|\.{1,2}|\$\w+|\$\{\w+\})?/+[^/]", re.ASCII)
_EXTENSION = re.compile(r"(?<=.)\.(?:ca|cer|cert|crt|jwt|key|p12|pem|pfx|token|txt)\Z", re.IGNORECASE)
_TOP_LEVEL = re.compile(r"[a-z]{2,24}|xn--[a-z0-9-]{2,59}", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*|[0-9a-f:.]+", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d{1,12}(?:\.\d{0,12})?(?:e[+-]?\d{1,3})?|inf(?:inity)?|nan)", re.IGNORECASE)
_KINDS = (re.compile(r"[A-Z]"), re.compile(r"[a-z]"), re.compile(r"\d"))
_RUN = re.compile(r"[A-Z]+|[a-z]+|\d+")
_JOINTS = re.compile(r"[_.-]")
_RANDOM_LENGTH, _RANDOM_SHARE = 20, 0.3
_PATH_LENGTH, _NAME_LENGTH = 1024, 255
_LINE_LENGTH = 16
_PIECE_LENGTH = 8
"""Shorter pieces, such as the end of a token without a signature, occur in ordinary data."""
_BOOLEANS = frozenset(["y", "yes", "on", "1", "true", "t", "1.0", "n", "no", "off", "0", "false", "f", "0.0"])


def secrets_in(text: str) -> list[str]:
    """What of a text looks like a key, a token or a client secret of Microsoft Entra, piece by piece."""
    pieces = list(_CLIENT_SECRET.findall(text))
    for key in _PEM.findall(text):
        pieces += [key, *(line for line in _BETWEEN_LINES.split(key) if len(line) >= _LINE_LENGTH)]
    for token in (piece for form in _TOKENS for piece in form.findall(text)):
        pieces += [token, token.split()[-1], token.rpartition(".")[2]]
    return [piece for piece in pieces if len(piece) >= _PIECE_LENGTH]


def kind_of_secret(text: str) -> str:
    """What a text looks like, as the end of a sentence; empty where it looks like none of these."""
    if _PEM.search(text):
        return "looks like a key or a certificate"
    if any(form.search(text) for form in _TOKENS):
        return "looks like a token"
    return "looks like a client secret" if _CLIENT_SECRET.search(text) else ""


def is_random(text: str) -> bool:
    """Is a word of this text unlike any name: long, and with letters and digits in no order?"""
    return any(map(_is_random_word, text.split()))


def _is_random_word(word: str) -> bool:
    if len(word) < _RANDOM_LENGTH or is_guid(word):
        return False
    kinds = [pattern for pattern in _KINDS if pattern.search(word)]
    # the words of a name such as `a_file_of_the_year_2026` count as one
    runs = _RUN.findall(_JOINTS.sub("", word))
    return len(kinds) > 1 and len(runs) / len("".join(runs)) >= _RANDOM_SHARE


def texts_in(value: Any) -> list[str]:
    """Every text in a value, keys included."""
    texts: list[str] = []
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, (list, tuple)):
            waiting += part
    return texts


def is_shown(name: str, value: Any, choices: Collection[str] = ()) -> bool:
    """Does a value look like what the option ``name`` expects, so that it may be shown? Other options have no shape."""
    text = str(value).strip()
    if choices:
        return bool(difflib.get_close_matches(text.casefold(), map(str.casefold, choices), 1, 0.6))
    return name not in _SHAPES or (not secrets_in(text) and _SHAPES[name](text))


def say_found(name: str, text: str, choices: Collection[str] = ()) -> str:
    """``found …`` for a message about a wrong value. It quotes the value only where that may be shown."""
    if kind := kind_of_secret(text):
        return f"found what {kind}, which is not shown"
    if is_shown(name, text, choices):
        return f"found {text!r}"
    if name.endswith("_url") and (part := without_secrets(text)):
        return f"found {part!r} (… stands for what may be a secret)"
    return "found something else, which is not shown because it may be a secret"


def without_secrets(address: str) -> str:
    """Scheme and host of an address; empty where they may not be shown. A mark stands for what is left out."""
    try:
        parts = urlsplit(address.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if not parts.scheme or not _is_host(host) or secrets_in(host):
        return ""
    user = "…@" if "@" in parts.netloc else ""
    place = f"[{host}]" if ":" in host else host
    rest = "/…" if parts.path.strip("/") or parts.query or parts.fragment else ""
    return f"{parts.scheme}://{user}{place}{f':{port}' if port is not None else ''}{rest}"


def is_path(text: str) -> bool:
    """Does a text look like a path: from a root or a known folder, or with the extension of a certificate or token?"""
    if len(text) > _PATH_LENGTH or not text.isprintable() or secrets_in(text):
        return False
    names = [name for name in text.split("/") if name]
    if any(len(name) > _NAME_LENGTH or is_random(_EXTENSION.sub("", name)) for name in names):
        return False
    if not names:
        return False
    # a word after one slash may be a password
    return bool(_EXTENSION.search(names[-1])) or (len(names) > 1 and bool(_ANCHORED.match(text)))


def _is_domain(text: str) -> bool:
    labels = text.split(".")
    whole = bool(DOMAIN.fullmatch(text)) and text.isascii() and bool(_TOP_LEVEL.fullmatch(labels[-1]))
    return whole and not any(map(is_random, labels))


def _is_tenant(text: str) -> bool:
    return is_guid(text) or _is_domain(text)


def _is_host(text: str) -> bool:
    return bool(_HOST.fullmatch(text)) and not any(map(is_random, text.split(".")))


def _is_origin(text: str) -> bool:
    """Nothing but scheme, host and port; or a host alone, as some write it."""
    if "://" not in text:
        return _is_domain(text)
    # what is left without its secrets is the whole
    return without_secrets(text).casefold() == text.rstrip("/").casefold()


def _is_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text))


def _is_boolean(text: str) -> bool:
    return text.casefold() in _BOOLEANS


_SHAPES: dict[str, Callable[[str], bool]] = {
    "tenant_id": _is_tenant,
    "expected_domain": _is_domain,
    "client_id": is_guid,
    "certificate_path": is_path,
    "federated_token_file": is_path,
    "ca_path": is_path,
    "login_url": _is_origin,
    "graph_url": _is_origin,
    "exchange_url": _is_origin,
    "use_environment": _is_boolean,
    "validate_certs": _is_boolean,
    "timeout": _is_number,
    "retry_seconds": _is_number,
    "concurrency": _is_number,
    "max_response_bytes": _is_number,
}
"""What the value of each option has to look like. Options with choices are compared with those."""
PATHS = tuple(name for name, shape in _SHAPES.items() if shape is is_path)
