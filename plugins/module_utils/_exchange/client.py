# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Exchange Online admin API: cmdlets by POST, on both surfaces.

- The next page is a POST to ``@odata.nextLink`` with the same body and the same headers, byte for byte.
- The link is bound to a backend server: ``X-AnchorMailbox`` is the same from the first call on, or the service refuses
  it ("Expired or Invalid pagination request"). It dies within minutes, so nothing slow happens between two pages.
- "There are more results available" without a link is a truncated answer: an error, never a complete list.
- ``invoke_command`` runs every cmdlet that the caller's role allows; ``v2`` (preview) knows two of ours and no filter
  [admin-api-get-started].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    ConfigurationError,
    IncompleteAnswer,
    incomplete_answer,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import Style, is_guid, quote
from ansible_collections.m365.licensing.plugins.module_utils._http.client import Service
from ansible_collections.m365.licensing.plugins.module_utils._http.paging import LINK, PagedList
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Mailbox

from .parsing import (
    MAIL_USER_SELECT,
    MAILBOX_SELECT,
    SERVICE,
    Organization,
    Pending,
    bytes_from,
    mail_user_from,
    mailbox_from,
    may_need_license,
    organization_from,
    other_kind,
    pending_from,
    text_from,
    unknown_type,
    unlisted_kind,
)

SURFACES = ("invoke_command", "v2")
"""The choices of ``exchange_api``."""

PAGE_SIZE = 1000
"""The largest page [Prefer: odata.maxpagesize]."""

IDS_PER_CALL = 100
"""User ids in one filter of ``mailboxes_by_user_id``: some 6 kB of filter."""

_ENDPOINTS_V2 = {"Get-Mailbox": "Mailbox", "Get-OrganizationConfig": "OrganizationConfig"}
_PARAMETERS_V2 = {"Get-Mailbox": {"Identity", "ResultSize"}, "Get-OrganizationConfig": set[str]()}
_MORE_RESULTS = "more results available"
_NO_GUID = "00000000-0000-0000-0000-000000000000"


