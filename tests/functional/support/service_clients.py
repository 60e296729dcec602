# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of a simulated tenant, made as a module makes them, for tests of what lies below the modules."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._auth.consent import CONSENTS
from ansible_collections.m365.licensing.plugins.module_utils._auth.tokens import TokenSource, options_from
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._http.client import HttpClient, HttpSettings, Service

from tests.simulator.launch import Tenant


@dataclass(frozen=True)
class Clients:
    """The services of one tenant; ``http.requests`` counts what was sent, tokens included."""

    http: HttpClient
    graph: Graph
    exchange: Exchange


@contextlib.contextmanager
def clients(
    tenant: Tenant,
    *,
    concurrency: int = 4,
    retry_seconds: float = 10.0,
    timeout: float = 20.0,
    exchange_tenant: str = "",
    **options: Any,
) -> Iterator[Clients]:
    """Clients for as long as the block runs. ``options``: of the module, over those that the tenant gives.

    ``exchange_tenant``: what to call the tenant in Exchange's paths, if not by its GUID.
    """
    chosen = options_from(options, tenant.env(), resources=("graph", "exchange"))
    settings = HttpSettings(
        timeout=timeout, retry_seconds=retry_seconds, concurrency=concurrency, ca_path=chosen.ca_path or None
    )
    http = HttpClient(settings)
    tokens = TokenSource(chosen, http)

    def service(resource: str, name: str) -> Service:
        def token(refresh: bool) -> str:
            return tokens.token(resource, refresh=refresh)

        return Service(http, name, chosen.endpoints.base(resource), token, CONSENTS[resource])

    try:
        yield Clients(
            http,
            Graph(service("graph", "Microsoft Graph")),
            Exchange(service("exchange", "Exchange Online"), exchange_tenant or chosen.tenant_id, chosen.exchange_api),
        )
    finally:
        http.close()
