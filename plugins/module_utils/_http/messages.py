# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request, its answer, and what can go wrong between them, as values. Pure."""

from __future__ import annotations

import email.utils
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote as percent_encode
from urllib.parse import urlencode, urlsplit

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    IncompleteAnswer,
    ServiceUnavailable,
    UnknownOutcome,
    incomplete_answer,
)
from ansible_collections.m365.licensing.plugins.module_utils._common.redaction import Redactor

from .body import error_detail

REDIRECTS = frozenset({301, 302, 303, 307, 308})
THROTTLED = 429
REFUSED_FOR_NOW = frozenset({THROTTLED, 503})
"""Statuses of what was not carried out, and may be later."""
MAY_BE_DONE = frozenset({500, 502, 504})
"""Statuses of what may have been carried out."""
CLOCK_TOLERANCE = timedelta(minutes=1)
"""A clock that differs from the service's by more than this is wrong; less may be the way of an answer."""


class HttpSettings(NamedTuple):
    """Limits of all requests. Times are seconds."""

    timeout: float = 60.0
    """One request, from connecting to the last byte."""
    retry_seconds: float = 300.0
    """How long one call keeps trying."""
    concurrency: int = 4
    ca_path: str | None = None
    validate_certs: bool = True
    max_response_bytes: int = 64 * 2**20


class Response(NamedTuple):
    """A whole answer. ``headers`` ignores case; ``body`` is parsed JSON (None for 202 and 204 without one)."""

    status: int
    headers: Mapping[str, str]
    body: Any = None
    kept: Any = None
    """Of a report: what the caller made of its lines."""


Keep = Callable[[Iterator[str]], Any]


class Call(NamedTuple):
    """One request to be sent, perhaps several times. ``direct`` goes past every proxy."""

    service: str
    method: str
    url: str
    headers: Mapping[str, str] = MappingProxyType({})
    data: bytes | None = None
    idempotent: bool = True
    direct: bool = False
    keep: Keep | None = None
    """What to make of the lines of a text, as they come: it may be large."""
    batch: bool = False
    """Has it parts, each with an answer of its own? Then 429 is an answer too, and the caller records the response."""

    @property
    def name(self) -> str:
        """Method and path, without the query."""
        return f"{self.method} {urlsplit(self.url).path or '/'}"

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.url).netloc


class Raw(NamedTuple):
    """Status, headers and decoded body, not parsed yet."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    kept: Any = None

    @property
    def content_type(self) -> str:
        """The header, or nothing."""
        return self.headers.get("Content-Type", "")


YEARS = range(2020, 2100)
"""Years that a service's clock may show; any other ``Date`` is damaged or forged."""


LONGEST_WAIT = 10.0**15
"""Seconds. No run waits longer, and messages cannot show a larger number."""


class WallClock:
    """The time of day, by the services' clock where this machine's is wrong: the first answer with a date shows it."""

    def __init__(self, read: Callable[[], float] = time.time) -> None:
        self.read = read
        """This machine's clock, in seconds since 1970."""
        self.error: timedelta | None = None
        """How far the services' clock is ahead; None before the first answer."""

    def compare(self, date: str) -> None:
        """Learn from the ``Date`` of an answer. One that no service can mean is ignored."""
        if self.error is not None:
            return
        try:
            theirs = email.utils.parsedate_to_datetime(date)
        except (ValueError, OverflowError):
            return
        if theirs.tzinfo is not None and theirs.year in YEARS:
            self.error = theirs - self._ours()

    @property
    def wrong(self) -> bool:
        """Does this machine's clock differ from the services'?"""
        return self.error is not None and abs(self.error) > CLOCK_TOLERANCE

    def now(self) -> datetime:
        """The time, aware and in UTC."""
        return self._ours() + self.error if self.wrong and self.error is not None else self._ours()

    def _ours(self) -> datetime:
        return datetime.fromtimestamp(self.read(), timezone.utc)


