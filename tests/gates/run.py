# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the gates: ``python -m tests.gates.run [--list] [NAME …]`` (without names: all that need no asking).

Each gate is one line when it ends. Its output is ``build/gates/<name>/log``; the tails of those that failed are shown.
The last line counts: each test case of a pytest run, and one for every other gate. A gate that cannot run has failed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
import traceback
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from tests.gates import agreements, artefact, clients, collection, python, running
from tests.gates.gate import BUILD, Counts, Failed, Gate, Work

GATES: tuple[Gate, ...] = (
    *python.GATES,
    *agreements.GATES,
    *collection.GATES,
    *artefact.GATES,
    *running.GATES,
    *clients.GATES,
)
TAIL = 60
"""So many lines of what failed are shown."""


@dataclass(frozen=True)
class Result:
    """What became of a gate."""

    gate: Gate
    counts: Counts
    seconds: float
    trouble: str

    @property
    def ok(self) -> bool:
        """Nothing failed."""
        return not self.counts.failed and not self.trouble


def perform(gate: Gate) -> Result:
    """Run one gate and log it."""
    folder = BUILD / "gates" / gate.name
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    counts, trouble = Counts(1, 0), ""
    with (folder / "log").open("a", encoding="utf-8") as log:
        work = Work(gate.name, log, folder)
        try:
            counts = gate.check(work) or counts
        except Failed as error:
            counts, trouble = Counts(0, 1), str(error)
        except Exception as error:  # A mistake in a gate must not keep the others from running.
            counts, trouble = Counts(0, 1), repr(error)
            work.say(traceback.format_exc())
        if trouble:
            work.say(trouble)
    return Result(gate, counts, time.monotonic() - began, trouble)


def perform_all(gates: Sequence[Gate], cores: int) -> list[Result]:
    """Run the gates, no more at a time than there are cores for, and print a line as each ends."""
    waiting, results = deque(gates), []
    running: dict[Future[Result], Gate] = {}
    with ThreadPoolExecutor(max_workers=max(1, len(gates))) as pool:
        while waiting or running:
            free = cores - sum(gate.cores for gate in running.values())
            for gate in [*waiting]:
                if gate.cores <= free or not running:
                    waiting.remove(gate)
                    running[pool.submit(perform, gate)] = gate
                    free -= gate.cores
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                del running[future]
                results.append(future.result())
                show(results[-1])
    return results


def show(result: Result) -> None:
    """How it ended, how long it took, and the counts where it is more than one test; then what was measured."""
    passed, failed = result.counts.passed, result.counts.failed
    said = result.trouble.partition("\n")[0] or (f"{passed} passed, {failed} failed" if passed + failed > 1 else "")
    ended = "ok" if result.ok else "FAILED"
    print(f"{ended:<6}  {result.gate.name:<20} {result.seconds:6.1f} s  {said}".rstrip(), flush=True)
    for sentence in result.counts.measured:
        print(f"{'':<8}{sentence}", flush=True)


def show_tail(result: Result) -> None:
    """The last lines that a gate wrote."""
    path = BUILD / "gates" / result.gate.name / "log"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    print(f"\n--- {result.gate.name}: last lines of {path.relative_to(BUILD.parent)}")
    print("\n".join(lines[-TAIL:]))


def chosen(names: Sequence[str]) -> list[Gate]:
    """The gates of these names (all that need no asking without names), in their own order. An unknown name: exit."""
    known = {gate.name: gate for gate in GATES}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"no such gate: {', '.join(unknown)}. There are: {', '.join(known)}")
    return [gate for gate in GATES if (gate.name in names if names else not gate.asked)]


def main() -> int:
    """What the command line asks for; the exit status."""
    parser = argparse.ArgumentParser(prog="run", description="Run the gates of this checkout.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a gate (default: all)")
    parser.add_argument("--list", action="store_true", help="say which gates there are, and run none")
    arguments = parser.parse_args()
    gates = chosen(arguments.names)
    if arguments.list:
        for gate in gates:
            print(f"{gate.name:<20} {gate.what}")
        return 0
    for gate in gates:
        shutil.rmtree(BUILD / "gates" / gate.name, ignore_errors=True)
    results = perform_all(gates, os.cpu_count() or 1)
    failed = [result for result in results if not result.ok]
    for result in failed:
        show_tail(result)
    passed = sum(result.counts.passed for result in results)
    print(f"{passed} passed, {sum(result.counts.failed for result in results)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
