# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as bytes, with every text that JSON can hold."""

from __future__ import annotations

import json
from typing import Any

import orjson


def json_bytes(value: Any) -> bytes:
    """Encode fast, or with ASCII escapes if a text has a lone surrogate."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()
