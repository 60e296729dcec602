# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``$filter`` of Microsoft Graph: parsed by odata-query, checked by Microsoft's table, compiled to a closure.

What can be filtered, and what takes the parameters of an advanced query, stands in data/graph_filter_support.csv
(Microsoft's own, generated). Strings compare without case, as the directory does.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timezone
from typing import Any, NoReturn

from odata_query import ast

from tests.simulator.errors import (
    GraphError,
    bad_request,
    needs_advanced,
    not_simulated,
    unsupported_filter,
    unsupported_query,
)
from tests.simulator.filter_support import Support, support_table
from tests.simulator.folding import folded
from tests.simulator.odata_parser import parse
from tests.simulator.odata_predicates import Getter, OneOf, Predicate, getter, merged

Json = Mapping[str, Any]

MAX_CLAUSES = 15
"""Clauses of one OR, or values of one ``in``."""
ENDS_WITH = frozenset({"mail", "otherMails/any", "proxyAddresses/any", "userPrincipalName"})
"""endsWith works on these alone, and only in advanced queries [user resource]."""
BOOLEANS = frozenset(
    [
        "accountEnabled",
        "isLicenseReconciliationNeeded",
        "isResourceAccount",
        "onPremisesSyncEnabled",
        "showInAddressList",
        "mailEnabled",
        "securityEnabled",
        "isAssignableToRole",
        "hasMembersWithLicenseErrors",
        "onPremisesSipInfo/isSipEnabled",
    ]
)
GUIDS = frozenset({"assignedLicenses/any/skuId", "assignedPlans/any/servicePlanId", "appRoleAssignments/any/id"})
EQUALITY = {ast.Eq: "eq", ast.NotEq: "ne"}
ORDER = {ast.GtE: "ge", ast.LtE: "le", ast.Gt: "gt", ast.Lt: "lt"}


@dataclass(frozen=True)
class Lookup:
    """Values of an indexed property (``id`` or ``userPrincipalName``, folded) outside of which nothing matches."""

    prop: str
    values: frozenset[str]


@dataclass(frozen=True)
class Filter:
    """A filter, ready to run: ``matches(object)``; ``lookups`` where an index replaces the scan (their union)."""

    matches: Predicate
    lookups: tuple[Lookup, ...] | None = None


@functools.lru_cache(maxsize=256)
def compile_filter(text: str, resource: str, *, advanced: bool, consistency: bool, known: frozenset[str]) -> Filter:
    """A filter as closures.

    ``advanced``: the request has ``ConsistencyLevel: eventual`` and ``$count=true``; ``consistency``: it has either.
    ``known``: the properties that the tenant keeps; others are 501. Raises GraphError.
    """
    compiler = _Compiler(resource, advanced=advanced, consistency=consistency, known=known)
    tree = parse(text)
    return Filter(compiler.predicate(tree, None), _lookups(tree))


class _Compiler:
    """One pass over the syntax tree. ``scope`` is the lambda (collection, variable) that a node stands in, or None."""

    def __init__(self, resource: str, *, advanced: bool, consistency: bool, known: frozenset[str]) -> None:
        self.resource = resource
        self.advanced = advanced
        self.consistency = consistency
        self.known = known
        self.table = support_table()[resource]

    def predicate(self, node: Any, scope: tuple[str, str] | None) -> Predicate:
        if isinstance(node, ast.BoolOp):
            return self._bool(node, scope)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            if not self.advanced:
                raise needs_advanced("not")
            inner = self.predicate(node.operand, scope)
            return lambda item: not inner(item)
        if isinstance(node, ast.Compare):
            return self._compare(node, scope)
        if isinstance(node, ast.CollectionLambda):
            return self._lambda(node, scope)
        if isinstance(node, ast.Call):
            return self._call(node, scope)
        raise unsupported_query(f"Unsupported Query. ({type(node).__name__} is no condition.)")

    def _bool(self, node: Any, scope: tuple[str, str] | None) -> Predicate:
        if isinstance(node.op, ast.And):
            left, right = self.predicate(node.left, scope), self.predicate(node.right, scope)
            return lambda item: left(item) and right(item)
        branches = list(_branches(node))
        clauses = sum(_clauses(branch) for branch in branches)
        if clauses > MAX_CLAUSES:
            raise _too_many(clauses)
        any_of = tuple(merged(self.predicate(branch, scope) for branch in branches))
        if len(any_of) == 1:
            return any_of[0]
        return lambda item: any(test(item) for test in any_of)

    def _compare(self, node: Any, scope: tuple[str, str] | None) -> Predicate:
        path, get = self._path(node.left, scope)
        operator = type(node.comparator)
        if path.endswith("/$count"):
            return self._count(path, node, get)
        if operator is ast.In:
            return self._in(path, get, node.right)
        if not isinstance(node.right, ast._Literal):
            raise unsupported_filter(_first(path), self._type)
        if operator in EQUALITY:
            return self._equality(path, get, node.right, negated=operator is ast.NotEq)
        column = self._support(path).ge_le if operator in (ast.GtE, ast.LtE) else "no"
        self._require(path, column)
        limit = _moment(path, node.right)
        if operator is ast.GtE:
            return lambda item: (value := get(item)) is not None and value >= limit
        return lambda item: (value := get(item)) is not None and value <= limit

    def _equality(self, path: str, get: Getter, literal: Any, *, negated: bool) -> Predicate:
        support = self._support(path)
        column = support.eq_null if isinstance(literal, ast.Null) else support.eq
        if path == "isLicenseReconciliationNeeded":
            # "eq true" alone, and not in advanced queries [beta user resource].
            if negated or self.consistency or not (isinstance(literal, ast.Boolean) and literal.py_val):
                raise unsupported_filter(path, self._type)
        elif negated:
            if column in ("", "no"):
                raise unsupported_filter(_first(path), self._type)
            if not self.advanced:
                raise needs_advanced("ne")
        self._require(path, column)
        wanted = _value(path, literal)
        equal = OneOf(path, get, frozenset((wanted,)), folded=isinstance(wanted, str) and path not in GUIDS)
        return (lambda item: not equal(item)) if negated else equal

    def _in(self, path: str, get: Getter, listed: Any) -> Predicate:
        self._require(path, self._support(path).eq)
        if not isinstance(listed, ast.List):
            raise unsupported_filter(_first(path), self._type)
        if len(listed.val) > MAX_CLAUSES:
            raise _too_many(len(listed.val))
        if path == "isLicenseReconciliationNeeded":
            raise unsupported_filter(path, self._type)
        if any(isinstance(literal, ast.Null) for literal in listed.val):
            raise not_simulated("null in the list of an 'in'")
        wanted = frozenset(_value(path, literal, listed=True) for literal in listed.val)
        return OneOf(path, get, wanted, folded=path not in BOOLEANS)

    def _count(self, path: str, node: Any, get: Getter) -> Predicate:
        support = self._support(path)
        number = node.right.py_val if isinstance(node.right, ast.Integer) else -1
        column = {0: support.count_eq_0, 1: support.count_eq_1}.get(number, "no")
        if type(node.comparator) not in EQUALITY:
            column = "no"
        self._require(path, column)
        if isinstance(node.comparator, ast.Eq):
            return lambda item: len(get(item) or ()) == number
        return lambda item: len(get(item) or ()) != number

    def _lambda(self, node: Any, scope: tuple[str, str] | None) -> Predicate:
        collection = _text(node.owner)
        if scope or not isinstance(node.operator, ast.Any) or node.lambda_ is None:
            raise unsupported_filter(_first(collection), self._type)
        if not any(path.startswith(f"{collection}/any") for path in self.table):
            self._refuse(collection)
        inner = self.predicate(node.lambda_.expression, (collection, node.lambda_.identifier.name))
        return lambda item: any(inner(element) for element in item.get(collection) or ())

    def _call(self, node: Any, scope: tuple[str, str] | None) -> Predicate:
        name = node.func.name.casefold()
        arguments = node.args
        if name not in ("startswith", "endswith") or not isinstance(arguments[1], ast.String):
            prop = _first(_text(arguments[0])) if arguments else name
            raise unsupported_filter(prop, self._type)
        path, get = self._path(arguments[0], scope)
        wanted = folded(arguments[1].py_val)
        if name == "startswith":
            self._require(path, self._support(path).starts_with)
            return lambda item: (value := get(item)) is not None and folded(value).startswith(wanted)
        if path not in ENDS_WITH:
            self._support(path)
            raise unsupported_filter(_first(path), self._type)
        if not self.advanced:
            raise needs_advanced("endsWith")
        self._require(path, "advanced")
        return lambda item: (value := get(item)) is not None and folded(value).endswith(wanted)

    def _path(self, node: Any, scope: tuple[str, str] | None) -> tuple[str, Getter]:
        """The table's path of a property, and how to read it."""
        if not isinstance(node, (ast.Identifier, ast.Attribute)):
            raise unsupported_query("Unsupported Query. (A condition starts with a property.)")
        parts = _text(node).split("/")
        if scope is None:
            if parts[-1] == "$count":
                return "/".join(parts), getter(parts[:-1])
            return "/".join(parts), getter(parts)
        collection, variable = scope
        if parts[0] != variable:
            raise unsupported_filter(parts[0], self._type)
        path = "/".join([collection, "any", *parts[1:]])
        return path, getter(parts[1:])

    def _support(self, path: str) -> Support:
        found = self.table.get(path)
        if found is None:
            self._refuse(path)
        return found

    def _refuse(self, path: str) -> NoReturn:
        if _first(path) in self.known:
            raise unsupported_filter(_first(path), self._type)
        raise not_simulated(f"the property '{path}' of {self.resource} in $filter")

    def _require(self, path: str, column: str) -> None:
        """Check that the table and the request allow it, and that the tenant has the property."""
        if column in ("", "no") or (column == "advanced" and not self.advanced):
            raise unsupported_filter(_first(path), self._type)
        if _first(path) not in self.known:
            raise not_simulated(f"the property '{_first(path)}' of {self.resource} in $filter")

    @property
    def _type(self) -> str:
        return self.resource.capitalize()


def _too_many(clauses: int) -> GraphError:
    return unsupported_query(
        "Too many child clauses specified in search filter expression containing 'OR' operators: "
        f"{clauses}. Max allowed: {MAX_CLAUSES}."
    )


def _first(path: str) -> str:
    return path.partition("/")[0]


def _text(node: Any) -> str:
    """``a/b/c`` of a node that is a path; its kind for any other node."""
    if isinstance(node, ast.Identifier):
        return ".".join((*node.namespace, node.name))
    if isinstance(node, ast.Attribute):
        return f"{_text(node.owner)}/{node.attr}"
    return type(node).__name__


def _branches(node: Any) -> Iterator[Any]:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        yield from _branches(node.left)
        yield from _branches(node.right)
    else:
        yield node


def _clauses(node: Any) -> int:
    """Count clauses; each value of an ``in`` is one."""
    if isinstance(node, ast.Compare) and isinstance(node.right, ast.List):
        return len(node.right.val)
    return 1


def _value(path: str, literal: Any, *, listed: bool = False) -> Any:
    """A literal of the property's type, folded for comparison. A wrong type is refused as OData does."""
    if isinstance(literal, ast.Null):
        return None
    if path in BOOLEANS:
        if isinstance(literal, ast.Boolean):
            return literal.py_val
    elif path in GUIDS:
        # In a list OData reads a text as the element's type; on its own it does not.
        if isinstance(literal, ast.GUID) or (listed and isinstance(literal, ast.String)):
            return folded(literal.val)
    elif _is_moment(path):
        return folded(_moment(path, literal))
    elif isinstance(literal, ast.String):
        return folded(literal.py_val)
    raise bad_request(
        "Invalid filter clause: A binary operator with incompatible types was detected. Found operand types "
        f"'{_edm(path)}' and 'Edm.{type(literal).__name__}' for operator kind 'Equal'.",
        "BadRequest",
    )


def _edm(path: str) -> str:
    if path in BOOLEANS:
        return "Edm.Boolean"
    return "Edm.Guid" if path in GUIDS else "Edm.DateTimeOffset" if _is_moment(path) else "Edm.String"


def _is_moment(path: str) -> bool:
    return path.endswith("DateTime") or path == "employeeHireDate"


def _moment(path: str, literal: Any) -> str:
    """A time as Graph writes it: of one form and zone, so texts compare like times."""
    if isinstance(literal, ast.DateTime):
        moment = literal.py_val
        aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        return str(aware.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))
    if isinstance(literal, ast.Date):
        return f"{literal.val}T00:00:00Z"
    raise bad_request(
        "Invalid filter clause: A binary operator with incompatible types was detected. Found operand types "
        f"'{_edm(path)}' and 'Edm.{type(literal).__name__}' for operator kind 'GreaterThanOrEqual'.",
        "BadRequest",
    )


def _lookups(node: Any) -> tuple[Lookup, ...] | None:
    """Where an index can replace the scan: eq and in on id or userPrincipalName, alone, in every branch, or anded."""
    if isinstance(node, ast.BoolOp):
        left, right = _lookups(node.left), _lookups(node.right)
        if isinstance(node.op, ast.And):
            return left if left is not None else right
        return left + right if left is not None and right is not None else None
    if isinstance(node, ast.Compare) and isinstance(node.left, ast.Identifier):
        name = node.left.name
        if name in ("id", "userPrincipalName") and isinstance(node.comparator, (ast.Eq, ast.In)):
            literals: list[Any] = node.right.val if isinstance(node.right, ast.List) else [node.right]
            return (Lookup(name, frozenset(folded(str(item.val)) for item in literals)),)
    return None
