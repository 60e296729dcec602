# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two processes license users of one tenant at the same time: they share its quota, and neither starves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._graph.batch import BATCH_SIZE

from tests.bench.measure import HERE, MODULES, Json, Tenant, tenant
from tests.bench.people import licensable, seats, skus

AT_ONCE = 2 * 4
"""The most requests of a process: twice its ``concurrency``."""
EACH = 2_500
QUOTA = 3_000
SPEED = 10
"""The clocks of all three are so fast."""
SKU = "EMS"


def begin(found: Tenant, people: Sequence[Json]) -> subprocess.Popen[str]:
    """Start a module that licenses these."""
    arguments = {
        "users": [person["upn"] for person in people],
        "licenses": [{"sku": SKU}],
        "retry_seconds": 3_600,
    }
    variables = {**os.environ, **{f"M365_{name.upper()}": value for name, value in found.info.items()}}
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, HERE / "faster.py", str(SPEED), f"{MODULES}.m365_user_license"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=variables,
    )
    assert process.stdin
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    process.stdin.close()
    process.stdin = None
    return process


@pytest.mark.long
def test_two_processes_share_the_quota_of_a_tenant(record_property: Callable[[str, object], None]) -> None:
    switches = ("--set", f"write_quota={QUOTA}", "--set", f"clock_speed={SPEED}")
    with tenant(int(2 * EACH * 1.6), 0, *switches) as found:
        people = licensable(found, 2 * EACH, [skus(found)[SKU]["skuId"]])
        seats(found, SKU, 2 * EACH)
        processes = [begin(found, some) for some in (people[:EACH], people[EACH:])]
        results = [json.loads(process.communicate(timeout=300)[0]) for process in processes]
        count = found.control("GET", "/state")["quota"]
    assert [result["summary"]["confirmed"] for result in results] == [EACH, EACH]
    assert count["accepted"] == 2 * EACH
    in_flight = len(processes) * AT_ONCE * BATCH_SIZE
    assert count["refused"] <= 2 * in_flight, "they learn at once that they are not alone"
    assert all(result["throttled_seconds"] > 0 for result in results)
    first, last = sorted(result["seconds"] for result in results)
    shared = f"{first:.0f} s and {last:.0f} s by their clocks, {count['refused']} of their writes refused"
    record_property("measured", f"two processes on one tenant, {EACH:,} users each: {shared}")
    assert last <= 2 * first, "one of them had to wait for the other to end"
