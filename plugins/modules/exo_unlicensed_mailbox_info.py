#!/usr/bin/python
# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find mailboxes and archives that are about to be lost because no license covers them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: exo_unlicensed_mailbox_info
short_description: Find mailboxes and archives that Exchange Online will delete because no license covers them
version_added: 0.1.0
author:
  - m365.licensing contributors (@m365-licensing)
description:
  - Finds every user, shared, room and equipment mailbox, every cloud archive of a user whose mailbox is on premises,
    and every soft-deleted mailbox whose user still exists, that no enabled service plan covers.
  - Returns for each of them the reason, the signals that report it, the plans that would cover it, and the deadline.
  - A mailbox is covered if enabled service plans of its user grant what it needs. That the user has a license does not
    decide it.
  - It joins three independent signals by user. They are the portal's flag (C(isLicenseReconciliationNeeded) of
    Microsoft Graph, beta), the flag C(SKUAssigned) of Exchange, and the coverage calculated from the plans of each
    user. If a service refuses one signal, a warning names it, and the others decide. The module fails if all three are
    missing.
  - If a list breaks off, the task fails with an error that names the page. It never uses a part of a list.
extends_documentation_fragment:
  - m365.licensing.auth
  - m365.licensing.audit
  - m365.licensing.audit.strategy
  - m365.licensing.large
  - m365.licensing.attributes
  - m365.licensing.attributes.info
options:
  due_within_days:
    description:
      - Only return rows whose deadline is at most this many times 24 hours away.
      - Rows without a known deadline are always returned, because these mailboxes may be deleted today.
      - RV(summary.due_later) counts the rows that are left out. O(fail_on) and O(fail_within_days) still count them.
    type: int
  identities:
    description:
      - Only look at these users, given by user principal name or object ID.
      - A user that does not exist is an error, and so is an empty list.
      - If not specified, the audit covers all users.
    type: list
    elements: str
  fail_within_days:
    description:
      - Fail if a deadline is at most this many times 24 hours away, has passed, or is unknown for a mailbox that is
        V(overdue) or V(lost) by RV(mailboxes[].severity).
      - Mailboxes that an exception of O(rules) covers do not count. The task fails after it has written the reports.
    type: int
  fail_on:
    description:
      - Fail if mailboxes are at risk that no exception of O(rules) covers.
      - V(critical) means those of the severities V(lost), V(overdue) and V(critical), V(any) means every row.
    type: str
    choices: [none, critical, any]
    default: none
  allow_incomplete:
    description:
      - Whether an incomplete audit succeeds. It is incomplete if it could not read everything that O(recipient_types)
        asks for (RV(summary.complete)).
      - If not set, an incomplete audit fails if O(fail_within_days) or O(fail_on) is set, because mailboxes at risk may
        be missing from it. Otherwise it succeeds, with warnings.
      - The task fails after it has written the reports.
    type: bool
  rules:
    description:
      - The rules of M(m365.licensing.m365_license_plan), in the same language. The audit uses only their exceptions.
      - If the first rule that matches has C(action=ignore), and its C(until) has not passed, it is an exception.
        RV(mailboxes[].excepted) names it, and the mailbox does not make the task fail.
      - A mistake in the rules is an error. Rules with C(group) need C(GroupMember.Read.All), all rules need the SKUs of
        the tenant.
    type: raw
  rules_file:
    description:
      - A YAML or JSON file with the rules, as in M(m365.licensing.m365_license_plan).
    type: path
  report_dir:
    description:
      - Write a report for people (Markdown) and one for programs (JSON) into this directory. It is created
        if it is missing.
      - The files are replaced in one step, also in check mode. O(report_mode) says who may read them.
      - A directory that belongs to another user, or that every user can write to without the sticky bit, is refused.
        If a group can write to it, that is a warning.
    type: path
  report_name:
    description:
      - Name of the report's files, to which C(-audit.md) and C(-audit.json) are added. By default the tenant's ID.
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
seealso:
  - module: m365.licensing.m365_user_license
  - module: m365.licensing.m365_license_plan
"""

EXAMPLES = r"""
- name: Find everything that is at risk
  m365.licensing.exo_unlicensed_mailbox_info:
  register: audit

- name: Show the most urgent
  ansible.builtin.debug:
    msg: "{{ item.user_principal_name }}: {{ item.reason }}, {{ item.deadline or item.deadline_note }}"
  loop: "{{ audit.mailboxes[:5] }}"
  loop_control:
    label: "{{ item.user_principal_name }}"

- name: Only mailboxes of people and archives, due within a week, without test accounts
  m365.licensing.exo_unlicensed_mailbox_info:
    recipient_types: [user, archive]
    due_within_days: 7
    exclude:
      - "test-*@*"

