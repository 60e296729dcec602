# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mailbox without any plan gets the license that keeps it, also where that license lacks a right that it needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._models import PlanClass, RecipientType
from ansible_collections.m365.licensing.tests.unit.domain_world import (
    EXCHANGEDESKLESS,
    EXCHANGESTANDARD,
    HOLD,
    SPE_E3,
    direct,
    finding,
    skus,
    user,
)
from ansible_collections.m365.licensing.tests.unit.licensing_desk import empty_tenant
from ansible_collections.m365.licensing.tests.unit.planning import E3_OR_STANDARD, added, at_risk, only, plan_for
from ansible_collections.m365.licensing.tests.unit.planning_desk import EVERYBODY, PlanningDesk, actions

from tests.tenant.launch import Tenant


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with empty_tenant() as found:
        yield found


@pytest.fixture
def desk(tenant: Tenant) -> PlanningDesk:
    return PlanningDesk(tenant)


STANDARD: dict[str, Any] = {"name": "All", "match": {}, "licenses": [{"sku": "EXCHANGESTANDARD"}]}
KIOSK_OR_STANDARD: dict[str, Any] = {
    "name": "All",
    "match": {},
    "licenses": [{"sku": "EXCHANGEDESKLESS"}],
    "fallback": [{"sku": "EXCHANGESTANDARD"}],
}
ARCHIVE = (
    frozenset({PlanClass.PLAN1}),
    frozenset({PlanClass.PLAN2}),
    frozenset({PlanClass.KIOSK, PlanClass.ARCHIVING}),
)


def test_an_unlicensed_mailbox_on_hold_gets_plan_1_with_a_warning() -> None:
    entry = only(at_risk(user("anna"), needs=HOLD), STANDARD)
    assert (entry.action, added(entry), entry.alternative) == ("license", [EXCHANGESTANDARD], "licenses")
    (warning,) = entry.warnings
    assert "Exchange Online Plan 2" in warning
    assert "the archiving add-on" in warning


def test_an_unlicensed_mailbox_with_an_archive_gets_kiosk_with_a_warning() -> None:
    entry = only(at_risk(user("anna"), needs=ARCHIVE), {**STANDARD, "licenses": [{"sku": "EXCHANGEDESKLESS"}]})
    assert (entry.action, added(entry), len(entry.warnings)) == ("license", [EXCHANGEDESKLESS], 1)


def test_plan_1_is_enough_for_an_archive_and_warns_of_nothing() -> None:
    entry = only(at_risk(user("anna"), needs=ARCHIVE), STANDARD)
    assert (entry.action, added(entry), entry.warnings) == ("license", [EXCHANGESTANDARD], ())


def test_an_alternative_that_gives_the_rights_is_preferred() -> None:
    entry = only(at_risk(user("anna"), needs=ARCHIVE), KIOSK_OR_STANDARD)
    assert (added(entry), entry.alternative, entry.warnings) == ([EXCHANGESTANDARD], "fallback", ())


def test_without_a_seat_for_the_rights_the_mailbox_is_kept_all_the_same() -> None:
    entry = only(at_risk(user("anna"), needs=HOLD), E3_OR_STANDARD, table=skus(seats={SPE_E3: 0}))
    assert (entry.action, added(entry), entry.alternative) == ("license", [EXCHANGESTANDARD], "fallback")
    assert "no seat left of SPE_E3" in entry.note
    assert entry.warnings


def test_without_any_seat_no_seat_is_what_the_row_says() -> None:
    entry = only(at_risk(user("anna"), needs=HOLD), STANDARD, table=skus(seats={EXCHANGESTANDARD: 0}))
    assert (entry.action, entry.seats_wanted) == ("no_seat", (EXCHANGESTANDARD,))


@pytest.mark.parametrize("licenses", [["EMS"], ["EXCHANGEARCHIVE_ADDON"]])
def test_what_keeps_nothing_alive_stays_insufficient(licenses: list[str]) -> None:
    rule = {**STANDARD, "licenses": [{"sku": sku} for sku in licenses]}
    assert only(at_risk(user("anna"), needs=HOLD), rule).action in ("insufficient", "conflict")


def test_a_right_that_is_missing_is_no_reason_to_give_a_plan_that_is_there_already() -> None:
    who = user("anna", direct(EXCHANGESTANDARD))
    entry = only(at_risk(who, needs=HOLD, days=None, reason="hold_without_license"), KIOSK_OR_STANDARD)
    assert (entry.action, added(entry)) == ("insufficient", [])


def test_a_shared_mailbox_lives_without_a_license_and_gets_none_that_is_too_small() -> None:
    who = user("anna")
    shared = at_risk(who, needs=HOLD[:2], reason="shared_archive")
    shared = shared._replace(finding=finding(who, needs=HOLD[:2])._replace(recipient_type=RecipientType.SHARED))
    assert only(shared, STANDARD).action == "insufficient"


def test_a_soft_deleted_mailbox_with_an_archive_comes_back() -> None:
    who = user("anna")
    gone = at_risk(who, needs=HOLD)
    gone = gone._replace(finding=finding(who, needs=HOLD)._replace(recipient_type=RecipientType.SOFT_DELETED))
    entry = only(gone, STANDARD)
    assert (entry.action, len(entry.warnings)) == ("license", 1)


def test_two_mailboxes_of_one_user_are_both_kept() -> None:
    who = user("anna")
    both = [at_risk(who, needs=HOLD, days=3), at_risk(who, days=9)]
    assert [entry.action for entry in plan_for(both, STANDARD).entries] == ["license", "license"]


def test_what_keeps_the_mailbox_is_given_once(desk: PlanningDesk) -> None:
    upn = desk.at_risk("anna")
    anna = desk.world.user(upn)
    assert anna is not None
    (mailbox,) = desk.world.mailboxes_of(anna["id"])
    mailbox["LitigationHoldEnabled"] = True
    result = desk.apply(EVERYBODY)
    assert actions(result) == {"anna": "license"}
    assert result["users"][0]["warnings"]
    again = desk.apply(EVERYBODY)
    assert (again["changed"], actions(again)) == (False, {"anna": "insufficient"})
