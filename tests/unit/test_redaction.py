# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service says holds no secret, no token and no command for a terminal, however it is written or cut."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._markdown import escape
from ansible_collections.m365.licensing.plugins.module_utils._redaction import (
    CODE_LENGTH,
    MESSAGE_LENGTH,
    Redactor,
)
from hypothesis import given
from hypothesis import strategies as st

SECRET = 'Q~8+a/b=c\'d "e"<f>&g\\h_é-0123456789'
TOKEN = "eyJ" + "abc123" * 30 + "." + "x" * 40 + ".sig-nature_0"

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent": lambda text: quote(text, safe=""),
    "percent, lower case": lambda text: quote(text, safe="").replace("%2B", "%2b").replace("%2F", "%2f"),
    "percent, slashes kept": quote,
    "form": quote_plus,
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": json.dumps,
    "JSON, not ASCII": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON, twice": lambda text: json.dumps(json.dumps(text)),
    "JSON of .NET": lambda text: (
        json.dumps(text).replace("+", "\\u002B").replace("<", "\\u003C").replace("'", "\\u0027")
    ),
    "JSON with slashes escaped": lambda text: json.dumps(text).replace("/", "\\/"),
    "HTML": html.escape,
    "HTML, twice": lambda text: html.escape(html.escape(text)),
    "HTML, numbers": lambda text: "".join(c if c.isalnum() else f"&#{ord(c)};" for c in text),
    "HTML, hexadecimal": lambda text: "".join(c if c.isalnum() else f"&#x{ord(c):X};" for c in text),
    "Markdown": escape,
}


def knowing(*secrets: str) -> Redactor:
    redactor = Redactor()
    redactor.learn(*secrets)
    return redactor


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=list(SPELLINGS))
@pytest.mark.parametrize("secret", [SECRET, "opaque-token_0.1"])
def test_a_secret_is_removed_however_it_is_written(spell: Callable[[str], str], secret: str) -> None:
    said = knowing(secret).words(f"You sent [{spell(secret)}], which is wrong.")
    assert said.startswith("You sent [")
    assert said.endswith("], which is wrong.")
    assert "secret removed" in said
    assert "0" not in said


@given(secret=st.text(min_size=1, max_size=20).filter(str.strip), spell=st.sampled_from(list(SPELLINGS.values())))
def test_any_secret_is_removed_however_it_is_written(secret: str, spell: Callable[[str], str]) -> None:
    if spell is escape:
        spell = str  # it makes blanks of what breaks lines
    marked = f"<<{spell(secret)}>>"
    assert secret not in knowing(secret).mask(marked).removeprefix("<<").removesuffix(">>").replace(
        "[secret removed]", ""
    )


@pytest.mark.parametrize("before", range(MESSAGE_LENGTH - 60, MESSAGE_LENGTH + 20, 7))
@pytest.mark.parametrize("secret", [SECRET, TOKEN, "opaque-token-0123456789"])
def test_no_piece_of_a_secret_stays_where_words_are_cut(secret: str, before: int) -> None:
    said = knowing(SECRET, "opaque-token-0123456789").words("x" * (before - 1) + " " + secret + " end")
    assert secret[:5] not in said
    assert len(said) <= MESSAGE_LENGTH + 1


def test_what_looks_like_a_token_is_removed_although_nobody_knows_it() -> None:
    said = Redactor().words(f"sent: Authorization: Bearer {TOKEN}, or {TOKEN}, or bearer opaque-0123456789.")
    assert said == "sent: Authorization: [token removed], or [token removed], or [token removed]"


def test_honest_words_stay_as_they_are() -> None:
    said = "Property keyJournal is no bearer of 'eyJ', see https://aka.ms/x?y=%20z"
    assert knowing(SECRET, TOKEN).words(said) == said


def test_a_longer_secret_goes_before_a_shorter_one_that_it_contains() -> None:
    assert knowing("abc", "abcdef").words("abcdef abc") == "[secret removed] [secret removed]"


@pytest.mark.parametrize("value", ["C\x1b[31mX\nfatal: [localhost]", "c\x1b]0;pwn\x07", "\u202egnp.exe\u2028x\x9b2J"])
def test_nothing_is_a_command_for_a_terminal(value: str) -> None:
    for said in (Redactor().words(value), Redactor().code(value)):
        assert said
        assert said.isprintable()


def test_codes_are_short_and_texts() -> None:
    assert Redactor().code("Request_BadRequest") == "Request_BadRequest"
    assert len(Redactor().code("x" * 1000)) == CODE_LENGTH + 1
    assert Redactor().code(5) == "5"
    nothing: list[Any] = [None, ["x"], {"a": 1}, "", 0]
    assert [Redactor().code(value) for value in nothing] == [""] * 5


@pytest.mark.parametrize("piece", ["x", "eyJ-", "bearer ", " ", "\x1b", "%25", "\\", "&amp;", "eyJa.b"])
def test_enormous_words_take_time_in_proportion(piece: str) -> None:
    """An expression that looks back again and again would take hours for this, and not seconds."""
    redactor = knowing(SECRET, "-\\&%")
    assert len(redactor.words(piece * (2_000_000 // len(piece)))) <= MESSAGE_LENGTH + 1


def test_data_lose_long_secrets_and_keep_short_ones() -> None:
    redactor = knowing("opaque-token-0123456789", "1234")
    document: Any = {
        "value": [{"displayName": "an opaque-token-0123456789", "id": "1234", "opaque-token-0123456789": 5}]
    }
    assert redactor.scrub(document, json.dumps(document).encode()) == {
        "value": [{"displayName": "an [secret removed]", "id": "1234", "[secret removed]": 5}]
    }


def test_data_nested_as_deeply_as_can_be_read() -> None:
    text = "[" * 900 + '"opaque-token-0123456789"' + "]" * 900
    assert "opaque" not in json.dumps(knowing("opaque-token-0123456789").scrub(json.loads(text), text.encode()))


def test_what_is_learnt_later_is_known_as_well() -> None:
    redactor = knowing("first-0123456789")
    assert redactor.words("first-0123456789 second-0123456789") == "[secret removed] second-0123456789"
    redactor.learn("second-0123456789\n")
    assert redactor.words("first-0123456789 second-0123456789") == "[secret removed] [secret removed]"
