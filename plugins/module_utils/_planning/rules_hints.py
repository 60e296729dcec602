# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings about rules that are valid and probably wrong: regular expressions as texts, rules that decide for no user.

Pure: no I/O, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import summarize

from .model import Plan
from .rules import ADDRESSES, Rule
from .rules_schema import TEXT_KEYS

_SIGNS = re.compile(r"\A\^|\$\Z|\\[dwsbDWSB.]|\(\?|\[\^|\[[^\]]*\w-\w[^\]]*\]|\||\.\*")
_IN_ADDRESSES = re.compile(r"\A\^|\$\Z|\\[dwsbDWSB.]|\(\?|\[\^|\[[^\]]*\w-\w[^\]]*\]|\||\A\.\*")
"""The same without what names have: ``svc.*@contoso.com`` is an ordinary pattern."""


def pattern_hints(raw: Any, path: str) -> tuple[str, ...]:
    """A sentence for each text of the rules ``raw`` that looks like a regular expression, with its path."""
    found: list[str] = []
    for index, rule in enumerate(raw if isinstance(raw, (list, tuple)) else ()):
        if isinstance(rule, Mapping):
            for place, key, text in _texts(rule.get("match"), f"{path}[{index}].match"):
                sign = (_IN_ADDRESSES if key in ADDRESSES else _SIGNS).search(text)
                if sign:
                    found.append(
                        f"{place}: {text!r} looks like a regular expression, but {sign[0]!r} has no meaning of its own "
                        "here. A text is compared as a whole; * stands for any characters, ? for one, and a list for "
                        f"any of its texts (rule {str(rule.get('name') or '')!r})"
                    )
    return tuple(found)


def idle_rules(rules: Sequence[Rule], plan: Plan, today: date) -> tuple[str, ...]:
    """A sentence that names the rules that decide for no user, if the plan changes a user or no rule decides at all.

    Once all is licensed, rules about mailboxes at risk rightly match no user. Other warnings name exceptions that are
    over, and rules after one that matches every user. A last rule for all other users is not named either: the rules
    before it may leave none.
    """
    uses = plan.rules
    if not plan.entries or (any(use.matched for use in uses) and not any(use.changes for use in uses)):
        return ()
    idle: list[str] = []
    undecided = {entry.rule for entry in plan.entries if entry.action == "undecided"}
    for rule, use in zip(rules, uses, strict=True):
        if rule.expired(today):
            continue
        if not rule.conditions:
            break
        if not use.matched and rule.name not in undecided:
            idle.append(repr(rule.name))
    if not idle:
        return ()
    if len(idle) == 1:
        return (f"Rule {idle[0]} decides for no user in this run: check what it matches.",)
    return (f"{len(idle)} rules decide for no user in this run: {summarize(idle)}. Check what they match.",)


def _texts(block: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """Path, key and text of all texts that a block compares."""
    if isinstance(block, (list, tuple)):
        for index, item in enumerate(block):
            yield from _texts(item, f"{path}[{index}]")
    if not isinstance(block, Mapping):
        return
    for key, value in block.items():
        if key in TEXT_KEYS:
            yield from _strings(key, value, f"{path}.{key}")
        elif key == "extension_attributes" and isinstance(value, Mapping):
            for name, texts in value.items():
                yield from _strings(key, texts, f"{path}.{key}.{name}")
        elif key == "not":
            yield from _texts(value, f"{path}.not")


def _strings(key: str, value: Any, path: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, str):
        yield path, key, value
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            if isinstance(item, str):
                yield f"{path}[{index}]", key, item
