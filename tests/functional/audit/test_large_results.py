# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results stay small, whatever the tenant holds; all rows are in the file, and who failed is named."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._ansible.large_results import replaceable

from tests.functional.support import processes
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

PEOPLE = 30
LIMITED = {"max_rows": PEOPLE - 1}
AUDIT: dict[str, Any] = {"shared_mailbox_sizes": "never"}
PLAN: dict[str, Any] = {**AUDIT, "rules": [EVERYBODY]}


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    """People whose mailboxes are at risk, and who hold a license without one."""
    env = PlanHarness(tenant)
    for number in range(PEOPLE):
        env.at_risk(f"user{number:03}", env.held("EMS"), days=10 + number % 7)
    return env


def run(env: PlanHarness, name: str, params: Json, status: int = 0, *, full_disk: bool = False) -> Json:
    """The result of a module."""
    return processes.result(name, params, env.tenant, status, full_disk=full_disk)


def params_of(env: PlanHarness, module: str) -> Json:
    people = [user["userPrincipalName"] for user in env.world.users.values()]
    return {
        "exo_unlicensed_mailbox_info": AUDIT,
        "m365_license_plan": PLAN,
        "m365_user_license": {"users": people, "licenses": [{"sku": "EXCHANGESTANDARD"}]},
        "m365_user_license_info": {},
    }[module]


MODULES = {
    "exo_unlicensed_mailbox_info": "mailboxes",
    "m365_license_plan": "users",
    "m365_user_license": "users",
    "m365_user_license_info": "users",
}


@pytest.mark.parametrize(("module", "rows"), MODULES.items())
def test_more_rows_than_max_rows_are_left_out_and_told(env: PlanHarness, module: str, rows: str) -> None:
    params = {**params_of(env, module), "_ansible_check_mode": True}
    whole = run(env, module, {**params, "max_rows": PEOPLE})
    assert len(whole[rows]) == PEOPLE
    assert "rows_left_out" not in whole
    assert not [text for text in whole["warnings"] if "max_rows" in text]
    short = run(env, module, {**params, **LIMITED})
    assert (short[rows], short["rows_left_out"]) == ([], PEOPLE)
    assert short["first_rows"] == whole[rows][:20]
    assert short["summary"] == whole["summary"]
    (warning,) = [text for text in short["warnings"] if "max_rows" in text]
    assert f"{rows}: {PEOPLE} rows are more than max_rows ({PEOPLE - 1})" in warning
    assert "set output_path" in warning


@pytest.mark.parametrize(("module", "rows"), MODULES.items())
@pytest.mark.parametrize("most", [0, 1000])
def test_the_file_has_all_rows(env: PlanHarness, tmp_path: Path, module: str, rows: str, most: int) -> None:
    params = {**params_of(env, module), "_ansible_check_mode": True}
    whole = run(env, module, params)
    place = tmp_path / "rows.jsonl"
    short = run(env, module, {**params, "max_rows": most, "output_path": str(place)})
    assert (short[rows], short["rows_left_out"], short["output_path"]) == ([], PEOPLE, str(place))
    assert [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()] == whole[rows]
    assert place.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [place], "no temporary file is left"
    assert not [text for text in short["warnings"] if "max_rows" in text]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"max_rows": -1}, "max_rows: expected 0 or more rows, found -1"),
        ({"output_path": "{folder}"}, "output_path: '{folder}' cannot be written: it is a directory"),
        ({"output_path": "{folder}/" + 300 * "x"}, "cannot be written: File name too long"),
        ({"output_path": "{folder}/pipe"}, "output_path: '{folder}/pipe' cannot be written: it is not a regular file"),
        ({"output_path": "/dev/null"}, "output_path: '/dev/null' cannot be written: it is not a regular file"),
        ({"output_path": "/proc/rows"}, "output_path: '/proc/rows' cannot be written: "),
        ({"output_path": "{folder}/a\0b"}, "cannot be written: its name has a NUL character"),
        ({"output_path": "~nobody-of-this-name/rows"}, "output_path: '~nobody-of-this-name/rows' cannot be written: "),
        (
            {"output_path": "{folder}/one", "progress_path": "{folder}/./one"},
            "output_path: '{folder}/one' cannot be written: progress_path names the same file",
        ),
        ({"output_path": "{folder}/no/rows"}, "output_path: '{folder}/no/rows' cannot be written: its directory is"),
        ({"progress_path": "{folder}/a\0b"}, "cannot be written: embedded null byte"),
        ({"progress_path": "{folder}"}, "progress_path: '{folder}' cannot be written: Is a directory"),
        ({"progress_path": "{folder}/no/lines"}, "progress_path: '{folder}/no/lines' cannot be written: No such file"),
        ({"progress_path": "{folder}/link"}, "progress_path: '{folder}/link' cannot be written: "),
        ({"progress_path": "{folder}/pipe"}, "progress_path: '{folder}/pipe' cannot be written: "),
        ({"progress_path": "/proc/self/status"}, "progress_path: '/proc/self/status' cannot be written: "),
        ({"progress_path": "/dev/null"}, "progress_path: '/dev/null' cannot be written: it is not a file of the user"),
    ],
)
def test_what_cannot_be_written_is_an_error_before_any_request(
    env: PlanHarness, tmp_path: Path, wrong: Json, told: str
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "pipe")
    given = {name: value.format(folder=tmp_path) if isinstance(value, str) else value for name, value in wrong.items()}
    result = run(env, "m365_user_license_info", given, status=1)
    assert told.format(folder=tmp_path) in result["msg"]
    assert result["requests"] == 0
    assert env.tenant.requests() == []
    assert not (tmp_path / "elsewhere").exists()


