# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit costs, and what it does without one of its signals: the others carry on, and it says so."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import Audit, AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import PermissionDenied
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RecipientType

from tests.functional.support.service_clients import clients
from tests.simulator.launch import Tenant, running
from tests.simulator.state import DIRECTORY_ROLES

READ_USERS = {"User.Read.All", "User.ReadWrite.All", "Directory.Read.All"}
STRATEGIES = ("filtered", "full")


def look(tenant: Tenant, strategy: str = "filtered", sizes: str = "never") -> Audit:
    # a tenant of 20,000 in this process, beside other tests, takes its time
    with clients(tenant, timeout=600.0, retry_seconds=300.0) as made:
        options = AuditOptions(now=tenant.world.now(), strategy=strategy, shared_mailbox_sizes=sizes)
        return audit(made.graph, made.exchange, options)


def rows(found: Audit) -> list[tuple[str, str]]:
    return sorted((item.user_id, item.reason) for item in found.findings)


def planted(tenant: Tenant, *kinds: str) -> set[str]:
    truth: dict[str, list[str]] = tenant.truth()["at_risk"]
    return {user_id for kind in kinds or truth for user_id in truth[kind]}


@contextlib.contextmanager
def without(tenant: Tenant, roles: set[str] | frozenset[str], *, beta: bool = True) -> Iterator[None]:
    """The tenant while its app lacks these roles, and while Graph's beta is gone."""
    world = tenant.world
    before = set(world.app.roles)
    world.app.roles = before - roles
    world.switches.beta_gone = not beta
    try:
        yield
    finally:
        world.app.roles = before
        world.switches.beta_gone = False


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=200, at_risk=36, seed=11) as made:
        yield made


# what it costs --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large() -> Iterator[Tenant]:
    with running(mailboxes=20_000, at_risk=200, seed=12) as made:
        yield made


@pytest.mark.parametrize(("strategy", "limit"), [("filtered", 22), ("full", 60)])
def test_an_audit_of_20_000_mailboxes_costs_few_requests(large: Tenant, strategy: str, limit: int) -> None:
    large.clear_requests()
    found = look(large, strategy)
    assert {item.user_id for item in found.findings} == planted(large)
    assert len(large.requests()) <= limit


def test_filtered_audit_costs_by_risk_and_not_by_tenant_size(large: Tenant, tenant: Tenant) -> None:
    for each in (large, tenant):
        each.clear_requests()
        look(each)
    assert len(large.requests()) - len(tenant.requests()) <= 2


# without one signal ---------------------------------------------------------------------------------------------


def test_without_the_portals_flag_the_others_find_every_row(tenant: Tenant) -> None:
    every = rows(look(tenant))
    for strategy in STRATEGIES:
        with without(tenant, set(), beta=False):
            found = look(tenant, strategy)
        assert rows(found) == every
        assert any("isLicenseReconciliationNeeded" in text for text in found.warnings)
        assert found.summary()["signals"]["license_reconciliation_needed"] != "ok"
        assert found.summary()["signals"]["assigned_plans"] == "ok"
        assert all("license_reconciliation_needed" not in item.evidence for item in found.findings)
        assert all(
            "isLicenseReconciliationNeeded" not in text for item in found.findings for text in item.disagreements
        )


