# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mailboxes are over 50 GB. Graph's usage report informs, a measurement of Exchange decides.

Exchange has no filter by size and measures one mailbox in a request, so the report says which are worth one.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.m365.licensing.plugins.module_utils._errors import NotFound, PermissionDenied
from ansible_collections.m365.licensing.plugins.module_utils._exchange import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph import Graph, NamesConcealed
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


def near_the_limit(graph: Graph) -> set[str]:
    """The user principal names (case-folded) of mailboxes that were over 50 GB, or close to it, a few days ago.

    Raises NamesConcealed where the report hides its names and some mailbox is that large: a nameless report without
    one says all there is to say.
    """
    return {lowered(row.upn) for row in graph.mailbox_usage(over=LARGE * _REPORT_MARGIN)}


def measured(exchange: Exchange, boxes: Iterable[Mailbox]) -> dict[str, Mailbox]:
    """Those of the mailboxes that are over 50 GB now, marked so, by their guid. One request for each."""

    def size(box: Mailbox) -> int:
        try:
            return exchange.mailbox_bytes(box.guid)
        except NotFound:
            return 0  # deleted since it was listed

    some = list(boxes)
    sizes = exchange.service.client.parallel(size, some)
    return {box.guid: box._replace(over_50_gb=True) for box, size in zip(some, sizes, strict=True) if size > LARGE}


def large_among(graph: Graph, exchange: Exchange, boxes: Iterable[Mailbox]) -> dict[str, Mailbox] | None:
    """The same for mailboxes that are known already: the report says which of many to measure.

    None where that cannot be found out: no report, and too many to measure each.
    """
    some = list(boxes)
    if len(some) > _FEW:
        try:
            near = near_the_limit(graph)
        except (NamesConcealed, PermissionDenied, NotFound):
            if len(some) > MEASURED_AT_MOST:
                return None
        else:
            some = [box for box in some if lowered(box.user_principal_name) in near]
    return measured(exchange, some)
