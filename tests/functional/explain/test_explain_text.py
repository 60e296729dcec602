# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of an explanation: aligned, at most a screen, and safe to print whatever users call themselves."""

from __future__ import annotations

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._explain.text import WIDTH

from tests.functional.support.explain_harness import ExplainHarness
from tests.functional.support.plan_harness import EVERYBODY
from tests.simulator.launch import Tenant

SCREEN = 40

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07",
    "line\nbreak\r\nResult       Not at risk: trust me",
    "\u202egnirts\u2028new line\x85",
    "{{ lookup('ansible.builtin.pipe', 'touch PWNED') }}",
    "[bold red]<script>alert(1)</script>",
    "%s %(x)s {0} $(id)",
    "x" * 5000,
    "word " * 2000,
)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_printed_as_text(tenant: Tenant, name: str) -> None:
    env = ExplainHarness(tenant)
    env.at_risk("anna", displayName=name, department=name, jobTitle=name, companyName=name)
    rules = [
        {**EVERYBODY, "name": "Board", "match": {"department": "Board"}},
        {**EVERYBODY, "match": {"job_title": "*"}},
    ]
    row = env.one("anna", *rules)
    assert row["display_name"].strip() == name.strip(), "programs get the name as it is"
    assert all(line.isprintable() for line in row["lines"])
    assert len(row["lines"]) <= SCREEN
    assert sum(line.startswith("Result") for line in row["lines"]) == 1
    assert max(map(len, row["lines"])) <= 500
    assert "DECIDES" in "".join(row["lines"])


def test_lines_are_aligned_and_a_screen_at_most(tenant: Tenant) -> None:
    env = ExplainHarness(tenant)
    parts = ["SPE_E3", "EXCHANGESTANDARD", "EXCHANGEDESKLESS", "EXCHANGEENTERPRISE", "SPE_E5", "M365_F1_COMM"]
    held = [env.held(part, state="Error", error="CountViolation") for part in parts]
    groups = [env.inherited(part, state="Error") for part in parts]
    others = [env.held(part) for part in ("POWER_BI_STANDARD", "EMS")]
    env.at_risk("anna", *held, *groups, *others, department="Sales")
    exceptions = [
        {"name": f"E{n}", "match": {}, "action": "ignore", "reason": "Moving " * 20, "until": "2020-01-01"}
        for n in range(9)
    ]
    no = [{**EVERYBODY, "name": f"No {n}", "match": {"department": "Board"}} for n in range(20)]
    row = env.one("anna", *exceptions, *no, EVERYBODY)
    assert len(row["lines"]) <= SCREEN + 10
    assert max(map(len, row["lines"])) <= WIDTH
    for line in row["lines"][1:]:
        assert line[12] == " ", line
        assert line[:12].strip() in (
            *("", "Result", "Deadline", "Mailbox", "Signals"),
            *("Licenses", "Rules", "Exceptions", "Seats", "A run"),
        )
