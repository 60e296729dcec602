# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of README, tutorial, on-call page and undo page run as printed, against a simulated tenant."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.people import admit
from tests.simulator.launch import Tenant, running
from tests.support.run_playbook import CHECKOUT, environment

BLOCKS = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
MISTAKES = re.compile(r"invalid_(?:options|variables|rules)|usage: ansible|ERROR! |couldn't resolve|unexpected_error")
README = "README.md"
TUTORIAL, ON_CALL, UNDO, UPGRADE = (f"docs/{name}.md" for name in ("tutorial", "on-call", "undo", "upgrading"))
MODE = " -e license_state_mode=plan"
APPLIES = {"ANSIBLE_INVENTORY": "applies.json"}
INVENTORIES: dict[str, dict[str, str]] = {"no-inventory": {}, "inventory-that-applies": APPLIES}
"""Where a command may find the mode; the second one lets it write unless the command names another mode."""


def text_of(page: str) -> str:
    return (CHECKOUT / page).read_text(encoding="utf-8")


def shell_lines(page: str) -> list[str]:
    """The lines of the blocks that a reader pastes into a shell; the credentials are the tenant's."""
    found = [block[3].splitlines() for block in BLOCKS.finditer(text_of(page)) if block[2] == "sh"]
    return [line.strip() for lines in found for line in lines if not line.strip().startswith("export ")]


def commands_in_tables(page: str) -> list[str]:
    """The commands within the rows of tables."""
    rows = [line for line in text_of(page).splitlines() if line.startswith("|")]
    return [found for row in rows for found in re.findall(r"`(ansible(?:-playbook)? [^`]+)`", row)]


def block_of(page: str, name: str) -> str:
    """The block of YAML that begins with the name of its file."""
    (found,) = [block[3] for block in BLOCKS.finditer(text_of(page)) if block[3].startswith(f"# {name}\n")]
    return found


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=60, at_risk=12, seed=7) as found:
        admit(found.world, {"anna@contoso.com": {}})
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files that the pages tell a reader to save."""
    (tmp_path / "licenses.yml").write_text(block_of(TUTORIAL, "licenses.yml"), encoding="utf-8")
    (tmp_path / "undo.yml").write_text(block_of(UNDO, "undo.yml"), encoding="utf-8")
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "license_state_mode": "apply"}
    (tmp_path / "applies.json").write_text(json.dumps({"all": {"hosts": {"localhost": host}}}), encoding="utf-8")
    return tmp_path


def shell(tenant: Tenant, folder: Path, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(  # noqa: S603 - a line of our own documentation
        ["/bin/sh", "-c", line],
        cwd=folder,
        env={**environment(folder), **tenant.env(), **variables, "PATH": paths},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode in (0, 2), f"{line}\n{done.stdout}{done.stderr}"
    assert not MISTAKES.search(done.stdout + done.stderr), f"{line}\n{done.stdout}{done.stderr}"
    return done


@pytest.mark.parametrize("inventory", INVENTORIES)
@pytest.mark.parametrize("page", [README, UPGRADE])
def test_commands_of_a_page_read_and_write_nothing(page: str, inventory: str, tenant: Tenant, folder: Path) -> None:
    lines, before = shell_lines(page), len(tenant.world.changes)
    assert len(lines) >= 2, page
    for line in lines:
        shell(tenant, folder, line, **INVENTORIES[inventory])
    assert len(tenant.world.changes) == before


def test_the_readme_audits_in_four_commands() -> None:
    (block,) = [found[3] for found in BLOCKS.finditer(text_of(README)) if found[2] == "sh"]
    assert len(block.splitlines()) == 4


def test_commands_of_the_tutorial_license_users(folder: Path) -> None:
    with running(mailboxes=60, at_risk=12, seed=7) as tenant:
        admit(tenant.world, {"anna@contoso.com": {}})
        *reading, plan, apply = shell_lines(TUTORIAL)
        for line in (*reading, plan):
            shell(tenant, folder, line)
        shell(tenant, folder, plan, **APPLIES)
        assert tenant.world.changes == [], "a plan wrote"
        shell(tenant, folder, apply)
        written = len(tenant.world.changes)
        assert written > 10
        assert "changed=0" in shell(tenant, folder, apply).stdout
        assert len(tenant.world.changes) == written


@pytest.mark.parametrize("inventory", INVENTORIES)
@pytest.mark.parametrize("line", sorted(set(commands_in_tables(ON_CALL))))
def test_commands_in_the_on_call_table_only_read(line: str, inventory: str, tenant: Tenant, folder: Path) -> None:
    before = len(tenant.world.changes)
    shell(tenant, folder, line, **INVENTORIES[inventory])
    assert len(tenant.world.changes) == before


def test_the_inventory_applies_if_a_command_names_no_mode(folder: Path) -> None:
    """Without the mode a plan of the pages writes, so the tests above can fail."""
    with running(mailboxes=60, at_risk=12, seed=7) as tenant:
        *_reading, plan, _apply = shell_lines(TUTORIAL)
        assert plan.endswith(MODE)
        shell(tenant, folder, plan.removesuffix(MODE), **APPLIES)
        assert tenant.world.changes != []


def test_the_on_call_command_licenses_one_user(folder: Path) -> None:
    with running(mailboxes=3, at_risk=0, seed=7) as tenant:
        admit(tenant.world, {"anna@contoso.com": {}})
        (line,) = shell_lines(ON_CALL)
        assert shell(tenant, folder, line).returncode == 0
        assert len(tenant.world.changes) == 1


def licenses(tenant: Tenant) -> dict[str, str]:
    """The licenses of each user, by id."""
    users = tenant.world.users.items()
    return {key: json.dumps(user["assignedLicenses"], sort_keys=True) for key, user in users}


def one_unknown(record: str) -> str:
    """The record as if the run had no answer to the write of the user of its last line."""
    lines = [json.loads(line) for line in record.splitlines()]
    last = [line for line in lines if line["kind"] == "user"][-1]
    last.update(status="failed", confirmation="", error={"code": "unknown_outcome", "message": "not known"})
    return "\n".join(map(json.dumps, lines))


def test_the_undo_page_restores_what_users_had(folder: Path) -> None:
    with running(mailboxes=60, at_risk=12, seed=7) as tenant:
        before = licenses(tenant)
        apply = shell_lines(TUTORIAL)[-1]
        shell(tenant, folder, apply)
        after = licenses(tenant)
        assert after != before, "nothing was licensed"
        (record,) = (folder / "reports").glob("*.record.jsonl")
        (folder / "contoso.record.jsonl").write_text(one_unknown(record.read_text("utf-8")), encoding="utf-8")
        check, restore, audit = shell_lines(UNDO)
        assert shell(tenant, folder, check).returncode == 0
        assert licenses(tenant) == after, "check mode wrote"
        assert shell(tenant, folder, restore).returncode == 0
        assert licenses(tenant) == before
        shell(tenant, folder, audit)
