# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for tests: candidates, rules and what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Sku, User
from ansible_collections.m365.licensing.plugins.module_utils._planning.planner import (
    Candidate,
    Plan,
    PlanEntry,
    PlanOptions,
    build_plan,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import Subject
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_schema import parse_rules

from tests.unit.support.sample_tenant import (
    SKUS,
    TODAY,
    finding,
)

E3: dict[str, Any] = {"name": "All", "match": {}, "licenses": [{"sku": "SPE_E3"}], "usage_location": "DE"}
E3_OR_STANDARD: dict[str, Any] = E3 | {"fallback": [{"sku": "EXCHANGESTANDARD"}]}
WITHOUT_MAIL = E3 | {"licenses": [{"sku": "SPE_E3", "disabled_plans": ["EXCHANGE_S_ENTERPRISE"]}]}
ONLY_YAMMER = E3 | {"licenses": [{"sku": "SPE_E3", "enabled_plans": ["YAMMER_ENTERPRISE"]}]}


def at_risk(who: User, **more: Any) -> Candidate:
    return Candidate(Subject(who), finding(who, **more))


def anybody(who: User, **more: Any) -> Candidate:
    return Candidate(Subject(who), **more)


def plan_for(
    candidates: Sequence[Candidate],
    *rules: Any,
    table: list[Sku] | None = None,
    scope: str = "all_users",
    **options: Any,
) -> Plan:
    table = SKUS if table is None else table
    parsed = parse_rules(list(rules), table, BUILTIN, scope=scope)
    return build_plan(candidates, parsed, table, BUILTIN, PlanOptions(**options), TODAY)


def only(candidate: Candidate, *rules: Any, **options: Any) -> PlanEntry:
    (entry,) = plan_for([candidate], *rules, **options).entries
    return entry


def added(entry: PlanEntry) -> list[str]:
    return [item.sku_id for item in entry.change.add]
