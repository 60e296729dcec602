# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit status and output of jobs of the audit and of the role that leave mailboxes at risk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.launch import Tenant, running
from tests.simulator.state import EXCHANGE_ROLES
from tests.support.run_playbook import Played, play

MANY = 4000
LONGEST = 7000
"""Characters of the line that a failing task prints."""
SHARED = {
    "name": "By hand",
    "match": {"recipient_type": ["shared", "room", "equipment"]},
    "action": "ignore",
    "reason": "Looked at by hand",
    "until": "2999-12-31",
}
ALL = {"name": "All", "match": {}, "licenses": [{"sku": "EXCHANGESTANDARD"}], "usage_location": "DE"}
ALL_BUT_ARCHIVES = {**ALL, "match": {"not": {"recipient_type": "archive"}}, "fallback": [{"sku": "EXCHANGEENTERPRISE"}]}
EVERYTHING = {"name": "Everything", "match": {}, "action": "ignore", "reason": "A test", "until": "2999-12-31"}


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=60, at_risk=12, seed=7) as made:
        yield made


@pytest.fixture(scope="module")
def large() -> Iterator[Tenant]:
    with running(mailboxes=MANY + 100, at_risk=MANY) as made:
        yield made


def job(tenant: Tenant, folder: Path, name: str, *arguments: str, **variables: Any) -> Played:
    """A playbook of the collection with a directory for its reports; variables without ``license_state_``."""
    given = {f"license_state_{key}": value for key, value in variables.items()}
    given.setdefault("license_state_report_dir", str(folder / "reports"))
    given.setdefault("license_state_shared_mailbox_sizes", "never")
    given = {key: value for key, value in given.items() if value is not None}
    return play(tenant, f"m365.licensing.{name}", folder, *arguments, variables=given)


def failing(played: Played) -> tuple[str, dict[str, Any]]:
    """The line of the task that failed, and the result in it."""
    assert played.status == 2, str(played)
    (line,) = [line for line in played.output.splitlines() if line.startswith("fatal: ")]
    found: dict[str, Any] = json.loads(line.partition(" => ")[2])
    return line, found


def shown(played: Played) -> list[str]:
    """The lines of the table or the summary."""
    text = played.output[played.output.rindex('"msg": [') :]
    return [line.strip().rstrip(",").strip('"').strip() for line in text.partition("\n    ]")[0].splitlines()[1:]]


def test_audit_shows_critical_mailboxes_and_fails(tenant: Tenant, tmp_path: Path) -> None:
    played = job(tenant, tmp_path, "audit")
    line, result = failing(played)
    assert result["error"]["code"] == "left_at_risk"
    assert line.startswith('fatal: [localhost]: FAILED! => {"alarm": ["Of 12 mailboxes and archives at risk ')
    assert len(line) < LONGEST
    report = json.loads((tmp_path / "reports" / "localhost-audit.json").read_text(encoding="utf-8"))
    assert len(report["mailboxes"]) == 12
    lines = shown(played)
    assert lines[0].split() == ["user", "kind", "reason", "deadline", "days", "severity"]
    assert "12 mailboxes and archives at risk" in lines
    assert lines[-1] == f"ALARM  {result['alarm'][0]}"


@pytest.mark.parametrize(
    "variables",
    [
        {"fail_on": "none"},
        {"rules": [EVERYTHING]},
        {"due_within_days": 1, "recipient_types": ["shared"]},
        {"fail_on": "none", "rules": [EVERYTHING], "fail_within_days": 400},
    ],
)
def test_audit_fails_only_for_requested_severities(tenant: Tenant, tmp_path: Path, variables: dict[str, Any]) -> None:
    assert job(tenant, tmp_path, "audit", **variables).status == 0


def test_excepted_rows_are_last_and_excluded_users_are_counted(tenant: Tenant, tmp_path: Path) -> None:
    played = job(tenant, tmp_path, "audit", fail_on="none", rules=[SHARED, ALL], exclude=["support-*", "nobody-*"])
    assert played.status == 0, str(played)
    rows = shown(played)
    covered = [line.endswith("excepted") for line in rows[1:12]]
    assert covered == [False] * 10 + [True]
    assert "1 of them covered by exceptions of the rules" in rows
    assert "1 more left out by exclude" in rows
    assert {"support-*  1", "nobody-*  0"} <= set(rows)
    assert any("no user that this audit read matches 'nobody-*'" in text for text in played.warnings)


