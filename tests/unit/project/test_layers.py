# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of docs/architecture.md: which may import which, what stays pure, and what no plugin contains."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.support.packages import PACKAGES, PLUGINS, PURE, UTILS

FILES = {
    f"{path.parent.name}/{path.stem}": path
    for folder in ("module_utils/*", "modules")
    for path in sorted(PLUGINS.glob(f"{folder}/*.py"))
    if path.stem != "__init__"
}
ALONE = {
    "ansible": "_ansible/module",
    "cryptography": "_auth/certificates",
    "msal": "_auth/tokens",
    "requests": "_http/client",
    "urllib3": "_http/client",
    "yaml": "_rules/file",
}
"""Packages that one file alone imports. ``ansible`` is not ``ansible_collections``."""
ON_THE_CONTROLLER = {"plugin_utils/_action"}
"""Plugins that run in Ansible itself, and never in a module."""
OUTSIDE = {
    *("asyncio", "concurrent", "ctypes", "ftplib", "glob", "http.client", "importlib", "io", "locale", "logging"),
    *("multiprocessing", "os", "pathlib", "platform", "random", "secrets", "shutil", "signal", "smtplib", "socket"),
    *("ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "zoneinfo"),
}
"""What reaches beyond a function's arguments: files, network, environment, clock, chance."""
CLOCKS = {"now", "today", "utcnow", "localtime", "monotonic"}
TALK = {"open", "print", "input", "exec", "eval", "__import__"}


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(source: ast.AST, package: str = "") -> set[str]:
    """All modules that are imported, also within functions, by their full names; imports for types alone left out.

    ``package``: the package of ``module_utils`` that a relative import starts from.
    """
    found: set[str] = set()
    nodes: list[ast.AST] = [source]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            nodes += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= set(_sources(node, package))
        nodes += ast.iter_child_nodes(node)
    return found


def _sources(node: ast.ImportFrom, package: str) -> Iterator[str]:
    """The modules of ``from … import …``: of a package of ours each name is a module."""
    start = f"{UTILS}.{package}" if node.level else ""
    source = ".".join(filter(None, (start, node.module)))
    if source.startswith(f"{UTILS}._") and source.count(".") == UTILS.count(".") + 1:
        yield from (f"{source}.{alias.name}" for alias in node.names)
    else:
        yield source


def ours(source: ast.AST, package: str = "") -> set[str]:
    """The files of module_utils that are imported, like ``_http/client``."""
    names = {name.removeprefix(f"{UTILS}.") for name in imported(source, package) if name.startswith(f"{UTILS}.")}
    return {name.replace(".", "/") for name in names}


def within(name: str, packages: set[str]) -> bool:
    """Whether a module is one of these or lies in one of them."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def impurities(source: ast.AST) -> list[str]:
    """What a pure file must not contain."""
    found = [f"imports {name}" for name in sorted(imported(source)) if within(name, OUTSIDE)]
    for node in ast.walk(source):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
            found.append(f"line {node.lineno}: reads the clock with {node.func.attr}")
        elif isinstance(node.func, ast.Name) and node.func.id in TALK:
            found.append(f"line {node.lineno}: calls {node.func.id}")
    return found


def test_every_package_is_listed() -> None:
    assert {name.partition("/")[0] for name in FILES} == set(PACKAGES)
    assert not sorted((PLUGINS / "module_utils").glob("*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_those_before_it(package: str) -> None:
    allowed = PACKAGES[: PACKAGES.index(package) + (package != "modules")]
    wrong = {
        (name, other)
        for name, path in FILES.items()
        if name.startswith(f"{package}/")
        for other in ours(tree(path), package)
        if other.partition("/")[0] not in allowed
    }
    assert not wrong


def test_imports_have_no_cycle() -> None:
    left = {name: ours(tree(path), name.partition("/")[0]) for name, path in FILES.items()}
    while free := {name for name, needs in left.items() if not needs & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in free}
    assert not left


@pytest.mark.parametrize("package", ALONE)
def test_one_file_alone_imports(package: str) -> None:
    users = {
        f"{path.parent.name}/{path.stem}"
        for path in sorted(PLUGINS.rglob("*.py"))
        if any(within(name, {package}) for name in imported(tree(path)))
    } - ON_THE_CONTROLLER
    assert users == {ALONE[package]}


@pytest.mark.parametrize("name", [name for name in FILES if name.partition("/")[0] in PURE])
def test_pure_files_do_no_io(name: str) -> None:
    assert impurities(tree(FILES[name])) == []


def test_imports_are_relative_within_a_package_alone() -> None:
    for name, path in FILES.items():
        package = name.partition("/")[0]
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom):
                inside = (node.module or "").startswith(f"{UTILS}.{package}.")
                assert (node.level <= 1, inside) == (True, False), f"{path}:{node.lineno}"
                assert not (node.level and package == "modules"), f"{path}:{node.lineno}"


def test_packages_hold_no_code_of_their_own() -> None:
    assert not [path for path in PLUGINS.rglob("__init__.py") if path.stat().st_size]


def test_no_plugin_asserts() -> None:
    """An assertion vanishes under ``python -O``, and ends as a traceback otherwise."""
    found = [f"{p}:{n.lineno}" for p in PLUGINS.rglob("*.py") for n in ast.walk(tree(p)) if isinstance(n, ast.Assert)]
    assert found == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import time", ["imports time"]),
        ("from os.path import join", ["imports os.path"]),
        ("def f():\n    import socket", ["imports socket"]),
        ("moment = datetime.now(timezone.utc)", ["line 1: reads the clock with now"]),
        ("text = open('x')", ["line 1: calls open"]),
        ("late = deadline < seen.now", []),
        ("import re\nimport urllib.parse\nfrom datetime import datetime", []),
    ],
)
def test_what_counts_as_impure(text: str, found: list[str]) -> None:
    assert impurities(ast.parse(text)) == found


def test_what_counts_as_an_import() -> None:
    text = (
        f"from {UTILS}._audit import filters\nfrom {UTILS}._graph.client import Graph\n"
        "from . import batch\nfrom .parsing import user_from\nif TYPE_CHECKING:\n    import msal\n"
    )
    expected = {"_audit/filters", "_graph/client", "_graph/batch", "_graph/parsing"}
    assert ours(ast.parse(text), "_graph") == expected
    assert "msal" not in imported(ast.parse(text))
