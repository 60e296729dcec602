# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audits of a tenant that misbehaves, for the tests of faults."""

from __future__ import annotations

from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit, AuditOptions, audit

from tests.functional.support.assign_harness import Clock
from tests.functional.support.service_clients import clients
from tests.simulator.launch import Tenant

SERVICES = [("graph", "/v1.0/users"), ("exchange", "InvokeCommand")]
NAMES = {"graph": "Microsoft Graph", "exchange": "Exchange Online"}


def look(tenant: Tenant, clock: Clock | None = None, **options: Any) -> Audit:
    """A full audit; waiting costs no time."""
    clock = clock or Clock(lambda _seconds: None)
    now = options.pop("now", tenant.world.now())
    with clients(tenant, **{"retry_seconds": 60.0, "concurrency": 1, **options}) as made:
        made.http.backoff.clock, made.http.backoff.sleep = clock, clock.sleep
        chosen = AuditOptions(now=now, strategy="full", shared_mailbox_sizes="never")
        return audit(made.graph, made.exchange, chosen)
