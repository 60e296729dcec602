# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/reliability.md and the tests tell of the same faults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tenant.faults import KINDS

ROOT = Path(__file__).resolve().parents[2]
CELL = re.compile(r"(?<!\\)\|")


def rows() -> list[list[str]]:
    """The cells of each fault: what goes wrong, what happens then, and the tests that show it."""
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| fault |")]
    return [[cell.strip() for cell in CELL.split(line)[1:-1]] for line in lines]


def names_of_tests() -> set[str]:
    """All functions of the unit tests."""
    files = (ROOT / "tests" / "unit").rglob("test_*.py")
    return {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_has_a_row(kind: str) -> None:
    assert [row for row in rows() if f"`{kind}`" in row[0]], f"docs/reliability.md has no row for {kind}"


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_every_row_says_what_happens_and_names_tests_that_are_there(row: list[str]) -> None:
    assert len(row) == 3
    assert all(row)
    named = re.findall(r"`(test_\w+)`", row[2])
    assert named
    assert set(named) <= names_of_tests()
