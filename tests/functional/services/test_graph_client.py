# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Graph against a tenant: lists that are complete or an error, and many users in few requests."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    IncompleteAnswer,
    NotFound,
    PermissionDenied,
    ServiceUnavailable,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import name_key
from ansible_collections.m365.licensing.plugins.module_utils._graph import client as graph_client

from tests.functional.support.assign_harness import with_first_settings
from tests.functional.support.scripted_server import Clock
from tests.functional.support.service_clients import Clients, clients
from tests.simulator.launch import Tenant, running

NOBODY = "ffffffff-ffff-ffff-ffff-ffffffffffff"
ODD_NAMES = [
    "o'brien@{domain}",
    "'@{domain}",
    "50%off@{domain}",
    "a%27b@{domain}",
    "r#d@{domain}",
    "r&d@{domain}",
    "a+b@{domain}",
    "a b@{domain}",
    "q?x=1@{domain}",
    "jürgen.größe@{domain}",
    "😀@{domain}",
    "a,b@{domain}",
    "a')+or+('b@{domain}",
    "guest_gmail.com#EXT#@{domain}",
]


@pytest.fixture(scope="module")
def big_tenant() -> Iterator[Tenant]:
    """Users, some of them with names that hurt."""
    with running(mailboxes=450, at_risk=20) as tenant:
        model = [user for user in tenant.world.users.values() if user["userType"] == "Member"][0]  # noqa: RUF015 - in a generator
        for number, name in enumerate(ODD_NAMES):
            user = copy.deepcopy(model)
            user["id"] = f"0dd00000-0000-0000-0000-{number:012}"
            user["userPrincipalName"] = name.format(domain=tenant.world.domain)
            tenant.world.add_user(user)
        tenant.world.touch()
        yield tenant


@pytest.fixture
def tenant(big_tenant: Tenant) -> Tenant:
    """The tenant without faults and with its first permissions."""
    return with_first_settings(big_tenant)


@pytest.fixture
def clock() -> Clock:
    """What the client takes for the time."""
    return Clock()


@pytest.fixture
def made(tenant: Tenant, clock: Clock) -> Iterator[Clients]:
    """Clients that wait for nothing."""
    with clients(tenant, retry_seconds=300.0) as found:
        found.http.backoff.clock, found.http.backoff.sleep = clock, clock.sleep
        yield found


def sent(tenant: Tenant) -> list[dict[str, Any]]:
    """The requests to Graph."""
    return [entry for entry in tenant.requests() if entry["service"] == "graph"]


