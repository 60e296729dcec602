# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan says where it is not certain that there is a mailbox to bring back."""

from __future__ import annotations

import pytest

from tests.functional.support.explain_harness import ExplainHarness
from tests.functional.support.plan_harness import EVERYBODY, actions


@pytest.mark.parametrize("order", ["deadline", "rules"])
def test_a_plan_says_where_the_mailbox_may_be_on_premises(env: ExplainHarness, order: str) -> None:
    env.seats("EXCHANGESTANDARD", 1)
    for name, days, synced in (("hybrid", 20, True), ("sure", 2, False)):
        user = env.lost(name, days, synced=synced)
        if synced:
            env.make.mailbox(user, "MailUser")
    result = env.plan(EVERYBODY, seat_order=order)
    assert actions(result) == {"sure": "license", "hybrid": "no_seat"}
    env.seats("EXCHANGESTANDARD", 2)
    result = env.plan(EVERYBODY, seat_order=order)
    rows = {row["user_principal_name"][:4]: row for row in result["users"]}
    assert "not certain that there is a mailbox" in rows["hybr"]["note"]
    assert any("may be on premises" in text_ for text_ in rows["hybr"]["warnings"])
    assert "not certain" not in rows["sure"]["note"]
    assert result["summary"]["seats_to_on_premises"] == 1
