# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the services' JSON to values: spelling, times, sizes, what is missing; and what a refusal means."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import IncompleteAnswer
from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import format_time, parse_time
from ansible_collections.m365.licensing.plugins.module_utils._graph import parsing as graph
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import problem_from, problem_of_state
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support.raw_answers import raw_sku
from tests.unit.support.sample_tenant import BY_ID, GROUP, PLAN1, PLAN2, SPE_E3, YAMMER

NOON = datetime(2026, 6, 15, 12, 0, tzinfo=timezone.utc)
USER_ID = "11111111-2222-3333-4444-555555555555"


def raw_user(**more: Any) -> dict[str, Any]:
    """A user as Graph answers for USER_SELECT."""
    return {
        "id": USER_ID,
        "userPrincipalName": "anna@contoso.com",
        "displayName": "Anna",
        "userType": "Member",
        "accountEnabled": True,
        "usageLocation": "DE",
        "country": None,
        "department": None,
        "companyName": None,
        "jobTitle": None,
        "onPremisesSyncEnabled": None,
        "onPremisesExtensionAttributes": {"extensionAttribute1": "x", "extensionAttribute2": None},
        "licenseAssignmentStates": [],
        "assignedPlans": [],
    } | more


def raw_state(**more: Any) -> dict[str, Any]:
    """An element of licenseAssignmentStates."""
    return {
        "skuId": SPE_E3,
        "disabledPlans": [],
        "assignedByGroup": None,
        "state": "Active",
        "error": "None",
        "lastUpdatedDateTime": "2026-06-15T12:00:00Z",
    } | more


# times ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-15T12:00:00Z", NOON),
        ("2026-06-15T12:00:00z", NOON),
        ("2026-06-15T12:00:00", NOON),
        ("2026-06-15T14:00:00+02:00", NOON),
        ("2026-06-15T12:00:00.0000000+00:00", NOON),
        ("2026-06-15T12:00:00.5Z", NOON.replace(microsecond=500000)),
        ("2026-06-15T12:00:00.1234567Z", NOON.replace(microsecond=123456)),
        ("2026-06-15", NOON.replace(hour=0)),
        (" 2026-06-15T12:00:00Z ", NOON),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
    ],
)
def test_times_in_every_form_that_was_seen(text: str | None, expected: datetime | None) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize("value", ["yesterday", "2026-13-01T00:00:00Z", 7, ["2026-06-15"]])
def test_what_is_no_time_is_an_error_and_no_date(value: Any) -> None:
    with pytest.raises(ValueError, match="expected a time"):
        parse_time(value)


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
def test_a_time_survives_being_written_and_read(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=timezone(timedelta(hours=3)))
    assert parse_time(format_time(whole)) == whole


# users ----------------------------------------------------------------------------------------------------------


def test_ids_are_lower_case_and_states_trimmed() -> None:
    user = graph.user_from(
        raw_user(
            id=USER_ID.upper(),
            licenseAssignmentStates=[
                raw_state(skuId=SPE_E3.upper(), disabledPlans=[YAMMER.upper()], state=" Active "),
                raw_state(assignedByGroup=GROUP.upper(), state="Error", error="CountViolation"),
            ],
            assignedPlans=[
                {"servicePlanId": PLAN2.upper(), "capabilityStatus": " Enabled", "service": "exchange"},
            ],
        )
    )
    direct, inherited = user.license_states
    assert user.id == USER_ID
    assert (direct.sku_id, direct.disabled_plans, direct.state, direct.error) == (
        SPE_E3,
        frozenset({YAMMER}),
        "Active",
        None,
    )
    assert direct.direct
    assert direct.updated == NOON
    assert (inherited.group_id, inherited.effective, inherited.error) == (GROUP, False, "CountViolation")
    assert user.assigned_plans[0].plan_id == PLAN2
    assert user.assigned_plans[0].usable


def test_what_is_null_is_absent() -> None:
    user = graph.user_from(raw_user(usageLocation=None, userType=None, licenseAssignmentStates=None))
    assert user.usage_location is None
    assert user.user_type == "Member"
    assert user.license_states == ()
    assert not user.on_premises_sync
    assert user.extension_attributes == {"extensionAttribute1": "x"}


@pytest.mark.parametrize("state", [None, "", "PendingProvisioning"])
def test_an_assignment_in_an_unknown_state_gives_nothing(state: str | None) -> None:
    user = graph.user_from(raw_user(licenseAssignmentStates=[raw_state(state=state)]))
    assert not user.holds(SPE_E3)


@pytest.mark.parametrize("key", ["id", "userPrincipalName", "licenseAssignmentStates", "assignedPlans"])
def test_a_user_that_lacks_what_was_asked_for_is_an_error(key: str) -> None:
    raw = raw_user()
    del raw[key]
    with pytest.raises(IncompleteAnswer, match=key):
        graph.user_from(raw)


# SKUs -----------------------------------------------------------------------------------------------------------


def test_a_sku() -> None:
    (sku,) = graph.skus_from([raw_sku(skuId=SPE_E3.upper())])
    assert (sku.id, sku.part_number, sku.seats_left(), sku.user_plan_ids) == (SPE_E3, "SPE_E3", 7, frozenset({PLAN2}))


def test_a_sku_of_several_accounts_is_summed() -> None:
    (sku,) = graph.skus_from(
        [raw_sku(), raw_sku(consumedUnits=1, prepaidUnits={"enabled": 5, "warning": 2, "suspended": 1, "lockedOut": 0})]
    )
    assert (sku.enabled, sku.warning, sku.suspended, sku.consumed) == (15, 2, 1, 4)
    assert sku.seats_left() == 11
    assert sku.seats_left(use_warning=True) == 13


