# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds mailboxes over a limit. The usage report of Graph selects mailboxes, and Exchange measures them.

Exchange has no filter by size, and measures one mailbox in a request. The failure of one measurement, or of the report,
does not affect other mailboxes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    PermissionDenied,
    ServiceUnavailable,
    summarize,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.identity import lowered
from ansible_collections.m365.licensing.plugins.module_utils._exchange.client import Exchange
from ansible_collections.m365.licensing.plugins.module_utils._graph.client import Graph
from ansible_collections.m365.licensing.plugins.module_utils._licensing.mailbox_room import LARGE
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import (
    RESOURCE_TYPES,
    Mailbox,
    RecipientType,
)

from . import filters
from .snapshot import Readings

MEASURED_AT_MOST = 500
"""Mailboxes that are measured one by one if no report selects them."""

_REPORT_MARGIN = 0.9
"""The usage report is days old, so mailboxes this close to the limit are measured."""

_FEW = 4
"""Up to this number are measured without the report, which may be late and is one request as well."""

_GIVE_UP_AFTER = 3
"""Exchange was too busy for this many mailboxes, each for all of ``retry_seconds``: the others are not tried."""

_REFUSED_AT_MOST = 10
"""This many refusals without a success mean that the role of the application lacks the cmdlet."""


class Sizes(NamedTuple):
    """The result of measuring mailboxes, by guid."""

    large: Mapping[str, Mailbox]
    """Those that are over 50 GB now, marked so."""
    known: Mapping[str, int]
    """The bytes of all whose size is known now."""
    unopened: tuple[Mailbox, ...] = ()
    """Those without statistics. They were never opened, so they are small."""
    failed: tuple[Mailbox, ...] = ()
    """Those whose size Exchange did not return."""
    why: str = ""
    """The message about the first of these."""


def near_the_limit(graph: Graph) -> set[str]:
    """The user principal names (case-folded) of mailboxes that were over 50 GB, or close to it, a few days ago.

    Also mailboxes without a size in the report. Raises ApiError if there is no report, and NamesConcealed if it hides
    its names and a mailbox is that large.
    """
    return {lowered(row.upn) for row in graph.mailbox_usage(over=LARGE * _REPORT_MARGIN) if not row.deleted}


def measured(exchange: Exchange, boxes: Iterable[Mailbox]) -> Sizes:
    """Measure each of the mailboxes, with one request for each.

    A mailbox that is refused or not found is in ``failed``. Raises PermissionDenied if all are refused.
    """
    failures: list[ApiError] = []
    measured_one = False

    def size(box: Mailbox) -> int | ApiError | None:
        nonlocal measured_one
        if error := _common_error(failures, measured_one):
            return error
        try:
            found = exchange.mailbox_bytes(box.guid, soft_deleted=box.recipient_type is RecipientType.SOFT_DELETED)
        except ApiError as error:
            failures.append(error)
            return error
        measured_one = True
        return found

    every = list(boxes)
    found = list(zip(every, exchange.service.client.parallel(size, every), strict=True))
    denied = [error for error in failures if isinstance(error, PermissionDenied)]
    if denied and len(denied) == len(failures) and not measured_one:
        raise denied[0]
    known = {box.guid: answer or 0 for box, answer in found if not isinstance(answer, ApiError)}
    return Sizes(
        large={box.guid: sized(box, known[box.guid]) for box in every if known.get(box.guid, 0) > LARGE},
        known=known,
        unopened=tuple(box for box, answer in found if answer is None),
        failed=tuple(box for box, answer in found if isinstance(answer, ApiError)),
        why=failures[0].message if failures else "",
    )


def _common_error(failures: Sequence[ApiError], measured_one: bool) -> ApiError | None:
    """The error that all others would get as well: Exchange is too busy, or the role of the app is too small."""
    busy = [error for error in failures if isinstance(error, ServiceUnavailable)]
    if len(busy) >= _GIVE_UP_AFTER:
        return busy[0]
    denied = [error for error in failures if isinstance(error, PermissionDenied)]
    return denied[0] if len(denied) >= _REFUSED_AT_MOST and not measured_one else None


def sized(box: Mailbox, size: int) -> Mailbox:
    """The mailbox, with its size."""
    return box._replace(size=size, over_50_gb=size > LARGE)


