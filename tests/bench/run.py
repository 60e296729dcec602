# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench``: measure each work and its reference; write a table and build/bench.json; fail on a missed bound.

``SIZE=small`` tests the bench itself in a minute or two; its bounds do not count. ``ONLY="plan import"`` runs the works
with these prefixes.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.measure import ROOT, tenant
from tests.bench.report import Row, table, to_json
from tests.bench.sizes import FULL, SMALL, Sizes
from tests.bench.works import audits, command_line, imports, licensing, planning, playbooks

RESULT = ROOT / "build" / "bench.json"
Work = Callable[[Sizes], Iterator[Row]]


def large(works: frozenset[str]) -> Work:
    """Share the large tenant among its works, because building it takes longer than reading it."""
    shared = {"audit-growth": audits.filtered_growth, "audit-large": audits.full, "plan": planning.everybody}

    def measured(sizes: Sizes) -> Iterator[Row]:
        with tenant(sizes.large, sizes.large_at_risk) as found:
            for name, work in shared.items():
                if name in works:
                    yield from _guarded(name, work(sizes, found))

    return measured


LARGE = ("audit-growth", "audit-large", "plan")
WORKS: dict[str, Work] = {
    "import": imports.imports,
    "audit": audits.requests,
    "role": playbooks.role,
    "license-requests": licensing.requests,
    "license-many": licensing.unthrottled,
    "license-quota": licensing.throttled,
    "loop": playbooks.loop,
    "cli": command_line.command_line,
}


def main(arguments: list[str]) -> int:
    """Measure, print and write; return 1 if a bound was missed or a work failed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--size", choices=("full", "small"), default="full")
    parser.add_argument("--only", nargs="*", default=[], help=f"of {', '.join((*WORKS, *LARGE))}")
    options = parser.parse_args(arguments)
    sizes = SMALL if options.size == "small" else FULL
    unknown = [word for word in options.only if not any(name.startswith(word) for name in (*WORKS, *LARGE))]
    if unknown:
        parser.error(f"unknown work: {', '.join(unknown)}; choose from {', '.join((*WORKS, *LARGE))}")
    names = {name for name in (*WORKS, *LARGE) if not options.only or name.startswith(tuple(options.only))}
    chosen: dict[str, Work] = {name: work for name, work in WORKS.items() if name in names}
    if names.intersection(LARGE):
        chosen["large"] = large(frozenset(names))
    compiled()
    machine = about(options.size) | {"only": options.only}
    rows: list[Row] = []
    started = time.perf_counter()
    for name, work in chosen.items():
        for one in _guarded(name, work(sizes)):
            rows.append(one)
            print(f"{time.perf_counter() - started:6.0f} s  {one.work}, {one.size}, {one.latency} ms", file=sys.stderr)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    machine |= {
        "took_seconds": round(time.perf_counter() - started),
        "cpu_seconds": round(used.ru_utime + used.ru_stime),
        "load_at_end": _load(),
    }
    found = to_json(rows, machine)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(rows))
    missed = [one for one in rows if not one.kept]
    print(f"\n{len(rows)} rows, {len(missed)} of them missed a bound. {_sentence(machine)} {RESULT.relative_to(ROOT)}")
    counts = options.size == "full"
    return 1 if any(one.failed or counts for one in missed) else 0


def compiled(place: Path = ROOT / "plugins") -> None:
    """Compile the sources of ``place`` whose bytecode is missing or outdated.

    An installed library has its bytecode, so the measured modules need theirs. With PYTHONDONTWRITEBYTECODE each
    run would compile edited files, and the module would seem slower.
    """
    if not compileall.compile_dir(place, quiet=1):
        raise RuntimeError(f"the bytecode of {place} could not be written")


def _guarded(name: str, rows: Iterator[Row]) -> Iterator[Row]:
    """Turn a failed work into a row, and continue with the others."""
    try:
        yield from rows
    except (RuntimeError, OSError, ValueError, KeyError, TypeError) as error:
        yield Row(name, "", note=f"{type(error).__name__}: {error}"[:2000].replace("\n", " "), failed=True)


def about(size: str) -> dict[str, Any]:
    """Describe the machine and its software."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "size": size,
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 2**30),
        "python": platform.python_version(),
        "ansible_core": version("ansible-core"),
        "load_at_start": _load(),
    }


def _load() -> float:
    return round(os.getloadavg()[0], 1)


def _sentence(machine: dict[str, Any]) -> str:
    load = f"load {machine['load_at_start']} to {machine['load_at_end']}"
    return f"{machine['took_seconds']} s, {machine['cpu_seconds']} s of CPU, {load}."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
