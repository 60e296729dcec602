# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of the reports, and the files in it."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._errors import ConfigurationError, M365Error
from ansible_collections.m365.licensing.plugins.module_utils._module import Context

REPORT_SPEC: dict[str, dict[str, Any]] = {"report_dir": {"type": "path"}, "report_name": {"type": "str"}}
"""The options of a module that writes reports."""

_NAME_LENGTH = 200
"""Characters of a report's file name; file systems allow 255 bytes."""


class ReportNotWritten(M365Error):
    """A report could not be written. ``partial`` is the whole result: by now the tenant may have changed."""

    def __init__(self, message: str, partial: Mapping[str, Any]) -> None:
        super().__init__(
            f"The report could not be written: {message}", code="not_writable", hint="What was done is in the result."
        )
        self.partial = dict(partial)


def report_folder(path: str | None) -> Path | None:
    """The directory of the reports, made where it is missing. Raises ConfigurationError before anything is asked."""
    if not path:
        return None
    folder = Path(path)
    try:
        for place in (*reversed(folder.parents), folder):
            place.mkdir(mode=0o700, exist_ok=True)
    except (OSError, ValueError) as error:  # also a name with NUL
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(
            f"report_dir: {path!r} is no directory and cannot be made: {reason}", code="not_writable"
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"report_dir: {path!r} cannot be written to", code="not_writable")
    return folder


def report_stem(name: str) -> str:
    """A name that every file system takes; one that had to be changed ends in a mark of the name that it was."""
    stem = re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).strip("._")[:_NAME_LENGTH] or "report"
    return stem if stem == name else f"{stem}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def write_reports(
    context: Context, folder: Path, stems: Sequence[str], texts: Mapping[str, str], result: Mapping[str, Any]
) -> list[str]:
    """The paths of the files, one for each stem and ending (of ``texts``). Raises ReportNotWritten."""
    paths = []
    for stem, (ending, text) in itertools.product(stems, texts.items()):
        path = str(folder / f"{stem}.{ending}")
        try:
            context.write_private(path, text)
        except ConfigurationError as error:
            raise ReportNotWritten(error.message, result) from None
        paths.append(path)
    return paths
