# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No output, result or log shows a secret that was put into a wrong option."""

from __future__ import annotations

import base64
import json
import secrets as chance
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._ansible.module import COMMON_SPEC
from ansible_collections.m365.licensing.plugins.plugin_utils._variables import OPTIONS

from tests.integration.process_snapshot import left_behind, shows, spy, watch
from tests.simulator.launch import Tenant, running
from tests.support.run_playbook import environment

GUID = "cccccccc-0000-0000-0000-000000000003"
MASK = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
GROUPS = {
    "ours": ("tenant_id", "client_id", "expected_domain", "login_url", "graph_url", "exchange_url"),
    "ansibles": (
        *("auth_source", "cloud", "exchange_api", "validate_certs"),
        *("timeout", "retry_seconds", "concurrency", "max_response_bytes"),
    ),
    "certificate": ("certificate_path",),
    "federated": ("federated_token_file",),
    "authority": ("ca_path",),
    "misspelt": ("client_secert",),
}
"""Options that must not hold a secret, by the component that refuses them."""
ADDRESSES = ("login_url", "graph_url", "exchange_url")


def key() -> str:
    lines = textwrap.wrap(base64.b64encode(chance.token_bytes(300)).decode(), 64)
    return "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])


def token() -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"JWT"}').decode().rstrip("=")
    return f"{header}.{chance.token_urlsafe(60)}.{chance.token_urlsafe(60)}"


KINDS: dict[str, Callable[[], str]] = {
    "key": key,
    "token": token,
    "client-secret": lambda: f"aB3{chance.randbelow(10)}Q~{chance.token_hex(17)}",
    "random": lambda: f"Zz9{chance.token_urlsafe(24)}",
    "password": lambda: f"salt & pepper {chance.token_hex(4)}",
}
IN_ADDRESSES: dict[str, Callable[[str], str]] = {
    "user": lambda secret: f"https://reader:{secret}@login.example",
    "port": lambda secret: f"https://reader:{secret}",
    "query": lambda secret: f"https://login.example/?sig={secret}",
    "fragment": lambda secret: f"https://login.example/#{secret}",
    "path": lambda secret: f"http://login.example/{secret}/x",
}


@dataclass(frozen=True)
class Host:
    """A host of the inventory, with a secret in each of some variables or options; ``written``: what these hold."""

    name: str
    secrets: dict[str, str]
    written: dict[str, str]

    @property
    def pieces(self) -> dict[str, str]:
        """Return secrets that must not be shown, by name."""
        return {
            f"{self.name} {option} {part[:6]}": part
            for option, secret in self.secrets.items()
            for line in secret.split("\n")
            for part in line.split(".")
            if len(part) > 7 and "-----" not in part
        }


def hosts() -> list[Host]:
    """Each option with each kind of secret. Those whose mistakes are told together are in one host."""
    found = []
    for kind, make in KINDS.items():
        for group, options in GROUPS.items():
            secrets = {option: make() for option in options}
            found.append(Host(f"{group}.{kind}", secrets, secrets))
    for place, write in IN_ADDRESSES.items():
        secrets = {option: f"Zz9{chance.token_hex(16)}" for option in ADDRESSES}
        found.append(Host(f"addresses.{place}", secrets, {option: write(text) for option, text in secrets.items()}))
    return found


def variables(tenant: Tenant, host: Host) -> dict[str, Any]:
    """Those of a host that signs in with a secret, and has another one in the wrong place."""
    found: dict[str, Any] = {f"m365_{name}": value for name, value in tenant.info.items() if name != "control_url"}
    found["m365_client_secret"] = tenant.world.app.client_secret
    if host.written.keys() & {"certificate_path", "federated_token_file"}:
        del found["m365_client_secret"]
    written = dict(host.written)
    if "client_secert" in written:
        found["misspelt"] = written.pop("client_secert")
    return found | {f"m365_{option}": text for option, text in written.items()}


TASKS = [
    {
        "name": "Secrets in variables of the host",
        "m365.licensing.m365_subscription_info": {},
        "when": "misspelt is undefined",
        "ignore_errors": True,
    },
    {
        "name": "A misspelt option",
        "m365.licensing.m365_subscription_info": {"client_secert": "{{ misspelt }}"},
        "when": "misspelt is defined",
        "ignore_errors": True,
    },
    {
        "name": "Ids and secrets in each other's place",
        "m365.licensing.m365_subscription_info": {"client_id": "{{ m365_client_secret }}", "client_secret": GUID},
        "run_once": True,
    },
]
EVENTS = """
import json, os
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "notification", "events"

    def v2_runner_on_ok(self, result, **more):
        name = (getattr(result, "host", None) or result._host).get_name()
        found = getattr(result, "result", None) or result._result
        with open(os.environ["EVENTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps([name, found], default=str) + "\\n")

    v2_runner_on_failed = v2_runner_on_unreachable = v2_runner_on_skipped = v2_runner_on_ok
"""
"""The events of each task, as callbacks of a controller get them."""


