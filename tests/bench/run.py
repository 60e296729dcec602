# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and time of two audits and of licensing 1,000 users, next to bare loops that do the same (``make bench``).

Each contestant is a process of its own, measured from its start to its end; the simulated tenant is another one, on
this machine: without the way to a real tenant every request costs only what client and server make of it. Seconds are
for comparing within one run. What is held to is the number of requests: over its budget the bench fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".venv" / "collections"
MODULES = "ansible_collections.m365.licensing.plugins.modules"
MAILBOXES, AT_RISK, USERS = 20_000, 200, 1_000
SKU = "EMS"
BUDGETS = {"audit, filtered": 20, "audit, full": 60, f"license {USERS:,} users": 80}
SELECT = "id,userPrincipalName,usageLocation,licenseAssignmentStates,assignedPlans"
"""What the bare loop reads of a user before and after a write."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """One contestant's run: HTTP requests, bytes that the tenant sent, seconds, and what the process printed."""

    requests: int
    bytes: int
    seconds: float
    printed: Json
    log: Sequence[Json]


class Tenant:
    """A tenant in a process of its own, by its control API."""

    def __init__(self, info: dict[str, str]) -> None:
        self.info = info
        self._tls = ssl.create_default_context(cafile=info["ca_path"])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the control API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.info["control_url"] + path, data, method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, context=self._tls) as answer:  # noqa: S310 - as above
            text = answer.read()
        return json.loads(text) if text else None

    def measure(self, command: Sequence[str], job: Json) -> Measured:
        """Run a command that reads ``job`` and prints JSON. Raises RuntimeError where it fails."""
        self.control("DELETE", "/requests")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("M365_", "AZURE_"))}
        own = {f"M365_{name.upper()}": value for name, value in self.info.items()}
        environment = {**kept, **own, "PYTHONPATH": str(COLLECTIONS)}
        started = time.perf_counter()
        done = subprocess.run(  # noqa: S603 - our own commands
            [sys.executable, *command],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        seconds = time.perf_counter() - started
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        log: list[Json] = self.control("GET", "/requests")
        return Measured(len(log), sum(entry["bytes"] for entry in log), seconds, json.loads(done.stdout), log)

    def module(self, name: str, **arguments: Any) -> Measured:
        """Run a module as Ansible runs it."""
        return self.measure(["-m", f"{MODULES}.{name}"], {"ANSIBLE_MODULE_ARGS": arguments})

    def bare(self, calls: Sequence[Json]) -> Measured:
        """Run the bare loop."""
        return self.measure([str(Path(__file__).with_name("bare.py"))], {"info": self.info, "calls": calls})


@contextlib.contextmanager
def tenant(mailboxes: int, at_risk: int) -> Iterator[Tenant]:
    """A tenant for as long as the block runs."""
    program = str(ROOT / "tests" / "tenant" / "run")
    command = [program, "--mailboxes", str(mailboxes), "--at-risk", str(at_risk), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError("the tenant did not start")
            yield Tenant(json.loads(line))
        finally:
            process.terminate()


def audits() -> Iterator[tuple[str, Measured, Measured]]:
    """Both strategies: name, module, bare loop."""
    with tenant(MAILBOXES, AT_RISK) as found:
        for strategy in ("filtered", "full"):
            module = found.module("exo_unlicensed_mailbox_info", strategy=strategy, shared_mailbox_sizes="never")
            if module.printed["summary"]["at_risk"] != AT_RISK:
                raise RuntimeError(f"strategy {strategy} found {module.printed['summary']['at_risk']} of {AT_RISK}")
            yield f"audit, {strategy}", module, found.bare(replay(module.log))


def replay(log: Sequence[Json]) -> list[Json]:
    """The reads of a module, each batch taken apart; later pages are left out, as the loop follows the links."""
    calls: list[Json] = []
    for entry in log:
        query = entry["query"]
        if entry["service"] == "login" or "$skiptoken" in query:
            continue
        call: Json = {"service": entry["service"], "method": entry["method"], "path": entry["path"], "query": query}
        if entry["service"] == "exchange":
            call["json"] = {"CmdletInput": {"CmdletName": entry["cmdlet"], "Parameters": entry["parameters"]}}
            anchor = "APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@" + entry["path"].split("/")[3]
            call["headers"] = {"X-AnchorMailbox": anchor, "Prefer": "odata.maxpagesize=1000"}
        elif "$count" in query:
            call["headers"] = {"ConsistencyLevel": "eventual"}
            call["first_page"] = query.get("$top") == "1"  # only the number is asked for
        if "parts" not in entry:
            calls.append(call)
        for part in entry.get("parts", ()):
            url = urlsplit(part["url"])
            path = entry["path"].removesuffix("/$batch") + url.path
            calls.append({**call, "method": part["method"], "path": path, "query": dict(parse_qsl(url.query))})
    return calls


def licensing() -> tuple[str, Measured, Measured]:
    """1,000 users each: name, module, bare loop."""
    with tenant(3 * USERS, 0) as found:
        people = [
            user
            for user in found.control("GET", "/state?all=true")["users"]
            if user["usageLocation"] and user["userType"] == "Member" and not user["assignedLicenses"][1:]
        ][: 2 * USERS]
        if len(people) < 2 * USERS:
            raise RuntimeError(f"the tenant has {len(people)} users to license, expected {2 * USERS}")
        skus = {sku["skuPartNumber"]: sku for sku in found.control("GET", "/state")["skus"]}
        seats = {**skus[SKU]["prepaidUnits"], "enabled": skus[SKU]["consumedUnits"] + 2 * USERS}
        found.control("PATCH", "/state", {"skus": {SKU: {"prepaidUnits": seats}}})
        mine, theirs = people[:USERS], people[USERS:]
        module = found.module(
            "m365_user_license", users=[user["userPrincipalName"] for user in mine], licenses=[{"sku": SKU}]
        )
        if module.printed["summary"]["confirmed"] != USERS:
            raise RuntimeError(f"not all were licensed: {module.printed['summary']}")
        return f"license {USERS:,} users", module, found.bare(writes(theirs, skus[SKU]["skuId"]))


def writes(people: Sequence[Json], sku_id: str) -> list[Json]:
    """Read the SKUs; then read, license and read back each user."""
    body = {"addLicenses": [{"skuId": sku_id, "disabledPlans": []}], "removeLicenses": []}
    calls: list[Json] = [{"service": "graph", "method": "GET", "path": "/v1.0/subscribedSkus"}]
    for user in people:
        path = f"/v1.0/users/{quote(user['userPrincipalName'], safe='')}"
        read = {"service": "graph", "method": "GET", "path": path, "query": {"$select": SELECT}}
        calls += [read, {"service": "graph", "method": "POST", "path": f"{path}/assignLicense", "json": body}, read]
    return calls


def show(name: str, module: Measured, bare: Measured) -> bool:
    """Print both; whether the module kept to its budget."""
    budget = BUDGETS[name]
    for who, run in (("module", module), ("bare loop", bare)):
        limit = f"{budget:>6}" if who == "module" else " " * 6
        print(f"{name:<20} {who:<10} {run.requests:>8} {limit} {run.bytes / 1e6:>8.1f} {run.seconds:>8.2f}")
    ratios = (module.requests / bare.requests, module.bytes / bare.bytes, module.seconds / bare.seconds)
    requests, size, seconds = (f"{ratio:8.2f}" for ratio in ratios)
    print(f"{'':<20} {'ratio':<10} {requests} {'':>6} {size} {seconds}\n", flush=True)
    return module.requests <= budget


def main() -> int:
    """Measure, print, and fail where a budget is exceeded."""
    print(f"A tenant of {MAILBOXES:,} mailboxes, {AT_RISK} at risk; {USERS:,} users without {SKU}.\n")
    print(f"{'':<20} {'':<10} {'requests':>8} {'budget':>6} {'MB':>8} {'seconds':>8}", flush=True)
    kept = [show(*row) for row in audits()]
    kept.append(show(*licensing()))
    if not all(kept):
        print("\nA budget of requests was exceeded.", file=sys.stderr)
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
