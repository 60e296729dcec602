# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shared, room and equipment mailboxes of a tenant are over 50 GB, for an audit."""

from __future__ import annotations

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ApiError, named
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import RESOURCE_TYPES, Mailbox

from . import filters
from .mailbox_sizes import (
    MEASURED_AT_MOST,
    Sizes,
    measured,
    near_the_limit,
    sized,
)
from .snapshot import Readings

SIGNAL = "shared_mailbox_sizes"
"""The name of the signal, and of the option."""

_NAMED_AT_MOST = 200
"""Mailboxes asked for by name, 50 in a request; beyond that, pages of 1,000 are cheaper."""

_ALL = "shared, room and equipment mailboxes"
_NOT_MEASURED = "exchange_api=v2 measures no mailbox"
_OTHER_SURFACE = "exchange_api=invoke_command measures them, shared_mailbox_sizes=never leaves sizes out."
_WAYS_OUT = "shared_mailbox_sizes=always measures each of them, shared_mailbox_sizes=never leaves sizes out."


class SharedSizes:
    """Marks the mailboxes over 50 GB among what an audit has read (``got``); ``mark()`` once."""

    def __init__(self, graph: Graph, exchange: Exchange, got: Readings, mode: str) -> None:
        self._graph, self._exchange, self._got, self._mode = graph, exchange, got, mode
        self._can_measure = exchange.can_filter

    def mark(self) -> None:
        """What cannot be measured is a warning, and in ``unmeasured``; nothing is raised for its sake."""
        got = self._got
        got.signals[SIGNAL] = "ok"
        boxes: list[Mailbox] = []
        try:
            boxes = self._worth_measuring()
            found = measured(self._exchange, boxes) if self._can_measure else Sizes({}, {}, failed=tuple(boxes))
        except ApiError as error:
            got.signals[SIGNAL] = error.message
            got.warnings.append(f"Without the sizes of shared mailboxes (signal {SIGNAL}): {error}")
            what = f"of {len(boxes)} {_ALL}" if boxes else f"of {_ALL}"
            self._lose(what, error.hint or error.message)
            return
        self._warn(found)
        large, known = found.large, found.known
        got.mailboxes = [
            sized(box, known[box.guid]) if box.guid in known else box for box in got.mailboxes if box.guid not in large
        ]
        got.mailboxes += large.values()
        if large and got.users is not None:
            got.users.update(self._graph.users_by_id({box.user_id for box in large.values()} - set(got.users)))

    def _warn(self, found: Sizes) -> None:
        got = self._got
        if found.unopened:
            names = named(_names(found.unopened))
            got.warnings.append(
                f"Exchange has no statistics of {names}. A mailbox without any was never opened, so they count "
                "as small."
            )
        if found.failed:
            names = named(_names(found.failed))
            got.unmeasured += len(found.failed)
            why = found.why.rstrip(".") if self._can_measure else _NOT_MEASURED
            remedy = "run the audit again." if self._can_measure else _OTHER_SURFACE
            got.warnings.append(
                f"Exchange did not return the size of {names} ({why}). Whether they are over 50 GB is not known; "
                f"{remedy}"
            )

    def _lose(self, what: str, remedy: str) -> None:
        """The sizes of a whole kind of mailboxes cannot be had."""
        self._got.lost_sizes = what
        self._got.remedies.append(remedy)

    def _worth_measuring(self) -> list[Mailbox]:
        if self._mode == "always":
            return self._resources() if self._can_measure else self._none_measured("")
        try:
            upns = near_the_limit(self._graph)
        except ApiError as error:
            return self._few_resources(error)
        if not upns:
            return []
        if not self._resources_known and len(upns) <= _NAMED_AT_MOST:
            parallel = self._graph.service.client.parallel
            return [box for some in parallel(self._exchange.mailboxes, filters.by_upn(upns)) for box in some]
        return [box for box in self._resources() if lowered(box.user_principal_name) in upns]

    def _few_resources(self, error: ApiError) -> list[Mailbox]:
        """All of them, unless measuring each would take too long."""
        if not self._can_measure:
            return self._none_measured(f"{error} So no report says which of them may be over 50 GB. ")
        boxes, got = self._resources(), self._got
        if len(boxes) > MEASURED_AT_MOST:
            got.warnings.append(
                f"{error} So no report says which of the {len(boxes)} {_ALL} may be over 50 GB, and they are too many "
                f"to be measured one by one. {_WAYS_OUT}"
            )
            got.signals[SIGNAL] = error.message
            self._lose(f"of {len(boxes)} {_ALL}", _WAYS_OUT)
            return []
        if boxes:
            got.warnings.append(
                f"{error} So each of the {len(boxes)} {_ALL} was measured, with one request for each; "
                "shared_mailbox_sizes=never leaves that out."
            )
        return boxes

    def _none_measured(self, why: str) -> list[Mailbox]:
        """What the surface v2 leaves unknown: the sizes of all."""
        if boxes := self._resources():
            what, got = f"of {len(boxes)} {_ALL}", self._got
            got.warnings.append(f"{why}{_NOT_MEASURED}: the sizes {what} are not known. {_OTHER_SURFACE}")
            got.signals[SIGNAL] = _NOT_MEASURED
            self._lose(what, _OTHER_SURFACE)
        return []

    @property
    def _resources_known(self) -> bool:
        """Are all that matter among the mailboxes that were read?"""
        return self._got.strategy == "full" or self._got.only is not None

    def _resources(self) -> list[Mailbox]:
        if self._resources_known:
            return [box for box in self._got.mailboxes if box.recipient_type in RESOURCE_TYPES]
        return self._exchange.mailboxes(filters.RESOURCES)


def _names(boxes: tuple[Mailbox, ...]) -> list[str]:
    return sorted(box.user_principal_name or box.guid for box in boxes)
