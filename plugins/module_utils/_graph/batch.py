# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON batching of Microsoft Graph: 20 parts to a request, each with a fate of its own.

- 200 for the batch says nothing of its parts: each has its status, and is throttled alone [json-batching].
  429 for the batch is 429 for each of its parts.
- A part that was refused for now (429, 503, a write that met another write) goes out again alone, in a new batch with
  others of its kind, after its own ``Retry-After``. The parts that succeeded are never sent again.
- A part that was refused with 401 goes out again once, with a new token, like a whole request.
- A write whose answer is lost is not repeated here: its outcome is ``unknown``, and whoever asked has to look.
- While Graph throttles, batches that were not sent yet wait as well: sending them would only be refused.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    IncompleteAnswer,
    Interrupted,
    M365Error,
    NotFound,
    PermissionDenied,
    ServiceUnavailable,
    UnknownOutcome,
)
from ansible_collections.m365.licensing.plugins.module_utils._http.client import Response, Service

from .batch_parts import (
    BatchAnswer,
    BatchPart,
    answers_of,
    incomplete_batch,
    percentage_of,
    refused_whole,
    request_of,
    units_of,
)

BATCH_SIZE = 20
"""Parts that one ``$batch`` takes [json-batching]."""

_RETRIED = frozenset({429, 503})
_LOST = frozenset({500, 502, 504})
# batches that become due within this many seconds of each other travel together
_TOGETHER = 1.0


@dataclass
class _Waiting:
    """A part on its way. Times are seconds of the client's clock."""

    index: int
    part: BatchPart
    attempt: int = 0
    due: float = 0.0
    first_refused: float | None = None
    throttled: bool = False
    """Was it refused with 429 the last time? Then it waits for its turn, and nothing is wrong with it."""
    lost: bool = False
    """Was it a write that failed in a way in which it may have been done?"""
    refusal: BatchAnswer | None = None
    """What it was refused with for now, the last time, alone or with its whole batch."""
    renewed: bool = False
    """Was it refused with 401 before? Then a new token does not help."""


