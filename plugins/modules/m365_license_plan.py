#!/usr/bin/python
# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""License mailboxes at risk, or all users, by rules."""

from __future__ import annotations

DOCUMENTATION = r"""
module: m365_license_plan
short_description: License mailboxes at risk, or all users of a tenant, by rules
version_added: 0.1.0
author:
  - m365.licensing contributors (@m365-licensing)
description:
  - Audits the tenant, and plans licenses for each mailbox at risk (or for each user) by the first rule that matches.
    Its guards check the whole plan. With O(mode=apply) it writes the plan, and reads the users back.
  - Seats go to the soonest deadline first, or in the order of the rules. It never assigns a
    license that would not save the mailbox, or whose plans the user already has.
  - The result explains for each user which rule decided and why. It names users whom no rule matches.
  - A second run changes nothing.
options:
  rules:
    description:
      - The rules, the most important one first. The first rule that matches decides.
      - Each rule is a dictionary. All mistakes are reported at once, each with its path, the value found, and the
        values allowed.
      - C(name) identifies the rule in reports.
      - C(match) selects users. V({}) matches all of them. All keys must match, and any element of a list.
        Texts are compared without case, V(*) and V(?) are wildcards. The keys are C(department), C(country),
        C(company), C(job_title), C(city), C(office), C(employee_type), C(usage_location), C(upn), C(mail_domain) (of
        the primary address, or of the user principal name where there is none), C(extension_attributes) (a dictionary
        of C(extensionAttribute1) to C(extensionAttribute15)), C(account_enabled), C(on_premises_sync), C(at_risk),
        C(covered) (a plan at work covers the mailbox), C(reason) (why it is at risk), C(recipient_type), C(group)
        (ID or name, also through other groups), C(has) and C(lacks) (SKUs that the user holds, or does not), and
        C(not) (a block of the same keys, or a list of blocks).
      - C(licenses) is a list of dictionaries with C(sku) (part number, ID or product name) and optionally
        C(disabled_plans) and C(enabled_plans). C(fallback) is another such list, for when no seat is left, or when
        C(licenses) would not save the mailbox.
      - C(if_available=true) in an element of these lists leaves it out if the tenant does not have the SKU. If nothing
        is left of C(licenses), C(fallback) is used. A group may be written as a dictionary of C(id) or C(name), and
        C(if_available), too. With C(if_available=true) a group that the tenant does not have has no members.
      - Give groups by their ID. Anyone who can create or rename a group can take over a name. With O(mode=apply) a
        name is a warning that says the ID. If no group or several groups have the name, no rule decides for the users
        whom this affects (RV(users[].action=undecided)), and the task fails at its end.
      - C(remove) lists SKUs whose direct assignment is removed in the same request.
      - C(usage_location) is a country (V(DE)), or a dictionary with C(from=country) and optionally C(default). It is
        set only if the user has none.
      - C(action=ignore) with C(reason), and optionally C(until) (the last day, V(2026-12-31)), makes an exception.
        Write the day in quotes, because templates of ansible-core before 2.19 turn a list with a date into a string.
      - Ansible templates this option, so anyone who can write it can run code on the controller. Use O(rules_file) for
        rules that others may write. One of the two is required.
    type: raw
  rules_file:
    description:
      - A file with the rules, as YAML or JSON. The module reads it as data, and nothing in it is ever templated.
      - It is a list of rules, or a dictionary with the one key C(rules) or C(license_state_rules). Any other key is an
        error. So is a duplicate key, an unknown tag, or a file beyond 8 MiB, 20 levels or a million values.
      - YAML needs PyYAML in the Python that runs the module. ansible-core includes it.
    type: path
    version_added: 0.1.0
  mode:
    description:
      - V(plan) only reads. If a guard rejects the plan, RV(violations) and a warning say why.
      - V(apply) writes the plan. If a guard rejects it, the task fails before the first write, also in check mode.
    type: str
    choices: [plan, apply]
    default: plan
  scope:
    description:
      - The users to whom the rules apply.
      - V(mailboxes_at_risk) is what M(m365.licensing.exo_unlicensed_mailbox_info) finds.
      - V(all_users) is every user, except guests without a mailbox unless O(license_guests) is set. It reads the whole
        tenant, whatever O(strategy) says.
    type: str
    choices: [mailboxes_at_risk, all_users]
    default: mailboxes_at_risk
  max_changes:
    description:
      - Refuse a plan that changes more users than this.
      - A number, or a share of the tenant's users such as V(5%), rounded down. With O(scope=all_users) it is a share
        of the users that the rules look at.
      - V(unlimited) removes the limit.
    type: raw
    default: 200
  max_covered_seats:
    description:
      - Refuse a plan that assigns more seats than this to users whose mailbox is already covered, or needs no license.
        Such a seat is a second license with an Exchange plan. A swap, which removes the old license in the same
        request, does not count.
      - A number, a share of the users such as V(5%), rounded down, or V(unlimited). It is a share of the users that
        O(max_changes) counts.
      - Only O(scope=all_users) looks at users whose mailbox is covered.
    type: raw
    default: 0
  seat_order:
    description:
      - Who gets a seat if there are not enough for all.
      - V(deadline) starts with the soonest deadline. Users who have no mailbox at risk come last.
      - V(rules) starts with the users of the first rule, then those of the second, and so on. Within a rule it uses
        the order of V(deadline).
    type: str
    choices: [deadline, rules]
    default: deadline
  protected:
    description:
      - User principal names or IDs of users who are never changed. In names V(*) and V(?) are wildcards, case does not
        matter.
      - A warning names each ID, and each name without wildcards, that no user of the tenant has.
    type: list
    elements: str
    default: []
  allow_removals:
    description:
      - Permit plans that remove licenses.
      - A license that keeps a mailbox is not removed even then, unless another one takes its place in the same request.
        If the new license ends in error, and what is left lacks what the mailbox needs (a plan at all, or its archive,
        hold or size), the same run gives the old one back, and the user counts as failed. With O(confirm=false) users
        are not read back, so nothing is given back.
    type: bool
    default: false
  seat_reserve:
    description: Seats that are never assigned. A dictionary of SKUs and whole numbers.
    type: dict
    default: {}
  use_warning_seats:
    description: Also assign seats whose subscription has expired and is in its grace period.
    type: bool
    default: false
  license_guests:
    description: Also license guests who have no mailbox. A guest with a mailbox is licensed like any other user.
    type: bool
    default: false
  allow_incomplete:
    description:
      - Apply a plan although the audit could not read everything that O(recipient_types) asks for, because a
        permission is missing or the API of Exchange does not show it.
      - Without it such a plan is refused before the first write. With O(mode=plan) the task fails after it has
        written the report.
      - It also lets the task succeed although no rule decides for some users, because a group of O(rules) cannot be
        identified.
    type: bool
    default: false
  expect_digest:
    description:
      - Refuse to apply a plan whose RV(summary.plan_digest) differs from this one, the digest of an approved plan.
      - A plan that writes nothing is never refused because of it.
    type: str
    version_added: 0.1.0
  fail_on:
    description:
      - Fail, after all writes and reports, if mailboxes stay at risk that no exception (C(action=ignore))
        of O(rules) covers. Mailboxes of protected users count, too.
      - V(critical) means those of the severities V(lost), V(overdue) and V(critical), V(any) means all.
      - In check mode the predicted result counts. With O(mode=plan) it is a warning.
    type: str
    choices: [none, critical, any]
    default: critical
  fail_within_days:
    description:
      - Fail, as O(fail_on) does, if a mailbox stays at risk whose deadline is at most this many times 24 hours away,
        has passed, or is unknown while it is V(overdue) or V(lost).
    type: int
    version_added: 0.1.0
  on_error:
    description:
      - V(continue) tries all users, reports each, and fails at the end if a user failed.
      - V(fail) sends no further requests after the first user who fails.
    type: str
    choices: [fail, continue]
    default: continue
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
  report_dir:
    description:
      - Write a report for people (Markdown) and one for programs (JSON) into this directory. It is created
        if it is missing.
      - The files are replaced in one step. They are also written in check mode and when the plan is refused, and never
        count as a change. O(report_mode) says who may read them.
      - After the writes a report lists the mailboxes that were at risk before, and those that are at risk after, as far
        as the plans of their users show.
      - A directory that belongs to another user, or that every user can write to without the sticky bit, is refused.
        If a group can write to it, that is a warning.
    type: path
  report_name:
    description:
      - Name of the report's files, without ending. By default the tenant's ID.
      - Characters that a file name cannot have become C(_), and a hash is appended, so that different names stay
        different.
      - These files are those of the latest run. A run that has written to the tenant keeps a copy with its time and a
        random part in the name, which no other run replaces.
    type: str
  report_mode:
    description:
      - Who may read the report's files, as three octal digits in quotes, for example V('0640') for a group that
        collects them.
      - The owner must be able to read and write. A mode that lets all users write is refused. Users who may read the
        files can also enter a directory that is created.
    type: raw
    default: '0600'
    version_added: 0.1.0
  report_formats:
    description: Which reports to write. V(md) is for people, V(json) for programs.
    type: list
    elements: str
    choices: [md, json]
    default: [md, json]
    version_added: 0.1.0
  record_dir:
    description:
      - The directory for the record of a run that writes, a file of JSON lines that only its owner can read. It is
        created if it is missing.
      - The first line identifies the run. The module adds a line for each user as soon as the service has answered,
        with the licenses before and after. So a run that is killed loses one batch at most. If a user has several
        lines, the last one counts.
      - By default O(report_dir). Without it, C(m365.licensing) in E(XDG_STATE_HOME) or C(~/.local/state).
      - If the file cannot be made, the task fails before the first write. Check mode, and a run without changes, create
        no file.
      - A directory that belongs to another user, or that every user can write to without the sticky bit, is refused.
        If a group can write to it, that is a warning.
    type: path
    version_added: 0.1.0
seealso:
  - module: m365.licensing.exo_unlicensed_mailbox_info
  - module: m365.licensing.m365_user_license
  - name: Role license_state
    description: Runs this module with variables, and adds a summary to the statistics of the run.
    link: https://github.com/m365-licensing/m365.licensing/tree/main/roles/license_state
notes:
  - Application permissions of Microsoft Graph are C(User.Read.All) and C(Organization.Read.All). V(mode=apply) needs
    C(LicenseAssignment.ReadWrite.All), rules with C(usage_location) C(User.ReadWrite.All), and rules with C(group)
    C(GroupMember.Read.All).
  - Exchange Online needs C(Exchange.ManageAsApp) and a role that may read recipients.
extends_documentation_fragment:
  - m365.licensing.auth
  - m365.licensing.audit
  - m365.licensing.audit.strategy
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
- name: See what would be done, and leave a report
  m365.licensing.m365_license_plan:
    rules:
      - name: Archives of people whose mailbox is on premises
        match: {recipient_type: archive}
        licenses: [{sku: EXCHANGEARCHIVE}]
        usage_location: {from: country, default: DE}
      - name: Shared, room and equipment mailboxes
        match: {recipient_type: [shared, room, equipment]}
        licenses: [{sku: EXCHANGEENTERPRISE}]
        usage_location: {from: country, default: DE}
      - name: Everybody else
        match: {}
        licenses: [{sku: EXCHANGESTANDARD}]
        usage_location: {from: country, default: DE}
    report_dir: /tmp/m365-reports
  register: plan

- name: Name the users whom no rule matched
  ansible.builtin.debug:
    msg: "{{ plan.unmatched }}"

- name: Apply it, within limits
  m365.licensing.m365_license_plan:
    mode: apply
    max_changes: 50
    protected:
      - "breakglass*@*"
    seat_reserve:
      SPE_E3: 5
    rules:
      - name: Leavers keep nothing
        match: {account_enabled: false, department: Leavers}
        action: ignore
        reason: The leaver process converts these
        until: "2030-12-31"
      - name: Sales in Germany
        match:
          department: [Sales, Inside Sales]
          country: Germany
          covered: false
          not: {job_title: "*intern*"}
        licenses:
          - sku: SPE_E3
            disabled_plans: [YAMMER_ENTERPRISE]
        fallback: [{sku: EXCHANGESTANDARD}]
        usage_location: DE
      - name: Everybody else
        match: {}
        licenses: [{sku: EXCHANGESTANDARD}]
        fallback: [{sku: EXCHANGEENTERPRISE}]
        usage_location: {from: country, default: DE}
"""

