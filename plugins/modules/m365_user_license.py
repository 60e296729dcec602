#!/usr/bin/python
# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assign licenses to users, and remove them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: m365_user_license
short_description: Assign Microsoft 365 licenses to users, and remove them
version_added: 0.1.0
author:
  - m365.licensing contributors (@m365-licensing)
description:
  - Assigns the same licenses to many users in one task, or removes them. A task can handle tens of thousands of users.
  - Each user gets one C(assignLicense) request, which adds and removes at once, so that a swap leaves no gap.
    One batch contains 20 such requests.
  - The service may accept a swap, remove the old license, and then fail to assign the new one. If reading the user back
    shows that, and what is left lacks what the mailbox needs (a plan at all, or its archive, hold or size), the same
    run gives the old licenses back, with the same plans off. It also does if Exchange does not say what it needs.
    The user counts as failed, and the error says what happened. If the licenses cannot be given back, the error names
    the day until which a license restores the mailbox. With O(confirm=false) users are not read back, so nothing is
    given back.
  - A plan that an administrator has switched off stays off. In a swap, a plan that is off in the old license, and on in
    no other license, is off in the new one, unless C(enabled_plans) names it. The same applies to a plan that needs it,
    even if only a refusal of the service shows that. The row names these plans. Check mode says what it cannot predict.
  - A license that comes from a group counts as present and is never removed directly.
  - Every change is read back.
