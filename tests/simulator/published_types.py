# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's published types from data/graph_types.csv, and a check of values against them."""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parents[2] / "data" / "graph_types.csv"
KINDS: dict[str, type] = {"string": str, "boolean": bool, "number": int, "OperationResult": str}
"""What a type without properties is: the last one is an enumeration."""
Types = Mapping[str, Mapping[str, str]]
"""The type of each property, by interface."""


@functools.cache
def published(version: str) -> Types:
    """The types of one version of Graph."""
    found: dict[str, dict[str, str]] = {}
    with TABLE.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            if row["version"] == version:
                found.setdefault(row["interface"], {})[row["property"]] = row["type"]
    return found


def wrong(types: Types, kind: str, value: Any, where: str) -> Iterator[str]:
    """Return what in a value contradicts a type such as ``NullableOption<AssignedLicense[]>``."""
    optional = re.fullmatch(r"NullableOption<(.+)>", kind)
    plain = optional[1] if optional else kind
    inner, kind_of = plain.removesuffix("[]"), type(value)
    if value is None and optional:
        return
    if inner not in KINDS and inner not in types:
        yield f"{where}: data/graph_types.csv lacks {inner}"
    elif kind_of is not (list if inner != plain else KINDS.get(plain, dict)):
        yield f"{where}: {value!r} is no {plain}"
    elif inner != plain:
        for number, item in enumerate(value):
            yield from wrong(types, inner, item, f"{where}[{number}]")
    elif plain in types:
        yield from (f"{where}: {plain} has no property {name}" for name in sorted(value.keys() - types[plain].keys()))
        for name in value.keys() & types[plain].keys():
            yield from wrong(types, types[plain][name], value[name], f"{where}.{name}")
