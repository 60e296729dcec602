# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every property that the tenant answers is of Microsoft's published types, and its value is of the kind that they say.

The types stand in data/graph_types.csv; `make test-clients` compares that with the packages, and has the TypeScript
compiler read the same answers.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.clients.answers import answers
from tests.simulator.launch import running
from tests.simulator.published_types import published, wrong


@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_every_answer_is_of_its_published_type(version: str) -> None:
    with running(120, 12) as tenant:
        found = answers(tenant, version)
    assert {"User[]", "SubscribedSku[]", "Group[]"} < set(found)
    for kind, value in found.items():
        plain = re.sub(r"Partial<(\w+)>", r"\1", kind)
        assert list(wrong(published(version), plain, value, kind)) == []


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
def test_what_is_not_of_the_type_is_noticed(change: dict[str, Any], said: str) -> None:
    found = list(wrong(published("v1.0"), "User", {"displayName": None, **change}, "User"))
    assert len(found) == 1
    assert said in found[0]
