# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on purpose: which one fits a request. ``app.py`` applies them to requests, the batch to its parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from tests.tenant.state import Fault, World

KINDS = {
    "status": "answer with status, headers and body; nothing happens",
    "drop": "close the connection before anything happens",
    "lost_answer": "let it happen, then close the connection",
    "truncate": "send half of the true answer, with the length of the whole",
    "html": "answer 200 with a web page",
    "empty": "answer 200 without a body",
    "huge": "answer 200 with a hundred megabytes of JSON",
    "slow": "answer after `seconds`",
    "duplicate_page": "a page repeats the value of the page before it",
    "lost_page": "a page lacks its nextLink, or its value when it is the last",
    "endless_pages": "a page's nextLink leads to the page itself",
    "foreign_link": "a page's nextLink leads to another host",
    "missing_part": "a $batch answers without the last of its parts",
    "duplicate_part": "a $batch answers its first part twice",
}
"""What can go wrong, and how it shows."""


def match(world: World, *, service: str, method: str, path: str, part: bool = False) -> Fault | None:
    """The first fault that fits, if any; it is used up once."""
    if not world.faults:
        return None
    for fault in world.faults:
        if fault.part != part or fault.times == 0:
            continue
        if fault.service and fault.service.casefold() != service.casefold():
            continue
        if fault.method and fault.method.casefold() != method.casefold():
            continue
        if fault.path.casefold() not in path.casefold():
            continue
        fault.hits += 1
        if fault.times is not None:
            fault.times -= 1
        return fault
    return None


def parse(items: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Faults as the control API takes them. Raises ValueError naming the position, what it found and what it takes."""
    names = {item.name for item in dataclasses.fields(Fault)} - {"hits"}
    faults = []
    for position, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise ValueError(f"faults[{position}]: {item!r}, expected an object")  # noqa: TRY004 - one kind for all
        unknown = sorted(set(item) - names)
        if unknown:
            raise ValueError(f"faults[{position}]: no key {unknown[0]!r}; there are: {', '.join(sorted(names))}")
        fault = Fault(**item)
        if fault.kind not in KINDS:
            raise ValueError(f"faults[{position}].kind: {fault.kind!r}, expected one of {', '.join(KINDS)}")
        if fault.part and fault.kind != "status":
            raise ValueError(f"faults[{position}]: a part of a batch can only have kind status, not {fault.kind}")
        fault.headers = {str(name): str(value) for name, value in fault.headers.items()}
        faults.append(fault)
    return faults


def describe(fault: Fault) -> dict[str, Any]:
    """A fault as the control API shows it."""
    return dataclasses.asdict(fault)
