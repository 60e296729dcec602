# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before the module ``m365_permissions_info`` runs."""

from __future__ import annotations

from ansible_collections.m365.licensing.plugins.plugin_utils._action import LicensingAction


class ActionModule(LicensingAction):
    """The module, with the options of its host's variables. It looks at those of the role's for misspelt ones."""

    def _by_variables(self) -> bool:
        return True