@pytest.mark.parametrize(("allowed", "status"), [(None, 2), (True, 0)])
def test_audit_without_exchange_fails(tenant: Tenant, tmp_path: Path, allowed: bool | None, status: int) -> None:
    tenant.world.app.roles = tenant.world.app.roles - EXCHANGE_ROLES
    more = {} if allowed is None else {"allow_incomplete": allowed}
    for name in ("audit", "remediate"):
        variables = {"fail_on": "none", "rules": [SHARED, ALL], "mode": "plan", **more}
        if name == "audit":
            del variables["mode"]
        played = job(tenant, tmp_path, name, **variables)
        assert played.status == status, str(played)
        if status:
            line, result = failing(played)
            assert result["error"]["code"] == "audit_incomplete"
            assert line.index("Not read: archive recipients") < 200
            assert "Exchange.ManageAsApp" in result["msg"]
            assert any(text.startswith("INCOMPLETE") for text in shown(played))


def test_run_that_leaves_critical_mailboxes_names_them_and_fails(tenant: Tenant, tmp_path: Path) -> None:
    # a variable of the audit in an inventory that both share is no misspelt guard
    rules = {"rules": [SHARED, ALL_BUT_ARCHIVES], "fail_within_days": 3, "due_within_days": 400}
    played = job(tenant, tmp_path, "remediate", mode="apply", **rules)
    line, result = failing(played)
    assert result["error"]["code"] == "left_at_risk"
    assert len(line) < LONGEST
    summary = json.loads((tmp_path / "reports" / "localhost.json").read_text(encoding="utf-8"))["summary"]
    assert summary["confirmed"] == summary["changes"] > 0
    assert '"license_state": {' in played.output, "the statistics of the run are kept"
    lines = shown(played)
    assert lines[0] == "== needs a person"
    assert lines[1].split()[1:] == ["unmatched", "overdue"]
    titles = [text for text in lines if text.startswith("== ")]
    assert titles == ["== needs a person", "== was lost or overdue", *titles[2:]]
    assert lines[-2:] == [f"FAILED  {text}" for text in result["alarm"]]
    again = job(tenant, tmp_path, "remediate", "--check", mode="apply", rules=[SHARED, ALL_BUT_ARCHIVES])
    assert failing(again)[1]["error"]["code"] == "left_at_risk"
    planned = job(tenant, tmp_path, "remediate", mode="plan", rules=[SHARED, ALL_BUT_ARCHIVES])
    assert planned.status == 0
    assert any(result["alarm"][0] in text for text in planned.warnings)


def test_rows_for_a_person_are_sorted_by_urgency(tenant: Tenant, tmp_path: Path) -> None:
    # seats by rules: the rows of the result are in another order
    rules = [{**ALL, "name": "Some", "match": {"not": {"upn": "l*"}}}, ALL]
    more = {"rules": rules, "seat_order": "rules", "seat_reserve": {"EXCHANGESTANDARD": 100_000}, "protected": ["s*"]}
    played = job(tenant, tmp_path, "remediate", mode="plan", **more)
    rows = json.loads((tmp_path / "reports" / "localhost.json").read_text(encoding="utf-8"))["users"]
    open_rows = [row for row in rows if row["action"] not in ("ignore", "license", "unchanged")]
    by_urgency = sorted(open_rows, key=lambda row: int(row["urgency"]))
    assert open_rows != by_urgency
    assert len({row["action"] for row in open_rows}) > 1
    lines = shown(played)
    found = [line.split()[0] for line in lines[1 : len(open_rows) + 1]]
    assert found == [row["user_principal_name"] for row in by_urgency]


