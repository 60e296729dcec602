# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around the work of a module that may return many rows or take long: its rows, its progress, and its cost.

Ansible keeps several copies of a result, prints it, and keeps it in facts, so it stays small. Beyond ``max_rows`` it
has the summary and the first rows; the file ``output_path`` has all rows.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ConfigurationError,
    M365Error,
    summarize,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.serialization import json_lines, to_plain
from ansible_collections.m365.licensing.plugins.module_utils._files.private import (
    Folder,
    UnsafeError,
    remarks_on,
    remarks_on_file,
)

from .module import Context
from .progress import PROGRESS_SPEC, ProgressLog

LARGE_SPEC: dict[str, dict[str, Any]] = {
    "max_rows": {"type": "int", "default": 1000},
    "output_path": {"type": "path"},
    **PROGRESS_SPEC,
}
"""The options of a module that may return many rows."""

FIRST_ROWS = 20
"""The number of rows in ``first_rows``."""

FAILED_CHARS = 5500
"""The most characters of the result of a failed task, which Ansible prints in one line."""
KEPT_CHARS, BRIEF_CHARS, FAILED_LIST_CHARS, SUMMARY_LIST_CHARS = 1500, 1100, 400, 120
"""The most characters in such a result of complete rows, brief rows, other lists, and lists of its summary."""

_NOT_ROWS = frozenset({"alarm", "first_rows", "reports", "violations", "warnings"})
_FAILED_STATUSES = frozenset({"failed", "skipped"})


class RowsNotWritten(M365Error):
    """``output_path`` could not be written. ``partial`` is the result, with all rows if users were changed."""

    def __init__(self, message: str, partial: Mapping[str, Any], *, wrote: bool) -> None:
        hint = "The result says what was done." if wrote else "Nothing was changed."
        super().__init__(f"The rows could not be written: {message}", code="not_writable", hint=hint, partial=partial)


Row = Mapping[str, Any]


class RowKind(NamedTuple):
    """The rows of a module: the list in the result that has them, and their order if only some are returned."""

    name: str
    urgent: Callable[[Row], bool] = lambda _row: False
    """The rows that come first, after failed ones."""
    rank: Callable[[Row], float] = lambda _row: 0.0
    """The order of urgent and failed rows, the least first."""
    brief: Callable[[Row], Row] | None = None
    """Shortens a row for the result of a failed task; None: such a result is not shortened."""


def large(rows: str | RowKind, work: Callable[[Context], Mapping[str, Any]]) -> Callable[[Context], dict[str, Any]]:
    """``work`` with a small result. ``rows`` names the list in it that is written to ``output_path``.

    That list may be any iterable, which is then written element by element, and never held as a whole.
    """
    kind = RowKind(rows) if isinstance(rows, str) else rows

    def run(context: Context) -> dict[str, Any]:
        check_paths(context)
        check_rows(context.params)
        with ProgressLog(context.client, context.params["progress_path"]) as progress:
            try:
                result = _Rows(context, kind, context.params["output_path"]).shorten(work(context))
            except M365Error as error:
                error.partial = {**progress.cost(), **_shortened(context, kind, error)}
                if isinstance(error, ConfigurationError):
                    error.problems = _first(error.problems, context.params["max_rows"])
                raise
            finally:
                if progress.write_error:
                    context.warn(progress.write_error)
            return {**progress.cost(), **result}

    return run


def _shortened(context: Context, kind: RowKind, error: M365Error) -> dict[str, Any]:
    if isinstance(error, RowsNotWritten):
        return error.partial
    try:
        # A result has the text of its error three times: in msg, in error, and in alarm.
        words = 3 * len(str(error))
        return _Rows(context, kind, context.params["output_path"], failed=True, words=words).shorten(error.partial)
    except RowsNotWritten as second:
        # Of two errors the first one made the work fail, and its rows are in the result.
        context.warn(str(second))
        return second.partial


def check_rows(params: Mapping[str, Any]) -> None:
    """Check the options before the first request. Raises ConfigurationError."""
    if params["max_rows"] < 0:
        raise ConfigurationError(f"max_rows: expected 0 or more rows, found {params['max_rows']}")
    path, progress = params["output_path"], params["progress_path"]
    if path and (reason := _why_not(path, progress)):
        raise ConfigurationError(f"output_path: {path!r} cannot be written: {reason}.", code="not_writable")


_FOLDERS, _IN_FOLDERS = ("report_dir", "record_dir"), ("output_path", "progress_path")


def check_paths(context: Context) -> None:
    """Warn if other users can replace what is written. Raises ConfigurationError for a path that shows a secret."""
    remarks: dict[str, list[str]] = {}
    for option in (*_FOLDERS, *_IN_FOLDERS):
        if not (path := context.params.get(option)):
            continue
        if context.client.redactor.mask_data(path) != path:
            raise ConfigurationError(
                f"{option}: the path contains a secret of this run, and all users of the machine can see paths. "
                "Choose another path"
            )
        with contextlib.suppress(RuntimeError):  # an unknown user after ~, which opening the path reports
            place = Path(path).expanduser()
            found = remarks_on(place if option in _FOLDERS else place.parent)
            found += remarks_on_file(place) if option == "progress_path" else []
            for remark in found:
                remarks.setdefault(remark, []).append(option)
    context.warn_all(f"{', '.join(options)}: {remark}." for remark, options in remarks.items())


