# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of connections: a closed port, or an untrusted certificate."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import trustme
import uvicorn

from tests.simulator import faults
from tests.simulator.state import World


def listening(address: str, port: int) -> socket.socket:
    """Return a listening socket."""
    listener = socket.create_server((address, port), backlog=256)
    # asyncio does this for sockets that say they are TCP's, which these do not: each answer would wait 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class Listener:
    """The port of one service, which faults close and open."""

    def __init__(self, world: World, service: str, server: uvicorn.Server, address: str, port: int) -> None:
        self._world, self._service, self._server = world, service, server
        self._address, self._port = address, port
        self._shut = False
        self._opening: asyncio.Task[None] | None = None
        world.listeners.append(self.obey)

    def obey(self) -> None:
        """Open or close the port, in the thread of the servers."""
        refused = faults.connection(self._world, self._service, "refused", use=False)
        if refused and not self._shut:
            for server in self._server.servers:
                server.close()
        elif self._shut and not refused:
            # It listens from here on; the server takes the connections over as soon as it can.
            listener = listening(self._address, self._port)
            self._opening = asyncio.get_running_loop().create_task(self._server.startup([listener]))
        self._shut = refused


def watch(world: World, service: str, context: ssl.SSLContext, host: str) -> None:
    """Present an untrusted certificate while a fault requires it."""
    untrusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA(organization_name="Unknown CA").issue_cert(host).configure_cert(untrusted)

    def choose(connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        if faults.connection(world, service, "untrusted_certificate"):
            connection.context = untrusted

    # The name of the callback speaks of names; it is asked for each handshake, with a name or without.
    context.sni_callback = choose
