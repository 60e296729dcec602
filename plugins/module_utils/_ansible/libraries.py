# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python libraries that the modules need: which are missing, too old or broken, and how to install them."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
import sys

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError

REQUIRED = {"msal": ">=1.32.0,<2", "requests": ">=2.31.0,<3", "urllib3": ">=1.26.18,<3"}
"""As in requirements.txt; name and versions together are a requirement of pip."""


def raise_if_libraries_missing(*import_errors: str | None) -> None:
    """Raise ConfigurationError (code ``libraries``) that names all libraries with which the modules do not work.

    ``import_errors``: tracebacks of what the files that use the libraries could not import, or None.
    """
    problems = [problem for name in REQUIRED if (problem := _problem_of(name))]
    if not problems:
        problems = [f"a library cannot be used: {_last_line(error)}" for error in import_errors if error]
    if not problems:
        return
    here = f"{sys.executable} (Python {'.'.join(map(str, sys.version_info[:3]))})"
    wanted = " ".join(shlex.quote(f"{name}{versions}") for name, versions in REQUIRED.items())
    error = ConfigurationError(
        problems,
        code="libraries",
        hint=f"Install them for the Python that runs the module: {shlex.quote(sys.executable or 'python3')} -m pip "
        f"install {wanted}. Or let ansible_python_interpreter name a Python that has them.",
    )
    error.message = f"Libraries are missing or too old in {here}: {error.message}."
    raise error


def _problem_of(name: str) -> str:
    """What is wrong with a library, or an empty text. A usable library is imported already."""
    needed = f"{name}{REQUIRED[name]} is needed"
    try:
        found = importlib.import_module(name)
    except Exception as error:
        version = _installed_version(name)
        if isinstance(error, ModuleNotFoundError) and error.name == name:
            return f"{name} is missing ({needed})"
        known = f" {version}" if version else ""
        old = f" ({needed})" if _is_older(version, name) else ""
        return f"{name}{known} cannot be imported: {type(error).__name__}: {' '.join(str(error).split())}{old}"
    version = str(getattr(found, "__version__", "")) or _installed_version(name)
    return f"{name} is {version} ({needed})" if _is_older(version, name) else ""


def _installed_version(name: str) -> str:
    """The installed version by its metadata; empty if it is not known."""
    from importlib import metadata  # noqa: PLC0415 - it takes long to import, and is rarely needed

    try:
        return metadata.version(name)
    except (metadata.PackageNotFoundError, ValueError, OSError):
        return ""


def _is_older(version: str, name: str) -> bool:
    found, least = _numbers(version), _numbers(REQUIRED[name].partition(",")[0])
    return bool(found) and found < least


def _numbers(version: str) -> tuple[int, ...]:
    """``1.26.5`` as numbers that can be compared; of ``2.0.0a1`` those in front of the letters."""
    release = re.match(r"\D*(\d+(?:\.\d+)*)", version)
    numbers = [int(part) for part in release.group(1).split(".")] if release else []
    return tuple(numbers + [0] * (3 - len(numbers))) if numbers else ()


def _last_line(trace: str) -> str:
    return trace.strip().rpartition("\n")[2].strip()
