# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sets variables of the role or a playbook reads their names in messages, hints and warnings, not the module's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.m365.licensing.plugins.module_utils._common.option_names import NO_VARIABLES, Naming
from ansible_collections.m365.licensing.plugins.modules import (
    exo_unlicensed_mailbox_info,
    m365_license_explanation_info,
    m365_license_plan,
)
from ansible_collections.m365.licensing.plugins.plugin_utils._variables import LICENSE_STATE

from tests.functional.support.run_module import AUDIT, failed, start, succeeded
from tests.simulator.launch import Tenant, running

EXPLAIN, PLAN = "m365_license_explanation_info", "m365_license_plan"
PREFIX = {"variable_prefix": "license_state_"}
RULES = [{"name": "Everybody", "match": {}, "licenses": [{"sku": "EXCHANGESTANDARD"}], "usage_location": "DE"}]
ROOT = Path(__file__).resolve().parents[3]
OPTIONS = frozenset(
    {**exo_unlicensed_mailbox_info.ARGUMENTS, **m365_license_explanation_info.ARGUMENTS, **m365_license_plan.ARGUMENTS}
)
NAMING = Naming("license_state_", OPTIONS - NO_VARIABLES)


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with running(mailboxes=20, at_risk=8) as found:
        yield found


def test_only_fixed_options_have_no_variable() -> None:
    settable = {name.removeprefix("license_state_") for name in LICENSE_STATE}
    assert OPTIONS - settable == NO_VARIABLES & OPTIONS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Set allow_incomplete=true.", "Set license_state_allow_incomplete=true."),
        ("Set output_path or report_dir to have", "Set license_state_report_dir to have"),
        ("the file of output_path is full", "the file of output_path is full"),
        ("rules[0].match: unknown key", "license_state_rules[0].match: unknown key"),
        ("license_state_rules[0]: no recipient_types", "license_state_rules[0]: no license_state_recipient_types"),
        ("license_state_max_rows: expected", "license_state_max_rows: expected"),
        ("unknown key 'recipient_types'", "unknown key 'recipient_types'"),
        ("/srv/report_dir/x and a.report_dir@x.example", "/srv/report_dir/x and a.report_dir@x.example"),
        ("rules protect nobody now, whatever the mode", "rules protect nobody now, whatever the mode"),
        ("exclude: nobody; protected: nobody", "license_state_exclude: nobody; license_state_protected: nobody"),
        ("tenant_id, client_secret and users: wrong", "tenant_id, client_secret and users: wrong"),
    ],
)
def test_names_in_a_text(text: str, expected: str) -> None:
    assert NAMING.text(text) == expected
    assert Naming("", NAMING.options).text(text) == text


# --- as modules show it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tenant_id", "client_secret", "certificate_password", "ca_path", "access_tokens"])
def test_an_empty_option_to_sign_in_is_called_an_option(tenant: Tenant, name: str) -> None:
    result = failed(start(AUDIT, {name: " ", **PREFIX}, tenant.env()))
    assert result["msg"].startswith(f"option {name}: is empty")


def test_a_problem_names_the_other_variables_too(tenant: Tenant) -> None:
    params = {"report_dir": "/tmp", "report_formats": []}  # noqa: S108 - nothing is written
    result = failed(start(AUDIT, params | PREFIX, tenant.env()))
    (problem,) = result["problems"]
    assert problem == (
        "license_state_report_formats: the list is empty; to have no report, leave license_state_report_dir out"
    )
    assert problem in result["msg"]
    (problem,) = failed(start(AUDIT, params, tenant.env()))["problems"]
    assert problem == "report_formats: the list is empty; to have no report, leave report_dir out"


def test_an_alarm_names_what_can_be_set(tenant: Tenant) -> None:
    result = failed(start(AUDIT, {"fail_on": "any", **PREFIX}, tenant.env()))
    assert result["error"]["hint"].startswith("Set license_state_report_dir to have all rows in a file.")
    assert "output_path" not in result["msg"]
    result = failed(start(AUDIT, {"fail_on": "any"}, tenant.env()))
    assert result["error"]["hint"].startswith("Set output_path or report_dir to have all rows in a file.")


