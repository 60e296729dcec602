# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delicensing resiliency: mailboxes that work on for a while after their license has gone, and until when.

Exchange is asked for these mailboxes in every audit. Whether the feature is on is not asked first: users who were
listed before it was turned off are still listed, and what Get-OrganizationConfig says of it can be null.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ApiError, summarize

from .client import Exchange
from .parsing import Organization, Pending


class Delicensing(NamedTuple):
    """Users by id, or by lower-case user principal name where Exchange gives no id."""

    due: Mapping[str, datetime | None]
    """When the mailbox may be taken away; None: Exchange does not say."""
    overdue: frozenset[str]
    """Those whose delay has ended."""
    warnings: tuple[str, ...] = ()
    organization: Organization | None = None
    """What is set for the organization; only read where Exchange gives no list."""


def read_delicensing(exchange: Exchange) -> Delicensing:
    """Who is about to lose a mailbox: two requests at the same time. Raises ApiError where Exchange gives no list."""
    if not exchange.can_filter:
        organization = exchange.organization()
        warnings = _warnings_of_v2(organization.delayed_delicensing)
        return Delicensing({}, frozenset(), warnings, organization)
    every, overdue = exchange.service.client.parallel(lambda only: _read(exchange, only), (False, True))
    if isinstance(every, ApiError):
        raise every
    if isinstance(overdue, ApiError):
        lost = f"Which of the users pending delicensing are overdue already is not known: {overdue}"
        return Delicensing(every.due, frozenset(), (*_warnings(every), lost))
    both = {key: every.due.get(key) or overdue.due.get(key) for key in (*every.due, *overdue.due)}
    # who is overdue may be in both lists
    found = Pending(both, max(every.nameless, overdue.nameless))
    return Delicensing(both, frozenset(overdue.due), _warnings(found))


def _read(exchange: Exchange, due_only: bool) -> Pending | ApiError:
    try:
        return exchange.pending_delicense(due_only=due_only)
    except ApiError as error:
        return error


def _warnings(found: Pending) -> tuple[str, ...]:
    warnings = []
    if undated := sorted(key for key, at in found.due.items() if at is None):
        warnings.append(
            f"Get-PendingDelicenseUser gives no date for {summarize(undated)}: "
            "their deadlines are estimated or unknown."
        )
    if found.nameless:
        warnings.append(
            f"Get-PendingDelicenseUser lists {found.nameless} entries that name no user. They cannot be matched to a "
            "mailbox; run Get-PendingDelicenseUser in Exchange Online PowerShell to see them."
        )
    return tuple(warnings)


def _warnings_of_v2(state: bool | None) -> tuple[str, ...]:
    """This surface shows whether the feature is on, and not for which users."""
    if state is False:
        return ()
    found = "Delicensing resiliency is on" if state else "Exchange does not say whether delicensing resiliency is on"
    return (
        f"{found}, and exchange_api=v2 does not show its dates: the deadlines of removed licenses are estimated or "
        "unknown.",
    )
