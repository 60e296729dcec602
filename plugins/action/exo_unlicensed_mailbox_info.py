# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before the module ``exo_unlicensed_mailbox_info`` runs."""

from __future__ import annotations

from ansible_collections.m365.licensing.plugins.plugin_utils._action import LicensingAction


class ActionModule(LicensingAction):
    """The module, with the options of its host's variables."""
