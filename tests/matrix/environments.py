# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environments of ``make test-matrix``: an ansible-core on a Python, and the tests that run there.

Each series of ansible-core is tested on each Python that its controller supports. Tests that depend on neither are not
repeated: random tests, and most pure ones. The oldest versions and the newest Python run all other tests, as
``make test`` does with the newest libraries. Among the rest, each Python runs the tests of the parts once; each series
runs the integration tests, the sanity tests of the plugins, and the unit tests that start Ansible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ALL_UNIT = (
    *("tests/unit", "tests/functional", "tests/simulator"),
    # Audits of whole tenants under many faults and switches: long, and covered by tests of the parts.
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
"""The output at the highest verbosity depends on the series alone."""
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
    "--ignore=tests/functional/properties/test_quoting_parsers.py",  # tests parsers of other projects as well
    *(f"--ignore=tests/{name}" for name in WHOLE_RUNS),
    *(f"--ignore={name}" for name in UNIT_OF_SERIES),
)
ALL_INTEGRATION = (
    "tests/integration",
    # Check mode and diff do not change modules that only read.
    *("-k", "not (test_target and (auth or info or audit) and (check or diff))"),
)
INTEGRATION = (
    "tests/integration",
    # Signing in and examples depend on modules alone; the role covers check mode and diff of modules that write.
    *("-k", "not (check or diff or auth or examples_of_a_module) or role or test_collection or test_secrets"),
)
TARGETS_ONCE = (
    "tests/integration/test_targets.py",
    "tests/integration/test_collection.py",
    *("-k", "test_collection or (normal and (m365_subscription_info or playbook))"),
)
"""A module that reads; playbooks that run the role, plan and write; a check that the installed collection runs."""
DESELECTED = "not random and not long"
RARE = ("3.14",)
"""Pythons that a machine may lack; without any other one the matrix fails."""
ALL_SANITY: tuple[str, ...] = ()
SANITY = ("--exclude", "tests/")
"""Arguments of ``ansible-test sanity``."""


@dataclass(frozen=True)
class Environment:
    """One version of ansible-core on one Python. ``oldest``: with the oldest supported msal, requests and urllib3."""

    core: str
    python: str
    unit: tuple[str, ...] = UNIT_WITH_ANSIBLE
    integration: tuple[str, ...] = TARGETS_ONCE
    sanity: tuple[str, ...] | None = None
    oldest: bool = False

    @property
    def series(self) -> str:
        """The series of ansible-core, such as 2.16."""
        return self.core.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The name on the command line and of the folder, such as 2.16-py3.10."""
        return f"{self.series}-py{self.python}"


ENVIRONMENTS = (
    Environment("2.16.0", "3.10", ALL_UNIT, ALL_INTEGRATION, oldest=True),  # The oldest of everything.
    Environment("2.16.19", "3.11", sanity=ALL_SANITY),
    Environment("2.16.19", "3.12"),
    Environment("2.17.14", "3.10", UNIT_OF_SERIES, INTEGRATION),
    Environment("2.17.14", "3.11"),
    Environment("2.17.14", "3.12", sanity=SANITY),
    Environment("2.18.19", "3.11", UNIT_OF_PARTS),
    Environment("2.18.19", "3.12", UNIT_OF_SERIES, INTEGRATION),
    Environment("2.18.19", "3.13", sanity=SANITY),
    Environment("2.19.14", "3.11", UNIT_OF_SERIES, INTEGRATION),
    Environment("2.19.14", "3.12", UNIT_OF_PARTS),
    Environment("2.19.14", "3.13", sanity=SANITY),
    Environment("2.20.10", "3.12", UNIT_OF_SERIES, INTEGRATION, sanity=SANITY),
    Environment("2.20.10", "3.13", UNIT_OF_PARTS),
    Environment("2.20.10", "3.14"),
    Environment("2.21.5", "3.12", sanity=ALL_SANITY, oldest=True),
    Environment("2.21.5", "3.13", UNIT_OF_SERIES, ALL_INTEGRATION),
    Environment("2.21.5", "3.14", ALL_UNIT),
)
RESOLVELIB = {"2.16": "1.0.1", "2.17": "1.0.1", "2.18": "1.0.1"}
"""Versions for series that cannot use the one in requirements/locked/development.txt."""
BESIDE_OLDEST = {"cryptography": "44.0.3"}
"""The version that the msal of ``oldest`` allows."""


def pins(environment: Environment, constraints: str, requirements: str) -> dict[str, str]:
    """Return the versions of an environment that differ from ``constraints``, from the texts of both files.

    The oldest versions are the lower bounds of requirements.txt, so that its promise is tested.
    """
    found = {"ansible-core": environment.core}
    if environment.series in RESOLVELIB:
        found["resolvelib"] = RESOLVELIB[environment.series]
    if environment.oldest:
        found |= lower_bounds(requirements) | BESIDE_OLDEST
    unknown = {name for name in found if f"\n{name}==" not in f"\n{constraints}"}
    if unknown:
        raise ValueError(f"requirements/locked/development.txt does not pin {sorted(unknown)}")
    return found


def versions(locked: str) -> str:
    """Return the pins of a locked file without hashes: some versions of an environment have no pinned hash."""
    return "".join(f"{line.rstrip(chr(92)).rstrip()}\n" for line in locked.splitlines() if "==" in line)


def lower_bounds(requirements: str) -> dict[str, str]:
    """From ``name>=1.2,<3`` to ``{name: 1.2}``."""
    lines = (line.partition("#")[0].strip() for line in requirements.splitlines())
    split = (line.partition(",")[0].partition(">=") for line in lines if line)
    return {name: version for name, _sign, version in split}


def pinned(constraints: str, changed: Mapping[str, str]) -> str:
    """Return the text of a constraints file with some versions replaced."""
    kept = [line for line in constraints.splitlines() if line.partition("==")[0] not in changed]
    return "\n".join([*kept, *(f"{name}=={version}" for name, version in changed.items()), ""])
