# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arrows of docs/architecture.md: who may import whom, what stays pure, and what no plugin contains."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
UTILS = "ansible_collections.m365.licensing.plugins.module_utils"

GROUPS = {
    "pure": "_absence _alarm _assumptions _brief _catalog _catalog_data _conflicts _consent _countries _coverage "
    "_deadlines _dependencies _diff _disagreements _encodings _errors _exclusions _explain _explain_rules "
    "_explain_text _failures _filters _identity _inferences _license_notes _licenses _losses _markdown _models _naming "
    "_nearness _option_values _outcome _ownership _paging _permissions _plain _plan _plan_again "
    "_plan_alternatives _plan_covered _plan_fit _plan_guards _plan_judge _plan_model _plan_reasons _plan_seats "
    "_plan_taken _plan_words _predict _quoting _readback _redaction _refusal_hints _refusals _removals _report _room "
    "_row_notes _rules _rules_conditions _rules_hints _rules_index _rules_match _rules_schema _run_facts _seats "
    "_second_tries _stacked _survival _times _values _version _wanted",
    "files": "_access_lists _files _private_files _read_files",
    "transport": "_allowance _http _http_body _http_limit _http_types _libraries _limits _pacing _parallel "
    "_proxies _service _stop",
    "signing in": "_auth _auth_options _certificates _masking _secrets",
    "services": "_audit_log _batch_parts _exchange _exchange_parse _get_by_ids _graph _graph_batch _graph_parse "
    "_recycle_bin _tenant",
    "frame": "_module _progress",
    "reading and writing": "_apply _audit _audit_owners _audit_read _audit_warnings _confirm _delicensing _denials "
    "_evidence _exceptions _find_groups _find_users _give_back _nameless _plan_sizes _readings _rule_groups "
    "_shared_sizes _sizes _stakes _survey _tenant_rules",
    "work": "_audit_module _explain_module _large _license_info _permissions_info _plan_module "
    "_plan_result _plan_write _planner _record _reports _rules_file _user_license_module "
    "_user_license_result _user_licenses",
}


MAY_IMPORT = {
    "pure": {"pure"},
    "files": {"pure", "files"},
    "transport": {"pure", "files", "transport"},
    "signing in": {"pure", "files", "transport", "signing in"},
    "services": {"pure", "transport", "services"},
    "frame": {"pure", "files", "transport", "signing in", "services"},
    "reading and writing": {"pure", "services", "reading and writing"},
    "work": {"pure", "files", "services", "frame", "reading and writing", "work"},
    "modules": {"pure", "frame", "work"},
}
GROUP_OF = {name: group for group, names in GROUPS.items() for name in names.split()}
FILES = {path.stem: path for folder in ("module_utils", "modules") for path in sorted((PLUGINS / folder).glob("*.py"))}
PURE = [name for name in FILES if GROUP_OF.get(name) == "pure"]

ALONE = {
    "ansible": "_module",
    "cryptography": "_certificates",
    "msal": "_auth",
    "requests": "_http",
    "urllib3": "_http",
    "yaml": "_rules_file",
}
"""Packages that one file alone imports. ``ansible`` is not ``ansible_collections``."""
ON_THE_CONTROLLER = {"_action"}
"""What runs in Ansible itself, and never in a module."""
OUTSIDE = {
    *("asyncio", "concurrent", "ctypes", "ftplib", "glob", "http.client", "importlib", "io", "locale", "logging"),
    *("multiprocessing", "os", "pathlib", "platform", "random", "secrets", "shutil", "signal", "smtplib", "socket"),
    *("ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "zoneinfo"),
}
"""What reaches beyond a function's arguments: files, network, environment, clock, chance."""
CLOCKS = {"now", "today", "utcnow", "localtime", "monotonic"}
TALK = {"open", "print", "input", "exec", "eval", "__import__"}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(source: ast.AST) -> set[str]:
    """All modules that are imported, also within functions; those needed for types alone left out."""
    found: set[str] = set()
    nodes: list[ast.AST] = [source]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            nodes += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == UTILS:
            found |= {f"{UTILS}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(f"{'.' * node.level}{node.module or ''}")
        nodes += ast.iter_child_nodes(node)
    return found


def ours(source: ast.AST) -> set[str]:
    """The files of module_utils that are imported."""
    return {name.removeprefix(f"{UTILS}.") for name in imported(source) if name.startswith(f"{UTILS}.")}


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


def test_every_file_has_a_place_and_every_place_a_file() -> None:
    assert set(GROUP_OF) == {path.stem for path in (PLUGINS / "module_utils").glob("*.py")}


@pytest.mark.parametrize("name", FILES)
def test_arrows(name: str) -> None:
    group = GROUP_OF.get(name, "modules")
    wrong = {other for other in ours(tree(FILES[name])) if GROUP_OF.get(other) not in MAY_IMPORT[group]}
    assert not wrong, f"{name} ({group}) may not import {sorted(wrong)}"


def test_there_is_no_way_back() -> None:
    """No file imports itself by way of others."""
    left = {name: ours(tree(path)) for name, path in FILES.items()}
    while free := {name for name, needs in left.items() if not needs & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in free}
    assert not left


@pytest.mark.parametrize("package", ALONE)
def test_one_file_alone_imports(package: str) -> None:
    users = {
        path.stem for path in sorted(PLUGINS.rglob("*.py")) if any(within(n, {package}) for n in imported(tree(path)))
    } - ON_THE_CONTROLLER
    assert users == {ALONE[package]}


@pytest.mark.parametrize("name", PURE)
def test_pure_files_reach_for_nothing(name: str) -> None:
    assert impurities(tree(FILES[name])) == []


def test_imports_are_absolute() -> None:
    """AnsiballZ finds what a module needs by the full name."""
    for path in PLUGINS.rglob("*.py"):
        assert not [name for name in imported(tree(path)) if name.startswith(".")], path


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
    text = f"from {UTILS} import _filters\nfrom {UTILS}._graph import Graph\nif TYPE_CHECKING:\n    import msal\n"
    assert ours(ast.parse(text)) == {"_filters", "_graph"}
    assert "msal" not in imported(ast.parse(text))
