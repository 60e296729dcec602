# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests go at once: more while all goes well, fewer with each that a service throttles."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from ansible_collections.m365.licensing.plugins.module_utils._stop import Stop

T = TypeVar("T")
R = TypeVar("R")


class Workers:
    """Threads for requests. ``concurrency`` of them at first, up to twice as many, at least one; 1 remains 1.

    Safe to use from threads, also from those that it made: nobody waits there for anybody else.
    """

    def __init__(self, concurrency: int, stop: Stop) -> None:
        self._most = 2 * concurrency if concurrency > 1 else 1
        self._stop = stop
        self._lock = threading.Lock()
        self._well = 0
        self.open = concurrency
        """How many requests may go at once now."""

    def went(self, *, throttled: bool) -> None:
        """A request was answered. One less goes at once when it was throttled, one more after many that were not."""
        with self._lock:
            self._well = 0 if throttled else self._well + 1
            if throttled:
                self.open = max(1, self.open - 1)
            elif self._well >= 2 * self.open:
                self.open, self._well = min(self._most, self.open + 1), 0

    def apply(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Apply ``function`` to each item, ``open`` at a time; the results are in the items' order.

        The first exception stops the handing out of further items, and is raised when those at work are done.
        """
        work = list(items)
        if self._most == 1 or len(work) <= 1:
            return [function(item) for item in work]
        results: list[Any] = [None] * len(work)
        failures: list[BaseException] = []
        waiting = list(reversed(range(len(work))))
        lock, started, at_work = threading.Lock(), list[Future[None]](), 0

        def begin() -> None:
            nonlocal at_work
            # an exception may have ended the wait below, and closed the pool
            with contextlib.suppress(RuntimeError):
                started.append(pool.submit(run))
                at_work += 1

        def take() -> int | None:
            """The next item, while there is room for whoever asks. Begins another thread where there is room for it."""
            nonlocal at_work
            with lock:
                if failures or not waiting or at_work > self.open:
                    at_work -= 1
                    return None
                index = waiting.pop()
                if waiting and at_work < self.open:
                    begin()
                return index

        def run() -> None:
            while (index := take()) is not None:
                try:
                    results[index] = function(work[index])
                except BaseException as error:
                    with lock:
                        failures.append(error)

        with ThreadPoolExecutor(min(self._most, len(work))) as pool:
            with lock:
                begin()
            awaited = 0
            while awaited < len(started):  # Who ends may have begun another one.
                awaited = len(started)
                self._stop.await_all(started[:awaited])
        if failures:
            raise failures[0]
        return results
