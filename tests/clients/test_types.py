# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that the tenant answers is of Microsoft's published types: the TypeScript compiler reads both.

Answers become literals of @microsoft/microsoft-graph-types (and -beta). The compiler refuses a property that a type
lacks, a value of another kind, a null where there may be none, and a word that is not of an enumeration. Where the type
says no more than "string", its comment may list the possible values; these are compared as well.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from data.generate_graph_types import PACKAGES, TARGET, render
from tests.clients.answers import answers
from tests.clients.clients import MODULES
from tests.simulator.launch import Tenant
from tests.simulator.state import Json

OPTIONS = {"strict": True, "noEmit": True, "skipLibCheck": True, "types": [], "module": "node16", "target": "es2022"}
VALUES = re.compile(r"[Pp]ossible values are:?\s*(.*?)(?:\.\s+See|\.?$)", re.DOTALL)
"""How a comment lists what a property may say."""


def compiler(folder: Path, found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the compiler says of answers, by version and type."""
    lines = [f'import type * as {_name(version)} from "{package}";' for version, package in PACKAGES.items()]
    for version, answer in found.items():
        for number, (kind, value) in enumerate(answer.items()):
            typed = re.sub(r"\b([A-Z]\w+)(?=$|\[|>)", rf"{_name(version)}.\1", kind)
            lines.append(f"export const {_name(version)}{number}: {typed} = {json.dumps(value, indent=1)};")
    (folder / "answers.ts").write_text("\n".join(lines), encoding="utf-8")
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "files": ["answers.ts"]}))
    (folder / "node_modules").symlink_to(MODULES)
    command = ["node", str(MODULES / "typescript" / "bin" / "tsc"), "--project", str(folder), "--pretty", "false"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    assert done.returncode == 0 or done.stdout, done.stderr
    return done.stdout.splitlines()


def _name(version: str) -> str:
    return version.replace(".", "")


def test_every_answer_is_of_its_published_type(tenant: Tenant, tmp_path: Path) -> None:
    assert compiler(tmp_path, {version: answers(tenant, version) for version in PACKAGES}) == []


def test_table_of_types_matches_the_npm_packages() -> None:
    assert TARGET.read_text(encoding="utf-8") == render(MODULES)


def test_v1_has_no_property_of_beta_alone(tenant: Tenant) -> None:
    one = answers(tenant, "v1.0")["User[]"][0]
    assert "isLicenseReconciliationNeeded" not in one
    assert "isLicenseReconciliationNeeded" in answers(tenant, "beta")["User[]"][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, "colour does not exist in type User"),
        ({"accountEnabled": "yes"}, "Type string is not assignable to type NullableOption<boolean>"),
        ({"businessPhones": None}, "Type null is not assignable to type string[]"),
        ({"assignedPlans": [{"servicePlanName": "x"}]}, "servicePlanName does not exist in type AssignedPlan"),
    ],
)
def test_the_compiler_notices(tmp_path: Path, change: Json, said: str) -> None:
    found = compiler(tmp_path, {"v1.0": {"User": {"id": "1", **change}}})
    assert said in re.sub("[\"']", "", "\n".join(found))


def documented(version: str, interface: str, name: str) -> set[str]:
    """The possible values that the comment of a property lists."""
    text = (MODULES / PACKAGES[version] / "microsoft-graph.d.ts").read_text(encoding="utf-8")
    body = re.search(rf"^export interface {interface}\b.*?^\}}", text, re.DOTALL | re.MULTILINE)
    assert body, interface
    comment = re.search(rf"((?:^ +(?://|/\*|\*).*\n)+) +{name}\?:", body.group(), re.MULTILINE)
    assert comment, name
    said = " ".join(line.strip(" /*") for line in comment.group(1).splitlines()).strip()
    listed = VALUES.search(said)
    assert listed, said
    words = re.findall(r"(\w+) - ", listed.group(1)) or re.split(r",\s*", listed.group(1))
    # "Success - Service is fully provisioned.Disabled - …": a value follows the full stop of the one before.
    return {word.strip(" .").rpartition(".")[2] for word in words}


def said(value: Any, owner: str, name: str) -> Iterator[str]:
    """What a property of the objects in ``owner`` (or of the answer itself) says."""
    for item in value:
        for entry in item[owner] if owner else (item,):
            yield entry[name]


@pytest.mark.parametrize("version", list(PACKAGES))
def test_documented_values(tenant: Tenant, version: str) -> None:
    found = answers(tenant, version)
    for kind, owner, interface, name in (
        ("SubscribedSku[]", "", "SubscribedSku", "capabilityStatus"),
        ("SubscribedSku[]", "", "SubscribedSku", "appliesTo"),
        ("SubscribedSku[]", "servicePlans", "ServicePlanInfo", "provisioningStatus"),
        ("LicenseDetails[]", "servicePlans", "ServicePlanInfo", "provisioningStatus"),
        ("CompanySubscription[]", "", "CompanySubscription", "status"),
        ("User[]", "assignedPlans", "AssignedPlan", "capabilityStatus"),
        ("User[]", "provisionedPlans", "ProvisionedPlan", "capabilityStatus"),
        ("User[]", "provisionedPlans", "ProvisionedPlan", "provisioningStatus"),
    ):
        possible = documented(version, interface, name)
        assert len(possible) > 1, (interface, name)
        assert set(said(found[kind], owner, name)) <= possible, (interface, name)
