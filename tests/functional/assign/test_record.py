# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that writes records who was changed, from what to what: as it happens, so that a kill loses little."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._ansible.record import Record, record_folder
from ansible_collections.m365.licensing.plugins.module_utils._assign.outcomes import Outcome
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError

from tests.functional.support import processes
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.state import Json
from tests.unit.support.sample_tenant import user

PLAN, LICENSE = "m365_license_plan", "m365_user_license"
E3 = {**EVERYBODY, "name": "E3", "licenses": [{"sku": "SPE_E3", "disabled_plans": ["YAMMER_ENTERPRISE"]}]}
ANNA = user("anna")


def start(env: PlanHarness, **params: Any) -> processes.Run:
    given = {"shared_mailbox_sizes": "never", "rules": [E3], "mode": "apply", **params}
    return processes.module(PLAN, given, env.tenant)


def apply(env: PlanHarness, *, status: int = 0, **params: Any) -> Json:
    ended, output = start(env, **params).end()
    assert ended == status, output[:3000]
    result: Json = json.loads(output)
    return result


def lines_of(path: str | Path) -> list[Json]:
    return [json.loads(line) for line in Path(path).read_text(encoding="ascii").splitlines()]


def last(lines: list[Json]) -> dict[str, Json]:
    """The last line of each user, by the first part of the name."""
    return {line["user_principal_name"].partition("@")[0]: line for line in lines if line["kind"] == "user"}


def test_who_what_before_what_after_by_which_rule(env: PlanHarness, tmp_path: Path) -> None:
    env.at_risk("anna", usageLocation=None)
    env.at_risk("ben", department="Left")
    ignored = {"name": "Left", "match": {"department": "Left"}, "action": "ignore", "reason": "x"}
    result = apply(env, rules=[ignored, E3], record_dir=str(tmp_path / "new"), report_name="contoso")
    place = Path(result["record_path"])
    assert place.parent == tmp_path / "new"
    assert place.name.startswith("contoso-2")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (place, place.parent)] == [0o600, 0o700]
    header, *_rest, end = lines = lines_of(place)
    assert (header["kind"], header["format"], header["module"], end["kind"]) == ("header", 1, PLAN, "end")
    assert header["tenant"] == result["tenant"]
    assert {key: header[key] for key in result["run"]} == result["run"]
    (row,) = result["users"][:1] if result["users"][0]["action"] == "license" else result["users"][1:]
    assert list(last(lines)) == ["anna"], "who was not written is not in it"
    line = last(lines)["anna"]
    assert (line["rule"], line["alternative"], line["status"], line["confirmation"]) == (
        "E3",
        "licenses",
        "changed",
        "confirmed",
    )
    assert (line["before"], line["after"], line["error"]) == (row["before"], row["after"], None)
    assert line["before"] == {"usage_location": None, "licenses": []}


def test_a_user_who_fails_is_in_it_with_the_error(env: PlanHarness, tmp_path: Path) -> None:
    for name in ("anna", "ben"):
        env.at_risk(name)
    ben = env.world.user("ben@contoso.example")
    assert ben is not None
    body = {"error": {"code": "Request_BadRequest", "message": "No."}}
    env.refuse(f"{ben['id']}/assignLicense", status=400, body=body)
    result = apply(env, status=1, record_dir=str(tmp_path))
    found = last(lines_of(result["record_path"]))
    assert (found["anna"]["status"], found["ben"]["status"]) == ("changed", "failed")
    assert found["ben"]["error"]["message"]
    assert found["ben"]["before"] == found["ben"]["after"]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_kill_loses_one_batch_of_each_sender_at_most(env: PlanHarness, tmp_path: Path, concurrency: int) -> None:
    for number in range(100):
        env.at_risk(f"user{number:03}")
    # one batch reads users, one reads them again; four are written
    env.fault("slow", seconds=600, after_batches=6)
    run = start(env, record_dir=str(tmp_path), concurrency=concurrency)
    processes.until(lambda: env.world.faults[-1].hits, "the slow batch")
    (place,) = tmp_path.iterdir()
    if concurrency == 1:
        assert len(last(lines_of(place))) == 80
    run.kill()
    # the other senders may have gone on until now
    done = {upn for upn in env.world.upn_index if env.states(upn)}
    found = {line["user_principal_name"] for line in last(lines_of(place)).values()}
    assert found <= done
    assert len(done - found) <= 20 * concurrency
    assert lines_of(place)[-1]["kind"] == "user", "no end of a run that was killed"


@pytest.mark.parametrize("options", [{"mode": "plan"}, {"_ansible_check_mode": True}, {"max_changes": 0}])
def test_a_run_that_writes_nothing_leaves_none(env: PlanHarness, tmp_path: Path, options: Json) -> None:
    env.at_risk("anna")
    result = apply(env, record_dir=str(tmp_path), status=int("max_changes" in options), **options)
    assert "record_path" not in result
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_that_finds_nothing_to_do_leaves_none(env: PlanHarness, tmp_path: Path) -> None:
    env.at_risk("anna")
    apply(env, record_dir=str(tmp_path))
    assert "record_path" not in apply(env, record_dir=str(tmp_path))
    assert len(list(tmp_path.iterdir())) == 1


