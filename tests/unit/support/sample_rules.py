# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the sample tenant."""

from __future__ import annotations

from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules import Rule
from ansible_collections.m365.licensing.plugins.module_utils._planning.rules_schema import parse_rules

from tests.unit.support.sample_tenant import (
    SKUS,
)

E3 = [{"sku": "SPE_E3"}]


def parse(*rules: Any, scope: str = "mailboxes_at_risk") -> tuple[Rule, ...]:
    return parse_rules(list(rules), SKUS, BUILTIN, scope=scope)


def matching(match: Any) -> Rule:
    (rule,) = parse({"name": "the rule", "match": match, "licenses": E3})
    return rule
