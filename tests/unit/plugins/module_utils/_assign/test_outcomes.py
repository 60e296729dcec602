# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user's outcome says after each course of writes, losses of answers, and changes by others."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._assign import outcomes
from ansible_collections.m365.licensing.plugins.module_utils._assign.outcomes import DONE_ELSEWHERE, UNKNOWN, Job
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Assignment, LicenseChange, User
from ansible_collections.m365.licensing.plugins.module_utils._licensing.next_attempts import Attempt
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import Problem

from tests.unit.support.sample_tenant import BY_ID, EMS, SPE_E3, SPE_E5, TEAMS, YAMMER, direct, user

ADD_E3 = LicenseChange("id-anna", (Assignment(SPE_E3),))
SWAP = LicenseChange("id-anna", (Assignment(SPE_E5),), (SPE_E3,))
LOCATED = ADD_E3._replace(usage_location="FR")
REFUSED = Problem("no_seats", "No seat is left.", "Buy one.")
NOTHING_LEFT = Problem("nothing_to_remove", "The license is gone.")


def job(change: LicenseChange = ADD_E3, before: User | None = None, **more: Any) -> Job:
    return Job(before or user(), change, change, **more)


# states of a job -------------------------------------------------------------------------------------------------


def test_a_job_is_open_until_it_is_licensed_or_refused() -> None:
    assert job().open
    assert not job(licensed=True).open
    assert not job(problem=REFUSED).open


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"licensed": True}, True),
        ({"uncertain": True}, True),
        ({}, False),
        ({"licensed": True, "change": LicenseChange("id-anna")}, False),
    ],
)
def test_a_change_that_may_be_there_is_read_back(state: dict[str, Any], expected: bool) -> None:
    assert job(**state).to_confirm is expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [({}, True), ({"location_set": True}, False), ({"uncertain": True}, False), ({"licensed": False}, False)],
)
def test_only_a_change_without_our_part_is_elsewhere(more: dict[str, Any], expected: bool) -> None:
    state = {"licensed": True, "concurrent_change": NOTHING_LEFT, **more}
    assert job(**state).changed_elsewhere is expected
    assert not job(licensed=True).changed_elsewhere


def test_the_base_is_the_user_as_last_read_back() -> None:
    again = user("anna", direct(EMS))
    assert job().base == user()
    assert job(read_after=again).base == again


def test_what_was_asked_stays_known_after_an_attempt() -> None:
    assert job().asked == ADD_E3
    assert job(SWAP, first=ADD_E3).asked == ADD_E3


def test_a_set_location_shows_in_a_failed_user() -> None:
    assert job(LOCATED).partially_applied().usage_location == "DE"
    assert job(LOCATED, location_set=True).partially_applied().usage_location == "FR"


# attempts after a refusal ----------------------------------------------------------------------------------------


def test_an_attempt_takes_the_place_of_a_refused_change() -> None:
    refused = job(LOCATED, problem=REFUSED, licensed=True)
    outcomes.adopt_attempt(refused, Attempt(SWAP._replace(usage_location="FR"), "E5 instead", "fallback"))
    assert refused.open
    assert refused.to_retry
    assert refused.notes == ["E5 instead"]
    assert refused.left.usage_location == "FR"
    assert refused.asked == LOCATED
    assert refused.change.remove == (SPE_E3,)


def test_a_location_that_is_set_is_not_sent_with_an_attempt() -> None:
    refused = job(LOCATED, problem=REFUSED, location_set=True)
    outcomes.adopt_attempt(refused, Attempt(SWAP._replace(usage_location="FR"), "E5 instead"))
    assert refused.left == SWAP
    assert refused.change.usage_location == "FR"


def test_the_note_of_an_abandoned_alternative_goes() -> None:
    refused = job()
    refused.notes = ["before"]
    outcomes.adopt_attempt(refused, Attempt(ADD_E3, "without Teams"))
    outcomes.adopt_attempt(refused, Attempt(SWAP, "E5 instead", "fallback"))
    assert refused.notes == ["before", "E5 instead"]
    outcomes.adopt_attempt(refused, Attempt(SWAP, "without Yammer"))
    assert refused.notes == ["before", "E5 instead", "without Yammer"]
    assert refused.taken is not None
    assert refused.taken.alternative == "fallback"


def test_what_an_accepted_change_removed_is_not_removed_again() -> None:
    half = job(SWAP, user("anna", direct(SPE_E3)), seen=user("anna", direct(SPE_E5, state="Error")))
    outcomes.continue_from_readback(half)
    assert half.removed == (SPE_E3,)
    assert half.change == LicenseChange("id-anna", (Assignment(SPE_E5),))
    assert half.accepted
    assert half.read_after == half.seen
    assert half.asked == SWAP


