# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The syntax of ``$filter``: odata-query's parser, and extensions of Graph.

The parser covers less than Graph in three places, so its *tokens* are amended on the way from lexer to parser:
``$count`` is a name, ``endsWith`` and ``startsWith`` have capitals, and a list may have one element.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from tests.simulator.errors import bad_request


def _identifier(_lexer: Any, token: Any) -> Any:
    """A name of the path; the lexer reads the pattern off the function."""
    token.value = ast.Identifier(token.value)
    return token


_identifier.__dict__["pattern"] = r"\$count|[_a-z](?:\.?\w){0,127}"


class _Lexer(ODataLexer):  # type: ignore[misc, unused-ignore]
    tokens = ODataLexer.tokens
    ODATA_IDENTIFIER = _identifier


def _amended(text: str) -> Iterator[Any]:
    """The tokens of a filter, with what Graph allows and the parser does not (see the module's text)."""
    tokens = list(_Lexer().tokenize(text))
    for position, token in enumerate(tokens):
        if token.type == "ODATA_IDENTIFIER":
            folded = token.value.name.casefold()
            if folded == "not":
                token.type, token.value = "NOT", ast.Not()
            elif position + 1 < len(tokens) and tokens[position + 1].type == "(":
                token.value = ast.Identifier(folded)
        elif token.type == "IN":
            _close_single(tokens, position + 1)
    return iter(tokens)


def _close_single(tokens: list[Any], start: int) -> None:
    """Let ``in (x)`` be the list of one element that the parser knows as ``(x,)``."""
    for position in range(start, len(tokens)):
        if tokens[position].type == ",":
            return
        if tokens[position].type == ")":
            comma = type(tokens[position])()
            comma.type = comma.value = ","
            comma.lineno, comma.index = tokens[position].lineno, tokens[position].index
            tokens.insert(position, comma)
            return


def parse(text: str) -> Any:
    """Return the syntax tree. Raises GraphError 400 for a malformed filter."""
    try:
        return ODataParser().parse(_amended(text.strip()))
    except ODataException as error:
        token = getattr(error, "token", None)
        position = getattr(token, "index", len(text))
        raise bad_request(
            f"Invalid filter clause: Syntax error at position {position} in '{text}'.", "BadRequest"
        ) from None
    except RecursionError:
        raise bad_request("Invalid filter clause: The recursion limit has been exceeded.", "BadRequest") from None
