# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say how an audit looks at a tenant."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of ``audit_module.AUDIT_SPEC``. ``STRATEGY`` is for modules that audit whole tenants."""

    DOCUMENTATION = r"""
options:
  recipient_types:
    description:
      - The kinds of recipients to audit.
      - V(archive) is the cloud archive of a user whose mailbox is on premises. V(soft_deleted) is a mailbox that is
        disconnected while its user still exists.
      - If not specified, the audit covers all of them.
    type: list
    elements: str
    choices: [user, shared, room, equipment, archive, soft_deleted]
  grace_period_days:
    description:
      - How many days after its creation a mailbox without a license is kept.
      - Microsoft documents 30 days. Older versions of the same article said 60. Use that only if you know that it
        applies to your tenant. The option does not change the 30 days after the removal of a license or after a soft
        deletion.
    type: int
    default: 30
  exclude:
    description:
      - Leave out users whose user principal name matches one of these patterns, as if they did not exist. V(*) and
        V(?) are wildcards, case does not matter.
      - The summary counts how many each pattern left out. A warning names each pattern that matches no user.
    type: list
    elements: str
    default: []
  shared_mailbox_sizes:
    description:
      - How to find shared, room and equipment mailboxes over 50 GB, which need Exchange Online Plan 2.
      - V(auto) asks the usage report of Microsoft Graph for those near 50 GB (permission C(Reports.Read.All)), and
        measures these. V(always) measures every shared, room and equipment mailbox, one request each. V(never)
        does neither.
      - If there is no report, as in national clouds, or if it conceals names and a mailbox is near the limit, V(auto)
        measures up to 500 mailboxes, with a warning. More than 500 are not measured, and the audit is incomplete.
      - O(exchange_api=v2) measures no mailbox. With V(auto) a warning names those that the report puts near 50 GB.
        Without a report, and with V(always), the audit is incomplete.
    type: str
    choices: [auto, always, never]
    default: auto
  mailbox_plans:
    description: Corrections to the built-in table of the service plans that grant a mailbox or an archive.
    type: dict
    suboptions:
      add:
        description: Service plans that grant something that the table does not contain.
        type: list
        elements: dict
        default: []
        suboptions:
          plan:
            description: Name or ID of the service plan.
            type: str
            required: true
          grants:
            description: What it grants.
            type: str
            required: true
            choices: [plan1, plan2, kiosk, archiving, archive]
      remove:
        description: Names or IDs of service plans that grant neither a mailbox nor an archive.
        type: list
        elements: str
        default: []
  now:
    description:
      - The time that deadlines are calculated from, in ISO 8601, for reproducible reports. By default the clock of the
        host.
    type: str
  variable_prefix:
    description:
      - The prefix of the variables that the options come from.
      - With V(license_state_) messages name these variables. A variable with a similar name that no option reads is a
        warning. If the module would write, it is an error.
    type: str
"""

    STRATEGY = r"""
options:
  strategy:
    description:
      - V(filtered) lets the services filter, and reads details of their results alone. Its cost depends on the number
        of mailboxes at risk, and not on the size of the tenant.
      - V(full) reads every mailbox and every user, and relies on no filter of the services.
      - Both return the same rows. After a change of licenses, Exchange takes minutes to hours to update the record of
        plans that V(filtered) uses.
      - V(auto) is V(filtered) if the API can filter (O(exchange_api=invoke_command)), and V(full) if not.
    type: str
    choices: [auto, filtered, full]
    default: auto
"""
