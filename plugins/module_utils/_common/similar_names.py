# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which known variable a misspelt name may stand for. Pure: no I/O, no clock.

It serves the variables of hosts on the controller, and those of the environment where a module runs.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Collection, Iterable

_SHORTENED = re.compile(r"(?:m365_)?lic(?:en[cs](?:es?|ing))?_(?:(?:stat(?:e|us|es)|plan)_?)?(.+)|m365_(?:state_)?(.+)")
"""What is left of ``license_state`` where only a part of it was written: ``license_protected``."""
_SEPARATORS = re.compile(r"[\W_]+")
_RESERVED = re.compile(r"[\W_]*m[\W_]*365[\W_].*", re.DOTALL | re.IGNORECASE)
_PORTAL = {
    "directory_id": "tenant_id",
    "directory_tenant_id": "tenant_id",
    "organization_id": "tenant_id",
    "application_id": "client_id",
    "application_client_id": "client_id",
    "app_id": "client_id",
    "app_secret": "client_secret",
    "app_password": "client_secret",
    "application_secret": "client_secret",
    "secret_value": "client_secret",
    "client_secret_value": "client_secret",
    "client_certificate_path": "certificate_path",
}
"""What Microsoft's portal and tools call the options that sign in."""
_NOT_OURS = frozenset({"M365_CONTROL_URL", "M365_LONG", "M365_TEST_COLLECTIONS"})
"""What the simulated tenant and the tests set in the environment: nothing of it signs in."""
_ALIKE, _ALIKE_AFTER_PREFIX = 0.8, 0.7
"""The share of letters in common. Who writes the whole prefix means one of the variables."""


class Nearness:
    """Finds the known name that a name is near to: at most two letters wrong, or a shortened beginning."""

    def __init__(self, known: Collection[str]) -> None:
        self._known = {name.casefold(): name for name in sorted(known)}
        portal = {f"m365_{word}": self._known.get(f"m365_{option}", "") for word, option in _PORTAL.items()}
        self._known |= {word: name for word, name in portal.items() if name and word not in self._known}
        self._joined = {_joined(word): name for word, name in self._known.items()}
        self._longest = max(map(len, self._known), default=0) + 2
        self._endings = {name.removeprefix("license_state_"): name for name in known if name[:8] == "license_"}
        self._without: dict[str, str] = {}
        for folded, name in self._known.items():
            for variant in _without(folded) | without_one(_joined(folded)):
                self._without.setdefault(variant, name)

    def of(self, name: str) -> str:
        """The known name; empty where none is near."""
        folded, joined = name.casefold().replace("-", "_"), _joined(name)
        if joined in self._joined:
            return self._joined[joined]
        if len(name) > self._longest:
            return ""
        # two names that differ in at most two letters have a variant in common, from which these are left out
        variants = _without(folded) | without_one(joined)
        common = next((self._without[variant] for variant in variants if variant in self._without), "")
        return common or self._by_beginning(folded)

    def _by_beginning(self, folded: str) -> str:
        """The known name whose ending is alike, where the beginning is a part of ours, or another spelling of it."""
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


def is_reserved(name: str) -> bool:
    """Does a name begin with ``m365_``, in any case and with any separators? This collection keeps such names."""
    return bool(_RESERVED.fullmatch(name))


def _joined(name: str) -> str:
    return _SEPARATORS.sub("", name.casefold())


def without_one(text: str) -> set[str]:
    """The text, and all that is left of it without one of its letters."""
    return {text, *(text[:place] + text[place + 1 :] for place in range(len(text)))}


def _without(text: str) -> set[str]:
    """The text, and all that is left of it without one or two of its letters."""
    two = {
        text[:first] + text[first + 1 : second] + text[second + 1 :]
        for first, second in itertools.combinations(range(len(text)), 2)
    }
    return without_one(text) | two


def misspelt_problems(environ: Iterable[str], known: frozenset[str], unwanted: Collection[str]) -> list[str]:
    """A sentence for each variable of the environment that nothing reads, and that is near a ``known`` one or reserved.

    Where the one that was meant is ``unwanted``, the right name would have no effect either. Where any is, the
    environment says not who signs in, and a reserved name that is near no known one does no harm.
    """
    nearness = _nearness_of(known)
    problems = []
    for name in sorted(set(environ) - known - _NOT_OURS):
        if meant := nearness.of(name):
            why, wanted = f" (did you mean {meant}?); correct or remove it", meant not in unwanted
        else:
            why = "; correct, rename or remove it: names that begin with M365_ are for this collection alone"
            wanted = is_reserved(name) and not unwanted
        if wanted:
            problems.append(f"the environment has {name}, which this collection does not read{why}")
    return problems


@functools.cache
def _nearness_of(known: frozenset[str]) -> Nearness:
    return Nearness(known)