- name: Fail if anything but an exception is due within three days, or if the audit is incomplete
  m365.licensing.exo_unlicensed_mailbox_info:
    fail_within_days: 3
    output_path: /tmp/at-risk.jsonl
    rules:
      - name: Leavers keep nothing
        match: {account_enabled: false, department: Leavers}
        action: ignore
        reason: The leaver process converts these
        until: "2030-12-31"
  register: alarm
  failed_when: false

- name: Write the rows of a large tenant to a file
  m365.licensing.exo_unlicensed_mailbox_info:
    strategy: full
    shared_mailbox_sizes: never
    output_path: /tmp/at-risk.jsonl
"""

RETURN = r"""
alarm:
  description: Why the task fails after the audit was done. One sentence for each reason.
  returned: when it fails for O(fail_within_days), O(fail_on) or O(allow_incomplete)
  type: list
  elements: str
  sample:
    - >-
      Of 12 mailboxes and archives at risk 3 are due within 3 days; the first is anna@contoso.com (no_license, until
      2026-12-01).
mailboxes:
  description:
    - The mailboxes and archives at risk. Those that may be deleted within a day come first, then those whose date has
      passed, then the others by deadline, then those without a date.
    - Empty if O(output_path) is given, or if there are more rows than O(max_rows). Also empty if the task fails and the
      rows are too long to be printed in one line. O(output_path) or the report then has all rows.
  returned: always
  type: list
  elements: dict
  contains:
    user_id:
      description: Object ID of the user.
      type: str
    user_principal_name:
      description: User principal name.
      type: str
    display_name:
      description: Display name. Users of the tenant can change it, so do not trust its content.
      type: str
    primary_smtp_address:
      description: Primary mail address.
      type: str
    mailbox_guid:
      description:
        - C(Guid) of the mailbox or mail user in Exchange, which no two recipients share.
        - C(ExchangeGuid) can be the same for a restored mailbox and the soft-deleted one that it was restored from.
      type: str
    recipient_type:
      description: One of the choices of O(recipient_types).
      type: str
      sample: user
    account_enabled:
      description: Whether the user may sign in.
      type: bool
    on_premises_sync:
      description: Whether the user is synchronized from an on-premises directory.
      type: bool
    reason:
      description:
        - Why it is at risk.
        - V(no_license) has no license, and no trace of an earlier one.
          V(license_removed) lost its license. V(exchange_plan_disabled) has a license whose
          Exchange plan is switched off. V(no_exchange_plan) has licenses, none of which carries a mailbox.
          V(license_error) has a license that is not in force. V(license_suspended) has a license whose subscription is
          suspended. V(shared_over_50_gb), V(shared_archive) and V(shared_litigation_hold) are shared, room or equipment
          mailboxes that need a license for that. V(archive_without_license) is an archive that no plan covers.
          V(hold_without_license) is on litigation hold and its plan carries no hold. V(soft_deleted) is disconnected
          already; its user may have to be restored first. V(duplicate_object_id) is one of several mailboxes in use
          with one C(ExternalDirectoryObjectId), so its owner is not certain, and no rule decides.
      type: str
      sample: no_license
    needs:
      description: What would cover it. Each element is a set of plan classes that are needed together.
      type: list
      elements: list
      sample: [["kiosk"], ["plan1"], ["plan2"]]
    evidence:
      description: The signals that report the mailbox.
      type: list
      elements: str
      sample: [license_reconciliation_needed, exchange_sku_not_assigned, no_mailbox_plan]
    disagreements:
      description: Signals that contradict each other.
      type: list
      elements: str
    notes:
      description: Notes, for example that the user of a soft-deleted mailbox has to be restored first.
      type: list
      elements: str
    created:
      description: When the mailbox was created.
      type: str
      sample: "2026-11-01T08:00:00Z"
    deadline:
      description: The date until which the mailbox is safe. Null if no date is known.
      type: str
      sample: "2026-12-01T08:00:00Z"
    deadline_source:
      description:
        - Where the deadline comes from. One of V(audit_log_plus_grace), V(created_plus_grace),
          V(license_removed_plus_grace), V(pending_delicense), V(soft_deleted_plus_30_days),
          V(subscription_lifecycle), V(user_deleted_plus_30_days) and V(unknown).
        - V(audit_log_plus_grace) needs the permission C(AuditLog.Read.All), which is optional. Without it the date of
          the removed plan is used (V(license_removed_plus_grace)), which Microsoft does not document.
        - For a mailbox that no list of Exchange shows, V(pending_delicense) is 30 days after the delay has ended, and
          V(license_removed_plus_grace) is 60 days after the removal where delicensing resiliency is on.
      type: str
      sample: created_plus_grace
    deadline_confidence:
      description: V(exact) was read from a service, V(estimated) was computed, V(unknown) has no date.
      type: str
      sample: estimated
    deadline_note:
      description: Why there is no date, or why the date is not certain.
      type: str
    days_remaining:
      description:
        - Days until the deadline, rounded up, so that the deadline is at most this many times 24 hours away. Negative
          once it has passed (rounded down), null where it is unknown.
      type: int
      sample: 8
    severity:
      description:
        - V(lost) is disconnected, and a license restores it until the deadline. V(overdue) has passed every documented
          date, and may be deleted at any moment. V(critical) has up to 7 days, V(warning) up to 30 days or no date.
          V(notice) has more, or lacks a right but is not going to be deleted.
      type: str
      sample: warning
    excepted:
      description: The exception of O(rules) that covers it. Null if no exception covers it.
      type: dict
      contains:
        rule:
          description: Name of the rule.
          type: str
        reason:
          description: Why it is an exception.
          type: str
        until:
          description: The last day of the exception. Null where it has no end.
          type: str
      sample: {rule: Leavers keep nothing, reason: The leaver process converts these, until: "2030-12-31"}
    licenses:
      description:
        - The licenses of the user, with their state, and how they are assigned.
        - Null where Graph does not show the user, or the user is in the recycle bin.
      type: list
      elements: dict
      contains:
        sku:
          description: Part number.
          type: str
        sku_id:
          description: GUID of the SKU.
          type: str
        via:
          description: V(direct) or V(group).
          type: str
        group_id:
          description: The group that assigns the license, if any.
          type: str
        state:
          description: State of the assignment.
          type: str
        error:
          description: Error of the assignment.
          type: str
        disabled_plans:
          description: Service plans that are switched off in this assignment.
          type: list
          elements: str
    usage_location:
      description: Usage location of the user.
      type: str
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
summary:
  description: Counts, for reports and for C(set_stats).
  returned: always
  type: dict
  contains:
    at_risk:
      description: Number of rows.
      type: int
    due_later:
      description: Mailboxes at risk that are not rows because of O(due_within_days).
      type: int
    excepted:
      description: Number of rows that an exception of O(rules) covers.
      type: int
    excluded:
      description: Mailboxes and archives at risk that O(exclude) left out.
      type: dict
      contains:
        total:
          description: Their number.
          type: int
        by_pattern:
          description: How many match each pattern. A user who matches two patterns counts for both.
          type: dict
      sample: {total: 3, by_pattern: {"test-*@*": 3}}
    by_reason:
      description: Number of rows by reason, each reason named.
      type: dict
    by_severity:
      description: Number of rows by severity, each severity named.
      type: dict
    earliest_deadline:
      description: The soonest known deadline.
      type: str
    mailboxes_examined:
      description: Mailboxes and archives whose details were read.
      type: int
    without_user:
      description:
        - Mailboxes whose user is not in the directory, so that no license can help them. A warning names those in use
          that need one, and RV(summary.kept_without_user) the soft-deleted ones.
      type: int
    unmatched:
      description:
        - Mailboxes in use that name no user (C(ExternalDirectoryObjectId) is empty) and that could not be joined to one
          by user principal name. They were not assessed, and a warning names them.
      type: int
    kept_without_user:
      description:
        - Soft-deleted mailboxes whose user is neither in the directory nor in its recycle bin, and the day until which
          Exchange keeps each. A license does not help; C(New-MailboxRestoreRequest) copies the content to another one.
        - Where the recycle bin cannot be read, a warning names them as well.
      type: list
      elements: str
      sample: ["anna@contoso.com (kept until 2026-12-26)"]
    strategy:
      description: The strategy that was used.
      type: str
    signals:
      description:
        - V(ok) for each signal, or why it is not available.
        - V(audit_log), V(deleted_users) and V(organization_holds) are present only if a mailbox made the request
          necessary. If the application may not send it, only this value says so, and no warning.
      type: dict
    not_examined:
      description:
        - Recipient types that were asked for and could not be read.
        - V(shared_mailbox_sizes) if sizes were asked for and could not be read.
      type: list
      elements: str
    complete:
      description:
        - Whether everything that was asked for could be read.
        - V(false) if RV(summary.not_examined) is not empty, if RV(summary.unmatched) is not 0, or if Graph does not
          show the licenses of users. More mailboxes than RV(mailboxes) may then be at risk.
      type: bool
    expiring:
      description: SKUs in their grace period, with the date on which it ends, and how many users depend on them.
      type: list
      elements: dict
      contains:
        sku:
          description: Part number.
          type: str
        sku_id:
          description: GUID of the SKU.
          type: str
        status:
          description: Status of the SKU.
          type: str
        next_lifecycle:
          description: When the last of its subscriptions moves to its next state.
          type: str
        mailboxes:
          description:
            - Number of users who hold this SKU, and no other SKU with a mailbox plan that stays enabled.
            - The number includes users without a mailbox, and ignores plans that are switched off.
          type: int
    no_mailbox_rights:
      description: Number of rows in RV(no_mailbox_rights).
      type: int
    disagreements:
      description: Number of rows in RV(disagreements).
      type: int
    requests:
      description: Number of HTTP requests of this run, including those for tokens.
      type: int
