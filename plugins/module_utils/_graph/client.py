# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Graph: users, SKUs, subscriptions, groups, reports; paging and ``$batch``.

Every list is complete or an exception: a page that is lost, repeated or cut short is never a shorter list.

- ``@odata.nextLink`` is opaque and absolute, and is followed as it is [paging].
- Advanced queries need ``ConsistencyLevel: eventual`` and ``$count=true`` on every page; without the header
  ``$count`` is ignored in silence, so its answer is checked [aad-advanced-queries].
- At most 15 values go into one ``in`` [aad-advanced-queries]; 20 such reads travel in one ``$batch``: 300 users. For
  more than two of these, which travel at once, ``getByIds`` is tried first, and asked no more in this run once it was
  refused.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote as percent_encode

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ApiError
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered, name_key
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import Style, quote
from ansible_collections.m365.licensing.plugins.module_utils._http.client import Service
from ansible_collections.m365.licensing.plugins.module_utils._http.paging import PagedList
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    Sku,
    Subscription,
    User,
    mark_ambiguous,
)

from .batch import BATCH_SIZE, Batcher, raise_for
from .batch_parts import BatchAnswer, BatchPart
from .bulk_users import GetByIds, as_asked
from .parsing import (
    SERVICE,
    USER_SELECT,
    UsageRow,
    guid_from,
    skus_from,
    subscription_from,
    usage_over,
    user_from,
)

__all__ = ["USER_SELECT", "BatchAnswer", "BatchPart", "Graph", "NamesConcealed", "UsageRow"]

T = TypeVar("T")

IN_VALUES = 15
"""Values that one ``in`` takes [aad-advanced-queries]."""

FEW_BATCHES = 2
"""So many go out at once and cost no more than a ``getByIds``, and then a batch for whom it leaves out."""

PAGE_SIZE = 999
"""The largest ``$top`` of ``/users`` [list users]."""

GROUPS_PER_CHECK = 20
"""Group ids that one ``checkMemberGroups`` takes [directoryObject: checkMemberGroups]."""

ADVANCED = {"ConsistencyLevel": "eventual"}


class NamesConcealed(ApiError):
    """The tenant hides the names in its reports, and some mailbox is as large as was asked for."""


