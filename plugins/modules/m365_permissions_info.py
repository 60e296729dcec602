#!/usr/bin/python
# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the permissions of the application."""

from __future__ import annotations

DOCUMENTATION = r"""
module: m365_permissions_info
short_description: Check which permissions the application has and lacks
version_added: 0.1.0
author:
  - m365.licensing contributors (@m365-licensing)
description:
  - Lists for each module of this collection which permissions it needs, and which of them the application has and lacks
    in this tenant. Run it before the first audit, and before the first run that writes.
  - It reads the C(roles) claim of the tokens, and sends one harmless read for each permission to read. It reads no
    data of a user but one id, and it writes nothing.
  - The answer to a read decides. The permissions to write are known from the token alone. If a token cannot be read,
    they are unknown.
seealso:
  - module: m365.licensing.exo_unlicensed_mailbox_info
  - module: m365.licensing.m365_license_plan
options:
  fail_if_missing:
    description:
      - Modules that must be ready. The task fails if one of them lacks a permission that it needs.
      - A permission that may or may not be granted is a warning, and does not fail the task.
      - V(m365_license_plan) stands for O(m365.licensing.m365_license_plan#module:mode=apply). Its mode V(plan) needs
        what V(exo_unlicensed_mailbox_info) needs.
    type: list
    elements: str
    choices:
      - exo_unlicensed_mailbox_info
      - m365_license_explanation_info
      - m365_license_plan
      - m365_subscription_info
      - m365_user_license
      - m365_user_license_info
    default: []
notes:
  - A permission that was granted a minute ago may take a while to reach the tokens.
  - If the sign-in to one service fails, the other one is still checked. If it fails for both, the task fails.
extends_documentation_fragment:
  - m365.licensing.auth
  - m365.licensing.attributes
  - m365.licensing.attributes.info
"""

EXAMPLES = r"""
- name: Check the permissions
  m365.licensing.m365_permissions_info:
  register: permissions

- name: Show what each module lacks
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.lacks | join(', ') | default('nothing', true) }}"
  loop: "{{ permissions.modules }}"
  loop_control:
    label: "{{ item.name }}"

- name: Stop a pipeline that could not audit
  m365.licensing.m365_permissions_info:
    fail_if_missing: [exo_unlicensed_mailbox_info]
"""

RETURN = r"""
application:
  description: The client id that the task signs in with. Null where neither an option nor the token says it.
  returned: once a service has given a token
  type: str
  sample: 22222222-3333-4444-5555-666666666666
modules:
  description: The modules of this collection, sorted by name.
  returned: once a service has given a token
  type: list
  elements: dict
  contains:
    name:
      description: The name of the module.
      type: str
      sample: m365_subscription_info
    needs:
      description: The permissions and roles that every use of the module needs.
      type: list
      elements: str
      sample: [LicenseAssignment.Read.All]
    has:
      description: Those of RV(modules[].needs) that the application has, perhaps by a permission that includes them.
      type: list
      elements: str
      sample: [LicenseAssignment.Read.All]
    lacks:
      description: Those of RV(modules[].needs) that it lacks, and services to which it cannot sign in.
      type: list
      elements: str
      sample: []
    unknown:
      description: Those of RV(modules[].needs) that may or may not be granted.
      type: list
      elements: str
      sample: []
    optional:
      description: Permissions that only some options or tenants need, for example to set a usage location.
      type: list
      elements: str
      sample: [Organization.Read.All]
    optional_lacks:
      description: Those of RV(modules[].optional) that the application lacks.
      type: list
      elements: str
      sample: []
    ready:
      description: Whether the application has all that the module needs. Null if that is not known.
      type: bool
      sample: true
permissions:
  description: Each permission and role.
  returned: once a service has given a token
  type: list
  elements: dict
  contains:
    name:
      description: The permission or role.
      type: str
      sample: User.Read.All
    service:
      description: The service that it is for.
      type: str
      sample: Microsoft Graph
    state:
      description: V(granted), V(missing) or V(unknown).
      type: str
      sample: granted
    needed_by:
      description: The modules that always need it.
      type: list
      elements: str
      sample: [m365_user_license_info]
    optional_for:
      description: The modules that need it for some options or tenants.
      type: list
      elements: str
      sample: []
    hint:
      description: Who grants it. Empty if it is granted.
      type: str
      sample: ""
checks:
  description: The reads that were sent.
  returned: once a service has given a token
  type: list
  elements: dict
  contains:
    name:
      description: What was read.
      type: str
      sample: skus
    service:
      description: The service that was asked.
      type: str
      sample: Microsoft Graph
    request:
      description: Method and path, or the cmdlet.
      type: str
      sample: GET /v1.0/subscribedSkus
    status:
      description:
        - V(ok), V(refused) or V(unknown). The last one means that the service was unreachable, or did not know the
          request.
      type: str
      sample: ok
    message:
      description: Message of the service. Empty if the read succeeded.
      type: str
      sample: ""
    hint:
      description: What is missing and who grants it. Empty if the read succeeded.
      type: str
      sample: ""
summary:
  description: Result of the check.
  returned: once a service has given a token
  type: dict
  contains:
    ready:
      description: Whether all modules are known to be ready, or those of O(fail_if_missing) where it names some.
      type: bool
      sample: true
    modules_ready:
      description: How many modules are known to be ready.
      type: int
      sample: 7
    token_roles:
      description: For V(graph) and V(exchange), whether the token names the permissions of the application.
      type: dict
      sample: {graph: true, exchange: true}
    next_steps:
      description: Steps that make all modules ready, the sign-in first.
      type: list
      elements: str
      sample: []
tenant:
  description: The tenant that the credentials belong to. Warnings begin with its initial domain, or with its ID.
  returned: if the application could sign in
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
  description: Number of HTTP requests of this run, including those for tokens.
  returned: always
  type: int
  sample: 10
auth:
  description: Which way of signing in was used, and why.
  returned: always
  type: dict
  sample: {source: client_secret, reason: client_id and client_secret are set}
"""

from ansible_collections.m365.licensing.plugins.module_utils._ansible.module import run_module
from ansible_collections.m365.licensing.plugins.module_utils._ansible.permissions_info import permissions_info
from ansible_collections.m365.licensing.plugins.module_utils._auth.permissions import MODULES

CHOICES = [name for name, needs in MODULES.items() if needs.required]


def main() -> None:
    """Run the module."""
    spec = {"fail_if_missing": {"type": "list", "elements": "str", "choices": CHOICES, "default": []}}
    # The work itself checks which service can be asked.
    run_module(spec, permissions_info, supports_check_mode=True, uses_graph=False)


if __name__ == "__main__":
    main()