def test_audit_without_the_directory_uses_exchange_alone(tenant: Tenant) -> None:
    for strategy in STRATEGIES:
        with without(tenant, READ_USERS):
            found = look(tenant, strategy)
        ids = {item.user_id for item in found.findings}
        assert planted(tenant, "no_license_fresh", "shared_archive", "soft_deleted") <= ids
        # what Exchange has disconnected, it shows in no list
        assert not planted(tenant, "license_removed") & ids
        # what Graph does not show is not made up
        made_up = [item for item in found.findings if item.deadline.source == "created_plus_grace"]
        assert not made_up
        assert all(item.user is None and "licenses are not known" in item.notes[0] for item in found.findings)
        assert found.summary()["complete"] is False
        assert found.summary()["not_examined"] == []
        # of a licensed mailbox whose plan is off Exchange knows nothing
        assert not planted(tenant, "exchange_plan_disabled") & ids
        assert any("User.Read.All" in text for text in found.warnings)
        assert all("no_mailbox_plan" not in item.evidence for item in found.findings)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_audit_without_exchange_reports_candidates_and_gaps(tenant: Tenant, strategy: str) -> None:
    with without(tenant, DIRECTORY_ROLES):
        found = look(tenant, strategy)
    flagged = planted(tenant, "no_license_fresh", "no_license_outlived", "license_error")
    assert {item.user_id for item in found.findings} == flagged | planted(
        tenant, "exchange_plan_disabled", "license_suspended", "license_removed", "soft_deleted"
    )
    assert all(item.mailbox is None for item in found.findings)
    assert all("Exchange could not be asked" in item.notes[0] for item in found.findings)
    assert not any("Exchange shows no mailbox" in text for item in found.findings for text in item.disagreements)
    assert found.summary()["not_examined"] == ["archive", "equipment", "room", "shared", "soft_deleted", "user"]
    assert found.summary()["complete"] is False
    assert any("Exchange.ManageAsApp" in text for text in found.warnings)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_last_signal_that_is_left_still_tells_what_it_knows(tenant: Tenant, strategy: str) -> None:
    with without(tenant, DIRECTORY_ROLES, beta=False):
        found = look(tenant, strategy)
    assert {item.user_id for item in found.findings} == planted(
        tenant, "exchange_plan_disabled", "license_suspended", "license_removed", "soft_deleted"
    )
    assert len(found.warnings) >= 2


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_without_any_signal_there_is_no_audit(tenant: Tenant, strategy: str) -> None:
    with without(tenant, READ_USERS | DIRECTORY_ROLES), pytest.raises(PermissionDenied) as caught:
        look(tenant, strategy)
    assert caught.value.code == "no_signal"
    for signal in ("license_reconciliation_needed", "exchange_sku_assigned", "assigned_plans"):
        assert signal in caught.value.message


def test_only_what_was_asked_for_can_be_missing(tenant: Tenant) -> None:
    with without(tenant, DIRECTORY_ROLES), clients(tenant) as made:
        options = AuditOptions(recipient_types=(RecipientType.ROOM,), shared_mailbox_sizes="never")
        found = audit(made.graph, made.exchange, options)
    assert found.summary()["not_examined"] == ["room"]
    assert look(tenant).summary()["complete"] is True


SIDE = [
    ("license_reconciliation_needed", "graph", "/beta/users"),
    ("subscriptions", "graph", "/directory/subscriptions"),
    ("subscribed_skus", "graph", "/subscribedSkus"),
]


@pytest.mark.parametrize("kind", ["status", "html", "truncate", "drop", "lost_page"])
@pytest.mark.parametrize(("signal", "service", "path"), SIDE)
def test_broken_optional_signal_is_left_out_as_a_whole(
    tenant: Tenant, kind: str, signal: str, service: str, path: str
) -> None:
    every = rows(look(tenant))
    fault = {"kind": kind, "service": service, "path": path, "times": None}
    tenant.set_faults({**fault, "status": 500} if kind == "status" else fault)
    try:
        with clients(tenant, retry_seconds=0.5) as made:
            found = audit(made.graph, made.exchange, AuditOptions(shared_mailbox_sizes="never"))
    finally:
        tenant.clear_faults()
    assert {item.user_id for item in found.findings} == {user_id for user_id, _reason in every}
    if kind != "lost_page":  # of these lists there is one page
        assert found.summary()["signals"][signal] != "ok"
        assert any(f"(signal {signal})" in text for text in found.warnings)
        assert found.summary()["complete"] is True


# without what is no signal --------------------------------------------------------------------------------------


def test_audit_without_skus_keeps_rows_and_loses_dates(tenant: Tenant) -> None:
    every = rows(look(tenant))
    world = tenant.world
    tenant.set_faults(
        {"kind": "status", "status": 403, "service": "graph", "path": "/subscribedSkus", "times": None},
        {"kind": "status", "status": 403, "service": "graph", "path": "/directory/subscriptions", "times": None},
    )
    try:
        found = look(tenant)
    finally:
        tenant.clear_faults()
    assert world.faults == []
    assert rows(found) == every
    assert len(found.warnings) == 2
    suspended = [item for item in found.findings if item.reason == "license_suspended"]
    assert suspended
    assert all(item.deadline.at is None for item in suspended)


def test_missing_usage_report_measures_each_shared_mailbox(tenant: Tenant) -> None:
    with without(tenant, {"Reports.Read.All"}):
        found = look(tenant, sizes="auto")
    assert rows(found) == rows(look(tenant))
    (warning,) = found.warnings
    assert "Reports.Read.All" in warning
    assert "one request for each" in warning
    assert found.summary()["complete"] is True
