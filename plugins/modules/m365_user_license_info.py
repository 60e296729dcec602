#!/usr/bin/python
# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the licenses of users."""

from __future__ import annotations

DOCUMENTATION = r"""
module: m365_user_license_info
short_description: Read the Microsoft 365 licenses of users
version_added: 0.1.0
author:
  - m365.licensing contributors (@m365-licensing)
description:
  - Reads which licenses users have, whether directly or from a group, in what state, and which of their plans are off.
  - Returns what the enabled plans of each user grant, for example a mailbox or an archive.
options:
  users:
    description:
      - User principal names or ids, in any case. A user who is named twice counts once.
      - Without it the service returns all users who have a license.
      - A user who does not exist is an error.
    type: list
    elements: str
    aliases: [user]
  sku:
    description:
      - Only users who have this SKU, by part number (V(SPE_E3)), id, or product name.
      - Without O(users) the service searches, and finds only users whose assignment is not in error.
    type: str
seealso:
  - module: m365.licensing.m365_user_license
  - module: m365.licensing.m365_subscription_info
  - module: m365.licensing.exo_unlicensed_mailbox_info
notes:
  - Application permissions of Microsoft Graph are C(User.Read.All) and C(LicenseAssignment.Read.All).
extends_documentation_fragment:
  - m365.licensing.auth
  - m365.licensing.large
  - m365.licensing.attributes
  - m365.licensing.attributes.info
"""

EXAMPLES = r"""
- name: Read the licenses of two people
  m365.licensing.m365_user_license_info:
    users:
      - anna@contoso.com
      - ben@contoso.com
  register: licenses

- name: Read who has Microsoft 365 E3
  m365.licensing.m365_user_license_info:
    sku: SPE_E3
  register: holders

- name: Write the licenses of a large tenant to a file
  m365.licensing.m365_user_license_info:
    output_path: /tmp/licenses.jsonl

- name: Show those whose licenses grant no mailbox
  ansible.builtin.debug:
    msg: "{{ holders.users | rejectattr('covered') | map(attribute='user_principal_name') }}"
"""

RETURN = r"""
users:
  description:
    - The users, in the order of O(users), or as the service lists them.
    - Empty if O(output_path) is given, or if there are more rows than O(max_rows).
  returned: success
  type: list
  elements: dict
  contains:
    user_id:
      description: Id of the user.
      type: str
      sample: 11111111-2222-3333-4444-555555555555
    user_principal_name:
      description: Name of the user.
      type: str
      sample: anna@contoso.com
    display_name:
      description: Display name.
      type: str
      sample: Anna Berg
    user_type:
      description: V(Member) or V(Guest).
      type: str
      sample: Member
    account_enabled:
      description: Whether the user can sign in.
      type: bool
      sample: true
    on_premises_sync:
      description: Whether the user comes from a directory on premises.
      type: bool
      sample: false
    usage_location:
      description: Country of use, two letters, or null.
      type: str
      sample: DE
    licenses:
      description: One entry for each SKU, and for each assignment of it.
      type: list
      elements: dict
      contains:
        sku:
          description: Part number.
          type: str
          sample: SPE_E3
        sku_id:
          description: Id of the SKU.
          type: str
          sample: 05e9a617-0261-4cee-bb44-138d3ef5d965
        via:
          description: V(direct) or V(group).
          type: str
          sample: direct
        group_id:
          description: The group that the license comes from, or null.
          type: str
        state:
          description: State of the assignment, V(Active), V(ActiveWithError), V(Disabled), V(Error).
          type: str
          sample: Active
        error:
          description: What is wrong with the assignment, or null.
          type: str
        disabled_plans:
          description: Names of the service plans that are off in this assignment.
          type: list
          elements: str
          sample: [YAMMER_ENTERPRISE]
    covered:
      description:
        - What the working plans grant, any of V(plan1), V(plan2), V(kiosk) (mailboxes), V(archiving) (the add-on for
          archive and hold), V(archive) (the archive of a mailbox on premises).
        - Empty where they grant neither mailbox nor archive. Plans without mailbox rights do not count.
      type: list
      elements: str
      sample: [plan2]
summary:
  description: Counts of the users in RV(users), those included who are left out there.
  returned: success
  type: dict
  contains:
    users:
      description: All of them.
      type: int
      sample: 12000
    covered:
      description: Those whose RV(users[].covered) is not empty.
      type: int
      sample: 11950
    by_sku:
      description:
        - For each SKU, by its id, the part number (C(sku)) and how many have it (C(users)), in any state and any way.
        - Two SKUs of a tenant can have one part number.
      type: dict
      sample: {05e9a617-0261-4cee-bb44-138d3ef5d965: {sku: SPE_E3, users: 11900}}
rows_left_out:
  description: How many rows RV(users) would have otherwise.
  returned: when O(output_path) is given, or there are more rows than O(max_rows)
  type: int
  sample: 12000
first_rows:
  description: The first 20 rows.
  returned: when O(output_path) is given, or there are more rows than O(max_rows)
  type: list
  elements: dict
output_path:
  description: The file that holds the rows.
  returned: when O(output_path) is given
  type: str
tenant:
  description: The tenant that the credentials belong to. Warnings begin with its initial domain, or with its ID.
  returned: when O(expected_domain) or E(M365_EXPECTED_DOMAIN) is set
  type: dict
  contains:
    id:
      description: ID of the tenant.
      type: str
      sample: 11111111-2222-3333-4444-555555555555
    initial_domain:
      description: The domain that the tenant was created with. Null where C(Organization.Read.All) is missing.
      type: str
      sample: contoso.onmicrosoft.com
    display_name:
      description: Display name of the tenant. Null where C(Organization.Read.All) is missing.
      type: str
      sample: Contoso AG
requests:
  description: How many HTTP requests the task has sent, those for tokens included.
  returned: always
  type: int
  sample: 3
seconds:
  description: How long the work took, from the first request to the last.
  returned: always, unless the options were refused
  type: float
  sample: 4.2
throttled_seconds:
  description: How many seconds of it the run waited for a service's quota, after or before it throttled.
  returned: always, unless the options were refused
  type: float
  sample: 0.0
rate:
  description: Requests a second.
  returned: always, unless the options were refused
  type: float
  sample: 6.3
auth:
  description: Which way of signing in was used, and why.
  returned: always
  type: dict
  sample: {source: client_secret, reason: client_id and client_secret are set}
"""

from ansible_collections.m365.licensing.plugins.module_utils._ansible.large_results import LARGE_SPEC, large
from ansible_collections.m365.licensing.plugins.module_utils._ansible.license_info import user_license_info
from ansible_collections.m365.licensing.plugins.module_utils._ansible.module import Context, run_module
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN

ARGUMENTS = {
    **LARGE_SPEC,
    "users": {"type": "list", "elements": "str", "aliases": ["user"]},
    "sku": {"type": "str"},
}


def read(context: Context) -> dict[str, object]:
    """Options in, one call, result out."""
    return user_license_info(context.graph, BUILTIN, users=context.params["users"], sku=context.params["sku"])


def main() -> None:
    """Run the module."""
    run_module(ARGUMENTS, large("users", read), supports_check_mode=True)


if __name__ == "__main__":
    main()
