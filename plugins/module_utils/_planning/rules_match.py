# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The block ``match`` of a rule: what people may write, and the conditions it makes. Pure: no I/O, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.countries import country_code, country_names
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import is_guid
from ansible_collections.m365.licensing.plugins.module_utils._common.typed_values import (
    nearest,
    shown,
    truth,
    unknown_keys,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import REASONS
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import (
    IF_AVAILABLE,
    SkuFinder,
    collect_skus,
    flag_of,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType

from .rules import USER_TEXTS, Condition
from .rules_conditions import (
    flag_condition,
    group_condition,
    has_condition,
    lacks_condition,
    not_condition,
    reason_condition,
    recipient_condition,
    text_condition,
)

TEXT_KEYS = USER_TEXTS
"""Keys of ``match`` that compare a text."""
FLAG_KEYS = ("account_enabled", "on_premises_sync", "at_risk", "covered")
"""Keys of ``match`` that are true or false."""
WORD_KEYS = ("recipient_type", "reason")
"""Keys of ``match`` that know few words."""
MATCH_KEYS = (*TEXT_KEYS, *FLAG_KEYS, *WORD_KEYS, "extension_attributes", "group", "has", "lacks", "not")
"""What ``match`` may hold; ``not`` holds the same, but no further ``not``."""
_DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)+")
EXTENSION_ATTRIBUTES = tuple(f"extensionAttribute{number}" for number in range(1, 16))
"""The keys of ``extension_attributes``, as Graph names them (onPremisesExtensionAttributes)."""


def parse_match(raw: Any, finder: SkuFinder, path: str, problems: list[str]) -> tuple[Condition, ...]:
    """The conditions of a block; adds what is wrong to ``problems``, and returns what is right."""
    return _match(raw, finder, path, problems, nested=False)


def _match(raw: Any, finder: SkuFinder, path: str, problems: list[str], *, nested: bool) -> tuple[Condition, ...]:
    if not isinstance(raw, Mapping):
        problems.append(f"{path}: expected a dictionary of conditions, found {shown(raw)}")
        return ()
    unknown_keys(raw, MATCH_KEYS[:-1] if nested else MATCH_KEYS, path, problems)
    conditions: list[Condition] = []
    # the cheap tests first: most rules are left at their first condition
    for key in (*FLAG_KEYS, *WORD_KEYS, "has", "lacks", *TEXT_KEYS):
        if key in raw:
            conditions += _condition(key, raw[key], finder, f"{path}.{key}", problems)
    if "extension_attributes" in raw:
        conditions += _extension_attributes(raw["extension_attributes"], f"{path}.extension_attributes", problems)
    if "group" in raw:
        conditions += _group(raw["group"], f"{path}.group", problems)
    if "not" in raw and not nested:
        conditions += _not(raw["not"], finder, f"{path}.not", problems)
    return tuple(conditions)


def _condition(key: str, value: Any, finder: SkuFinder, path: str, problems: list[str]) -> list[Condition]:
    if key in FLAG_KEYS:
        flag = _flag(value, path, problems)
        return [] if flag is None else [flag_condition(key, flag)]
    if key in ("has", "lacks"):
        ids = collect_skus(value, finder, path, problems, optional=True)
        names = [finder.by_id(sku_id).part_number for sku_id in ids]
        make = has_condition if key == "has" else lacks_condition
        # all of them may be missing in this tenant: then nobody has them, and everybody lacks them
        return [make(ids, names or ["what the tenant does not have"])]
    if key == "recipient_type":
        kinds = _words(value, path, problems, "recipient type", [kind.value for kind in RecipientType])
        return [recipient_condition(kinds)] if kinds else []
    if key == "reason":
        words = _words(value, path, problems, "reason", REASONS)
        return [reason_condition(words)] if words else []
    texts = _texts(value, path, problems, "a text", empty=True)
    single = not isinstance(value, (list, tuple))
    for index, text in enumerate([value] if single else value):
        if isinstance(text, str) and (reason := _never_fits(key, text)):
            problems.append(f"{path}: {reason}" if single else f"{path}[{index}]: {reason}")
    return [text_condition(key, texts)] if texts else []


def _never_fits(key: str, text: str) -> str:
    """Why no user can have this value; empty where one can."""
    wild = "*" in text or "?" in text
    if key == "usage_location" and text.strip() and not wild and country_code(text) is None:
        return no_country(text)
    if key == "mail_domain" and text.strip():
        domain = text.rpartition("@")[2].strip()
        fits = bool(domain) if wild else _DOMAIN.fullmatch(domain)
        if not fits:
            return f"expected a domain such as contoso.com, found {shown(text)}"
        if "@" in text:
            return f"expected a domain, found {shown(text)}; write {domain!r}"
    return ""


def no_country(value: Any) -> str:
    """What is wrong with a value that is no country."""
    near = nearest(value, country_names()) if isinstance(value, str) else []
    # an unquoted NO is a boolean in YAML
    advice = " (quote it: an unquoted NO is a boolean)" if isinstance(value, bool) else ""
    tail = f" (nearest: {', '.join(near)})" if near else advice
    return f"expected an ISO 3166-1 code such as DE or a country, found {shown(value)}{tail}"


def _words(value: Any, path: str, problems: list[str], what: str, allowed: Sequence[str]) -> list[str]:
    found = _texts(value, path, problems, f"a {what}")
    for word in found:
        if word not in allowed:
            near = "".join(f"nearest: {name}; " for name in nearest(word, allowed, 1))
            problems.append(f"{path}: unknown {what} {word!r} ({near}allowed: {', '.join(allowed)})")
    return found


def _extension_attributes(raw: Any, path: str, problems: list[str]) -> list[Condition]:
    if not isinstance(raw, Mapping) or not raw:
        problems.append(f"{path}: expected {{extensionAttribute1: …}}, found {shown(raw)}")
        return []
    conditions: list[Condition] = []
    for key, value in raw.items():
        if key not in EXTENSION_ATTRIBUTES:
            problems.append(f"{path}: unknown key {str(key)!r} (allowed: extensionAttribute1 to extensionAttribute15)")
        elif texts := _texts(value, f"{path}.{key}", problems, "a text", empty=True):
            conditions.append(text_condition(key, texts))
    return conditions


def _not(raw: Any, finder: SkuFinder, path: str, problems: list[str]) -> list[Condition]:
    single = isinstance(raw, Mapping)
    entries = [raw] if single else raw
    if not isinstance(entries, (list, tuple)) or not entries:
        problems.append(f"{path}: expected a match block or a list of them, found {shown(raw)}")
        return []
    blocks: list[tuple[Condition, ...]] = []
    for index, entry in enumerate(entries):
        here = path if single else f"{path}[{index}]"
        if isinstance(entry, Mapping) and not entry:
            problems.append(f"{here}: an empty block matches everybody, so the rule would match nobody")
        blocks.append(_match(entry, finder, here, problems, nested=True))
    return [not_condition([block for block in blocks if block])] if any(blocks) else []


def _flag(value: Any, path: str, problems: list[str]) -> bool | None:
    flag = truth(value)
    if flag is None:
        problems.append(f"{path}: expected true or false, found {shown(value)}")
    return flag


def _group(value: Any, path: str, problems: list[str]) -> list[Condition]:
    """Groups by id or name; each may be ``{id: X, if_available: true}``, or ``name`` in place of ``id``."""
    single, what = not isinstance(value, (list, tuple)), "a group's name or id"
    found: list[str] = []
    optional: list[str] = []
    for index, item in enumerate([value] if single else value or _texts(value, path, problems, what)):
        here, name = path if single else f"{path}[{index}]", item
        may_be_missing = False
        if isinstance(item, Mapping):
            unknown_keys(item, ("id", "name", IF_AVAILABLE), here, problems)
            may_be_missing = flag_of(item, here, problems)
            if "id" in item and (wrong := _not_an_id(item)):
                problems.append(f"{here}{wrong}")
                continue
            key = "id" if "id" in item else "name"
            here, name = f"{here}.{key}", item.get(key)
        if _is_text(name, here, problems, what):
            found.append(name)
            optional += [name] * may_be_missing
    return [group_condition(found, optional=frozenset(optional))] if found else []


def _not_an_id(item: Mapping[str, Any]) -> str:
    """What is wrong with the ``id`` of a group, after its path; empty where it is one."""
    if "name" in item:
        return ": expected id or name, found both"
    if isinstance(item["id"], str) and is_guid(item["id"].strip()):
        return ""
    return f".id: expected the id of a group, found {shown(item['id'])}"


def _texts(value: Any, path: str, problems: list[str], what: str, *, empty: bool = False) -> list[str]:
    single = not isinstance(value, (list, tuple))
    texts = [value] if single else list(value)
    if not texts:
        problems.append(f"{path}: expected {what} or a list, found an empty list, which would match nobody")
    return [
        text
        for index, text in enumerate(texts)
        if _is_text(text, path if single else f"{path}[{index}]", problems, what, empty=empty)
    ]


def _is_text(text: Any, path: str, problems: list[str], what: str, *, empty: bool = False) -> bool:
    if isinstance(text, str) and (text.strip() or empty):
        return True
    quote = "; quote it if it is a text" if isinstance(text, (int, float)) else ""
    problems.append(f"{path}: expected {what}, found {shown(text)}{quote}")
    return False
