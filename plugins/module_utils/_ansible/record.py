# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a run that writes: who, what before, what after, by which rule; on the disk as it happens.

JSON Lines. The first line (``kind`` ``header``) says which run it is. A line of ``kind`` ``user`` says what became of a
user. Where a user has several, the last one counts: a write is noted when it is answered, and once more when it is read
back. The last line (``end``) is missing where the run was killed. Readers ignore kinds and keys that they do not know.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._assign.apply import Written
from ansible_collections.m365.licensing.plugins.module_utils._assign.outcomes import Outcome
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError, M365Error
from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import to_plain
from ansible_collections.m365.licensing.plugins.module_utils._files.private import Folder, UnsafeError
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import Catalog
from ansible_collections.m365.licensing.plugins.module_utils._licensing.changes import licenses_row
from ansible_collections.m365.licensing.plugins.module_utils._licensing.models import Sku

from .module import Context

RECORD_SPEC: dict[str, dict[str, Any]] = {"record_dir": {"type": "path"}}
"""The option of a module that leaves a record."""

FORMAT = 1
"""Version of the format: it rises when a line of an older version would be read wrongly."""


def record_folder(record_dir: str | None, report_dir: str | None = None) -> Path:
    """Where records go: ``record_dir``, else ``report_dir``, else the user's state directory. Made where it is missing.

    Raises ConfigurationError where nothing can be written there.
    """
    given = record_dir or report_dir
    try:
        folder = Path(given).expanduser() if given else _state_home() / "m365.licensing"
        with Folder(folder, make=0o700) as found:
            found.refuse()
    except (OSError, ValueError, RuntimeError, UnsafeError) as error:  # NUL in a name; nobody's home
        reason = getattr(error, "strerror", None) or str(error)
        raise _unwritable(given or "the user's state directory", reason) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(str(folder), "it cannot be written to")
    return folder


def _state_home() -> Path:
    home = os.environ.get("XDG_STATE_HOME", "")
    # a relative one is to be ignored [XDG base directories]
    return Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "state"


class Record:
    """The file. Safe to use from several threads; what cannot be written any more ends it: ``trouble`` says why."""

    def __init__(
        self,
        folder: Path,
        stem: str,
        header: Mapping[str, Any],
        outcome_row: Callable[[Outcome], Mapping[str, Any]],
        mask: Callable[[str], str] = str,
    ) -> None:
        """``outcome_row`` makes the line of a user, without ``kind``; ``mask`` takes secrets out of JSON.

        Raises ConfigurationError where no file can be made.
        """
        self.path = str(folder / f"{stem}.record.jsonl")
        self.trouble = ""
        self._outcome_row, self._mask = outcome_row, mask
        self._lock = threading.Lock()
        self._noted: dict[str, tuple[Any, ...]] = {}
        try:
            with Folder(folder) as found:
                found.refuse()
                self._file = found.create(f"{stem}.record.jsonl")
        except (OSError, UnsafeError) as error:
            raise _unwritable(self.path, getattr(error, "strerror", None) or str(error)) from None
        try:
            self._write([{"kind": "header", "format": FORMAT, **header}])
        except OSError as error:
            os.close(self._file)
            raise _unwritable(self.path, error.strerror or "no reason given") from None

    def note(self, outcomes: Sequence[Outcome]) -> bool:
        """Write what became of these users, unless it is written already; on the disk when it returns.

        False where it could not be written, now or before.
        """
        with self._lock:
            new = [item for item in outcomes if self._noted.get(item.user_id) != _facts(item)]
            if self.trouble or not new:
                return not self.trouble
            try:
                self._write([{"kind": "user", **self._outcome_row(item)} for item in new])
            except OSError as error:
                self.trouble = f"The record {self.path} cannot be written any more: {error.strerror}."
                return False
            self._noted.update({item.user_id: _facts(item) for item in new})
            return True

    def close(self, end: Mapping[str, Any] | None) -> None:
        """Close the file; ``end``: what to note of a run that has come to its end."""
        with self._lock:
            try:
                if end is not None and not self.trouble:
                    self._write([{"kind": "end", **end}])
            except OSError as error:
                self.trouble = f"The record {self.path} cannot be written any more: {error.strerror}."
            os.close(self._file)

    def _write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        text = self._mask("".join(json.dumps(to_plain(line)) + "\n" for line in lines)).encode()
        while text:
            text = text[os.write(self._file, text) :]
        os.fsync(self._file)


class Recording:
    """The record of one run, made with the first write: a run that writes nothing leaves none. A context manager."""

    def __init__(self, context: Context, folder: Path | None, stem: str, header: Mapping[str, Any]) -> None:
        """``folder`` None: the run writes nothing, and never begins a record."""
        self._context, self._folder, self._stem, self._header = context, folder, stem, header
        self._record: Record | None = None

    def __enter__(self) -> Recording:
        return self

    def begin(
        self, skus: Mapping[str, Sku], catalog: Catalog, rules: Mapping[str, Mapping[str, Any]] | None = None
    ) -> Written:
        """Make the file; what it returns notes outcomes. ``rules``: what decided, by user id.

        Raises ConfigurationError where the file cannot be made.
        """

        def row(outcome: Outcome) -> dict[str, Any]:
            problem = outcome.error
            return {
                "time": self._context.client.wall.now(),
                "user_id": outcome.user_id,
                "user_principal_name": outcome.before.user_principal_name,
                "rule": None,
                **(rules or {}).get(outcome.user_id, {}),
                "status": outcome.status,
                "confirmation": outcome.confirmation,
                "error": {"code": problem.code, "message": problem.message} if problem else None,
                "before": licenses_row(outcome.before, skus, catalog),
                "after": licenses_row(outcome.after, skus, catalog),
            }

        if self._folder is None:
            raise ValueError("a run that writes nothing has no record")
        mask = self._context.client.redactor.mask_json
        self._record = record = Record(self._folder, self._stem, self._header, row, mask)
        self._context.record_path = record.path
        return record.note

    def __exit__(self, kind: type[BaseException] | None, *_unused: object) -> None:
        if self._record is None:
            return
        whole = kind is None or issubclass(kind, M365Error)
        self._record.close({"time": self._context.client.wall.now()} if whole else None)
        if self._record.trouble:
            self._context.warn(self._record.trouble)


def _facts(outcome: Outcome) -> tuple[Any, ...]:
    """What makes another line worth while."""
    after = outcome.after
    return outcome.status, outcome.confirmation, outcome.error, after.license_states, after.usage_location


def _unwritable(place: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"record_dir: {place!r} cannot be written: {reason}. Nothing was written to the tenant.",
        code="not_writable",
        hint="Each run that writes leaves a record there. Set record_dir to a directory that the user may write to.",
    )
