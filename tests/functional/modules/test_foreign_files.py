# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories, links and files that another user has made or can change: no run is led astray by them.

Only root can give a file to another user, so that is who has to run these tests.
"""

from __future__ import annotations

import grp
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._files.private import Folder, remarks_on

from tests.functional.support import processes
from tests.functional.support.file_access import (
    INFO,
    LINE,
    OTHER,
    PLAN,
    WAYS,
    a_group,
    params_of,
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


def foreign(place: Path) -> None:
    os.chown(place, OTHER, OTHER)


def open_to_all(place: Path) -> None:
    place.chmod(0o777)


UNSAFE: dict[str, tuple[Callable[[Path], None], str]] = {
    "of another user": (foreign, f"the user with the number {OTHER} owns the directory"),
    "open to everybody": (open_to_all, "every user can write to the directory"),
}


@pytest.mark.parametrize(("module", "option"), WAYS)
@pytest.mark.parametrize("kind", UNSAFE)
@pytest.mark.usefixtures("others")
def test_a_directory_where_others_can_replace_files_is_refused(
    env: PlanHarness, tmp_path: Path, module: str, option: str, kind: str
) -> None:
    spoil, told = UNSAFE[kind]
    folder = tmp_path / "there"
    folder.mkdir()
    spoil(folder)
    assert f"{told} {folder}" in refused(env, module, option, folder)


@pytest.mark.parametrize(("module", "option"), WAYS)
@pytest.mark.usefixtures("others")
def test_a_link_of_another_user_is_refused_wherever_it_stands(
    env: PlanHarness, tmp_path: Path, module: str, option: str
) -> None:
    """In a sticky directory, as /tmp, everybody can lay one where a directory is to be made."""
    (tmp_path / "precious" / "below").mkdir(parents=True)
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    link = shared / "m365"
    link.symlink_to(tmp_path / "precious")
    os.chown(link, OTHER, OTHER, follow_symlinks=False)
    for place in (link, link / "below"):
        assert f"{link} is a symbolic link of the user with the number {OTHER}" in refused(env, module, option, place)
    assert [path.name for path in (tmp_path / "precious").rglob("*")] == ["below"]


@pytest.mark.parametrize(("module", "option"), WAYS)
def test_links_of_our_own_are_followed(env: PlanHarness, tmp_path: Path, module: str, option: str) -> None:
    (tmp_path / "real" / "there").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real" / "again").symlink_to(tmp_path / "real" / "there")
    params = params_of(module, option, tmp_path / "link" / "again")
    result = processes.result(module, params, env.tenant)
    assert [text for text in result["warnings"] if "director" in text] == []
    assert list((tmp_path / "real" / "there").iterdir()) != []


def test_a_link_that_leads_in_a_circle_is_an_error(env: PlanHarness, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="Too many levels"):
        Folder(tmp_path / "a")


# --- who is warned of -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "option"), WAYS)
@pytest.mark.usefixtures("others")
def test_a_directory_of_a_team_is_used_with_a_warning(
    env: PlanHarness, tmp_path: Path, module: str, option: str
) -> None:
    """Mode 2775 is how teams share a directory."""
    folder = tmp_path / "team"
    folder.mkdir()
    os.chown(folder, 0, a_group())
    folder.chmod(0o2775)
    (text,) = warned(env, module, option, folder)
    assert f"{option}: the group {grp.getgrgid(a_group()).gr_name} can write to the directory {folder}, and " in text


@pytest.mark.parametrize(("module", "option"), WAYS)
@pytest.mark.parametrize("kind", UNSAFE)
@pytest.mark.usefixtures("others")
def test_a_directory_below_one_of_others_is_used_with_a_warning(
    env: PlanHarness, tmp_path: Path, module: str, option: str, kind: str
) -> None:
    """As where root works in somebody's checkout: they can move the directory away, but lead no file elsewhere."""
    spoil, told = UNSAFE[kind]
    above = tmp_path / "above"
    (above / "ours").mkdir(parents=True)
    spoil(above)
    (text,) = warned(env, module, option, above / "ours")
    assert f"{option}: {told} {above}, and can replace what is written there" in text


