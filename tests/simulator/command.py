# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the simulated tenant; ``run`` calls it."""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from datetime import datetime
from types import FrameType
from typing import Any

from tests.simulator.launch import Tenant, running
from tests.simulator.state import parse_time

POLL_SECONDS = 0.5


def main(arguments: list[str]) -> int:
    """Start a tenant, print its settings for clients, run the command or wait; return the exit status."""
    own, command = _split(arguments)
    options = _parser().parse_args(own)
    switches: dict[str, Any] = dict(_pair(text) for text in options.set)
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask_to_stop)
    try:
        with running(
            0 if options.empty else options.mailboxes,
            0 if options.empty else options.at_risk,
            options.seed,
            now=options.now,
            port=options.port,
            real_names=options.real_names,
            **switches,
        ) as tenant:
            if options.empty:
                tenant.patch_state({"empty": True})
            gc.collect()
            gc.freeze()  # The tenant is no garbage: do not look through it again and again.
            if not options.quiet:
                print(json.dumps(tenant.info), flush=True)
            return _command(command, tenant, stop) if command else _wait(stop)
    except (ValueError, OSError) as error:
        print(f"tests/simulator/run: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tests/simulator/run",
        description="A simulated Microsoft 365 tenant. Without a command it runs until it is interrupted, or until the "
        "process that started it has ended.",
        usage="%(prog)s [options] [-- COMMAND...]",
    )
    parser.add_argument("--mailboxes", type=int, default=50, help="mailboxes and mail users (50)")
    parser.add_argument("--at-risk", type=int, default=12, help="how many of them are at risk (12)")
    parser.add_argument("--empty", action="store_true", help="an empty tenant, for the control API to build on")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same tenant (1)")
    parser.add_argument("--port", type=int, default=0, help="the first of six ports; 0 takes free ones (0)")
    parser.add_argument(
        "--real-names",
        action="store_true",
        help="login, Graph and Exchange as login.microsoftonline.com and so on, on port 443 of loopback addresses",
    )
    parser.add_argument("--now", type=_time, help="where the tenant's clock starts, such as 2026-06-15T12:00:00Z")
    parser.add_argument("--set", action="append", default=[], metavar="SWITCH=VALUE", help="a switch; see the README")
    parser.add_argument("--quiet", action="store_true", help="do not print the line of JSON")
    return parser


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SystemExit(f"tests/simulator/run: --set {text}: expected SWITCH=VALUE")
    return name, value


def _time(text: str) -> datetime:
    try:
        return parse_time(text)
    except (ValueError, IndexError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: {error}") from None


def _command(command: list[str], tenant: Tenant, stop: threading.Event) -> int:
    """Run it with the variables of the tenant alone; return its exit status as a shell does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("M365_", "AZURE_"))}
    try:
        child = subprocess.Popen(command, env={**kept, **tenant.env()})  # noqa: S603 - what the caller asked for
    except FileNotFoundError:
        print(f"tests/simulator/run: {command[0]}: command not found", file=sys.stderr)
        return 127
    told = False
    while True:
        try:
            status = child.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if stop.is_set() and not told:
                told = True
                child.terminate()
            continue
        return status if status >= 0 else 128 - status


def _wait(stop: threading.Event) -> int:
    parent = os.getppid()
    while not stop.wait(POLL_SECONDS) and os.getppid() == parent:
        pass
    return 0
