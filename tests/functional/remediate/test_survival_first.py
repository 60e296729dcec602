# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mailbox without any plan gets the license that keeps it, also where that license lacks a right that it needs."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    Mailbox,
    PlanClass,
    RecipientType,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._planning.planner import Candidate

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness, actions
from tests.unit.support.sample_plans import E3_OR_STANDARD, added, at_risk, only, plan_for
from tests.unit.support.sample_tenant import (
    EMS,
    EXCHANGEARCHIVE_ADDON,
    EXCHANGEDESKLESS,
    EXCHANGESTANDARD,
    HOLD,
    MAILBOX,
    SPE_E3,
    direct,
    finding,
    skus,
    user,
)

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


def test_unlicensed_mailbox_on_hold_gets_plan_1_with_warning() -> None:
    entry = only(at_risk(user("anna"), needs=HOLD), STANDARD)
    assert (entry.action, added(entry), entry.alternative) == ("license", [EXCHANGESTANDARD], "licenses")
    (warning,) = entry.warnings
    assert "Exchange Online Plan 2" in warning
    assert "the archiving add-on" in warning


def test_unlicensed_mailbox_with_archive_gets_kiosk_with_warning() -> None:
    entry = only(at_risk(user("anna"), needs=ARCHIVE), {**STANDARD, "licenses": [{"sku": "EXCHANGEDESKLESS"}]})
    assert (entry.action, added(entry), len(entry.warnings)) == ("license", [EXCHANGEDESKLESS], 1)


def test_plan_1_is_enough_for_an_archive_and_warns_of_nothing() -> None:
    entry = only(at_risk(user("anna"), needs=ARCHIVE), STANDARD)
    assert (entry.action, added(entry), entry.warnings) == ("license", [EXCHANGESTANDARD], ())


def test_an_alternative_that_gives_the_rights_is_preferred() -> None:
    entry = only(at_risk(user("anna"), needs=ARCHIVE), KIOSK_OR_STANDARD)
    assert (added(entry), entry.alternative, entry.warnings) == ([EXCHANGESTANDARD], "fallback", ())


def test_mailbox_is_kept_without_a_seat_for_its_rights() -> None:
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


def test_missing_right_gives_no_plan_that_is_there_already() -> None:
    who = user("anna", direct(EXCHANGESTANDARD))
    entry = only(at_risk(who, needs=HOLD, days=None, reason="hold_without_license"), KIOSK_OR_STANDARD)
    assert (entry.action, added(entry)) == ("insufficient", [])


def test_shared_mailbox_gets_no_license_that_is_too_small() -> None:
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


def test_what_keeps_the_mailbox_is_given_once(env: PlanHarness) -> None:
    env.box(env.at_risk("anna"))["LitigationHoldEnabled"] = True
    result = env.apply(EVERYBODY)
    assert actions(result) == {"anna": "license"}
    assert result["users"][0]["warnings"]
    again = env.apply(EVERYBODY)
    assert (again["changed"], actions(again)) == (False, {"anna": "insufficient"})


ARCHIVE_AND_HOLD: dict[str, Any] = {"needs": HOLD, "days": None, "reason": "archive_without_license"}
KIOSK_AND_ADDON = {**STANDARD, "licenses": [{"sku": "EXCHANGEDESKLESS"}, {"sku": "EXCHANGEARCHIVE_ADDON"}]}


def archived(who: User, **more: Any) -> Candidate:
    """A mailbox at risk with an archive and a hold."""
    found = at_risk(who, **{**ARCHIVE_AND_HOLD, **more})
    box = Mailbox(who.id, who.user_principal_name, RecipientType.USER, archive=True, hold=True)
    assert found.finding is not None
    return found._replace(finding=found.finding._replace(mailbox=box))


def test_archive_of_kiosk_mailbox_on_hold_gets_plan_1() -> None:
    entry = only(archived(user("anna", direct(EXCHANGEDESKLESS))), STANDARD)
    assert (entry.action, added(entry)) == ("license", [EXCHANGESTANDARD])
    (warning,) = entry.warnings
    assert "Exchange Online Plan 2" in warning


