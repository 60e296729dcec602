# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One step by msgraph-sdk, signed in by azure-identity: ``python msgraph_sdk_client.py STEP JSON``.

Prints what the client gave, as one line of JSON; an ODataError as ``{"error": …}``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from azure.identity import ClientSecretCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_serialization_json.json_serialization_writer import JsonSerializationWriter
from msgraph import GraphServiceClient
from msgraph.generated.models.assigned_license import AssignedLicense
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.users.item.assign_license.assign_license_post_request_body import AssignLicensePostRequestBody
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem
from msgraph_core.tasks.page_iterator import PageIterator

Query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters


def shown(model: Any) -> Any:
    """A model as the client would send it: what it understood, and what it kept as unknown."""
    writer = JsonSerializationWriter()
    writer.write_object_value(None, model)
    return json.loads(writer.get_serialized_content())


async def users(client: GraphServiceClient, wanted: dict[str, Any]) -> Any:
    """All users by pages, followed by the client's own iterator."""
    found: list[Any] = []

    def keep(user: Any) -> bool:
        found.append({"id": user.id, "userPrincipalName": user.user_principal_name})
        return True

    query = Query(top=wanted["top"], select=["id", "userPrincipalName"])
    page = await client.users.get(request_configuration=RequestConfiguration(query_parameters=query))
    await PageIterator(page, client.request_adapter).iterate(keep)
    return found


async def user(client: GraphServiceClient, wanted: dict[str, Any]) -> Any:
    """One user."""
    return shown(await client.users.by_user_id(wanted["user"]).get())


async def filtered(client: GraphServiceClient, wanted: dict[str, Any]) -> Any:
    """An advanced query."""
    query = Query(count=True, filter=wanted["filter"], select=wanted["select"].split(","))
    configuration = RequestConfiguration(query_parameters=query)
    configuration.headers.add("ConsistencyLevel", "eventual")
    page = await client.users.get(request_configuration=configuration)
    return {"count": page.odata_count, "value": [shown(item) for item in page.value]}


async def skus(client: GraphServiceClient, _wanted: dict[str, Any]) -> Any:
    """The SKUs of the tenant."""
    return [shown(sku) for sku in (await client.subscribed_skus.get()).value]


async def details(client: GraphServiceClient, wanted: dict[str, Any]) -> Any:
    """The licenses of a user with their plans."""
    return [shown(item) for item in (await client.users.by_user_id(wanted["user"]).license_details.get()).value]


async def assign(client: GraphServiceClient, wanted: dict[str, Any]) -> Any:
    """Add and remove licenses, in one call."""
    body = AssignLicensePostRequestBody(
        add_licenses=[
            AssignedLicense(
                sku_id=UUID(item["skuId"]), disabled_plans=[UUID(plan) for plan in item.get("disabledPlans", ())]
            )
            for item in wanted["add"]
        ],
        remove_licenses=[UUID(item) for item in wanted["remove"]],
    )
    return shown(await client.users.by_user_id(wanted["user"]).assign_license.post(body))


async def batch(client: GraphServiceClient, wanted: dict[str, Any]) -> Any:
    """Several requests in one. Where the client drops a body that is JSON, as some versions do, it is null here."""
    content = BatchRequestContent()
    for number, url in enumerate(wanted["urls"]):
        request = RequestInformation()
        request.http_method = Method.GET
        request.url = f"https://graph.microsoft.com/v1.0{url}"
        item = BatchRequestItem(request, id=str(number))
        item.url = url  # Relative, as a batch wants it; the client leaves that to its caller.
        content.add_request(str(number), item)
    answer = await client.batch.post(content)
    found = [answer.get_response_by_id(str(number)) for number in range(len(wanted["urls"]))]
    return [{"status": item.status, "body": json.loads(item.body) if item.body else None} for item in found]


STEPS: dict[str, Callable[[GraphServiceClient, dict[str, Any]], Awaitable[Any]]] = {
    step.__name__: step for step in (users, user, filtered, skus, details, assign, batch)
}


async def main(step: str, argument: str) -> Any:
    """Run one step."""
    credential = ClientSecretCredential(
        *(os.environ[f"M365_{name}"] for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"))
    )
    client = GraphServiceClient(credential, scopes=["https://graph.microsoft.com/.default"])
    try:
        return await STEPS[step](client, json.loads(argument))
    except ODataError as error:
        inner = error.error.inner_error
        return {
            "error": {
                "status": error.response_status_code,
                "code": error.error.code,
                "message": error.error.message,
                "request": inner.request_id if inner else None,
                "unknown": inner.additional_data if inner else None,
            }
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2]))))
