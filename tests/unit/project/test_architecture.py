# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/architecture.md names what exists, and every package of plugins/module_utils."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.support.packages import PACKAGES, PURE

ROOT = Path(__file__).resolve().parents[3]
UTILS, SIMULATOR = ROOT / "plugins" / "module_utils", ROOT / "tests" / "simulator"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SECTIONS = {text.partition("\n")[0]: text for text in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)+|_[a-z]+|[a-z_]+\.py)`")


def paths(section: str) -> list[str]:
    return PATH.findall(SECTIONS[section])


def exists(path: str, section: str) -> bool:
    """Does a path exist below the folder from which its section counts?"""
    folders = [ROOT, UTILS, *([SIMULATOR] if section == "The simulated tenant" else [])]
    return any((folder / path).exists() for folder in folders)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_path_exists(section: str) -> None:
    assert [path for path in paths(section) if not exists(path, section)] == []


def package_rows() -> dict[str, str]:
    """The packages in the order of the table, each with its column ``pure``."""
    rows = re.findall(r"^\| `(_\w+)` \| (\w*) ?\|", SECTIONS["The packages"], re.MULTILINE)
    return dict(rows)


def test_packages_stand_in_the_order_of_imports() -> None:
    assert tuple(package_rows()) == tuple(name for name in PACKAGES if name != "modules")


def test_pure_packages_are_marked() -> None:
    assert {name for name, pure in package_rows().items() if pure} == set(PURE)


def test_every_file_is_in_a_package_of_the_table() -> None:
    files = [path.relative_to(UTILS).parts for path in UTILS.rglob("*.py")]
    assert {parts[0] for parts in files} - set(package_rows()) == set()


def test_each_change_names_one_file() -> None:
    rows = re.findall(r"^\| (?!change|---)(.+) \| (.+) \|$", SECTIONS["Where do I change …?"], re.MULTILINE)
    assert [change for change, file in rows if not re.fullmatch(r"`[^`]+`", file)] == []
    assert len(rows) >= 25


def test_every_file_of_the_simulator_has_a_docstring() -> None:
    assert [path.name for path in SIMULATOR.glob("*.py") if '\n"""' not in path.read_text(encoding="utf-8")] == []
