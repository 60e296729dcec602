# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of a run of Ansible: its processes, its entries in the log of the machine, and remaining files."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from tests.support.run_playbook import SECONDS

PAUSE = 0.03
"""Seconds between two snapshots; even a short module runs much longer."""

_RECORD = """
import json, os
def record(*words, **named):
    with open(os.environ["SPY_LOG"], "a", encoding="utf-8") as log:
        log.write(json.dumps([words, named], default=str) + "\\n")
"""
SPIES: Mapping[str, Mapping[str, str]] = {
    # AnsibleModule prefers the journal, where Python's systemd module is installed and systemd runs the machine.
    "journal": {
        "systemd/__init__.py": "",
        "systemd/daemon.py": "def booted():\n    return True\n",
        "systemd/journal.py": f"{_RECORD}\nsend = sendv = record\n",
    },
    "syslog": {"sitecustomize.py": f"{_RECORD}\nimport syslog\nsyslog.syslog = syslog.openlog = record\n"},
}
"""Python files that write down what would go to the machine's log, by the log. A namespace of its own with another
/dev/log would show the same, on fewer machines."""


def spy(log: str, folder: Path) -> dict[str, str]:
    """Install a recorder of log entries, which writes to ``logged``; return variables that activate it."""
    place = folder / f"spy-{log}"
    for name, text in SPIES[log].items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return {"PYTHONPATH": str(place), "SPY_LOG": str(folder / "logged")}


@dataclass
class Watched:
    """A finished run. ``processes``: the command lines and environments of its processes."""

    status: int = -1
    output: str = ""
    commands: set[bytes] = field(default_factory=set)
    environments: set[bytes] = field(default_factory=set)


def watch(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Watched:
    """Run a command of this environment, and take snapshots of its processes."""
    found = Watched()
    program = str(Path(sys.executable).parent / command[0])
    with (
        subprocess.Popen(  # noqa: S603 - commands of our own tests
            [program, *command[1:]],
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process
    ):
        over = threading.Event()

        def look() -> None:
            while not over.wait(PAUSE):
                _look(process.pid, found)

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            output, _nothing = process.communicate(timeout=SECONDS)
        except BaseException:
            process.kill()
            raise
        finally:
            over.set()
            watcher.join()
    found.status, found.output = process.returncode, output.decode("utf-8", "replace")
    return found


def _look(root: int, found: Watched) -> None:
    """Add the data in /proc about the process ``root`` and those below it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name of the program, in parentheses, may hold anything.
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
    for number in parents:
        above, steps = number, 0
        while above not in (root, 0, 1) and steps < len(parents):
            above, steps = parents.get(above, 0), steps + 1
        if above == root:
            for name, kept in (("cmdline", found.commands), ("environ", found.environments)):
                try:
                    kept.add(Path(f"/proc/{number}/{name}").read_bytes())
                except OSError:
                    continue


def spellings(secret: str) -> set[bytes]:
    """Return the forms of a secret: plain, in JSON, in a URL, in Base64."""
    return {
        secret.encode(),
        json.dumps(secret)[1:-1].encode(),
        quote(secret, safe="").encode(),
        base64.b64encode(secret.encode()).rstrip(b"="),
    }


def shows(data: bytes, secrets: Mapping[str, str]) -> list[str]:
    """Return the names of the secrets in ``data``."""
    return [name for name, secret in secrets.items() if any(spelling in data for spelling in spellings(secret))]


def await_end(folder: Path, seconds: float = 30.0) -> None:
    """Wait until no process uses the folder, because background processes of Ansible clean up later."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and _at_work(str(folder).encode()):
        time.sleep(0.1)


def _at_work(folder: bytes) -> bool:
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and process.name != str(os.getpid()):
            with contextlib.suppress(OSError):
                if folder in (process / "cmdline").read_bytes():
                    return True
    return False


def left_behind(folder: Path, without: Iterable[Path]) -> dict[str, bytes]:
    """Return the contents of every file below a folder, except ``without``; names count as contents."""
    apart = tuple(without)
    return {
        str(path.relative_to(folder)): str(path).encode() + b"\n" + path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(path.is_relative_to(place) for place in apart)
    }
