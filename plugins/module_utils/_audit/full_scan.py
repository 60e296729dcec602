# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a whole tenant, and keeps details of those users and mailboxes alone that may be at risk.

The scan notes what the plans of each user grant, by user id. Users the quick check cannot decide are read in full, and
assessed as if a service had pointed to them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.identity import name_key
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import is_guid
from ansible_collections.m365.licensing.plugins.module_utils._exchange.parsing import plain_mailbox
from ansible_collections.m365.licensing.plugins.module_utils._graph.parsing import user_from
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import (
    ANY_MAILBOX,
    granted,
    has_mailbox_plan,
    is_covered,
    needs_of,
    user_needs,
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
    """A number in place of a name. Two names share a number once in a thousand million times."""
    return hash(name_key(name)) & 0x3FFFFFFF


_NO_NAME = _trace("")

_USABLE = frozenset({"Enabled", "Warning"})
_DOCUMENTED = _USABLE | {"Suspended", "LockedOut", "Deleted"}
"""What ``capabilityStatus`` may be [assignedPlan resource], in the documented spelling."""

_CACHED_AT_MOST = 4096


class FullScan:
    """Everything that the strategy ``full`` keeps of a tenant."""

    def __init__(self, catalog: Catalog, skus: Mapping[str, Sku], flagged: Collection[str]) -> None:
        """``flagged``: ids and case-folded user principal names of users whom a signal calls unlicensed."""
        self.users: dict[str, User] = {}
        """Users that the quick check cannot decide."""
        self.grants: dict[str, frozenset[PlanClass]] = {}
        """What the plans of the others grant, by user id."""
        self.plain_mailboxes: dict[str, int] = {}
        """The users of mailboxes that no signal calls unlicensed.

        The value is a trace of the mailbox's name, and in its last bits whether there is an archive, and a hold.
        """
        self._names: dict[str, int] = {}
        """A trace of the name of each user, by id."""
        self._twice: set[str] = set()
        """The users of more than one plain mailbox."""
        self._catalog, self._flagged = catalog, flagged
        self._seen: dict[tuple[str, str], PlanClass | None] = {}
        """What plans grant, by their id and capabilityStatus as the service spells them."""
        self._without_mailbox = {sku.id for sku in skus.values() if not catalog.grants_mailbox(sku)}
        self._shared: dict[frozenset[PlanClass], frozenset[PlanClass]] = {}

    def add_user(self, raw: Mapping[str, Any]) -> None:
        """Note one element of ``/users``. Raises IncompleteAnswer where a part of it is missing."""
        classes = self.quick_grants(raw)
        if classes is None or (not classes & MAILBOX_CLASSES and (self._licensed(raw) or self._had_mailbox(raw))):
            user = user_from(raw)
            self.users[user.id] = user
        else:
            user_id = raw["id"].strip().lower()
            self.grants[user_id] = self._shared.setdefault(classes, classes)
            self._names[user_id] = _trace(raw["userPrincipalName"])

    def quick_grants(self, raw: Mapping[str, Any]) -> frozenset[PlanClass] | None:
        """What the plans of a user grant, as ``granted`` has it. None: only ``user_from`` can tell, or raise."""
        try:
            plans, states, kind = raw["assignedPlans"], raw["licenseAssignmentStates"], raw["userType"]
            if not isinstance(plans, list) or not isinstance(states, list):
                return None
            if not str.strip(raw["userPrincipalName"]) or not str.strip(raw["id"]):
                return None
            if kind != "Member" and (kind != "Guest" or plans):
                return None
            if any(state["skuId"].strip().lower() in self._catalog.no_rights_skus for state in states):
                return None
            seen = self._seen
            try:
                found = {seen[plan["servicePlanId"], plan["capabilityStatus"]] for plan in plans}
            except KeyError:
                found = {self._grant_of(plan["servicePlanId"], plan["capabilityStatus"]) for plan in plans}
            return frozenset(grants for grants in found if grants)
        except (AttributeError, KeyError, TypeError):
            return None

    def _grant_of(self, plan_id: str, status: str) -> PlanClass | None:
        """Raises KeyError for a status that is not documented."""
        if status not in _DOCUMENTED:
            raise KeyError(status)
        if len(self._seen) >= _CACHED_AT_MOST:
            self._seen.clear()
        grants = self._catalog.plan_class(plan_id.strip().lower()) if status in _USABLE else None
        self._seen[plan_id, status] = grants
        return grants

    def _licensed(self, raw: Mapping[str, Any]) -> bool:
        """May one of the licenses carry a mailbox plan? Then it is unknown why that plan is not enabled."""
        states = raw["licenseAssignmentStates"]
        return any(state["skuId"].strip().lower() not in self._without_mailbox for state in states)

    def _had_mailbox(self, raw: Mapping[str, Any]) -> bool:
        """Was a mailbox plan removed? Then the mailbox may be disconnected, and in no list of Exchange.

        A plan without an id may be one: ``user_from`` raises an error that names the user.
        """
        classes = self._catalog.plan_classes
        ids = [plan["servicePlanId"] for plan in raw["assignedPlans"]]
        return any(
            not isinstance(plan_id, str) or classes.get(plan_id.strip().lower()) in MAILBOX_CLASSES for plan_id in ids
        )

    def add_mailbox(self, raw: Mapping[str, Any]) -> bool:
        """Note one element of Get-Mailbox if it is plain: a user's, in use, that no signal calls unlicensed."""
        found = plain_mailbox(raw, self._flagged)
        if found is None:
            return False
        user_id, name, archive, hold = found
        if user_id in self.plain_mailboxes:
            self._twice.add(user_id)
        self.plain_mailboxes[user_id] = _trace(name) << 2 | archive << 1 | hold
        return True

    def knows(self, user_id: str) -> bool:
        """Is there such a user?"""
        return user_id in self.grants or user_id in self.users

    def needs_details(self, mailboxes: Collection[Mailbox], others: Collection[str] = ()) -> set[str]:
        """The users to read in full: because of one of ``mailboxes``, of a plain mailbox, or of a signal.

        ``others``: the users of mailboxes in use that have no recipient type.
        """
        found = {box.user_id for box in mailboxes if box.user_id in self.grants and self._doubtful(box)}
        found |= {
            user_id for user_id in self.plain_mailboxes if self.knows(user_id) and not self._covers_plain(user_id)
        }
        found |= self._named_by_signal()
        return (
            found
            | (self.grants.keys() & self._flagged)
            | self._unsure(mailboxes)
            | (self.plain_mailboxes.keys() & others)
        )

    def _named_by_signal(self) -> set[str]:
        """Users whom a signal names without their id."""
        traces = {_trace(name) for name in self._flagged if not is_guid(name)}
        return {user_id for user_id, trace in self._names.items() if trace in traces} if traces else set()

    def _unsure(self, mailboxes: Collection[Mailbox]) -> set[str]:
        """The users of more than one mailbox in use, and those of a mailbox with another name."""
        boxes = [box for box in mailboxes if box.recipient_type in IN_USE]
        found = self._twice | {box.user_id for box in boxes if box.user_id in self.plain_mailboxes}
        found |= {
            box.user_id
            for box in boxes
            if box.user_id in self.grants and self._names[box.user_id] != _trace(box.user_principal_name)
        }
        return found | {
            user_id for user_id, packed in self.plain_mailboxes.items() if self._renamed(user_id, packed >> 2)
        }

    def _renamed(self, user_id: str, trace: int) -> bool:
        """Has the mailbox another name than its user, or does no user have its id? Without a name: no."""
        user = self.users.get(user_id)
        name = self._names.get(user_id) if user is None else _trace(user.user_principal_name)
        return trace not in (name, _NO_NAME)

    def discard(self, user_ids: Collection[str]) -> None:
        """Remove users that are read in full: what was read then counts."""
        for user_id in user_ids:
            self.plain_mailboxes.pop(user_id, None)
            self.grants.pop(user_id, None)

    def _doubtful(self, mailbox: Mailbox) -> bool:
        soft_deleted = mailbox.recipient_type is RecipientType.SOFT_DELETED
        return soft_deleted or not is_covered(needs_of(mailbox), self.grants[mailbox.user_id])

    def _covers_plain(self, user_id: str) -> bool:
        found = self.plain_mailboxes[user_id]
        needs = user_needs(archive=bool(found & 2), hold=bool(found & 1))
        if user := self.users.get(user_id):
            safe = needs == ANY_MAILBOX and has_mailbox_plan(user, self._catalog)
            return safe or is_covered(needs, granted(user, self._catalog))
        return is_covered(needs, self.grants[user_id])
