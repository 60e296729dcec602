# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service that repeats what it was sent gets it into no result, no warning and no report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from tests.functional.support.plan_harness import EVERYBODY, PlanHarness
from tests.simulator.launch import Tenant
from tests.simulator.login import issued
from tests.support.run_playbook import environment, run

MODULES = "ansible_collections.m365.licensing.plugins.modules"
PLANTED = "S3cr3t~Planted+Value/99="
UNKNOWN_TOKEN = "eyJhbGciOiJub25lIn0." + "b" * 40 + ".sig"


@pytest.fixture
def env(tenant: Tenant) -> PlanHarness:
    env = PlanHarness(tenant)
    env.world.app.client_secret = PLANTED
    for number in range(3):
        env.at_risk(f"user{number}")
    return env


def start(
    env: PlanHarness, name: str, environ: dict[str, str] | None = None, **params: Any
) -> tuple[dict[str, Any], str]:
    """Run a module; its result, and all that it wrote."""
    given = {"ANSIBLE_MODULE_ARGS": {"retry_seconds": 0, **params}}
    done = subprocess.run(  # noqa: S603 - a module of ours
        [sys.executable, "-W", "error", "-m", f"{MODULES}.{name}"],
        input=json.dumps(given),
        env=env.tenant.env()
        | {"PATH": str(Path(sys.executable).parent), "M365_CLIENT_SECRET": PLANTED}
        | (environ or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    output = done.stdout + done.stderr
    assert "Traceback" not in output, output
    result: dict[str, Any] = json.loads(done.stdout)
    return result, output


def echo(env: PlanHarness) -> str:
    """Words with all that a service could repeat, as far as it is known before the run."""
    ways = [PLANTED, quote(PLANTED, safe=""), quote(PLANTED), quote_plus(PLANTED), json.dumps(json.dumps(PLANTED))]
    return " ".join(["echo", *ways, UNKNOWN_TOKEN, "\x1b[2J\nfatal: [localhost]", *issued(env.world)[-4:]])


def refusal(env: PlanHarness, status: int, **where: Any) -> dict[str, Any]:
    said = echo(env)
    error = {"code": f"C {said}", "message": said, "innerError": {"request-id": said}}
    return {"status": status, "body": {"error": error}, "headers": {"request-id": said[:100]}, "times": None, **where}


def clean(env: PlanHarness, text: str) -> None:
    """Nothing of the secrets is in there, as it is or written otherwise, nor what a terminal would obey."""
    for secret in (PLANTED, *issued(env.world), UNKNOWN_TOKEN):
        for form in (secret, quote(secret, safe=""), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1]):
            assert form not in text
            assert form[:14] not in text
    assert "\x1b" not in text
    assert "\\u001b" not in text
    assert "\nfatal" not in text
    assert "\\nfatal" not in text


WHERE: dict[str, dict[str, Any]] = {
    "Exchange": {"service": "exchange"},
    "the portal's flag": {"service": "graph", "path": "/beta/users"},
    "SKUs": {"service": "graph", "path": "subscribedSkus"},
    "subscriptions": {"service": "graph", "path": "/subscriptions"},
    "users": {"service": "graph", "path": "/v1.0/users"},
}


@pytest.mark.parametrize("status", [403, 400, 503])
@pytest.mark.parametrize("where", WHERE.values(), ids=list(WHERE))
def test_what_is_refused_to_an_audit(env: PlanHarness, where: dict[str, Any], status: int) -> None:
    env.tenant.set_faults(refusal(env, status, **where))
    result, output = start(env, "exo_unlicensed_mailbox_info", strategy="full")
    assert "echo" in output
    assert bool(result.get("warnings")) or result["failed"]
    clean(env, output)


@pytest.mark.parametrize("status", [401, 400, 503])
def test_what_signing_in_is_refused_with(env: PlanHarness, status: int) -> None:
    said = {"error": f"C {echo(env)}", "error_description": f"AADSTS7000215: {echo(env)}"}
    env.tenant.set_faults({"service": "login", "path": "/token", "status": status, "body": said, "times": None})
    clean(env, start(env, "m365_subscription_info")[1])


@pytest.mark.parametrize(
    "where", [{"service": "exchange"}, {"service": "graph", "part": True, "path": "assignLicense"}]
)
def test_no_report_holds_what_a_service_repeats(env: PlanHarness, tmp_path: Path, where: dict[str, Any]) -> None:
    env.tenant.set_faults(refusal(env, 403, **where))
    options: dict[str, Any] = {
        "rules": [EVERYBODY],
        "mode": "apply",
        "allow_incomplete": True,
        "report_dir": str(tmp_path),
    }
    _result, output = start(env, "m365_license_plan", **options)
    clean(env, output)
    files = sorted(tmp_path.iterdir())
    assert {file.suffix for file in files} == {".json", ".jsonl", ".md"}
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert "echo" in text or (file.suffix == ".jsonl" and where["service"] == "exchange")
        clean(env, text)


def test_a_code_is_short_and_one_line(env: PlanHarness) -> None:
    body = {"error": {"code": "c\x1b]0;x\x07\nfatal: " + "x" * 1_000_000, "message": "y" * 1_000_000}}
    for part in ({"part": True, "path": "assignLicense"}, {"path": "subscribedSkus"}):
        env.tenant.set_faults({"status": 400, "service": "graph", "body": body, "times": None, **part})
        users = [user["userPrincipalName"] for user in env.world.users.values()]
        result, output = start(env, "m365_user_license", users=users, licenses=[{"sku": "EXCHANGESTANDARD"}])
        assert len(output) < 20_000
        assert len(result["error"]["code"]) <= 101
        assert result["error"]["code"].isprintable()
        assert result["msg"].isprintable()


def test_data_that_hold_a_token_do_not_bring_it_anywhere(env: PlanHarness, tmp_path: Path) -> None:
    user = next(iter(env.world.users.values()))
    env.world.users[user["id"]] = {**user, "displayName": f"x {PLANTED} y", "department": PLANTED}
    options: dict[str, Any] = {"rules": [EVERYBODY], "mode": "plan", "report_dir": str(tmp_path)}
    clean(env, start(env, "m365_license_plan", **options)[1])
    for file in tmp_path.iterdir():
        clean(env, file.read_text(encoding="utf-8"))


def test_a_ready_token_that_is_no_word_of_any_form(env: PlanHarness, tmp_path: Path) -> None:
    token = "opaque+token/0123456789=="
    body = {"error": {"code": "Bad", "message": f"What is {token} {quote(token, safe='')}?"}}
    env.tenant.set_faults({"service": "exchange", "status": 403, "body": body, "times": None})
    start(env, "m365_subscription_info")
    given = {"graph": issued(env.world)[-1], "exchange": token}
    result, output = start(env, "exo_unlicensed_mailbox_info", {"M365_CLIENT_SECRET": ""}, access_tokens=given)
    assert "What is" in json.dumps(result["warnings"])
    assert token not in output
    assert quote(token, safe="") not in output


READY = "S3cr3tPlantedValue99"

FORMS: dict[str, Any] = {
    "text": READY,
    "list": [READY],
    "wrong name": {"graf": READY},
    "nested": {"graph": {"x": READY}},
    "list of objects": [{"graph": READY}],
}


@pytest.mark.parametrize("given", FORMS.values(), ids=list(FORMS))
def test_tokens_in_a_wrong_form_are_hidden(env: PlanHarness, given: Any) -> None:
    result, output = start(env, "m365_subscription_info", {"M365_CLIENT_SECRET": ""}, access_tokens=given)
    assert result["failed"]
    assert READY not in output


@pytest.mark.parametrize("given", [f"https://reader:{READY}@x.example", f"http://{READY}@x.example", f"a@b:{READY}@x"])
@pytest.mark.parametrize("option", ["login_url", "graph_url", "exchange_url"])
def test_credentials_in_an_address_are_hidden(env: PlanHarness, option: str, given: str) -> None:
    params: dict[str, Any] = {option: given}
    result, output = start(env, "m365_subscription_info", **params)
    assert option in result["msg"]
    assert "x.example" in output or given[0] == "a"
    assert READY not in output
    result, output = start(env, "m365_subscription_info", {f"M365_{option.upper()}": given})
    assert READY not in output


def test_a_token_in_place_of_tokens_as_ansible_shows_it(env: PlanHarness, tmp_path: Path) -> None:
    task = {"m365.licensing.m365_subscription_info": {"access_tokens": "{{ lookup('env', 'T') }}"}}
    book = tmp_path / "play.yml"
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    command = ["ansible-playbook", "-vvvvv", "-c", "local", "-i", "localhost,", str(book)]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    played = run(command, tmp_path, environment(tmp_path) | env.tenant.env() | {"T": READY})
    assert played.status == 2, str(played)
    assert "access_tokens" in played.output
    assert READY not in played.output
