# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before the module ``m365_license_plan`` runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.m365.licensing.plugins.plugin_utils._action import LicensingAction
from ansible_collections.m365.licensing.plugins.plugin_utils._variables import OF_THE_AUDIT, Unknown


class ActionModule(LicensingAction):
    """The module, with the options of its host's variables."""

    def _check_names(self, variables: Mapping[str, Any]) -> list[Unknown]:
        if self._by_variables() and OF_THE_AUDIT in variables:
            self._display.warning(f"{OF_THE_AUDIT} has no effect here: the playbook audit alone reads it.")
        return super()._check_names(variables)

    def _writes(self) -> bool:
        return bool(self._task.args.get("mode") == "apply")
