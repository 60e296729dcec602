# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module with a clock as fast as that of the tenant: ``python fast_clock.py SPEED MODULE``.

Before the module is imported, functions that read the time or wait are replaced: a wait of ten seconds takes ten
seconds of that clock. Computing takes as long as before, so the module seems slower than it is.
"""

from __future__ import annotations

import runpy
import sys
import threading
import time
from collections.abc import Callable

from ansible_collections.m365.licensing.plugins.module_utils._http import interrupt


def hasten(speed: float) -> None:
    """Shorten the seconds of this process."""
    for name in ("time", "monotonic", "perf_counter"):
        setattr(time, name, _faster(getattr(time, name), speed))
    sleep, wait = time.sleep, threading.Condition.wait

    def shorter_wait(condition: threading.Condition, timeout: float | None = None) -> bool:
        return wait(condition, timeout if timeout is None else timeout / speed)

    def shorter_sleep(seconds: float) -> None:
        sleep(seconds / speed)

    time.sleep = shorter_sleep  # type: ignore[assignment]  # no caller sleeps by an index
    threading.Condition.wait = shorter_wait  # type: ignore[method-assign,assignment]  # events and queues wait by it
    interrupt.POLL_SECONDS *= speed  # checks as often as before, or they would dominate the measurement


def _faster(clock: Callable[[], float], speed: float) -> Callable[[], float]:
    start = clock()
    return lambda: start + (clock() - start) * speed


if __name__ == "__main__":
    _own, given, module = sys.argv
    sys.argv = [module]  # Ansible reads the options of a module from there, or else from standard input
    hasten(float(given))
    runpy.run_module(module, run_name="__main__", alter_sys=True)
