# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways in which a service may write a secret so that a plain search misses it. Pure, and linear in the text.

Base64 and hex write the whole secret, so their forms are made once (``forms``). URLs, HTML and JSON may write any
character in one of several ways, so the text is decoded and looked at again (``Decoded``).
"""

from __future__ import annotations

import base64
import html
import re
from bisect import bisect_right
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

_INVISIBLE = (
    "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x84\\x86-\\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
"""Characters without a shape of their own: what they split looks whole."""
_INVISIBLE_UNITS = (
    r"00(?:[0-7][\da-f]|[89][\da-f]|ad)|034f|061c|115f|1160|17b[45]|180[b-f]"
    r"|200[b-f]|202[a-e]|206|3164|fe0|feff|ff[af]|db4"
)
"""The same as JSON writes them, and ASCII. Other letters are written so in every report, and are of no interest."""
_SUSPECT = re.compile(
    # letters, digits and marks of ASCII that need not be written so, or something that does not show
    rf"%(?:25)*[2-7e][\da-f]|\\(?:u(?:\{{|{_INVISIBLE_UNITS})|x[0-7][\da-f]|[bf])"
    rf"|&(?:#|[a-z]{{2,31}};)|[{_INVISIBLE}]",
    re.IGNORECASE,
)


def _unit(backslashes: str) -> re.Pattern[str]:
    """What means one character. ``backslashes``: how many belong to an escape, as a regular expression."""
    return re.compile(
        rf"""(?P<invisible>[{_INVISIBLE}]+|{backslashes}[bf])
        |(?P<percent>%[0-7][\da-f]|(?:%[89a-f][\da-f])+)
        |(?P<pair>{backslashes}ud[89ab][\da-f]{{2}}{backslashes}ud[c-f][\da-f]{{2}})
        |{backslashes}(?:u(?P<four>[\da-f]{{4}})|u\{{0*(?P<braced>[\da-f]{{1,6}})\}}|x(?P<two>[\da-f]{{2}}))
        |(?P<entity>&(?:\#\d{{1,20}}|\#x[\da-f]{{1,20}}|[a-z][a-z\d]{{1,30}});?)""",
        re.IGNORECASE | re.VERBOSE,
    )


_UNIT = _unit(r"\\{1,9}")
_UNIT_AFTER_BACKSLASHES = _unit(r"\\")
"""For secrets that hold backslashes themselves: those before the last one may belong to the secret."""
_BLOCK = 10_000
"""Pieces that are joined at once: a list of all would take more memory than the text."""
_ROUNDS = 6
"""How many times over something may be encoded."""
_SHORTEST = 6
"""Bytes of a secret whose base64 and hex are looked for; those of a shorter one may be a part of any word."""


def forms(secret: str) -> frozenset[str]:
    """The secret in hex and in base64, wherever it begins within what was encoded.

    Of base64 only the characters that the secret alone decides: the first and the last may hold bits of its neighbours.
    """
    data = secret.encode("utf-8", "surrogatepass")
    if len(data) < _SHORTEST:
        return frozenset()
    found = {data.hex(), data.hex().upper()}
    for before in range(3):
        first, last = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        text = base64.b64encode(bytes(before) + data).decode()[first:last]
        found |= {text, text.translate(_URL_SAFE)}
    return frozenset(found)


_URL_SAFE = str.maketrans("+/", "-_")


class _Step(NamedTuple):
    """Where the units of one round were, and where what they mean is: three lists of the same length."""

    begins: list[int]
    ends: list[int]
    sources: list[tuple[int, int]]


class Decoded:
    """A text with its encoded characters decoded and without those that do not show."""

    def __init__(self, text: str, *, mapped: bool = True, keep_backslashes: bool = False) -> None:
        self.text = text
        self._steps: list[_Step] = []
        for _round in range(_ROUNDS):
            if not may_be_encoded(self.text):
                break
            before = self.text
            step = _Step([], [], [])
            self.text = _decode(
                before, _UNIT_AFTER_BACKSLASHES if keep_backslashes else _UNIT, step if mapped else None
            )
            if self.text == before:
                break
            self._steps.append(step)

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Where in the text as it came this part of the decoded one is."""
        for step in reversed(self._steps):
            start, end = _back(step, start)[0], _back(step, end - 1)[1]
        return start, end


def may_be_encoded(text: str) -> bool:
    """False where decoding would not change a letter or digit."""
    if text.isascii() and text.isprintable() and not ("%" in text or "\\" in text or "&" in text):
        return False  # nearly every name, and faster: docs/performance.md
    return _SUSPECT.search(text) is not None


def _decode(text: str, unit: re.Pattern[str], step: _Step | None) -> str:
    blocks: list[str] = []
    out: list[str] = []
    size, last = 0, 0
    for hit in unit.finditer(text):
        meant = _meant(hit)
        out += (text[last : hit.start()], meant)
        if len(out) > _BLOCK:
            blocks.append("".join(out))
            out.clear()
        size += hit.start() - last + len(meant)
        last = hit.end()
        if step is not None:
            step.begins.append(size - len(meant))
            step.ends.append(size)
            step.sources.append(hit.span())
    return "".join([*blocks, *out, text[last:]])


def _meant(hit: re.Match[str]) -> str:
    kind, written = hit.lastgroup, hit.group()
    if kind == "invisible":
        return ""
    if kind == "percent":
        if len(written) == 3:
            return chr(int(written[1:], 16)) if written[1] < "8" else "\ufffd"
        return unquote_to_bytes(written).decode("utf-8", "replace")
    if kind == "entity":
        return html.unescape(written)
    if kind == "pair":
        high, low = (int(part, 16) for part in re.findall(r"(?i)u(d[\da-f]{3})", written))
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    number = int(hit.group(kind or 0), 16)
    return chr(number) if number < 0x110000 else ""


def _back(step: _Step, at: int) -> tuple[int, int]:
    """The start and the end of what one character was written as."""
    unit = bisect_right(step.begins, at) - 1
    if unit < 0:
        return at, at + 1
    start, end = step.sources[unit]
    if at < step.ends[unit]:
        return start, end
    return end + at - step.ends[unit], end + at - step.ends[unit] + 1
