# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service refuses, and what that means: a table of its own words."""

from __future__ import annotations

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._licensing.refusals import problem_from, problem_of_state

from tests.functional.support.assign_harness import Harness, empty_tenant
from tests.simulator.state import Json
from tests.unit.support.sample_tenant import BY_ID, EMS, PLAN1, PLAN2, SPE_E3

STRANGE = "99999999-9999-4999-8999-999999999999"

REFUSED = [
    # the service's text with 400 Request_BadRequest, our code, a word of the way out
    (f"Subscription with SKU {SPE_E3} does not have any available licenses.", "no_seats", "Buy seats"),
    ("License assignment cannot be done for user with invalid usage location.", "usage_location", "usage_location"),
    (
        f"License assignment failed because service plans {PLAN1}, {PLAN2} are mutually exclusive.",
        "mutually_exclusive_plans",
        "name the license that goes in remove",
    ),
    (
        f"License assignment failed because service plan {PLAN1} depends on the service plan(s) {PLAN2}",
        "missing_dependency",
        "disabled_plans",
    ),
    (f"License {STRANGE} does not correspond to a valid company License.", "unknown_sku", "m365_subscription_info"),
    (f"License {EMS} cannot be assigned to a user.", "company_sku", ""),
    (
        "User license is inherited from a group membership and it cannot be removed directly from the user.",
        "inherited_license",
        "group",
    ),
    ("User does not have a corresponding license.", "not_assigned", "run again"),
    ("USER DOES NOT HAVE A CORRESPONDING LICENSE", "not_assigned", "run again"),
    ("The proxy address smtp:a@contoso.com is in use.", "duplicate_proxy_address", "address"),
    ("Something nobody has seen before.", "Request_BadRequest", ""),
]


@pytest.mark.parametrize(("text", "code", "hint"), REFUSED)
def test_refusal_with_a_general_code_is_told_by_its_text(text: str, code: str, hint: str) -> None:
    problem = problem_from(400, "Request_BadRequest", text, skus=BY_ID)
    assert problem.code == code
    assert hint in problem.hint
    assert problem.message.startswith(text.rstrip("."))


@pytest.mark.parametrize(
    ("status", "service_code", "code"),
    [
        (401, "InvalidAuthenticationToken", "permission_denied"),
        (403, "Authorization_RequestDenied", "permission_denied"),
        (404, "Request_ResourceNotFound", "user_not_found"),
        (409, "Directory_ConcurrencyViolation", "conflict"),
        (429, "TooManyRequests", "throttled"),
        (500, "InternalServerError", "service_unavailable"),
        (503, "", "service_unavailable"),
        (400, "", "http_400"),
        (418, "Teapot", "Teapot"),
    ],
)
def test_status_decides_before_the_text(status: int, service_code: str, code: str) -> None:
    text = "Whatever." if code in ("http_400", "Teapot") else "The plans are mutually exclusive."
    assert problem_from(status, service_code, text, skus={}).code == code


def test_a_missing_permission_comes_with_who_must_consent() -> None:
    problem = problem_from(403, "Authorization_RequestDenied", "No.", skus={}, permission_hint="Consent to X.")
    assert problem.hint == "Consent to X."


def test_ids_in_the_services_words_get_their_names() -> None:
    text = f"service plans {PLAN1.upper()}, {PLAN2} of {SPE_E3} and {STRANGE} are mutually exclusive. {PLAN2}"
    assert problem_from(400, "", text, skus=BY_ID).message == (
        f"{text} ({PLAN1} is EXCHANGE_S_STANDARD, {PLAN2} is EXCHANGE_S_ENTERPRISE, {SPE_E3} is SPE_E3)."
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("CountViolation", "no_seats"),
        ("MutuallyExclusiveViolation", "mutually_exclusive_plans"),
        ("DependencyViolation", "missing_dependency"),
        ("ProhibitedInUsageLocationViolation", "usage_location"),
        ("UniquenessViolation", "duplicate_proxy_address"),
        ("Other", "license_error"),
        ("Others", "license_error"),
        (None, "license_error"),
    ],
)
def test_an_assignment_that_turned_to_error(error: str | None, code: str) -> None:
    problem = problem_of_state(error, "SPE_E3")
    assert problem.code == code
    assert problem.message == f"SPE_E3 was assigned, but is in error: {error or 'no reason given'}."
    assert bool(problem.hint) is (code != "license_error")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (
            {
                "code": "Request_BadRequest",
                "message": "Another object with the same value for property proxyAddresses already exists.",
                "details": [{"code": "ObjectConflict", "target": "proxyAddresses", "message": "Conflict."}],
            },
            "duplicate_proxy_address",
        ),
        (
            {
                "code": "badRequest",
                "message": "There are no available licenses for the specified allotment",
                "innerError": {"code": "noAvailableLicenses"},
            },
            "no_seats",
        ),
        (
            {"code": "badRequest", "message": "In other words", "innerError": {"code": "proxyAddressConflict"}},
            "duplicate_proxy_address",
        ),
    ],
)
def test_known_wordings_of_refusals_have_a_code_and_a_hint(error: Json, code: str) -> None:
    with empty_tenant() as tenant:
        env = Harness(tenant)
        anna = env.person("anna")
        tenant.set_faults(
            {"service": "graph", "part": True, "path": "assignLicense", "status": 400, "body": {"error": error}}
        )
        (row,) = env.fail([anna], "EXCHANGESTANDARD").partial["users"]
    assert row["error"]["code"] == code
    assert row["error"]["hint"]
    assert row["error"]["message"] == error["message"].rstrip(".") + "."
