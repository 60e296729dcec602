# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which known name of a variable somebody may have meant by a wrong one. Pure: no I/O, no clock.

It serves the variables of hosts on the controller, and those of the environment where a module runs.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Collection, Iterable

_SHORTENED = re.compile(r"(?:m365_)?lic(?:en[cs](?:es?|ing))?_(?:(?:stat(?:e|us|es)|plan)_?)?(.+)|m365_(?:state_)?(.+)")
"""What is left of ``license_state`` where somebody wrote a part of it: ``license_protected``."""
_ALIKE, _ALIKE_AFTER_PREFIX = 0.8, 0.7
"""The share of letters in common. Who writes the whole prefix means one of the variables."""


class Nearness:
    """Finds the known name that a name is near to: at most two letters wrong, or a shortened beginning."""

    def __init__(self, known: Collection[str]) -> None:
        self._known = {name.casefold(): name for name in sorted(known)}
        self._joined = {_joined(name): name for name in sorted(known)}
        self._endings = {name.removeprefix("license_state_"): name for name in known if name[:8] == "license_"}
        self._without: dict[str, str] = {}
        for folded, name in self._known.items():
            for variant in _without(folded):
                self._without.setdefault(variant, name)

    def of(self, name: str) -> str:
        """The known name; empty where none is near."""
        folded = name.casefold().replace("-", "_")
        if _joined(folded) in self._joined:
            return self._joined[_joined(folded)]
        # two names that differ in at most two letters have a variant in common, from which these are left out
        common = next((self._without[variant] for variant in _without(folded) if variant in self._without), "")
        if common:
            return common
        if short := _SHORTENED.fullmatch(folded):
            alike = _ALIKE_AFTER_PREFIX if folded.startswith("license_state_") else _ALIKE
            ending = difflib.get_close_matches(short[1] or short[2], self._endings, 1, alike)
            if ending:
                return self._endings[ending[0]]
        if folded.startswith("m365_"):
            return self._nearest(folded, [name for name in self._known if name.startswith("m365_")])
        return ""

    def _nearest(self, folded: str, names: Iterable[str]) -> str:
        """By the share of letters in common, or because the words of one are all in the other (``m365_secret``)."""
        names = list(names)
        words = folded.split("_")[1:]
        for name in names:
            theirs = name.split("_")[1:]
            if len(theirs) == len(words) and all(map(str.startswith, theirs, words)):
                return self._known[name]  # m365_cert_path
        near = difflib.get_close_matches(folded, names, 1, _ALIKE)
        near = near or [name for name in names if set(words) <= set(name.split("_")[1:])]
        return self._known[near[0]] if near else ""


def _joined(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "")


def _without(text: str) -> set[str]:
    """The text, and all that is left of it without one or two of its letters."""
    one = {text[:place] + text[place + 1 :] for place in range(len(text))}
    two = {
        text[:first] + text[first + 1 : second] + text[second + 1 :]
        for first, second in itertools.combinations(range(len(text)), 2)
    }
    return {text, *one, *two}


def misspelt_problems(environ: Iterable[str], known: frozenset[str], unwanted: Collection[str]) -> list[str]:
    """A sentence for each variable of the environment that is near a ``known`` one, and that nothing reads.

    Where the one that was meant is ``unwanted``, the right name would have no effect either.
    """
    nearness, longest = _nearness_of(known), max(map(len, known)) + 2
    names = sorted(name for name in set(environ) - known if len(name) <= longest)
    return [
        f"the environment has {name}, which this collection does not read (did you mean {meant}?); correct or remove it"
        for name in names
        if (meant := nearness.of(name)) and meant not in unwanted
    ]


@functools.cache
def _nearness_of(known: frozenset[str]) -> Nearness:
    return Nearness(known)
