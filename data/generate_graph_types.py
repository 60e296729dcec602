# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write graph_types.csv from Microsoft's types for TypeScript: of what the simulated tenant answers, each property.

The packages come by npm, as `make test-clients` installs them; ``python data/generate_graph_types.py NODE_MODULES``
reads them there. The table lets `make test` hold the tenant to the types without Node.js; `make test-clients` fails
while the two differ.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).resolve().parent / "graph_types.csv"
PACKAGES = {"v1.0": "@microsoft/microsoft-graph-types", "beta": "@microsoft/microsoft-graph-types-beta"}
"""By the version of Graph."""
INTERFACES = (
    "AppIdentity",
    "AssignedLabel",
    "AssignedLicense",
    "AssignedPlan",
    "AuditActivityInitiator",
    "CompanySubscription",
    "DirectoryAudit",
    "Group",
    "KeyValue",
    "LicenseAssignmentState",
    "LicenseDetails",
    "LicenseProcessingState",
    "LicenseUnitsDetail",
    "ModifiedProperty",
    "OnPremisesExtensionAttributes",
    "Organization",
    "ProvisionedPlan",
    "PublicError",
    "PublicErrorResponse",
    "ServicePlanInfo",
    "SubscribedSku",
    "TargetResource",
    "User",
    "VerifiedDomain",
)
COLUMNS = ("version", "interface", "property", "type")
_INTERFACE = re.compile(r"^export interface (\w+)(?: extends (\w+))? \{(\}|.*?^\})", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_PROPERTY = re.compile(r"(\w+)\?: ([^;]+);")


def rows(version: str, declared: str) -> Iterator[tuple[str, str, str, str]]:
    """The rows of one version, from its declarations. Raises KeyError for an interface that is not there."""
    found = {name: (base, body) for name, base, body in _INTERFACE.findall(declared)}
    for interface in INTERFACES:
        name = interface
        properties: dict[str, str] = {}
        while name:
            name, body = found[name]
            properties |= dict(_PROPERTY.findall(_COMMENT.sub("", body)))
        for key in sorted(properties):
            yield version, interface, key, " ".join(properties[key].split())


def render(modules: Path) -> str:
    """The table's text, for the packages in a folder ``node_modules``."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(COLUMNS)
    for version, package in PACKAGES.items():
        out.writerows(rows(version, (modules / package / "microsoft-graph.d.ts").read_text(encoding="utf-8")))
    return text.getvalue()


if __name__ == "__main__":
    TARGET.write_text(render(Path(sys.argv[1])), encoding="utf-8")
