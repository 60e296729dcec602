# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ansible-core is tried on which Python, and what is tried there.

Each series of ansible-core is tried on each Python that its controller supports. What depends on neither is not
repeated: random tests draw what other tests hold, and most tests of the parts are pure. The oldest of everything and
the newest Python run all others, as ``make test`` does with the newest libraries; between them each Python runs the
tests of the parts once, each series the integration tests, the sanity tests of what the collection runs, and the unit
tests that start Ansible. Every other cell runs the most of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ALL_UNIT = (
    *("tests/unit", "tests/functional", "tests/simulator"),
    # Audits of whole tenants under many faults and switches: long, and their parts have tests of their own.
    "--ignore=tests/functional/faults/test_audit_faults.py",
    "--ignore=tests/unit/plugins/module_utils/_planning/test_properties.py",
    "--ignore=tests/functional/properties/test_unverified.py",
)
MODULE_TESTS = (
    "tests/functional/modules/test_module.py",  # options, defaults, results, no_log, and runs with -vvvvv
    "tests/unit/plugins/module_utils/_ansible/test_module.py",  # what exit_json takes
)
UNIT_OF_SERIES = (
    *MODULE_TESTS,
    "tests/functional/modules/test_license_info.py",  # check mode and results of modules
    "tests/functional/faults/test_interrupted.py",  # signals: from 2.19 on, workers have sessions of their own
)
UNIT_WITH_ANSIBLE = (*MODULE_TESTS, "-k", "not most_talkative")
"""What is shown at the most talkative is a matter of the series."""
WHOLE_RUNS = (
    "functional/audit/test_audit_signals.py",
    "functional/audit/test_audit_strategies.py",
    "functional/audit/test_audit_tenant.py",
    "functional/services/test_get_by_ids.py",
    "functional/faults/test_killed.py",
    "functional/audit/test_large_results.py",
    "functional/audit/test_many_tenants.py",
    "functional/remediate/test_planner.py",
    "functional/remediate/test_planner_two_mailboxes_per_user.py",
    "functional/modules/test_progress.py",
    "functional/audit/test_full_scan.py",
    "functional/audit/test_urgency.py",
    "functional/assign/test_user_licenses_budget.py",
    "functional/faults/test_user_licenses_faults.py",
    "functional/faults/test_write_faults.py",
    "functional/faults/test_wrong_shapes.py",
)
"""Tests of whole runs under many faults and switches."""
UNIT_OF_PARTS = (
    *ALL_UNIT,
    "--ignore=tests/simulator/tests",  # of the simulated tenant, not of the collection
    "--ignore=tests/functional/properties/test_quoting_parsers.py",  # as much one of others' parsers
    *(f"--ignore=tests/{name}" for name in WHOLE_RUNS),
    *(f"--ignore={name}" for name in UNIT_OF_SERIES),
)
ALL_INTEGRATION = (
    "tests/integration",
    # Modes make no difference to modules that only read.
    *("-k", "not (test_target and (auth or info or audit) and (check or diff))"),
)
INTEGRATION = (
    "tests/integration",
    # Signing in and the examples are the modules' own; the role shows check mode and diff of what writes.
    *("-k", "not (check or diff or auth or examples_of_a_module) or role or test_collection or test_secrets"),
)
TARGETS_ONCE = (
    "tests/integration/test_targets.py",
    "tests/integration/test_collection.py",
    *("-k", "test_collection or (normal and (m365_subscription_info or playbook))"),
)
"""A module that reads; playbooks, by which role, plan and writing run; that it is what was installed that runs."""
NOT_SELECTED = "not random and not long"
RARE = ("3.14",)
"""Pythons that a machine may lack: without any other the matrix has not passed."""
ALL_SANITY: tuple[str, ...] = ()
SANITY = ("--exclude", "tests/")
"""Arguments of ``ansible-test sanity``."""


