#!/usr/bin/python
# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Explain why users are at risk or not, and what rules do for them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: m365_license_explanation_info
short_description: Explain why the mailbox of a user is at risk or not, and what the rules do
version_added: 0.1.0
author:
  - m365.licensing contributors (@m365-licensing)
description:
  - Explains a few users. For each of them it says whether the mailbox is at risk and why, what each signal says, which
    Exchange plans the user has and which of them count, until when the mailbox is safe, and where that date comes from.
  - With O(rules) it also says which rule decides, which rules before it do not match and why, which exceptions apply or
    have expired, how many seats are left, and what a run would do for this user.
  - A user who is not at risk is explained as well.
  - It reads these users, the SKUs of the tenant, and the short lists of the signals. It does not audit the tenant, and
    it never writes.
  - It plans for these users alone, with the seats that are left now. A run for all users assigns seats to more urgent
    mailboxes first, so another user may get the last seat.
extends_documentation_fragment:
  - m365.licensing.auth
  - m365.licensing.audit
  - m365.licensing.attributes
  - m365.licensing.attributes.info
options:
  users:
    description:
      - User principal names or ids, in any case, 100 at most. A text may separate several by commas.
      - Users who do not exist make the task fail after all others are explained. An empty list is an error.
    type: list
    elements: str
    required: true
    aliases: [user]
  rules:
    description:
      - The rules, as in M(m365.licensing.m365_license_plan).
      - Without them, or with an empty list, rules, seats and runs are not explained.
    type: raw
  rules_file:
    description:
      - A YAML or JSON file with the rules, as in M(m365.licensing.m365_license_plan).
    type: path
  scope:
    description: The users to whom the rules apply, as in M(m365.licensing.m365_license_plan).
    type: str
    choices: [mailboxes_at_risk, all_users]
    default: mailboxes_at_risk
  protected:
    description:
      - User principal names or IDs of users who are never changed. In names V(*) and V(?) are wildcards, case does not
        matter.
    type: list
    elements: str
    default: []
  allow_removals:
    description: Whether a run may remove licenses.
    type: bool
    default: false
  seat_reserve:
    description: Seats that a run never assigns. A dictionary of SKUs and whole numbers.
    type: dict
    default: {}
  use_warning_seats:
    description: Whether a run also assigns seats whose subscription has expired and is in its grace period.
    type: bool
    default: false
  license_guests:
    description:
      - Whether a run also licenses guests who have no mailbox. A guest with a mailbox is licensed like any other user.
    type: bool
    default: false
  allow_incomplete:
    description: Whether a run writes although the audit could not read everything that O(recipient_types) asks for.
    type: bool
    default: false
seealso:
  - module: m365.licensing.exo_unlicensed_mailbox_info
  - module: m365.licensing.m365_license_plan
notes:
  - Application permissions of Microsoft Graph are C(User.Read.All) and C(Organization.Read.All), and for rules with
    C(group) also C(GroupMember.Read.All). Exchange Online needs C(Exchange.ManageAsApp) and a role that may read
    recipients.
  - One user takes about 15 requests, independent of the size of the tenant, and further users hardly more. With
    O(exchange_api=v2), which cannot filter, all mailboxes are read.
  - Shared, room and equipment mailboxes among O(users) are measured one by one with O(shared_mailbox_sizes=auto), too.
"""

EXAMPLES = r"""
- name: Explain why a mailbox is at risk or not
  m365.licensing.m365_license_explanation_info:
    users: [anna@contoso.com]
  register: explained

- name: Show it
  ansible.builtin.debug:
    msg: "{{ explained.explanations[0].lines }}"

- name: Explain what rules do for two users
  m365.licensing.m365_license_explanation_info:
    users:
      - anna@contoso.com
      - ben@contoso.com
    rules:
      - name: Leavers keep nothing
        match: {account_enabled: false, department: Leavers}
        action: ignore
        reason: The leaver process converts these
        until: "2030-12-31"
      - name: Everybody else
        match: {covered: false}
        licenses: [{sku: SPE_E3}]
        fallback: [{sku: EXCHANGESTANDARD}]
        usage_location: DE
    seat_reserve:
      SPE_E3: 5
