# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning for everybody by many rules."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.measure import Json, Run, Tenant, alternate
from tests.bench.replay import replay
from tests.bench.report import MEGABYTE, Bound, Row, row
from tests.bench.sizes import LATENCIES, Sizes
from tests.bench.works.audits import WITHOUT_SIZES
from tests.simulator import names

TIMES, PEAK_MB = 3, 400
RULES_TIMES = 2
FEW = 50
"""With this many rules, each is for one department, as in a tenant with a rule for each unit."""


def rules(number: int) -> list[Json]:
    """Rules as people write them: by department and country, by job title, by address; the last is for everybody."""
    departments = sorted(name for name in names.DEPARTMENTS if name)
    countries = [country for country, _code in names.COUNTRIES]
    found: list[Json] = []
    for place in range(number - 1):
        some = [departments[place % len(departments)], departments[(place + 1) % len(departments)]]
        match: Json = {
            "department": some if place < FEW else [f"{some[0]} {place}", f"{some[1]} {place}"],
            "country": countries[place // len(departments) % len(countries)],
            "upn": f"*{place % 10}@*",
            "lacks": ["SPE_E3", "SPE_E5"],
            "not": {"job_title": "*intern*"},
        }
        found.append({"name": f"Rule {place + 1}", "match": match, "licenses": [{"sku": "SPE_E3"}]})
    last = {"name": "Everybody else", "match": {}, "licenses": [{"sku": "EXCHANGESTANDARD"}]}
    usage = {"usage_location": {"from": "country", "default": "DE"}}
    return [{**rule, **usage} for rule in (*found, last)]


def plan(found: Tenant, number: int) -> Run:
    """Make the plan without applying it."""
    return found.module(
        "m365_license_plan", rules=rules(number), mode="plan", scope="all_users", shared_mailbox_sizes="never"
    )


def everybody(sizes: Sizes, large: Tenant) -> Iterator[Row]:
    """Measure a plan for all users of a large tenant."""
    calls = replay(plan(large, sizes.rules).log)
    for latency in LATENCIES:
        # what waiting adds is the same each time
        rounds = 1 if latency else sizes.large_rounds
        with large.latency(latency):
            mine, baseline = alternate(rounds, lambda: plan(large, sizes.rules), lambda: large.baseline(calls))
        yield row(
            "plan for all users",
            f"{sizes.large:,} users, {sizes.rules} rules",
            mine,
            ("baseline, same requests", baseline),
            [
                Bound("time", mine.seconds / baseline.seconds, TIMES),
                Bound("peak", mine.peak / MEGABYTE, PEAK_MB, unit=" MB"),
            ],
            latency,
            WITHOUT_SIZES,
        )
    mine, few = alternate(1, lambda: plan(large, sizes.many_rules), lambda: plan(large, sizes.rules))
    yield row(
        "plan for all users by many rules",
        f"{sizes.large:,} users, {sizes.many_rules:,} rules",
        mine,
        (f"the same by {sizes.rules} rules", few),
        [Bound("time", mine.seconds / few.seconds, RULES_TIMES)],
        LATENCIES[0],
        WITHOUT_SIZES,
    )
