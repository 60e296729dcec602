# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which permission a refused request lacks, and who can grant it. Pure.

The least privileged application permissions, as Microsoft's pages of each method name them.
"""

from __future__ import annotations

from collections.abc import Callable

_READ_ORDER: tuple[tuple[str, str], ...] = (
    ("/assignlicense", "LicenseAssignment.ReadWrite.All"),
    ("/subscribedskus", "LicenseAssignment.Read.All (or Organization.Read.All)"),
    ("/directory/subscriptions", "Organization.Read.All"),
    ("/organization", "Organization.Read.All"),
    ("/reports/", "Reports.Read.All"),
    ("/auditlogs/", "AuditLog.Read.All"),
    ("/checkmembergroups", "GroupMember.Read.All"),
    ("/groups", "GroupMember.Read.All"),
    ("/$batch", "User.Read.All and, where licenses are written, LicenseAssignment.ReadWrite.All"),
)
_CONSENT = "A Privileged Role Administrator or Global Administrator must grant admin consent for it."


def graph_permission(method: str, path: str) -> str:
    """Name the permission that a request to Microsoft Graph needs (``path`` with or without its version)."""
    lowered = path.casefold()
    found = (permission for part, permission in _READ_ORDER if part in lowered)
    return next(found, "User.Read.All" if method.upper() == "GET" else "User.ReadWrite.All")


def graph_consent(method: str, path: str) -> str:
    """Say which permission a request to Microsoft Graph needs, and who grants it."""
    return f"The app needs the Microsoft Graph application permission {graph_permission(method, path)}. {_CONSENT}"


def exchange_role(v2: bool) -> str:
    """The role that the app needs besides the permission, on the surface v2 or on the other."""
    if v2:
        return "an Exchange role group (View-Only Organization Management, Recipient Management)"
    return "a Microsoft Entra role (Global Reader to read, Exchange Recipient Administrator to write)"


def exchange_consent(_method: str, path: str) -> str:
    """Name what a request to Exchange needs: a permission and a role, on either surface [admin-api-get-started]."""
    v2 = "/adminapi/v2.0/" in path.casefold()
    permission, role = "Exchange.ManageAsAppV2" if v2 else "Exchange.ManageAsApp", exchange_role(v2)
    return (
        f"The app needs the Office 365 Exchange Online application permission {permission} and also {role}: "
        f"one without the other is refused. {_CONSENT} A Privileged Role Administrator assigns the role."
    )


CONSENTS: dict[str, Callable[[str, str], str]] = {"graph": graph_consent, "exchange": exchange_consent}
"""The hint of each resource."""
