# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quoted values before the parsers of those who read them: no value changes the structure of a filter or a URL."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._audit.filters import by_upn
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import Style, quote
from ansible_collections.m365.licensing.plugins.module_utils._graph.group_lookup import find_groups
from ansible_collections.m365.licensing.plugins.module_utils._http.messages import with_query
from hypothesis import assume, example, given
from hypothesis import strategies as st
from lark import Token, Tree
from odata_query import ast

from tests.functional.support.service_clients import clients
from tests.simulator import opath
from tests.simulator.launch import running
from tests.simulator.odata_parser import parse

SNIPPETS = [
    *("'", "''", '"', "\u2018", "\u2019", "\u02bc", "\uff07", "\\", "\\'", "%27", "%2527", "\u0000", "\n", "\u2028"),
    *(" or ", " and ", " eq ", " ne ", " -or ", " -and ", " -eq ", " -ne ", " -not ", "(", ")", ",", "$true", "$null"),
    *("true", "null", "not ", "any(x:x/y eq 'z')", "startswith(id,'a')", "UserPrincipalName", "/", "//", "..", "."),
    *("?", "&", "#", ";", "=", "+", "%", "%2F", "@", ":", "*", "[", "]", "{", "}", "$filter=", "$(x)", "`", "--", "/*"),
    *("a", "b@contoso.com", "O'Brien", "\u00e4", "\U0001f600", " ", "\t", "\ud800", "\u202e"),
]
VALUES = st.one_of(
    st.lists(st.sampled_from(SNIPPETS), max_size=8).map("".join),
    st.text(max_size=20),
)
BREAKING = "x' or 'a' eq 'a"


def written(value: str, style: Style) -> str:
    """The literal; what cannot be written is no case."""
    try:
        return quote(value, style)
    except ValueError:
        assume(False)
        raise


def shape(node: Any, texts: list[str]) -> Any:
    """A tree of odata-query without its texts, which go to ``texts``."""
    if isinstance(node, ast.String):
        texts.append(node.py_val)
        return "text"
    if isinstance(node, ast._Node):
        return type(node).__name__, [shape(item, texts) for item in vars(node).values()]
    if isinstance(node, (list, tuple)):
        return [shape(item, texts) for item in node]
    return node


ODATA = [
    "userPrincipalName eq {}",
    "displayName in ({},{})",
    "displayName in ({})",
    "not startswith(displayName,{}) and accountEnabled eq true",
    "(department ne {} or userType eq 'Guest') and assignedPlans/any(p:p/service eq {})",
]


@pytest.mark.parametrize("form", ODATA)
@given(value=VALUES, other=VALUES)
@example(value=BREAKING, other="')")
@example(value="'", other="''")
def test_an_odata_filter_keeps_its_structure(form: str, value: str, other: str) -> None:
    calm: list[str] = []
    texts: list[str] = []
    usual = shape(parse(form.format("'calm'", "'calm'")), calm)
    assert shape(parse(form.format(written(value, Style.ODATA), written(other, Style.ODATA))), texts) == usual
    mine = [value, other][: form.count("{}")]
    assert [text for text in texts if text != "Guest" or text in mine][: len(mine)] == mine
    assert len(texts) == len(calm)


def leaves(filter_text: str) -> tuple[Any, list[str]]:
    """The shape of an OPATH filter, and its texts."""
    texts: list[str] = []

    def look(node: Tree[Token] | Token) -> Any:
        if isinstance(node, Token):
            if node.type != "TEXT":
                return node.type, str(node)
            texts.append(opath._literal(node))
            return "text"
        return node.data, [look(child) for child in node.children]

    return look(opath._PARSER.parse(filter_text)), texts


OPATH = [
    "UserPrincipalName -eq {}",
    "(UserPrincipalName -eq {} -or DisplayName -like {}) -and SKUAssigned -ne $true",
    "-not (Alias -ne {}) -and RecipientTypeDetails -eq 'UserMailbox'",
]


@pytest.mark.parametrize("form", OPATH)
@given(value=VALUES, other=VALUES)
@example(value=BREAKING.replace(" or ", " -or "), other="')")
@example(value='"', other="'")
def test_an_opath_filter_keeps_its_structure(form: str, value: str, other: str) -> None:
    usual, calm = leaves(form.format("'calm'", "'calm'"))
    found, texts = leaves(form.format(written(value, Style.OPATH), written(other, Style.OPATH)))
    assert found == usual
    assert texts[: form.count("{}")] == [value, other][: form.count("{}")]
    assert len(texts) == len(calm)


@pytest.mark.parametrize("sign", "\u2018\u2019\u201a\u201b")
def test_typographic_quotes_never_reach_exchange(sign: str) -> None:
    with pytest.raises(ValueError, match="typographic quote"):
        quote(f"O{sign}Brien", Style.OPATH)
    assert quote(f"O{sign}Brien", Style.ODATA) == f"'O{sign}Brien'"
    assert by_upn([f"O{sign}Brien", "a\nb"]) == []
    (one,) = by_upn([f"O{sign}Brien", "anna@contoso.com"])
    assert one == by_upn(["anna@contoso.com"])[0]


@given(st.lists(VALUES, min_size=1, max_size=60))
def test_names_in_opath_are_so_many_clauses_as_can_be_written(values: list[str]) -> None:
    expected = []
    for value in {value.strip() for value in values}:
        try:
            quote(value, Style.OPATH)
        except ValueError:
            continue
        expected.append(value)
    found = [text for part in by_upn(values) for text in leaves(part)[1] if not text.endswith("Mailbox")]
    assert sorted(found) == sorted(value for value in expected if not value.endswith("Mailbox"))


@given(value=VALUES, other=VALUES)
@example(value="..", other="a/../../b?x=y#z")
@example(value="%2e%2e", other="a&$filter=b")
def test_a_url_keeps_its_segments_and_parameters(value: str, other: str) -> None:
    segment = written(value, Style.PATH)
    literal = written(other, Style.ODATA)
    url = with_query(f"https://host.example/v1.0/users/{segment}/manager", {"$filter": f"id eq {literal}", "$top": "9"})
    split = urlsplit(url)
    assert (split.scheme, split.netloc, split.fragment) == ("https", "host.example", "")
    assert [unquote(part) for part in split.path.split("/")] == ["", "v1.0", "users", value, "manager"]
    assert parse_qsl(split.query, keep_blank_values=True) == [("$filter", f"id eq {literal}"), ("$top", "9")]


HOSTILE = [text for text in SNIPPETS if text.strip()] + [
    BREAKING,
    "') or accountEnabled eq true or startswith(id,'",
    "x'&$top=999&$filter=accountEnabled eq true",
    "' -or SKUAssigned -ne $true -or Alias -eq '",
]


def test_hostile_name_finds_only_its_own_user() -> None:
    """From the option of a module to the parsers of the services, with all that lies between."""
    name = "o'b' or true or 'x@contoso.example"
    with running(mailboxes=20, at_risk=4) as tenant, clients(tenant) as services:
        somebody = next(iter(tenant.world.users.values()))
        tenant.patch_state({"users": {somebody["id"]: {"userPrincipalName": name}}})
        found = services.graph.users_by_upn([*HOSTILE, name])
        assert [user.id for user in found.values()] == [somebody["id"]]
        assert find_groups(services.graph, [text for text in HOSTILE if text.isprintable()]) == ({}, {})
        for text in by_upn([*HOSTILE, name]):
            assert services.exchange.mailboxes(text) == []
        asked = tenant.requests()
        assert not [request for request in asked if request["status"] >= 400], asked
