# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests a service still takes, where its answers say so in ``Rate-Limit-*``.

The headers were seen on answers of Exchange's InvokeCommand and are not documented: how ``Rate-Limit-Reset`` is written
(seconds, a time, or seconds since 1970) is read from the value itself, and a value that cannot be read is ignored. If
the wait would take too long, the request is sent, and the service's own answer counts.
"""

from __future__ import annotations

import email.utils
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import parse_time

_EPOCH_FROM = 10**9
"""Seconds. A larger number is a moment, counted from 1970, and no period: thirty years."""
_MILLISECONDS_FROM = 10**12
_DIGITS_MAX = 15


class Allowance:
    """What is left of a service's quota, by its last answer. Safe to use from threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._left: int | None = None
        self._until = 0.0

    def learn(self, headers: Mapping[str, str]) -> None:
        """Note what an answer says; one without these headers says nothing."""
        left, seconds = _read(headers)
        if left is None or seconds is None:
            return
        with self._lock:
            self._left, self._until = left, self._clock() + seconds

    def take(self) -> float:
        """0: a request may be sent, and counts. Else the seconds until there is an allowance again."""
        with self._lock:
            now = self._clock()
            if self._left is None or now >= self._until:
                self._left = None
            elif self._left <= 0:
                return self._until - now
            else:
                self._left -= 1
            return 0.0


def seconds_to_reset(headers: Mapping[str, str]) -> float | None:
    """How long a service wants to be left alone that takes no more requests; None where it does not say that."""
    left, seconds = _read(headers)
    return seconds if left == 0 else None


def _read(headers: Mapping[str, str]) -> tuple[int | None, float | None]:
    """How many requests are left, and until when, in seconds by the service's clock; None: it does not say."""
    lowered = {str(name).casefold(): str(value).strip() for name, value in headers.items()}
    left = _number(lowered.get("rate-limit-remaining", ""))
    reset = lowered.get("rate-limit-reset", "")
    number = _number(reset)
    if number is not None and number < _EPOCH_FROM:
        return left, float(number)
    at = _moment(reset)
    if number is not None:
        at = number / 1000 if number >= _MILLISECONDS_FROM else float(number)
    now = _moment(lowered.get("date", ""))
    return left, None if at is None or now is None else max(0.0, at - now)


def _number(text: str) -> int | None:
    digits = str(text).strip()
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS_MAX else None


def _moment(text: str) -> float | None:
    """Seconds since 1970 of a time, as HTTP or as Exchange writes it."""
    found: datetime | None = None
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        try:
            found = parse_time(text)
        except ValueError:
            return None
    try:
        return found.timestamp() if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
