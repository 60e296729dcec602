# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that never end, at each place where HTTP lets a server continue: their start, and the repeated piece."""

from __future__ import annotations

import asyncio
from typing import Any

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
_CHUNKED = _HEAD + b"transfer-encoding: chunked\r\n\r\n"
_INTERIM = b"HTTP/1.1 %d Wait\r\nx-more: x\r\n\r\n"

KINDS = {
    "drip_status": "the words of the status line never end",
    "drip_header": "a header never ends",
    "drip_headers": "one header comes after the other",
    "drip_interim": "one interim answer (100) comes after the other",
    "drip_hints": "one interim answer (102, 103) comes after the other",
    "drip_chunk_size": "the size of a chunk never ends",
    "drip_chunk_extension": "what follows the size of a chunk never ends",
    "drip_chunks": "chunks of one byte, each with a long extension",
    "drip_trailers": "the body is whole, and one trailer comes after the other",
}
"""Endless answers, with ``seconds`` between two pieces; 0: as fast as the client reads."""
PIECES_MOST = 400
BYTES_MOST = 256 * 2**20
"""The number of pieces after which the server closes, so that a test ends if the client waits forever."""
AHEAD_BYTES = 65536
"""How far the server writes ahead of the client."""


def _endless(kind: str, body: bytes) -> tuple[bytes, bytes]:
    """Return the start of the answer, and the repeated piece."""
    match kind:
        case "drip_status":
            return b"HTTP/1.1 200 ", b"O"
        case "drip_header":
            return _HEAD + b"x-long: ", b"x"
        case "drip_headers":
            return _HEAD, b"x-many: x\r\n"
        case "drip_interim":
            return b"", _INTERIM % 100
        case "drip_hints":
            return b"", _INTERIM % 102 + _INTERIM % 103
        case "drip_chunk_size":
            return _CHUNKED, b"0"
        case "drip_chunk_extension":
            return _CHUNKED + b"%x;x=" % len(body), b"x"
        case "drip_chunks":
            return _CHUNKED + b"%x\r\n%s\r\n" % (len(body), body), b"1;x=" + b"x" * 1000 + b"\r\n \r\n"
        case _:
            return _CHUNKED + b"%x\r\n%s\r\n0\r\n" % (len(body), body), b"x-late: x\r\n"


async def drip(cycle: Any, kind: str, body: bytes, seconds: float) -> int:
    """Send such an answer until the client hangs up; the bytes written. ``cycle``: the server's, of this request."""
    beginning, piece = _endless(kind, body)
    if not seconds:
        piece *= -(-1024 // len(piece))
    transport, written, pieces = cycle.transport, len(beginning), 0
    transport.write(beginning)
    while not cycle.disconnected and written < BYTES_MOST and (pieces < PIECES_MOST or not seconds):
        if transport.get_write_buffer_size() < AHEAD_BYTES:
            transport.write(piece)
            written += len(piece)
            pieces += 1
        await asyncio.sleep(seconds)
    return written


def hints(cycle: Any) -> None:
    """Send some interim answers; the answer may follow."""
    for status in (100, 102, 103):
        cycle.transport.write(_INTERIM % status)
