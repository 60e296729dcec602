# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three clients with the same interface; each call is a process that signs in by itself.

The clients are unchanged: Microsoft's names lead to the tenant (``network_namespace.py``), and variables of OpenSSL,
requests and Node make them trust its authority.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tests.simulator.launch import Tenant
from tests.simulator.state import Json

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build" / "clients"
MODULES = BUILD / "node_modules"
PYTHON = BUILD / "venv" / "bin" / "python"
SECONDS = 120.0


class Refused(Exception):
    """A refusal of the service that the client passed on."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(str(error.get("message")))
        self.status, self.code = error.get("status"), error.get("code")
        self.request, self.unknown = error.get("request"), error.get("unknown")


class Client(Protocol):
    """The interface of every client."""

    one_call: bool
    """Whether it can add and remove licenses in one call."""

    def users(self) -> list[Json]:
        """All users with ``id`` and ``userPrincipalName``, page by page."""

    def user(self, user: str) -> Json:
        """One user."""

    def skus(self) -> list[Json]:
        """All SKUs of the tenant."""

    def details(self, user: str) -> list[Json]:
        """``licenseDetails``."""

    def assign(self, user: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """SKUs by their ids. Raises Refused."""


def run(tenant: Tenant, home: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the program of a client with the credentials of the tenant, without settings of this machine."""
    variables = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "NODE_PATH": str(MODULES),
        "NODE_EXTRA_CA_CERTS": str(tenant.ca_path),
        "REQUESTS_CA_BUNDLE": str(tenant.ca_path),
        "SSL_CERT_FILE": str(tenant.ca_path),
        **tenant.env(),
    }
    return subprocess.run(  # noqa: S603 - our own programs
        [str(word) for word in command],
        env=variables,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


class Sdk:
    """A library: a program of this project calls it for each step."""

    one_call = True

    def __init__(self, tenant: Tenant, home: Path, *program: str | Path) -> None:
        self.tenant, self.home, self.program = tenant, home, program

    def step(self, name: str, **wanted: Any) -> Any:
        """Run a step of the program. Raises Refused, or AssertionError with its output if it failed."""
        done = run(self.tenant, self.home, *self.program, name, json.dumps(wanted))
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        if isinstance(found, dict) and "error" in found:
            raise Refused(found["error"])
        return found

    def users(self) -> list[Json]:
        found: list[Json] = self.step("users", top=50)
        return found

    def user(self, user: str) -> Json:
        found: Json = self.step("user", user=user)
        return found

    def skus(self) -> list[Json]:
        found: list[Json] = self.step("skus")
        return found

    def details(self, user: str) -> list[Json]:
        found: list[Json] = self.step("details", user=user)
        return found

    def assign(self, user: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        wanted = [{"skuId": sku, "disabledPlans": []} for sku in add]
        self.step("assign", user=user, add=wanted, remove=[*remove])


class Cli:
    """CLI for Microsoft 365, which signs in once and keeps tokens in its home directory."""

    one_call = False

    def __init__(self, tenant: Tenant, home: Path) -> None:
        self.tenant, self.home = tenant, home
        known = tenant.info
        secret = ("--secret", known["client_secret"])
        self.m365(
            "login", "--authType", "secret", "--appId", known["client_id"], "--tenant", known["tenant_id"], *secret
        )

    def m365(self, *words: str) -> Any:
        """Run one command; return its JSON. Raises Refused."""
        done = run(self.tenant, self.home, "node", MODULES / ".bin" / "m365", *words, "--output", "json")
        if done.returncode:
            said = done.stderr or done.stdout
            assert said.lstrip().startswith(("Error:", "{")), said
            raise Refused({"message": json.loads(said)["error"] if said.lstrip().startswith("{") else said})
        return json.loads(done.stdout) if done.stdout.strip() else None

    def users(self) -> list[Json]:
        found: list[Json] = self.m365("entra", "user", "list", "--properties", "id,userPrincipalName")
        return found

    def user(self, user: str) -> Json:
        found: Json = self.m365("entra", "user", "get", "--id", user)
        return found

    def skus(self) -> list[Json]:
        found: list[Json] = self.m365("entra", "license", "list")
        return found

    def details(self, user: str) -> list[Json]:
        found: list[Json] = self.m365("entra", "user", "license", "list", "--userId", user)
        return found

    def assign(self, user: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        # Removed first: a license that conflicts with one which is still held is refused.
        if remove:
            self.m365("entra", "user", "license", "remove", "--userId", user, "--ids", ",".join(remove), "--force")
        if add:
            self.m365("entra", "user", "license", "add", "--userId", user, "--ids", ",".join(add))


def make(name: str, tenant: Tenant, home: Path) -> Client:
    """Return a client by its name in the registry."""
    if name == "msgraph-sdk":
        return Sdk(tenant, home, PYTHON, HERE / "msgraph_sdk_client.py")
    if name == "microsoft-graph-client":
        return Sdk(tenant, home, "node", HERE / "graph_client.cjs")
    return Cli(tenant, home)


NAMES = ("msgraph-sdk", "microsoft-graph-client", "cli-microsoft365")
