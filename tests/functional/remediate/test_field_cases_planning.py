# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small inputs from field reports with their right answers: what rules give. Planned, written, and planned again."""

from __future__ import annotations

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions, skus
from tests.simulator.builders import GB
from tests.simulator.state import Json

STRATEGIES = pytest.mark.parametrize("strategy", ["filtered", "full"])
SCOPES = pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])


def to(*part_numbers: str, **more: object) -> Json:
    """A rule for everybody."""
    return {**EVERYBODY, "licenses": [{"sku": name} for name in part_numbers], **more}


def applied(env: PlanHarness, rule: Json, **options: object) -> Json:
    """The one row of a run, which check mode has foretold in the same words."""
    (told,) = env.apply(rule, check_mode=True, **options)["users"]
    (row,) = env.apply(rule, **options)["users"]
    same = ("action", "add", "remove", "alternative", "warnings")
    assert {name: told[name] for name in same} == {name: row[name] for name in same}
    found: Json = row
    return found


@STRATEGIES
@SCOPES
def test_06_mailbox_on_hold_gets_plan_1_of_its_rule(env: PlanHarness, strategy: str, scope: str) -> None:
    anna = env.person("anna", hold=True, created_days=10)
    row = applied(env, to("EXCHANGESTANDARD"), strategy=strategy, scope=scope)
    assert (row["action"], row["status"], row["confirmation"]) == ("license", "changed", "confirmed")
    (warning,) = row["warnings"]
    assert warning.startswith("the license keeps the mailbox, but it needs ")
    assert "Exchange Online Plan 1 with the archiving add-on, or Exchange Online Plan 2" in warning
    assert env.states(anna).keys() == {"EXCHANGESTANDARD"}
    again = env.apply(to("EXCHANGESTANDARD"), strategy=strategy, scope=scope)
    assert (again["changed"], len(env.parts("POST", "assignLicense"))) == (False, 1)


@STRATEGIES
def test_07_a_hold_gets_plan_2_beside_plan_1(env: PlanHarness, strategy: str) -> None:
    anna = env.person("anna", env.held("EXCHANGESTANDARD"), hold=True)
    row = applied(env, to("EXCHANGEENTERPRISE"), strategy=strategy)
    assert (row["action"], row["status"]) == ("license", "changed")
    assert "each takes a seat, and the best plan counts, so EXCHANGESTANDARD may go" in row["note"]
    assert env.states(anna).keys() == {"EXCHANGESTANDARD", "EXCHANGEENTERPRISE"}
    assert not env.apply(to("EXCHANGEENTERPRISE"), strategy=strategy)["changed"]


@STRATEGIES
@pytest.mark.parametrize("kind", ["SharedMailbox", "RoomMailbox", "EquipmentMailbox"])
def test_08_a_large_shared_mailbox_gets_plan_2_beside_plan_1(env: PlanHarness, strategy: str, kind: str) -> None:
    team = env.person("team", env.held("EXCHANGESTANDARD"), kind=kind, bytes=60 * GB)
    row = applied(env, to("EXCHANGEENTERPRISE"), strategy=strategy, shared_mailbox_sizes="always")
    assert (row["action"], row["status"]) == ("license", "changed")
    assert "so EXCHANGESTANDARD may go" in row["note"]
    assert env.states(team).keys() == {"EXCHANGESTANDARD", "EXCHANGEENTERPRISE"}


@pytest.mark.parametrize("held", ["held", "inherited"])
def test_09_who_holds_f1_gets_f3_beside_it(env: PlanHarness, held: str) -> None:
    state = env.held("M365_F1_COMM") if held == "held" else env.inherited("M365_F1_COMM")
    env.person("anna", state)
    row = applied(env, to("SPE_F1"), scope="all_users")
    assert (row["action"], row["status"], [item["sku"] for item in row["add"]]) == ("license", "changed", ["SPE_F1"])
    assert not env.apply(to("SPE_F1"), scope="all_users")["changed"]


@STRATEGIES
@SCOPES
def test_10_a_guest_with_a_mailbox_is_licensed_by_rules(env: PlanHarness, strategy: str, scope: str) -> None:
    gert = env.make.user("Gert", "gert", user_type="Guest", usage_location="DE")
    env.make.mailbox(gert, "UserMailbox", created_days=20)
    row = applied(env, to("EXCHANGESTANDARD"), strategy=strategy, scope=scope)
    assert (row["action"], row["status"]) == ("license", "changed")


@pytest.mark.parametrize("where", ["licenses", "fallback"])
def test_16_teams_enterprise_is_no_remedy(env: PlanHarness, where: str) -> None:
    env.add_sku("Microsoft_Teams_Enterprise_New")
    env.at_risk("anna")
    rule = to("SPE_E3", **{where: [{"sku": "Microsoft_Teams_Enterprise_New"}]})
    with pytest.raises(ConfigurationError, match="no remedy") as caught:
        env.apply(rule)
    assert f"{where}[0].sku" in caught.value.message
    assert env.writes() == []


@STRATEGIES
def test_16_who_holds_it_gets_what_a_rule_gives(env: PlanHarness, strategy: str) -> None:
    """At risk is nobody of whom a plan is at work; a right is worth a rule for all users."""
    env.add_sku("Microsoft_Teams_Enterprise_New")
    env.person("anna", env.held("Microsoft_Teams_Enterprise_New"))
    assert skus(env.plan(to("SPE_E3"), strategy=strategy)) == {}
    assert actions(env.plan(to("SPE_E3"), scope="all_users")) == {"anna": "license"}
