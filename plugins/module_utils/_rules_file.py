# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules from a file: data alone, read by a safe loader within limits, and nothing in it but rules.

Ansible templates its variables, so whoever writes rules into a variables file can run code on the controller and set
every other variable. A rules file can do neither: no text in it is ever a template, and no key but rules is allowed.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._files import MEBIBYTE, UnreadableError, read_regular

# It comes with ansible-core; where a module runs elsewhere it may be missing, and JSON is read all the same.
with contextlib.suppress(ImportError):
    import yaml

RULES_SPEC: dict[str, dict[str, Any]] = {"rules": {"type": "raw"}, "rules_file": {"type": "path"}}
"""The options for rules, the same in every module that takes them."""

KEYS = ("rules", "license_state_rules")
"""The key of a file that is no bare list; one of them."""
BYTES_MOST, DEPTH_MOST, VALUES_MOST = 8 * MEBIBYTE, 20, 1_000_000
"""Limits of a file: its size, how deep it is nested, and its values once aliases are written out."""


def take_rules(params: dict[str, Any]) -> list[str]:
    """Put the rules of ``rules_file`` where those of ``rules`` are; return warnings.

    ``rules_label`` of ``params`` is what errors call them. Raises ConfigurationError: both options, or a file that
    cannot be read or is not a rules file (``invalid_rules``).
    """
    prefix = params.get("variable_prefix") or ""
    path = params["rules_file"]
    params["rules_label"] = f"{prefix}rules"
    if not path:
        return []
    if params["rules"] is not None:
        raise ConfigurationError(f"{prefix}rules and {prefix}rules_file are both given; leave one of them out.")
    params["rules"] = read_rules(path)
    params["rules_label"] = f"{path}: rules"
    if any("{{" in text or "{%" in text for text in _texts(params["rules"])):
        return [f"{path}: some text looks like a template. Nothing in a rules file is templated: it stays as it is."]
    return []


def read_rules(path: str) -> list[Any]:
    """The rules of a YAML or JSON file, as ``rules`` takes them. Raises ConfigurationError; no content is quoted."""
    text = _read(path)
    if text.startswith("$ANSIBLE_VAULT"):
        raise _wrong(path, "it is encrypted by Ansible Vault. Rules are not secrets: decrypt the file")
    found = _plain(_parse(text, path), path, itertools.count())
    if isinstance(found, dict):
        for key in found:
            if key not in KEYS:
                raise _wrong(
                    path, f"the key {_short(key)} is not allowed. It may hold {' or '.join(KEYS)}, and nothing else"
                )
        if len(found) != 1:
            raise _wrong(path, f"expected a list of rules, or one key of {' and '.join(KEYS)}, found {len(found)} keys")
        found = next(iter(found.values()))
    if not isinstance(found, list):
        raise _wrong(path, f"expected a list of rules, found {_kind(found)}")
    return found


def _read(path: str) -> str:
    try:
        return read_regular(path, BYTES_MOST).decode("utf-8-sig")
    except UnreadableError as error:
        raise _wrong(path, f"it cannot be read: {error}") from None
    except UnicodeDecodeError:
        raise _wrong(path, "it is not UTF-8 text") from None


def _parse(text: str, path: str) -> Any:
    if text.lstrip()[:1] in ("[", "{"):
        with contextlib.suppress(json.JSONDecodeError):
            return _parse_json(text, path)
    if "yaml" not in globals():
        raise _wrong(path, "it is no JSON, and this Python has no PyYAML to read YAML: install PyYAML, or write JSON")
    return _parse_yaml(text, path)


def _parse_json(text: str, path: str) -> Any:
    def no_number(word: str) -> Any:
        raise _wrong(path, f"{word} is not a number")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if twice := _first_twice(name for name, _value in pairs):
            raise _wrong(path, f"the key {_short(twice)} stands twice in one place")
        return dict(pairs)

    try:
        return json.loads(text, parse_constant=no_number, object_pairs_hook=once)
    except RecursionError:
        raise _too_deep(path) from None


def _parse_yaml(text: str, path: str) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_depth(yaml.parse(text, Loader=loader), path)
        return yaml.load(text, Loader=_strict(loader))  # noqa: S506 - it is a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise _wrong(path, f"{place}it is neither YAML nor JSON that holds data: {str(error.problem)[:100]}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _wrong(path, f"it is neither YAML nor JSON that holds data ({type(error).__name__})") from None


def _check_depth(events: Iterable[Any], path: str) -> None:
    """Before anything is built of it: a builder is recursive."""
    depth = 0
    for count, event in enumerate(events):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MOST:
            raise _too_deep(path)
        if count > 2 * VALUES_MOST:
            raise _too_many(path)


def _strict(base: Any) -> Any:
    """A safe loader that refuses a key which stands twice."""

    class Strict(base):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            names = [key.value for key, _value in node.value if isinstance(key, yaml.ScalarNode)]
            if twice := _first_twice(name for name in names if name != "<<"):
                problem = f"the key {_short(twice)} stands twice in one place"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
            return super().construct_mapping(node, deep)

    return Strict


def _plain(value: Any, path: str, count: Iterator[int], depth: int = 0) -> Any:
    """The value as JSON has it, dates as texts. An alias is a value each time: some few lines could make billions."""
    if next(count) > VALUES_MOST:
        raise _too_many(path)
    if depth > DEPTH_MOST:
        raise _too_deep(path)
    if isinstance(value, dict):
        return {_plain(key, path, count, depth): _plain(item, path, count, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, path, count, depth + 1) for item in value]
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _wrong(path, "some text in it is no Unicode (a lone surrogate)") from None
        return value
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, date):
        return value.isoformat()
    raise _wrong(path, f"it holds {_kind(value)}, which rules do not have")


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _first_twice(names: Iterable[str]) -> str:
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), "")  # type: ignore[func-returns-value]


def _kind(value: Any) -> str:
    names: dict[type, str] = {str: "a text", dict: "a dictionary", list: "a list", type(None): "nothing"}
    return names.get(type(value), f"a value of the kind {type(value).__name__}")


def _short(key: Any) -> str:
    text = str(key)
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def _wrong(path: str, what: str) -> ConfigurationError:
    return ConfigurationError(f"rules_file: {path!r} is not a rules file: {what}.", code="invalid_rules")


def _too_deep(path: str) -> ConfigurationError:
    return _wrong(path, f"it is nested deeper than {DEPTH_MOST} levels")


def _too_many(path: str) -> ConfigurationError:
    return _wrong(path, f"it holds more than {VALUES_MOST} values, aliases written out")
