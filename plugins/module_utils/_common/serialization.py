# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of the domain as values of Ansible and as JSON: the one place where records become dictionaries. Pure."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from .timestamps import format_time

BEYOND = "[number beyond 64 bits]"
"""What stands in a result for a number that not every reader of JSON can read, nor Python itself write."""


def within_64_bits(number: float) -> bool:
    """Whether a number is one that every reader can hold: no infinity and no NaN either."""
    return -(2**63) <= number < 2**63


def to_plain(value: Any) -> Any:
    """Make dictionaries, lists, strings, numbers, booleans and None of anything the domain knows.

    Sets are sorted, so that the same result is the same bytes. Times are ISO 8601 in UTC with ``Z``, to the second.
    A lone surrogate, which JSON can hold and no text file can, becomes U+FFFD: ansible-core from 2.19 on refuses a
    result that has one. A number beyond 64 bits becomes a text: Python writes no whole number of more than 4300 digits,
    and the result would be lost with it. Raises TypeError for what has no plain form: Ansible would turn it into a
    string silently.
    """
    if isinstance(value, enum.Enum):
        return to_plain(value.value)
    if isinstance(value, str):
        return value if value.isascii() else readable(value)
    if value is None:
        return value
    if isinstance(value, (int, float)):
        return value if within_64_bits(value) else BEYOND
    if isinstance(value, date):
        return _moment(value) if isinstance(value, datetime) else value.isoformat()
    if (names := _field_names(value)) is not None:
        return {name: to_plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(to_plain(key)): to_plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((to_plain(item) for item in value), key=str)
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no plain form")


def _field_names(value: Any) -> Sequence[str] | None:
    """Those of a record: a dataclass or a typing.NamedTuple. None for everything else."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [item.name for item in dataclasses.fields(value)]
    return value._fields if isinstance(value, tuple) and hasattr(value, "_fields") else None


def readable(text: str) -> str:
    """The same with U+FFFD for each lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def to_json(value: Any) -> str:
    """Indented JSON in ASCII with a final newline: no character of a name can break a line."""
    return json.dumps(value, indent=2, ensure_ascii=True) + "\n"


def json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """One row a line, ASCII, each line with its newline; no rows: an empty text."""
    return "".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n" for row in rows)


def _moment(value: datetime) -> str | None:
    if value.tzinfo is None:
        raise TypeError("a time without its zone has no plain form")
    return format_time(value)