def test_a_license_that_still_shows_is_still_removed() -> None:
    half = job(SWAP, user("anna", direct(SPE_E3)), seen=user("anna", direct(SPE_E3), direct(SPE_E5, state="Error")))
    outcomes.continue_from_readback(half)
    assert half.removed == ()
    assert half.change == SWAP


def test_without_a_readback_the_change_stays() -> None:
    half = job(SWAP)
    outcomes.continue_from_readback(half)
    assert half.change == SWAP
    assert not half.accepted


# a read after a lost answer --------------------------------------------------------------------------------------


def test_a_change_that_shows_needs_no_second_write() -> None:
    lost = job(lost=True)
    outcomes.continue_from_read(lost, user("anna", direct(SPE_E3)))
    assert lost.licensed
    assert not lost.lost


def test_what_does_not_show_is_left_to_send() -> None:
    lost = job(LOCATED, lost=True)
    outcomes.continue_from_read(lost, user())
    assert not lost.licensed
    assert not lost.lost
    assert lost.left == LOCATED


def test_a_location_that_was_accepted_is_not_sent_again() -> None:
    lost = job(LOCATED, lost=True, location_set=True)
    outcomes.continue_from_read(lost, user())
    assert lost.left == ADD_E3
    only_location = job(LicenseChange("id-anna", usage_location="FR"), lost=True, location_set=True)
    outcomes.continue_from_read(only_location, user())
    assert only_location.licensed


def test_a_user_deleted_meanwhile_is_a_problem() -> None:
    lost = job(lost=True)
    outcomes.continue_from_read(lost, None)
    assert lost.problem is not None
    assert lost.problem.code == "user_not_found"
    assert lost.seen is None


# a read just before the write ------------------------------------------------------------------------------------


def never(_user: User, _change: LicenseChange) -> bool:
    return False


def test_an_unchanged_user_keeps_the_change() -> None:
    same = job()
    outcomes.take_current(same, user(), BY_ID, lambda _user, _change: pytest.fail("asked without need"))
    assert same.left == ADD_E3
    assert same.open


def test_a_change_done_elsewhere_is_not_sent() -> None:
    done = job()
    outcomes.take_current(done, user("anna", direct(SPE_E3)), BY_ID, never)
    assert done.licensed
    assert not done.left
    assert done.notes == ["somebody else has just done the same"]


def test_a_late_replica_does_not_spare_a_removal() -> None:
    swap = job(SWAP, user("anna", direct(SPE_E3)))
    outcomes.take_current(swap, user("anna", direct(EMS)), BY_ID, never)
    assert swap.left.remove == (SPE_E3,)
    assert swap.notes == []


def test_a_late_replica_does_not_undo_a_set_location() -> None:
    before = user(usage_location=None)
    located = job(LOCATED, before, location_set=True)
    outcomes.take_current(located, user("anna", direct(EMS), usage_location="FR"), BY_ID, never)
    assert located.change.usage_location == "FR"
    assert located.left.usage_location is None
    assert located.before.usage_location is None
    assert located.before.license_states == (direct(EMS),)


def test_a_location_that_was_not_set_is_still_sent() -> None:
    located = job(LOCATED, user(usage_location=None))
    outcomes.take_current(located, user("anna", direct(EMS), usage_location=None), BY_ID, never)
    assert located.left.usage_location == "FR"


def test_plans_that_others_switch_off_stay_off_and_are_noted() -> None:
    assigned = job()
    outcomes.take_current(assigned, user("anna", direct(SPE_E3, YAMMER, TEAMS)), BY_ID, never)
    (note, done) = assigned.notes
    assert note.endswith("has just assigned SPE_E3 with TEAMS1, YAMMER_ENTERPRISE off, which stays so")
    assert done == DONE_ELSEWHERE


def test_plans_that_were_off_before_are_not_noted() -> None:
    change = LicenseChange("id-anna", (Assignment(SPE_E3, frozenset({TEAMS})), Assignment(EMS)))
    assigned = job(change, user("anna", direct(SPE_E3, YAMMER)))
    outcomes.take_current(assigned, user("anna", direct(SPE_E3, YAMMER, TEAMS)), BY_ID, never)
    assert assigned.notes == []


def test_plans_of_an_unknown_sku_are_not_noted() -> None:
    assigned = job()
    outcomes.take_current(assigned, user("anna", direct(SPE_E3, YAMMER)), {}, never)
    assert assigned.notes == [DONE_ELSEWHERE]


