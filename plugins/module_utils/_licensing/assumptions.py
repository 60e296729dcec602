# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection assumes about Microsoft's services, without being sure of it. Pure: no I/O, no clock.

Each entry of ``ASSUMPTIONS`` says what is assumed, and what happens if that is wrong. The tests run in each position of
its switch of the simulated tenant. ``INFERENCES`` are readings of Microsoft's names and texts that no answer can prove.
docs/assumptions.md is generated from both.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Assumption(NamedTuple):
    """One assumption about Microsoft's services."""

    name: str
    claim: str
    """What the collection assumes."""
    since: str
    """The month in which it was last looked up."""
    source: str
    contrary: str
    """Which source says otherwise; empty where no source says otherwise or confirms it."""
    if_wrong: str
    """What a user then sees."""
    remedy: str
    """The option or the rule that corrects it."""
    switch: str
    """The switch of the simulated tenant."""
    positions: tuple[Any, ...]
    """The positions of the switch, the assumed one first."""


ASSUMPTIONS = (
    Assumption(
        "holds",
        "It is not known whether a hold keeps the mailbox of a living user whose license has gone. So the deadline is "
        "unknown, and the severity is that of a mailbox that the hold does not keep. Any hold counts, also that of a "
        "retention policy of the whole organization.",
        "2026-11",
        "Support article on inactive mailboxes of 2024-09: the mailbox stays.",
        "Older documentation (inactive-mailboxes-in-office-365): it is disconnected like any other.",
        "A row that is urgent although its mailbox stays.",
        "An exception in the rules (`action: ignore`).",
        "hold_keeps_mailbox",
        (True, False),
    ),
    Assumption(
        "entries of the audit log",
        "An entry of the audit log may or may not say which license was changed. Where it does not, the last one up to "
        "the date of the removed plan is taken for the removal.",
        "2026-11",
        "Scripts that read `AssignedLicense` in entries of `Change user license`.",
        "Others find it in entries of `Update user` alone.",
        "A deadline that is too early, with a note that says so.",
        "An exception in the rules (`action: ignore`).",
        "license_audit",
        ("told", "bare"),
    ),
    Assumption(
        "permission for the audit log",
        "`AuditLog.Read.All` is enough to read the audit log.",
        "2026-11",
        "Tools in production.",
        "The reference of directoryAudits names `Directory.Read.All` as well.",
        "`summary.signals` says why the log was not read; deadlines are those of the removed plans.",
        "The second permission.",
        "audit_permission",
        ("alone", "with_directory"),
    ),
    Assumption(
        "exchange plans",
        "One user may have several Exchange plans; Essentials, Kiosk, Plan 1 and Plan 2 do not exclude each other.",
        "2026-11",
        "Exchange team blog of January 2023 and message center post MC541151.",
        "Resellers: the plans of Small Business and Midsize exclude all others.",
        "The service refuses an assignment. The run tries the fallback of the rule, and the row says why.",
        "`fallback` and `remove` in a rule.",
        "exchange_plans",
        ("stack", "exclude_legacy"),
    ),
    Assumption(
        "archives",
        "A mailbox in the cloud has an archive where `ArchiveGuid` and `ArchiveDatabase` are set, whatever "
        "`ArchiveStatus` says.",
        "2026-11",
        "Support article 4486848 and reports from the field.",
        "The cmdlet's reference names `ArchiveStatus` alone.",
        "An archive is missed, or a mailbox without one is called archived.",
        "`m365_user_license` for the user; an exception in the rules.",
        "archive_status",
        ("set", "late"),
    ),
    Assumption(
        "retired plans",
        "The service refuses disabled plans that the SKU no longer carries, so they are not sent.",
        "2026-11",
        'Reports on assignments that failed with "does not belong to".',
        "",
        "A plan that is sent in vain, or one that reads go on showing as off.",
        "Nothing to set: both ways of reading count as confirmed.",
        "retired_plans",
        ("dropped", "shown"),
    ),
    Assumption(
        "delicensing resiliency",
        "Get-PendingDelicenseUser answers in every tenant, so an audit does not ask first whether the feature is on. "
        "With `exchange_api: v2`, which has no list of users, a warning reports what Get-OrganizationConfig says. "
        "Nothing is decided by it.",
        "2026-11",
        "A live tenant below the threshold: no rows and no error.",
        "The documentation says that the feature's setting decides.",
        "A warning that a signal is missing; deadlines are estimated.",
        "`exchange_api`, or the role of the app.",
        "resiliency_state",
        ("text", "null"),
    ),
    Assumption(
        "due for delicensing",
        "Users whose delay has ended may appear only with `-ShowDueObjectsOnly`, so both lists are read.",
        "2026-11",
        "Reference of Get-PendingDelicenseUser.",
        "",
        "One request more than needed.",
        "Nothing to set.",
        "pending_delicense_due",
        ("listed", "apart"),
    ),
    Assumption(
        "names in the list of pending users",
        "Get-PendingDelicenseUser names users by id, or by user principal name where the id is missing.",
        "2026-11",
        "Not documented.",
        "",
        "A user of the list is not found, and the deadline is estimated.",
        "Nothing to set: both are tried.",
        "pending_delicense_key",
        ("id", "upn"),
    ),
    Assumption(
        "never licensed",
        "`SKUAssigned` is null or false for a mailbox that never had a license.",
        "2026-11",
        "Filterable properties of Exchange name three states.",
        "Some tenants were seen with false.",
        "A reason that says removed instead of never licensed.",
        "Nothing to set: both are asked for.",
        "sku_assigned_unlicensed",
        ("null", "false"),
    ),
    Assumption(
        "paging",
        "InvokeCommand gives a `nextLink`, or all entries at once. A warning of more results without a link means that "
        "the answer is cut short, which is an error.",
        "2026-11",
        "Tools in production page by links.",
        "One tool was refused; it had sent no anchor.",
        "An error that names the missing page. A list that lacks entries is never used.",
        "`exchange_api: v2`.",
        "invoke_paging",
        ("nextlink", "unlimited_only"),
    ),
    Assumption(
        "reads after writes",
        "A read after a write may show the old state for a while.",
        "2026-11",
        "Observed with Graph's replicas. Microsoft documents no time for it.",
        "",
        "`accepted` instead of `confirmed`.",
        "`confirm`, `confirm_seconds`.",
        "replica_lag_reads",
        (0, 1),
    ),
    Assumption(
        "objects by id",
        "`directoryObjects/getByIds` may be refused, or may not show licenses.",
        "2026-11",
        "Seen live for other properties.",
        "",
        "Users are read in batches instead.",
        "Nothing to set.",
        "get_by_ids",
        ("allowed", "403", "stateless"),
    ),
    Assumption(
        "soft-deleted mailboxes",
        "A license brings a soft-deleted mailbox back to a user who has no other mailbox and no mailbox plan.",
        "2026-11",
        "Documentation on restoring mailboxes.",
        "No source describes the other cases.",
        "A row that says that no license helps, although one would.",
        "`m365_user_license` for the user.",
        "license_brings_back",
        ("alone", "always"),
    ),
    Assumption(
        "words of refusals",
        "The service names plans in a refusal with a comma and a blank, with a bare comma, or not at all.",
        "2026-11",
        "Texts in public issues.",
        "",
        "A hint without the names of the plans; the fallback is tried all the same.",
        "`fallback` in a rule.",
        "refusal_text",
        ("spaced", "bare", "unnamed"),
    ),
    Assumption(
        "business quotas",
        "Microsoft 365 Business Basic, Standard and Premium have the 50 GB of Exchange Online Plan 1. That a mailbox "
        "with such a license has 100 GB is only believed where its own quota says so, and then with a warning.",
        "2026-11",
        "Exchange Online limits: Plan 1 has 50 GB.",
        "Resellers and tools say 100 GB since July 2026; no text of Microsoft does.",
        "A warning that a mailbox is too large for its plan, or a larger plan that was not needed.",
        "The order of `licenses` and `fallback` in a rule; an exception.",
        "business_quota",
        ("50", "100"),
    ),
    Assumption(
        "quotas of earlier licenses",
        "A mailbox has the quota of its plan. A larger quota of an earlier license may stay, so the warning about a "
        "plan that is too small mentions it.",
        "2026-11",
        "Exchange Online limits: quotas go by the license.",
        "Support article 4025170: the quota of an earlier plan may stay.",
        "A warning, or a larger plan that was not needed. Where the quota of a smaller plan stays, a full mailbox.",
        "`Set-Mailbox -ProhibitSendReceiveQuota`, and the order of `licenses` and `fallback` in a rule.",
        "quota",
        ("follows", "stays"),
    ),
    Assumption(
        "seats in their grace period",
        "The service assigns seats in the state `warning`. They are given out only where `use_warning_seats` says so.",
        "2026-11",
        "Reference of subscribedSku: available for normal use and assignment.",
        "Microsoft's staff once said that seats of an expired subscription are not assigned.",
        "The service refuses the license because no seat is left, and the row says so.",
        "`use_warning_seats`.",
        "warning_seats",
        ("assignable", "refused"),
    ),
    Assumption(
        "usage report",
        "The report on mailbox sizes exists only in the global cloud; elsewhere mailboxes are measured one by one.",
        "2026-11",
        "Reference of getMailboxUsageDetail.",
        "",
        "One request for each mailbox that is measured.",
        "`shared_mailbox_sizes`.",
        "usage_report",
        ("200", "404"),
    ),
    Assumption(
        "expired pages",
        "A link of InvokeCommand is valid if it is followed immediately, with the same anchor and body.",
        "2026-11",
        "Tools in production.",
        "One tool got the error that its request for a page had expired.",
        "The run ends with an error that names the page. It never licenses users by an incomplete list.",
        "`exchange_api: v2`.",
        "pagination_expired",
        (False, True),
    ),
    Assumption(
        "beta endpoint",
        "Graph's `isLicenseReconciliationNeeded` exists only in beta, and may be missing. It is one signal of three.",
        "2026-11",
        "Reference of the beta user resource.",
        "National clouds may have no such property.",
        "A warning names the missing signal. Exchange's flag and the assigned plans find the same mailboxes.",
        "Nothing to set.",
        "beta_gone",
        (False, True),
    ),
    Assumption(
        "plans that the service switches off",
        "After an assignment the service may switch off plans by itself. What was asked for counts as confirmed then.",
        "2026-11",
        "Reports on plans that came back as off.",
        "",
        "`service_disabled_plans` in the row, and no second try.",
        "`enabled_plans` of the license.",
        "service_disables_plans",
        (False, True),
    ),
    Assumption(
        "mailboxes without statistics",
        "A mailbox that was never opened has no statistics. It is small, and others are measured all the same.",
        "2026-11",
        "Warning of Get-MailboxStatistics.",
        "",
        "A shared mailbox that is large, and has no statistics, is not found for its size.",
        "`m365_user_license` for the user.",
        "no_statistics",
        ("", "team@contoso.example"),
    ),
    Assumption(
        "blank sizes in the usage report",
        "The usage report may leave out a size. That mailbox is measured by itself, and the others are not.",
        "2026-11",
        "Rows without a size in public issues.",
        "",
        "One request for such a mailbox.",
        "`shared_mailbox_sizes`.",
        "report_blank_size",
        ("", "team@contoso.example"),
    ),
    Assumption(
        "guests with mailboxes",
        "A user of the type Guest may have a mailbox, which needs a license like any other.",
        "2026-11",
        "Reports on guests that were converted or migrated.",
        "",
        "A row for a guest whose mailbox needs nothing.",
        "An exception in the rules.",
        "guests_with_mailboxes",
        (False, True),
    ),
    Assumption(
        "end of Exchange's quota",
        "`Rate-Limit-Reset` says in seconds, or as a time, when the quota starts again.",
        "2026-11",
        "Headers seen on InvokeCommand in 2024.",
        "",
        "A wait that is too long or too short; the service then says 429, and the run waits again.",
        "Nothing to set: both forms are read.",
        "rate_limit_reset",
        ("seconds", "time"),
    ),
)
"""In the order of the page."""


