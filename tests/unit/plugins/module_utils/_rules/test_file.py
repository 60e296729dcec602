# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules from a file: what is read, and what is refused without a word of its content."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import to_plain
from ansible_collections.m365.licensing.plugins.module_utils._rules import file as rules_file
from ansible_collections.m365.licensing.plugins.module_utils._rules.file import (
    BYTES_MOST,
    DEPTH_MOST,
    read_rules,
    take_rules,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support.random_examples import examples

RULE = {"name": "All", "match": {}, "licenses": [{"sku": "EXCHANGESTANDARD"}], "usage_location": "DE"}
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


def written(folder: Path, content: str | bytes, name: str = "rules.yml") -> str:
    place = folder / name
    place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(place)


def refused(path: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_rules(path)
    assert caught.value.code == "invalid_rules"
    assert path in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("key", [None, "rules", "license_state_rules"])
@pytest.mark.parametrize("dump", [json.dumps, yaml.safe_dump], ids=["json", "yaml"])
def test_a_list_or_one_key_is_read(tmp_path: Path, key: str | None, dump: Any) -> None:
    assert read_rules(written(tmp_path, dump([RULE] if key is None else {key: [RULE]}))) == [RULE]


@given(st.lists(DATA, max_size=4))
def test_json_comes_back_as_it_is(tmp_path_factory: pytest.TempPathFactory, data: list[Any]) -> None:
    path = written(tmp_path_factory.mktemp("rules"), json.dumps(data))
    assert read_rules(path) == data


def test_dates_are_texts_as_ansible_gives_them(tmp_path: Path) -> None:
    path = written(tmp_path, "- {name: x, until: 2027-12-31}\n- {until: 2027-12-31T10:00:00Z}\n")
    assert read_rules(path) == [{"name": "x", "until": "2027-12-31"}, {"until": "2027-12-31T10:00:00+00:00"}]


def test_anchors_and_merges_are_read(tmp_path: Path) -> None:
    text = "- &base {name: x, usage_location: DE}\n- {<<: *base, name: y}\n"
    assert [rule["usage_location"] for rule in read_rules(written(tmp_path, text))] == ["DE", "DE"]


def test_templates_stay_texts_and_are_told(tmp_path: Path) -> None:
    name = "{{ lookup('ansible.builtin.pipe', 'id') }}"
    params: dict[str, Any] = {"rules": None, "rules_file": written(tmp_path, yaml.safe_dump([{**RULE, "name": name}]))}
    (warning,) = take_rules(params)
    assert params["rules"][0]["name"] == name
    assert "Nothing in a rules file is templated" in warning


def test_both_options_are_refused(tmp_path: Path) -> None:
    params = {"rules": [RULE], "rules_file": written(tmp_path, "[]"), "variable_prefix": "license_state_"}
    with pytest.raises(ConfigurationError, match="license_state_rules and license_state_rules_file are both given"):
        take_rules(params)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("rules: []\nm365_login_url: https://evil.example\n", "the key 'm365_login_url' is not allowed"),
        ("license_state_rules: []\nlicense_state_protected: []\n", "the key 'license_state_protected' is not allowed"),
        ("rules: []\nlicense_state_rules: []\n", "found 2 keys"),
        ("{}", "found 0 keys"),
        ("", "found nothing"),
        ("just a text", "found a text"),
        ("rules: {name: x}", "found a dictionary"),
        ("- !vault |\n  x", "line 1, column 3"),
        ("- !!python/object/apply:os.system [id]", "line 1, column 3"),
        ("- !!binary aGk=", "line 1, column 3: the tag '!!binary' is not allowed"),
        ("- !!bool foo", "line 1, column 3: the tag '!!bool' is not allowed"),
        ("- !!timestamp foo", "the tag '!!timestamp' is not allowed"),
        ('- !!int ""', "the tag '!!int' is not allowed"),
        ("- !!float 1.0", "the tag '!!float' is not allowed"),
        ("- !!str x", "the tag '!!str' is not allowed"),
        ("- ! x", "the tag '!' is not allowed"),
        ("- !!set {x}", "the tag '!!set' is not allowed"),
        ("- name: x\n  priority: !!int 1", "line 2, column 13: the tag '!!int' is not allowed"),
        ("%TAG ! tag:example,2026:\n--- []", "%TAG"),
        ("[\n1,\n" + "1" * 6000 + "]", "line 3: a number is too large, or has more than 24 characters"),
        ("[1." + "1" * 6000 + "]", "line 1: a number is too large"),
        ("[-1e999]", "a number is too large"),
        ("- ? [a]\n  : b", "line 1, column 5: a key is a list or a dictionary"),
        ("- &a {b: c}\n- {*a : c}", "line 2, column 4: a key is not a text"),
        ("- <<: x", "line 1, column 7: << takes in a dictionary"),
        ("- &a x\n- &a y", "the anchor 'a' occurs twice"),
        ("- *a", "line 1, column 3: no whole value before it has the anchor 'a'"),
        ("- {name: a, name: b}", "the key 'name' occurs twice"),
        ('[{"name": "a", "name": "b"}]', "the key 'name' occurs twice"),
        ('[{"name": NaN}]', "NaN is not a number"),
        ('[{"name": "\\ud800"}]', "is not Unicode"),
        ("- name: a\n b: c", "line 2"),
        ("--- []\n--- []\n", "data"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("$ANSIBLE_VAULT;1.1;AES256\n613\n", "encrypted by Ansible Vault"),
        ("[" * 200 + "]" * 200, f"deeper than {DEPTH_MOST} levels"),
        ("[" * 100_000 + "]" * 100_000, f"deeper than {DEPTH_MOST} levels"),
        ("- " * 200 + "x", f"deeper than {DEPTH_MOST} levels"),
        (
            "- &a [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(
                f"- &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
            ),
            "more than 1000000 values",
        ),
        ("- &a [*a]", ""),
    ],
)
def test_what_is_no_rules_file_is_refused(tmp_path: Path, content: str | bytes, part: str) -> None:
    assert part in refused(written(tmp_path, content))


