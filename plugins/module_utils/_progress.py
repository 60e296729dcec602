# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a long run is, for a person who looks while it works: one line of JSON for each page and each batch."""

from __future__ import annotations

import json
import os
import stat
import threading
from datetime import datetime, timezone
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._http import HttpClient

PROGRESS_SPEC: dict[str, dict[str, Any]] = {"progress_path": {"type": "path"}}
"""The option of a module that may work for long."""

WRITES = frozenset({"licenses", "usage locations"})
"""Phases in which the tenant is changed."""


class Progress:
    """Listens to the client for as long as the block runs; ``path`` (None: nowhere) gets what it hears.

    Safe to use from several threads. Raises ConfigurationError where the file cannot be opened; a write that fails
    later ends the lines, and never the work: ``trouble`` says why.
    """

    def __init__(self, client: HttpClient, path: str | None) -> None:
        self.trouble = ""
        self._client, self._path = client, path
        self._lock = threading.Lock()
        self._file = _opened(path) if path else None
        self._started = client.backoff.clock()
        self._write_seconds = 0.0
        self._last = self._started
        self._phase = ""

    def __enter__(self) -> Progress:
        self._client.progress = self.note
        return self

    def __exit__(self, *_unused: object) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def note(self, phase: str, done: int, total: int | None) -> None:
        """``done`` of ``total`` (None: not known) are done in this phase; 0 is its beginning."""
        with self._lock:
            now = self._client.backoff.clock()
            if phase in WRITES and phase == self._phase:
                self._write_seconds += now - self._last
            self._last, self._phase = now, phase
            if self._file is not None:
                self._write(self._file, phase, done, total)

    def cost(self) -> dict[str, Any]:
        """What the work took, for the result."""
        seconds = self._client.backoff.clock() - self._started
        cost = {
            "seconds": round(seconds, 1),
            "throttled_seconds": round(self._client.throttled_seconds, 1),
            "rate": round(self._client.requests / max(seconds, 0.001), 1),
        }
        if self._client.writes:
            cost["writes_per_second"] = round(self._client.writes / max(self._write_seconds, 0.001), 1)
        return cost

    def _write(self, file: int, phase: str, done: int, total: int | None) -> None:
        line = {
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "phase": phase,
            "done": done,
            "total": total,
            "requests": self._client.requests,
            "throttled_seconds": round(self._client.throttled_seconds, 1),
        }
        text = json.dumps(line).encode() + b"\n"
        try:
            # One call for a line, past every buffer: it is there when this returns, and lines of two runs do not mix.
            while text:  # a second call is for a disk that has just become full, and says so
                text = text[os.write(file, text) :]
        except OSError as error:
            self.trouble = f"progress_path: {self._path!r} cannot be written any more: {error.strerror}."
            os.close(file)
            self._file = None


def _opened(path: str) -> int:
    """The file, to be appended to, for its owner only. Raises ConfigurationError."""
    place = os.path.expanduser(path)  # noqa: PTH111 - it goes to os.open
    try:
        # What lies there may be a trap: no link is followed, no pipe is waited for.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(place, flags, 0o600)
    except (OSError, ValueError) as error:  # also a name with NUL
        raise _unwritable(path, getattr(error, "strerror", None) or str(error)) from None
    found = os.fstat(descriptor)
    reason = ""
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        reason = "it is no file of the user who runs the module"
    elif stat.S_IMODE(found.st_mode) != 0o600:
        try:
            os.fchmod(descriptor, 0o600)
        except OSError as error:
            reason = f"others may read it ({error.strerror})"
    if reason:
        os.close(descriptor)
        raise _unwritable(path, reason)
    return descriptor


def _unwritable(path: str, reason: str) -> ConfigurationError:
    return ConfigurationError(f"progress_path: {path!r} cannot be written: {reason}.", code="not_writable")
