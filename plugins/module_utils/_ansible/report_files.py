# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of the reports, and the files in it."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError, M365Error
from ansible_collections.m365.licensing.plugins.module_utils._files.private import Folder, UnsafeError

from .module import Context

REPORT_SPEC: dict[str, dict[str, Any]] = {
    "report_dir": {"type": "path"},
    "report_name": {"type": "str"},
    "report_mode": {"type": "raw", "default": "0600"},
    "report_formats": {"type": "list", "elements": "str", "choices": ["md", "json"], "default": ["md", "json"]},
}
"""The options of a module that writes reports."""

_NAME_LENGTH = 200
"""Characters of a report's file name; file systems allow 255 bytes."""


class ReportNotWritten(M365Error):
    """A report could not be written. ``partial`` is the whole result: by now the tenant may have changed."""

    def __init__(self, message: str, partial: Mapping[str, Any]) -> None:
        hint = "The result says what was done."
        super().__init__(f"The report could not be written: {message}", code="not_writable", hint=hint, partial=partial)


class ReportPlace(NamedTuple):
    """The directory of reports, the mode of the files, and their endings."""

    folder: Path
    mode: int
    formats: tuple[str, ...]


def report_place(params: Mapping[str, Any]) -> ReportPlace | None:
    """The options of REPORT_SPEC, checked; None without ``report_dir``. Raises ConfigurationError.

    The directory is created if it is missing.
    """
    problems: list[str] = []
    mode = file_mode(params["report_mode"], problems)
    formats = tuple(dict.fromkeys(params["report_formats"]))
    if not formats:
        problems.append("report_formats: the list is empty; to have no report, leave report_dir out")
    if problems:
        raise ConfigurationError(problems)
    folder = report_folder(params["report_dir"], mode)
    return ReportPlace(folder, mode, formats) if folder is not None else None


def file_mode(value: Any, problems: list[str], option: str = "report_mode") -> int:
    """``"0640"`` as a number. Another value is a problem."""
    mode = -1
    if isinstance(value, int) and not isinstance(value, bool):
        # YAML has read an octal number
        mode = value
    elif isinstance(value, str) and re.fullmatch(r"(0o?)?[0-7]{3}", value.strip()):
        mode = int(value.strip().replace("o", ""), 8)
    if mode & 0o002 and mode > 0:
        problems.append(f"{option}: {value!r} lets all users write the report; choose a mode such as '0600' or '0640'")
    elif mode & ~0o777 or mode & 0o600 != 0o600:
        problems.append(
            f"{option}: expected three octal digits in quotes that let the owner read and write, such as '0600' or "
            f"'0640', found {value!r}"
        )
    return mode


def report_folder(path: str | None, mode: int = 0o600) -> Path | None:
    """The directory of the reports, created if it is missing. Raises ConfigurationError before the first request.

    Users who may read files of ``mode`` may also enter a directory that is created.
    """
    if not path:
        return None
    folder = Path(path)
    try:
        with Folder(folder, make=0o700 | mode & 0o044 | (mode & 0o044) >> 2) as found:
            found.refuse()
    except UnsafeError as error:
        raise ConfigurationError(
            f"report_dir: {path!r} cannot be used: {error}. Choose a directory that no other user can write to.",
            code="not_writable",
        ) from None
    except (OSError, ValueError) as error:  # also a name with NUL
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(
            f"report_dir: {path!r} is not a directory and cannot be created: {reason}", code="not_writable"
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"report_dir: {path!r} cannot be written to", code="not_writable")
    return folder


def report_stem(name: str) -> str:
    """A name that every file system accepts; one that had to be changed ends in a hash of the original."""
    stem = re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).strip("._")[:_NAME_LENGTH] or "report"
    return stem if stem == name else f"{stem}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def run_stamp(moment: datetime) -> str:
    """A part of file names that no other run has, not even one in the same second."""
    return f"{moment:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def write_reports(
    context: Context, place: ReportPlace, stems: Sequence[str], texts: Mapping[str, str], result: Mapping[str, Any]
) -> list[str]:
    """The paths of the files, one for each stem and format. ``texts`` by format. Raises ReportNotWritten."""
    paths = []
    for stem, ending in itertools.product(stems, place.formats):
        path = str(place.folder / f"{stem}.{ending}")
        try:
            if ending == "json":
                context.write_json(path, [texts[ending]], place.mode)
            else:
                context.write_markdown(path, texts[ending], place.mode)
        except ConfigurationError as error:
            raise ReportNotWritten(error.message, result) from None
        paths.append(path)
    return paths
