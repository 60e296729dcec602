# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""POSIX access control lists: who may write by one is seen, although no mode shows it."""

from __future__ import annotations

import json
import os
import stat
import struct
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._files.access_lists import Writers, parse
from ansible_collections.m365.licensing.plugins.module_utils._files.private import Folder, remarks_on

from tests.functional.support import processes
from tests.functional.support.file_access import (
    ALL,
    GROUP,
    INFO,
    LINE,
    OTHER,
    PLAN,
    READ,
    USER,
    WAYS,
    a_group,
    give,
    progress,
    refused,
    warned,
)
from tests.functional.support.plan_harness import PlanHarness
from tests.simulator.launch import Tenant


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    env = PlanHarness(tenant)
    env.at_risk("anna")
    return env


@pytest.mark.parametrize(("module", "option"), WAYS)
def test_a_directory_that_a_list_opens_to_a_user_is_refused(
    env: PlanHarness, tmp_path: Path, module: str, option: str
) -> None:
    """Its mode says only that the group may write, and the group is root's."""
    folder = tmp_path / "there"
    folder.mkdir()
    give(folder, (USER, ALL, OTHER))
    told = f"the user with the number {OTHER}, whom an access control list names, can write to the directory {folder}"
    assert told in refused(env, module, option, folder)


@pytest.mark.parametrize(("module", "option"), WAYS)
def test_a_directory_that_a_list_opens_to_a_group_is_warned_of(
    env: PlanHarness, tmp_path: Path, module: str, option: str
) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    give(folder, (GROUP, ALL, OTHER))
    (text,) = warned(env, module, option, folder)
    assert f"the group {OTHER}, which an access control list names, can write to the directory {folder}, " in text


def test_a_directory_below_one_that_a_list_opens_is_warned_of(env: PlanHarness, tmp_path: Path) -> None:
    (tmp_path / "above" / "ours").mkdir(parents=True)
    give(tmp_path / "above", (USER, ALL, OTHER))
    (text,) = warned(env, PLAN, "report_dir", tmp_path / "above" / "ours")
    assert f"whom an access control list names, can write to the directory {tmp_path / 'above'}, " in text


@pytest.mark.parametrize(
    "named",
    [
        [(USER, READ, OTHER)],
        [(USER, ALL, 0)],
        [(USER, ALL, os.geteuid())],
        [(GROUP, READ, OTHER)],
        [(GROUP, ALL, 0)],
        [],
    ],
)
def test_lists_that_let_nobody_else_write_are_no_matter(tmp_path: Path, named: list[tuple[int, int, int]]) -> None:
    give(tmp_path, *named)
    assert remarks_on(tmp_path) == []
    with Folder(tmp_path) as folder:
        folder.refuse()


@pytest.mark.usefixtures("others")
def test_the_mask_decides_whether_a_group_may_write(tmp_path: Path) -> None:
    os.chown(tmp_path, 0, a_group())
    give(tmp_path, (USER, ALL, 0))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o775
    assert remarks_on(tmp_path) == []
    give(tmp_path, (USER, ALL, OTHER), own=ALL, mask=READ)
    assert remarks_on(tmp_path) == []


def test_in_a_sticky_directory_a_list_is_no_matter(tmp_path: Path) -> None:
    give(tmp_path, (USER, ALL, OTHER))
    tmp_path.chmod(0o1775)
    assert remarks_on(tmp_path) == []


@pytest.mark.parametrize(
    "content", [b"", b"\2", b"\3\0\0\0", b"\2\0\0\0\2", b"\1\0\0\0" + struct.pack("<HHI", USER, ALL, OTHER)]
)
def test_a_list_in_another_form_is_ignored(content: bytes) -> None:
    assert (parse(content) or Writers(False, (), ())) == Writers(False, (), ())


def test_no_progress_goes_to_a_file_that_others_can_change(env: PlanHarness, tmp_path: Path) -> None:
    place = tmp_path / "progress"
    place.write_text(LINE)
    place.chmod(0o666)
    status, output = progress(env, place)
    assert status == 1
    assert "every user can write to it, and can change its lines" in json.loads(output)["msg"]
    place.chmod(0o600)
    give(place, (USER, 6, OTHER))
    status, output = progress(env, place)
    assert status == 1
    assert f"the user with the number {OTHER}, whom an access control list names, can write to it" in output
    assert place.read_text() == LINE


def test_progress_in_a_file_that_a_group_can_change_is_a_warning(env: PlanHarness, tmp_path: Path) -> None:
    place = tmp_path / "progress"
    place.write_text(LINE)
    give(place, (GROUP, 6, OTHER))
    result = processes.result(INFO, {"progress_path": str(place)}, env.tenant)
    (text,) = [text for text in result["warnings"] if str(place) in text]
    assert f"progress_path: the group {OTHER}, which an access control list names, can write to the file" in text
