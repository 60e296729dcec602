# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody has verified of Microsoft's services must not matter: an audit and a remediation in every combination.

Each unverified behaviour is a switch of the simulated tenant (its README lists them). In each combination of positions
the same is found, the same is licensed, and a second run changes nothing.
"""

from __future__ import annotations

import itertools
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.functional.support.plan_harness import ALL_KINDS, plan
from tests.functional.support.run_audit import look, planted, rows
from tests.functional.support.service_clients import clients
from tests.simulator.launch import Tenant, running
from tests.simulator.state import Json

POSITIONS: dict[str, tuple[Any, Any]] = {
    "invoke_paging": ("nextlink", "unlimited_only"),
    "sku_assigned_unlicensed": ("null", "false"),
    "replica_lag_reads": (0, 1),
}
COMBINATIONS = [dict(zip(POSITIONS, chosen, strict=True)) for chosen in itertools.product(*POSITIONS.values())]
MAILBOXES, AT_RISK = 1_050, 24
"""More than Exchange puts on one page."""
NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)


def findings(tenant: Tenant, strategy: str) -> list[tuple[object, ...]]:
    """What an audit finds, without what is Exchange's own word in ``mailbox``."""
    found = look(tenant, strategy=strategy, now=NOW)
    assert not found.warnings
    assert [(user, reason) for user, reason, _kind in rows(found)] == planted(tenant)
    return [
        (row.user_id, row.reason, row.recipient_type, row.needs, row.evidence, row.deadline, row.severity, row.notes)
        for row in found.findings
    ]


def remediation(tenant: Tenant) -> list[Json]:
    """What a remediation does; a second one has nothing to do."""
    with clients(tenant) as made:
        first = plan(made, ALL_KINDS, mode="apply")
        assert (first["summary"]["confirmed"], first["summary"]["unresolved"]) == (AT_RISK, 0)
        second = plan(made, ALL_KINDS, mode="apply")
        assert (second["changed"], second["users"]) == (False, [])
    shown = ("user_id", "action", "rule", "status", "add", "remove", "usage_location")
    return [{name: row.get(name) for name in shown} for row in first["users"]]


def outcome(switches: Json) -> tuple[Any, ...]:
    """Everything that must be the same whatever the positions are: findings, results, and the licenses at the end."""
    with running(MAILBOXES, AT_RISK, 11, now=NOW, **switches) as tenant:
        found = [findings(tenant, strategy) for strategy in ("filtered", "full")]
        pages = [entry for entry in tenant.requests() if "skiptoken" in str(entry["query"]) and entry.get("cmdlet")]
        assert bool(pages) is (switches["invoke_paging"] == "nextlink")  # The position makes a difference.
        done = remediation(tenant)
        held = {user["id"]: user["assignedLicenses"] for user in tenant.world.users.values()}
    return found[0], found[1], done, held


@pytest.fixture(scope="module")
def usual() -> tuple[Any, ...]:
    """The outcome in the first position of every switch."""
    return outcome(COMBINATIONS[0])


@pytest.mark.parametrize(
    "switches", COMBINATIONS[1:], ids=lambda chosen: "-".join(str(value) for value in chosen.values())
)
def test_no_position_of_what_is_unverified_changes_the_outcome(usual: tuple[Any, ...], switches: Json) -> None:
    for ours, theirs in zip(outcome(switches), usual, strict=True):
        assert ours == theirs


@pytest.mark.parametrize("position", ["allowed", "403"])
def test_objects_by_id_may_be_forbidden(position: str) -> None:
    """Few are read in another way, which costs as little."""
    with running(60, 12, 3, get_by_ids=position) as tenant:
        look(tenant, strategy="full")
        assert not [entry for entry in tenant.requests() if "getByIds" in str(entry)]
