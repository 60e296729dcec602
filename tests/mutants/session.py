# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests of a group on mutants, in forks of one process, so that importing and collecting cost once.

A mutant of a function replaces the code of that function in a fork that has collected the tests; then the tests that
call the function run, the fastest first, until one fails. What survives this, and a mutant of a definition, meets a
fork that has imported nothing of the collection. There the module is loaded from the mutated text, and all tests of
the files that call it run. Only this decides that a mutant survives: replacing code changes nothing that the import
calculated.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from tests.mutants.mutated_code import Mutant, MutatedModule, changed_functions, compiled, replace_code
from tests.mutants.recorder import Recorder, pairs

MEMORY = 6 * 2**30
SECONDS = 15.0
"""The processor time in which the tests of a group are collected, besides what they take themselves."""
EXAMPLES = 20
"""How many random examples a property sees: a mutant that these do not notice needs an example of its own."""
IMPORTED = "ignore::pytest.PytestAssertRewriteWarning"
"""Hypothesis was imported before pytest began, which costs each fork less; its asserts need no rewriting."""
BROKEN = 97
"""The exit status of a fork in which this runner failed, not a test."""


@dataclass
class Plugin:
    """A pytest plugin that hands the collected tests to a function instead of running them."""

    loop: Callable[[pytest.Session], None]
    only: frozenset[str] | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Properties are tried on few examples, and a failing one is not made smaller."""
        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutants", derandomize=True, deadline=None, max_examples=EXAMPLES, phases=phases)
        settings.load_profile("mutants")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """End the process as soon as a test fails: what it has started may never end by itself."""
        if report.failed:
            print(report.longreprtext, flush=True)
            os._exit(1)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the chosen tests only."""
        if self.only is not None:
            items[:] = [item for item in items if item.nodeid in self.only]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Call the function, unless a test file could not be imported."""
        if session.testsfailed:
            return None
        self.loop(session)
        return True


@dataclass
class GroupRun:
    """Meets the mutants of a group with its tests, some at the same time; writes below a folder."""

    tests: Sequence[str]
    mutants: Sequence[Mutant]
    folder: Path
    jobs: int
    _recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self._recorder = Recorder({mutant.target for mutant in self.mutants})

    def survivors(self) -> list[Mutant]:
        """The mutants that no test notices. Errors: RuntimeError, if a test fails without any mutant."""
        self._recorded("record", lambda session: self._write("record", self._recorder.run(session)))
        self._recorder.calls, self._recorder.seconds = json.loads((self.folder / "record.json").read_text("utf-8"))
        self._recorded("replace", lambda session: self._write("replace", self._replace_each(session)))
        noticed = set(json.loads((self.folder / "replace.json").read_text("utf-8")))
        left = [index for index in range(len(self.mutants)) if index not in noticed]
        statuses = self._each(left, self._reload, lambda index: self._recorder.total(self._callers(index)))
        return [self.mutants[index] for index in left if not statuses[index]]

    def _recorded(self, name: str, loop: Callable[[pytest.Session], None]) -> None:
        """Collect the tests in a fork and call a function there, which writes its result."""
        (self.folder / f"{name}.json").unlink(missing_ok=True)
        process = self._fork(lambda: self._pytest(self.tests, Plugin(loop)), name, seconds=None)
        os.waitpid(process, 0)
        if not (self.folder / f"{name}.json").exists():
            raise RuntimeError(f"the tests fail without any mutant, or the runner does: see {self.folder / name}.log")

    def _write(self, name: str, result: object) -> None:
        (self.folder / f"{name}.json").write_text(json.dumps(result), encoding="utf-8")

    def _replace_each(self, session: pytest.Session) -> list[int]:
        """The indexes of the mutants that a test notices when the code of functions is replaced."""
        chosen: dict[int, list[pytest.Item]] = {}
        for index, mutant in enumerate(self.mutants):
            changed = changed_functions(
                compiled(mutant.target, mutant.original), compiled(mutant.target, mutant.source())
            )
            lines = {code.co_firstlineno for code in changed or ()}
            calling = self._recorder.calling(mutant.target, lines)
            items = [item for item in session.items if item.nodeid in calling]
            if items:
                chosen[index] = sorted(items, key=lambda item: self._recorder.seconds[item.nodeid])

        def replace(index: int) -> None:
            mutant = self.mutants[index]
            original, mutated = (compiled(mutant.target, text) for text in (mutant.original, mutant.source()))
            replace_code(mutant.target, changed_functions(original, mutated) or {})
            session.items = chosen[index]
            run_all(session)

        def limit(index: int) -> float:
            return self._recorder.total(item.nodeid for item in chosen[index])

        statuses = self._each(list(chosen), replace, limit)
        return [index for index, status in statuses.items() if status]

    def _callers(self, index: int) -> set[str]:
        """The tests in files of which one calls the file of a mutant: others in there may read what it defines."""
        files = {name.partition("::")[0] for name in self._recorder.calling(self.mutants[index].target)}
        everyone = set(self._recorder.calls)
        return {name for name in everyone if name.partition("::")[0] in files} or everyone

    def _reload(self, index: int) -> None:
        """Run the tests with a module loaded from the mutated text."""
        sys.meta_path.insert(0, MutatedModule(self.mutants[index]))
        callers = self._callers(index)
        files = sorted({name.partition("::")[0] for name in callers})
        self._pytest(files, Plugin(run_all, frozenset(callers)))

    def _pytest(self, tests: Sequence[str], plugin: Plugin) -> None:
        scratch = self.folder / "scratch" / str(os.getpid())
        status = pytest.main([*tests, "-q", "-W", IMPORTED, f"--basetemp={scratch}"], plugins=[plugin])
        os._exit(int(status))

    def _each(self, indexes: list[int], work: Callable[[int], None], seconds: Callable[[int], float]) -> dict[int, int]:
        """Do the work for each index in a fork of its own; the exit statuses."""
        running: dict[int, int] = {}
        statuses: dict[int, int] = {}
        waiting = list(reversed(indexes))
        while waiting or running:
            while waiting and len(running) < self.jobs:
                index = waiting.pop()
                running[self._fork(lambda: work(index), f"mutant{index}", seconds=seconds(index))] = index  # noqa: B023
            process, status = os.wait()
            index = running.pop(process)
            statuses[index] = status
            if os.waitstatus_to_exitcode(status) == BROKEN:
                raise RuntimeError(f"the runner failed: see {self.folder}/mutant{index}.log")
        return statuses

    def _fork(self, work: Callable[[], None], name: str, *, seconds: float | None) -> int:
        """Start a process that does the work and writes what it prints to a file; its id."""
        child = os.fork()
        if child:
            return child
        try:
            output = os.open(self.folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            if seconds is not None:
                limit(3 * seconds + SECONDS)
            work()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        os._exit(BROKEN)


def run_all(session: pytest.Session) -> None:
    """Run the tests on a mutant, and end the process with 0 when all have passed."""
    for item, after in pairs(session.items):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
    os._exit(0)


def limit(seconds: float) -> None:
    """End this process when it has used so much processor time, or waited for long, or takes all memory."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 8 * seconds)
