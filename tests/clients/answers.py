# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of the tenant, by the published type that they must match."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from tests.simulator.launch import Tenant
from tests.simulator.skus import table
from tests.simulator.state import Json

E3 = table()["SPE_E3"].id


class Reader:
    """Reads the tenant over HTTPS, as an application that signed in."""

    def __init__(self, tenant: Tenant) -> None:
        self.known = tenant.info
        self.tls = ssl.create_default_context(cafile=str(tenant.ca_path))
        form = {"grant_type": "client_credentials", "client_id": self.known["client_id"],
                "client_secret": self.known["client_secret"],
                "scope": "https://graph.microsoft.com/.default"}  # fmt: skip
        url = f"{self.known['login_url']}/{self.known['tenant_id']}/oauth2/v2.0/token"
        with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), context=self.tls) as answer:  # noqa: S310
            self.token = json.load(answer)["access_token"]

    def get(self, version: str, target: str, body: Any = None, method: str | None = None) -> Json:
        """Return the JSON of an answer with any status; an empty object without a body. ``body`` makes it a POST."""
        request = urllib.request.Request(  # noqa: S310 - the tenant
            f"{self.known['graph_url']}/{version}{target}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, context=self.tls) as answer:  # noqa: S310 - as above
                found: Json = json.loads(answer.read() or "{}")
        except urllib.error.HTTPError as error:
            found = json.load(error)
        return found


def bare(value: Any) -> Any:
    """Return the value without annotations of OData."""
    if isinstance(value, dict):
        return {name: bare(item) for name, item in value.items() if "@odata." not in name}
    return [bare(item) for item in value] if isinstance(value, list) else value


def answers(tenant: Tenant, version: str) -> dict[str, Any]:
    """Return answers of the tenant by their types: ``User[]`` and so on."""
    reader = Reader(tenant)
    select = "?$select=*&$top=999"
    users = reader.get(version, f"/users{select}")["value"]
    unlicensed = tenant.state()["truth"]["at_risk"]["no_license_fresh"][0]
    tenant.patch_state({"users": {unlicensed: {"usageLocation": "DE"}}})
    add = {"addLicenses": [{"skuId": E3, "disabledPlans": []}], "removeLicenses": []}
    group = reader.get(version, f"/groups{select}")["value"]
    error = reader.get(version, "/users/nobody@contoso.example")
    error["error"].pop("innerError")  # The types name it differently; test_clients.py compares it with the SDK.
    target = f"/users/{unlicensed}"
    tenant.patch_state({"roles": [*tenant.state()["roles"], "AuditLog.Read.All", "Group.ReadWrite.All"]})
    reader.get(version, f"/users/{users[-1]['id']}", method="DELETE")
    deleted = reader.get(version, f"/directory/deletedItems/microsoft.graph.user{select}")["value"]
    assert users[-1]["id"] in [user["id"] for user in deleted]
    one = group[0]["id"]
    found = {
        "User[]": [*users, *deleted],
        "Group": reader.get(version, f"/groups/{one}/assignLicense", add),
        "User": reader.get(version, f"{target}/assignLicense", add),
        "Partial<User>": reader.get(version, target),
        "LicenseDetails[]": reader.get(version, f"{target}/licenseDetails")["value"],
        "Group[]": group,
        "Partial<Group>": reader.get(version, f"/groups/{one}?$select=id,licenseProcessingState"),
        "SubscribedSku[]": reader.get(version, "/subscribedSkus")["value"],
        "CompanySubscription[]": reader.get(version, "/directory/subscriptions")["value"],
        "DirectoryAudit[]": reader.get(version, "/auditLogs/directoryAudits")["value"],
        "Organization[]": reader.get(version, "/organization")["value"],
        "PublicErrorResponse": error,
    }
    for kind, value in found.items():
        assert value, f"{version}: no {kind} in the answers"
    return {kind: bare(value) for kind, value in found.items()}
