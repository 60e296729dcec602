# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/assumptions.md from the entries in plugins/module_utils. A test fails while the two differ."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
UTILS = HERE.parent / "plugins" / "module_utils" / "_licensing"
TARGET = HERE.parent / "docs" / "assumptions.md"

HEAD = """\
<!--
Copyright (c) 2026 m365.licensing contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->
# Assumptions about Microsoft's services

The collection makes these assumptions without being sure of them: a source is missing, or sources disagree. None of the
assumptions hides a mailbox, or refuses a license that keeps a mailbox. The collection sends the request, the service
decides, and the run acts on its answer. Where the service refuses, or does not give the whole of a list, the run says
so and reports no user as done.

Three of the readings at the end of this page do leave something out. A SKU whose rights to a mailbox are unknown is not
a remedy. A mailbox that was disconnected too long ago to be brought back is not a row. `strategy: filtered` does not
ask for the mailbox of a user whose last mailbox plan went more than 65 days ago.

The simulated tenant has a switch for each assumption. The tests plant a tenant in which each position changes an
answer. The same mailboxes are found in all of them, and the same users have a mailbox plan in the end, except where the
service itself refuses. `data/generate_assumptions.py` makes this page.
"""

TABLE = """
## What no answer can show

How the collection reads Microsoft's names and texts. Nothing in a tenant shows which reading is right, so there is no
switch. An option corrects each.

| What is assumed | Source | Who says otherwise | What corrects it |
|---|---|---|---|
"""


def render() -> str:
    """The page."""
    switched = "".join(_section(entry) for entry in _module("assumptions").ASSUMPTIONS)
    return HEAD + switched + TABLE + "".join(_row(entry) for entry in _module("assumptions").INFERENCES)


def _section(entry: Any) -> str:
    positions = ", ".join(_position(position) for position in entry.positions)
    lines = (
        f"\n## {_first_upper(entry.name)}\n\n",
        f"{entry.claim}\n\n",
        f"- Looked up: {entry.since}. Source: {entry.source}\n",
        f"- Otherwise: {entry.contrary or 'no source contradicts or confirms it.'}\n",
        f"- If it is wrong: {entry.if_wrong}\n",
        f"- What corrects it: {entry.remedy}\n",
        f"- Switch of the simulated tenant: `{entry.switch}` ({positions})\n",
    )
    return "".join(lines)


def _position(position: Any) -> str:
    """A word of a switch; some switches name a mailbox, or none."""
    if position == "":
        return "no user"
    return "a user principal name" if "@" in str(position) else f"`{str(position).lower()}`"


def _row(entry: Any) -> str:
    claim = f"**{_first_upper(entry.name)}.** {entry.claim}"
    cells = (claim, entry.source, entry.contrary or "no source", entry.remedy)
    return f"| {' | '.join(cells)} |\n"


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _module(name: str) -> Any:
    source = UTILS / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, source)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(source)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
    print(f"wrote {TARGET.name}")
