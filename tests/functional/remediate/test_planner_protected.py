# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users are protected by name, pattern and id; a warning names a typo."""

from __future__ import annotations

import pytest

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions

SCOPES = pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
NOBODY = "99999999-9999-4999-a999-999999999999"


@SCOPES
def test_a_user_is_protected_by_id_in_any_spelling(env: PlanHarness, scope: str) -> None:
    env.at_risk("anna")
    (user_id,) = env.world.users
    for text in (user_id, user_id.upper(), f" {{{user_id}}} "):
        result = env.plan(EVERYBODY, protected=[text], scope=scope)
        assert (actions(result), result["warnings"]) == ({"anna": "protected"}, [])


@pytest.mark.parametrize("strategy", ["filtered", "full"])
@SCOPES
def test_names_that_nobody_has_are_told(env: PlanHarness, scope: str, strategy: str) -> None:
    env.at_risk("anna")
    safe = env.person("bert", env.held("SPE_E3"))
    names = ["ana@contoso.example", safe.upper(), NOBODY, "breakglass*@*", "o'neil@contoso.example"]
    result = env.plan(EVERYBODY, protected=names, scope=scope, strategy=strategy)
    assert actions(result)["anna"] == "license"
    missing = f"'ana@contoso.example', '{NOBODY}', \"o'neil@contoso.example\""
    assert result["warnings"] == [f"protected: the tenant has no user {missing}, so this protects no user."]


def test_names_of_users_at_risk_and_patterns_cost_no_request(env: PlanHarness) -> None:
    anna = env.at_risk("anna")
    plan_2 = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}]}  # with Plan 1 the size of the mailbox is asked for
    plain, named = (env.plan(plan_2, protected=names)["summary"]["requests"] for names in ([], [anna, "breakglass*@*"]))
    assert plain == named


def test_a_name_that_cannot_be_one_is_refused_before_any_request(env: PlanHarness) -> None:
    env.tenant.clear_requests()
    assert [text.partition(":")[0] for text in env.problems(EVERYBODY, protected=["a\nb@contoso.example"])] == [
        "protected[0]"
    ]
    assert env.tenant.requests() == []
