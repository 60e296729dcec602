# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the control API is told, it does, or says what is wrong with which part and changes nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator import control
from tests.simulator.building import PATCHABLE, ROLES
from tests.simulator.state import Json
from tests.simulator.tests.direct_requests import Harness
from tests.unit.support.random_examples import examples

ID = "11111111-2222-4333-8444-555555555555"
ANNA, BERT = "anna@contoso.example", "bert@contoso.example"
STATE: Json = {"skuId": ID, "disabledPlans": [], "assignedByGroup": None, "state": "Active", "error": "None",
               "lastUpdatedDateTime": "2026-06-01T00:00:00Z"}  # fmt: skip
PLAN = {"assignedDateTime": None, "capabilityStatus": "Enabled", "service": "x", "servicePlanId": ID}
RIGHT: Json = {
    "now": "2026-07-01T00:00:00Z",
    "switches": {"group_reads": 0, "quota": "stays", "beta_gone": True, "no_statistics": ANNA, "group_seconds": 5,
                 "clock_speed": 2},
    "roles": ["User.Read.All", "Exchange.ManageAsApp", "Global Reader", "Directory.Read.All", "Reports.Read.All"],
    "organization_holds": ["mbx7cfb30345d454ac0a989ab3041051209:2"],
    "users": {
        BERT: {"licenses": ["SPE_E3", {"sku": "SPB", "disabled_plans": ["TEAMS1"], "state": "Error", "error": "Other"}],
               "usageLocation": "DE", "userType": "Guest", "displayName": "B", "proxyAddresses": ["smtp:b@c.example"]},
        "carl@contoso.example": {"licenseAssignmentStates": [STATE], "assignedPlans": [PLAN], "mail": None,
                                 "assignedLicenses": [{"skuId": ID, "disabledPlans": []}]},
        "dora@contoso.example": {"id": ID, "createdDateTime": "2026-06-01T00:00:00Z", "accountEnabled": False},
    },
    "mailboxes": {
        BERT: {"WhenMailboxCreated": "2026-06-01T00:00:00Z", "_bytes": 5, "InPlaceHolds": ["x"], "SKUAssigned": None},
        "carl@contoso.example": {"RecipientTypeDetails": "MailUser", "ArchiveGuid": ID, "ArchiveStatus": "Active"},
        ID: {"ExternalDirectoryObjectId": ANNA, "ProhibitSendReceiveQuota": "Unlimited", "_disconnected": None},
    },
    "groups": {
        "sg-new": {"members": [BERT, "sg-anna"], "licenses": ["SPE_E3"], "displayName": "sg-new", "groupTypes": []},
        "sg-other": {"mailEnabled": True, "onPremisesSyncEnabled": None},
    },
    "skus": {
        "EMS": {"prepaidUnits": {"enabled": 7}, "capabilityStatus": "Warning", "consumedUnits": 3},
        "NEW": {"servicePlans": ["TEAMS1", {"servicePlanId": ID, "servicePlanName": "X"}], "skuPartNumber": "NEW"},
    },
    "subscriptions": {ID: {"skuPartNumber": "NEW", "status": "Enabled", "totalLicenses": 5, "serviceStatus": []}},
    "deleted_users": {"carl@contoso.example": {"deletedDateTime": "2026-06-20T00:00:00Z", "department": "Moon"}},
    "plan_rules": {
        "dependencies": {"MCOEV": ["TEAMS1"]},
        "exclusions": [["TEAMS1", "MCOSTANDARD"]],
        "assignment_errors": {"EMS": "Other", "SPE_E3": {ANNA: "CountViolation"}},
        "prohibited_locations": {"SPE_E3": ["CN"]},
    },
}  # fmt: skip

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from([ID, ANNA, "", "None", "Bogus", "TEAMS1", "SPE_E3", "sg-new", "9999-12-31T23:59:59Z", "soon"]),
)
KEYS = st.one_of(st.text(max_size=4), st.sampled_from([ID, ANNA, BERT, "SPE_E3", "id", "licenses", "state", "members"]))
ANYTHING = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


def places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each value in it."""
    if path:
        yield path
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


@st.composite
def bent(draw: st.DrawFn) -> Json:
    """A body that is right but for a value or two."""
    names = draw(st.sets(st.sampled_from(sorted(RIGHT)), min_size=1))
    body = copy.deepcopy({name: RIGHT[name] for name in sorted(names)})
    for _unused in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(list(places(body))))
        place = body
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = draw(ANYTHING)
    return body


BODIES = st.one_of(bent(), bent(), bent(), st.dictionaries(st.sampled_from(PATCHABLE), ANYTHING, max_size=2), ANYTHING)


def names_of(body: Any) -> set[str]:
    """The keys in it; of what is no object, all of it."""
    if not isinstance(body, dict):
        return {repr(body)}
    return {key for path in places(body) for key in path if isinstance(key, str)}


def start() -> Harness:
    env = Harness()
    anna = {
        "users": {ANNA: {"licenses": ["SPE_E3"]}},
        "mailboxes": {ANNA: {}},
        "groups": {"sg-anna": {"members": [ANNA]}},
    }
    assert control.dispatch(env.world, "PATCH", "/state", {}, anna).status == 200
    return env


def everything(env: Harness) -> Any:
    shown = {**control.state(env.world, {"all": "true"}), "now": "", "audits": len(env.world.audits)}
    return json.loads(json.dumps([shown, env.world.mailbox_index, env.world.upn_index], default=str))


def read_all(env: Harness) -> None:
    """Every list that the tenant serves can be read."""
    env.world.app.roles = set(ROLES)
    orjson.dumps(control.dispatch(env.world, "GET", "/state", {"all": "true"}, None).body, default=list)
    for path in ("/users?$select=id,assignedPlans,mail", "/subscribedSkus", "/groups", "/directory/subscriptions",
                 "/directory/deletedItems/microsoft.graph.user?$select=id"):  # fmt: skip
        assert env.ask(path).status == 200, path
    for cmdlet in ("Get-Mailbox", "Get-MailUser", "Get-PendingDelicenseUser", "Get-OrganizationConfig"):
        assert env.cmdlet(cmdlet).status == 200, cmdlet
    for box in list(env.world.mailboxes.values()):
        assert env.cmdlet("Get-MailboxStatistics", {"Identity": box["Guid"]}).status in (200, 404)
    for user in list(env.world.users.values()):
        assert env.assign(user, ["EMS"]).status in (200, 400)


FRESH: list[Harness] = []


@examples(250)
@given(BODIES)
def test_patch_succeeds_or_changes_nothing(body: Any) -> None:
    if not FRESH:
        FRESH.append(start())
    env = FRESH.pop()
    before = everything(env)
    answer = control.dispatch(env.world, "PATCH", "/state", {}, body)
    if answer.status == 200:
        read_all(env)
        return
    assert answer.status == 400
    said = answer.body["error"]
    assert any(name in said or repr(name)[1:-1] in said for name in names_of(body)), said
    assert everything(env) == before
    FRESH.append(env)
