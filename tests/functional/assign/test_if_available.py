# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One rules file for tenants that lack a SKU or a group."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import resolve_wanted

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions, skus
from tests.simulator.state import Json
from tests.unit.support.sample_tenant import GROUP, SKUS

E3 = {"sku": "SPE_E3"}
LACKING = "Microsoft_365_E3_(no_Teams)"
"""A SKU of Microsoft's table that the tenant does not have."""


def maybe(sku: str = LACKING, **more: Any) -> Json:
    return {"sku": sku, "if_available": True, **more}


def rule(*licenses: Json, **more: Any) -> Json:
    return {**EVERYBODY, "licenses": list(licenses), **more}


@pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
@pytest.mark.parametrize(
    ("written", "assigned"),
    [
        # the rest of a list is assigned
        (rule(maybe(), {"sku": "SPE_E3"}), ["SPE_E3"]),
        (rule(maybe("SPE_E3")), ["SPE_E3"]),
        (rule(maybe("SPE_E3", disabled_plans=["YAMMER_ENTERPRISE"])), ["SPE_E3"]),
        # of a list with nothing left the next is taken
        (rule(maybe(), fallback=[{"sku": "EXCHANGESTANDARD"}]), ["EXCHANGESTANDARD"]),
        (rule({"sku": "EXCHANGESTANDARD"}, fallback=[maybe()]), ["EXCHANGESTANDARD"]),
        (rule({"sku": LACKING, "if_available": "yes"}, {"sku": "SPE_E3"}), ["SPE_E3"]),
    ],
)
def test_a_sku_that_the_tenant_lacks_is_left_out(
    env: PlanHarness, written: Json, assigned: list[str], scope: str
) -> None:
    env.at_risk("anna")
    result = env.apply(written, scope=scope)
    assert (skus(result), result["warnings"]) == ({"anna": assigned}, [])
    left_out = f"the tenant has no {LACKING}, which is left out"
    assert (left_out in result["users"][0]["note"]) is (LACKING in str(written))
    assert env.apply(written, scope=scope)["changed"] is False


def test_rule_without_available_skus_decides_with_a_warning(env: PlanHarness) -> None:
    env.at_risk("anna")
    env.person("bert", env.held("SPE_E3"))
    result = env.plan(rule(maybe(), fallback=[maybe("SPE_E5_NOPSTNCONF")]), scope="all_users")
    assert actions(result) == {"anna": "insufficient"}
    assert result["users"][0]["note"].startswith(f"the tenant has no {LACKING}, which is left out; the tenant has no")
    assert any("so this rule licenses no user (rule 'Everybody')" in text for text in result["warnings"])
    assert result["summary"]["actions"]["unchanged"] == 1
    words = "the tenant has none of the licenses that their rule names: anna@contoso.example"
    assert f"Still at risk, because {words}." in result["warnings"]


def test_libraries_missing_and_too_old_differ_in_the_alarm(env: PlanHarness) -> None:
    env.at_risk("anna", days=29)
    error = env.refused(rule(maybe()), fail_on="any")
    assert "1 because the tenant has none of the licenses that the rule names" in error.message
    error = env.refused(rule(maybe(), {"sku": "EMS"}), fail_on="any")
    assert "1 because the licenses of the rule would not be enough" in error.message


def test_a_name_that_nobody_knows_is_told(env: PlanHarness) -> None:
    env.at_risk("anna")
    (warning,) = env.plan(rule(maybe("SPE_E33"), {"sku": "SPE_E3"}))["warnings"]
    assert warning.startswith(
        "rules[0].licenses[0].sku: 'SPE_E33' is a SKU neither of the tenant nor of Microsoft's table"
    )
    assert "nearest: SPE_E3" in warning


