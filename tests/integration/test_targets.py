# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each folder of ``targets`` runs on a tenant of its own: as it is, with ``--check``, and with ``--diff``.

``tasks/main.yml`` holds what is done and asserted (or ``playbook.yml``, with ``inventory.yml``). ``target.yml`` may
name the ``tenant`` (arguments of ``running``), ``people`` (of ``admit``), ``modes``, ``warnings`` that must be shown
(any other warning fails the test), and what else the output ``shows``.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.people import admit
from tests.simulator.launch import running
from tests.support.credentials import register
from tests.support.run_playbook import check_warnings, collection, play

TARGETS = Path(__file__).resolve().parent / "targets"
MODES = {"normal": (), "check": ("--check",), "diff": ("--diff",), "check-diff": ("--check", "--diff")}


def settings(target: Path) -> dict[str, Any]:
    """Return the settings in ``target.yml``, if it exists."""
    file = target / "target.yml"
    found = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
    assert set(found) <= {"tenant", "people", "modes", "warnings", "shows"}, f"{file}: {sorted(found)}"
    return dict(found)


def cases() -> list[Any]:
    """Every target in every mode."""
    return [
        pytest.param(target, mode, id=f"{target.name}-{mode}")
        for target in sorted(path for path in TARGETS.iterdir() if path.is_dir())
        for mode in settings(target).get("modes", ("normal", "check", "diff"))
    ]


@pytest.mark.parametrize(("target", "mode"), cases())
def test_target(target: Path, mode: str, tmp_path: Path) -> None:
    said = settings(target)
    wanted: dict[str, Any] = dict(said.get("tenant", {}))
    if isinstance(wanted.get("now"), str):
        wanted["now"] = datetime.fromisoformat(wanted["now"])
    with running(**wanted) as tenant:
        admit(tenant.world, said.get("people", {}))
        ids = {user["userPrincipalName"]: user["id"] for user in tenant.world.users.values()}
        variables = {"credentials": register(tenant.world, tmp_path), "ids": ids}
        if (target / "playbook.yml").exists():
            inventory = target / "inventory.yml"
            played = play(
                tenant,
                str(target / "playbook.yml"),
                tmp_path,
                *MODES[mode],
                inventory=inventory if inventory.exists() else None,
                variables=variables,
            )
        else:
            tasks = [{"name": "Include the target", "ansible.builtin.import_tasks": str(target / "tasks" / "main.yml")}]
            whole = [{"name": target.name, "hosts": "localhost", "gather_facts": False, "tasks": tasks}]
            book = tmp_path / "play.yml"
            book.write_text(json.dumps(whole), encoding="utf-8")
            played = play(tenant, str(book), tmp_path, *MODES[mode], variables=variables)
    assert played.status == 0, str(played)
    check_warnings(played, said.get("warnings", ()))
    missing = [text for text in said.get("shows", ()) if text not in played.output]
    assert not missing, f"not shown: {missing}\n{played}"


def test_everything_has_a_target() -> None:
    """Modules by their name, roles and playbooks with what they are in front."""
    there = collection()
    needed = {path.stem for path in (there / "plugins" / "modules").glob("*.py")}
    needed |= {f"role_{path.name}" for path in (there / "roles").glob("*") if (path / "tasks").is_dir()}
    needed |= {f"playbook_{path.stem}" for path in (there / "playbooks").glob("*.yml")}
    missing = needed - {path.name for path in TARGETS.iterdir()}
    assert not missing, f"no target for: {sorted(missing)}"
