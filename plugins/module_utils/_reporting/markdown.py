# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value as plain text inside Markdown (CommonMark, GitHub's tables, links and mentions). Pure.

Nothing of it may become markup. What cannot become markup stays as it is, so that a name is found by a plain search.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.timestamps import format_time

_CELL = 300
"""Characters of one value in a table; longer ones are cut, visibly."""

MARKDOWN_ROWS = 1000
"""Rows of one table, where the JSON report has them all."""

_ALWAYS = re.compile(r"([\\`*{}\[\]|~$^])")
"""Markup wherever they stand. Braces are templates of static sites and of Ansible."""
_UNDERSCORES = re.compile(r"(?<!\w)_+|_+(?!\w)")
"""A run of underscores opens or closes emphasis, unless letters or digits stand on both sides [CommonMark 6.2]."""
_HASH = re.compile(r"(?<![^\W_])#|#(?=\d|$)")
"""A heading, the end of one, or an issue number; inside a word (as in names of guests, ``#EXT#``) it is plain."""
_ENTITY = re.compile(r"&(?=[A-Za-z][A-Za-z0-9]*;)")
"""A character by its name; one by its number has lost its ``#`` by then."""

_LIST = re.compile(r"^(\d+)([.)])(?=\s|$)|^([-+=])")


def escape(value: Any) -> str:
    """A value as plain text inside Markdown: no markup, HTML, mention or line break comes out of it.

    Nor a link, but to an address of mail, which renderers make of what looks like one.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "".join(" " if _breaks(char) else char for char in str(value)).strip()
    if len(text) > _CELL:
        text = text[: _CELL - 1] + "…"
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = _ALWAYS.sub(r"\\\1", text)
    text = _UNDERSCORES.sub(lambda hit: hit.group().replace("_", "\\_"), text)
    text = _HASH.sub(r"\\#", text)
    text = _ENTITY.sub("&amp;", text)
    text = text.replace("<", "&lt;").replace(">", "&gt;")
    # addresses and names that a renderer would turn into links or mentions by itself
    text = re.sub(r"://", ":&#47;&#47;", text)
    text = re.sub(r"(?i)(?<![A-Za-z0-9])www\.", lambda hit: hit.group()[:-1] + "&#46;", text)
    text = re.sub(r"(?i)(?<![A-Za-z0-9])(mailto|xmpp):", r"\1&#58;", text)
    text = re.sub(r"(?<![\w.\-])@", "&#64;", text)
    # what would start a list, a heading or a rule at the beginning of a line
    return _LIST.sub(lambda hit: f"{hit[1]}\\{hit[2]}" if hit[1] else f"\\{hit[3]}", text)


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[int] = ()) -> list[str]:
    """The lines of a table, every cell escaped; ``right``: the columns that are aligned to the right."""
    rule = ["---:" if index in right else "---" for index in range(len(head))]
    body = [f"| {' | '.join(escape(cell) for cell in row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", f"| {' | '.join(rule)} |", *body, ""]


def group_markdown(rows: Iterable[Mapping[str, Any]]) -> str:
    """The groups of the rules for people, a row each as in the return value ``groups``; empty without groups."""
    cells = [
        [
            item["given"],
            item["given_as"],
            item["state"],
            item["id"],
            item["display_name"],
            ", ".join(item["kinds"]),
            ", ".join(item["rules"]),
        ]
        for item in rows
    ]
    head = ("Given", "As", "State", "Id", "Name", "Kind", "Rules")
    return "\n".join(["", "## Groups of the rules", "", *table(head, cells)]) if cells else ""


def tally(title: str, rows: Sequence[Mapping[str, Any]], key: str, order: Sequence[str] = ()) -> list[str]:
    counts = Counter(str(row[key]) for row in rows)
    known = {name: index for index, name in enumerate(order)}
    names = sorted(counts, key=lambda name: (known.get(name, len(known)), -counts[name], name))
    return table((title, "Count"), ([name, counts[name]] for name in names), right=(1,))


def listing(title: str, sentences: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {escape(sentence)}" for sentence in sentences), ""] if sentences else []


def rows_left(count: int, limit: int | None) -> list[str]:
    more = count - (count if limit is None else limit)
    return [f"… and {more} more; the JSON report holds all of them.", ""] if more > 0 else []


def fact_list(facts: Mapping[str, Any] | None) -> list[str]:
    lines = [f"- {escape(key.replace('_', ' '))}: {escape(value)}" for key, value in (facts or {}).items()]
    return [*lines, ""] if lines else []


def generated_at(generated: datetime | None) -> list[str]:
    return [f"Made {format_time(generated)}.", ""] if generated else []


def of_tenant(tenant: str) -> str:
    return f" of {escape(tenant)}" if tenant else ""


def counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _breaks(char: str) -> bool:
    """Control characters, separators of lines and paragraphs, and marks of direction, shaping and annotation."""
    return (
        unicodedata.category(char) in ("Cc", "Zl", "Zp")
        or char in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        or "\u206a" <= char <= "\u206f"
        or char in "\ufff9\ufffa\ufffb"
    )
