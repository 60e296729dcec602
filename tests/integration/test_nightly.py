# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nightly job of docs/nightly.md runs as printed: by hand, from cron, from systemd, from a controller."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.simulator.launch import Tenant, running
from tests.simulator.state import EXCHANGE_ROLES
from tests.support.run_playbook import CHECKOUT, environment

PAGE = (CHECKOUT / "docs" / "nightly.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
FOLDER = "/srv/licensing"
"""Where the page keeps the files; the tests have a folder of their own."""


ENVIRONMENT = "/etc/m365/contoso.env"
"""The file of the secrets, in the same way."""


def block(kind: str, part: str) -> str:
    """The one block of a kind that holds a text."""
    (found,) = [text for language, text in BLOCKS if language == kind and part in text]
    return str(found)


def commands() -> list[str]:
    """Every command line that the page shows to people."""
    return [
        line for language, text in BLOCKS if language == "sh" and ENVIRONMENT not in text for line in text.splitlines()
    ]


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=12, at_risk=3, seed=3) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the page, in a folder."""
    for name in ("inventory.yml", "nightly.yml", "licenses.yml"):
        (tmp_path / name).write_text(block("yaml", f"# {name}\n"), encoding="utf-8")
    return tmp_path


def shell(tenant: Tenant, folder: Path, line: str, *, secrets: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a line of the page, with the secrets loaded or not. The tenant's addresses are settings of the machine."""
    told = tenant.env()
    addresses = {name: value for name, value in told.items() if name.endswith("_URL") or name == "M365_CA_PATH"}
    own = {f"CONTOSO_{name}": told[f"M365_{name}"] for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")}
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(  # noqa: S603 - a line of our own documentation
        ["/bin/sh", "-c", line],
        cwd=folder,
        env={**environment(folder), **addresses, **(own if secrets else {}), "PATH": paths},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_each_line_works_in_its_order(tenant: Tenant, folder: Path) -> None:
    plan, remediate, audit = commands()
    done = shell(tenant, folder, plan)
    assert (done.returncode, len(tenant.world.changes)) == (0, 0), done.stdout + done.stderr
    done = shell(tenant, folder, remediate)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(tenant.world.changes) > 0
    done = shell(tenant, folder, audit)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "reports" / "contoso.json").exists()


def test_cron_prints_nothing_but_failures(tenant: Tenant, folder: Path) -> None:
    mailto, job = block("crontab", "MAILTO").splitlines()
    assert mailto.startswith("MAILTO=")
    line = re.sub(r"^(\S+ ){5}", "", job).replace(FOLDER, str(folder)).replace(ENVIRONMENT, str(folder / "env"))
    told, text = tenant.env(), block("sh", f"# {ENVIRONMENT}\n")
    (folder / "env").write_text(
        re.sub(
            r"^CONTOSO_(\w+)=.*$", lambda hit: f"CONTOSO_{hit[1]}={told[f'M365_{hit[1]}']}", text, flags=re.MULTILINE
        ),
        encoding="utf-8",
    )
    assert "%" not in line, "cron takes a percent sign for the end of the line"
    done = shell(tenant, folder, line, secrets=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (folder / "nightly.yml").write_text("licence_state_mode: apply\nlicense_state_mode: apply\n", encoding="utf-8")
    done = shell(tenant, folder, f"M365_TENANT_ID=x {line}", secrets=False)
    assert "licence_state_mode (did you mean license_state_mode?)" in done.stdout


def test_systemd_runs_the_same(tenant: Tenant, folder: Path) -> None:
    service, timer = (configparser.ConfigParser(interpolation=None) for _each in range(2))
    for unit, name in ((service, "m365-licensing.service"), (timer, "m365-licensing.timer")):
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string(block("ini", f"/{name}\n"))
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert service["Service"]["WorkingDirectory"] == FOLDER
    done = shell(tenant, folder, f"exec {service['Service']['ExecStart']}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_controller_gets_the_same_variables(tenant: Tenant, folder: Path) -> None:
    extra = block("yaml", "# extra variables\n")
    assert yaml.safe_load(extra).items() <= yaml.safe_load(block("yaml", "# nightly.yml\n")).items()
    (folder / "extra.yml").write_text(extra, encoding="utf-8")
    line = "ansible-playbook m365.licensing.remediate -i inventory.yml -e @extra.yml"
    done = shell(tenant, folder, line)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nightly_run_without_a_permission_fails(folder: Path) -> None:
    line = commands()[1]
    with running(mailboxes=12, at_risk=3, seed=3) as tenant:
        tenant.world.app.roles -= EXCHANGE_ROLES
        done = shell(tenant, folder, line)
        assert (done.returncode, tenant.world.changes) == (2, []), done.stdout
