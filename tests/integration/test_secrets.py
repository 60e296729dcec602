# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No known secret remains anywhere after runs that succeed and runs that fail."""

from __future__ import annotations

import json
import secrets as chance
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.functional.support.service_clients import clients
from tests.integration.process_snapshot import Watched, left_behind, shows, spellings, spy, watch
from tests.simulator.launch import Tenant, running
from tests.simulator.login import issued
from tests.support.credentials import register
from tests.support.run_playbook import environment

LICENSES = {"licenses": [{"sku": "EXCHANGESTANDARD"}], "usage_location": "DE"}
MASK = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
WAYS: dict[str, dict[str, Any]] = {
    "secret": {"client_secret": "{{ planted.secret }}"},
    "pfx": {"certificate_path": "{{ planted.pfx }}", "certificate_password": "{{ planted.password }}"},
    "federated": {"federated_token_file": "{{ planted.federated }}"},
    "tokens": {"access_tokens": "{{ planted.tokens }}"},
    "wrong secret": {"client_secret": "{{ planted.wrong }}"},
    "wrong password": {"certificate_path": "{{ planted.pfx }}", "certificate_password": "{{ planted.wrong }}"},
}
FAULTS: dict[str, dict[str, Any]] = {
    "tokens": {"status": 403},
    "pfx": {"status": 500},
    "federated": {"kind": "truncate"},
}
"""The faults of the first tasks, one after the other, when they read SKUs."""


def one_by_one() -> dict[str, Any]:
    """A play with a task for each fault and each way of signing in. No loop: Ansible shows the items of those."""
    tasks = [
        {
            "name": way,
            "m365.licensing.m365_subscription_info": {**WAYS[way], "retry_seconds": 0},
            "ignore_errors": True,
        }
        for way in (*FAULTS, *WAYS)
    ]
    return {"hosts": "localhost", "gather_facts": False, "module_defaults": DEFAULTS, "tasks": tasks}


NAMES = ("tenant_id", "client_id", "login_url", "graph_url", "exchange_url", "ca_path")
DEFAULTS = {"group/m365.licensing.m365": {name: f"{{{{ m365_{name} }}}}" for name in NAMES}}
AUDIT = {"import_playbook": "m365.licensing.audit", "vars": {"license_state_fail_on": "none"}}
REMEDIATE: dict[str, Any] = {"import_playbook": "m365.licensing.remediate"}
REFUSED = {
    **REMEDIATE,
    "vars": {"m365_client_secret": "{{ planted.wrong }}", "license_state_rules_file": "{{ planted.plain_rules }}"},
}
"""A run with a wrong secret."""


def rules_with(secret: str) -> list[dict[str, Any]]:
    """Return rules that contain the secret."""
    over = {"action": "ignore", "until": "2001-01-01", "reason": f"They said {secret}"}
    return [{"name": f"Gone {secret}", "match": {}, **over}, {"name": f"All {secret}", "match": {}, **LICENSES}]


def plant(tenant: Tenant, given: Path) -> dict[str, Any]:
    """Secrets of every kind in files that are not searched, and the variables that hold them."""
    given.mkdir()
    planted: dict[str, Any] = {**register(tenant.world, given), "secret": tenant.world.app.client_secret}
    planted["wrong"] = f"wrong-{chance.token_urlsafe(24)}"
    planted["plain_rules"] = str(given / "plain-rules.json")
    (given / "plain-rules.json").write_text(json.dumps(rules_with("nothing")), encoding="utf-8")
    info = {f"m365_{name}": value for name, value in tenant.info.items() if name != "control_url"}
    variables = {
        **info,
        "m365_client_secret": tenant.world.app.client_secret,
        "planted": planted,
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "license_state_rules_file": str(given / "rules.json"),
        "license_state_report_dir": str(given.parent / "reports"),
        "license_state_max_changes": "100%",
        "license_state_mode": "apply",
        "license_state_progress_path": str(given.parent / "progress"),
    }
    planted["tokens"] = ready_tokens(tenant)
    (given / "rules.json").write_text(json.dumps(rules_with(planted["secret"])), encoding="utf-8")
    (given / "inventory.json").write_text(
        json.dumps({"all": {"hosts": {"localhost": variables}}}, ensure_ascii=False), encoding="utf-8"
    )
    return planted


def ready_tokens(tenant: Tenant) -> dict[str, str]:
    """Return tokens of another person."""
    with clients(tenant) as services:
        services.graph.subscribed_skus()
    return {"graph": issued(tenant.world)[-1]}


