# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a result, a report and a record say of the run itself: mode, application, version, time, rules, guards. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._plain import to_plain
from ansible_collections.m365.licensing.plugins.module_utils._version import COLLECTION_VERSION

GUARDS = (
    "max_changes",
    "protected",
    "allow_removals",
    "seat_reserve",
    "use_warning_seats",
    "allow_incomplete",
)
"""The options of ``m365_license_plan`` that limit what it writes."""


def rules_digest(rules: Any) -> str:
    """SHA-256 (hex) over the rules as data: JSON with sorted keys, without blanks, in ASCII.

    The same rules have the same digest, however they are written in YAML.
    """
    text = json.dumps(to_plain(rules), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def run_facts(
    mode: str,
    *,
    application: str,
    time: datetime,
    check_mode: bool = False,
    params: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The return value ``run``. ``params``: the options of ``m365_license_plan``, where rules and guards count."""
    facts: dict[str, Any] = {
        "mode": mode,
        "check_mode": check_mode,
        "application": application or None,
        "collection_version": COLLECTION_VERSION,
        "time": time,
    }
    if params is not None:
        facts["rules_digest"] = rules_digest(params["rules"])
        facts["guards"] = {name: params[name] for name in GUARDS}
    return facts
