# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends requests, and repeats what can be repeated: the only file that imports requests and urllib3.

Three promises. A token goes to the service it was made for and nowhere else. What can be repeated is repeated until
``retry_seconds`` are over, and a write whose answer is lost is never repeated blindly. An answer is whole, or it is
an error. Messages name method and path; never headers, bodies or query strings.
"""

from __future__ import annotations

import contextlib
import email.utils
import os
import random
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError, Interrupted
from ansible_collections.m365.licensing.plugins.module_utils._common.redaction import Redactor
from ansible_collections.m365.licensing.plugins.module_utils._files.regular import checked_ca

from .body import (
    BrokenBodyError,
    WrongBodyError,
    decoded,
    lines_of,
)
from .interrupt import OverdueError, Stop
from .messages import (
    LONGEST_WAIT,
    MAY_BE_DONE,
    REFUSED_FOR_NOW,
    THROTTLED,
    AttemptFailed,
    Call,
    Failure,
    HttpSettings,
    Raw,
    Response,
    WaitTimer,
    WallClock,
    causes_of,
    exhausted,
    incomplete,
    overdue,
    unknown,
    untrusted,
    words,
)
from .proxies import Proxy, complete, find_proxy, proxy_failure
from .rate_limit import seconds_to_reset
from .service import MsalHttp, Service
from .time_limit import (
    EndlessError,
    Limit,
    UnconnectedError,
    limit_pools,
    pieces,
    why_broken,
)
from .workers import Workers

REQUESTS_IMPORT_ERROR: str | None = None
"""The traceback where requests or urllib3 cannot be used; ``_ansible/libraries.py`` says why."""
try:
    import requests
    import urllib3
    from urllib3.util.retry import RequestHistory, Retry
    from urllib3.util.ssl_match_hostname import CertificateError

    class _Adapter(requests.adapters.HTTPAdapter):
        """Its connections keep the limit of a request."""

        def init_poolmanager(self, *args: Any, **more: Any) -> None:
            super().init_poolmanager(*args, **more)
            limit_pools(self.poolmanager)

        def proxy_manager_for(self, *args: Any, **more: Any) -> Any:
            return limit_pools(super().proxy_manager_for(*args, **more))

except Exception:  # a library that is too old or broken raises anything
    REQUESTS_IMPORT_ERROR = traceback.format_exc()

__all__ = ["Backoff", "HttpClient", "HttpSettings", "MsalHttp", "Response", "Service"]

T = TypeVar("T")
R = TypeVar("R")

USER_AGENT = "ansible-collection-m365.licensing"
CONNECT_SECONDS = 10.0
"""How long to wait for a connection, where ``timeout`` allows that long."""
OVERDUE_SECONDS = 1.0
"""How long to wait for a request whose time is over: it reports its own failure. Looking up a name cannot."""
UNREACHABLE_HOST_SECONDS = 20.0
"""How long to try a host that never answered: most likely its name is misspelt, or a firewall blocks it."""
BACKOFF_MAX = 30.0
BROKEN_TRIES = 4
"""How often an answer may be broken before no whole one is expected."""


class Backoff:
    """How long to wait before the next try. One policy for whole requests and for the parts of a batch."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self.clock = clock
        self.sleep = sleep

    def now(self) -> float:
        """Seconds by the clock."""
        return self.clock()

    def seconds(self, headers: Mapping[str, str], attempt: int) -> float:
        """``Retry-After``, or the end of a spent quota, where the service says one, else exponential with jitter.

        ``attempt`` counts from 0. Throttled answers often have no ``Retry-After`` [throttling-limits].
        """
        asked = _asked_seconds({str(name).casefold(): str(value) for name, value in headers.items()})
        asked = seconds_to_reset(headers) if asked is None else asked
        # no wait at all is believed once: a service that asks for it repeatedly would be overloaded
        if asked is not None and (asked > 0 or attempt == 0):
            return asked
        # urllib3 calculates from a history and starts to wait with the second failure
        history = (RequestHistory(None, None, None, None, None),) * (min(attempt, 10) + 2)
        planned = min(BACKOFF_MAX, Retry(total=None, backoff_factor=0.5, history=history).get_backoff_time())
        return planned * random.uniform(0.5, 1.0)  # noqa: S311 (jitter, no secret)


