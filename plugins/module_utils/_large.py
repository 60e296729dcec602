# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is around the work of a module that may be large or take long: its rows, its progress, and what it cost.

A result stays small: Ansible holds it several times over, shows it, and keeps it in facts. Beyond ``max_rows`` it has
the summary and the first rows; the file that ``output_path`` names has all of them.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._errors import ConfigurationError, M365Error, named
from ansible_collections.m365.licensing.plugins.module_utils._module import Context
from ansible_collections.m365.licensing.plugins.module_utils._plain import json_lines, to_plain
from ansible_collections.m365.licensing.plugins.module_utils._progress import PROGRESS_SPEC, Progress

LARGE_SPEC: dict[str, dict[str, Any]] = {
    "max_rows": {"type": "int", "default": 1000},
    "output_path": {"type": "path"},
    **PROGRESS_SPEC,
}
"""The options of a module whose work may be large."""

FIRST_ROWS = 20
"""Rows that a result has of those that it leaves out."""

_NOT_ROWS = frozenset({"first_rows", "reports", "warnings"})
_TROUBLE = frozenset({"failed", "skipped"})


class RowsNotWritten(M365Error):
    """``output_path`` could not be written after all. ``partial`` is the result with its rows."""

    def __init__(self, message: str, partial: Mapping[str, Any]) -> None:
        super().__init__(
            f"The rows could not be written: {message}", code="not_writable", hint="What was done is in the result."
        )
        self.partial = dict(partial)


def large(rows: str, work: Callable[[Context], Mapping[str, Any]]) -> Callable[[Context], dict[str, Any]]:
    """``work`` with its result made small. ``rows`` names the list in it that goes to ``output_path``.

    That list may be any iterable: it is then read as the file is written, and never held as a whole.
    """

    def run(context: Context) -> dict[str, Any]:
        check_rows(context.params)
        with Progress(context.client, context.params["progress_path"]) as progress:
            try:
                result = _Rows(context, rows).shorten(work(context))
            except M365Error as error:
                error.partial = {**progress.cost(), **_shortened(context, rows, error)}
                raise
            finally:
                if progress.trouble:
                    context.warn(progress.trouble)
            return {**progress.cost(), **result}

    return run


def _shortened(context: Context, rows: str, error: M365Error) -> dict[str, Any]:
    if isinstance(error, RowsNotWritten):
        return error.partial
    try:
        return _Rows(context, rows).shorten(error.partial)
    except RowsNotWritten as second:
        # Two errors at once: the first is why the work failed, and its rows are in the result.
        context.warn(str(second))
        return second.partial


def check_rows(params: Mapping[str, Any]) -> None:
    """Look at the options before anything is asked. Raises ConfigurationError."""
    if params["max_rows"] < 0:
        raise ConfigurationError(f"max_rows: expected 0 or more rows, found {params['max_rows']}")
    if path := params["output_path"]:
        place = Path(path).expanduser()
        reason = ""
        try:
            if place.is_dir():
                reason = "it is a directory"
            elif place.exists() and not place.is_file():
                reason = "it is no regular file"
            elif not place.parent.is_dir():
                reason = "its directory is missing"
            elif params["progress_path"] and _same(path, params["progress_path"]):
                reason = "progress_path names the same file"
            else:
                # permissions do not tell it of every file system
                tempfile.TemporaryFile(dir=place.parent).close()
        except OSError as error:  # such as a name that is too long
            reason = error.strerror or "no reason given"
        if reason:
            raise ConfigurationError(f"output_path: {path!r} cannot be written: {reason}.", code="not_writable")


def _same(path: str, other: str) -> bool:
    return os.path.realpath(Path(path).expanduser()) == os.path.realpath(Path(other).expanduser())


class _Rows:
    """The rows of one result."""

    def __init__(self, context: Context, name: str) -> None:
        self._context, self._name = context, name
        self._most: int = context.params["max_rows"]
        self._path: str | None = context.params["output_path"]
        self._count = 0
        self._first: list[Any] = []
        self._trouble: list[Any] = []
        self._failed: list[str] = []

    def shorten(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """The result with no list longer than ``max_rows``, and its rows in the file. Raises RowsNotWritten."""
        short = dict(result)
        if not self._context.diff:
            # It is as large as all rows together.
            short.pop("diff", None)
        if self._name in result:
            short |= self._keep(result[self._name], result)
        longer = [name for name, value in short.items() if name not in _NOT_ROWS and _length(value) > self._most]
        if self._context.client.stop.told:
            # Who was stopped is told with all rows what was done: there may be nobody left to look for a file.
            return {**short, **_rows(self._name, result)}
        for name in longer:
            self._context.warn(
                f"{name}: {_length(short[name])} entries are more than max_rows ({self._most}), and are left out."
            )
            if name == "diff":
                del short[name]
            else:
                short[name] = []
        return short

    def _keep(self, rows: Iterable[Any], result: Mapping[str, Any]) -> dict[str, Any]:
        """The rows of the result, and what it says of those that are left out."""
        if self._path:
            try:
                self._context.write_private(self._path, (json_lines([to_plain(row)]) for row in self._seen(rows)))
            except ConfigurationError as error:
                partial = {**result, self._name: [], **_rows(self._name, result)}
                raise RowsNotWritten(error.message, partial) from None
            return {self._name: [], "output_path": self._path, **self._left_out(f"all are in {self._path}")}
        seen = self._seen(rows)
        kept = list(itertools.islice(seen, self._most + 1))
        if len(kept) <= self._most:
            return {self._name: kept}
        del kept
        for _row in seen:
            pass
        reports = [path for path in result.get("reports", ()) if path.endswith(".json")]
        options = "output_path or report_dir" if "report_dir" in self._context.params else "output_path"
        place = f"the report {reports[0]} has all" if reports else f"set {options} to have them written to a file"
        return {self._name: [], **self._left_out(place, warn=not reports)}

    def _seen(self, rows: Iterable[Any]) -> Iterator[Any]:
        """The rows, looked at as they pass."""
        for row in rows:
            self._count += 1
            if len(self._first) < FIRST_ROWS:
                self._first.append(row)
            if row.get("status") in _TROUBLE:
                self._failed.append(row.get("user_principal_name") or row.get("user_id") or "")
                if len(self._trouble) < FIRST_ROWS:
                    self._trouble.append(row)
            yield row

    def _left_out(self, place: str, *, warn: bool = False) -> dict[str, Any]:
        first = self._trouble + [row for row in self._first if row not in self._trouble]
        if self._failed and self._count > FIRST_ROWS:
            self._context.warn(
                f"{len(self._failed)} users failed or were not tried: {named(self._failed)}. Why stands in first_rows"
                + (", of the first of them." if len(self._failed) > FIRST_ROWS else ".")
            )
        if warn:
            self._context.warn(
                f"{self._name}: {self._count} rows are more than max_rows ({self._most}), so only the first are "
                f"returned, in first_rows; {place}."
            )
        return {"rows_left_out": self._count, "first_rows": first[:FIRST_ROWS]}


def _rows(name: str, result: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The rows once more, unless they could be read only once."""
    return {name: list(result[name])} if isinstance(result.get(name), Sequence) else {}


def _length(value: Any) -> int:
    if isinstance(value, list):
        return len(value)
    if isinstance(value, Mapping) and set(value) == {"before", "after"}:
        return len(value["before"])
    return 0
