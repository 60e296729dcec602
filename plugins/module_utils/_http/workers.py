# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests are sent at once: more while all succeed, fewer with each that a service throttles."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

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

        The first exception stops the handing out of further items, and is raised when those at work are done.
        """
        work = list(items)
        if self._most == 1 or len(work) <= 1:
            return [function(item) for item in work]
        with ThreadPoolExecutor(min(self._most, len(work))) as pool:
            many = _Many(function, work, pool, lambda: self.open)
            many.wait(self._stop)
        return many.outcome()


class _Many(Generic[T, R]):
    """Many items in hand: each thread takes one after another, and begins the next thread where there is room."""

    def __init__(
        self, function: Callable[[T], R], work: list[T], pool: ThreadPoolExecutor, room: Callable[[], int]
    ) -> None:
        self._function, self._work, self._pool, self._room = function, work, pool, room
        self._results: list[Any] = [None] * len(work)
        self._failures: list[BaseException] = []
        self._waiting = list(reversed(range(len(work))))
        self._lock, self._started, self._at_work = threading.Lock(), list[Future[None]](), 0

    def wait(self, stop: Stop) -> None:
        """Work on all items until the last thread has ended. A thread that ends may have begun another one."""
        with self._lock:
            self._begin()
        awaited = 0
        while awaited < len(self._started):
            awaited = len(self._started)
            stop.await_all(self._started[:awaited])

    def outcome(self) -> list[R]:
        """The results in the items' order. Raises the first exception of ``function``."""
        if self._failures:
            raise self._failures[0]
        return self._results

    def _begin(self) -> None:
        # an exception may have ended the wait, and closed the pool
        with contextlib.suppress(RuntimeError):
            self._started.append(self._pool.submit(self._run))
            self._at_work += 1

    def _take(self) -> int | None:
        """The next item, while there is room for the thread that asks. Begins another thread where there is room."""
        with self._lock:
            if self._failures or not self._waiting or self._at_work > self._room():
                self._at_work -= 1
                return None
            index = self._waiting.pop()
            if self._waiting and self._at_work < self._room():
                self._begin()
            return index

    def _run(self) -> None:
        while (index := self._take()) is not None:
            try:
                self._results[index] = self._function(self._work[index])
            except BaseException as error:
                with self._lock:
                    self._failures.append(error)
