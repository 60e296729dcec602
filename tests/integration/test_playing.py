# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target fails on an unexpected warning or a shown secret, besides its own assertions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.launch import running
from tests.support.run_playbook import Played, check_warnings, play

NEW = """TASK [One] *****
[WARNING]: a warning of ansible-core from 2.19 on stays in one line, however long the line becomes by that
[DEPRECATION WARNING]: gone soon
ok: [localhost] => {"changed": false}
"""
OLD = """TASK [One] *****
[WARNING]: a warning of ansible-core before 2.19 is broken into several lines
where the next word does not fit

ok: [localhost] => {"changed": false}
"""


def test_warnings_are_read_in_full() -> None:
    assert Played(0, NEW).warnings == [NEW.splitlines()[1], NEW.splitlines()[2]]
    assert Played(0, OLD).warnings == [" ".join(OLD.splitlines()[1:3])]


@pytest.mark.parametrize("expected", [[], ["stays in one line"], ["stays in one line", "gone soon", "never shown"]])
def test_unexpected_or_missing_warning_fails(expected: list[str]) -> None:
    with pytest.raises(AssertionError):
        check_warnings(Played(0, NEW), expected)


def test_expected_warnings_pass() -> None:
    check_warnings(Played(0, NEW), ["stays in one line", "gone soon"])


def test_a_secret_in_the_output_fails(tmp_path: Path) -> None:
    leak = {"ansible.builtin.debug": {"msg": "{{ lookup('ansible.builtin.env', 'M365_CLIENT_SECRET') }}"}}
    book: list[dict[str, Any]] = [{"hosts": "localhost", "gather_facts": False, "tasks": [leak]}]
    (tmp_path / "play.yml").write_text(json.dumps(book), encoding="utf-8")
    with running(mailboxes=5, at_risk=0) as tenant, pytest.raises(AssertionError, match="shows a secret"):
        play(tenant, str(tmp_path / "play.yml"), tmp_path)
