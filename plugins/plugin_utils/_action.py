# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepares the options of a module on the controller, from the variables of the host and the hosts of the play.

It is part of the task of the module, so no tag and no ``--start-at-task`` skips it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.plugins.action.normal import ActionModule  # type: ignore[import-untyped]
from ansible_collections.m365.licensing.plugins.module_utils._common.option_values import PATHS as SIGN_IN_PATHS
from ansible_collections.m365.licensing.plugins.module_utils._common.option_values import is_path
from ansible_collections.m365.licensing.plugins.module_utils._common.similar_names import is_reserved
from ansible_collections.m365.licensing.plugins.plugin_utils._variables import (
    CREDENTIALS,
    LICENSE_STATE,
    M365,
    OPTIONS,
    WAYS,
    Unknown,
    signs_in,
    unknown_variables,
)

PATHS = (
    "ca_path",
    "certificate_path",
    "federated_token_file",
    "output_path",
    "progress_path",
    "record_dir",
    "report_dir",
    "rules_file",
)
"""Options that are paths. A module with a local connection runs in the folder of the playbook."""


MODE = "license_state_mode"
"""The variable without which a run is a plan."""
RENAME = "Names that begin with m365_ are reserved for this collection: give a variable of your own another name."


class Refused(Exception):
    """The task must not run; the message says why, and what to do."""


class LicensingAction(ActionModule):  # type: ignore[misc]
    """Takes options from the host's variables, and refuses what would reach the wrong tenant or ignore a guard."""

    def run(self, tmp: Any = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Prepare the options, and run the module as Ansible does."""
        variables = task_vars or {}
        try:
            misspelt = self._check_names(variables)
            self._task.args = self._options(dict(self._task.args), variables, misspelt)
        except Refused as error:
            detail = {"code": "invalid_variables", "message": str(error), "hint": ""}
            return {"failed": True, "changed": False, "msg": str(error), "error": detail}
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result

    def _writes(self) -> bool:
        """Would the module write, were it not for check mode?"""
        return False

    def _by_variables(self) -> bool:
        """Does the module take options from the variables of the role?"""
        return bool(self._task.args.get("variable_prefix") == "license_state_")

    def _check_names(self, variables: Mapping[str, Any]) -> list[Unknown]:
        """Warn of variables that may be misspelt, and return them.

        Raises Refused if the module writes, or if one of them asks it to write: such a job would only plan each night,
        and succeed.
        """
        unknown = unknown_variables(variables, M365 | LICENSE_STATE if self._by_variables() else M365)
        if not unknown:
            return []
        names = ", ".join(map(str, unknown))
        host = variables.get("inventory_hostname", "")
        text = f"host {host}: this collection has no variable {names}, so it has no effect."
        text += f" {RENAME}" if any(is_reserved(wrong.name) for wrong in unknown) else ""
        if self._writes():
            raise Refused(f"Refused, nothing was written: {text} Correct or remove it.")
        if any(wrong.meant == MODE and "apply" in str(variables.get(wrong.name)).casefold() for wrong in unknown):
            raise Refused(f"Refused: {text} It asks to apply, and the run would only plan. Correct or remove it.")
        self._display.warning(text)
        return unknown

    def _options(
        self, options: dict[str, Any], variables: Mapping[str, Any], misspelt: Sequence[Unknown]
    ) -> dict[str, Any]:
        """The options of the task, and of the host's variables where the task has none."""
        given = any(name in options for name in CREDENTIALS)
        options |= self._from_variables(options, variables)
        if any(f"m365_{name}" in variables for name in CREDENTIALS):
            options["use_environment"] = False
        elif why := self._foreign_environment(variables, misspelt):
            if not given:
                raise Refused(why)
            options["use_environment"] = False
        if self._connection.transport == "local":
            # What the user wrote is relative to where the user is, and not to where the collection is installed.
            for name in PATHS:
                if isinstance(options.get(name), str) and options[name].strip():
                    options[name] = _absolute(name, options[name])
        return options

    def _from_variables(self, options: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        """Options of the host's variables that the task lacks. Raises Refused for an empty one."""
        way_given = any(name in options for name in WAYS)
        wanted = [name for name in OPTIONS if name not in options and not (way_given and name in WAYS)]
        found = {}
        for name in [name for name in wanted if f"m365_{name}" in variables]:
            value = self._templar.template(variables[f"m365_{name}"])
            if value is None or not str(value).strip():
                raise Refused(f"m365_{name}: is empty (null or a blank text); set a value, or remove the variable.")
            if not _is_omitted(value):
                found[name] = value
        return found

    def _foreign_environment(self, variables: Mapping[str, Any], misspelt: Sequence[Unknown]) -> str:
        """Why the environment must not select the tenant of this host; empty if it may."""
        host = variables.get("inventory_hostname", "")
        if names := ", ".join(str(wrong) for wrong in misspelt if wrong.meant in M365 or is_reserved(wrong.name)):
            # Any such variable counts, because a host with its own variables has another tenant than the environment.
            return (
                f"Host {host!r} has {names}, and no variable that this collection reads to sign in with. Correct it; "
                f"the environment's tenant is not used instead. {RENAME}"
            )
        hosts = variables.get("ansible_play_hosts_all") or ()
        lack = f"Host {host!r} has no variables m365_* to sign in with"
        advice = (
            f"Set m365_tenant_id and the other variables m365_* of host {host!r}; "
            "the environment's tenant is only used if no host has such variables."
        )
        if len(hosts) > 1:
            return f"{lack}, and the play has {len(hosts)} hosts. {advice}"
        others = variables.get("hostvars")
        for name in variables.get("groups", {}).get("all", ()):
            if name != host and others is not None and (theirs := signs_in(others.raw_get(name))):
                return f"{lack}, but host {name!r} has {theirs}. {advice}"
        return ""


def _absolute(option: str, text: str) -> str:
    """The absolute path. What may be a secret stays as it is, because it would look like a path otherwise."""
    path = Path(os.path.expandvars(text))
    try:
        place = Path.cwd() / path.expanduser()
        known = option not in SIGN_IN_PATHS or is_path(text) or place.exists()
    except (OSError, RuntimeError, ValueError):  # an unknown user or an impossible name, which the module reports
        return text
    return str(place) if known else text


def _is_omitted(value: Any) -> bool:
    """Is this Ansible's sign for an option that is left out? Before ansible-core 2.19 it is a text."""
    return type(value).__name__ == "_OmitType" or str(value).startswith("__omit_place_holder__")
