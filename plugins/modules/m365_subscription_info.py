#!/usr/bin/python
# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the SKUs of the tenant."""

from __future__ import annotations

DOCUMENTATION = r"""
module: m365_subscription_info
short_description: Read the SKUs of the tenant, their seats and plans
version_added: 0.1.0
author:
  - m365.licensing contributors (@m365-licensing)
description:
  - Reads every SKU that the tenant has, how many seats are left, which service plans it carries, what these grant, and
    when its subscriptions are renewed or move to their next state.
  - A SKU whose subscriptions have all ended, or have not begun, is listed without seats.
seealso:
  - module: m365.licensing.m365_user_license
  - module: m365.licensing.m365_user_license_info
notes:
  - Application permissions of Microsoft Graph are C(LicenseAssignment.Read.All) for the SKUs and
    C(Organization.Read.All) for the subscriptions. If the subscriptions cannot be read, a warning says so.
extends_documentation_fragment:
  - m365.licensing.auth
  - m365.licensing.attributes
  - m365.licensing.attributes.info
"""

EXAMPLES = r"""
- name: Read the SKUs
  m365.licensing.m365_subscription_info:
  register: subscriptions

- name: Show which SKUs can cover a mailbox today
  ansible.builtin.debug:
    msg: "{{ item.sku }} ({{ item.product_name }}): {{ item.seats.available }} seats left"
  loop: "{{ subscriptions.skus | selectattr('grants') | selectattr('seats.available') }}"
  loop_control:
    label: "{{ item.sku }}"

- name: Show what ends, and leave out what is renewed
  ansible.builtin.debug:
    msg: "{{ item.sku }} moves to its next state on {{ item.next_lifecycle }}"
  loop: "{{ subscriptions.skus | selectattr('next_lifecycle_kind', 'eq', 'next_state') }}"
  loop_control:
    label: "{{ item.sku }}"
"""

RETURN = r"""
skus:
  description: The SKUs, sorted by part number.
  returned: success
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
    product_name:
      description: Product name. Empty if Microsoft's table does not contain the SKU.
      type: str
      sample: Microsoft 365 E3
    subscribed:
      description:
        - Whether the tenant lists the SKU.
        - If V(false), the tenant only has subscriptions of it. RV(skus[].capability_status) is their best state,
          RV(skus[].plans) comes from Microsoft's table, and all seats are 0.
      type: bool
      sample: true
    capability_status:
      description: V(Enabled), V(Warning), V(Suspended), V(LockedOut) or V(Deleted).
      type: str
      sample: Enabled
    applies_to:
      description: V(User) or V(Company). Only the former can be assigned.
      type: str
      sample: User
    seats:
      description:
        - Seats by state.
        - RV(skus[].seats.available) are those that can be assigned now.
      type: dict
      contains:
        enabled:
          description: Paid for.
          type: int
          sample: 100
        warning:
          description: Expired, in their grace period.
          type: int
          sample: 0
        suspended:
          description: Suspended. They cannot be assigned.
          type: int
          sample: 0
        locked_out:
          description: Locked out. They cannot be assigned.
          type: int
          sample: 0
        consumed:
          description: Assigned.
          type: int
          sample: 97
        available:
          description: Can be assigned now.
          type: int
          sample: 3
        available_with_warning:
          description: Can be assigned now, including those in their grace period.
          type: int
          sample: 3
    plans:
      description: The service plans of the SKU, sorted by name.
      type: list
      elements: dict
      contains:
        plan:
          description: Name.
          type: str
          sample: EXCHANGE_S_ENTERPRISE
        plan_id:
          description: Id of the plan.
          type: str
          sample: efb87545-963c-4e0d-99df-69c6916d9eb0
        applies_to:
          description: V(User) or V(Company). The latter cannot be off for one user.
          type: str
          sample: User
        provisioning_status:
          description: State of the plan in the tenant.
          type: str
          sample: Success
        grants:
          description: What the plan grants, as in RV(skus[].grants), or null.
          type: str
          sample: plan2
    grants:
      description:
        - What the SKU grants, any of V(plan1), V(plan2), V(kiosk) (mailboxes), V(archiving), V(archive).
        - Empty for a SKU without mailbox rights, or of which these are not known.
      type: list
      elements: str
      sample: [plan2]
    no_mailbox_rights:
      description: The SKU carries an Exchange plan, but no right to a mailbox (Microsoft 365 F1).
      type: bool
      sample: false
    mailbox_rights_unknown:
      description:
        - Whether it is not known if the SKU carries the right to a mailbox.
        - That is so for a SKU that no table has, if its only Exchange plan is Kiosk, beside Teams, without a plan of
          Office or SharePoint.
      type: bool
      sample: false
    next_lifecycle:
      description: The earliest date on which a subscription of the SKU is renewed or moves to its next state, or null.
      type: str
      sample: "2026-12-31T00:00:00Z"
    next_lifecycle_kind:
      description:
        - What happens on that date.
        - V(renewal) of an enabled subscription that is not a trial. It continues if it renews itself, as most do.
          Microsoft may show a date that has passed.
        - V(next_state) of every other one.
        - Null where no date is known.
      type: str
      sample: renewal
    subscriptions:
      description: The subscriptions of the SKU.
      type: list
      elements: dict
      contains:
        status:
          description: V(Enabled), V(Warning), V(Suspended), V(LockedOut) or V(Deleted).
          type: str
          sample: Enabled
        total_licenses:
          description: Its seats.
          type: int
          sample: 100
        is_trial:
          description: Whether it is a trial.
          type: bool
          sample: false
        next_lifecycle:
          description: When it is renewed, or moves to its next state, or null.
          type: str
          sample: "2026-12-31T00:00:00Z"
        next_lifecycle_kind:
          description: V(renewal) or V(next_state), as in RV(skus[].next_lifecycle_kind).
          type: str
          sample: renewal
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
auth:
  description: Which way of signing in was used, and why.
  returned: always
  type: dict
  sample: {source: client_secret, reason: client_id and client_secret are set}
"""

from ansible_collections.m365.licensing.plugins.module_utils._ansible.license_info import subscription_info
from ansible_collections.m365.licensing.plugins.module_utils._ansible.module import Context, run_module
from ansible_collections.m365.licensing.plugins.module_utils._licensing.catalog import BUILTIN


def read(context: Context) -> dict[str, object]:
    """One call, result out."""
    return subscription_info(context.graph, BUILTIN)


def main() -> None:
    """Run the module."""
    run_module({}, read, supports_check_mode=True)


if __name__ == "__main__":
    main()
