# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make test-matrix``: the tests that depend on ansible-core and Python, on every supported pair.

``python -m tests.matrix.run [ENVIRONMENT …]`` (without names: all). Each one has a virtual environment under
``build/matrix``, which the next run uses again, and a log as a gate has (``build/gates/<environment>/log``). The
output ends with the table of docs/compatibility.md.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.gates.artefact import built
from tests.gates.collection import ansible_test, python_named
from tests.gates.gate import BUILD, CHECKOUT, Counts, Failed, Gate, Work, home
from tests.gates.link_checkout import point_at
from tests.gates.run import Result, perform, perform_all, show_tail
from tests.gates.running import CORES, counts
from tests.matrix.environments import (
    ALL_UNIT,
    DESELECTED,
    ENVIRONMENTS,
    RARE,
    TARGETS_ONCE,
    Environment,
    pinned,
    pins,
    versions,
)

PLACE = BUILD / "matrix"
SECONDS = 1800.0
"""The limit for one step of an environment."""
SHOWN = ("msal", "requests", "urllib3")
VERSIONS = (
    "import platform, importlib.metadata as m; "
    f"print(platform.python_version(), *(m.version(name) for name in {SHOWN!r}))"
)
HEAD = ("ansible-core", "Python", " / ".join(SHOWN), "unit tests", "integration tests", "sanity tests")


@dataclass
class Run:
    """The run of an environment. ``results``: the cells of its row in the table, by the names of ``HEAD``."""

    environment: Environment
    python: Path | None
    results: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> Path:
        """The virtual environment."""
        return PLACE / self.environment.name

    @property
    def weight(self) -> int:
        """How long it takes, roughly: the longest start first."""
        chosen = self.environment
        return (
            2 * (chosen.unit is ALL_UNIT) + 2 * (chosen.integration is not TARGETS_ONCE) + (chosen.sanity is not None)
        )

    def check(self, work: Work, artefact: Path) -> Counts:
        """Prepare the environment and run all of its steps, also after one that failed."""
        steps: dict[str, Callable[[], Counts]] = {
            "unit tests": lambda: pytest(work, self, "unit", ("-m", DESELECTED, *self.environment.unit)),
            "integration tests": lambda: integration(work, self, artefact),
        }
        if (chosen := self.environment.sanity) is not None:
            steps["sanity tests"] = lambda: sanity(work, self, chosen)
        self.results |= dict.fromkeys(steps, "FAILED")
        prepare(work, self)
        total = Counts(0, 0)
        for name, step in steps.items():
            try:
                found = step()
            except Failed as error:
                work.say(f"{name}: {error}")
                found = Counts(0, 1)
            total = Counts(total.passed + found.passed, total.failed + found.failed)
            self.results[name] = f"{found.failed} FAILED" if found.failed else f"{found.passed}"
        return total


