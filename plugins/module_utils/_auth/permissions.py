# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each module needs of the application, and whether the application has it. Pure.

Two witnesses: the ``roles`` of a token, and a harmless read. The read decides where there is one, as it shows what the
service does; a permission to write has only the token. A token may be opaque, and then such a permission is unknown.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .consent import exchange_role

GRANTED, MISSING, UNKNOWN = "granted", "missing", "unknown"
OK, REFUSED = "ok", "refused"
SERVICES = {"graph": "Microsoft Graph", "exchange": "Office 365 Exchange Online"}
"""The services, as the app registration calls them."""
SIGN_IN = {"graph": "a sign-in to Microsoft Graph", "exchange": "a sign-in to Exchange Online"}
"""What is missing without a token for a service."""

_DIRECTORY = ("Directory.Read.All", "Directory.ReadWrite.All")


class Permission(NamedTuple):
    """``instead``: permissions that include it. ``check``: the read that proves it. ``role``: no token names it."""

    name: str
    service: str
    instead: tuple[str, ...] = ()
    check: str = ""
    role: bool = False


class Check(NamedTuple):
    """What came of a read. ``status`` is ``ok``, ``refused`` or ``unknown``; ``http`` is 0 where no answer came."""

    name: str
    service: str
    request: str
    status: str
    http: int = 0
    message: str = ""
    hint: str = ""
    signed_in: bool = True


class Needs(NamedTuple):
    """``optional``: what only some options or tenants need."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


GRAPH = (
    Permission("User.Read.All", "graph", ("User.ReadWrite.All", *_DIRECTORY), "users"),
    Permission(
        "LicenseAssignment.Read.All",
        "graph",
        ("LicenseAssignment.ReadWrite.All", "Organization.Read.All", "Organization.ReadWrite.All", *_DIRECTORY),
        "skus",
    ),
    Permission("Organization.Read.All", "graph", ("Organization.ReadWrite.All", *_DIRECTORY), "subscriptions"),
    Permission(
        "GroupMember.Read.All",
        "graph",
        ("GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", *_DIRECTORY),
        "groups",
    ),
    Permission("Reports.Read.All", "graph", (), "reports"),
    Permission("AuditLog.Read.All", "graph", (), "audit_log"),
    Permission("LicenseAssignment.ReadWrite.All", "graph", ("User.ReadWrite.All", "Directory.ReadWrite.All")),
    Permission("User.ReadWrite.All", "graph", ("Directory.ReadWrite.All",)),
)
"""Of Microsoft Graph: the least privileged first, as Microsoft's page of each method names them."""

_AUDIT = ("User.Read.All", "LicenseAssignment.Read.All", "Exchange", "Exchange role")
_AUDIT_MORE = ("Organization.Read.All", "Reports.Read.All", "AuditLog.Read.All")
MODULES: dict[str, Needs] = {
    "exo_unlicensed_mailbox_info": Needs(_AUDIT, _AUDIT_MORE),
    "m365_license_explanation_info": Needs(_AUDIT, (*_AUDIT_MORE, "GroupMember.Read.All")),
    "m365_license_plan": Needs(
        (*_AUDIT, "LicenseAssignment.ReadWrite.All"), (*_AUDIT_MORE, "GroupMember.Read.All", "User.ReadWrite.All")
    ),
    "m365_permissions_info": Needs(()),
    "m365_subscription_info": Needs(("LicenseAssignment.Read.All",), ("Organization.Read.All",)),
    "m365_user_license": Needs(
        ("User.Read.All", "LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All"),
        ("User.ReadWrite.All", "Exchange", "Exchange role", "Reports.Read.All"),
    ),
    "m365_user_license_info": Needs(("User.Read.All", "LicenseAssignment.Read.All")),
}
"""The modules of this collection. ``Exchange`` and ``Exchange role`` depend on the surface (``exchange_api``)."""


def permissions_for(exchange_api: str) -> dict[str, Permission]:
    """Every permission by its key in ``MODULES``, for one surface of Exchange."""
    name = "Exchange.ManageAsAppV2" if exchange_api == "v2" else "Exchange.ManageAsApp"
    found = {permission.name: permission for permission in GRAPH}
    found["Exchange"] = Permission(name, "exchange", (), "exchange")
    role = "role group View-Only Organization Management" if exchange_api == "v2" else "Entra role Global Reader"
    found["Exchange role"] = Permission(role, "exchange", (), "exchange", role=True)
    return found


