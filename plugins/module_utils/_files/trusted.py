# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a run believes, such as rules and certificates: who else can change them, or put others in their place.

Another owner is usual where root runs over a user's checkout, and so is a group where a team shares one: these are
reported. Only what every user can change is refused, and that only where the run would write.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from .access_lists import writers_of
from .private import (
    Folder,
    UnsafeError,
    access_problem,
    open_to_all,
    user_in_words,
)
from .regular import UnreadableError, expanded


class Changers(NamedTuple):
    """Who else can change what is read, as sentences without their full stop."""

    everybody: list[str]
    some: list[str]


def changers_of(path: str) -> Changers:
    """Who else can change a file, or a directory of certificates; nothing where that cannot be found out."""
    try:
        walk = _FileWalk(expanded(path))
        with walk:
            return walk.changers()
    except (OSError, ValueError, UnsafeError, UnreadableError):
        return Changers([], [])


class _FileWalk(Folder):
    """The way to a file and the file at its end. Nothing is refused on it; what others can do is noted."""

    def __init__(self, path: Path) -> None:
        self._everybody: list[str] = []
        self._some: dict[str, list[str]] = {}
        super().__init__(path)

    def changers(self) -> Changers:
        """What was found."""
        words = {"every user can write to": self._everybody} if self._everybody else {}
        return Changers(_sentences(words), _sentences(self._some))

    def _link_of_another(self, place: str, found: os.stat_result) -> None:
        self._some.setdefault(f"{user_in_words(found.st_uid)} owns", []).append(f"the symbolic link {place}")

    def _no_directory(self, name: str, place: str, found: os.stat_result) -> None:
        if self._waiting:
            super()._no_directory(name, place, found)
        self._look(place, str(Path("/proc/self/fd", str(self._fd), name)), found)

    def _look(self, place: str, handle: str, found: os.stat_result) -> None:
        where = f"the {'directory' if stat.S_ISDIR(found.st_mode) else 'file'} {place}"
        if open_to_all(found):
            self._everybody.append(where)
        elif problem := access_problem(found, writers_of(handle))[0]:
            self._some.setdefault(problem, []).append(where)

    def _judge(self) -> None:
        """Nothing more to do: each step was noted."""


def _sentences(found: dict[str, list[str]]) -> list[str]:
    return [f"{who} {' and '.join(places)}, and can change what the run reads" for who, places in found.items()]
