# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gates that run pytest: on the parts, on the checkout as a whole, and on the installed artefact."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from tests.gates.artefact import installed
from tests.gates.gate import SECONDS, Counts, Failed, Gate, Work

CORES = os.cpu_count() or 1
MEASURED = "measured"
"""The property under which a test records a measured value for its reader."""
FUNCTIONAL_SECONDS, INTEGRATION_SECONDS, LONG_SECONDS = 1800.0, 1800.0, 3600.0
"""Limits for tests that hang; a slow machine needs ten minutes for the unit tests."""
FUNCTIONAL = ("tests/functional", "tests/simulator")


def pytest(
    work: Work,
    tests: Sequence[str],
    collections: Path | None = None,
    *,
    more: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> Counts:
    """Run tests on all cores, against the collection in ``collections`` if given. A skipped test counts as failed.

    Tests wait at times, so one worker more than the number of cores keeps all cores busy. Tests of one file share a
    tenant and stay together until a worker is idle.
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
    """Return the counts of pytest's report. A skipped test counts as failed; a run without tests raises ``Failed``."""
    root = ElementTree.parse(report)  # noqa: S314 - pytest has just written it
    suites = list(root.iter("testsuite"))
    total = sum(int(suite.get("tests", 0)) for suite in suites)
    failed = sum(int(suite.get(kind, 0)) for suite in suites for kind in ("errors", "failures", "skipped"))
    if not total:
        raise Failed(f"pytest found no test in {tests}")
    measured = (item.get("value", "") for item in root.iter("property") if item.get("name") == MEASURED)
    return Counts(max(0, total - failed), failed, tuple(measured))


def unit(work: Work) -> Counts:
    """Tests that need no server."""
    return pytest(work, ["tests/unit"])


def functional(work: Work) -> Counts:
    """Tests of the plugins against the simulated tenant, and tests of that tenant."""
    return pytest(work, FUNCTIONAL, seconds=FUNCTIONAL_SECONDS)


def long(work: Work) -> Counts:
    """Random tests of the parts with many examples."""
    chosen = ("-m", "long or random")
    return pytest(work, ["tests/unit", *FUNCTIONAL], more=chosen, settings={"M365_LONG": "1"}, seconds=LONG_SECONDS)


def integration(work: Work) -> Counts:
    """Modules, role and playbooks by ansible-playbook against the simulated tenant; a warning in a run fails it.

    The plugins are those of the installed artefact, as users get them. The gate ``artefact`` compares its files with
    those of the checkout.
    """
    return pytest(work, ["tests/integration"], installed(work), seconds=INTEGRATION_SECONDS)


def checkout(work: Work) -> Counts:
    """The integration tests on the checkout, without building it."""
    return pytest(work, ["tests/integration"], seconds=INTEGRATION_SECONDS)


GATES = (
    Gate("unit", "tests that need no server", unit, 1, fast=True),
    # It starts while the last gate of one core runs, and ends after it.
    Gate("functional", "tests against the simulated tenant, and tests of it", functional, 1),
    Gate("long", "random tests with many examples (make test-long)", long, CORES, optional=True),
    Gate("integration", "the collection built, installed, and run against the simulated tenant", integration, CORES),
    Gate("checkout", "the integration tests on the checkout", checkout, CORES, optional=True),
)