def test_an_incomplete_audit_names_what_can_be_set(tenant: Tenant) -> None:
    tenant.set_faults({"kind": "status", "service": "exchange", "path": "InvokeCommand", "status": 403, "times": None})
    try:
        result = failed(start(AUDIT, {"fail_on": "critical", **PREFIX}, tenant.env()))
    finally:
        tenant.set_faults()
    assert "license_state_allow_incomplete=true" in result["error"]["hint"]
    assert result["alarm"][0] in result["msg"]


@pytest.mark.parametrize("module", [AUDIT, PLAN])
def test_a_warning_names_the_variable(tenant: Tenant, module: str) -> None:
    rules = {"rules": RULES, "protected": ["nobody@contoso.example"]} if module == PLAN else {}
    params = {"exclude": ["nobody@contoso.example", "x-*"], "fail_on": "none", **rules}
    ended = start(module, params | PREFIX, tenant.env())
    # newer versions of Ansible make a dictionary of each warning
    found = re.findall(r"onmicrosoft\.com: (\w+)", json.dumps(succeeded(ended)["warnings"]))
    assert found.count("license_state_exclude") == 2
    assert found.count("license_state_protected") == (module == PLAN)
    assert not {"exclude", "protected"} & set(found)


WRONG: dict[str, Any] = {
    "fail_on": "perhaps",
    "fail_within_days": "soon",
    "recipient_types": ["cat"],
    "mailbox_plans": {"add": [{"plan": "x", "grants": "all"}]},
}


def test_all_that_ansible_refuses_is_named_by_its_variables(tenant: Tenant) -> None:
    result = failed(start(AUDIT, WRONG | PREFIX, tenant.env()))
    for text in (
        "value of license_state_fail_on must be one of: none, critical, any, got: perhaps",
        "argument 'license_state_fail_within_days' is of type",
        "value of license_state_recipient_types must be one or more of: ",
        "value of grants must be one of: ",
        "found in license_state_mailbox_plans",
    ):
        assert text in result["msg"]
    assert len(result["problems"]) == len(WRONG)
    assert result["error"]["code"] == "invalid_options"
    plain = failed(start(AUDIT, WRONG, tenant.env()))
    assert "value of fail_on must be one of" in plain["msg"]
    assert "license_state" not in plain["msg"]


def test_what_is_missing_or_unknown_is_named_as_well(tenant: Tenant) -> None:
    result = failed(start(PLAN, {"cat": 1, "mode": "perhaps", **PREFIX}, tenant.env()))
    assert "one of the following is required: license_state_rules, license_state_rules_file" in result["msg"]
    assert "value of license_state_mode must be one of: plan, apply, got: perhaps" in result["msg"]
    assert "Unsupported parameters for" in result["msg"]
    assert "cat" in result["msg"]
    assert "missing required arguments: users" in failed(start(EXPLAIN, dict(PREFIX), tenant.env()))["msg"]


def test_a_choice_of_how_to_sign_in_keeps_its_name(tenant: Tenant) -> None:
    result = failed(start(AUDIT, {"cloud": "moon", "auth_source": "x", **PREFIX}, tenant.env()))
    assert "value of cloud must be one of" in result["msg"]
    assert "value of auth_source must be one of" in result["msg"]


def test_the_variables_of_the_playbooks_are_those_of_modules() -> None:
    """What ``variable_prefix`` promises: an option ``x`` is set by the variable ``license_state_x``."""
    for name in ("audit", "explain"):
        (play,) = yaml.safe_load((ROOT / "playbooks" / f"{name}.yml").read_text(encoding="utf-8"))
        tasks = [task for entry in play["tasks"] for task in entry.get("block", [entry])]
        (options,) = (task[key] for task in tasks for key in task if key.startswith("m365.licensing."))
        for option, value in options.items():
            if option not in NO_VARIABLES:
                assert f"license_state_{option}" in value, option
