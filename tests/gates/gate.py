# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gate is, and what it works with: a log, a folder under ``build/``, and commands in a clean environment."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

CHECKOUT = Path(__file__).resolve().parents[2]
BUILD = CHECKOUT / "build"
BIN = CHECKOUT / ".venv" / "bin"
SECONDS = 600.0
"""No command takes as long: a limit for one that hangs."""
SETTINGS = ("ANSIBLE_", "AZURE_", "GALAXY_", "M365_", "MYPY", "PYTEST_", "PYTHON", "RUFF_")
"""Variables that would change what a tool does, or sign in to a tenant that is none of the tests'."""
OF_THE_USER = (".gitconfig", ".config/git", ".config/pip", ".npmrc", ".pip")
"""How git, npm and pip are set up on this machine (mirrors, safe directories) holds in a gate, too."""


class Failed(Exception):
    """A gate found something, or could not do its work; the message says what."""


@dataclass(frozen=True)
class Counts:
    """How many tests passed and failed. ``measured``: what they have to say besides, a sentence each."""

    passed: int
    failed: int
    measured: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gate:
    """One named check. It returns the counts of its tests, or nothing where it is one test; trouble is ``Failed``."""

    name: str
    what: str
    check: Callable[[Work], Counts | None]
    cores: int = 1
    """So many must be free for it to begin."""
    asked: bool = False
    """Runs only when it is asked for by its name."""


@dataclass(frozen=True)
class Work:
    """A running gate: where it writes."""

    name: str
    log: TextIO
    folder: Path

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
        """Run a command of ``.venv``, log and return all that it prints; another exit status than 0 is ``Failed``."""
        words = [str(BIN / command[0]), *(str(word) for word in command[1:])]
        self.say(f"$ {' '.join(words)}")
        start = os.fstat(self.log.fileno()).st_size
        process = subprocess.Popen(  # noqa: S603 - our own tools
            words,
            cwd=cwd,
            env=environment() | dict(variables or {}),
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

    def none_of(self, findings: Iterable[str], advice: str) -> None:
        """Log the findings; ``Failed`` with the advice if there are any."""
        found = list(findings)
        for finding in found:
            self.say(finding)
        if found:
            raise Failed(f"{len(found)} found: {advice}")

    def tree(self) -> Path:
        """A copy of the checkout's own files where Ansible's tools expect a collection: in ``…/m365/licensing``.

        It is a git repository of its own: those tools ask git which files there are, and would find that the checkout
        ignores ``build``.
        """
        place = self.folder / "tree" / "ansible_collections" / "m365" / "licensing"
        shutil.rmtree(self.folder / "tree", ignore_errors=True)
        for file in own_files():
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / file, place / file)
        git("init", "--quiet", cwd=place)
        return place


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and what it started, if it still runs."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def git(*arguments: str, cwd: Path = CHECKOUT) -> str:
    """What git prints. Errors: ``Failed``."""
    program = shutil.which("git")
    if program is None:
        raise Failed("git is needed: it knows which files belong to the checkout")
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
    """The home of all tools: caches end up under ``build``, and no configuration of the user changes a result."""
    for name in OF_THE_USER:
        theirs, here = Path.home() / name, place / name
        here.parent.mkdir(parents=True, exist_ok=True)
        if theirs.exists() and not here.is_symlink():
            with contextlib.suppress(FileExistsError):  # gates run side by side: another one was first
                here.symlink_to(theirs)
    return place


def environment() -> dict[str, str]:
    """The environment of every command: this machine's, without settings of tools and credentials of tenants."""
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
