# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory fails closed: whatever happens to a page, there is an error that names it and never a shorter list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    IncompleteAnswer,
    NotFound,
    PermissionDenied,
)

from tests.functional.support.service_clients import Clients, clients
from tests.simulator.launch import Tenant, running

BROKEN = (
    "lost_page",
    "duplicate_page",
    "overlapping_page",
    "endless_pages",
    "endless_chain",
    "foreign_link",
    "truncate",
    "html",
    "empty",
    "drop",
)


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    """Three pages of users and of mailboxes."""
    with running(mailboxes=2300, at_risk=24, seed=21) as made:
        yield made


@pytest.fixture(autouse=True)
def restored(tenant: Tenant) -> Iterator[None]:
    yield
    tenant.clear_faults()
    tenant.world.switches.pagination_expired = False
    tenant.world.switches.page_limit = 0


def full(tenant: Tenant, made: Clients) -> int:
    options = AuditOptions(now=tenant.world.now(), strategy="full", shared_mailbox_sizes="never")
    return len(audit(made.graph, made.exchange, options).findings)


def always(kind: str, service: str, path: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "service": service, "path": path, "times": None, **more}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_page_of_users_ends_the_audit_and_is_named(tenant: Tenant, kind: str) -> None:
    tenant.set_faults(always(kind, "graph", "/v1.0/users"))
    with clients(tenant, retry_seconds=1.0) as made, pytest.raises(ApiError) as caught:
        full(tenant, made)
    assert "/v1.0/users" in f"{caught.value.message} {caught.value.request}"


def test_a_report_has_no_pages_to_break(tenant: Tenant) -> None:
    tenant.set_faults(always("duplicate_page", "graph", "subscribedSkus"))
    with clients(tenant) as made:
        assert len(made.graph.mailbox_usage()) > 2000


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_page_of_mailboxes_names_the_cmdlet(tenant: Tenant, kind: str) -> None:
    tenant.set_faults(always(kind, "exchange", "InvokeCommand"))
    with clients(tenant, retry_seconds=1.0) as made, pytest.raises(ApiError, match="Get-Mailbox"):
        made.exchange.mailboxes()


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_a_broken_page_of_exchange_ends_the_audit(tenant: Tenant, kind: str, strategy: str) -> None:
    if strategy == "filtered":
        tenant.world.switches.page_limit = 5  # else the candidates fit on one page
    tenant.set_faults(always(kind, "exchange", "InvokeCommand"))
    options = AuditOptions(now=tenant.world.now(), strategy=strategy, shared_mailbox_sizes="never")
    with clients(tenant, retry_seconds=1.0) as made, pytest.raises(ApiError, match=r"Get-[A-Z]\w+"):
        audit(made.graph, made.exchange, options)


@pytest.mark.parametrize(("service", "path"), [("graph", "/v1.0/users"), ("exchange", "InvokeCommand")])
def test_an_enormous_page_is_not_read_to_its_end(tenant: Tenant, service: str, path: str) -> None:
    tenant.set_faults(always("huge", service, path))
    with clients(tenant, retry_seconds=1.0) as made, pytest.raises(IncompleteAnswer):
        made.graph.users() if service == "graph" else made.exchange.mailboxes()


@pytest.mark.parametrize("kind", ["truncate", "drop", "lost_answer"])
@pytest.mark.parametrize(("service", "path"), [("graph", "/v1.0/users"), ("exchange", "InvokeCommand")])
def test_what_breaks_once_is_read_again_and_the_list_is_whole(
    tenant: Tenant, kind: str, service: str, path: str
) -> None:
    tenant.set_faults({"kind": kind, "service": service, "path": path, "times": 1})
    with clients(tenant) as made:
        assert full(tenant, made) == 24


# a later page ---------------------------------------------------------------------------------------------------


