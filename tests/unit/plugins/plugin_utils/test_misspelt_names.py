# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every single-character error in every variable, on a host, while the environment names another tenant.

The functions that decide are asked for all of them; tests/integration/test_misspelt_names.py plays some.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from ansible_collections.m365.licensing.plugins.module_utils._auth.options import ENVIRONMENT, options_from
from ansible_collections.m365.licensing.plugins.module_utils._common.errors import ConfigurationError
from ansible_collections.m365.licensing.plugins.plugin_utils._action import LicensingAction, Refused
from ansible_collections.m365.licensing.plugins.plugin_utils._variables import LICENSE_STATE, M365

from tests.support.misspelling import single_errors, two_errors
from tests.unit.support.random_examples import cases

OURS = sorted(name for names in ENVIRONMENT.values() for name in names if name.startswith("M365_"))
FOREIGN = {"AZURE_TENANT_ID": "fabrikam.example", "AZURE_CLIENT_ID": "1" * 8 + "-1111-1111-1111-" + "1" * 12}
FOREIGN |= {"AZURE_CLIENT_SECRET": "the-secret-of-fabrikam"}


class _Task:
    """A task of a role, as far as the decision asks for it."""

    def __init__(self, args: dict[str, Any]) -> None:
        self.args = args


class _Action(LicensingAction):
    """The action of a module that applies rules; no module runs."""

    def __init__(self, *, writes: bool) -> None:
        self._task = _Task({"variable_prefix": "license_state_", "mode": "apply" if writes else "plan"})
        self._wants = writes
        self._display = self

    def warning(self, text: str) -> None:
        """What Ansible's display would show."""

    def _writes(self) -> bool:
        return self._wants

    def decide(self, name: str) -> bool:
        """Does a host that has this variable alone reach the environment's tenant?"""
        variables = {name: "contoso.onmicrosoft.com", "inventory_hostname": "contoso"}
        try:
            return not self._foreign_environment(variables, self._check_names(variables))
        except Refused:
            return False


@pytest.mark.parametrize("name", sorted(M365 | LICENSE_STATE))
def test_no_single_error_writes(name: str) -> None:
    action = _Action(writes=True)
    assert [wrong for wrong in cases(single_errors(name)) if action.decide(wrong)] == []


@pytest.mark.parametrize("name", sorted(M365))
def test_no_single_error_reaches_the_tenant_of_the_environment(name: str) -> None:
    action = _Action(writes=False)
    assert [wrong for wrong in cases(single_errors(name)) if action.decide(wrong)] == []


PORTAL = ("m365_directory_id", "m365_application_id", "m365_app_secret")
"""What Entra's portal calls the tenant, the application and its secret."""


@pytest.mark.parametrize("name", [*PORTAL, "m365_tid", "m365_team", "m365_max_changes", "M365_Tid", "m365-app-key"])
@pytest.mark.parametrize("writes", [True, False], ids=["writes", "reads"])
def test_unknown_prefixed_name_bars_the_environments_tenant(name: str, *, writes: bool) -> None:
    assert not _Action(writes=writes).decide(name)


def test_refusal_of_a_users_own_name_says_the_prefix_is_reserved() -> None:
    variables = {"m365_team": "x", "inventory_hostname": "contoso"}
    with pytest.raises(Refused, match=r"no variable m365_team, .*begin with m365_ .*another name"):
        _Action(writes=True)._check_names(variables)
    action = _Action(writes=False)
    assert "begin with m365_" in action._foreign_environment(variables, action._check_names(variables))


class _Hosts(dict[str, dict[str, Any]]):
    """The variables of all hosts, as Ansible hands them out."""

    def raw_get(self, name: str) -> dict[str, Any]:
        """Those of one host, with templates as they are."""
        return self[name]


@pytest.mark.parametrize("name", [*PORTAL, "m365_team", "m365_tennant_id"])
def test_unknown_name_of_one_host_bars_the_environment_for_all(name: str) -> None:
    action = _Action(writes=True)
    variables: dict[str, Any] = {"inventory_hostname": "contoso", "groups": {"all": ["contoso", "fabrikam"]}}
    assert action._foreign_environment({**variables, "hostvars": _Hosts(fabrikam={"team": "x"})}, []) == ""
    result = {"changed": False, "failed": False}
    assert action._foreign_environment({**variables, "hostvars": _Hosts(fabrikam={"m365_audit": result})}, []) == ""
    said = action._foreign_environment({**variables, "hostvars": _Hosts(fabrikam={name: "x"})}, [])
    assert "host 'fabrikam' has" in said
    assert name in said