def large_among(graph: Graph, exchange: Exchange, boxes: Iterable[Mailbox]) -> Sizes | None:
    """Measure those of ``boxes`` that the report does not show as small. None: no report, and too many to measure."""
    limits = dict.fromkeys(boxes, LARGE)
    return over_among(graph, exchange, limits, {box.guid for box in limits})


def over_among(
    graph: Graph, exchange: Exchange, limits: Mapping[Mailbox, int], sure: Collection[str] = ()
) -> Sizes | None:
    """Measure mailboxes, each with a limit of its own. One in neither ``known`` nor ``failed`` is under its limit.

    If too many are near their limit, the report decides about those farthest from it, except for mailboxes whose guids
    are in ``sure``. None as in ``large_among``.
    """
    to_measure: Sequence[Mailbox] = list(limits)
    reported: dict[str, int] = {}
    if len(to_measure) > _FEW:
        try:
            rows = graph.mailbox_usage(over=min(limits.values()) * _REPORT_MARGIN)
        except ApiError:
            if len(to_measure) > MEASURED_AT_MOST:
                return None
        else:
            sizes = {(lowered(row.upn), row.deleted): row.storage_bytes for row in rows}
            to_measure, reported = _worth_measuring(limits, sizes, sure)
    found = measured(exchange, to_measure)
    return found._replace(known={**reported, **found.known})


def _worth_measuring(
    limits: Mapping[Mailbox, int], sizes: Mapping[tuple[str, bool], int | None], sure: Collection[str]
) -> tuple[Sequence[Mailbox], dict[str, int]]:
    """The mailboxes near their limit or above by the report (``sizes``), and the reported sizes of those left out."""
    near: list[tuple[bool, float, Mailbox]] = []
    for box, limit in limits.items():
        size = sizes.get(_key(box), 0)
        if size is None or size > limit * _REPORT_MARGIN:
            must = size is None or box.guid in sure
            near.append((not must, 0 if size is None else size / limit, box))
    near.sort(key=lambda item: (item[0], item[1], item[2].guid))
    rest = [box for may_wait, _share, box in near[MEASURED_AT_MOST:] if may_wait]
    reported = {box.guid: sizes[_key(box)] or 0 for box in rest}
    return [box for _may_wait, _share, box in near if box.guid not in reported], reported


def _key(box: Mailbox) -> tuple[str, bool]:
    """The key of a mailbox in the report. A user may have one in use and a deleted one."""
    return lowered(box.user_principal_name), box.recipient_type is RecipientType.SOFT_DELETED


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
        """Measure the mailboxes. A failure is a warning, and counts in ``unmeasured``."""
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
            names = summarize(_names(found.unopened))
            got.warnings.append(
                f"Exchange has no statistics of {names}. Mailboxes without statistics were never opened, so they "
                "count as small."
            )
        if found.failed:
            names = summarize(_names(found.failed))
            got.unmeasured += len(found.failed)
            why = found.why.rstrip(".") if self._can_measure else _NOT_MEASURED
            remedy = "run the audit again." if self._can_measure else _OTHER_SURFACE
            got.warnings.append(
                f"Exchange did not return the size of {names} ({why}). It is not known whether they are over 50 GB; "
                f"{remedy}"
            )

    def _lose(self, what: str, remedy: str) -> None:
        """Note that no size of a kind of mailboxes is available."""
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
        """All mailboxes, unless measuring each would take too long."""
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
                "shared_mailbox_sizes=never prevents that."
            )
        return boxes

    def _none_measured(self, why: str) -> list[Mailbox]:
        """Warn that exchange_api=v2 returns no sizes."""
        if boxes := self._resources():
            what, got = f"of {len(boxes)} {_ALL}", self._got
            got.warnings.append(f"{why}{_NOT_MEASURED}: the sizes {what} are not known. {_OTHER_SURFACE}")
            got.signals[SIGNAL] = _NOT_MEASURED
            self._lose(what, _OTHER_SURFACE)
        return []

    @property
    def _resources_known(self) -> bool:
        """Are all shared, room and equipment mailboxes in question among those that were read?"""
        return self._got.strategy == "full" or self._got.only is not None

    def _resources(self) -> list[Mailbox]:
        if self._resources_known:
            return [box for box in self._got.mailboxes if box.recipient_type in RESOURCE_TYPES]
        return self._exchange.mailboxes(filters.RESOURCES)


def _names(boxes: tuple[Mailbox, ...]) -> list[str]:
    return sorted(box.user_principal_name or box.guid for box in boxes)
