# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes first: one order for the rows of an audit and for the seats of a plan."""

from __future__ import annotations

import pytest

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.functional.support.run_audit import look

PLAN2 = {**EVERYBODY, "licenses": [{"sku": "EXCHANGEENTERPRISE"}], "remove": ["EXCHANGESTANDARD"]}


@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_dates_go_before_no_dates_in_rows_and_in_seats(env: PlanHarness, strategy: str) -> None:
    env.person("archive", env.held("SPE_F1"), archive=True, created_days=400)
    env.person("shared", archive=True, kind="SharedMailbox")
    env.at_risk("today", days=29)
    env.at_risk("later", days=20)
    env.at_risk("outlived", days=400)
    env.make.mailbox(env.make.user("Gone", "gone", usage_location="DE"), "UserMailbox", soft_deleted_days=10)
    expected = ["today", "outlived", "later", "gone", "archive", "shared"]
    rows = [row.user_principal_name.partition("@")[0] for row in look(env.tenant, strategy=strategy).findings]
    assert rows == expected
    for seats in range(len(expected) + 1):
        env.seats("EXCHANGEENTERPRISE", seats)
        result = env.plan(PLAN2, strategy=strategy, allow_removals=True)
        names = [row["user_principal_name"].partition("@")[0] for row in result["users"]]
        assert names == expected
        assert [row["action"] for row in result["users"]] == ["license"] * seats + ["no_seat"] * (len(expected) - seats)
