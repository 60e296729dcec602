# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module in a process against the tenant of a harness, and return its result, also of a failure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.functional.support.plan_harness import PlanHarness
from tests.simulator.state import Json

MODULES = "ansible_collections.m365.licensing.plugins.modules"
AUDIT, PLAN, LICENSE, INFO = (
    "exo_unlicensed_mailbox_info",
    "m365_license_plan",
    "m365_user_license",
    "m365_user_license_info",
)


def run(env: PlanHarness, name: str, environ: dict[str, str] | None = None, **params: Any) -> Json:
    """The result of a module, whatever becomes of it."""
    done = subprocess.run(  # noqa: S603 - a module of ours
        [sys.executable, "-W", "error", "-m", f"{MODULES}.{name}"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"retry_seconds": 0, **params}}),
        env={
            **env.tenant.env(),
            "PATH": str(Path(sys.executable).parent),
            "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"],
            "M365_CLIENT_SECRET": env.world.app.client_secret,
            **(environ or {}),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    result: Json = json.loads(done.stdout)
    return result
