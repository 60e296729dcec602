# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OPATH, the language of Exchange's ``-Filter``: parsed once, compiled to one Python function.

Comparisons ignore case. ``-eq`` on a list holds where any element is equal, ``-ne`` where none is. ``-ne $true`` holds
for false and for blank alike. Only properties of Microsoft's article on filterable properties are known.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedInput, VisitError

from tests.simulator.folding import folded
from tests.simulator.state import exchange_time, parse_time

Row = Mapping[str, Any]
Predicate = Callable[[Row], bool]

TEXT, BOOLEAN, TIME, LIST, GUID, PRESENCE = "text", "boolean", "time", "list", "guid", "presence"
PROPERTIES = {
    "Alias": TEXT,
    "ArchiveDatabase": PRESENCE,
    "ArchiveGuid": GUID,
    "ArchiveState": TEXT,
    "ArchiveStatus": TEXT,
    "DisplayName": TEXT,
    "DistinguishedName": TEXT,
    "EmailAddresses": LIST,
    "ExchangeGuid": GUID,
    "ExternalDirectoryObjectId": GUID,
    "Guid": GUID,
    "InPlaceHolds": LIST,
    "IsDirSynced": BOOLEAN,
    "IsInactiveMailbox": BOOLEAN,
    "LitigationHoldDate": TIME,
    "LitigationHoldEnabled": BOOLEAN,
    "MailboxPlan": TEXT,
    "Name": TEXT,
    "PersistedCapabilities": LIST,
    "PrimarySmtpAddress": TEXT,
    "RecipientType": TEXT,
    "RecipientTypeDetails": TEXT,
    "SKUAssigned": BOOLEAN,
    "UserPrincipalName": TEXT,
    "WhenCreated": TIME,
    "WhenMailboxCreated": TIME,
    "WhenSoftDeleted": TIME,
}
"""Properties that can be filtered, with the kind of their values."""
_BY_NAME = {name.casefold(): name for name in PROPERTIES}

_GRAMMAR = r"""
    ?start: either
    ?either: both (_OR both)*          -> either
    ?both: negation (_AND negation)*   -> both
    ?negation: _NOT negation           -> negation
             | "(" either ")"
             | comparison
    comparison: NAME OPERATOR value
    ?value: TEXT | VARIABLE | NUMBER | NAME
    _OR: /-or\b/i
    _AND: /-and\b/i
    _NOT: /-not\b/i
    OPERATOR.2: /-(eq|ne|like|notlike|gt|ge|lt|le)\b/i
    VARIABLE: /\$(true|false|null)\b/i
    TEXT: /'(?:[^']|'')*'/ | /"(?:[^"]|"")*"/
    NUMBER: /-?\d+/
    NAME: /[A-Za-z_][A-Za-z0-9_]*/
    %ignore /\s+/
"""


class FilterError(ValueError):
    """A malformed or unsupported filter; the text is that of Exchange."""


@v_args(inline=True)
class _Compiler(Transformer[Token, Predicate]):
    def either(self, *parts: Predicate) -> Predicate:
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def both(self, *parts: Predicate) -> Predicate:
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def negation(self, *parts: Predicate) -> Predicate:
        inner = parts[0]
        return lambda row: not inner(row)

    def comparison(self, name: Token, operator: Token, value: Token) -> Predicate:
        known = _BY_NAME.get(name.casefold())
        if known is None:
            raise FilterError(
                f"'{name}' is not a recognized filterable property. "
                "For a complete list of filterable properties see the command help."
            )
        return _compare(known, PROPERTIES[known], operator[1:].casefold(), _literal(value))


_PARSER = Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)


@functools.lru_cache(maxsize=256)
def compile_filter(text: str) -> Predicate:
    """Return a predicate of mailboxes. Raises FilterError."""
    try:
        return _Compiler().transform(_PARSER.parse(text))
    except UnexpectedInput as error:
        position = getattr(error, "pos_in_stream", None)
        where = f" at position {position + 1}." if isinstance(position, int) and position >= 0 else "."
        raise FilterError(
            "Invalid filter syntax. For a description of the filter parameter syntax see the command help.\n"
            f'"{text}"{where}'
        ) from error
    except VisitError as error:
        if isinstance(error.orig_exc, FilterError):
            raise error.orig_exc from None
        raise


