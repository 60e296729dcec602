# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gates that run pytest: of the parts, of the whole from the checkout, and of the whole as Galaxy would install it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from tests.gates.artefact import installed
from tests.gates.gate import SECONDS, Counts, Failed, Gate, Work

CORES = os.cpu_count() or 1
MEASURED = "measured"
"""A test records a property of this name where a person is to read what it measured."""
FUNCTIONAL_SECONDS, LONG_SECONDS = 1800.0, 3600.0
FUNCTIONAL = ("tests/functional", "tests/simulator")
"""Limits for what hangs: a slow machine takes ten minutes for the unit tests."""


def pytest(
    work: Work,
    tests: Sequence[str],
    collections: Path | None = None,
    *,
    more: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> Counts:
    """Run tests on all cores, against the collection in ``collections`` if given. A test that is skipped has failed.

    Tests wait now and then: one more at a time than there are cores keeps these busy. Tests of one file stay together,
    as they share a tenant, until somebody has nothing to do.
    """
    report = work.folder / "report.xml"
    variables = dict(settings or {})
    if collections is not None:
        variables["M365_TEST_COLLECTIONS"] = str(collections)
    work.run(
        *("pytest", *tests, "--numprocesses", str(CORES + 1), "--dist", "worksteal", "--junit-xml", str(report), *more),
        variables=variables,
        may_end_with=(0, 1),
        seconds=seconds,
    )
    return counts(report, " ".join(tests))


def counts(report: Path, tests: str) -> Counts:
    """What pytest's report says. A test that was skipped has failed, and so has a run without tests."""
    root = ElementTree.parse(report)  # noqa: S314 - pytest has just written it
    suites = list(root.iter("testsuite"))
    total = sum(int(suite.get("tests", 0)) for suite in suites)
    failed = sum(int(suite.get(kind, 0)) for suite in suites for kind in ("errors", "failures", "skipped"))
    if not total:
        raise Failed(f"{tests} holds no test")
    measured = (item.get("value", "") for item in root.iter("property") if item.get("name") == MEASURED)
    return Counts(max(0, total - failed), failed, tuple(measured))


def unit(work: Work) -> Counts:
    """Tests that need no server."""
    return pytest(work, ["tests/unit"])


def functional(work: Work) -> Counts:
    """Tests of the plugins against the simulated tenant, and of the tenant itself."""
    return pytest(work, FUNCTIONAL, seconds=FUNCTIONAL_SECONDS)


def long(work: Work) -> Counts:
    """Those tests of the parts that are random, and take long by their number."""
    chosen = ("-m", "long or random")
    return pytest(work, ["tests/unit", *FUNCTIONAL], more=chosen, settings={"M365_LONG": "1"}, seconds=LONG_SECONDS)


def integration(work: Work) -> Counts:
    """Modules, role and playbooks by ansible-playbook against the simulated tenant; a warning in a run fails it.

    They are those that ``ansible-galaxy collection install`` makes of the built artefact: what users get is tested.
    That it holds the checkout's files is what the gate ``artefact`` is for.
    """
    return pytest(work, ["tests/integration"], installed(work))


def checkout(work: Work) -> Counts:
    """The same of the checkout, for whoever is at work on it."""
    return pytest(work, ["tests/integration"])


GATES = (
    Gate("unit", "tests that need no server", unit, 1),
    # These begin beside the last gate of one core, and still run when that has ended.
    Gate("functional", "tests against the simulated tenant, and of it", functional, 1),
    Gate("long", "random tests of the parts in numbers (make test-long)", long, CORES, asked=True),
    Gate("integration", "the collection built, installed, and run against the simulated tenant", integration, CORES),
    Gate("checkout", "the tests of integration without building", checkout, CORES, asked=True),
)
