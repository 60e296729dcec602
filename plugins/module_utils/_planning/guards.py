# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guards of a plan: what stops it as a whole, before the first write. Pure: no I/O, no clock."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._common.typed_values import format_value, whole_number
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Sku

from .model import Plan, PlanEntry, PlanOptions

UNLIMITED = "unlimited"
"""The word for no limit. Nothing else means that: neither null nor an empty text."""


def limit_of(value: Any, population: int, path: str, what: str = "users") -> int | None:
    """``200``, ``"200"``, or ``"5%"`` of ``population``, rounded down; None for ``unlimited``. ``what`` it counts.

    Raises ConfigurationError for everything else: null, an empty text, a negative number, a share over 100 %.
    """
    text = value.strip() if isinstance(value, str) else ""
    if text.casefold() == UNLIMITED:
        return None
    number = whole_number(value)
    if number is None and text.endswith("%"):
        try:
            share = Decimal(text[:-1].strip())
            if share.is_finite() and 0 <= share <= 100:
                return int(share * population / 100)
        except InvalidOperation:
            pass
    if number is None or number < 0:
        raise ConfigurationError(
            f'{path}: expected a number of {what} from 0 on, a share from "0%" to "100%", or {UNLIMITED}, '
            f"found {format_value(value)}"
        )
    return number


def digest_problems(value: str, path: str = "expect_digest") -> list[str]:
    """What is wrong with the value of ``expect_digest``."""
    if re.fullmatch(r"[0-9a-f]{64}", value):
        return []
    return [f"{path}: expected the 64 hexadecimal digits of plan_digest, as a plan shows them, found {value!r}"]


def digest_violations(plan: Plan, expected: str | None, prefix: str) -> tuple[str, ...]:
    """The violation of a plan that is not the one that was approved; a plan that writes nothing violates nothing."""
    if not expected or not plan.changes or plan.digest == expected:
        return ()
    return (
        f"the plan's digest is {plan.digest}, but {prefix}expect_digest is {expected}: something has changed since "
        "then; look at this plan",
    )


def violations_of(
    entries: Sequence[PlanEntry],
    skus: Sequence[Sku],
    options: PlanOptions,
    limit: int | None,
    covered: int | None = None,
) -> tuple[str, ...]:
    """Why the plan may not be applied, one sentence each with figures and the option; empty: it may."""
    violations: list[str] = []
    prefix = options.variable_prefix
    if options.gaps and not options.allow_incomplete:
        violations.append(f"the audit is incomplete ({'; '.join(options.gaps)}), but {prefix}allow_incomplete is false")
    changed = sum(1 for entry in entries if entry.change)
    if limit is not None and changed > limit:
        share = f" ({options.max_changes} of {options.population} users)" if "%" in str(options.max_changes) else ""
        violations.append(f"{_users(changed)} would be changed, but {prefix}max_changes allows {limit}{share}")
    violations += _covered(entries, options, covered)
    removing = [entry for entry in entries if entry.change.remove]
    if removing and not options.allow_removals:
        names = {sku.id: sku.name for sku in skus}
        count = sum(len(entry.change.remove) for entry in removing)
        which = ", ".join(sorted({names.get(sku_id, sku_id) for entry in removing for sku_id in entry.change.remove}))
        licenses = "1 license" if count == 1 else f"{count} licenses"
        of = _users(len(removing))
        violations.append(f"{licenses} ({which}) of {of} would be removed, but {prefix}allow_removals is false")
    refused = [entry for entry in entries if entry.action == "refused_uncovered"]
    if refused:
        examples = ", ".join(entry.user.user_principal_name for entry in refused[:3])
        more = ", …" if len(refused) > 3 else ""
        rules = ", ".join(sorted({repr(entry.rule) for entry in refused}))
        violations.append(
            f"{_users(len(refused))} would lose what keeps their mailbox ({examples}{more}); change what rule {rules} "
            "removes or switches off"
        )
    return tuple(violations)


def _covered(entries: Sequence[PlanEntry], options: PlanOptions, limit: int | None) -> list[str]:
    name = f"{options.variable_prefix}max_covered_seats"
    top = [entry for entry in entries if entry.covered_seats]
    seats = sum(len(entry.covered_seats) for entry in top)
    if limit is None or seats <= limit:
        return []
    share = (
        f" ({options.max_covered_seats} of {options.population} users)" if "%" in str(options.max_covered_seats) else ""
    )
    examples = ", ".join(entry.user.user_principal_name for entry in top[:3])
    more = ", …" if len(top) > 3 else ""
    rules = ", ".join(sorted({repr(entry.rule) for entry in top}))
    return [
        f"{'1 seat' if seats == 1 else f'{seats} seats'} would go to users whose mailbox is covered already "
        f"({examples}{more}), but {name} allows {limit}{share}; add covered: false to the match of rule {rules}, or "
        f"raise {name} if they are to have both"
    ]


def _users(count: int) -> str:
    return "1 user" if count == 1 else f"{count} users"
