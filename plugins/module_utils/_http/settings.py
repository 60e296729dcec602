# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options about requests to the settings of the HTTP client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._common.typed_values import seconds_problems

from .messages import HttpSettings

CONCURRENCY_MAX = 32
RESPONSE_BYTES_MIN = 65536
"""Room for every refusal and for what the identity platform says of itself: less would only break the signing in."""


def settings_from(params: Mapping[str, Any], ca_path: str) -> HttpSettings:
    """Check the limits of all requests. Raises ConfigurationError."""
    problems = [
        *seconds_problems("timeout", params["timeout"], allow_zero=False),
        *seconds_problems("retry_seconds", params["retry_seconds"]),
    ]
    if not 1 <= params["concurrency"] <= CONCURRENCY_MAX:
        problems.append(f"concurrency: expected 1 to {CONCURRENCY_MAX}, found {params['concurrency']}")
    if params["max_response_bytes"] < RESPONSE_BYTES_MIN:
        problems.append(
            f"max_response_bytes: expected {RESPONSE_BYTES_MIN} or more, found {params['max_response_bytes']}"
        )
    if problems:
        raise ConfigurationError(problems)
    return HttpSettings(
        timeout=params["timeout"],
        retry_seconds=params["retry_seconds"],
        concurrency=params["concurrency"],
        ca_path=ca_path or None,
        validate_certs=params["validate_certs"],
        max_response_bytes=params["max_response_bytes"],
    )
