# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests' own rules: short names, and imports in one direction."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]
FILES = {path.relative_to(TESTS).as_posix(): path for path in sorted(TESTS.rglob("*.py"))}
LONGEST_NAME = 60
FORBIDDEN = {
    "unit": ("functional", "integration"),
    "functional": ("integration",),
    "support": ("unit", "functional", "integration"),
}
"""What the tests of a folder must not import."""


def functions(source: ast.AST) -> set[str]:
    """The names of all functions, also of methods."""
    return {node.name for node in ast.walk(source) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def imports(source: ast.AST) -> set[str]:
    """The modules of ``tests`` that are imported, each with the names imported from it."""
    found = set()
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("tests.")}


@pytest.mark.parametrize("file", FILES)
def test_names_of_tests_are_short_enough(file: str) -> None:
    names = functions(ast.parse(FILES[file].read_text(encoding="utf-8")))
    assert [name for name in names if name.startswith("test_") and len(name) > LONGEST_NAME] == []


@pytest.mark.parametrize("file", FILES)
def test_imports_of_tests_run_in_one_direction(file: str) -> None:
    used = imports(ast.parse(FILES[file].read_text(encoding="utf-8")))
    forbidden = tuple(f"tests.{folder}." for folder in FORBIDDEN.get(file.partition("/")[0], ()))
    assert [name for name in used if name.startswith(forbidden)] == []


@pytest.mark.parametrize("file", FILES)
def test_no_file_imports_a_test_module(file: str) -> None:
    used = imports(ast.parse(FILES[file].read_text(encoding="utf-8")))
    assert [name for name in used if any(part.startswith("test_") for part in name.split("."))] == []


def test_what_counts_as_an_import_of_tests() -> None:
    text = "import json\nimport tests.unit.one\nfrom tests.support import run\n"
    text += "def function():\n    from tests.a.test_b import c\n"
    assert imports(ast.parse(text)) == {"tests.unit.one", "tests.support.run", "tests.a.test_b.c"}