class WaitTimer:
    """Measures the time spent inside ``with``. Several threads at once count once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._inside, self._since, self._before = 0, 0.0, 0.0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._since = self._clock()
            self._inside += 1

    def __exit__(self, *_unused: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._before += self._clock() - self._since

    def seconds(self) -> float:
        """Until now, with a wait that has not ended."""
        with self._lock:
            return self._before + (self._clock() - self._since if self._inside else 0.0)


class Failure(Enum):
    """How one attempt to send a request failed."""

    NOT_SENT = "the service did not receive the request"
    REFUSED = "the service carried out nothing"
    FAILED = "the service may have carried it out"
    LOST = "it was sent, and no answer came"
    BROKEN = "the answer is not whole"

    @property
    def may_have_been_applied(self) -> bool:
        return self in (Failure.FAILED, Failure.LOST, Failure.BROKEN)


class AttemptFailed(Exception):
    """One attempt to send a request failed; another may succeed."""

    def __init__(self, kind: Failure, text: str, status: int = 0, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
        self.status = status
        self.headers = headers or {}
        self.hint = ""
        """What to do, where that differs within a kind."""


def overdue(call: Call, seconds: float, *, sent: bool) -> AttemptFailed:
    """A request that did not end within its limit; ``sent``: whether the service may have seen it."""
    missing = "answer" if sent else f"connection to {call.host}"
    return AttemptFailed(Failure.LOST if sent else Failure.NOT_SENT, f"no {missing} within {seconds:g} s (timeout)")


def with_query(url: str, params: Mapping[str, Any] | None) -> str:
    """Append ``params``, percent-encoded (a blank is %20), to a URL; None values are left out."""
    chosen = {name: value for name, value in (params or {}).items() if value is not None}
    if not chosen:
        return url
    query = urlencode(chosen, quote_via=percent_encode, safe="$")
    return url + ("&" if "?" in url else "?") + query


def incomplete(call: Call, what: str) -> IncompleteAnswer:
    """The error for an answer that is not whole."""
    return incomplete_answer(call.service, f"{call.name}: {what}", request=call.name)


def words(raw: Raw, redactor: Redactor) -> str:
    """A refusal of a service in a few words."""
    code, said, _unused = error_detail(raw.content, raw.headers, redactor)
    return f"HTTP {raw.status} {code}".strip() + (f" ({said})" if said else "")


def unknown(call: Call, failure: AttemptFailed) -> UnknownOutcome:
    """Make the error of a write that may have happened."""
    return UnknownOutcome(
        f"{call.service}: {call.name}: {failure.text}. Whether it was carried out is not known.",
        status=failure.status,
        code="unknown_outcome",
        hint="Read the state back before another try.",
        service=call.service,
        request=call.name,
        request_id=call.headers.get("client-request-id", ""),
    )


def exhausted(
    call: Call, failure: AttemptFailed, tries: int, spent: float, wanted: float, left: float
) -> ServiceUnavailable:
    """Make the error of a call whose time is over; the last three are seconds."""
    text = f"{call.service}: {call.name}: {failure.text}, after {tries} tries in {spent:.0f} s"
    if "retry-after" in {str(name).casefold() for name in failure.headers}:
        text += f"; it asks to wait {wanted:.0f} s, and {left:.0f} s are left"
    hint = "Raise retry_seconds to wait longer."
    if failure.kind is Failure.NOT_SENT:
        hint = failure.hint or f"Check the address, the network and the proxy settings of {call.host}."
    return ServiceUnavailable(
        f"{text}.",
        status=failure.status,
        code=f"http_{failure.status}" if failure.status else "unreachable",
        hint=hint,
        service=call.service,
        request=call.name,
        request_id=call.headers.get("client-request-id", ""),
    )


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """The exception, and all that led to it."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        current = waiting.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]


def untrusted(call: Call, causes: list[BaseException]) -> ServiceUnavailable:
    """Make the error of a certificate that no trusted CA signed."""
    reasons = (cause.verify_message for cause in causes if isinstance(cause, ssl.SSLCertVerificationError))
    reason = next(reasons, "it is another host's")
    return ServiceUnavailable(
        f"{call.service}: the certificate of {call.host} is not trusted ({reason}).",
        code="certificate_not_trusted",
        hint="For a private CA set ca_path to its certificate (M365_CA_PATH).",
        service=call.service,
        request=call.name,
    )