class Exchange:
    """Exchange Online through one Service whose base url is the host.

    ``tenant`` is the tenant's GUID or initial domain: a custom domain breaks paging.
    """

    def __init__(self, service: Service, tenant: str, surface: str = "invoke_command") -> None:
        if surface not in SURFACES:
            raise ConfigurationError(f"exchange_api: expected one of {', '.join(SURFACES)}, found {surface!r}")
        self.service = service
        self.surface = surface
        self.unknown_types: set[str] = set()
        """Kinds of mailboxes met so far that this collection does not know, and therefore leaves out."""
        self.other_kinds: dict[str, str] = {}
        """Users met so far whose mailbox needs no license and is left out: its kind, by user id."""
        self.mail_user_ids: set[str] = set()
        """Users asked for by id who are mail users: their mailbox is elsewhere, or they have none."""
        self.unlisted: set[str] = set()
        """Names of mailboxes met so far that are left out, although they may need a license."""
        self.unlisted_kinds: dict[str, str] = {}
        """What these and those of unknown kinds are, by the id of their user and by its lower-case name."""
        self._tenant = tenant

    @property
    def can_filter(self) -> bool:
        """Does this surface let the server filter? (``v2`` reads every mailbox.)"""
        return self.surface == "invoke_command"

    def cmdlet(
        self,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        select: Sequence[str] | None = None,
        anchor: str | None = None,
    ) -> list[dict[str, Any]]:
        """What the cmdlet puts out, all pages of it.

        ``anchor`` is the user principal name of the one mailbox in question. Raises IncompleteAnswer where a page is
        lost, repeated or cut short, ConfigurationError where this surface has no such cmdlet or parameter.
        """
        return list(self._pages(name, dict(parameters or {}), ",".join(select) if select else None, anchor))

    def mailboxes(
        self,
        filter: str | None = None,  # noqa: A002
        *,
        soft_deleted: bool = False,
        skip: Callable[[Mapping[str, Any]], bool] | None = None,
    ) -> list[Mailbox]:
        """User, shared, room and equipment mailboxes, by an OPATH ``filter`` or all; inactive ones are left out.

        So are mailboxes for whose JSON ``skip`` says true.
        """
        parameters: dict[str, Any] = {"ResultSize": "Unlimited"}
        if filter:
            parameters["Filter"] = filter
        if soft_deleted:
            parameters["SoftDeletedMailbox"] = True
        found = []
        with _naming("Get-Mailbox"):
            for raw in self._pages("Get-Mailbox", parameters, MAILBOX_SELECT, None):
                if skip is not None and skip(raw):
                    continue
                if unknown_kind := unknown_type(raw):
                    self.unknown_types.add(unknown_kind)
                if mailbox := mailbox_from(raw, soft_deleted=soft_deleted):
                    found.append(mailbox)
                elif not soft_deleted:
                    if other := other_kind(raw):
                        self.other_kinds.update([other])
                    if name := may_need_license(raw):
                        self.unlisted.add(name)
                    self.unlisted_kinds.update(unlisted_kind(raw))
        return found

    def mail_users(self, filter: str | None = None) -> list[Mailbox]:  # noqa: A002
        """Mail users with an archive in the cloud (their mailbox is on premises), by an OPATH ``filter`` or all."""
        archived = "ArchiveStatus -eq 'Active'"
        return self._archives(f"({archived}) -and ({filter})" if filter else archived)

    def _archives(self, filter: str) -> list[Mailbox]:  # noqa: A002
        found = []
        with _naming("Get-MailUser"):
            parameters = {"ResultSize": "Unlimited", "Filter": filter}
            for raw in self._pages("Get-MailUser", parameters, MAIL_USER_SELECT, None):
                self.mail_user_ids.add(text_from(raw, "ExternalDirectoryObjectId").lower())
                if mailbox := mail_user_from(raw):
                    found.append(mailbox)
        return found

    def mailboxes_by_user_id(
        self, ids: Iterable[str], *, mail_users: bool = False, names: Mapping[str, str] = MappingProxyType({})
    ) -> list[Mailbox]:
        """The mailboxes (or the archives of mail users) of these users; 100 ids a call, calls in parallel.

        ``names``: user principal names, by id, of users whose mailbox may have their name and no id.

        With ``mail_users``, ``mail_user_ids`` then has those of them who are mail users, with an archive or without.
        """
        wanted = {user_id.strip().lower() for user_id in ids if is_guid(user_id)}
        clauses = [clause for user_id in sorted(wanted) for clause in _clauses(user_id, names.get(user_id, ""))]
        read = self._archives if mail_users else self.mailboxes
        if not wanted:
            return []
        if not self.can_filter:
            everybody = self.mail_users() if mail_users else self.mailboxes()
            return [mailbox for mailbox in everybody if mailbox.user_id in wanted]
        filters = [
            " -or ".join(clauses[start : start + IDS_PER_CALL]) for start in range(0, len(clauses), IDS_PER_CALL)
        ]
        found = [mailbox for some in self.service.client.parallel(read, filters) for mailbox in some]
        if not names:
            return found
        # The name of one user may be on a mailbox with the id of another, which two calls then return.
        once = {box.guid or box.user_principal_name: box for box in found if box.user_id in wanted or not box.user_id}
        return list(once.values())

    def pending_delicense(self, *, due_only: bool = False) -> Pending:
        """Whose mailbox Exchange is about to take away, as the license has gone [Get-PendingDelicenseUser].

        It answers in tenants without delicensing resiliency, too, with those who were listed before it was turned off.
        ``due_only``: those alone whose delay has ended [ShowDueObjectsOnly]. Not on the surface ``v2``.
        """
        parameters: dict[str, Any] = {"ResultSize": "Unlimited"}
        if due_only:
            parameters["ShowDueObjectsOnly"] = True
        with _naming("Get-PendingDelicenseUser"):
            return pending_from(self._pages("Get-PendingDelicenseUser", parameters, None, None))

    def organization(self) -> Organization:
        """What is set for the whole organization [Get-OrganizationConfig].

        ``DelayedDelicensingEnabled`` is a parameter of Set-OrganizationConfig. What Get-OrganizationConfig returns is
        ``DelayedDelicensingEnabledState``: a text, or null.
        """
        with _naming("Get-OrganizationConfig"):
            found = self.cmdlet("Get-OrganizationConfig")
            if len(found) != 1:
                raise incomplete_answer(SERVICE, f"Get-OrganizationConfig gave {len(found)} entries, expected one")
            return organization_from(found[0])

    def mailbox_bytes(self, identity: str, *, soft_deleted: bool = False) -> int | None:
        """The size of one mailbox in bytes [Get-MailboxStatistics: TotalItemSize]. One call: only for few.

        None where there are no statistics, as the mailbox was never opened.

        ``identity`` is best its GUID: a soft-deleted mailbox may share the user principal name.
        """
        # the anchor is a header and takes no other characters; the system mailbox serves as well
        anchor = identity if "@" in identity and identity.isascii() else None
        parameters: dict[str, Any] = {"Identity": identity}
        if soft_deleted:
            parameters["IncludeSoftDeletedRecipients"] = True
        found = self.cmdlet("Get-MailboxStatistics", parameters, anchor=anchor)
        if not found:
            return None
        if len(found) != 1:
            raise incomplete_answer(
                SERVICE, f"Get-MailboxStatistics gave {len(found)} entries for {identity}, expected one"
            )
        size = bytes_from(found[0].get("TotalItemSize"))
        if size is None:
            raise incomplete_answer(SERVICE, f"Get-MailboxStatistics gave no size for {identity}")
        return size

    def _pages(
        self, name: str, parameters: dict[str, Any], select: str | None, anchor: str | None
    ) -> Iterator[dict[str, Any]]:
        phase = " ".join([name, *(f"-{switch}" for switch, value in parameters.items() if value is True)])
        path = self._path(name, parameters)
        params = {"$select": select} if select else None
        body = {"CmdletInput": {"CmdletName": name, "Parameters": parameters}}
        system = f"APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{self._tenant}"
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-AnchorMailbox": f"UPN:{anchor}" if anchor else system,
            "Prefer": f"odata.maxpagesize={PAGE_SIZE}",
        }
        listed = PagedList(SERVICE, name)

        def fetch(link: str | None) -> Any:
            try:
                return self.service.request(
                    "POST", link or path, params=None if link else params, json=body, headers=headers, idempotent=True
                ).body
            except ApiError as error:
                # of signing in there is one failure for all threads, and no cmdlet is to blame
                if link is None and error.service == self.service.name:
                    error.message = f"{name}: {error.message}"
                raise

        def on_page(answer: Any, number: int, read: int) -> None:
            more = answer.get(LINK)
            if more is None and any(_MORE_RESULTS in text.casefold() for text in _warnings(answer)):
                raise listed.incomplete(f"page {number} of {name} says that there are more results, without a link")
            self.service.client.progress(phase, read, None if more else read)

        return listed.read(fetch, on_page, _key)

    def _path(self, name: str, parameters: Mapping[str, Any]) -> str:
        tenant = quote(self._tenant, Style.PATH)
        if self.surface == "invoke_command":
            return f"/adminapi/beta/{tenant}/InvokeCommand"
        endpoint = _ENDPOINTS_V2.get(name)
        if endpoint is None:
            raise ConfigurationError(
                f"exchange_api: v2 has no cmdlet {name}", hint="Use exchange_api=invoke_command for this."
            )
        unknown = sorted(set(parameters) - _PARAMETERS_V2[name])
        if unknown:
            raise ConfigurationError(
                f"exchange_api: {name} of v2 has no parameter {', '.join(unknown)}",
                hint="Use exchange_api=invoke_command for this.",
            )
        return f"/adminapi/v2.0/{tenant}/{endpoint}"


def _clauses(user_id: str, name: str) -> Iterator[str]:
    """What finds the mailboxes of one user in a filter: by id, and by name if there is one."""
    yield f"ExternalDirectoryObjectId -eq {quote(user_id, Style.OPATH)}"
    if name:
        with suppress(ValueError):
            yield f"UserPrincipalName -eq {quote(name, Style.OPATH)}"


def _warnings(body: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for key in ("@adminapi.warnings", "adminapi.warnings"):
        value = body.get(key)
        found += [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
    return found


def _key(item: Any) -> str | None:
    # two recipients can have one ExchangeGuid, so Guid is what must not come twice
    if not isinstance(item, dict):
        return None
    key = text_from(item, "Guid") or text_from(item, "ExchangeGuid")
    return "" if key == _NO_GUID else key


@contextmanager
def _naming(cmdlet: str) -> Iterator[None]:
    """Name the cmdlet in the error about one of its elements."""
    try:
        yield
    except IncompleteAnswer as error:
        if cmdlet not in error.message:
            error.message = f"{cmdlet}: {error.message}"
        raise