def _why_not(path: str, progress: str | None) -> str:
    """Why the file cannot be written or replaced; empty if no reason is known."""
    try:
        place = Path(path).expanduser()
        if reason := _why_no_name(place):
            return reason
        with Folder(place.parent) as folder:
            folder.refuse()
        if progress and _same(path, progress):
            return "progress_path names the same file"
        if reason := _why_it_stays(place):
            return reason
        # Permissions do not decide on every file system.
        tempfile.TemporaryFile(dir=place.parent).close()
    except UnicodeError:
        return "the file system has no such characters"
    except (RuntimeError, UnsafeError) as error:  # an unknown user after ~
        return str(error).rstrip(".")
    except OSError as error:  # such as a name that is too long
        return error.strerror or "no reason given"
    return ""


def _why_no_name(place: Path) -> str:
    """Why no regular file can have this name."""
    if b"\0" in os.fsencode(place):
        return "its name has a NUL character"
    if place.is_dir():
        return "it is a directory"
    if place.exists() and not place.is_file():
        return "it is not a regular file"
    return "" if place.parent.is_dir() else "its directory is missing"


def _why_it_stays(place: Path) -> str:
    """Why an existing file of this name cannot be replaced."""
    if os.path.ismount(place):
        return "it is a mount point, which cannot be replaced"
    if os.path.lexists(place) and not replaceable(place.parent.stat(), place.lstat(), os.geteuid()):
        return "it belongs to another user, in a directory where only its owner can replace it"
    return ""


def replaceable(folder: os.stat_result, file: os.stat_result, user: int) -> bool:
    """May the user, who can write to the directory, replace the file? Not if the directory is sticky, as /tmp."""
    return not folder.st_mode & stat.S_ISVTX or user in (0, folder.st_uid, file.st_uid)


def _same(path: str, other: str) -> bool:
    return os.path.realpath(Path(path).expanduser()) == os.path.realpath(Path(other).expanduser())


