# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""These tests run the collection under test, even if others are installed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.simulator.launch import running
from tests.support.run_playbook import Played, collection, environment, play, run

NAME = "m365_subscription_info"


def place_of(module: str, folder: Path, place: Path | None = None) -> Path:
    """Return the file from which Ansible loads a module."""
    told = run(["ansible-doc", "--json", f"m365.licensing.{module}"], folder, environment(folder, place))
    assert told.status == 0, str(told)
    return Path(json.loads(told.output)[f"m365.licensing.{module}"]["doc"]["filename"]).resolve()


def test_modules_come_from_the_collection_under_test(tmp_path: Path) -> None:
    assert place_of(NAME, tmp_path) == collection() / "plugins" / "modules" / f"{NAME}.py"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Install a copy of the collection elsewhere; return the folder for ANSIBLE_COLLECTIONS_PATH."""
    there = tmp_path / "installed" / "ansible_collections" / "m365" / "licensing"
    for name in ("plugins", "meta"):
        shutil.copytree(collection() / name, there / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "installed"


def read_skus(folder: Path, installed: Path) -> Played:
    """Run one module of the copy."""
    book = folder / "play.yml"
    task = {f"m365.licensing.{NAME}": None}
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
    with running(mailboxes=5, at_risk=0) as tenant:
        return play(tenant, str(book), folder, place=installed)


def test_an_installed_collection_is_used_alone(tmp_path: Path, installed: Path) -> None:
    own = installed / "ansible_collections" / "m365" / "licensing" / "plugins"
    assert place_of(NAME, tmp_path, installed) == own / "modules" / f"{NAME}.py"
    played = read_skus(tmp_path, installed)
    assert played.status == 0, str(played)


@pytest.mark.parametrize("missing", [f"modules/{NAME}.py", "module_utils/_ansible/license_info.py"])
def test_missing_files_are_not_taken_from_the_checkout(missing: str, tmp_path: Path, installed: Path) -> None:
    (installed / "ansible_collections" / "m365" / "licensing" / "plugins" / missing).unlink()
    played = read_skus(tmp_path, installed)
    assert played.status != 0, str(played)
    assert Path(missing).stem in played.output
