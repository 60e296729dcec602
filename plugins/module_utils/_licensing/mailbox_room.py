# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How large a mailbox may be by its user's plans, and whether it fits.

Microsoft documents 2 GB for Kiosk, 50 GB for Plan 1 and 100 GB for Plan 2. Two things are not sure, so they are
reported and never decide alone: whether Microsoft 365 Business licenses have 100 GB, and whether the quota that an
earlier license has set stays. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from .catalog import Catalog
from .models import Mailbox, PlanClass, User

GB = 2**30

LARGE = 50 * GB
"""More than this needs Plan 2 [about-shared-mailboxes]."""

ROOMS = {PlanClass.KIOSK: 2 * GB, PlanClass.PLAN1: LARGE, PlanClass.PLAN2: 100 * GB}
"""What a mailbox plan has room for [exchange-online-limits]."""

_BUSINESS = 100 * GB
"""What Business licenses are said to have room for."""

CLASS_NAMES = {
    PlanClass.PLAN1: "Exchange Online Plan 1",
    PlanClass.PLAN2: "Exchange Online Plan 2",
    PlanClass.KIOSK: "Exchange Online Kiosk",
    PlanClass.ARCHIVING: "the archiving add-on",
    PlanClass.ARCHIVE: "Exchange Online Archiving",
}
"""What Microsoft calls the plans of a class."""


class Room(NamedTuple):
    """What a user's best mailbox plan has room for, in bytes; ``said`` is more where that is not sure."""

    plan: PlanClass | None = None
    sure: int = 0
    said: int = 0

    @property
    def small(self) -> bool:
        """Is it Kiosk or Plan 1? Then the size of the mailbox counts."""
        return self.plan in (PlanClass.KIOSK, PlanClass.PLAN1)


class Space(NamedTuple):
    """What is known of the size of one mailbox, in bytes."""

    size: int | None = None
    under: int | None = None
    """It is known to be no larger than this, where ``size`` is not known."""
    quota: int | None = None
    """Its own limit (``ProhibitSendReceiveQuota``), where it has one."""
    why: str = ""
    """Why its size is not known; without a full stop."""

    def fits(self, limit: int) -> bool | None:
        """Is it no larger than ``limit``? None: that is not known."""
        if self.size is not None:
            return self.size <= limit
        return True if self.under is not None and self.under <= limit else None


def room_of(user: User, classes: Collection[PlanClass], catalog: Catalog) -> Room:
    """The room of the best mailbox plan among ``classes``, which are those that the user's plans grant."""
    plan = max((item for item in ROOMS if item in classes), key=lambda item: ROOMS[item], default=None)
    if plan is None:
        return Room()
    said = _BUSINESS if plan is PlanClass.PLAN1 and _has_business(user, catalog) else ROOMS[plan]
    return Room(plan, ROOMS[plan], said)


def _has_business(user: User, catalog: Catalog) -> bool:
    """Does a Business license in force bring a Plan 1 that is at work?"""
    at_work = {plan.plan_id for plan in user.assigned_plans if plan.usable}
    plans = at_work.intersection(catalog.plans_of([PlanClass.PLAN1]))
    return any(
        catalog.is_business(sku_id) for plan in plans for sku_id in catalog.carriers_at_work(user.license_states, plan)
    )


def counts(before: Room, after: Room) -> bool:
    """Is the size of the mailbox a question? It is where a change gives a small plan that was not the best before."""
    return after.small and after != before


def misfit(space: Space | None, before: Room, after: Room) -> int:
    """How badly a mailbox would fit: 0 it does, or that is not known; 1 it may, by what is said of it; 2 not."""
    if space is None or not counts(before, after):
        return 0
    return sum(space.fits(limit) is False for limit in (after.sure, after.said))


def too_small(space: Space | None, before: Room, after: Room) -> bool | None:
    """Is the plan too small for the mailbox, as far as is documented? None: it is no question, or not known."""
    fits = space.fits(after.sure) if space is not None and counts(before, after) else None
    return None if fits is None else not fits


UNLISTED = "as no list of Exchange shows the mailbox"
"""Why the size of a disconnected mailbox is not known, and cannot be."""


def why_too_small(space: Space, after: Room) -> str:
    """``the mailbox holds 16 GB, and Exchange Online Kiosk has 2 GB``; for one row."""
    return f"the mailbox holds {in_gb(space.size or 0, over=after.sure)}, and {_has(after)}"


def warning_of(space: Space, after: Room) -> str:
    """The same for a warning that many rows share, with what is not sure of it; also where no size is known."""
    fits, doubts = space.fits(after.sure), []
    if fits:
        return ""
    if fits is None:
        return f"the size of the mailbox is not known, {space.why or 'as it was not measured'}, and {_has(after)}"
    if after.said > after.sure:
        doubts.append(f"Business licenses are said to have {in_gb(after.said)}")
    if space.quota is not None and space.fits(space.quota) and space.quota > after.sure:
        doubts.append("its own quota is larger, and may stay")
    doubt = f" ({'; '.join(doubts)})" if doubts else ""
    return f"the mailbox holds more than the plan allows, so Exchange refuses mail to it: {_has(after)}{doubt}"


def _has(room: Room) -> str:
    return f"{CLASS_NAMES[room.plan] if room.plan else 'no plan'} has {in_gb(room.sure)}"


def has_room_of_its_own(mailbox: Mailbox, room: Room) -> bool:
    """Is a mailbox over 50 GB covered by a Business license all the same?

    That takes two witnesses: what is said of the license, and the mailbox's own quota.
    """
    return (
        mailbox.over_50_gb
        and room.said > room.sure
        and mailbox.quota is not None
        and max(LARGE, mailbox.size or 0) < mailbox.quota
    )


def in_gb(size: int, over: int = 0) -> str:
    """``16 GB``, ``2.1 GB``; of a size ``over`` a limit with as many digits as show it: ``50.04 GB``."""
    for digits in (1, 2, 3):
        text = f"{round(size / GB, digits):g} GB"
        if size <= over or text != in_gb(over):
            return text
    return f"a little more than {text}"


def quota_notes(mailbox: Mailbox, classes: frozenset[PlanClass]) -> tuple[str, ...]:
    """A note where the quota of a mailbox over 50 GB is larger than that of its plan, and so may not last."""
    if not mailbox.over_50_gb or (mailbox.quota or 0) <= LARGE:
        return ()
    if PlanClass.PLAN1 not in classes:
        return ()
    return (
        f"The mailbox's own quota is {in_gb(mailbox.quota or 0, over=LARGE)}, and the documented one of "
        f"{CLASS_NAMES[PlanClass.PLAN1]} is {in_gb(LARGE)}. It may come from an earlier license, and not last.",
    )


def room_text(mailbox: Mailbox) -> str:
    """Why a mailbox over 50 GB is taken for covered, in words; without a full stop."""
    own = in_gb(mailbox.quota or 0, over=LARGE)
    return (
        f"over 50 GB; but its own quota is {own}, which Business licenses are said to have, so it counts as covered "
        f"(the documented quota of {CLASS_NAMES[PlanClass.PLAN1]} is {in_gb(LARGE)})"
    )
