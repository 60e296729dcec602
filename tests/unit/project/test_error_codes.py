# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/errors.md has an entry for each ``error.code`` that the plugins can return, and no other."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_errors", ROOT / "data" / "generate_errors.py")
    assert spec is not None, "no generator"
    assert spec.loader is not None, "no generator"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = load()
CODES: set[str] = GENERATOR.codes()


def test_page_is_generated_from_the_code() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert page == GENERATOR.render(), "run: .venv/bin/python data/generate_errors.py"


def test_every_code_has_an_entry() -> None:
    assert CODES - {*GENERATOR.TASK, *GENERATOR.ROW} == set()


def test_no_entry_is_left_of_a_removed_code() -> None:
    assert {*GENERATOR.TASK, *GENERATOR.ROW} - CODES == set()


@pytest.mark.parametrize("code", ["libraries", "no_seats", "AADSTS*", "http_*", "not_sent", "left_at_risk"])
def test_codes_are_found_however_they_are_written(code: str) -> None:
    assert code in CODES
