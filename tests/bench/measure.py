# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants and programs under test: each is a process, measured from its start to its end.

Seconds are wall time; CPU seconds and peak memory are those of the process and its children. The CPU time of the
tenant is counted separately.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv" / "bin"
PLACE = ROOT / "build" / "bench"
LONG_ROUND = 45
"""A round of this many seconds is the last one."""
MODULES = "ansible_collections.m365.licensing.plugins.modules"
HERE = Path(__file__).resolve().parent

Json = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One run of a program. ``peak`` is in bytes, ``tenant_cpu`` the CPU time of the tenant during the run."""

    seconds: float
    cpu: float
    peak: int
    printed: str
    tenant_cpu: float = 0.0
    log: Sequence[Json] = field(default=(), repr=False)

    @property
    def requests(self) -> int:
        return len(self.log)

    @property
    def json(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.printed)


@dataclass(frozen=True)
class Best:
    """The best of several runs of a program: shortest time, least CPU, highest peak."""

    runs: Sequence[Run]

    @property
    def seconds(self) -> float:
        return min(run.seconds for run in self.runs)

    @property
    def cpu(self) -> float:
        return min(run.cpu for run in self.runs)

    @property
    def peak(self) -> int:
        return max(run.peak for run in self.runs)

    @property
    def requests(self) -> int:
        return max(run.requests for run in self.runs)

    @property
    def tenant_cpu(self) -> float:
        """The CPU time of the tenant in the shortest run."""
        return min(self.runs, key=lambda run: run.seconds).tenant_cpu

    @property
    def last(self) -> Run:
        return self.runs[-1]


def alternate(rounds: int, *programs: Callable[[], Run]) -> list[Best]:
    """Run programs in turn, so that other load on the machine affects all of them equally.

    There is no further round where one takes ``LONG_ROUND`` seconds: chance matters little in so long a time.
    """
    runs: list[list[Run]] = [[] for _program in programs]
    started = time.monotonic()
    for number in range(rounds):
        if number and time.monotonic() - started > LONG_ROUND * number:
            break
        for mine, program in zip(runs, programs, strict=True):
            mine.append(program())
    return [Best(some) for some in runs]


def measure(command: Sequence[str | Path], given: str = "", variables: Mapping[str, str] | None = None) -> Run:
    """Run a command. Raises RuntimeError with the end of its output if it fails."""
    PLACE.mkdir(parents=True, exist_ok=True)
    note, out, err = PLACE / "note", PLACE / "stdout", PLACE / "stderr"
    words = [sys.executable, "-S", "-E", HERE / "sampler.py", note, *command]
    with out.open("wb") as stdout, err.open("wb") as stderr:
        done = subprocess.run(  # noqa: S603 - our own commands
            words, input=given.encode(), stdout=stdout, stderr=stderr, env=dict(variables or os.environ), check=False
        )
    printed = out.read_text("utf-8", "replace")
    if done.returncode:
        text = _message(printed) + err.read_text("utf-8", "replace")[-2000:]
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}: {text}")
    used = json.loads(note.read_text("utf-8"))
    return Run(used["seconds"], used["cpu"], used["peak"], printed)


def _message(printed: str) -> str:
    """Return the message of a failed module, or the end of the output of another program."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return str(json.loads(printed)["msg"])
    return printed[-2000:]


class Tenant:
    """A tenant in another process, used by its control API."""

    def __init__(self, info: dict[str, str], process: int) -> None:
        self.info = info
        self._process = process
        self._tls = ssl.create_default_context(cafile=info["ca_path"])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to the control API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.info["control_url"] + path, data, method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, context=self._tls) as answer:  # noqa: S310 - as above
            text = answer.read()
        return json.loads(text) if text else None

    @contextlib.contextmanager
    def latency(self, milliseconds: int) -> Iterator[None]:
        """Delay each answer while the block runs; delayed answers do not wait for each other."""
        if milliseconds:
            self.control("PUT", "/faults", [{"kind": "slow", "seconds": milliseconds / 1000, "times": None}])
        try:
            yield
        finally:
            self.control("DELETE", "/faults")

    def measure(self, command: Sequence[str | Path], given: str = "", **more: str) -> Run:
        """Run a command with the tenant's variables and no other credentials."""
        self.control("DELETE", "/requests")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("M365_", "AZURE_"))}
        own = {f"M365_{name.upper()}": value for name, value in self.info.items()}
        before = self._cpu()
        run = measure(command, given, {**kept, **own, **more})
        spent = self._cpu() - before
        log: list[Json] = self.control("GET", "/requests")
        return Run(run.seconds, run.cpu, run.peak, run.printed, spent, log)

    def module(self, name: str, *, speed: int = 1, **arguments: Any) -> Run:
        """Run a module as Ansible runs it, from its files; ``speed``: with a fast clock."""
        how = [HERE / "fast_clock.py", str(speed)] if speed != 1 else ["-m"]
        return self.measure([sys.executable, *how, f"{MODULES}.{name}"], json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))

    def baseline(self, calls: Sequence[Json]) -> Run:
        """Run the baseline."""
        return self.measure([sys.executable, HERE / "baseline.py"], json.dumps({"info": self.info, "calls": calls}))

    def _cpu(self) -> float:
        """Return the CPU seconds that the process of the tenant has used."""
        fields = Path(f"/proc/{self._process}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def tenant(mailboxes: int, at_risk: int, *options: str) -> Iterator[Tenant]:
    """Run a tenant while the block runs."""
    program = str(ROOT / "tests" / "simulator" / "run")
    command = [program, "--mailboxes", str(mailboxes), "--at-risk", str(at_risk), "--port", "0"]
    command += ["--set", "indexes=true", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError("the tenant did not start")
            yield Tenant(json.loads(line), process.pid)
        finally:
            process.terminate()