"""

RETURN = r"""
explanations:
  description: The users, in the order of O(users), each of them once. RV(unmatched) names users who do not exist.
  returned: success, and if the task fails because of RV(unmatched)
  type: list
  elements: dict
  contains:
    lines:
      description:
        - The explanation for people, as aligned lines.
        - They contain no control characters. Users of the tenant can change names and departments in them.
      type: list
      elements: str
    user_id:
      description: Object ID of the user.
      type: str
    user_principal_name:
      description: User principal name.
      type: str
      sample: anna@contoso.com
    display_name:
      description: Display name. Users of the tenant can change it, so do not trust its content.
      type: str
    user_type:
      description: V(Member) or V(Guest).
      type: str
      sample: Member
    account_enabled:
      description: Whether the user may sign in.
      type: bool
    on_premises_sync:
      description: Whether the user is synchronized from an on-premises directory.
      type: bool
    usage_location:
      description: Usage location of the user, or null.
      type: str
      sample: DE
    country:
      description: Country of the user.
      type: str
    department:
      description: Department of the user.
      type: str
    company:
      description: Company of the user.
      type: str
    job_title:
      description: Job title of the user.
      type: str
    licenses:
      description: One entry for each license, and for each assignment of it.
      type: list
      elements: dict
      contains:
        sku:
          description: Part number.
          type: str
          sample: SPE_E3
        sku_id:
          description: GUID of the SKU.
          type: str
        via:
          description: V(direct) or V(group).
          type: str
        group_id:
          description: The group that assigns it, if any.
          type: str
        state:
          description: State of the assignment.
          type: str
          sample: Active
        error:
          description: Error of the assignment, or null.
          type: str
        disabled_plans:
          description: Service plans that are switched off in this assignment.
          type: list
          elements: str
    at_risk:
      description: Whether any mailbox of the user is at risk. Null if too little could be read to decide.
      type: bool
    coverage:
      description:
        - What the enabled plans grant, which decides whether a mailbox is covered, as in
          RV(explanations[].exchange_plans[].grants).
      type: list
      elements: str
      sample: [plan2]
    license_reconciliation_needed:
      description:
        - The portal's own signal, C(isLicenseReconciliationNeeded) of Microsoft Graph. Null if it is not available.
      type: bool
    pending_delicense:
      description: The date on which Exchange removes the license of the mailbox. Null where it lists no date.
      type: str
      sample: "2026-12-01T08:00:00Z"
    unavailable:
      description: Signals that are not available, each with the reason.
      type: dict
    exchange_plans:
      description:
        - The Exchange plans of the user by license and assignment, those that count first.
        - A plan that was removed, or that no license carries any more, has neither.
      type: list
      elements: dict
      contains:
        plan:
          description: Name of the service plan.
          type: str
          sample: EXCHANGE_S_ENTERPRISE
        plan_id:
          description: ID of the service plan.
          type: str
        grants:
          description: What it grants, one of V(plan1), V(plan2), V(kiosk), V(archiving) and V(archive).
          type: str
          sample: plan2
        sku:
          description: Part number of the license that brings it.
          type: str
          sample: SPE_E3
        sku_id:
          description: GUID of that license.
          type: str
        via:
          description: V(direct) or V(group).
          type: str
        group_id:
          description: The group that assigns it, if any.
          type: str
        status:
          description:
            - V(on) is enabled. V(no_license) is enabled as well, although no license of the user carries it. Only these
              two count.
            - V(off) is switched off in this assignment. V(error) is part of an assignment that is not in force.
              V(suspended) is off with its subscription. V(no_rights) includes no right to a mailbox, or that right is
              not known. V(not_at_work) is assigned, and the service does not show it as enabled. V(removed) was
              removed.
          type: str
          sample: "on"
        counts:
          description: Whether it counts for the mailbox.
          type: bool
        capability:
          description: State of the plan as the service shows it.
          type: str
          sample: Enabled
        state:
          description: State of the assignment.
          type: str
        error:
          description: Error of the assignment.
          type: str
        removed:
          description: When it was removed, for plans that are V(removed).
          type: str
    mailboxes:
      description:
        - The mailboxes of the user, the one in use first, then soft-deleted ones.
        - One entry without a GUID where Exchange shows no mailbox.
      type: list
      elements: dict
      contains:
        mailbox_guid:
          description: C(Guid) of the mailbox or mail user in Exchange. Null where Exchange shows none.
          type: str
        recipient_type:
          description: One of the choices of O(recipient_types). Null where there is no mailbox of these kinds.
          type: str
          sample: user
        other_kind:
          description:
            - The kind of a mailbox that needs no license and that no audit lists, such as V(scheduling). Null for all
              others.
          type: str
        primary_smtp_address:
          description: Primary mail address.
          type: str
        created:
          description: When the mailbox was created.
          type: str
          sample: "2026-11-01T08:00:00Z"
        soft_deleted:
          description: When it was soft-deleted, or null.
          type: str
        archive:
          description: Whether it has an archive, or is one.
          type: bool
        litigation_hold:
          description: Whether it is on litigation hold.
          type: bool
        over_50_gb:
          description: Whether it is over 50 GB. Null where nobody measured that, as for mailboxes of users.
          type: bool
        sku_assigned:
          description:
            - The flag C(SKUAssigned) of Exchange. V(false) means that a license was removed, null that there was
              none.
          type: bool
        needs:
          description:
            - What covers it. Each element is one set of plan classes, all of which are needed together. Empty where
              it needs no license.
          type: list
          elements: list
          sample: [["kiosk"], ["plan1"], ["plan2"]]
        at_risk:
          description: Whether it is at risk. Null if too little could be read to decide.
          type: bool
        verdict:
          description: Why it is at risk, or why not.
          type: str
          sample: "EXCHANGE_S_ENTERPRISE of SPE_E3 (direct) covers it"
        left_out:
          description:
            - Which option keeps audits and runs from looking at it, O(exclude) or O(recipient_types). Else empty.
          type: str
        reason:
          description: Why it is at risk, as in M(m365.licensing.exo_unlicensed_mailbox_info). Null where it is not.
          type: str
          sample: no_license
        evidence:
          description: Which signals say so.
          type: list
          elements: str
        deadline:
          description: Until when it is safe. Null where nothing supports a date, or nothing is at risk.
          type: str
          sample: "2026-12-01T08:00:00Z"
        deadline_source:
          description: Where the deadline comes from, as in M(m365.licensing.exo_unlicensed_mailbox_info).
          type: str
          sample: created_plus_grace
        deadline_confidence:
          description: How sure it is, V(exact), V(estimated) or V(unknown).
          type: str
          sample: estimated
        deadline_note:
          description: Why there is no date, if there is none.
          type: str
        days_remaining:
          description: Whole days until the deadline. Negative once it has passed, null where it is unknown.
          type: int
          sample: 8
        severity:
          description: How urgent it is, as in M(m365.licensing.exo_unlicensed_mailbox_info).
          type: str
          sample: warning
        disagreements:
          description:
            - Signals that ought to say the same and do not.
            - Also a mailbox with the ID of this user and the name of another, or the other way round.
          type: list
          elements: str
        notes:
          description: What to know besides.
          type: list
          elements: str
        decision:
          description: What the rules say. Null without O(rules).
          type: dict
          contains:
            rule:
              description: Name of the rule that decides. Null where none matches.
              type: str
              sample: Sales in Germany
            rule_path:
              description: Where this rule stands.
              type: str
              sample: license_state_rules[2]
            why:
              description: Why it matches, with the user's own values.
              type: str
              sample: department is 'Sales'; country is 'Germany'
            undecided:
              description:
                - Whether no rule decides, because it is not certain that RV(explanations[].mailboxes[].decision.rule)
                  means the user. A group in it has a name that several groups have, or none.
              type: bool
            rules_before:
              description:
                - The rules before it that do not match; all rules, where none matches.
                - Of more than 200 those that fail on the fewest conditions.
              type: list
              elements: dict
              contains:
                number:
                  description: The rule's place in the list, from 1 on.
                  type: int
                rule:
                  description: Name of the rule.
                  type: str
                failed:
                  description: The conditions that do not hold, or that the exception has ended.
                  type: list
                  elements: str
                  sample: ["department is Board, but it is 'Sales'"]
            rules_before_count:
              description: How many rules before it do not match.
              type: int
            exceptions:
              description: The exceptions (C(action=ignore)) whose conditions hold for this user, expired ones included.
              type: list
              elements: dict
              contains:
                rule:
                  description: Name of the rule.
                  type: str
                reason:
                  description: Its reason.
                  type: str
                until:
                  description: Its last day. Null where it has no end.
                  type: str
                  sample: "2026-12-31"
                expired:
                  description: Whether that day is over.
                  type: bool
                decides:
                  description: Whether it is the rule that decides.
                  type: bool
            seats:
              description: The SKUs that the deciding rule names, with the seats that a run could give out now.
              type: list
              elements: dict
              contains:
                sku:
                  description: Part number.
                  type: str
                  sample: SPE_E3
                sku_id:
                  description: GUID of the SKU.
                  type: str
                alternative:
                  description: The list of the rule that names it, V(licenses) or V(fallback).
                  type: str
                held:
                  description: Whether the user holds it already, and so needs no seat.
                  type: bool
                left:
                  description: Seats left, without the reserve.
                  type: int
                  sample: 3
                reserved:
                  description: Seats that O(seat_reserve) holds back.
                  type: int
                  sample: 5
            run:
              description: What a run would do for this user.
              type: dict
              contains:
                action:
                  description:
                    - As in M(m365.licensing.m365_license_plan). Null where a run does not look at this mailbox.
                  type: str
                  sample: license
                alternative:
                  description: Which list of the rule is taken, V(licenses) or V(fallback).
                  type: str
                note:
                  description:
                    - Why a list of the rule was passed over, why nothing is done, and what else there is to know.
                  type: str
                warnings:
                  description:
                    - What the change takes away, though nothing known needs it, and what is not certain of it.
                  type: list
                  elements: str
                too_small:
                  description:
                    - Whether the mailbox is larger than the plan that the user would get, as in
                      M(m365.licensing.m365_license_plan).
                  type: bool
                next_rule:
                  description: Another rule that would change the user again in the next run. Null where none does.
                  type: str
                add:
                  description: Licenses to assign.
                  type: list
                  elements: dict
                  contains:
                    sku:
                      description: Part number.
                      type: str
                    sku_id:
                      description: GUID of the SKU.
                      type: str
                    disabled_plans:
                      description: Service plans that will be off.
                      type: list
                      elements: str
                remove:
                  description: Licenses to remove.
                  type: list
                  elements: dict
                  contains:
                    sku:
                      description: Part number.
                      type: str
                    sku_id:
                      description: GUID of the SKU.
                      type: str
                usage_location:
                  description: Usage location to set, if any.
                  type: str
            guards:
              description:
                - What keeps a run from writing this user, such as O(protected) or O(allow_removals).
                - C(max_changes) counts everybody, and is not looked at here.
              type: list
              elements: str
