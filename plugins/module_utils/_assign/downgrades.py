# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the mailboxes that use what a change of licenses takes away.

A change from Plan 2 to Plan 1 harms no small mailbox, and ends the archive or the hold of another. Only Exchange knows
which they are, so it is asked about the users whose change takes something away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._audit.filters import by_upn
from ansible_collections.m365.licensing.plugins.module_utils._audit.mailbox_sizes import MEASURED_AT_MOST, large_among
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import M365Error, summarize
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import apply_to, uncovered_by
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    PLAN2_OR_ADDON,
    granted,
    needs_of,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.mailbox_room import (
    LARGE,
    ROOMS,
    has_room_of_its_own,
    room_of,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    RESOURCE_TYPES,
    LicenseChange,
    Mailbox,
    PlanClass,
    RecipientType,
    Sku,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.plan_effects import abilities_lost, need_lost

Classes = frozenset[PlanClass]

SMALLER = "a mailbox over 50 GB needs more than the 2 GB of Exchange Online Kiosk, and this change takes away more"
NOTHING_LEFT = "a mailbox needs a license that keeps it, and this change takes away the last one"


class SizesUnknown(M365Error):
    """Too many mailboxes to measure each, and no report that says which of them are large."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} mailboxes would get a smaller Exchange Online plan, more than the {MEASURED_AT_MOST} that are "
            "measured one by one, and the usage report does not say which of them are over 50 GB.",
            code="sizes_unknown",
            hint="Consent to Reports.Read.All and let the reports show names, or name fewer users in one task.",
        )


class Downgrade(NamedTuple):
    """What the plans of one user allow before and after a change, and what is lost, one sentence each."""

    user: User
    before: Classes
    after: Classes
    lost: tuple[str, ...]
    uncovers: bool = False
    """Is there nothing left that keeps a mailbox, or the archive of a mailbox on premises?"""

    @property
    def loses_plan2(self) -> bool:
        """Does the limit for the size of the mailbox shrink?"""
        return PlanClass.PLAN2 in self.before - self.after

    @property
    def shrinks(self) -> bool:
        """Is the best mailbox plan smaller than before?"""
        return _room(self.after) < _room(self.before)

    @property
    def takes_from_unlisted(self) -> bool:
        """Does a mailbox that may have an archive or a hold lose what it needs?"""
        return self.uncovers or bool(need_lost(PLAN2_OR_ADDON, self.before, self.after))

    def takes_from(self, box: Mailbox) -> bool:
        """Does this mailbox have what it needs, or at least what keeps it, before, and not after?"""
        needs = needs_of(box)
        if self.uncovers:
            return bool(needs)
        return bool(need_lost(needs, self.before, self.after)) or (box.over_50_gb and self.shrinks)

    def depends_on_size(self, box: Mailbox) -> bool:
        """Does its size decide? A mailbox of a user that loses its last plan needs one of any size."""
        if box.recipient_type is RecipientType.ARCHIVE:
            return False
        return self.loses_plan2 or (self.shrinks and (box.recipient_type in RESOURCE_TYPES or not self.uncovers))


def _room(classes: Classes) -> int:
    return max((ROOMS[item] for item in classes & ROOMS.keys()), default=0)


def find_downgrades(
    users: Mapping[str, User], changes: Iterable[LicenseChange], skus: Mapping[str, Sku], catalog: Catalog
) -> list[Downgrade]:
    """The changes that take something away from their users' plans. Sends no request."""
    found = []
    for change in changes:
        user = users[change.user_id]
        held = {state.sku_id for state in user.license_states if state.direct}
        if not change.remove and held.isdisjoint(item.sku_id for item in change.add):
            continue  # what only adds licenses takes no plan away
        before, after = granted(user, catalog), granted(apply_to(user, change, skus), catalog)
        uncovers = uncovered_by(user, change, skus, catalog)
        smaller = (SMALLER,) if _room(after) < _room(before) and PlanClass.PLAN2 not in before else ()
        lost = (NOTHING_LEFT,) if uncovers else (*abilities_lost(before, after), *smaller)
        if lost:
            found.append(Downgrade(user, before, after, lost, uncovers))
    return found


def affected_mailboxes(
    graph: Graph, exchange: Callable[[], Exchange], downgrades: Sequence[Downgrade]
) -> dict[str, list[str]]:
    """What mailboxes would lose that they use, in words, by user principal name.

    Raises SizesUnknown, and the errors of asking Exchange.
    """
    if not downgrades:
        return {}
    service = exchange()
    owned = _mailboxes_of(service, downgrades)
    to_measure = [box for item, box in owned if item.depends_on_size(box)]
    sizes = large_among(graph, service, to_measure)
    if sizes is None:
        raise SizesUnknown(len(to_measure))
    # a mailbox without a known size may be as large
    unknown = {box.guid: box._replace(over_50_gb=True) for box in sizes.failed}
    found: dict[str, list[str]] = {}
    for item, owned_box in owned:
        box = {**sizes.large, **unknown}.get(owned_box.guid, owned_box)
        if item.takes_from(box):
            found.setdefault(item.user.user_principal_name, []).extend(_uses(item.user, box, box.guid in unknown))
    for item in downgrades:
        kind = service.unlisted_kinds.get(item.user.id) or service.unlisted_kinds.get(_name_of(item.user))
        if kind and item.takes_from_unlisted:
            found.setdefault(item.user.user_principal_name, []).append(kind)
    return found


def room_warnings(
    graph: Graph,
    exchange: Callable[[], Exchange],
    users: Mapping[str, User],
    changes: Iterable[LicenseChange],
    skus: Mapping[str, Sku],
    catalog: Catalog,
) -> list[str]:
    """Warnings about mailboxes over 50 GB that lose a Business license, which is said to have 100 GB, for Plan 1.

    That it has is not documented, so nothing is refused because of it. The mailbox's own quota is the other evidence.
    """
    before = {}
    for change in changes:
        user = users[change.user_id]
        after = apply_to(user, change, skus)
        rooms = [room_of(item, granted(item, catalog), catalog) for item in (user, after)] if change.remove else []
        if rooms and rooms[0].sure == rooms[1].sure and rooms[1].said < rooms[0].said:
            before[user.id] = rooms[0]
    if not before:
        return []
    names = [users[user_id].user_principal_name for user_id in sorted(before)]
    try:
        service = exchange()
        boxes = [box for box in service.mailboxes_by_user_id(before) if (box.quota or 0) > LARGE]
        sizes = large_among(graph, service, boxes)
    except M365Error as error:
        why = error.message.rstrip(".")
        return [f"{_BUSINESS_LOST} Whether these mailboxes are is not known ({why}): {summarize(names)}"]
    if sizes is None or sizes.failed:
        failed = boxes if sizes is None else sizes.failed
        unknown = sorted(box.user_principal_name for box in failed)
        return [f"{_BUSINESS_LOST} Whether these mailboxes are is not known: {summarize(unknown)}"]
    large = [box for box in sizes.large.values() if has_room_of_its_own(box, before[box.user_id])]
    found = sorted(users[box.user_id].user_principal_name for box in large)
    return [f"{_BUSINESS_LOST} These mailboxes are: {summarize(found)}"] if found else []


_BUSINESS_LOST = (
    "Business licenses are said to have 100 GB, and Exchange Online Plan 1, which is left, has 50 GB, so Exchange may "
    "refuse mail to mailboxes over 50 GB."
)


def affected_users(graph: Graph, exchange: Callable[[], Exchange], downgrades: Sequence[Downgrade]) -> set[str]:
    """The ids of users whose mailbox uses what they lost; all of them where Exchange does not say."""
    try:
        names = affected_mailboxes(graph, exchange, downgrades).keys()
    except M365Error:
        return {item.user.id for item in downgrades}
    return {item.user.id for item in downgrades if item.user.user_principal_name in names}


def _mailboxes_of(service: Exchange, downgrades: Sequence[Downgrade]) -> list[tuple[Downgrade, Mailbox]]:
    """The mailboxes and archives of these users, by their id, and by their name where the id is missing or another's.

    An empty ``ExternalDirectoryObjectId`` is no proof that a mailbox has no user. Raises ConfigurationError with
    ``exchange_api: v2``, which cannot list mail users.
    """
    by_id = {item.user.id: item for item in downgrades}
    by_name = {_name_of(item.user): item for item in downgrades}
    boxes = service.mailboxes_by_user_id(by_id) + service.mailboxes_by_user_id(by_id, mail_users=True)
    owned = {(by_id[box.user_id].user.id, box.guid): (by_id[box.user_id], box) for box in boxes}
    for box in _named_like(service, by_name):
        item = by_name.get(lowered(box.user_principal_name))
        if item is not None:
            owned.setdefault((item.user.id, box.guid), (item, box))
    return list(owned.values())


def _named_like(service: Exchange, names: Iterable[str]) -> Iterator[Mailbox]:
    filters = by_upn(names, any_kind=True)
    for read in (service.mailboxes, service.mail_users):
        for boxes in service.service.client.parallel(read, filters):
            yield from boxes


def _name_of(user: User) -> str:
    return lowered(user.user_principal_name)


def _uses(user: User, box: Mailbox, size_unknown: bool) -> list[str]:
    """What of a mailbox needs more than a small plan, in words; and why it is taken for that of this user."""
    size = "a size that Exchange does not return" if size_unknown else "over 50 GB"
    words = ((box.over_50_gb, size), (box.archive, "an archive"), (box.hold, "a litigation hold"))
    uses = [word for flag, word in words if flag]
    if box.user_id == user.id:
        return uses or ["a mailbox"]
    bears = "the ExternalDirectoryObjectId of another user" if box.user_id else "no ExternalDirectoryObjectId"
    return [f"a mailbox with this name and {bears}", *uses]
