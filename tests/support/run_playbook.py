# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-playbook against a tenant as a user does, and return its output.

``M365_TEST_COLLECTIONS=<folder>`` names the folder that holds ``ansible_collections/m365/licensing`` to be tested, such
as an installed artefact. Without it the virtual environment of the checkout is tested.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulator.launch import Tenant
from tests.simulator.login import issued

CHECKOUT = Path(__file__).resolve().parents[2]
CONTROL = CHECKOUT / "tests" / "integration" / "control.yml"
"""The tasks that call the control API of the tenant."""
SECONDS = 240.0
"""The limit for a run that hangs; no run needs as long."""
WIDTH = 1500
COLUMNS = 79
"""The width at which older versions of ansible-core wrap warnings."""
_LABELS = ("[WARNING]: ", "[DEPRECATION WARNING]: ")


@dataclass(frozen=True)
class Played:
    """The exit status and the output of a run."""

    status: int
    output: str

    def __str__(self) -> str:
        """Return the output with long lines cut off, for the message of a failed test."""
        return "\n".join(line if len(line) <= WIDTH else f"{line[:WIDTH]} …" for line in self.output.splitlines())

    @property
    def warnings(self) -> list[str]:
        """Return each warning and deprecation, without the line breaks of Ansible."""
        lines = self.output.splitlines()
        found = []
        for number, line in enumerate(lines):
            if line.startswith(_LABELS):
                parts = [line]
                for further in lines[number + 1 :]:
                    broken = len(parts[-1]) <= COLUMNS < len(f"{parts[-1]} {further.split(' ')[0]}")
                    if not broken or not further:
                        break
                    parts.append(further)
                found.append(" ".join(parts))
        return found


def collections() -> Path:
    """Return the folder with ``ansible_collections`` of the collection under test."""
    chosen = os.environ.get("M365_TEST_COLLECTIONS")
    return Path(chosen).resolve() if chosen else CHECKOUT / ".venv" / "collections"


def collection() -> Path:
    """Return the collection under test."""
    return (collections() / "ansible_collections" / "m365" / "licensing").resolve()


def environment(folder: Path, place: Path | None = None) -> dict[str, str]:
    """Return variables that isolate a run from home and other collections; ``place``: ``collections()``."""
    (folder / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    variables = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ} | {
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_SHOW_CUSTOM_STATS": "1",
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
    }
    chosen = place or (collections() if "M365_TEST_COLLECTIONS" in os.environ else None)
    if chosen:
        # The checkout is linked into sys.path of this environment: do not look there.
        variables |= {"ANSIBLE_COLLECTIONS_PATH": str(chosen), "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"}
    return variables


def run(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Played:
    """Run a command of Ansible of this environment, in ``folder``."""
    program = str(Path(sys.executable).parent / command[0])
    done = subprocess.run(  # noqa: S603 - commands of our own tests
        [program, *command[1:]],
        cwd=folder,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        check=False,
    )
    return Played(done.returncode, done.stdout.decode("utf-8", "replace"))


def check_warnings(played: Played, expected: tuple[str, ...] | list[str]) -> None:
    """Check that exactly the expected warnings came; ``expected``: parts of their texts."""
    shown = played.warnings
    strange = [text for text in shown if not any(part in text for part in expected)]
    assert not strange, f"{strange}\n{played}"
    missing = [part for part in expected if not any(part in text for text in shown)]
    assert not missing, f"not shown: {missing}\n{played}"


def play(
    tenant: Tenant,
    playbook: str,
    folder: Path,
    *arguments: str,
    inventory: Path | None = None,
    variables: Mapping[str, Any] | None = None,
    place: Path | None = None,
) -> Played:
    """Run a playbook (a file, or a name in the collection) against a tenant. Fails the test if it shows a secret."""
    here = folder / "inventory.yml"
    here.write_text(
        json.dumps({"all": {"hosts": {"localhost": {"ansible_connection": "local"} | _PYTHON}}}), encoding="utf-8"
    )
    told = folder / "told.json"
    known = {"control": str(CONTROL), "folder": str(folder), "identity_url": tenant.world.origins["identity"]}
    told.write_text(json.dumps({**known, **(variables or {})}), encoding="utf-8")
    played = run(
        ["ansible-playbook", playbook, "-v", "-i", str(inventory or here), "-e", f"@{told}", *arguments],
        folder,
        environment(folder, place) | tenant.env(),
    )
    for secret in (tenant.world.app.client_secret, *issued(tenant.world)):
        assert secret not in played.output, "the output shows a secret or a token"
    return played


_PYTHON = {"ansible_python_interpreter": sys.executable}
