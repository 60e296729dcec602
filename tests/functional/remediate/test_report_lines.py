# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No name forges a line, a row or a heading in a file that a run writes, nor turns the direction of what follows."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._reporting.markdown import escape

from tests.functional.support import processes
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

AUDIT, PLAN = "exo_unlicensed_mailbox_info", "m365_license_plan"
DIRECTIONS = frozenset({"LRE", "LRO", "RLE", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
CHARACTERS = [*map(chr, range(sys.maxunicode + 1))]
BREAKS = [char for char in CHARACTERS if unicodedata.category(char) in ("Cc", "Zl", "Zp")]
TURNS = [char for char in CHARACTERS if unicodedata.bidirectional(char) in DIRECTIONS] + [*"\u061c\u200e\u200f\u206a"]
HOSTILE = [char for char in (*BREAKS, *TURNS) if char != "\0"]
"""JSON on the way to the module, and names of files, have no NUL."""


def forged(char: str) -> str:
    """A name that wants to be more than one."""
    return f"x{char}# forged{char}| forged | {char}- forged{char}"


def files_of(env: PlanHarness, folder: Path, said: str) -> dict[str, str]:
    """What an audit and a run that writes leave, with these words wherever people may name something."""
    env.at_risk("anna", displayName=said, department=said, jobTitle=said, companyName=said)
    env.at_risk("ben", department="Left")
    group = env.group(said, "anna@contoso.example")
    over = {"action": "ignore", "reason": said, "until": "2001-01-01"}
    rules: list[Json] = [
        {"name": f"Over {said}", "match": {"department": "Left"}, **over},
        {"name": f"Left {said}", "match": {"department": "Left"}, "action": "ignore", "reason": said},
        {**EVERYBODY, "name": said, "match": {"group": group}},
    ]
    usual = {"shared_mailbox_sizes": "never", "report_dir": str(folder), "report_name": said, "rules": rules}
    lines = {"output_path": str(folder / "rows"), "progress_path": str(folder / "progress"), "exclude": [f"*{said}*"]}
    processes.result(AUDIT, {**usual, **lines, "fail_on": "none"}, env.tenant)
    more = {"mode": "apply", "protected": ["x*"], "fail_on": "none"}
    processes.result(PLAN, {**usual, **more, "output_path": str(folder / "plan-rows")}, env.tenant)
    return {path.name: path.read_bytes().decode("utf-8") for path in folder.iterdir()}


def shape(markdown: str) -> list[str]:
    """The marks that each line begins with."""
    return [re.sub(r"[^|#*-].*", "", line) for line in markdown.splitlines()]


def test_hostile_names_make_no_line(tenant: Tenant, tmp_path: Path) -> None:
    shapes = []
    for number, said in enumerate(("x forged", *(forged("".join(HOSTILE[at::8])) for at in range(8)))):
        folder = tmp_path / str(number)
        folder.mkdir()
        files = files_of(PlanHarness(tenant), folder, said)
        assert len(files) == 10
        for name, text in files.items():
            assert name.isascii()
            assert name.isprintable()
            assert "forged" in text or name == "progress"
            if name.endswith(".md"):
                assert [char for char in HOSTILE if char != "\n" and char in text] == []
                continue
            assert text.isascii()
            for line in [text] if name.endswith(".json") else text.split("\n")[:-1]:
                assert isinstance(json.loads(line), dict)
        shapes.append(sorted(shape(text) for name, text in files.items() if name.endswith(".md")))
    for found in shapes:
        assert found == shapes[0]


@pytest.mark.parametrize("char", ["\0", *HOSTILE], ids=lambda char: f"U+{ord(char):04X}")
def test_no_cell_has_such_a_character(char: str) -> None:
    assert escape(f"a{char}b") == "a b"
