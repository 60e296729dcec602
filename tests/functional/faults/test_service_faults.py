# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit gives when the services refuse, are busy, or say what nobody expects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ApiError, ServiceUnavailable

from tests.functional.support.assign_harness import Clock
from tests.functional.support.faulty_reads import NAMES, SERVICES, look
from tests.simulator.fault_responses import UNKNOWN_STATE
from tests.simulator.launch import Tenant, running
from tests.simulator.state import Json

PASSING = (429, 500, 502, 503, 504)
LACKING = (401, 403, 404)
"""What is not there or not allowed is left out, with a warning."""
FINAL = (400, 409, 423)


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=60, at_risk=12, seed=8) as made:
        yield made


@pytest.fixture(autouse=True)
def restored(tenant: Tenant) -> Iterator[None]:
    yield
    tenant.clear_faults()
    tenant.world.scratch.clear()


def fault(service: str, path: str, status: int, times: int | None, headers: Json | None = None) -> Json:
    return {"service": service, "path": path, "status": status, "times": times, "headers": headers or {}}


@pytest.mark.parametrize(("service", "path"), SERVICES)
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("status", PASSING)
def test_what_passes_is_waited_for(tenant: Tenant, status: int, times: int, service: str, path: str) -> None:
    clock = Clock(lambda _seconds: None)
    tenant.set_faults(fault(service, path, status, times))
    found = look(tenant, clock)
    assert (len(found.findings), found.summary()["complete"], found.warnings) == (12, True, [])
    assert len(clock.slept) == times


@pytest.mark.parametrize(("service", "path"), SERVICES)
@pytest.mark.parametrize("status", PASSING)
def test_what_does_not_pass_ends_the_audit_when_the_time_is_over(
    tenant: Tenant, status: int, service: str, path: str
) -> None:
    tenant.set_faults(fault(service, path, status, None))
    with pytest.raises(ServiceUnavailable, match=f"HTTP {status}.* after .* tries in .* Raise retry_seconds") as caught:
        look(tenant, retry_seconds=20.0)
    assert (caught.value.status, NAMES[service] in str(caught.value)) == (status, True)


@pytest.mark.parametrize(("service", "path"), SERVICES)
@pytest.mark.parametrize("status", FINAL)
def test_what_would_be_refused_again_is_an_error_at_once(tenant: Tenant, status: int, service: str, path: str) -> None:
    clock = Clock(lambda _seconds: None)
    tenant.set_faults(fault(service, path, status, None))
    with pytest.raises(ApiError, match=f"was answered with {status}") as caught:
        look(tenant, clock)
    assert (caught.value.status, bool(caught.value.request_id), clock.slept) == (status, True, [])


@pytest.mark.parametrize(("service", "path"), SERVICES)
@pytest.mark.parametrize("status", LACKING)
def test_a_forbidden_or_missing_list_is_a_gap_and_a_warning(
    tenant: Tenant, status: int, service: str, path: str
) -> None:
    tenant.set_faults(fault(service, path, status, None))
    found = look(tenant)
    assert found.summary()["complete"] is False
    assert any(f"was answered with {status}" in text and NAMES[service] in text for text in found.warnings)
    assert 0 < len(found.findings) <= 12


@pytest.mark.parametrize(
    ("asked", "waits"), [(None, 1), ("17", 1), ("Mon, 01 Jan 2035 00:00:05 GMT", 1), ("soon", 1), ("-5", 1)]
)
def test_retry_after_is_heeded_where_it_makes_sense(tenant: Tenant, asked: str | None, waits: int) -> None:
    headers = {} if asked is None else {"Retry-After": asked, "Date": "Mon, 01 Jan 2035 00:00:00 GMT"}
    clock = Clock(lambda _seconds: None)
    tenant.set_faults(fault("graph", "/v1.0/users", 429, 1, headers))
    assert len(look(tenant, clock).findings) == 12
    assert len(clock.slept) == waits
    assert clock.slept[0] == {"17": 17.0, "Mon, 01 Jan 2035 00:00:05 GMT": 5.0}.get(asked or "", clock.slept[0]) <= 17.0


@pytest.mark.parametrize("asked", ["86400", "9" * 30, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_an_absurd_retry_after_ends_the_run_with_its_value(tenant: Tenant, asked: str) -> None:
    clock = Clock(lambda _seconds: None)
    tenant.set_faults(fault("graph", "/v1.0/users", 429, None, {"Retry-After": asked}))
    with pytest.raises(ServiceUnavailable, match=r"it asks to wait \d+ s, and \d+ s are left"):
        look(tenant, clock)
    assert clock.slept == []


@pytest.mark.parametrize(
    ("cmdlet", "gap"),
    [("Get-Mailbox", "user"), ("Get-MailUser", "archive"), ("Get-PendingDelicenseUser", None)],
)
def test_a_forbidden_cmdlet_is_named_with_the_missing_role(tenant: Tenant, cmdlet: str, gap: str | None) -> None:
    tenant.set_faults({"kind": "forbidden_cmdlet", "service": "exchange", "cmdlet": cmdlet, "times": None})
    found = look(tenant)
    assert found.summary()["complete"] is (gap is None)
    assert gap is None or gap in found.summary()["not_examined"]
    assert all(cmdlet in text and "Global Reader" in text for text in found.warnings)
    assert found.warnings


def test_a_beta_endpoint_that_goes_is_a_signal_less_and_no_row(tenant: Tenant) -> None:
    every = [row.user_id for row in look(tenant).findings]
    tenant.set_faults({"kind": "switch", "service": "graph", "switches": {"beta_gone": True}, "times": None})
    found = look(tenant)
    assert [row.user_id for row in found.findings] == every
    assert ["isLicenseReconciliationNeeded" in text for text in found.warnings] == [True]


def test_an_unknown_state_counts_as_off_with_a_warning(tenant: Tenant) -> None:
    """Else it would be a list of mailboxes at risk that looks like any other."""
    tenant.set_faults({"kind": "unknown_states", "service": "graph", "times": None})
    found = look(tenant)
    # a license that went is no longer told from one in a state that nobody knows, and the warning stands for it
    assert {row.user_id for row in found.findings} > {
        user for kind, ids in tenant.truth()["at_risk"].items() if kind != "license_removed" for user in ids
    }
    assert any(f"capabilityStatus {UNKNOWN_STATE!r}, which this collection does not know" in t for t in found.warnings)


def test_a_clock_five_minutes_off_is_a_warning(tenant: Tenant) -> None:
    tenant.set_faults({"kind": "wrong_clock", "seconds": 300, "times": None})
    found = look(tenant, now=None)
    assert len(found.findings) == 12
    assert ["The clock of this machine differs" in text for text in found.warnings] == [True]