class Inference(NamedTuple):
    """What no answer of the services can show: how the collection reads Microsoft's names and texts."""

    name: str
    claim: str
    source: str
    contrary: str
    remedy: str
    """The option that corrects it."""


INFERENCES = (
    Inference(
        "grace period",
        "Exchange deletes a mailbox 30 days after it was made without a license.",
        "Support article on licenses that retain a mailbox, revision of 2022-03.",
        "An earlier revision of the same article: 60 days.",
        "`grace_period_days`",
    ),
    Inference(
        "mailbox plans",
        "Ten service plans keep a mailbox. Their classes (Plan 2, Plan 1, Kiosk) are read from their names.",
        "Microsoft's table of SKUs and service plans.",
        "",
        "`mailbox_plans`",
    ),
    Inference(
        "SKUs without mailbox rights",
        "A SKU that no table knows has unknown rights if its only Exchange plan is Kiosk, beside Teams and no suite of "
        "Office or SharePoint. It is a warning and no remedy.",
        "Five known SKUs of this shape do not include rights to a mailbox.",
        "",
        "`mailbox_plans`, or an exception in the rules",
    ),
    Inference(
        "rooms and equipment",
        "Over 50 GB they need Plan 2. With an archive or a hold they need what a shared mailbox needs.",
        "An older snapshot of Exchange Online limits for the size.",
        "",
        "`recipient_types`, or an exception in the rules",
    ),
    Inference(
        "archives of mailboxes on premises",
        "Exchange Online Archiving or Plan 2 covers them. Plan 1 and the archiving add-on do not.",
        "Documentation on cloud-based archives; a report on Plan 2.",
        "One reviewer says that Plan 1 covers them as well.",
        "`mailbox_plans`, or an exception in the rules",
    ),
    Inference(
        "kinds of holds",
        "Holds of retention policies, labels and eDiscovery count like a litigation hold for deadlines, and so do "
        "delay holds: whether they keep the mailbox is not known. They do not count for rights: a mailbox that a plan "
        "keeps, or a shared one, only gets a row for a litigation hold.",
        "Texts about holds that keep a mailbox do not distinguish the kinds. Those about licenses name litigation.",
        "",
        "An exception in the rules",
    ),
    Inference(
        "dates of removed licenses",
        "Without better evidence, the date of the Deleted plan is taken for the day on which the license went.",
        "Seen in the directory. The reference calls it the date of the assignment.",
        "",
        "The permission `AuditLog.Read.All`",
    ),
    Inference(
        "plans that need other plans",
        "Office for the web needs a SharePoint plan, and Phone System and Audio Conferencing need Teams or Skype for "
        "Business. In a swap, a plan that lacks what it needs is switched off as well.",
        "Refusals in public issues; the service's own table is not public.",
        "",
        "`enabled_plans` and `disabled_plans` of a license; the run acts on the refusal of the service",
    ),
    Inference(
        "disconnected mailboxes",
        "A license brings back a disconnected mailbox for 30 days after the last license with a mailbox plan went. "
        "With delicensing resiliency these 30 days begin 30 days later.",
        "Support article 3158794 of 2024-09; documentation on delicensing resiliency.",
        "",
        "`m365_user_license` for the user",
    ),
    Inference(
        "plans that went long ago",
        "`strategy: filtered` does not ask Exchange for the mailbox of a user without licenses whose last mailbox plan "
        "went more than 65 days ago. If the mailbox is still in use, Exchange lists it as unlicensed by then.",
        "Two periods of 30 days, in documentation on delicensing resiliency. Five days are for late records.",
        "",
        "`strategy: full`",
    ),
    Inference(
        "mailboxes that were soft-deleted earlier",
        "A mailbox that was soft-deleted more than a day before the license of its user went is not the one that the "
        "license kept. That one is a row of its own.",
        "Exchange and the directory record the two times apart. No text says how far these may differ.",
        "",
        "An exception in the rules",
    ),
    Inference(
        "sizes of archives",
        "Neither service lists the sizes of archives. So a user who has an archive, and a license that allows more "
        "than the 50 GB of Plan 1, is taken to need it, and a change that takes it away is refused.",
        "Exchange Online limits: the archive of Plan 1 ends at 50 GB.",
        "",
        "`allow_uncovered` of `m365_user_license`",
    ),
    Inference(
        "suspended licenses beside working ones",
        "Where several licenses of a user carry an enabled plan, it comes from those whose subscription works. They "
        "decide on the right to a mailbox and on its size.",
        "Reference of subscribedSku: seats of a suspended subscription cannot be assigned.",
        "",
        "An exception in the rules",
    ),
    Inference(
        "pending users without the right to a mailbox",
        "A user whom Get-PendingDelicenseUser lists loses the mailbox on the date of that list, also where a plan "
        "without the right to a mailbox, or with an unknown right, is enabled.",
        "Reference of Get-PendingDelicenseUser: users whose mailbox is about to be delicensed.",
        "",
        "An exception in the rules",
    ),
    Inference(
        "seats of licenses that are given back",
        "The seat of a license that a swap removed is free at once, so the license can be given back when the new one "
        "ends in error.",
        "Not documented.",
        "",
        "`m365_user_license` for the user",
    ),
    Inference(
        "Exchange plans of British Telecom",
        "Packages of British Telecom are taken for Exchange plans like all others. They are said to exclude all other "
        "Exchange plans.",
        "Exchange team blog of January 2023 names no exception.",
        "A reseller names them with Small Business and Midsize.",
        "`fallback` and `remove` in a rule",
    ),
)
"""For people: nothing in a tenant shows which reading is right."""