options:
  users:
    description:
      - User principal names or ids, in any case. A user who is named twice counts once.
      - With an empty list the module does nothing.
    type: list
    elements: str
    required: true
    aliases: [user]
  licenses:
    description:
      - The licenses.
      - The list may be empty with O(state=exact), which then removes every direct license.
      - It may also be the list of licenses of a row of this module, of M(m365.licensing.m365_license_plan), or of a
        record (RV(users[].before)). With O(state=exact) this restores the licenses of the user. Elements with
        O(licenses[].via=group) are ignored with a warning, because only the group assigns and removes them. So are
        elements with O(licenses[].via=direct) whose SKU the tenant no longer has.
    type: list
    elements: dict
    required: true
    suboptions:
      sku:
        description:
          - Part number (V(SPE_E3)), id, or product name (V(Microsoft 365 E3)), in any case.
          - Either this or O(licenses[].sku_id) is required.
        type: str
      sku_id:
        description: The id of the SKU. It takes precedence over O(licenses[].sku).
        type: str
        version_added: 0.1.0
      via:
        description:
          - How the license is assigned, as results say.
          - With V(direct), O(licenses[].disabled_plans) lists all plans that are to be off. All others are switched on.
          - With V(group) the element is ignored.
        type: str
        choices: [direct, group]
        version_added: 0.1.0
      group_id:
        description: The group that assigns the license, as results say. Only the warning uses it.
        type: str
        version_added: 0.1.0
      state:
        description: The state of the assignment, as results say. It is not used.
        type: str
        version_added: 0.1.0
      error:
        description: The error of the assignment, as results say. It is not used.
        type: str
        version_added: 0.1.0
      disabled_plans:
        description:
          - Service plans that are to be off, by name or id. Other plans stay as they are.
          - Without this and O(licenses[].enabled_plans) all plans are left as they are.
        type: list
        elements: str
      enabled_plans:
        description:
          - Service plans that are to be on, by name or id. All others are switched off.
          - Together with O(licenses[].disabled_plans), which may be empty, all others stay as they are. This switches
            on a single plan that was switched off, such as a mailbox plan.
        type: list
        elements: str
  state:
    description:
      - V(present) assigns the licenses, and does not change others.
      - V(absent) removes them where they are assigned directly.
      - V(exact) makes them the only direct licenses. A license whose SKU the tenant no longer has stays, and a
        note names it.
    type: str
    choices: [present, absent, exact]
    default: present
  remove:
    description:
      - Licenses to remove in the same request, by part number, id or product name. This swaps one license for another,
        and keeps all others.
      - Only direct assignments are removed. A license that comes from a group stays, and a note says so.
      - Only with O(state=present), where O(licenses) says what the users get. If no seat is left, nothing
        is removed either.
      - The guard of O(allow_uncovered) applies to it, too.
    type: list
    elements: str
    default: []
    version_added: 0.1.0
  usage_location:
    description:
      - Country of use, two letters (ISO 3166), for example V(DE). Microsoft requires a usage location before
        assigning a license.
      - Set only if the user has none, unless O(usage_location_force=true).
      - Null or an empty text counts as not set. Templates produce it from C(before) of a user without a usage location.
    type: str
  usage_location_force:
    description: Also replace a usage location that differs from O(usage_location).
    type: bool
    default: false
  on_insufficient_seats:
    description:
      - V(fail) refuses the task before the first write if there are not enough seats for all.
      - V(skip) licenses users in the order of O(users) as long as there are seats, and skips the others.
    type: str
    choices: [fail, skip]
    default: fail
  use_warning_seats:
    description: Also assign seats whose subscription has expired and is in its grace period.
    type: bool
    default: false
  on_error:
    description:
      - V(fail) hands out no further requests after the first user who fails. The result says which users were changed,
        failed, or were not tried.
      - V(continue) tries all users, reports each, and fails at the end if there was a failure.
      - A user who does not exist is an error before any write with V(fail), and a failed user with V(continue).
    type: str
    choices: [fail, continue]
    default: fail
  allow_uncovered:
    description:
      - Permit removing what keeps a mailbox or an archive. Microsoft deletes such a mailbox after its grace period.
      - Without it the task is refused before the first write, and the error names the users. This also applies when the
        change removes the last license that covers a mailbox. It applies to a change to a smaller plan if the mailbox
        has an archive, a hold or more than 50 GB. The 2 GB of a Kiosk plan are not checked. A mailbox over 50 GB whose
        user exchanges a Business license for Plan 1 is a warning, because only its own quota says that it had the room.
      - The module asks Exchange only about users who get a smaller plan, or none. If Exchange cannot be asked, the task
        is refused as well.
    type: bool
    default: false
  confirm:
    description: Read every user back after writing, until the change shows.
    type: bool
    default: true
  confirm_seconds:
    description:
      - How long to wait for changes to show, in seconds. Replicas of the directory show them after seconds to minutes.
      - A change that does not show in time counts as RV(users[].confirmation=accepted).
    type: float
    default: 60
  record_dir:
    description:
      - The directory for the record of a run that writes, a file of JSON lines that only its owner can read. It is
        created if it is missing.
      - The first line identifies the run. The module adds a line for each user as soon as the service has answered,
        with the licenses before and after. So a run that is killed loses one batch at most. If a user has several
        lines, the last one counts.
      - By default C(m365.licensing) in E(XDG_STATE_HOME) or C(~/.local/state).
      - If the file cannot be made, the task fails before the first write. Check mode, and a run without changes, create
        no file.
      - A directory that belongs to another user, or that every user can write to without the sticky bit, is refused.
        If a group can write to it, that is a warning.
    type: path
    version_added: 0.1.0
seealso:
  - module: m365.licensing.m365_user_license_info
  - module: m365.licensing.m365_subscription_info
  - module: m365.licensing.exo_unlicensed_mailbox_info
  - name: assignLicense
    description: What the service does with one request.
    link: https://learn.microsoft.com/graph/api/user-assignlicense
notes:
  - Application permissions of Microsoft Graph are C(LicenseAssignment.ReadWrite.All) and C(User.Read.All), with
    O(usage_location) also C(User.ReadWrite.All).
  - A change to a smaller plan needs C(Exchange.ManageAsApp) with the Entra role Global Reader, to find mailboxes with
    an archive, a hold or more than 50 GB. C(Reports.Read.All) saves one request for each mailbox if there are many.
extends_documentation_fragment:
  - m365.licensing.auth
  - m365.licensing.large
  - m365.licensing.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Give two people Microsoft 365 E3 without Yammer
  m365.licensing.m365_user_license:
    users:
      - anna@contoso.com
      - ben@contoso.com
    licenses:
      - sku: SPE_E3
        disabled_plans: [YAMMER_ENTERPRISE]
    usage_location: DE
  register: given

