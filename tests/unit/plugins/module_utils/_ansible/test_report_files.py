# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two names of reports are two files, on every file system, in folders of their own."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._ansible.report_files import report_folder, report_stem
from hypothesis import given
from hypothesis import strategies as st

NAMES = [
    "a/b",
    "a_b",
    "a b",
    "a:b",
    "a__b",
    "_a_b",
    "a_b.",
    "../a_b",
    "\u00e4_b",
    "a" * 200,
    "a" * 201,
    "a" * 202,
    "",
    " ",
    "/",
]


def test_names_that_differ_stay_different() -> None:
    assert len({report_stem(name) for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", ["contoso", "contoso.onmicrosoft.com", "11111111-2222-3333-4444-555555555555", "a_b"])
def test_a_name_that_a_file_can_have_is_its_name(name: str) -> None:
    assert report_stem(name) == name


@given(st.text(), st.text())
def test_any_two_names(one: str, other: str) -> None:
    assert (report_stem(one) == report_stem(other)) is (one == other)
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,209}", report_stem(one))
    assert not report_stem(one).startswith(".")


def test_folders_that_are_made_are_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = report_folder(str(tmp_path / "a" / "b" / "c"))
    finally:
        os.umask(before)
    assert made is not None
    assert [place.stat().st_mode & 0o777 for place in (made, made.parent, made.parent.parent)] == [0o700] * 3
    assert report_folder(str(made)) == made
