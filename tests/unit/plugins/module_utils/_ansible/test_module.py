# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as Ansible gets them, errors as fail_json gets them, permissions as people get them."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any, NamedTuple

import pytest
from ansible.module_utils import basic  # type: ignore[import-untyped]
from ansible_collections.m365.licensing.plugins.module_utils._ansible.failures import Unexpected, failure, safe_failure
from ansible_collections.m365.licensing.plugins.module_utils._ansible.module import COMMON_SPEC, Context, run_module
from ansible_collections.m365.licensing.plugins.module_utils._auth.consent import CONSENTS, graph_consent
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    ConfigurationError,
    M365Error,
    UnknownOutcome,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import BEYOND, to_plain


class Colour(enum.Enum):
    """A closed set."""

    RED = "red"


class Inner(NamedTuple):
    """A value inside another."""

    colour: Colour
    when: datetime


@dataclass(frozen=True)
class Outer:
    """A value with values inside."""

    inner: tuple[Inner, ...]
    names: frozenset[str]
    by_colour: dict[Colour, date]


NOON = datetime(2026, 6, 15, 12, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        ("ä", "ä"),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        ({10**5000: [2**63, -(10**5000), {"sum": 10**4300}]}, {BEYOND: [BEYOND, BEYOND, {"sum": BEYOND}]}),
        ([float("nan"), float("inf"), -1e300], [BEYOND] * 3),
        (Colour.RED, "red"),
        (date(2026, 6, 15), "2026-06-15"),
        (NOON, "2026-06-15T10:00:00Z"),
        (frozenset({"b", "a", "C"}), ["C", "a", "b"]),
        ((1, [2, {"a": None}]), [1, [2, {"a": None}]]),
        (
            Outer((Inner(Colour.RED, NOON),), frozenset({"y", "x"}), {Colour.RED: date(2026, 1, 1)}),
            {
                "inner": [{"colour": "red", "when": "2026-06-15T10:00:00Z"}],
                "names": ["x", "y"],
                "by_colour": {"red": "2026-01-01"},
            },
        ),
    ],
)
def test_a_value_becomes_what_json_can_carry(value: object, plain: object) -> None:
    assert to_plain(value) == plain
    json.dumps(to_plain(value))


@pytest.mark.parametrize("value", [object(), b"bytes", Outer, datetime(2026, 1, 1), timedelta(1)])  # noqa: DTZ001
def test_what_has_no_plain_form_is_an_error_and_not_a_text(value: object) -> None:
    with pytest.raises(TypeError, match="plain form"):
        to_plain({"a": [value]})


def test_failure_has_a_sentence_and_fields() -> None:
    error = ApiError("No.", status=403, code="Denied", hint="Ask.", service="S", request="GET /", request_id="r")
    assert failure(error, {"requests": 3}) == {
        "msg": "No. Ask.",
        "requests": 3,
        "problems": [],
        "error": {
            "code": "Denied",
            "message": "No.",
            "hint": "Ask.",
            "status": 403,
            "request_id": "r",
            "service": "S",
            "request": "GET /",
        },
    }


def test_a_failure_lists_all_problems_of_the_options() -> None:
    found = failure(ConfigurationError(["a: wrong", "b: missing"]), {})
    assert found["msg"] == "a: wrong; b: missing"
    assert found["problems"] == ["a: wrong", "b: missing"]


def test_a_failure_tells_what_was_done_before() -> None:
    error: Any = UnknownOutcome("Lost.")
    error.partial = {"changed": True, "users": [Inner(Colour.RED, NOON)]}
    found = failure(error, {"requests": 1})
    assert found["changed"] is True
    assert found["users"][0]["colour"] == "red"
    assert isinstance(error, M365Error)


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "/v1.0/users", "User.Read.All"),
        ("GET", "/beta/users", "User.Read.All"),
        ("PATCH", "/v1.0/users/x", "User.ReadWrite.All"),
        ("POST", "/v1.0/users/x/assignLicense", "LicenseAssignment.ReadWrite.All"),
        ("POST", "/v1.0/users/x/checkMemberGroups", "GroupMember.Read.All"),
        ("GET", "/v1.0/groups/x/transitiveMembers", "GroupMember.Read.All"),
        ("GET", "/v1.0/subscribedSkus", "LicenseAssignment.Read.All (or Organization.Read.All)"),
        ("GET", "/v1.0/directory/subscriptions", "Organization.Read.All"),
        ("GET", "/v1.0/reports/getMailboxUsageDetail(period='D7')", "Reports.Read.All"),
    ],
)
def test_the_least_permission_of_a_request(method: str, path: str, permission: str) -> None:
    assert f"permission {permission}. " in graph_consent(method, path)
    assert "Administrator must grant admin consent" in graph_consent(method, path)