@pytest.mark.parametrize(("first", "code"), [(False, "changed_meanwhile"), (True, "")])
def test_a_change_that_newly_uncovers_a_mailbox_is_not_sent(first: bool, code: str) -> None:
    swap = job(SWAP, user("anna", direct(SPE_E3)))
    now = user("anna", direct(SPE_E3), direct(EMS))
    outcomes.take_current(swap, now, BY_ID, lambda of, change: bool(change.remove) and (of == now or first))
    assert (swap.problem.code if swap.problem else "") == code
    if swap.problem is not None:
        assert "changed the licenses of this user" in swap.problem.message
        assert swap.problem.hint.startswith("Run again")


# outcomes --------------------------------------------------------------------------------------------------------


def test_a_confirmed_change_shows_the_user_as_read_back() -> None:
    seen = user("anna", direct(SPE_E3, YAMMER))
    found = outcomes.outcome_of(job(licensed=True, confirmed=True, seen=seen, notes=["a", "a"]), BY_ID)
    assert (found.status, found.confirmation, found.wrote) == ("changed", "confirmed", True)
    assert found.after == seen
    assert found.service_disabled_plans == {SPE_E3: frozenset({YAMMER})}
    assert found.notes == ("a",)
    assert found.error is None


def test_a_change_not_visible_yet_is_accepted() -> None:
    found = outcomes.outcome_of(job(licensed=True, seen=user()), BY_ID)
    assert (found.status, found.confirmation, found.wrote) == ("changed", "accepted", True)
    assert [state.sku_id for state in found.after.license_states] == [SPE_E3]
    assert found.before == user()
    unread = outcomes.outcome_of(job(licensed=True), BY_ID)
    assert unread.service_disabled_plans == {}


def test_nothing_to_do_is_unchanged() -> None:
    found = outcomes.outcome_of(job(LicenseChange("id-anna"), notes=["as it was"]), BY_ID)
    assert (found.status, found.notes, found.wrote) == ("unchanged", ("as it was",), False)
    assert found.user_id == "id-anna"
    assert found.after == user()


def test_a_change_of_others_is_unchanged_and_says_so() -> None:
    now = user("anna", direct(SPE_E3))
    found = outcomes.outcome_of(job(licensed=True, concurrent_change=NOTHING_LEFT, seen=now, notes=["x"]), BY_ID)
    assert (found.status, found.notes) == ("unchanged", ("x", DONE_ELSEWHERE))
    assert found.before == found.after == now
    unread = outcomes.outcome_of(job(licensed=True, concurrent_change=NOTHING_LEFT), BY_ID)
    assert unread.after == user()


def test_a_refused_user_has_failed_with_the_problem() -> None:
    found = outcomes.outcome_of(job(LOCATED, problem=REFUSED, notes=["n"]), BY_ID)
    assert (found.status, found.error, found.notes, found.wrote) == ("failed", REFUSED, ("n",), False)
    assert found.after == user()
    seen = user("anna", direct(EMS))
    assert outcomes.outcome_of(job(problem=REFUSED, seen=seen), BY_ID).after == seen


@pytest.mark.parametrize(
    ("state", "status", "wrote"),
    [
        ({}, "skipped", False),
        ({"location_set": True}, "failed", True),
        ({"accepted": True}, "failed", True),
        ({"uncertain": True}, "failed", False),
    ],
)
def test_only_an_unwritten_user_is_skipped(state: dict[str, Any], status: str, wrote: bool) -> None:
    found = outcomes.outcome_of(job(LOCATED, skipped=True, problem=REFUSED, **state), BY_ID)
    assert found.status == status
    assert found.wrote is wrote


def test_a_refusal_after_a_lost_answer_is_an_unknown_outcome() -> None:
    found = outcomes.outcome_of(job(problem=REFUSED, uncertain=True), BY_ID)
    assert found.error is not None
    assert found.error.code == UNKNOWN
    assert "another try ended with: No seat is left." in found.error.message
    assert found.error.hint == f"Buy one. {outcomes.RUN_AGAIN}"
    hintless = outcomes.as_unknown_outcome(REFUSED._replace(hint=""))
    assert hintless.hint == outcomes.RUN_AGAIN


@pytest.mark.parametrize("code", [UNKNOWN, "user_not_found"])
def test_some_problems_say_enough_of_a_lost_answer(code: str) -> None:
    problem = Problem(code, "as it is")
    assert outcomes.as_unknown_outcome(problem) is problem


def test_a_confirmed_change_overrules_an_earlier_problem() -> None:
    seen = user("anna", direct(SPE_E3))
    found = outcomes.outcome_of(job(problem=REFUSED, confirmed=True, seen=seen), BY_ID)
    assert (found.status, found.error) == ("changed", None)


