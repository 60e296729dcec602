# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests are sent at once: more while all succeed, fewer with each that a service throttles."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

from .interrupt import Stop

T = TypeVar("T")
R = TypeVar("R")


class Workers:
    """Threads for requests. ``concurrency`` of them at first, up to twice as many, at least one; 1 remains 1.

    Safe to use from threads, also from its own: no thread of it waits for another.
    """

    def __init__(self, concurrency: int, stop: Stop) -> None:
        self._most = 2 * concurrency if concurrency > 1 else 1
        self._stop = stop
        self._lock = threading.Lock()
        self._well = 0
        self.open = concurrency
        """How many requests may go at once now."""

    def record_response(self, *, throttled: bool) -> None:
        """Count an answer: a throttled one closes a slot, and many that were not open one."""
        with self._lock:
            self._well = 0 if throttled else self._well + 1
            if throttled:
                self.open = max(1, self.open - 1)
            elif self._well >= 2 * self.open:
                self.open, self._well = min(self._most, self.open + 1), 0

    def apply(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Apply ``function`` to each item, ``open`` at a time; the results are in the items' order.

        After the first exception no further item is begun; it is raised when the items at work are done.
        """
        work = list(items)
        if self._most == 1 or len(work) <= 1:
            return [function(item) for item in work]
        failures: list[BaseException] = []
        slot_free, at_work = threading.Condition(), 0

        def run(item: T) -> R | None:
            nonlocal at_work
            with slot_free:
                slot_free.wait_for(lambda: failures or at_work < self.open)
                if failures:
                    return None
                at_work += 1
            try:
                return function(item)
            except BaseException as error:
                failures.append(error)
                raise
            finally:
                with slot_free:
                    at_work -= 1
                    slot_free.notify_all()

        with ThreadPoolExecutor(min(self._most, len(work))) as pool:
            futures = [pool.submit(run, item) for item in work]
            self._stop.await_all(futures)
        if failures:
            raise failures[0]
        return [cast("R", future.result()) for future in futures]
