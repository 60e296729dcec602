# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides name paths, make targets and gates that exist, and CI runs nothing but the steps of .ci/run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gates.run import GATES

ROOT = Path(__file__).resolve().parents[3]
GUIDES = (
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/releasing.md",
    "tests/simulator/README.md",
    ".github/pull_request_template.md",
    ".gitlab/merge_request_templates/Default.md",
)
MADE = ("build/", ".venv/")
"""Folders that `make` creates."""
REQUESTS = {"directoryObjects/getByIds"}
"""Paths of Microsoft's services."""
PATH = re.compile(r"(?:\.\w|\w)[\w.-]*(?:/[\w.-]+)+/?|[\w-]+\.(?:md|yml|yaml|rst|toml|txt|py)|COPYING|Makefile")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def code_spans(guide: str) -> list[str]:
    """The words in backticks, and the lines of code blocks."""
    text = (ROOT / guide).read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return inline + [line for block in blocks for line in block.splitlines()]


def named_paths(guide: str) -> set[str]:
    """The paths of the checkout that a guide names in backticks or links to."""
    text = (ROOT / guide).read_text(encoding="utf-8")
    links = {
        str((ROOT / guide).parent.joinpath(link).resolve().relative_to(ROOT))
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    }
    return {span for span in code_spans(guide) if PATH.fullmatch(span)} | links


@pytest.mark.parametrize("guide", GUIDES)
def test_guide_names_paths_that_exist(guide: str) -> None:
    folder = (ROOT / guide).parent
    paths = [path for path in named_paths(guide) - REQUESTS if not path.startswith(MADE)]
    assert [path for path in paths if not ((ROOT / path).exists() or (folder / path).exists())] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_guide_names_make_targets_that_exist(guide: str) -> None:
    named = {target for span in code_spans(guide) for target in re.findall(r"^make ([a-z][a-z-]*)", span)}
    assert named <= TARGETS


def test_guides_name_gates_that_exist() -> None:
    named = {
        name
        for guide in GUIDES
        for span in code_spans(guide)
        for names in re.findall(r'NAME="?([a-z -]+)', span)
        for name in names.split()
    }
    assert named
    assert named <= {gate.name for gate in GATES}


def test_contributing_names_the_files_of_each_how_to() -> None:
    named = named_paths("CONTRIBUTING.md")
    expected = {
        "plugins/module_utils/_licensing/coverage.py",
        "plugins/modules/exo_unlicensed_mailbox_info.py",
        "tests/simulator/faults.py",
        "docs/reliability.md",
        "changelogs/fragments/0.1.0.yml",
    }
    assert expected <= named


def commands(value: Any) -> Iterator[str]:
    """The shell commands of a workflow or pipeline."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"run", "script"}:
                yield from [inner] if isinstance(inner, str) else inner
            else:
                yield from commands(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from commands(inner)


def steps() -> set[str]:
    """The steps that .ci/run accepts."""
    found = re.search(r"^ +([a-z| -]+)\) ;;$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return set(found[1].split(" | "))


@pytest.mark.parametrize("file", [".github/workflows/ci.yml", ".gitlab-ci.yml"])
def test_ci_runs_each_step_once(file: str) -> None:
    given = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    words = [command.split() for command in commands(given)]
    assert sorted(word[1] for word in words if word[0] == ".ci/run") == sorted(steps())


def test_steps_of_ci_are_make_targets() -> None:
    assert steps() <= TARGETS


def test_workflows_pin_actions_by_commit() -> None:
    lines = [
        line.strip()
        for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if "uses:" in line
    ]
    assert lines
    pinned = re.compile(r"(?:- )?uses: actions/checkout@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [line for line in lines if not pinned.fullmatch(line)] == []


def test_pre_commit_uses_local_hooks_alone() -> None:
    given = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {repository["repo"] for repository in given["repos"]} == {"local"}


def test_copying_is_the_text_of_the_license() -> None:
    texts = [(ROOT / name).read_bytes() for name in ("COPYING", "LICENSES/GPL-3.0-or-later.txt")]
    assert texts[0] == texts[1]


def test_every_target_is_phony_and_has_help() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == TARGETS
    assert set(re.findall(r"^([a-z-]+):[^#\n]*## ", text, re.MULTILINE)) == TARGETS
