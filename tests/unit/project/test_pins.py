# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed is what was pinned: each package has a version and hashes, and pip is told to require them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOCKED = sorted((ROOT / "requirements" / "locked").glob("*.txt"))
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
PINNED = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[\w.]+)(?: ; (?P<marker>[^\\]+?))?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
COMMAND = re.compile(r"python -m pip install")
INSTALLING = {"runtime": "README.md", "clients": "tests/gates/clients.py"}
"""Where the locked files are installed that `make setup` and `make lock` do not."""


def requirements(text: str) -> list[list[str]]:
    """The requirements of a file: each its words in lines, as backslashes join them; comments left out."""
    joined = re.sub(r"\\\n\s*", "\n", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    found: list[list[str]] = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        if line.startswith("--hash="):
            found[-1].append(line)
        else:
            found.append([line])
    return found


def asked(name: str) -> set[str]:
    """The packages that a file of requirements/ asks for, also by way of others."""
    path = ROOT / "requirements" / f"{name}.txt"
    found: set[str] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found |= asked(str((path.parent / line[3:]).resolve().with_suffix("")))
        elif line and line[0] != "#":
            words = NAME.match(line)
            assert words is not None, line
            found.add(re.sub(r"[-_.]+", "-", words[0]).lower())
    return found


def commands(target: str) -> list[str]:
    """What `make` would run for a target."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("needs make")
    done = subprocess.run(  # noqa: S603 - our own Makefile
        [make, "--dry-run", "--always-make", target], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_each_part_has_a_locked_file() -> None:
    assert {path.stem for path in LOCKED} == {"clients", "development", "installer", "mutants", "runtime", "uv"}


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: path.stem)
def test_each_line_has_a_version_and_hashes_and_names_no_index(path: Path) -> None:
    lines = requirements(path.read_text(encoding="utf-8"))
    assert lines
    for pin, *hashes in lines:
        assert PINNED.fullmatch(pin), pin
        assert hashes, f"{pin} has no hash"
        assert all(map(HASH.fullmatch, hashes)), pin
    assert "://" not in "\n".join(pin for pin, *_hashes in lines)


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: path.stem)
def test_each_package_that_is_asked_for_is_pinned(path: Path) -> None:
    pinned = {pin.partition("==")[0] for pin, *_hashes in requirements(path.read_text(encoding="utf-8"))}
    assert asked(path.stem) <= pinned


def test_the_files_agree() -> None:
    """The tests run with what users are told to install."""
    pins = {
        path.stem: {pin.partition(" ;")[0] for pin, *_hashes in requirements(path.read_text("utf-8"))}
        for path in LOCKED
    }
    assert pins["runtime"] <= pins["development"]
    assert pins["installer"] <= pins["development"]
    shared = {pin.partition("==")[0] for pin in pins["clients"]} & {
        pin.partition("==")[0] for pin in pins["development"]
    }
    for name in shared:
        some = [{pin for pin in pins[part] if pin.startswith(f"{name}==")} for part in ("clients", "development")]
        assert some[0] == some[1], name


@pytest.mark.parametrize("target", [".venv/.setup-stamp", "build/mutants/.stamp", "lock"])
def test_make_installs_nothing_without_hashes(target: str) -> None:
    installing = [line for line in commands(target) if "pip install" in line]
    assert len(installing) >= (2 if ".venv" in target else 1)
    for line in installing:
        words = line.partition("pip install ")[2].split()
        assert "--require-hashes" in words, line
        options = {"--quiet", "--disable-pip-version-check", "--require-hashes", "--no-compile", "--no-build-isolation"}
        files = [word for word in words if word not in {*options, "--requirement"}]
        assert files, line
        assert all(file.startswith("requirements/locked/") for file in files), line


def test_wheels_are_made_with_what_is_pinned() -> None:
    """In isolation pip would fetch the newest setuptools, and run it."""
    (line,) = [line for line in commands(".venv/.setup-stamp") if "locked/development.txt" in line]
    assert "--no-build-isolation" in line


def test_make_lock_writes_each_file_with_hashes() -> None:
    text = "\n".join(commands("lock"))
    assert "--generate-hashes" in text
    (names,) = re.findall(r"for name in ([a-z ]+);", text)
    assert set(names.split()) == {path.stem for path in LOCKED}


@pytest.mark.parametrize("name", INSTALLING)
def test_other_installations_require_hashes(name: str) -> None:
    text = (ROOT / INSTALLING[name]).read_text(encoding="utf-8")
    assert "--require-hashes" in text
    assert f"locked/{name}.txt" in text or '"locked" / "clients.txt"' in text


def test_node_packages_have_hashes() -> None:
    lock = json.loads((ROOT / "tests" / "clients" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {place: entry for place, entry in lock["packages"].items() if place and not entry.get("link")}
    assert packages
    assert {place for place, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")} == set()
    assert '"ci", "--ignore-scripts"' in (ROOT / "tests" / "gates" / "clients.py").read_text(encoding="utf-8")


def test_a_line_without_a_hash_is_found() -> None:
    """What shows that the reading of these files is right."""
    some = requirements("# x\na==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nb==2 ; python_version < '3'\n")
    assert some == [["a==1", "--hash=sha256:00", "--hash=sha256:11"], ["b==2 ; python_version < '3'"]]
