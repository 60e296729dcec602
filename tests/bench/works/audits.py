# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audits: how many requests, how much beyond fetching and parsing, and what a larger tenant changes."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.bench.measure import Best, Run, Tenant, alternate, measure, tenant
from tests.bench.replay import replay
from tests.bench.report import MEGABYTE, Bound, Row, row
from tests.bench.sizes import LATENCIES, Sizes

REQUESTS = {"filtered": 22, "full": 60}
TIMES = 1.1
"""The allowed growth of a filtered audit in a tenant ten times as large."""
MORE_REQUESTS = 2
FULL_TIMES, FULL_PEAK_MB = 1.3, 250
BASELINE = "baseline, same requests"
WITHOUT_SIZES = "shared_mailbox_sizes: never"
"""What each row says: the default takes a request more for each shared mailbox near 50 GB."""


def audit(found: Tenant, strategy: str, at_risk: int) -> Run:
    """Run one audit. Raises RuntimeError if it misses a planted row."""
    run = found.module("exo_unlicensed_mailbox_info", strategy=strategy, shared_mailbox_sizes="never")
    summary = run.json["summary"]
    if summary["at_risk"] != at_risk:
        raise RuntimeError(f"strategy {strategy} found {summary['at_risk']} of {at_risk}")
    return run


def requests(sizes: Sizes) -> Iterator[Row]:
    """Measure both strategies in a tenant of usual size."""
    with tenant(sizes.audit, sizes.audit_at_risk) as found:
        for strategy, limit in REQUESTS.items():
            calls = replay(audit(found, strategy, sizes.audit_at_risk).log)  # warms the tenant up as well
            for latency in LATENCIES:
                with found.latency(latency):
                    mine, baseline = alternate(
                        sizes.large_rounds,
                        lambda strategy=strategy: audit(found, strategy, sizes.audit_at_risk),  # type: ignore[misc]
                        lambda calls=calls: found.baseline(calls),  # type: ignore[misc]
                    )
                yield row(
                    f"audit, {strategy}",
                    f"{sizes.audit:,} mailboxes, {sizes.audit_at_risk} at risk",
                    mine,
                    (BASELINE, baseline),
                    [Bound("requests", mine.requests, limit)],
                    latency,
                    WITHOUT_SIZES,
                )


def filtered_growth(sizes: Sizes, large: Tenant) -> Iterator[Row]:
    """Measure the same number at risk in a tenant ten times as large."""
    at_risk = sizes.large_at_risk
    with tenant(sizes.tenth, at_risk) as small:
        for found in (large, small):
            audit(found, "filtered", at_risk)
        for latency in LATENCIES:
            with large.latency(latency), small.latency(latency):
                mine, other = alternate(
                    sizes.short_rounds,
                    lambda: audit(large, "filtered", at_risk),
                    lambda: audit(small, "filtered", at_risk),
                )
            more = abs(mine.requests - other.requests)
            yield row(
                "audit, filtered",
                f"{sizes.large:,} mailboxes, {at_risk} at risk",
                mine,
                (f"the same in {sizes.tenth:,}", other),
                [Bound("time", mine.seconds / other.seconds, TIMES), Bound("more requests", more, MORE_REQUESTS)],
                latency,
                _tenants(mine, other),
            )


def _tenants(mine: Best, other: Best) -> str:
    """Say whether the simulated tenant takes longer than the module."""
    return f"{WITHOUT_SIZES}; tenant's CPU: {mine.tenant_cpu:.2f} s here, {other.tenant_cpu:.2f} s there"


def full(sizes: Sizes, large: Tenant) -> Iterator[Row]:
    """Measure a full audit of a large tenant."""
    calls = replay(audit(large, "full", sizes.large_at_risk).log)
    base = interpreter().peak
    for latency in LATENCIES:
        with large.latency(latency):
            mine, baseline = alternate(
                sizes.large_rounds,
                lambda: audit(large, "full", sizes.large_at_risk),
                lambda: large.baseline(calls),
            )
        yield row(
            "audit, full",
            f"{sizes.large:,} mailboxes, {sizes.large_at_risk} at risk",
            mine,
            (BASELINE, baseline),
            [
                Bound("time", mine.seconds / baseline.seconds, FULL_TIMES),
                Bound("peak over Ansible's imports", (mine.peak - base) / MEGABYTE, FULL_PEAK_MB, unit=" MB"),
            ],
            latency,
            WITHOUT_SIZES,
        )


def interpreter() -> Run:
    """The interpreter with Ansible's imports, and nothing else."""
    return measure([sys.executable, "-c", "import ansible.module_utils.basic"])
