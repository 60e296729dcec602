# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service behind one origin: tokens, links, refusals. Sends by the client of ``client.py``."""

from __future__ import annotations

import json as jsonlib
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from ansible_collections.m365.licensing.plugins.module_utils._common.errors import (
    ApiError,
    ConfigurationError,
    IncompleteAnswer,
    M365Error,
    NotFound,
    PermissionDenied,
    ServiceUnavailable,
    incomplete_answer,
)

from .body import error_detail, parse_json, raise_if_beyond_64_bits
from .messages import (
    MAY_BE_DONE,
    REDIRECTS,
    REFUSED_FOR_NOW,
    THROTTLED,
    Call,
    Keep,
    Raw,
    Response,
    incomplete,
    with_query,
)
from .quota import READ_QUOTA, READ_SECONDS, Pace
from .rate_limit import Allowance

if TYPE_CHECKING:
    from .client import HttpClient


class Service:
    """One service behind one origin: Graph, or the Exchange admin API."""

    def __init__(
        self,
        client: HttpClient,
        name: str,
        base_url: str,
        token: Callable[[bool], str],
        consent: Callable[[str, str], str],
    ) -> None:
        if urlsplit(base_url).scheme != "https":
            raise ConfigurationError(f"The address of {name} must begin with https://; found {base_url!r}.")
        self.client = client
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.consent = consent
        self.backoff = client.backoff
        self.pace = Pace(client.backoff.now)
        self.reading_pace = Pace(client.backoff.now, READ_QUOTA, READ_SECONDS)
        self.allowance = Allowance(client.backoff.now)
        self._token = token
        self._token_lock = threading.Lock()
        self._no_token: tuple[float, M365Error] | None = None

    def retry_after(self, headers: Mapping[str, str], attempt: int) -> float:
        """Seconds to wait before trying again what was answered with ``headers``; ``attempt`` counts from 0."""
        return self.backoff.seconds(headers, attempt)

    def request(
        self,
        method: str,
        path_or_url: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool,
        keep: Keep | None = None,
        deadline: float | None = None,
        batch: bool = False,
    ) -> Response:
        """Send, and return the whole answer of a 2xx; of a ``batch`` also of 429, where the body is the error.

        ``path_or_url`` begins with ``/``, or is a link of this service, which is followed as it is. ``keep`` is for a
        report: what it makes of the lines is ``kept``. Where it redirects, that is fetched without the token.
        Raises PermissionDenied, NotFound, ServiceUnavailable, UnknownOutcome, IncompleteAnswer, ApiError.
        """
        url = with_query(self._address(method, path_or_url), params)
        end = self.client.deadline() if deadline is None else deadline
        sent = {"Accept": "*/*" if keep else "application/json", "client-request-id": str(uuid.uuid4())}
        data = None
        if json is not None:
            data = jsonlib.dumps(json, allow_nan=False).encode()
            sent["Content-Type"] = "application/json; charset=utf-8"
        sent.update(headers or {})
        if keep is not None:
            keep = self._scrubbed(keep)
        call = Call(self.name, method, url, sent, data, idempotent, keep=keep, batch=batch)
        self._wait_for_allowance(end)
        token = self.token()
        response = self.client.deliver(_authorized(call, token), lambda raw: self._read(call, raw), end)
        if response.status == 401:
            token = self.renew(token)
            response = self.client.deliver(_authorized(call, token), lambda raw: self._read(call, raw), end)
            if response.status == 401:
                raise self._refusal(call, Raw(401, response.headers, response.body))
        if response.status in REDIRECTS:
            return self._follow(call, response, end)
        return response

    def _wait_for_allowance(self, end: float) -> None:
        """Wait where the service has said that it takes no more requests until a moment before ``end``."""
        seconds = self.allowance.take()
        if 0 < seconds <= end - self.backoff.clock():
            with self.client.throttle_timer:
                self.backoff.sleep(seconds)

    def _address(self, method: str, path_or_url: str) -> str:
        """The absolute URL; a link that leads elsewhere is an error, for the token would go there, too."""
        if path_or_url.startswith("/"):
            return self.base_url + path_or_url
        found = _origin(path_or_url)
        if found != _origin(self.base_url):
            foreign = f"{found[0]}://{found[1]}:{found[2]}" if found else "an address that is not a service's"
            what = f"a link leads to {self.client.redactor.words(foreign)} instead of {self.base_url}"
            raise incomplete_answer(self.name, f"{what}. It is not followed", code="foreign_link", request=method)
        return path_or_url

    def token(self) -> str:
        """The token that requests are sent with now."""
        return self._token(False)

    def renew(self, stale: str) -> str:
        """A new token; where another thread got one meanwhile, that one, and where it failed, its failure."""
        asked = self.backoff.clock()
        with self._token_lock:
            if self._no_token is not None and self._no_token[0] >= asked:
                raise self._no_token[1]
            try:
                current = self._token(False)
                return current if current != stale else self._token(True)
            except M365Error as error:
                self._no_token = (self.backoff.clock(), error)
                raise

    def _scrubbed(self, keep: Keep) -> Keep:
        def kept(lines: Iterator[str]) -> Any:
            return keep(self.client.redactor.scrub(line, line.encode()) for line in lines)

        return kept

    def _read(self, call: Call, raw: Raw) -> Response:
        self.allowance.learn(raw.headers)
        if raw.status == 401:
            return Response(401, raw.headers, raw.content)
        if raw.status == THROTTLED:
            return Response(raw.status, raw.headers, self._refusal(call, raw))
        if raw.status in REDIRECTS:
            if call.keep is None:
                target = _origin(_location(call, raw.headers))
                place = self.client.redactor.words(target[1]) if target else "an unnamed place"
                raise incomplete(call, f"it redirects to {place} ({raw.status}), which is not followed")
            return Response(raw.status, raw.headers)
        if not 200 <= raw.status < 300:
            raise self._refusal(call, raw)
        if call.keep is not None:
            return Response(raw.status, raw.headers, kept=raw.kept)
        if raw.status in (202, 204) and not raw.content:
            return Response(raw.status, raw.headers)
        body = parse_json(raw.content, raw.content_type)
        return Response(raw.status, raw.headers, self.client.redactor.scrub(body, raw.content))

    def _follow(self, call: Call, response: Response, end: float) -> Response:
        """Fetch what a report's redirect names: once, by https, without the token."""
        target = _location(call, response.headers)
        origin = _origin(target)
        if origin is None or origin[0] != "https" or target == call.url:
            raise incomplete(call, "it redirects to no https address")
        further = Call(f"{self.name} (download)", "GET", target, {"Accept": "*/*"}, keep=call.keep)

        def read(raw: Raw) -> Response:
            if raw.status != 200:
                place = self.client.redactor.words(further.host)
                raise incomplete(call, f"its report could not be fetched from {place} (HTTP {raw.status})")
            return Response(raw.status, raw.headers, kept=raw.kept)

        return self.client.deliver(further, read, end)

    def _refusal(self, call: Call, raw: Raw) -> ApiError:
        code, said, request_id = error_detail(raw.content, raw.headers, self.client.redactor)
        words = f"{raw.status} {code}".strip() + (f": {said}" if said else "")
        message = f"{self.name}: {call.name} was answered with {words}"
        request_id = request_id or call.headers.get("client-request-id", "")
        return self.refusal(
            message, call.method, urlsplit(call.url).path, raw.status, code or f"http_{raw.status}", request_id
        )

    def refusal(self, message: str, method: str, path: str, status: int, code: str, request_id: str) -> ApiError:
        """The error for a status of 400 or more, of a request or of a part of a batch."""
        kind, hint = ApiError, ""
        if status in (401, 403):
            kind, hint = PermissionDenied, self.consent(method, path)
        elif status in (404, 410):
            kind = NotFound
        elif status in REFUSED_FOR_NOW | MAY_BE_DONE:
            kind, hint = ServiceUnavailable, "Raise retry_seconds to wait longer."
        return kind(
            message,
            status=status,
            code=code,
            hint=hint,
            service=self.name,
            request=f"{method} {path or '/'}",
            request_id=request_id,
        )