def test_it_lies_beside_the_report_and_has_the_name_of_its_copy(env: PlanHarness, tmp_path: Path) -> None:
    env.at_risk("anna")
    result = apply(env, report_dir=str(tmp_path), report_name="contoso")
    stem = result["record_path"].removesuffix(".record.jsonl")
    assert f"{stem}.json" in result["reports"]


def test_without_any_directory_it_is_in_the_users_state(env: PlanHarness) -> None:
    env.at_risk("anna")
    place = Path(apply(env)["record_path"])
    assert place.parent == Path(os.environ["XDG_STATE_HOME"]) / "m365.licensing"
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


def test_the_home_is_taken_where_no_state_directory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for text in ("", "relative"):
        monkeypatch.setenv("XDG_STATE_HOME", text)
        assert record_folder(None) == tmp_path / ".local" / "state" / "m365.licensing"
    assert record_folder("~/records") == tmp_path / "records"
    assert record_folder("", str(tmp_path / "reports")) == tmp_path / "reports"


def test_where_none_can_be_made_nothing_is_written(env: PlanHarness, tmp_path: Path) -> None:
    env.at_risk("anna")
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = apply(env, status=1, record_dir=str(tmp_path / "file"))
    assert (result["error"]["code"], env.tenant.requests()) == ("not_writable", [])
    assert "record_dir: " in result["msg"]
    by_hand = {"users": ["anna@contoso.example"], "licenses": [{"sku": "EMS"}], "record_dir": str(tmp_path / "file")}
    ended, output = processes.module(LICENSE, by_hand, env.tenant).end()
    assert (ended, json.loads(output)["error"]["code"]) == (1, "not_writable")
    assert env.tenant.requests() == []


def test_a_license_that_is_assigned_by_hand_is_recorded_as_well(env: PlanHarness, tmp_path: Path) -> None:
    anna = env.person("anna", location=None)
    options = {"users": [anna], "licenses": [{"sku": "EMS"}], "usage_location": "DE", "record_dir": str(tmp_path)}
    ended, output = processes.module(LICENSE, options, env.tenant).end()
    assert ended == 0, output
    lines = lines_of(json.loads(output)["record_path"])
    assert (lines[0]["module"], lines[0]["rules_digest"]) == (LICENSE, None)
    line = last(lines)["anna"]
    assert (line["rule"], line["status"], line["after"]["usage_location"]) == (None, "changed", "DE")


def test_a_location_that_is_set_before_a_kill_is_in_it(env: PlanHarness, tmp_path: Path) -> None:
    env.at_risk("anna", usageLocation=None)
    env.fault("slow", seconds=600, after_batches=3)
    run = start(env, record_dir=str(tmp_path))
    processes.until(lambda: env.world.faults[-1].hits, "the slow batch")
    run.kill()
    (place,) = tmp_path.iterdir()
    line = last(lines_of(place))["anna"]
    assert (line["after"]["usage_location"], line["after"]["licenses"]) == ("DE", [])


# --- the file ---------------------------------------------------------------------------------------------------------


def record(folder: Path, stem: str = "contoso") -> Record:
    return Record(folder, stem, {"time": "now"}, lambda outcome: {"user_id": outcome.user_id})


def test_the_same_is_noted_once(tmp_path: Path) -> None:
    found = record(tmp_path)
    accepted = Outcome(ANNA.id, "changed", ANNA, ANNA, "accepted", wrote=True)
    for outcome in (accepted, accepted, accepted._replace(confirmation="confirmed")):
        assert found.note([outcome])
    found.close({})
    kinds = [line["kind"] for line in lines_of(found.path)]
    assert kinds == ["header", "user", "user", "end"]


def test_a_file_of_that_name_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "contoso.record.jsonl").write_text("precious", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="File exists"):
        record(tmp_path)
    assert (tmp_path / "contoso.record.jsonl").read_text(encoding="utf-8") == "precious"


def test_a_disk_that_is_full_ends_the_record_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = record(tmp_path)

    def full(*_unused: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        assert not found.note([Outcome(ANNA.id, "changed", ANNA, ANNA)])
    assert "No space left on device" in found.write_error
    assert not found.note([Outcome(ANNA.id, "changed", ANNA, ANNA)]), "nor later"
    found.close({})


def test_a_record_that_breaks_off_ends_the_writing(env: PlanHarness, tmp_path: Path) -> None:
    for number in range(100):
        env.at_risk(f"user{number:03}")
    given = {"shared_mailbox_sizes": "never", "rules": [E3], "mode": "apply", "record_dir": str(tmp_path)}
    run = processes.module(PLAN, {**given, "concurrency": 1}, env.tenant, full_disk=True)
    ended, output = run.end()
    result = json.loads(output)
    assert (ended, result["error"]["code"]) == (1, "users_failed")
    assert result["summary"]["changed"] == 20
    assert result["summary"]["skipped"] == 80
    told = [text if isinstance(text, str) else text["event"]["msg"] for text in result["warnings"]]
    assert any("cannot be written any more" in text for text in told)
    assert "the record of what was written could not be written" in output
