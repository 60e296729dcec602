# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command and record its cost: ``python sampler.py NOTE COMMAND…``.

It is a small separate process, because Linux counts the memory of the parent in the peak of a child.
"""

from __future__ import annotations

import json
import os
import sys
import time

KILOBYTE = 1024


def main(note: str, command: list[str]) -> int:
    """Return the exit status of the command; write its seconds, CPU seconds and peak (with children) to the file."""
    started = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    _child, status, used = os.wait4(child, 0)
    found = {
        "seconds": time.perf_counter() - started,
        "cpu": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss * KILOBYTE,
    }
    with open(note, "w", encoding="utf-8") as stream:  # noqa: PTH123 - pathlib would be most of this process
        json.dump(found, stream)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
