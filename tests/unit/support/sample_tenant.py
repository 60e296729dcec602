# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small tenant for the tests of the pure domain: a few SKUs with Microsoft's own ids, and users to go with them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    AssignedPlan,
    Deadline,
    Finding,
    LicenseState,
    PlanClass,
    RecipientType,
    ServicePlan,
    Sku,
    User,
)

PLAN2 = "efb87545-963c-4e0d-99df-69c6916d9eb0"
PLAN1 = "9aaf7827-d63c-4b61-89c3-182f06f82e5c"
KIOSK = "4a82b400-a79f-41a4-b4e2-e94f5787b113"
ADDON = "176a09a6-7ec5-4039-ac02-b2791c6ba793"
ARCHIVE = "da040e0a-b393-4bea-bb76-928b3fa1cf5a"
YAMMER = "7547a3fe-08ee-4ccb-b430-5077c5041653"
TEAMS = "57ff2da0-773e-42df-b2af-ffb7a2317929"
FOUNDATION = "113feb6c-3fe4-4440-bddc-54d774bf0318"
TODO = "5e62787c-c316-451f-b873-1d05acd4d12c"
INTUNE = "c1ec4a95-1f05-45b3-a911-aa3fa01094f5"

SPE_E3 = "05e9a617-0261-4cee-bb44-138d3ef5d965"
SPE_E5 = "06ebc4ee-1bb5-47dd-8120-11324bc54e06"
EXCHANGESTANDARD = "4b9405b0-7788-4568-add1-99614e613b69"
EXCHANGEDESKLESS = "80b2d799-d2ba-4d2a-8842-fb0d0f3a4b82"
EXCHANGEARCHIVE = "90b5e015-709a-4b8b-b08e-3200f994494c"
EXCHANGEARCHIVE_ADDON = "ee02fd1b-340e-4a4b-b355-4a514e4c8943"
EMS = "efccb6f7-5641-4e0e-bd10-b4976e1bf68e"
F1 = "50f60901-3181-4b75-8a2c-4c8e4c1d5a72"

GROUP = "0f000000-0000-4000-8000-000000000001"
OTHER_GROUP = "0f000000-0000-4000-8000-000000000002"

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=timezone.utc)
TODAY = NOW.date()

_NAMES = {
    PLAN2: "EXCHANGE_S_ENTERPRISE",
    PLAN1: "EXCHANGE_S_STANDARD",
    KIOSK: "EXCHANGE_S_DESKLESS",
    ADDON: "EXCHANGE_S_ARCHIVE_ADDON",
    ARCHIVE: "EXCHANGE_S_ARCHIVE",
    YAMMER: "YAMMER_ENTERPRISE",
    TEAMS: "TEAMS1",
    FOUNDATION: "EXCHANGE_S_FOUNDATION",
    TODO: "BPOS_S_TODO_1",
    INTUNE: "INTUNE_A",
}

_CONTENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    SPE_E3: ("SPE_E3", (PLAN2, YAMMER, TEAMS, FOUNDATION)),
    SPE_E5: ("SPE_E5", (PLAN2, YAMMER, TEAMS, INTUNE)),
    EXCHANGESTANDARD: ("EXCHANGESTANDARD", (PLAN1, TODO)),
    EXCHANGEDESKLESS: ("EXCHANGEDESKLESS", (KIOSK,)),
    EXCHANGEARCHIVE: ("EXCHANGEARCHIVE", (ARCHIVE,)),
    EXCHANGEARCHIVE_ADDON: ("EXCHANGEARCHIVE_ADDON", (ADDON,)),
    EMS: ("EMS", (INTUNE, FOUNDATION)),
    F1: ("M365_F1_COMM", (KIOSK, TEAMS, YAMMER)),
}


def sku(sku_id: str, *, seats: int = 100, status: str = "Enabled", **more: Any) -> Sku:
    """A SKU of the small tenant with ``seats`` free seats. EXCHANGE_S_FOUNDATION applies to the company."""
    part_number, plans = _CONTENTS[sku_id]
    return Sku(
        id=sku_id,
        part_number=part_number,
        capability_status=status,
        enabled=seats,
        plans=tuple(ServicePlan(plan, _NAMES[plan], "Company" if plan == FOUNDATION else "User") for plan in plans),
        **more,
    )


def skus(*, seats: dict[str, int] | None = None, status: dict[str, str] | None = None) -> list[Sku]:
    """All SKUs of the small tenant; ``seats`` and ``status`` by SKU id where they differ from 100 and Enabled."""
    return [
        sku(sku_id, seats=(seats or {}).get(sku_id, 100), status=(status or {}).get(sku_id, "Enabled"))
        for sku_id in _CONTENTS
    ]


SKUS = skus()
BY_ID = {item.id: item for item in SKUS}
PLAN_NAMES = _NAMES


def direct(sku_id: str, *off: str, state: str = "Active", error: str | None = None) -> LicenseState:
    """A direct assignment with the plans ``off`` switched off."""
    return LicenseState(sku_id, frozenset(off), state=state, error=error)


def inherited(sku_id: str, *off: str, state: str = "Active", group: str = GROUP) -> LicenseState:
    """The same from a group."""
    return LicenseState(sku_id, frozenset(off), group_id=group, state=state)


def user(name: str = "anna", *states: LicenseState, table: list[Sku] | None = None, **more: Any) -> User:
    """A user in Germany with these assignments, and the assigned plans that follow from them."""
    table = SKUS if table is None else table
    by_id = {item.id: item for item in table}
    given: dict[str, str] = {}
    for state in states:
        if state.effective:
            item = by_id[state.sku_id]
            for plan in item.plans:
                if plan.id not in state.disabled_plans and given.get(plan.id) != "Enabled":
                    given[plan.id] = item.capability_status
    values: dict[str, Any] = {
        "id": f"id-{name}",
        "user_principal_name": f"{name}@contoso.com",
        "display_name": name.capitalize(),
        "usage_location": "DE",
        "license_states": tuple(states),
        "assigned_plans": tuple(AssignedPlan(plan, status) for plan, status in sorted(given.items())),
    }
    return User(**(values | more))


MAILBOX: tuple[frozenset[PlanClass], ...] = (
    frozenset({PlanClass.PLAN1}),
    frozenset({PlanClass.PLAN2}),
    frozenset({PlanClass.KIOSK}),
)
"""What an ordinary mailbox needs: any plan that grants one."""

HOLD: tuple[frozenset[PlanClass], ...] = (
    frozenset({PlanClass.PLAN2}),
    frozenset({PlanClass.PLAN1, PlanClass.ARCHIVING}),
    frozenset({PlanClass.KIOSK, PlanClass.ARCHIVING}),
)
"""What a mailbox on hold needs."""


def finding(of: User, *, days: int | None = 10, needs: Any = MAILBOX, reason: str = "no_license") -> Finding:
    """A mailbox at risk whose deadline is ``days`` away (None: unknown)."""
    at = None if days is None else NOW + timedelta(days=days)
    severity = "warning" if days is None else "overdue" if days < 0 else "critical" if days <= 7 else "warning"
    return Finding(
        user_id=of.id,
        user_principal_name=of.user_principal_name,
        recipient_type=RecipientType.USER,
        reason=reason,
        needs=needs,
        evidence=("exchange_sku_not_assigned",),
        deadline=Deadline(at, "created_plus_grace" if at else "unknown", "estimated" if at else "unknown"),
        severity=severity,
        days_remaining=days,
        mailbox=None,
        user=of,
    )
