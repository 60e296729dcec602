# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals of the Exchange admin API, before they become answers."""

from __future__ import annotations

from collections.abc import Mapping


class ExchangeError(Exception):
    """An answer that is an error; ``kind`` is the class of the exception inside the service."""

    def __init__(
        self, status: int, code: str, message: str, *, kind: str = "", headers: Mapping[str, str] | None = None
    ):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.kind = kind
        self.headers = dict(headers or {})


def bad_request(message: str, kind: str = "Microsoft.Exchange.Management.RestApi.RestApiException") -> ExchangeError:
    """400, with the reason inside ``innererror``."""
    return ExchangeError(400, "BadRequest", message, kind=kind)


def forbidden() -> ExchangeError:
    """A missing role or an unknown cmdlet: the service answers both the same way."""
    reason = "The role assigned to application isn't supported in this scenario. Please check online documentation."
    return ExchangeError(
        403,
        "AccessDenied",
        reason,
        headers={"x-ms-diagnostics": f'2000008;reason="{reason}";error_category="invalid_role"'},
    )


def not_simulated(what: str) -> ExchangeError:
    """501: the simulated tenant does not support what the real service may support."""
    return ExchangeError(501, "NotSimulated", f"The simulated tenant does not know {what}.")
