# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways of Ansible that show a secret, and what to do instead: each row of the table of docs/security.md is run.

No module can prevent the first column. So a test shows that it is true, and that the last column shows nothing.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.integration.process_snapshot import await_end, left_behind, shows, watch
from tests.simulator.launch import Tenant, running
from tests.support.run_playbook import CHECKOUT, environment

Json = dict[str, Any]
NAME = "M365_CLIENT_SECRET"
PLACE = "__the_secret__"
OPTION = "client_secret"
VALUE = "{{ m365_client_secret }}"
MODULE = "m365.licensing.m365_subscription_info"
RUNNER = "import sys, ansible_runner; sys.exit(ansible_runner.run(**{options!r}).rc)"


@dataclass(frozen=True)
class Way:
    """One way to give the secret, or to run a job.

    ``given``: by ``environment`` of the job, as ``variable`` of the host, or by the ``way`` itself.
    ``settings``: of Ansible, as variables of the environment. ``command``: other than ansible-playbook.
    """

    given: str = "variable"
    play: Json = field(default_factory=dict)
    task: Json = field(default_factory=lambda: {MODULE: {}})
    more: tuple[Json, ...] = ()
    settings: Json = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    command: str = "ansible-playbook"
    runner: Json = field(default_factory=dict)


BY_VARIABLE = Way()
BY_ENVIRONMENT = Way("environment")
FACTS = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": "facts"}
LITERAL = {MODULE: {OPTION: PLACE}}
KEPT = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_PIPELINING": "0"}

WAYS: dict[str, tuple[Way, str, Way]] = {
    "environment:": (Way("way", play={"environment": {NAME: PLACE}}), "command lines", BY_ENVIRONMENT),
    "-e": (Way("way", arguments=("-e", "m365_client_secret=" + PLACE)), "command lines", BY_VARIABLE),
    "ansible -a": (
        Way("way", command="ansible", arguments=("localhost", "-m", MODULE, "-a", f"{OPTION}={PLACE}")),
        "command lines",
        Way(command="ansible", arguments=("localhost", "-m", MODULE)),
    ),
    "loop": (
        Way("way", task={MODULE: {OPTION: "{{ item }}"}, "loop": [PLACE]}),
        "output",
        Way(task={MODULE: {}, "loop": ["contoso"]}),
    ),
    "ansible.builtin.debug": (
        Way(more=({"ansible.builtin.debug": {"var": "hostvars"}},)),
        "output",
        Way(task={MODULE: {}, "register": "found"}, more=({"ansible.builtin.debug": {"var": "found"}},)),
    ),
    "ansible-inventory": (
        Way(command="ansible-inventory", arguments=("--list",)),
        "output",
        Way("environment", command="ansible-inventory", arguments=("--list",)),
    ),
    "ANSIBLE_DEBUG": (Way(settings={"ANSIBLE_DEBUG": "1"}), "output", BY_VARIABLE),
    "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": (
        Way("way", task=LITERAL, settings={"ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1"}),
        "output",
        Way(settings={"ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1"}),
    ),
    "ANSIBLE_KEEP_REMOTE_FILES": (Way(settings=KEPT), "files", Way(settings={"ANSIBLE_PIPELINING": "0"})),
    "set_fact": (
        Way(more=({"ansible.builtin.set_fact": {"mine": VALUE, "cacheable": True}},), settings=FACTS),
        "files",
        Way(settings=FACTS),
    ),
    "artifacts/*/command": (
        Way("environment", runner={"ident": "job"}),
        "files",
        Way(runner={"ident": "job"}),
    ),
}
"""What is done, where that shows the secret, and what to do instead."""

QUIET = {
    "-vvvvv --diff with ANSIBLE_LOG_PATH": Way(
        arguments=("-vvvvv", "--diff"), settings={"ANSIBLE_LOG_PATH": "log", "ANSIBLE_INJECT_INVOCATION": "1"}
    ),
    "async": Way(task={MODULE: {}, "async": 60, "poll": 1}, settings={"ANSIBLE_ASYNC_DIR": "async"}),
    "register": Way(
        task={MODULE: {}, "register": "found", "no_log": True},
        more=({"ansible.builtin.debug": {"var": "found"}},),
        arguments=("-vvv",),
    ),
    "a template as the option": Way(
        task={MODULE: {OPTION: VALUE}}, settings={"ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1"}, arguments=("-v",)
    ),
}
"""What looks as if it showed the secret, and does not."""


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=5, at_risk=0, seed=3) as found:
        yield found


def filled(value: Any, secret: str) -> Any:
    """The value with the secret in its place."""
    return json.loads(json.dumps(value).replace(f'"{PLACE}"', json.dumps(secret)))