def _literal(token: Token) -> Any:
    if token.type == "VARIABLE":
        return {"$true": True, "$false": False, "$null": None}[token.casefold()]
    if token.type == "TEXT":
        quote = token[0]
        return token[1:-1].replace(quote * 2, quote)
    return str(token)


def _compare(name: str, kind: str, operator: str, value: Any) -> Predicate:
    if kind == BOOLEAN:
        return _boolean(name, operator, value)
    if kind == LIST:
        return _list(name, operator, value)
    if kind == PRESENCE and value is not None:
        raise FilterError(
            f"Filtering by a value of property '{name}' isn't supported, only by its presence or absence."
        )
    if isinstance(value, bool):
        value = "True" if value else "False"
    if value is None or value == "":
        # A blank: null and the empty text are one, as Exchange stores neither.
        if operator == "eq":
            return lambda row: row.get(name) in (None, "")
        if operator == "ne":
            return lambda row: row.get(name) not in (None, "")
        raise FilterError(f"The operator -{operator} cannot be used with a blank value of property '{name}'.")
    if kind == TIME:
        return _time(name, operator, value)
    return _text(name, operator, value)


def _boolean(name: str, operator: str, value: Any) -> Predicate:
    if isinstance(value, str):
        word = value.casefold().lstrip("$")
        if word not in ("true", "false"):
            raise FilterError(f"Cannot convert value '{value}' of property '{name}' to type 'System.Boolean'.")
        value = word == "true"
    if operator == "eq":
        return lambda row: row.get(name) is value
    if operator == "ne":
        return lambda row: row.get(name) is not value
    raise FilterError(f"The operator -{operator} cannot be used with property '{name}' of type 'System.Boolean'.")


def _list(name: str, operator: str, value: Any) -> Predicate:
    if value is None:
        if operator not in ("eq", "ne"):
            raise FilterError(f"The operator -{operator} cannot be used with a blank value of property '{name}'.")
        wanted = operator == "eq"
        return lambda row: (not row.get(name)) is wanted
    fits = _matcher(name, "like" if "like" in operator else "eq", str(value))
    if operator in ("eq", "like"):
        return lambda row: any(fits(item) for item in row.get(name) or ())
    if operator in ("ne", "notlike"):
        return lambda row: not any(fits(item) for item in row.get(name) or ())
    raise FilterError(f"The operator -{operator} cannot be used with the multivalued property '{name}'.")


def _text(name: str, operator: str, value: str) -> Predicate:
    if operator in ("eq", "ne", "like", "notlike"):
        fits = _matcher(name, "like" if "like" in operator else "eq", value)
        if operator in ("eq", "like"):
            return lambda row: fits(row.get(name) or "")
        return lambda row: not fits(row.get(name) or "")
    raise FilterError(f"The operator -{operator} cannot be used with property '{name}'.")


def _matcher(name: str, operator: str, value: str) -> Callable[[str], bool]:
    wanted = folded(value)
    if operator == "eq":
        return lambda text: folded(text) == wanted
    if PROPERTIES[name] == GUID:
        raise FilterError(f"The operator -like cannot be used with property '{name}'.")
    # Only * is a wildcard: the rest stands for itself.
    pattern = re.compile(fnmatch.translate(re.sub(r"([\[?])", r"[\1]", wanted)))
    return lambda text: pattern.match(folded(text)) is not None


def _time(name: str, operator: str, value: str) -> Predicate:
    try:
        # All of our times are UTC in one form, which sorts as text.
        moment = exchange_time(parse_time(value))
    except ValueError:
        raise FilterError(f"Cannot convert value '{value}' of property '{name}' to type 'System.DateTime'.") from None
    compare: dict[str, Predicate] = {
        "eq": lambda row: row.get(name) == moment,
        "ne": lambda row: row.get(name) != moment,
        "gt": lambda row: (row.get(name) or "") > moment,
        "ge": lambda row: (row.get(name) or "") >= moment,
        "lt": lambda row: bool(row.get(name)) and row[name] < moment,
        "le": lambda row: bool(row.get(name)) and row[name] <= moment,
    }
    if operator not in compare:
        raise FilterError(f"The operator -{operator} cannot be used with property '{name}'.")
    return compare[operator]
