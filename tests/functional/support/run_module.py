# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module as Ansible does: a process that reads its options and prints one result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulator.launch import Tenant
from tests.simulator.login import issued

MODULES = "ansible_collections.m365.licensing.plugins.modules"
SKUS, AUDIT = "m365_subscription_info", "exo_unlicensed_mailbox_info"
NAMES = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "XDG_STATE_HOME")


@dataclass(frozen=True)
class Ended:
    """How a module ended; ``output`` is all that it wrote."""

    status: int
    result: dict[str, Any]
    output: str


def start(module: str, params: Mapping[str, Any], environ: Mapping[str, str]) -> Ended:
    """Run a module in a process of its own, with nothing in its environment but ``environ``."""
    kept = {name: os.environ[name] for name in NAMES if name in os.environ}
    done = subprocess.run(  # noqa: S603 - a module of ours
        [sys.executable, "-W", "error", "-m", f"{MODULES}.{module}"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": dict(params)}),
        env={**kept, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = done.stdout + done.stderr
    assert "Traceback" not in output, output
    return Ended(done.returncode, json.loads(done.stdout), output)


def hidden_in(ended: Ended, tenant: Tenant, *more: str) -> bool:
    """Whether the output shows none of the tenant's secrets, and none of ``more``."""
    return not any(secret in ended.output for secret in (tenant.world.app.client_secret, *issued(tenant.world), *more))


def succeeded(ended: Ended) -> dict[str, Any]:
    assert ended.status == 0, ended.output
    return ended.result


def failed(ended: Ended) -> dict[str, Any]:
    assert (ended.status, ended.result["failed"]) == (1, True)
    return ended.result
