# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many tenants in one run, as a service provider has them: each gets its own, and they do not wait for one another."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.simulator.launch import Tenant, running
from tests.simulator.login import issued
from tests.simulator.state import Json
from tests.support.run_playbook import environment, run

AT_RISK = 4
SLOW = {"kind": "slow", "seconds": 0.2, "times": None}
"""What the way to a service costs. Who waits in turn waits for all of it."""
RULES = [
    {"name": "Shared", "match": {"recipient_type": ["shared", "room", "equipment"]}, "action": "ignore", "reason": "-"},
    {
        "name": "Archives",
        "match": {"recipient_type": "archive"},
        "licenses": [{"sku": "EXCHANGEARCHIVE"}],
        "usage_location": "DE",
    },
    {
        "name": "Everybody else",
        "match": {},
        "licenses": [{"sku": "EXCHANGESTANDARD"}],
        "fallback": [{"sku": "EXCHANGEENTERPRISE"}],
        "usage_location": "DE",
    },
]


def seconds_of(playbook: str, tenants: Sequence[Tenant], folder: Path, forks: int) -> float:
    """Run a playbook for these tenants; they differ in their variables alone."""
    folder.mkdir()
    hosts = {}
    for number, tenant in enumerate(tenants):
        own = {name: value for name, value in tenant.info.items() if name != "control_url"}
        hosts[f"tenant{number:02}"] = {f"m365_{name}": value for name, value in own.items()}
    shared = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "license_state_mode": "apply",
        "license_state_rules": RULES,
        "license_state_report_dir": str(folder / "reports"),
        "license_state_progress_path": str(folder / "progress"),
        "license_state_max_rows": AT_RISK - 1,
    }
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"tenants": {"hosts": hosts, "vars": shared}}), encoding="utf-8")
    command = ["ansible-playbook", playbook, "-i", str(inventory), "-e", "m365_licensing_hosts=tenants"]
    began = time.monotonic()
    played = run([*command, "--forks", str(forks)], folder, environment(folder))
    spent = time.monotonic() - began
    assert played.status == 0, str(played)
    for secret in {text for tenant in tenants for text in (tenant.world.app.client_secret, *issued(tenant.world))}:
        assert secret not in played.output, "the output shows a secret or a token"
    return spent


def reports(folder: Path, ending: str) -> list[Json]:
    """The reports, in the order of the tenants."""
    return [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / "reports").glob(f"tenant??{ending}"))
    ]


@pytest.mark.parametrize("count", [3, pytest.param(20, marks=pytest.mark.long)])
def test_tenants_at_once(count: int, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    with contextlib.ExitStack() as stack:
        alone, *tenants = [
            stack.enter_context(running(mailboxes=12, at_risk=AT_RISK, seed=seed)) for seed in range(1, count + 2)
        ]
        for tenant in (alone, *tenants):
            tenant.set_faults({**SLOW, "service": "graph"}, {**SLOW, "service": "exchange"})
        one = seconds_of("m365.licensing.remediate", [alone], tmp_path / "one", 1)
        many = seconds_of("m365.licensing.remediate", tenants, tmp_path / "many", count)
        planted = [
            {user for some in tenant.state()["truth"]["at_risk"].values() for user in some} for tenant in tenants
        ]
        found = reports(tmp_path / "many", ".json")
        assert [{row["user_id"] for row in report["mailboxes_before"]} for report in found] == planted
        assert [report["summary"]["confirmed"] for report in found] == [r["summary"]["changes"] for r in found]
        assert sum(report["summary"]["confirmed"] for report in found) > count
        seconds_of("m365.licensing.audit", tenants, tmp_path / "again", count)
        ignored = [report["summary"]["actions"]["ignore"] for report in found]
        assert [len(report["mailboxes"]) for report in reports(tmp_path / "again", "-audit.json")] == ignored
    lines = [json.loads(line) for line in (tmp_path / "many" / "progress").read_text(encoding="utf-8").splitlines()]
    assert sum(line["phase"] == "licenses" and line["done"] == line["total"] for line in lines) >= count
    record_property("measured", f"{count} tenants at once: {many:.1f} s, one: {one:.1f} s, ratio {many / one:.1f}")
    if count >= 20:  # few are too close to what a busy machine adds to one of the runs
        assert many < count * one
