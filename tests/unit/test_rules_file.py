# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules from a file: what is read, and what is refused without a word of its content."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.m365.licensing.plugins.module_utils import _rules_file
from ansible_collections.m365.licensing.plugins.module_utils._errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._plain import to_plain
from ansible_collections.m365.licensing.plugins.module_utils._rules_file import (
    BYTES_MOST,
    DEPTH_MOST,
    read_rules,
    take_rules,
)
from hypothesis import given
from hypothesis import strategies as st

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
        ("- !!binary aGk=", "a value of the kind bytes"),
        ("- {name: a, name: b}", "the key 'name' stands twice"),
        ('[{"name": "a", "name": "b"}]', "the key 'name' stands twice"),
        ('[{"name": NaN}]', "NaN is not a number"),
        ('[{"name": "\\ud800"}]', "is no Unicode"),
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


def test_a_key_in_the_wrong_place_is_not_shown(tmp_path: Path) -> None:
    secret = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
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
    monkeypatch.delattr(_rules_file, "yaml")
    assert read_rules(written(tmp_path, json.dumps([RULE]))) == [RULE]
    assert "has no PyYAML" in refused(written(tmp_path, yaml.safe_dump([RULE])))


def test_what_is_read_can_be_a_result(tmp_path: Path) -> None:
    path = written(tmp_path, "- {name: x, until: 2027-12-31}\n")
    assert json.loads(json.dumps(to_plain(read_rules(path)))) == [{"name": "x", "until": "2027-12-31"}]