def roles_of(token: str) -> frozenset[str] | None:
    """The application permissions that a token names; None where it does not tell: it is opaque, or a person's.

    Nothing is verified, as nothing but a report depends on it. Entra leaves ``roles`` out where there are none.
    """
    parts = token.split(".")
    try:
        payload = parts[1] if len(parts) == 3 else ""
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(claims, dict) or "aud" not in claims or "scp" in claims:
        return None
    roles = claims.get("roles", [])
    return frozenset(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else None


def permission_states(
    permissions: Mapping[str, Permission], roles: Mapping[str, frozenset[str] | None], checks: Sequence[Check]
) -> dict[str, str]:
    """Is each permission granted, missing or unknown? ``roles``: of the token of each service, None where not known."""
    by_name = {check.name: check for check in checks}
    return {
        key: _state(permission, roles.get(permission.service), by_name.get(permission.check))
        for key, permission in permissions.items()
    }


def _state(permission: Permission, roles: frozenset[str] | None, check: Check | None) -> str:
    named = UNKNOWN
    if roles is not None and not permission.role:
        named = GRANTED if roles & {permission.name, *permission.instead} else MISSING
    if check is None or not check.signed_in or check.status == UNKNOWN:
        return named
    if check.status == OK:
        return GRANTED
    if permission.service != "exchange":
        return MISSING
    # Exchange answers 401 without the permission, and 403 where only the role is missing [seen live].
    if permission.role:
        return MISSING if check.http == 403 else UNKNOWN
    return named if named != UNKNOWN else (GRANTED if check.http == 403 else MISSING)


def module_rows(
    permissions: Mapping[str, Permission], states: Mapping[str, str], checks: Iterable[Check]
) -> list[dict[str, Any]]:
    """What each module needs, has and lacks. ``ready`` is None where nothing is missing, as far as it is known."""
    lost = {check.service for check in checks if not check.signed_in}
    rows = []
    for name, needs in MODULES.items():
        services = {permissions[key].service for key in needs.required}
        found = {
            state: [permissions[key].name for key in needs.required if states[key] == state]
            for state in (GRANTED, MISSING, UNKNOWN)
        }
        lacks = [*(SIGN_IN[service] for service in sorted(services & lost, reverse=True)), *found[MISSING]]
        rows.append(
            {
                "name": name,
                "needs": [permissions[key].name for key in needs.required],
                "has": found[GRANTED],
                "lacks": lacks,
                "unknown": found[UNKNOWN],
                "optional": [permissions[key].name for key in needs.optional],
                "optional_lacks": [permissions[key].name for key in needs.optional if states[key] == MISSING],
                "ready": False if lacks else (None if found[UNKNOWN] else True),
            }
        )
    return rows


def permission_rows(permissions: Mapping[str, Permission], states: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each permission with its state, the modules that need it, and who grants it."""
    return [
        {
            "name": permission.name,
            "service": SERVICES[permission.service],
            "state": states[key],
            "needed_by": [name for name, needs in MODULES.items() if key in needs.required],
            "optional_for": [name for name, needs in MODULES.items() if key in needs.optional],
            "hint": "" if states[key] == GRANTED else _hint(permission),
        }
        for key, permission in permissions.items()
    ]


def _hint(permission: Permission) -> str:
    if permission.role:
        role = exchange_role(permission.name.startswith("role group"))
        return f"A Privileged Role Administrator must assign the app {role}."
    return (
        f"Add the application permission {permission.name} of {SERVICES[permission.service]} to the app registration. "
        "A Privileged Role Administrator or Global Administrator must grant admin consent for it."
    )


def next_steps(modules: Iterable[Mapping[str, Any]], permissions: Iterable[Mapping[str, Any]]) -> list[str]:
    """What to do so that the modules become ready: one step for each permission that some of them lack."""
    lacking = {row["name"]: row["lacks"] for row in modules}
    steps = []
    for permission in permissions:
        names = [name for name, lacks in lacking.items() if permission["name"] in lacks]
        if names:
            steps.append(f"For {', '.join(names)}: {permission['hint']}")
    return steps
