# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables with wrong names are found, and those that somebody else has are left alone."""

from __future__ import annotations

import importlib
import string
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.m365.licensing.plugins.module_utils._ansible.module import COMMON_SPEC
from ansible_collections.m365.licensing.plugins.module_utils._auth.options import IDENTITY_OPTIONS
from ansible_collections.m365.licensing.plugins.plugin_utils._action import PATHS
from ansible_collections.m365.licensing.plugins.plugin_utils._variables import (
    CREDENTIALS,
    LICENSE_STATE,
    M365,
    OPTIONS,
    unknown_variables,
)

from tests.unit.support.random_examples import cases

ROOT = Path(__file__).resolve().parents[4]
EVERYTHING = M365 | LICENSE_STATE


def meant(name: str, value: Any = "x", known: frozenset[str] = EVERYTHING) -> str | None:
    """What is said to have been meant by a name; None where nothing is said."""
    found = unknown_variables({name: value}, known)
    return found[0].meant if found else None


def single_errors(name: str) -> set[str]:
    """Every name with one letter too few, too many, wrong, or two in the wrong order."""
    letters = string.ascii_lowercase + string.digits + "_"
    places = range(len(name))
    found = {name[:place] + name[place + 1 :] for place in places}
    found |= {name[:place] + letter + name[place + 1 :] for place in places for letter in letters}
    found |= {name[:place] + letter + name[place:] for place in (*places, len(name)) for letter in letters}
    found |= {name[:place] + name[place + 1] + name[place] + name[place + 2 :] for place in places[:-1]}
    return found - EVERYTHING


@pytest.mark.parametrize("name", sorted(M365))
def test_every_single_error_in_a_variable_of_the_host_is_found(name: str) -> None:
    missed = [wrong for wrong in cases(single_errors(name)) if not unknown_variables({wrong: "x"}, M365)]
    assert missed == []


@pytest.mark.parametrize("name", ["license_state_protected", "license_state_now", "license_state_max_changes"])
def test_every_single_error_in_a_variable_of_the_role_is_found(name: str) -> None:
    missed = [wrong for wrong in cases(single_errors(name)) if meant(wrong) is None]
    assert missed == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("licence_state_protected", "license_state_protected"),
        ("licenses_state_max_changes", "license_state_max_changes"),
        ("license_protected", "license_state_protected"),
        ("licence_mode", "license_state_mode"),
        ("license_status_mode", "license_state_mode"),
        ("License_State_Mode", "license_state_mode"),
        ("license_state_fail_under_days", "license_state_fail_within_days"),
        ("m365_tennant_id", "m365_tenant_id"),
        ("m365_tenantid", "m365_tenant_id"),
        ("m365_tenant", "m365_tenant_id"),
        ("m365_secret", "m365_client_secret"),
        ("M365_TENANT_ID", "m365_tenant_id"),
        ("m365_license_state_protected", "license_state_protected"),
        ("m365_license_protected", "license_state_protected"),
        ("m365_max_changes", "license_state_max_changes"),
        ("m365_state_mode", "license_state_mode"),
        ("licensing_state_protected", "license_state_protected"),
        ("lic_state_mode", "license_state_mode"),
        ("license_plan_mode", "license_state_mode"),
        ("m365_cert_path", "m365_certificate_path"),
        ("m365_directory_id", "m365_tenant_id"),
        ("m365_application_id", "m365_client_id"),
        ("m365_app_id", "m365_client_id"),
        ("m365_app_secret", "m365_client_secret"),
        ("m365_secret_value", "m365_client_secret"),
        ("m356_directory_id", "m365_tenant_id"),
        ("m365directoryid", "m365_tenant_id"),
        ("licencestate_maxchanges", "license_state_max_changes"),
        ("license-state-max-chnges", "license_state_max_changes"),
    ],
)
def test_what_was_meant_is_said(name: str, expected: str) -> None:
    assert meant(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "license_key",
        "licenses",
        "license_state",
        "license_states",
        "license_start_date",
        "license_stats_url",
        "license_static_path",
        "license_statement_url",
        "my_license_state_of_windows",
        "science_state_budget",
        "state",
        "mode",
        "tenant_id",
        "m365dsc_version",
        "team_m365_contacts",
        "ansible_license_state_x",
    ],
)
def test_what_is_somebody_elses_is_left_alone(name: str) -> None:
    assert meant(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "m365_tid",
        "m365_team",
        "m365_contacts_of_the_team",
        "m365_" + "a_name_that_is_longer_than_any_of_this_collection" * 3,
        "M365_Team",
        "m365-team",
        "m_365_team",
        "m365.team",
        "_m365_team",
    ],
)
@pytest.mark.parametrize("known", [EVERYTHING, M365], ids=["the role", "a module"])
def test_every_unknown_name_with_the_host_prefix_is_found(name: str, known: frozenset[str]) -> None:
    assert meant(name, known=known) is not None


