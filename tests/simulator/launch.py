# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start a tenant: in a thread of this process for tests, or by itself (``run``)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import trustme
import uvicorn

from tests.simulator.app import application
from tests.simulator.generate import generate
from tests.simulator.listeners import Listener, listening, watch
from tests.simulator.state import Json, World
from tests.simulator.switches import Switches

HOST = "127.0.0.1"
PLAIN = frozenset({"identity"})
"""Hosts without TLS: the managed identity endpoint is local to a machine."""
SERVICES = ("login", "graph", "exchange", "control", "reports", "identity")
REAL_NAMES = {
    "login": ("login.microsoftonline.com", "127.0.0.2"),
    "graph": ("graph.microsoft.com", "127.0.0.3"),
    "exchange": ("outlook.office365.com", "127.0.0.4"),
}
"""Microsoft's names of the services, and where a tenant that bears them listens (on 443): a machine, or a namespace of
it, on which these names mean these addresses takes the tenant for Microsoft's."""
REAL_PORT = 443
START_SECONDS = 30.0


class Tenant:
    """A running tenant and its API; ``world`` is for tests in the same process."""

    def __init__(self, world: World, ca_path: Path) -> None:
        self.world = world
        self.ca_path = ca_path
        self._tls = ssl.create_default_context(cafile=str(ca_path))

    @property
    def info(self) -> dict[str, str]:
        """Return the settings for clients: the line that ``run`` prints."""
        origins, app = self.world.origins, self.world.app
        return {
            "login_url": origins["login"],
            "graph_url": origins["graph"],
            "exchange_url": origins["exchange"],
            "control_url": origins["control"],
            "ca_path": str(self.ca_path),
            "tenant_id": self.world.tenant_id,
            "client_id": app.client_id,
            "client_secret": app.client_secret,
        }

    def env(self) -> dict[str, str]:
        """The same as environment variables: ``M365_*``."""
        return {f"M365_{name.upper()}": value for name, value in self.info.items()}

    def requests(self) -> list[Json]:
        """The requests since the start or the last ``clear_requests``, those to the control API left out."""
        found: list[Json] = self._control("GET", "/requests")
        return found

    def clear_requests(self) -> None:
        """Empty the log."""
        self._control("DELETE", "/requests")

    def state(self, user: str | None = None) -> Json:
        """The tenant, or one user (id or userPrincipalName) with its mailboxes."""
        found: Json = self._control("GET", f"/state?{urllib.parse.urlencode({'user': user})}" if user else "/state")
        return found

    def patch_state(self, body: Json) -> None:
        """Change the tenant as ``PATCH /state`` does. Raises ValueError and changes nothing."""
        self._control("PATCH", "/state", body)

    def set_faults(self, *faults: Json) -> None:
        """Replace all faults by these."""
        self._control("PUT", "/faults", list(faults))

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._control("DELETE", "/faults")

    def truth(self) -> Json:
        """Return what the generator planted."""
        return self.world.truth

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - our own address
            self.world.origins["control"] + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, context=self._tls) as answer:  # noqa: S310 - as above
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ValueError(json.loads(error.read())["error"]) from error
        return json.loads(text) if text else None


class Server:
    """All hosts of one world, served by one thread. Use as a context manager.

    ``real_names``: login, Graph and Exchange bear Microsoft's names (``REAL_NAMES``), for clients that know no others.
    """

    def __init__(self, world: World, port: int = 0, *, real_names: bool = False) -> None:
        self.world, self._port, self._real_names = world, port, real_names
        self._folder = tempfile.TemporaryDirectory(prefix="m365-tenant-")
        self._servers: list[uvicorn.Server] = []
        self._sockets: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, name="tenant", daemon=True)
        self._start_error: BaseException | None = None
        self._started = threading.Event()

    def __enter__(self) -> Tenant:
        folder = Path(self._folder.name)
        authority = trustme.CA(organization_name="Simulated tenant")
        real = REAL_NAMES if self._real_names else {}
        certificate = authority.issue_cert(HOST, "localhost", *(name for name, _address in real.values()))
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
        for number, service in enumerate(SERVICES):
            name, address = real.get(service, ("", HOST))
            port = REAL_PORT if name else self._port + number if self._port else 0
            listener = listening(address, port)
            self._sockets.append(listener)
            scheme = "http" if service in PLAIN else "https"
            self.world.origins[service] = f"{scheme}://{name or f'{HOST}:{listener.getsockname()[1]}'}"
            config = uvicorn.Config(
                application(self.world, service),
                ssl_certfile=None if service in PLAIN else str(folder / "server.pem"),
                log_level="warning",
                access_log=False,
                lifespan="off",
                date_header=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=1,
            )
            server = _Quiet(config)
            self._servers.append(server)
            if service != "control":
                Listener(self.world, service, server, *listener.getsockname())
            config.load()
            if config.ssl is not None:
                watch(self.world, service, config.ssl, name or HOST)
        self._thread.start()
        if not self._started.wait(START_SECONDS) or self._start_error:
            self.__exit__()
            raise RuntimeError(f"the tenant did not start: {self._start_error or 'too slow'}")
        return Tenant(self.world, folder / "ca.pem")

    def __exit__(self, *_exception: object) -> None:
        for server in self._servers:
            server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(START_SECONDS)
        for listener in self._sockets:
            listener.close()
        self._folder.cleanup()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._start_error = error
            self._started.set()

    async def _serve(self) -> None:
        running = [
            asyncio.create_task(server.serve(sockets=[listener]))
            for server, listener in zip(self._servers, self._sockets, strict=True)
        ]
        while not all(server.started for server in self._servers):
            if any(task.done() for task in running):
                break
            await asyncio.sleep(0.005)
        self._started.set()
        await asyncio.gather(*running)
        # clients that hung up while TLS was agreed on are not known to the servers, and Python 3.10 leaves them open
        for transport in list(getattr(asyncio.get_running_loop(), "_transports", {}).values()):
            transport.abort()
        await asyncio.sleep(0)


class _Quiet(uvicorn.Server):
    """A server that handles no signals; its owner stops it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def running(
    mailboxes: int = 50,
    at_risk: int = 12,
    seed: int = 1,
    *,
    now: datetime | None = None,
    world: World | None = None,
    port: int = 0,
    real_names: bool = False,
    **switches: Any,
) -> Iterator[Tenant]:
    """Run a tenant of this many mailboxes, or ``world``, while the block runs. Switches: see ``state.Switches``."""
    if world is None:
        moment = now or datetime.now(timezone.utc)
        chosen = Switches()
        chosen.update(switches)
        world = generate(mailboxes, at_risk, seed, moment, chosen)
        if now is not None:
            world.set_clock(now)
    with Server(world, port, real_names=real_names) as tenant:
        yield tenant
