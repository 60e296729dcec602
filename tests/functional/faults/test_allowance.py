# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service that tells how many requests it still takes is asked no more until it takes some again."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._http.client import Backoff
from ansible_collections.m365.licensing.plugins.module_utils._http.rate_limit import seconds_to_reset

from tests.functional.support import scripted_server
from tests.functional.support.assign_harness import Clock
from tests.functional.support.faulty_reads import look
from tests.functional.support.scripted_server import JSON, Reply, service_for, serving
from tests.simulator import exchange
from tests.simulator.launch import running

NOON = "Mon, 15 Jun 2026 12:00:00 GMT"
EPOCH = 1_781_524_800


def told(left: str, reset: str, status: int = 200, **more: str) -> Reply:
    headers = {"Rate-Limit-Limit": "30000", "Rate-Limit-Remaining": left, "Rate-Limit-Reset": reset, "Date": NOON}
    return Reply(status, b'{"value": []}', JSON | headers | {key.title(): text for key, text in more.items()})


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("7", 7.0),
        ("2026-06-15T12:00:07.0000000+00:00", 7.0),
        ("Mon, 15 Jun 2026 12:00:07 GMT", 7.0),
        (str(EPOCH + 7), 7.0),
        (str((EPOCH + 7) * 1000), 7.0),
        ("2026-06-15T11:59:00Z", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("9" * 400, None),
        ("99999-01-01", None),
    ],
)
def test_the_end_of_a_window_is_read_however_it_is_written(reset: str, seconds: float | None) -> None:
    assert seconds_to_reset({"rate-limit-remaining": "0", "RATE-LIMIT-RESET": reset, "date": NOON}) == seconds
    assert seconds_to_reset({"rate-limit-remaining": "1", "rate-limit-reset": reset, "date": NOON}) is None


def test_the_clock_of_the_machine_is_not_used() -> None:
    assert seconds_to_reset({"rate-limit-remaining": "0", "rate-limit-reset": str(EPOCH)}) is None


@pytest.mark.parametrize("reset", ["7", "2026-06-15T12:00:07Z"])
def test_a_client_waits_where_no_request_is_left(tmp_path: Path, reset: str) -> None:
    clock = scripted_server.Clock()
    with serving([told("1", reset), told("0", reset), told("30000", "300"), told("29999", "293")], tmp_path) as server:
        service = service_for(server, clock)
        for _unused in range(4):
            service.request("POST", "/x", json={}, idempotent=True)
    assert clock.waits == [7.0]
    assert service.client.throttled_seconds == 7.0


def test_the_allowance_left_counts_where_answers_do_not_say(tmp_path: Path) -> None:
    clock = scripted_server.Clock()
    with serving([told("2", "60"), *[Reply()] * 4], tmp_path) as server:
        service = service_for(server, clock)
        for _unused in range(5):
            service.request("POST", "/x", json={}, idempotent=True)
    assert clock.waits == [60.0]


def test_a_wait_that_would_take_too_long_is_left_to_the_service(tmp_path: Path) -> None:
    clock = scripted_server.Clock()
    with serving([told("0", "7200"), Reply()], tmp_path) as server:
        service = service_for(server, clock, retry_seconds=300.0)
        for _unused in range(2):
            service.request("POST", "/x", json={}, idempotent=True)
    assert clock.waits == []


@pytest.mark.parametrize("reset", ["soon", "", "-1"])
def test_what_cannot_be_read_paces_nothing(tmp_path: Path, reset: str) -> None:
    clock = scripted_server.Clock()
    with serving([told("0", reset), Reply()], tmp_path) as server:
        service = service_for(server, clock)
        for _unused in range(2):
            service.request("POST", "/x", json={}, idempotent=True)
    assert clock.waits == []


def test_a_refusal_without_retry_after_waits_for_the_window(tmp_path: Path) -> None:
    clock = scripted_server.Clock()
    with serving([told("0", "9", 429), Reply()], tmp_path) as server:
        service_for(server, clock).request("POST", "/x", json={}, idempotent=True)
    assert clock.waits == [9.0]
    plain = Backoff(clock, clock.sleep).seconds({"Retry-After": "3", **told("0", "9").headers}, 0)
    assert plain == 3.0, "Retry-After comes first"


@pytest.mark.parametrize("reset", ["seconds", "time"])
def test_an_audit_waits_for_the_next_window_without_refusals(reset: str) -> None:
    with running(mailboxes=40, at_risk=12, seed=4) as tenant:
        world = tenant.world
        every = [row.user_id for row in look(tenant).findings]
        asked = sum(entry["service"] == "exchange" for entry in tenant.requests())
        world.switches.update({"exchange_quota": asked - 2, "rate_limit_reset": reset})
        world.scratch.clear()
        tenant.clear_requests()

        def passes(seconds: float) -> None:
            end, count = world.scratch[exchange.WINDOW]
            world.scratch[exchange.WINDOW] = (end - seconds, count)

        clock = Clock(passes)
        found = look(tenant, clock, retry_seconds=600.0)
        assert [row.user_id for row in found.findings] == every
        statuses = [entry["status"] for entry in tenant.requests() if entry["service"] == "exchange"]
        assert statuses == [200] * asked
        (waited,) = clock.slept
        assert 290 < waited <= 301
