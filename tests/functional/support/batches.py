# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of batches for a simulated tenant, and what it was sent of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._graph.client import BatchPart, Graph

from tests.functional.support.scripted_server import Clock
from tests.functional.support.service_clients import Clients, clients
from tests.simulator.launch import Tenant


@contextlib.contextmanager
def one_by_one(tenant: Tenant, clock: Clock) -> Iterator[Clients]:
    """Clients that wait for nothing and send one batch after the other, so that tests can tell which."""
    with clients(tenant, retry_seconds=300.0, concurrency=1) as found:
        found.http.backoff.clock, found.http.backoff.sleep = clock, clock.sleep
        yield found


def reads(tenant: Tenant, count: int) -> list[BatchPart]:
    return [BatchPart("GET", f"/users/{user_id}?$select=id") for user_id in list(tenant.world.users)[:count]]


def writes(tenant: Tenant, count: int, location: str = "FR") -> list[BatchPart]:
    return [Graph.usage_location_part(user_id, location) for user_id in list(tenant.world.users)[:count]]


def batches(tenant: Tenant) -> list[list[str]]:
    """The urls of the parts of each batch, in the order sent."""
    return [[part["url"] for part in entry["parts"]] for entry in tenant.requests() if "parts" in entry]


def user_of(part: BatchPart) -> str:
    return part.url.split("/")[2].partition("?")[0]


def part_fault(part: BatchPart, **fault: Any) -> dict[str, Any]:
    return {"service": "graph", "part": True, "path": user_of(part), **fault}