def test_summary_counts_missing_seats(tenant: Tenant, tmp_path: Path) -> None:
    reserve = {"EXCHANGESTANDARD": 100_000, "EXCHANGEENTERPRISE": 100_000}
    played = job(tenant, tmp_path, "remediate", mode="plan", rules=[SHARED, ALL_BUT_ARCHIVES], seat_reserve=reserve)
    lines = shown(played)
    place = next(number for number, text in enumerate(lines) if text.endswith("seats of EXCHANGESTANDARD are missing"))
    assert lines[place + 1].startswith("first lost without:  ")
    assert lines[place + 1].split()[-1] == "overdue"
    assert lines[place + 2].startswith("first with a date:  ")


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_summary_line_of_a_writing_run_stays_short(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    rules = [SHARED, {**ALL_BUT_ARCHIVES, "match": {"not": {"upn": "s*"}}}]
    with running(mailboxes=300, at_risk=150, seed=3) as wide:
        variables: dict[str, Any] = {"mode": "apply", "fail_on": "any", "report_dir": None, "max_changes": "unlimited"}
        line, result = failing(job(wide, tmp_path, "remediate", *arguments, rules=rules, **variables))
    assert result["changed"]
    assert (len(line) < LONGEST, result["users"]) == (True, [])
    assert len(result["first_rows"]) >= 3
    if not arguments:
        kinds = [json.loads(row)["kind"] for row in Path(result["record_path"]).read_text("utf-8").splitlines()]
        assert kinds.count("user") >= result["summary"]["changed"]


@pytest.mark.parametrize("wanted", [{"fail_within_days": 25}, {"fail_on": "any"}])
@pytest.mark.parametrize("shown_days", [0, 1, 5])
def test_alarm_counts_rows_that_are_not_shown(
    tenant: Tenant, tmp_path: Path, shown_days: int, wanted: dict[str, Any]
) -> None:
    every = failing(job(tenant, tmp_path, "audit", **wanted))[1]
    some = job(tenant, tmp_path, "audit", due_within_days=shown_days, **wanted)
    result = failing(some)[1]
    assert result["alarm"] == every["alarm"]
    assert result["summary"]["at_risk"] + result["summary"]["due_later"] == every["summary"]["at_risk"]
    assert any("more are due later than license_state_due_within_days" in line for line in shown(some))


@pytest.mark.parametrize("mode", ["plan", "apply"])
def test_run_that_leaves_mailboxes_due_soon_fails(tenant: Tenant, tmp_path: Path, mode: str) -> None:
    rules = [{**ALL_BUT_ARCHIVES, "match": {"upn": "nobody*"}}]
    far = job(tenant, tmp_path, "remediate", mode=mode, rules=rules, fail_on="none")
    assert far.status == 0, str(far)
    near = job(tenant, tmp_path, "remediate", mode=mode, rules=rules, fail_on="none", fail_within_days=25)
    if mode == "plan":
        assert near.status == 0, str(near)
        assert any("due within 25 days, overdue or lost stay at risk" in text for text in near.warnings), str(near)
    else:
        assert failing(near)[1]["error"]["code"] == "deadline_too_close"


@pytest.mark.parametrize("rows", ["abc", "", None, -1])
def test_a_wrong_number_of_rows_hides_none(tenant: Tenant, tmp_path: Path, rows: Any) -> None:
    given = json.dumps({"m365_audit_rows": rows})
    lines = shown(job(tenant, tmp_path, "audit", "-e", given, fail_on="none"))
    assert lines[0].startswith("m365_audit_rows: expected a number of rows, found ")
    assert "abc" not in lines[0]
    assert not any("more rows are not shown" in line for line in lines)


def test_role_warns_of_a_variable_that_only_the_audit_reads(tenant: Tenant, tmp_path: Path) -> None:
    done = job(tenant, tmp_path, "remediate", rules=[ALL], fail_on="none", due_within_days=3)
    assert any("license_state_due_within_days has no effect here" in text for text in done.warnings), str(done)


@pytest.mark.parametrize("reports", [True, False])
@pytest.mark.parametrize("name", ["audit", "remediate"])
def test_line_of_a_failing_task_stays_short(
    large: Tenant, tmp_path: Path, name: str, reports: bool, record_property: Any
) -> None:
    variables: dict[str, Any] = {"rules": [SHARED, ALL]}
    if name == "remediate":
        variables |= {"mode": "apply", "max_changes": 200}
    if not reports:
        variables["report_dir"] = None
    played = job(large, tmp_path, name, **variables)
    line, result = failing(played)
    assert line.startswith('fatal: [localhost]: FAILED! => {"alarm": ["')
    assert len(line) < LONGEST
    assert result["rows_left_out"] == MANY
    assert len(result["first_rows"]) >= 5
    assert f"{result['rows_left_out'] - len(result['first_rows'])}" in played.output or "rows in all" in played.output
    record_property("measured", f"{name} with {MANY} rows at risk: a failing line of {len(line)} characters")