GROUPS = "1:" * 600 + "1"


@pytest.mark.parametrize(
    "text", [GROUPS, f"{GROUPS}.5", "0x" + "f" * 6000, "1" * 6000, "0b1", "010", "0o7", "1_000", "1:30", "2027-99-99"]
)
def test_what_is_no_short_decimal_number_is_a_text(tmp_path: Path, text: str) -> None:
    assert read_rules(written(tmp_path, f"- name: {text}\n")) == [{"name": text}]


def test_what_has_a_meaning_without_quotes(tmp_path: Path) -> None:
    text = "[x, ~, null, true, Off, 0, -12, +3, 1.5, .5, -1.0e+3, .inf, 1.0e+999, '1', \"true\"]"
    assert read_rules(written(tmp_path, text)) == (
        ["x", None, None, True, False, 0, -12, 3, 1.5, 0.5, -1000.0, ".inf", "1.0e+999", "1", "true"]
    )


def test_keys_are_texts(tmp_path: Path) -> None:
    assert read_rules(written(tmp_path, "- {no: 1, 2: 3, 2027-12-31: 4, ~: 5}")) == [
        {"no": 1, "2": 3, "2027-12-31": 4, "~": 5}
    ]


def test_what_merges_take_in(tmp_path: Path) -> None:
    text = "- &a {x: 1, y: 1}\n- &b {x: 2, z: 2}\n- {<<: [*a, *b], y: 3}\n- {'<<': 4}\n"
    assert read_rules(written(tmp_path, text))[2:] == [{"x": 1, "y": 3, "z": 2}, {"<<": 4}]


def steps_of(text: str, path: str) -> int:
    """How many lines of Python the loader runs for a text."""
    count = 0

    def trace(*_unused: object) -> Any:
        nonlocal count
        count += 1
        return trace

    Path(path).write_text(text, encoding="utf-8")
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with contextlib.suppress(ConfigurationError):
            read_rules(path)
    finally:
        sys.settrace(before)
    return count


MANY: dict[str, Callable[[int], str]] = {
    "base 60": lambda size: "- priority: " + "1:" * (100 * size) + "1\n",
    "merges of merges": lambda size: (
        "- &a0 {x: 1}\n" + "".join(f"- &a{n + 1} {{<<: [{', '.join([f'*a{n}'] * 10)}]}}\n" for n in range(size))
    ),
    "merges": lambda size: "- &a {x: 1, y: 2}\n" + "- {<<: *a}\n" * size,
    "keys": lambda size: "- {" + ", ".join(f"k{n}: 1" for n in range(size)) + "}\n",
}