class _Rows:
    """The rows of one result. ``failed``: the task fails; ``words``: how many characters its error takes."""

    def __init__(
        self, context: Context, kind: RowKind, path: str | None, *, failed: bool = False, words: int = 0
    ) -> None:
        self._context, self._kind, self._name, self._path = context, kind, kind.name, path
        self._most: int = context.params["max_rows"]
        self._words = words
        self._brief = kind.brief if failed and not context.client.stop.requested else None
        self._count = 0
        self._first: list[Any] = []
        self._pressing: list[tuple[tuple[float, bool, int], Any]] = []
        self._failed: list[str] = []

    def shorten(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """The result with no list longer than ``max_rows``, and its rows in the file. Raises RowsNotWritten."""
        short = dict(result)
        if not self._context.diff:
            # The diff is as large as all rows together.
            short.pop("diff", None)
        write_error: ConfigurationError | None = None
        if self._name in result:
            try:
                short |= self._keep(result[self._name], result)
            except ConfigurationError as error:
                write_error, short = error, self._rescued(short)
        if self._context.client.stop.requested:
            if write_error:
                self._context.warn(str(write_error))
            # A stopped run returns all rows, because the next task that would read the file may not run.
            return {**short, **_rows(self._name, result)}
        other = [name for name in short if name not in _NOT_ROWS | {self._name}]
        for name in [name for name in other if _length(short[name]) > self._most]:
            self._context.warn(
                f"{name}: {_length(short[name])} entries are more than max_rows ({self._most}), and are left out."
            )
            if name == "diff":
                del short[name]
            else:
                short[name] = []
        if self._brief:
            # The summary has their numbers.
            short |= {name: [] for name in other if _is_long(short.get(name), FAILED_LIST_CHARS)}
            short |= {"summary": _with_short_lists(short["summary"])} if "summary" in short else {}
            self._put_first_rows_in_brief(short)
        if write_error:
            raise RowsNotWritten(write_error.message, short, wrote=self._wrote(result))
        return short

    def _wrote(self, result: Mapping[str, Any]) -> bool:
        """Was the tenant changed, or may it be changed?"""
        if self._context.check_mode or not isinstance(result[self._name], Sequence):
            return False
        return bool(result.get("changed")) or any(row.get("status") in _FAILED_STATUSES for row in result[self._name])

    def _rescued(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result if the file cannot be written: it keeps all rows only if they report changes."""
        rows = result[self._name]
        if not isinstance(rows, Sequence):
            # The iterable was not read to its end, so no count is complete.
            return {self._name: [], "warnings": result.get("warnings", ())}
        if self._wrote(result):
            return {**result, self._name: list(rows)}
        again = _Rows(self._context, self._kind, None, failed=self._brief is not None)
        return {**result, **again._keep(rows, result)}

    def _keep(self, rows: Iterable[Any], result: Mapping[str, Any]) -> dict[str, Any]:
        """The rows of the result, and the keys about rows that are left out."""
        if self._path:
            self._context.write_json(self._path, (json_lines([to_plain(row)]) for row in self._seen(rows)))
            return {self._name: [], "output_path": self._path, **self._left_out(f"all are in {self._path}")}
        most = 0 if self._too_long_to_print(rows, result) else self._most
        seen = self._seen(rows)
        kept = list(itertools.islice(seen, most + 1))
        if len(kept) <= most:
            return {self._name: kept}
        del kept
        for _row in seen:
            pass
        reports = [path for path in result.get("reports", ()) if path.endswith(".json")]
        options = "output_path or report_dir" if "report_dir" in self._context.params else "output_path"
        place = f"set {options} to have them written to a file"
        if reports:
            place = f"the report {reports[0]} has all rows"
        elif self._context.record_path:
            place = f"the record {self._context.record_path} has all users that were written; {place}"
        elif self._context.params["output_path"]:
            place = "output_path could not be written"
        return {self._name: [], **self._left_out(place, warn=not reports and self._count > self._most)}

    def _too_long_to_print(self, rows: Iterable[Any], result: Mapping[str, Any]) -> bool:
        """Are these rows too long for a failed result? The record has what was written.

        A few rows stay if no report has them.
        """
        if not self._brief or not isinstance(rows, Sequence):
            return False
        reported = any(path.endswith(".json") for path in result.get("reports", ()))
        return len(rows) > FIRST_ROWS or (reported and _is_long(rows, KEPT_CHARS))

    def _seen(self, rows: Iterable[Any]) -> Iterator[Any]:
        """The rows, counted as they pass."""
        for row in rows:
            self._count += 1
            if len(self._first) < FIRST_ROWS:
                self._first.append(row)
            failed = row.get("status") in _FAILED_STATUSES
            if failed:
                self._failed.append(row.get("user_principal_name") or row.get("user_id") or "")
            if failed or self._kind.urgent(row):
                bisect.insort(self._pressing, ((self._kind.rank(row), not failed, self._count), row))
                del self._pressing[FIRST_ROWS:]
            yield row

    def _left_out(self, place: str, *, warn: bool = False) -> dict[str, Any]:
        first = [row for _order, row in self._pressing]
        first += [row for row in self._first if row not in first]
        if self._failed and self._count > FIRST_ROWS:
            self._context.warn(
                f"{len(self._failed)} users failed or were not tried: {summarize(self._failed)}. first_rows says why"
                + (", of the first of them." if len(self._failed) > FIRST_ROWS else ".")
            )
        if warn:
            self._context.warn(
                f"{self._name}: {self._count} rows are more than max_rows ({self._most}), so only the first are "
                f"returned, in first_rows; {place}."
            )
        return {"rows_left_out": self._count, "first_rows": first[:FIRST_ROWS]}

    def _put_first_rows_in_brief(self, short: dict[str, Any]) -> None:
        """Shorten the first rows, and keep as many as fit on the printed line with the rest."""
        rows = short.get("first_rows")
        if not self._brief or not _is_long(rows, KEPT_CHARS):
            return
        rest = {name: value for name, value in short.items() if name not in ("first_rows", "diff", "warnings")}
        most = max(BRIEF_CHARS, FAILED_CHARS - self._words - len(json.dumps(to_plain(rest))))
        some = [self._brief(row) for row in rows or ()]
        while _is_long(some, most):
            some.pop()
        short["first_rows"] = some


def _with_short_lists(value: Any) -> Any:
    """The summary with the first entries of each list that fit; reports have all entries."""
    if isinstance(value, Mapping):
        return {name: _with_short_lists(item) for name, item in value.items()}
    if isinstance(value, list):
        some = list(value)
        while _is_long(some, SUMMARY_LIST_CHARS):
            some.pop()
        return some
    return value


def _rows(name: str, result: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The rows once more, unless they could be read only once."""
    return {name: list(result[name])} if isinstance(result.get(name), Sequence) else {}


def _first(problems: Sequence[str], most: int) -> list[str]:
    more = len(problems) - most
    return [*problems[:most], f"and {more} more"] if more > 0 else list(problems)


def _length(value: Any) -> int:
    if isinstance(value, list):
        return len(value)
    if isinstance(value, Mapping) and set(value) == {"before", "after"}:
        return max(len(str(text).splitlines()) for text in value.values())
    return 0


def _is_long(value: Any, most: int) -> bool:
    """Is this list longer than ``most`` characters as JSON? It is only read as far as needed."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return False
    length = 2
    for item in value:
        length += len(json.dumps(to_plain(item))) + 2
        if length > most:
            return True
    return False
