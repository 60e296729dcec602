# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is escaped is read by a renderer as the text that it was; names are found in the file as they are written."""

from __future__ import annotations

import re

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._reporting.markdown import escape
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

MARKUP = "ab9 _*~`#&;[](){}!|<>\\.:-+=1)@$^/\"'äß"
RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def read(markdown: str) -> list[str]:
    """The texts of a document that consists of nothing else. Fails where something became markup."""
    found = []
    for token in RENDERER.parse(markdown):
        assert token.type.startswith(("paragraph", "inline", "table", "t", "bullet", "list")), token
        for part in token.children or ():
            assert part.type in ("text", "text_special"), part
        if token.type == "inline":
            found.append("".join(part.content for part in token.children or ()))
    return found


@given(st.text(alphabet=MARKUP, max_size=40))
def test_a_renderer_shows_what_was_written(text: str) -> None:
    shown = escape(text)
    wanted = [text.strip()] * bool(text.strip())
    assert [part.strip() for part in read(f"x {shown} y")] == [f"x {text.strip()} y".strip()]
    assert read(f"| head |\n| --- |\n| {shown} |") == ["head", *(wanted or [""])]
    assert read(shown) == wanted
    assert read(f"- {shown}") == wanted


@pytest.mark.parametrize(
    "name", ["john_doe@contoso.com", "SPE_E3", "Sales (R&D)", "O'Neil-Smith", "a.b+c@d.e", "x#EXT"]
)
def test_a_name_is_found_as_it_is(name: str) -> None:
    assert escape(f"who is {name} here") == f"who is {name} here"


@given(st.from_regex(r"[a-z]+(_+[a-z0-9]+){1,3}", fullmatch=True))
def test_an_underscore_inside_a_word_needs_no_backslash(word: str) -> None:
    assert escape(word) == word
    assert not re.search(r"\\", escape(f"{word} ({word})"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (7, "7"),
        ("Müller 😀", "Müller 😀"),
        ("a|b", "a\\|b"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("`x` *y* _z_ [a](b) !c #d ~e $f", "\\`x\\` \\*y\\* \\_z\\_ \\[a\\](b) !c \\#d \\~e \\$f"),
        ("a\nb\r\nc\td\x00e\u2028f", "a b  c d e f"),
        ("{{ 7*7 }}", "\\{\\{ 7\\*7 \\}\\}"),
        ("- item", "\\- item"),
        ("1. item", "1\\. item"),
        ("back\\slash", "back\\\\slash"),
        ("http://evil", "http:&#47;&#47;evil"),
        ("WWW.evil.com", "WWW&#46;evil.com"),
        ("@octocat", "&#64;octocat"),
        ("anna@contoso.com", "anna@contoso.com"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\u200fgnp\u061c.exe", "gnp .exe"),
        ("x" * 400, "x" * 299 + "…"),
        ("\ud800", "?"),
        ("john_doe__x_9", "john_doe__x_9"),
        ("_john_ a_-b_", "\\_john\\_ a\\_-b\\_"),
        ("R&D (Sales)!", "R&D (Sales)!"),
        ("&#60;", "&\\#60;"),
        ("anna_fabrikam.example#EXT#@contoso.com", "anna_fabrikam.example#EXT#&#64;contoso.com"),
        ("see a#12 #", "see a\\#12 \\#"),
        ("x_www.evil.com", "x_www&#46;evil.com"),
    ],
)
def test_escape(value: object, text: str) -> None:
    assert escape(value) == text
