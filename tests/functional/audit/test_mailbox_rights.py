# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Licenses that carry an Exchange plan without the right to a mailbox, and those of which nobody knows that."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._ansible.audit_module import no_rights_warnings
from ansible_collections.m365.licensing.plugins.module_utils._ansible.license_info import (
    subscription_info,
    user_license_info,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing import catalog as catalogs
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import ServicePlan, Sku

from tests.functional.support.audit_scenes import (
    FOUNDATION,
    KIOSK,
    PLAN1,
    STRATEGIES,
    TEAMS,
    TEAMS_ENTERPRISE,
    TOMORROW,
    TOMORROW_ID,
    holder,
    teams_enterprise,
    tomorrow,
)
from tests.functional.support.explain_harness import ExplainHarness, text
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions
from tests.functional.support.run_audit import facts, look
from tests.simulator.launch import Tenant
from tests.simulator.licensing import reproject
from tests.simulator.skus import table

ARCHIVING = "176a09a6-7ec5-4039-ac02-b2791c6ba793"
SHAREPOINT, OFFICE = "902b47e5-dcb2-4fdc-858b-c63a90a2bdb9", "43de0ff5-c92c-492b-9116-175376d08c38"


@pytest.mark.parametrize("options", STRATEGIES, ids=str)
@pytest.mark.parametrize(("unknown", "reason"), [(True, "license_error"), (False, "no_license")])
def test_assignment_in_error_that_may_keep_the_box_is_reported(
    env: PlanHarness, options: dict[str, Any], unknown: bool, reason: str
) -> None:
    user = holder(env, tomorrow(env) if unknown else teams_enterprise(env))
    user["licenseAssignmentStates"][0] |= {"state": "Error", "error": "CountViolation"}
    user["assignedPlans"] = []
    reproject(env.world, user["id"])
    (box,) = env.world.mailboxes_of(user["id"])
    box["SKUAssigned"] = None
    env.world.touch()
    assert [row.reason for row in look(env.tenant, **options).findings] == [reason]


@pytest.mark.parametrize("options", STRATEGIES, ids=str)
@pytest.mark.parametrize("unknown", [False, True])
def test_who_holds_nothing_else_is_a_warning_and_no_row(
    env: PlanHarness, options: dict[str, Any], unknown: bool
) -> None:
    user = holder(env, tomorrow(env) if unknown else teams_enterprise(env))
    found = look(env.tenant, **options)
    assert facts(found) == []
    (row,) = found.no_mailbox_rights
    name = TOMORROW if unknown else TEAMS_ENTERPRISE
    assert (row["user_id"], row["skus"], row["rights_unknown"]) == (user["id"], [name], unknown)
    (warning,) = no_rights_warnings(found)
    assert warning.startswith("no_mailbox_rights: ")
    assert user["userPrincipalName"] in warning
    assert ("is not known" in warning and TOMORROW in warning) is unknown


@pytest.mark.parametrize("more", [SHAREPOINT, OFFICE, PLAN1])
def test_unknown_sku_that_resembles_a_suite_covers_a_mailbox(env: PlanHarness, more: str) -> None:
    holder(env, tomorrow(env, more))
    for options in STRATEGIES:
        found = look(env.tenant, **options)
        assert (facts(found), found.no_mailbox_rights) == ([], ())
    env.at_risk("berta")
    assert actions(env.plan({**EVERYBODY, "licenses": [{"sku": TOMORROW}]})) == {"berta": "license"}


@pytest.mark.parametrize(
    ("plans", "unsure"),
    [
        ((KIOSK, TEAMS), True),
        ((KIOSK, TEAMS, FOUNDATION), True),
        ((KIOSK,), False),
        ((TEAMS,), False),
        ((KIOSK, TEAMS, PLAN1), False),
        ((KIOSK, TEAMS, ARCHIVING), False),
        ((KIOSK, TEAMS, SHAREPOINT), False),
        ((KIOSK, TEAMS, OFFICE), False),
    ],
)
def test_the_shape_of_a_sku_of_which_nobody_knows(plans: tuple[str, ...], unsure: bool) -> None:
    sku = Sku(TOMORROW_ID, TOMORROW, plans=tuple(ServicePlan(plan, plan) for plan in plans))
    catalog = BUILTIN.in_tenant([sku])
    assert (catalog.rights_unknown(sku.id), catalog.no_rights(sku.id)) == (unsure, unsure)
    assert catalog.in_tenant([sku]) == catalog
    known = Sku(table()["SPE_F1"].id, "SPE_F1", plans=sku.plans)
    assert not BUILTIN.in_tenant([known]).no_rights(known.id), "what a table knows is judged by that"


def test_the_plans_of_suites_are_those_that_microsoft_calls_so() -> None:
    names = {BUILTIN.plan_name(plan) for plan in catalogs._SUITE_PLANS}
    assert all(name.startswith(("OFFICE", "SHAREPOINT")) for name in names)
    assert BUILTIN.plan_name(catalogs._TEAMS) == "TEAMS1"


@pytest.mark.parametrize("unknown", [False, True])
def test_it_is_refused_as_a_remedy(env: PlanHarness, unknown: bool) -> None:
    (tomorrow if unknown else teams_enterprise)(env)
    env.at_risk("anna")
    name = TOMORROW if unknown else TEAMS_ENTERPRISE
    with pytest.raises(ConfigurationError) as caught:
        env.plan({**EVERYBODY, "licenses": [{"sku": name}]})
    assert caught.value.code == "invalid_rules"
    assert f"{name} " in caught.value.message
    assert ("is not known" in caught.value.message) is unknown
    assert "no remedy" in caught.value.message
    assert env.writes() == []


@pytest.mark.parametrize("unknown", [False, True])
def test_an_explanation_and_the_lists_of_licenses_say_so(tenant: Tenant, unknown: bool) -> None:
    env = ExplainHarness(tenant)
    sku_id = tomorrow(env) if unknown else teams_enterprise(env)
    holder(env, sku_id)
    told = text(env.one("anna"))
    assert "no_mailbox_rights of the audit" in told
    assert f"a plan of {TOMORROW if unknown else TEAMS_ENTERPRISE} keeps the mailbox" in told
    assert ("is not known" in told) is unknown
    with env.clients() as found:
        rows = {row["sku_id"]: row for row in subscription_info(found.graph, BUILTIN)["skus"]}
        (person,) = user_license_info(found.graph, BUILTIN, users=["anna@contoso.example"])["users"]
    row = rows[sku_id]
    assert (row["no_mailbox_rights"], row["mailbox_rights_unknown"], row["grants"]) == (not unknown, unknown, [])
    assert person["covered"] == []
