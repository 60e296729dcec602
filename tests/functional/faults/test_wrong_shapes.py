# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers in which one value is of another kind: each reading brings a result or an error of ours, and never a crash.

The true answers are those of the simulated tenant, of every kind that the collection reads.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._ansible.license_info import (
    subscription_info,
    user_license_info,
)
from ansible_collections.m365.licensing.plugins.module_utils._assign.workflow import Options, license_users
from ansible_collections.m365.licensing.plugins.module_utils._audit.audit import AuditOptions, audit
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import IncompleteAnswer, M365Error
from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import to_plain
from ansible_collections.m365.licensing.plugins.module_utils._graph.group_lookup import find_groups
from ansible_collections.m365.licensing.plugins.module_utils._http.body import parse_json
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN
from ansible_collections.m365.licensing.plugins.module_utils._reporting.audit_report import audit_row
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functional.support.service_clients import Clients, clients
from tests.simulator import faults
from tests.simulator.launch import Tenant, running
from tests.simulator.state import Json

JUNK: list[Any] = [
    *(
        None,
        5,
        -1,
        1e308,
        2**63 - 1,
        10**4300 - 1,
        True,
        "",
        " ",
        "x",
        [],
        {},
        [None],
        ["x"],
        [5],
        {"a": []},
        "\u00e9\x00",
        [[]],
    ),
    *("2026-99-99T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z", "9" * 5000, "00000000"),
    *({"Value": {}}, "11111111-2222-3333-4444-555555555555", "Nonsense", "../x", "a' or 'a' eq 'a"),
]
LIMITS: dict[str, Any] = {"retry_seconds": 0, "concurrency": 1}
EXAMPLES = 300 if os.environ.get("M365_LONG") == "1" else 6
LICENSES = [{"sku": "EXCHANGESTANDARD"}]


@dataclass(frozen=True)
class Reading:
    """Something that is read: where its answer is, and who reads it."""

    fault: dict[str, Any]
    read: Callable[[Clients], object]


def whole_audit(strategy: str) -> Callable[[Clients], object]:
    def read(made: Clients) -> object:
        found = audit(made.graph, made.exchange, AuditOptions(strategy=strategy))
        rows = [audit_row(finding, found.readings.skus, BUILTIN) for finding in found.findings]
        return json.dumps(to_plain([rows, found.summary(), found.warnings, found.disagreements]))

    return read


def licensing(made: Clients) -> object:
    users = [user.user_principal_name for user in made.graph.users()][:2]
    options = Options(users=users, licenses=LICENSES, usage_location="DE", confirm_seconds=0)
    return json.dumps(to_plain(license_users(made.graph, lambda: made.exchange, BUILTIN, options, check_mode=True)))


GRAPH: dict[str, dict[str, Any]] = {
    "users": {"path": "/v1.0/users"},
    "SKUs": {"path": "/subscribedSkus"},
    "subscriptions": {"path": "/directory/subscriptions"},
    "flag": {"path": "/beta/users"},
    "batch": {"path": "$batch"},
    "users of a batch": {"path": "/users?", "part": True},
}
EXCHANGE = {name: {"cmdlet": name} for name in ("Get-Mailbox", "Get-MailUser", "Get-PendingDelicenseUser")}


def ids(made: Clients) -> list[str]:
    return [user.id for user in made.graph.users()]


