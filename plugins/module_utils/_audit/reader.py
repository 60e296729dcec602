# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what an audit looks at: three independent signals, and the details of whom they point to.

``filtered`` lets the services find the candidates and reads the details of those alone; ``full`` looks at every mailbox
and every user (``full_scan.py``). A signal that the services refuse to give (403, 404: consent, national cloud, beta
gone) is a warning and the others carry on. The lists of mailboxes and of users are the inventory: where one of them
fails, or breaks off half way, there is an error and never a shorter list. What only adds to them (the portal's flag,
dates, sizes) is left out as a whole where it fails, with a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    ConfigurationError,
    NotFound,
    PermissionDenied,
    summarize,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import guid, is_guid
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import IDS_PER_CALL, Exchange
from ansible_collections.m365.licensing.plugins.module_utils._exchange.delicensing import Delicensing, read_delicensing
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._graph.recycle_bin import deleted_users
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN, Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import granted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.deadlines import DISCONNECTED_DAYS
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    MAILBOX_CLASSES,
    RESOURCE_TYPES,
    Mailbox,
    PlanClass,
    RecipientType,
    Sku,
    User,
)

from . import filters
from .full_scan import FullScan
from .mailbox_sizes import SharedSizes
from .snapshot import SIGNALS, Readings

T = TypeVar("T")

_LONG_AGO = timedelta(days=2 * DISCONNECTED_DAYS + 5)
"""After this a mailbox cannot be restored: two periods of 30 days, and five days for late records."""

_IN_MAILBOX_LIST = RESOURCE_TYPES | {RecipientType.USER}


