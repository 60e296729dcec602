# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/assumptions.md from plugins/module_utils/_assumptions.py. A test fails while the two differ."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "plugins" / "module_utils" / "_assumptions.py"
TARGET = HERE.parent / "docs" / "assumptions.md"

HEAD = """\
<!--
Copyright (c) 2026 m365.licensing contributors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->
# Assumptions about Microsoft's services

What the collection decides by although nobody can be sure of it: a source is missing, or sources disagree. Nothing is
refused and nothing is hidden because of an assumption: the service decides, and the collection acts on its answer. The
simulated tenant has a switch for each, and the tests find the same mailboxes and license the same users in every
position. `data/generate_assumptions.py` makes this page.
"""

TABLE = """
## What no answer can show

How the collection reads Microsoft's names and texts. Nothing in a tenant tells which reading is right, so there is no
switch. An option corrects each.

| What is taken for true | Source | Who says otherwise | What corrects it |
|---|---|---|---|
"""


def render() -> str:
    """The page."""
    module = _module()
    switched = "".join(_section(entry) for entry in module.ASSUMPTIONS)
    return HEAD + switched + TABLE + "".join(_row(entry) for entry in module.INFERENCES)


def _section(entry: Any) -> str:
    positions = ", ".join(f"`{str(position).lower()}`" for position in entry.positions)
    lines = (
        f"\n## {_first_upper(entry.name)}\n\n",
        f"{entry.claim}\n\n",
        f"- Looked up: {entry.since}. Source: {entry.source}\n",
        f"- Otherwise: {entry.contrary or 'no source says otherwise, and none confirms it.'}\n",
        f"- If it is wrong: {entry.if_wrong}\n",
        f"- What corrects it: {entry.remedy}\n",
        f"- Switch of the simulated tenant: `{entry.switch}` ({positions})\n",
    )
    return "".join(lines)


def _row(entry: Any) -> str:
    cells = (f"**{_first_upper(entry.name)}.** {entry.claim}", entry.source, entry.contrary or "nobody", entry.remedy)
    return f"| {' | '.join(cells)} |\n"


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _module() -> Any:
    spec = importlib.util.spec_from_file_location("assumptions", SOURCE)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(SOURCE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
    print(f"wrote {TARGET.name}")
