# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports the progress of a long run: one line of JSON for each page and each batch."""

from __future__ import annotations

import json
import os
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.module_utils._files.private import Folder, UnsafeError
from ansible_collections.m365.licensing.plugins.module_utils._http.client import HttpClient

PROGRESS_SPEC: dict[str, dict[str, Any]] = {"progress_path": {"type": "path"}}
"""The option of a module that may work for long."""

_KEYS = ("time", "phase", "done", "total", "requests", "throttled_seconds")
_FIRST_LINE = 4096
"""Bytes in which the first line of such a file ends."""

WRITES = frozenset({"licenses", "usage locations"})
"""Phases in which the tenant is changed."""


class ProgressLog:
    """Listens to the client for as long as the block runs; ``path`` (None: nowhere) gets what it hears.

    Safe to use from several threads. Raises ConfigurationError where the file cannot be opened; a write that fails
    later ends the lines, and never the work: ``write_error`` says why.
    """

    def __init__(self, client: HttpClient, path: str | None) -> None:
        self.write_error = ""
        self._client, self._path = client, path
        self._lock = threading.Lock()
        self._file = _opened(path) if path else None
        self._started = client.backoff.clock()
        self._write_seconds = 0.0
        self._last = self._started
        self._phase = ""

    def __enter__(self) -> ProgressLog:
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
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        throttled = round(self._client.throttled_seconds, 1)
        line = dict(zip(_KEYS, (now, phase, done, total, self._client.requests, throttled), strict=True))
        text = self._client.redactor.mask_json(json.dumps(line)).encode() + b"\n"
        try:
            # One call for a line, past every buffer: it is there when this returns, and lines of two runs do not mix.
            while text:  # a second call is for a disk that has just become full, and says so
                text = text[os.write(file, text) :]
        except OSError as error:
            self.write_error = f"progress_path: {self._path!r} cannot be written any more: {error.strerror}."
            os.close(file)
            self._file = None


def _opened(path: str) -> int:
    """The file to append to: a new one for its owner alone, or that of an earlier run. Raises ConfigurationError."""
    try:
        place = Path(path).expanduser()
        with Folder(place.parent) as folder:
            folder.refuse()
            return folder.append(place.name, _is_progress, _FIRST_LINE)
    except (OSError, ValueError, RuntimeError, UnsafeError) as error:  # NUL in a name; nobody's home
        raise _unwritable(path, getattr(error, "strerror", None) or str(error)) from None


def _is_progress(start: bytes) -> bool:
    """Whether a file that begins so is empty, or has lines of progress."""
    if not start:
        return True
    try:
        line = json.loads(start.partition(b"\n")[0])
    except ValueError:
        return False
    return isinstance(line, dict) and tuple(line) == _KEYS


def _unwritable(path: str, reason: str) -> ConfigurationError:
    return ConfigurationError(f"progress_path: {path!r} cannot be written: {reason}.", code="not_writable")
