# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make test-clients``: what others wrote, clients and types, against the simulated tenant.

It installs node modules and a virtual environment of its own under ``build/clients``, by exact versions with
hashes, so it is no part of ``make test`` and runs by its name only.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from tests.gates.gate import BIN, BUILD, CHECKOUT, Counts, Failed, Gate, Work
from tests.gates.running import counts

HERE = CHECKOUT / "tests" / "clients"
PLACE = BUILD / "clients"
PYTHON_NEEDS = (CHECKOUT / "requirements" / "locked" / "clients.txt",)
NODE_NEEDS = (HERE / "package.json", HERE / "package-lock.json")
NODE = 20
"""The oldest Node.js that all of the clients run on."""


def clients(work: Work) -> Counts:
    """Install what is missing; then the tests, in namespaces where Microsoft's names mean the tenant."""
    _check_node(work)
    PLACE.mkdir(parents=True, exist_ok=True)
    _once(PLACE / ".node", NODE_NEEDS, lambda: _node_modules(work))
    _once(PLACE / ".python", PYTHON_NEEDS, lambda: _environment(work))
    report = work.folder / "report.xml"
    python = BIN / "python"
    tests = ("-m", "pytest", "tests/clients", "--durations", "10", "--junit-xml", report)
    work.run(python, "-m", "tests.clients.network_namespace", "--", python, *tests, may_end_with=(0, 1))
    if not report.exists():
        raise Failed(_last_line(work) or "the tests did not run")
    for line in sorted(set((PLACE / "limits").read_text(encoding="utf-8").splitlines())):
        print(f"        cannot be done: {line}", flush=True)
    return counts(report, "tests/clients")


def _check_node(work: Work) -> None:
    """Node.js and npm are there, and new enough; else what to do."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        raise Failed(
            f"{' and '.join(missing)} not found: install Node.js {NODE} or newer with npm (nothing was tested)"
        )
    version = work.run(str(shutil.which("node")), "--version").strip().lstrip("v")
    if int(version.partition(".")[0]) < NODE:
        raise Failed(f"Node.js {version} is too old: the clients need {NODE} or newer (nothing was tested)")


def _once(stamp: Path, needs: tuple[Path, ...], install: Callable[[], None]) -> None:
    """Install unless exactly this was installed before."""
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in needs)).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    stamp.unlink(missing_ok=True)
    install()
    stamp.write_text(wanted, encoding="utf-8")


def _node_modules(work: Work) -> None:
    for path in NODE_NEEDS:
        shutil.copy2(path, PLACE / path.name)
    # Scripts of packages are none of what is tested, and would run with this user's rights.
    work.run(str(shutil.which("npm")), "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=PLACE)


def _environment(work: Work) -> None:
    work.run(sys.executable, "-m", "venv", "--clear", PLACE / "venv")
    pip = (PLACE / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    work.run(*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", *PYTHON_NEEDS)


def _last_line(work: Work) -> str:
    lines = Path(work.log.name).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


GATES = (Gate("clients", "clients and types that others wrote, against the simulated tenant", clients, 2, asked=True),)
