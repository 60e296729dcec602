# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records which functions each test calls, and how long it takes."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import pytest

Calls = dict[str, dict[str, list[int]]]
"""For each test: for each file the first lines of the functions that it called."""


@dataclass
class Recorder:
    """Which tests call a function of some files, and the processor time of each test."""

    targets: Collection[str]
    calls: Calls = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, session: pytest.Session) -> tuple[Calls, dict[str, float]]:
        """Run all tests of a session."""
        files = {f"{target}.py" for target in self.targets}
        for item, after in pairs(session.items):
            called: dict[str, set[int]] = {}
            with calling(files, called):
                began = time.process_time()
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
                self.seconds[item.nodeid] = time.process_time() - began
            self.calls[item.nodeid] = {file: sorted(lines) for file, lines in called.items()}
        return self.calls, self.seconds

    def calling(self, target: str, lines: set[int] | None = None) -> set[str]:
        """The tests that call a function of a file which begins in one of the lines, or any function."""
        found = set()
        for test, files in self.calls.items():
            called = files.get(target, [])
            if (lines is None and called) or not (lines or set()).isdisjoint(called):
                found.add(test)
        return found

    def total(self, tests: Iterable[str]) -> float:
        """The processor time of some tests."""
        return sum(self.seconds[test] for test in tests)


@contextmanager
def calling(files: set[str], called: dict[str, set[int]]) -> Iterator[None]:
    """Record the functions of some files that are called meanwhile, in every thread."""
    seen: set[int] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and id(frame.f_code) not in seen:
            seen.add(id(frame.f_code))
            file = frame.f_code.co_filename.rpartition("/module_utils/")[2]
            if file in files:
                called.setdefault(file.removesuffix(".py"), set()).add(frame.f_code.co_firstlineno)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def pairs(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    """Each item with the next one."""
    return zip(items, [*items[1:], None], strict=True)
