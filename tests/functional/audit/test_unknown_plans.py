# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Exchange plan that no table knows may be what keeps a mailbox: its row says so."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN

from tests.functional.support.audit_scenes import STRATEGIES, holder, stock
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions
from tests.functional.support.run_audit import look
from tests.simulator.state import Json

NAME, PLAN = "EXCHANGE_B_CUSTOMDOMAIN", "e4ed42b9-0000-4000-8000-000000000001"
SKU = "00000000-0000-4000-8000-000000000043"
WAYS = pytest.mark.parametrize("options", STRATEGIES, ids=str)


def person(env: PlanHarness, name: str = NAME, plan: str = PLAN) -> Json:
    """A user whose only Exchange plan is this one, and whose mailbox Exchange calls licensed."""
    stock(env, SKU, "CUSTOM", [(plan, name)])
    user = holder(env, SKU)
    (box,) = env.world.mailboxes_of(user["id"])
    box["SKUAssigned"] = True
    env.world.touch()
    return user


@WAYS
def test_a_row_names_an_enabled_plan_that_no_table_knows(env: PlanHarness, options: dict[str, Any]) -> None:
    user = person(env)
    (row,) = look(env.tenant, **options).findings
    assert (row.user_id, row.reason) == (user["id"], "no_exchange_plan")
    (note,) = [text for text in row.notes if "mailbox_plans" in text]
    assert f"{NAME} ({PLAN})" in note


@WAYS
def test_option_mailbox_plans_settles_such_a_row(env: PlanHarness, options: dict[str, Any]) -> None:
    person(env)
    catalog = BUILTIN.with_overrides({"add": [{"plan": PLAN, "grants": "plan1"}]})
    assert look(env.tenant, catalog=catalog, **options).findings == ()


@WAYS
@pytest.mark.parametrize(
    ("name", "plan"),
    [
        ("EXCHANGE_S_FOUNDATION", "113feb6c-3fe4-4440-bddc-54d774bf0318"),
        ("SOMETHING_ELSE", "00000000-0000-4000-8000-000000000044"),
    ],
)
def test_known_plans_and_other_services_make_no_note(
    env: PlanHarness, options: dict[str, Any], name: str, plan: str
) -> None:
    person(env, name, plan)
    (row,) = look(env.tenant, **options).findings
    assert not any("mailbox_plans" in text for text in row.notes)


def test_rules_license_such_a_user_and_warn_of_the_plan(env: PlanHarness) -> None:
    """The mailbox comes first: a license that may not be needed is better than a lost mailbox."""
    person(env)
    assert actions(env.plan(EVERYBODY)) == {"anna": "license"}
    (warning,) = look(env.tenant).warnings
    assert warning.startswith("anna@contoso.example: ")
    assert f"{NAME} ({PLAN})" in warning
    assert "mailbox_plans" in warning
