# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When two names are the same user, tenant, group or license: without the case of ASCII letters. Pure: no I/O.

Python's ``casefold`` makes ``ss`` of a sharp s, and ``lower`` makes ``k`` of the Kelvin sign: by them the name of one
person would be that of another. User principal names and domains hold ASCII letters alone [userPrincipalName: allowed
characters], so every other character stands for itself.
"""

from __future__ import annotations

import string

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def lowered(name: str) -> str:
    """The name with its ASCII letters in lower case: the form in which names are compared."""
    return name.lower() if name.isascii() else name.translate(_LOWER)


def name_key(name: str) -> str:
    """The same for a name in an option, without blanks around it."""
    return lowered(name.strip())
