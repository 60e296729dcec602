# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom ``filtered`` could miss and ``full`` finds: odd sets of licenses, on every kind of mailbox."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN

from tests.functional.support.assign_harness import Harness
from tests.functional.support.run_audit import facts, look, rows

HELD = ("EXCHANGESTANDARD", "EXCHANGEENTERPRISE", "SPE_F1", "M365_F1_COMM", "EXCHANGEARCHIVE_ADDON", "EXCHANGEARCHIVE")
SETS = [some for size in range(4) for some in itertools.combinations(HELD, size)]
KINDS = ("UserMailbox", "SharedMailbox", "RoomMailbox", "EquipmentMailbox", "MailUser")
STORES: tuple[dict[str, bool], ...] = ({}, {"archive": True}, {"hold": True})


def settle(env: Harness) -> None:
    """Every set of licenses on every kind of mailbox, with an archive, a hold and neither."""
    number = 0
    for kind, stores, held in itertools.product(KINDS, STORES, SETS):
        if kind == "MailUser" and not stores.get("archive"):
            continue
        number += 1
        states = [env.make.state(name) for name in held]
        user = env.make.user(f"User {number}", f"user{number}", states=states)
        env.make.mailbox(user, kind, sku_assigned=bool(states), **stores)
    env.world.touch()


def both(env: Harness, **options: Any) -> list[tuple[str, str, str]]:
    """The rows of a full audit, which a filtered one has too."""
    full, filtered = (look(env.tenant, strategy=strategy, **options) for strategy in ("full", "filtered"))
    assert rows(filtered) == rows(full)
    assert facts(filtered) == facts(full)
    assert filtered.disagreements == full.disagreements
    assert filtered.no_mailbox_rights == full.no_mailbox_rights
    return rows(full)


CORRECTIONS: list[dict[str, Any]] = [
    {},
    {"add": [{"plan": "EXCHANGE_S_ENTERPRISE", "grants": "plan1"}]},
    {"remove": ["EXCHANGE_S_ENTERPRISE"]},
    {"remove": ["EXCHANGE_S_STANDARD"]},
    {"remove": ["EXCHANGE_S_DESKLESS"]},
    {"remove": ["EXCHANGE_S_ARCHIVE_ADDON"]},
    {"remove": ["EXCHANGE_S_ARCHIVE"]},
    {"add": [{"plan": "EXCHANGE_S_DESKLESS", "grants": "plan2"}]},
]


@pytest.mark.parametrize("corrections", CORRECTIONS, ids=str)
def test_every_set_of_licenses_on_every_kind_of_mailbox(env: Harness, corrections: dict[str, Any]) -> None:
    settle(env)
    assert both(env, catalog=BUILTIN.with_overrides(corrections))


def test_whoever_has_no_rights_is_found_without_the_list_of_skus(env: Harness) -> None:
    settle(env)
    env.tenant.set_faults(
        {"service": "graph", "kind": "status", "path": "subscribedSkus", "status": 403, "times": None}
    )
    both(env)


@pytest.mark.parametrize("key", ["id", "upn"])
@pytest.mark.parametrize("covered", [True, False])
def test_pending_user_is_read_despite_other_records(env: Harness, key: str, covered: bool) -> None:
    env.world.switches.update({"delicensing_resiliency": True, "pending_delicense_key": key})
    states = [env.make.state("EXCHANGESTANDARD" if covered else "POWER_BI_STANDARD")]
    user = env.make.user("Late", "late", states=states)
    box = env.make.mailbox(user, "UserMailbox", sku_assigned=True, pending_days=5)
    user.update({"mail": None, "proxyAddresses": []})
    box["PersistedCapabilities"] = ["BPOS_S_Standard"]
    env.world.touch()
    found = both(env)
    assert [row[1] for row in found] == ([] if covered else ["license_removed"])
    assert bool(look(env.tenant).disagreements) is covered


@pytest.mark.parametrize("kind", ["SharedMailbox", "UserMailbox"])
def test_a_just_removed_add_on_is_a_row_before_exchange_notices(env: Harness, kind: str) -> None:
    user = env.make.user("Alone", "alone", removed=["EXCHANGEARCHIVE_ADDON"], removed_days=0)
    box = env.make.mailbox(user, kind, sku_assigned=True, archive=True)
    box["PersistedCapabilities"] = ["BPOS_S_Standard", "BPOS_S_ArchiveAddOn"]
    env.world.touch()
    assert both(env)
