# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns in options and rules: ``*`` and ``?`` are wildcards, brackets are ordinary characters. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable


def compile_glob(pattern: str) -> Callable[[str], object]:
    """The test whether a whole text matches. Case counts, so the caller folds pattern and text."""
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]"))).match


def has_wildcards(pattern: str) -> bool:
    """Can this pattern match more than one name?"""
    return "*" in pattern or "?" in pattern