@dataclass(frozen=True)
class Cell:
    """One version of ansible-core on one Python. ``oldest``: with the oldest msal, requests and urllib3 supported."""

    core: str
    python: str
    unit: tuple[str, ...] = UNIT_WITH_ANSIBLE
    integration: tuple[str, ...] = TARGETS_ONCE
    sanity: tuple[str, ...] | None = None
    oldest: bool = False

    @property
    def series(self) -> str:
        """Such as 2.16."""
        return self.core.rpartition(".")[0]

    @property
    def name(self) -> str:
        """Such as 2.16-py3.10: also that of a folder."""
        return f"{self.series}-py{self.python}"


CELLS = (
    Cell("2.16.0", "3.10", ALL_UNIT, ALL_INTEGRATION, oldest=True),  # The oldest of everything.
    Cell("2.16.19", "3.11", sanity=ALL_SANITY),
    Cell("2.16.19", "3.12"),
    Cell("2.17.14", "3.10", UNIT_OF_SERIES, INTEGRATION),
    Cell("2.17.14", "3.11"),
    Cell("2.17.14", "3.12", sanity=SANITY),
    Cell("2.18.19", "3.11", UNIT_OF_PARTS),
    Cell("2.18.19", "3.12", UNIT_OF_SERIES, INTEGRATION),
    Cell("2.18.19", "3.13", sanity=SANITY),
    Cell("2.19.14", "3.11", UNIT_OF_SERIES, INTEGRATION),
    Cell("2.19.14", "3.12", UNIT_OF_PARTS),
    Cell("2.19.14", "3.13", sanity=SANITY),
    Cell("2.20.10", "3.12", UNIT_OF_SERIES, INTEGRATION, sanity=SANITY),
    Cell("2.20.10", "3.13", UNIT_OF_PARTS),
    Cell("2.20.10", "3.14"),
    Cell("2.21.5", "3.12", sanity=ALL_SANITY, oldest=True),
    Cell("2.21.5", "3.13", UNIT_OF_SERIES, ALL_INTEGRATION),
    Cell("2.21.5", "3.14", ALL_UNIT),
)
RESOLVELIB = {"2.16": "1.0.1", "2.17": "1.0.1", "2.18": "1.0.1"}
"""Series that want another one than requirements/locked/development.txt has."""
BESIDE_OLDEST = {"cryptography": "44.0.3"}
"""What msal of ``oldest`` allows; the newest is too new for it."""


def pins(cell: Cell, constraints: str, requirements: str) -> dict[str, str]:
    """The versions of a cell that differ from ``constraints``, for the texts of both files.

    The oldest versions are the lower bounds of requirements.txt: what it promises is what is tried.
    """
    found = {"ansible-core": cell.core}
    if cell.series in RESOLVELIB:
        found["resolvelib"] = RESOLVELIB[cell.series]
    if cell.oldest:
        found |= lower_bounds(requirements) | BESIDE_OLDEST
    unknown = {name for name in found if f"\n{name}==" not in f"\n{constraints}"}
    if unknown:
        raise ValueError(f"requirements/locked/development.txt does not pin {sorted(unknown)}")
    return found


def versions(locked: str) -> str:
    """The pins of a locked file without their hashes: a cell has some other versions, of which no hash is known."""
    return "".join(f"{line.rstrip(chr(92)).rstrip()}\n" for line in locked.splitlines() if "==" in line)


def lower_bounds(requirements: str) -> dict[str, str]:
    """From ``name>=1.2,<3`` to ``{name: 1.2}``."""
    lines = (line.partition("#")[0].strip() for line in requirements.splitlines())
    split = (line.partition(",")[0].partition(">=") for line in lines if line)
    return {name: version for name, _sign, version in split}


def pinned(constraints: str, changed: Mapping[str, str]) -> str:
    """The text of a constraints file with some versions replaced."""
    kept = [line for line in constraints.splitlines() if line.partition("==")[0] not in changed]
    return "\n".join([*kept, *(f"{name}=={version}" for name, version in changed.items()), ""])
