# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a result or a record says of a user before a change is what the user gets back, as it is."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError

from tests.functional.support import processes
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.skus import table
from tests.simulator.state import Json

SWAP = {
    **EVERYBODY,
    "licenses": [{"sku": "SPE_E3", "enabled_plans": ["EXCHANGE_S_ENTERPRISE"]}],
    "remove": ["POWER_BI_STANDARD"],
}


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    """People with nothing, with a license without a mailbox, with one that is switched off, and with one of a group."""
    env = PlanHarness(tenant)
    env.at_risk("anna")
    env.at_risk("ben", env.held("POWER_BI_STANDARD"))
    env.at_risk("carl", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE", "TEAMS1"), env.held("EMS", "INTUNE_A"))
    env.at_risk("dora", env.inherited("POWER_BI_STANDARD"))
    return env


def snapshot(env: PlanHarness) -> dict[str, object]:
    return {
        upn: (copy.deepcopy(env.states(upn)), env.location(upn), groups(env, upn)) for upn in list(env.world.upn_index)
    }


def groups(env: PlanHarness, upn: str) -> list[str]:
    user = env.world.user(upn)
    assert user is not None
    return [state["skuId"] for state in user["licenseAssignmentStates"] if state["assignedByGroup"]]


def module(env: PlanHarness, name: str, params: Json) -> Json:
    status, output = processes.module(name, params, env.tenant).end()
    assert status == 0, output[:3000]
    result: Json = json.loads(output)
    return result


def restore(env: PlanHarness, rows: list[Json], side: str = "before") -> list[Json]:
    return [
        module(
            env,
            "m365_user_license",
            {
                "users": [row["user_id"]],
                "licenses": row[side]["licenses"],
                "usage_location": row[side]["usage_location"],
                "state": "exact",
                "allow_uncovered": True,
            },
        )
        for row in rows
    ]


def apply(env: PlanHarness, folder: Path) -> Json:
    params = {"rules": [SWAP], "mode": "apply", "allow_removals": True, "shared_mailbox_sizes": "never"}
    return module(env, "m365_license_plan", {**params, "record_dir": str(folder)})


@pytest.mark.parametrize("source", ["result", "record"])
def test_what_was_before_comes_back(env: PlanHarness, tmp_path: Path, source: str) -> None:
    before = snapshot(env)
    result = apply(env, tmp_path)
    done = snapshot(env)
    assert result["summary"]["changed"] == 4
    rows: list[Json] = result["users"]
    if source == "record":
        lines = [json.loads(line) for line in Path(result["record_path"]).read_text(encoding="ascii").splitlines()]
        rows = list({line["user_id"]: line for line in lines if line["kind"] == "user"}.values())
    assert all(answer["changed"] for answer in restore(env, rows))
    assert snapshot(env) == before
    restore(env, rows, "after")
    assert snapshot(env) == done
    assert not any(answer["changed"] for answer in restore(env, rows, "after"))


def test_what_came_by_a_group_is_left_to_it_and_said(env: PlanHarness, tmp_path: Path) -> None:
    rows = apply(env, tmp_path)["users"]
    (dora,) = [row for row in rows if row["user_principal_name"].startswith("dora")]
    (answer,) = restore(env, [dora])
    told = [text if isinstance(text, str) else text["event"]["msg"] for text in answer["warnings"]]
    (warning,) = [text for text in told if "licenses[0]" in text]
    assert f"POWER_BI_STANDARD came by group {dora['before']['licenses'][0]['group_id']}" in warning
    assert len(groups(env, "dora@contoso.example")) == 1


def test_the_id_of_a_sku_wins_over_its_name(env: PlanHarness) -> None:
    anna = env.person("anna2")
    entry = {"sku": "A name of long ago", "sku_id": table()["EMS"].id}
    assert env.run([anna], entry)["changed"]
    assert set(env.states(anna)) == {"EMS"}


def test_an_id_alone_leaves_plans_as_they_are(env: PlanHarness) -> None:
    carl = "carl@contoso.example"
    assert not env.run([carl], {"sku_id": table()["EMS"].id})["changed"]
    assert env.states(carl)["EMS"] == ["INTUNE_A"]


def test_a_row_is_removed_by_its_sku(env: PlanHarness) -> None:
    carl = "carl@contoso.example"
    entry = {"sku": "EMS", "via": "direct", "state": "Active", "disabled_plans": ["INTUNE_A"]}
    assert env.run([carl], entry, state="absent")["changed"]
    assert set(env.states(carl)) == {"SPE_E3"}


@pytest.mark.parametrize("entry", [{"sku": "OLD_SKU"}, {}])
def test_license_row_of_a_missing_sku_blocks_nothing(env: PlanHarness, entry: Json) -> None:
    """It is named as the row names it; the rest is given back."""
    sku_id = "11111111-2222-4333-8444-555555555555"
    carl = "carl@contoso.example"
    rows = [{"sku_id": sku_id, "via": "direct", **entry}, {"sku": "EMS", "via": "direct", "disabled_plans": []}]
    result = env.run([carl], *rows, state="exact", allow_uncovered=True)
    assert (result["changed"], env.states(carl)) == (True, {"EMS": []})
    name = entry.get("sku", sku_id)
    (told,) = [text for text in result["warnings"] if "licenses[0]" in text]
    assert told.startswith(f"licenses[0]: the tenant no longer has {name}, so it is neither assigned nor removed")


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"sku": "EMS", "via": "direct", "enabled_plans": ["INTUNE_A"]}, "licenses[0]: unknown key 'enabled_plans'"),
        ({"sku": "EMS", "via": "direct", "disabled_plans": ["NONE"]}, "licenses[0].disabled_plans[0]: EMS has no"),
    ],
)
def test_what_is_wrong_in_a_row_is_named(env: PlanHarness, entry: Json, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        env.run(["carl@contoso.example"], entry, state="exact")
    assert told in caught.value.problems[0]
    assert env.writes() == []