def fail_some(env: PlanHarness, count: int) -> list[str]:
    """The last of the people are refused; their names."""
    users = list(env.world.users.values())[-count:]
    for user in users:
        env.refuse(f"{user['id']}/assignLicense", status=400, body={"error": {"code": "Bad", "message": "No."}})
    return [user["userPrincipalName"] for user in users]


@pytest.mark.parametrize("module", ["m365_user_license", "m365_license_plan"])
@pytest.mark.parametrize("to_file", [False, True])
def test_who_failed_is_told_although_rows_are_left_out(
    env: PlanHarness, tmp_path: Path, module: str, to_file: bool
) -> None:
    unlucky = fail_some(env, 3)
    params = {**params_of(env, module), "on_error": "continue", **LIMITED}
    params |= {"mode": "apply"} if module == "m365_license_plan" else {}
    params |= {"output_path": str(tmp_path / "rows.jsonl")} if to_file else {}
    result = run(env, module, params, status=1)
    assert (result["changed"], result["users"], result["rows_left_out"]) == (True, [], PEOPLE)
    assert (result["summary"]["changed"], result["summary"]["failed"]) == (PEOPLE - 3, 3)
    assert {row["user_principal_name"] for row in result["first_rows"][:3]} == set(unlucky)
    assert {row["error"]["message"] for row in result["first_rows"][:3]} == {
        result["first_rows"][0]["error"]["message"]
    }
    if module == "m365_user_license":
        assert len(result["first_rows"]) == 20
    else:
        # printed in one line
        assert 5 <= len(result["first_rows"]) <= 20
        assert len(json.dumps(result["first_rows"])) < 4000
    (named,) = [text for text in result["warnings"] if "3 users failed or were not tried: " in text]
    assert all(upn in named for upn in unlucky)
    if to_file:
        rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
        assert len(rows) == PEOPLE
        assert {row["user_principal_name"] for row in rows if row["status"] == "failed"} == set(unlucky)


def test_the_report_has_the_rows_that_the_result_has_not(env: PlanHarness, tmp_path: Path) -> None:
    for module, name in (("m365_license_plan", "contoso.json"), ("exo_unlicensed_mailbox_info", "contoso-audit.json")):
        params = {**params_of(env, module), **LIMITED, "report_dir": str(tmp_path), "report_name": "contoso"}
        result = run(env, module, params)
        rows = json.loads((tmp_path / name).read_text(encoding="utf-8"))[MODULES[module]]
        assert (len(rows), result[MODULES[module]], result["rows_left_out"]) == (PEOPLE, [], PEOPLE)
        assert str(tmp_path / name) in result["reports"]
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        assert not [text for text in result["warnings"] if "max_rows" in text]


def test_no_other_list_is_longer_either(env: PlanHarness) -> None:
    rule = {**EVERYBODY, "match": {"upn": "user000@*"}}
    params = {**PLAN, "rules": [rule], "max_rows": 5, "_ansible_diff": True}
    result = run(env, "m365_license_plan", params)
    assert (result["unmatched"], result["summary"]["actions"]["unmatched"]) == ([], PEOPLE - 1)
    assert any(f": unmatched: {PEOPLE - 1} entries are more than" in text for text in result["warnings"])
    wish = {**params_of(env, "m365_user_license"), "_ansible_check_mode": True, "_ansible_diff": True}
    assert len(run(env, "m365_user_license", wish)["diff"]["after"].splitlines()) == PEOPLE
    assert "diff" not in run(env, "m365_user_license", {**wish, "_ansible_diff": False})
    short = run(env, "m365_user_license", {**wish, **LIMITED})
    assert "diff" not in short
    assert any(f": diff: {PEOPLE} entries are more than" in text for text in short["warnings"])


