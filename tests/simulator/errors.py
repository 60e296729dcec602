# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals of Graph: status, code and text, as observed or as documented by Microsoft."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

ADVANCED_HINT = (
    "Try adding $count=true query parameter and ConsistencyLevel:eventual header. "
    "Refer to https://aka.ms/graph-docs/advanced-queries for more information"
)


class GraphError(Exception):
    """An answer that is an error. ``headers`` are sent with it (Retry-After and the like)."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def error_body(code: str, message: str, *, now: datetime, request_id: str, client_request_id: str) -> dict[str, Any]:
    """The JSON of an error, with ``innerError`` as Graph writes it."""
    return {
        "error": {
            "code": code,
            "message": message,
            "innerError": {
                "date": now.strftime("%Y-%m-%dT%H:%M:%S"),
                "request-id": request_id,
                "client-request-id": client_request_id,
            },
        }
    }


def bad_request(message: str, code: str = "Request_BadRequest") -> GraphError:
    """400."""
    return GraphError(400, code, message)


def unsupported_query(message: str) -> GraphError:
    """400 with the code that Graph uses for queries which it cannot run."""
    return GraphError(400, "Request_UnsupportedQuery", message)


def unsupported_filter(prop: str, resource: str) -> GraphError:
    """400: this property cannot be filtered in this way (or not without the parameters of an advanced query)."""
    return unsupported_query(
        f"Unsupported or invalid query filter clause specified for property '{prop}' of resource '{resource}'."
    )


def needs_advanced(operator: str) -> GraphError:
    """400: an operator of advanced queries without their parameters."""
    return unsupported_query(
        f"Operator '{operator}' is not supported because the required parameters might be missing. {ADVANCED_HINT}"
    )


def not_found(key: str) -> GraphError:
    """404 for a directory object."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{key}' does not exist or one of its queried reference-property objects are not present.",
    )


def denied() -> GraphError:
    """403: the application lacks the permission."""
    return GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def not_simulated(what: str) -> GraphError:
    """501: the simulated tenant does not support what the real service may support; it has no silent default."""
    return GraphError(501, "NotSimulated", f"The simulated tenant does not know {what}.")
