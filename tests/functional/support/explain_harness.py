# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running tenant whose people a test chooses, and what ``m365_license_explanation_info`` says of them."""

from __future__ import annotations

from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._ansible.explain_module import (
    explain_options,
    explain_users,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import to_plain
from ansible_collections.m365.licensing.plugins.modules.m365_license_explanation_info import ARGUMENTS

from tests.functional.support.plan_harness import PlanHarness
from tests.functional.support.service_clients import Clients
from tests.simulator.state import Json


def explain(found: Clients, *users: str, **options: Any) -> Json:
    """The module's result with its ``warnings``; ``options``: of the module. Raises M365Error."""
    params = {name: spec.get("default") for name, spec in ARGUMENTS.items()} | {"users": list(users)} | options
    result: Json = to_plain(explain_users(found.graph, found.exchange, explain_options(params)))
    return result


class ExplainHarness(PlanHarness):
    """The tenant, emptied, with people whom a test explains."""

    def explain(self, *users: str, **options: Any) -> Json:
        """What the module returns; a user without a domain is one of the tenant's."""
        names = [name if "@" in name or "-" in name else f"{name}@contoso.example" for name in users]
        with self.clients() as found:
            return explain(found, *names, **options)

    def one(self, user: str, *rules: Any, **options: Any) -> Json:
        """The explanation of one user."""
        chosen = {"rules": list(rules)} if rules else {}
        (row,) = self.explain(user, **chosen, **options)["explanations"]
        assert self.writes() == [], "an explanation never writes"
        return dict(row)


def text(explanation: Json) -> str:
    """The lines for people as one text, without the breaks of long lines."""
    return " ".join(" ".join(explanation["lines"]).split())


def section(explanation: Json, label: str) -> list[str]:
    """The texts beside a label, without it and without the breaks of long lines."""
    found: list[str] = []
    inside = False
    for line in explanation["lines"]:
        inside = line.startswith(label) if line[:1] != " " else inside
        if inside and line[13:15] == "  ":
            found[-1] += f" {line.strip()}"
        elif inside:
            found.append(line[13:])
    return found
