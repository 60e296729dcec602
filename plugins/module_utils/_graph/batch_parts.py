# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a batch, as they go and as they come back. Pure.

What came back more than once, or not at all, is no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import IncompleteAnswer, M365Error
from ansible_collections.m365.licensing.plugins.module_utils._common.redaction import Redactor
from ansible_collections.m365.licensing.plugins.module_utils._http.body import part_error

_UNIT_DIGITS = 6


class BatchPart(NamedTuple):
    """One request inside a batch. ``url`` is relative to the version (``/users/…``) and percent-encoded."""

    method: str
    url: str
    headers: Mapping[str, str] = MappingProxyType({})
    body: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """Method and path for messages, without the query."""
        return f"{self.method} {self.url.partition('?')[0]}"

    @property
    def phase(self) -> str:
        """What it is about, for whoever follows the progress."""
        if self.method == "PATCH":
            return "usage locations"
        words = self.url.partition("?")[0].strip("/").split("/")
        return {"assignLicense": "licenses", "checkMemberGroups": "groups"}.get(words[-1], words[0])

    @property
    def writes(self) -> bool:
        """Does it count as a write? (checkMemberGroups is a POST that only reads.)"""
        return self.method != "GET" and not self.url.endswith("/checkMemberGroups")


class BatchAnswer(NamedTuple):
    """What became of one part. ``headers`` have lower-case names.

    ``outcome``: ``answered`` (``status`` is the service's last word), ``unknown`` (a write was sent and nobody knows
    what it did), ``not_sent`` (held back, or never accepted). ``error`` is what happened to the request around it.
    """

    status: int
    headers: Mapping[str, str] = MappingProxyType({})
    body: Any = None
    outcome: str = "answered"
    error: M365Error | None = None
    waited: str = ""
    """How long the service asks to wait, where that is too long."""

    @property
    def ok(self) -> bool:
        return self.outcome == "answered" and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def code(self) -> str:
        """The service's error code, or ours where the service never spoke."""
        if self.error is not None:
            return self.error.code
        return str(self._detail().get("code") or "")

    @property
    def message(self) -> str:
        """The service's words, or ours where it never spoke."""
        if self.error is not None:
            return self.error.message
        said = str(self._detail().get("message") or f"HTTP {self.status}")
        return f"{said.rstrip('.')}{self.waited}" if self.waited else said

    @property
    def inner_code(self) -> str:
        """A finer code, which a few services give [cloudLicensing]; else empty."""
        return str(self._inner().get("code") or "")

    @property
    def request_id(self) -> str:
        return str(self._inner().get("request-id") or self.headers.get("request-id") or "")

    def _inner(self) -> Mapping[str, Any]:
        inner = self._detail().get("innerError")
        return inner if isinstance(inner, Mapping) else {}

    def _detail(self) -> Mapping[str, Any]:
        error = self.body.get("error") if isinstance(self.body, Mapping) else None
        return error if isinstance(error, Mapping) else {}


def request_of(number: int, part: BatchPart) -> dict[str, Any]:
    """One of the ``requests`` of a batch."""
    request: dict[str, Any] = {"id": str(number), "method": part.method, "url": part.url}
    headers = dict(part.headers)
    if part.body is not None:
        headers.setdefault("Content-Type", "application/json")
        request["body"] = part.body
    if headers:
        request["headers"] = headers
    return request


def answers_of(body: Any, count: int, path: str, redactor: Redactor, date: str = "") -> list[BatchAnswer | None]:
    """The parts' answers in the order sent; None where one is missing or came twice (then neither can be believed).

    ``date``: when the service says that it answered; parts say it seldom, and their ``Retry-After`` may be a date.
    """
    entries = body.get("responses") if isinstance(body, Mapping) else None
    if not isinstance(entries, list):
        raise incomplete_batch("the answer to a batch has no list of responses", path)
    found: list[BatchAnswer | None] = [None] * count
    places = {str(index + 1): index for index in range(count)}
    seen: set[str] = set()
    for entry in entries:
        number = str(entry.get("id") or "") if isinstance(entry, Mapping) else ""
        if number not in places:
            stranger = redactor.code(number) or "without an id"
            raise incomplete_batch(f"a batch answered a part that was not asked ({stranger})", path)
        found[places[number]] = None if number in seen else _answer(entry, redactor, date)
        seen.add(number)
    return found


def refused_whole(headers: Mapping[str, str], error: M365Error) -> BatchAnswer:
    """What each part of a batch was answered that was throttled as a whole: no part was carried out."""
    told = {str(key).lower(): str(value) for key, value in headers.items()}
    return BatchAnswer(HTTPStatus.TOO_MANY_REQUESTS, told, error=error)


def _answer(entry: Mapping[str, Any], redactor: Redactor, date: str) -> BatchAnswer | None:
    status = entry.get("status")
    headers = entry.get("headers") or {}
    if not isinstance(status, int) or isinstance(status, bool) or not isinstance(headers, Mapping):
        return None
    told = {str(key).lower(): redactor.words(str(value)) for key, value in headers.items()}
    told.setdefault("date", date)
    return BatchAnswer(status, told, part_error(entry.get("body"), told, redactor))


def percentage_of(headers: Mapping[str, str]) -> float:
    """How much of a quota the service counts as spent, 1.0 is all; 0 where it does not say."""
    try:
        return float(headers.get("x-ms-throttle-limit-percentage", 0))
    except ValueError:
        return 0.0


def units_of(answers: Iterable[BatchAnswer | None]) -> int:
    """The resource units that the parts of a batch cost: one where it is not told, none where it was refused."""
    told = (
        answer.headers.get("x-ms-resource-unit", "")
        for answer in answers
        if answer is not None and answer.status != HTTPStatus.TOO_MANY_REQUESTS
    )
    return sum(int(text) if text.isdecimal() and len(text) <= _UNIT_DIGITS else 1 for text in told)


def incomplete_batch(message: str, path: str) -> IncompleteAnswer:
    """An answer to a batch that is none, as an error."""
    return IncompleteAnswer(
        f"Microsoft Graph: {message}.", code="incomplete_answer", service="Microsoft Graph", request=f"POST {path}"
    )
