# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes that every module states."""

from __future__ import annotations


class ModuleDocFragment:
    """What the attributes mean. A module adds ``support`` for ``check_mode``, ``diff_mode`` and ``idempotent``."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the tenant.
  diff_mode:
    description:
      - Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled or queried by the module has not changed in a relevant way.
  action_group:
    description: Use C(group/m365.licensing.m365) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - m365.licensing.m365
  platform:
    description: Target OS/families that can be operated against.
    support: full
    platforms: posix
"""
