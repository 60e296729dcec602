# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running tenant whose people a test chooses, and what ``m365_license_plan`` does in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._ansible.plan_module import planner_options
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._remediate.result import (
    PlanFailed,
    raise_if_failed,
    report_of,
    result_of,
    warnings_of,
)
from ansible_collections.m365.licensing.plugins.module_utils._remediate.workflow import plan_licenses
from ansible_collections.m365.licensing.plugins.modules.m365_license_plan import ARGUMENTS

from tests.functional.support.assign_harness import Harness
from tests.functional.support.service_clients import Clients
from tests.simulator.state import Json

EVERYBODY = {
    "name": "Everybody",
    "match": {},
    "licenses": [{"sku": "EXCHANGESTANDARD"}],
    "usage_location": {"from": "country", "default": "DE"},
}
"""A rule that saves every user mailbox."""

ALL_KINDS = [
    {**EVERYBODY, "name": "Archives", "match": {"recipient_type": "archive"}, "licenses": [{"sku": "EXCHANGEARCHIVE"}]},
    {
        **EVERYBODY,
        "name": "Resources",
        "match": {"recipient_type": ["shared", "room", "equipment"]},
        "licenses": [{"sku": "EXCHANGEENTERPRISE"}],
    },
    # on hold, Plan 1 is not enough
    {**EVERYBODY, "fallback": [{"sku": "EXCHANGEENTERPRISE"}]},
]
"""Rules that save every kind of mailbox and archive that the generator puts at risk."""


def plan(found: Clients, rules: Any, *, check_mode: bool = False, **options: Any) -> Json:
    """The module's result with its ``warnings`` and ``reports``; ``options``: of the module. Raises M365Error.

    ``fail_on`` is ``none`` where a test does not say something else: most tests leave somebody at risk on purpose.
    """
    defaults = {name: spec.get("default") for name, spec in ARGUMENTS.items()} | {"fail_on": "none"}
    params = defaults | {"rules": rules} | options
    chosen = planner_options(params)
    planned = plan_licenses(found.graph, found.exchange, chosen, check_mode=check_mode)
    result = result_of(planned, chosen, requests=found.http.requests, check_mode=check_mode)
    result["warnings"] = warnings_of(planned, result, chosen)
    result["reports"] = report_of(planned, result, chosen, "contoso")
    rows = list(result["users"])
    try:
        raise_if_failed(planned, result, chosen)
    except PlanFailed as error:
        error.partial["users"] = rows
        raise
    return {**result, "users": rows}


class PlanHarness(Harness):
    """The tenant, emptied, with people at risk."""

    def at_risk(self, name: str, *held: Json, days: int = 10, country: str = "Germany", **properties: Any) -> str:
        """Somebody whose mailbox was made ``days`` days ago without a license; the user's name.

        ``properties``: of the user, as Graph names them.
        """
        location = properties.pop("usageLocation", "DE")
        user = self.make.user(name.title(), name, states=list(held), usage_location=location, reconciliation=not held)
        user.update({"country": country, "department": "Sales", **properties})
        self.make.mailbox(user, "UserMailbox", sku_assigned=True if held else None, created_days=days)
        upn: str = user["userPrincipalName"]
        return upn

    def group(self, name: str, *members: str) -> str:
        """A group of users and groups, by user principal name or id; its id."""
        ids = [found["id"] if (found := self.world.user(member)) else member for member in members]
        return self.make.group(name, members=ids)

    def plan(self, *rules: Any, **options: Any) -> Json:
        """What the module returns in its mode ``plan``."""
        with self.clients() as found:
            return plan(found, list(rules), **options)

    def apply(self, *rules: Any, **options: Any) -> Json:
        """The same in its mode ``apply``."""
        return self.plan(*rules, mode="apply", **options)

    def refused(self, *rules: Any, **options: Any) -> PlanFailed:
        """The same, where a guard refuses, a user fails, or the end is an alarm."""
        with pytest.raises(PlanFailed) as caught:
            self.plan(*rules, **{"mode": "apply", **options})
        return caught.value

    def problems(self, *rules: Any, **options: Any) -> list[str]:
        """What is wrong with the rules and options."""
        with pytest.raises(ConfigurationError) as caught:
            self.plan(*rules, **options)
        return caught.value.problems


def actions(result: Json) -> dict[str, str]:
    """Action by the first part of the user's name."""
    return {row["user_principal_name"].partition("@")[0]: row["action"] for row in result["users"]}


def skus(result: Json) -> dict[str, list[str]]:
    """Part numbers to be assigned, by the first part of the user's name."""
    return {
        row["user_principal_name"].partition("@")[0]: [item["sku"] for item in row["add"]]
        for row in result["users"]
        if row["add"]
    }


def names(result: Json, status: str) -> Sequence[str]:
    """The first part of the names of the users with this status, in their order."""
    return [row["user_principal_name"].partition("@")[0] for row in result["users"] if row["status"] == status]
