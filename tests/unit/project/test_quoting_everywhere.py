# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No plugin puts a value into a filter or a path by itself: what is not quoted stands in a list here, with a reason."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
LANGUAGE = re.compile(
    r"(?i)\s-(eq|ne|like|and|or)(\s|$)|^\s?(and|or)\s.*\seq\s|\s(eq|ne|ge|le|gt|lt)(\s|$)|\sin\s?\(|\bany\(|\$filter"
    r"|^/(?!$)|^/$"
)
"""Pieces of OData, of OPATH, and of a path."""
SAFE = {"quote", "guid", "percent_encode"}

PARTS = {
    "_any_sku(sku_ids)": "a clause",
    "_no_plan(better)": "a clause",
    "_any_sku(some)": "a clause",
    "_filter(since)": "clauses of the same file",
    "moment": "a time, written by strftime",
    "had": "clauses",
    "archived": "a clause of the same function",
    "filter": "a filter, made by _audit/filters.py",
    "prop": "a name of a property, from this file alone",
    "some": "literals, made by _literals",
    "what": "users or groups, from this file alone",
    "select": "names of properties, a constant",
    "version": "v1.0 or beta",
    "endpoint": "a name of a cmdlet's endpoint, a constant",
    "self.options.endpoints.login": "an origin, checked where options are read",
    "self.options.tenant_id": "a GUID or a domain, checked where options are read",
    "self.base(resource)": "an origin, checked where options are read",
    "network": "an address of a proxy, of which only host and port are taken",
    "part.url": "a part's own path, for the hint of a refusal",
    "part.url.partition('?')[0]": "a part's own path, for the hint of a refusal",
}
"""What is whole already."""


def quoted(node: ast.expr, known: set[str]) -> bool:
    """Whether an expression is a literal, what a quoting function made, several of those, or a name of such a thing."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name):
            return node.func.id in SAFE or ast.unparse(node) in PARTS
        joined = isinstance(node.func, ast.Attribute) and node.func.attr == "join"
        argument = node.args[0] if joined and node.args else None
        if isinstance(argument, (ast.GeneratorExp, ast.ListComp)):
            return quoted(argument.elt, known)
        return argument is not None and quoted(argument, known)
    if isinstance(node, ast.JoinedStr):
        return all(quoted(part.value, known) for part in node.values if isinstance(part, ast.FormattedValue))
    if isinstance(node, ast.Subscript):
        return quoted(node.value, known)
    if isinstance(node, ast.Name):
        return node.id in known or node.id.isupper()
    return isinstance(node, ast.Constant)


def names(source: ast.AST) -> set[str]:
    """Variables that hold what a quoting function made, or a list of strings that do."""
    found: set[str] = set()
    for node in ast.walk(source):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and quoted(node.value, found):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[ast.JoinedStr() as text]):
                found |= {name} if quoted(text, found) else set()
    return found


def unquoted(source: ast.AST) -> Iterator[str]:
    """Each value that becomes part of a filter or a path without being quoted."""
    known = names(source)
    for node in ast.walk(source):
        values: list[ast.expr] = []
        pieces: list[str] = []
        if isinstance(node, ast.JoinedStr):
            values = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
            pieces = [str(part.value) for part in node.values if isinstance(part, ast.Constant)]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
            values = [side for side in (node.left, node.right) if not isinstance(side, (ast.Constant, ast.JoinedStr))]
            pieces = [side.value for side in (node.left, node.right) if _text(side)]  # type: ignore[attr-defined]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            values = [*node.args, *(word.value for word in node.keywords)]
            pieces = [node.func.value.value] if _text(node.func.value) else []  # type: ignore[attr-defined]
        if any(LANGUAGE.search(piece) for piece in pieces):
            for value in values:
                if not quoted(value, known) and ast.unparse(value) not in PARTS:
                    yield f"line {node.lineno}: {ast.unparse(value)}"  # type: ignore[attr-defined]


def _text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize("path", sorted(PLUGINS.rglob("*.py")), ids=lambda path: path.stem)
def test_every_value_in_a_filter_or_a_path_is_quoted(path: Path) -> None:
    assert list(unquoted(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "text",
    [
        "f'/users/{user_id}'",
        "f'/v1.0/groups/{group.id}/members'",
        "f\"displayName eq '{name}'\"",
        "f'Alias -eq {name}'",
        "f'id in ({ids})'",
        "f'id in ({\",\".join(ids)})'",
        "f'/users?$filter={text}'",
        "'/users/' + user_id",
        "'Alias -eq %s' % name",
        "'displayName eq {}'.format(name)",
    ],
)
def test_a_value_as_it_is_would_be_found(text: str) -> None:
    assert list(unquoted(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        "f'/users/{quote(user_id, Style.PATH)}'",
        "name = quote(x, Style.PATH)\nf'/users/{name}'",
        "f\"id in ({','.join(guid(one) for one in some)})\"",
        "f'{name} is on and off'",
    ],
)
def test_what_is_quoted_is_fine(text: str) -> None:
    assert not list(unquoted(ast.parse(text)))
