# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ends early: Ctrl-C, a job that is cancelled, or an answer that no process will read.

Each sets one flag. From then on waits end, nothing is sent any more, and requests on their way get a short grace.
The caller meets ``Interrupted``, or a write whose answer is lost, and reports as after any other failure.

Where the process hangs, the flag does not end it: Python calls handlers of signals between two of its own steps, and
not within a call of the operating system. So a thread waits for signals as well, and ends the process if nothing else
does.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import Interrupted

T = TypeVar("T")

GRACE_SECONDS = 2.0
"""How long a request that is on its way may still be answered."""
REPEAT_SECONDS = 1.0
"""How long a further SIGTERM counts as the first one: a service manager sends it to all processes of a job, and
ansible-playbook passes on its own."""
END_SECONDS = 25.0
"""How long a run that is to stop may take to report what it has done. Containers are killed after 30 seconds."""
STDOUT = 1
POLL_SECONDS = 0.1
"""How often a wait looks at the flag. No lock and no event: a signal may find this thread holding just that one."""


class OverdueError(Exception):
    """The answer did not come in time."""


class Stop:
    """Whether the run is to stop."""

    def __init__(self) -> None:
        self.requested = False
        self._grace_ends = 0.0
        self._watched = False

    def on_signals(self) -> None:
        """Take Ctrl-C, and the signal that cancels a job. Only for the main thread.

        From now on the end of the process that reads the answer counts as a signal: it may have passed none on. A
        process that is to stop ends: by itself, at once with a second SIGTERM, or after ``END_SECONDS``.
        """
        self._watched = True
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._end_on_signals, args=(reader,), daemon=True).start()
        numbers = (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            signal.signal(number, lambda _number, _frame: self.request())
        # the parent process may have blocked them
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)

    def _end_on_signals(self, reader: int) -> None:
        """Wait for signals, also while the main thread hangs; end the process where it does not end by itself."""
        waiting = select.poll()
        waiting.register(reader, select.POLLIN)
        ends, repeats_until = None, float("inf")
        while waiting.poll(None if ends is None else max(0.0, ends - time.monotonic()) * 1000):
            number, now = os.read(reader, 1)[0], time.monotonic()
            self.request()
            ends = ends or now + END_SECONDS
            if number == signal.SIGTERM:
                if now > repeats_until:
                    break
                repeats_until = min(repeats_until, now + REPEAT_SECONDS)
        os._exit(128 + signal.SIGTERM)

    def request(self) -> None:
        """Ask the run to stop; a second request changes nothing. A run that hangs is ended [on_signals]."""
        if not self.requested:
            self._grace_ends = time.monotonic() + GRACE_SECONDS
            self.requested = True

    def check_reader(self) -> None:
        """Ask the run to stop if no process will read its answer."""
        if self._watched and not self.requested and _stdout_closed():
            self.request()

    def raise_if_requested(self) -> None:
        """Raise Interrupted if the run is to stop."""
        self.check_reader()
        if self.requested:
            raise Interrupted

    def sleep(self, seconds: float) -> None:
        """Wait. Raises Interrupted as soon as the run is to stop."""
        end = time.monotonic() + seconds
        self.raise_if_requested()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, POLL_SECONDS))
            self.raise_if_requested()

    def await_all(self, work: Sequence[Future[Any]]) -> None:
        """Wait for threads. Awake now and then: a signal that another thread was given waits for this one."""
        while wait(work, POLL_SECONDS).not_done:
            pass

    def await_answer(self, ask: Callable[[], T], seconds: float) -> T:
        """What ``ask`` returns. Raises Interrupted where the run is to stop, and the grace is over.

        Raises OverdueError after ``seconds``. What ``ask`` still does is lost then.
        It runs in a thread of its own, as Python cannot abandon a call that waits for the network.
        """
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(ask())
            except BaseException as error:
                answer.set_exception(error)

        end = time.monotonic() + seconds
        threading.Thread(target=run, daemon=True).start()
        while not wait((answer,), POLL_SECONDS).done:
            self.check_reader()
            if self.requested and time.monotonic() > self._grace_ends:
                raise Interrupted
            if time.monotonic() > end:
                raise OverdueError
        return answer.result()


def _stdout_closed() -> bool:
    """Was the other end of the pipe (or socket) of stdout closed? A file counts as open."""
    printing = select.poll()
    printing.register(STDOUT, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _descriptor, event in printing.poll(0))
