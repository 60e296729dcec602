# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the tables of the documents whose last column names tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

DOCUMENTS = Path(__file__).parents[3] / "docs"


def rows(document: str, first_column: str) -> list[tuple[str, str, list[str]]]:
    """The rows of the tables of three columns whose first is named so: two cells, and the names of tests."""
    found = []
    inside = False
    for line in (DOCUMENTS / document).read_text(encoding="utf-8").splitlines():
        if line.startswith("|---"):
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("| "):
            inside = False
        elif cells[0] == first_column:
            inside = True
        elif inside:
            first, second, tests = cells
            found.append((first, second, re.findall(r"`([^`]+)`", tests)))
    return found


def missing(tests: list[str], folder: Path) -> list[str]:
    """Those of the tests, as ``file.py::function``, that no file below the folder has."""
    return [test for test in tests if test.partition("::")[2] not in _functions(folder / test.partition("::")[0])]


def _functions(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if path.is_file() else ()
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
