# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``exclude``: which users its patterns leave out, and how many. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import summarize
from ansible_collections.m365.licensing.plugins.module_utils._common.globs import compile_glob
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered, name_key
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import is_guid


class LeftOut(NamedTuple):
    """How many were left out, and by each pattern. A user who matches two patterns counts for both."""

    total: int = 0
    by_pattern: Mapping[str, int] = MappingProxyType({})

    def summary(self) -> dict[str, Any]:
        """The return value ``summary.excluded``."""
        return {"total": self.total, "by_pattern": dict(self.by_pattern)}


class Exclusions:
    """The patterns, compiled. ``*`` and ``?`` are wildcards, brackets are ordinary characters, case does not matter."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._tests = [(pattern, compile_glob(name_key(pattern))) for pattern in dict.fromkeys(patterns)]

    def fit(self, name: str) -> list[str]:
        """The patterns that this user principal name matches."""
        folded = lowered(name)
        return [pattern for pattern, matches in self._tests if matches(folded)]

    def left_out(self, names: Iterable[str]) -> LeftOut:
        """How many of these user principal names are left out."""
        total = 0
        by_pattern = {pattern: 0 for pattern, _matches in self._tests}
        for name in names:
            fitting = self.fit(name)
            total += bool(fitting)
            for pattern in fitting:
                by_pattern[pattern] += 1
        return LeftOut(total, by_pattern)

    def unused(self, names: Iterable[str]) -> list[str]:
        """The patterns that none of these user principal names matches."""
        waiting = list(self._tests)
        for name in names:
            if not waiting:
                break
            folded = lowered(name)
            waiting = [(pattern, matches) for pattern, matches in waiting if not matches(folded)]
        return [pattern for pattern, _matches in waiting]


def unused_warnings(unknown: Sequence[str], wildcards: Sequence[str], *, whole: bool) -> list[str]:
    """A sentence for each kind of pattern that left out no user.

    ``unknown`` are names that no user of the tenant has, ``wildcards`` patterns that match no user who was read.
    ``whole``: all users were read.
    """
    ids = [text for text in unknown if is_guid(text)]
    names = [text for text in unknown if text not in ids]
    warnings = []
    if names:
        warnings.append(f"exclude: the tenant has no user {_quoted(names)}, so this leaves out no user.")
    if ids:
        warnings.append(
            f"exclude: it compares user principal names, and {_quoted(ids)} is an ID, so this leaves out no user. Use "
            "the user principal name."
        )
    if wildcards and whole:
        warnings.append(f"exclude: no user of the tenant matches {_quoted(wildcards)}, so this leaves out no user.")
    elif wildcards:
        warnings.append(
            f"exclude: no user that this audit read matches {_quoted(wildcards)}, so this left out no user. It may be "
            "correct, because users who are not at risk were not compared."
        )
    return warnings


def _quoted(texts: Sequence[str]) -> str:
    return summarize([repr(text) for text in texts])