- name: Give them back what they had before
  m365.licensing.m365_user_license:
    users: ["{{ item.user_id }}"]
    licenses: "{{ item.before.licenses }}"
    usage_location: "{{ item.before.usage_location }}"
    state: exact
    allow_uncovered: true # if the mailbox had no license before
  loop: "{{ given.users | selectattr('status', 'eq', 'changed') }}"
  loop_control:
    label: "{{ item.user_principal_name }}"

- name: Swap Exchange Online (Plan 1) for Microsoft 365 E3 in one request, and leave all other licenses alone
  m365.licensing.m365_user_license:
    user: anna@contoso.com
    licenses:
      - sku: SPE_E3
    remove: [EXCHANGESTANDARD]

- name: Swap to Exchange Online (Plan 1), and remove every other direct license, in one request for each user
  m365.licensing.m365_user_license:
    user: anna@contoso.com
    licenses:
      - sku: EXCHANGESTANDARD
    state: exact

- name: License as many as there are seats, and go on after a failure
  m365.licensing.m365_user_license:
    users: "{{ people }}"
    licenses:
      - sku: Exchange Online (Plan 1)
    usage_location: DE
    on_insufficient_seats: skip
    on_error: continue
  register: licensed

- name: Remove a license, also where the mailbox loses its last one
  m365.licensing.m365_user_license:
    users: [ben@contoso.com]
    licenses:
      - sku: SPE_E3
    state: absent
    allow_uncovered: true
"""

RETURN = r"""
users:
  description:
    - The result for each user. In check mode the predicted result.
    - In the order of O(users); users who do not exist come last.
    - Empty if O(output_path) is given, or if there are more rows than O(max_rows).
  returned: always, unless the task was refused before the users were read
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
    status:
      description:
        - V(unchanged) needed nothing.
        - V(changed) was written.
        - V(skipped) was not tried, and nothing was written; RV(users[].error) says why.
        - V(failed) was refused, or throttled to the end of the run; RV(users[].error) says why.
      type: str
      sample: changed
    confirmation:
      description:
        - V(confirmed) was read back.
        - V(accepted) was written and does not show yet.
        - Empty where nothing was written.
      type: str
      sample: confirmed
    before:
      description: Usage location and licenses before.
      type: dict
      sample: {usage_location: DE, licenses: []}
    after:
      description: Usage location and licenses after, as read back, or as predicted if they were not read back.
      type: dict
      sample:
        usage_location: DE
        licenses:
          - sku: SPE_E3
            sku_id: 05e9a617-0261-4cee-bb44-138d3ef5d965
            via: direct
            group_id:
            state: Active
            error:
            disabled_plans: [YAMMER_ENTERPRISE]
    error:
      description: Why the user was skipped or failed, with a C(code) for programs, a C(message), and a C(hint).
      type: dict
      sample:
        code: no_seats
        message: No seat of SPE_E3 is left for this user.
        hint: Buy seats or free some, then run again.
    notes:
      description:
        - Notes about the change, for example what a direct assignment cannot change, because a group decides it.
        - Others name plans that a swap leaves off, a license that is not needed beside a better Exchange plan, an
          Exchange plan that is off, and in check mode what cannot be predicted.
      type: list
      elements: str
    service_disabled_plans:
      description:
        - Names of plans that the service has switched off although the task did not ask for that, by the id of the SKU.
        - Two SKUs of a tenant can have one part number.
      type: dict
      sample: {05e9a617-0261-4cee-bb44-138d3ef5d965: [MESH_AVATARS_FOR_TEAMS]}
summary:
  description:
    - How many users there are of each RV(users[].status) and RV(users[].confirmation), and C(users) in all.
    - C(unknown) counts the failed users for whom it is not known whether the service made the change.
  returned: always, unless the task was refused before the users were read
  type: dict
  sample: {users: 2, unchanged: 0, changed: 2, skipped: 0, failed: 0, confirmed: 2, accepted: 0, unknown: 0}
