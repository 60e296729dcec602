# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make release-check` accepts, and what it reports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.gates.release import Release

LINK = "https://example.org/project"
GALAXY = {"namespace": "m365", "name": "licensing", "version": "1.2.0"}
READY = Release(
    galaxy=GALAXY | dict.fromkeys(("repository", "documentation", "homepage", "issues"), LINK),
    changelog={"releases": {"1.2.0": {"release_date": "2026-11-29"}, "1.1.0": {"release_date": "2026-10-01"}}},
    changelog_page="Notes\n=====\n\nv1.2.0\n======\n\nv1.1.0\n======\n",
    fragments=[],
    readme="ansible-galaxy collection install build/m365-licensing-1.2.0.tar.gz",
    manifest=GALAXY,
    changed_files=[],
    tags={"v1.1.0": "a" * 40, "before-refactoring": "b" * 40},
    head="c" * 40,
)


def test_release_without_problems_is_ready() -> None:
    assert list(READY.problems()) == []


def test_release_with_its_tag_at_head_is_ready() -> None:
    assert list(replace(READY, tags={"v1.2.0": READY.head}).problems()) == []


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"galaxy": {**READY.galaxy, "version": "1.2"}}, "galaxy.yml: version is '1.2'"),
        ({"galaxy": {**READY.galaxy, "version": "1.2.0-rc1"}}, "galaxy.yml: version is '1.2.0-rc1'"),
        ({"galaxy": {**READY.galaxy, "issues": None}}, "galaxy.yml: issues is None"),
        ({"readme": "install m365-licensing-1.1.0.tar.gz"}, "README.md: does not name m365-licensing-1.2.0.tar.gz"),
        ({"manifest": {**GALAXY, "version": "1.1.0"}}, "artefact: version is '1.1.0', expected '1.2.0'"),
        ({"changelog": {"releases": {}}}, "changelogs/changelog.yaml: has no release 1.2.0"),
        ({"changelog": {"releases": {"1.2.0": {}}}}, "changelogs/changelog.yaml: release 1.2.0 has no release_date"),
        ({"changelog_page": "v1.2.0 will follow"}, "CHANGELOG.rst: has no heading v1.2.0"),
        ({"fragments": ["new.yml"]}, "changelogs/fragments: new.yml not part of a release"),
        ({"changed_files": ["README.md"]}, "git: uncommitted changes in README.md"),
        ({"tags": {"v1.2.0": "d" * 40}}, "git: tag v1.2.0 points at another commit"),
        ({"tags": {"v1.10.0": "d" * 40}}, "git: v1.10.0 tagged already"),
    ],
)
def test_release_check_reports_one_problem(changes: dict[str, Any], start: str) -> None:
    (problem,) = replace(READY, **changes).problems()
    assert problem.startswith(start)
