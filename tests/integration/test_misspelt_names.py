# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Misspelt variables of many hosts in one run, while the environment names another tenant with full credentials.

The hosts belong to one tenant, the environment to another. The unit tests of the same name ask the functions that
decide for every single-character error.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.m365.licensing.plugins.plugin_utils._variables import CREDENTIALS, LICENSE_STATE, M365

from tests.integration.hosts import APPLY, Json, own
from tests.simulator.launch import Tenant, running
from tests.support.misspelling import single_errors
from tests.support.run_playbook import Played, environment, run

ALONE = ["m365_tenantid", "m365_tenant-id", "M365_tenant_id", "m365_tenant_ID", "m356_tenant_id", "licence_state_mode"]
BESIDE = 12
"""The number of drawn variables of the role."""


@pytest.fixture(scope="module")
def theirs() -> Iterator[Tenant]:
    """The tenant that the environment names."""
    with running(mailboxes=12, at_risk=3, seed=3) as found:
        yield found


@pytest.fixture(scope="module")
def ours() -> Iterator[Tenant]:
    """The tenant of the hosts."""
    with running(mailboxes=12, at_risk=3, seed=4) as found:
        yield found


def wrong(name: str, chance: random.Random) -> str:
    """One single-character error in a name."""
    return chance.choice(sorted(single_errors(name)))


def hosts(ours: Tenant) -> tuple[Json, Json]:
    """Return hosts with a misspelt variable alone, and hosts with credentials and a misspelt variable."""
    chance = random.Random(5)
    mine = {**own(ours), "m365_login_url": ours.world.origins["login"], "m365_graph_url": ours.world.origins["graph"]}
    mine |= {"m365_exchange_url": ours.world.origins["exchange"], "m365_ca_path": str(ours.ca_path)}
    names = [*(wrong(name, chance) for name in sorted(M365)), *ALONE]
    alone = {f"alone{number}": {name: "contoso.onmicrosoft.com"} for number, name in enumerate(names)}
    beside: Json = {}
    for name in [*sorted(M365), *chance.sample(sorted(LICENSE_STATE), BESIDE)]:
        given = {key: value for key, value in mine.items() if key != name}
        beside[f"beside{len(beside)}"] = {**given, wrong(name, chance): mine.get(name, "x")}
    for name in [f"m365_{option}" for option in CREDENTIALS if f"m365_{option}" in mine]:
        beside[f"beside{len(beside)}"] = {wrong(name, chance): mine[name]}
    return alone, beside


def book(hosts: str) -> Json:
    """A play that licenses by rules; a host that fails ends neither the play nor the run."""
    role = {"name": "License", "ansible.builtin.import_role": {"name": "m365.licensing.license_state"}}
    told = {"ansible.builtin.debug": {"msg": "REFUSED {{ inventory_hostname }} {{ ansible_failed_result.msg }}"}}
    return {"hosts": hosts, "gather_facts": False, "tasks": [{"block": [role], "rescue": [told]}]}


def played(folder: Path, inventory: Json, plays: list[Json], environ: dict[str, str]) -> Played:
    """Run plays over these hosts, which all ask for writes."""
    everything = {"all": {"hosts": inventory, "vars": APPLY}}
    (folder / "hosts.json").write_text(json.dumps(everything), encoding="utf-8")
    (folder / "play.json").write_text(json.dumps(plays), encoding="utf-8")
    return run(["ansible-playbook", "play.json", "-i", "hosts.json", "-f", "4"], folder, environment(folder) | environ)


def asked(tenant: Tenant) -> tuple[int, int]:
    """Return the numbers of requests to a tenant, tokens included, and of writes."""
    return len(tenant.requests()), len(tenant.world.changes)


def test_misspelt_variables_never_write_or_select_a_tenant(theirs: Tenant, ours: Tenant, tmp_path: Path) -> None:
    alone, beside = hosts(ours)
    plays = [*(book(name) for name in alone), book("beside*")]
    done = played(tmp_path, alone | beside, plays, theirs.env())
    assert done.status == 0, str(done)
    refused = set(re.findall(r"REFUSED (\w+) ", done.output))
    assert refused == alone.keys() | beside.keys()
    assert asked(theirs) == (0, 0)
    assert asked(ours) == (0, 0)


def test_hosts_with_right_variables_write_in_their_own_tenant(theirs: Tenant, ours: Tenant, tmp_path: Path) -> None:
    """The other test can fail."""
    _alone, beside = hosts(ours)
    right = {name: value for name, value in beside["beside0"].items() if name in M365}
    done = played(tmp_path, {"contoso": {**right, **own(ours)}}, [book("contoso")], theirs.env())
    assert "REFUSED" not in done.output, str(done)
    assert asked(theirs) == (0, 0)
    assert len(ours.world.changes) > 0


@pytest.mark.parametrize("name", ["M365_TENANTID", "M365_TENANT", "M356_TENANT_ID", "M365_CLIENT_SECERT"])
def test_misspelt_environment_variable_selects_no_tenant(name: str, theirs: Tenant, tmp_path: Path) -> None:
    """The environment has the Azure credential of another tenant besides."""
    before = asked(theirs)
    told = theirs.env()
    environ = {key: value for key, value in told.items() if key.endswith("_URL") or key == "M365_CA_PATH"}
    environ |= {f"AZURE_{part}": told[f"M365_{part}"] for part in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")}
    done = played(tmp_path, {"contoso": {}}, [book("contoso")], {**environ, name: "contoso.onmicrosoft.com"})
    assert f"the environment has {name}, which this collection does not read" in done.output, str(done)
    assert asked(theirs) == before
