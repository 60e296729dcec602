# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every property that the tenant answers is of Microsoft's published types, and its value is of the kind that they say.

The types stand in data/graph_types.csv; `make test-clients` compares that with the packages, and has the TypeScript
compiler read the same answers.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any

import pytest

from data.generate_graph_types import TARGET
from tests.clients.answers import answers
from tests.tenant.launch import running

KINDS: dict[str, type] = {"string": str, "boolean": bool, "number": int, "OperationResult": str}
"""What a type without properties is: the last one is an enumeration."""
Types = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def published() -> dict[str, Types]:
    """The type of each property, by version and interface."""
    found: dict[str, Types] = {}
    with TARGET.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            found.setdefault(row["version"], {}).setdefault(row["interface"], {})[row["property"]] = row["type"]
    return found


def wrong(types: Types, kind: str, value: Any, where: str) -> Iterator[str]:
    """What of a value is not as a type says, such as ``NullableOption<AssignedLicense[]>``."""
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


@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_every_answer_is_of_its_published_type(published: dict[str, Types], version: str) -> None:
    with running(120, 12) as tenant:
        found = answers(tenant, version)
    assert {"User[]", "SubscribedSku[]", "Group[]"} < set(found)
    for kind, value in found.items():
        plain = re.sub(r"Partial<(\w+)>", r"\1", kind)
        assert list(wrong(published[version], plain, value, kind)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, "User has no property colour"),
        ({"accountEnabled": "yes"}, "User.accountEnabled: 'yes' is no boolean"),
        ({"businessPhones": None}, "User.businessPhones: None is no string[]"),
        ({"assignedPlans": [{"service": 1}]}, "User.assignedPlans[0].service: 1 is no string"),
        ({"assignedPlans": [{"servicePlanName": "x"}]}, "AssignedPlan has no property servicePlanName"),
        ({"assignedPlans": ["x"]}, "User.assignedPlans[0]: 'x' is no AssignedPlan"),
        ({"manager": {"id": "1"}}, "lacks DirectoryObject"),
        ({"id": None}, "User.id: None is no string"),
    ],
)
def test_what_is_not_of_the_type_is_noticed(published: dict[str, Types], change: dict[str, Any], said: str) -> None:
    found = list(wrong(published["v1.0"], "User", {"displayName": None, **change}, "User"))
    assert len(found) == 1
    assert said in found[0]
