# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values in filters and paths: whatever a person or a company is called."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.quoting import Style, guid, is_guid, quote
from hypothesis import given
from hypothesis import strategies as st

PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: text.strip("."))
ANNA = "aaaaaaaa-1111-2222-3333-bbbbbbbbbbbb"


@pytest.mark.parametrize(
    ("value", "style", "written"),
    [
        ("O'Brien", Style.ODATA, "'O''Brien'"),
        ("O'Brien", Style.OPATH, "'O''Brien'"),
        ("", Style.ODATA, "''"),
        ("' or true eq true or '", Style.ODATA, "''' or true eq true or '''"),
        ("a%b#c&d", Style.ODATA, "'a%b#c&d'"),
        ("a%b#c&d/e", Style.PATH, "a%25b%23c%26d%2Fe"),
        ("jürgen@contoso.com", Style.PATH, "j%C3%BCrgen%40contoso.com"),
        ("😀", Style.PATH, "%F0%9F%98%80"),
        ("anna_fabrikam.com#EXT#@contoso.com", Style.PATH, "anna_fabrikam.com%23EXT%23%40contoso.com"),
    ],
)
def test_quote(value: str, style: Style, written: str) -> None:
    assert quote(value, style) == written


@pytest.mark.parametrize("style", list(Style))
@pytest.mark.parametrize("value", ["a\nb", "a\x00", "\x7f", "\ud800"])
def test_what_cannot_be_written_is_refused(value: str, style: Style) -> None:
    with pytest.raises(ValueError, match="cannot be part"):
        quote(value, style)


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_no_segment_changes_the_path(value: str) -> None:
    with pytest.raises(ValueError, match="segment"):
        quote(value, Style.PATH)


@given(PRINTABLE)
def test_a_segment_comes_back_as_it_was(value: str) -> None:
    written = quote(value, Style.PATH)
    assert unquote(written) == value
    assert not set(written) & set("/?#&'\" ")


@given(PRINTABLE)
def test_a_literal_never_ends_early(value: str) -> None:
    literal = quote(value, Style.ODATA)
    inner = literal[1:-1]
    assert "'" not in inner.replace("''", "")
    assert inner.replace("''", "'") == value


@pytest.mark.parametrize("value", [ANNA, ANNA.upper(), f" {ANNA}\n", "{" + ANNA + "}"])
def test_a_guid_has_one_spelling(value: str) -> None:
    assert guid(value) == ANNA
    assert is_guid(value)


@pytest.mark.parametrize(
    "value", ["", "anna@contoso.com", ANNA.replace("-", ""), ANNA + "0", "{" + ANNA, "urn:uuid:" + ANNA]
)
def test_what_is_no_guid(value: str) -> None:
    assert not is_guid(value)
    with pytest.raises(ValueError, match="not a GUID"):
        guid(value)