def prepare(work: Work, run: Run) -> None:
    """Make the virtual environment unless it exists with exactly these versions; note its versions."""
    texts = {
        name: (CHECKOUT / name).read_text(encoding="utf-8")
        for name in (
            "requirements.txt",
            "requirements/tenant.txt",
            "requirements/test.txt",
        )
    }
    constraints = versions((CHECKOUT / "requirements/locked/development.txt").read_text(encoding="utf-8"))
    chosen = pinned(constraints, pins(run.environment, constraints, texts["requirements.txt"]))
    wanted = hashlib.sha256("\0".join([str(run.python), *texts.values(), chosen]).encode()).hexdigest()
    stamp = run.place / "stamp"
    inside = run.place / "bin" / "python"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        work.run(str(run.python), "-m", "venv", "--clear", run.place)
        file = run.place / "constraints.txt"
        file.write_text(chosen, encoding="utf-8")
        needs = [word for name in texts for word in ("--requirement", name)]
        pip = (inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        work.run(*pip, "pip", "--constraint", file)
        work.run(*pip, *needs, "ansible-core", "--constraint", file)
        work.run(inside, "-m", "pip", "check")
        point_at(next(run.place.glob("lib/python*/site-packages")))
        stamp.write_text(wanted, encoding="utf-8")
    version, *needed = work.run(inside, "-c", VERSIONS).split()
    run.results |= {"Python": version, " / ".join(SHOWN): " / ".join(needed)}


def variables(run: Run) -> dict[str, str]:
    """Return variables that select the environment for every command of a step."""
    path = os.pathsep.join([str(run.place / "bin"), os.environ.get("PATH", os.defpath)])
    return {"PATH": path, "VIRTUAL_ENV": str(run.place), "HOME": str(home(run.place / "home"))}


def pytest(work: Work, run: Run, step: str, tests: Sequence[str], settings: dict[str, str] | None = None) -> Counts:
    """Run tests with the Python of the environment, on one core: other environments use the other cores."""
    report = work.folder / f"{step}.xml"
    apart = ("-p", "no:xdist", "-o", f"cache_dir={work.folder / 'pytest'}")
    work.run(
        run.place / "bin" / "python",
        *("-m", "pytest", "--junit-xml", str(report), *apart, *tests),
        variables=variables(run) | (settings or {}),
        may_end_with=(0, 1),
        seconds=SECONDS,
    )
    return counts(report, " ".join(tests))


def integration(work: Work, run: Run, artefact: Path) -> Counts:
    """Install the artefact with the ansible-galaxy of the environment, and test it."""
    place = work.folder / "collections"
    galaxy = run.place / "bin" / "ansible-galaxy"
    work.run(galaxy, "collection", "install", "--force", "--no-deps", "-p", place, artefact, variables=variables(run))
    return pytest(work, run, "integration", run.environment.integration, {"M365_TEST_COLLECTIONS": str(place)})


def sanity(work: Work, run: Run, chosen: Sequence[str]) -> Counts:
    """Run all tests of ``ansible-test sanity`` on the Python of the environment."""
    printed = ansible_test(work, run.place / "bin", variables(run), "--python", run.environment.python, *chosen)
    return Counts(printed.count("Running sanity test "), 0)


def table(runs: Sequence[Run]) -> str:
    """Return the results as a table in Markdown."""
    rows = [[run.environment.core, *(run.results.get(name, "-") for name in HEAD[1:])] for run in runs]
    return "\n".join(f"| {' | '.join(row)} |" for row in (HEAD, ("---",) * len(HEAD), *rows))


def attempt(runs: Sequence[Run]) -> list[Result]:
    """Build the collection once, and test it in all environments whose Python this machine has."""
    for run in runs:
        if run.python is None:
            run.results = {"Python": run.environment.python} | dict.fromkeys(HEAD[2:], "not here")
    artefacts: list[Path] = []
    made = perform(Gate("matrix-artefact", "build the collection", lambda work: artefacts.append(built(work))))
    if not made.ok:
        return [made]
    # Tests wait at times, so one more than the number of cores keeps all cores busy.
    here = sorted((run for run in runs if run.python), key=lambda run: -run.weight)
    gates = [Gate(run.environment.name, "", partial(run.check, artefact=artefacts[0])) for run in here]
    return perform_all(gates, CORES + 1)


def main(names: Sequence[str]) -> int:
    """Test in the environments of these names, or in all; return the exit status."""
    known = [environment.name for environment in ENVIRONMENTS]
    if unknown := set(names) - set(known):
        sys.exit(f"Unknown environment: {', '.join(sorted(unknown))}. Choose from: {', '.join(known)}")
    began = time.monotonic()
    chosen = [environment for environment in ENVIRONMENTS if not names or environment.name in names]
    runs = [Run(environment, python_named(f"python{environment.python}")) for environment in chosen]
    for name in ("matrix-artefact", *(run.environment.name for run in runs)):
        shutil.rmtree(BUILD / "gates" / name, ignore_errors=True)
    results = attempt(runs)
    failed = [result for result in results if not result.ok]
    for result in failed:
        show_tail(result)
    absent = [run.environment for run in runs if run.python is None]
    needed = [environment.name for environment in absent if names or environment.python not in RARE]
    minutes = (time.monotonic() - began) / 60
    passed = len(results) - len(failed)
    counted = f"{passed} environments passed, {len(failed)} failed, {len(absent)} without their Python"
    print(f"\n{counted}; {minutes:.0f} minutes\n")
    if needed:
        print(f"Not tested, because their Python is missing: {', '.join(needed)}.\n")
    print(table(runs))
    return 1 if failed or needed or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
