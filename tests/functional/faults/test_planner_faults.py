# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong while a plan is made or written, and what becomes of it."""

from __future__ import annotations

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import PermissionDenied

from tests.functional.support.assign_harness import changed_users
from tests.functional.support.plan_harness import (
    EVERYBODY,
    PlanHarness,
    names,
)
from tests.simulator.launch import Tenant
from tests.simulator.state import DIRECTORY_ROLES

E3 = {**EVERYBODY, "name": "E3", "licenses": [{"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]}]}


def test_who_fails_is_reported_and_the_next_run_finishes(env: PlanHarness) -> None:
    upns = [env.at_risk(name) for name in ("anna", "bert", "carl")]
    bert = env.world.user(upns[1])
    assert bert is not None
    body = {"error": {"code": "Request_BadRequest", "message": "License assignment failed."}}
    env.refuse(f"{bert['id']}/assignLicense", status=400, body=body)
    error = env.refused(EVERYBODY)
    assert error.code == "users_failed"
    assert "1 of 3 users failed, 2 were changed, 0 were not tried. First: bert@contoso.example" in error.message
    result = error.partial
    assert (result["changed"], names(result, "changed"), names(result, "failed")) == (True, ["anna", "carl"], ["bert"])
    assert result["summary"]["unresolved"] == 1
    assert result["users"][1]["after"]["licenses"] == []
    assert changed_users(result) == {upns[0], upns[2]}
    assert "## Failed (1)" in result["reports"]["md"]
    env.tenant.clear_faults()
    env.tenant.clear_requests()
    again = env.apply(EVERYBODY)
    assert names(again, "changed") == ["bert"]
    assert len(env.writes()) == 1


def test_on_error_fail_tries_nobody_after_the_first_who_fails(tenant: Tenant) -> None:
    env = PlanHarness(tenant, concurrency=1)
    for number in range(45):
        env.at_risk(f"user{number:02}")
    env.refuse("assignLicense", status=400, body={"error": {"code": "Request_BadRequest", "message": "No."}}, times=1)
    result = env.refused(EVERYBODY, on_error="fail").partial
    assert (result["summary"]["failed"], result["summary"]["changed"], result["summary"]["skipped"]) == (1, 19, 25)
    assert result["summary"]["unresolved"] == 26


def test_a_lost_answer_is_looked_up_and_not_sent_again(env: PlanHarness) -> None:
    env.at_risk("anna")
    env.at_risk("carl", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE"))
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E3", "enabled_plans": ["EXCHANGE_S_ENTERPRISE"]}]}
    planned = env.plan(rule)
    reads = sum("parts" in entry for entry in env.tenant.requests())
    env.tenant.clear_requests()
    env.fault("lost_answer", after_batches=reads + 1, times=1)
    done = env.apply(rule)
    assert done["summary"]["confirmed"] == planned["summary"]["changes"] == 2
    assert len(env.parts("POST", "assignLicense")) == 2


def test_an_answer_lost_before_the_write_is_sent_again(env: PlanHarness) -> None:
    env.at_risk("carl", env.held("SPE_E3", "EXCHANGE_S_ENTERPRISE"))
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E3", "enabled_plans": ["EXCHANGE_S_ENTERPRISE"]}]}
    env.plan(rule)
    reads = sum("parts" in entry for entry in env.tenant.requests())
    env.fault("drop", after_batches=reads + 1, times=1)
    done = env.apply(rule)
    assert done["summary"]["confirmed"] == 1
    off = env.states("carl@contoso.example")["SPE_E3"]
    assert "EXCHANGE_S_ENTERPRISE" not in off


def test_without_users_there_is_no_plan(env: PlanHarness) -> None:
    env.at_risk("anna")
    roles = env.world.app.roles
    try:
        env.world.app.roles = roles - {"User.Read.All", "User.ReadWrite.All", "Directory.Read.All"}
        with pytest.raises(PermissionDenied, match=r"User\.Read\.All"):
            env.plan(EVERYBODY)
    finally:
        env.world.app.roles = roles


@pytest.mark.parametrize("mode", ["plan", "apply"])
def test_an_incomplete_audit_allows_no_writes_by_default(env: PlanHarness, mode: str) -> None:
    anna = env.at_risk("anna")
    roles = env.world.app.roles
    env.world.app.roles = roles - DIRECTORY_ROLES
    try:
        error = env.refused(EVERYBODY, mode=mode)
        assert (error.code, env.writes()) == ("audit_incomplete", [])
        assert "archive recipients; equipment recipients" in error.message
        assert "Exchange.ManageAsApp" in error.hint
        assert "set allow_incomplete=true" in error.hint
        result = dict(error.partial)
        if mode == "plan":
            assert env.plan(EVERYBODY, allow_incomplete=True)["summary"]["changes"] == 1
        else:
            assert env.apply(EVERYBODY, allow_incomplete=True)["changed"]
            assert env.states(anna) == {"EXCHANGESTANDARD": []}
    finally:
        env.world.app.roles = roles
    assert result["summary"]["audit"]["complete"] is False
    assert names(result, "planned") == ["anna"]
