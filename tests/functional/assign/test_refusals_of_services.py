# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service refuses in words of today and of its newer licensing API, as the row of a user tells it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.support.assign_harness import Harness
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.skus import table
from tests.simulator.state import Json

SHAREPOINT1, SHAREPOINT2 = "c7699d2e-19aa-44de-8edf-1736da088ca1", "5DBE027F-2339-4123-9542-606E4D348A72"
EXCLUSIVE = "License assignment failed because service plans"


def refusing(env: Harness, message: str, inner: Json | None = None, *, times: int | None = None, **error: Any) -> None:
    body = {"error": {"code": "badRequest", "message": message, "innerError": inner or {}, **error}}
    env.refuse("assignLicense", status=400, body=body, times=times)


def error_of(env: Harness, anna: str) -> Json:
    (row,) = env.fail([anna], "SPE_E3").partial["users"]
    found: Json = row["error"]
    return found


@pytest.mark.parametrize(
    ("message", "inner", "code", "hint"),
    [
        ("There are no available licenses for the specified allotment", {}, "no_seats", "Buy seats"),
        ("Bad Request", {"code": "noAvailableLicenses"}, "no_seats", "Buy seats"),
        (
            "Another object with the same value for property proxyAddresses already exists.",
            {"code": "proxyAddressConflict"},
            "duplicate_proxy_address",
            "same mail address",
        ),
        ("In other words", {"code": "ProxyAddressConflict"}, "duplicate_proxy_address", "same mail address"),
        (
            "Cannot process request because a referenced item does not exist or is not associated with the request.",
            {"code": "notFound", "propertyName": "disabledServicePlanIds[1]"},
            "unknown_plan",
            "run again",
        ),
        (
            f"Service plan {SHAREPOINT1} does not belong to the subscription with SKU {table()['SPE_E3'].id}",
            {},
            "unknown_plan",
            "run again",
        ),
        (
            "Cannot process request because a referenced item was not found.",
            {"code": "notFound", "propertyName": "assignedTo"},
            "user_not_found",
            "deleted",
        ),
        (
            "Cannot process request because a referenced item has an invalid usage location.",
            {"code": "invalidUsageLocation"},
            "usage_location",
            "usageLocation of the user is 'DE'",
        ),
        ("Something else", {"code": "invalidUsageLocation"}, "usage_location", "usageLocation of the user is 'DE'"),
    ],
)
def test_old_and_new_words_mean_the_same(env: Harness, message: str, inner: Json, code: str, hint: str) -> None:
    refusing(env, message, inner)
    error = error_of(env, env.person("anna"))
    assert error["code"] == code
    assert hint in error["hint"]
    assert error["message"].endswith(".")


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        (f"{EXCLUSIVE} {SHAREPOINT1},{SHAREPOINT2} are mutually exclusive", [SHAREPOINT1, SHAREPOINT2]),
        (f"{EXCLUSIVE} are mutually exclusive", [SHAREPOINT1, SHAREPOINT2]),
        ("Bad Request", [SHAREPOINT2, SHAREPOINT1]),
        (f"{EXCLUSIVE} are mutually exclusive", [SHAREPOINT1, 5, None, "x", SHAREPOINT2]),
    ],
)
def test_plans_beside_the_text_are_named_as_those_in_it(env: Harness, message: str, ids: list[Any]) -> None:
    refusing(env, message, {"code": "mutuallyExclusiveServicePlans", "ids": ids})
    error = error_of(env, env.person("anna", env.held("SPB")))
    assert error["code"] == "mutually_exclusive_plans"
    assert "is SHAREPOINTSTANDARD" in error["message"]
    assert error["message"].count("is SHAREPOINTENTERPRISE") == 1
    assert error["hint"].startswith("Name SPB in remove, in the same task, or switch one of the two plans off")


@pytest.mark.parametrize(
    "ids", ["x", 5, None, {}, [f"{number:08}-0000-4000-8000-000000000000" for number in range(99)]]
)
def test_what_stands_there_instead_of_ids_does_no_harm(env: Harness, ids: Any) -> None:
    refusing(env, f"{EXCLUSIVE} are mutually exclusive", {"code": "mutuallyExclusiveServicePlans", "ids": ids})
    error = error_of(env, env.person("anna", env.held("SPB")))
    assert error["code"] == "mutually_exclusive_plans"
    assert len(error["message"]) < 1000


def test_a_fallback_is_tried_whatever_the_words(env: PlanHarness) -> None:
    anna = env.at_risk("anna")
    refusing(env, "Bad Request", {"code": "mutuallyExclusiveServicePlans", "ids": []}, times=1)
    rule = {**EVERYBODY, "licenses": [{"sku": "SPE_E3"}], "fallback": [{"sku": "EXCHANGESTANDARD"}]}
    (row,) = env.apply(rule)["users"]
    assert (row["status"], row["alternative"]) == ("changed", "fallback")
    assert env.states(anna).keys() == {"EXCHANGESTANDARD"}


# --- nothing to change ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    ["No license changes provided", "No license changes provided.", "User does not have a corresponding license."],
)
def test_what_somebody_else_has_just_done_is_no_failure(env: Harness, message: str) -> None:
    """The service sees nothing to change, and a late read shows why."""
    anna = env.person("anna")
    user = env.world.user(anna)
    assert user is not None
    body = {"error": {"code": "Request_BadRequest", "message": message}}
    # the change takes effect, and is answered as if somebody else had made it
    env.refuse("assignLicense", kind="late_status", status=400, body=body, times=1)
    (row,) = env.run([anna], "SPE_E3")["users"]
    assert (row["status"], row["error"], env.states(anna)) == ("unchanged", None, {"SPE_E3": []})


def test_what_nobody_has_done_is_reported_with_a_way_out(env: Harness) -> None:
    anna = env.person("anna")
    env.refuse(
        "assignLicense",
        status=400,
        body={"error": {"code": "Request_BadRequest", "message": "No license changes provided"}},
        times=None,
    )
    error = error_of(env, anna)
    assert error["code"] == "no_changes"
    assert "run again" in error["hint"]


@pytest.mark.parametrize("status", [400, 403])
def test_message_of_a_refused_batch_ends_with_a_full_stop(env: Harness, status: int) -> None:
    body = {"error": {"code": "BadRequest", "message": "It cannot be read"}}
    env.fault("status", status=status, body=body, times=None, after_batches=1)
    error = error_of(env, env.person("anna"))
    assert "It cannot be read" in error["message"]
    assert error["message"].endswith(".")


# --- hints fit the module ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        "Subscription with SKU x does not have any available licenses.",
        "License assignment cannot be done for user with invalid usage location.",
        "There are no available licenses for the specified allotment",
    ],
)
def test_a_plan_names_no_option_that_it_does_not_have(env: PlanHarness, message: str) -> None:
    env.at_risk("anna")
    refusing(env, message)
    (row,) = env.refused(EVERYBODY).partial["users"]
    hint = row["error"]["hint"]
    assert hint
    assert "on_insufficient_seats" not in hint
    assert "usage_location_force" not in hint or "m365.licensing.m365_user_license" in hint
