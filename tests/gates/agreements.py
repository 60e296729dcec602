# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several files say alike, and what no file may say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.gates.gate import CHECKOUT, Gate, Work, own_files
from tests.matrix.cells import CELLS

LINES = 600
"""A longer file asks to be split. A module's documentation must stand in its file, and is not counted."""
DOCUMENTATION = re.compile(r'^(?:DOCUMENTATION|EXAMPLES|RETURN) = r""".*?^"""$', re.MULTILINE | re.DOTALL)
TABLES = (
    "plugins/module_utils/_licensing/catalog_data.py",
    "plugins/module_utils/_common/countries.py",
    "tests/clients/package-lock.json",
    *(f"requirements/locked/{name}.txt" for name in ("clients", "development", "runtime")),
)
"""Data that happens to stand in a file of code, or that a tool wrote."""
FOLDERS_OF_OTHERS = ("LICENSES", "data")
MACHINE = re.compile(r"(?<![\w.\-~}/])/(?:work|root|Users|home/(?!user\b)\w+)/\w")
"""A path that holds on one machine only."""
IGNORING = re.compile(r"(?:^|/)(?:tests/sanity/ignore[^/]*|\.ansible-lint-ignore|\.pylintrc|\.flake8)$")


def text_files() -> Iterator[tuple[Path, str]]:
    """Our own files with their text; licenses and tables of others left out."""
    for file in own_files():
        if file.parts[0] not in FOLDERS_OF_OTHERS:
            yield file, (CHECKOUT / file).read_text(encoding="utf-8")


def read_yaml(path: Path) -> Any:
    """The value of a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def requirements(work: Work) -> None:
    """requirements.txt and what an execution environment installs."""
    one, other = (
        {line for line in (CHECKOUT / name).read_text(encoding="utf-8").splitlines() if line and line[0] != "#"}
        for name in ("requirements.txt", "meta/ee-requirements.txt")
    )
    work.none_of(sorted(one ^ other), "requirements.txt and meta/ee-requirements.txt must name the same")


def role_defaults(work: Work) -> None:
    """The defaults that a role documents and those that it has."""
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
    work.none_of(findings + without, "argument_specs.yml and defaults/main.yml must agree in every role")


def action_group(work: Work) -> None:
    """Every module is in the action group, and says so."""
    modules = sorted(path.stem for path in CHECKOUT.glob("plugins/modules/*.py"))
    group = read_yaml(CHECKOUT / "meta" / "runtime.yml")["action_groups"]["m365"]
    findings = [f"{name}: in a module's place or in meta/runtime.yml, not in both" for name in {*modules} ^ {*group}]
    names = [f"m365.licensing.{name}" for name in modules]
    shown = json.loads(work.run("ansible-doc", "--type", "module", "--json", *names))
    for name in names:
        attribute = shown.get(name, {}).get("doc", {}).get("attributes", {}).get("action_group", {})
        if attribute.get("membership") != ["m365.licensing.m365"]:
            findings.append(f"{name}: its attribute action_group says {attribute.get('membership')}")
    work.none_of(sorted(findings), "module_defaults of group/m365.licensing.m365 must sign every module in")


def nothing_ignored(work: Work) -> None:
    """No file that tells a tool to look away."""
    work.none_of((str(file) for file in own_files() if IGNORING.search(str(file))), "repair what is found instead")


def machine_paths(work: Work) -> None:
    """No path of one machine."""
    work.none_of(
        (
            f"{file}:{number}: {line.strip()}"
            for file, text in text_files()
            for number, line in enumerate(text.splitlines(), 1)
            if MACHINE.search(line)
        ),
        "a path must hold wherever the checkout is",
    )


def file_length(work: Work) -> None:
    """No file is too long to be read at once."""
    lengths = (
        (file, DOCUMENTATION.sub("", text).count("\n")) for file, text in text_files() if str(file) not in TABLES
    )
    work.none_of(
        (f"{file}: {lines} lines" for file, lines in lengths if lines > LINES), f"split it: {LINES} are enough"
    )


def tried_on(work: Work) -> None:
    """The table of docs/compatibility.md names each cell of ``make test-matrix``, and none that failed."""
    _before, _head, section = (
        (CHECKOUT / "docs" / "compatibility.md").read_text("utf-8").partition("\n## Tested with\n")
    )
    rows = [
        [entry.strip() for entry in line.strip("|").split("|")]
        for line in section.partition("\n## ")[0].splitlines()
        if re.match(r"\| \d", line)
    ]
    told = {(row[0], ".".join(row[1].split(".")[:2])) for row in rows}
    cells = {(cell.core, cell.python) for cell in CELLS}
    findings = [
        f"in docs/compatibility.md or in tests/matrix/cells.py, not in both: {pair}" for pair in sorted(told ^ cells)
    ]
    findings += [f"a cell failed: {row}" for row in rows if any("FAILED" in entry for entry in row)]
    oldest = read_yaml(CHECKOUT / "meta" / "runtime.yml")["requires_ansible"].removeprefix(">=")
    findings += [f"meta/runtime.yml promises {oldest}"] * (oldest not in {cell.core for cell in CELLS})
    work.none_of(findings, "run make test-matrix, and put its table into docs/compatibility.md")


GATES = (
    Gate("requirements", "users and execution environments install the same", requirements),
    Gate("role-defaults", "argument_specs.yml and defaults/main.yml agree", role_defaults),
    Gate("action-group", "every module is in the action group", action_group),
    Gate("nothing-ignored", "no file that tells a tool to look away", nothing_ignored),
    Gate("tried-on", "docs/compatibility.md names each cell of make test-matrix", tried_on),
    Gate("machine-paths", "no path of one machine", machine_paths),
    Gate("file-length", f"no file over {LINES} lines", file_length),
)
