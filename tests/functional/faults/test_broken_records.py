# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be read in one record of Exchange costs that record alone."""

from __future__ import annotations

import pytest

from tests.functional.support.audit_scenes import one, run
from tests.functional.support.explain_harness import ExplainHarness


def test_a_broken_date_costs_that_entry_alone(env: ExplainHarness) -> None:
    env.world.switches.update({"delicensing_resiliency": True})
    listed = []
    for name in ("anna", "bert"):
        user = env.lost(name, 10)
        box = env.make.mailbox(user, "UserMailbox", sku_assigned=False, pending_days=12)
        due = "soon" if name == "bert" else box["_pending_delicense"]
        listed.append({"ExternalDirectoryObjectId": user["id"], "WhenDueForDelicensingUTC": due})
    answer = {"kind": "status", "status": 200, "service": "exchange", "times": None}
    for way in ("filtered", "full"):
        env.tenant.set_faults(
            {**answer, "cmdlet": "Get-PendingDelicenseUser -ShowDueObjectsOnly", "body": {"value": []}},
            {**answer, "cmdlet": "Get-PendingDelicenseUser", "body": {"value": listed}},
        )
        found = run(env, way)
        sources = {row.user_principal_name[:4]: row.deadline.source for row in found.findings}
        assert sources == {"anna": "pending_delicense", "bert": "license_removed_plus_grace"}
        assert all("pending_delicense" in row.evidence for row in found.findings)
        assert "gives no date" in " ".join(found.warnings)


@pytest.mark.parametrize(
    ("holds", "held"),
    [
        ("mbx7cfb30345d454ac0a989ab3041051209:2", True),
        ("-mbx7cfb30345d454ac0a989ab3041051209", False),
        ("", False),
        ({"Value": "x"}, True),
    ],
)
def test_holds_in_another_shape_end_no_audit(env: ExplainHarness, holds: object, held: bool) -> None:
    anna = env.make.user("Anna", "anna", usage_location="DE")
    env.make.mailbox(anna, "UserMailbox", created_days=10)["InPlaceHolds"] = holds
    for way in ("filtered", "full"):
        row = one(run(env, way))
        assert ("on hold" in row.deadline.note) is held
