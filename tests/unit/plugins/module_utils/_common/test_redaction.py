# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service says holds no secret, no token and no command for a terminal, however it is written or cut."""

from __future__ import annotations

import base64
import html
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._common.redaction import (
    CODE_LENGTH,
    MESSAGE_LENGTH,
    Redactor,
)
from ansible_collections.m365.licensing.plugins.module_utils._reporting.markdown import escape
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


ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\ufe0f\U000e0041\x00\x08"


def in_base64(before: int, encode: Callable[[bytes], bytes] = base64.b64encode) -> Callable[[str], str]:
    """The secret in the middle of what is encoded, after so many bytes."""
    return lambda text: encode(("client-id"[:before] + text + ":after").encode()).decode()


EVERY: dict[str, Callable[[str], str]] = {
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "percent, lower case": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent, thrice": lambda text: "".join(f"%2525{byte:02X}" for byte in text.encode()),
    "percent, every other": lambda text: "".join(
        quote(c, safe="") if at % 2 else "".join(f"%{byte:02X}" for byte in c.encode()) for at, c in enumerate(text)
    ),
    "HTML, numbers": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "HTML, numbers with zeros": lambda text: "".join(f"&#{ord(c):09};" for c in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(c):x};" for c in text),
    "HTML, twice": lambda text: "".join(f"&amp;#X{ord(c):X};" for c in text),
    "JSON": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "JSON, twice": lambda text: "".join(f"\\\\u{ord(c):04X}" for c in text),
    "JavaScript": lambda text: "".join(f"\\x{ord(c):02x}" for c in text),
    "JavaScript, braces": lambda text: "".join(f"\\u{{{ord(c):x}}}" for c in text),
    "one way for each": lambda text: "".join(
        (c if c.isalnum() else f"&#{ord(c)};", f"&#{ord(c)};", f"\\u{ord(c):04x}", quote(c, safe=""))[at % 4]
        for at, c in enumerate(text)
    ),
    "split by what does not show": lambda text: "".join(
        c + ZERO_WIDTH[at % len(ZERO_WIDTH)] for at, c in enumerate(text)
    ),
    "split by names of what does not show": "&zwnj;".join,
    "split by numbers of what does not show": "&#8203;".join,
    "split by JSON of what does not show": "\\u200b".join,
    "split by percents of what does not show": "%E2%80%8B".join,
    "hex": lambda text: text.encode().hex(),
    "hex, upper case": lambda text: text.encode().hex().upper(),
    **{f"base64 after {at}": in_base64(at) for at in range(4)},
    **{f"base64 for URLs after {at}": in_base64(at, base64.urlsafe_b64encode) for at in range(4)},
    "base64 in a URL": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "base64, percent": lambda text: "".join(f"%{byte:02x}" for byte in base64.b64encode(text.encode())),
    "hex, HTML": lambda text: "".join(f"&#{byte};" for byte in text.encode().hex().encode()),
}
"""Ways that leave no letter as it is."""


@pytest.mark.parametrize("way", EVERY)
@pytest.mark.parametrize("secret", [SECRET, "opaque-token_0.1", "T0p~Secret.Value-of-the-app_1234"])
def test_a_secret_is_removed_where_every_character_is_encoded(way: str, secret: str) -> None:
    if way == "split by JSON of what does not show":
        secret = secret.replace("\\", "")  # before an escape, nobody knows whose backslash it is
    written = EVERY[way](secret)
    said = knowing(secret).words(f"You sent [{written}], which is wrong.")
    assert said.startswith("You sent [")
    assert said.endswith("], which is wrong.")
    left = said.removeprefix("You sent [").removesuffix("], which is wrong.")
    assert "[secret removed]" in left
    around = left.replace("[secret removed]", "")
    # of base64, what its neighbours decide as well: those, and a character on either side
    assert len(around) <= (26 if "base64" in way else 4), left
    data = knowing(secret).mask_data({f"a{written}b": [written]})
    assert "secret removed" in json.dumps(data)
    assert written not in json.dumps(data)
    in_json = json.dumps({"a": [written]})
    masked = knowing(secret).mask_json(in_json)
    assert "secret removed" in json.loads(masked)["a"][0]