def test_a_list_that_breaks_off_leaves_no_file(env: PlanHarness, tmp_path: Path) -> None:
    env.world.switches.page_limit = 7
    page = {"service": "graph", "path": "skiptoken", "status": 400, "times": None}
    env.tenant.set_faults({**page, "body": {"error": {"code": "Bad", "message": "No."}}})
    params = {"output_path": str(tmp_path / "rows.jsonl")}
    result = run(env, "m365_user_license_info", params, status=1)
    assert "page 2 of /v1.0/users did not come" in result["msg"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("module", "rows"), MODULES.items())
@pytest.mark.parametrize("most", [5, 1000])
def test_a_file_that_ends_in_the_middle_is_an_error(
    env: PlanHarness, tmp_path: Path, module: str, rows: str, most: int
) -> None:
    """As on a disk that is full: what can be checked before has been checked."""
    params = {**params_of(env, module), "output_path": str(tmp_path / "rows"), "max_rows": most}
    result = run(env, module, {**params, "_ansible_check_mode": True}, status=1, full_disk=True)
    assert "cannot be written: File too large" in result["msg"]
    assert result["msg"].endswith("Nothing was changed.")
    assert not list(tmp_path.iterdir())
    assert "diff" not in result
    if module == "m365_user_license_info":
        # the pages are read as the file is written
        assert result[rows] == []
        assert "summary" not in result
    elif most < PEOPLE:
        assert (result[rows], result["rows_left_out"], len(result["first_rows"])) == ([], PEOPLE, 20)
        assert any("output_path could not be written" in text for text in result["warnings"])
    else:
        assert len(result[rows]) == PEOPLE


@pytest.mark.parametrize("module", ["m365_user_license", "m365_license_plan"])
def test_what_was_done_is_told_where_the_file_cannot_be_written(env: PlanHarness, tmp_path: Path, module: str) -> None:
    params = {**params_of(env, module), "output_path": str(tmp_path / "rows"), **LIMITED}
    params |= {"mode": "apply"} if module == "m365_license_plan" else {}
    result = run(env, module, params, status=1, full_disk=True)
    assert result["msg"].endswith("The result says what was done.")
    assert result["changed"] is True
    assert [row["status"] for row in result["users"]] == PEOPLE * ["changed"]
    assert "diff" not in result


def test_as_long_a_name_as_the_file_system_takes_can_be_written(env: PlanHarness, tmp_path: Path) -> None:
    place = tmp_path / (255 * "x")
    run(env, "m365_user_license_info", {"output_path": str(place)})
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize(
    ("sticky", "folder", "file", "user", "expected"),
    [
        (False, 0, 1, 2, True),
        (True, 0, 1, 2, False),
        (True, 0, 2, 2, True),
        (True, 2, 1, 2, True),
        (True, 1, 1, 0, True),
    ],
)
def test_file_of_another_user_stays_in_a_sticky_directory(
    sticky: bool, folder: int, file: int, user: int, expected: bool
) -> None:
    def found(mode: int, owner: int) -> os.stat_result:
        return os.stat_result((mode, 0, 0, 1, owner, 0, 0, 0, 0, 0))

    assert replaceable(found(0o1777 if sticky else 0o777, folder), found(0o600, file), user) is expected


@pytest.mark.parametrize("most", [5, 1000])
def test_many_mistakes_do_not_make_a_large_result(env: PlanHarness, most: int) -> None:
    names = [f"nobody{number}@contoso.example" for number in range(300)]
    result = run(env, "m365_user_license_info", {"users": names, "max_rows": most}, status=1)
    assert result["msg"].count("nobody") == 20
    assert "and 280 more" in result["msg"]
    assert result["problems"][-1] == ("and 295 more" if most == 5 else f"users: the tenant has no user {names[-1]!r}")
    assert len(result["problems"]) == min(most + 1, 300)


def test_what_it_cost_is_told(env: PlanHarness) -> None:
    result = run(env, "m365_user_license", params_of(env, "m365_user_license"))
    assert result["requests"] == len(env.tenant.requests())
    assert result["throttled_seconds"] == 0
    assert result["seconds"] >= 0
    assert result["rate"] > 0
    assert result["writes_per_second"] > 0
    again = run(env, "m365_user_license", params_of(env, "m365_user_license"))
    assert "writes_per_second" not in again
    env.tenant.set_faults({"service": "graph", "path": "/subscribedSkus", "status": 403})
    refused = run(env, "m365_user_license", params_of(env, "m365_user_license"), status=1)
    assert {"requests", "seconds", "throttled_seconds", "rate"} <= refused.keys()
