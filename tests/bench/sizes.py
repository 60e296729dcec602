# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes of the works: full ones for the bounds, small ones to test the bench."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Numbers of mailboxes, users and rounds."""

    audit: int = 20_000
    audit_at_risk: int = 200
    large: int = 100_000
    tenth: int = 10_000
    large_at_risk: int = 500
    rules: int = 50
    many_rules: int = 5_000
    many: int = 10_000
    thousand: int = 1_000
    loop: int = 100
    command_line: int = 50
    quota: int = 3_000
    speed: int = 5
    """The speed of the clock while the quota is measured."""
    rounds: int = 3
    large_rounds: int = 2
    """Rounds of long works."""
    short_rounds: int = 7
    """Rounds of short works, in which noise is large."""


FULL = Sizes()
SMALL = Sizes(
    audit=2_000,
    audit_at_risk=20,
    large=5_000,
    tenth=500,
    large_at_risk=25,
    rules=10,
    many_rules=500,
    many=400,
    thousand=100,
    loop=5,
    command_line=3,
    quota=120,
    speed=20,
    rounds=1,
    large_rounds=1,
    short_rounds=1,
)
LATENCIES = (0, 50)
"""Milliseconds of delay of each answer: none, and that of a real service."""
