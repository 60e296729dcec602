# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages agree with the tree: links lead somewhere, commands exist, plays name the controller's Python."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.m365.licensing.plugins.plugin_utils._variables import LICENSE_STATE, M365

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("roles/*/README.md")),
    ROOT / "tests" / "simulator" / "README.md",
]
LINK = re.compile(r"(?<!\\)\[(?:[^\]]|\\\])*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
PLAYBOOK_VARIABLES = {"who"}
"""Variables of playbooks without a prefix."""


def prose(page: Path) -> str:
    """The text of a page without its blocks of code."""
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """The targets of the links of a page; what stands in code is no link."""
    return LINK.findall(re.sub(r"`[^`\n]*`", "code", prose(page)))


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """The language and the text of each block of code."""
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield found[2], re.sub(rf"^{found[1]}", "", found[3], flags=re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def command_lines(page: Path) -> set[str]:
    """The commands of a page, in blocks of code and within sentences."""
    inline = re.findall(r"(?<!`)`((?:ansible|make)[^`]*)`(?!`)", prose(page).replace("\n", " "))
    lines = [line.strip() for language, text in blocks(page) if language in ("", "sh") for line in text.splitlines()]
    found = [*inline, *lines]
    return {line for line in found if re.match(r"(?:ansible-playbook|make) [\w-]", line) and "…" not in line}


def ids(pages: list[Path]) -> list[str]:
    return [page.relative_to(ROOT).as_posix() for page in pages]


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_links_lead_to_pages_and_headings(page: Path) -> None:
    wrong = []
    for link in links(page):
        if "://" in link:
            continue
        path, _hash, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


def test_index_names_each_page() -> None:
    index = ROOT / "docs" / "README.md"
    listed = [link.partition("#")[0] for link in links(index)]
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"} - set(listed) == set()


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def problems_of(line: str) -> list[str]:
    """What a command names that the collection does not have."""
    program, *words = shlex.split(line, comments=True)
    if program == "make":
        return [word for word in words if "=" not in word and word not in make_targets()]
    wrong, known, playbooks = [], M365 | LICENSE_STATE | PLAYBOOK_VARIABLES, 0
    known |= {"record"} if words[:1] == ["undo.yml"] else set()
    for word, before in zip(words, ["", *words], strict=False):
        if before in ("-e", "--extra-vars"):
            given = yaml.safe_load(word) if word.startswith("{") else {} if word[:1] == "@" else {word.split("=")[0]}
            wrong += [f"variable {name}" for name in given if name not in known]
        elif before not in ("-i", "--forks", "--limit") and not word.startswith("-"):
            playbooks += 1
            path = ROOT / "playbooks" / f"{word.removeprefix('m365.licensing.')}.yml"
            wrong += [] if word.endswith(".yml") or path.is_file() else [f"playbook {word}"]
    return wrong if playbooks == 1 else [*wrong, f"{playbooks} playbooks"]


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_commands_name_what_exists(page: Path) -> None:
    assert {line: wrong for line in command_lines(page) if (wrong := problems_of(line))} == {}


def test_a_wrong_command_is_noticed() -> None:
    assert problems_of("ansible-playbook m365.licensing.audits -e license_state_mood=plan") == [
        "playbook m365.licensing.audits",
        "variable license_state_mood",
    ]
    assert problems_of("make tests") == ["tests"]


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_commands_that_may_write_name_their_mode(page: Path) -> None:
    """A command that leaves the mode to variables is no plan where these say ``apply``; ``nightly.yml`` says it."""
    plans = {line for line in command_lines(page) if " m365.licensing.remediate " in f"{line} "}
    assert {line for line in plans if "license_state_mode=" not in line and "@nightly.yml" not in line} == set()


def plays() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each play that a page prints."""
    for page in PAGES:
        for language, text in blocks(page):
            value = yaml.safe_load(text) if language == "yaml" else None
            for play in value if isinstance(value, list) else ():
                if isinstance(play, dict) and "hosts" in play:
                    yield page.relative_to(ROOT).as_posix(), play


@pytest.mark.parametrize(("page", "play"), [pytest.param(*found, id=found[0]) for found in plays()])
def test_plays_name_the_python_of_the_controller(page: str, play: dict[str, Any]) -> None:
    found = play.get("vars", {}).get("ansible_python_interpreter")
    assert found == "{{ ansible_playbook_python }}", f"{page} prints a play that may run another Python"
