# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may read a report, in which formats it is written, what it says of its run, and that runs keep their copies."""

from __future__ import annotations

import json
import os
import stat
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._ansible.report_files import report_place, run_stamp
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError

from tests.functional.support import processes
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

AUDIT, PLAN = "exo_unlicensed_mailbox_info", "m365_license_plan"
DEFAULTS: Json = {"report_dir": None, "report_mode": "0600", "report_formats": ["md", "json"]}


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    env = PlanHarness(tenant)
    env.at_risk("john_doe")
    return env


def run(env: PlanHarness, name: str, **params: Any) -> Json:
    given: Json = {"shared_mailbox_sizes": "never", **({"rules": [EVERYBODY]} if name == PLAN else {}), **params}
    ended, output = processes.module(name, given, env.tenant).end()
    assert ended == 0, output[:3000]
    result: Json = json.loads(output)
    return result


@pytest.mark.parametrize(
    ("given", "mode"), [("0600", 0o600), ("0640", 0o640), ("660", 0o660), (0o640, 0o640), ("0o604", 0o604)]
)
def test_a_mode_is_what_ansible_takes_for_one(tmp_path: Path, given: Any, mode: int) -> None:
    place = report_place({**DEFAULTS, "report_dir": str(tmp_path), "report_mode": given})
    assert place is not None
    assert place.mode == mode


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("0666", "lets all users write"),
        ("777", "lets all users write"),
        ("u=rw,g=r", "expected three octal digits"),
        ("0400", "let the owner read and write"),
        ("", "expected three octal digits"),
        (640, "in quotes"),
        ("4600", "expected three octal digits"),
        (True, "expected three octal digits"),
        (None, "expected three octal digits"),
        ("416", "lets all users write"),  # 0640 without quotes, and made a text by a template
    ],
)
def test_other_modes_are_refused(given: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^report_mode: ") as caught:
        report_place({**DEFAULTS, "report_mode": given})
    assert told in caught.value.message


def test_no_format_at_all_is_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match="report_formats: the list is empty"):
        report_place({**DEFAULTS, "report_formats": []})


def test_who_may_read_the_files_may_enter_the_directory(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        report_place({**DEFAULTS, "report_dir": str(tmp_path / "new"), "report_mode": "0640"})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o750


@pytest.mark.parametrize(("name", "stem"), [(AUDIT, "contoso-audit"), (PLAN, "contoso")])
@pytest.mark.parametrize("formats", [["md"], ["json"], ["json", "md"]])
def test_the_formats_that_were_asked_for(
    env: PlanHarness, tmp_path: Path, name: str, stem: str, formats: list[str]
) -> None:
    place = tmp_path / "reports"
    options = {"report_dir": str(place), "report_name": "contoso", "report_formats": formats, "report_mode": "0640"}
    result = run(env, name, **options)
    assert result["reports"] == [str(place / f"{stem}.{ending}") for ending in formats]
    assert sorted(path.name for path in place.iterdir()) == sorted(f"{stem}.{ending}" for ending in formats)
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o640}


@pytest.mark.parametrize(("name", "stem"), [(AUDIT, "contoso-audit"), (PLAN, "contoso")])
def test_reports_say_which_tenant_and_which_run(env: PlanHarness, tmp_path: Path, name: str, stem: str) -> None:
    result = run(env, name, report_dir=str(tmp_path), report_name="contoso")
    report = json.loads((tmp_path / f"{stem}.json").read_text(encoding="utf-8"))
    assert (report["tenant"], report["run"], report["name"]) == (result["tenant"], result["run"], "contoso")
    text = (tmp_path / f"{stem}.md").read_text(encoding="utf-8")
    for word in ("contoso.onmicrosoft.com", "Contoso AG", env.world.tenant_id, env.world.app.client_id):
        assert word in text, word
    assert result["run"]["collection_version"] in text
    assert result["run"].get("rules_digest", "") in text
    assert "john_doe@contoso.example" in text, "names are found by a plain search"


def test_two_runs_in_one_second_keep_their_copies() -> None:
    moment = datetime(2026, 6, 15, 12, 0, 0, tzinfo=timezone.utc)
    stamps = {run_stamp(moment) for _unused in range(100)}
    assert len(stamps) == 100
    assert all(stamp.startswith("20260615T120000Z-") for stamp in stamps)
