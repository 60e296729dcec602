# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person who looks at ``progress_path`` while a module works sees how far it is."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.functional.support import processes
from tests.functional.support.assign_harness import Harness
from tests.functional.support.file_access import KEYS
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

PEOPLE = 90


@pytest.fixture
def env(tenant: Tenant) -> Harness:
    env = Harness(tenant)
    env.people(PEOPLE, location=None)
    return env


def wish(env: Harness, place: Path, **more: Any) -> Json:
    """Options of m365_user_license for everybody; ``more`` may take one away by None."""
    people = [user["userPrincipalName"] for user in env.world.users.values()]
    licenses = [{"sku": "EXCHANGESTANDARD"}]
    options = {"users": people, "licenses": licenses, "usage_location": "DE", "progress_path": str(place), **more}
    return {name: value for name, value in options.items() if value is not None}


def lines_of(place: Path) -> list[Json]:
    return [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]


def steps(lines: list[Json], phase: str) -> list[tuple[int, int]]:
    return [(line["done"], line["total"]) for line in lines if line["phase"] == phase]


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_each_batch_is_a_line(env: Harness, tmp_path: Path, umask: int) -> None:
    place = tmp_path / "progress"
    before = os.umask(umask)
    try:
        status, output = processes.module("m365_user_license", wish(env, place, concurrency=1), env.tenant).end()
    finally:
        os.umask(before)
    assert status == 0, output
    assert place.stat().st_mode & 0o777 == 0o600
    lines = lines_of(place)
    assert all(list(line) == KEYS for line in lines)
    writes = [(0, 90), (20, 90), (40, 90), (60, 90), (80, 90), (90, 90)]
    assert steps(lines, "usage locations") == writes
    assert steps(lines, "licenses") == writes
    assert steps(lines, "users") == [(0, 6), (6, 6)] * 2, "six queries of 15 users, before and after"
    assert [line["requests"] for line in lines] == sorted(line["requests"] for line in lines)
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert lines[-1]["requests"] == json.loads(output)["requests"] == len(env.tenant.requests())


def test_a_line_is_there_before_the_next_batch_is_answered(env: Harness, tmp_path: Path) -> None:
    place = tmp_path / "progress"
    env.fault("slow", seconds=120, after_batches=3)
    run = processes.module("m365_user_license", wish(env, place, concurrency=1), env.tenant)
    try:
        processes.until(lambda: env.world.faults[-1].hits, "the slow batch")
        assert steps(lines_of(place), "usage locations") == [(0, 90), (20, 90), (40, 90)]
    finally:
        run.kill()


def test_what_was_throttled_counts_when_it_is_done(env: Harness, tmp_path: Path) -> None:
    place = tmp_path / "progress"
    env.refuse("assignLicense", status=429, headers={"Retry-After": "1"}, times=30)
    status, output = processes.module("m365_user_license", wish(env, place, concurrency=1), env.tenant).end()
    assert status == 0, output
    done = [done for done, _total in steps(lines_of(place), "licenses")]
    assert done == sorted(done)
    assert (done[0], done[1], done[-1]) == (0, 0, PEOPLE)


def test_the_rate_counts_the_time_of_the_first_throttling(env: Harness, tmp_path: Path) -> None:
    env.refuse("assignLicense", status=429, headers={"Retry-After": "2"}, times=40)
    place = tmp_path / "progress"
    options = wish(env, place, usage_location=None, concurrency=1)
    for user in env.world.users.values():
        user["usageLocation"] = "DE"
    status, output = processes.module("m365_user_license", options, env.tenant).end()
    assert status == 0, output
    lines = [line for line in lines_of(place) if line["phase"] == "licenses"]
    first, last = (datetime.strptime(lines[at]["time"], "%Y-%m-%dT%H:%M:%S.%f%z") for at in (0, -1))
    took = (last - first).total_seconds()
    assert took > 2
    assert json.loads(output)["writes_per_second"] <= 1.1 * PEOPLE / took


def test_what_was_refused_is_no_write(env: Harness, tmp_path: Path) -> None:
    """It is done with, and the tenant is as it was."""
    place = tmp_path / "progress"
    env.refuse("assignLicense", status=403, times=None)
    options = wish(env, place, usage_location=None)
    for user in env.world.users.values():
        user["usageLocation"] = "DE"
    status, output = processes.module("m365_user_license", options, env.tenant).end()
    assert status == 1, output
    assert steps(lines_of(place), "licenses")[-1][0] > 0
    result = json.loads(output)
    assert "rate" in result
    assert "writes_per_second" not in result


def test_pages_are_lines_and_a_second_run_appends(env: Harness, tmp_path: Path) -> None:
    place = tmp_path / "progress"
    place.write_text("")
    place.chmod(0o644)
    env.world.switches.page_limit = 40
    params = {"strategy": "full", "shared_mailbox_sizes": "never", "progress_path": str(place)}
    for expected in (1, 2):
        status, output = processes.module("exo_unlicensed_mailbox_info", params, env.tenant).end()
        assert status == 0, output
        assert steps(lines_of(place), "/v1.0/users") == [(40, PEOPLE), (80, PEOPLE), (PEOPLE, PEOPLE)] * expected
        assert (PEOPLE, PEOPLE) in steps(lines_of(place), "Get-Mailbox")
    assert place.stat().st_mode & 0o777 == 0o644, "the mode of a file that was there is its owner's affair"


def test_a_disk_that_is_full_ends_the_lines_and_not_the_work(env: Harness, tmp_path: Path) -> None:
    place = tmp_path / "progress"
    line = json.dumps(dict.fromkeys(KEYS, 0)) + "\n"
    place.write_text(line * (1000 // len(line)))
    # in check mode, as a record that cannot be written ends the work
    params = wish(env, place, _ansible_check_mode=True)
    status, output = processes.module("m365_user_license", params, env.tenant, full_disk=True).end()
    assert status == 0, output
    result = json.loads(output)
    assert result["summary"]["changed"] == PEOPLE
    assert json.dumps(result["warnings"]).count("cannot be written any more: File too large") == 1


def test_lists_of_an_audit_say_which_they_are(env: Harness, tmp_path: Path) -> None:
    place = tmp_path / "progress"
    options = {"strategy": "full", "shared_mailbox_sizes": "never", "progress_path": str(place)}
    status, _output = processes.module("exo_unlicensed_mailbox_info", options, env.tenant).end()
    assert status == 0
    phases = {line["phase"] for line in lines_of(place)}
    assert {"/v1.0/users", "Get-Mailbox", "Get-Mailbox -SoftDeletedMailbox", "Get-MailUser"} <= phases