def inventory(way: Way, tenant: Tenant) -> Json:
    """The host of a way, with the variables that sign it in; with none where the environment does so."""
    mine = {f"m365_{name}": value for name, value in tenant.info.items() if name != "control_url"}
    if way.given != "variable":
        del mine["m365_client_secret"]
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    return {"all": {"hosts": {"localhost": host | ({} if way.given == "environment" or way.play else mine)}}}


def command(way: Way, folder: Path, secret: str) -> list[str]:
    """What is started."""
    hosts, book = folder / "given" / "inventory.json", folder / "given" / "play.json"
    if way.runner:
        (folder / "runner").mkdir()
        options = {"private_data_dir": str(folder / "runner"), "inventory": str(hosts), "playbook": str(book)}
        return ["python", "-c", RUNNER.format(options={**options, **way.runner})]
    arguments = [text.replace(PLACE, secret) for text in way.arguments]
    return [way.command, "-i", str(hosts), *arguments, *([str(book)] if way.command == "ansible-playbook" else [])]


def places(way: Way, tenant: Tenant, folder: Path) -> set[str]:
    """Where the secret is seen while a job runs in this way, and after it."""
    given = folder / "given"
    given.mkdir(parents=True)
    (folder / "tmp").mkdir()
    told = {name: value for name, value in tenant.env().items() if name != "M365_CONTROL_URL"}
    secret = told.pop(NAME)
    (given / "inventory.json").write_text(json.dumps(inventory(way, tenant)), encoding="utf-8")
    tasks = [filled(task, secret) for task in (way.task, *way.more)]
    play = {"hosts": "localhost", "gather_facts": False, **filled(way.play, secret), "tasks": tasks}
    (given / "play.json").write_text(json.dumps([play]), encoding="utf-8")
    variables = environment(folder) | {"ANSIBLE_REMOTE_TMP": str(folder / "remote"), "TMPDIR": str(folder / "tmp")}
    if way.given == "environment" or way.play:
        variables |= told | ({NAME: secret} if way.given == "environment" else {})
    # ansible-runner looks for ansible-playbook there
    variables["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), variables["PATH"]])
    before = len(tenant.requests())
    played = watch(command(way, folder, secret), folder, variables | way.settings)
    assert played.status == 0, played.output[-3000:]
    assert way.command == "ansible-inventory" or len(tenant.requests()) > before, "the secret was not used"
    await_end(folder)
    seen = {
        "output": shows(played.output.encode(), {"it": secret}),
        "command lines": any(shows(data, {"it": secret}) for data in played.commands),
        "files": any(shows(data, {"it": secret}) for data in left_behind(folder, [given]).values()),
    }
    return {place for place, found in seen.items() if found}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows its processes in /proc")
@pytest.mark.parametrize("name", WAYS)
def test_documented_leaks_leak_and_their_replacements_do_not(name: str, tenant: Tenant, tmp_path: Path) -> None:
    way, where, instead = WAYS[name]
    assert places(way, tenant, tmp_path / "way") == {where}
    assert places(instead, tenant, tmp_path / "instead") == set()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows its processes in /proc")
@pytest.mark.parametrize("name", QUIET)
def test_harmless_ways_show_no_secret(name: str, tenant: Tenant, tmp_path: Path) -> None:
    assert places(QUIET[name], tenant, tmp_path / "way") == set()


def test_the_page_names_the_same_ways() -> None:
    page = (CHECKOUT / "docs" / "security.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| way \| .*\n\|[-| ]+\n((?:\|.*\n)+)", page, re.MULTILINE)
    rows = [[entry.strip() for entry in line.strip("|").split("|")] for line in table.splitlines()]
    assert {re.findall(r"`([^`]+)`", row[0])[0]: row[1] for row in rows} == {
        name: where for name, (_way, where, _instead) in WAYS.items()
    }
    assert all(row[2] for row in rows)


def test_no_page_recommends_one_of_them() -> None:
    """Secrets under ``environment:`` of a play or after ``-e`` are in no example."""
    pages = [
        CHECKOUT / "README.md",
        *sorted((CHECKOUT / "docs").glob("*.md")),
        *sorted(CHECKOUT.glob("roles/*/README.md")),
    ]
    pages += [*sorted((CHECKOUT / "plugins").rglob("*.py")), *sorted((CHECKOUT / "playbooks").rglob("*.yml"))]
    wrong = re.compile(
        r"^ *environment: *(\n|\{).*M365_|-e [\"']?m365_(client_secret|certificate_password|access_tokens)=(?!…)"
        r"|^ *(export )?ANSIBLE_(DEBUG|DISPLAY_ARGS_TO_STDOUT|KEEP_REMOTE_FILES)=",
        re.MULTILINE,
    )
    assert {str(page): found[0] for page in pages if (found := wrong.search(page.read_text(encoding="utf-8")))} == {}
