# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench-docs``: the last run (build/bench.json) as table and chart in docs/.

``--note`` adds a remark about that run, such as other load on the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from tests.bench.chart import svg
from tests.bench.measure import ROOT
from tests.bench.report import from_json, markdown
from tests.bench.run import RESULT

PAGE, PICTURE = ROOT / "docs" / "performance.md", ROOT / "docs" / "performance.svg"
BEGIN, END = "<!-- the last run: begin -->", "<!-- the last run: end -->"


def section(found: Mapping[str, Any], note: str = "") -> str:
    """Return the text between the marks of the page."""
    rows = from_json(found)
    missed = sum(not bound.kept for one in rows for bound in one.bounds) + sum(one.failed for one in rows)
    bounds = sum(len(one.bounds) for one in rows)
    verdict = f"{bounds} bounds, {missed} missed." if missed else f"All {bounds} bounds were kept."
    return "\n\n".join(part for part in (machine(found["machine"]), note, verdict, markdown(rows)) if part)


def machine(about: Mapping[str, Any]) -> str:
    """Return the machine and the conditions of the run."""
    return (
        f"{about['date']}, {about['took_seconds'] / 60:.0f} minutes, {about['cpu_seconds'] / 60:.0f} of them of CPU, "
        f"on {about['cpu']}, {about['cores']} cores, "
        f"{about['memory_gb']} GB, Python {about['python']}, ansible-core {about['ansible_core']}; "
        f"load average {about['load_at_start']} at the start, {about['load_at_end']} at the end."
    )


def replaced(page: str, text: str) -> str:
    """Return the page with another text between its marks. Raises ValueError if they are missing."""
    head, begin, rest = page.partition(BEGIN)
    _old, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} lacks {BEGIN} … {END}")
    return f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}"


def main(arguments: list[str]) -> int:
    """Write both files."""
    parser = argparse.ArgumentParser(prog="make bench-docs", description=__doc__)
    parser.add_argument("--note", default="")
    options = parser.parse_args(arguments)
    found = json.loads(RESULT.read_text("utf-8"))
    if found["machine"]["size"] != "full" or found["machine"]["only"]:
        print(f"{RESULT.relative_to(ROOT)} is of a small run, or of some works: run make bench first", file=sys.stderr)
        return 1
    PAGE.write_text(replaced(PAGE.read_text("utf-8"), section(found, options.note)), "utf-8")
    PICTURE.write_text(svg(from_json(found)), "utf-8")
    print(f"{PAGE.relative_to(ROOT)} and {PICTURE.relative_to(ROOT)} show the run of {found['machine']['date']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
