# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON batching of Microsoft Graph: 20 parts to a request, each with an answer of its own.

- 200 for the batch says nothing of its parts: each has its status, and is throttled alone [json-batching].
  429 for the batch is 429 for each of its parts.
- A part that is refused for now (429, 503, a write that met another write) is sent again alone, in a new batch with
  others of its kind, after its own ``Retry-After``. The parts that succeeded are never sent again.
- A part that is refused with 401 is sent again once, with a new token, like a whole request.
- A write whose answer is lost is not repeated here: its outcome is ``unknown``, and the caller has to read it back.
- While Graph throttles, batches that were not sent yet wait as well: Graph would only refuse them.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    IncompleteAnswer,
    Interrupted,
    M365Error,
    ServiceUnavailable,
    UnknownOutcome,
)
from ansible_collections.m365.licensing.plugins.module_utils._http.client import Response, Service
from ansible_collections.m365.licensing.plugins.module_utils._http.quota import Pace

from .batch_parts import (
    BatchAnswer,
    BatchPart,
    PartState,
    answers_of,
    incomplete_batch,
    percentage_of,
    refused_whole,
    request_of,
    summary_of,
    units_of,
    unknown_answer,
)

BATCH_SIZE = 20
"""Parts that one ``$batch`` takes [json-batching]."""

_TOGETHER_SECONDS = 1.0
"""Parts that become due within this time of each other travel together."""


class _Gate:
    """When the batches of one run may be sent: later while the service throttles, and never after the run has ended."""

    def __init__(self, service: Service) -> None:
        self._client = service.client
        self._backoff = service.backoff
        self._lock = threading.Lock()
        self.ended = False
        """Set to hold back the batches that were not sent yet."""
        self._throttled_until = 0.0
        self._throttled_since: float | None = None
        self.last_success = 0.0
        """When the service last carried out a part."""

    @property
    def closed(self) -> bool:
        """Is nothing to be sent any more?"""
        return self.ended or self._client.stop.requested

    def wait(self, due: float = math.inf) -> None:
        """Wait until the service no longer throttles, and not beyond ``due``."""
        self.wait_for_quota(min(due, self._throttled_until))

    def wait_for_quota(self, until: float) -> None:
        """Wait, and count the time as throttled."""
        if until > self._backoff.clock():
            with self._client.throttle_timer:
                self.sleep_until(until)

    def sleep_until(self, due: float) -> None:
        """Wait; a request to stop ends the wait and the run."""
        try:
            while not self.ended and (left := due - self._backoff.clock()) > 0:
                self._backoff.sleep(left)
        except Interrupted:
            self.ended = True

    def hold_back(self, state: PartState) -> None:
        """Make all batches wait for a part that was throttled; end the run where the service asks for too long."""
        with self._lock:
            if self._throttled_since is None:
                self._throttled_since = self._backoff.clock()
            self._throttled_until = max(self._throttled_until, state.due)
        if state.due > self.end_of(state):
            self.ended = True

    def end_of(self, state: PartState) -> float:
        """Until when a refused part is tried. A throttled one is tried for as long as others succeed."""
        since = state.first_refused or 0.0
        if state.throttled:  # one time for all, not one after the other
            since = max(self._throttled_since or 0.0, self.last_success)
        return since + self._client.settings.retry_seconds