@pytest.mark.parametrize("name", ["licencestate_maxchanges", "licensestate_maximum", "license-state-" + "long_" * 20])
def test_a_guard_with_two_errors_at_once_is_not_left_out(name: str) -> None:
    assert not _Action(writes=True).decide(name)


@pytest.mark.parametrize("name", sorted(M365 | LICENSE_STATE))
def test_no_pair_of_errors_that_was_drawn_does(name: str) -> None:
    chance = random.Random(name)
    for writes in sorted({True, name not in M365}):
        action = _Action(writes=writes)
        assert [wrong for wrong in cases(two_errors(name, chance, 150)) if action.decide(wrong)] == []


@pytest.mark.parametrize("name", ["m365_tenant_id", "license_state_protected"])
def test_a_right_name_of_a_setting_is_let_through(name: str) -> None:
    """The decision is about names: one that is right is no error (and the test can tell)."""
    action = _Action(writes=True)
    assert action._check_names({name: "x", "inventory_hostname": "contoso"}) == []


@pytest.mark.parametrize("name", sorted(M365 | LICENSE_STATE))
def test_a_misspelt_name_with_a_dash_is_found_in_any_case(name: str) -> None:
    action = _Action(writes=True)
    assert not any(map(action.decide, (name.replace("_", "-"), name.upper(), name.title(), name.replace("_", ""))))


def refusal(name: str) -> str:
    """What refuses a variable of the environment, which has another tool's credential besides; empty: nothing does."""
    try:
        options_from({}, {**FOREIGN, name: "contoso.example"})
    except ConfigurationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", OURS)
def test_one_typo_never_selects_another_tools_tenant(name: str) -> None:
    """The right variable would have won over those of other tools; a wrong one must not hand the run to them."""
    assert options_from({}, FOREIGN).tenant_id == "fabrikam.example"
    assert [wrong for wrong in cases(single_errors(name, upper=True)) if wrong not in refusal(wrong)] == []


def test_environment_errors_come_together_without_values() -> None:
    with pytest.raises(ConfigurationError) as caught:
        options_from({}, {**FOREIGN, "M365_TENANTID": "hidden-one", "M365_CLIENT_SECERT": "hidden-two"})
    assert "M365_TENANTID, which this collection does not read (did you mean M365_TENANT_ID?)" in str(caught.value)
    assert "did you mean M365_CLIENT_SECRET?" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_error_in_an_unused_variable_is_ignored() -> None:
    """A host with variables of its own asks the environment for nothing that signs in."""
    own = {"tenant_id": "contoso.example", "client_id": FOREIGN["AZURE_CLIENT_ID"], "client_secret": "a-long-secret"}
    found = options_from({**own, "use_environment": False}, {"M365_TENANTID": "fabrikam.example"})
    assert found.tenant_id == "contoso.example"
    with pytest.raises(ConfigurationError, match="M365_LOGINURL"):
        options_from({**own, "use_environment": False}, {"M365_LOGINURL": "https://login.example"})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("M365_DIRECTORY_ID", "M365_TENANT_ID"),
        ("M365_APPLICATION_ID", "M365_CLIENT_ID"),
        ("M365_APP_ID", "M365_CLIENT_ID"),
        ("M365_APP_SECRET", "M365_CLIENT_SECRET"),
        ("M365_TID", ""),
        ("M365_USERNAME", ""),
        ("M365_LAB", ""),
        ("M365_CONTROL_URL_", ""),
        ("M365-TEAM", ""),
        ("m365_team", ""),
        ("M365_" + "LONG_NAME_" * 9, ""),
    ],
)
def test_unknown_prefixed_name_in_the_environment_is_an_error(name: str, meant: str) -> None:
    said = refusal(name)
    assert f"the environment has {name}, which this collection does not read" in said
    assert f"(did you mean {meant}?)" in said if meant else "begin with M365_" in said
    own = {"tenant_id": "contoso.example", "client_id": FOREIGN["AZURE_CLIENT_ID"], "client_secret": "a-long-secret"}
    assert options_from({**own, "use_environment": False}, {name: "x"}).tenant_id == "contoso.example"


@pytest.mark.parametrize(
    "name",
    [
        "M365_CONTROL_URL",
        "M365_LONG",
        "M365_TEST_COLLECTIONS",
        "M365DSCTelemetryEnabled",
        "AZURE_SUBSCRIPTION_ID",
        "PATH",
    ],
)
def test_what_somebody_else_has_in_the_environment_is_left_alone(name: str) -> None:
    assert options_from({}, {**FOREIGN, name: "x"}).source == "client_secret"