@pytest.mark.usefixtures("others")
def test_a_new_directory_below_one_of_others_is_warned_of(env: PlanHarness, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    (text,) = warned(env, PLAN, "report_dir", tmp_path / "new" / "reports")
    assert f"every user can write to the directory {tmp_path}, " in text
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o775, 0o2775, 0o1777])
def test_usual_directories_are_no_matter(tmp_path: Path, mode: int) -> None:
    """Also 775 with a group of one's own, as many systems make them, and a sticky one."""
    tmp_path.chmod(mode)
    assert remarks_on(tmp_path) == []
    with Folder(tmp_path) as folder:
        folder.refuse()


# --- files that are there already -------------------------------------------------------------------------------------


def test_a_directory_swapped_after_the_check_gets_nothing(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "theirs").mkdir()
    with Folder(tmp_path / "ours") as folder:
        (tmp_path / "ours").rename(tmp_path / "away")
        (tmp_path / "ours").symlink_to("theirs")
        folder.replace("report", ["text"], 0o600)
        os.close(folder.create("record"))
        os.close(folder.append("progress", lambda start: not start, 10))
    assert sorted(path.name for path in (tmp_path / "away").iterdir()) == ["progress", "record", "report"]
    assert list((tmp_path / "theirs").iterdir()) == []


def a_hard_link(place: Path, precious: Path) -> None:
    place.hardlink_to(precious)


def a_link(place: Path, precious: Path) -> None:
    place.symlink_to(precious)


@pytest.mark.parametrize("lay", [a_hard_link, a_link])
@pytest.mark.parametrize(("module", "option"), [(INFO, "output_path"), (PLAN, "report_dir")])
def test_nothing_is_written_through_a_name_that_leads_elsewhere(
    env: PlanHarness, tmp_path: Path, module: str, option: str, lay: Callable[[Path, Path], None]
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious\n")
    precious.chmod(0o644)
    (tmp_path / "there").mkdir()
    for name in ("file", "contoso.md", "contoso.json"):
        lay(tmp_path / "there" / name, precious)
    params = {**params_of(module, option, tmp_path / "there"), **({"report_name": "contoso"} if module == PLAN else {})}
    processes.result(module, params, env.tenant)
    assert (precious.read_text(), stat.S_IMODE(precious.stat().st_mode)) == ("precious\n", 0o644)
    names = ("contoso.md", "contoso.json") if module == PLAN else ("file",)
    for name in names:
        assert stat.S_IMODE((tmp_path / "there" / name).lstat().st_mode) == 0o600


TEXTS = ["x", "a line\n", "{}\n", '{"time": 1}\n', "[]\n", "\0\0", LINE[:-3], json.dumps({**json.loads(LINE), "x": 1})]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_progress_is_not_added_to_a_file_of_something_else(
    env: PlanHarness, tmp_path: Path, text: str, mode: int
) -> None:
    place = tmp_path / "authorized_keys"
    place.write_text(text)
    place.chmod(mode)
    status, output = progress(env, place)
    assert status == 1
    assert f"progress_path: '{place}' cannot be written: it holds something else already" in json.loads(output)["msg"]
    assert (place.read_text(), stat.S_IMODE(place.stat().st_mode)) == (text, mode)


@pytest.mark.parametrize("text", ["", LINE, 3 * LINE])
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o620])
def test_progress_goes_on_in_its_own_file_and_the_mode_stays(
    env: PlanHarness, tmp_path: Path, text: str, mode: int
) -> None:
    place = tmp_path / "progress"
    place.write_text(text)
    place.chmod(mode)
    status, output = progress(env, place)
    assert status == 0, output
    assert place.read_text().startswith(text + '{"time": "')
    assert stat.S_IMODE(place.stat().st_mode) == mode


def test_progress_is_not_added_to_a_file_with_a_second_name(env: PlanHarness, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("")
    (tmp_path / "progress").hardlink_to(tmp_path / "precious")
    status, output = progress(env, tmp_path / "progress")
    assert status == 1
    assert "it has a second name (a hard link)" in json.loads(output)["msg"]
    assert (tmp_path / "precious").read_text() == ""


@pytest.mark.usefixtures("others")
def test_progress_is_not_added_to_a_file_of_another_user(env: PlanHarness, tmp_path: Path) -> None:
    (tmp_path / "progress").write_text("")
    foreign(tmp_path / "progress")
    status, output = progress(env, tmp_path / "progress")
    assert status == 1
    assert "it is not a file of the user who runs the module" in json.loads(output)["msg"]


def test_modes_of_directories_that_were_there_stay(env: PlanHarness, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    processes.result(PLAN, params_of(PLAN, "report_dir", tmp_path), env.tenant)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
