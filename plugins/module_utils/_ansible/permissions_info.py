# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``m365_permissions_info``: one harmless read for each permission to read, and what the tokens say of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._auth.permissions import (
    OK,
    REFUSED,
    SERVICES,
    UNKNOWN,
    Check,
    module_rows,
    next_steps,
    permission_rows,
    permission_states,
    permissions_for,
    roles_of,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    AuthenticationError,
    ConfigurationError,
    M365Error,
    PermissionDenied,
)

from .module import Context


class _Read(NamedTuple):
    """A read that shows whether a permission is there, and takes nothing from the tenant but an id or a total."""

    name: str
    path: str
    query: dict[str, str] | None = None


_GRAPH_READS = (
    _Read("users", "/v1.0/users", {"$top": "1", "$select": "id"}),
    _Read("skus", "/v1.0/subscribedSkus", {"$select": "id"}),
    _Read("subscriptions", "/v1.0/directory/subscriptions"),
    _Read("groups", "/v1.0/groups", {"$top": "1", "$select": "id"}),
    _Read("reports", "/v1.0/reports/getMailboxUsageStorage(period='D7')"),
    _Read("audit_log", "/v1.0/auditLogs/directoryAudits", {"$top": "1", "$select": "id"}),
)
_CMDLET = "Get-OrganizationConfig"


class PermissionsMissing(M365Error):
    """A module that ``fail_if_missing`` names is not ready. ``partial`` is the whole result."""

    def __init__(self, message: str, hint: str, partial: dict[str, Any]) -> None:
        super().__init__(message, code="permissions_missing", hint=hint, partial=partial)


def permissions_info(context: Context) -> dict[str, Any]:
    """What each module of the collection needs, has and lacks; see RETURN of the module.

    Raises PermissionsMissing for ``fail_if_missing``, and the error of signing in where no service gives a token.
    """
    errors: list[M365Error] = []
    graph_roles = _roles(context.graph.service.token, errors)
    signed_in = not errors
    roles = {
        "graph": graph_roles,
        "exchange": _roles(lambda: _exchange_token(context), errors),
    }
    if len(errors) == len(SERVICES) and all(isinstance(error, AuthenticationError) for error in errors):
        raise errors[0]
    checks = [*_graph_checks(context), _exchange_check(context)]
    permissions = permissions_for(context.options.exchange_api)
    states = permission_states(permissions, roles, checks)
    modules = module_rows(permissions, states, checks)
    rows = permission_rows(permissions, states)
    wanted: Sequence[str] = context.params["fail_if_missing"]
    chosen = [row for row in modules if not wanted or row["name"] in wanted]
    sign_in = _sign_in_steps(checks)
    result: dict[str, Any] = {
        "tenant": context.tenant.row() if signed_in else None,
        "application": (context.application if signed_in else context.options.client_id) or None,
        "modules": modules,
        "permissions": rows,
        "checks": [_check_row(check) for check in checks],
        "summary": {
            "ready": all(row["ready"] for row in chosen),
            "modules_ready": sum(row["ready"] is True for row in modules),
            "token_roles": {service: found is not None for service, found in roles.items()},
            "next_steps": [*sign_in, *next_steps(modules, rows)],
        },
        "warnings": [
            f"{row['name']}: whether the application has {', '.join(row['unknown'])} is not known."
            for row in chosen
            if wanted and row["ready"] is None
        ],
    }
    lacking = [f"{row['name']} lacks {', '.join(row['lacks'])}" for row in chosen if row["ready"] is False]
    if wanted and lacking:
        hint = " ".join([*sign_in, *next_steps(chosen, rows)])
        raise PermissionsMissing(f"Permissions are missing: {'; '.join(lacking)}.", hint, result)
    return result


def _exchange_token(context: Context) -> str:
    context.check_exchange_options()
    return context.exchange.service.token()


def _roles(token: Callable[[], str], errors: list[M365Error]) -> frozenset[str] | None:
    try:
        return roles_of(token())
    except M365Error as error:
        errors.append(error)
        return None


def _graph_checks(context: Context) -> Iterable[Check]:
    for read in _GRAPH_READS:
        request = f"GET {read.path}"

        def send(read: _Read = read) -> None:
            keep = (lambda lines: sum(1 for _line in lines)) if read.name == "reports" else None
            context.graph.service.request("GET", read.path, params=read.query, idempotent=True, keep=keep)

        yield _checked(read.name, "graph", request, send)


def _exchange_check(context: Context) -> Check:
    def send() -> None:
        context.check_exchange_options()
        context.exchange.cmdlet(_CMDLET)

    return _checked("exchange", "exchange", _CMDLET, send)


def _checked(name: str, service: str, request: str, send: Callable[[], object]) -> Check:
    try:
        send()
    except PermissionDenied as error:
        return Check(name, service, request, REFUSED, error.status, error.message, error.hint)
    except (AuthenticationError, ConfigurationError) as error:
        return Check(name, service, request, REFUSED, 0, error.message, error.hint, signed_in=False)
    except M365Error as error:
        return Check(name, service, request, UNKNOWN, getattr(error, "status", 0), error.message, error.hint)
    return Check(name, service, request, OK)


def _check_row(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "service": SERVICES[check.service],
        "request": check.request,
        "status": check.status,
        "message": check.message,
        "hint": check.hint,
    }


def _sign_in_steps(checks: Iterable[Check]) -> list[str]:
    """Where there is no token for a service: why, once."""
    lost = {check.service: f"{check.message} {check.hint}".strip() for check in checks if not check.signed_in}
    return [f"{SERVICES[service]}: {reason}" for service, reason in lost.items()]
