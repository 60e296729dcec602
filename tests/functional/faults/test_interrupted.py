# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C, or a job that is cancelled: the run ends soon, whatever it waits for, and says what was done.

The services here would keep it waiting for ten minutes or longer; ``processes`` does not wait that long.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.functional.support import processes
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

PATIENT = {"timeout": 600.0, "retry_seconds": 1000.0}
"""Nothing but the stop ends a wait."""
LONG: dict[str, Any] = {"kind": "slow", "seconds": 600}
BUSY: dict[str, Any] = {"status": 429, "headers": {"Retry-After": "600"}, "times": None}
PEOPLE = 100
READS = 2
"""Batches before the first write of a plan: the users, and the users again."""


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    env = PlanHarness(tenant)
    for number in range(PEOPLE):
        env.at_risk(f"user{number:03}")
    return env


def apply(env: PlanHarness, **options: Any) -> processes.Run:
    return processes.module(
        "m365_license_plan", {"rules": [EVERYBODY], "mode": "apply", **PATIENT, **options}, env.tenant
    )


def stop(env: PlanHarness, run: processes.Run, number: signal.Signals) -> Json:
    """Send the signal when the last fault has been met; the module's result."""
    fault = env.world.faults[-1]
    processes.until(lambda: fault.hits, "the fault")
    run.send(number)
    status, output = run.end()
    assert "Traceback" not in output
    result: Json = json.loads(output)
    assert (status, result["error"]["code"], result["failed"]) == (1, "interrupted", True), output[:2000]
    return result


def count_outcomes(result: Json) -> Counter[str]:
    return Counter((row["error"] or {}).get("code") or row["status"] for row in result["users"])


def honest(env: PlanHarness, result: Json) -> None:
    """Who is changed has the license in the tenant, who was not tried has none."""
    for row in result["users"]:
        held = env.states(row["user_principal_name"])
        code = (row["error"] or {}).get("code")
        assert (row["status"], code) in {("changed", None), ("skipped", "not_tried"), ("failed", "unknown_outcome")}
        if code != "unknown_outcome":
            assert bool(held) is (row["status"] == "changed"), row


def test_an_emptied_tenant_repeats_no_earlier_request(env: PlanHarness) -> None:
    """The same people are in it again: a late write would license them in somebody else's test."""
    people = [user["userPrincipalName"] for user in env.world.users.values()]
    env.fault("slow", seconds=1.5, after_batches=1)
    wish = {"users": people, "licenses": [{"sku": "EXCHANGESTANDARD"}], "concurrency": 1, "retry_seconds": 0}
    run = processes.module("m365_user_license", wish, env.tenant)
    processes.until(lambda: env.world.faults[-1].hits, "the fault")
    again = PlanHarness(env.tenant)
    for number in range(PEOPLE):
        again.at_risk(f"user{number:03}")
    again.tenant.set_faults({"kind": "status", "status": 503, "times": None})
    run.end()
    assert not any(again.states(upn) for upn in people)


def test_while_an_audit_reads(env: PlanHarness) -> None:
    env.tenant.set_faults({**LONG, "service": "exchange"})
    result = stop(env, apply(env), signal.SIGINT)
    assert result["msg"].startswith("The run was stopped before anything was written. Run again")
    assert env.writes() == []


@pytest.mark.parametrize(("number", "concurrency"), [(signal.SIGINT, 1), (signal.SIGTERM, 4)])
def test_while_a_write_is_not_answered(env: PlanHarness, number: signal.Signals, concurrency: int) -> None:
    env.fault(**LONG, after_batches=READS + 1)
    run = apply(env, concurrency=concurrency)
    result = stop(env, run, number)
    found = count_outcomes(result)
    assert found["unknown_outcome"] == 20
    assert found["changed"] + found["not_tried"] == PEOPLE - 20
    assert f"{found['changed']} changed" in result["msg"]
    assert f"{found['not_tried']} not tried" in result["msg"]
    assert "20 of unknown outcome (sent, but not answered) (user" in result["msg"]
    honest(env, result)