rows_left_out:
  description: How many rows RV(users) would have otherwise.
  returned: when O(output_path) is given, or there are more rows than O(max_rows)
  type: int
  sample: 12000
first_rows:
  description: The first 20 rows. Users who failed or were skipped come before all others.
  returned: when O(output_path) is given, or there are more rows than O(max_rows)
  type: list
  elements: dict
output_path:
  description: The file that holds the rows.
  returned: when O(output_path) is given
  type: str
uncovered:
  description: The users whose mailbox or archive would lose what keeps it, or may lose it.
  returned: when the task was refused because of them
  type: list
  elements: str
  sample: [ben@contoso.com]
without_usage_location:
  description: The users who have no usage location and get none by this task.
  returned: when the task was refused because of them
  type: list
  elements: str
  sample: [ben@contoso.com]
shortage:
  description: The SKUs of which more seats are needed than are left.
  returned: when the task was refused because seats are missing
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
    needed:
      description: Seats that the task needs.
      type: int
      sample: 12
    left:
      description: Seats that are left.
      type: int
      sample: 3
tenant:
  description: The tenant that the credentials belong to. Warnings begin with its initial domain, or with its ID.
  returned: when O(users) is not empty, unless the task was refused before the first request
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
record_path:
  description: The file that records what was written, user by user. See O(record_dir).
  returned: when something was to be written, not in check mode
  type: str
  sample: /home/ops/.local/state/m365.licensing/contoso.onmicrosoft.com-20261124T081500Z-5f3a9c01.record.jsonl
requests:
  description: How many HTTP requests the task has sent, those for tokens included.
  returned: always
  type: int
  sample: 6
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
writes_per_second:
  description:
    - Writes of licenses and usage locations that Graph carried out in a second, while they went on. Microsoft's quota
      is 20.
  returned: when something was written
  type: float
  sample: 18.7
auth:
  description: Which way of signing in was used, and why.
  returned: always
  type: dict
  sample: {source: client_secret, reason: client_id and client_secret are set}
"""

from ansible_collections.m365.licensing.plugins.module_utils._ansible.large_results import LARGE_SPEC, large
from ansible_collections.m365.licensing.plugins.module_utils._ansible.module import run_module
from ansible_collections.m365.licensing.plugins.module_utils._ansible.record import RECORD_SPEC
from ansible_collections.m365.licensing.plugins.module_utils._ansible.user_license_module import run_user_license

ARGUMENTS = {
    "users": {"type": "list", "elements": "str", "required": True, "aliases": ["user"]},
    "licenses": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "required_one_of": [["sku", "sku_id"]],
        "options": {
            "sku": {"type": "str"},
            "sku_id": {"type": "str"},
            "via": {"type": "str", "choices": ["direct", "group"]},
            "group_id": {"type": "str"},
            "state": {"type": "str"},
            "error": {"type": "str"},
            "disabled_plans": {"type": "list", "elements": "str"},
            "enabled_plans": {"type": "list", "elements": "str"},
        },
    },
    "state": {"type": "str", "choices": ["present", "absent", "exact"], "default": "present"},
    "remove": {"type": "list", "elements": "str", "default": []},
    "usage_location": {"type": "str"},
    "usage_location_force": {"type": "bool", "default": False},
    "on_insufficient_seats": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
    "use_warning_seats": {"type": "bool", "default": False},
    "on_error": {"type": "str", "choices": ["fail", "continue"], "default": "fail"},
    "allow_uncovered": {"type": "bool", "default": False},
    "confirm": {"type": "bool", "default": True},
    "confirm_seconds": {"type": "float", "default": 60},
}


def main() -> None:
    """Run the module."""
    spec = {**ARGUMENTS, **LARGE_SPEC, **RECORD_SPEC}
    # so that "before" and "after" of a user can be given back as they are
    run_module(spec, large("users", run_user_license), supports_check_mode=True, nullable=("usage_location",))


if __name__ == "__main__":
    main()
