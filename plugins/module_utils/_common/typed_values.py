# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that people write: read leniently where a template made text of them, and shown in error messages.

Pure: no I/O, no clock.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .serialization import within_64_bits


def nearest(found: str, allowed: Iterable[str], limit: int = 3) -> list[str]:
    """The words of ``allowed`` that look most like ``found``, best first; case does not count."""
    by_folded: dict[str, str] = {}
    for word in allowed:
        by_folded.setdefault(word.casefold(), word)
    return [by_folded[hit] for hit in difflib.get_close_matches(found.casefold(), list(by_folded), limit, 0.5)]


def suggestion(found: str, allowed: Iterable[str], whose: str) -> str:
    """The tail of an error message: the nearest matches, or (where nothing is near) what there is."""
    words = sorted(set(allowed))
    if hits := nearest(found, words):
        return f"nearest: {', '.join(hits)}"
    if not words:
        return f"{whose} none"
    more = f", … ({len(words)} in all)" if len(words) > 10 else ""
    return f"{whose} {', '.join(words[:10])}{more}"


def truth(value: Any) -> bool | None:
    """True or false, also where a template made it text; None for everything else."""
    if isinstance(value, bool):
        return value
    word = value.strip().casefold() if isinstance(value, str) else ""
    return word in ("true", "yes") if word in ("true", "false", "yes", "no") else None


def whole_number(value: Any) -> int | None:
    """An integer, also where a template made it text (``"5"``); None for everything else, booleans included."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value) if within_64_bits(value) else None
    if isinstance(value, str) and value.strip().lstrip("-").isascii() and value.strip().lstrip("-").isdigit():
        try:
            number = int(value.strip())
        except ValueError:
            return None
        return number if within_64_bits(number) else None
    return None


def format_value(value: Any) -> str:
    """A value for an error message: short, with its kind where the value alone would not say it."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return repr(value) if value.strip() else "an empty text"
    if isinstance(value, (list, tuple)):
        return "an empty list" if not value else f"a list of {len(value)}"
    if isinstance(value, Mapping):
        return "an empty dictionary" if not value else f"a dictionary with {', '.join(str(key) for key in value)}"
    if isinstance(value, int) and not within_64_bits(value):
        return "a number beyond 64 bits"  # Python writes 4300 digits at most
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{text} ({type(value).__name__})"


def unknown_keys(entry: Mapping[Any, Any], allowed: Sequence[str], path: str, problems: list[str]) -> None:
    """One sentence for each key that is not allowed: where, which, and what was probably meant."""
    for key in entry:
        if key not in allowed:
            near = nearest(str(key), allowed, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            problems.append(f"{path}: unknown key {str(key)!r}{meant} (allowed: {', '.join(allowed)})")


def seconds_problems(name: str, value: float, *, allow_zero: bool = True) -> list[str]:
    """What is wrong with an option in seconds, one sentence at most. It refuses nan and infinity as well."""
    if (value > 0 or (allow_zero and value == 0)) and value < float("inf"):
        return []
    return [f"{name}: expected {'0 or more seconds' if allow_zero else 'seconds greater than 0'}, found {value}"]
