# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rules example that the project prints is right in both scopes: no guard stops it, and no seat is wasted."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.functional.support.plan_harness import plan
from tests.functional.support.service_clients import Clients, clients
from tests.simulator.launch import running

Json = dict[str, Any]
CHECKOUT = Path(__file__).resolve().parents[3]
PAGES = [CHECKOUT / "README.md", *sorted(CHECKOUT.glob("docs/*.md")), *sorted(CHECKOUT.glob("roles/*/README.md"))]
MODULES = sorted(CHECKOUT.glob("plugins/modules/*.py"))
TENANTS = [(60, 1), (250, 3), (250, 7), (120, 11)]


def rule_lists(value: Any) -> Iterator[list[Json]]:
    """Every list of rules in a value of YAML, however deep."""
    if isinstance(value, list) and value and all(isinstance(item, dict) and "match" in item for item in value):
        yield json.loads(json.dumps(value, default=str))
    elif isinstance(value, list):
        for item in value:
            yield from rule_lists(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from rule_lists(item)


def printed() -> Iterator[tuple[str, list[Json]]]:
    """Each example with the place where it stands."""
    for page in PAGES:
        for block in re.findall(r"^ *```yaml\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            for rules in rule_lists(yaml.safe_load(block)):
                yield page.relative_to(CHECKOUT).as_posix(), rules
    for module in MODULES:
        for node in ast.parse(module.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
                for rules in rule_lists(yaml.safe_load(ast.literal_eval(node.value))):
                    yield module.stem, rules
    demo = CHECKOUT / "playbooks" / "demo" / "rules.yml"
    text = re.sub(r"{{.*}}", "2099", demo.read_text(encoding="utf-8"))
    for rules in rule_lists(yaml.safe_load(text)):
        yield "demo", rules


def ids_in(value: Any) -> set[str]:
    """The ids of groups in an example: no other id is in one."""
    return set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", json.dumps(value)))


EXAMPLES = [pytest.param(rules, id=f"{place}-{number}") for number, (place, rules) in enumerate(printed())]


@pytest.fixture(scope="module", params=TENANTS, ids=lambda tenant: f"{tenant[0]}-{tenant[1]}")
def tenant(request: pytest.FixtureRequest) -> Iterator[Clients]:
    mailboxes, seed = request.param
    with running(mailboxes=mailboxes, at_risk=12, seed=seed) as found, clients(found) as some:
        (sales,) = [group for group in found.world.groups.values() if group["displayName"] == "sg-sales"]
        for given in {given for example in EXAMPLES for given in ids_in(example.values)}:
            # who copies an example writes an id of the own tenant
            found.world.groups[given] = {**sales, "id": given, "displayName": given}
        found.world.touch()
        yield some


def test_the_examples_are_found() -> None:
    places = {place for place, _rules in printed()}
    assert {"docs/tutorial.md", "docs/rules.md", "docs/nightly.md", "roles/license_state/README.md", "demo"} <= places


@pytest.mark.parametrize("scope", ["mailboxes_at_risk", "all_users"])
@pytest.mark.parametrize("rules", EXAMPLES)
def test_an_example_wastes_no_seat(tenant: Clients, rules: list[Json], scope: str) -> None:
    result = plan(tenant, rules, scope=scope)
    assert (result["summary"]["seats_to_covered"], result["violations"]) == (0, [])
    assert not [text for text in result["warnings"] if " conflict: " in text]


def test_example_rules_conflict_without_their_condition(tenant: Clients) -> None:
    (rules,) = [rules for _place, rules in printed() if rules[0]["name"] == "Managers"]
    rules[-1]["match"] = {}
    rules[0]["match"]["job_title"] = "*"
    warnings = plan(tenant, rules, scope="all_users")["warnings"]
    assert any(" conflict: " in text for text in warnings)