@pytest.fixture
def three_pages(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller pages, so that few users make three of them."""
    monkeypatch.setattr(graph_client, "PAGE_SIZE", len(tenant.world.users) // 3 + 1)


# lists ----------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("three_pages")
def test_all_users_come_in_as_many_requests_as_there_are_pages(tenant: Tenant, made: Clients) -> None:
    found = made.graph.users()
    assert {user.id for user in found} == set(tenant.world.users)
    assert len(found) == len(tenant.world.users)
    assert len(sent(tenant)) == 3


def test_pages_are_as_large_as_graph_lets_them_be(tenant: Tenant, made: Clients) -> None:
    made.graph.users()
    assert [entry["query"]["$top"] for entry in sent(tenant)] == ["999"]


def test_a_filter_that_needs_an_advanced_query_gets_one(tenant: Tenant, made: Clients) -> None:
    found = made.graph.users("assignedLicenses/$count eq 0")
    expected = {key for key, user in tenant.world.users.items() if not user["assignedLicenses"]}
    assert {user.id for user in found} == expected
    assert expected


def test_the_progress_of_a_list_without_entries_has_its_total(made: Clients) -> None:
    told: list[tuple[str, int, int | None]] = []
    made.http.progress = lambda *step: told.append(step)
    assert not list(made.graph.user_elements(f"assignedLicenses/any(a:a/skuId eq {NOBODY})"))
    assert told == [("/v1.0/users", 0, 0)]


def test_users_are_counted_in_one_request(tenant: Tenant, made: Clients) -> None:
    assert made.graph.count_users() == len(tenant.world.users)
    assert made.graph.count_users("accountEnabled eq false") == sum(
        not user["accountEnabled"] for user in tenant.world.users.values()
    )
    assert len(sent(tenant)) == 2


def test_a_filter_that_graph_refuses_is_an_error_with_its_words(made: Clients) -> None:
    with pytest.raises(ApiError) as caught:
        made.graph.users("licenseAssignmentStates/any(x:x/state eq 'Error')")
    assert caught.value.status == 400
    assert caught.value.request == "GET /v1.0/users"


def on_page(number: int, **fault: Any) -> list[dict[str, Any]]:
    """Let the pages before that one pass."""
    if number == 1:
        return [{"service": "graph", "path": "/v1.0/users", "times": 1, **fault}]
    return [
        {"service": "graph", "path": "/v1.0/users", "times": number - 1, "kind": "slow", "seconds": 0.0},
        {"service": "graph", "path": "/v1.0/users", "times": 1, **fault},
    ]


@pytest.mark.usefixtures("three_pages")
@pytest.mark.parametrize(
    ("kind", "number"),
    [(kind, number) for kind in ("lost_page", "endless_pages", "foreign_link") for number in (1, 2, 3)]
    + [("duplicate_page", 2), ("duplicate_page", 3)],
)
def test_a_page_that_is_not_what_it_should_be_is_an_error(
    tenant: Tenant, made: Clients, kind: str, number: int
) -> None:
    """Never a shorter list, never an endless one, and no token for a foreign origin."""
    tenant.set_faults(*on_page(number, kind=kind))
    with pytest.raises(IncompleteAnswer) as caught:
        made.graph.users()
    assert "/v1.0/users" in str(caught.value) or caught.value.code == "foreign_link"
    assert len(sent(tenant)) <= 5


@pytest.mark.usefixtures("three_pages")
@pytest.mark.parametrize(
    ("kind", "number"), [("html", 1), ("html", 2), ("html", 3), ("empty", 1), ("empty", 2), ("empty", 3), ("huge", 2)]
)
def test_a_page_that_is_none_is_an_error(tenant: Tenant, made: Clients, kind: str, number: int) -> None:
    tenant.set_faults(*on_page(number, kind=kind, times=None))
    with pytest.raises(IncompleteAnswer):
        made.graph.users()


@pytest.mark.usefixtures("three_pages")
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("kind", ["truncate", "drop", "lost_answer", "empty"])
def test_a_page_that_broke_on_the_way_is_read_again(tenant: Tenant, made: Clients, kind: str, number: int) -> None:
    tenant.set_faults(*on_page(number, kind=kind))
    assert len(made.graph.users()) == len(tenant.world.users)
    assert len(sent(tenant)) == 4


@pytest.mark.usefixtures("three_pages")
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_page_that_is_refused_for_now_is_read_again(tenant: Tenant, made: Clients, status: int, number: int) -> None:
    tenant.set_faults(*on_page(number, status=status))
    assert len(made.graph.users()) == len(tenant.world.users)


@pytest.mark.usefixtures("three_pages")
@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_later_page_refused_for_good_is_not_a_missing_list(
    tenant: Tenant, made: Clients, status: int, number: int
) -> None:
    """404 for a second page does not mean that there are no users."""
    tenant.set_faults(*on_page(number, status=status))
    with pytest.raises(IncompleteAnswer, match=f"page {number}"):
        made.graph.users()


def test_a_count_that_graph_ignores_in_silence_is_noticed(tenant: Tenant, made: Clients) -> None:
    """Without the header Graph answers as if nobody had asked for a count; the tenant does so by itself."""
    with pytest.raises(IncompleteAnswer, match="asked for a count and gave none"):
        list(made.graph.pages("/v1.0/users", {"$count": "true", "$filter": "accountEnabled eq true"}))
    body = {"value": [dict(user) for user in list(tenant.world.users.values())[:1]]}
    tenant.set_faults({"service": "graph", "status": 200, "body": body, "times": None})
    with pytest.raises(IncompleteAnswer, match="asked for a count and gave none"):
        made.graph.count_users()
    with pytest.raises(IncompleteAnswer, match="asked for a count and gave none"):
        made.graph.users("accountEnabled eq true")


@pytest.mark.parametrize("count", ["12", True, None, 1.5, -1])
def test_a_count_that_is_no_number(tenant: Tenant, made: Clients, count: object) -> None:
    tenant.set_faults({"service": "graph", "status": 200, "body": {"value": [], "@odata.count": count}, "times": None})
    with pytest.raises(IncompleteAnswer):
        made.graph.count_users()


@pytest.mark.parametrize("body", [[], {"value": None}, {"value": {}}, {}, "text", None, 7])
def test_an_answer_that_holds_no_list(tenant: Tenant, made: Clients, body: object) -> None:
    raw = body if body is not None else "null"
    tenant.set_faults({"service": "graph", "status": 200, "body": raw, "times": None})
    with pytest.raises(IncompleteAnswer):
        made.graph.users()


@pytest.mark.parametrize("entry", [None, 1, "x", {}, {"id": ""}, {"id": None}, {"id": 5}])
def test_an_entry_without_its_id(tenant: Tenant, made: Clients, entry: object) -> None:
    body = {"value": [entry], "@odata.count": 1}
    tenant.set_faults({"service": "graph", "status": 200, "body": body, "times": None})
    with pytest.raises(IncompleteAnswer):
        made.graph.users()
    with pytest.raises(IncompleteAnswer):
        made.graph.reconciliation_user_ids()


def test_the_portals_own_signal(tenant: Tenant, made: Clients) -> None:
    expected = {key for key, user in tenant.world.users.items() if user["isLicenseReconciliationNeeded"]}
    assert made.graph.reconciliation_user_ids() == expected
    assert expected
    assert len(sent(tenant)) == 1
    tenant.world.switches.beta_gone = True
    with pytest.raises(NotFound):
        made.graph.reconciliation_user_ids()


# many users -----------------------------------------------------------------------------------------------------------


def test_three_hundred_users_in_one_request(tenant: Tenant, made: Clients) -> None:
    ids = list(tenant.world.users)[:300]
    assert set(made.graph.users_by_id(ids)) == set(ids)
    (only,) = sent(tenant)
    assert len(only["parts"]) == 20


def test_ids_in_any_spelling_twice_and_unknown(tenant: Tenant, made: Clients) -> None:
    first = next(iter(tenant.world.users))
    found = made.graph.users_by_id([first.upper(), first, f" {first} ", NOBODY])
    assert list(found) == [first]


def test_nothing_asked_is_nothing_sent(tenant: Tenant, made: Clients) -> None:
    assert made.graph.users_by_id([]) == {}
    assert made.graph.users_by_upn([]) == {}
    assert made.graph.member_of([], []) == {}
    assert sent(tenant) == []


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_with_signs_that_mean_something_elsewhere(tenant: Tenant, made: Clients, name: str) -> None:
    upn = name.format(domain=tenant.world.domain)
    (found,) = made.graph.users_by_upn([upn]).values()
    assert found.user_principal_name == upn
    assert set(made.graph.users_by_upn([upn.upper()])) <= {name_key(upn.upper())}


def test_all_odd_names_at_once_and_none_that_nobody_asked_for(tenant: Tenant, made: Clients) -> None:
    upns = [name.format(domain=tenant.world.domain) for name in ODD_NAMES]
    asked = [*upns, "nobody@nowhere.example", "no'body"]
    assert set(made.graph.users_by_upn(asked)) == {name_key(upn) for upn in upns}
    assert len(sent(tenant)) == 1


@pytest.mark.parametrize("name", ["a\nb@x.example", "a\0@x.example", "\ud83d@x.example"])
def test_a_name_that_no_user_can_have_is_absent(tenant: Tenant, made: Clients, name: str) -> None:
    upn = ODD_NAMES[0].format(domain=tenant.world.domain)
    assert set(made.graph.users_by_upn([name, upn])) == {upn}
    assert made.graph.users_by_id([name]) == {}


def test_reading_users_needs_only_the_permission_to_read_them(tenant: Tenant, made: Clients) -> None:
    """``getByIds`` would need Directory.Read.All, and is done without."""
    tenant.world.app.roles = {"User.Read.All"}
    tenant.world.switches.get_by_ids = "403"
    assert len(made.graph.users_by_id(list(tenant.world.users)[:400])) == 400


def test_a_missing_permission_inside_a_batch_is_an_error(tenant: Tenant, made: Clients) -> None:
    tenant.world.app.roles = {"Organization.Read.All"}
    with pytest.raises(PermissionDenied) as caught:
        made.graph.users_by_id(list(tenant.world.users)[:40])
    assert "User.Read.All" in caught.value.hint
    assert caught.value.request == "GET /users"


# groups ---------------------------------------------------------------------------------------------------------------


def test_membership_by_group_and_by_user_agree(tenant: Tenant, made: Clients) -> None:
    groups = list(tenant.world.groups)
    members = {group: made.graph.transitive_member_ids(group) for group in groups}
    users = list(tenant.world.users)[:60]
    found = made.graph.member_of(users, groups)
    assert found == {user: {group for group in groups if user in members[group]} for user in users}
    assert any(found.values())


def test_a_group_that_is_gone_is_an_error_and_not_an_empty_group(made: Clients) -> None:
    with pytest.raises(NotFound):
        made.graph.transitive_member_ids(NOBODY)


# reports --------------------------------------------------------------------------------------------------------------


def test_the_usage_report(tenant: Tenant, made: Clients) -> None:
    rows = made.graph.mailbox_usage()
    living = {row.upn for row in rows if not row.deleted}
    assert living <= {user["userPrincipalName"] for user in tenant.world.users.values()} | {""}
    assert any((row.storage_bytes or 0) > 50 * 2**30 for row in rows)


def test_concealed_names_are_told(tenant: Tenant, made: Clients) -> None:
    tenant.world.switches.report_names_concealed = True
    with pytest.raises(ApiError) as caught:
        made.graph.mailbox_usage()
    assert caught.value.code == "names_concealed"


@pytest.mark.parametrize("kind", ["html", "truncate", "empty"])
def test_a_report_that_is_none_is_an_error(tenant: Tenant, made: Clients, kind: str) -> None:
    tenant.set_faults({"service": "reports", "kind": kind, "times": None})
    with pytest.raises(IncompleteAnswer):
        made.graph.mailbox_usage()


def test_the_time_is_bounded(tenant: Tenant, made: Clients, clock: Clock) -> None:
    tenant.set_faults({"service": "graph", "status": 503, "times": None})
    with pytest.raises(ServiceUnavailable):
        made.graph.users()
    assert sum(clock.waits) <= 300
