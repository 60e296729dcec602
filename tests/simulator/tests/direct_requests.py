# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small tenant, made by hand and asked without a network, for tests of what it answers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import orjson

from tests.simulator import exchange, graph
from tests.simulator.builders import Maker
from tests.simulator.generate import generate
from tests.simulator.skus import table
from tests.simulator.state import Answer, AppIdentity, Json, World

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)
ADVANCED = {"ConsistencyLevel": "eventual"}
ANCHOR = {"X-AnchorMailbox": "APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}"}
GRAPH, EXCHANGE = "https://graph.test", "https://exchange.test"
E3 = table()["SPE_E3"]
EXCHANGE_PLAN2 = E3.plan("EXCHANGE_S_ENTERPRISE")


@dataclass(frozen=True)
class Reply:
    """An answer, read. ``headers`` have lower-case names."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])

    @property
    def value(self) -> list[Any]:
        assert self.status == 200, self.body
        found: list[Any] = self.body["value"]
        return found

    @property
    def link(self) -> str:
        """The link to the next page, or nothing."""
        return str(self.body.get("@odata.nextLink", ""))

    @property
    def reason(self) -> str:
        """Where Exchange puts the reason of an error."""
        return str(self.body["error"]["details"][0]["message"])


class Harness:
    """The tenant: SKUs with seats, groups that carry licenses, and nobody in it until a test says so."""

    def __init__(self, world: World | None = None, **switches: Any) -> None:
        self.world = world or generate(0, 0, 1, NOW, switches)
        if world is None:
            for guid in [row["Guid"] for row in self.world.mailboxes.values() if row["ExternalDirectoryObjectId"]]:
                self.world.remove_mailbox(guid)
        self.world.set_clock(NOW)
        self.world.origins.update(graph=GRAPH, exchange=EXCHANGE, reports="https://reports.test")
        self.make = Maker(self.world, random.Random(7), NOW)

    def user(self, local: str = "anna", part_numbers: tuple[str, ...] = (), **properties: Any) -> Json:
        """A user with these direct licenses; ``states`` says how licenses are held in any other way."""
        states = properties.pop("states", None) or [self.make.state(part_number) for part_number in part_numbers]
        options = {name: properties.pop(name) for name in ("synced", "usage_location") if name in properties}
        user = self.make.user(local.title(), local, states=states, **options)
        user.update(properties)
        return user

    def sku(self, part_number: str) -> Json:
        return self.world.skus[table()[part_number].id]

    def as_app(self, *roles: str) -> AppIdentity:
        """The application with these roles and no other."""
        return AppIdentity(self.world.app.client_id, frozenset(roles))

    def ask(
        self,
        target: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        app: AppIdentity | None = None,
    ) -> Reply:
        """Ask Graph. ``target``: a link, or what follows the version in a URL of v1.0, percent-encoded or not."""
        split = urlsplit(target if target.startswith(GRAPH) else f"/v1.0{target}")
        answer = graph.dispatch(
            self.world,
            method,
            unquote(split.path),
            parse_qsl(split.query, keep_blank_values=True),
            {name.casefold(): value for name, value in (headers or {}).items()},
            body,
            app or self.world.app.identity(),
        )
        return _read(answer)

    def find(self, text: str, *, advanced: bool = False, what: str = "users", version: str = "v1.0") -> Reply:
        """Users or groups by a filter."""
        query = f"$select=id&$filter={quote(text)}{'&$count=true' if advanced else ''}"
        return self.ask(f"{GRAPH}/{version}/{what}?{query}", headers=ADVANCED if advanced else None)

    def assign(self, user: Json, add: list[Any] | None = None, remove: list[str] | None = None) -> Reply:
        """Change direct licenses; ``add``: part numbers or whole entries, ``remove``: part numbers or ids."""
        entries = [
            {"skuId": table()[item].id, "disabledPlans": []} if isinstance(item, str) else item for item in add or []
        ]
        gone = [table()[item].id if item in table() else item for item in remove or []]
        body = {"addLicenses": entries, "removeLicenses": gone}
        return self.ask(f"/users/{user['id']}/assignLicense", "POST", body)

    def cmdlet(
        self,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        link: str = "",
        select: str = "",
        headers: Mapping[str, str] | None = None,
        app: AppIdentity | None = None,
        surface: str = "beta",
        endpoint: str = "InvokeCommand",
        tenant: str = "",
        method: str = "POST",
    ) -> Reply:
        """Run a cmdlet of Exchange, or read on at ``link``."""
        split = urlsplit(link or f"{EXCHANGE}/adminapi/{surface}/{tenant or self.world.tenant_id}/{endpoint}")
        query = parse_qsl(split.query, keep_blank_values=True) or ([("$select", select)] if select else [])
        sent = ANCHOR if headers is None else headers
        body = {"CmdletInput": {"CmdletName": name, "Parameters": dict(parameters or {})}}
        answer = exchange.dispatch(
            self.world,
            method,
            split.path,
            query,
            {key.casefold(): value for key, value in sent.items()},
            body,
            app or self.world.app.identity(),
        )
        return _read(answer)


def _read(answer: Answer) -> Reply:
    body = answer.body
    if isinstance(body, bytes) and body[:1] in (b"{", b"["):
        body = orjson.loads(body)
    elif not isinstance(body, bytes):
        body = orjson.loads(orjson.dumps(body))
    return Reply(answer.status, body, {name.casefold(): value for name, value in answer.headers.items()})
