# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the collection reads what no answer of Microsoft's services can show. Pure: no I/O, no clock.

docs/assumptions.md is generated from these entries and those of ``assumptions.py``.
"""

from __future__ import annotations

from typing import NamedTuple


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
        "Business. In a swap, a plan that lacks what it needs goes off as well.",
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
        "Exchange plans of British Telecom",
        "Packages of British Telecom are taken for Exchange plans like all others. They are said to exclude all other "
        "Exchange plans.",
        "Exchange team blog of January 2023 names no exception.",
        "A reseller names them with Small Business and Midsize.",
        "`fallback` and `remove` in a rule",
    ),
)
"""For people: nothing in a tenant shows which reading is right."""
