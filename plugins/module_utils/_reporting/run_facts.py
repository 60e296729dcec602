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

from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import to_plain
from ansible_collections.m365.licensing.plugins.module_utils._common.version import COLLECTION_VERSION

GUARDS = (
    "max_changes",
    "max_covered_seats",
    "protected",
    "allow_removals",
    "seat_reserve",
    "use_warning_seats",
    "license_guests",
    "allow_incomplete",
    "expect_digest",
    "fail_on",
    "fail_within_days",
)
"""The options that limit what a run writes, and what it may leave without failing."""


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
    validate_certs: bool = True,
    params: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The return value ``run``. ``params``: the options of the module, where rules and guards count."""
    facts: dict[str, Any] = {
        "mode": mode,
        "check_mode": check_mode,
        "validate_certs": validate_certs,
        "application": application or None,
        "collection_version": COLLECTION_VERSION,
        "time": time,
    }
    if params is not None:
        if params["rules"] is not None:
            facts["rules_digest"] = rules_digest(params["rules"])
        facts["guards"] = {name: params[name] for name in GUARDS if name in params}
    return facts


def head_facts(tenant: Mapping[str, Any] | None, run: Mapping[str, Any] | None) -> dict[str, str]:
    """The return values ``tenant`` and ``run`` as lines for the head of a report: what it is, and its words."""
    facts: dict[str, str] = {}
    if tenant:
        names = [tenant["initial_domain"], tenant["display_name"], tenant["id"]]
        facts["tenant"] = ", ".join(name for name in names if name) or "not known"
    if run:
        plain = to_plain(run)
        facts["application"] = plain["application"] or "not known"
        facts["mode"] = plain["mode"] + (", in check mode" if plain["check_mode"] else "")
        if not plain["validate_certs"]:
            facts["certificates"] = "NOT VERIFIED (validate_certs is false)"
        facts["run began"] = plain["time"]
        facts["collection version"] = plain["collection_version"]
        if "rules_digest" in plain:
            facts["rules (SHA-256)"] = plain["rules_digest"]
        if "guards" in plain:
            facts["guards"] = "; ".join(f"{name}: {_words(value)}" for name, value in plain["guards"].items())
    return facts


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        value = [f"{name} {number}" for name, number in value.items()]
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
