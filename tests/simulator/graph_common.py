# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of every Graph endpoint: the request, permissions, query options, projection and paging."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.simulator.errors import bad_request, denied, not_simulated, unsupported_query
from tests.simulator.json_bytes import json_bytes
from tests.simulator.state import Answer, AppIdentity, Json, World

MAX_PAGE = 999
DEFAULT_PAGE = 100

READ_USERS = ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
WRITE_USERS = ("User.ReadWrite.All", "Directory.ReadWrite.All")
DELETE_USERS = ("User.ReadWrite.All", "Directory.ReadWrite.All")
RESTORE_USERS = ("User.DeleteRestore.All", *DELETE_USERS)
READ_LICENSES = (
    "LicenseAssignment.Read.All",
    "LicenseAssignment.ReadWrite.All",
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
READ_ORGANIZATION = (
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
WRITE_LICENSES = ("LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All")
READ_GROUPS = (
    "GroupMember.Read.All",
    "GroupMember.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
WRITE_GROUP_LICENSES = ("LicenseAssignment.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All")
WRITE_MEMBERS = ("GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All")
WRITE_ROLES = ("RoleManagement.ReadWrite.Directory",)
REPROCESS = ("User.ReadWrite.All", "Directory.ReadWrite.All")
READ_DIRECTORY = ("Directory.Read.All", "Directory.ReadWrite.All")
READ_AUDITS = ("AuditLog.Read.All",)
READ_REPORTS = ("Reports.Read.All",)


@dataclass
class Request:
    """One request to Graph, or one part of a batch. ``path`` is decoded and without the version."""

    world: World
    version: str
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any
    app: AppIdentity

    @property
    def beta(self) -> bool:
        return self.version == "beta"

    @property
    def consistency(self) -> bool:
        """``ConsistencyLevel: eventual``."""
        return self.headers.get("consistencylevel", "").strip().casefold() == "eventual"

    @property
    def counted(self) -> bool:
        """``$count=true``."""
        return self.query.get("$count", "").casefold() == "true"

    @property
    def advanced(self) -> bool:
        """Both: the parameters of an advanced query."""
        return self.consistency and self.counted

    def require(self, roles: Sequence[str]) -> None:
        """Require one of these application permissions, or raise 403."""
        if self.app.roles.isdisjoint(roles):
            raise denied()

    def allow_query(self, *names: str) -> None:
        """Allow these query options; others raise 501, which names them."""
        for name in self.query:
            if name not in names:
                raise not_simulated(f"the query option '{name}' of {self.method} {self.path}")

    def context(self, entity: str) -> str:
        """The value of ``@odata.context``."""
        select = self.query.get("$select")
        return (
            f"{self.world.origins.get('graph', '')}/{self.version}/$metadata#{entity}{f'({select})' if select else ''}"
        )


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON, already in bytes: the fastest way out."""
    return Answer(status, json_bytes(value), {"Content-Type": JSON_TYPE, "OData-Version": "4.0", **(headers or {})})


JSON_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"


def selected(
    request: Request, known: Iterable[str], default: Sequence[str], only_beta: Iterable[str] = ()
) -> list[str]:
    """The properties that ``$select`` names, each known to the tenant; without it those of ``default``."""
    text = request.query.get("$select")
    if text is None:
        return list(default)
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise bad_request(
            "Parsing OData Select and Expand failed: Term '' is not valid in a $select or $expand expression."
        )
    if names == ["*"]:
        return [name for name in known if request.beta or name not in only_beta]
    for name in names:
        if name in only_beta and not request.beta:
            raise bad_request(
                "Parsing OData Select and Expand failed: "
                f"Could not find a property named '{name}' on type 'microsoft.graph.user'.",
                "BadRequest",
            )
        if name not in known:
            raise not_simulated(f"the property '{name}' in $select of {request.path}")
    return list(dict.fromkeys(names))


def page_size(request: Request, most: int = 0) -> int:
    """Return ``$top`` or the default, or less with small pages. ``most``: another limit and default."""
    size = _asked_page_size(request, most or MAX_PAGE, most or DEFAULT_PAGE)
    return min(size, request.world.switches.page_limit or size)


def _asked_page_size(request: Request, most: int, default: int) -> int:
    text = request.query.get("$top")
    if text is None:
        return default
    try:
        size = int(text)
    except ValueError:
        raise bad_request(f"Invalid value '{text}' for $top query option found.", "BadRequest") from None
    if not 1 <= size <= most:
        raise unsupported_query(f"Invalid page size specified: '{text}'. Must be between 1 and {most} inclusive.")
    return size


def check_count(request: Request) -> None:
    """``$count`` is true or false."""
    text = request.query.get("$count")
    if text is not None and text.casefold() not in ("true", "false"):
        raise bad_request(f"Invalid value '{text}' for $count query option found.", "BadRequest")


def start_of(request: Request) -> int:
    """Return the start of the page. A token of another query is refused."""
    token = request.query.get("$skiptoken")
    if token is None:
        return 0
    try:
        digest, _mark, position = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if digest == _digest(request):
            return int(position)
    except ValueError:
        pass
    raise bad_request("The specified page token value is invalid or has expired.", "Directory_ExpiredPageToken")


def next_link(request: Request, position: int) -> str:
    """An absolute link to the page that begins at ``position``; it carries the whole query."""
    token = base64.urlsafe_b64encode(f"{_digest(request)}:{position}".encode()).decode()
    query = {**{name: value for name, value in request.query.items() if name != "$skiptoken"}, "$skiptoken": token}
    text = "&".join(f"{quote(name, safe='$')}={quote(value, safe='')}" for name, value in query.items())
    return f"{request.world.origins.get('graph', '')}/{request.version}{quote(request.path)}?{text}"


def _digest(request: Request) -> str:
    items = sorted((name, value) for name, value in request.query.items() if name != "$skiptoken")
    return hashlib.sha256(json_bytes([request.version, request.path, items])).hexdigest()[:16]


def page(
    request: Request, entity: str, items: Sequence[Json], keys: Sequence[str], *, count: bool, most: int = 0
) -> Answer:
    """Return one page of a short list. ``most``: as in ``page_size``."""
    start, size = start_of(request), page_size(request, most)
    result: dict[str, Any] = {"@odata.context": request.context(entity)}
    if count and start == 0:
        result["@odata.count"] = len(items)
    if start + size < len(items):
        result["@odata.nextLink"] = next_link(request, start + size)
    result["value"] = [project(item, keys) for item in items[start : start + size]]
    return json_answer(result)


def project(item: Mapping[str, Any], keys: Sequence[str]) -> Json:
    """Keep these properties and the type of the object."""
    found = {key: item[key] for key in keys}
    if "@odata.type" in item:
        found["@odata.type"] = item["@odata.type"]
    return found