def searched(planted: dict[str, Any], tenant: Tenant) -> dict[str, str]:
    """Return secrets that must not remain, by name."""
    key = Path(planted["pem"]).read_text(encoding="ascii").splitlines()
    found = {name: planted[name] for name in ("secret", "password", "wrong")}
    found |= {f"line {number} of the key": line for number, line in enumerate(key) if 0 < number < 25}
    found["federated token"] = Path(planted["federated"]).read_text(encoding="ascii")
    for number, token in enumerate(issued(tenant.world)):
        found[f"token {number}"] = token
        found[f"signature of token {number}"] = token.rpartition(".")[2]
    return found


def run(folder: Path, plays: list[dict[str, Any]], log: str, *arguments: str) -> Watched:
    """Run with the highest verbosity and without pipelining, so that options are written to files."""
    (folder / "tmp").mkdir()
    (folder / "play.yml").write_text(json.dumps(plays), encoding="utf-8")
    variables = environment(folder) | spy(log, folder)
    variables |= {"ANSIBLE_PIPELINING": "0", "TMPDIR": str(folder / "tmp"), "ANSIBLE_LOG_PATH": str(folder / "log")}
    # From 2.21 on, it has to be asked for the arguments of a module.
    variables |= {"ANSIBLE_INJECT_INVOCATION": "1"}
    # Ansible looks up the user's home by itself, whatever HOME says.
    variables |= {"ANSIBLE_REMOTE_TMP": str(folder / "remote")}
    inventory = str(folder / "given" / "inventory.json")
    return watch(["ansible-playbook", "-vvvv", "-i", inventory, *arguments, "play.yml"], folder, variables)


CASES = {
    "every way and fault": ([one_by_one(), AUDIT, REMEDIATE], "journal", ("--diff",)),
    "check mode": ([REMEDIATE, REFUSED], "syslog", ("--check", "--diff")),
}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows its processes in /proc")
@pytest.mark.parametrize("case", CASES)
def test_no_secret_is_left_anywhere(case: str, tmp_path: Path) -> None:
    plays, log, arguments = CASES[case]
    with running(mailboxes=12, at_risk=4) as tenant:
        planted = plant(tenant, tmp_path / "given")
        tenant.set_faults(*({"service": "graph", "path": "/subscribedSkus", **fault} for fault in FAULTS.values()))
        if case == "check mode":
            tenant.clear_faults()
        before = len(issued(tenant.world))
        played = run(tmp_path, plays, log, *arguments)
        secrets = searched(planted, tenant)
        assert len(issued(tenant.world)) > before
    left = left_behind(tmp_path, [tmp_path / "given"])
    assert shows(played.output.encode(), secrets) == []
    assert {name: found for name, data in left.items() if (found := shows(data, secrets))} == {}
    assert [found for data in played.commands if (found := shows(data, secrets))] == []
    assert [found for data in played.environments if (found := shows(data, secrets))] == []
    remains = [name for name in left if name.startswith(("tmp/", "remote/", "ansible/tmp/"))]
    assert remains == [], "temporary files are left"
    # And the run did what it is meant to show: it talked, it failed where it should, it logged and left files.
    assert MASK in played.output
    assert "AADSTS7000215" in played.output
    assert not [line for line in played.output.splitlines() if "Traceback" in line], played.output[-5000:]
    assert b"Invoked with" in left["logged"]
    assert len(played.commands) > 3
    assert {"reports/localhost.json", "reports/localhost.md", "progress", "log"} <= set(left)
    assert b"Gone [secret removed]" in left["reports/localhost.json"]
    assert b"Gone \\[secret removed\\]" in left["reports/localhost.md"]
    if case != "check mode":
        assert "reports/localhost-audit.json" in left
        for said in ("403 Authorization_RequestDenied", "500 InternalServerError", "is broken", "password is wrong"):
            assert said in played.output, said


def test_search_finds_a_planted_secret(tmp_path: Path) -> None:
    secret = 'pä"ss wörd/+&'
    for spelling in spellings(secret):
        assert shows(b"some " + spelling + b" text", {"it": secret}) == ["it"]
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "a").write_text(secret)
    (tmp_path / "b").write_text(json.dumps({"x": [secret]}))
    (tmp_path / "c").write_text("nothing")
    left = left_behind(tmp_path, [tmp_path / "given"])
    assert {name: shows(data, {"it": secret}) for name, data in left.items()} == {"b": ["it"], "c": []}


def test_process_snapshot_has_command_lines_and_environments(tmp_path: Path) -> None:
    child = [sys.executable, "-c", "import time; time.sleep(0.5)", "in-the-command"]
    code = f"import subprocess; subprocess.run({child!r})"
    played = watch(["python", "-c", code], tmp_path, environment(tmp_path) | {"SOME": "in-the-environment"})
    assert played.status == 0, played.output
    assert any(shows(data, {"it": "in-the-command"}) for data in played.commands)
    assert any(shows(data, {"it": "in-the-environment"}) for data in played.environments)
