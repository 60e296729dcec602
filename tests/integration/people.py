# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users with known names, for targets and examples that license them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from tests.simulator.builders import GB, Maker
from tests.simulator.state import World

KEYS = {"licenses", "groups", "properties", "mailbox"}


def admit(world: World, people: Mapping[str, Mapping[str, Any]]) -> None:
    """Add users by their userPrincipalName.

    ``licenses``: ``{part number: [plans that are off]}``, direct ones; ``groups``: the same by a licensed group of the
    tenant; ``properties``: of the user, as Graph calls them; ``mailbox``: None (none) or options of Maker.mailbox.
    """
    maker = Maker(world, random.Random(2), world.now())
    for upn, said in people.items():
        assert set(said) <= KEYS, f"{upn}: {sorted(said)}"
        states = [maker.state(part, disabled=off) for part, off in said.get("licenses", {}).items()]
        for part, off in said.get("groups", {}).items():
            states.append(maker.state(part, disabled=off, group=_licensed_group(world, part)))
        local = upn.partition("@")[0]
        user = maker.user(local.capitalize(), local, upn=upn, states=states, usage_location="DE")
        user.update(said.get("properties", {}))
        box = said.get("mailbox", {})
        if box is not None:
            kind = box.get("kind", "UserMailbox")
            more = {name: value for name, value in box.items() if name != "kind"}
            maker.mailbox(user, kind, **{"sku_assigned": True if states else None, "bytes": GB, **more})


def _licensed_group(world: World, part: str) -> str:
    sku = next(sku for sku in world.skus.values() if sku["skuPartNumber"] == part)
    for group in world.groups.values():
        if any(entry["skuId"] == sku["skuId"] for entry in group.get("assignedLicenses", ())):
            return str(group["id"])
    raise ValueError(f"no group carries {part}")