class Reader:
    """One audit's reading: ``read()`` once."""

    def __init__(
        self,
        graph: Graph,
        exchange: Exchange,
        *,
        catalog: Catalog,
        recipient_types: Collection[RecipientType],
        identities: Iterable[str],
        strategy: str,
        shared_mailbox_sizes: str,
        everybody: bool = False,
        skus: Sequence[Sku] | None = None,
        known: Iterable[User] = (),
        now: datetime | None = None,
    ) -> None:
        self._graph, self._exchange, self._catalog = graph, exchange, catalog
        self._types = frozenset(recipient_types)
        self._identities, self._known = list(identities), {user.id: user for user in known}
        self._sizes, self._keep_all = shared_mailbox_sizes, everybody
        self._now = now
        self._read_skus = graph.subscribed_skus if skus is None else lambda: list(skus)
        self._parallel = graph.service.client.parallel
        self.got = Readings(strategy=self._choose(strategy))

    def _choose(self, strategy: str) -> str:
        if self._exchange.can_filter:
            return "filtered" if strategy == "auto" else strategy
        if strategy == "filtered":
            raise ConfigurationError(
                "strategy: filtered needs exchange_api=invoke_command; v2 cannot filter",
                hint="Use strategy=full or auto.",
            )
        return "full"

    def read(self) -> Readings:
        """All readings. Raises the error of a list that breaks off, and PermissionDenied if no signal is available."""
        got = self.got
        if self._identities:
            got.only = frozenset(self._resolve())
        self._side_data()
        if got.only is not None:
            self._named(got.only)
        elif got.strategy == "full" and self._keep_all:
            self._everything()
        elif got.strategy == "full":
            self._full_scan()
        else:
            self._candidates()
        if all(got.signals.get(signal, "ok") != "ok" for signal in SIGNALS):
            raise PermissionDenied(
                "None of the three signals is available: "
                + "; ".join(f"{name}: {got.signals[name]}" for name in SIGNALS),
                code="no_signal",
                hint="Consent to User.Read.All (Graph), or give the application an Exchange role.",
            )
        got.other_kinds = dict(self._exchange.other_kinds)
        if got.signals.get("exchange_archive") == "ok":
            got.mail_users = frozenset(self._exchange.mail_user_ids)
        if got.mailboxes_known:
            self._shared_sizes()
        if unlisted := sorted(self._exchange.unlisted):
            got.warnings.append(
                "Scheduling mailboxes with an archive or a hold may need a license, but are not listed: "
                f"{summarize(unlisted)}."
            )
        if types := self._exchange.unknown_types:
            got.warnings.append(
                f"Mailboxes of a kind that this collection does not know were left out: {', '.join(sorted(types))}."
            )
        return got

    # what every strategy needs ------------------------------------------------------------------------------------

    def _resolve(self) -> list[str]:
        ids = [guid(text) for text in self._identities if is_guid(text)]
        upns = [text.strip() for text in self._identities if not is_guid(text)]
        by_id = self._known | self._graph.users_by_id([user_id for user_id in ids if user_id not in self._known])
        by_upn = self._graph.users_by_upn(upns)
        missing = [item for item in ids if item not in by_id] + [item for item in upns if lowered(item) not in by_upn]
        if missing:
            raise self._unknown(missing)
        found = {**by_id, **{user.id: user for user in by_upn.values()}}
        self.got.users = found
        return list(found)

    def _unknown(self, missing: Sequence[str]) -> ConfigurationError:
        """The error about users that the tenant does not have. A deleted user is found by id alone."""
        try:
            gone = deleted_users(self._graph, filter(is_guid, missing))
        except ApiError:
            gone = {}
        problems = [
            f"identities: user {item!r} was deleted on {gone[lowered(item)].deleted:%Y-%m-%d}"
            if lowered(item) in gone
            else f"identities: no user {item!r} in this tenant"
            for item in missing
        ]
        hint = "A deleted user is in the recycle bin of the directory for 30 days: restore the user first."
        return ConfigurationError(problems, hint=hint)

    def _side_data(self) -> None:
        """SKUs, subscriptions, the portal's flag and pending delicensing: each in a request or two."""
        jobs: list[Callable[[], Any]] = [
            lambda: self._optional("subscribed_skus", "seats and plans of the SKUs", self._read_skus),
            lambda: self._optional(
                "subscriptions", "dates of suspended and expiring licenses", self._graph.subscriptions
            ),
            lambda: self._optional(
                "license_reconciliation_needed",
                "Graph's isLicenseReconciliationNeeded",
                self._graph.reconciliation_user_ids,
            ),
            self._pending,
        ]
        skus, subscriptions, reconciliation, pending = self._all(*jobs)
        got = self.got
        got.skus = {sku.id: sku for sku in skus or ()}
        self._catalog = self._catalog.in_tenant(skus or ())
        for item in subscriptions or ():
            got.subscriptions[item.sku_id] = (*got.subscriptions.get(item.sku_id, ()), item)
        got.reconciliation = reconciliation
        if pending is not None:
            got.pending, got.overdue = dict(pending.due), pending.overdue
            got.organization = pending.organization
            got.warnings += pending.warnings

    def _all(self, *jobs: Callable[[], Any]) -> list[Any]:
        """The answers of all jobs, run in parallel, in their order."""
        return list(self._parallel(lambda job: job(), jobs))

    def _pending(self) -> Delicensing | None:
        what = "deadlines of delicensing resiliency"
        return self._optional("pending_delicense", what, lambda: read_delicensing(self._exchange))

    def _optional(self, signal: str, what: str, call: Callable[[], T], *, inventory: bool = False) -> T | None:
        """The answer, or None and a warning if the call fails. Of an ``inventory`` only a refusal is a warning."""
        try:
            answer = call()
        except ApiError as error:
            if inventory and not isinstance(error, (PermissionDenied, NotFound)):
                raise
            self.got.signals[signal] = error.message
            if inventory:
                self.got.remedies.append(error.hint or error.message)
            self.got.warnings.append(f"Without {what} (signal {signal}): {error}")
            return None
        self.got.signals[signal] = "ok"
        return answer

    # strategies -----------------------------------------------------------------------------------------------------

    def _candidates(self) -> None:
        """``filtered``: asks the services for candidates, then reads their details."""
        got = self.got
        lists = self._all(
            lambda: self._exchange_list(lambda: self._exchange.mailboxes(filters.mailbox_candidates(self._catalog))),
            lambda: self._exchange_list(
                lambda: self._exchange.mail_users(filters.archive_candidates(self._catalog)), RecipientType.ARCHIVE
            ),
            lambda: self._exchange_list(
                lambda: self._exchange.mailboxes(soft_deleted=True), RecipientType.SOFT_DELETED
            ),
            self._graph_candidates,
            self._no_rights,
        )
        for mailboxes in lists[:3]:
            got.mailboxes += mailboxes or []
        candidates, got.no_rights_users = lists[3], lists[4] or []
        exchange_ids = {mailbox.user_id for mailbox in got.mailboxes if mailbox.user_id}
        upns = [key for key in got.pending if not is_guid(key)]
        named = self._graph.users_by_upn(upns) if candidates is not None else {}
        known = {user.id: user for user in (*(candidates or ()), *named.values())}
        graph_ids = {user.id for user in candidates or () if self._may_have_a_mailbox(user)} | {
            user.id for user in named.values()
        }
        graph_ids |= {*(got.reconciliation or ()), *filter(is_guid, got.pending)}
        graph_ids |= self._with_add_on(got.no_rights_users)
        if candidates is not None:
            known.update(self._graph.users_by_id(sorted((exchange_ids | graph_ids) - set(known))))
            got.users = known
        if got.mailboxes_known:
            active = {box.user_id for box in got.mailboxes if box.recipient_type is not RecipientType.SOFT_DELETED}
            ask = graph_ids - active
            names = self._names(known, graph_ids - active)
            if ask and len(graph_ids | active) + len(names) <= IDS_PER_CALL:
                # Later the others are checked for a second mailbox. Here that takes no further request.
                ask = graph_ids | active
            listed = {box.guid for box in got.mailboxes}
            found = self._exchange.mailboxes_by_user_id(ask, names=names)
            # A candidate of Graph may be a mail user whose archive Exchange records as covered.
            rest = graph_ids - active - {box.user_id for box in found}
            got.mailboxes += [box for box in found if box.guid not in listed]
            got.read_by_id |= ask
            if got.signals.get("exchange_archive") == "ok":
                archives = self._exchange.mailboxes_by_user_id(rest, mail_users=True, names=names)
                got.mailboxes += [box for box in archives if box.guid not in listed]
            got.read_by_name |= names.keys() & rest

    def _everything(self) -> None:
        """``full`` with the details of every mailbox and every user."""
        users = self._read_all(self._exchange.mailboxes, self._graph.users)
        if users is not None:
            self.got.users, self.got.everybody = {user.id: user for user in users}, True
            self._note_no_rights()

    def _full_scan(self) -> None:
        """``full``: reads every mailbox and every user, and keeps details of those that may be at risk."""
        got = self.got
        scan = FullScan(self._catalog, got.skus, {*(got.reconciliation or ()), *got.pending})

        def everybody() -> FullScan:
            for raw in self._graph.user_elements():
                scan.add_user(raw)
            return scan

        # Without filters Exchange cannot be asked again for single mailboxes, so each is kept.
        skip = scan.add_mailbox if self._exchange.can_filter else None
        seen = self._read_all(lambda: self._exchange.mailboxes(skip=skip), everybody)
        got.scan = scan
        if seen is None:
            return
        closer = scan.needs_details(got.mailboxes, self._exchange.other_kinds.keys())
        got.users = {**scan.users, **self._graph.users_by_id(sorted(closer - scan.users.keys()))}
        known = {box.guid for box in got.mailboxes}
        again = self._exchange.mailboxes_by_user_id(closer & scan.plain_mailboxes.keys())
        got.mailboxes += [box for box in again if box.guid not in known]
        scan.discard(closer)
        self._note_no_rights()

    def _read_all(self, mailboxes: Callable[[], list[Mailbox]], users: Callable[[], T]) -> T | None:
        """Read all lists in parallel, keep the mailboxes, and return the answer of ``users``."""
        lists = self._all(
            lambda: self._exchange_list(mailboxes),
            lambda: self._exchange_list(self._exchange.mail_users, RecipientType.ARCHIVE),
            lambda: self._exchange_list(
                lambda: self._exchange.mailboxes(soft_deleted=True), RecipientType.SOFT_DELETED
            ),
            lambda: self._optional("assigned_plans", "users and their plans", users, inventory=True),
        )
        for some in lists[:3]:
            self.got.mailboxes += some or []
        found: T | None = lists[3]
        return found

    def _note_no_rights(self) -> None:
        users = (self.got.users or {}).values()
        self.got.no_rights_users = [user for user in users if any(map(self._is_no_rights, user.license_states))]

    def _named(self, ids: frozenset[str]) -> None:
        """``identities``: reads the details of these users with any strategy."""
        got = self.got
        got.signals["assigned_plans"] = "ok"
        got.no_rights_users = list((got.users or {}).values())
        lists = self._all(
            lambda: self._exchange_list(lambda: self._exchange.mailboxes_by_user_id(ids)),
            lambda: self._exchange_list(
                lambda: self._exchange.mailboxes_by_user_id(ids, mail_users=True), RecipientType.ARCHIVE
            ),
            lambda: self._exchange_list(
                lambda: self._exchange.mailboxes(soft_deleted=True), RecipientType.SOFT_DELETED
            ),
        )
        names = {lowered(user.user_principal_name) for user in (got.users or {}).values()}
        for mailboxes in lists:
            got.mailboxes += [
                mailbox
                for mailbox in mailboxes or ()
                if mailbox.user_id in ids or (not mailbox.user_id and lowered(mailbox.user_principal_name) in names)
            ]

    def _exchange_list(
        self, call: Callable[[], list[Mailbox]], only: RecipientType | None = None
    ) -> list[Mailbox] | None:
        """One list of Exchange; None if the API has no such list.

        It is read even if its recipients are not audited, so that users with an archive or a soft-deleted mailbox do
        not count as users without a mailbox.
        """
        if only is not None and not self._exchange.can_filter:
            if only in self._types:
                self.got.not_examined.append(only.value)
                self.got.hidden.append(only.value)
                self.got.warnings.append(f"exchange_api=v2 shows no {only.value} recipients: they were not examined.")
            return None
        signal = "exchange_sku_assigned" if only is None else f"exchange_{only.value}"
        found = self._optional(signal, "the mailboxes of Exchange", call, inventory=True)
        if found is None:
            kinds = _IN_MAILBOX_LIST if only is None else {only}
            self.got.not_examined += [kind.value for kind in kinds & self._types]
        return found

    def _graph_candidates(self) -> list[User] | None:
        text = filters.licensed_without_mailbox_plan(self._catalog)
        return self._optional(
            "assigned_plans", "users and their plans", lambda: self._graph.users(text), inventory=True
        )

    def _no_rights(self) -> list[User]:
        held = self._catalog.no_rights_skus
        if self.got.signals["subscribed_skus"] == "ok":
            held = held & self.got.skus.keys()
        if not held:
            return []
        text = filters.held_by_no_rights(held, self._catalog)
        what = "holders of licenses without mailbox rights"
        return self._optional("no_mailbox_rights", what, lambda: self._graph.users(text)) or []

    def _may_have_a_mailbox(self, user: User) -> bool:
        """May this user, who has no mailbox plan in Graph, have a mailbox to ask Exchange for?

        Not if the only plan was removed long ago. Then Exchange lists a mailbox in use as unlicensed, and a
        disconnected one cannot be restored.
        """
        if user.license_states:
            return True
        now = self._now or self._graph.service.client.wall.now()
        had = MAILBOX_CLASSES | {PlanClass.ARCHIVING}
        plans = [
            plan
            for plan in user.assigned_plans
            if not {self._catalog.plan_class(plan.plan_id), BUILTIN.plan_class(plan.plan_id)}.isdisjoint(had)
        ]
        return not plans or any(
            plan.capability.casefold() != "deleted" or plan.assigned is None or plan.assigned + _LONG_AGO >= now
            for plan in plans
        )

    def _names(self, users: Mapping[str, User], ids: Collection[str]) -> dict[str, str]:
        """The names, by id, of those users whose mailbox may be lost, so that it is looked for by name, too."""
        classes, signals = self._catalog.plan_classes, {*(self.got.reconciliation or ()), *self.got.pending}
        return {
            user_id: user.user_principal_name
            for user_id in ids
            if (user := users.get(user_id)) is not None
            and (
                not {user_id, lowered(user.user_principal_name)}.isdisjoint(signals)
                or any(classes.get(plan.plan_id) in MAILBOX_CLASSES and not plan.usable for plan in user.assigned_plans)
            )
        }

    def _with_add_on(self, users: Iterable[User]) -> set[str]:
        """Users whom Exchange records as covered because of the archiving add-on, which grants no mailbox by itself."""
        return {user.id for user in users if PlanClass.ARCHIVING in granted(user, self._catalog)}

    def _is_no_rights(self, state: Any) -> bool:
        return self._catalog.no_rights(state.sku_id)

    # sizes ----------------------------------------------------------------------------------------------------------

    def _shared_sizes(self) -> None:
        """Marks shared, room and equipment mailboxes over 50 GB."""
        if self._sizes != "never" and self._types & RESOURCE_TYPES:
            SharedSizes(self._graph, self._exchange, self.got, self._sizes).mark()
