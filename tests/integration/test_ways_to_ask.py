# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is written unless somebody asks for it: every place in which Ansible takes ``license_state_mode`` from.

Whoever asks for a plan in any of them gets a plan, whoever says nothing gets a plan, and ``apply`` writes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.launch import Tenant, running
from tests.support.run_playbook import Played, environment, run

Json = dict[str, Any]

RULES = [
    {
        "name": "Everybody",
        "match": {},
        "licenses": [{"sku": "EXCHANGESTANDARD"}],
        "fallback": [{"sku": "EXCHANGEENTERPRISE"}],
        "usage_location": "DE",
    }
]
HOST = {
    "ansible_connection": "local",
    "ansible_python_interpreter": sys.executable,
    "license_state_rules": RULES,
    "license_state_max_changes": "100%",
}
REMEDIATE: Json = {"import_playbook": "m365.licensing.remediate"}
PLAY: Json = {"hosts": "localhost", "gather_facts": False}
ROLE = "m365.licensing.license_state"


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def silent(_folder: Path, _said: Json) -> list[Json]:
    """Nobody says anything."""
    return [REMEDIATE]


def import_vars(_folder: Path, said: Json) -> list[Json]:
    """``vars`` of import_playbook."""
    return [{**REMEDIATE, "vars": said}]


def group_vars_of_playbook(folder: Path, said: Json) -> list[Json]:
    """group_vars beside the playbook that imports."""
    _write(folder / "group_vars" / "all.json", said)
    return [REMEDIATE]


def host_vars_of_playbook(folder: Path, said: Json) -> list[Json]:
    """host_vars beside the playbook that imports."""
    _write(folder / "host_vars" / "localhost.json", said)
    return [REMEDIATE]


def group_vars_of_inventory(folder: Path, said: Json) -> list[Json]:
    """group_vars beside the inventory."""
    _write(folder / "inventory" / "group_vars" / "all.json", said)
    return [REMEDIATE]


def host_vars_of_inventory(folder: Path, said: Json) -> list[Json]:
    """host_vars beside the inventory."""
    _write(folder / "inventory" / "host_vars" / "localhost.json", said)
    return [REMEDIATE]


def set_fact(_folder: Path, said: Json) -> list[Json]:
    """A fact that an earlier play has set."""
    return [{**PLAY, "tasks": [{"ansible.builtin.set_fact": said}]}, REMEDIATE]


def play_vars(_folder: Path, said: Json) -> list[Json]:
    """``vars`` of a play with the role."""
    return [{**PLAY, "vars": said, "roles": [ROLE]}]


def role_vars(_folder: Path, said: Json) -> list[Json]:
    """``vars`` of the role itself."""
    return [{**PLAY, "roles": [{"role": ROLE, "vars": said}]}]


def include_role_vars(_folder: Path, said: Json) -> list[Json]:
    """``vars`` of include_role."""
    return [{**PLAY, "tasks": [{"ansible.builtin.include_role": {"name": ROLE}, "vars": said}]}]


def include_vars(folder: Path, said: Json) -> list[Json]:
    """A file of include_vars."""
    _write(folder / "more.json", said)
    tasks = [
        {"ansible.builtin.include_vars": str(folder / "more.json")},
        {"ansible.builtin.include_role": {"name": ROLE}},
    ]
    return [{**PLAY, "tasks": tasks}]


def vars_files(folder: Path, said: Json) -> list[Json]:
    """``vars_files`` of a play."""
    _write(folder / "more.json", said)
    return [{**PLAY, "vars_files": [str(folder / "more.json")], "roles": [ROLE]}]


WAYS = (
    import_vars,
    group_vars_of_playbook,
    host_vars_of_playbook,
    group_vars_of_inventory,
    host_vars_of_inventory,
    set_fact,
    play_vars,
    role_vars,
    include_role_vars,
    include_vars,
    vars_files,
)
UNSEEN = (group_vars_of_playbook, host_vars_of_playbook)
"""Ansible does not read these for a playbook of a collection: what they ask for is not known, so nothing is written."""


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=12, at_risk=3, seed=3) as found:
        yield found


def remediate(
    tenant: Tenant, folder: Path, way: Callable[[Path, Json], list[Json]], said: Json, *arguments: str
) -> tuple[Played, int]:
    """Run the plays of a way to say something; what was shown, and how many writes the tenant has seen."""
    _write(folder / "inventory" / "hosts.json", {"all": {"hosts": {"localhost": HOST}}})
    _write(folder / "play.json", way(folder, said))
    before = len(tenant.world.changes)
    command = [
        "ansible-playbook",
        str(folder / "play.json"),
        "-i",
        str(folder / "inventory" / "hosts.json"),
        *arguments,
    ]
    played = run(command, folder, environment(folder) | tenant.env())
    return played, len(tenant.world.changes) - before


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_mode_plan_writes_nothing(way: Callable[[Path, Json], list[Json]], tenant: Tenant, tmp_path: Path) -> None:
    played, writes = remediate(tenant, tmp_path, way, {"license_state_mode": "plan"})
    assert (played.status, writes) == (0, 0), str(played)
    assert "to be licensed" in played.output


@pytest.mark.parametrize("arguments", [(), ("-e", "license_state_mode=plan"), ("-e", '{"license_state_mode": "plan"}')])
def test_run_without_mode_apply_writes_nothing(arguments: tuple[str, ...], tenant: Tenant, tmp_path: Path) -> None:
    played, writes = remediate(tenant, tmp_path, silent, {}, *arguments)
    assert (played.status, writes) == (0, 0), str(played)


def test_mode_plan_on_the_command_line_overrides_apply(tenant: Tenant, tmp_path: Path) -> None:
    said = {"license_state_mode": "apply"}
    played, writes = remediate(tenant, tmp_path, host_vars_of_inventory, said, "-e", "license_state_mode=plan")
    assert (played.status, writes) == (0, 0), str(played)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_apply_in_check_mode_writes_nothing(
    way: Callable[[Path, Json], list[Json]], tenant: Tenant, tmp_path: Path
) -> None:
    """It reaches the module by every way that Ansible reads: what it foresees there is a change."""
    played, writes = remediate(tenant, tmp_path, way, {"license_state_mode": "apply"}, "--check")
    assert (played.status, writes) == (0, 0), str(played)
    assert f"changed={0 if way in UNSEEN else 1}" in played.output


def test_apply_writes(tmp_path: Path) -> None:
    with running(mailboxes=12, at_risk=3, seed=3) as tenant:
        played, writes = remediate(tenant, tmp_path, import_vars, {"license_state_mode": "apply"})
    assert played.status == 0, str(played)
    assert writes > 0


@pytest.mark.parametrize("value", [None, "", "500%"])
def test_guard_without_effect_is_refused(value: str | None, tenant: Tenant, tmp_path: Path) -> None:
    said = {"license_state_mode": "apply", "license_state_max_changes": value}
    played, writes = remediate(tenant, tmp_path, import_vars, said)
    assert (played.status, writes) == (2, 0), str(played)
    assert "license_state_max_changes: " in played.output


@pytest.mark.parametrize(
    "name", ["protected", "grace_period_days", "mode", "report_dir", "seat_reserve", "allow_removals", "rules"]
)
@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_variable_is_refused_by_its_name(name: str, value: str | None, tenant: Tenant, tmp_path: Path) -> None:
    said = {"license_state_mode": "apply", f"license_state_{name}": value}
    played, writes = remediate(tenant, tmp_path, role_vars, said)
    assert (played.status, writes) == (2, 0), str(played)
    assert f"license_state_{name}" in played.output.partition("fatal: ")[2]
