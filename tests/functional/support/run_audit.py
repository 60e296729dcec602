# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audits of a tenant, and what is to be found there, for the tests of the audit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit, AuditOptions, audit

from tests.functional.support.service_clients import clients
from tests.simulator.launch import Tenant

REASON_OF_KIND = {
    "no_license_fresh": "no_license",
    "no_license_outlived": "no_license",
    "shared_hold": "shared_litigation_hold",
    "pending_delicense": "license_removed",
}
"""What the generator's kinds are called in a row, where the word differs."""


def look(
    tenant: Tenant,
    *,
    sizes: str = "never",
    surface: str = "invoke_command",
    now: datetime | None = None,
    client: Mapping[str, Any] = MappingProxyType({}),
    **options: Any,
) -> Audit:
    """One audit, by the tenant's clock if no other time is given; ``client``: options of its clients."""
    with clients(tenant, exchange_api=surface, **client) as made:
        chosen = AuditOptions(now=now or tenant.world.now(), shared_mailbox_sizes=sizes, **options)
        return audit(made.graph, made.exchange, chosen)


def rows(found: Audit) -> list[tuple[str, str, str]]:
    return sorted((item.user_id, item.reason, item.recipient_type.value) for item in found.findings)


def facts(found: Audit) -> list[tuple[object, ...]]:
    """Everything that a row says, but for what depends on the second in which it was read."""
    return [
        (
            item.user_id,
            item.reason,
            item.recipient_type,
            item.mailbox,
            item.user,
            item.needs,
            item.evidence,
            item.deadline,
            item.severity,
            item.disagreements,
            item.notes,
        )
        for item in found.findings
    ]


def planted(tenant: Tenant, *kinds: str) -> list[tuple[str, str]]:
    """What the generator put at risk: (user id, reason)."""
    truth: dict[str, list[str]] = tenant.truth()["at_risk"]
    return sorted(
        (user_id, REASON_OF_KIND.get(kind, kind))
        for kind, ids in truth.items()
        for user_id in ids
        if not kinds or kind in kinds
    )
