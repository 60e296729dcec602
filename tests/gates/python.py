# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Static checks of all Python: rules, layout, types."""

from __future__ import annotations

from tests.gates.gate import Gate, Work

TYPED = (
    "ansible_collections.m365.licensing.plugins",
    "tests.bench",
    "tests.clients",
    "tests.gates",
    "tests.integration",
    "tests.matrix",
    "tests.mutants",
    "tests.simulator",
    "tests.support",
    "tests.unit",
    "tests.functional",
)
"""Packages instead of files, so that each plugin has one module name, whether it is imported or checked."""


def ruff(work: Work) -> None:
    """The rules of pyproject.toml."""
    work.run("ruff", "check", ".")


def layout(work: Work) -> None:
    """The layout that ``ruff format`` gives."""
    work.run("ruff", "format", "--check", "--diff", ".")


def types(work: Work) -> None:
    """Types everywhere, strictly (pyproject.toml)."""
    work.run("mypy", *(word for package in TYPED for word in ("--package", package)))


GATES = (
    Gate("ruff", "rules for Python", ruff, fast=True),
    Gate("format", "layout of Python", layout, fast=True),
    Gate("mypy", "types, strictly", types, fast=True),
)
