# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of the plugins, in the order of their imports."""

from __future__ import annotations

from pathlib import Path

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
UTILS = "ansible_collections.m365.licensing.plugins.module_utils"
PACKAGES = (
    *("_common", "_files", "_licensing", "_http", "_auth", "_graph", "_exchange", "_planning", "_rules", "_reporting"),
    *("_explain", "_audit", "_assign", "_remediate", "_ansible", "modules"),
)
"""A package may import those before it, and no other."""
PURE = ("_common", "_licensing", "_planning", "_reporting", "_explain")
