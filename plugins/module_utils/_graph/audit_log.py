# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The license changes of the last weeks in the directory's audit log [list directoryAudits].

It needs AuditLog.Read.All, keeps an entry for 7 to 30 days, and takes five requests in ten seconds from an application
[throttling-limits]. So a few users are asked for one by one in a batch. For more of them the log is read, the newest
entry first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote as percent_encode

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ApiError
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import Style, quote
from ansible_collections.m365.licensing.plugins.module_utils._licensing.logged_removals import (
    LoggedChange,
    changes_from,
)

from .batch import raise_for
from .client import BatchPart, Graph, first_page

PATH = "/auditLogs/directoryAudits"
ACTIVITY = "activityDisplayName eq 'Change user license'"
SELECT = "id,activityDateTime,targetResources"
FEW = 5
"""Up to this number, users are asked for one by one. More parts of a batch would be throttled."""
PAGE_SIZE = 1000
MOST_ENTRIES = 10_000
"""No more entries are read. In a tenant with more, a signal says how far back they reach."""
MOST_SECONDS = 20.0
"""How long a page is tried again: the log only adds to what is known."""


class Log(NamedTuple):
    """License changes by user id. ``cut``: nothing before this time was read; None: nothing is missing."""

    changes: dict[str, list[LoggedChange]]
    cut: datetime | None = None


def license_changes(graph: Graph, user_ids: Collection[str], since: datetime) -> Log:
    """The license changes of these users since then. Raises ApiError where the log may not be read."""
    try:
        few = len(user_ids) <= FEW
        return _read(user_ids, _of_users(graph, sorted(user_ids), since) if few else _newest_first(graph, since), since)
    except ApiError as error:
        # some tenants were seen to refuse the time in a filter
        if error.status != HTTPStatus.BAD_REQUEST:
            raise
        return _read(user_ids, _newest_first(graph, None), since)


def _read(user_ids: Collection[str], entries: Iterable[Any], since: datetime) -> Log:
    changes: dict[str, list[LoggedChange]] = {user_id: [] for user_id in user_ids}
    for count, raw in enumerate(entries, 1):
        found = changes_from(raw)
        for change in found:
            if change.user_id in changes:
                changes[change.user_id].append(change)
        if found and found[0].at < since:
            break
        if found and count >= MOST_ENTRIES:
            return Log(changes, found[0].at)
    return Log(changes)


def _filter(since: datetime | None) -> str:
    if since is None:
        return ACTIVITY
    moment = f"{since.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    return f"{ACTIVITY} and activityDateTime ge {moment}"


def _newest_first(graph: Graph, since: datetime | None) -> Iterator[Any]:
    params = {
        "$filter": _filter(since),
        "$select": SELECT,
        "$orderby": "activityDateTime desc",
        "$top": str(PAGE_SIZE),
    }
    return graph.pages(f"/v1.0{PATH}", params, unique=None, most_seconds=MOST_SECONDS)


def _of_users(graph: Graph, user_ids: Collection[str], since: datetime) -> Iterator[Any]:
    parts = []
    for user_id in user_ids:
        text = f"{_filter(since)} and targetResources/any(t:t/id eq {quote(user_id, Style.ODATA)})"
        parts.append(BatchPart("GET", f"{PATH}?$filter={percent_encode(text, safe='')}&$select={SELECT}"))
    for part, answer in zip(parts, graph.batch(parts, idempotent=True), strict=True):
        raise_for(answer, part, graph.service)
        found, link = first_page(answer.body, f"/v1.0{PATH}")
        yield from (item for item in found if isinstance(item, dict))
        if link:
            yield from graph.pages(link, page=2, unique=None, most_seconds=MOST_SECONDS)
