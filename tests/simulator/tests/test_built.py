# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant built from nothing, by the control API alone: audited, planned and remedied like any other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.support.plan_harness import plan
from tests.functional.support.run_audit import look, planted, rows
from tests.functional.support.service_clients import clients
from tests.simulator.launch import Tenant, running
from tests.simulator.state import Json
from tests.simulator.tests.direct_requests import NOW

RUN = Path(__file__).resolve().parents[2] / "tenant" / "run"
MAIL, OTHER_MAIL = "11111111-2222-4333-8444-555555555555", "66666666-7777-4888-8999-aaaaaaaaaaaa"
SUBSCRIPTION, SECOND = "bbbbbbbb-2222-4333-8444-555555555555", "cccccccc-7777-4888-8999-aaaaaaaaaaaa"
LATER, LAST = "2026-06-10T12:00:00Z", "2026-06-15T12:00:00Z"


def name(local: str) -> str:
    return f"{local}@contoso.example"


def contoso() -> Json:
    """Everything in one request: ten people, four groups, three SKUs, two of which bear one name."""
    units = {"prepaidUnits": {"enabled": 20}}
    people = ("anna", "bert", "carl", "dora", "emil", "fred", "gone", "held", "room", "local")
    licenses: dict[str, list[Any]] = {
        "carl": [MAIL],
        "dora": [{"sku": "SPE_E3", "disabled_plans": ["EXCHANGE_S_ENTERPRISE"]}],
        "emil": ["SPE_E3"],
    }
    boxes: dict[str, Json] = {
        "anna": {"WhenMailboxCreated": "2026-06-01T12:00:00Z"},
        "held": {"RecipientTypeDetails": "SharedMailbox", "LitigationHoldEnabled": True},
        "room": {"RecipientTypeDetails": "RoomMailbox"},
        "local": {"RecipientTypeDetails": "MailUser"},
    }
    return {
        "now": "2026-06-05T12:00:00Z",
        "switches": {"group_reads": 0},
        "roles": ["User.ReadWrite.All", "LicenseAssignment.ReadWrite.All", "Directory.Read.All", "Reports.Read.All",
                  "GroupMember.Read.All", "Exchange.ManageAsApp", "Exchange Recipient Administrator"],
        "skus": {
            MAIL: {"skuPartNumber": "CONTOSO_MAIL", "servicePlans": ["EXCHANGE_S_STANDARD"], **units},
            OTHER_MAIL: {"skuPartNumber": "CONTOSO_MAIL", "servicePlans": ["EXCHANGE_S_ENTERPRISE"], **units},
            "SPE_E3": units,
        },
        "subscriptions": {
            SUBSCRIPTION: {"skuId": MAIL, "totalLicenses": 20, "nextLifecycleDateTime": "2026-12-31T00:00:00Z"},
            SECOND: {"skuId": SECOND, "skuPartNumber": "ELSEWHERE", "status": "Suspended"},
        },
        "groups": {
            "sg-e3": {"members": [name("bert"), name("fred")], "licenses": ["SPE_E3"]},
            "sg-all": {"members": ["sg-e3", name("anna")]},
            "sg-dynamic": {"groupTypes": ["DynamicMembership"], "membershipRule": "(user.city -eq \"Ulm\")"},
            "sg-synced": {"onPremisesSyncEnabled": True, "members": [name("local")]},
        },
        "users": {
            name(local): {"licenses": licenses.get(local, []), "onPremisesSyncEnabled": local == "local" or None}
            for local in people
        },
        "mailboxes": {name(local): boxes.get(local, {}) for local in people},
        "deleted_users": {name("gone"): {"deletedDateTime": "2026-06-04T12:00:00Z"}},
    }  # fmt: skip


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    """Built on the 5th; on the 10th Emil loses his license and Fred his group; today is the 15th."""
    with running(0, 0, now=NOW) as found:
        found.patch_state({"empty": True, **contoso()})
        assert len(found.state()["skus"]) == 3
        found.patch_state(
            {
                "now": LATER,
                "users": {name("emil"): {"licenses": []}},
                "groups": {"sg-e3": {"members": [name("bert")]}},
            }
        )
        found.patch_state({"now": LAST})
        yield found


def found_in(tenant: Tenant, strategy: str) -> dict[str, tuple[str, Any]]:
    """Reason and last day by name."""
    return {
        row.user.user_principal_name.partition("@")[0]: (row.reason, row.deadline.at and row.deadline.at.day)
        for row in look(tenant, strategy=strategy).findings
        if row.user is not None
    }


