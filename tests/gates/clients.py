# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make test-clients``: clients and types of other projects, against the simulated tenant.

It installs node modules and a virtual environment under ``build/clients``, in exact versions with hashes. ``make test``
does not include it.
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
"""The oldest Node.js on which all of the clients run."""


def clients(work: Work) -> Counts:
    """Install missing packages; then run the tests, in namespaces where Microsoft's names lead to the tenant."""
    _check_node(work)
    PLACE.mkdir(parents=True, exist_ok=True)
    _once(PLACE / ".node", NODE_NEEDS, lambda: _node_modules(work))
    _once(PLACE / ".python", PYTHON_NEEDS, lambda: _environment(work))
    report = work.folder / "report.xml"
    python = BIN / "python"
    tests = ("-m", "pytest", "tests/clients", "--durations", "10", "--junit-xml", report)
    work.run(python, "-m", "tests.clients.network_namespace", "--", python, *tests, may_end_with=(0, 1))
    if not report.exists():
        raise Failed(_last_line(work) or "the tests did not run: the log says why")
    for line in sorted(set((PLACE / "limits").read_text(encoding="utf-8").splitlines())):
        print(f"        not supported: {line}", flush=True)
    return counts(report, "tests/clients")


def _check_node(work: Work) -> None:
    """Raise ``Failed`` unless Node.js and npm exist and are new enough."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        raise Failed(
            f"{' and '.join(missing)} not found: install Node.js {NODE} or newer with npm (nothing was tested)"
        )
    version = work.run(str(shutil.which("node")), "--version").strip().lstrip("v")
    if int(version.partition(".")[0]) < NODE:
        raise Failed(f"Node.js {version} is too old: the clients need {NODE} or newer (nothing was tested)")


def _once(stamp: Path, needs: tuple[Path, ...], install: Callable[[], None]) -> None:
    """Install unless the same files were installed before."""
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in needs)).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    stamp.unlink(missing_ok=True)
    install()
    stamp.write_text(wanted, encoding="utf-8")


def _node_modules(work: Work) -> None:
    for path in NODE_NEEDS:
        shutil.copy2(path, PLACE / path.name)
    # Scripts of packages would run with the rights of this user, and no test needs them.
    work.run(str(shutil.which("npm")), "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=PLACE)


def _environment(work: Work) -> None:
    work.run(sys.executable, "-m", "venv", "--clear", PLACE / "venv")
    pip = (PLACE / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    work.run(*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", *PYTHON_NEEDS)


def _last_line(work: Work) -> str:
    lines = Path(work.log.name).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


GATES = (Gate("clients", "clients of other projects, against the simulated tenant", clients, 2, optional=True),)
