# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit gives on a bad network: all rows after some tries, or an error that says what was the matter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    IncompleteAnswer,
    ServiceUnavailable,
)

from tests.functional.support.assign_harness import Clock
from tests.functional.support.faulty_reads import NAMES, SERVICES, look
from tests.simulator.launch import Tenant, running
from tests.simulator.state import Json

SHORT = 0.3
"""A timeout that a loopback needs for nothing."""


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=60, at_risk=12, seed=8) as made:
        yield made


@pytest.fixture(autouse=True)
def restored(tenant: Tenant) -> Iterator[None]:
    tenant.clear_requests()
    yield
    tenant.clear_faults()
    tenant.world.scratch.clear()


def sent(tenant: Tenant, service: str, path: str) -> list[Json]:
    return [entry for entry in tenant.requests() if entry["service"] == service and path in entry["path"]]


PASSING: dict[str, Json] = {
    "drop": {},
    "lost_answer": {},
    "reset_head": {},
    "reset_body": {},
    "truncate": {},
    "cut_character": {},
    "cut_gzip": {},
    "empty": {},
    "slow": {"seconds": 30.0},
    "drip": {"seconds": 0.1},
}
"""Faults of a request that are over with the next try."""


@pytest.mark.parametrize(("service", "path"), SERVICES)
@pytest.mark.parametrize("kind", PASSING)
def test_a_single_network_fault_costs_one_request_and_no_row(
    tenant: Tenant, kind: str, service: str, path: str
) -> None:
    tenant.set_faults({"kind": kind, "service": service, "path": path, **PASSING[kind]})
    options: Json = {"timeout": SHORT} if kind in ("slow", "drip") else {}
    found = look(tenant, **options)
    assert len(found.findings) == 12
    assert found.summary()["complete"]
    asked = sent(tenant, service, path)
    tenant.clear_requests()
    look(tenant)
    assert len(asked) == len(sent(tenant, service, path)) + 1


LASTING: dict[str, tuple[Json, str]] = {
    "drop": ({}, "the connection to .* broke"),
    "reset_head": ({}, "the connection to .* broke|its body is empty"),
    "reset_body": ({}, "the connection broke after|bytes arrived"),
    "truncate": ({}, "the connection broke after|bytes arrived"),
    "cut_character": ({}, "it is not UTF-8 at byte"),
    "cut_gzip": ({}, "gzip stream ends early"),
    "empty": ({}, "its body is empty"),
    "html": ({}, "it is an HTML or XML page"),
    "redirect": ({}, "it redirects to .*, which is not followed"),
    "slow": ({"seconds": 30.0}, r"no answer within 0.3 s \(timeout\)"),
    "drip": ({"seconds": 0.1}, r"not complete after 0.3 s \(timeout\)"),
}
"""Faults that stay, and what the user reads."""


@pytest.mark.parametrize(("service", "path"), SERVICES)
@pytest.mark.parametrize("kind", LASTING)
def test_a_lasting_network_fault_ends_the_audit_in_time(tenant: Tenant, kind: str, service: str, path: str) -> None:
    more, words = LASTING[kind]
    tenant.set_faults({"kind": kind, "service": service, "path": path, "times": None, **more})
    clock = Clock(lambda _seconds: None)
    timeout = SHORT if kind in ("slow", "drip") else 20.0
    with pytest.raises((IncompleteAnswer, ServiceUnavailable), match=words) as caught:
        look(tenant, clock, timeout=timeout, retry_seconds=4.0)
    assert NAMES[service] in caught.value.message
    assert sum(clock.slept) <= 4.0 * len({str(entry.get("parameters")) for entry in tenant.requests()})


@pytest.mark.parametrize("service", ["graph", "exchange", "login"])
def test_a_host_that_refuses_connections_is_named_and_retried(tenant: Tenant, service: str) -> None:
    tenant.set_faults({"kind": "refused", "service": service})
    clock = Clock(lambda _seconds: None)
    with pytest.raises(ApiError if service != "login" else Exception, match="no connection to 127") as caught:
        look(tenant, clock)
    assert "Check the address, the network and the proxy" in str(caught.value)
    assert sum(clock.slept) > 5

    def listen_again(_seconds: float) -> None:
        if tenant.world.faults:
            tenant.clear_faults()

    tenant.set_faults({"kind": "refused", "service": service})
    assert len(look(tenant, Clock(listen_again)).findings) == 12


@pytest.mark.parametrize("service", ["graph", "exchange", "login"])
def test_untrusted_certificate_gets_no_request_or_retry(tenant: Tenant, service: str) -> None:
    tenant.set_faults({"kind": "untrusted_certificate", "service": service, "times": None})
    clock = Clock(lambda _seconds: None)
    with pytest.raises(Exception, match=r"the certificate of 127\.0\.0\.1:\d+ is not trusted"):
        look(tenant, clock)
    assert sent(tenant, service, "") == []
    assert clock.slept == []


@pytest.mark.parametrize("kind", ["redirect", "foreign_link"])
@pytest.mark.parametrize(("service", "path"), SERVICES)
def test_no_token_goes_where_a_service_points(tenant: Tenant, kind: str, service: str, path: str) -> None:
    tenant.set_faults({"kind": kind, "service": service, "path": path, "times": None})
    with pytest.raises(IncompleteAnswer):
        look(tenant)
    assert sent(tenant, "reports", "") == [], "it is there, and its certificate is good"
