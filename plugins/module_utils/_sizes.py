# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mailboxes are over 50 GB. Graph's usage report informs, a measurement of Exchange decides.

Exchange has no filter by size and measures one mailbox in a request, so the report says which are worth one. A mailbox
that cannot be measured, and a report that cannot be had, cost that mailbox or that report, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._errors import (
    ApiError,
    NotFound,
    PermissionDenied,
    ServiceUnavailable,
)
from ansible_collections.m365.licensing.plugins.module_utils._exchange import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph import Graph
from ansible_collections.m365.licensing.plugins.module_utils._identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._models import Mailbox

LARGE = 50 * 2**30
"""More than this needs Plan 2 [about-shared-mailboxes]."""

MEASURED_AT_MOST = 500
"""Mailboxes that are measured one by one where no report says which are worth it."""

_REPORT_MARGIN = 0.9
"""The usage report is days old: what was this close to the limit then is measured now."""

_FEW = 4
"""So many are measured without a look at the report, which may lag and is one request as well."""

_GIVE_UP_AFTER = 3
"""Mailboxes that Exchange was too busy to measure for all of ``retry_seconds``: the others are not tried."""


class Sizes(NamedTuple):
    """What was found out about mailboxes that were measured, each by its guid."""

    large: Mapping[str, Mailbox]
    """Those that are over 50 GB now, marked so."""
    unopened: tuple[Mailbox, ...] = ()
    """Those without statistics: nobody has ever opened them, so they are small."""
    failed: tuple[Mailbox, ...] = ()
    """Those of which Exchange did not tell the size."""
    why: str = ""
    """What it said of the first of these."""


def near_the_limit(graph: Graph) -> set[str]:
    """The user principal names (case-folded) of mailboxes that were over 50 GB, or close to it, a few days ago.

    So are those without a size in the report. Raises ApiError where there is no report, also NamesConcealed where it
    hides its names and some mailbox is that large: a nameless report without one says all there is to say.
    """
    return {lowered(row.upn) for row in graph.mailbox_usage(over=LARGE * _REPORT_MARGIN)}


def measured(exchange: Exchange, boxes: Iterable[Mailbox]) -> Sizes:
    """Measure each of the mailboxes, with one request for each.

    Raises PermissionDenied where the application may not measure any.
    """
    failures: list[ApiError] = []

    def size(box: Mailbox) -> int | ApiError | None:
        busy = [error for error in failures if isinstance(error, ServiceUnavailable)]
        if len(busy) >= _GIVE_UP_AFTER:
            return busy[0]
        try:
            return exchange.mailbox_bytes(box.guid)
        except NotFound:
            return 0  # deleted since it was listed
        except PermissionDenied:
            raise
        except ApiError as error:
            failures.append(error)
            return error

    some = list(boxes)
    found = list(zip(some, exchange.service.client.parallel(size, some), strict=True))
    large = [box._replace(over_50_gb=True) for box, told in found if isinstance(told, int) and told > LARGE]
    return Sizes(
        large={box.guid: box for box in large},
        unopened=tuple(box for box, told in found if told is None),
        failed=tuple(box for box, told in found if isinstance(told, ApiError)),
        why=failures[0].message if failures else "",
    )


def large_among(graph: Graph, exchange: Exchange, boxes: Iterable[Mailbox]) -> Sizes | None:
    """The same for mailboxes that are known already: the report says which of many to measure.

    None where that cannot be found out: no report, and too many to measure each.
    """
    some = list(boxes)
    if len(some) > _FEW:
        try:
            near = near_the_limit(graph)
        except ApiError:
            if len(some) > MEASURED_AT_MOST:
                return None
        else:
            some = [box for box in some if lowered(box.user_principal_name) in near]
    return measured(exchange, some)
