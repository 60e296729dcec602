# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tenant a run talks to: its id, its initial domain, its name; and whether it is the one that was meant."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    M365Error,
    incomplete_answer,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered

from .client import Graph
from .parsing import SERVICE

ORGANIZATION = "/v1.0/organization"
MOST_SECONDS = 10.0
"""How long the tenant's name is asked for where the run can go on without it."""


class Tenant(NamedTuple):
    """A tenant. What is not known is empty; ``domains`` are its verified domains, in lower case."""

    id: str
    initial_domain: str = ""
    display_name: str = ""
    domains: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """What messages call it: the initial domain, else its id (or domain) as far as it is known."""
        return self.initial_domain or self.id

    def row(self) -> dict[str, Any]:
        """The return value ``tenant``."""
        return {
            "id": self.id or None,
            "initial_domain": self.initial_domain or None,
            "display_name": self.display_name or None,
        }


class WrongTenant(M365Error):
    """The tenant is not the one that ``expected_domain`` names, or it is not known whether it is."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, code="wrong_tenant", hint=hint)


def read_tenant(graph: Graph, expected_domain: str, otherwise: Tenant) -> tuple[Tenant, str]:
    """The tenant, for one request, and a warning where Graph does not name it; then it is ``otherwise``.

    A tenant that Graph does not name cannot be the one of ``expected_domain``: that raises WrongTenant.
    """
    try:
        return _organization(graph, math.inf if expected_domain else MOST_SECONDS), ""
    except ApiError as error:
        reason = error.message.rstrip(".")
        if not expected_domain:
            return otherwise, f"The tenant's domains and name are not known ({reason}). {error.hint}".strip()
        raise WrongTenant(
            f"Graph does not show the domains of tenant {otherwise.label or '(unknown)'} ({reason}), so it cannot be "
            f"compared with expected_domain {expected_domain!r}. No users were read, nothing was written.",
            f"{error.hint} Or leave expected_domain out.".strip(),
        ) from error


def require_domain(tenant: Tenant, expected_domain: str) -> None:
    """Raises WrongTenant for a tenant without this verified domain (in lower case); an empty text is any tenant."""
    if expected_domain and expected_domain not in tenant.domains:
        raise WrongTenant(
            f"The credentials lead to tenant {tenant.label} ({tenant.display_name or 'without a name'}, {tenant.id}), "
            f"which has no verified domain {expected_domain!r}. No users were read, nothing was written.",
            "Check tenant_id and the credentials of this host, or expected_domain (M365_EXPECTED_DOMAIN).",
        )


def claims(token: str) -> dict[str, str]:
    """The texts that a token says of itself, such as ``tid`` and ``appid``; nothing where it is not a JWT.

    They are not verified: they serve for what people read, and nothing is decided by them.
    """
    try:
        part = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError, RecursionError, binascii.Error):
        return {}
    return {name: text for name, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}


def _organization(graph: Graph, seconds: float) -> Tenant:
    """Raises ApiError, also for an answer without the tenant."""
    pages = graph.pages(ORGANIZATION, {"$select": "id,displayName,verifiedDomains"}, most_seconds=seconds)
    found = next(iter(pages), None)
    domains = [item for item in (found or {}).get("verifiedDomains") or () if isinstance(item, Mapping)]
    names = [item["name"] for item in domains if isinstance(item.get("name"), str)]
    if found is None or not names:
        raise incomplete_answer(SERVICE, "the organization has no verified domains", request=f"GET {ORGANIZATION}")
    initial = next((item["name"] for item in domains if item.get("isInitial") is True and item.get("name")), "")
    name = found.get("displayName")
    return Tenant(
        str(found["id"]).lower(),
        str(initial),
        name if isinstance(name, str) else "",
        frozenset(map(lowered, names)),
    )