READINGS: dict[str, Reading] = {
    **{
        f"{strategy}: {name}": Reading({"service": service, **where}, whole_audit(strategy))
        for strategy in ("filtered", "full")
        for service, places in (("graph", GRAPH), ("exchange", EXCHANGE))
        for name, where in places.items()
    },
    **{
        f"licensing: {name}": Reading({"service": "graph", **GRAPH[name]}, licensing)
        for name in ("SKUs", "users of a batch", "batch")
    },
    "info: SKUs": Reading({"service": "graph", **GRAPH["SKUs"]}, lambda made: subscription_info(made.graph, BUILTIN)),
    "info: subscriptions": Reading(
        {"service": "graph", **GRAPH["subscriptions"]}, lambda made: subscription_info(made.graph, BUILTIN)
    ),
    "info: users": Reading(
        {"service": "graph", **GRAPH["users"]}, lambda made: list(user_license_info(made.graph, BUILTIN)["users"])
    ),
    "groups": Reading(
        {"service": "graph", "path": "/groups", "part": True}, lambda made: find_groups(made.graph, ["sg-sales", "x"])
    ),
    "members": Reading(
        {"service": "graph", "path": "/transitiveMembers"},
        lambda made: made.graph.transitive_member_ids("11111111-2222-3333-4444-555555555555"),
    ),
    "member of": Reading(
        {"service": "graph", "path": "/checkMemberGroups", "part": True},
        lambda made: made.graph.member_of(ids(made)[:2], ["11111111-2222-3333-4444-555555555555"]),
    ),
    "sizes": Reading(
        {"service": "exchange", "cmdlet": "Get-MailboxStatistics"},
        lambda made: made.exchange.mailbox_bytes(made.exchange.mailboxes()[0].guid),
    ),
    "organization": Reading(
        {"service": "exchange", "cmdlet": "Get-OrganizationConfig"}, lambda made: made.exchange.organization()
    ),
    "token": Reading({"service": "login", "path": "/token"}, lambda made: made.graph.count_users()),
}
TRUE: dict[str, Json] = {
    "groups": {"value": [{"id": "11111111-2222-3333-4444-555555555555", "displayName": "sg-sales"}]},
    "members": {"@odata.count": 1, "value": [{"id": "22222222-2222-3333-4444-555555555555"}]},
    "member of": {"value": ["11111111-2222-3333-4444-555555555555"]},
    "token": {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": "opaque-0123456789"},
}
"""Answers of the same shape as the tenant's, where the tenant would have to be furnished first."""


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=30, at_risk=12, seed=5) as found:
        found.world.switches.delicensing_resiliency = True
        yield found


