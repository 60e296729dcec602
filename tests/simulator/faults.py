# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliberate faults: which one matches a request. ``app.py`` applies them to requests, the batch to its parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.simulator import drips
from tests.simulator.state import Fault, World
from tests.simulator.switches import Switches

KINDS = {
    # the network
    "refused": "close the port of the service until this fault is removed",
    "untrusted_certificate": "present a certificate of an unknown CA",
    "drop": "close the connection and do nothing",
    "lost_answer": "carry the request out, then close the connection",
    "reset_head": "carry the request out, send half of the head, reset the connection",
    "reset_body": "carry the request out, send half of the body, reset the connection",
    "truncate": "send half of the response, and announce the length of the whole",
    "slow": "answer after `seconds`",
    "drip": "send the head at once, and the body in 64 pieces with `seconds` before each",
    **drips.KINDS,
    "hints": "send some interim responses (100, 102, 103) before the response",
    "cut_character": "end the body in the middle of its first character of several bytes, and announce that length",
    "cut_gzip": "compress the body, and end the compressed stream early",
    "redirect": "answer 307 to another host, which listens",
    "html": "answer 200 with a web page",
    "empty": "answer 200 without a body",
    "huge": "answer 200 with a hundred megabytes of JSON",
    # any service
    "status": "answer with status, headers and body, and do nothing",
    "late_status": "carry the request out, then answer as for `status`",
    "switch": "carry the request out with these `switches`",
    "expired_token": "reject the token of the request, now and later, as expired",
    "wrong_clock": "the answer's Date is `seconds` ahead",
    "unknown_states": "replace each capabilityStatus by an unknown word",
    # lists
    "duplicate_page": "a page repeats the value of the page before it",
    "overlapping_page": "a page begins with the last entry of the page before it",
    "lost_page": "a page lacks its nextLink, or its value when it is the last",
    "endless_pages": "a page's nextLink leads to the page itself",
    "endless_chain": "after the first page empty ones, each with a nextLink to one more",
    "expired_link": "a page that a nextLink leads to is refused, as the link has expired",
    "foreign_link": "a page's nextLink leads to another host",
    "truncated_list": "half of a list, without a link, with Exchange's warning that there is more",
    "forbidden_cmdlet": "answer 403: the role of the application does not allow this cmdlet",
    # batches
    "shuffled_parts": "a $batch answers its parts in the opposite order",
    "missing_part": "a $batch answers without the last of its parts",
    "duplicate_part": "a $batch answers its first part twice",
    "deleted_user": "before a part runs, another client deletes its user",
    "seats_taken": "before a part runs, another client takes all seats of the licenses that it adds",
    "removed_before": "before a part runs, another client removes the licenses that it removes",
    "done_before": "before a part runs, another client makes the same change",
}
"""The kinds of faults, and what each does."""
ONLY_PARTS = frozenset({"deleted_user", "seats_taken", "removed_before", "done_before"})
"""Changes by other clients."""
PART_KINDS = frozenset({"status", "late_status", *ONLY_PARTS})
"""Kinds that apply to a part of a ``$batch``."""
CONNECTIONS = frozenset({"refused", "untrusted_certificate"})
"""Kinds that apply to connections of a whole service, so ``method`` and ``path`` do not matter."""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and _is_number(value)


_TEXT: tuple[str, Callable[[Any], bool]] = ("a text", lambda value: isinstance(value, str))
_EXPECTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("kind", "service", "method", "path", "cmdlet"), _TEXT),
    "part": ("true or false", lambda value: isinstance(value, bool)),
    "times": ("a number from 0 on, or null for always", lambda value: value is None or _is_count(value)),
    "status": ("a status from 200 to 599", lambda value: _is_count(value) and 200 <= value <= 599),
    "headers": (
        "an object of texts",
        lambda value: (
            isinstance(value, Mapping)
            and all(isinstance(item, (str, int, float)) for pair in value.items() for item in pair)
        ),
    ),
    "seconds": ("a number of seconds from 0 on", _is_number),
    "switches": ("an object", lambda value: isinstance(value, Mapping)),
}
"""For each key of a fault: the expected value in words, and its test. ``body`` may be anything."""


def _is_call(chosen: str, call: str) -> bool:
    """Whether a cmdlet with its switches (``Get-Mailbox -SoftDeletedMailbox``) matches the chosen one."""
    name, *switches = call.casefold().split() or [""]
    wanted, *more = chosen.casefold().split()
    return name == wanted and set(more) <= set(switches)


def match(world: World, *, service: str, method: str, path: str, part: bool = False, cmdlet: str = "") -> Fault | None:
    """Return the first matching fault, if any, and count its use."""
    if not world.faults:
        return None
    for fault in world.faults:
        if fault.part != part or fault.times == 0 or fault.kind in CONNECTIONS:
            continue
        if fault.cmdlet and not _is_call(fault.cmdlet, cmdlet):
            continue
        if fault.kind == "expired_link" and "skiptoken" not in path.casefold():
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


def connection(world: World, service: str, kind: str, *, use: bool = True) -> bool:
    """Whether a fault applies to a connection to the service. ``use``: count its use."""
    for fault in world.faults:
        if fault.kind == kind and fault.times != 0 and fault.service.casefold() in ("", service.casefold()):
            if use:
                fault.hits += 1
                fault.times = None if fault.times is None else fault.times - 1
            return True
    return False


def parse(items: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Parse faults of the control API. Raises ValueError with position, found and expected value."""
    names = {item.name for item in dataclasses.fields(Fault)} - {"hits"}
    faults = []
    for position, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise ValueError(f"faults[{position}]: {item!r}, expected an object")  # noqa: TRY004 - one kind for all
        unknown = sorted(set(item) - names)
        if unknown:
            raise ValueError(f"faults[{position}]: no key {unknown[0]!r}; there are: {', '.join(sorted(names))}")
        for name, value in item.items():
            if name in _EXPECTED and not _EXPECTED[name][1](value):
                raise ValueError(f"faults[{position}].{name}: {value!r}, expected {_EXPECTED[name][0]}")
        fault = Fault(**item)
        if fault.kind not in KINDS:
            raise ValueError(f"faults[{position}].kind: {fault.kind!r}, expected one of {', '.join(KINDS)}")
        if fault.part and fault.kind not in PART_KINDS:
            allowed = ", ".join(sorted(PART_KINDS))
            raise ValueError(f"faults[{position}]: a part of a batch can only have kind {allowed}, not {fault.kind}")
        if fault.kind in ONLY_PARTS and not fault.part:
            raise ValueError(f"faults[{position}]: {fault.kind} needs part: true")
        Switches().update(fault.switches)
        fault.headers = {str(name): str(value) for name, value in fault.headers.items()}
        faults.append(fault)
    return faults


def describe(fault: Fault) -> dict[str, Any]:
    """Return a fault as the control API shows it."""
    return dataclasses.asdict(fault)
