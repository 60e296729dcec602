# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast batches may go: the published quotas until the service says more, and a fair share of them afterwards.

Microsoft's identity service takes 3,000 writes in 150 seconds from one application in one tenant, and reads of 3,500 to
8,000 resource units in 10 seconds, the most where there are more than 500 users [throttling-limits]; each part of a
batch is one write, or costs the units that its answer names. What is said here of writes holds for units as well.

So no more than the quota is sent in any 150 seconds, as fast as it goes. Once the service says that another client
spends from the same quota (429, or ``x-ms-throttle-limit-percentage`` beyond what was sent here), writes are spread
evenly, at half of the quota. What a slower rate changes shows when those 150 seconds have passed, so it becomes slower
still where something is refused after that, and no sooner: until then a refusal is about the past. Two runs that both
do so have about a half each.

It becomes faster when no other client seems to be left:

- The percentage is no more than what was sent here, or there was no sign of others for 150 seconds: as fast as it goes.
- A service that has sent its percentage sends none: less than four fifths are used, so soon twice as fast, and again.
- Else a little for every while that passes, whatever was refused meanwhile or not sent at all: a client that waited
  until nothing was refused would leave the quota to those that came before.

The clock is an argument. Nothing here waits for it; only answers that are on their way are waited for.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

QUOTA = 3000
QUOTA_SECONDS = 150.0
READ_QUOTA = 8000
"""Resource units. A tenant that has a smaller quota has too few users to reach it, or says so."""
READ_SECONDS = 10.0

_BUSY = 0.8
"""The service sends its percentage from here on [throttling-limits]."""
_MINE = 0.9
"""So much of what the service counts may be our own, counted a moment later."""
_SHARED, _LESS = 1 / 2, 0.8
_SLOWEST, _FASTER, _FREE = 1 / 20, 1 / 40, 4
"""Parts of the quota's own rate: no run goes slower; so much is added for each while; faster than this is no limit."""
_CLEAN, _SOON, _LATE = 2 / 15, 1 / 30, 1 / 30
"""Parts of the quota's window: a while without a change; the same where the service tells that there is room; how old
an answer may be: after a burst, much may have left the window since it was given."""
_POLL_SECONDS = 0.1
_TICK = 0.01
"""No wait is shorter: fractions of it would be waited for again and again."""


class Pace:
    """What one application spends of a quota of one tenant, as far as this process does. Safe to use from threads."""

    def __init__(self, clock: Callable[[], float], quota: int = QUOTA, seconds: float = QUOTA_SECONDS) -> None:
        self._clock, self._quota, self._seconds = clock, quota, seconds
        self._even = quota / seconds
        """Writes a second, where the quota is spread evenly."""
        self._answer_came = threading.Condition()
        self._sent: deque[tuple[float, int]] = deque()
        """When answers came, and how many writes they were of: the service had counted them by then."""
        self._recent = 0
        self._in_flight = 0
        self._counts: deque[tuple[float, int]] = deque()
        """How many writes counted, at moments of the last seconds."""
        self.rate: float | None = None
        """Writes a second, once the quota is shared; None: only the quota counts."""
        self._next = 0.0
        self._refused = False
        """Was the last batch that was answered?"""
        self._reports_usage = False
        """Has the service sent its percentage?"""
        self._changed_at = self._slowed_at = self._sign_at = 0.0
        """When the rate was changed, or kept for a sign of others; when it became slower; when there was a sign."""

    def wait(self, count: int, stopped: Callable[[], bool]) -> float:
        """0: ``count`` writes may be sent now, and count as sent. Else the seconds after which to ask again.

        Where the answers of writes on their way have to come first, they are waited for here, unless ``stopped``.
        """
        with self._answer_came:
            while not self._may_send(count):
                if stopped():
                    return _POLL_SECONDS
                self._answer_came.wait(_POLL_SECONDS)
            now = self._clock()
            if self._recent + count > self._quota and self._sent:
                return max(_TICK, self._sent[0][0] + self._seconds - now)
            if self.rate is not None:
                self._speed_up(now)
                if now < self._next:
                    return max(_TICK, self._next - now)
                self._next = max(self._next, now) + count / self.rate
            self._in_flight += count
            self._counts.append((now, self._recent + self._in_flight))
            return 0.0

    def _may_send(self, count: int) -> bool:
        """Is it known how much of the quota there is? After a refusal one batch is tried, and not all."""
        self._forget(self._clock())
        if not self._in_flight:
            return True
        return not self._refused and self._recent + self._in_flight + count <= self._quota

    def held_back(self, count: int) -> None:
        """``count`` writes that might be sent are not."""
        with self._answer_came:
            self._in_flight -= count
            self._answer_came.notify_all()

    def answered(self, count: int, refused: int, percentage: float = 0.0, spent: int | None = None) -> bool:
        """``count`` writes were answered, ``refused`` of them with 429; ``percentage``: the service's, 1.0 is all.

        ``spent``: how many of the quota they took, where that is not one for each that was not refused.
        True: the answer is a sign to do less at once.
        """
        spent = count - refused if spent is None else spent
        with self._answer_came:
            now = self._clock()
            self._forget(now)
            self._in_flight -= count
            self._answer_came.notify_all()
            if spent:
                self._sent.append((now, spent))
                self._recent += spent
            while len(self._counts) > 1 and self._counts[0][0] < now - _LATE * self._seconds:
                self._counts.popleft()
            mine = max((counted for _when, counted in self._counts), default=0) / self._quota
            busy = percentage >= _BUSY
            crowded = busy and mine < _MINE * percentage
            first_sign = crowded and self.rate is None
            self._reports_usage = self._reports_usage or busy
            self._refused = refused > 0
            if refused or crowded:
                self._slow_down(now)
            elif busy or now - self._sign_at >= self._seconds:
                self.rate = None
            elif self._reports_usage and self.rate is not None and now - self._changed_at >= _SOON * self._seconds:
                self.rate = 2 * self.rate if 2 * self.rate < _FREE * self._even else None
                self._changed_at = now
            return refused > 0 or first_sign

    def _slow_down(self, now: float) -> None:
        shared = _SHARED * self._even
        if self.rate is None or self.rate > shared:
            self.rate = shared
            self._slowed_at = now
        elif self._refused and now - self._slowed_at > self._seconds:
            self.rate = max(_SLOWEST * self._even, _LESS * self.rate)
            self._slowed_at = now
        self._changed_at = self._sign_at = now

    def _speed_up(self, now: float) -> None:
        clean = _CLEAN * self._seconds
        steps = int((now - self._changed_at) / clean)
        if steps > 0 and self.rate is not None:
            self.rate = max(self.rate, min(self._even, self.rate + steps * _FASTER * self._even))
            self._changed_at += steps * clean

    def _forget(self, now: float) -> None:
        while self._sent and self._sent[0][0] <= now - self._seconds:
            self._recent -= self._sent.popleft()[1]