def test_other_keys_name_skus_too(env: PlanHarness) -> None:
    env.at_risk("anna")
    rules = [
        rule(E3, name="Has", match={"has": [maybe()]}),
        rule(
            {"sku": "SPE_E3"},
            name="Lacks",
            match={"lacks": maybe(), "not": {"has": ["SPE_E5", maybe()]}},
            remove=[maybe()],
        ),
    ]
    result = env.plan(*rules)
    assert [row["rule"] for row in result["users"]] == ["Lacks"]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (rule({"sku": LACKING}), "rules[0].licenses[0].sku: the tenant has no SKU"),
        (rule({"sku": LACKING, "if_available": False}), "rules[0].licenses[0].sku: the tenant has no SKU"),
        (
            rule(maybe(if_available="perhaps")),
            "rules[0].licenses[0].if_available: expected true or false",
        ),
        (rule({"if_available": True}), "rules[0].licenses[0].sku: expected a part number"),
        (rule(maybe(disabled=["X"])), "rules[0].licenses[0]: unknown key 'disabled'; did you mean disabled_plans?"),
        (
            rule(E3, match={"has": [{"sku": "SPE_E3", "if": True}]}),
            "rules[0].match.has[0]: unknown key 'if'",
        ),
        (rule(E3, match={"group": {"id": "sg-none"}}), "rules[0].match.group.id: expected the id of a group"),
        (
            rule(E3, match={"group": {"id": GROUP, "name": "x"}}),
            "rules[0].match.group: expected id or name, found both",
        ),
        (rule(E3, match={"group": {"nam": "sg-none"}}), "rules[0].match.group: unknown key 'nam'"),
        (
            rule(E3, match={"group": [{"if_available": True}]}),
            "rules[0].match.group[0].name: expected a",
        ),
        (rule(E3, match={"group": []}), "rules[0].match.group: expected a group's name or id or a list"),
    ],
)
def test_what_is_wrong_stays_wrong(env: PlanHarness, written: Json, problem: str) -> None:
    assert any(text.startswith(problem) for text in env.problems(written))


def test_single_users_are_licensed_without_ifs() -> None:
    with pytest.raises(ConfigurationError, match="unknown key 'if_available'"):
        resolve_wanted([maybe("SPE_E3")], SKUS, BUILTIN)


# --- groups ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
def test_in_a_group_that_the_tenant_lacks_is_nobody(env: PlanHarness, scope: str) -> None:
    anna = env.at_risk("anna")
    env.at_risk("bert")
    env.group("sg-sales", anna)
    rules = [
        rule(E3, name="None", match={"group": {"name": "sg-none", "if_available": True}}),
        rule(
            E3,
            name="Sales",
            match={"group": ["sg-sales", {"name": "sg-none", "if_available": True}]},
        ),
        EVERYBODY,
    ]
    result = env.plan(*rules, scope=scope)
    assert skus(result) == {"anna": ["SPE_E3"], "bert": ["EXCHANGESTANDARD"]}
    assert result["warnings"] == [
        "rules[0].match.group: the tenant has no group 'sg-none', so no user is in it (rule 'None')",
        "rules[1].match.group: the tenant has no group 'sg-none', so no user is in it (rule 'Sales')",
        "Rule 'None' decides for no user in this run: check what it matches.",
    ]


def test_a_group_that_is_there_is_asked_for_its_members(env: PlanHarness) -> None:
    anna = env.at_risk("anna")
    env.at_risk("bert")
    env.group("sg-sales", anna)
    here = {"name": "SG-sales", "if_available": True}
    result = env.plan(rule(E3, name="Sales", match={"group": here}), EVERYBODY)
    assert (skus(result)["anna"], result["warnings"]) == (["SPE_E3"], [])
    # and left out of a block of not
    result = env.plan(rule(E3, name="Others", match={"not": {"group": here}}), EVERYBODY)
    assert skus(result) == {"anna": ["EXCHANGESTANDARD"], "bert": ["SPE_E3"]}


def test_ambiguous_group_is_undecided_with_if_available(env: PlanHarness) -> None:
    env.group("sg-twice", env.at_risk("anna"))
    env.group("sg-twice")
    twice = {"name": "sg-twice", "if_available": True}
    error = env.refused(rule(E3, name="Twice", match={"group": twice}), EVERYBODY)
    assert (error.code, actions(dict(error.partial))) == ("groups_undecided", {"anna": "undecided"})
    assert "the name belongs to several groups" in error.partial["users"][0]["why"]
    problems = env.problems(rule({"sku": "NONE"}, match={"group": [twice, {"name": "gone", "if_available": True}]}))
    assert [text.partition(":")[0] for text in problems] == ["rules[0].licenses[0].sku", "rules[0].match.group"]
