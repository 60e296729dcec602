# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service says, made fit to be shown: no secret of this run, no token, no control character, of limited length.

A service may repeat in a refusal what it was sent. Its words become warnings, results and reports, and only results are
masked by Ansible: so they are cleaned where an answer is read, whatever becomes of them later. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from html.entities import codepoint2name
from typing import Any

from .encodings import Decoded, forms, may_be_encoded

MESSAGE_LENGTH = 600
"""Characters of a service's own words that are passed on."""
CODE_LENGTH = 100
"""The same of an error code, or of the id of a request."""

REMOVED = "[secret removed]"
TOKEN_REMOVED = "[token removed]"  # noqa: S105 - no password

_DATA_LENGTH = 16
"""Shorter secrets are not looked for in data, as an honest name may contain them."""
_FILE_LENGTH = 8
"""Shorter secrets are not looked for in files: no run uses one, and parts of names and keys would be removed."""
_MAPPED_LENGTH = 2**18
"""Longer texts with an encoded secret are removed as a whole: finding its place would take much memory."""
_LITERAL = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
"""A text of JSON, or a name of an object."""
_WORD = re.compile(r"[A-Za-z0-9]+")
_TOKENS = re.compile(r"(?i:\bbearer\s+[\w.~+/=-]{8,})|(?<![A-Za-z0-9])eyJ[\w.-]{10,}")
_BLANKS = re.compile(r"\s+")


def printable(text: str) -> str:
    """The same without control characters and others that do not print: on a terminal they could be commands."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " for character in text)


def shortened(text: str, length: int) -> str:
    """The first ``length`` characters, and a mark where some are missing."""
    return text if len(text) <= length else text[:length] + "…"


class Redactor:
    """Knows the secrets of one run. Safe to use from several threads."""

    def __init__(self) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._searches = self._secrets, _Search(()), _Search(())

    def learn(self, *secrets: str) -> None:
        """Remember these: passwords, tokens, signed assertions."""
        self._secrets |= {form for secret in secrets for form in (secret, secret.strip()) if form.strip()}

    def mask(self, text: str) -> str:
        """The same without known secrets: as they are, as URLs, JSON, HTML, Markdown write them, in base64 or hex."""
        return self._search()[0].mask(text)

    def mask_data(self, value: Any) -> Any:
        """A value for a file, without known secrets in its texts and keys. Numbers and booleans stay as they are."""
        return _masked(value, self._search()[1])

    def mask_json(self, text: str) -> str:
        """The same for JSON or JSON Lines: only texts and keys are looked at, so that it stays JSON."""
        search = self._search()[1]
        if not search.may_find(text):
            return text
        return _LITERAL.sub(lambda hit: _masked_literal(hit.group(), search), text)

    def _search(self) -> tuple[_Search, _Search]:
        """For all secrets, and for those that are looked for in files."""
        secrets = self._secrets
        if self._searches[0] != secrets:
            long = [secret for secret in secrets if len(secret) >= _FILE_LENGTH]
            self._searches = secrets, _Search(secrets), _Search(long)
        return self._searches[1:]

    def words(self, text: str, length: int = MESSAGE_LENGTH) -> str:
        """One printable line of a service's words, without secrets and without what looks like a token.

        It is cut last: a piece of a secret would not be known for one.
        """
        # First as it came, and what is left of a long text: then as a line, as a secret may hold what becomes a blank.
        text = _TOKENS.sub(TOKEN_REMOVED, self.mask(text))[: 20 * max(length, MESSAGE_LENGTH)]
        line = " ".join(_BLANKS.split(printable(text))).strip()
        return shortened(_TOKENS.sub(TOKEN_REMOVED, self.mask(line)), length)

    def code(self, value: Any) -> str:
        """An error code or an id: short words; nothing where it is neither a text nor a number."""
        return self.words(str(value), CODE_LENGTH) if isinstance(value, (str, int)) and value else ""

    def scrub(self, document: Any, source: bytes) -> Any:
        """``document``, without long secrets in its texts; ``source`` are its bytes, and usually hold none."""
        secrets = [secret for secret in self._secrets if len(secret) >= _DATA_LENGTH]
        found = sorted((secret for secret in secrets if secret.encode("utf-8", "replace") in source), key=len)
        if not found:
            return document

        def clean(value: Any) -> Any:
            if isinstance(value, str):
                for secret in reversed(found):
                    value = value.replace(secret, REMOVED)
            return value

        # No recursion: a document may be nested as deeply as its reader allows.
        whole = [document]
        waiting: list[Any] = [whole]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                for name in list(value):
                    value[clean(name)] = clean(value.pop(name))
                waiting += value.values()
            elif isinstance(value, list):
                value[:] = [clean(item) for item in value]
                waiting += value
        return whole[0]


class _Search:
    """Looks for some secrets, however they are written."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # a longer one may contain a shorter one
        longest_first = sorted(secrets, key=len, reverse=True)
        encoded = sorted({form for secret in longest_first for form in forms(secret)}, key=len, reverse=True)
        self._pattern = re.compile("|".join([*map(_spellings, longest_first), *map(re.escape, encoded)]))
        # Letters and digits are the same in most spellings, and a plain search for some takes next to no time.
        words = {max(_WORD.findall(secret), key=len, default="") for secret in longest_first}
        self._words = (*words, *encoded)
        self._ways = (False, True) if any("\\" in secret for secret in longest_first) else (False,)
        """Ways to decode a text: a backslash before an escape belongs to it, or to the secret."""

    def may_find(self, text: str) -> bool:
        """False where the text surely holds none."""
        return self._has_word(text) or (may_be_encoded(text) and self._has_word(Decoded(text, mapped=False).text))

    def _has_word(self, text: str) -> bool:
        for word in self._words:  # noqa: SIM110 - faster than any(): docs/performance.md
            if word in text:
                return True
        return False

    def mask(self, text: str) -> str:
        if self._has_word(text):
            text = self._pattern.sub(REMOVED, text)
        for keep_backslashes in self._ways:
            if self._words and may_be_encoded(text):
                text = self._mask_encoded(text, keep_backslashes=keep_backslashes)
        return text

    def _mask_encoded(self, text: str, *, keep_backslashes: bool) -> str:
        mapped = len(text) <= _MAPPED_LENGTH
        decoded = Decoded(text, mapped=mapped, keep_backslashes=keep_backslashes)
        if not self._has_word(decoded.text):
            return text
        if not mapped:
            return REMOVED if self._pattern.search(decoded.text) else text
        pieces, last = [], 0
        for hit in self._pattern.finditer(decoded.text):
            if hit.start() == hit.end():
                continue
            start, end = decoded.source(*hit.span())
            # one unit may mean several characters, so that two hits share it
            pieces += [text[last : max(start, last)], REMOVED]
            last = max(end, last)
        return "".join([*pieces, text[last:]])