def test_an_accepted_assignment_in_error_has_failed() -> None:
    in_error = direct(SPE_E3, state="ERROR", error="CountViolation")
    found = outcomes.outcome_of(job(licensed=True, seen=user("anna", in_error)), BY_ID)
    assert found.status == "failed"
    assert found.error is not None
    assert found.error.code == "no_seats"
    assert "SPE_E3" in found.error.message
    assert found.wrote


def test_an_error_of_another_license_is_no_failure() -> None:
    others = user("anna", direct(SPE_E3), direct(EMS, state="Error", error="CountViolation"))
    assert outcomes.assignment_error(job(seen=others), BY_ID) is None
    assert outcomes.assignment_error(job(), BY_ID) is None
    unknown_sku = outcomes.assignment_error(job(seen=user("anna", direct(SPE_E3, state="Error"))), {})
    assert unknown_sku is not None
    assert SPE_E3 in unknown_sku.message


def test_a_change_that_no_read_shows_is_no_success() -> None:
    found = outcomes.outcome_of(job(), BY_ID)
    assert found.error is not None
    assert found.error.code == UNKNOWN
    assert found.error.hint == outcomes.RUN_AGAIN
    elsewhere = outcomes.outcome_of(job(concurrent_change=NOTHING_LEFT), BY_ID)
    assert elsewhere.error == NOTHING_LEFT


def test_an_outcome_names_all_that_was_taken_away() -> None:
    taken = Attempt(LicenseChange("id-anna", (Assignment(SPE_E5),), (EMS,)), "E5 instead", "fallback")
    found = outcomes.outcome_of(job(licensed=True, taken=taken, removed=(SPE_E3,)), BY_ID)
    assert found.taken is not None
    assert found.taken.change.remove == tuple(sorted({SPE_E3, EMS}))
    failed = outcomes.outcome_of(job(problem=REFUSED, taken=taken, removed=(SPE_E3,)), BY_ID)
    assert failed.taken == found.taken
    assert outcomes.outcome_of(job(licensed=True, taken=taken), BY_ID).taken is taken


def test_a_preliminary_outcome_tells_what_was_accepted() -> None:
    whole = outcomes.preliminary_outcome(job(LOCATED), None, BY_ID, location_set=False)
    assert (whole.user_id, whole.status, whole.confirmation, whole.wrote) == ("id-anna", "changed", "accepted", True)
    assert [state.sku_id for state in whole.after.license_states] == [SPE_E3]
    half = outcomes.preliminary_outcome(job(LOCATED), None, BY_ID, location_set=True)
    assert half.after.license_states == ()
    assert half.after.usage_location == "FR"


@pytest.mark.parametrize("written", [True, False])
def test_a_preliminary_failure_tells_what_was_written(written: bool) -> None:
    found = outcomes.preliminary_outcome(job(LOCATED, location_set=written), REFUSED, BY_ID, location_set=False)
    assert (found.status, found.error, found.confirmation) == ("failed", REFUSED, "")
    assert found.wrote is written
    assert found.after.usage_location == ("FR" if written else "DE")


def test_an_unanswered_change_says_what_is_known() -> None:
    assert outcomes.unanswered_problem(job(concurrent_change=NOTHING_LEFT)) == NOTHING_LEFT
    unread, unseen = outcomes.unanswered_problem(job(lost=True)), outcomes.unanswered_problem(job())
    assert unread.code == unseen.code == UNKNOWN
    assert unread.message.endswith("could not be read since.")
    assert unseen.message.endswith("does not show it.")
    assert unread.hint == outcomes.RUN_AGAIN


@pytest.mark.parametrize(("written", "begins"), [(False, "Not done, because"), (True, "Only the usage location was")])
def test_a_user_not_attempted_says_why(written: bool, begins: str) -> None:
    held = job(LOCATED, location_set=written)
    outcomes.mark_not_attempted(held, "the service was busy", "Wait.")
    assert held.skipped
    assert held.problem is not None
    assert held.problem.code == "not_tried"
    assert held.problem.message.startswith(begins)
    assert held.problem.message.endswith("because the service was busy.")
    assert held.problem.hint == "Wait."


@pytest.mark.parametrize(
    ("state", "late"),
    [
        ({"location_set": True, "problem": Problem("usage_location", "")}, True),
        ({"location_set": False, "problem": Problem("usage_location", "")}, False),
        ({"location_set": True, "problem": REFUSED}, False),
        ({"location_set": True}, False),
    ],
)
def test_a_refused_location_just_set_is_late(state: dict[str, Any], late: bool) -> None:
    assert outcomes.location_late(job(LOCATED, **state)) is late


def test_an_unexpected_error_shows_its_type_alone() -> None:
    text = outcomes.unexpected_error(ValueError("secret"))
    assert "ValueError" in text
    assert "secret" not in text