def test_what_gives_the_hold_its_right_as_well_is_preferred() -> None:
    kiosk = user("anna", direct(EXCHANGEDESKLESS))
    entry = only(archived(kiosk), {**STANDARD, "fallback": [{"sku": "SPE_E3"}]})
    assert (added(entry), entry.warnings) == ([SPE_E3], ())


def test_covered_archive_is_no_reason_for_another_license() -> None:
    who = user("anna", direct(EXCHANGESTANDARD))
    assert only(archived(who, reason="hold_without_license"), KIOSK_OR_STANDARD).action == "insufficient"


def test_alternative_that_keeps_the_archive_comes_first() -> None:
    entry = only(archived(user("anna"), reason="no_license"), KIOSK_OR_STANDARD)
    assert (added(entry), len(entry.warnings)) == ([EXCHANGESTANDARD], 1)


@pytest.mark.parametrize("needs", [HOLD, ARCHIVE, MAILBOX], ids=["hold", "archive", "nothing more"])
@pytest.mark.parametrize("other", ["EXCHANGEARCHIVE_ADDON", "EMS"])
def test_mailbox_gets_the_part_that_keeps_it_without_all_seats(needs: Any, other: str) -> None:
    rule = {**STANDARD, "licenses": [{"sku": "EXCHANGEDESKLESS"}, {"sku": other}]}
    table = skus(seats={EXCHANGEARCHIVE_ADDON: 0, EMS: 0})
    entry = only(at_risk(user("anna"), needs=needs), rule, table=table)
    assert (entry.action, added(entry), entry.alternative) == ("license", [EXCHANGEDESKLESS], "licenses")
    assert f"no seat left of {other}" in entry.note
    assert any("EXCHANGEDESKLESS" in text for text in entry.warnings)


def test_whole_alternative_comes_before_part_of_another() -> None:
    table = skus(seats={EXCHANGEARCHIVE_ADDON: 0})
    rule = {**KIOSK_AND_ADDON, "fallback": [{"sku": "EXCHANGESTANDARD"}]}
    entry = only(at_risk(user("anna"), needs=HOLD), rule, table=table)
    assert (added(entry), entry.alternative) == ([EXCHANGESTANDARD], "fallback")


def test_what_has_seats_is_given_together() -> None:
    rule = {**KIOSK_AND_ADDON, "licenses": [*KIOSK_AND_ADDON["licenses"], {"sku": "EMS"}]}
    entry = only(at_risk(user("anna")), rule, table=skus(seats={EXCHANGEARCHIVE_ADDON: 0}))
    assert sorted(added(entry)) == sorted([EXCHANGEDESKLESS, EMS])


@pytest.mark.parametrize(
    "who", [user("anna", direct(EXCHANGEDESKLESS)), user("anna", direct(EMS))], ids=["kept", "not"]
)
def test_a_part_is_for_mailboxes_that_no_plan_keeps(who: User) -> None:
    kept = bool(who.holds(EXCHANGEDESKLESS))
    rule = {**STANDARD, "licenses": [{"sku": "EXCHANGESTANDARD"}, {"sku": "EXCHANGEARCHIVE_ADDON"}]}
    entry = only(at_risk(who, needs=HOLD, days=None), rule, table=skus(seats={EXCHANGEARCHIVE_ADDON: 0}))
    assert (entry.action, added(entry)) == (("no_seat", []) if kept else ("license", [EXCHANGESTANDARD]))


def test_of_a_part_the_rest_is_given_once_there_is_a_seat(env: PlanHarness) -> None:
    for sku in ("EXCHANGEDESKLESS", "EXCHANGEARCHIVE_ADDON"):
        env.add_sku(sku)
    env.seats("EXCHANGEARCHIVE_ADDON", 0)
    env.box(env.at_risk("anna"))["LitigationHoldEnabled"] = True
    rule = {**EVERYBODY, "licenses": KIOSK_AND_ADDON["licenses"]}
    given = [[item["sku"] for item in env.apply(rule)["users"][0]["add"]] for _run in range(2)]
    env.seats("EXCHANGEARCHIVE_ADDON", 5)
    given.append([item["sku"] for item in env.apply(rule)["users"][0]["add"]])
    assert given == [["EXCHANGEDESKLESS"], [], ["EXCHANGEARCHIVE_ADDON"]]
