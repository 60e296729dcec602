# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that conflict in the next run are reported before the first write."""

from __future__ import annotations

import pytest

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions
from tests.simulator.state import Json


def rule(name: str, match: Json, sku: str, **more: object) -> Json:
    return {**EVERYBODY, "name": name, "match": match, "licenses": [{"sku": sku}], **more}


REST = rule("Rest", {}, "SPE_E5")
UP = rule("Up", {"has": ["EXCHANGEENTERPRISE"]}, "SPE_E3", remove=["EXCHANGEENTERPRISE"])
LACKS = rule("E3", {"lacks": ["SPE_E3"]}, "SPE_E3")


def test_conflicting_rules_are_reported_with_names_and_user(env: PlanHarness) -> None:
    env.person("anna", env.held("EXCHANGEENTERPRISE"))
    result = env.plan(UP, REST, scope="all_users", allow_removals=True)
    (row,) = result["users"]
    assert (row["rule"], row["next_rule"]) == ("Up", "Rest")
    assert "in the next run rule 'Rest' decides for this user, and changes it again" in row["note"]
    (warning,) = result["warnings"]
    assert "Rules 'Up' and 'Rest' conflict" in warning
    assert "changed again by 'Rest' in the next run: anna@contoso.example." in warning
    assert "lacks: [SPE_E3] in 'Rest'" in warning


def test_last_rule_after_one_that_lacks_its_license_is_reported(env: PlanHarness) -> None:
    env.at_risk("anna")
    options = {"scope": "all_users", "max_covered_seats": "unlimited"}
    told = env.plan(LACKS, REST, **options)
    assert [row["next_rule"] for row in told["users"]] == ["Rest"]
    # it is as it was told
    env.apply(LACKS, REST, **options)
    assert env.apply(LACKS, REST, **options)["changed"]


def test_a_later_rule_that_would_end_in_a_conflict_is_told_too(env: PlanHarness) -> None:
    env.person("anna", kind=None)
    first, rest = rule("EMS", {"lacks": ["EMS"]}, "EMS"), rule("Rest", {}, "EXCHANGEARCHIVE_ADDON")
    (row,) = env.apply(first, rest, scope="all_users")["users"]
    assert row["next_rule"] == "Rest"
    assert row["note"].endswith("rule 'Rest' decides for this user, and ends as conflict")
    assert actions(env.apply(first, rest, scope="all_users")) == {"anna": "conflict"}


def test_the_advice_helps(env: PlanHarness) -> None:
    env.at_risk("anna")
    env.at_risk("bert", department="Legal")
    sales = {**LACKS, "match": {"department": "Sales", "lacks": ["SPE_E3"]}}
    rest = {**REST, "match": {"lacks": ["SPE_E3"]}}
    done = env.apply(sales, rest, scope="all_users")
    assert (actions(done), done["warnings"]) == ({"anna": "license", "bert": "license"}, [])
    assert [row["next_rule"] for row in done["users"]] == [None, None]
    assert env.apply(sales, rest, scope="all_users")["changed"] is False


def test_of_mailboxes_at_risk_nobody_is_looked_at_again(env: PlanHarness) -> None:
    env.at_risk("anna")
    done = env.apply(LACKS, REST)
    assert ([row["next_rule"] for row in done["users"]], done["warnings"]) == ([None], [])
    assert env.apply(LACKS, REST)["changed"] is False


@pytest.mark.parametrize("sku", ["EXCHANGESTANDARD", "EXCHANGEENTERPRISE"])
def test_later_mailbox_rule_leaves_covered_users_alone(env: PlanHarness, sku: str) -> None:
    env.at_risk("anna")
    rest = rule("Rest", {}, sku)
    done = env.apply(LACKS, rest, scope="all_users")
    assert ([row["next_rule"] for row in done["users"]], done["warnings"]) == ([None], [])
    assert env.apply(LACKS, rest, scope="all_users")["changed"] is False


@pytest.mark.parametrize("then", [{"action": "ignore", "reason": "they have it"}, None])
def test_a_later_rule_that_changes_nothing_is_no_trouble(env: PlanHarness, then: Json | None) -> None:
    env.at_risk("anna")
    rules = [LACKS, *([{"name": "Done", "match": {}, **then}] if then else [])]
    done = env.apply(*rules, scope="all_users")
    assert (done["changed"], done["warnings"]) == (True, [])
    assert env.apply(*rules, scope="all_users")["changed"] is False
