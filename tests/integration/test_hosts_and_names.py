# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant of a host, and misspelt variables, which never cause an unrequested write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.hosts import APPLY, RULE, Json, own
from tests.simulator.launch import Tenant, running
from tests.support.run_playbook import Played, environment, run

REMEDIATE: Json = {"import_playbook": "m365.licensing.remediate"}
AUDIT: Json = {"import_playbook": "m365.licensing.audit"}


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    """The tenant that the environment names."""
    with running(mailboxes=12, at_risk=3, seed=3) as found:
        yield found


def played(
    tenant: Tenant, folder: Path, plays: list[Json], hosts: Json, *arguments: str, shared: Json | None = None
) -> tuple[Played, int]:
    """Run plays in which the environment names the tenant; what was shown, and how often the tenant was written to."""
    folder.mkdir(exist_ok=True)
    inventory = {"all": {"hosts": hosts, "vars": {**APPLY, **(shared or {})}}}
    (folder / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
    (folder / "play.json").write_text(json.dumps(plays), encoding="utf-8")
    before = len(tenant.world.changes)
    command = ["ansible-playbook", "play.json", "-i", "hosts.json", "-e", "m365_licensing_hosts=all", *arguments]
    done = run(command, folder, environment(folder) | tenant.env())
    return done, len(tenant.world.changes) - before


def refused(done: Played) -> str:
    """The message of the task that failed."""
    assert done.status == 2, str(done)
    return done.output.partition("fatal: ")[2]


# which tenant -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("book", [AUDIT, REMEDIATE], ids=["audit", "remediate"])
def test_one_host_of_several_takes_no_environment(book: Json, tenant: Tenant, tmp_path: Path) -> None:
    tenant.clear_requests()
    done, _writes = played(tenant, tmp_path, [book], {"contoso": {}, "fabrikam": {}})
    assert "Host 'contoso' has no variables m365_*" in refused(done)
    assert tenant.requests() == []


def test_host_without_variables_fails_and_others_succeed(tenant: Tenant, tmp_path: Path) -> None:
    hosts = {"contoso": own(tenant), "fabrikam": {"m365_tenantid": "fabrikam.onmicrosoft.com"}}
    done, writes = played(tenant, tmp_path, [REMEDIATE], hosts, "--check")
    assert "fabrikam" in refused(done)
    assert "to be licensed" in done.output or "10 at risk" in done.output
    assert writes == 0


def test_single_host_of_a_larger_inventory_is_refused(tenant: Tenant, tmp_path: Path) -> None:
    hosts = {"contoso": own(tenant), "fabrikam": {}}
    done, writes = played(tenant, tmp_path, [REMEDIATE], hosts, "--limit", "fabrikam")
    assert "but host 'contoso' has" in refused(done)
    assert writes == 0


@pytest.mark.parametrize("name", ["m365_tenant_id", "m365_client_id", "m365_client_secret"])
def test_host_with_variables_takes_none_from_the_environment(name: str, tenant: Tenant, tmp_path: Path) -> None:
    tenant.clear_requests()
    mine = {key: value for key, value in own(tenant).items() if key == name}
    done, _writes = played(tenant, tmp_path, [REMEDIATE], {"contoso": mine})
    assert "The environment is not asked who signs in" in refused(done)
    assert tenant.requests() == []


def test_an_empty_variable_of_the_host_is_refused(tenant: Tenant, tmp_path: Path) -> None:
    done, writes = played(tenant, tmp_path, [REMEDIATE], {"contoso": {**own(tenant), "m365_tenant_id": ""}})
    assert "m365_tenant_id: is empty" in refused(done)
    assert writes == 0


@pytest.mark.parametrize("book", [AUDIT, REMEDIATE], ids=["audit", "remediate"])
def test_host_with_misspelt_variables_takes_no_environment(book: Json, tenant: Tenant, tmp_path: Path) -> None:
    tenant.clear_requests()
    mine = {"m365_tennant_id": "contoso.onmicrosoft.com", "m365_clientid": "x", "m365_secret": "y"}
    done, _writes = played(tenant, tmp_path, [book], {"contoso": mine})
    assert "m365_tennant_id (did you mean m365_tenant_id?)" in refused(done)
    assert tenant.requests() == []


PORTAL: Json = {"m365_directory_id": "fabrikam.example", "m365_application_id": "x", "m365_app_secret": "y"}
"""Terms of the Entra portal, which users may take for names of variables."""


@pytest.mark.parametrize("book", [AUDIT, REMEDIATE], ids=["audit", "remediate"])
def test_host_with_names_of_the_portal_takes_no_environment(book: Json, tenant: Tenant, tmp_path: Path) -> None:
    tenant.clear_requests()
    done, writes = played(tenant, tmp_path, [book], {"fabrikam": PORTAL})
    for said in (
        "m365_directory_id (did you mean m365_tenant_id?)",
        "m365_app_secret (did you mean m365_client_secret",
    ):
        assert said in refused(done)
    assert tenant.requests() == []
    assert writes == 0


def test_host_beside_one_with_names_of_the_portal_is_refused(tenant: Tenant, tmp_path: Path) -> None:
    tenant.clear_requests()
    hosts: Json = {"contoso": {}, "fabrikam": PORTAL}
    done, writes = played(tenant, tmp_path, [REMEDIATE], hosts, "--limit", "contoso")
    assert "host 'fabrikam' has m365_app_secret" in refused(done)
    assert tenant.requests() == []
    assert writes == 0


def test_unknown_variable_is_a_warning_if_nothing_is_written(tenant: Tenant, tmp_path: Path) -> None:
    mine = {**own(tenant), "m365_team": "x", "license_state_mode": "plan", "license_state_fail_on": "none"}
    done, _writes = played(tenant, tmp_path, [AUDIT, REMEDIATE], {"contoso": mine})
    assert done.status == 0, str(done)
    assert any("m365_team" in text and "begin with m365_" in text for text in done.warnings), str(done)


@pytest.mark.parametrize("name", ["M365_DIRECTORY_ID", "M365_TID"])
def test_unknown_environment_variable_is_an_error(name: str, tenant: Tenant, tmp_path: Path) -> None:
    tenant.clear_requests()
    hosts: Json = {"contoso": {}}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": APPLY}}), encoding="utf-8")
    command = ["ansible-playbook", "m365.licensing.audit", "-i", "hosts.json", "-e", "m365_licensing_hosts=all"]
    done = run(command, tmp_path, environment(tmp_path) | tenant.env() | {name: "fabrikam.example"})
    assert f"the environment has {name}, which this collection does not read" in refused(done)
    assert tenant.requests() == []


@pytest.mark.parametrize("book", ["audit", "remediate", "explain", "preflight"])
@pytest.mark.parametrize("value", ["tenant", "contoso,fabrikam", "", None, ["contoso", "tenant"]])
def test_host_missing_from_the_inventory_fails_the_job(book: str, value: Any, tenant: Tenant, tmp_path: Path) -> None:
    tenant.clear_requests()
    plays = [{"import_playbook": f"m365.licensing.{book}"}]
    given = json.dumps({"m365_licensing_hosts": value, "who": "anna@contoso.example"})
    done, _writes = played(tenant, tmp_path, plays, {"contoso": {}}, "-e", given)
    assert done.status == 4, str(done)
    assert "m365_licensing_hosts: the inventory has no host that matches" in done.output
    assert tenant.requests() == []


@pytest.mark.parametrize("value", ["all", "contoso,!fabrikam", ["contoso"], "con*"])
def test_host_patterns_are_accepted(value: Any, tenant: Tenant, tmp_path: Path) -> None:
    given = json.dumps({"m365_licensing_hosts": value, "license_state_fail_on": "none"})
    done, _writes = played(tenant, tmp_path, [AUDIT], {"contoso": {}}, "-e", given)
    assert done.status == 0, str(done)
    assert "contoso " in done.output


def test_only_host_without_variables_takes_the_environment(tenant: Tenant, tmp_path: Path) -> None:
    done, _writes = played(tenant, tmp_path, [REMEDIATE], {"contoso": {}}, "-e", "license_state_mode=plan")
    assert done.status == 0, str(done)


def test_module_in_another_play_takes_the_variables_of_its_host(tenant: Tenant, tmp_path: Path) -> None:
    task = {"m365.licensing.m365_subscription_info": {}, "register": "license_state_seats"}
    play = {"hosts": "all", "gather_facts": False, "tasks": [task]}
    done, _writes = played(tenant, tmp_path, [play], {"contoso": own(tenant), "fabrikam": own(tenant)})
    assert done.status == 0, str(done)


# names --------------------------------------------------------------------------------------------------------------

MISSPELT = {
    "licence_state_protected": ["*"],
    "licenses_state_max_changes": 0,
    "license_protected": ["*"],
    "license_state_fail_under_days": 3,
    "m365_tennant_id": "contoso.onmicrosoft.com",
    "licencestate_maxchanges": 1,
    "license_state_no_more_than_so_many_changes": 1,
    "m365_team": "x",
}


@pytest.mark.parametrize("name", MISSPELT)
def test_misspelt_variable_stops_a_writing_run(name: str, tenant: Tenant, tmp_path: Path) -> None:
    done, writes = played(tenant, tmp_path, [REMEDIATE], {"contoso": {name: MISSPELT[name]}})
    assert f"this collection has no variable {name}" in refused(done)
    assert writes == 0


def test_misspelt_mode_that_asks_to_apply_fails_the_job(tenant: Tenant, tmp_path: Path) -> None:
    more = {**own(tenant), "license_state_mode": "plan", "licence_state_mode": "apply", "license_state_fail_on": "none"}
    done, writes = played(tenant, tmp_path, [REMEDIATE], {"contoso": more})
    told = refused(done)
    assert "licence_state_mode (did you mean license_state_mode?)" in told
    assert "It asks to apply, and the run would only plan" in told
    assert writes == 0


def test_misspelt_variable_is_a_warning_if_nothing_is_written(tenant: Tenant, tmp_path: Path) -> None:
    more = {**own(tenant), **MISSPELT, "license_state_mode": "plan", "license_state_fail_on": "none"}
    done, _writes = played(tenant, tmp_path, [AUDIT, REMEDIATE], {"contoso": more})
    assert done.status == 0, str(done)
    for name in MISSPELT:
        assert any(name in text for text in done.warnings), str(done)
    for meant in (
        "licence_state_protected (did you mean license_state_protected?)",
        "license_state_fail_under_days (did you mean license_state_fail_within_days?)",
    ):
        assert any(meant in text for text in done.warnings), str(done)


@pytest.mark.parametrize(
    "arguments", [("--start-at-task", "License by rules"), ("--tags", "always"), ("--skip-tags", "never")]
)
def test_tags_and_start_at_task_do_not_skip_the_check(
    arguments: tuple[str, ...], tenant: Tenant, tmp_path: Path
) -> None:
    _done, writes = played(tenant, tmp_path, [REMEDIATE], {"contoso": {"licence_state_protected": ["*"]}}, *arguments)
    assert writes == 0


def test_user_license_module_refuses_a_misspelt_tenant(tenant: Tenant, tmp_path: Path) -> None:
    task = {"m365.licensing.m365_user_license": {"users": ["anna@contoso.example"], "licenses": [{"sku": "SPE_E3"}]}}
    play = {"hosts": "all", "gather_facts": False, "tasks": [task]}
    done, writes = played(tenant, tmp_path, [play], {"contoso": {"m365_tenantid": "fabrikam.onmicrosoft.com"}})
    assert "m365_tenantid (did you mean m365_tenant_id?)" in refused(done)
    assert writes == 0


def test_registered_result_does_not_stop_the_role(tenant: Tenant, tmp_path: Path) -> None:
    tasks = [
        {"ansible.builtin.command": "true", "when": False, "register": "license_state_skipped"},
        {"ansible.builtin.debug": {}, "loop": [1, 2], "register": "license_state_looped"},
        {"m365.licensing.m365_subscription_info": {}, "register": "license_state_seats"},
        {"ansible.builtin.set_fact": {"m365_seats": "{{ license_state_seats }}"}},
        {"ansible.builtin.include_role": {"name": "m365.licensing.license_state"}},
    ]
    play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
    done, _writes = played(tenant, tmp_path, [play], {"contoso": {}}, "--check")
    assert done.status == 0, str(done)
    assert not any("_seats" in text for text in done.warnings)


# values -------------------------------------------------------------------------------------------------------------


def test_relative_paths_start_at_the_working_directory(tenant: Tenant, tmp_path: Path) -> None:
    shared = {
        "license_state_report_dir": "reports",
        "license_state_progress_path": "progress.jsonl",
        "license_state_fail_on": "none",
    }
    done, _writes = played(
        tenant, tmp_path, [AUDIT, REMEDIATE], {"contoso": {}}, "-e", "license_state_mode=plan", shared=shared
    )
    assert done.status == 0, str(done)
    assert (tmp_path / "reports" / "contoso.json").exists()
    assert (tmp_path / "progress.jsonl").exists()
    assert f"report in {tmp_path}/reports/contoso.md" in done.output.replace("\n", " ")


@pytest.mark.parametrize("until", ["{{ never | default(omit) }}", "2030-12-31"])
def test_omitted_key_of_a_rule_is_absent(until: str, tenant: Tenant, tmp_path: Path) -> None:
    exception = {"name": "Archives", "match": {"recipient_type": "archive"}, "action": "ignore", "reason": "By hand"}
    shared = {"license_state_rules": [{**exception, "until": until}, RULE]}
    done, _writes = played(
        tenant, tmp_path, [REMEDIATE], {"contoso": {}}, "-e", "license_state_mode=plan", shared=shared
    )
    assert done.status == 0, str(done)