@pytest.mark.parametrize(("number", "whole"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_while_it_waits_for_a_busy_service(env: PlanHarness, number: signal.Signals, whole: bool) -> None:
    if whole:
        env.fault("status", after_batches=READS + 1, **BUSY)
    else:
        env.refuse("assignLicense", **BUSY)
    result = stop(env, apply(env), number)
    assert not count_outcomes(result)["unknown_outcome"]
    assert count_outcomes(result)["not_tried"]
    honest(env, result)


def test_while_it_waits_to_see_what_it_wrote(env: PlanHarness) -> None:
    env.world.switches.replica_lag_reads = 1000
    run = apply(env, confirm_seconds=1000)
    processes.until(lambda: len(env.writes()) == PEOPLE, "all writes")
    env.fault("slow", seconds=0)  # the next look
    result = stop(env, run, signal.SIGTERM)
    assert result["summary"]["accepted"] == PEOPLE
    assert f"{PEOPLE} changed" in result["msg"]
    honest(env, result)


def test_locations_whose_answer_is_lost_are_unknown(env: PlanHarness) -> None:
    for user in env.world.users.values():
        user["usageLocation"] = None
    env.fault(**LONG, after_batches=READS)
    result = stop(env, apply(env), signal.SIGTERM)
    found = count_outcomes(result)
    # a batch that was about to be sent counts as unknown, too: the same location again does no harm
    assert found["unknown_outcome"] in (20, 40, 60, 80)
    assert found["unknown_outcome"] + found["not_tried"] + found["failed"] == PEOPLE
    assert not env.parts("POST", "assignLicense")


def test_the_next_run_takes_up_where_it_ended(env: PlanHarness) -> None:
    env.fault("slow", seconds=2.5, after_batches=READS + 1)
    result = stop(env, apply(env, concurrency=1), signal.SIGINT)
    honest(env, result)
    processes.until(lambda: all(entry["status"] for entry in env.world.log), "the late write")
    assert env.apply(EVERYBODY)["summary"]["changed"] == count_outcomes(result)["not_tried"]
    assert len(env.writes()) == PEOPLE


def test_an_answer_that_comes_soon_is_waited_for(env: PlanHarness) -> None:
    env.fault("slow", seconds=0.5, after_batches=READS + 1)
    result = stop(env, apply(env, concurrency=1), signal.SIGTERM)
    assert count_outcomes(result) == {"changed": 40, "not_tried": PEOPLE - 40}
    honest(env, result)


@pytest.mark.parametrize("count", [20, PEOPLE])
def test_licensing_a_list_of_users(env: PlanHarness, count: int) -> None:
    """Of the first twenty all are of unknown outcome: the run would read them again after a wait."""
    people = [user["userPrincipalName"] for user in env.world.users.values()][:count]
    env.fault(**LONG, after_batches=1)
    wish = {"users": people, "licenses": [{"sku": "EXCHANGESTANDARD"}], **PATIENT}
    result = stop(env, processes.module("m365_user_license", wish, env.tenant), signal.SIGTERM)
    assert count_outcomes(result)["unknown_outcome"] == 20
    honest(env, result)


def test_a_run_stops_if_its_stdout_is_closed(env: PlanHarness, tmp_path: Path) -> None:
    """The reader of the result has ended without a signal: seen with ansible-playbook, once in hundreds of runs."""
    env.fault(**LONG, after_batches=READS + 1)
    run = apply(env, report_dir=str(tmp_path), report_name="contoso")
    processes.until(lambda: env.world.faults[-1].hits, "the fault")
    assert run.process.stdout is not None
    run.process.stdout.close()
    processes.until((tmp_path / "contoso.json").exists, "the report")
    result = json.loads((tmp_path / "contoso.json").read_text(encoding="utf-8"))
    assert count_outcomes(result)["unknown_outcome"] == 20
    honest(env, result)
    processes.until(lambda: run.ended, "the end of the module")


def test_a_task_in_the_background_goes_on_without_its_playbook(env: PlanHarness, tmp_path: Path) -> None:
    """``async`` with ``poll: 0``: Ansible leaves a process that reads the module's answer."""
    people = [user["userPrincipalName"] for user in env.world.users.values()]
    env.fault("slow", seconds=4, after_batches=1)
    wish = {"users": people, "licenses": [{"sku": "EXCHANGESTANDARD"}]}
    task = {"m365.licensing.m365_user_license": wish, "async": 100, "poll": 0}
    place = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "ansible_remote_tmp": str(tmp_path / "remote"),
        "ansible_async_dir": str(tmp_path / "async"),
    }
    play = {"hosts": "localhost", "gather_facts": False, "vars": place, "tasks": [task]}
    (tmp_path / "play.json").write_text(json.dumps([play]), encoding="utf-8")
    status, said = processes.playbook(str(tmp_path / "play.json"), env.tenant, tmp_path / "home", {}).end()
    assert status == 0, said
    assert len(env.writes()) < PEOPLE
    (job,) = [path for path in (tmp_path / "async").iterdir() if path.suffix != ".tmp"]
    processes.until(lambda: '"summary"' in job.read_text(encoding="utf-8"), "the result of the task")
    assert json.loads(job.read_text(encoding="utf-8"))["summary"]["confirmed"] == PEOPLE
    assert all(env.states(upn) for upn in people)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_a_playbook_leaves_its_report(env: PlanHarness, tmp_path: Path, number: signal.Signals) -> None:
    """Nobody is left to print the module's result: whoever runs the module was stopped by the same signal."""
    env.fault(**LONG, after_batches=READS + 1)
    variables = {
        "license_state_mode": "apply",
        "license_state_rules": [EVERYBODY],
        "license_state_report_dir": str(tmp_path / "reports"),
        "license_state_report_name": "contoso",
        **{f"m365_{name}": value for name, value in PATIENT.items()},
    }
    run = processes.playbook("m365.licensing.remediate", env.tenant, tmp_path / "home", variables)
    processes.until(lambda: env.world.faults[-1].hits or run.ended, "the fault")
    assert not run.ended, run.end()
    family = processes.family(run.process.pid)
    run.send(number)
    status, said = run.end()
    assert status != 0
    report = tmp_path / "reports" / "contoso.json"
    processes.until(report.exists, f"the report of a run that said {said}")
    result = json.loads(report.read_text(encoding="utf-8"))
    assert count_outcomes(result)["unknown_outcome"] == 20
    honest(env, result)
    processes.until(lambda: not family & processes.alive().keys(), "the end of all processes")