class _Sender(NamedTuple):
    """Sends the parts of one batch, and returns an answer for each."""

    service: Service
    gate: _Gate
    path: str
    idempotent: bool
    collect: bool

    def send(self, states: Sequence[PartState]) -> list[BatchAnswer] | None:
        """The answers, or None where the run ended before the batch could be sent."""
        writes = any(state.part.writes for state in states)
        pace = self.service.pace if writes else self.service.reading_pace
        if not self._take_quota(pace, len(states)):
            return None
        token, answers, response = "", list[BatchAnswer | None](), None
        try:
            token = self.service.token()
            response = self.service.request(
                "POST",
                self.path,
                json={"requests": [request_of(number, state.part) for number, state in enumerate(states, 1)]},
                idempotent=self.idempotent,
                batch=True,
            )
            answers = self._answers(response, len(states))
        except M365Error as error:
            if not self.collect:
                raise
            failed = self._failed(error, len(states))
        finally:
            self._record(pace, len(states), response, answers)
        read = [self._read(answer, state.part) for state, answer in zip(states, answers or failed, strict=True)]
        return self._with_new_token(states, read, token)

    def _take_quota(self, pace: Pace, count: int) -> bool:
        """Wait for the quota; False where the run has ended."""
        while (pause := pace.wait(count, lambda: self.gate.closed)) and not self.gate.closed:
            self.gate.wait_for_quota(self.service.backoff.clock() + pause)
        closed = self.gate.closed
        if closed and not pause:
            pace.held_back(count)
        return not closed

    def _answers(self, response: Response, count: int) -> list[BatchAnswer | None]:
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:
            return [refused_whole(response.headers, response.body)] * count
        redactor = self.service.client.redactor
        return answers_of(response.body, count, self.path, redactor, response.headers.get("Date", ""))

    def _record(self, pace: Pace, count: int, response: Response | None, answers: Sequence[BatchAnswer | None]) -> None:
        """Let the quota and the number of workers follow what the service says of its load."""
        received = [answer for answer in answers if answer is not None]
        statuses = [answer.status for answer in received]
        headers = [*([response.headers] if response else ()), *(answer.headers for answer in received)]
        units = units_of(received) if answers and pace is self.service.reading_pace else None
        refused = statuses.count(HTTPStatus.TOO_MANY_REQUESTS)
        slower = pace.answered(count, refused, max(map(percentage_of, headers), default=0.0), units)
        if response is not None:
            self.service.client.workers.record_response(throttled=slower or HTTPStatus.SERVICE_UNAVAILABLE in statuses)

    def _failed(self, error: M365Error, count: int) -> list[BatchAnswer | None]:
        """The answers to the parts of a batch that failed as a whole; None where the answer was lost."""
        if isinstance(error, (UnknownOutcome, IncompleteAnswer)):
            return [None] * count
        # the next batch would meet the same refusal, and wait for it anew
        self.gate.ended = True
        status = error.status if isinstance(error, ApiError) else 0
        # one that may be repeated was repeated, until the time was over: any of the tries may have got through
        repeated = self.idempotent and isinstance(error, (ServiceUnavailable, Interrupted))
        return [BatchAnswer(status, outcome="unknown" if repeated else "not_sent", error=error)] * count

    def _read(self, answer: BatchAnswer | None, part: BatchPart) -> BatchAnswer:
        if answer is None:
            if not self.collect:
                raise incomplete_batch(f"the batch has no answer to its part {part.name}", self.path)
            return unknown_answer(f"The answer to {part.name} was lost.")
        if answer.may_be_done and not self.idempotent:
            return answer._replace(outcome="unknown", error=unknown_answer(summary_of(answer, part)).error)
        return answer

    def _with_new_token(self, states: Sequence[PartState], answers: list[BatchAnswer], token: str) -> list[BatchAnswer]:
        """Get a new token where a part was refused with 401; the answers, with the failure of signing in."""
        refused = [state.unauthorized(answer) for state, answer in zip(states, answers, strict=True)]
        try:
            if any(refused):
                self.service.renew(token)
        except M365Error as error:
            if not self.collect:
                raise
            self.gate.ended = True
            failed = BatchAnswer(HTTPStatus.UNAUTHORIZED, outcome="not_sent", error=error)
            return [failed if mine else answer for mine, answer in zip(refused, answers, strict=True)]
        return answers


