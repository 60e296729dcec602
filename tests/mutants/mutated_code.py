# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a mutant in the place of the original: the code of functions that exist already, or a module to be imported."""

from __future__ import annotations

import gc
import importlib.abc
import importlib.machinery
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType

MODULES = "ansible_collections.m365.licensing.plugins.module_utils."
IS_FUNCTION = 0x1  # CO_OPTIMIZED: a class body and a module lack it


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    target: str
    original: str
    """The text of the file when its mutants were made."""
    line: int
    scope: str
    before: str
    after: str
    start: int
    end: int
    text: str

    def source(self) -> str:
        """The mutated text of the file."""
        return self.original[: self.start] + self.text + self.original[self.end :]


def changed_functions(original: CodeType, mutated: CodeType) -> dict[CodeType, CodeType] | None:
    """The functions in which two versions of a module differ; None if a definition differs."""
    if definitions(original) != definitions(mutated):
        return None
    changed: dict[CodeType, CodeType] = {}
    for before, after in zip(inner(original), inner(mutated), strict=True):
        if essence(before) == essence(after):
            continue
        if not before.co_flags & IS_FUNCTION:
            found = changed_functions(before, after)
            if found is None:
                return None
            changed |= found
        elif before.co_freevars == after.co_freevars:
            changed[before] = after
        else:
            return None
    return changed


def inner(code: CodeType) -> list[CodeType]:
    """The functions and classes that a module or class defines."""
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def definitions(code: CodeType) -> tuple[object, ...]:
    """What a module or class does when it is loaded, without the bodies of what it defines."""
    constants = [repr(constant) for constant in code.co_consts if not isinstance(constant, CodeType)]
    return code.co_code, code.co_names, tuple(constants), tuple(found.co_name for found in inner(code))


def essence(code: CodeType) -> tuple[object, ...]:
    """What a function does, without where it is written."""
    constants = [essence(found) if isinstance(found, CodeType) else repr(found) for found in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, tuple(constants)


def compiled(target: str, source: str) -> CodeType:
    """The code of a text of a file."""
    return compile(source, f"{target}.py", "exec", dont_inherit=True)


def replace_code(target: str, changed: Mapping[CodeType, CodeType]) -> None:
    """Give every function of a file that has the original code the mutated one."""
    gc.unfreeze()
    for found in gc.get_objects():
        if isinstance(found, FunctionType) and found.__code__.co_filename.endswith(f"/{target}.py"):
            found.__code__ = changed.get(found.__code__, found.__code__)


class MutatedModule(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from a mutated text."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._name = MODULES + mutant.target.replace("/", ".")

    def find_spec(self, name: str, _path: object, _target: object = None) -> importlib.machinery.ModuleSpec | None:
        """The module to mutate; others are found as always."""
        return importlib.util.spec_from_loader(name, self) if name == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the mutated text."""
        exec(compile(self._mutant.source(), f"{self._mutant.target}.py", "exec"), module.__dict__)  # noqa: S102
