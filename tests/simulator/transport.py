# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the transport of a response. No other file uses the internals of the web server."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import struct
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from starlette.types import Receive, Send

from tests.simulator import drips
from tests.simulator.json_bytes import json_bytes
from tests.simulator.state import Answer, Fault, World

DRIPS = 64
"""Pieces in which a body drips."""
_HALF_A_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/js"


class Connection:
    """One connection with one request on it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._send = send
        # Only the server's own cycle, behind ``receive``, knows the connection.
        self._cycle: Any = getattr(receive, "__self__", None)

    def hang_up(self, *, reset: bool = False) -> None:
        """Close the connection without a word; ``reset``: so that the client learns of it as an error."""
        if reset:
            with contextlib.suppress(OSError):
                linger = struct.pack("ii", 1, 0)
                self._cycle.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._cycle.transport.abort()
        self._cycle.response_complete = True
        # Else the server takes the missing answer for a mistake, and tries to send a 500 on the closed connection.
        self._cycle.disconnected = True

    async def pause(self, seconds: float) -> None:
        """Wait; a service goes on with its work although the client has gone."""
        await asyncio.sleep(seconds)

    async def send(self, answer: Answer, world: World, fault: Fault | None = None) -> int:
        """Send an answer, as far as the fault lets it. The bytes sent."""
        kind = fault.kind if fault else ""
        if kind == "reset_head":
            self._cycle.transport.write(_HALF_A_HEAD)
            self.hang_up(reset=True)
            return 0
        body = _bytes(answer.body)
        if fault and kind in drips.KINDS:
            written = await drips.drip(self._cycle, kind, body, fault.seconds)
            self.hang_up()
            return written
        if kind == "hints":
            drips.hints(self._cycle)
        ahead = timedelta(seconds=fault.seconds) if fault and kind == "wrong_clock" else timedelta(0)
        headers = {
            "content-type": "application/json; charset=utf-8",
            "date": format_datetime(world.now() + ahead, usegmt=True),  # the tenant's clock, and not the server's
            **{name.casefold(): value for name, value in answer.headers.items()},
        }
        if kind == "cut_character":
            body = _cut(body)
        elif kind == "cut_gzip":
            body = gzip.compress(body)[:-9]
            headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(body))
        raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": answer.status, "headers": raw})
        if fault and kind == "drip":
            return await self._drip(body, fault.seconds)
        if kind in ("truncate", "reset_body"):
            await self._send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            if kind == "reset_body":
                self.hang_up(reset=True)
            return len(body) // 2  # The server closes the connection, as the rest never comes.
        await self._send({"type": "http.response.body", "body": body})
        return len(body)

    async def _drip(self, body: bytes, seconds: float) -> int:
        size = -(-len(body) // DRIPS) or 1
        for start in range(0, len(body), size):
            await self._send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
            await self.pause(seconds)
            if self._cycle.disconnected:
                return start + size
        await self._send({"type": "http.response.body", "body": b""})
        return len(body)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else json_bytes(body)


def _cut(body: bytes) -> bytes:
    """Up to the first byte of its first character of several; where it has none, with one at its end."""
    place = next((index for index, byte in enumerate(body) if byte >= 0x80), len(body))
    return body[:place] + "ä".encode()[:1]
