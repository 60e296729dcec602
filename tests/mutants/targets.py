# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files ``make test-mutants`` mutates, and which tests are nearest to each.

Tests without a server come first: they are fast. Functional ones are named where a behaviour is only seen there.
Of these tests a mutant meets those that call its function.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = CHECKOUT / "plugins" / "module_utils"
UNIT = "tests/unit/plugins/module_utils"
GENERATED = frozenset({"_licensing/catalog_data", "_common/countries", "_common/version"})
"""Tables, not logic."""
FUNCTIONAL = {
    "_common/option_names": "modules/test_naming",
    "_common/option_values": "modules/test_option_values",
    "_explain/text": "explain/test_explain_text",
    "_licensing/exclusions": "audit/test_exclusions",
    "_licensing/logged_removals": "audit/test_audit_log",
    "_licensing/next_attempts": "assign/test_second_tries",
    "_licensing/plan_relations": "remediate/test_stacked_plans",
    "_licensing/unlisted_mailboxes": "audit/test_lost_unseen",
    "_planning/mailbox_fit": "audit/test_fit",
    "_planning/rules_hints": "remediate/test_rules_hints",
    "_planning/unneeded": "remediate/test_plan_covered",
}
"""What only the functional tests of these files see of a file that is mutated."""


@dataclass(frozen=True)
class Group:
    """Files that share their tests. ``files``: patterns below ``plugins/module_utils``, without ``.py``."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]

    def targets(self) -> list[str]:
        """The files, as ``_package/file``, sorted."""
        found = {path for pattern in self.files for path in PACKAGES.glob(f"{pattern}.py")}
        names = {str(path.relative_to(PACKAGES).with_suffix("")) for path in found if path.stem != "__init__"}
        return sorted(names - GENERATED)

    def tests_of(self, targets: Iterable[str]) -> list[str]:
        """The tests of the group, and those of some of its files alone."""
        found = {f"tests/functional/{name}.py" for target in targets for name in FUNCTIONAL.get(target, "").split()}
        return [*self.tests, *sorted(found - set(self.tests))]


GROUPS = (
    Group("common", ("_common/*",), (f"{UNIT}/_common", f"{UNIT}/_rules")),
    Group("licensing", ("_licensing/*",), (f"{UNIT}/_licensing", f"{UNIT}/_audit")),
    Group("planning", ("_planning/*",), (f"{UNIT}/_planning", f"{UNIT}/_rules")),
    Group("reporting", ("_reporting/*",), (f"{UNIT}/_reporting",)),
    Group("explain", ("_explain/*",), (f"{UNIT}/_explain",)),
    Group("batch", ("_graph/batch*",), (f"{UNIT}/_graph", "tests/functional/services/test_graph_client_batch.py")),
    Group("outcomes", ("_assign/outcomes",), (f"{UNIT}/_assign",)),
    Group("quota", ("_http/quota",), (f"{UNIT}/_http/test_quota.py",)),
)
