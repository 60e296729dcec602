# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGTERM always ends a module: while it imports, signs in or reads what drips, and where it hangs in a system call."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.functional.support import processes
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness

PATIENT = {"timeout": 3600.0, "retry_seconds": 3600.0}
"""Nothing but the signal ends a wait."""
ENDED = 128 + signal.SIGTERM
"""The exit status of a module that ends at once."""
STOP = "ansible_collections.m365.licensing.plugins.module_utils._http.interrupt"
PIPE_BYTES = 65536


@pytest.fixture
def audit(env: PlanHarness) -> Iterator[Callable[[], processes.Run]]:
    """Starts an audit; one that did not end is killed."""
    runs: list[processes.Run] = []

    def start() -> processes.Run:
        runs.append(processes.module("exo_unlicensed_mailbox_info", PATIENT, env.tenant))
        return runs[-1]

    yield start
    for run in runs:
        run.kill()


def waiting_bytes(stream: IO[str]) -> int:
    """Bytes in a pipe that nobody has read yet."""
    found: int = struct.unpack("i", fcntl.ioctl(stream.fileno(), termios.FIONREAD, bytes(4)))[0]
    return found


@pytest.mark.parametrize(
    ("service", "kind", "seconds"),
    [
        ("login", "slow", 600),
        ("login", "drip_interim", 0.1),
        ("exchange", "drip_headers", 0.5),
        ("graph", "drip_trailers", 0.1),
    ],
)
def test_while_an_answer_does_not_end(
    env: PlanHarness, audit: Callable[[], processes.Run], service: str, kind: str, seconds: float
) -> None:
    env.at_risk("anna")
    env.tenant.set_faults({"service": service, "kind": kind, "seconds": seconds})
    run = audit()
    processes.until(lambda: env.world.faults[0].hits, "the fault")
    run.send(signal.SIGTERM)
    status, output = run.end()
    assert (status, json.loads(output)["error"]["code"]) == (1, "interrupted"), output
    assert "Traceback" not in output


def test_while_it_imports(tmp_path: Path) -> None:
    (tmp_path / "requests").mkdir()
    slow = f"import pathlib, time\npathlib.Path({str(tmp_path / 'begun')!r}).touch()\ntime.sleep(600)\n"
    (tmp_path / "requests" / "__init__.py").write_text(slow, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), *([os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else [])])
    command = [sys.executable, "-m", f"{processes.MODULES}.m365_subscription_info"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}) as module:  # noqa: S603
        processes.until((tmp_path / "begun").exists, "the import")
        try:
            module.terminate()
            assert module.wait(processes.SECONDS) == -signal.SIGTERM
        finally:
            module.kill()


def test_who_started_it_has_blocked_the_signal(env: PlanHarness, audit: Callable[[], processes.Run]) -> None:
    env.at_risk("anna")
    env.tenant.set_faults({"service": "exchange", "kind": "slow", "seconds": 600})
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        run = audit()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    processes.until(lambda: env.world.faults[0].hits, "the fault")
    run.send(signal.SIGTERM)
    assert run.end()[0] == 1


def test_a_second_signal_ends_a_run_whose_result_is_not_read(
    env: PlanHarness, audit: Callable[[], processes.Run]
) -> None:
    """The pipe is full, so the module waits in the system: it cannot look whether it is told to stop."""
    for number in range(400):
        env.at_risk(f"user{number:03}")
    run = audit()
    assert run.process.stdout is not None
    reader = run.process.stdout
    processes.until(lambda: waiting_bytes(reader) >= PIPE_BYTES, "the result")
    run.send(signal.SIGTERM)
    time.sleep(1.5)
    assert not run.ended
    run.send(signal.SIGTERM)
    processes.until(lambda: run.ended, "the end of the module")
    assert run.end()[0] == ENDED


def test_a_second_one_leaves_the_record(env: PlanHarness, tmp_path: Path) -> None:
    people = [env.at_risk(f"user{number:02}") for number in range(40)]
    env.fault("slow", seconds=600, after_batches=3)
    wish = {"rules": [EVERYBODY], "mode": "apply", "concurrency": 1, "record_dir": str(tmp_path), **PATIENT}
    run = processes.module("m365_license_plan", wish, env.tenant)
    processes.until(lambda: env.world.faults[-1].hits, "the fault")
    run.send(signal.SIGTERM)
    time.sleep(1.2)
    run.send(signal.SIGTERM)
    assert run.end()[0] in (ENDED, 1)
    (record,) = tmp_path.glob("*.record.jsonl")
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    changed = {line["user_principal_name"] for line in lines if line.get("status") == "changed"}
    licensed = {upn for upn in people if env.states(upn)}
    assert changed == licensed
    assert changed


# a process that hangs -------------------------------------------------------------------------------------------------


HANGING = f"""
import os, sys
from {STOP.rpartition(".")[0]} import interrupt
interrupt.END_SECONDS = float(sys.argv[2])
stop = interrupt.Stop()
stop.on_signals()
print("ready", flush=True)
open(sys.argv[1])
print("somebody has opened it", flush=True)
stop.raise_if_requested()
"""


@contextmanager
def hanging(tmp_path: Path, last_seconds: float) -> Iterator[subprocess.Popen[str]]:
    """A process that has taken the signals, and waits for somebody to open the other end of a FIFO."""
    os.mkfifo(tmp_path / "fifo")
    command = [sys.executable, "-c", HANGING, str(tmp_path / "fifo"), str(last_seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as made:  # noqa: S603
        try:
            assert made.stdout is not None
            assert made.stdout.readline() == "ready\n"
            yield made
        finally:
            made.kill()


def test_the_first_one_ends_what_hangs_after_a_while(tmp_path: Path) -> None:
    with hanging(tmp_path, 0.5) as process:
        process.terminate()
        assert process.wait(processes.SECONDS) == ENDED


def test_two_in_a_row_are_one(tmp_path: Path) -> None:
    """A service manager tells all processes of a job, and ansible-playbook passes on what it is told."""
    with hanging(tmp_path, 3600.0) as process:
        process.terminate()
        time.sleep(0.1)
        process.terminate()
        time.sleep(3)
        assert process.poll() is None
        process.terminate()
        assert process.wait(processes.SECONDS) == ENDED


def test_ctrl_c_is_not_impatience(tmp_path: Path) -> None:
    with hanging(tmp_path, 3600.0) as process:
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            process.send_signal(number)
            time.sleep(2)
            assert process.poll() is None
        process.terminate()
        assert process.wait(processes.SECONDS) == ENDED