class Graph:
    """Microsoft Graph through one Service whose base url is the host; v1.0 unless a method says beta."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._get_by_ids = GetByIds(self.pages)
        self._usage: dict[float, tuple[list[UsageRow], bool]] = {}

    # lists ------------------------------------------------------------------------------------------------------

    def pages(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        json: Any = None,
        unique: str | None = "id",
        page: int = 1,
        before: int = 0,
        of: int | None = None,
        most_seconds: float = math.inf,
    ) -> Iterator[dict[str, Any]]:
        """Every element of a list, page after page; ``path`` with its version (``/v1.0/users``).

        ``page`` is the number of the page that ``path`` leads to. ``unique`` names the property by which no element
        may come twice. With ``$count=true`` in ``params`` the answer has to carry ``@odata.count`` and as many
        elements, then or when counted again (tenants change while they are read). ``before``, ``of``: for the progress,
        where one list is asked for in several. ``most_seconds``: no page is tried for longer than this, or than
        ``retry_seconds``. Raises IncompleteAnswer.
        """
        counted = (params or {}).get("$count") == "true"
        expected: int | None = None
        total = number = 0

        def fetch(link: str | None) -> Any:
            end = min(self.service.client.deadline(), self.service.backoff.clock() + most_seconds)
            request, query = (path, params if page == 1 else None) if link is None else (link, None)
            return self.service.request(
                method, request, params=query, json=json, headers=headers, idempotent=True, deadline=end
            ).body

        def on_page(body: Any, page_number: int, read: int) -> None:
            nonlocal expected, total, number
            total, number = read, page_number
            if number == 1 and counted:
                expected = _count(body, path)
            self.service.client.progress(path.partition("?")[0], before + read, of if expected is None else expected)

        listed = _list(path)
        yield from listed.read(fetch, on_page, None if unique is None else lambda item: _key(item, unique), page)
        if expected is not None and expected != total and self._count(path, params, headers) != total:
            raise listed.incomplete(f"{path} announced {expected} entries and delivered {total} on {number} pages")

    def users(self, filter: str | None = None) -> list[User]:  # noqa: A002
        """The users that match an OData ``filter``, or all. Counted, so that no page can be lost."""
        return [user_from(item) for item in self.user_elements(filter)]

    def user_elements(self, filter: str | None = None) -> Iterator[dict[str, Any]]:  # noqa: A002
        """The same as JSON, one by one as the pages come: for callers that keep few of a whole tenant."""
        params = {"$select": USER_SELECT, "$top": str(PAGE_SIZE), **_counted(filter)}
        return self.pages("/v1.0/users", params, ADVANCED)

    def count_users(self, filter: str | None = None) -> int:  # noqa: A002
        """How many users match ``filter`` (None: all), in one request."""
        return self._count("/v1.0/users", _counted(filter), ADVANCED)

    def _count(self, path: str, params: Mapping[str, str] | None, headers: Mapping[str, str] | None) -> int:
        few = {**(params or {}), "$select": "id", "$top": "1"}
        response = self.service.request("GET", path, params=few, headers=headers, idempotent=True)
        _list(path).elements_of(response.body)
        return _count(response.body, path)

    def subscribed_skus(self) -> list[Sku]:
        """The SKUs of the tenant; one that comes several times (one account each) is summed, an entry never."""
        return mark_ambiguous(skus_from(self.pages("/v1.0/subscribedSkus")))

    def subscriptions(self) -> list[Subscription]:
        """The subscriptions behind the SKUs, with the date on which each moves to its next state."""
        return [subscription_from(item) for item in self.pages("/v1.0/directory/subscriptions")]

    def reconciliation_user_ids(self) -> set[str]:
        """Users "pending an exchange mailbox license assignment" [beta user resource]: the portal's own signal.

        Beta, ``eq true`` only, and not compatible with advanced queries: no ConsistencyLevel, no ``$count``.
        """
        params = {"$filter": "isLicenseReconciliationNeeded eq true", "$select": "id", "$top": str(PAGE_SIZE)}
        return {guid_from(item, "id", "beta user") for item in self.pages("/beta/users", params)}

    def transitive_member_ids(self, group_id: str) -> set[str]:
        """The ids of everything that is in the group, also through other groups."""
        path = f"/v1.0/groups/{quote(group_id, Style.PATH)}/transitiveMembers"
        params = {"$select": "id", "$top": str(PAGE_SIZE), **_counted()}
        return {guid_from(item, "id", "group member") for item in self.pages(path, params, ADVANCED)}

    # many at once -----------------------------------------------------------------------------------------------

    def batch(
        self,
        parts: Sequence[BatchPart],
        *,
        beta: bool = False,
        idempotent: bool,
        collect: bool = False,
        on_answers: Callable[[Sequence[tuple[int, BatchAnswer]]], bool] | None = None,
        keep: Callable[[Any], Any] | None = None,
    ) -> list[BatchAnswer]:
        """The answers to ``parts``, in their order; 20 to a request, requests in parallel.

        What is refused for now is sent again alone within ``retry_seconds``. ``idempotent=False``: an answer that
        was lost has ``outcome`` ``unknown``. ``collect``: what happens to a request around the parts is their answer
        instead of being raised. ``on_answers``: as of Batcher. ``keep``: what is kept of a body as soon as it is there.
        """
        version, collect = "beta" if beta else "v1.0", collect or not idempotent
        batch = Batcher(self.service, version, idempotent=idempotent, collect=collect, on_answers=on_answers, keep=keep)
        return batch.run(parts)

    def users_by_id(self, ids: Iterable[str]) -> dict[str, User]:
        """Users by their (lower-case) id; users who do not exist are absent."""
        wanted = list(dict.fromkeys(map(name_key, ids)))
        found: dict[str, User] = {}
        if len(wanted) > FEW_BATCHES * IN_VALUES * BATCH_SIZE:
            found = {user.id: user for user in self._get_by_ids.read(wanted)}
        # also users that it left out: that alone does not mean that they do not exist
        rest = [user_id for user_id in wanted if user_id not in found]
        found.update(as_asked(((user.id, user) for user in self._users_in("id", rest)), rest))
        return {user_id: found[user_id] for user_id in wanted if user_id in found}

    def users_by_upn(self, upns: Iterable[str]) -> dict[str, User]:
        """Users by their user principal name in lower case; users who do not exist are absent."""
        wanted = {name_key(upn): upn.strip() for upn in upns}
        users = self._users_in("userPrincipalName", list(wanted.values()))
        found = as_asked(((lowered(user.user_principal_name), user) for user in users), wanted)
        return {key: found[key] for key in wanted if key in found}

    def member_of(self, user_ids: Iterable[str], group_ids: Iterable[str]) -> dict[str, set[str]]:
        """Which of ``group_ids`` each user is a member of, also through other groups; 20 users a request."""
        users = list(dict.fromkeys(user_id.lower() for user_id in user_ids))
        groups = sorted({group_id.lower() for group_id in group_ids})
        result: dict[str, set[str]] = {user_id: set() for user_id in users}
        checks = [
            (user_id, groups[start : start + GROUPS_PER_CHECK])
            for start in range(0, len(groups), GROUPS_PER_CHECK)
            for user_id in users
        ]
        parts = [
            BatchPart("POST", f"/users/{quote(user_id, Style.PATH)}/checkMemberGroups", body={"groupIds": some})
            for user_id, some in checks
        ]
        for (user_id, some), part, answer in zip(checks, parts, self.batch(parts, idempotent=True), strict=True):
            # a user who was deleted since is a member of no group
            if answer.status != 404:
                raise_for(answer, part, self.service)
                hits = {text.lower() for text in _list(part.name).elements_of(answer.body) if isinstance(text, str)}
                result[user_id] |= hits & set(some)
        return result

    # writes, as parts of a batch --------------------------------------------------------------------------------

    @staticmethod
    def usage_location_part(user_id: str, location: str) -> BatchPart:
        """``PATCH /users/{id}``: the country (ISO 3166, two letters) in which the user uses services."""
        return BatchPart("PATCH", f"/users/{quote(user_id, Style.PATH)}", body={"usageLocation": location})

    @staticmethod
    def assign_license_part(user_id: str, body: Mapping[str, Any]) -> BatchPart:
        """``POST /users/{id}/assignLicense``: adds and removes in one call [user: assignLicense]."""
        return BatchPart("POST", f"/users/{quote(user_id, Style.PATH)}/assignLicense", body=body)

    # reports ----------------------------------------------------------------------------------------------------

    def mailbox_usage(self, over: float = -1) -> list[UsageRow]:
        """The mailboxes of more than ``over`` bytes in the report of the last week [reportRoot: getMailboxUsageDetail].

        It is large and changes once a day: read once, remembered for the run.
        Raises NamesConcealed where the tenant hides the names in its reports, and there is such a mailbox.
        """
        path = "/v1.0/reports/getMailboxUsageDetail(period='D7')"
        if over not in self._usage:
            answer = self.service.request("GET", path, idempotent=True, keep=lambda lines: usage_over(over, lines))
            self._usage[over] = answer.kept
        rows, named = self._usage[over]
        if rows and not named:
            raise NamesConcealed(
                "The mailbox usage report conceals the names of its users.",
                code="names_concealed",
                hint="Microsoft 365 admin center: Settings, Org settings, Reports, 'Display concealed user names'.",
                service=SERVICE,
                request=f"GET {path}",
            )
        return rows

    # inside -----------------------------------------------------------------------------------------------------

    def _users_in(self, prop: str, values: Sequence[str]) -> list[User]:
        return self.read_in("users", prop, values, USER_SELECT, user_from)

    def read_in(self, what: str, prop: str, values: Sequence[str], select: str, make: Callable[[Any], T]) -> list[T]:
        """The elements of ``what`` whose ``prop`` is one of ``values``: 300 values in one request."""
        parts = []
        literals = list(_literals(values))
        for start in range(0, len(literals), IN_VALUES):
            some = ",".join(literals[start : start + IN_VALUES])
            clause = percent_encode(f"{prop} in ({some})", safe="")
            parts.append(BatchPart("GET", f"/{what}?$filter={clause}&$select={select}"))

        def keep(body: Any) -> tuple[list[T], Any]:
            items, link = first_page(body, f"/v1.0/{what}")
            return [make(item) for item in items], link

        found: list[T] = []
        for part, answer in zip(parts, self.batch(parts, idempotent=True, keep=keep), strict=True):
            raise_for(answer, part, self.service)
            some, link = answer.body
            found += some
            found += map(make, self.pages(link, page=2)) if link else ()
        return found


def _counted(filter: str | None = None) -> dict[str, str]:  # noqa: A002
    return {"$filter": filter, "$count": "true"} if filter else {"$count": "true"}


def _literals(values: Iterable[str]) -> Iterator[str]:
    """The values as OData writes them; what cannot be written is the name of nothing, and left out."""
    for value in values:
        with contextlib.suppress(ValueError):
            yield quote(value, Style.ODATA)


def _list(path: str) -> PagedList:
    return PagedList(SERVICE, path, f"GET {path.partition('?')[0]}")


def first_page(body: Any, path: str) -> tuple[list[Any], str | None]:
    """The elements of a list as a part of a batch gives it, and the link to its next page. Raises IncompleteAnswer."""
    return _list(path).elements_of(body), _list(path).link_of(body)


def _count(body: Mapping[str, Any], path: str) -> int:
    count = body.get("@odata.count")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise _list(path).incomplete(f"{path} was asked for a count and gave none")
    return count


def _key(item: Any, prop: str) -> str | None:
    value = item.get(prop) if isinstance(item, Mapping) else None
    return value if isinstance(value, str) and value else None