def test_exchange_needs_a_permission_and_a_role() -> None:
    beta = CONSENTS["exchange"]("POST", "/adminapi/beta/t/InvokeCommand")
    assert "Exchange.ManageAsApp and also a Microsoft Entra role" in beta
    second = CONSENTS["exchange"]("POST", "/adminapi/v2.0/t/Mailbox")
    assert "Exchange.ManageAsAppV2 and also an Exchange role group" in second


def test_every_option_that_sounds_secret_says_whether_it_is() -> None:
    """ansible-core warns where a name looks secret and nobody has decided."""
    for name, spec in COMMON_SPEC.items():
        if any(word in name for word in ("pass", "secret", "token", "key")):
            assert "no_log" in spec, name
    assert {name for name, spec in COMMON_SPEC.items() if spec.get("no_log")} == {
        "client_secret",
        "certificate_password",
        "access_tokens",
    }


# mistakes of ours -------------------------------------------------------------------------------------------------


def test_unexpected_error_has_type_place_and_written_users() -> None:
    with pytest.raises(KeyError) as caught:
        dict[str, str]()["hush-0123456789"]
    ledger = {"anna@contoso.com": "changed", "otto@contoso.com": "unknown"}
    found = failure(Unexpected(caught.value, ledger), {})
    assert "KeyError in test_module.py, line " in found["msg"]
    assert "report" in found["msg"]
    assert "1 users were changed (anna@contoso.com)" in found["msg"]
    assert found["changed"] is True
    assert found["written"] == {"changed": ["anna@contoso.com"], "unknown": ["otto@contoso.com"]}
    assert found["error"]["code"] == "unexpected_error"
    assert "hush" not in str(found)


def test_what_nobody_expects_before_anything_is_written() -> None:
    found = failure(Unexpected(TypeError("x"), {}), {})
    assert found["changed"] is False
    assert "Nothing was written." in found["msg"]


@pytest.mark.parametrize("written", [{}, {"anna@contoso.com": "changed"}])
def test_a_module_that_stumbles_ends_with_one_message(
    written: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"access_tokens": {"graph": "opaque-0123456789"}, "_ansible_remote_tmp": "/tmp"}  # noqa: S108
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode())
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)

    def work(context: Context) -> dict[str, object]:
        context.client.ledger.update(written)
        raise AttributeError("opaque-0123456789 has no attribute x")

    with pytest.raises(SystemExit):
        run_module({}, work)
    result = json.loads(capsys.readouterr().out)
    assert (result["failed"], result["changed"]) == (True, bool(written))
    assert result["error"]["code"] == "unexpected_error"
    assert "AttributeError in test_module.py" in result["msg"]
    assert "opaque" not in json.dumps(result)


@pytest.mark.parametrize("lost", [object(), datetime(2026, 1, 1)], ids=["an object", "no zone"])  # noqa: DTZ001
def test_a_failure_that_cannot_be_written_keeps_who_was_written(lost: object) -> None:
    error = UnknownOutcome("Odd.", code="odd")
    error.partial = {"changed": True, "users": [{"x": lost}]}
    found = safe_failure(error, {}, {"anna@contoso.example": "changed"})
    assert found["changed"] is True
    assert found["written"]["changed"] == ["anna@contoso.example"]
    assert "anna@contoso.example" in found["msg"]
    assert safe_failure(UnknownOutcome("Odd.", code="odd"), {"requests": 10**5000}, {})["requests"] == BEYOND
