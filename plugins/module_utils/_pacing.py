# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast writes may go: the published quota until the service says more, and a fair share of it afterwards.

Microsoft's identity service takes 3,000 writes in 150 seconds from one application in one tenant [throttling-limits];
each part of a batch is one. So no more than these are sent in any 150 seconds, as fast as they go. Once the service
says that somebody else spends from the same quota (429, or ``x-ms-throttle-limit-percentage`` beyond what was sent
here), writes are spread evenly: at half of the quota first, at a little less than what got through at each further
refusal, and a little faster for every while in which there is room. Two runs that both do so end up with a half each.

The clock is an argument. Nothing here waits for it; only answers that are on their way are waited for.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

QUOTA = 3000
QUOTA_SECONDS = 150.0

_BUSY = 0.8
"""The service sends its percentage from here on [throttling-limits]."""
_MINE = 0.9
"""So much of what the service counts may be our own, counted a moment later."""
_LATE_SECONDS = 5.0
"""So old may be what an answer tells: after a burst, much may have left the window since."""
_SLOWEST = 1.0
_LESS = 0.9
_CLEAN_SECONDS = 20.0
_FASTER = 0.5
"""Writes a second more, for each CLEAN_SECONDS without a refusal."""
_LOOK_SECONDS = 0.1
_TICK = 0.01
"""No wait is shorter: fractions of it would be waited for again and again."""
_ONE_REFUSAL = 15.0
"""Refusals within so many seconds are one: batches in flight are refused together."""


class Pace:
    """The writes of one application in one tenant, as far as this process sends them. Safe to use from threads."""

    def __init__(self, clock: Callable[[], float], quota: int = QUOTA, seconds: float = QUOTA_SECONDS) -> None:
        self._clock, self._quota, self._seconds = clock, quota, seconds
        self._landed = threading.Condition()
        self._sent: deque[tuple[float, int]] = deque()
        """When answers came, and how many writes they were of: the service had counted them by then."""
        self._recent = 0
        self._flying = 0
        self._lately: deque[tuple[float, int]] = deque()
        """How many writes counted, at moments of the last seconds."""
        self.rate: float | None = None
        """Writes a second, once the quota is shared; None: only the quota counts."""
        self._next = 0.0
        self._refused = False
        """Was the last batch that was answered?"""
        self._changed_at = 0.0

    def wait(self, count: int, stopped: Callable[[], bool]) -> float:
        """0: ``count`` writes may be sent now, and count as sent. Else the seconds after which to ask again.

        Where the answers of writes on their way have to come first, they are waited for here, unless ``stopped``.
        """
        with self._landed:
            while not self._may_fly(count):
                if stopped():
                    return _LOOK_SECONDS
                self._landed.wait(_LOOK_SECONDS)
            now = self._clock()
            if self._recent + count > self._quota and self._sent:
                return max(_TICK, self._sent[0][0] + self._seconds - now)
            if self.rate is not None:
                self._speed_up(now)
                if now < self._next:
                    return max(_TICK, self._next - now)
                self._next = max(self._next, now) + count / self.rate
            self._flying += count
            self._lately.append((now, self._recent + self._flying))
            return 0.0

    def _may_fly(self, count: int) -> bool:
        """Is it known how much of the quota there is? Who was refused tries with one batch, and not with all."""
        self._forget(self._clock())
        if not self._flying:
            return True
        return not self._refused and self._recent + self._flying + count <= self._quota

    def held_back(self, count: int) -> None:
        """``count`` writes that might be sent are not."""
        with self._landed:
            self._flying -= count
            self._landed.notify_all()

    def answered(self, count: int, refused: int, percentage: float = 0.0) -> None:
        """``count`` writes were answered, ``refused`` of them with 429; ``percentage``: the service's, 1.0 is all."""
        with self._landed:
            now = self._clock()
            self._forget(now)
            self._flying -= count
            self._landed.notify_all()
            if count > refused:
                self._sent.append((now, count - refused))
                self._recent += count - refused
            while len(self._lately) > 1 and self._lately[0][0] < now - _LATE_SECONDS:
                self._lately.popleft()
            mine = max((counted for _when, counted in self._lately), default=0) / self._quota
            crowded = percentage >= _BUSY and mine < _MINE * percentage
            self._refused = refused > 0
            if refused or (crowded and self.rate is None):
                self._slow_down(now)
            elif percentage >= _BUSY and self.rate is not None:
                self._changed_at = now  # as fast as it goes

    def _slow_down(self, now: float) -> None:
        if self.rate is None:
            self.rate = self._quota / self._seconds / 2
        elif now - self._changed_at > _ONE_REFUSAL:
            self.rate = max(_SLOWEST, _LESS * min(self.rate, self._recent / self._seconds))
        else:
            return
        self._changed_at = now

    def _speed_up(self, now: float) -> None:
        steps = int((now - self._changed_at) / _CLEAN_SECONDS)
        if steps > 0 and self.rate is not None:
            self.rate = min(self._quota / self._seconds, self.rate + steps * _FASTER)
            self._changed_at += steps * _CLEAN_SECONDS

    def _forget(self, now: float) -> None:
        while self._sent and self._sent[0][0] <= now - self._seconds:
            self._recent -= self._sent.popleft()[1]
