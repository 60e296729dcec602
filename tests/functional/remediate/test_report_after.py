# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a run that wrote, the report tells the state after it and the state before, each by its name."""

from __future__ import annotations

import json

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._reporting.audit_report import audit_markdown, audit_row

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.state import Json
from tests.unit.support.sample_tenant import BY_ID, finding, user


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    env = PlanHarness(tenant)
    env.at_risk("anna")
    env.at_risk("ben")
    env.at_risk("left", department="Left")
    return env


LEFT = {"name": "Left", "match": {"department": "Left"}, "action": "ignore", "reason": "They have left"}


def reports(result: Json) -> tuple[str, Json]:
    report: Json = json.loads(result["reports"]["json"])
    text: str = result["reports"]["md"]
    return text, report


def upns(rows: list[Json]) -> list[str]:
    return [row["user_principal_name"].partition("@")[0] for row in rows]


def test_a_plan_tells_one_state(env: PlanHarness) -> None:
    text, report = reports(env.plan(LEFT, EVERYBODY))
    assert (len(report["mailboxes_before"]), report["mailboxes_after"]) == (3, None)
    assert "# Mailboxes and archives at risk\n" in text
    assert "**3 mailboxes and archives** would be lost without a license." in text


def test_after_a_run_both_states_are_told(env: PlanHarness) -> None:
    text, report = reports(env.apply(LEFT, EVERYBODY))
    assert sorted(upns(report["mailboxes_before"])) == ["anna", "ben", "left"]
    assert upns(report["mailboxes_after"]) == ["left"]
    assert report["mailboxes_after"][0]["action"] == "ignore"
    assert "**2 users** of 3 were changed: 2 read back." in text
    assert "## Licensed, and read back (2)" in text
    after = text[text.index("# Mailboxes and archives at risk after this run") :]
    after, before = after.split("# Mailboxes and archives at risk before this run")
    assert "**1 mailbox or archive** would still be lost." in after
    assert "anna@contoso.example" not in after
    assert "**3 mailboxes and archives** would have been lost without a license." in before
    assert "would be lost" not in text


def test_who_failed_is_still_at_risk(env: PlanHarness) -> None:
    ben = env.world.user("ben@contoso.example")
    assert ben is not None
    body = {"error": {"code": "Request_BadRequest", "message": "No."}}
    env.refuse(f"{ben['id']}/assignLicense", status=400, body=body)
    with env.clients():
        partial = env.refused(LEFT, EVERYBODY).partial
    text, report = reports(partial)
    assert sorted(upns(report["mailboxes_after"])) == ["ben", "left"]
    (row,) = [row for row in report["mailboxes_after"] if row["user_principal_name"].startswith("ben")]
    assert (row["status"], row["confirmation"]) == ("failed", "")
    assert row["error"]
    assert "**1 user** of 3 was changed: 1 read back, 1 failed." in text
    assert "## Failed (1)" in text


def test_accepted_is_not_confirmed(env: PlanHarness) -> None:
    text, report = reports(env.apply(LEFT, EVERYBODY, confirm=False))
    assert "2 accepted and not read back yet" in text
    assert "## Accepted by the service, and not read back yet (2)" in text
    assert "## Licensed" not in text
    assert upns(report["mailboxes_after"]) == ["left"]


def test_check_mode_has_no_state_after(env: PlanHarness) -> None:
    text, report = reports(env.apply(LEFT, EVERYBODY, check_mode=True))
    assert report["mailboxes_after"] is None
    assert "after this run" not in text


def test_a_notice_is_not_about_to_be_lost() -> None:
    found = [finding(user("a"), days=3), finding(user("b"), days=90)._replace(severity="notice")]
    rows = [audit_row(item, BY_ID, BUILTIN) for item in found]
    text = audit_markdown(rows)
    assert "**1 mailbox or archive** would be lost without a license." in text
    assert "**1 more notice**: no deadline within 30 days" in text
    alone = audit_markdown(rows[1:])
    assert "would be lost" not in alone
    assert "**1 notice**: " in alone
    assert "Nothing was at risk before this run." in audit_markdown([], when="before this run")
