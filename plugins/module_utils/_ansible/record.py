# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a run that writes: each user before and after, with the deciding rule, on the disk batch by batch.

JSON Lines. The first line (``kind`` ``header``) identifies the run. A line of ``kind`` ``user`` has the result of a
user. If a user has several, the last one counts: a write is recorded when it is answered, and again when it is read
back. The last line (``end``) is missing if the run was killed. Readers ignore unknown kinds and keys.
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
"""The option of a module that writes a record."""

FORMAT = 1
"""Version of the format: it rises when a line of an older version would be read wrongly."""


def record_folder(record_dir: str | None, report_dir: str | None = None) -> Path:
    """Where records go: ``record_dir``, else ``report_dir``, else the user's state directory. It is created.

    Raises ConfigurationError if it cannot be written to.
    """
    given = record_dir or report_dir
    try:
        folder = Path(given).expanduser() if given else _state_home() / "m365.licensing"
        with Folder(folder, make=0o700) as found:
            found.refuse()
    except (OSError, ValueError, RuntimeError, UnsafeError) as error:  # NUL in a name, or no home directory
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
    """The file. Safe to use from several threads. A failed write ends it, and ``write_error`` says why."""

    def __init__(
        self,
        folder: Path,
        stem: str,
        header: Mapping[str, Any],
        outcome_row: Callable[[Outcome], Mapping[str, Any]],
        mask: Callable[[str], str] = str,
    ) -> None:
        """``outcome_row`` makes the line of a user, without ``kind``; ``mask`` takes secrets out of JSON.

        Raises ConfigurationError if the file cannot be created.
        """
        self.path = str(folder / f"{stem}.record.jsonl")
        self.write_error = ""
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
        """Write the results of these users that are new, to the disk. False if this or an earlier write failed."""
        with self._lock:
            new = [item for item in outcomes if self._noted.get(item.user_id) != _facts(item)]
            if self.write_error or not new:
                return not self.write_error
            try:
                self._write([{"kind": "user", **self._outcome_row(item)} for item in new])
            except OSError as error:
                self.write_error = f"The record {self.path} cannot be written any more: {error.strerror}."
                return False
            self._noted.update({item.user_id: _facts(item) for item in new})
            return True

    def close(self, end: Mapping[str, Any] | None) -> None:
        """Close the file; ``end``: the keys of the last line, if the run was not killed."""
        with self._lock:
            try:
                if end is not None and not self.write_error:
                    self._write([{"kind": "end", **end}])
            except OSError as error:
                self.write_error = f"The record {self.path} cannot be written any more: {error.strerror}."
            os.close(self._file)

    def _write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        text = self._mask("".join(json.dumps(to_plain(line)) + "\n" for line in lines)).encode()
        while text:
            text = text[os.write(self._file, text) :]
        os.fsync(self._file)


class Recording:
    """The record of one run, created before the first write. A context manager."""

    def __init__(self, context: Context, folder: Path | None, stem: str, header: Mapping[str, Any]) -> None:
        """``folder`` None: the run writes nothing, and has no record."""
        self._context, self._folder, self._stem, self._header = context, folder, stem, header
        self._record: Record | None = None

    def __enter__(self) -> Recording:
        return self

    def begin(
        self, skus: Mapping[str, Sku], catalog: Catalog, rules: Mapping[str, Mapping[str, Any]] | None = None
    ) -> Written:
        """Create the file, and return what records outcomes. ``rules``: the deciding rules, by user id.

        Raises ConfigurationError if the file cannot be created.
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
        if self._record.write_error:
            self._context.warn(self._record.write_error)


def _facts(outcome: Outcome) -> tuple[Any, ...]:
    """The values that need another line if they change."""
    after = outcome.after
    return outcome.status, outcome.confirmation, outcome.error, after.license_states, after.usage_location


def _unwritable(place: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"record_dir: {place!r} cannot be written: {reason}. Nothing was written to the tenant.",
        code="not_writable",
        hint="Each run that writes needs a record there. Set record_dir to a directory that the user may write to.",
    )
