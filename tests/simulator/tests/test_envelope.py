# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What surrounds the answers of the tenant, as clients that others wrote need it."""

import base64
import json
from typing import Any

import pytest

from tests.simulator import login
from tests.simulator.tests.direct_requests import GRAPH, Harness

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
def env() -> Harness:
    return Harness()


def test_a_user_without_select_has_the_documented_properties(env: Harness) -> None:
    user = env.user(mobilePhone=None)
    body = env.ask(f"/users/{user['id']}").body
    assert set(body) - {"@odata.context"} == DEFAULT
    assert body["mobilePhone"] is None  # Not missing.
    assert set(env.ask("/users").value[0]) == DEFAULT


def test_select_star_returns_all_properties_of_the_version(env: Harness) -> None:
    env.user()
    assert "isLicenseReconciliationNeeded" not in env.ask("/users?$select=*").value[0]
    assert env.ask(f"{GRAPH}/beta/users?$select=*").value[0]["isLicenseReconciliationNeeded"] is False


def test_without_metadata_links_and_counts_stay(env: Harness) -> None:
    for name in ("anna", "bert"):
        env.user(name)
    headers = {"Accept": "application/json;odata.metadata=none", "ConsistencyLevel": "eventual"}
    answer = env.ask("/users?$top=1&$count=true", headers=headers)
    assert set(answer.body) == {"@odata.count", "@odata.nextLink", "value"}
    assert "odata.metadata=none" in answer.headers["content-type"]
    assert "@odata.context" in env.ask("/users").body


def test_without_metadata_members_do_not_say_their_type(env: Harness) -> None:
    group = next(iter(env.world.groups.values()))
    group["_members"] = [env.user()["id"]]
    target = f"/groups/{group['id']}/members"
    assert "@odata.type" in env.ask(target).value[0]
    assert "@odata.type" not in env.ask(target, headers={"Accept": "application/json; odata.metadata=none"}).value[0]


def test_full_metadata_are_not_known(env: Harness) -> None:
    answer = env.ask("/users", headers={"Accept": "application/json;odata.metadata=full"})
    assert (answer.status, answer.code) == (501, "NotSimulated")


def test_errors_carry_the_ids_of_the_request(env: Harness) -> None:
    answer = env.ask("/users/nobody@contoso.example", headers={"client-request-id": "mine"})
    inner = answer.body["error"]["innerError"]
    assert (inner["client-request-id"], answer.headers["client-request-id"]) == ("mine", "mine")
    assert inner["request-id"] == answer.headers["request-id"]
    assert set(inner) == {"date", "request-id", "client-request-id"}


def token(env: Harness, service: str) -> dict[str, Any]:
    """The claims of a token that the login service gives."""
    app = env.world.app
    form = {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.client_secret,
            "scope": f"{env.world.origins[service]}/.default"}  # fmt: skip
    env.world.origins["login"] = "https://login.test"
    answer = login.dispatch(env.world, "POST", f"/{env.world.tenant_id}/oauth2/v2.0/token", form)
    assert isinstance(answer.body, dict)
    middle = answer.body["access_token"].split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return found


def test_token_names_the_application_and_its_roles(env: Harness) -> None:
    claims = token(env, "graph")
    assert claims["idtyp"] == "app"
    assert claims["oid"] == claims["sub"]
    assert "User.Read.All" in claims["roles"]
    assert "Exchange.ManageAsApp" not in claims["roles"]
    assert "Exchange.ManageAsApp" in token(env, "exchange")["roles"]


def test_the_login_host_says_that_it_is_known(env: Harness) -> None:
    env.world.origins["login"] = "https://login.test"
    answer = login.dispatch(env.world, "GET", "/common/discovery/instance", {})
    assert isinstance(answer.body, dict)
    assert answer.status == 200
    assert answer.body["metadata"][0]["aliases"] == ["login.test"]
    assert answer.body["tenant_discovery_endpoint"].endswith("/.well-known/openid-configuration")