class Batcher:
    """Sends parts in batches, in parallel, until each has an answer.

    ``idempotent``: a lost answer is asked for again; otherwise its outcome is ``unknown``. ``collect`` (writes): what
    a request around the parts met becomes their answers instead of being raised, so that nobody forgets what the
    other batches did. ``heard`` gets the final answers of each batch, with the places of their parts, as soon as they
    are there, from several threads; where it says true, batches not sent yet are ``not_sent``.
    ``keep``: what is kept of the body of a part that succeeded, as soon as it is there.
    """

    def __init__(
        self,
        service: Service,
        version: str,
        *,
        idempotent: bool,
        collect: bool = False,
        heard: Callable[[Sequence[tuple[int, BatchAnswer]]], bool] | None = None,
        keep: Callable[[Any], Any] | None = None,
    ) -> None:
        self._service = service
        self._backoff = service.backoff
        self._path = f"/{version}/$batch"
        self._idempotent = idempotent
        self._collect = collect
        self._heard = heard
        self._keep = keep
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._throttled_until = 0.0
        self._throttled_since: float | None = None
        self._moved = 0.0
        """When the service last carried out a part."""
        self._done: set[int] = set()
        self._total = 0

    def run(self, parts: Sequence[BatchPart]) -> list[BatchAnswer]:
        """The answers, in the order of the parts; unless ``collect``, raises what a request around them met."""
        answers: list[BatchAnswer | None] = [None] * len(parts)
        waiting = [_Waiting(index, part) for index, part in enumerate(parts)]
        self._total = len(parts)
        self._tell(waiting[:1], [])
        while waiting:
            ready, waiting = self._take_due(waiting)
            chunks = [ready[start : start + BATCH_SIZE] for start in range(0, len(ready), BATCH_SIZE)]
            for chunk, got in zip(chunks, self._service.client.parallel(self._send, chunks), strict=True):
                for item, answer in zip(chunk, got, strict=True):
                    if item.attempt and item.first_refused is None:
                        item.first_refused = self._backoff.clock()  # not sooner: the others went before it
                    if not self._again(item, answer):
                        answers[item.index] = self._given_up(item, answer)
                    elif self._ended():
                        answers[item.index] = self._not_sent(item)
                    else:
                        waiting.append(item)
        done = [answer for answer in answers if answer is not None]
        if not self._collect:
            self._raise_first(parts, done)
        return done

    def _raise_first(self, parts: Sequence[BatchPart], answers: Sequence[BatchAnswer]) -> None:
        """Where reading was given up: the reason, and not the first part that was held back for it."""
        if any(answer.outcome == "not_sent" for answer in answers):
            for part, answer in zip(parts, answers, strict=True):
                if self._wait(answer) is not None:
                    raise_for(answer, part, self._service)

    def _take_due(self, waiting: list[_Waiting]) -> tuple[list[_Waiting], list[_Waiting]]:
        """Waits for the next parts; what is due shortly after them goes along, so that fewer requests are sent."""
        first = min(item.due for item in waiting)
        ready = [item for item in waiting if item.due <= first + _TOGETHER]
        with self._lock:
            throttled = self._throttled_until
        due = max(item.due for item in ready)
        self._wait_for_quota(min(due, throttled))
        self._sleep_until(due)
        return ready, [item for item in waiting if item.due > first + _TOGETHER]

    def _sleep_until(self, due: float) -> None:
        try:
            while not self._stopped.is_set() and (left := due - self._backoff.clock()) > 0:
                self._backoff.sleep(left)
        except Interrupted:
            self._stopped.set()

    def _wait_for_quota(self, until: float) -> None:
        if until > self._backoff.clock():
            with self._service.client.held_up:
                self._sleep_until(until)

    def _send(self, chunk: list[_Waiting]) -> list[BatchAnswer]:
        with self._lock:
            until = self._throttled_until
        self._wait_for_quota(until)
        writes = any(item.part.writes for item in chunk)
        pace = self._service.pace if writes else self._service.reading_pace
        while (pause := pace.wait(len(chunk), self._ended)) and not self._ended():
            self._wait_for_quota(self._backoff.clock() + pause)
        if self._ended():
            if not pause:
                pace.held_back(len(chunk))
            return [self._not_sent(item) for item in chunk]
        token, got, told, units = "", list[BatchAnswer | None](), list[Mapping[str, str]](), None
        try:
            token = self._service.token()
            response = self._service.request(
                "POST",
                self._path,
                json={"requests": [request_of(number, item.part) for number, item in enumerate(chunk, 1)]},
                idempotent=self._idempotent,
                batch=True,
            )
            told.append(response.headers)
            got = self._answers(response, len(chunk))
            units = None if writes else units_of(got)
        except M365Error as error:
            if not self._collect:
                raise
            failed = self._failed_envelope(error, len(chunk))
        finally:
            told += [answer.headers for answer in got if answer is not None]
            refused = sum(answer is not None and answer.status == HTTPStatus.TOO_MANY_REQUESTS for answer in got)
            slower = pace.answered(len(chunk), refused, max(map(percentage_of, told), default=0.0), units)
            if told:
                busy = any(answer is not None and answer.status == HTTPStatus.SERVICE_UNAVAILABLE for answer in got)
                self._service.client.workers.went(throttled=slower or busy)
        answers = [self._read(answer, item) for item, answer in zip(chunk, got or failed, strict=True)]
        answers = self._with_new_token(chunk, answers, token)
        self._note(chunk, answers)
        self._tell(chunk, answers)
        if self._keep is not None:
            answers = [item._replace(body=self._keep(item.body)) if item.ok else item for item in answers]
        return answers

    def _answers(self, response: Response, count: int) -> list[BatchAnswer | None]:
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:
            return [refused_whole(response.headers, response.body)] * count
        redactor = self._service.client.redactor
        return answers_of(response.body, count, self._path, redactor, response.headers.get("Date", ""))

    def _with_new_token(self, chunk: list[_Waiting], answers: list[BatchAnswer], token: str) -> list[BatchAnswer]:
        """As for a whole request: what was refused with 401 is sent again once, with a new token."""
        refused = {id(item) for item, answer in zip(chunk, answers, strict=True) if self._unauthorized(item, answer)}
        if not refused:
            return answers
        try:
            self._service.renew(token)
        except M365Error as error:
            if not self._collect:
                raise
            self._stopped.set()
            failed = BatchAnswer(HTTPStatus.UNAUTHORIZED, outcome="not_sent", error=error)
            return [failed if id(item) in refused else answer for item, answer in zip(chunk, answers, strict=True)]
        return answers

    @staticmethod
    def _unauthorized(item: _Waiting, answer: BatchAnswer) -> bool:
        return not item.renewed and answer.outcome == "answered" and answer.status == HTTPStatus.UNAUTHORIZED

    def _tell(self, chunk: Sequence[_Waiting], answers: Sequence[BatchAnswer]) -> None:
        """Lets whoever follows the progress know how many parts are done; those that are sent again are not."""
        final = [
            (item.index, answer)
            for item, answer in zip(chunk, answers, strict=False)
            if self._wait(answer) is None and not self._unauthorized(item, answer)
        ]
        if self._heard is not None and final and self._heard(final):
            self._stopped.set()
        with self._lock:
            self._done |= {index for index, _answer in final}
            if chunk:
                self._service.client.progress(chunk[0].part.phase, len(self._done), self._total)

    def _failed_envelope(self, error: M365Error, count: int) -> list[BatchAnswer | None]:
        if isinstance(error, (UnknownOutcome, IncompleteAnswer)):
            return [None] * count
        # refused or unreachable as a whole: the next batch would fare no better, and each would wait for it anew
        self._stopped.set()
        status = error.status if isinstance(error, ApiError) else 0
        # one that may be repeated was repeated, until the time was over: any of the tries may have got through
        repeated = self._idempotent and isinstance(error, (ServiceUnavailable, Interrupted))
        outcome = "unknown" if repeated else "not_sent"
        return [BatchAnswer(status, outcome=outcome, error=error) for _unused in range(count)]

    def _ended(self) -> bool:
        return self._stopped.is_set() or self._service.client.stop.told

    def _not_sent(self, item: _Waiting) -> BatchAnswer:
        """What becomes of a part that is not sent, or not again."""
        stopped = self._service.client.stop.told
        if item.refusal is not None and (item.lost or not stopped):
            return _unknown(_spoken(item.refusal, item.part)) if item.lost else item.refusal
        held_back = ApiError("Not sent, because an earlier request failed.", code="not_tried")
        return BatchAnswer(0, outcome="not_sent", error=Interrupted() if stopped else held_back)

    def _read(self, answer: BatchAnswer | None, item: _Waiting) -> BatchAnswer:
        if answer is None:
            if not self._collect:
                raise incomplete_batch(f"the batch has no answer to its part {item.part.name}", self._path)
            return _unknown(f"The answer to {item.part.name} was lost.")
        if not self._idempotent and answer.outcome == "answered" and answer.status in _LOST:
            return BatchAnswer(
                answer.status, answer.headers, answer.body, "unknown", _unknown(_spoken(answer, item.part)).error
            )
        return answer

    def _note(self, chunk: list[_Waiting], answers: list[BatchAnswer]) -> None:
        """Lets the other batches know of a throttle."""
        now = self._backoff.clock()
        if any(answer.ok for answer in answers):
            self._moved = now
        self._service.client.wrote(
            sum(answer.ok and item.part.writes for item, answer in zip(chunk, answers, strict=True))
        )
        waits: dict[tuple[str, int], float] = {}
        for item, answer in zip(chunk, answers, strict=True):
            if self._unauthorized(item, answer):
                item.due = now
            elif self._wait(answer) is not None:
                # The same for all that were told the same: they go together again.
                alike = (answer.headers.get("retry-after", ""), item.attempt)
                if alike not in waits:
                    waits[alike] = self._service.retry_after(answer.headers, item.attempt)
                item.due = now + waits[alike]
                item.attempt += 1
                item.lost = item.lost or (item.part.writes and answer.status in _LOST)
                item.throttled = answer.status == HTTPStatus.TOO_MANY_REQUESTS
                item.refusal = answer
                if item.throttled:
                    self._throttled_since = now if self._throttled_since is None else self._throttled_since
                    self._throttle(item)

    def _throttle(self, item: _Waiting) -> None:
        """Holds the other batches back as well; where the service asks for too long, gives up on them."""
        if not self._in_time(item):
            self._stopped.set()
        with self._lock:
            self._throttled_until = max(self._throttled_until, item.due)

    def _wait(self, answer: BatchAnswer) -> str | None:
        """Why a part is worth another try, or None."""
        if answer.outcome != "answered":
            return None
        if answer.status in _RETRIED or (self._idempotent and answer.status in _LOST):
            return f"HTTP {answer.status}"
        return (
            "conflict"
            if answer.status == HTTPStatus.CONFLICT and "concurrencyviolation" in answer.code.casefold()
            else None
        )

    def _again(self, item: _Waiting, answer: BatchAnswer) -> bool:
        if self._unauthorized(item, answer):
            item.renewed = True
            return True
        return self._wait(answer) is not None and self._in_time(item)

    def _given_up(self, item: _Waiting, answer: BatchAnswer) -> BatchAnswer:
        """The last word on a part; where the service asks for a wait that is too long, with both times.

        Of a write that may have been done in one of its tries a refusal says nothing.
        """
        if item.lost and answer.outcome == "answered" and not answer.ok:
            return _unknown(_spoken(answer, item.part))
        if self._wait(answer) is None or "retry-after" not in answer.headers:
            return answer
        now = self._backoff.clock()
        left, asked = max(0.0, self._end(item) - now), max(0.0, item.due - now)
        waited = f"; it asks to wait {asked:.0f} s, and {left:.0f} s are left."
        if answer.error is None:
            return answer._replace(waited=waited)
        error = copy.copy(answer.error)  # of the whole batch, which each of its parts has
        error.message = f"{error.message.rstrip('.')}{waited}"
        return answer._replace(error=error)

    def _in_time(self, item: _Waiting) -> bool:
        return item.due <= self._end(item)

    def _end(self, item: _Waiting) -> float:
        """Until when a part is tried that was refused. One that is throttled, for as long as others get through."""
        since = item.first_refused or 0.0
        if item.throttled:  # one time for all, not one after the other
            since = max(self._throttled_since or 0.0, self._moved)
        return since + self._service.client.settings.retry_seconds


def raise_for(answer: BatchAnswer, part: BatchPart, service: Service) -> None:
    """Raises what a part of a read was refused with; returns when it succeeded."""
    if answer.ok:
        return
    if answer.error is not None:
        raise answer.error
    kind: type[ApiError] = ApiError
    hint = ""
    if answer.status in (401, 403):
        kind = PermissionDenied
        hint = service.consent(part.method, f"/v1.0{part.url.partition('?')[0]}")
    elif answer.status in (404, 410):
        kind = NotFound
    elif answer.status in _RETRIED | _LOST:
        kind = ServiceUnavailable
        hint = "Raise retry_seconds to wait longer."
    raise kind(
        _spoken(answer, part),
        status=answer.status,
        code=answer.code,
        hint=hint,
        service=service.name,
        request=part.name,
        request_id=answer.request_id,
    )


def _spoken(answer: BatchAnswer, part: BatchPart) -> str:
    return f"{part.name} was answered with {answer.status} {answer.code}: {answer.message}".replace("  ", " ")


def _unknown(message: str) -> BatchAnswer:
    error = UnknownOutcome(f"{message} Whether it was carried out is not known.", code="unknown_outcome")
    return BatchAnswer(0, outcome="unknown", error=error)
