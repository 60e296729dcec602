# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make test-mutants`` names files and tests that exist, and a reason for each mutant that it lets pass."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.mutants.mutated_code import Mutant, changed_functions, compiled
from tests.mutants.targets import CHECKOUT, FUNCTIONAL, GROUPS, PACKAGES, Group

PURE = ("_common", "_explain", "_licensing", "_planning", "_reporting")
EQUIVALENT = CHECKOUT / "tests" / "mutants" / "equivalent.yml"
SOURCE = """
LIMIT = 1
class Pace:
    seconds = 2
    def wait(self):
        return 3
def go():
    return 4
"""


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_a_group_has_files_and_tests(group: Group) -> None:
    targets = group.targets()
    assert targets
    for test in group.tests_of(targets):
        assert (CHECKOUT / test).exists(), test


def test_every_pure_package_is_mutated() -> None:
    assert {pattern for group in GROUPS for pattern in group.files} >= {f"{package}/*" for package in PURE}


def test_functional_tests_belong_to_a_mutated_file() -> None:
    assert set(FUNCTIONAL) <= {target for group in GROUPS for target in group.targets()}


def test_each_equivalent_mutant_has_a_reason_and_its_line() -> None:
    for entry in yaml.safe_load(EQUIVALENT.read_text("utf-8")):
        assert entry["reason"].endswith("."), json.dumps(entry)
        text = (PACKAGES / f"{entry['target']}.py").read_text("utf-8")
        assert entry["before"] in map(str.strip, text.splitlines()), json.dumps(entry)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("return 4", "return 5", ["go"]),
        ("return 3", "return 5", ["wait"]),
        ("LIMIT = 1", "LIMIT = 5", None),
        ("seconds = 2", "seconds = 5", None),
        ("def go():", "def go(a=1):", None),
        ("LIMIT = 1", "LIMIT = 1\n\n", []),
    ],
)
def test_only_a_function_body_is_replaced_in_place(old: str, new: str, changed: list[str] | None) -> None:
    found = changed_functions(compiled("x", SOURCE), compiled("x", SOURCE.replace(old, new)))
    assert (None if found is None else [code.co_name for code in found]) == changed


def test_a_mutant_replaces_its_part_of_the_file() -> None:
    start = SOURCE.index("def go")
    mutant = Mutant("x", SOURCE, 7, "go", "return 4", "return 5", start, len(SOURCE), "def go():\n    return 5\n")
    assert mutant.source() == SOURCE.replace("return 4", "return 5")
