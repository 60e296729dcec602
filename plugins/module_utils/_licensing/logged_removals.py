# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When did a user lose the last license with a mailbox plan, by the directory's audit log? Pure: no I/O.

An entry ``Change user license`` names the user and the time. It may also list the licenses before and after the change
(``AssignedLicense``), as texts such as ``[SkuName=SPE_E3, AccountId=…, SkuId=…, DisabledPlans=[]]``. In many tenants it
does not, and then it says only that some license was changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import is_guid
from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import parse_time

from .catalog import Catalog
from .models import MAILBOX_CLASSES, Removal, Sku

_LICENSE = re.compile(r"SkuId=([^,\]\s]+)\s*,\s*DisabledPlans=\[([^\]]*)\]")
_LISTED = re.compile(r"SkuId=")
_NEAR = timedelta(hours=1)
"""How much later than the date of the removed plan its entry may be."""


class Held(NamedTuple):
    """One license of a user in an entry: the id of the SKU, and its plans that are off, by id or by name."""

    sku_id: str
    off: frozenset[str]


class LoggedChange(NamedTuple):
    """One entry of the log. ``before`` and ``after`` are None where it does not list them."""

    user_id: str
    at: datetime
    before: tuple[Held, ...] | None = None
    after: tuple[Held, ...] | None = None


def changes_from(raw: Mapping[str, Any]) -> list[LoggedChange]:
    """The changes in one element of ``/auditLogs/directoryAudits``, one for each user in it.

    The log only adds to what is known, so an entry of another shape is left out.
    """
    try:
        at = parse_time(raw.get("activityDateTime"))
    except ValueError:
        return []
    targets = raw.get("targetResources")
    if at is None or not isinstance(targets, list):
        return []
    found = []
    for target in targets:
        user_id = target.get("id") if isinstance(target, Mapping) else None
        if isinstance(user_id, str) and is_guid(user_id):
            found.append(LoggedChange(user_id.strip().lower(), at, *_old_and_new(target.get("modifiedProperties"))))
    return found


def _old_and_new(properties: Any) -> tuple[tuple[Held, ...] | None, tuple[Held, ...] | None]:
    for item in properties if isinstance(properties, list) else ():
        if isinstance(item, Mapping) and item.get("displayName") == "AssignedLicense":
            return _licenses(item.get("oldValue")), _licenses(item.get("newValue"))
    return None, None


def _licenses(value: Any) -> tuple[Held, ...] | None:
    """The licenses in a value; None where it is not a list of them."""
    text = value.strip() if isinstance(value, str) else ""
    if not text.startswith("["):
        return None
    found = [
        Held(sku_id.lower(), frozenset(name.strip(" \"'").lower() for name in off.split(",") if name.strip()))
        for sku_id, off in _LICENSE.findall(text)
    ]
    whole = len(found) == len(_LISTED.findall(text)) and (found or not text.strip('[] \r\n\t"'))
    return tuple(found) if whole else None


def removal_from(
    changes: Iterable[LoggedChange],
    hinted: datetime | None,
    skus: Mapping[str, Sku],
    catalog: Catalog,
    *,
    since: datetime,
) -> Removal | None:
    """When the license went, by the changes of one user who has no mailbox plan now. None: the log does not say.

    The newest change that took the last mailbox plan counts, whatever was changed after it. Where no entry says what
    it changed, it is the last one up to the date of the removed plan (``hinted``), or the first of all without such a
    date: rather too early than too late. No entry from before ``since`` counts.
    """
    found: Removal | None = None
    silent: list[datetime] = []
    for change in sorted((item for item in changes if item.at >= since), key=lambda item: item.at):
        had, has = _has_mailbox(change.before, skus, catalog), _has_mailbox(change.after, skus, catalog)
        if has is None or (had is None and not has):
            silent.append(change.at)
        elif has:
            # the user had a plan after this change, so no earlier one took the last
            found, silent = None, []
        elif had:
            found = Removal(change.at, sure=True)
    if found is not None or not silent:
        return found
    if hinted is None:
        return Removal(silent[0], sure=False)
    before = [at for at in silent if at <= hinted + _NEAR]
    return Removal(min(before[-1], hinted), sure=False) if before and hinted >= since else None


def has_unexplained_change(changes: Iterable[LoggedChange], *, since: datetime) -> bool:
    """Does the log have a change since then without saying which license it was about?"""
    return any(change.at >= since and (change.before is None or change.after is None) for change in changes)


def _has_mailbox(licenses: tuple[Held, ...] | None, skus: Mapping[str, Sku], catalog: Catalog) -> bool | None:
    """Does one of these licenses carry a mailbox plan that is on? None: that cannot be known."""
    if licenses is None:
        return None
    answers = [_carries(item, skus, catalog) for item in licenses]
    return True if True in answers else None if None in answers else False


def _carries(item: Held, skus: Mapping[str, Sku], catalog: Catalog) -> bool | None:
    sku = skus.get(item.sku_id)
    if sku is None and not catalog.sku_name(item.sku_id):
        return None
    plans = {
        plan
        for plan in catalog.plans_of(MAILBOX_CLASSES)
        if (plan in sku.plan_ids if sku is not None else catalog.carries(item.sku_id, plan))
    }
    # the log writes plans that are off by name or by id
    return any(plan not in item.off and (catalog.plan_name(plan) or plan).lower() not in item.off for plan in plans)
