# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing many changes: what is foreseen, what is reported, and that time is never waited for in vain."""

from __future__ import annotations

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._assign.apply import apply_changes
from ansible_collections.m365.licensing.plugins.module_utils._assign.downgrades import find_downgrades
from ansible_collections.m365.licensing.plugins.module_utils._assign.outcomes import Outcome
from ansible_collections.m365.licensing.plugins.module_utils._assign.prediction import predict_changes
from ansible_collections.m365.licensing.plugins.module_utils._assign.result import (
    Blocked,
    result_of,
    row_of,
    unknown_row,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import NAMED_AT_MOST, summarize
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._licensing.desired import Wanted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Assignment, LicenseChange
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import Problem

from tests.functional.support.assign_harness import Harness, changed_users
from tests.simulator.launch import Tenant
from tests.unit.support.sample_tenant import (
    BY_ID,
    EMS,
    EXCHANGESTANDARD,
    INTUNE,
    SPE_E3,
    TEAMS,
    direct,
    inherited,
    user,
)

ANNA, BEN = user("anna"), user("ben", direct(EXCHANGESTANDARD))
USERS = {ANNA.id: ANNA, BEN.id: BEN}
ADD_E3 = LicenseChange(ANNA.id, add=(Assignment(SPE_E3, frozenset({TEAMS})),))


# --- what is foreseen --------------------------------------------------------------------------------------------


def test_a_prediction_shows_the_users_as_they_will_be() -> None:
    located = ADD_E3._replace(usage_location="AT")
    first, second = predict_changes(USERS, [located, LicenseChange(BEN.id)], BY_ID)
    assert (first.status, first.wrote, first.before) == ("changed", True, ANNA)
    assert (first.after.usage_location, first.after.license_states) == ("AT", (direct(SPE_E3, TEAMS),))
    assert second == Outcome(BEN.id, "unchanged", BEN, BEN)


def test_predictions_come_in_the_order_of_the_changes() -> None:
    changes = [LicenseChange(BEN.id, remove=(EXCHANGESTANDARD,)), ADD_E3]
    assert [outcome.user_id for outcome in predict_changes(USERS, changes, BY_ID)] == [BEN.id, ANNA.id]


def test_two_changes_of_one_user_are_refused_before_any_request(tenant: Tenant) -> None:
    env = Harness(tenant)
    with env.clients() as found, pytest.raises(ValueError, match="two changes of one user"):
        apply_changes(found.graph, USERS, [ADD_E3, ADD_E3], BY_ID)
    assert env.tenant.requests() == []


def test_nothing_to_do_asks_nothing(tenant: Tenant) -> None:
    env = Harness(tenant)
    with env.clients() as found:
        outcomes = apply_changes(found.graph, USERS, [LicenseChange(BEN.id)], BY_ID)
    assert [outcome.status for outcome in outcomes] == ["unchanged"]
    assert env.tenant.requests() == []


# --- what is reported --------------------------------------------------------------------------------------------


def test_a_row_has_names_and_says_what_only_a_group_can_do() -> None:
    who = user("anna", inherited(SPE_E3))
    wanted = [Wanted(SPE_E3, disabled_plans=frozenset({TEAMS}))]
    row = row_of(Outcome(who.id, "unchanged", who, who), None, wanted, "present", BY_ID, BUILTIN).row
    assert (row["user_principal_name"], row["status"], row["error"]) == ("anna@contoso.com", "unchanged", None)
    assert row["notes"][0].startswith("SPE_E3: TEAMS1 stays on")


def test_a_row_names_the_plans_that_the_service_has_switched_off() -> None:
    extra = {SPE_E3: frozenset({TEAMS}), "ffffffff-0000-4000-8000-000000000000": frozenset({INTUNE, "x"})}
    outcome = Outcome(ANNA.id, "changed", ANNA, ANNA, service_disabled_plans=extra)
    row = row_of(outcome, None, [], "present", BY_ID, BUILTIN).row
    assert row["service_disabled_plans"] == {
        SPE_E3: ["TEAMS1"],
        "ffffffff-0000-4000-8000-000000000000": ["INTUNE_A", "x"],
    }


def test_who_was_blocked_has_the_status_and_the_reason_of_that() -> None:
    blocked = Blocked("skipped", Problem("no_seats", "None left.", "Buy."))
    row = row_of(Outcome(ANNA.id, "unchanged", ANNA, ANNA), blocked, [], "present", BY_ID, BUILTIN).row
    assert row["status"] == "skipped"
    assert row["error"] == {"code": "no_seats", "message": "None left.", "hint": "Buy."}


@pytest.mark.parametrize(
    ("name", "user_id", "upn"),
    [
        ("ghost@contoso.com", "", "ghost@contoso.com"),
        ("{0F000000-0000-4000-8000-00000000DEAD}", "0f000000-0000-4000-8000-00000000dead", ""),
    ],
)
def test_unknown_user_has_a_row_with_the_name_that_was_given(name: str, user_id: str, upn: str) -> None:
    row = unknown_row(name).row
    assert (row["user_id"], row["user_principal_name"], row["status"]) == (user_id, upn, "failed")
    assert name in row["error"]["message"]


def test_counts_and_diff_agree_with_the_rows() -> None:
    changes = [ADD_E3._replace(usage_location="AT"), LicenseChange(BEN.id)]
    outcomes = predict_changes(USERS, changes, BY_ID)
    rows = [row_of(outcome, None, [], "present", BY_ID, BUILTIN) for outcome in outcomes]
    result = result_of([*rows, unknown_row("ghost@contoso.com")])
    assert result["changed"]
    assert result["summary"] == {
        "users": 3,
        "unchanged": 1,
        "changed": 1,
        "skipped": 0,
        "failed": 1,
        "confirmed": 0,
        "accepted": 0,
        "unknown": 0,
    }
    assert changed_users(result) == {"anna@contoso.com"}


def test_user_with_location_but_no_license_counts_as_changed() -> None:
    located = ANNA._replace(usage_location="AT")
    outcome = Outcome(ANNA.id, "failed", ANNA, located, error=Problem("no_seats", "None left."), wrote=True)
    row = row_of(outcome, None, [], "present", BY_ID, BUILTIN)
    result = result_of([row])
    assert (result["changed"], changed_users(result)) == (True, {"anna@contoso.com"})


def test_each_downgrade_is_one_warning_for_all_users() -> None:
    people = [user(f"user{number:02}", direct(SPE_E3)) for number in range(NAMED_AT_MOST + 5)]
    changes = [LicenseChange(one.id, add=(Assignment(EXCHANGESTANDARD),), remove=(SPE_E3,)) for one in people]
    weak = find_downgrades({one.id: one for one in people}, changes, BY_ID, BUILTIN)
    warnings = result_of([], weak)["warnings"]
    assert all("user00@contoso.com" in text and text.endswith("and 5 more") for text in warnings)
    assert sum("mailbox over 50 GB" in text for text in warnings) == 1


@pytest.mark.parametrize(("count", "text"), [(0, ""), (1, "0"), (2, "0, 1"), (NAMED_AT_MOST + 1, "18, 19 and 1 more")])
def test_names_for_a_message(count: int, text: str) -> None:
    assert summarize([str(number) for number in range(count)]).endswith(text)


# --- time --------------------------------------------------------------------------------------------------------


def test_retry_seconds_bounds_the_wait_for_a_conflict(tenant: Tenant) -> None:
    env = Harness(tenant, retry_seconds=20.0)
    anna = env.person("anna")
    env.refuse("assignLicense", times=None, status=409)
    error = env.fail([anna], "EMS")
    assert error.partial["users"][0]["error"]["code"] == "conflict"
    assert sum(env.clock.slept) <= 20.0


def test_retry_after_beyond_the_limit_ends_at_once(tenant: Tenant) -> None:
    env = Harness(tenant, retry_seconds=20.0, concurrency=1)
    people = env.people(45)
    env.refuse("assignLicense", times=None, status=429, headers={"Retry-After": "3600"})
    error = env.fail(people, "EMS")
    assert {item["error"]["code"] for item in error.partial["users"]} == {"throttled", "not_tried"}
    assert sum(env.clock.slept) <= 20.0


def test_what_confirms_at_once_is_not_waited_for(tenant: Tenant) -> None:
    env = Harness(tenant)
    env.run(env.people(3), EMS)
    assert env.clock.slept == []


def test_confirming_with_no_time_reads_once(tenant: Tenant) -> None:
    env = Harness(tenant)
    anna = env.person("anna")
    assert env.run([anna], "EMS", confirm_seconds=0.0)["summary"]["confirmed"] == 1
    env.world.switches.replica_lag_reads = 5
    assert env.run([anna], "EMS", state="absent", confirm_seconds=0.0)["summary"]["accepted"] == 1
    assert env.clock.slept == []
