# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Licensing many users: beside the same batches sent without a thought, and against the quota."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.bench.measure import Best, Json, Run, Tenant, tenant
from tests.bench.people import licensable, seats, skus
from tests.bench.replay import replay
from tests.bench.report import Bound, Row, row
from tests.bench.sizes import LATENCIES, Sizes
from tests.simulator.graph import QUOTA_SECONDS

SKUS = ("EMS", "POWER_BI_STANDARD")
"""One for each latency: nobody is licensed twice with the same. Neither of them holds a mailbox."""
REQUESTS = 80
TIMES = 1.5
QUOTA_USED, WASTED = 0.95, 0.02
UNPACED = 500
"""How fast the clocks are where no quota is to be waited for: 3,000 writes in 0.3 seconds are more than can be sent."""
PATIENCE = 3_600
"""``retry_seconds`` where the quota makes a request wait for several of its periods."""
UNHURRIED = {"timeout": UNPACED * 60, "retry_seconds": UNPACED * 300, "confirm_seconds": UNPACED * 60}
"""The usual patience where the clocks are so fast."""
REPLAY = "baseline, same batches"
MARGIN = 1.6
"""Some users of a tenant have no location, some are guests, some hold the license already."""


def license_users(found: Tenant, people: Sequence[Json], sku: str, speed: int = 1, **more: float) -> Run:
    """Run one task. Raises RuntimeError unless all users have the license."""
    users = [person["upn"] for person in people]
    run = found.module("m365_user_license", speed=speed, users=users, licenses=[{"sku": sku}], **more)
    if run.json["summary"]["confirmed"] != len(people):
        raise RuntimeError(f"not all were licensed: {run.json['summary']}")
    return run


def _again(found: Tenant, run: Run, mine: Sequence[Json], theirs: Sequence[Json], sku: str) -> Run:
    """Replay the same batches for other users with the baseline. Raises RuntimeError if they were refused."""
    instead = {one["id"]: other["id"] for one, other in zip(mine, theirs, strict=True)}
    before = skus(found)[sku]["consumedUnits"]
    replayed = found.baseline(replay(run.log, instead))
    if skus(found)[sku]["consumedUnits"] - before != len(theirs):
        raise RuntimeError("the replay did not license everybody")
    return replayed


def run_both(
    found: Tenant, mine: Sequence[Json], theirs: Sequence[Json], sku: str, speed: int = 1, **more: float
) -> tuple[Best, Best]:
    """Run the module and its replay once each, because no user can be licensed twice."""
    module = license_users(found, mine, sku, speed, **more)
    return Best([module]), Best([_again(found, module, mine, theirs, sku)])


def unthrottled(sizes: Sizes) -> Iterator[Row]:
    """Without a quota: what the module costs beyond its requests.

    The module keeps to the published quota although no service says so. Its clock is so fast that it never waits.
    Raises RuntimeError where it did: then the quota would be what is measured.
    """
    with tenant(int(2 * sizes.many * MARGIN), 0, "--set", f"clock_speed={UNPACED}") as found:
        ids = [skus(found)[sku]["skuId"] for sku in SKUS]
        people = licensable(found, 2 * sizes.many, ids)
        mine, theirs = people[: sizes.many], people[sizes.many :]
        for sku, latency in zip(SKUS, LATENCIES, strict=True):
            seats(found, sku, 2 * sizes.many)
            with found.latency(latency):
                module, baseline = run_both(found, mine, theirs, sku, UNPACED, **UNHURRIED)
            if waited := module.last.json["throttled_seconds"]:
                raise RuntimeError(f"it waited for the quota, {waited} s of its clock: raise UNPACED")
            bound = Bound("time", module.seconds / baseline.seconds, TIMES)
            yield row("license users, no quota", f"{sizes.many:,} users", module, (REPLAY, baseline), [bound], latency)


def requests(sizes: Sizes) -> Iterator[Row]:
    """Count the requests for a thousand users."""
    with tenant(int(2 * sizes.thousand * MARGIN), 0) as found:
        people = licensable(found, 2 * sizes.thousand, [skus(found)[sku]["skuId"] for sku in SKUS])
        for sku, latency in zip(SKUS, LATENCIES, strict=True):
            seats(found, sku, 2 * sizes.thousand)
            with found.latency(latency):
                mine, baseline = run_both(found, people[: sizes.thousand], people[sizes.thousand :], sku)
            bound = Bound("requests", mine.requests, REQUESTS)
            yield row("license users", f"{sizes.thousand:,} users", mine, (REPLAY, baseline), [bound], latency)


def throttled(sizes: Sizes) -> Iterator[Row]:
    """With Microsoft's quota, the clocks of both sides fast: how much of it is used, and what is sent in vain."""
    switches = ("--set", f"write_quota={sizes.quota}", "--set", f"clock_speed={sizes.speed}")
    with tenant(int(sizes.many * MARGIN), 0, *switches) as found:
        sku = SKUS[0]
        people = licensable(found, sizes.many, [skus(found)[sku]["skuId"]])
        seats(found, sku, sizes.many)
        run = license_users(found, people, sku, sizes.speed, retry_seconds=PATIENCE)
        count = found.control("GET", "/state")["quota"]
    took = count["last"] - count["first"]
    shortest = (sizes.many - 1) // sizes.quota * QUOTA_SECONDS
    wasted = count["refused"] / (count["refused"] + count["accepted"])
    yield row(
        f"license users, quota of {sizes.quota:,} in {QUOTA_SECONDS:.0f} s",
        f"{sizes.many:,} users",
        Best([run]),
        None,
        [
            Bound("quota used", 100 * shortest / took, 100 * QUOTA_USED, at_least=True, unit=" %"),
            Bound("refused by 429", 100 * wasted, 100 * WASTED, unit=" %"),
        ],
        note=f"{took:.0f} s from the first write to the last by the tenant's clock, {sizes.speed} times as fast",
    )
