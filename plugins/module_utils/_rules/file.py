# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules from a file: data alone, read by a safe loader within limits, and nothing in it but rules.

Ansible templates its variables, so anyone who can write rules into a variables file can run code on the controller and
set every other variable. A rules file can do neither: no text in it is a template, and no key but rules is allowed.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._common.option_values import is_random, kind_of_secret
from ansible_collections.m365.licensing.plugins.module_utils._files.regular import (
    MEBIBYTE,
    UnreadableError,
    read_regular,
)

# It comes with ansible-core; where a module runs elsewhere it may be missing, and JSON is read without it.
with contextlib.suppress(ImportError):
    import yaml

RULES_SPEC: dict[str, dict[str, Any]] = {"rules": {"type": "raw"}, "rules_file": {"type": "path"}}
"""The options for rules, the same in every module that takes them."""

KEYS = ("rules", "license_state_rules")
"""The key of a file that is no bare list; one of them."""
BYTES_MOST, DEPTH_MOST, VALUES_MOST = 8 * MEBIBYTE, 20, 1_000_000
"""Limits of a file: its size, how deep it is nested, and its values once aliases are written out."""
NUMBER_MOST = 24
"""Characters of a number, as many as Python writes for a float. A longer one is an error in JSON; YAML has a text."""
_MEANING_MOST = 40
"""Characters of a text that may mean a date, a boolean or null."""
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*|(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?)", re.ASCII)
_LONG_NUMBER = re.compile(rf"(?<![-+.\w])[-+.0-9eE]{{{NUMBER_MOST + 1},}}", re.ASCII)
_TAG_DIRECTIVE = re.compile("(?:\\A|[\r\n\x85\u2028\u2029])\ufeff?%TAG")
_LINE = "\n"


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
        raise _wrong(path, "it is not JSON, and this Python has no PyYAML to read YAML: install PyYAML, or write JSON")
    return _parse_yaml(text, path)


def _parse_json(text: str, path: str) -> Any:
    def no_number(word: str) -> Any:
        raise _wrong(path, f"{word} is not a number")

    def number(word: str, kind: Any) -> Any:
        found = kind(word) if len(word) <= NUMBER_MOST else math.inf
        if math.isfinite(found):
            return found
        place = _LONG_NUMBER.search(text)
        line = f"line {text.count(_LINE, 0, place.start()) + 1}: " if place and len(word) > NUMBER_MOST else ""
        raise _wrong(path, f"{line}a number is too large, or has more than {NUMBER_MOST} characters")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if twice := _first_twice(name for name, _value in pairs):
            raise _wrong(path, f"the key {_short(twice)} occurs twice in one place")
        return dict(pairs)

    try:
        return json.loads(
            text,
            parse_constant=no_number,
            parse_int=lambda word: number(word, int),
            parse_float=lambda word: number(word, float),
            object_pairs_hook=once,
        )
    except RecursionError:
        raise _too_deep(path) from None