@dataclass(frozen=True)
class Found:
    """A run: its output, the results by host in their order, and its remaining files."""

    output: str
    results: dict[str, list[dict[str, Any]]]
    left: dict[str, bytes]


def run(folder: Path, tenant: Tenant, inventory: list[Host]) -> Found:
    """Run the tasks with the highest verbosity and a recorder of the log of the machine."""
    (folder / "given").mkdir()
    (folder / "plugins").mkdir()
    (folder / "plugins" / "events.py").write_text(EVENTS, encoding="utf-8")
    shared = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    written = {host.name: variables(tenant, host) | shared for host in inventory}
    place = folder / "given" / "inventory.json"
    place.write_text(json.dumps({"all": {"hosts": written}}), encoding="utf-8")
    play = {"hosts": "all", "gather_facts": False, "tasks": TASKS}
    (folder / "play.yml").write_text(json.dumps([play], indent=1), encoding="utf-8")
    settings = environment(folder) | spy("syslog", folder)
    settings |= {
        "ANSIBLE_CALLBACK_PLUGINS": str(folder / "plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "events",
        "ANSIBLE_FORKS": "4",
        "ANSIBLE_INJECT_INVOCATION": "1",
        "ANSIBLE_LOG_PATH": str(folder / "log"),
        "ANSIBLE_REMOTE_TMP": str(folder / "remote"),
        "EVENTS": str(folder / "events"),
    }
    watched = watch(["ansible-playbook", "-vvvv", "--diff", "-i", str(place), "play.yml"], folder, settings)
    results: dict[str, list[dict[str, Any]]] = {}
    for line in (folder / "events").read_text(encoding="utf-8").splitlines():
        name, result = json.loads(line)
        if "skip_reason" not in result:
            results.setdefault(name, []).append(result)
    return Found(watched.output, results, left_behind(folder, [folder / "given"]))


@pytest.fixture(scope="module")
def inventory() -> list[Host]:
    return hosts()


@pytest.fixture(scope="module")
def ran(inventory: list[Host], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Found, str]]:
    with running(mailboxes=3, at_risk=1) as tenant:
        found = run(tmp_path_factory.mktemp("misplaced"), tenant, inventory)
        yield found, tenant.world.app.client_secret


def test_no_secret_is_shown_or_logged(ran: tuple[Found, str], inventory: list[Host]) -> None:
    found, secret = ran
    pieces = {"the tenant's secret": secret}
    for host in inventory:
        pieces |= host.pieces
    assert shows(found.output.encode(), pieces) == []
    assert {name: wrong for name, data in found.left.items() if (wrong := shows(data, pieces))} == {}
    assert b"Invoked with" in found.left["logged"]
    assert len(found.left["log"]) > 1000


def test_each_option_is_refused_by_its_name(ran: tuple[Found, str], inventory: list[Host]) -> None:
    found, _secret = ran
    for host in inventory:
        first = found.results[host.name][0]
        assert first["error"]["code"] == "invalid_options", (host.name, first["msg"])
        assert [option for option in host.written if option not in first["msg"]] == [], (host.name, first["msg"])


def test_what_is_logged_in_its_place(ran: tuple[Found, str], inventory: list[Host]) -> None:
    found, _secret = ran
    for host in inventory:
        arguments = found.results[host.name][0]["invocation"]["module_args"]
        for option in host.written:
            logged = arguments[option]
            assert logged == MASK or (logged.startswith("http") and "…" in logged), (host.name, option, logged)


def test_no_option_is_missing_here() -> None:
    tried = {option for options in GROUPS.values() for option in options}
    assert tried - {"client_secert"} == {name for name in OPTIONS if not COMMON_SPEC[name].get("no_log")}


def test_swapped_id_and_secret_are_an_error(ran: tuple[Found, str], inventory: list[Host]) -> None:
    found, _secret = ran
    last = found.results[inventory[0].name][-1]
    assert "option client_id: expected the application (client) id" in last["msg"]
