# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the services say of an error, wherever in their answer they say it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ApiError, M365Error, PermissionDenied
from ansible_collections.m365.licensing.plugins.module_utils._common.redaction import Redactor
from ansible_collections.m365.licensing.plugins.module_utils._graph.batch_parts import answers_of

from tests.functional.support.scripted_server import Reply, document, service_for, serving


def test_exchange_tells_its_reasons_deep_inside_or_in_a_header(tmp_path: Path) -> None:
    inner = {
        "error": {
            "code": "AccessDenied",
            "message": "Invalid Operation",
            "innererror": {"internalexception": {"message": "|Microsoft.X.YException|The role is missing."}},
        }
    }
    padded = Reply(403, b"\0" * 32, {"x-ms-diagnostics": "2000008;reason=No role", "request-id": "r-1"})
    with serving([document(inner, 403), padded], tmp_path) as server:
        service = service_for(server)
        for said, request_id in (
            ("403 AccessDenied: The role is missing.", None),
            ("403: 2000008;reason=No role", "r-1"),
        ):
            with pytest.raises(PermissionDenied) as caught:
                service.request("POST", "/x", json={}, idempotent=True)
            assert caught.value.message == f"Stand-in: POST /x was answered with {said}"
            assert caught.value.hint == "Ask for consent."
            assert caught.value.request_id == (request_id or server.seen[0].headers["client-request-id"])


NOT_FOUND = "The operation couldn't be performed because object 'a' couldn't be found"
GENERIC = "Exception of type 'Y' was thrown."


@pytest.mark.parametrize("message", ["Error executing cmdlet", "Invalid Operation", "", None])
@pytest.mark.parametrize(
    ("detail", "internal", "said"),
    [
        (f"Ex6F9304|Microsoft.Exchange.X|{NOT_FOUND}", GENERIC, NOT_FOUND),
        (f"|Microsoft.Exchange.X|{NOT_FOUND}", GENERIC, NOT_FOUND),
        (NOT_FOUND, GENERIC, NOT_FOUND),
        (None, f"Ex6F9304|Microsoft.Exchange.X|{NOT_FOUND}", NOT_FOUND),
        ("Error executing cmdlet", f"|Microsoft.Exchange.X|{NOT_FOUND}", NOT_FOUND),
        (f"Ex6F9304|Microsoft.Exchange.X|{NOT_FOUND}", "Something else.", NOT_FOUND),
        (None, None, None),
        (None, GENERIC, GENERIC),
    ],
)
def test_a_message_that_stands_for_any_error_is_passed_over(
    tmp_path: Path, message: str | None, detail: str | None, internal: str | None, said: str | None
) -> None:
    body = {
        "error": {
            "code": "NotFound",
            "message": message,
            "details": [{"code": "Context", "target": "", "message": detail}] if detail else [],
            "innererror": {"internalexception": {"message": internal, "type": "Y"}},
        }
    }
    with serving([document(body, 400)], tmp_path) as server, pytest.raises(ApiError) as caught:
        service_for(server).request("POST", "/x", json={}, idempotent=True)
    expected = said or message
    if said == GENERIC and message:
        expected = message  # of two that say nothing, the service's own
    assert caught.value.message == "Stand-in: POST /x was answered with 400 NotFound" + (
        f": {expected}" if expected else ""
    )


SAYS = f"Ex6F9304|Microsoft.Exchange.X|{NOT_FOUND}"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"message": "Error executing cmdlet", "details": [{"message": ""}, {"message": SAYS}]}, NOT_FOUND),
        ({"message": "Error executing cmdlet", "details": [None, {"message": GENERIC}, {"message": SAYS}]}, NOT_FOUND),
        (
            {
                "message": "Invalid Operation",
                "innererror": {"internalexception": {"message": GENERIC, "internalexception": {"message": SAYS}}},
            },
            NOT_FOUND,
        ),
        (
            {
                "message": "Invalid Operation",
                "innererror": {"internalException": {"internalException": {"message": SAYS}}},
            },
            NOT_FOUND,
        ),
        ({"message": "", "innerError": {"code": "noAvailableLicenses"}}, "noAvailableLicenses"),
        ({"message": "Bad Request", "details": [{"message": ""}], "innerError": {"code": "x"}}, "Bad Request"),
    ],
)
def test_the_reason_is_found_wherever_it_stands(tmp_path: Path, error: dict[str, Any], said: str) -> None:
    """Not in the first entry alone, and in whatever depth."""
    body = {"error": {"code": "C", **error}}
    with serving([document(body, 400)], tmp_path) as server, pytest.raises(ApiError) as caught:
        service_for(server).request("POST", "/x", json={}, idempotent=True)
    assert caught.value.message == f"Stand-in: POST /x was answered with 400 C: {said}"


def test_exceptions_without_end_are_no_trouble(tmp_path: Path) -> None:
    within: dict[str, Any] = {"message": SAYS}
    for _depth in range(100):
        within = {"message": GENERIC, "internalexception": within}
    error = {"message": "Invalid Operation", "details": [{"message": ""}] * 1000, "innererror": within}
    body = {"error": {"code": "C", **error}}
    with serving([document(body, 400)], tmp_path) as server, pytest.raises(ApiError) as caught:
        service_for(server).request("POST", "/x", json={}, idempotent=True)
    assert caught.value.message.endswith("C: Invalid Operation")


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (
            {"message": "", "innerError": {"code": "noAvailableLicenses"}},
            "noAvailableLicenses",
            "noAvailableLicenses",
        ),
        ({"message": "Bad Request", "details": [{}, {"message": "Other words."}]}, "Other words.", ""),
        ({"message": "Too few seats.", "details": [{"message": "Other words."}]}, "Too few seats.", ""),
        ({"message": "Bad Request", "details": [{"message": "Other words."}]}, "Other words.", ""),
        (
            {"message": "Bad Request", "innerError": {"code": "noAvailableLicenses"}},
            "Bad Request",
            "noAvailableLicenses",
        ),
        (
            {"message": "Bad Request", "innererror": {"code": "proxyAddressConflict"}},
            "Bad Request",
            "proxyAddressConflict",
        ),
        ({"message": 5, "details": "x", "innerError": []}, "HTTP 400", ""),
    ],
)
def test_a_part_of_a_batch_tells_its_reason_and_a_finer_code(error: dict[str, Any], said: str, code: str) -> None:
    body = {"responses": [{"id": "1", "status": 400, "body": {"error": {"code": "Request_BadRequest", **error}}}]}
    (answer,) = answers_of(body, 1, "/$batch", Redactor())
    assert answer is not None
    assert (answer.message, answer.code, answer.inner_code) == (said, "Request_BadRequest", code)


@pytest.mark.parametrize(
    ("message", "hint", "shown"),
    [
        ("It failed", "Do this.", "It failed. Do this."),
        ("It failed.", "Do this.", "It failed. Do this."),
        ("It", "", "It"),
    ],
)
def test_a_hint_follows_a_final_stop(message: str, hint: str, shown: str) -> None:
    assert str(M365Error(message, hint=hint)) == shown
