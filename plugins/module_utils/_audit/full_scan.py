# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole tenant at a glance: each mailbox and each user is looked at, and forgotten where it is plain that it is safe.

What is kept of the many is what their plans grant, by user id. Whoever takes a closer look is kept, or read again: then
it is judged as if the services had pointed to it. Nobody is left out by a glance, only put off to the closer look.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.identity import name_key
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import is_guid
from ansible_collections.m365.licensing.plugins.module_utils._exchange.parsing import usual_mailbox
from ansible_collections.m365.licensing.plugins.module_utils._graph.parsing import Glance, user_from
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    ANY_MAILBOX,
    granted,
    has_mailbox_plan,
    is_covered,
    needs_of,
    usual_needs,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    MAILBOX_CLASSES,
    Mailbox,
    PlanClass,
    RecipientType,
    Sku,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.ownership import IN_USE


def _trace(name: str) -> int:
    """A number in place of a name. Two names have the same number once in a thousand million times."""
    return hash(name_key(name)) & 0x3FFFFFFF


_NO_NAME = _trace("")


class Survey:
    """``flagged``: ids and case-folded user principal names of those whom some signal calls unlicensed."""

    def __init__(self, catalog: Catalog, skus: Mapping[str, Sku], flagged: Collection[str]) -> None:
        self.users: dict[str, User] = {}
        """Those to whom a glance does not do justice."""
        self.grants: dict[str, frozenset[PlanClass]] = {}
        """What the plans of the others grant, by user id."""
        self.usual: dict[str, int] = {}
        """The users of mailboxes that no signal calls unlicensed.

        The value is a trace of the mailbox's name, and in its last bits whether there is an archive, and a hold.
        """
        self._names: dict[str, int] = {}
        """A trace of the name of each user, by id."""
        self._twice: set[str] = set()
        """The users of more than one usual mailbox."""
        self._catalog, self._flagged = catalog, flagged
        self._glance = Glance(catalog.plan_classes, catalog.no_rights_skus)
        self._without_mailbox = {sku.id for sku in skus.values() if not catalog.grants_mailbox(sku)}
        self._shared: dict[frozenset[PlanClass], frozenset[PlanClass]] = {}

    def take_user(self, raw: Mapping[str, Any]) -> None:
        """Look at one element of ``/users``. Raises IncompleteAnswer where a part of it is missing."""
        classes = self._glance(raw)
        if classes is None or (not classes & MAILBOX_CLASSES and (self._licensed(raw) or self._had_mailbox(raw))):
            user = user_from(raw)
            self.users[user.id] = user
        else:
            user_id = raw["id"].strip().lower()
            self.grants[user_id] = self._shared.setdefault(classes, classes)
            self._names[user_id] = _trace(raw["userPrincipalName"])

    def _licensed(self, raw: Mapping[str, Any]) -> bool:
        """May one of the licenses carry a mailbox? Then why its plan is not at work is a question."""
        states = raw["licenseAssignmentStates"]
        return any(state["skuId"].strip().lower() not in self._without_mailbox for state in states)

    def _had_mailbox(self, raw: Mapping[str, Any]) -> bool:
        """Was a mailbox plan taken away? Then its mailbox may be disconnected, and in no list of Exchange."""
        classes = self._catalog.plan_classes
        return any(
            classes.get(plan["servicePlanId"].strip().lower()) in MAILBOX_CLASSES for plan in raw["assignedPlans"]
        )

    def take_mailbox(self, raw: Mapping[str, Any]) -> bool:
        """Look at what Get-Mailbox says of one. True: it is a usual one, and noted."""
        found = usual_mailbox(raw, self._flagged)
        if found is None:
            return False
        user_id, name, archive, hold = found
        if user_id in self.usual:
            self._twice.add(user_id)
        self.usual[user_id] = _trace(name) << 2 | archive << 1 | hold
        return True

    def knows(self, user_id: str) -> bool:
        """Is there such a user?"""
        return user_id in self.grants or user_id in self.users

    def suspects(self, mailboxes: Collection[Mailbox], others: Collection[str] = ()) -> set[str]:
        """Who takes a closer look: for the sake of ``mailboxes``, of a usual one, or of a signal.

        ``others``: the users of mailboxes in use that are of no recipient type.
        """
        found = {box.user_id for box in mailboxes if box.user_id in self.grants and self._doubtful(box)}
        found |= {user_id for user_id in self.usual if self.knows(user_id) and not self._covers_usual(user_id)}
        found |= self._flagged_by_name()
        return found | (self.grants.keys() & self._flagged) | self._unsure(mailboxes) | (self.usual.keys() & others)

    def _flagged_by_name(self) -> set[str]:
        """Users whom a signal names without their id."""
        traces = {_trace(name) for name in self._flagged if not is_guid(name)}
        return {user_id for user_id, trace in self._names.items() if trace in traces} if traces else set()

    def _unsure(self, mailboxes: Collection[Mailbox]) -> set[str]:
        """The users of more than one mailbox in use, and those of a mailbox with another name."""
        boxes = [box for box in mailboxes if box.recipient_type in IN_USE]
        found = self._twice | {box.user_id for box in boxes if box.user_id in self.usual}
        found |= {
            box.user_id
            for box in boxes
            if box.user_id in self.grants and self._names[box.user_id] != _trace(box.user_principal_name)
        }
        return found | {user_id for user_id, packed in self.usual.items() if self._renamed(user_id, packed >> 2)}

    def _renamed(self, user_id: str, trace: int) -> bool:
        """Has the mailbox another name than its user, or nobody has its id? A mailbox without a name says nothing."""
        user = self.users.get(user_id)
        name = self._names.get(user_id) if user is None else _trace(user.user_principal_name)
        return trace not in (name, _NO_NAME)

    def forget(self, suspects: Collection[str]) -> None:
        """Those who are read again are known from there, and who has gone since is known no more."""
        for user_id in suspects:
            self.usual.pop(user_id, None)
            self.grants.pop(user_id, None)

    def _doubtful(self, mailbox: Mailbox) -> bool:
        soft_deleted = mailbox.recipient_type is RecipientType.SOFT_DELETED
        return soft_deleted or not is_covered(needs_of(mailbox), self.grants[mailbox.user_id])

    def _covers_usual(self, user_id: str) -> bool:
        found = self.usual[user_id]
        needs = usual_needs(archive=bool(found & 2), hold=bool(found & 1))
        if user := self.users.get(user_id):
            safe = needs == ANY_MAILBOX and has_mailbox_plan(user, self._catalog)
            return safe or is_covered(needs, granted(user, self._catalog))
        return is_covered(needs, self.grants[user_id])
