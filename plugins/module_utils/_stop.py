# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ends early: Ctrl-C, a job that is cancelled, or nobody left who would read the answer.

Each sets one flag. From then on waits end, nothing is sent any more, and what is on its way gets a short grace.
The work above meets ``Interrupted``, or a write whose answer is lost, and reports as after any other trouble.
"""

from __future__ import annotations

import select
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import TypeVar

from ansible_collections.m365.licensing.plugins.module_utils._errors import Interrupted

T = TypeVar("T")

GRACE_SECONDS = 2.0
"""How long a request that is on its way may still be answered."""
STDOUT = 1
LOOK_SECONDS = 0.1
"""How often a wait looks at the flag. No lock and no event: a signal may find this thread holding just that one."""


class OverdueError(Exception):
    """What was waited for did not come in time."""


class Stop:
    """Whether the run was told to stop."""

    def __init__(self) -> None:
        self.told = False
        self._grace_ends = 0.0
        self._watched = False

    def on_signals(self) -> None:
        """Take Ctrl-C, and the signal that cancels a job. Only for the main thread.

        From now on the end of whoever reads this process's answer counts as a signal: it may have passed none on.
        """
        self._watched = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: self.tell())

    def tell(self) -> None:
        """Stop the run; told again, it stops no sooner."""
        if not self.told:
            self._grace_ends = time.monotonic() + GRACE_SECONDS
            self.told = True

    def look(self) -> None:
        """Stop the run if nobody is left who would read its answer."""
        if self._watched and not self.told and _nobody_reads():
            self.tell()

    def check(self) -> None:
        """Raise Interrupted if the run was told to stop."""
        self.look()
        if self.told:
            raise Interrupted

    def sleep(self, seconds: float) -> None:
        """Wait. Raises Interrupted as soon as the run is told to stop."""
        end = time.monotonic() + seconds
        self.check()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_SECONDS))
            self.check()

    def await_all(self, work: Sequence[Future[None]]) -> None:
        """Wait for threads. Awake now and then: a signal that another thread was given waits for this one."""
        while wait(work, LOOK_SECONDS).not_done:
            pass

    def await_answer(self, ask: Callable[[], T], seconds: float) -> T:
        """What ``ask`` brings. Raises Interrupted where the run was told to stop, and the grace is over.

        Raises OverdueError after ``seconds``. What ``ask`` still does is lost then.
        It is asked in a thread of its own, as nothing else could be left while it waits for the network.
        """
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(ask())
            except BaseException as error:
                answer.set_exception(error)

        end = time.monotonic() + seconds
        threading.Thread(target=run, daemon=True).start()
        while not wait((answer,), LOOK_SECONDS).done:
            self.look()
            if self.told and time.monotonic() > self._grace_ends:
                raise Interrupted
            if time.monotonic() > end:
                raise OverdueError
        return answer.result()


def _nobody_reads() -> bool:
    """Has the pipe (or socket) that this process prints to no other end any more? A file is always read."""
    printing = select.poll()
    printing.register(STDOUT, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _descriptor, event in printing.poll(0))
