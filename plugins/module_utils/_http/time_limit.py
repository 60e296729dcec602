# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One limit for one request: from connecting to the last byte of the answer, whatever a server sends in between.

The timeouts of urllib3 hold for each wait of a socket. A server that sends one byte now and then restarts them, and a
server that sends headers, interim answers (1xx) or trailers without end never meets them. Here each wait gets the time
that is left, and bytes that are not content are counted. The classes go in front of those of urllib3, so this file
works with each version of it, with proxies and without.
"""

from __future__ import annotations

import functools
import http.client
import io
import time
from collections.abc import Iterator
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, TypeVar

from .messages import causes_of

Manager = TypeVar("Manager", bound=Any)

FRAMING_MAX = 256 * 1024
"""Bytes of an answer that are not content: the head, sizes of chunks, trailers. Microsoft's answers have a few KiB."""
INTERIM_MAX = 16
"""How many interim answers (1xx) may come before the answer."""


class EndlessError(http.client.HTTPException):
    """An answer has too much that is not content. The message is a part of a sentence about the answer."""


class UnconnectedError(TimeoutError):
    """There was no connection in time, so nothing was sent."""


class Limit:
    """What one request may take. A thread that sends one calls ``begin``; its connection finds the limit by itself."""

    def __init__(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds
        self.sent = False
        """Whether something was sent. When the time is over this does not change any more."""
        self._spare = FRAMING_MAX

    def begin(self) -> None:
        """From now on this is the limit of what the thread sends and receives."""
        _LIMIT.set(self)

    def left(self, most: float | None = None) -> float:
        """The seconds that are left, ``most`` at most. Raises TimeoutError where there are none."""
        left = self.ends - time.monotonic()
        left = left if most is None else min(left, most)
        if left <= 0:
            raise TimeoutError("the time of the request is over")
        return left

    def count_received(self, count: int) -> None:
        """Count bytes that arrived. Raises EndlessError where too many of them are not content."""
        self._spare -= count
        if self._spare < 0:
            raise EndlessError(f"it has more than {FRAMING_MAX} bytes that are not content")

    def count_content(self, count: int) -> None:
        """Count bytes of content: each allows one more byte that is not content."""
        self._spare += 2 * count


_LIMIT: ContextVar[Limit] = ContextVar("limit")


class _Bytes(io.RawIOBase):
    """The bytes of a socket, within the limit, and within the timeout that the socket has now."""

    def __init__(self, raw: Any, sock: Any, limit: Limit, ends: float) -> None:
        self._raw, self._sock, self._limit, self._ends = raw, sock, limit, ends

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._limit.left(self._ends - time.monotonic()))
        count: int | None = self._raw.readinto(buffer)
        self._limit.count_received(count or 0)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer that is read within the limit, and what comes before it."""

    def __init__(self, sock: Any, *args: Any, **more: Any) -> None:
        limit = _LIMIT.get()
        # before a file of the socket is opened, which would stay open where the time is over
        ends = time.monotonic() + limit.left(sock.gettimeout())
        super().__init__(sock, *args, **more)
        self.fp: Any = io.BufferedReader(_Bytes(self.fp.detach(), sock, limit, ends))

    def _read_status(self) -> tuple[str, int, str]:
        """The status line, without interim answers: http.client skips 100 for ever, and takes others for the answer."""
        for _unused in range(INTERIM_MAX + 1):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status >= HTTPStatus.OK:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise EndlessError(f"more than {INTERIM_MAX} interim answers (1xx) came before it")


class _Connection(http.client.HTTPConnection):
    """A connection within the limit of the request that it serves. Goes in front of a class of urllib3."""

    response_class = _Response

    def connect(self) -> None:
        limit = _LIMIT.get()
        try:
            self.timeout = limit.left(self.timeout)
            super().connect()
            limit.left()
        except TimeoutError as error:
            raise UnconnectedError(str(error)) from error

    def send(self, data: Any) -> None:
        if self.sock is None and self.auto_open:
            self.connect()
        limit = _LIMIT.get()
        if self.sock is not None:
            # what an earlier answer left of its time is set on the socket
            self.sock.settimeout(limit.left(self.timeout))
        limit.sent = True
        super().send(data)


def limit_pools(manager: Manager) -> Manager:
    """Let a pool manager of urllib3 make connections that keep the limit; the manager."""
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _limited(pool) for scheme, pool in pools.items()}
    return manager


@functools.cache
def _limited(pool: Any) -> Any:
    if issubclass(pool.ConnectionCls, _Connection):
        return pool
    connection = type(pool.ConnectionCls.__name__, (_Connection, pool.ConnectionCls), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


def pieces(raw: Any) -> Iterator[bytes]:
    """The body of an answer of urllib3 as it arrives, undecoded."""
    if not hasattr(raw, "read1"):  # urllib3 before 2.1
        yield from raw.stream(65536, decode_content=False)
        return
    while piece := raw.read1(65536, decode_content=False):
        yield piece


def why_broken(error: Exception, received: int, seconds: float) -> str:
    """Why a body ended with this error, as a part of a sentence; ``received``: its bytes, ``seconds``: the limit."""
    for cause in causes_of(error):
        if isinstance(cause, EndlessError):
            return str(cause)
        if isinstance(cause, TimeoutError):
            return f"it was not complete after {seconds:g} s (timeout)"
    return f"the connection broke after {received} bytes ({type(error).__name__})"
