# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements that several files repeat and must agree on, and text that no file may hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.gates.gate import CHECKOUT, Failed, Gate, Work, own_files
from tests.matrix.environments import ENVIRONMENTS

LINES = 600
"""The longest a file may be, without a module's documentation, which Ansible wants in the same file."""
DOCUMENTATION = re.compile(r'^(?:DOCUMENTATION|EXAMPLES|RETURN) = r""".*?^"""$', re.MULTILINE | re.DOTALL)
TABLES = (
    "plugins/module_utils/_licensing/catalog_data.py",
    "plugins/module_utils/_common/countries.py",
    "tests/clients/package-lock.json",
    *(f"requirements/locked/{name}.txt" for name in ("clients", "development", "mutants", "runtime")),
)
"""Files of data, and files that a tool writes."""
OF_OTHERS = ("COPYING", "LICENSES", "data")
MACHINE = re.compile(r"(?<![\w.\-~}/])/(?:work|root|Users|home/(?!user\b)\w+)/\w")
"""A path that exists on one machine only."""
VERSION_TABLE = re.compile(r"^\| ansible-core \| Python \|.*\n(?:\|.*\n)+", re.MULTILINE)
IGNORING = re.compile(r"(?:^|/)(?:tests/sanity/ignore[^/]*|\.ansible-lint-ignore|\.pylintrc|\.flake8)$")


def text_files() -> Iterator[tuple[Path, str]]:
    """Yield our own files with their text, without licenses and tables of others."""
    for file in own_files():
        if file.parts[0] not in OF_OTHERS:
            yield file, (CHECKOUT / file).read_text(encoding="utf-8")


def read_yaml(path: Path) -> Any:
    """Return the value of a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def requirements(work: Work) -> None:
    """requirements.txt names the same as the file of execution environments."""
    one, other = (
        {line for line in (CHECKOUT / name).read_text(encoding="utf-8").splitlines() if line and line[0] != "#"}
        for name in ("requirements.txt", "meta/ee-requirements.txt")
    )
    work.fail_if_any(sorted(one ^ other), "make requirements.txt and meta/ee-requirements.txt equal")


def role_defaults(work: Work) -> None:
    """Each role documents the defaults that it has."""
    findings = []
    roles = sorted(path.parent.parent for path in CHECKOUT.glob("roles/*/meta/argument_specs.yml"))
    work.say(f"roles: {[role.name for role in roles]}")
    for role in roles:
        options = read_yaml(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
        documented = {name: option["default"] for name, option in options.items() if "default" in option}
        has = read_yaml(role / "defaults" / "main.yml")
        for name in sorted(documented.keys() | has.keys()):
            one, other = (source.get(name, "no default") for source in (documented, has))
            if one != other or type(one) is not type(other):
                findings.append(f"{role.name}: {name} is {one!r} in argument_specs.yml, {other!r} in defaults/main.yml")
    without = [role.name for role in CHECKOUT.glob("roles/*/tasks") if role.parent not in roles]
    work.fail_if_any(findings + without, "make argument_specs.yml and defaults/main.yml agree in every role")


def action_group(work: Work) -> None:
    """Every module is in the action group, and documents it."""
    modules = sorted(path.stem for path in CHECKOUT.glob("plugins/modules/*.py"))
    group = read_yaml(CHECKOUT / "meta" / "runtime.yml")["action_groups"]["m365"]
    findings = [f"{name}: in plugins/modules or in meta/runtime.yml, not in both" for name in {*modules} ^ {*group}]
    names = [f"m365.licensing.{name}" for name in modules]
    shown = json.loads(work.run("ansible-doc", "--type", "module", "--json", *names))
    for name in names:
        attribute = shown.get(name, {}).get("doc", {}).get("attributes", {}).get("action_group", {})
        if attribute.get("membership") != ["m365.licensing.m365"]:
            findings.append(f"{name}: its attribute action_group is {attribute.get('membership')}")
    work.fail_if_any(sorted(findings), "correct the action group, so that its module_defaults apply")


def nothing_ignored(work: Work) -> None:
    """No file tells a tool to ignore findings."""
    files = [str(file) for file in own_files() if IGNORING.search(str(file))]
    work.fail_if_any(files, "correct the findings instead of ignoring them")


def machine_paths(work: Work) -> None:
    """No file names a path of one machine."""
    work.fail_if_any(
        (
            f"{file}:{number}: {line.strip()}"
            for file, text in text_files()
            for number, line in enumerate(text.splitlines(), 1)
            if MACHINE.search(line)
        ),
        "use paths that exist in every checkout",
    )


def file_length(work: Work) -> None:
    """No file is longer than the limit."""
    lengths = (
        (file, DOCUMENTATION.sub("", text).count("\n")) for file, text in text_files() if str(file) not in TABLES
    )
    findings = [f"{file}: {lines} lines" for file, lines in lengths if lines > LINES]
    work.fail_if_any(findings, f"split it by purpose: {LINES} lines are the limit")


def tested_versions(work: Work) -> None:
    """The table of docs/compatibility.md names each environment of ``make test-matrix``, and none that failed."""
    table = VERSION_TABLE.search((CHECKOUT / "docs" / "compatibility.md").read_text(encoding="utf-8"))
    if table is None:
        raise Failed("docs/compatibility.md has no table of tested versions")
    rows = [[entry.strip() for entry in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]
    documented = {(row[0], ".".join(row[1].split(".")[:2])) for row in rows}
    environments = {(environment.core, environment.python) for environment in ENVIRONMENTS}
    findings = [
        f"in docs/compatibility.md or in tests/matrix/environments.py, not in both: {pair}"
        for pair in sorted(documented ^ environments)
    ]
    findings += [f"failed: {row}" for row in rows if any("FAILED" in entry for entry in row)]
    oldest = read_yaml(CHECKOUT / "meta" / "runtime.yml")["requires_ansible"].removeprefix(">=")
    if oldest not in {environment.core for environment in ENVIRONMENTS}:
        findings.append(f"meta/runtime.yml promises {oldest}, which no environment tests")
    work.fail_if_any(findings, "run make test-matrix, and put its table into docs/compatibility.md")


GATES = (
    Gate("requirements", "users and execution environments install the same", requirements, fast=True),
    Gate("role-defaults", "argument_specs.yml and defaults/main.yml agree", role_defaults, fast=True),
    Gate("action-group", "every module is in the action group", action_group),
    Gate("nothing-ignored", "no file tells a tool to ignore findings", nothing_ignored, fast=True),
    Gate("tested-versions", "the table of versions is that of make test-matrix", tested_versions, fast=True),
    Gate("machine-paths", "no file names a path of one machine", machine_paths, fast=True),
    Gate("file-length", f"no file has more than {LINES} lines", file_length, fast=True),
)
