# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparison of names without the case of ASCII letters, as far as the services are known.

User principal names hold ASCII letters alone [userPrincipalName: allowed characters]. The collection has a function of
its own for this: the tenant's must not follow a mistake there.
"""

from __future__ import annotations

import re

_CAPITALS = re.compile("[A-Z]+")


def folded(text: str) -> str:
    """The text with the letters from A to Z in lower case."""
    return _CAPITALS.sub(lambda hit: hit[0].lower(), text)
