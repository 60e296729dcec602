# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gate (one named check) and its tools: a log, a folder under ``build/``, commands in a clean environment."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

CHECKOUT = Path(__file__).resolve().parents[2]
BUILD = CHECKOUT / "build"
BIN = CHECKOUT / ".venv" / "bin"
SECONDS = 600.0
"""The limit for a command that hangs; no command needs as long."""
SETTINGS = ("ANSIBLE_", "AZURE_", "GALAXY_", "M365_", "MYPY", "PYTEST_", "PYTHON", "RUFF_")
"""Prefixes of variables that change what a tool does, or that sign in to a real tenant."""
OF_THE_USER = (".gitconfig", ".config/git", ".config/pip", ".npmrc", ".pip")
"""Settings of git, npm and pip on this machine (mirrors, safe directories) that apply in a gate as well."""


class Failed(Exception):
    """A gate found a problem or could not run; the message says which problem."""


@dataclass(frozen=True)
class Counts:
    """How many tests passed and failed. ``measured``: the values that tests recorded, a sentence each."""

    passed: int
    failed: int
    measured: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gate:
    """One named check. It returns the counts of its tests, or None for a single test. A problem raises ``Failed``."""

    name: str
    what: str
    check: Callable[[Work], Counts | None]
    cores: int = 1
    """How many must be free before it begins."""
    optional: bool = False
    """Runs only when its name is given."""
    fast: bool = False
    """Part of ``make check``: needs no server, and costs a few seconds of one core."""


@dataclass(frozen=True)
class Work:
    """The files of a running gate, and the commands that write to them."""

    name: str
    log: TextIO
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables of every command."""

    def say(self, text: str) -> None:
        """Write a line of the log."""
        self.log.write(f"{text}\n")
        self.log.flush()

    def run(
        self,
        *command: str | Path,
        cwd: Path = CHECKOUT,
        variables: Mapping[str, str] | None = None,
        may_end_with: Iterable[int] = (0,),
        seconds: float = SECONDS,
    ) -> str:
        """Run a command of ``.venv``; log and return its output. Raise ``Failed`` on an unexpected exit status."""
        words = [str(BIN / command[0]), *(str(word) for word in command[1:])]
        self.say(f"$ {' '.join(words)}")
        start = os.fstat(self.log.fileno()).st_size
        process = subprocess.Popen(  # noqa: S603 - our own tools
            words,
            cwd=cwd,
            env=environment() | dict(self.settings) | dict(variables or {}),
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{command[0]} did not end within {seconds:.0f} seconds") from None
        finally:
            _end(process)
        printed = Path(self.log.name).read_bytes()[start:].decode("utf-8", "replace")
        if status not in may_end_with:
            raise Failed(f"{command[0]} ended with {status}")
        return printed

    def fail_if_any(self, findings: Iterable[str], advice: str) -> None:
        """Log the findings. Raise ``Failed`` with the advice if there are any."""
        found = list(findings)
        for finding in found:
            self.say(finding)
        if found:
            raise Failed(f"{len(found)} found: {advice}")

    def tree(self) -> Path:
        """A copy of the checkout's own files where Ansible's tools expect a collection: in ``…/m365/licensing``.

        The copy is a git repository of its own, because these tools list files with git, and the checkout ignores
        ``build``.
        """
        place = self.folder / "tree" / "ansible_collections" / "m365" / "licensing"
        shutil.rmtree(self.folder / "tree", ignore_errors=True)
        for file in own_files():
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / file, place / file)
        git("init", "--quiet", cwd=place)
        return place


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a command and its children if it still runs."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def git(*arguments: str, cwd: Path = CHECKOUT) -> str:
    """Return the output of a git command. Raise ``Failed`` if it fails."""
    program = shutil.which("git")
    if program is None:
        raise Failed("git not found: install it, as it lists the files of the checkout")
    done = subprocess.run(  # noqa: S603 - our own command
        [program, *arguments], cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode:
        raise Failed(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def own_files() -> list[Path]:
    """The files of the checkout, relative to it, sorted: tracked or new, but neither ignored nor deleted."""
    names = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return sorted(Path(name) for name in set(names) if name and (CHECKOUT / name).is_file())


def home(place: Path = BUILD / "home") -> Path:
    """Return the home directory of all tools: it keeps caches under ``build`` and hides most settings of the user."""
    for name in OF_THE_USER:
        theirs, here = Path.home() / name, place / name
        here.parent.mkdir(parents=True, exist_ok=True)
        if theirs.exists() and not here.is_symlink():
            with contextlib.suppress(FileExistsError):  # gates run in parallel: another one made it first
                here.symlink_to(theirs)
    return place


def environment() -> dict[str, str]:
    """Return the environment of every command: this machine's, without settings of tools and credentials of tenants."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    return kept | {
        "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)]),
        "HOME": str(home()),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_NOCOLOR": "1",
        "NO_COLOR": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(BUILD / "hypothesis"),
        "RUFF_CACHE_DIR": str(BUILD / "ruff"),
        "PYTHONUTF8": "1",
        "VIRTUAL_ENV": str(Path(sys.prefix)),
        "XDG_CACHE_HOME": str(BUILD / "cache"),
    }