no_mailbox_rights:
  description:
    - Users whose mailbox depends on a license that carries an Exchange plan without the right to a mailbox.
    - Empty if the task fails and they are too long to be printed in one line.
  returned: always
  type: list
  elements: dict
  contains:
    user_id:
      description: Object ID of the user.
      type: str
    user_principal_name:
      description: User principal name.
      type: str
    skus:
      description: Part numbers of those licenses.
      type: list
      elements: str
    rights_unknown:
      description:
        - Whether it is unknown if these licenses include the right to a mailbox. V(false) if they do not.
        - It is unknown for a SKU that no table lists, if its only Exchange plan is Kiosk, with Teams, and without a
          plan of Office or SharePoint.
      type: bool
disagreements:
  description:
    - Users whose mailbox an enabled plan covers, though a signal calls it unlicensed.
    - Also the two users of a mailbox that has the ID of one user and the name of another.
    - Empty if the task fails and they are too long to be printed in one line.
  returned: always
  type: list
  elements: dict
  contains:
    user_id:
      description: Object ID of the user.
      type: str
    user_principal_name:
      description: User principal name.
      type: str
    disagreement:
      description: Which signals say so, or which mailbox it is.
      type: str
groups:
  description:
    - The groups that O(rules) name, as in M(m365.licensing.m365_license_plan). Empty without rules.
    - Also empty if the task fails and they are too long to be printed in one line.
  returned: always
  type: list
  elements: dict
