# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make release-check``: whether the checkout is ready to be tagged and published (docs/releasing.md)."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.gates.agreements import read_yaml
from tests.gates.artefact import built, foreign_and_missing
from tests.gates.gate import CHECKOUT, Gate, Work, git

VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
LINKS = ("repository", "documentation", "homepage", "issues")


@dataclass(frozen=True)
class Release:
    """What a release consists of. ``head`` is a commit, ``tags`` maps names to the commits they point at."""

    galaxy: Mapping[str, Any]
    changelog: Mapping[str, Any]
    changelog_page: str
    fragments: Sequence[str]
    readme: str
    manifest: Mapping[str, Any]
    changed_files: Sequence[str]
    tags: Mapping[str, str]
    head: str

    @property
    def version(self) -> str:
        """The version in galaxy.yml."""
        return str(self.galaxy.get("version", ""))

    def problems(self) -> Iterator[str]:
        """Yield each reason not to publish, with the way to correct it."""
        if not VERSION.fullmatch(self.version):
            yield f"galaxy.yml: version is {self.version!r}: set it to MAJOR.MINOR.PATCH"
            return
        yield from self._galaxy_problems()
        yield from self._changelog_problems()
        yield from self._git_problems()

    def _galaxy_problems(self) -> Iterator[str]:
        for key in LINKS:
            if not str(self.galaxy.get(key, "")).startswith("https://"):
                yield f"galaxy.yml: {key} is {self.galaxy.get(key)!r}: set it to a link that begins with https://"
        archive = f"{self.galaxy.get('namespace')}-{self.galaxy.get('name')}-{self.version}.tar.gz"
        if archive not in self.readme:
            yield f"README.md: does not name {archive}: correct the command that installs the collection"
        for key in ("namespace", "name", "version"):
            if self.manifest.get(key) != self.galaxy.get(key):
                yield f"artefact: {key} is {self.manifest.get(key)!r}, expected {self.galaxy.get(key)!r}"

    def _changelog_problems(self) -> Iterator[str]:
        release = self.changelog.get("releases", {}).get(self.version)
        if release is None:
            yield f"changelogs/changelog.yaml: has no release {self.version}: run antsibull-changelog release"
        elif not release.get("release_date"):
            yield f"changelogs/changelog.yaml: release {self.version} has no release_date"
        if not re.search(rf"^v{re.escape(self.version)}$", self.changelog_page, re.MULTILINE):
            yield f"CHANGELOG.rst: has no heading v{self.version}: run antsibull-changelog release"
        if self.fragments:
            names = ", ".join(self.fragments)
            yield f"changelogs/fragments: {names} not part of a release: run antsibull-changelog release"

    def _git_problems(self) -> Iterator[str]:
        if self.changed_files:
            yield f"git: uncommitted changes in {', '.join(self.changed_files)}: commit or remove them"
        tag = f"v{self.version}"
        if self.tags.get(tag, self.head) != self.head:
            yield f"git: tag {tag} points at another commit ({self.tags[tag]}): raise the version in galaxy.yml"
        higher = [name for name in self.tags if _numbers(name) > _numbers(tag)]
        if higher:
            names = ", ".join(sorted(higher))
            yield f"git: {names} tagged already: set a higher version than {self.version} in galaxy.yml"


def _numbers(tag: str) -> tuple[int, ...]:
    """Return the numbers of a tag such as v1.2.3; nothing for a tag of another form."""
    found = VERSION.fullmatch(tag.removeprefix("v"))
    return tuple(map(int, found.groups())) if found else ()


def _tags() -> dict[str, str]:
    """Return all tags with the commits they point at, annotated tags included."""
    listed = git("for-each-ref", "refs/tags", "--format=%(refname:short) %(objectname) %(*objectname)")
    words = [line.split() for line in listed.splitlines()]
    return {name: commits[-1] for name, *commits in words}


def _manifest(artefact: Path) -> Mapping[str, Any]:
    with tarfile.open(artefact) as tar:
        member = tar.extractfile("MANIFEST.json")
        found: Mapping[str, Any] = json.load(member)["collection_info"] if member else {}
    return found


def release_check(work: Work) -> None:
    """Version, changelog, galaxy.yml, artefact, tags, and a clean tree."""
    artefact = built(work)
    release = Release(
        galaxy=read_yaml(CHECKOUT / "galaxy.yml"),
        changelog=read_yaml(CHECKOUT / "changelogs" / "changelog.yaml"),
        changelog_page=(CHECKOUT / "CHANGELOG.rst").read_text(encoding="utf-8"),
        fragments=sorted(path.name for path in CHECKOUT.glob("changelogs/fragments/*.yml")),
        readme=(CHECKOUT / "README.md").read_text(encoding="utf-8"),
        manifest=_manifest(artefact),
        changed_files=[line[3:] for line in git("status", "--porcelain").splitlines()],
        tags=_tags(),
        head=git("rev-parse", "HEAD").strip(),
    )
    problems = [*release.problems(), *foreign_and_missing(artefact)]
    for problem in problems:
        print(f"        {problem}", flush=True)
    work.fail_if_any(problems, "docs/releasing.md lists the steps")


GATES = (Gate("release", "ready to be tagged and published (make release-check)", release_check, optional=True),)
