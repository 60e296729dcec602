# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What surrounds the answers of the tenant, as clients that others wrote need it."""

import base64
import json
from typing import Any

import pytest

from tests.simulator import login
from tests.simulator.tests.direct_requests import GRAPH, Desk

DEFAULT = {
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_user_without_select_has_the_documented_properties(desk: Desk) -> None:
    user = desk.user(mobilePhone=None)
    body = desk.ask(f"/users/{user['id']}").body
    assert set(body) - {"@odata.context"} == DEFAULT
    assert body["mobilePhone"] is None  # Not missing.
    assert set(desk.ask("/users").value[0]) == DEFAULT


def test_everything_is_everything_of_the_version(desk: Desk) -> None:
    desk.user()
    assert "isLicenseReconciliationNeeded" not in desk.ask("/users?$select=*").value[0]
    assert desk.ask(f"{GRAPH}/beta/users?$select=*").value[0]["isLicenseReconciliationNeeded"] is False


def test_without_metadata_links_and_counts_stay(desk: Desk) -> None:
    for name in ("anna", "bert"):
        desk.user(name)
    headers = {"Accept": "application/json;odata.metadata=none", "ConsistencyLevel": "eventual"}
    answer = desk.ask("/users?$top=1&$count=true", headers=headers)
    assert set(answer.body) == {"@odata.count", "@odata.nextLink", "value"}
    assert "odata.metadata=none" in answer.headers["content-type"]
    assert "@odata.context" in desk.ask("/users").body


def test_without_metadata_members_do_not_say_their_type(desk: Desk) -> None:
    group = next(iter(desk.world.groups.values()))
    group["_members"] = [desk.user()["id"]]
    target = f"/groups/{group['id']}/members"
    assert "@odata.type" in desk.ask(target).value[0]
    assert "@odata.type" not in desk.ask(target, headers={"Accept": "application/json; odata.metadata=none"}).value[0]


def test_full_metadata_are_not_known(desk: Desk) -> None:
    answer = desk.ask("/users", headers={"Accept": "application/json;odata.metadata=full"})
    assert (answer.status, answer.code) == (501, "NotSimulated")


def test_errors_carry_the_ids_of_the_request(desk: Desk) -> None:
    answer = desk.ask("/users/nobody@contoso.example", headers={"client-request-id": "mine"})
    inner = answer.body["error"]["innerError"]
    assert (inner["client-request-id"], answer.headers["client-request-id"]) == ("mine", "mine")
    assert inner["request-id"] == answer.headers["request-id"]
    assert set(inner) == {"date", "request-id", "client-request-id"}


def token(desk: Desk, service: str) -> dict[str, Any]:
    """The claims of a token that the login service gives."""
    app = desk.world.app
    form = {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.client_secret,
            "scope": f"{desk.world.origins[service]}/.default"}  # fmt: skip
    desk.world.origins["login"] = "https://login.test"
    answer = login.dispatch(desk.world, "POST", f"/{desk.world.tenant_id}/oauth2/v2.0/token", form)
    assert isinstance(answer.body, dict)
    middle = answer.body["access_token"].split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return found


def test_a_token_says_that_an_application_signed_in_and_what_it_may(desk: Desk) -> None:
    claims = token(desk, "graph")
    assert claims["idtyp"] == "app"
    assert claims["oid"] == claims["sub"]
    assert "User.Read.All" in claims["roles"]
    assert "Exchange.ManageAsApp" not in claims["roles"]
    assert "Exchange.ManageAsApp" in token(desk, "exchange")["roles"]


def test_the_login_host_says_that_it_is_known(desk: Desk) -> None:
    desk.world.origins["login"] = "https://login.test"
    answer = login.dispatch(desk.world, "GET", "/common/discovery/instance", {})
    assert isinstance(answer.body, dict)
    assert answer.status == 200
    assert answer.body["metadata"][0]["aliases"] == ["login.test"]
    assert answer.body["tenant_discovery_endpoint"].endswith("/.well-known/openid-configuration")
