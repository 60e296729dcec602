# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make test-mutants``: prints how many mutants of each file the tests notice, and which they do not.

Without ``--all`` each file has a sample, which depends on ``--seed``: a change of one function leaves the sample of the
others as it is. Everything is written below build/mutants; the checkout stays as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import yaml

from tests.gates.gate import BUILD, environment
from tests.mutants.mutated_code import Mutant
from tests.mutants.session import GroupRun
from tests.mutants.targets import CHECKOUT, GROUPS, PACKAGES, Group

PLACE = BUILD / "mutants"
EQUIVALENT = Path(__file__).with_name("equivalent.yml")
GENERATE = Path(__file__).with_name("generate.py")
ENOUGH = 0.95
"""The share of mutants that the tests must notice, of those that are not equivalent."""


@dataclass(frozen=True)
class Row:
    """The result of one file."""

    target: str
    mutants: int
    survived: int
    equivalent: int

    @property
    def noticed(self) -> int:
        """How many mutants a test noticed."""
        return self.mutants - self.survived - self.equivalent

    @property
    def share(self) -> float:
        """The part of the mutants that are not equivalent which a test noticed."""
        return self.noticed / max(1, self.mutants - self.equivalent)

    def line(self) -> str:
        """The row as text."""
        numbers = (self.mutants, self.noticed, self.survived, self.equivalent)
        return f"{self.target:32}" + "".join(f"{number:>11}" for number in numbers) + f"{self.share:>9.1%}"


def main(arguments: Sequence[str]) -> int:
    """Meet the mutants of the chosen files and print the table; the exit status."""
    options = parsed(arguments)
    os.environ.clear()
    os.environ.update(CLEAN)
    known = {identity(entry) for entry in yaml.safe_load(EQUIVALENT.read_text("utf-8"))}
    rows: list[Row] = []
    unlisted: list[Mutant] = []
    for group in GROUPS:
        targets = [target for target in group.targets() if chosen(target, options.only)]
        mutants = [mutant for target in targets for mutant in sample(target, options)]
        if not mutants:
            continue
        survivors = meet(group, mutants, options.jobs)
        equivalent = [mutant for mutant in survivors if identity(vars(mutant)) in known]
        unlisted += [mutant for mutant in survivors if identity(vars(mutant)) not in known]
        counts, listed = Counter(mutant.target for mutant in mutants), Counter(mutant.target for mutant in equivalent)
        survived = Counter(mutant.target for mutant in survivors)
        for target in targets:
            rows.append(Row(target, counts[target], survived[target] - listed[target], listed[target]))
            print(rows[-1].line(), flush=True)
    return report(rows, unlisted)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="*", help="patterns such as '_licensing/* _http/quota'")
    parser.add_argument("--size", type=int, default=25, help="how many mutants of each file")
    parser.add_argument("--seed", default="1", help="chooses the sample")
    parser.add_argument("--all", action="store_true", help="every mutant instead of a sample")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    return parser.parse_args(arguments)


def chosen(target: str, patterns: str) -> bool:
    """A file is asked for."""
    return any(fnmatch(target, pattern) for pattern in patterns.split())


def sample(target: str, options: argparse.Namespace) -> list[Mutant]:
    """The mutants of a file to meet, in the order of the lines."""
    drawn = sorted(generated(target), key=lambda mutant: digest(f"{options.seed} {identity(vars(mutant))}"))
    return sorted(drawn if options.all else drawn[: options.size], key=lambda mutant: mutant.line)


def generated(target: str) -> list[Mutant]:
    """All mutants of a file; they are kept until the file or the generator changes."""
    source = PACKAGES / f"{target}.py"
    original = source.read_text("utf-8")
    output = PLACE / "generated" / f"{digest(original + GENERATE.read_text('utf-8'))}.json"
    if not output.exists():
        output.parent.mkdir(parents=True, exist_ok=True)
        unfinished = output.with_suffix(f".{os.getpid()}")
        command = [PLACE / "venv" / "bin" / "python", GENERATE, source, unfinished]
        subprocess.run(command, check=True)  # noqa: S603 - our own generator
        unfinished.replace(output)
    return [Mutant(target=target, original=original, **entry) for entry in json.loads(output.read_text("utf-8"))]


def meet(group: Group, mutants: Sequence[Mutant], jobs: int) -> list[Mutant]:
    """The mutants of a group that its tests do not notice."""
    folder = PLACE / "groups" / group.name
    (folder / "scratch").mkdir(parents=True, exist_ok=True)
    return GroupRun(group.tests_of({mutant.target for mutant in mutants}), mutants, folder, jobs).survivors()


def identity(entry: Mapping[str, object]) -> tuple[object, ...]:
    """What a mutant and an entry of the list of equivalent ones have in common."""
    return tuple(entry[name] for name in ("target", "scope", "before", "after"))


def digest(text: str) -> str:
    """A name for a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def report(rows: Sequence[Row], unlisted: Sequence[Mutant]) -> int:
    """Print what survived, as it would be listed, and the table; 1 if the tests notice too little."""
    for mutant in unlisted:
        fields = {name: getattr(mutant, name) for name in ("target", "scope", "before", "after")}
        print(f"\n# plugins/module_utils/{mutant.target}.py:{mutant.line}")
        print(yaml.safe_dump([{**fields, "reason": ""}], sort_keys=False, width=1000, allow_unicode=True), end="")
    total = Row("all", *(sum(getattr(row, name) for row in rows) for name in ("mutants", "survived", "equivalent")))
    print(f"\n{'file':32}{'mutants':>11}{'noticed':>11}{'survived':>11}{'equivalent':>11}{'share':>9}")
    for row in [*rows, total]:
        print(row.line())
    if unlisted:
        print(f"Not noticed: {len(unlisted)}. Write a test for each, or list it in {EQUIVALENT.relative_to(CHECKOUT)}.")
    return int(bool(unlisted) or total.share < ENOUGH)


CLEAN = environment() | {"TMPDIR": str(PLACE)}
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
