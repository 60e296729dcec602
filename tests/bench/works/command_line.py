# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CLI for Microsoft 365, one command for each user, beside one task of the module.

It knows no host but Microsoft's, so this file runs itself again where their names mean the simulated tenant
(``tests/clients/network_namespace.py``); there it prints its row as JSON.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import astuple

from tests.bench.measure import PLACE, ROOT, Best, Run, Tenant, tenant
from tests.bench.people import licensable, seats, skus
from tests.bench.report import Bound, Row, from_json, row, to_json
from tests.bench.sizes import Sizes
from tests.bench.works.playbooks import licensing, play

FASTER = 20
LATENCY = 50
SKUS = ("EMS", "POWER_BI_STANDARD")
WORK, REFERENCE = "license users in one task", "CLI for Microsoft 365, a command each"
CLIENTS = ROOT / "tests" / "clients"
BUILD = ROOT / "build" / "clients"
CLI = BUILD / "node_modules" / ".bin" / "m365"


def command_line(sizes: Sizes) -> Iterator[Row]:
    """The row; where Node.js or namespaces are missing, one that says so."""
    size = f"{sizes.command_line} users"
    missing = _missing()
    if not missing:
        here = [sys.executable, "-m", "tests.bench.works.command_line", json.dumps(astuple(sizes))]
        command = [sys.executable, "-m", "tests.clients.network_namespace", "--", *here]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
        if done.returncode == 0:
            yield from from_json(json.loads(done.stdout.splitlines()[-1]))
            return
        if "cannot make namespaces" not in done.stderr:
            raise RuntimeError(done.stderr[-2000:])
        missing = "no namespaces"
    yield Row(WORK, size, LATENCY, reference=REFERENCE, note=f"not here: {missing}")


def _missing() -> str:
    """What this machine lacks; the CLI is installed where it is not yet, by its exact version."""
    for name in ("node", "npm", "unshare"):
        if shutil.which(name) is None:
            return f"no {name}"
    if not CLI.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy2(CLIENTS / name, BUILD / name)
        install = [str(shutil.which("npm")), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        if subprocess.run(install, cwd=BUILD, capture_output=True, check=False).returncode:  # noqa: S603 - as above
            return "npm could not install the CLI"
    return ""


def inside(sizes: Sizes) -> Row:
    """Run a tenant under Microsoft's names."""
    number = sizes.command_line
    with tenant(20 * number, 0, "--real-names") as found:
        people = licensable(found, number, [skus(found)[sku]["skuId"] for sku in SKUS])
        for sku in SKUS:
            seats(found, sku, number)
        ids = [person["id"] for person in people]
        with found.latency(LATENCY):
            before = skus(found)
            mine = play(found, licensing(ids, SKUS[0]))
            theirs = _cli(found, ids, skus(found)[SKUS[1]]["skuId"])
            after = skus(found)
        if any(after[sku]["consumedUnits"] - before[sku]["consumedUnits"] != number for sku in SKUS):
            raise RuntimeError("not all were licensed")
    faster = Bound("times faster", theirs.seconds / mine.seconds, FASTER, at_least=True)
    return row(WORK, f"{number} users", Best([mine]), (REFERENCE, Best([theirs])), [faster], LATENCY)


def _cli(found: Tenant, ids: list[str], sku_id: str) -> Run:
    """Sign in (not measured), then a command for each user."""
    home = PLACE / "home"
    shutil.rmtree(home, ignore_errors=True)  # it remembers tenants that are no more
    home.mkdir(parents=True)
    ours = {"HOME": str(home), "NODE_EXTRA_CA_CERTS": found.info["ca_path"]}
    known = found.info
    login = ("login", "--authType", "secret", "--appId", known["client_id"], "--tenant", known["tenant_id"])
    found.measure([CLI, *login, "--secret", known["client_secret"]], **ours)
    runs = [
        found.measure([CLI, "entra", "user", "license", "add", "--userId", user, "--ids", sku_id], **ours)
        for user in ids
    ]
    return Run(
        sum(run.seconds for run in runs),
        sum(run.cpu for run in runs),
        max(run.peak for run in runs),
        "",
        sum(run.tenant_cpu for run in runs),
        [entry for run in runs for entry in run.log],
    )


if __name__ == "__main__":
    chosen = Sizes(*json.loads(sys.argv[1]))
    print(json.dumps(to_json([inside(chosen)], {})))