def _parse_yaml(text: str, path: str) -> Any:
    # the parser compares each of these with all before it
    if _TAG_DIRECTIVE.search(text):
        raise _wrong(path, "it has a %TAG line, and no tag is allowed in it")
    try:
        return _Builder(path).build(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(mark) if mark else ""
        raise _wrong(path, f"{place}it is neither YAML nor JSON that holds data: {str(error.problem)[:100]}") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise _wrong(path, f"it is neither YAML nor JSON that holds data ({type(error).__name__})") from None


class _Collection:
    """A list or a dictionary that is not complete yet; ``merged`` is what ``<<`` takes from others."""

    def __init__(self, event: Any) -> None:
        self.anchor: str = event.anchor or ""
        self.items: list[Any] = []
        self.values: dict[str, Any] | None = {} if isinstance(event, yaml.MappingStartEvent) else None
        self.merged: dict[str, Any] = {}
        self.key: str | None = None
        self.merges = False
        """Whether the value that comes next is one of ``<<``."""


class _Builder:
    """Builds values from what a parser of YAML finds, each in time in proportion to its text.

    The constructors of PyYAML do not: an integer of base 60, or a dictionary that takes others in again and again,
    can hold it for hours, and some texts with a tag make it crash.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._open: list[_Collection] = []
        self._anchors: dict[str, Any] = {}
        self._found: list[Any] = []
        self._left = VALUES_MOST

    def build(self, events: Iterable[Any]) -> Any:
        """The value of the one document; None for an empty file. Raises ConfigurationError."""
        documents = 0
        for count, event in enumerate(events):
            if count > 2 * VALUES_MOST:
                raise _too_many(self._path)
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._wrong(event, "it holds more than one document, and rules are the data of one")
            self._take(event)
        return self._found[0] if self._found else None

    def _take(self, event: Any) -> None:
        if getattr(event, "tag", None) is not None:
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise self._wrong(event, f"the tag {_short(shown)} is not allowed; leave it out")
        if isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end(event)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise self._wrong(event, f"no whole value before it has the anchor {_short(event.anchor)}")
            self._add(self._anchors[event.anchor], event)
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)

    def _begin(self, event: Any) -> None:
        if self._open and self._expects_key():
            raise self._wrong(event, "a key is a list or a dictionary; write it as a text")
        self._open.append(_Collection(event))
        if len(self._open) > DEPTH_MOST:
            raise _too_deep(self._path)

    def _end(self, event: Any) -> None:
        collection = self._open.pop()
        value: Any = collection.items
        if collection.values is not None:
            value = collection.merged | collection.values if collection.merged else collection.values
        self._name(collection.anchor, value, event)
        self._add(value, event)

    def _scalar(self, event: Any) -> None:
        text: str = event.value
        plain = bool(event.implicit[0])
        if self._open and self._expects_key():
            self._name(event.anchor, text, event)
            self._open_key(text, event, merges=plain and text == "<<")
            return
        value = _resolved(text) if plain else text
        self._name(event.anchor, value, event)
        self._add(value, event)

    def _expects_key(self) -> bool:
        collection = self._open[-1]
        return collection.values is not None and collection.key is None

    def _open_key(self, key: str, event: Any, *, merges: bool) -> None:
        """Keys are texts, as in JSON, also where they look like a number or a date."""
        collection = self._open[-1]
        if collection.values is not None and key in collection.values and not merges:
            raise self._wrong(event, f"the key {_short(key)} occurs twice in one place")
        collection.key, collection.merges = key, merges

    def _name(self, anchor: str | None, value: Any, event: Any) -> None:
        if anchor and anchor in self._anchors:
            raise self._wrong(event, f"the anchor {_short(anchor)} occurs twice")
        if anchor:
            self._anchors[anchor] = value

    def _add(self, value: Any, event: Any) -> None:
        if not self._open:
            self._found.append(value)
            return
        collection = self._open[-1]
        if collection.values is None:
            collection.items.append(value)
        elif collection.key is None:
            if not isinstance(value, str):
                raise self._wrong(event, "a key is not a text; write it as a text")
            self._open_key(value, event, merges=False)
        else:
            if collection.merges:
                self._merge(collection, value, event)
            else:
                collection.values[collection.key] = value
            collection.key = None

    def _merge(self, collection: _Collection, value: Any, event: Any) -> None:
        """The first of several wins, and the dictionary's own keys win over all."""
        for source in reversed(value if isinstance(value, list) else [value]):
            if not isinstance(source, dict):
                raise self._wrong(event, "<< takes in a dictionary, or a list of dictionaries")
            self._left -= 1 + len(source)
            if self._left < 0:
                raise _too_many(self._path)
            collection.merged |= source

    def _wrong(self, event: Any, what: str) -> ConfigurationError:
        return _wrong(self._path, f"{_place(event.start_mark)}{what}")


def _resolved(text: str) -> Any:
    """What a text without quotes means: null, a boolean, a short decimal number, a date as a text, or itself."""
    if len(text) > _MEANING_MOST:
        return text
    if _NUMBER.fullmatch(text) and len(text) <= NUMBER_MOST:
        number = float(text) if "." in text else int(text)
        return number if math.isfinite(number) else text
    resolver: Any = yaml.resolver.Resolver()
    kind = resolver.resolve(yaml.ScalarNode, text, (True, False)).rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return yaml.SafeLoader.bool_values[text.lower()]
    if kind == "timestamp":
        with contextlib.suppress(ValueError, OverflowError):
            node = yaml.ScalarNode("tag:yaml.org,2002:timestamp", text)
            return str(yaml.constructor.SafeConstructor().construct_yaml_timestamp(node).isoformat())
    return text


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}: "


def _plain(value: Any, path: str, count: Iterator[int], depth: int = 0) -> Any:
    """The value without aliases. An alias is a value each time: some few lines could make billions."""
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
            raise _wrong(path, "a text in it is not Unicode (it has a lone surrogate)") from None
        return value
    return value


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
    if kind_of_secret(text) or is_random(text):
        return "(not shown, because it may be a secret)"
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def _wrong(path: str, what: str) -> ConfigurationError:
    return ConfigurationError(f"rules_file: {path!r} is not a rules file: {what}.", code="invalid_rules")


def _too_deep(path: str) -> ConfigurationError:
    return _wrong(path, f"it is nested deeper than {DEPTH_MOST} levels")


def _too_many(path: str) -> ConfigurationError:
    return _wrong(path, f"it holds more than {VALUES_MOST} values, aliases written out")