def _authorized(call: Call, token: str) -> Call:
    return call._replace(headers={**call.headers, "Authorization": f"Bearer {token}"})


def _location(call: Call, headers: Mapping[str, str]) -> str:
    """Where a redirect leads; empty where that is not an address."""
    try:
        return urljoin(call.url, headers.get("Location", ""))
    except ValueError:
        return ""


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port, or None for what two parsers could read in two ways."""
    if any(character in url for character in "\\ \t\r\n"):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        return None
    if parts.username is not None or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port


class MsalResponse(NamedTuple):
    """What MSAL wants to see of an answer."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """Raise ApiError for an error that MSAL does not understand."""
        if self.status_code >= 400:
            raise ApiError(f"HTTP {self.status_code}", status=self.status_code)


class MsalHttp:
    """MSAL's view of the client. Asking for a token changes nothing, so every request may be repeated."""

    def __init__(self, client: HttpClient, service: str, *, direct: bool) -> None:
        self._client = client
        self._service = service
        self._direct = direct
        self._home: tuple[str, str, int] | None = None
        self.refusal = ""
        """What the last refusal said: MSAL keeps it to itself where it asked for a tenant's endpoints."""

    def get(self, url: str, params: Any = None, headers: Any = None, **_ignored: object) -> MsalResponse:
        """GET, as MSAL calls it."""
        return self._send("GET", with_query(url, params), headers, None)

    def post(
        self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_ignored: object
    ) -> MsalResponse:
        """POST a form, as MSAL calls it."""
        body = data if isinstance(data, (str, bytes)) else urlencode(dict(data or {}))
        form = {"Content-Type": "application/x-www-form-urlencoded", **dict(headers or {})}
        return self._send("POST", with_query(url, params), form, body.encode() if isinstance(body, str) else body)

    def close(self) -> None:
        """Leave the client open; it is not MSAL's."""

    def _send(self, method: str, url: str, headers: Any, data: bytes | None) -> MsalResponse:
        call = Call(self._service, method, url, dict(headers or {}), data, direct=self._direct)
        # MSAL first asks the host that options name, and then sends the secret wherever its answer says.
        self._home = self._home or _origin(url)
        if _origin(url) != self._home or self._home is None:
            raise self._foreign_origin(call)

        def read(raw: Raw) -> MsalResponse:
            if raw.status in REDIRECTS:
                raise incomplete(call, f"it redirects ({raw.status}); a secret is never sent after a redirect")
            if raw.status >= 400:
                self.refusal = error_detail(raw.content, raw.headers, self._client.redactor)[1]
            raise_if_beyond_64_bits(raw.content)
            return MsalResponse(raw.status, raw.content.decode("utf-8", "replace"), raw.headers)

        return self._client.deliver(call, read)

    def _foreign_origin(self, call: Call) -> IncompleteAnswer:
        home = f"{self._home[0]}://{self._home[1]}:{self._home[2]}" if self._home else "a host"
        place = self._client.redactor.words(call.host)
        return incomplete_answer(
            self._service,
            f"{home} leads to another address ({place}). No secret is sent there",
            request=call.name,
            code="foreign_link",
            hint="Check login_url, and whether the tenant is in the cloud that the option cloud names.",
        )
