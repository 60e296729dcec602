# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups by id and by name: what there is of each, and of what kind it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._graph.group_lookup import find_groups, group_from
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Group

from tests.functional.support.service_clients import Clients, clients
from tests.simulator.launch import Tenant, running
from tests.simulator.state import Json

NOBODY = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=40, at_risk=4, seed=3) as found:
        yield found


@pytest.fixture
def made(tenant: Tenant) -> Iterator[Clients]:
    with clients(tenant) as found:
        yield found


def test_nothing_is_asked_for_no_name(tenant: Tenant, made: Clients) -> None:
    tenant.clear_requests()
    assert find_groups(made.graph, []) == ({}, {})
    assert tenant.requests() == []


def test_groups_by_id_and_name(tenant: Tenant, made: Clients) -> None:
    first, second = list(tenant.world.groups.values())[:2]
    asked = [
        first["id"].upper(),
        second["displayName"].upper(),
        "no such group",
        NOBODY,
    ]
    found = find_groups(made.graph, asked)
    assert {name: group.id for name, group in found.known.items()} == {asked[0]: first["id"], asked[1]: second["id"]}
    assert found.several == {}


def test_a_name_of_several_groups_gives_them_all_in_one_request(tenant: Tenant, made: Clients) -> None:
    first, second, third = list(tenant.world.groups.values())[:3]
    kept, second["displayName"] = second["displayName"], first["displayName"].upper()
    tenant.clear_requests()
    try:
        found = find_groups(made.graph, [first["displayName"], third["displayName"]])
    finally:
        second["displayName"] = kept
    assert [group.id for group in found.several[first["displayName"]]] == sorted([first["id"], second["id"]])
    assert [group.id for group in found.known.values()] == [third["id"]]
    assert len([entry for entry in tenant.requests() if entry["path"].endswith("/$batch")]) == 1


@pytest.mark.parametrize(
    ("properties", "kinds"),
    [
        ({}, ("security", "assigned")),
        ({"groupTypes": ["Unified"], "securityEnabled": False}, ("microsoft_365", "assigned")),
        ({"groupTypes": ["DynamicMembership"], "membershipRule": "user.city -eq 1"}, ("security", "dynamic")),
        ({"membershipRule": "user.city -eq 1"}, ("security", "dynamic")),
        ({"groupTypes": [], "securityEnabled": False}, ("distribution", "assigned")),
        ({"onPremisesSyncEnabled": True}, ("security", "assigned", "synced")),
        ({"isAssignableToRole": True}, ("security", "assigned", "role_assignable")),
    ],
)
def test_what_kind_a_group_is(tenant: Tenant, made: Clients, properties: Json, kinds: tuple[str, ...]) -> None:
    group = next(iter(tenant.world.groups.values()))
    kept = dict(group)
    group.update(properties)
    try:
        by_id, by_name = (find_groups(made.graph, [group[key]]).known for key in ("id", "displayName"))
    finally:
        group.clear()
        group.update(kept)
    assert [found.kinds for found in (*by_id.values(), *by_name.values())] == [kinds, kinds]


def test_members_left_out_by_graph_do_not_change_a_groups_kind() -> None:
    assert group_from({"id": NOBODY, "displayName": None}) == Group(NOBODY, "", ())