@pytest.mark.parametrize("kind", MANY)
def test_the_time_is_in_proportion_to_the_text(tmp_path: Path, kind: str) -> None:
    one, four = (steps_of(MANY[kind](size), str(tmp_path / "rules.yml")) for size in (10, 40))
    assert four < 6 * one


def test_four_million_groups_of_base_60_are_a_text(tmp_path: Path) -> None:
    """PyYAML works on the number for hours."""
    text = "1:" * 4_000_000 + "1"
    assert read_rules(written(tmp_path, f"- priority: {text}")) == [{"priority": text}]


def test_merging_large_dictionaries_often_exceeds_the_limit(tmp_path: Path) -> None:
    text = "- &a {" + ", ".join(f"k{n}: 1" for n in range(2000)) + "}\n" + "- {<<: *a}\n" * 2000
    assert "more than 1000000 values" in refused(written(tmp_path, text))


PIECES = st.sampled_from(
    [
        *("- ", "? ", ": ", "[", "]", "{", "}", ", ", "\n", "\n  ", "&a ", "*a", "<<: ", "!!int ", "!!bool ", "!x "),
        *("!!timestamp ", "!<x> ", "1:1", "0x", "f" * 50, "9" * 5000, "1e9", ".5", "2027-12-31", "T10:00:00", "+99:99"),
        *('"', "'", "\\ud800", "\\Uffffffff", "|\n", ">", "#", "%YAML 1.1\n", "%TAG ! x\n", "--- ", "...\n", "~", "="),
        *("NaN", "-Infinity", "true", "rules: ", "\0", "\ufeff", "\u2028", "\x85", "\t", "`", "@", "$ANSIBLE_VAULT"),
    ]
)


@pytest.mark.random
@pytest.mark.parametrize("kind", ["as it is", "without libyaml"])
@given(
    content=st.binary(max_size=60) | st.lists(PIECES | TEXTS, max_size=12).map(lambda parts: "".join(parts).encode())
)
@examples(400)
def test_any_bytes_are_rules_or_an_error_that_names_the_file(
    tmp_path_factory: pytest.TempPathFactory, kind: str, content: bytes
) -> None:
    path = written(tmp_path_factory.getbasetemp(), content, f"{kind}.yml")
    loader = yaml.SafeLoader if kind == "without libyaml" else getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "CSafeLoader", loader, raising=False)
        wrong: ConfigurationError | None = None
        rules: list[Any] = []
        try:
            rules = read_rules(path)
        except ConfigurationError as error:
            wrong = error
    assert wrong is None or (wrong.code == "invalid_rules" and path in wrong.message)
    json.dumps(rules, allow_nan=False).encode()


def test_a_key_in_the_wrong_place_is_not_shown(tmp_path: Path) -> None:
    secret = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
    jwt = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl"
    for content in (f"{jwt}: x", f"- !{jwt} x", f"- *{jwt.replace('.', '')}", f"- {{{jwt}: 1, {jwt}: 2}}"):
        assert "eyJ" not in refused(written(tmp_path, content))
    for content in (f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n", secret, f"x: {secret}\n"):
        assert secret not in refused(written(tmp_path, content))


def test_only_a_regular_file_of_a_sane_size_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero")):
        assert "regular file" in refused(str(path))
    assert "Is a directory" in refused(str(tmp_path))
    assert "No such file" in refused(str(tmp_path / "none"))
    assert "cannot be read" in refused("a" * 300)
    assert "larger than 8 MiB" in refused(written(tmp_path, b" " * (BYTES_MOST + 1)))


def test_without_pyyaml_json_is_read_and_yaml_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(rules_file, "yaml")
    assert read_rules(written(tmp_path, json.dumps([RULE]))) == [RULE]
    assert "has no PyYAML" in refused(written(tmp_path, yaml.safe_dump([RULE])))


def test_what_is_read_can_be_a_result(tmp_path: Path) -> None:
    path = written(tmp_path, "- {name: x, until: 2027-12-31}\n")
    assert json.loads(json.dumps(to_plain(read_rules(path)))) == [{"name": "x", "until": "2027-12-31"}]
