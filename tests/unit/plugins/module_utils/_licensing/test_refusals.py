# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which changes the service will refuse for the Exchange plans in them, and that check mode says so.

Several mailbox plans of one user are none of them: see test_stacked_plans.py.
"""

from __future__ import annotations

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._assign.prediction import predict_changes
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Assignment, LicenseChange, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import foreseen_refusal

from tests.unit.support.sample_tenant import (
    BY_ID,
    EMS,
    EXCHANGEARCHIVE_ADDON,
    EXCHANGEDESKLESS,
    EXCHANGESTANDARD,
    PLAN1,
    PLAN2,
    SPE_E3,
    SPE_E5,
    direct,
    inherited,
    user,
)

GONE = "12345678-aaaa-4bbb-8ccc-1234567890ab"
"""A SKU that users may still hold and the tenant has no more."""


def change(*add: str, remove: tuple[str, ...] = (), off: tuple[str, ...] = ()) -> LicenseChange:
    return LicenseChange("id-a", add=tuple(Assignment(sku, frozenset(off)) for sku in add), remove=remove)


@pytest.mark.parametrize(
    ("who", "wanted", "code"),
    [
        (user("a"), change(SPE_E3), None),
        (user("a"), change(SPE_E3, EXCHANGESTANDARD), None),
        (user("a", direct(EXCHANGESTANDARD)), change(SPE_E3), None),
        (user("a", inherited(EXCHANGESTANDARD)), change(SPE_E3), None),
        (user("a", inherited(EXCHANGESTANDARD, state="Error")), change(SPE_E3), None),
        (user("a", direct(EXCHANGESTANDARD)), change(SPE_E3, remove=(EXCHANGESTANDARD,)), None),
        (user("a", direct(EXCHANGESTANDARD)), change(SPE_E3, off=(PLAN2,)), None),
        (user("a", direct(EXCHANGESTANDARD, PLAN1)), change(SPE_E3), None),
        (user("a", direct(SPE_E3)), change(SPE_E5), None),
        (user("a", direct(EXCHANGEDESKLESS)), change(EXCHANGESTANDARD), None),
        (user("a", direct(EXCHANGEDESKLESS), direct(EXCHANGESTANDARD)), change(EMS), None),
        (user("a"), change(EXCHANGEARCHIVE_ADDON), "missing_dependency"),
        (user("a", direct(EXCHANGESTANDARD)), change(EXCHANGEARCHIVE_ADDON), None),
        (
            user("a", direct(EXCHANGESTANDARD), direct(EXCHANGEARCHIVE_ADDON)),
            change(remove=(EXCHANGESTANDARD,)),
            "missing_dependency",
        ),
        (user("a", direct(EXCHANGEARCHIVE_ADDON)), change(EMS), None),
        (user("a"), change(SPE_E3, remove=(GONE,)), "unknown_sku"),
        (user("a"), change(SPE_E3, remove=()), None),
    ],
)
def test_a_refusal_is_foreseen(who: User, wanted: LicenseChange, code: str | None) -> None:
    problem = foreseen_refusal(who, wanted, BY_ID)
    assert (problem.code if problem else None) == code


def test_check_mode_predicts_failed_and_untried_users() -> None:
    users = {who.id: who for who in (user("a", direct(SPE_E3)), user("b"), user("c", direct(SPE_E3)))}
    changes = [LicenseChange(user_id, add=(Assignment(EXCHANGEARCHIVE_ADDON, frozenset()),)) for user_id in users]
    for on_error, expected in (
        ("continue", ["changed", "failed", "changed"]),
        ("fail", ["skipped", "failed", "skipped"]),
    ):
        outcomes = predict_changes(users, changes, BY_ID, on_error=on_error)
        assert [outcome.status for outcome in outcomes] == expected