def the_truth(tenant: Tenant, name: str) -> Json:
    """What the tenant answers, as it was seen on its way."""
    if name in TRUE:
        return TRUE[name]
    fault = READINGS[name].fault
    seen: list[Json] = []
    tenant.clear_faults()
    with clients(tenant, retry_seconds=0, concurrency=1) as made:
        for service in (made.graph.service, made.exchange.service):
            asked = service.request

            def spy(method: str, url: str, asked: Any = asked, **more: Any) -> Any:
                answer = asked(method, url, **more)
                cmdlet = ((more.get("json") or {}).get("CmdletInput") or {}).get("CmdletName", "")
                if fault.get("part") and "$batch" in url:
                    paths = {part["id"]: part["url"] for part in more["json"]["requests"]}
                    for part in answer.body["responses"]:
                        if fault["path"] in paths[part["id"]]:
                            seen.append(copy.deepcopy(part["body"]))
                elif fault.get("cmdlet", cmdlet) == cmdlet and fault.get("path", "") in url:
                    seen.append(copy.deepcopy(answer.body))
                return answer

            service.request = spy  # type: ignore[method-assign, assignment]
        READINGS[name].read(made)
    assert seen, f"{name}: nothing was read"
    return max(copy.deepcopy(seen), key=lambda body: len(json.dumps(body)))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document; of a list its first elements."""
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for index in range(min(len(value), 3)):
            yield from places(value[index], (*path, index))


def mutated(document: Json, path: tuple[Any, ...], junk: Any, *, gone: bool) -> Json:
    found = copy.deepcopy(document)
    inner: Any = found
    for key in path[:-1]:
        inner = inner[key]
    if gone:
        del inner[path[-1]]
    else:
        inner[path[-1]] = junk
    return found


@pytest.mark.parametrize("name", READINGS)
def test_a_value_of_another_kind_is_a_result_or_an_error_of_ours(tenant: Tenant, name: str) -> None:
    reading = READINGS[name]
    truth = the_truth(tenant, name)
    every = list(places(truth))

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(every), st.sampled_from(JUNK), st.booleans())
    def check(path: tuple[Any, ...], junk: Any, gone: bool) -> None:
        body = mutated(truth, path, junk, gone=gone and junk is None)
        sent = body if reading.fault.get("part") else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        fault = {"status": 200, "body": sent, "headers": headers, "times": None, **reading.fault}
        tenant.world.faults = faults.parse([fault])
        with clients(tenant, **LIMITS) if name == "token" else nullcontext(shared) as made, suppress(M365Error):
            reading.read(made)

    tenant.clear_faults()
    with clients(tenant, **LIMITS) as shared:
        shared.graph.count_users()
        shared.exchange.organization()
        check()
    tenant.clear_faults()


SHAPES: dict[str, Callable[[Json], Any]] = {
    "attributes are a list": lambda user: {**user, "onPremisesExtensionAttributes": [1]},
    "attributes are a number": lambda user: {**user, "onPremisesExtensionAttributes": 5},
    "an attribute is an object": lambda user: {**user, "onPremisesExtensionAttributes": {"extensionAttribute1": {}}},
    "a text": lambda user: user["id"],
    "nothing": lambda _user: None,
    "a license is a text": lambda user: {**user, "licenseAssignmentStates": ["x"]},
    "disabled plans are a number": lambda user: {
        **user,
        "licenseAssignmentStates": [{"skuId": "x", "state": "Active", "disabledPlans": 5}],
    },
    "the id is none": lambda user: {**user, "id": "../x"},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_a_user_of_another_shape_is_an_error(tenant: Tenant, shape: Callable[[Json], Any]) -> None:
    true = max(the_truth(tenant, "info: users")["value"], key=lambda user: len(json.dumps(user)))
    where = {"status": 200, "service": "graph", "times": None}
    for fault in ({"path": "/v1.0/users"}, {"path": "/users?", "part": True}):
        tenant.set_faults({**where, **fault, "body": {"@odata.count": 1, "value": [shape(true)]}})
        with clients(tenant, retry_seconds=0) as made, pytest.raises(IncompleteAnswer):
            made.graph.users_by_id([true["id"]]) if "part" in fault else made.graph.users()
    tenant.clear_faults()


def broken_skus(tenant: Tenant, **change: Any) -> list[Json]:
    skus = [{key: value for key, value in sku.items() if key[0] != "_"} for sku in tenant.world.skus.values()]
    return [{**skus[0], **change}, *skus[1:]]


SEATS: dict[str, dict[str, Any]] = {
    "nothing used": {"consumedUnits": None},
    "less than nothing used": {"consumedUnits": -5},
    "used, as a text": {"consumedUnits": "3"},
    "used, a truth": {"consumedUnits": True},
    "no units": {"prepaidUnits": None},
    "units are a list": {"prepaidUnits": [5]},
    "no warning": {"prepaidUnits": {"enabled": 9, "suspended": 0, "lockedOut": 0}},
    "enabled, as a text": {"prepaidUnits": {"enabled": "9", "warning": 0, "suspended": 0, "lockedOut": 0}},
    "enabled, half": {"prepaidUnits": {"enabled": 9.5, "warning": 0, "suspended": 0, "lockedOut": 0}},
    "less than nothing suspended": {"prepaidUnits": {"enabled": 9, "warning": 0, "suspended": -1, "lockedOut": 0}},
    "locked out: null": {"prepaidUnits": {"enabled": 9, "warning": 0, "suspended": 0, "lockedOut": None}},
    "id is no GUID": {"skuId": "nonsense"},
}


@pytest.mark.parametrize("change", SEATS.values(), ids=list(SEATS))
def test_missing_seats_are_an_incomplete_answer(tenant: Tenant, change: dict[str, Any]) -> None:
    body = {"value": broken_skus(tenant, **change)}
    tenant.set_faults({"status": 200, "body": body, "service": "graph", "path": "subscribedSkus", "times": None})
    with clients(tenant, retry_seconds=0) as made, pytest.raises(IncompleteAnswer):
        made.graph.subscribed_skus()


BEYOND = {
    "4300 digits": "9" * 4300,
    "5000 digits": "9" * 5000,
    "one more than 64 bits": str(2**63),
    "one less than 64 bits": str(-(2**63) - 1),
    "zeros": "1" + "0" * 20,
    "infinity": "1e999",
    "a large fraction": "-1.5e300",
}


@pytest.mark.parametrize("digits", BEYOND.values(), ids=list(BEYOND))
@pytest.mark.parametrize("service", ["graph", "exchange", "login"])
def test_a_number_beyond_64_bits_is_an_error_wherever_it_is(tenant: Tenant, service: str, digits: str) -> None:
    """Python reads 4300 digits, and cannot write the sum of two such numbers: the result of the run would be lost."""
    body = f'{{"value": [], "access_token": "opaque-0123456789", "expires_in": {digits}}}'
    path = {"path": "/token"} if service == "login" else {}
    tenant.set_faults({"status": 200, "service": service, "times": None, **path})
    tenant.world.faults[0].body = body.encode()  # as it is: not every JSON library writes such numbers
    with clients(tenant, retry_seconds=0) as made, pytest.raises(IncompleteAnswer, match="number in it is beyond 64"):
        made.exchange.mailboxes() if service == "exchange" else made.graph.subscribed_skus()
    tenant.clear_faults()


def test_numbers_of_64_bits_are_read() -> None:
    assert parse_json(f"[{2**63 - 1},{-(2**63)},1.5,-0]".encode(), "") == [2**63 - 1, -(2**63), 1.5, 0]


def test_seats_are_told_without_those_locked_out(tenant: Tenant) -> None:
    body = {"value": broken_skus(tenant, prepaidUnits={"enabled": 9, "warning": 1, "suspended": 0}, consumedUnits=4)}
    tenant.set_faults({"status": 200, "body": body, "service": "graph", "path": "subscribedSkus", "times": None})
    with clients(tenant, retry_seconds=0) as made:
        found = made.graph.subscribed_skus()[0]
    assert (found.enabled, found.warning, found.consumed, found.locked_out) == (9, 1, 4, 0)


def test_an_entry_that_comes_twice_is_not_twice_the_seats(tenant: Tenant) -> None:
    skus = broken_skus(tenant)
    again = {**skus[0], "id": f"other_{skus[0]['skuId']}"}
    where = {"status": 200, "service": "graph", "path": "subscribedSkus", "times": None}
    with clients(tenant, retry_seconds=0) as made:
        tenant.set_faults({**where, "body": {"value": [*skus, again]}})
        assert made.graph.subscribed_skus()[0].enabled == 2 * skus[0]["prepaidUnits"]["enabled"]
        tenant.set_faults({**where, "body": {"value": [*skus, skus[0]]}})
        with pytest.raises(IncompleteAnswer, match="repeats the entry"):
            made.graph.subscribed_skus()


REPORT_HEAD = "User Principal Name,Storage Used (Byte)\n"
WITHOUT_SIZE = ("a@b.c," + "9" * 5000, "a@b.c,-5", "a@b.c", "a@b.c,", "a@b.c,many")


def report(tenant: Tenant, text: str) -> None:
    """The next reports are this text."""
    fault = {"status": 200, "body": text.encode(), "service": "reports", "times": None}
    tenant.world.faults = faults.parse([fault])


@pytest.mark.parametrize("line", WITHOUT_SIZE)
def test_a_line_of_a_report_without_a_size_costs_one_mailbox(tenant: Tenant, line: str) -> None:
    text = f"{REPORT_HEAD}x@b.c,7\n{line}\ny@b.c,60\n"
    report(tenant, text)
    with clients(tenant, retry_seconds=0) as made:
        rows = made.graph.mailbox_usage(over=50)
        assert [(row.upn, row.storage_bytes) for row in rows] == [("a@b.c", None), ("y@b.c", 60)]
    tenant.clear_faults()


def test_a_report_that_is_no_table(tenant: Tenant) -> None:
    """Nor is it one of sizes where most lines have none."""
    hardly = [f"{REPORT_HEAD}x@b.c,7\n{line}\n{line}" for line in WITHOUT_SIZE]
    for text in ('"' + "x" * 200_000, "a\x00b", *(REPORT_HEAD + line for line in WITHOUT_SIZE), *hardly, ""):
        report(tenant, text)
        with clients(tenant, retry_seconds=0) as made, pytest.raises(IncompleteAnswer):
            made.graph.mailbox_usage()
    tenant.clear_faults()
