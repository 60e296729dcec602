# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own checks of a collection: sanity, lint, documentation, changelog."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.gates.agreements import read_yaml
from tests.gates.gate import BIN, CHECKOUT, Failed, Gate, Work, home

SANITY_SECONDS = 1200.0
"""The limit for the sanity tests, which install many packages."""
PYTHONS = tuple(f"python3.{minor}" for minor in range(8, 20))
BOOTSTRAP = """\
import ensurepip
import sysconfig
import zipfile
from pathlib import Path

wheels = list(Path(ensurepip.__file__).with_name("_bundled").glob("pip-*.whl"))
for wheel in wheels:
    zipfile.ZipFile(wheel).extractall(sysconfig.get_path("purelib"))
if not wheels:
    ensurepip.bootstrap(upgrade=True)
"""
"""Replaces the get-pip.py that ansible-test fetches from a server other than PyPI.

It unpacks the copy of pip that Python carries, which saves seven seconds in each of a dozen environments.
"""


def sanity(work: Work) -> None:
    """``ansible-test sanity``: all its tests, on every Python of this machine, without an ignored entry.

    pslint and shellcheck check ``*.ps1`` and ``*.sh``; the collection has no such file.
    """
    ansible_test(work, BIN, {"PATH": path_of_pythons(work), "HOME": str(home())})


def ansible_test(work: Work, tools: Path, variables: Mapping[str, str], *more: str) -> str:
    """Run the sanity tests with the ansible-test of an environment; return its output. Findings raise ``Failed``."""
    tree = work.tree()
    cache = Path(variables["HOME"]) / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in pip_versions(tools):
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(BOOTSTRAP, encoding="utf-8")
    arguments = ("--color", "no", "--truncate", "0", "--requirements", "--allow-disabled", *more)
    printed = work.run(
        tools / "ansible-test",
        "sanity",
        *arguments,
        cwd=tree,
        variables=variables,
        may_end_with=(0, 1),
        seconds=SANITY_SECONDS,
    )
    work.fail_if_any((line for line in printed.splitlines() if line.startswith(("ERROR", "FATAL"))), "correct them")
    return printed


def pip_versions(tools: Path) -> set[str]:
    """Return the versions of pip that ansible-test installs into its environments; only its source names them."""
    sources = list(tools.parent.glob("lib/python*/site-packages/ansible_test/_internal/python_requirements.py"))
    if not sources:
        raise Failed("ansible-test is not installed: run make setup")
    return set(re.findall(r"\bpip='([0-9.]+)'", sources[0].read_text(encoding="utf-8")))


def python_named(name: str) -> Path | None:
    """Find a Python of this name that starts: on the search path, or among the versions of pyenv.

    The shims of pyenv fail for versions that are not selected; the versions themselves start.
    """
    folders = [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    found = [folder / name for folder in folders] + sorted(Path.home().glob(f".pyenv/versions/*/bin/{name}"))
    return next((python for python in found if python.is_file() and _starts(python)), None)


def path_of_pythons(work: Work) -> str:
    """Return a search path on which each ``python3.N`` starts, because ansible-test runs every file of such a name."""
    links = work.folder / "pythons"
    links.mkdir()
    folders = [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    for name in PYTHONS:
        works = python_named(name)
        if works and name != f"python3.{sys.version_info.minor}":
            (links / name).symlink_to(works)
    whole = [
        folder for folder in folders if all(_starts(folder / name) for name in PYTHONS if (folder / name).exists())
    ]
    work.say(f"other Pythons: {', '.join(sorted(link.name for link in links.iterdir())) or 'none'}")
    return os.pathsep.join(str(folder) for folder in (links, BIN, *whole))


def _starts(python: Path) -> bool:
    """Whether this Python can make virtual environments."""
    started = subprocess.run(  # noqa: S603 - a Python of this machine
        [python, "-c", "import ensurepip, venv"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    return started.returncode == 0


def lint(work: Work) -> None:
    """``ansible-lint`` with its strictest profile, without a warning."""
    tree = work.tree()
    work.run("ansible-lint", "--offline", "--format", "pep8", "--profile", "production", "--strict", cwd=tree)


def documentation(work: Work) -> None:
    """``antsibull-docs`` renders the documentation of each module and role, and resolves each reference."""
    strict = ("--plugin-docs", "--validate-collection-refs", "all", "--disallow-unknown-collection-refs")
    work.run("antsibull-docs", "lint-collection-docs", *strict, work.tree())


def changelog(work: Work) -> None:
    """``antsibull-changelog`` reads each fragment; before the first release there is nothing but its summary."""
    releases = read_yaml(CHECKOUT / "changelogs" / "changelog.yaml")["releases"]
    fragments = {path: read_yaml(path) for path in sorted(CHECKOUT.glob("changelogs/fragments/*.yml"))}
    work.fail_if_any(
        (
            f"{path.name}: section {section}, although nothing was released that it could change"
            for path, sections in fragments.items()
            for section in ([] if releases else sections)
            if (path.name, section) != ("0.1.0.yml", "release_summary")
        ),
        "extend release_summary in changelogs/fragments/0.1.0.yml instead (CONTRIBUTING.md)",
    )
    tree = work.tree()
    work.run("antsibull-changelog", "lint", cwd=tree)
    work.run("antsibull-changelog", "lint-changelog-yaml", "changelogs/changelog.yaml", cwd=tree)


def licenses(work: Work) -> None:
    """REUSE: each file names its copyright holder and license, and the text of each license exists."""
    work.run("reuse", "lint")


GATES = (
    Gate("sanity", "ansible-test sanity, nothing ignored", sanity),
    Gate("lint", "ansible-lint, production profile", lint),
    Gate("docs", "documentation of modules and roles renders", documentation),
    Gate("changelog", "fragments of the changelog are valid", changelog, fast=True),
    Gate("reuse", "each file names its license", licenses, fast=True),
)
