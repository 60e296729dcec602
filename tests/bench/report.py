# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurements as rows: a table for people, JSON for programs. Pure.

A row is one work of one size, with its reference and its bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

Json = dict[str, Any]
MEGABYTE = 1e6


class Measured(Protocol):
    """The measurements that a row needs."""

    @property
    def seconds(self) -> float:
        """Wall time."""

    @property
    def cpu(self) -> float:
        """Seconds of CPU."""

    @property
    def peak(self) -> int:
        """Bytes."""

    @property
    def requests(self) -> int:
        """Requests that the tenant received."""

    @property
    def tenant_cpu(self) -> float:
        """CPU seconds of the tenant."""


@dataclass(frozen=True)
class Bound:
    """A bound: ``value`` must be at most the limit, or, with ``at_least``, at least."""

    what: str
    value: float
    limit: float
    at_least: bool = False
    unit: str = ""

    @property
    def kept(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def share(self) -> float:
        """Return the used share of the bound; over 1 is a miss."""
        used, allowed = (self.limit, self.value) if self.at_least else (self.value, self.limit)
        return used / allowed if allowed else float(used > 0) * 2

    def __str__(self) -> str:
        """``time 1.21 ≤ 1.3``."""
        sign = "≥" if self.at_least else "≤"
        digits = next((many for many in (2, 3, 4) if replace(self, value=round(self.value, many)).kept == self.kept), 9)
        return f"{self.what} {_short(self.value, digits)} {sign} {_short(self.limit)}{self.unit}"


@dataclass(frozen=True)
class Row:
    """One line of the table. ``note`` says why there are no numbers."""

    work: str
    size: str
    latency: int = 0
    requests: int | None = None
    seconds: float | None = None
    cpu: float | None = None
    tenant_cpu: float | None = None
    peak_mb: float | None = None
    reference: str = ""
    reference_requests: int | None = None
    reference_seconds: float | None = None
    reference_cpu: float | None = None
    bounds: tuple[Bound, ...] = ()
    note: str = ""
    failed: bool = False

    @property
    def ratio(self) -> float | None:
        return _ratio(self.seconds, self.reference_seconds)

    @property
    def cpu_ratio(self) -> float | None:
        return _ratio(self.cpu, self.reference_cpu)

    @property
    def kept(self) -> bool:
        return not self.failed and all(bound.kept for bound in self.bounds)


def row(
    work: str,
    size: str,
    mine: Measured,
    reference: tuple[str, Measured] | None = None,
    bounds: Sequence[Bound] = (),
    latency: int = 0,
    note: str = "",
) -> Row:
    """Build a row from measurements."""
    named, other = reference or ("", None)
    return Row(
        work,
        size,
        latency,
        mine.requests,
        mine.seconds,
        mine.cpu,
        mine.tenant_cpu,
        mine.peak / MEGABYTE,
        named,
        other.requests if other else None,
        other.seconds if other else None,
        other.cpu if other else None,
        tuple(bounds),
        note,
    )


def _ratio(value: float | None, reference: float | None) -> float | None:
    return value / reference if value is not None and reference else None


WIDEST = 90
HEAD = ("work", "size", "ms", "requests", "s", "CPU s", "tenant CPU s", "peak MB", "reference", "requests", "s",
        "CPU s", "ratio", "CPU ratio", "bound", "")  # fmt: skip


def cells(one: Row) -> list[tuple[str, ...]]:
    """Return the lines of a row: one for each bound, with the numbers in the first."""
    numbers = (
        one.work,
        one.size,
        str(one.latency),
        _number(one.requests),
        *map(_number, (one.seconds, one.cpu, one.tenant_cpu)),
        "" if one.peak_mb is None else f"{one.peak_mb:.0f}",
        one.reference,
        _number(one.reference_requests),
        *map(_number, (one.reference_seconds, one.reference_cpu, one.ratio, one.cpu_ratio)),
    )
    if not one.bounds:
        return [(*numbers, one.note, "failed" if one.failed else "")]
    verdicts = [(str(bound), "kept" if bound.kept else "MISSED") for bound in one.bounds]
    empty = ("",) * len(numbers)
    lines = [(*(empty if place else numbers), *verdict) for place, verdict in enumerate(verdicts)]
    return [*lines, (*empty, one.note, "")] if one.note else lines


def table(rows: Sequence[Row]) -> str:
    """Return the table for a terminal; long notes are cut off, JSON has all of them."""
    found = [HEAD, *(line for one in rows for line in cells(one))]
    lines = [tuple(cell if len(cell) <= WIDEST else f"{cell[:WIDEST]}…" for cell in line) for line in found]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    texts = {0, 1, 8, 14, 15}
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in texts else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown(rows: Sequence[Row]) -> str:
    """Return the table for a page, with all bounds of a row in one cell."""
    lines = [f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
    for one in rows:
        parts = cells(one)
        joined = ["<br>".join(part[column] for part in parts if part[column]) for column in range(len(HEAD))]
        lines.append(f"| {' | '.join(joined)} |")
    return "\n".join(lines)


def to_json(rows: Sequence[Row], machine: Mapping[str, Any]) -> Json:
    """Return everything, derived values included."""
    found = []
    for one in rows:
        bounds = [{**asdict(bound), "kept": bound.kept} for bound in one.bounds]
        more = {"ratio": one.ratio, "cpu_ratio": one.cpu_ratio, "kept": one.kept, "bounds": bounds}
        found.append({**asdict(one), **more})
    return {"machine": dict(machine), "kept": all(one.kept for one in rows), "rows": found}


def from_json(found: Mapping[str, Any]) -> list[Row]:
    """Return the rows of JSON."""
    derived = ("ratio", "cpu_ratio", "kept")
    rows = []
    for item in found["rows"]:
        bounds = tuple(Bound(**_without(one, "kept")) for one in item["bounds"])
        rows.append(Row(**{**_without(item, *derived), "bounds": bounds}))
    return rows


def _without(item: Mapping[str, Any], *names: str) -> Json:
    return {name: value for name, value in item.items() if name not in names}


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"


def _short(value: float, digits: int = 2) -> str:
    """Without needless zeros: ``1.3``, ``10,000``."""
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".")
