# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Galaxy gets: the built collection, its contents, and what Galaxy's importer says."""

from __future__ import annotations

import tarfile
from pathlib import Path

from tests.gates.gate import CHECKOUT, Failed, Gate, Work, own_files

OF_ANSIBLE = {"MANIFEST.json", "FILES.json"}
NEEDED = ("LICENSES", "changelogs", "docs", "meta", "playbooks", "plugins", "roles", "tests")
"""Folders that come along completely."""


def built(work: Work) -> Path:
    """The artefact, built from the checkout as whoever publishes it does: ``build_ignore`` of galaxy.yml is tested."""
    work.run("ansible-galaxy", "collection", "build", "--force", "--output-path", work.folder, CHECKOUT)
    found = list(work.folder.glob("*.tar.gz"))
    if len(found) != 1:
        raise Failed(f"one artefact was expected, there are {len(found)}")
    return found[0]


def installed(work: Work) -> Path:
    """The folder of collections in which the artefact, and nothing else, is installed."""
    place = work.folder / "collections"
    work.run("ansible-galaxy", "collection", "install", "--force", "--no-deps", "-p", place, built(work))
    return place


def contents(work: Work) -> None:
    """All that belongs to the collection, and nothing else: no environment, no cache, nothing that was built."""
    own = {str(file) for file in own_files()}
    with tarfile.open(built(work)) as tar:
        there = {member.name for member in tar if not member.isdir()} - OF_ANSIBLE
    strange = [f"is in the artefact, but none of the checkout's own files: {name}" for name in there - own]
    lost = [f"is not in the artefact: {name}" for name in own - there if Path(name).parts[0] in NEEDED]
    work.none_of(sorted(strange + lost), "build_ignore of galaxy.yml says what stays out")


def importer(work: Work) -> None:
    """Galaxy's importer, whose warnings count, too. Its ansible-lint is left to the gate of that name."""
    variables = {"GALAXY_IMPORTER_TMP_ROOT_DIR": str(work.folder), "GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false"}
    printed = work.run("python", "-m", "galaxy_importer.main", built(work), cwd=work.folder, variables=variables)
    bad = [line for line in printed.splitlines() if line.startswith(("WARNING", "ERROR"))]
    work.none_of(bad, "Galaxy would say so to whoever publishes the collection")


GATES = (
    Gate("artefact", "the built collection holds what it should, and no more", contents),
    Gate("galaxy-importer", "Galaxy would accept it without a warning", importer),
)
