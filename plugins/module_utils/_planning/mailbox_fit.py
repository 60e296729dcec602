# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a mailbox fits into the plan that its user gets, and the warning where it does not.

A plan that is too small keeps a mailbox too: that is a warning, never a refusal.
Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import apply_to
from ansible_collections.m365.licensing.plugins.module_utils._licensing.coverage import granted
from ansible_collections.m365.licensing.plugins.module_utils._licensing.mailbox_room import (
    UNLISTED,
    Room,
    Space,
    counts,
    room_of,
    too_small,
    warning_of,
    why_too_small,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    Assignment,
    PlanClass,
    Sku,
    User,
)
from ansible_collections.m365.licensing.plugins.module_utils._licensing.next_attempts import Attempt

from .model import PlanEntry, with_taken


def rooms(user: User, predicted: User, catalog: Catalog) -> tuple[Room, Room]:
    """The room of the user's mailbox plans before a change and after it."""
    before = room_of(user, granted(user, catalog), catalog)
    return before, room_of(predicted, granted(predicted, catalog), catalog)


def gives_small(add: Sequence[Assignment], skus: Mapping[str, Sku], catalog: Catalog) -> bool:
    """Is Kiosk or Plan 1 the best mailbox plan of these licenses?"""
    classes: set[PlanClass | None] = set()
    for item in add:
        plans = skus[item.sku_id].plan_ids - item.disabled_plans if item.sku_id in skus else ()
        classes |= {catalog.plan_class(plan) for plan in plans}
    return PlanClass.PLAN2 not in classes and not classes.isdisjoint({PlanClass.KIOSK, PlanClass.PLAN1})


def size_counts(entry: PlanEntry, skus: Mapping[str, Sku], catalog: Catalog) -> Room | None:
    """What the change of this entry leaves room for, if the size of the mailbox is a question for it."""
    before, after = rooms(entry.user, apply_to(entry.user, entry.change, skus), catalog)
    return after if counts(before, after) else None


def is_too_small(entry: PlanEntry, skus: Mapping[str, Sku], catalog: Catalog) -> bool | None:
    """Is what the change gives too small for the mailbox? None where the size does not matter, or is not known."""
    if entry.space is None:
        return None
    return too_small(entry.space, *rooms(entry.user, apply_to(entry.user, entry.change, skus), catalog))


def with_fit(entry: PlanEntry, space: Space, room: Room) -> PlanEntry:
    """The entry with what is to be said of a mailbox (``space``) for which there is this ``room``."""
    entry = entry._replace(space=space)
    warning = warning_of(space, room)
    if not warning:
        return entry
    unlisted = space.why == UNLISTED
    note = warning if unlisted else "" if space.size is None else why_too_small(space, room)
    notes = [text for text in (entry.note, note if note not in entry.note else "") if text]
    # it cannot be measured, so a warning in every run would not help
    warnings = entry.warnings if unlisted else (*entry.warnings, warning)
    return entry._replace(warnings=warnings, note="; ".join(notes))


def with_taken_fit(entry: PlanEntry, taken: Attempt | None, skus: Mapping[str, Sku], catalog: Catalog) -> PlanEntry:
    """The entry with what was sent in place of its change, and what is to be said of the mailbox then."""
    sent, space = with_taken(entry, taken), entry.space
    if sent is entry or space is None:
        return sent
    planned, given = size_counts(entry, skus, catalog), size_counts(sent, skus, catalog)
    said = warning_of(space, planned) if planned else ""
    sent = sent._replace(warnings=tuple(text for text in sent.warnings if text != said))
    return with_fit(sent, space, given) if given else sent
