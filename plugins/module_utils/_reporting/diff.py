# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``--diff`` shows: one short line for each user, with what changes and nothing else. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def diff_of(users: Iterable[tuple[str, Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, str]:
    """``before`` and ``after`` as texts of lines, sorted by user.

    ``users``: a name, and what ``licenses_row`` says before and after.

    Ansible shows them as ``-anna@contoso.com: - EMS`` and ``+anna@contoso.com: + SPE_E3 without TEAMS1; usage location
    DE``. A user who loses nothing has no line in ``before``.
    """
    gone: list[str] = []
    new: list[str] = []
    for name, before, after in sorted(users, key=lambda item: item[0]):
        old, now = _licenses(before), _licenses(after)
        left = [f"- {text}" for sku_id, text in old if (sku_id, text) not in now]
        came = [f"+ {text}" for sku_id, text in now if (sku_id, text) not in old]
        if before["usage_location"] != after["usage_location"]:
            if before["usage_location"]:
                left.append(f"usage location {before['usage_location']}")
            if after["usage_location"]:
                came.append(f"usage location {after['usage_location']}")
        if left:
            gone.append(f"{name}: {'; '.join(left)}\n")
        if came:
            new.append(f"{name}: {'; '.join(came)}\n")
    return {"before": "".join(gone), "after": "".join(new)}


def _licenses(described: Mapping[str, Any]) -> list[tuple[str, str]]:
    """With the id of the SKU: two SKUs of a tenant can have one part number."""
    return [(item["sku_id"], _words(item)) for item in described["licenses"]]


def _words(item: Mapping[str, Any]) -> str:
    off = f" without {', '.join(item['disabled_plans'])}" if item["disabled_plans"] else ""
    group = f" from group {item['group_id']}" if item["via"] == "group" else ""
    state = "" if item["state"] == "Active" else f" ({item['state']})"
    return f"{item['sku']}{off}{group}{state}"