rows_left_out:
  description: How many rows RV(mailboxes) would have otherwise.
  returned: when O(output_path) is given, there are more rows than O(max_rows), or RV(mailboxes) is too long to print
  type: int
  sample: 12000
first_rows:
  description:
    - The first 20 rows. Rows that no exception covers come first.
    - If the task fails and they are too long to be printed in one line, there are fewer, with their most important
      keys only.
  returned: when O(output_path) is given, there are more rows than O(max_rows), or RV(mailboxes) is too long to print
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
  sample: [/tmp/m365-reports/contoso-audit.md, /tmp/m365-reports/contoso-audit.json]
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
  description: How the audit was run. Reports contain the same.
  returned: always, unless the task was refused before the first request
  type: dict
  contains:
    mode:
      description: Always V(audit).
      type: str
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
      description: SHA-256 of O(rules) as data. Missing if there are no rules.
      type: str
      sample: 7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730
    guards:
      description: The values of O(allow_incomplete), O(fail_on) and O(fail_within_days).
      type: dict
requests:
  description: Number of HTTP requests of this run, including those for tokens.
  returned: always
  type: int
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
  description: Which credentials were used, and why.
  returned: always
  type: dict
  contains:
    source:
      description: One of the choices of O(auth_source), without V(auto).
      type: str
    reason:
      description: Why these credentials were chosen.
      type: str
"""

from ansible_collections.m365.licensing.plugins.module_utils._ansible.audit_module import (
    ALARM_SPEC,
    AUDIT_SPEC,
    run_audit,
)
from ansible_collections.m365.licensing.plugins.module_utils._ansible.large_results import LARGE_SPEC, RowKind, large
from ansible_collections.m365.licensing.plugins.module_utils._ansible.module import run_module
from ansible_collections.m365.licensing.plugins.module_utils._ansible.report_files import REPORT_SPEC
from ansible_collections.m365.licensing.plugins.module_utils._reporting.brief_rows import brief_audit_row, is_open

ARGUMENTS = {
    **AUDIT_SPEC,
    **LARGE_SPEC,
    **REPORT_SPEC,
    "identities": {"type": "list", "elements": "str"},
    "due_within_days": {"type": "int"},
    **ALARM_SPEC,
}
ROWS = RowKind("mailboxes", urgent=is_open, brief=brief_audit_row)


def main() -> None:
    """Options in, rows out."""
    run_module(ARGUMENTS, large(ROWS, run_audit), supports_check_mode=True, uses_exchange=True)


if __name__ == "__main__":
    main()
