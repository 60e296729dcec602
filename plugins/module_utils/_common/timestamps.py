# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as the services write them, and back. Pure: no I/O, no clock."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

# Exchange writes seven fractional digits, which Python before 3.11 refuses: only as many as fit are kept.
_FRACTION = re.compile(r"\.(\d{1,6})\d*")


def parse_time(value: Any) -> datetime | None:
    """An aware UTC time; None for nothing, an empty text, or the year 1 that stands for "never".

    A time without an offset is taken as UTC. Raises ValueError for a text that is not a time.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - what a service or a person gave, no mistake of the caller
            f"expected a time such as 2026-06-15T12:00:00Z, found {value!r}"
        )
    text = value.strip()
    if text[-1:] in ("Z", "z"):
        text = f"{text[:-1]}+00:00"
    if "." in text:
        text = _FRACTION.sub(lambda match: "." + match.group(1).ljust(6, "0"), text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a time such as 2026-06-15T12:00:00Z, found {value!r}") from None
    if moment.year <= 1:
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=timezone.utc)
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError(f"{value!r} is beyond the calendar") from None


def format_time(value: datetime | None) -> str | None:
    """``2026-06-15T12:00:00Z``, or None."""
    return (
        None if value is None else value.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
    )