def test_seats_of_a_suspended_account_are_promised_to_nobody() -> None:
    suspended = raw_sku(
        capabilityStatus="Suspended", prepaidUnits={"enabled": 50, "warning": 0, "suspended": 5, "lockedOut": 0}
    )
    (sku,) = graph.skus_from([suspended, raw_sku(consumedUnits=0)])
    assert sku.capability_status == "Enabled"
    assert (sku.enabled, sku.suspended) == (10, 5)
    # what the suspended account has consumed takes no seat of the other
    assert sku.seats_left() == 10


@pytest.mark.parametrize("key", ["skuId", "prepaidUnits", "servicePlans"])
def test_a_sku_that_lacks_what_decides_is_an_error(key: str) -> None:
    raw = raw_sku()
    del raw[key]
    with pytest.raises(IncompleteAnswer, match=key):
        graph.skus_from([raw])


def test_a_subscription() -> None:
    found = graph.subscription_from(
        {
            "skuId": SPE_E3.upper(),
            "skuPartNumber": "SPE_E3",
            "status": "Warning",
            "totalLicenses": 25,
            "isTrial": False,
            "nextLifecycleDateTime": "2026-06-15T12:00:00Z",
        }
    )
    assert (found.sku_id, found.status, found.total_licenses, found.next_lifecycle) == (SPE_E3, "Warning", 25, NOON)


# refusals -------------------------------------------------------------------------------------------------------

REFUSALS = [
    (400, f"Subscription with SKU {SPE_E3} does not have any available licenses.", "no_seats"),
    (400, "License assignment cannot be done for user with invalid usage location.", "usage_location"),
    (
        400,
        f"License assignment failed because service plans {PLAN1}, {PLAN2} are mutually exclusive.",
        "mutually_exclusive_plans",
    ),
    (
        400,
        f"License assignment failed because service plan {PLAN1} depends on the service plan(s) {PLAN2}",
        "missing_dependency",
    ),
    (400, f"License {SPE_E3} does not correspond to a valid company License.", "unknown_sku"),
    (400, f"License {SPE_E3} cannot be assigned to a user.", "company_sku"),
    (
        400,
        "User license is inherited from a group membership and it cannot be removed directly from the user.",
        "inherited_license",
    ),
    (400, "User does not have a corresponding license.", "not_assigned"),
    (
        400,
        "Another object with the same value for property proxyAddresses already exists.",
        "duplicate_proxy_address",
    ),
    (400, "There are no available licenses for the specified allotment", "no_seats"),
    (400, "a referenced item does not exist or is not associated with the request", "unknown_plan"),
    (400, "Something that was never seen.", "Request_BadRequest"),
    (401, "expired", "permission_denied"),
    (403, "Insufficient privileges to complete the operation.", "permission_denied"),
    (404, f"Resource '{USER_ID}' does not exist.", "user_not_found"),
    (409, "Conflict", "conflict"),
    (429, "Too many requests", "throttled"),
    (503, "Service unavailable", "service_unavailable"),
]


@pytest.mark.parametrize(("status", "text", "code"), REFUSALS)
def test_what_a_refusal_means(status: int, text: str, code: str) -> None:
    found = problem_from(status, "Request_BadRequest", text, skus=BY_ID, permission_hint="Grant it.")
    assert found.code == code
    assert found.message.startswith(text.rstrip("."))
    assert bool(found.hint) is (code != "Request_BadRequest")
    assert found.message[-1] == ".", "a hint follows"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("noAvailableLicenses", "no_seats"),
        ("proxyAddressConflict", "duplicate_proxy_address"),
        ("mutuallyExclusiveServicePlans", "mutually_exclusive_plans"),
        ("somethingNew", "somethingNew"),
    ],
)
def test_a_finer_code_explains_a_refusal_with_an_unknown_text(theirs: str, ours: str) -> None:
    found = problem_from(400, theirs, "In words of tomorrow", skus=BY_ID)
    assert (found.code, bool(found.hint)) == (ours, theirs != "somethingNew")


def test_ids_in_a_refusal_are_named() -> None:
    text = f"License assignment failed because service plans {PLAN1.upper()}, {PLAN2} are mutually exclusive."
    found = problem_from(400, "Request_BadRequest", text, skus=BY_ID)
    assert f"{PLAN1} is EXCHANGE_S_STANDARD" in found.message
    assert f"{PLAN2} is EXCHANGE_S_ENTERPRISE" in found.message


@pytest.mark.parametrize("between", [", ", ","])
def test_so_are_plans_that_the_tenant_does_not_have(between: str) -> None:
    """Microsoft's table knows them; an id that nobody knows stays as it is."""
    teams, unknown = "57ff2da0-773e-42df-b2af-ffb7a2317929", "00000000-0000-4000-8000-00000000dead"
    text = f"License assignment failed because service plan {PLAN1} depends on the service plan(s) "
    found = problem_from(400, "", f"{text}{between.join((teams.upper(), SPE_E3, unknown))}", skus={})
    assert found.message.endswith(f"({PLAN1} is EXCHANGE_S_STANDARD, {teams} is TEAMS1, {SPE_E3} is SPE_E3).")
    assert problem_from(400, "", text.rstrip(), skus={}).code == "missing_dependency"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("CountViolation", "no_seats"),
        ("MutuallyExclusiveViolation", "mutually_exclusive_plans"),
        ("DependencyViolation", "missing_dependency"),
        ("ProhibitedInUsageLocationViolation", "usage_location"),
        ("UniquenessViolation", "duplicate_proxy_address"),
        ("Other", "license_error"),
        (None, "license_error"),
    ],
)
def test_an_assignment_in_error(error: str | None, code: str) -> None:
    found = problem_of_state(error, "SPE_E3")
    assert found.code == code
    assert "SPE_E3" in found.message
