# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a list that comes in pages come to an end? Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

IDLE_PAGES = 100
"""Pages in a row that may bring nothing new: some empty ones are no fault of a service."""


def drained(items: list[Any]) -> Iterator[Any]:
    """The items, which leave their list as they are taken: a page is gone before the next one is asked for."""
    items.reverse()
    while items:
        yield items.pop()


class Progress:
    """Watches the pages of one list: a chain of ever new links to nothing new would be followed for ever."""

    def __init__(self) -> None:
        self._before: tuple[int, Any, Any] | None = None
        self._idle = 0

    def stuck(self, items: Sequence[Any]) -> bool:
        """Were there too many pages in a row, this one included, that were empty or the same?"""
        # not the page itself: that would be kept until the next one is there
        page = (len(items), items[0], items[-1]) if items else None
        self._idle = self._idle + 1 if page is None or page == self._before else 0
        self._before = page
        return self._idle > IDLE_PAGES