@given(secret=st.text(min_size=8, max_size=20).filter(lambda text: len(text.strip()) > 7), seed=st.randoms())
def test_any_secret_is_removed_from_any_mixture(secret: str, seed: Any) -> None:
    secret = secret.encode("utf-8", "replace").decode().strip()
    ways: list[Callable[[str], str]] = [
        str,
        lambda c: f"&#{ord(c)};",
        lambda c: f"&#x{ord(c):X};",
        lambda c: "".join(f"%{byte:02x}" for byte in c.encode()),
        lambda c: json.dumps(c)[1:-1] if not c.isascii() else f"\\u{ord(c):04x}",
        lambda c: f"\u200b{c}",
    ]
    if not (secret.isascii() and secret.isprintable() and "&" not in secret and "%" not in secret):
        secret = "Plain~Secret." + secret.encode().hex()
    written = "".join(seed.choice(ways)(c) for c in secret)
    assert knowing(secret).mask(f"<<{written}>>").endswith("[secret removed]>>")


@pytest.mark.parametrize(
    "written", [r"0000\\u003000", r"0000\u005c\u0030\u00300", r"0000\\x3000", r"\u0030000\\u003000"]
)
def test_a_backslash_before_an_escape_does_not_hide_a_secret(written: str) -> None:
    assert knowing(r"0000\000").mask(f"<<{written}>>") == "<<[secret removed]>>"


def test_base64_of_id_and_secret_is_removed() -> None:
    pair = base64.b64encode(f"11111111-2222-3333-4444-555555555555:{SECRET}".encode()).decode()
    said = knowing(SECRET).words(f"Authorization: Basic {pair}")
    decoded = base64.b64decode(said.split()[2].partition("[")[0] + "===")
    assert decoded.startswith(b"11111111-2222")
    assert SECRET[:2].encode() not in decoded


def test_a_huge_text_with_an_encoded_secret_is_removed() -> None:
    text = "x" * 300_000 + EVERY["percent"](SECRET) + "y" * 300_000
    assert knowing(SECRET).mask(text) == "[secret removed]"
    honest = "%41&#66;\\u0043" * 30_000
    assert knowing(SECRET).mask(honest) == honest


@pytest.mark.parametrize(
    "said",
    ["a%20b%41", "&#65;&amp;&lt;", "\\u0041\\n", "x\u200by", "100% &notit; %zz &#99999999999; \\ud800 \\u{ffffff}"],
)
def test_what_is_encoded_and_no_secret_stays_as_it_is(said: str) -> None:
    assert knowing(SECRET, "short").mask(said) == said


@pytest.mark.parametrize("before", range(MESSAGE_LENGTH - 60, MESSAGE_LENGTH + 20, 7))
@pytest.mark.parametrize("secret", [SECRET, TOKEN, "opaque-token-0123456789"])
def test_no_piece_of_a_secret_stays_where_words_are_cut(secret: str, before: int) -> None:
    said = knowing(SECRET, "opaque-token-0123456789").words("x" * (before - 1) + " " + secret + " end")
    assert secret[:5] not in said
    assert len(said) <= MESSAGE_LENGTH + 1


def test_what_looks_like_a_token_is_removed_though_unknown() -> None:
    said = Redactor().words(f"sent: Authorization: Bearer {TOKEN}, or {TOKEN}, or bearer opaque-0123456789.")
    assert said == "sent: Authorization: [token removed], or [token removed], or [token removed]"


def test_honest_words_stay_as_they_are() -> None:
    said = "Property keyJournal is no bearer of 'eyJ', see https://aka.ms/x?y=%20z"
    assert knowing(SECRET, TOKEN).words(said) == said


def test_a_longer_secret_is_removed_before_a_shorter_one_in_it() -> None:
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


@pytest.mark.parametrize(
    "piece",
    [
        "x",
        "eyJ-",
        "bearer ",
        " ",
        "\x1b",
        "%25",
        "\\",
        "&amp;",
        "eyJa.b",
        "%54",
        "&#84;",
        "\\u0054",
        "\u200b",
        "&",
        "%",
        "%2525",
    ],
)
def test_enormous_words_take_time_in_proportion(piece: str) -> None:
    """An expression that backtracks needs minutes for this text instead of a second."""
    redactor = knowing(SECRET, "-\\&%")
    began = time.process_time()
    assert len(redactor.words(piece * (400_000 // len(piece)))) <= MESSAGE_LENGTH + 1
    assert time.process_time() - began < 20


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
