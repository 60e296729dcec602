# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a batch: how each is sent, what its answer means, and when it is sent again. Pure.

A part that was answered more than once, or not at all, has no answer.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    IncompleteAnswer,
    Interrupted,
    M365Error,
    UnknownOutcome,
    incomplete_answer,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.redaction import Redactor
from ansible_collections.m365.licensing.plugins.module_utils._http.body import part_error
from ansible_collections.m365.licensing.plugins.module_utils._http.messages import MAY_BE_DONE, REFUSED_FOR_NOW

from .parsing import SERVICE

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
        """What it is about, for the progress."""
        if self.method == "PATCH":
            return "usage locations"
        words = self.url.partition("?")[0].strip("/").split("/")
        return {"assignLicense": "licenses", "checkMemberGroups": "groups"}.get(words[-1], words[0])

    @property
    def writes(self) -> bool:
        """Does it count as a write? (checkMemberGroups is a POST that only reads.)"""
        return self.method != "GET" and not self.url.endswith("/checkMemberGroups")


class BatchAnswer(NamedTuple):
    """The answer to one part. ``headers`` have lower-case names.

    ``outcome``: ``answered`` (``status`` is the service's last one), ``unknown`` (a write was sent, and it is not known
    what it did), ``not_sent`` (held back, or never accepted). ``error`` is that of the request around it.
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
    def may_be_done(self) -> bool:
        """Did the part fail in a way in which it may have been carried out?"""
        return self.outcome == "answered" and self.status in MAY_BE_DONE

    @property
    def temporary(self) -> bool:
        """May the same part succeed later?"""
        if self.outcome != "answered":
            return False
        conflict = self.status == HTTPStatus.CONFLICT and "concurrencyviolation" in self.code.casefold()
        return conflict or self.may_be_done or self.status in REFUSED_FOR_NOW

    @property
    def code(self) -> str:
        """The service's error code, or ours where the service gave none."""
        if self.error is not None:
            return self.error.code
        return str(self._detail().get("code") or "")

    @property
    def message(self) -> str:
        """The service's words, or ours where it gave none."""
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


@dataclass
class PartState:
    """A part until its last answer. Times are seconds of the client's clock."""

    index: int
    part: BatchPart
    attempt: int = 0
    due: float = 0.0
    first_refused: float | None = None
    refusal: BatchAnswer | None = None
    """The last answer that refused it for now, alone or with its whole batch."""
    lost: bool = False
    """Was it a write, and did one of its tries fail in a way in which it may have been carried out?"""
    token_renewed: bool = False
    """Was it refused with 401 before? Then a new token does not help."""

    @property
    def throttled(self) -> bool:
        """Was it refused with 429 the last time? Then it waits for its turn, and nothing is wrong with it."""
        return self.refusal is not None and self.refusal.status == HTTPStatus.TOO_MANY_REQUESTS

    def unauthorized(self, answer: BatchAnswer) -> bool:
        """May a new token help?"""
        return not self.token_renewed and answer.outcome == "answered" and answer.status == HTTPStatus.UNAUTHORIZED

    def is_final(self, answer: BatchAnswer) -> bool:
        """Is there no reason to send the part again, however much time is left?"""
        return not answer.temporary and not self.unauthorized(answer)

    def retry_at(self, due: float, answer: BatchAnswer) -> None:
        """Note a temporary refusal, and when the part may be sent again."""
        self.due = due
        self.attempt += 1
        self.refusal = answer
        self.lost = self.lost or (self.part.writes and answer.may_be_done)

    def last_answer(self, answer: BatchAnswer, now: float, end: float) -> BatchAnswer:
        """The answer to a part that is not sent again; where the service asks for too long a wait, with both times.

        A refusal says nothing of a write that an earlier try may have carried out. ``end``: until when it is tried.
        """
        if self.lost and answer.outcome == "answered" and not answer.ok:
            return unknown_answer(summary_of(answer, self.part))
        if not answer.temporary or "retry-after" not in answer.headers:
            return answer
        left, asked = max(0.0, end - now), max(0.0, self.due - now)
        waited = f"; it asks to wait {asked:.0f} s, and {left:.0f} s are left."
        if answer.error is None:
            return answer._replace(waited=waited)
        error = copy.copy(answer.error)  # of the whole batch, which each of its parts has
        error.message = f"{error.message.rstrip('.')}{waited}"
        return answer._replace(error=error)

    def held_back(self, *, stopped: bool) -> BatchAnswer:
        """The answer to a part that is not sent, or not again. ``stopped``: by a request to stop."""
        if self.lost and self.refusal is not None:
            return unknown_answer(summary_of(self.refusal, self.part))
        if self.refusal is not None and not stopped:
            return self.refusal
        held_back = ApiError("Not sent, because an earlier request failed.", code="not_tried")
        return BatchAnswer(0, outcome="not_sent", error=Interrupted() if stopped else held_back)


def summary_of(answer: BatchAnswer, part: BatchPart) -> str:
    """Which part was answered with what, for messages."""
    return f"{part.name} was answered with {answer.status} {answer.code}: {answer.message}".replace("  ", " ")


def unknown_answer(message: str) -> BatchAnswer:
    """The answer to a write that may have been carried out."""
    error = UnknownOutcome(f"{message} Whether it was carried out is not known.", code="unknown_outcome")
    return BatchAnswer(0, outcome="unknown", error=error)


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
            unexpected_id = redactor.code(number) or "without an id"
            raise incomplete_batch(f"a batch answered a part that was not sent ({unexpected_id})", path)
        found[places[number]] = None if number in seen else _answer(entry, redactor, date)
        seen.add(number)
    return found


def refused_whole(headers: Mapping[str, str], error: M365Error) -> BatchAnswer:
    """What each part of a batch was answered that was throttled as a whole: no part was carried out."""
    lowered = {str(key).lower(): str(value) for key, value in headers.items()}
    return BatchAnswer(HTTPStatus.TOO_MANY_REQUESTS, lowered, error=error)


def _answer(entry: Mapping[str, Any], redactor: Redactor, date: str) -> BatchAnswer | None:
    status = entry.get("status")
    headers = entry.get("headers") or {}
    if not isinstance(status, int) or isinstance(status, bool) or not isinstance(headers, Mapping):
        return None
    lowered = {str(key).lower(): redactor.words(str(value)) for key, value in headers.items()}
    lowered.setdefault("date", date)
    return BatchAnswer(status, lowered, part_error(entry.get("body"), lowered, redactor))


def percentage_of(headers: Mapping[str, str]) -> float:
    """How much of a quota the service counts as spent, 1.0 is all; 0 where it does not say."""
    try:
        return float(headers.get("x-ms-throttle-limit-percentage", 0))
    except ValueError:
        return 0.0


def units_of(answers: Iterable[BatchAnswer]) -> int:
    """The resource units that the parts of a batch cost: one where the service does not say, none where it refused."""
    accepted = (answer for answer in answers if answer.status != HTTPStatus.TOO_MANY_REQUESTS)
    texts = (answer.headers.get("x-ms-resource-unit", "") for answer in accepted)
    return sum(int(text) if text.isdecimal() and len(text) <= _UNIT_DIGITS else 1 for text in texts)


def incomplete_batch(what: str, path: str) -> IncompleteAnswer:
    """The error for an answer to a batch that is not whole."""
    return incomplete_answer(SERVICE, what, request=f"POST {path}")