def _masked(value: Any, search: _Search) -> Any:
    if isinstance(value, str):
        return search.mask(value)
    if isinstance(value, Mapping):
        return {_masked(key, search): _masked(item, search) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(item, search) for item in value]
    return value


def _masked_literal(literal: str, search: _Search) -> str:
    if not search.may_find(literal):
        return literal
    text = json.loads(literal)
    masked = search.mask(text)
    return literal if masked == text else json.dumps(masked)


def _spellings(secret: str) -> str:
    """A regular expression for the secret as URLs, JSON, HTML and Markdown write it, once or several times over.

    Repetitions have limits: a service may send twenty million backslashes.
    """
    return "".join(
        character if character.isascii() and character.isalnum() else _spelt(character) for character in secret
    )


def _spelt(character: str) -> str:
    number = ord(character)
    units = character.encode("utf-16-be", "surrogatepass")
    named = codepoint2name.get(number, "apos" if character == "'" else "")
    entity = rf"#0{{0,4}}{number}|#[xX]0{{0,4}}{_any_case(f'{number:x}')}" + (f"|{named}" if named else "")
    ways = [
        r"\\{0,9}" + re.escape(character),
        "".join(rf"%(?:25){{0,4}}{_any_case(f'{byte:02x}')}" for byte in character.encode("utf-8", "surrogatepass")),
        "".join(rf"\\{{1,9}}u{_any_case(units[at : at + 2].hex())}" for at in range(0, len(units), 2)),
        rf"&(?:amp;){{0,4}}(?:{entity});",
    ]
    if character.isspace():
        # a line break becomes a blank, a form writes a blank as a plus; JSON has letters for some
        ways += [r"\s{1,4}", r"\+", r"\\{1,9}[nrtfv]"]
    return f"(?:{'|'.join(ways)})"


def _any_case(digits: str) -> str:
    return "".join(f"[{digit.upper()}{digit}]" if digit.isalpha() else digit for digit in digits)
