# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where a value becomes part of a filter or of a URL.

Whoever builds a filter by hand elsewhere will meet O'Brien, ``a#b`` or an emoji sooner or later. Pure: no I/O.
"""

from __future__ import annotations

import enum
import re
from urllib.parse import quote as _percent_encode
from uuid import UUID

from .identity import name_key

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TYPOGRAPHIC = re.compile("[\u2018-\u201b]")
"""PowerShell, where OPATH comes from, takes these for a single quote; whether Exchange does is not known."""
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Style(enum.Enum):
    """The language that the value becomes a part of."""

    ODATA = "odata"
    """A string literal in ``$filter`` of Graph, with its quotes: ``'O''Brien'``."""
    OPATH = "opath"
    """A string literal in ``-Filter`` of an Exchange cmdlet, with its quotes: ``'O''Brien'``."""
    PATH = "path"
    """One segment of a URL's path, percent-encoded: ``O%27Brien``."""


def quote(value: str, style: Style) -> str:
    """Write ``value`` as one literal of ``style``; for ODATA and OPATH the quotes are part of the result.

    A literal still has to be percent-encoded as part of a query string; the HTTP client does that for ``params``.
    Raises ValueError for what cannot be written at all: control characters, lone surrogates, typographic quotes in
    OPATH, an empty segment, and the segments ``.`` and ``..``, which every HTTP library would quietly turn into
    another path.
    """
    if _CONTROL.search(value):
        raise ValueError("a control character cannot be part of a filter or a path")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        # The value itself stays out of the message: it cannot be printed either.
        raise ValueError("half of a surrogate pair cannot be part of a filter or a path") from None
    if style is Style.PATH:
        if value in ("", ".", ".."):
            raise ValueError(f"{value!r} cannot be a segment of a path")
        return _percent_encode(value, safe="")
    if style is Style.OPATH and _TYPOGRAPHIC.search(value):
        raise ValueError("a typographic quote cannot be part of a filter of Exchange")
    # Both languages escape a quote by doubling it, and nothing else needs escaping inside the literal.
    return "'" + value.replace("'", "''") + "'"


def guid(value: str) -> str:
    """Return the GUID in its one spelling: lower case, with hyphens, without blanks or braces around it.

    Raises ValueError for everything else, also for 32 digits without hyphens: no service writes them so, and a
    typing mistake must not become an id.
    """
    text = name_key(value)
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    if not _GUID.fullmatch(text):
        raise ValueError(f"{value!r} is not a GUID")
    return str(UUID(text))


def is_guid(value: str) -> bool:
    """Say whether ``guid`` accepts this value."""
    try:
        guid(value)
    except ValueError:
        return False
    return True
