# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Predicates of a ``$filter``, and readers of properties."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.simulator.folding import folded

Predicate = Callable[[Any], bool]
Getter = Callable[[Any], Any]


@dataclass(frozen=True)
class OneOf:
    """Whether a property is one of these values; ``folded``: regardless of case."""

    path: str
    get: Getter
    wanted: frozenset[Any]
    folded: bool

    def __call__(self, item: Any) -> bool:
        value = self.get(item)
        return (folded(value) if self.folded and value is not None else value) in self.wanted


def merged(tests: Iterable[Predicate]) -> Iterator[Predicate]:
    """Tests of which one has to be true; those of the same property as one."""
    alike: dict[tuple[str, bool], OneOf] = {}
    for test in tests:
        if isinstance(test, OneOf):
            key = (test.path, test.folded)
            found = alike.get(key)
            alike[key] = replace(test, wanted=test.wanted | (found.wanted if found else frozenset()))
        else:
            yield test
    yield from alike.values()


def getter(parts: list[str]) -> Getter:
    """How to read the property that a path leads to; None where one on the way is missing."""
    if not parts:
        return lambda item: item
    if len(parts) == 1:
        (name,) = parts
        return lambda item: item.get(name)
    *outer, last = parts

    def get(item: Any) -> Any:
        for name in outer:
            item = item.get(name) or {}
        return item.get(last)

    return get
