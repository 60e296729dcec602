# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With every text that JSON can hold as a name, results are readable and a writing run reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.people import admit
from tests.simulator.launch import running
from tests.support.run_playbook import Played, play

TEXTS = {
    "lone high surrogate": "a\ud800b",
    "lone low surrogate": "a\udc00b",
    "surrogates the wrong way round": "\udc00\ud800",
    "emoji": "\U0001f600",
    "last plane": "\U0010ffff",
    "no character": "\ufffe\uffff",
    "control characters": "".join(map(chr, range(32))),
    "delete and C1": "\x7f\x80\x85\x9b\x9f",
    "line separators": "a\u2028b\u2029c\u0085d\x0be\x0cf",
    "right to left": "\u202egnp.exe\u2066\u200f",
    "byte order mark": "\ufeffa\ufeff",
    "combining": "e" + "\u0301" * 200,
    "escape sequence": "\x1b[31mred\x1b]0;title\x07",
    "long": "x" * 30_000,
    "quotes": "\"'`\\",
    "template": "{{ 1 }}{% raw %}{#",
    "empty": "",
    "blank": " \t\n",
}
PEOPLE: dict[str, dict[str, Any]] = {
    f"user{number}@contoso.example": {"properties": {"displayName": text, "department": text, "jobTitle": text}}
    for number, text in enumerate(TEXTS.values())
}
RULES = [{"name": "All", "match": {}, "licenses": [{"sku": "EXCHANGESTANDARD"}], "usage_location": "DE"}]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Played]]:
    """An audit that fails, and a run that writes, each with its folder."""
    found = {}
    with running(mailboxes=3, at_risk=0, seed=5) as tenant:
        admit(tenant.world, PEOPLE)
        for book in ("audit", "remediate"):
            folder = tmp_path_factory.mktemp(book)
            variables = {
                "license_state_rules": RULES,
                "license_state_mode": "apply",
                "license_state_max_changes": "unlimited",
                "license_state_fail_on": "any" if book == "audit" else "critical",
                "license_state_report_dir": str(folder),
                "license_state_shared_mailbox_sizes": "never",
            }
            found[book] = folder, play(tenant, f"m365.licensing.{book}", folder, variables=variables)
    return found


def test_failing_audit_prints_its_alarm(played: dict[str, tuple[Path, Played]]) -> None:
    _folder, done = played["audit"]
    assert done.status == 2, str(done)
    assert f"{len(TEXTS)} mailboxes and archives at risk" in done.output, str(done)


def test_a_run_that_wrote_says_so(played: dict[str, tuple[Path, Played]]) -> None:
    _folder, done = played["remediate"]
    assert done.status == 0, str(done)
    assert f"{len(TEXTS)} licensed" in done.output, str(done)


@pytest.mark.parametrize("book", ["audit", "remediate"])
def test_every_file_is_a_text(played: dict[str, tuple[Path, Played]], book: str) -> None:
    folder, _done = played[book]
    files = [path for path in folder.iterdir() if path.suffix in (".json", ".jsonl", ".md")]
    assert files
    for path in files:
        text = path.read_bytes().decode("utf-8")
        if path.suffix == ".json":
            json.dumps(json.loads(text), ensure_ascii=False).encode()
        if path.suffix == ".jsonl":
            for line in text.splitlines():
                json.dumps(json.loads(line), ensure_ascii=False).encode()


@pytest.mark.parametrize("book", ["audit", "remediate"])
def test_no_name_sends_control_characters_to_a_terminal(played: dict[str, tuple[Path, Played]], book: str) -> None:
    _folder, done = played[book]
    found = {character for character in done.output if ord(character) < 32} - {"\n", "\t"}
    assert found == set(), str(done)
