# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Libraries that are missing, too old or broken are named at once, with the Python that lacks them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.doc_fragments.auth import ModuleDocFragment
from ansible_collections.m365.licensing.plugins.module_utils._ansible.libraries import REQUIRED

ROOT = Path(__file__).parents[5]
MODULE = "ansible_collections.m365.licensing.plugins.modules.m365_subscription_info"
MISSING = "raise ModuleNotFoundError(\"No module named '{0}'\", name='{0}')\n"


def start(folder: Path, **sources: str) -> dict[str, Any]:
    """Run a module with these libraries in front of the real ones; its result."""
    for name, source in sources.items():
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(source, encoding="utf-8")
    path = os.pathsep.join([str(folder), *([os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else [])])
    done = subprocess.run(  # noqa: S603 - a module of ours
        [sys.executable, "-m", MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {}}),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["failed"]
    return result


OLD = {"requests": "__version__ = '2.25.1'", "urllib3": "__version__ = '1.26.5'", "msal": "__version__ = '1.9.0'"}


def test_all_that_is_too_old_is_named_at_once(tmp_path: Path) -> None:
    result = start(tmp_path, **OLD)
    assert result["error"]["code"] == "libraries"
    assert result["problems"] == [
        f"{name} is {version} ({name}{REQUIRED[name]} is needed)"
        for name, version in (("msal", "1.9.0"), ("requests", "2.25.1"), ("urllib3", "1.26.5"))
    ]
    for text in (*result["problems"], sys.executable, "-m pip install", "'msal>=1.32.0,<2'"):
        assert text in result["msg"]
    assert "login_url" not in result["msg"]


def test_an_old_msal_alone_is_not_blamed_on_the_address(tmp_path: Path) -> None:
    result = start(tmp_path, msal=OLD["msal"])
    assert result["problems"] == ["msal is 1.9.0 (msal>=1.32.0,<2 is needed)"]


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    result = start(tmp_path, **{name: MISSING.format(name) for name in REQUIRED})
    assert result["problems"] == [
        f"{name} is missing ({name}{versions} is needed)" for name, versions in REQUIRED.items()
    ]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (MISSING.format("jwt"), "ModuleNotFoundError: No module named 'jwt'"),
        ("raise AttributeError('module lib has no attribute X509_V_FLAG')", "AttributeError: module lib has no"),
    ],
)
def test_a_library_that_cannot_be_imported_says_why(tmp_path: Path, source: str, reason: str) -> None:
    result = start(tmp_path, msal=source)
    (problem,) = result["problems"]
    assert problem.startswith("msal ")
    assert "missing" not in problem
    assert reason in problem


def test_a_library_without_a_part_that_is_used_says_which(tmp_path: Path) -> None:
    """Its version is fine, and yet it is not the library that the modules know."""
    result = start(tmp_path, urllib3="__version__ = '2.6.0'")
    assert result["error"]["code"] == "libraries"
    assert "urllib3" in result["problems"][0]
    assert "Error: " in result["problems"][0]


def test_what_is_needed_is_what_the_requirements_say() -> None:
    lines = [line for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    assert sorted(lines) == [f"{name}{versions}" for name, versions in sorted(REQUIRED.items())]
    for name, versions in REQUIRED.items():
        least = versions.removeprefix(">=").partition(",")[0]
        assert f"- {name} >= {least}" in ModuleDocFragment.DOCUMENTATION