def _asked_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds that a ``retry-after`` asks for; a date is compared with the service's clock, as ours may be wrong."""
    value = headers.get("retry-after", "").strip()
    try:
        # urllib3 limits any number to six hours: messages would name a wrong wait
        seconds = float(value) if value.isdecimal() else float(Retry(total=None).parse_retry_after(value))
        until, now = email.utils.parsedate_tz(value), email.utils.parsedate_tz(headers.get("date", ""))
        if until is not None and now is not None and not value.isdigit():
            seconds = float(email.utils.mktime_tz(until) - email.utils.mktime_tz(now))
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_WAIT)


class HttpClient:
    """Sends requests, counts them, and repeats what can be repeated. Safe to use from several threads."""

    def __init__(
        self,
        settings: HttpSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        stop: Stop | None = None,
    ) -> None:
        self.settings = settings
        self.stop = stop or Stop()
        self.backoff = Backoff(clock, sleep or self.stop.sleep)
        self.workers = Workers(settings.concurrency, self.stop)
        self.requests = 0
        """HTTP requests sent so far, those for tokens included."""
        self.writes = 0
        """Parts of batches that wrote something, as the service said."""
        self.throttle_timer = WaitTimer(self.backoff.now)
        """Measures the waits (``with``) for a service's quota."""
        self.progress: Callable[[str, int, int | None], object] = lambda _phase, _done, _total: None
        """Called for each page and batch: what it belongs to, how much of that is done, and of how much (if known)."""
        self.wall = WallClock()
        self.redactor = Redactor()
        """Knows the secrets of this run, and keeps them out of what services say."""
        self.ledger: dict[str, str] = {}
        """Users to whom something was written so far: ``changed``, or ``unknown`` where no answer came."""
        self._lock = threading.Lock()
        # A pool of sessions and not one per thread: threads come and go, connections should stay.
        self._idle: list[requests.Session] = []
        self._answered: set[str] = set()
        self._environment_settings: dict[
            tuple[str, bool], Mapping[str, Any]
        ] = {}  # requests would look for them each time
        self._proxies: dict[tuple[str, bool], Proxy | None] = {}
        self._verify: bool | str = settings.validate_certs
        if settings.validate_certs and settings.ca_path:
            self._verify = checked_ca(settings.ca_path)
        if not settings.validate_certs:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def deadline(self) -> float:
        """Until when a call that starts now may keep trying, by the client's clock."""
        return self.backoff.clock() + self.settings.retry_seconds

    @property
    def throttled_seconds(self) -> float:
        """Time spent waiting so far because a service throttled (429), or so that it need not."""
        return self.throttle_timer.seconds()

    def close(self) -> None:
        """Close the connections that are kept open."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    def parallel(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Apply ``function`` to each item, several at a time; the results are in the items' order [Workers.apply]."""
        return self.workers.apply(function, items)

    def deliver(self, call: Call, read: Callable[[Raw], T], deadline: float | None = None) -> T:
        """Send until there is an answer that ``read`` can read: none of 429 (but to a batch) and of most 5xx.

        BrokenBodyError of ``read``: another try. Raises ServiceUnavailable when the time is over, UnknownOutcome at
        once for a write that may have happened, Interrupted, IncompleteAnswer, ConfigurationError.
        """
        started = self.backoff.clock()
        end = self.deadline() if deadline is None else deadline
        attempt, broken, may_have_been_applied = 0, 0, False
        while True:
            self.stop.raise_if_requested()
            try:
                raw = self._answer(call)
                # Of a batch of which an earlier try may have got through, 429 is not the whole answer.
                if not call.batch or may_have_been_applied or raw.status != THROTTLED:
                    self._raise_if_failed(raw)
                if not call.batch:
                    self.workers.record_response(throttled=False)
                return read(raw)
            except WrongBodyError as error:
                raise incomplete(call, f"the answer cannot be used: {self.redactor.words(str(error))}") from None
            except BrokenBodyError as error:
                failure = AttemptFailed(Failure.BROKEN, f"the answer is broken: {self.redactor.words(str(error))}")
            except AttemptFailed as error:
                failure = error
            broken += failure.kind is Failure.BROKEN
            if failure.kind is Failure.REFUSED:
                self.workers.record_response(throttled=True)
            may_have_been_applied = may_have_been_applied or failure.kind.may_have_been_applied
            if not call.idempotent and may_have_been_applied:
                raise unknown(call, failure)
            if broken >= BROKEN_TRIES:
                raise incomplete(call, f"{failure.text}, {broken} times")
            unreachable = failure.kind in (Failure.NOT_SENT, Failure.LOST) and call.host not in self._answered
            last = min(end, started + UNREACHABLE_HOST_SECONDS) if unreachable else end
            self._wait(call, failure, attempt, started, last)
            attempt += 1

    def _wait(self, call: Call, failure: AttemptFailed, attempt: int, started: float, end: float) -> None:
        seconds = self.backoff.seconds(failure.headers, attempt)
        now = self.backoff.clock()
        if now + seconds > end:
            raise exhausted(call, failure, attempt + 1, now - started, seconds, max(0.0, end - now))
        with self.throttle_timer if failure.status == THROTTLED else contextlib.nullcontext():
            self.backoff.sleep(seconds)

    def _answer(self, call: Call) -> Raw:
        limit = Limit(self.settings.timeout)
        try:
            return self.stop.await_answer(lambda: self._send(call, limit), self.settings.timeout + OVERDUE_SECONDS)
        except Interrupted:
            self._count(call, answered=False)
            raise AttemptFailed(Failure.LOST, "the run was stopped before the answer came") from None
        except OverdueError:
            raise overdue(call, self.settings.timeout, sent=limit.sent) from None

    def _send(self, call: Call, limit: Limit) -> Raw:
        """Send once, and read the whole answer."""
        limit.begin()
        session = self._borrow(call.direct)
        whole, content, kept = False, b"", None
        try:
            with self._open(session, call) as response:
                headers = requests.structures.CaseInsensitiveDict(response.headers)
                self.wall.compare(headers.get("Date", ""))
                try:
                    chunks = decoded(
                        self._chunks(response, limit),
                        headers.get("Content-Encoding", ""),
                        self.settings.max_response_bytes,
                    )
                    if call.keep is not None and response.status_code == HTTPStatus.OK:
                        kept = call.keep(lines_of(chunks, headers.get("Content-Type", "")))
                    else:
                        content = b"".join(chunks)
                    whole = True
                except (BrokenBodyError, WrongBodyError):
                    if response.status_code < 400:
                        raise  # but a refusal stays a refusal, whatever became of its text
            return Raw(response.status_code, headers, content, kept)
        finally:
            # A connection with half an answer on it must not serve the next request.
            if whole and not call.direct:
                with self._lock:
                    self._idle.append(session)
            else:
                session.close()

    def _open(self, session: requests.Session, call: Call) -> requests.Response:
        request = requests.Request(call.method, call.url, headers=dict(call.headers), data=call.data)
        try:
            prepared = session.prepare_request(request)
            # As it is: links to further pages are opaque. (urllib3 still writes %2f as %2F, which means the same.)
            prepared.url = call.url
            known = (call.host, call.direct)
            if known not in self._environment_settings:
                found = session.merge_environment_settings(call.url, {}, True, self._verify, None)
                self._proxies[known] = find_proxy(call.url, found["proxies"], os.environ)
                self._environment_settings[known] = {**found, "proxies": complete(found["proxies"])}
            limits = (min(self.settings.timeout, CONNECT_SECONDS), self.settings.timeout)
            response = session.send(
                prepared, timeout=limits, allow_redirects=False, **self._environment_settings[known]
            )
        except requests.RequestException as error:
            failure = self._classify(call, error)
            if failure.kind is not Failure.NOT_SENT:
                self._count(call, answered=False)
            raise failure from None
        except OSError:
            problem = "The file with CA certificates that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names cannot be read."
            raise ConfigurationError(problem, hint="Correct the variable, or set ca_path.") from None
        self._count(call, answered=True)
        return response

    def wrote(self, count: int) -> None:
        """Count writes that were carried out."""
        with self._lock:
            self.writes += count

    def _count(self, call: Call, *, answered: bool) -> None:
        with self._lock:
            self.requests += 1
            if answered:
                self._answered.add(call.host)

    def _borrow(self, direct: bool) -> requests.Session:
        with self._lock:
            if self._idle and not direct:
                return self._idle.pop()
        session = requests.Session()
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Adapter())
        session.headers["User-Agent"] = USER_AGENT
        session.headers["Accept-Encoding"] = "gzip"
        # Without an `auth` of its own, requests would replace our Authorization header by what ~/.netrc has.
        session.auth = lambda request: request
        # Redirects are looked at where their meaning is known; requests would read them even where it follows none.
        session.get_redirect_target = lambda _answer: None  # type: ignore[method-assign, assignment]
        session.trust_env = not direct
        # A cookie would come back on some requests and not on others, as any session may serve any of them.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return session

    def _chunks(self, response: requests.Response, limit: Limit) -> Iterator[bytes]:
        """The body as it comes, undecoded. A body shorter than its Content-Length is broken."""
        received = 0
        try:
            for chunk in pieces(response.raw):
                received += len(chunk)
                limit.count_content(len(chunk))
                yield chunk
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise BrokenBodyError(why_broken(error, received, self.settings.timeout)) from None
        announced = response.headers.get("Content-Length", "")
        if announced.isdecimal() and len(announced) < 19 and received < int(announced):
            raise BrokenBodyError(f"{received} of {announced} bytes arrived")

    def _classify(self, call: Call, error: requests.RequestException) -> AttemptFailed:
        """What an exception of requests means. Its own text is not passed on: it quotes the URL with its query."""
        if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
            raise ConfigurationError(f"{call.service}: {call.host!r} is not a valid host.") from None
        causes = list(causes_of(error))
        proxy = self._proxies.get((call.host, call.direct))
        late = (urllib3.exceptions.ConnectTimeoutError, UnconnectedError)
        unconnected = (urllib3.exceptions.NewConnectionError, *late)
        # also where no trusted CA signed the certificate of the proxy
        proxied = any(isinstance(cause, urllib3.exceptions.ProxyError) for cause in causes)
        if proxy is not None and (proxied or any(isinstance(cause, unconnected) for cause in causes)):
            return proxy_failure(call, proxy, causes)
        # urllib3 before 2.0 compares the names by itself, and has an error of its own for that.
        if any(isinstance(cause, (ssl.SSLCertVerificationError, CertificateError)) for cause in causes):
            raise untrusted(call, causes) from None
        if any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in causes):
            reason = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), "")
            return AttemptFailed(Failure.NOT_SENT, f"no connection to {call.host}" + (f" ({reason})" if reason else ""))
        # After the line above: for urllib3 a refused connection is a kind of timeout, too.
        if any(isinstance(cause, late) for cause in causes):
            return AttemptFailed(Failure.NOT_SENT, f"{call.host} did not accept the connection in time")
        for cause in causes:
            if isinstance(cause, EndlessError):
                return AttemptFailed(Failure.BROKEN, f"the answer is broken: {cause}")
        way = f" by way of the proxy {proxy.address} of {proxy.variable}" if proxy is not None else ""
        if isinstance(error, requests.Timeout):
            return AttemptFailed(Failure.LOST, f"no answer within {self.settings.timeout:g} s (timeout){way}")
        return AttemptFailed(Failure.LOST, f"the connection to {call.host}{way} broke ({type(error).__name__})")

    def _raise_if_failed(self, raw: Raw) -> None:
        if raw.status in REFUSED_FOR_NOW | MAY_BE_DONE:
            kind = Failure.REFUSED if raw.status in REFUSED_FOR_NOW else Failure.FAILED
            raise AttemptFailed(kind, words(raw, self.redactor), raw.status, raw.headers)

    def for_msal(self, service: str = "Microsoft identity platform", *, direct: bool = False) -> MsalHttp:
        """The ``http_client`` for MSAL: same limits, same counters, same retries."""
        return MsalHttp(self, service, direct=direct)
