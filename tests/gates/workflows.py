# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that run the checks elsewhere: GitHub Actions, GitLab CI, pre-commit. No validator uses the network."""

from __future__ import annotations

from tests.gates.gate import CHECKOUT, Gate, Work

SCHEMAS = {
    "vendor.github-workflows": (".github/workflows/*.yml",),
    "vendor.github-issue-config": (".github/ISSUE_TEMPLATE/config.yml",),
    "vendor.github-issue-forms": (".github/ISSUE_TEMPLATE/[!c]*.yml",),
    "vendor.gitlab-ci": (".gitlab-ci.yml",),
}
"""Files by the schema that check-jsonschema carries for them."""


def continuous_integration(work: Work) -> None:
    """Each file fits its schema; zizmor finds no weakness in the workflows; pre-commit accepts its configuration."""
    for schema, patterns in SCHEMAS.items():
        files = sorted(file for pattern in patterns for file in CHECKOUT.glob(pattern))
        work.fail_if_any([] if files else [f"no file for {schema}: {', '.join(patterns)}"], "correct SCHEMAS")
        work.run("check-jsonschema", "--builtin-schema", schema, *files)
    work.run("zizmor", "--offline", "--pedantic", "--no-config", ".github/workflows")
    work.run("pre-commit", "validate-config", ".pre-commit-config.yaml")


GATES = (Gate("ci", "files of GitHub Actions, GitLab CI and pre-commit are valid", continuous_integration, fast=True),)
