# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that a test stops or kills: a module, or ansible-playbook, each the leader of a process group of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulator.launch import Tenant
from tests.support.run_playbook import environment

MODULES = "ansible_collections.m365.licensing.plugins.modules"
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "XDG_STATE_HOME")
SECONDS = 60.0
"""A limit for what hangs. The services in these tests would keep a run waiting for longer."""


def until(happened: Callable[[], object], what: str) -> None:
    """Wait for something that another process or thread does."""
    end = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < end, f"{what}: not within {SECONDS:.0f} s"
        time.sleep(0.002)


@dataclass
class Run:
    """A run on its way. ``left``: its descendants when it was killed."""

    process: subprocess.Popen[str]
    left: set[int] = field(default_factory=set)

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process group, as a terminal does."""
        os.killpg(self.process.pid, number)

    def kill(self, *, whole: bool = True) -> None:
        """Kill the group; ``whole``: also those of its descendants who have made a group of their own."""
        if self.ended:
            return
        self.left = family(self.process.pid) - {self.process.pid}
        groups = {os.getpgid(pid) for pid in family(self.process.pid)} if whole else {self.process.pid}
        for group in groups:
            os.killpg(group, signal.SIGKILL)
        self.process.communicate(timeout=SECONDS)

    def sweep(self) -> None:
        """End what a kill of the playbook's own group has left behind, as far as it was started by this run."""
        for pid in self.left & set(alive()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def end(self) -> tuple[int, str]:
        """Wait for the end: the exit status, and all that it wrote."""
        output, _none = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, output


def module(name: str, params: Mapping[str, Any], tenant: Tenant, *, full_disk: bool = False) -> Run:
    """Start a module; ``full_disk``: no file that it writes may have more than 1,024 bytes."""
    limited = ["bash", "-c", 'ulimit -f 1; exec "$@"', "-"] if full_disk else []
    run = _start([*limited, sys.executable, "-W", "error", "-m", f"{MODULES}.{name}"], tenant.env(), subprocess.PIPE)
    assert run.process.stdin is not None
    run.process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": dict(params)}))
    run.process.stdin.close()
    run.process.stdin = None  # communicate() would flush it
    return run


def result(
    name: str, params: Mapping[str, Any], tenant: Tenant, status: int = 0, *, full_disk: bool = False
) -> dict[str, Any]:
    """The result of a module that ends with this status; its ``warnings`` as texts."""
    ended, output = module(name, params, tenant, full_disk=full_disk).end()
    assert "Traceback" not in output
    found: dict[str, Any] = json.loads(output)
    # ansible-core from 2.19 on makes objects of warnings
    found["warnings"] = [text if isinstance(text, str) else text["event"]["msg"] for text in found.get("warnings", ())]
    assert ended == status, output[:3000]
    return found


def playbook(name: str, tenant: Tenant, folder: Path, variables: Mapping[str, Any]) -> Run:
    """Start a playbook of the collection against the tenant on localhost."""
    folder.mkdir(exist_ok=True)
    told = folder / "told.json"
    told.write_text(json.dumps(dict(variables)), encoding="utf-8")
    command = [str(Path(sys.executable).parent / "ansible-playbook"), name, "-i", "localhost,", "-e", f"@{told}"]
    return _start(command, environment(folder) | tenant.env(), subprocess.DEVNULL)


def _start(command: list[str], environ: Mapping[str, str], stdin: int) -> Run:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return Run(
        subprocess.Popen(  # noqa: S603 - commands of our own tests
            command,
            env={**kept, **environ},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    )


def family(pid: int) -> set[int]:
    """A process and its descendants."""
    parents = alive()
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def alive() -> dict[int, int]:
    """The processes of this machine that have not ended, with their parents."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if fields[0] != "Z":
            parents[int(place.parent.name)] = int(fields[1])
    return parents
