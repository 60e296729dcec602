# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules write to disk: whole or not at all, and for its owner alone, whatever was there before."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._files.private import write_private


@pytest.fixture(autouse=True, params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """Masks that leave everything open, the usual, and nothing."""
    before = os.umask(request.param)
    try:
        yield
    finally:
        os.umask(before)


def write(path: Path, text: str = "new\n") -> None:
    """What every file of a module goes through."""
    write_private(str(path), [text])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_new_file(tmp_path: Path) -> None:
    write(tmp_path / "report")
    assert ((tmp_path / "report").read_text(), mode(tmp_path / "report")) == ("new\n", 0o600)


@pytest.mark.parametrize("before", [0o666, 0o644, 0o400, 0o000], ids=oct)
def test_a_file_that_was_there_is_replaced_with_its_mode(tmp_path: Path, before: int) -> None:
    place = tmp_path / "report"
    place.write_text("old")
    place.chmod(before)
    reader = place.open() if os.access(place, os.R_OK) else None
    write(place)
    assert (place.read_text(), mode(place)) == ("new\n", 0o600)
    if reader:
        with reader:
            assert reader.read() == "old", "who reads the old file goes on reading it"


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_replaced_and_not_followed(tmp_path: Path, there: bool) -> None:
    precious = tmp_path / "precious"
    if there:
        precious.write_text("precious")
        precious.chmod(0o644)
    (tmp_path / "report").symlink_to(precious)
    write(tmp_path / "report")
    assert not (tmp_path / "report").is_symlink()
    assert mode(tmp_path / "report") == 0o600
    assert precious.exists() is there
    assert not there or (precious.read_text(), mode(precious)) == ("precious", 0o644)


def test_a_hard_link_elsewhere_keeps_the_old_text(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("old")
    (tmp_path / "report").hardlink_to(tmp_path / "elsewhere")
    write(tmp_path / "report")
    assert (tmp_path / "elsewhere").read_text() == "old"


@pytest.mark.parametrize("name", ["no/such/folder/report", "folder", "file/report", "x" * 300])
def test_what_cannot_be_written_says_so_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("old")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write(tmp_path / name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "report").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="No space left"):
        write(tmp_path / "report")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("report", "old")]


def test_what_no_file_can_hold_is_written_in_a_readable_way(tmp_path: Path) -> None:
    write(tmp_path / "report", "half \ud800 of a pair\r\n")
    assert (tmp_path / "report").read_bytes() == b"half \\ud800 of a pair\r\n"
