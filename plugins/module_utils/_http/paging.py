# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list that comes in pages: all of its elements, or an error. Pages that are lost or repeated never shorten it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    IncompleteAnswer,
    incomplete_answer,
)

LINK = "@odata.nextLink"
IDLE_PAGES = 100
"""Pages in a row that may bring nothing new: a service may send some empty ones."""


def _drained(items: list[Any]) -> Iterator[Any]:
    """The items, which leave their list as they are taken: a page is gone before the next one is asked for."""
    items.reverse()
    while items:
        yield items.pop()


class PageWatchdog:
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


class PagedList(NamedTuple):
    """One list of a service: ``name`` and ``request`` are for messages."""

    service: str
    name: str
    request: str = ""

    def incomplete(self, what: str, cause: ApiError | None = None) -> IncompleteAnswer:
        """The error for a page that is not whole."""
        return incomplete_answer(self.service, what, request=self.request, cause=cause)

    def elements_of(self, body: Any, number: int = 1) -> list[Any]:
        """The elements of a page. Raises IncompleteAnswer where it has none."""
        elements = body.get("value") if isinstance(body, Mapping) else None
        if not isinstance(elements, list):
            raise self.incomplete(f"page {number} of {self.name} has no list of values")
        return elements

    def link_of(self, body: Mapping[str, Any], number: int = 1) -> str | None:
        """The link of a page to the next one, None on the last page. Raises IncompleteAnswer for what is not a link."""
        link = body.get(LINK)
        if link is not None and (not isinstance(link, str) or not link):
            raise self.incomplete(f"page {number} of {self.name} has a link to the next page that is not a text")
        return link

    def read(
        self,
        fetch: Callable[[str | None], Any],
        on_page: Callable[[Any, int, int], object],
        key: Callable[[Any], str | None] | None,
        page: int = 1,
    ) -> Iterator[Any]:
        """Every element, page after page. Raises IncompleteAnswer.

        ``fetch`` gets the link to a page (None: the first one) and returns its body. ``on_page`` checks a body, with
        its number and the elements read so far. ``key``: what no two elements may share; empty: this one may come
        twice; None: the element is broken. ``page``: the number of the first page.
        """
        links: set[str] = set()
        seen: set[str] = set()
        watchdog = PageWatchdog()
        link, total = None, 0
        for number in itertools.count(page):
            try:
                body = fetch(link)
            except ApiError as error:
                # a refused later page ends the list too early: it never means that there is no such list
                if number == 1:
                    raise
                reason = error.message.rstrip(".")
                raise self.incomplete(f"page {number} of {self.name} did not come ({reason})", error) from error
            items = self.elements_of(body, number)
            total += len(items)
            on_page(body, number, total)
            stuck = watchdog.stuck(items)
            for item in _drained(items):
                if key is not None:
                    self._raise_if_repeated(key(item), seen, number)
                yield item
            if stuck:
                raise self.incomplete(f"page {number} of {self.name}: the list has no end, and brings nothing new")
            link = self.link_of(body, number)
            if link is None:
                return
            if link in links:
                raise self.incomplete(f"page {number} of {self.name} links to a page that was read already")
            links.add(link)

    def _raise_if_repeated(self, key: str | None, seen: set[str], number: int) -> None:
        if key is None:
            raise self.incomplete(f"page {number} of {self.name} has an entry without its id")
        if key.lower() in seen:
            raise self.incomplete(f"page {number} of {self.name} repeats the entry {key}")
        if key:
            seen.add(key.lower())
