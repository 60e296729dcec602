# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the gates: ``python -m tests.gates.run [--list] [--fast] [NAME …]`` (without names: all but optional ones).

Each gate prints one line when it ends. Its output is ``build/gates/<name>/log``; the last lines are printed if it
failed. The final line counts each test case of a pytest run, and one for every other gate. A gate that cannot run
fails.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
import traceback
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import MappingProxyType

from tests.gates import agreements, artefact, clients, collection, python, release, running, workflows
from tests.gates.gate import BUILD, Counts, Failed, Gate, Work

GATES: tuple[Gate, ...] = (
    *python.GATES,
    *agreements.GATES,
    *workflows.GATES,
    *collection.GATES,
    *artefact.GATES,
    *release.GATES,
    *running.GATES,
    *clients.GATES,
)
FAST = {"FAST_TESTS": "1"}
"""The variables of ``make check``: random tests draw fewer examples, exhaustive ones a sample."""
NOTHING: Mapping[str, str] = MappingProxyType({})
TAIL = 60
"""How many of the last lines of a failed gate are printed."""


@dataclass(frozen=True)
class Result:
    """The result of a gate. ``problem``: why it could not pass, empty if it could."""

    gate: Gate
    counts: Counts
    seconds: float
    problem: str

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.counts.failed and not self.problem


def perform(gate: Gate, settings: Mapping[str, str] = NOTHING) -> Result:
    """Run one gate with these variables, and log it."""
    folder = BUILD / "gates" / gate.name
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    counts, problem = Counts(1, 0), ""
    with (folder / "log").open("a", encoding="utf-8") as log:
        work = Work(gate.name, log, folder, settings)
        try:
            counts = gate.check(work) or counts
        except Failed as error:
            counts, problem = Counts(0, 1), str(error)
        except Exception as error:  # A defect in one gate must not stop the others.
            counts, problem = Counts(0, 1), repr(error)
            work.say(traceback.format_exc())
        if problem:
            work.say(problem)
    return Result(gate, counts, time.monotonic() - began, problem)


def perform_all(gates: Sequence[Gate], cores: int, settings: Mapping[str, str] = NOTHING) -> list[Result]:
    """Run the gates, as many at a time as there are cores for them, and print a line as each ends."""
    waiting, results = deque(gates), []
    running: dict[Future[Result], Gate] = {}
    with ThreadPoolExecutor(max_workers=max(1, len(gates))) as pool:
        while waiting or running:
            free = cores - sum(gate.cores for gate in running.values())
            for gate in [*waiting]:
                if gate.cores <= free or not running:
                    waiting.remove(gate)
                    running[pool.submit(perform, gate, settings)] = gate
                    free -= gate.cores
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                del running[future]
                results.append(future.result())
                show(results[-1])
    return results


def show(result: Result) -> None:
    """Print how a gate ended, how long it took, its counts if it has several tests, and what its tests measured."""
    passed, failed = result.counts.passed, result.counts.failed
    detail = result.problem.partition("\n")[0] or (f"{passed} passed, {failed} failed" if passed + failed > 1 else "")
    ended = "ok" if result.ok else "FAILED"
    print(f"{ended:<6}  {result.gate.name:<20} {result.seconds:6.1f} s  {detail}".rstrip(), flush=True)
    for sentence in result.counts.measured:
        print(f"{'':<8}{sentence}", flush=True)


def show_tail(result: Result) -> None:
    """Print the last lines that a gate wrote."""
    path = BUILD / "gates" / result.gate.name / "log"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    print(f"\n--- {result.gate.name}: last lines of {path.relative_to(BUILD.parent)}")
    print("\n".join(lines[-TAIL:]))


def chosen(names: Sequence[str], *, fast: bool = False) -> list[Gate]:
    """Return the gates of these names; without names those of the fast lane, or all but optional ones.

    An unknown name ends the program.
    """
    known = {gate.name: gate for gate in GATES}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"Unknown gate: {', '.join(unknown)}. Choose from: {', '.join(known)}")
    if names:
        return [gate for gate in GATES if gate.name in names]
    return [gate for gate in GATES if (gate.fast if fast else not gate.optional)]


def main() -> int:
    """Run what the command line names; return the exit status."""
    parser = argparse.ArgumentParser(prog="run", description="Run the gates of this checkout.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a gate (default: all but optional ones)")
    parser.add_argument("--list", action="store_true", help="list the gates, and run none")
    parser.add_argument("--fast", action="store_true", help="run those that cost little time (make check)")
    arguments = parser.parse_args()
    gates = chosen(arguments.names, fast=arguments.fast)
    if arguments.list:
        for gate in gates:
            print(f"{gate.name:<20} {gate.what}")
        return 0
    for gate in gates:
        shutil.rmtree(BUILD / "gates" / gate.name, ignore_errors=True)
    results = perform_all(gates, os.cpu_count() or 1, FAST if arguments.fast else NOTHING)
    failed = [result for result in results if not result.ok]
    for result in failed:
        show_tail(result)
    passed = sum(result.counts.passed for result in results)
    print(f"{passed} passed, {sum(result.counts.failed for result in results)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