RETURN = r"""
alarm:
  description: Why the task fails after its work was done. One sentence for each reason.
  returned: when it fails with a plan
  type: list
  elements: str
  sample: ["Refused, nothing was written: 30 users would be changed, but max_changes allows 20."]
users:
  description:
    - The plan for each mailbox at risk, and its result. In the order in which seats were assigned, the soonest deadline
      first.
    - A user with two mailboxes at risk (a soft-deleted one beside the one in use) has two rows. What is written for the
      user is in one of them.
    - With O(scope=all_users), users who are not at risk and need nothing, or are matched by no rule, are left out.
    - Empty if O(output_path) is given, or if there are more rows than O(max_rows). Also empty if the task fails and the
      rows are too long to be printed in one line, unless users were changed and no report has the rows.
  returned: always, unless the task was refused before the plan was made
  type: list
  elements: dict
  contains:
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
    action:
      description:
        - V(license) is the only action that writes. V(unchanged) is already covered.
        - V(ignore) is an exception of the rules, V(protected) matches O(protected), V(unmatched) is matched by no rule.
        - V(no_seat) found no seat. V(no_usage_location) has no usage location, and the rule sets none. For
          V(insufficient) the licenses of the rule neither keep the mailbox nor give the right that it lacks, or no
          license brings the soft-deleted mailbox back (its user has another one in use, or a mailbox plan already).
          V(conflict) would get what the service refuses (the archiving add-on without a mailbox plan, or a SKU that the
          tenant no longer has). V(refused_uncovered) would lose what keeps the mailbox.
        - V(undecided) is a user for whom no rule decides. No group or several groups have the name in RV(users[].rule),
          or the user of the mailbox is not certain (RV(users[].note)).
      type: str
      sample: license
    rule:
      description: Name of the rule that decided.
      type: str
      sample: Sales in Germany
    why:
      description: Why this rule matches, with the user's own values.
      type: str
      sample: department is 'Sales'; country is 'Germany'
    alternative:
      description: Which list of the rule is used, V(licenses) or V(fallback).
      type: str
      sample: licenses
    note:
      description: A note, for example why a list of the rule was not used.
      type: str
    warnings:
      description:
        - What the change takes away, although nothing known needs it.
        - Also that the mailbox of the user may be on premises, where an Exchange plan creates none in the cloud.
        - Also that the mailbox is larger than the plan allows, or that its size is not known.
      type: list
      elements: str
    too_small:
      description:
        - Whether the mailbox is larger than the plan that the user gets, which is Exchange Online Kiosk (2 GB) or Plan
          1 (50 GB). The license keeps the mailbox nevertheless. RV(users[].warnings) says what is not certain.
        - Null if the change assigns neither of these plans, if there is no mailbox, or if its size is not known.
      type: bool
      sample: false
    next_rule:
      description: Another rule that would change the user again in the next run, or fail to do so. Otherwise null.
      type: str
    expired_exceptions:
      description: Exceptions that would have matched, but have expired.
      type: list
      elements: str
    reason:
      description: Why the mailbox is at risk, as in M(m365.licensing.exo_unlicensed_mailbox_info). Null if it is
        not.
      type: str
      sample: no_license
    recipient_type:
      description: What is at risk.
      type: str
      sample: user
    mailbox_guid:
      description: GUID of the mailbox at risk, as in M(m365.licensing.exo_unlicensed_mailbox_info).
      type: str
    severity:
      description: How urgent it is.
      type: str
      sample: warning
    deadline:
      description: The date until which the mailbox is safe. Null if no date is known.
      type: str
      sample: "2026-12-01T08:00:00Z"
    days_remaining:
      description: Days until the deadline, as in M(m365.licensing.exo_unlicensed_mailbox_info).
      type: int
      sample: 8
    urgency:
      description: The rank of this mailbox by urgency among those at risk, from 1. Null if it is not at risk.
      type: int
      sample: 1
    add:
      description: Licenses to assign. The disabled plans are all that will be off.
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
      sample: DE
    before:
      description: Usage location and licenses before.
      type: dict
      sample: {usage_location: DE, licenses: []}
    after:
      description: Usage location and licenses after, as read back, or as predicted if they were not read back.
      type: dict
    status:
      description:
        - V(planned) would be written. V(changed) was written. V(failed) was refused by the service.
          V(skipped) was not tried, because another user had failed. V(unchanged) needs no write, or allows none.
      type: str
      sample: changed
    confirmation:
      description:
        - V(confirmed) was read back. V(accepted) was written and does not show yet. Empty if nothing was written.
      type: str
      sample: confirmed
    error:
      description: Why the user failed or was skipped, with a C(code) for programs, a C(message), and a C(hint).
      type: dict
unmatched:
  description:
    - User principal names of all users whom no rule matches.
    - Empty if they are more than O(max_rows), or too long to be printed in one line where the task fails. The JSON
      report has them all.
  returned: always, unless the task was refused before the plan was made
  type: list
  elements: str
  sample: [ben@contoso.com]
groups:
  description:
    - The groups that O(rules) name.
    - Empty if they are more than O(max_rows), or too long to be printed in one line where the task fails. The report
      has them all.
  returned: always, unless the task was refused before the plan was made
  type: list
  elements: dict
  contains:
    given:
      description: The ID or name in the rules.
      type: str
      sample: 0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9
    given_as:
      description: V(id) or V(name).
      type: str
      sample: id
    state:
      description: V(found), V(missing), or V(ambiguous) for each of several groups with this name.
      type: str
      sample: found
    id:
      description: Object ID of the group. Null where the tenant has no such group.
      type: str
      sample: 0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9
    display_name:
      description: Display name of the group.
      type: str
      sample: sg-sales
    kinds:
      description:
        - The kinds of the group. Some of V(microsoft_365), V(security), V(distribution), V(assigned), V(dynamic) (a
          rule selects its members), V(synced) (from a directory on premises) and V(role_assignable).
      type: list
      elements: str
      sample: [security, assigned]
    rules:
      description: Names of the rules that name it.
      type: list
      elements: str
      sample: [Sales in Germany]
violations:
  description: Why the plan may not be applied, one sentence each with the figures and the option. Empty if it may.
  returned: always, unless the task was refused before the plan was made
  type: list
  elements: str
  sample: ["30 users would be changed, but max_changes allows 20"]
summary:
  description: Counts, for reports and for C(set_stats).
  returned: always, unless the task was refused before the plan was made
  type: dict
  contains:
    users:
      description: Users to whom the rules were applied.
      type: int
    changes:
      description: Users that the plan changes.
      type: int
    actions:
      description: Number of mailboxes at risk, and of users without one, by RV(users[].action), each action named.
      type: dict
    mailboxes:
      description: Number of mailboxes at risk by RV(users[].action). Their sum is C(at_risk) of RV(summary.audit).
      type: dict
    max_changes:
      description: The limit of O(max_changes) in users. Null if it is V(unlimited).
      type: int
    seats_to_covered:
      description: Seats with an Exchange plan for users whose mailbox is already covered.
      type: int
    seats_to_on_premises:
      description: Users who get an Exchange plan, though their mailbox may be on premises.
      type: int
    max_covered_seats:
      description: The limit of O(max_covered_seats) in seats. Null if there is no limit.
      type: int
    seat_order:
      description: The option O(seat_order).
      type: str
    rules:
      description: Every rule, in their order.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the rule.
          type: str
        matched:
          description: Mailboxes at risk, and users without one, that this rule decides for.
          type: int
        changes:
          description: Users that it changes.
          type: int
    plan_digest:
      description: SHA-256 of what the plan would write. See O(expect_digest).
      type: str
      sample: 7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730
    violations:
      description: The same as RV(violations).
      type: list
      elements: str
    expired_exceptions:
      description: Exceptions that have expired, with the number of mailboxes or users that they would have excepted.
      type: dict
    seats:
      description: SKUs of which the plan assigns seats.
      type: list
      elements: dict
      contains:
        sku:
          description: Part number.
          type: str
        sku_id:
          description: GUID of the SKU.
          type: str
        left_before:
          description: Seats left before, without the reserve.
          type: int
        planned:
          description: Seats that the plan takes.
          type: int
        left_after:
          description: Seats left after, without the reserve.
          type: int
        reserved:
          description: Seats held back by O(seat_reserve).
          type: int
    seats_missing:
      description:
        - SKUs of which more seats would have saved mailboxes at risk (RV(users[].action=no_seat)). Each mailbox counts
          for the first list of its rule that would have saved it.
      type: list
      elements: dict
      contains:
        sku:
          description: Part number.
          type: str
        sku_id:
          description: GUID of the SKU.
          type: str
        seats:
          description: How many seats are missing.
          type: int
        first:
          description: The most urgent mailbox that is lost without them, independent of O(seat_order).
          type: dict
          contains:
            user_principal_name:
              description: User principal name.
              type: str
            deadline:
              description: The date until which the mailbox is safe. Null if no date is known.
              type: str
            severity:
              description: How urgent it is.
              type: str
        first_dated:
          description:
            - The most urgent of these mailboxes with a known date, with the keys of RV(summary.seats_missing[].first).
            - Null if RV(summary.seats_missing[].first) has a date, or none of them has one.
          type: dict
    excluded:
      description: Mailboxes at risk that O(exclude) left out. With O(scope=all_users) users.
      type: dict
      contains:
        total:
          description: Their number.
          type: int
        by_pattern:
          description: How many match each pattern. A user who matches two patterns counts for both.
          type: dict
    mode:
      description: The option O(mode).
      type: str
    check_mode:
      description: Whether this was check mode.
      type: bool
    applied:
      description: Whether the plan was written. In check mode, whether it would have been.
      type: bool
    planned:
      description: Users of this status.
      type: int
    changed:
      description: Users of this status.
      type: int
    failed:
      description: Users of this status.
      type: int
    skipped:
      description: Users of this status.
      type: int
    confirmed:
      description: Users of this confirmation.
      type: int
    accepted:
      description: Users of this confirmation.
      type: int
    done_elsewhere:
      description: Users of the plan whom somebody else had already changed in the same way.
      type: int
    at_risk_licensed:
      description: Mailboxes at risk that this run has licensed, or that the plan would license.
      type: int
    at_risk_done_elsewhere:
      description: Mailboxes at risk that somebody else has licensed meanwhile.
      type: int
    at_risk_failed:
      description: Mailboxes at risk whose user failed, or was not tried.
      type: int
    others_licensed:
      description: The same as RV(summary.at_risk_licensed), of users who are not at risk.
      type: int
    others_done_elsewhere:
      description: The same as RV(summary.at_risk_done_elsewhere), of users who are not at risk.
      type: int
    others_failed:
      description: The same as RV(summary.at_risk_failed), of users who are not at risk.
      type: int
    unresolved:
      description: Mailboxes that stay at risk, although no exception covers them.
      type: int
    audit:
      description:
        - The summary of M(m365.licensing.exo_unlicensed_mailbox_info), before the writes, without C(excepted).
      type: dict
    requests:
      description: Number of HTTP requests of this run, including those for tokens.
      type: int
rows_left_out:
  description: How many rows RV(users) would have otherwise.
  returned: when O(output_path) is given, there are more rows than O(max_rows), or RV(users) is too long to print
  type: int
  sample: 12000
first_rows:
  description:
    - The first 20 rows. Users who failed or were skipped, and mailboxes that stay at risk, come before all others, the
      most urgent first.
    - If the task fails and they are too long to be printed in one line, there are fewer, with their most important
      keys only.
  returned: when O(output_path) is given, there are more rows than O(max_rows), or RV(users) is too long to print
  type: list
  elements: dict
output_path:
  description: The file that holds the rows.
  returned: when O(output_path) is given
  type: str
reports:
  description: The files that were written.
  returned: when O(report_dir) is given
  type: list
  elements: str
  sample:
    - /tmp/m365-reports/contoso.md
    - /tmp/m365-reports/contoso.json
    - /tmp/m365-reports/contoso-20261124T081500Z-5f3a9c01.md
    - /tmp/m365-reports/contoso-20261124T081500Z-5f3a9c01.json
tenant:
  description: The tenant that the credentials belong to. Warnings begin with its initial domain, or with its ID.
  returned: always, unless the task was refused before the first request
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
run:
  description: How the plan was made. Reports say the same.
  returned: always, unless the task was refused before the plan was made
  type: dict
  contains:
    mode:
      description: The option O(mode).
      type: str
      sample: apply
    check_mode:
      description: Whether this was check mode.
      type: bool
    validate_certs:
      description: Whether the certificates of the servers were checked.
      type: bool
    application:
      description: Client ID of the application that signed in. Null where neither options nor token say it.
      type: str
      sample: 11111111-2222-3333-4444-555555555555
    collection_version:
      description: Version of this collection.
      type: str
      sample: 0.1.0
    time:
      description: When the run began, in UTC.
      type: str
      sample: "2026-11-24T08:15:00Z"
    rules_digest:
      description:
        - SHA-256 (hexadecimal) over O(rules) as data. Two runs with the same digest had the same rules.
        - It is that of C(rules | to_json(sort_keys=true, separators=[',', ':'])).
      type: str
    guards:
      description: What O(max_changes), O(max_covered_seats), O(protected), O(allow_removals), O(seat_reserve),
        O(use_warning_seats), O(license_guests), O(allow_incomplete), O(expect_digest), O(fail_on) and
        O(fail_within_days) were.
      type: dict
record_path:
  description: The file that records what was written, user by user. See O(record_dir).
  returned: when something was to be written, not in check mode
  type: str
  sample: /tmp/m365-reports/contoso-20261124T081500Z-5f3a9c01.record.jsonl
requests:
  description: Number of HTTP requests of this run, including those for tokens.
  returned: always
  type: int
  sample: 14
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

from ansible_collections.m365.licensing.plugins.module_utils._ansible.audit_module import AUDIT_SPEC
from ansible_collections.m365.licensing.plugins.module_utils._ansible.large_results import LARGE_SPEC, RowKind, large
from ansible_collections.m365.licensing.plugins.module_utils._ansible.module import run_module
from ansible_collections.m365.licensing.plugins.module_utils._ansible.plan_module import run_plan
from ansible_collections.m365.licensing.plugins.module_utils._ansible.record import RECORD_SPEC
from ansible_collections.m365.licensing.plugins.module_utils._ansible.report_files import REPORT_SPEC
from ansible_collections.m365.licensing.plugins.module_utils._licensing.alarms import FAIL_ON
from ansible_collections.m365.licensing.plugins.module_utils._reporting.brief_rows import (
    brief_plan_row,
    needs_attention,
    urgency_rank,
)
from ansible_collections.m365.licensing.plugins.module_utils._rules.file import RULES_SPEC

ARGUMENTS = {
    **AUDIT_SPEC,
    **LARGE_SPEC,
    **RECORD_SPEC,
    **REPORT_SPEC,
    **RULES_SPEC,
    "mode": {"type": "str", "choices": ["plan", "apply"], "default": "plan"},
    "scope": {"type": "str", "choices": ["mailboxes_at_risk", "all_users"], "default": "mailboxes_at_risk"},
    "max_changes": {"type": "raw", "default": 200},
    "max_covered_seats": {"type": "raw", "default": 0},
    "seat_order": {"type": "str", "choices": ["deadline", "rules"], "default": "deadline"},
    "protected": {"type": "list", "elements": "str", "default": []},
    "allow_removals": {"type": "bool", "default": False},
    "seat_reserve": {"type": "dict", "default": {}},
    "use_warning_seats": {"type": "bool", "default": False},
    "license_guests": {"type": "bool", "default": False},
    "allow_incomplete": {"type": "bool", "default": False},
    "expect_digest": {"type": "str"},
    "fail_on": {"type": "str", "choices": list(FAIL_ON), "default": "critical"},
    "fail_within_days": {"type": "int"},
    "on_error": {"type": "str", "choices": ["fail", "continue"], "default": "continue"},
    "confirm": {"type": "bool", "default": True},
    "confirm_seconds": {"type": "float", "default": 60},
}
ROWS = RowKind("users", urgent=needs_attention, rank=urgency_rank, brief=brief_plan_row)


def main() -> None:
    """Options in, rows out."""
    run_module(
        ARGUMENTS,
        large(ROWS, run_plan),
        supports_check_mode=True,
        uses_exchange=True,
        required_one_of=[["rules", "rules_file"]],
    )


if __name__ == "__main__":
    main()