def first_page(made: Clients, service: str) -> Iterator[dict[str, Any]]:
    """A list of which the first page has been read."""
    pages = (
        made.graph.pages("/v1.0/users", {"$select": "id", "$top": "999"})
        if service == "graph"
        else made.exchange._pages("Get-Mailbox", {"ResultSize": "Unlimited"}, None, None)
    )
    next(pages)
    return pages


@pytest.mark.parametrize("status", [400, 403, 404, 410, 429, 501, 503])
@pytest.mark.parametrize(("service", "path"), [("graph", "/v1.0/users"), ("exchange", "InvokeCommand")])
def test_a_refused_later_page_is_not_a_missing_permission(tenant: Tenant, status: int, service: str, path: str) -> None:
    with clients(tenant, retry_seconds=0.0) as made:
        pages = first_page(made, service)
        tenant.set_faults(always("status", service, path, status=status))
        with pytest.raises(IncompleteAnswer, match=r"page 2"):
            list(pages)


@pytest.mark.parametrize(("status", "kind"), [(403, PermissionDenied), (404, NotFound)])
def test_a_refused_first_page_names_the_cmdlet(tenant: Tenant, status: int, kind: type[ApiError]) -> None:
    tenant.set_faults(always("status", "exchange", "InvokeCommand", status=status))
    with clients(tenant) as made, pytest.raises(kind, match="Get-Mailbox"):
        made.exchange.mailboxes()


def test_a_page_that_exchange_calls_expired_ends_the_audit(tenant: Tenant) -> None:
    tenant.world.switches.pagination_expired = True
    with clients(tenant) as made, pytest.raises(IncompleteAnswer, match=r"page 2 of Get-Mailbox .*pagination"):
        full(tenant, made)


@pytest.mark.parametrize(("service", "said"), [("graph", "page token value has expired"), ("exchange", "pagination")])
def test_a_link_that_has_expired_ends_the_audit(tenant: Tenant, service: str, said: str) -> None:
    tenant.set_faults(always("expired_link", service, ""))
    with clients(tenant) as made, pytest.raises(IncompleteAnswer, match=f"page 2 .*{said}"):
        full(tenant, made)


def test_a_list_that_exchange_says_it_has_cut_off_ends_the_audit(tenant: Tenant) -> None:
    tenant.set_faults(always("truncated_list", "exchange", "InvokeCommand", cmdlet="Get-Mailbox"))
    with (
        clients(tenant) as made,
        pytest.raises(IncompleteAnswer, match="page 1 of Get-Mailbox says that there are more"),
    ):
        full(tenant, made)


@pytest.mark.parametrize("service", ["graph", "exchange"])
def test_a_token_that_ends_between_two_pages_is_renewed(tenant: Tenant, service: str) -> None:
    tenant.clear_requests()
    tenant.set_faults({"kind": "expired_token", "service": service, "path": "skiptoken"})
    with clients(tenant, concurrency=1) as made:
        assert full(tenant, made) == 24
    asked = tenant.requests()
    assert [entry["status"] for entry in asked].count(401) == 1
    assert sum(entry["path"].endswith("/token") for entry in asked) == 3


def test_a_custom_domain_breaks_the_paging_and_that_is_an_error(tenant: Tenant) -> None:
    with clients(tenant, exchange_tenant=tenant.world.domain) as made, pytest.raises(IncompleteAnswer, match="page 2"):
        made.exchange.mailboxes()
    with clients(tenant, exchange_tenant=tenant.world.initial_domain) as made:
        assert len(made.exchange.mailboxes()) > 2000


def test_a_tenant_that_changes_while_it_is_read_is_counted_again(tenant: Tenant) -> None:
    world = tenant.world
    with clients(tenant) as made:
        pages = made.graph.pages(
            "/v1.0/users", {"$select": "id", "$top": "999", "$count": "true"}, {"ConsistencyLevel": "eventual"}
        )
        next(pages)
        last = next(reversed(world.users.values()))
        world.remove_user(last["id"])
        world.touch()
        try:
            assert len(list(pages)) + 1 == len(world.users)
        finally:
            world.add_user(last)
            world.touch()
