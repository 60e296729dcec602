# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write every mutant of a Python file: ``build/mutants/venv/bin/python generate.py FILE OUTPUT``.

The operators are those of mutmut, which is installed in an environment of its own: this file imports nothing of the
project. It applies mutmut's operator for ``x if test else y`` to ``if`` and to the conditions of comprehensions as
well, and it also mutates decorated functions and definitions, which mutmut's own runner cannot.

Left out: annotations, decorators, imports, arguments of ``len`` and ``isinstance`` (as in mutmut), names in ``cast``,
``TypeVar`` and ``TYPE_CHECKING``, which no run evaluates, and the words of messages: a string with a space stays,
others become ``XX…XX`` but change no case.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators, operator_if_exp, operator_string

OPERATORS = [*mutation_operators, (cst.If, operator_if_exp), (cst.CompIf, operator_if_exp)]
LEFT_OUT_CALLS = {"len", "isinstance", "cast", "TypeVar", "NewType"}
LEFT_OUT_NODES = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom)


class Collector(cst.CSTVisitor):  # type: ignore[misc]
    """Collects a pair of nodes, before and after, for each mutant, with its line and its function."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str, cst.CSTNode, cst.CSTNode]] = []
        self._scopes: list[str] = []
        self._line = 1

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Collect the mutants of a node; False where its children have none."""
        if left_out(node):
            return False
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._scopes.append(node.name.value)
        position = self.get_metadata(PositionProvider, node, None)
        if position is not None:
            self._line = position.start.line
        for kind, operator in OPERATORS:
            if isinstance(node, kind):
                for mutated in operator(node):
                    if operator is not operator_string or is_a_value(mutated):
                        self.found.append((self._line, ".".join(self._scopes), node, mutated))
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        """Leave the scope of a function or class."""
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
            self._scopes.pop()


def left_out(node: cst.CSTNode) -> bool:
    """Neither the node nor its children are mutated."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
        return str(node.func.value) in LEFT_OUT_CALLS
    if isinstance(node, cst.If) and isinstance(node.test, cst.Name):
        return str(node.test.value) == "TYPE_CHECKING"
    return isinstance(node, LEFT_OUT_NODES)


def is_a_value(mutated: cst.SimpleString) -> bool:
    """The mutated string is a value such as a key, and not the text of a message or one that only changed its case."""
    text = mutated.value.lstrip("rbRBuU")[1:-1]
    return bool(text.startswith("XX") and " " not in text)


def mutants(source: str) -> Iterator[dict[str, object]]:
    """The mutants of a source text; ``text`` replaces the characters from ``start`` to ``end``."""
    wrapper = MetadataWrapper(cst.parse_module(source))
    start = len(wrapper.module.with_changes(body=[], footer=[]).code)
    for statement in wrapper.module.body:
        text = wrapper.module.code_for_node(statement)
        for line, scope, before, after in collect(wrapper, statement):
            mutated = wrapper.module.code_for_node(statement.deep_replace(before, after))
            old, new = first_difference(text, mutated)
            if old != new:
                yield {
                    "line": line,
                    "scope": scope,
                    "before": old,
                    "after": new,
                    "start": start,
                    "end": start + len(text),
                    "text": mutated,
                }
        start += len(text)


def collect(wrapper: MetadataWrapper, statement: cst.CSTNode) -> list[tuple[int, str, cst.CSTNode, cst.CSTNode]]:
    """The mutants of one statement of the module."""
    collector = Collector()
    with collector.resolve(wrapper):
        statement.visit(collector)
    return collector.found


def first_difference(before: str, after: str) -> tuple[str, str]:
    """The first line in which two texts differ, of each."""
    for old, new in zip(before.splitlines(), after.splitlines(), strict=False):
        if old != new:
            return old.strip(), new.strip()
    return "", ""


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(list(mutants(Path(sys.argv[1]).read_text("utf-8")))), encoding="utf-8")