class Batcher:
    """Sends parts in batches, in parallel, until each has an answer.

    ``idempotent``: a part whose answer was lost is sent again; otherwise its outcome is ``unknown``. ``collect``
    (writes): an error of a request around the parts becomes their answers instead of being raised, so that what the
    other batches did is not forgotten. ``on_answers`` gets the final answers of each batch with the places of their
    parts, as soon as they are there, from several threads; if it returns true, batches not sent yet are ``not_sent``.
    ``keep``: what is kept of the body of a part that succeeded, as soon as it is there.
    """

    def __init__(
        self,
        service: Service,
        version: str,
        *,
        idempotent: bool,
        collect: bool = False,
        on_answers: Callable[[Sequence[tuple[int, BatchAnswer]]], bool] | None = None,
        keep: Callable[[Any], Any] | None = None,
    ) -> None:
        self._service = service
        self._gate = _Gate(service)
        self._sender = _Sender(service, self._gate, f"/{version}/$batch", idempotent, collect)
        self._collect = collect
        self._on_answers = on_answers
        self._keep = keep
        self._lock = threading.Lock()
        self._done = 0
        self._total = 0

    def run(self, parts: Sequence[BatchPart]) -> list[BatchAnswer]:
        """The answers, in the order of the parts; unless ``collect``, raises what a request around them met."""
        waiting = [PartState(index, part) for index, part in enumerate(parts)]
        answers: dict[int, BatchAnswer] = {}
        self._total = len(parts)
        self._report(waiting[:1], [])
        while waiting:
            ready, waiting = self._take_due(waiting)
            chunks = [ready[start : start + BATCH_SIZE] for start in range(0, len(ready), BATCH_SIZE)]
            for chunk, received in zip(chunks, self._service.client.parallel(self._send, chunks), strict=True):
                for state, answer in zip(chunk, received, strict=True):
                    final = self._final(state, answer)
                    if final is None:
                        waiting.append(state)
                    else:
                        answers[state.index] = final
        if not self._collect and any(answer.outcome == "not_sent" for answer in answers.values()):
            # the reason why reading was given up, and not the first part that was held back for it
            for index, answer in sorted(answers.items()):
                if answer.temporary:
                    raise_for(answer, parts[index], self._service)
        return [answers[index] for index in range(len(parts))]

    def _take_due(self, waiting: list[PartState]) -> tuple[list[PartState], list[PartState]]:
        """Wait for the next parts; what is due shortly after them goes along, so that fewer requests are sent."""
        last = min(state.due for state in waiting) + _TOGETHER_SECONDS
        ready = [state for state in waiting if state.due <= last]
        due = max(state.due for state in ready)
        self._gate.wait(due)
        self._gate.sleep_until(due)
        return ready, [state for state in waiting if state.due > last]

    def _send(self, chunk: list[PartState]) -> list[BatchAnswer]:
        self._gate.wait()
        answers = self._sender.send(chunk)
        if answers is None:
            return [state.held_back(stopped=self._service.client.stop.requested) for state in chunk]
        self._plan_retries(chunk, answers)
        self._report(chunk, answers)
        if self._keep is not None:
            answers = [answer._replace(body=self._keep(answer.body)) if answer.ok else answer for answer in answers]
        return answers

    def _plan_retries(self, chunk: list[PartState], answers: list[BatchAnswer]) -> None:
        """Note when the parts that were refused for now are due again, and hold back the other batches."""
        now = self._service.backoff.clock()
        if any(answer.ok for answer in answers):
            self._gate.last_success = now
        pairs = list(zip(chunk, answers, strict=True))
        self._service.client.wrote(sum(answer.ok and state.part.writes for state, answer in pairs))
        waits: dict[tuple[str, int], float] = {}
        for state, answer in pairs:
            if state.unauthorized(answer):
                state.due = now
            elif answer.temporary:
                # the same wait for all parts with the same answer: they go together again
                alike = (answer.headers.get("retry-after", ""), state.attempt)
                if alike not in waits:
                    waits[alike] = self._service.retry_after(answer.headers, state.attempt)
                state.retry_at(now + waits[alike], answer)
                if state.throttled:
                    self._gate.hold_back(state)

    def _report(self, chunk: Sequence[PartState], answers: Sequence[BatchAnswer]) -> None:
        """Report the parts that are done; those that are sent again are not."""
        pairs = zip(chunk, answers, strict=False)
        final = [(state.index, answer) for state, answer in pairs if state.is_final(answer)]
        if self._on_answers is not None and final and self._on_answers(final):
            self._gate.ended = True
        with self._lock:
            self._done += len(final)
            if chunk:
                self._service.client.progress(chunk[0].part.phase, self._done, self._total)

    def _final(self, state: PartState, answer: BatchAnswer) -> BatchAnswer | None:
        """The last answer to a part; None where it is sent again."""
        now = self._service.backoff.clock()
        if state.attempt and state.first_refused is None:
            state.first_refused = now  # not sooner: the others went before it
        end = self._gate.end_of(state)
        if state.unauthorized(answer):
            state.token_renewed = True
        elif not answer.temporary or state.due > end:
            return state.last_answer(answer, now, end)
        return state.held_back(stopped=self._service.client.stop.requested) if self._gate.closed else None


def raise_for(answer: BatchAnswer, part: BatchPart, service: Service) -> None:
    """Raise what a part of a read was refused with; return when it succeeded."""
    if answer.ok:
        return
    if answer.error is not None:
        raise answer.error
    path = f"/v1.0{part.url.partition('?')[0]}"
    error = service.refusal(summary_of(answer, part), part.method, path, answer.status, answer.code, answer.request_id)
    error.request = part.name
    raise error