@pytest.mark.parametrize(
    "prefix",
    [
        "license_state_",
        "license-state-",
        "licence_state_",
        "licencestate_",
        "licensestate",
        "LICENSE_STATE_",
        "LicenseState",
        "licenses_state_",
        "licensing_state_",
        "licencing-state-",
        "lic_state_",
        "license_states_",
        "lisence_state_",
        "lisense_state_",
        "licens_state_",
        "liscense_state_",
        "licnese_state_",
        "license__state__",
        "license.state.",
        "_license_state_",
    ],
)
@pytest.mark.parametrize(
    "ending", ["maxchanges", "guard", "no_more_than_so_and_so_many_changes_in_one_run_of_the_night"]
)
def test_every_unknown_name_with_the_prefix_of_the_role_is_found(prefix: str, ending: str) -> None:
    assert meant(prefix + ending) is not None
    assert meant(prefix + ending, known=M365) is None


def test_a_long_name_is_found_with_what_it_is_near_to() -> None:
    """Names with one separator too many or too few are of any length."""
    assert meant("license_state_max_covered_seats_") == "license_state_max_covered_seats"
    assert meant("m365_preflight_fail_if_missing" + "_" * 9) == "m365_preflight_fail_if_missing"


def test_every_known_variable_is_left_alone() -> None:
    assert unknown_variables(dict.fromkeys(EVERYTHING), EVERYTHING) == []
    assert unknown_variables(dict.fromkeys(EVERYTHING), M365) == []


def test_the_result_of_a_task_is_no_variable() -> None:
    for result in (
        {"failed": False},
        {"skipped": True, "skip_reason": "no"},
        {"results": [], "msg": "All items completed"},
    ):
        assert meant("license_state_audit", {"changed": False, **result}) is None
        assert meant("m365_audit", {"changed": False, **result}) is None
    assert meant("license_state_audit", {"failed": False}) is not None


def test_variables_of_the_role_matter_to_the_role_alone() -> None:
    assert meant("license_state_protectd", known=M365) is None


def test_the_names_are_those_of_modules_and_role() -> None:
    spec = yaml.safe_load((ROOT / "roles/license_state/meta/argument_specs.yml").read_text(encoding="utf-8"))
    assert set(spec["argument_specs"]["main"]["options"]) <= LICENSE_STATE
    assert set(OPTIONS) == set(COMMON_SPEC) - {"use_environment"}
    assert set(CREDENTIALS) == {*IDENTITY_OPTIONS, "access_tokens"}


def test_playbook_variables_are_exactly_the_known_ones() -> None:
    texts = [
        path.read_text(encoding="utf-8")
        for folder in ("playbooks", "roles")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".yml", ".j2") and path.is_file()
    ]
    unused = [name for name in sorted(LICENSE_STATE) if not any(name in text for text in texts)]
    assert unused == []


def test_every_path_is_made_absolute() -> None:
    """Each option of the type path that a module has."""
    found = {name for name, spec in COMMON_SPEC.items() if spec["type"] == "path"}
    for path in (ROOT / "plugins" / "modules").glob("*.py"):
        module = importlib.import_module(f"ansible_collections.m365.licensing.plugins.modules.{path.stem}")
        specs = [value for name, value in vars(module).items() if name.endswith("SPEC") or name == "ARGUMENTS"]
        found |= {name for specs_of in specs for name, spec in specs_of.items() if spec["type"] == "path"}
    assert found == set(PATHS)
