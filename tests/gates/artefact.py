# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built collection, as it is uploaded to Galaxy: its contents, and the findings of Galaxy's importer."""

from __future__ import annotations

import tarfile
from pathlib import Path

from tests.gates.gate import CHECKOUT, Failed, Gate, Work, own_files

OF_ANSIBLE = {"MANIFEST.json", "FILES.json"}
NEEDED = ("COPYING", "LICENSES", "changelogs", "docs", "meta", "playbooks", "plugins", "roles", "tests")
"""Files and folders of which nothing may be missing."""


def built(work: Work) -> Path:
    """Build the artefact from the checkout with the command that publishes it, and so with ``build_ignore``."""
    work.run("ansible-galaxy", "collection", "build", "--force", "--output-path", work.folder, CHECKOUT)
    found = list(work.folder.glob("*.tar.gz"))
    if len(found) != 1:
        raise Failed(f"expected one artefact, found {len(found)}")
    return found[0]


def installed(work: Work) -> Path:
    """Return a folder of collections that holds the installed artefact and nothing else."""
    place = work.folder / "collections"
    work.run("ansible-galaxy", "collection", "install", "--force", "--no-deps", "-p", place, built(work))
    return place


def foreign_and_missing(artefact: Path) -> list[str]:
    """List what the artefact must not hold (caches, environments, settings of tools), and what it lacks."""
    own = {str(file) for file in own_files()}
    with tarfile.open(artefact) as tar:
        packed = {member.name for member in tar if not member.isdir()} - OF_ANSIBLE
    foreign = [f"artefact: holds {name}, which git does not track" for name in packed - own]
    settings = [f"artefact: holds {name}, which users do not need" for name in packed & own if name.startswith(".")]
    missing = [f"artefact: lacks {name}" for name in own - packed if Path(name).parts[0] in NEEDED]
    return sorted(foreign + settings + missing)


def contents(work: Work) -> None:
    """The files of the collection, and no environment, cache, build output or setting of a tool."""
    work.fail_if_any(foreign_and_missing(built(work)), "correct build_ignore in galaxy.yml")


def importer(work: Work) -> None:
    """Galaxy's importer, without a warning. The gate ``lint`` runs ansible-lint instead of it."""
    variables = {"GALAXY_IMPORTER_TMP_ROOT_DIR": str(work.folder), "GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false"}
    printed = work.run("python", "-m", "galaxy_importer.main", built(work), cwd=work.folder, variables=variables)
    findings = [line for line in printed.splitlines() if line.startswith(("WARNING", "ERROR"))]
    work.fail_if_any(findings, "Galaxy's importer reports these; correct them")


GATES = (
    Gate("artefact", "the built collection holds its own files and no others", contents),
    Gate("galaxy-importer", "Galaxy's importer accepts it without a warning", importer),
)
