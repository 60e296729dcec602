# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration: audit, plan, remediate, remediate again, audit again, on a simulated tenant.

Starts the tenant, which starts this file again with ``--inside``. Ends with 1 where a step did not do what it says.
"""

# ruff: noqa: S603, T201 - it runs what is in this checkout, and talks to people

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "playbooks" / "demo"
OUTPUT = ROOT / "build" / "demo"
TENANT = ("--mailboxes", "60", "--at-risk", "12", "--seed", "7", "--port", "0")
SETTINGS = {
    "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
    "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
    # Nothing is written outside the checkout.
    "ANSIBLE_HOME": str(OUTPUT / "ansible"),
    "ANSIBLE_REMOTE_TMP": str(OUTPUT / "ansible" / "tmp"),
}


@dataclass(frozen=True)
class Step:
    """One run of a playbook. ``changed``: may it change something? ``wrong`` says what else is wrong, or nothing."""

    title: str
    playbook: str
    changed: bool
    wrong: Callable[[], str]
    options: tuple[str, ...] = ()


def report(name: str) -> dict[str, Any]:
    """A report that the step has written."""
    found: dict[str, Any] = json.loads((OUTPUT / name).read_text(encoding="utf-8"))
    return found


def exceptions() -> set[str]:
    """Whom the rules leave alone on purpose."""
    return {row["user_principal_name"] for row in report("contoso.json")["users"] if row["action"] == "ignore"}


def wrong_at_first() -> str:
    """The tenant has something at risk."""
    return "" if report("contoso-audit.json")["mailboxes"] else "nothing is at risk"


def wrong_in_plan() -> str:
    """The rules save everybody but their exceptions."""
    summary = report("contoso.json")["summary"]
    if summary["violations"] or summary["unresolved"]:
        return f"{summary['unresolved']} stay at risk, {len(summary['violations'])} violations"
    return ""


def wrong_in_remediation() -> str:
    """All of the plan was written and read back."""
    summary = report("contoso.json")["summary"]
    return "" if summary["confirmed"] == summary["changes"] > 0 else f"{summary['confirmed']} confirmed"


def wrong_at_last() -> str:
    """Only the exceptions are left."""
    left = {row["user_principal_name"] for row in report("contoso-audit.json")["mailboxes"]}
    return "" if left == exceptions() else f"still at risk: {', '.join(sorted(left - exceptions()))}"


APPLY = ("-e", "license_state_mode=apply")
"""Nothing is written without these words."""

STEPS = (
    Step(
        "Audit: what is about to be lost, and when",
        "audit",
        changed=False,
        wrong=wrong_at_first,
        # The playbook fails where mailboxes are critical; here that is what is to be seen.
        options=("-e", "license_state_fail_on=none"),
    ),
    Step(
        "Plan: what the rules would do, without writing",
        "remediate",
        changed=False,
        wrong=wrong_in_plan,
        options=("-e", "license_state_mode=plan"),
    ),
    Step(
        "Remediate: license by rules, and read back",
        "remediate",
        changed=True,
        wrong=wrong_in_remediation,
        options=APPLY,
    ),
    Step("Remediate again: nothing is left to do", "remediate", changed=False, wrong=wrong_in_plan, options=APPLY),
    Step("Audit again: only the exceptions of the rules are left", "audit", changed=False, wrong=wrong_at_last),
)


def play(step: Step) -> str:
    """Run the step, showing its output. What is wrong with it, or nothing."""
    command = [
        str(ROOT / ".venv" / "bin" / "ansible-playbook"),
        f"m365.licensing.{step.playbook}",
        *("-i", str(DEMO / "inventory.yml"), "-e", "m365_licensing_hosts=m365_tenants"),
        *("-e", f"@{DEMO / 'settings.yml'}", "-e", json.dumps({"license_state_report_dir": str(OUTPUT)})),
        *step.options,
    ]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as child:
        for line in child.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    if child.returncode:
        return f"ansible-playbook ended with {child.returncode}"
    recap = re.search(r"^contoso\s.*changed=(\d+)", "".join(lines), re.MULTILINE)
    if recap is None:
        return "there is no recap"
    if (int(recap[1]) > 0) is not step.changed:
        return f"changed={recap[1]}"
    return step.wrong()


def inside() -> int:
    """Run all steps against the tenant of the environment."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    os.environ.update(SETTINGS)
    for number, step in enumerate(STEPS, 1):
        print(f"\n==> {number}/{len(STEPS)} {step.title}", flush=True)
        problem = play(step)
        if problem:
            print(f"\n==> This step did not behave: {problem}", file=sys.stderr)
            return 1
    print(f"\n==> Done. The reports are in {OUTPUT.relative_to(ROOT)}: contoso.md is for people, *.json for programs.")
    return 0


def main() -> int:
    """Start the tenant with this file as its command, or be that command."""
    if sys.argv[1:] == ["--inside"]:
        return inside()
    print("==> Starting a simulated tenant with 60 mailboxes, 12 of them at risk", flush=True)
    tenant = [str(ROOT / "tests" / "simulator" / "run"), *TENANT, "--quiet", "--", sys.executable, __file__, "--inside"]
    return subprocess.run(tenant, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
