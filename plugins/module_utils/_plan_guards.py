# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guards of a plan: what stops it as a whole, before the first write. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._models import Sku
from ansible_collections.m365.licensing.plugins.module_utils._plan_model import PlanEntry, PlanOptions
from ansible_collections.m365.licensing.plugins.module_utils._wanted import shown, whole_number


def max_changes_limit(value: int | str | None, population: int, path: str = "max_changes") -> int | None:
    """``200``, ``"200"`` or ``"5%"`` of ``population``, rounded down, in users; None: no limit.

    Raises ConfigurationError for everything else.
    """
    if value is None or value == "":
        return None
    number = whole_number(value)
    if number is None and isinstance(value, str) and value.strip().endswith("%"):
        try:
            share = Decimal(value.strip()[:-1].strip())
            if share.is_finite() and share >= 0:
                return int(share * population / 100)
        except InvalidOperation:
            pass
    if number is None or number < 0:
        raise ConfigurationError(
            f'{path}: expected a number of users from 0 on, or a share such as "5%", found {shown(value)}'
        )
    return number


def covered_seats_limit(value: Any, population: int, path: str = "max_covered_seats") -> int | None:
    """Seats for users whose mailbox is covered already; None: ``unlimited``. Raises ConfigurationError."""
    return limit_of(value, population, path, "seats")


def limit_of(value: Any, population: int, path: str, what: str) -> int | None:
    """``20``, ``"20"``, ``"5%"`` of ``population`` (rounded down), or None for ``unlimited``; ``what`` it counts.

    Raises ConfigurationError for everything else: nothing, an empty text, a number below 0, a share over 100%.
    """
    number = whole_number(value)
    text = value.strip().casefold() if isinstance(value, str) else ""
    if text == "unlimited":
        return None
    if text.endswith("%"):
        try:
            share = Decimal(text[:-1].strip())
            if share.is_finite() and 0 <= share <= 100:
                return int(share * population / 100)
        except InvalidOperation:
            pass
    if number is None or number < 0:
        raise ConfigurationError(
            f'{path}: expected a number of {what} from 0 on, a share such as "5%" up to 100%, or unlimited, '
            f"found {shown(value)}"
        )
    return number


def violations_of(
    entries: Sequence[PlanEntry],
    skus: Sequence[Sku],
    options: PlanOptions,
    limit: int | None,
    covered: int | None = None,
) -> tuple[str, ...]:
    """Why the plan may not be applied, one sentence each with figures and the option; empty: it may."""
    found: list[str] = []
    if options.gaps and not options.allow_incomplete:
        found.append(f"the audit is incomplete ({'; '.join(options.gaps)}), but allow_incomplete is false")
    changed = sum(1 for entry in entries if entry.change)
    if limit is not None and changed > limit:
        share = f" ({options.max_changes} of {options.population} users)" if "%" in str(options.max_changes) else ""
        found.append(f"{_users(changed)} would be changed, but max_changes allows {limit}{share}")
    found += _covered(entries, options, covered)
    removing = [entry for entry in entries if entry.change.remove]
    if removing and not options.allow_removals:
        names = {sku.id: sku.part_number for sku in skus}
        count = sum(len(entry.change.remove) for entry in removing)
        which = ", ".join(sorted({names.get(sku_id, sku_id) for entry in removing for sku_id in entry.change.remove}))
        licenses = "1 license" if count == 1 else f"{count} licenses"
        found.append(f"{licenses} ({which}) of {_users(len(removing))} would be removed, but allow_removals is false")
    refused = [entry for entry in entries if entry.action == "refused_uncovered"]
    if refused:
        some = ", ".join(entry.user.user_principal_name for entry in refused[:3])
        more = ", …" if len(refused) > 3 else ""
        rules = ", ".join(sorted({repr(entry.rule) for entry in refused}))
        found.append(
            f"{_users(len(refused))} would lose what keeps their mailbox ({some}{more}); change what rule {rules} "
            "removes or switches off"
        )
    return tuple(found)


def _covered(entries: Sequence[PlanEntry], options: PlanOptions, limit: int | None) -> list[str]:
    top = [entry for entry in entries if entry.on_top]
    seats = sum(len(entry.on_top) for entry in top)
    if limit is None or seats <= limit:
        return []
    share = (
        f" ({options.max_covered_seats} of {options.population} users)" if "%" in str(options.max_covered_seats) else ""
    )
    some = ", ".join(entry.user.user_principal_name for entry in top[:3])
    more = ", …" if len(top) > 3 else ""
    rules = ", ".join(sorted({repr(entry.rule) for entry in top}))
    return [
        f"{'1 seat' if seats == 1 else f'{seats} seats'} would go to users whose mailbox is covered already "
        f"({some}{more}), but max_covered_seats allows {limit}{share}; add "
        f"covered: false to the match of rule {rules}, or raise max_covered_seats if they are to have both"
    ]


def _users(count: int) -> str:
    return "1 user" if count == 1 else f"{count} users"
