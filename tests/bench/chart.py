# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chart (SVG) of how much of each bound was used. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from tests.bench.report import Bound, Row

WIDTH, LEFT, RIGHT, LINE, TOP = 900, 480, 70, 22, 40
WHOLE = 200
"""The end of the axis in per cent of a bound; a longer bar is cut off, with its length as a number."""
HEADER = """<!--
Copyright (c) 2026 m365.licensing contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->"""
STYLE = """<style>
text { font: 12px sans-serif; fill: #24292f }
.bound { stroke: #24292f; stroke-dasharray: 4 3 }
.kept { fill: #2da44e }
.missed { fill: #cf222e }
.paper { fill: #ffffff }
</style>"""


def svg(rows: Sequence[Row]) -> str:
    """Return a chart with a bar for each bound of each row; the dashed line is the bound."""
    bars = [(one, bound) for one in rows for bound in one.bounds]
    height = TOP + LINE * len(bars) + 10
    line = LEFT + _length(100)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>How much of each bound was used</title>",
        STYLE,
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        f'<text x="{line}" y="16" text-anchor="middle">the bound: 100 %</text>',
        *(part for place, (one, bound) in enumerate(bars) for part in _bar(place, one, bound)),
        f'<line class="bound" x1="{line}" x2="{line}" y1="24" y2="{height - 10}"/>',
        "</svg>",
    ]
    return "\n".join((HEADER, *parts)) + "\n"


def _bar(place: int, one: Row, bound: Bound) -> list[str]:
    top = TOP + LINE * place
    share = 100 * bound.share
    length = _length(min(share, WHOLE))
    late = f", {one.latency} ms" if one.latency else ""
    label = escape(f"{one.work}, {one.size}{late}: {bound.what}")
    kind = "kept" if bound.kept else "missed"
    return [
        f'<text x="{LEFT - 8}" y="{top + 12}" text-anchor="end">{label}</text>',
        f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{length:.0f}" height="{LINE - 6}"/>',
        f'<text x="{LEFT + length + 6:.0f}" y="{top + 12}">{share:.0f} %</text>',
    ]


def _length(percent: float) -> float:
    return percent / WHOLE * (WIDTH - LEFT - RIGHT)
