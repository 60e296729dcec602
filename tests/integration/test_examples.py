# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of the documentation runs as printed, also in check mode."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.people import admit
from tests.simulator.launch import running
from tests.support.run_playbook import CHECKOUT, Played, collection, play

PEOPLE: dict[str, dict[str, Any]] = {
    "anna@contoso.com": {},
    "ben@contoso.com": {"properties": {"usageLocation": None}},
    "carla@contoso.com": {},
}
"""Users in the examples. The tenant has their SKUs and groups already."""
VARIABLES = {"people": ["carla@contoso.com"]}
"""Variables that the examples assume."""
MODULES = sorted(path.stem for path in (CHECKOUT / "plugins" / "modules").glob("*.py"))


def examples(module: str) -> list[dict[str, Any]]:
    """The tasks of EXAMPLES of a module."""
    source = (collection() / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            tasks = yaml.safe_load(ast.literal_eval(node.value))
            assert isinstance(tasks, list)
            return tasks
    raise AssertionError(f"{module} has no EXAMPLES")


def printed(file: str) -> str:
    """The first block of YAML in a page."""
    found = re.search(r"^```yaml\n(.*?)^```", (CHECKOUT / file).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found, f"{file} has no example"
    return found[1]


def run_with_people(playbook: str, folder: Path, *arguments: str, groups: Sequence[str] = (), **more: Any) -> Played:
    """Run it on a tenant that has the people of the examples, and groups with these ids.

    No example may fail, or use what is deprecated.
    """
    with running(mailboxes=60, at_risk=12, seed=7) as tenant:
        admit(tenant.world, PEOPLE)
        sales = next(group for group in tenant.world.groups.values() if group["displayName"] == "sg-sales")
        tenant.world.groups |= {given: {**sales, "id": given, "displayName": given} for given in groups}
        played = play(tenant, playbook, folder, *arguments, **more)
    assert played.status == 0, str(played)
    assert "[DEPRECATION" not in played.output, str(played)
    return played


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("arguments", [(), ("--check",)], ids=["run", "check"])
def test_examples_of_a_module(module: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    tasks = examples(module)
    assert any(f"m365.licensing.{module}" in task for task in tasks)
    text = json.dumps([{"name": module, "hosts": "localhost", "gather_facts": False, "tasks": tasks}])
    book = tmp_path / "play.yml"
    book.write_text(text.replace("/tmp/", f"{tmp_path}/"), encoding="utf-8")  # noqa: S108 - what the examples write
    played = run_with_people(str(book), tmp_path, *arguments, variables=VARIABLES)
    assert "ignored=0" in played.output


def test_example_of_the_role(tmp_path: Path) -> None:
    book, inventory = tmp_path / "play.yml", tmp_path / "hosts.yml"
    text = printed("roles/license_state/README.md")
    groups = re.findall(r"group: ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", text)
    assert groups, "the example gives a group by its id"
    book.write_text(text, encoding="utf-8")
    credentials = {
        f"m365_{name}": f"{{{{ lookup('ansible.builtin.env', 'M365_{name.upper()}') }}}}"
        for name in ("tenant_id", "client_id", "client_secret")
    }
    host = {"ansible_python_interpreter": "{{ ansible_playbook_python }}", **credentials}
    inventory.write_text(json.dumps({"m365_tenants": {"hosts": {"contoso": host}}}), encoding="utf-8")
    run_with_people(str(book), tmp_path, groups=groups, inventory=inventory)
    assert (tmp_path / "reports" / "contoso.md").exists()


@pytest.mark.parametrize(
    "arguments", [("license_state_mode=plan",), ("license_state_mode=apply",)], ids=["plan", "apply"]
)
def test_rules_file_of_the_tutorial(arguments: tuple[str, ...], tmp_path: Path) -> None:
    rules = tmp_path / "licenses.yml"
    rules.write_text(printed("docs/tutorial.md"), encoding="utf-8")
    more = ("-e", f"license_state_rules_file={rules}", *(text for pair in arguments for text in ("-e", pair)))
    played = run_with_people("m365.licensing.remediate", tmp_path, *more)
    assert ("changed=1" if arguments == ("license_state_mode=apply",) else "changed=0") in played.output