@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_it_is_audited(tenant: Tenant, strategy: str) -> None:
    found = found_in(tenant, strategy)
    reasons = {local: reason for local, (reason, _day) in found.items()}
    assert reasons == {
        "anna": "no_license",
        "dora": "exchange_plan_disabled",
        "emil": "license_removed",
        "fred": "license_removed",
        "gone": "soft_deleted",
        "held": "shared_litigation_hold",
    }
    assert found["anna"][1] == 1


def test_it_is_planned_and_remedied(tenant: Tenant) -> None:
    rule = {"name": "Everybody", "match": {}, "usage_location": {"from": "country", "default": "DE"}}
    rules = [
        {**rule, "name": "Shared", "match": {"recipient_type": "shared"}, "licenses": [{"sku": OTHER_MAIL}]},
        {**rule, "licenses": [{"sku": MAIL}]},
    ]

    def units() -> dict[str, int]:
        return {sku["skuId"]: sku["consumedUnits"] for sku in tenant.state()["skus"]}

    taken = units()
    with clients(tenant) as made:
        planned = plan(made, rules)
        assert units() == taken
        first = plan(made, rules, mode="apply")
        second = plan(made, rules, mode="apply")
    for result in (planned, first):
        given = {row["user_principal_name"].partition("@")[0]: row["action"] for row in result["users"]}
        assert given.pop("gone") == "insufficient"
        assert given == dict.fromkeys(("anna", "dora", "emil", "fred", "held"), "license")
    assert (first["changed"], second["changed"]) == (True, False)
    now = units()
    assert (now[MAIL] - taken[MAIL], now[OTHER_MAIL] - taken[OTHER_MAIL]) == (4, 1)
    assert found_in(tenant, "filtered").keys() == found_in(tenant, "full").keys() == {"gone"}


@pytest.mark.parametrize("strategy", ["filtered", "full"])
def test_seeded_guests_with_mailboxes_are_found(strategy: str) -> None:
    with running(120, 24, now=NOW, guests_with_mailboxes=True) as tenant:
        guests = set(tenant.truth()["guests"])
        found = rows(look(tenant, strategy=strategy, now=NOW))
        assert {(user_id, reason) for user_id, reason, _kind in found} == set(planted(tenant))
        at_risk = {user_id for user_id, _reason, _kind in found} & guests
        assert len(at_risk) > 3
        assert len(guests - at_risk) > 2
        for user_id in guests:
            assert tenant.world.users[user_id]["userType"] == "Guest"


COUNT = """
import json, os, ssl, urllib.request
context = ssl.create_default_context(cafile=os.environ["M365_CA_PATH"])
with urllib.request.urlopen(os.environ["M365_CONTROL_URL"] + "/state", context=context) as answer:
    state = json.load(answer)
print([*state["counts"].values()][:2] + [len(state[name]) for name in ("skus", "groups", "subscriptions")])
"""


@pytest.mark.parametrize("which", ["--empty", "--mailboxes=0 --at-risk=0"])
def test_the_command_starts_an_empty_tenant(which: str) -> None:
    command = [str(RUN), *which.split(), "--quiet", "--", sys.executable, "-c", COUNT]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, text=True)  # noqa: S603
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout) == [0] * 5) is (which == "--empty")


def test_failed_patch_restores_the_whole_state() -> None:
    with running(20, 4, now=NOW) as tenant:
        before = tenant.state()
        with pytest.raises(ValueError, match="no SKU 'NONE'"):
            tenant.patch_state({"empty": True, "users": {name("anna"): {"licenses": ["NONE"]}}})
        after = tenant.state()
        assert {**after, "now": ""} == {**before, "now": ""}
        tenant.patch_state({"empty": True})
        state = tenant.state()
        assert [state[key] for key in ("skus", "subscriptions", "groups", "deleted_users", "truth")] == [[]] * 4 + [{}]
        assert state["counts"] | {"requests": 0} == {"users": 0, "mailboxes": 0, "requests": 0}
        assert look(tenant).findings == ()


def test_a_group_that_still_gives_a_sku_is_named() -> None:
    with running(0, 0, now=NOW) as tenant:
        sku = {"skus": {"SPE_E3": None}}
        with pytest.raises(ValueError, match=r"skus\['SPE_E3'\]: still has it, .*: the group sg-lic-e3"):
            tenant.patch_state(sku)
        tenant.patch_state({"groups": {"sg-lic-e3": None}, **sku})
        assert "SPE_E3" not in {item["skuPartNumber"] for item in tenant.state()["skus"]}