unmatched:
  description: Users of O(users) who do not exist. If there are any, the task fails with the code V(user_not_found).
  returned: success, and where the task fails for it
  type: list
  elements: str
  sample: [ana@contoso.com]
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
  description: How many HTTP requests the task has sent, those for tokens included.
  returned: always
  type: int
  sample: 14
auth:
  description: Which way of signing in was used, and why.
  returned: always
  type: dict
  sample: {source: client_secret, reason: client_id and client_secret are set}
"""

from ansible_collections.m365.licensing.plugins.module_utils._ansible.audit_module import AUDIT_SPEC
from ansible_collections.m365.licensing.plugins.module_utils._ansible.explain_module import run_explain
from ansible_collections.m365.licensing.plugins.module_utils._ansible.module import run_module
from ansible_collections.m365.licensing.plugins.module_utils._rules.file import RULES_SPEC

ARGUMENTS = {
    **{name: spec for name, spec in AUDIT_SPEC.items() if name != "strategy"},
    "users": {"type": "list", "elements": "str", "required": True, "aliases": ["user"]},
    **RULES_SPEC,
    "scope": {"type": "str", "choices": ["mailboxes_at_risk", "all_users"], "default": "mailboxes_at_risk"},
    "protected": {"type": "list", "elements": "str", "default": []},
    "allow_removals": {"type": "bool", "default": False},
    "seat_reserve": {"type": "dict", "default": {}},
    "use_warning_seats": {"type": "bool", "default": False},
    "license_guests": {"type": "bool", "default": False},
    "allow_incomplete": {"type": "bool", "default": False},
}


def main() -> None:
    """Options in, explanations out."""
    run_module(ARGUMENTS, run_explain, supports_check_mode=True, uses_exchange=True)


if __name__ == "__main__":
    main()
