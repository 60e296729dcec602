# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say how an audit looks at a tenant."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of ``_audit_module.AUDIT_SPEC``; ``strategy``, which is for whole tenants, stands apart."""

    DOCUMENTATION = r"""
options:
  recipient_types:
    description:
      - What to look at.
      - V(archive) is the cloud archive of a user whose mailbox is on premises. V(soft_deleted) is a mailbox that is
        disconnected already, while its user lives.
      - If not specified, all of them.
    type: list
    elements: str
    choices: [user, shared, room, equipment, archive, soft_deleted]
  grace_period_days:
    description:
      - How many days after its creation a mailbox without a license is kept.
      - Microsoft says 30. Older versions of the same article said 60; only use that if you know that it holds for your
        tenant. The 30 days after a license was removed, or after a soft deletion, are documented apart and not
        affected.
    type: int
    default: 30
  exclude:
    description:
      - Leave out users whose user principal name matches one of these patterns, as if they did not exist. V(*) and
        V(?) are wildcards, case does not matter.
      - The summary says how many each pattern left out. A pattern that nobody fits is told in a warning.
    type: list
    elements: str
    default: []
  shared_mailbox_sizes:
    description:
      - How to find shared, room and equipment mailboxes over 50 GB, which need Exchange Online Plan 2.
      - V(auto) asks the usage report of Microsoft Graph for those that come near (permission C(Reports.Read.All)) and
        then measures them. V(always) measures every shared, room and equipment mailbox, one request each. V(never)
        does neither.
      - Where there is no report, as in national clouds, or it conceals names and some mailbox is near the limit,
        V(auto) measures all of them if there are no more than 500, with a warning. More than 500 are not measured, and
        the audit is incomplete.
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
        description: Service plans that grant something the table does not know of.
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
        description: Names or IDs of service plans that grant nothing after all.
        type: list
        elements: str
        default: []
  now:
    description:
      - The time that dates are reckoned from, in ISO 8601. For reproducible reports. By default the clock of the host.
    type: str
  variable_prefix:
    description:
      - What precedes the names of the variables that the options come from.
      - With V(license_state_) messages name variables. Those with a similar name that nothing reads are a warning, or
        refused where the module would write.
    type: str
"""

    STRATEGY = r"""
options:
  strategy:
    description:
      - V(filtered) lets the services filter and reads details only of what they point to, so that an audit costs what
        is at risk and not what the tenant holds.
      - V(full) reads every mailbox and every user, and relies on no filter of the services.
      - Both give the same rows, once Exchange's record of a user's plans has followed a change of licenses, which
        takes it minutes to hours.
      - V(auto) is V(filtered) where the surface can filter (O(exchange_api=invoke_command)).
    type: str
    choices: [auto, filtered, full]
    default: auto
"""
