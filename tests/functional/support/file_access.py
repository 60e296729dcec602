# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and directories that others may read or change, and the options that name them."""

from __future__ import annotations

import errno
import grp
import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.functional.support import processes
from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.state import Json

KEYS = ["time", "phase", "done", "total", "requests", "throttled_seconds"]


AUDIT, PLAN, LICENSE, INFO = (
    "exo_unlicensed_mailbox_info",
    "m365_license_plan",
    "m365_user_license",
    "m365_user_license_info",
)
OTHER = 54321
"""A user who is neither root nor the one that runs the tests."""
LINE = json.dumps(dict.fromkeys(KEYS, 0)) + "\n"


def params_of(module: str, option: str, folder: Path) -> Json:
    """Options that have the module write to a file in the folder, or to a folder."""
    place = folder / "file" if option in ("output_path", "progress_path") else folder
    more: dict[str, Json] = {
        AUDIT: {"shared_mailbox_sizes": "never"},
        PLAN: {"shared_mailbox_sizes": "never", "rules": [EVERYBODY], "mode": "apply"},
        LICENSE: {"users": ["anna@contoso.example"], "licenses": [{"sku": "EXCHANGESTANDARD"}]},
        INFO: {},
    }
    return {**more[module], option: str(place)}


WAYS = [
    (AUDIT, "report_dir"),
    (PLAN, "report_dir"),
    (PLAN, "record_dir"),
    (LICENSE, "record_dir"),
    (INFO, "output_path"),
    (INFO, "progress_path"),
]


def refused(env: PlanHarness, module: str, option: str, folder: Path) -> str:
    """What the module says that refuses the folder before it asks anything."""
    env.tenant.clear_requests()
    result = processes.result(module, params_of(module, option, folder), env.tenant, 1)
    assert result["msg"].startswith(f"{option}: '{folder}"), result["msg"]
    assert result["error"]["code"] == "not_writable"
    assert env.tenant.requests() == []
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    return str(result["msg"])


def a_group() -> int:
    """A group that is neither root's nor the user's own."""
    return next(group.gr_gid for group in grp.getgrall() if group.gr_gid not in (0, os.getgid()))


def warned(env: PlanHarness, module: str, option: str, folder: Path) -> list[str]:
    result = processes.result(module, params_of(module, option, folder), env.tenant)
    return [text for text in result["warnings"] if "can replace what is written there" in text]


def progress(env: PlanHarness, place: Path) -> Any:
    return processes.module(INFO, {"progress_path": str(place)}, env.tenant).end()


READ, ALL = 5, 7


def give(place: Path, *named: tuple[int, int, int], own: int = READ, mask: int = ALL) -> None:
    """Put an access control list on a file or directory: named entries (tag, rights, number) beside the usual ones."""
    nobody = 0xFFFFFFFF
    entries = [(1, ALL, nobody), (4, own, nobody), *named, (16, mask, nobody), (32, READ, nobody)]
    content = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in sorted(entries))
    try:
        os.setxattr(place, "system.posix_acl_access", content)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        pytest.skip("the file system has no access control lists")


USER, GROUP = 2, 8
