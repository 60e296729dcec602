# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of audits: with entries of the audit log, with pending removals, with SKUs that no table knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    Finding,
)

from tests.functional.support.explain_harness import ExplainHarness
from tests.functional.support.plan_harness import PlanHarness
from tests.functional.support.run_audit import look
from tests.simulator import audit_log
from tests.simulator.licensing import reproject
from tests.simulator.skus import Seats, subscribed_sku, table
from tests.simulator.state import Json


def log(env: PlanHarness, user: Json, days: float, before: tuple[str, ...], after: tuple[str, ...]) -> datetime:
    """An entry of ``days`` days ago with the licenses (part numbers) before and after it."""
    moment = env.world.now() - timedelta(days=days)
    audit_log.note(env.world, user, *(map(held, some) for some in (before, after)), moment=moment)
    env.world.touch()
    return moment


def held(text: str) -> Json:
    """``SPE_E3``, or ``SPE_E3-EXCHANGE_S_ENTERPRISE``: with that plan off."""
    part_number, _mark, off = text.partition("-")
    row = table()[part_number]
    return {"skuId": row.id, "disabledPlans": [row.plan(off)] if off else []}


def run(env: ExplainHarness, way: str, *users: Json, **options: Any) -> Audit:
    chosen: dict[str, Any] = {"strategy": "full" if way == "everybody" else way, "everybody": way == "everybody"}
    if way == "identities":
        chosen = {"identities": tuple(user["userPrincipalName"] for user in users)}
    env.tenant.clear_requests()
    audit = look(env.tenant, **chosen, **options)
    assert audit.summary()["complete"] is True
    return audit


def one(found: Audit) -> Finding:
    (row,) = found.findings
    return row


TEAMS_ENTERPRISE = "Microsoft_Teams_Enterprise_New"
TOMORROW, TOMORROW_ID = "Teams_of_Tomorrow", "00000000-0000-4000-8000-000000000042"
KIOSK, TEAMS = "4a82b400-a79f-41a4-b4e2-e94f5787b113", "57ff2da0-773e-42df-b2af-ffb7a2317929"
PLAN1, FOUNDATION = "9aaf7827-d63c-4b61-89c3-182f06f82e5c", "113feb6c-3fe4-4440-bddc-54d774bf0318"


def stock(env: PlanHarness, sku_id: str, part_number: str, plans: Sequence[tuple[str, str]]) -> None:
    """A SKU that the tenant has, with seats; ``plans``: id and name."""
    world = env.world
    row = subscribed_sku(
        table()["EMS"],
        tenant=(world.tenant_id, world.display_name),
        status="Enabled",
        seats=Seats(enabled=100),
        subscription=TOMORROW_ID,
    )
    names = {"id": f"{world.tenant_id}_{sku_id}", "skuId": sku_id, "skuPartNumber": part_number}
    listed = [
        {"servicePlanId": plan, "servicePlanName": name, "provisioningStatus": "Success", "appliesTo": "User"}
        for plan, name in plans
    ]
    world.skus[sku_id] = {**row, **names, "servicePlans": listed}


def holder(env: PlanHarness, sku_id: str, name: str = "anna") -> Json:
    """Somebody with a mailbox and this license alone."""
    upn = env.person(name)
    user = env.world.user(upn)
    assert user is not None
    state = {**env.held("EMS"), "skuId": sku_id}
    user["licenseAssignmentStates"] = [state]
    reproject(env.world, user["id"])
    env.world.touch()
    return user


def teams_enterprise(env: PlanHarness) -> str:
    row = table()[TEAMS_ENTERPRISE]
    stock(env, row.id, TEAMS_ENTERPRISE, [(plan.id, plan.name) for plan in row.plans])
    return row.id


def tomorrow(env: PlanHarness, *more: str) -> str:
    plans = [(KIOSK, "EXCHANGE_S_DESKLESS"), (TEAMS, "TEAMS1"), (FOUNDATION, "EXCHANGE_S_FOUNDATION")]
    stock(env, TOMORROW_ID, TOMORROW, [*plans, *((plan, BUILTIN.plan_name(plan)) for plan in more)])
    return TOMORROW_ID


STRATEGIES: list[dict[str, Any]] = [
    {"strategy": "filtered"},
    {"strategy": "full"},
    {"strategy": "full", "everybody": True},
    {"identities": ("anna@contoso.example",)},
]
